//! Which keys are trusted with what.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::num::{NonZeroU8, NonZeroU64};

use super::PublicKey;
use crate::error::{Malformed, Part, Problem, Untrusted};
use crate::wire::{Cursor, Role};

/// Keys of which a number must sign. Never none, never zero of them, never more than there are, no key twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    keys: BTreeSet<PublicKey>,
    threshold: NonZeroU8,
}

impl Group {
    /// Trusts that many of those keys together. `None` when so many different keys are not there, or over 255 are.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>, threshold: NonZeroU8) -> Option<Self> {
        let keys: BTreeSet<PublicKey> = keys.into_iter().collect();
        let count = u8::try_from(keys.len()).ok()?;
        (threshold.get() <= count).then_some(Self { keys, threshold })
    }

    /// Trusts one key.
    pub fn one(key: PublicKey) -> Self {
        Self { keys: BTreeSet::from([key]), threshold: NonZeroU8::MIN }
    }

    /// The keys, in ascending order of their bytes.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &PublicKey> {
        self.keys.iter()
    }

    /// How many of them must sign.
    pub fn threshold(&self) -> NonZeroU8 {
        self.threshold
    }

    /// Those of the signers that belong to it.
    ///
    /// # Errors
    /// [`Untrusted::Threshold`] when they are too few.
    pub(super) fn vouched(&self, signers: &[PublicKey]) -> Result<Vec<PublicKey>, Untrusted> {
        let known: Vec<PublicKey> = signers.iter().copied().filter(|key| self.keys.contains(key)).collect();
        let needed = usize::from(self.threshold.get());
        match known.len() < needed {
            true => Err(Untrusted::Threshold { found: known.len(), needed }),
            false => Ok(known),
        }
    }
}

/// A version of the keys that are trusted with a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyset {
    version: NonZeroU64,
    root: Group,
    release: Group,
    emergency: Option<Group>,
}

/// Why groups of keys are no set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A key stands in two roles: who has stolen it would have both.
    #[error("a key stands in two roles")]
    TwoRoles,
}

impl Keyset {
    /// The keys of each role.
    ///
    /// # Errors
    /// [`Unfit`] when a key stands in two of them.
    pub fn new(
        version: NonZeroU64,
        root: Group,
        release: Group,
        emergency: Option<Group>,
    ) -> Result<Self, Unfit> {
        let groups = [Some(&root), Some(&release), emergency.as_ref()];
        let all: Vec<&PublicKey> = groups.into_iter().flatten().flat_map(Group::keys).collect();
        let different: BTreeSet<&PublicKey> = all.iter().copied().collect();
        match different.len() == all.len() {
            true => Ok(Self { version, root, release, emergency }),
            false => Err(Unfit::TwoRoles),
        }
    }

    /// Its version; each is one more than the one before.
    pub fn version(&self) -> NonZeroU64 {
        self.version
    }

    /// The keys of a role.
    pub fn group(&self, role: Role) -> Option<&Group> {
        match role {
            Role::ROOT => Some(&self.root),
            Role::RELEASE => Some(&self.release),
            Role::EMERGENCY => self.emergency.as_ref(),
            _ => None,
        }
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(Part::Rotations, bytes);
        let start = cursor.clone();
        let wrong = || start.malformed(Problem::Range);
        let version = NonZeroU64::new(cursor.u64()?).ok_or_else(wrong)?;
        let count = cursor.u8()?;
        if count != 2 && count != 3 {
            return Err(wrong());
        }
        let root = group(&mut cursor, Role::ROOT)?;
        let release = group(&mut cursor, Role::RELEASE)?;
        let emergency = if count == 3 { Some(group(&mut cursor, Role::EMERGENCY)?) } else { None };
        cursor.finish()?;
        Self::new(version, root, release, emergency)
            .map_err(|Unfit::TwoRoles| start.malformed(Problem::Order))
    }

    pub(super) fn emit(&self) -> Vec<u8> {
        let mut out = self.version.get().to_be_bytes().to_vec();
        out.push(if self.emergency.is_some() { 3 } else { 2 });
        for role in Role::ALL {
            let Some(group) = self.group(role) else { continue };
            let count = u8::try_from(group.keys.len()).unwrap_or(u8::MAX);
            out.extend_from_slice(&[role.0, group.threshold.get(), count]);
            group.keys.iter().for_each(|key| out.extend_from_slice(key.as_bytes()));
        }
        out
    }
}

/// Role, threshold, count, and so many keys in strictly ascending order.
fn group(cursor: &mut Cursor<'_>, role: Role) -> Result<Group, Malformed> {
    let start = cursor.clone();
    if Role(cursor.u8()?) != role {
        return Err(start.malformed(Problem::Order));
    }
    let threshold = NonZeroU8::new(cursor.u8()?).ok_or_else(|| start.malformed(Problem::Range))?;
    let count = cursor.u8()?;
    let mut keys: Vec<PublicKey> = Vec::new();
    for _ in 0..count {
        let at = cursor.clone();
        let key = PublicKey::new(cursor.array()?).ok_or_else(|| at.malformed(Problem::Range))?;
        if keys.last().is_some_and(|last| *last >= key) {
            return Err(at.malformed(Problem::Order));
        }
        keys.push(key);
    }
    Group::new(keys, threshold).ok_or_else(|| start.malformed(Problem::Range))
}
