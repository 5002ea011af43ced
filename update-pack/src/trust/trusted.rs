//! What a reader believes.

use alloc::vec::Vec;
use core::num::{NonZeroU8, NonZeroUsize};

use super::key::{NOTICE, ROOT, valid};
use super::{Group, Keyset, PublicKey};
use crate::error::{Error, Malformed, Part, Problem, Untrusted};
use crate::wire::{Digest, Header, Role, Severity, Signatures, digest};

/// By how much a package may raise the security epoch at once. So no single package can use up all epochs there are.
pub const EPOCH_STEP: u64 = 1 << 32;

/// Which keys are believed in which role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Keys of one role that were given one by one. Nothing replaces them.
    Pinned(Role, Group),
    /// Keys that can be rotated.
    Keys(Keyset),
}

impl Trust {
    /// Trusts that many of those keys together to release packages. `None` when so many different keys are not
    /// there.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>, threshold: NonZeroUsize) -> Option<Self> {
        let threshold = u8::try_from(threshold.get()).ok().and_then(NonZeroU8::new)?;
        Group::new(keys, threshold).map(|group| Self::only(Role::RELEASE, group))
    }

    /// Trusts keys in one role, and nobody in the others.
    pub fn only(role: Role, group: Group) -> Self {
        Self(Kind::Pinned(role, group))
    }

    /// Trusts one key to release packages.
    pub fn one(key: PublicKey) -> Self {
        Self::only(Role::RELEASE, Group::one(key))
    }

    /// Trusts a set of keys, and whatever follows it.
    pub fn keys(keys: Keyset) -> Self {
        Self(Kind::Keys(keys))
    }

    /// The set of keys, unless they were given one by one.
    pub fn keyset(&self) -> Option<&Keyset> {
        if let Kind::Keys(keys) = &self.0 { Some(keys) } else { None }
    }

    /// The keys that are believed in a role.
    pub fn group(&self, role: Role) -> Option<&Group> {
        match &self.0 {
            Kind::Pinned(known, group) => (role == *known).then_some(group),
            Kind::Keys(keys) => keys.group(role),
        }
    }

    /// Follows rotations of keys. Keys that were given one by one stay as they are.
    ///
    /// # Errors
    /// [`Error`] when they do not follow.
    pub fn advance(&self, rotations: &[u8]) -> Result<Self, Error> {
        Ok(match &self.0 {
            Kind::Pinned(..) => self.clone(),
            Kind::Keys(_) if rotations.is_empty() => self.clone(),
            Kind::Keys(keys) => Self::keys(keys.advance(rotations)?),
        })
    }

    /// Checks the signatures of a root: every one must be valid under the key it names, trusted or not, so that no
    /// byte of the list can be changed unseen; and enough of the keys trusted in the header's role must be among them.
    ///
    /// # Errors
    /// [`Untrusted`] says which signature is not valid, or how many trusted ones there are.
    pub fn check(
        &self,
        header: &Header,
        root: &[u8],
        signatures: &Signatures,
    ) -> Result<Vec<PublicKey>, Untrusted> {
        self.check_in(ROOT, header.role, &header.emit(), root, signatures)
    }

    /// Checks the signatures of a notice in the same way.
    pub(crate) fn check_notice(
        &self,
        header: &[u8],
        body: &[u8],
        signatures: &Signatures,
    ) -> Result<Vec<PublicKey>, Untrusted> {
        self.check_in(NOTICE, Role::RELEASE, header, body, signatures)
    }

    fn check_in(
        &self,
        domain: &[u8],
        role: Role,
        header: &[u8],
        body: &[u8],
        signatures: &Signatures,
    ) -> Result<Vec<PublicKey>, Untrusted> {
        let signers = valid(domain, header, body, signatures)?;
        self.group(role).ok_or(Untrusted::Role { role })?.vouched(&signers)
    }
}

/// What each role may say in a root.
pub(crate) fn entitled(role: Role, severity: Severity) -> Result<(), Untrusted> {
    match role {
        Role::EMERGENCY if severity < Severity::CRITICAL => Err(Untrusted::Overreach),
        _ => Ok(()),
    }
}

/// Whether a package of a security epoch may be installed over a floor, which is the highest epoch that ever was.
///
/// # Errors
/// [`Error::BelowFloor`], or [`Error::Limit`] for one that is more than [`EPOCH_STEP`] above it.
pub fn admit(epoch: u64, floor: u64) -> Result<(), Error> {
    let limit = floor.saturating_add(EPOCH_STEP);
    match epoch {
        _ if epoch < floor => Err(Error::BelowFloor { epoch, floor }),
        _ if epoch > limit => Err(Error::Limit { part: Part::Epoch, found: epoch, limit }),
        _ => Ok(()),
    }
}

/// The digest by which a package is known: that of its header and its root.
pub fn package_id(header: &[u8], root: &[u8]) -> Digest {
    digest(&[header, root].concat())
}

/// Checks the rotations that a package carries against the digest in its root.
pub(crate) fn carried(rotations: &[u8], known: Option<Digest>) -> Result<(), Malformed> {
    let found = (!rotations.is_empty()).then(|| digest(rotations));
    let wrong = Malformed { part: Part::Rotations, offset: 0, problem: Problem::Digest };
    if found == known { Ok(()) } else { Err(wrong) }
}
