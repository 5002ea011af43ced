//! The keys of encrypted streams, each wrapped for one profile.

use alloc::vec::Vec;
use core::fmt;

use crate::error::{Malformed, Problem};
use crate::wire::Cursor;

/// Names the key of a profile without telling it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key of one stream, wrapped under the key of one profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The stream, as an index.
    pub stream: u32,
    /// Which profile's key opens it.
    pub key: KeyId,
    /// The nonce of the wrapping.
    pub nonce: [u8; 24],
    /// The stream's key of 32 bytes, encrypted, and the tag.
    pub wrapped: [u8; 48],
}

impl Seal {
    pub(super) fn read_all(field: &mut Cursor<'_>) -> Result<Vec<Self>, Malformed> {
        let mut seals: Vec<Self> = Vec::new();
        while seals.is_empty() || !field.is_empty() {
            let start = field.clone();
            let seal = Self {
                stream: field.u32()?,
                key: KeyId(field.array()?),
                nonce: field.array()?,
                wrapped: field.array()?,
            };
            if seals.last().is_some_and(|last| (last.stream, last.key) >= (seal.stream, seal.key)) {
                return Err(start.malformed(Problem::Order));
            }
            seals.push(seal);
        }
        Ok(seals)
    }

    pub(super) fn emit_all(seals: &[Self]) -> Vec<u8> {
        let mut out = Vec::new();
        for seal in seals {
            out.extend_from_slice(&seal.stream.to_be_bytes());
            out.extend_from_slice(&seal.key.0);
            out.extend_from_slice(&seal.nonce);
            out.extend_from_slice(&seal.wrapped);
        }
        out
    }
}
