//! Encrypted streams: who has the key of a profile of cards can read what is for that profile.
//!
//! A stream is encrypted leaf by leaf, and the hashes are those of the encrypted leaves: a leaf is verified before it is
//! decrypted. Its key comes from its content and a secret, so that one key and one nonce never encrypt two things; for
//! each profile the key stands in the root, encrypted under the profile's own (FORMAT.md §1.10).

#[cfg(feature = "seal")]
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::wire::{KeyId, LEAF, Seal};

/// Bytes that encryption adds to a leaf.
pub const TAG_LEN: u32 = 16;
/// Content in a leaf that is encrypted.
pub const ROOM: u32 = LEAF - TAG_LEN;

/// The domain of the keys of streams.
#[cfg(feature = "build")]
const STREAM: &[u8] = b"update-pack/v1/stream-key\0";
/// The domain of the wrapping of keys.
#[cfg(feature = "seal")]
const WRAP: &[u8] = b"update-pack/v1/wrap\0";
/// The domain of the names of keys.
const NAME: &[u8] = b"update-pack/v1/profile-key\0";

/// The key that the cards of a profile have. It is erased from memory when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProfileKey(Secret);

/// The key of a stream. It is erased from memory when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamKey(Secret);

/// 32 secret bytes. They are erased from memory when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Keeps them.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        #[cfg(feature = "seal")]
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl ProfileKey {
    /// The key of 32 random bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Secret(secret))
    }

    /// Its name, which tells nothing of it.
    pub fn id(&self) -> KeyId {
        let hash: [u8; 32] = Sha256::new().chain_update(NAME).chain_update(self.0.0).finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        KeyId([a, b, c, d, e, f, g, h])
    }
}

#[cfg(feature = "seal")]
impl ProfileKey {
    /// Encrypts the key of a stream. The nonce comes from what is encrypted: it repeats only with it.
    pub fn wrap(&self, stream: u32, key: &StreamKey) -> Seal {
        let hash = Sha256::new().chain_update(WRAP).chain_update(self.0.0);
        let hash: [u8; 32] = hash.chain_update(stream.to_be_bytes()).chain_update(key.0.0).finalize().into();
        let mut nonce = [0; 24];
        nonce.iter_mut().zip(hash).for_each(|(slot, byte)| *slot = byte);
        let mut text = key.0.0;
        let tag = cipher::encrypt_x(&self.0.0, &nonce, &stream.to_be_bytes(), &mut text);
        let mut wrapped = [0; 48];
        wrapped.iter_mut().zip(text.into_iter().chain(tag)).for_each(|(slot, byte)| *slot = byte);
        zeroize::Zeroize::zeroize(&mut text);
        Seal { stream, key: self.id(), nonce, wrapped }
    }

    /// Decrypts the key of a stream. `None` when it was encrypted under another key, or changed.
    pub fn unwrap(&self, seal: &Seal) -> Option<StreamKey> {
        let (text, tag) = seal.wrapped.split_first_chunk::<32>()?;
        let mut text = *text;
        let tag: &[u8; 16] = tag.try_into().ok()?;
        cipher::decrypt_x(&self.0.0, &seal.nonce, &seal.stream.to_be_bytes(), &mut text, tag)?;
        Some(StreamKey(Secret(text)))
    }
}

#[cfg(not(feature = "seal"))]
impl ProfileKey {
    /// Without the feature `seal` no key is decrypted.
    pub fn unwrap(&self, _: &Seal) -> Option<StreamKey> {
        None
    }
}

impl StreamKey {
    /// Decrypts a leaf in place and gives back its content. `None` when it was encrypted under another key.
    #[cfg(feature = "seal")]
    pub(crate) fn open(&self, leaf: u64, stored: &[u8]) -> Option<Vec<u8>> {
        let (content, tag) = stored.split_last_chunk::<16>()?;
        let mut content = content.to_vec();
        cipher::decrypt(&self.0.0, leaf, &mut content, tag)?;
        Some(content)
    }

