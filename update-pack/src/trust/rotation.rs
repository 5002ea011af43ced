//! How one set of keys follows another.
//!
//! A record is a set of keys with its signatures. A file of trusted keys is one or more of them, each the successor of
//! the one before; a package may carry some behind its signatures.

use alloc::vec::Vec;

use super::key::{KEYS, valid};
use super::{Keyset, SigningKey};
use crate::error::{Error, Malformed, Part, Problem, Untrusted};
use crate::wire::{Cursor, Role, Signatures};

const MAGIC: [u8; 8] = *b"\x89UPT\r\n\x1a\n";
const MAJOR: u8 = 1;

/// A set of keys and who has signed it. What it says counts for nothing before [`Keyset::advance`] has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    role: Role,
    keys: Keyset,
    signatures: Signatures,
}

impl Rotation {
    /// Signs a set of keys, in the role of root or emergency. `None` when no key or the same key twice is given, or
    /// for another role.
    pub fn sign(keys: Keyset, role: Role, by: &[SigningKey]) -> Option<Self> {
        let (header, body) = signed(role, &keys)?;
        let signatures = by.iter().map(|key| key.sign_keys(&header, &body)).collect();
        Some(Self { role, keys, signatures: Signatures::new(signatures)? })
    }

    /// Adds the signature of one more key. `None` when it has signed already.
    pub fn also(&self, by: &SigningKey) -> Option<Self> {
        let (header, body) = signed(self.role, &self.keys)?;
        let mut signatures: Vec<_> = self.signatures.iter().copied().collect();
        signatures.push(by.sign_keys(&header, &body));
        Some(Self { signatures: Signatures::new(signatures)?, ..self.clone() })
    }

    /// The role in which it is signed.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The keys that it says are trusted.
    pub fn keys(&self) -> &Keyset {
        &self.keys
    }

    /// Who has signed it.
    pub fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// Reads records to the last byte.
    ///
    /// # Errors
    /// [`Malformed`], or [`Error::Unsupported`] for another major version.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, Error> {
        let mut cursor = Cursor::new(Part::Rotations, bytes);
        let mut all = Vec::new();
        while !cursor.is_empty() {
            all.push(Self::parse(&mut cursor)?);
        }
        Ok(all)
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        if cursor.array()? != MAGIC {
            return Err(Malformed { part: Part::Rotations, offset: 0, problem: Problem::Magic }.into());
        }
        let major = cursor.u8()?;
        if major != MAJOR {
            return Err(Error::Unsupported { part: Part::Rotations, code: u32::from(major) });
        }
        let role = Role(cursor.u8()?);
        if role != Role::ROOT && role != Role::EMERGENCY {
            return Err(cursor.malformed(Problem::Range).into());
        }
        let len = usize::from(cursor.u16()?);
        let keys = Keyset::parse(cursor.take(len)?)?;
        let count = cursor.u8()?;
        let signatures = Signatures::parse(count, cursor.take(usize::from(count).saturating_mul(96))?)?;
        Ok(Self { role, keys, signatures })
    }

    /// Appends the record.
    pub fn emit(&self, out: &mut Vec<u8>) {
        if let Some((header, body)) = signed(self.role, &self.keys) {
            out.extend_from_slice(&header);
            out.extend_from_slice(&body);
            out.extend_from_slice(&self.signatures.emit());
        }
    }

    /// Whether a signature is not valid under the key it names; who has signed, otherwise.
    fn signers(&self) -> Result<Vec<super::PublicKey>, Untrusted> {
        let Some((header, body)) = signed(self.role, &self.keys) else { return Ok(Vec::new()) };
        valid(KEYS, &header, &body, &self.signatures)
    }
}

impl Keyset {
    /// Reads a file of trusted keys: the first record is signed by its own root keys, each further one follows the one
    /// before. Whoever gives it to a card vouches for the first.
    ///
    /// # Errors
    /// [`Error`] when it is empty, not sound, or a record does not follow.
    pub fn open(bytes: &[u8]) -> Result<Self, Error> {
        let all = Rotation::parse_all(bytes)?;
        let Some((first, rest)) = all.split_first() else {
            return Err(Malformed { part: Part::Rotations, offset: 0, problem: Problem::Truncated }.into());
        };
        let root = first.keys.group(Role::ROOT).filter(|_| first.role == Role::ROOT);
        root.ok_or(Untrusted::Overreach)?.vouched(&first.signers()?)?;
        rest.iter().try_fold(first.keys.clone(), |keys, next| Ok(keys.follow(next)?))
    }

    /// Follows rotations to the newest set of keys. Records of versions up to this one are passed over.
    ///
    /// # Errors
    /// [`Error`]; nothing of the rotations may then be used.
    pub fn advance(&self, rotations: &[u8]) -> Result<Self, Error> {
        let mut keys = self.clone();
        let mut last = None;
        for next in Rotation::parse_all(rotations)? {
            let version = next.keys.version();
            if last.is_some_and(|last| version <= last) {
                return Err(Malformed { part: Part::Rotations, offset: 0, problem: Problem::Order }.into());
            }
            last = Some(version);
            if version > keys.version() {
                keys = keys.follow(&next)?;
            } else if version == keys.version() && next.keys != keys {
                return Err(Untrusted::Fork { version: version.get() }.into());
            }
        }
        Ok(keys)
    }

    /// The next set: signed by enough of the root keys of both, or by enough of the emergency keys of this one when
    /// nothing but the release keys is another.
    fn follow(&self, next: &Rotation) -> Result<Self, Untrusted> {
        let (found, expected) = (next.keys.version().get(), self.version().get().saturating_add(1));
        if found != expected {
            return Err(Untrusted::Gap { found, expected });
        }
        let signers = next.signers()?;
        let group = self.group(next.role).ok_or(Untrusted::Role { role: next.role })?;
        group.vouched(&signers)?;
        let same = |role| self.group(role) == next.keys.group(role);
        match next.role {
            Role::EMERGENCY if same(Role::ROOT) && same(Role::EMERGENCY) => {}
            Role::EMERGENCY => return Err(Untrusted::Overreach),
            _ => drop(next.keys.group(Role::ROOT).map(|root| root.vouched(&signers)).transpose()?),
        }
        Ok(next.keys.clone())
    }
}

/// Header and body, which are signed.
fn signed(role: Role, keys: &Keyset) -> Option<([u8; 12], Vec<u8>)> {
    let body = keys.emit();
    let len = u16::try_from(body.len()).ok()?;
    let mut header = [0; 12];
    let parts = MAGIC.into_iter().chain([MAJOR, role.0]).chain(len.to_be_bytes());
    header.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = byte);
    (role == Role::ROOT || role == Role::EMERGENCY).then_some((header, body))
}
