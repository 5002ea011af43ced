//! The primitives behind the model: a trait, and RustCrypto behind the feature `usm`.

use super::protocol::{Auth, Privacy};

/// The hash, the keyed hash and the cipher that the model is built on.
///
/// Deterministic and without failure; lengths are those of the protocols. A toy serves tests and fuzzers, so that
/// the code behind authentication is reached.
pub trait Crypto {
    /// Hashes the concatenation of `parts` into the first [`Auth::key_len`] octets of `out`.
    fn hash(&self, auth: Auth, parts: &mut dyn Iterator<Item = &[u8]>, out: &mut [u8; 64]);

    /// The keyed hash (HMAC) of the concatenation of `parts`, in the first [`Auth::key_len`] octets of `out`.
    fn mac(&self, auth: Auth, key: &[u8], parts: &mut dyn Iterator<Item = &[u8]>, out: &mut [u8; 64]);

    /// Encrypts in place; `key` has [`Privacy::key_len`] octets.
    fn encrypt(&self, privacy: Privacy, key: &[u8], iv: &[u8; 16], data: &mut [u8]);

    /// Decrypts in place.
    fn decrypt(&self, privacy: Privacy, key: &[u8], iv: &[u8; 16], data: &mut [u8]);
}

/// The crates of the RustCrypto project.
#[cfg(feature = "usm")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RustCrypto;

/// What the engines of this crate use.
#[cfg(feature = "usm")]
pub(crate) type Builtin = RustCrypto;

/// Without the feature there is none, and so nobody who could make a message of v3.
#[cfg(not(feature = "usm"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {}

#[cfg(not(feature = "usm"))]
impl Crypto for Builtin {
    fn hash(&self, _: Auth, _: &mut dyn Iterator<Item = &[u8]>, _: &mut [u8; 64]) {
        match *self {}
    }

    fn mac(&self, _: Auth, _: &[u8], _: &mut dyn Iterator<Item = &[u8]>, _: &mut [u8; 64]) {
        match *self {}
    }

    fn encrypt(&self, _: Privacy, _: &[u8], _: &[u8; 16], _: &mut [u8]) {
        match *self {}
    }

    fn decrypt(&self, _: Privacy, _: &[u8], _: &[u8; 16], _: &mut [u8]) {
        match *self {}
    }
}

#[cfg(feature = "usm")]
mod rust_crypto {
    use super::{Auth, Crypto, Privacy, RustCrypto};
    use aes::{Aes128, Aes192, Aes256};
    use cfb_mode::cipher::KeyIvInit;
    use cfb_mode::{Decryptor, Encryptor};
    use hmac::{Hmac, KeyInit, Mac};
    use sha1::Sha1;
    use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

    fn copy(out: &mut [u8; 64], from: &[u8]) {
        for (to, from) in out.iter_mut().zip(from) {
            *to = *from;
        }
    }

    fn hash<D: Digest>(parts: &mut dyn Iterator<Item = &[u8]>, out: &mut [u8; 64]) {
        let mut hash = D::new();
        parts.for_each(|part| hash.update(part));
        copy(out, &hash.finalize());
    }

    fn mac<M: Mac + KeyInit>(key: &[u8], parts: &mut dyn Iterator<Item = &[u8]>, out: &mut [u8; 64]) {
        // HMAC takes a key of any length, so there is always one.
        let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return };
        parts.for_each(|part| mac.update(part));
        copy(out, &mac.finalize().into_bytes());
    }

    macro_rules! cipher {
        ($mode:ident, $verb:ident, $privacy:expr, $key:expr, $iv:expr, $data:expr) => {
            // A key of another length than the protocol's cannot be built, so there is always a cipher.
            match $privacy {
                Privacy::Aes128 => {
                    if let Ok(cipher) = $mode::<Aes128>::new_from_slices($key, $iv) {
                        cipher.$verb($data);
                    }
                }
                Privacy::Aes192(_) => {
                    if let Ok(cipher) = $mode::<Aes192>::new_from_slices($key, $iv) {
                        cipher.$verb($data);
                    }
                }
                Privacy::Aes256(_) => {
                    if let Ok(cipher) = $mode::<Aes256>::new_from_slices($key, $iv) {
                        cipher.$verb($data);
                    }
                }
            }
        };
    }

    impl Crypto for RustCrypto {
        fn hash(&self, auth: Auth, parts: &mut dyn Iterator<Item = &[u8]>, out: &mut [u8; 64]) {
            match auth {
                Auth::Sha1 => hash::<Sha1>(parts, out),
                Auth::Sha224 => hash::<Sha224>(parts, out),
                Auth::Sha256 => hash::<Sha256>(parts, out),
                Auth::Sha384 => hash::<Sha384>(parts, out),
                Auth::Sha512 => hash::<Sha512>(parts, out),
            }
        }

        fn mac(&self, auth: Auth, key: &[u8], parts: &mut dyn Iterator<Item = &[u8]>, out: &mut [u8; 64]) {
            match auth {
                Auth::Sha1 => mac::<Hmac<Sha1>>(key, parts, out),
                Auth::Sha224 => mac::<Hmac<Sha224>>(key, parts, out),
                Auth::Sha256 => mac::<Hmac<Sha256>>(key, parts, out),
                Auth::Sha384 => mac::<Hmac<Sha384>>(key, parts, out),
                Auth::Sha512 => mac::<Hmac<Sha512>>(key, parts, out),
            }
        }

        fn encrypt(&self, privacy: Privacy, key: &[u8], iv: &[u8; 16], data: &mut [u8]) {
            cipher!(Encryptor, encrypt, privacy, key, iv, data);
        }

        fn decrypt(&self, privacy: Privacy, key: &[u8], iv: &[u8; 16], data: &mut [u8]) {
            cipher!(Decryptor, decrypt, privacy, key, iv, data);
        }
    }
}