    #[cfg(not(feature = "seal"))]
    pub(crate) fn open(&self, _: u64, _: &[u8]) -> Option<alloc::vec::Vec<u8>> {
        None
    }

    /// The key of a stream: another content or another secret has another key.
    #[cfg(feature = "build")]
    pub(crate) fn of(secret: &Secret, content: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(STREAM).chain_update(secret.0);
        Self(Secret(hash.chain_update(Sha256::digest(content)).finalize().into()))
    }

    /// Encrypts a stream, leaf by leaf.
    #[cfg(feature = "build")]
    pub(crate) fn seal(&self, content: &[u8]) -> Vec<u8> {
        let room = usize::try_from(ROOM).unwrap_or(usize::MAX);
        let mut out = Vec::with_capacity(content.len());
        for (leaf, content) in (0..).zip(content.chunks(room)) {
            let mut content = content.to_vec();
            let tag = cipher::encrypt(&self.0.0, leaf, &mut content);
            out.extend_from_slice(&content);
            out.extend_from_slice(&tag);
        }
        out
    }
}

/// What the crate below says, in one place: ChaCha20-Poly1305 (RFC 8439) and its form with a nonce of 24 bytes.
#[cfg(feature = "seal")]
mod cipher {
    use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
    use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};

    /// A leaf's nonce is its index.
    fn nonce(leaf: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce.iter_mut().skip(4).zip(leaf.to_be_bytes()).for_each(|(slot, byte)| *slot = byte);
        nonce
    }

    #[cfg(feature = "build")]
    pub(super) fn encrypt(key: &[u8; 32], leaf: u64, content: &mut [u8]) -> [u8; 16] {
        let cipher = ChaCha20Poly1305::new(key.into());
        // It fails for more than 256 GiB only, and a leaf is 64 KiB.
        let tag = cipher.encrypt_inout_detached(&nonce(leaf).into(), b"", content.into());
        tag.map(Into::into).unwrap_or_default()
    }

    pub(super) fn decrypt(key: &[u8; 32], leaf: u64, content: &mut [u8], tag: &[u8; 16]) -> Option<()> {
        let cipher = ChaCha20Poly1305::new(key.into());
        cipher.decrypt_inout_detached(&nonce(leaf).into(), b"", content.into(), tag.into()).ok()
    }

    pub(super) fn encrypt_x(key: &[u8; 32], nonce: &[u8; 24], about: &[u8], text: &mut [u8]) -> [u8; 16] {
        let cipher = XChaCha20Poly1305::new(key.into());
        let tag = cipher.encrypt_inout_detached(nonce.into(), about, text.into());
        tag.map(Into::into).unwrap_or_default()
    }

    pub(super) fn decrypt_x(
        key: &[u8; 32],
        nonce: &[u8; 24],
        about: &[u8],
        text: &mut [u8],
        tag: &[u8; 16],
    ) -> Option<()> {
        let cipher = XChaCha20Poly1305::new(key.into());
        cipher.decrypt_inout_detached(nonce.into(), about, text.into(), tag.into()).ok()
    }
}

impl fmt::Debug for ProfileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProfileKey({})", self.id())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(..)")
    }
}

#[cfg(all(test, feature = "build"))]
mod tests {
    use super::*;

    #[test]
    fn equal_leaves_of_one_stream_are_encrypted_differently_and_stand_where_they_stand() {
        let content = alloc::vec![7; 65520 * 2 + 10];
        let key = StreamKey::of(&Secret::new([1; 32]), &content);
        let stored = key.seal(&content);
        let leaves: Vec<&[u8]> = stored.chunks(65536).collect();
        assert_eq!((leaves.len(), leaves[2].len()), (3, 26));
        assert_ne!(leaves[0][..65520], leaves[1][..65520]);
        assert_eq!(key.open(1, leaves[1]).as_deref(), Some(&content[..65520]));
        assert_eq!(key.open(0, leaves[1]), None, "a leaf at another place");
    }
}
