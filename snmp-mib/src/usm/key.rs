//! Keys: from a password to one that holds for one engine only (RFC 3414 §2.6 and A.2).

use super::crypto::Crypto;
use super::protocol::{Auth, Extension, Privacy};
use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// The octets of password that are hashed (RFC 3414 A.2.2).
const STRETCHED: usize = 1 << 20;

/// A key of up to 64 octets. It is wiped when dropped, compared in constant time and never printed.
#[derive(Clone)]
pub struct Key {
    octets: [u8; 64],
    len: usize,
}

/// The password is shorter than the eight characters that RFC 3414 §11.2 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password needs eight characters or more")]
pub struct ShortPassword;

impl Key {
    /// A key at hand, cut at 64 octets.
    pub fn new(octets: &[u8]) -> Self {
        let mut key = Self { octets: [0; 64], len: octets.len().min(64) };
        key.octets.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        key
    }

    /// Its octets.
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or(&self.octets)
    }

    /// The user's key Ku of a password: a hash of a mebibyte, some milliseconds of work.
    ///
    /// # Errors
    /// [`ShortPassword`].
    pub fn from_password(crypto: &impl Crypto, auth: Auth, password: &[u8]) -> Result<Self, ShortPassword> {
        if password.len() < 8 {
            return Err(ShortPassword);
        }
        Ok(Self::stretch(crypto, auth, password))
    }

    /// The key Kul that holds for one engine.
    #[must_use]
    pub fn localize(&self, crypto: &impl Crypto, auth: Auth, engine: &[u8]) -> Self {
        Self::hash(crypto, auth, &mut [self.as_bytes(), engine, self.as_bytes()].into_iter())
    }

    /// Makes a localized key as long as `privacy` needs.
    #[must_use]
    pub fn for_privacy(&self, crypto: &impl Crypto, auth: Auth, privacy: Privacy, engine: &[u8]) -> Self {
        let mut key = self.clone();
        while key.len < privacy.key_len() {
            let more = match privacy.extension() {
                Extension::Blumenthal => Self::hash(crypto, auth, &mut [key.as_bytes()].into_iter()),
                Extension::Reeder => {
                    let last = key.len.saturating_sub(auth.key_len());
                    let link = Self::new(key.as_bytes().get(last..).unwrap_or_default());
                    Self::stretch(crypto, auth, link.as_bytes()).localize(crypto, auth, engine)
                }
            };
            key.append(&more);
        }
        key.len = privacy.key_len();
        key
    }

    fn append(&mut self, more: &Self) {
        let free = self.octets.get_mut(self.len..).unwrap_or_default();
        free.iter_mut().zip(more.as_bytes()).for_each(|(to, from)| *to = *from);
        self.len = self.len.saturating_add(more.len).min(64);
    }

    /// Hashes `seed` over and over, a mebibyte of it.
    fn stretch(crypto: &impl Crypto, auth: Auth, seed: &[u8]) -> Self {
        let mut left = STRETCHED;
        let mut parts = core::iter::from_fn(|| {
            let part = seed.get(..seed.len().min(left))?;
            left = left.saturating_sub(part.len());
            (!part.is_empty()).then_some(part)
        });
        Self::hash(crypto, auth, &mut parts)
    }

    fn hash(crypto: &impl Crypto, auth: Auth, parts: &mut dyn Iterator<Item = &[u8]>) -> Self {
        let mut key = Self { octets: [0; 64], len: auth.key_len() };
        crypto.hash(auth, parts, &mut key.octets);
        key
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} octets)", self.len)
    }
}
