//! Keys, and what is signed with them.

use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::{Signer as _, VerifyingKey};

use crate::error::Untrusted;
use crate::wire::{Signature, Signatures};

/// What is signed begins with its domain, so that no signature made for anything else is one of a root.
pub(super) const ROOT: &[u8] = b"update-pack/v1/root\0";
/// The domain of the notices of campaigns.
pub(super) const NOTICE: &[u8] = b"update-pack/v1/notice\0";
/// The domain of sets of keys.
pub(super) const KEYS: &[u8] = b"update-pack/v1/keys\0";

/// An Ed25519 public key that can be trusted: a point of the prime-order group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(pub(super) [u8; 32]);

impl PublicKey {
    /// The key of those 32 bytes. `None` when they are no point, a weak one under which anything verifies, or another
    /// way to write a point, which would give one signer two names.
    pub fn new(bytes: [u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(&bytes).ok()?;
        let canonical = key.to_edwards().compress().to_bytes() == bytes;
        (canonical && !key.is_weak()).then_some(Self(bytes))
    }

    /// Whether a signature of that very message is valid under the key, by the rules that the signatures of packages
    /// follow: canonical, without cofactor, and no point of small order.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
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
pub struct SigningKey(pub(super) ed25519_dalek::SigningKey);

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

    /// Signs a set of keys.
    pub(super) fn sign_keys(&self, header: &[u8], body: &[u8]) -> Signature {
        self.sign_in(KEYS, header, body)
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

/// Checks that every signature is valid under the key it names, trusted or not, so that no byte of the list can be
/// changed unseen. Gives back the keys.
pub(super) fn valid(
    domain: &[u8],
    header: &[u8],
    body: &[u8],
    signatures: &Signatures,
) -> Result<Vec<PublicKey>, Untrusted> {
    let message = [domain, header, body].concat();
    let signer = |(index, signature): (usize, &Signature)| {
        let forged = Untrusted::Forged { index };
        let key = PublicKey::new(signature.key).ok_or(forged)?;
        if key.verifies(&message, &signature.signature) { Ok(key) } else { Err(forged) }
    };
    signatures.iter().enumerate().map(signer).collect()
}
