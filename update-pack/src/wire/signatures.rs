//! The signatures: outside of what is signed, so that one can be added without touching the rest.

use alloc::vec::Vec;

use crate::error::{Malformed, Part, Problem};
use crate::wire::Cursor;

/// Length of one signature with its key.
pub const SIGNATURE_LEN: u32 = 96;

/// One signature of the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The public key's 32 bytes: a key has no other name, so that it cannot be counted twice under two.
    pub key: [u8; 32],
    /// The Ed25519 signature.
    pub signature: [u8; 64],
}

/// The signatures of a package, in strictly ascending order of their keys. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures(Vec<Signature>);

impl Signatures {
    /// Puts signatures in order. `None` when there is none, more than 255, or two of one key.
    pub fn new(mut signatures: Vec<Signature>) -> Option<Self> {
        signatures.sort_by_key(|signature| signature.key);
        let twice = signatures.windows(2).any(|pair| matches!(pair, [a, b] if a.key == b.key));
        let sound = !signatures.is_empty() && signatures.len() <= 255 && !twice;
        sound.then_some(Self(signatures))
    }

    /// Reads the list, whose count stood before it.
    ///
    /// # Errors
    /// [`Malformed`] when it is empty, out of order, short or long.
    pub fn parse(count: u8, bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(Part::Signatures, bytes);
        if count == 0 {
            return Err(cursor.malformed(Problem::Range));
        }
        let mut list: Vec<Signature> = Vec::new();
        for _ in 0..count {
            let signature = Signature { key: cursor.array()?, signature: cursor.array()? };
            if list.last().is_some_and(|last| last.key >= signature.key) {
                return Err(cursor.malformed(Problem::Order));
            }
            list.push(signature);
        }
        cursor.finish()?;
        Ok(Self(list))
    }

    /// Writes the count and the list.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = alloc::vec![u8::try_from(self.0.len()).unwrap_or(u8::MAX)];
        for signature in &self.0 {
            out.extend_from_slice(&signature.key);
            out.extend_from_slice(&signature.signature);
        }
        out
    }

    /// The signatures.
    pub fn iter(&self) -> core::slice::Iter<'_, Signature> {
        self.0.iter()
    }
}
