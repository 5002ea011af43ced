//! Digests, and parts of the file that are known by theirs.

use core::fmt;

use sha2::Digest as _;

use crate::error::Malformed;
use crate::wire::Cursor;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The SHA-256 digest of some bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(bytes).into())
}

/// A part of the file that hangs from the root: how long it is and what its digest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Section {
    /// Bytes.
    pub len: u32,
    /// Digest of those bytes.
    pub digest: Digest,
}

impl Section {
    pub(crate) fn read(field: &mut Cursor<'_>) -> Result<Self, Malformed> {
        Ok(Self { len: field.u32()?, digest: Digest(field.array()?) })
    }

    pub(crate) fn emit(&self) -> [u8; 36] {
        let mut out = [0; 36];
        let bytes = self.len.to_be_bytes().into_iter().chain(self.digest.0);
        out.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte);
        out
    }
}
