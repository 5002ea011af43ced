//! Who is believed: public keys, how many of them must sign, and keys in files.

#[cfg(feature = "pem")]
mod pem;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroUsize;

use ed25519_dalek::{Signer as _, VerifyingKey};

use crate::error::Untrusted;
use crate::wire::{Header, Signature, Signatures};

/// What is signed begins with its domain, so that no signature made for anything else is one of a root.
const ROOT: &[u8] = b"update-pack/v1/root\0";
/// The domain of the notices of campaigns.
const NOTICE: &[u8] = b"update-pack/v1/notice\0";

/// An Ed25519 public key that can be trusted: a point of the prime-order group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key of those 32 bytes. `None` when they are no point, a weak one under which anything verifies, or another
    /// way to write a point, which would give one signer two names.
    pub fn new(bytes: [u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(&bytes).ok()?;
        let canonical = key.to_edwards().compress().to_bytes() == bytes;
        (canonical && !key.is_weak()).then_some(Self(bytes))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A private key that signs packages. It is erased from memory when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of a secret of 32 random bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(secret))
    }

    /// The public key that goes with it.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a root, given as the header and the root's bytes.
    pub fn sign(&self, header: &[u8], root: &[u8]) -> Signature {
        self.sign_in(ROOT, header, root)
    }

    /// Signs the notice of a campaign.
    pub(crate) fn sign_notice(&self, header: &[u8], body: &[u8]) -> Signature {
        self.sign_in(NOTICE, header, body)
    }

    fn sign_in(&self, domain: &[u8], header: &[u8], body: &[u8]) -> Signature {
        let message = [domain, header, body].concat();
        Signature { key: self.public().0, signature: self.0.sign(&message).to_bytes() }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(public {})", self.public())
    }
}

/// Which keys are trusted and how many of them must have signed. Never none, never zero, never more than there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    keys: BTreeSet<PublicKey>,
    threshold: NonZeroUsize,
}

impl Trust {
    /// Trusts that many of those keys together. `None` when so many different keys are not there.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>, threshold: NonZeroUsize) -> Option<Self> {
        let keys: BTreeSet<PublicKey> = keys.into_iter().collect();
        (threshold.get() <= keys.len()).then_some(Self { keys, threshold })
    }

    /// Trusts one key.
    pub fn one(key: PublicKey) -> Self {
        Self { keys: BTreeSet::from([key]), threshold: NonZeroUsize::MIN }
    }

    /// Checks the signatures of a root: every one must be valid under the key it names, trusted or not, so that no
    /// byte of the list can be changed unseen; and enough of the trusted keys must be among them.
    ///
    /// # Errors
    /// [`Untrusted`] says which signature is not valid, or how many trusted ones there are.
    pub fn check(
        &self,
        header: &Header,
        root: &[u8],
        signatures: &Signatures,
    ) -> Result<Vec<PublicKey>, Untrusted> {
        self.check_in(ROOT, &header.emit(), root, signatures)
    }

    /// Checks the signatures of a notice in the same way.
    pub(crate) fn check_notice(
        &self,
        header: &[u8],
        body: &[u8],
        signatures: &Signatures,
    ) -> Result<Vec<PublicKey>, Untrusted> {
        self.check_in(NOTICE, header, body, signatures)
    }

    fn check_in(
        &self,
        domain: &[u8],
        header: &[u8],
        body: &[u8],
        signatures: &Signatures,
    ) -> Result<Vec<PublicKey>, Untrusted> {
        let message = [domain, header, body].concat();
        let mut signers = Vec::new();
        for (index, signature) in signatures.iter().enumerate() {
            let forged = Untrusted::Forged { index };
            let key = PublicKey::new(signature.key).ok_or(forged)?;
            let verifying = VerifyingKey::from_bytes(&key.0).map_err(|_| forged)?;
            let bytes = ed25519_dalek::Signature::from_bytes(&signature.signature);
            verifying.verify_strict(&message, &bytes).map_err(|_| forged)?;
            if self.keys.contains(&key) {
                signers.push(key);
            }
        }
        let needed = self.threshold.get();
        if signers.len() < needed {
            return Err(Untrusted::Threshold { found: signers.len(), needed });
        }
        Ok(signers)
    }
}

/// The digest by which a package is known: that of its header and its root.
pub fn package_id(header: &[u8], root: &[u8]) -> crate::wire::Digest {
    crate::wire::digest(&[header, root].concat())
}
