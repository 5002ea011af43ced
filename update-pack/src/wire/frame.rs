//! The head of a payload frame.

use alloc::vec::Vec;

use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::Cursor;

/// Length of a frame's head.
pub const FRAME_HEAD: u32 = 9;

/// How a frame's bytes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Encoding(pub u8);

impl Encoding {
    /// As they are.
    pub const STORED: Self = Self(0);
    /// One zstd frame (RFC 8878) without a checksum and without a dictionary.
    pub const ZSTD: Self = Self(1);
}

/// What stands before the bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// How the bytes are stored.
    pub encoding: Encoding,
    /// How many there are in the file.
    pub stored_len: u32,
    /// How many they become.
    pub raw_len: u32,
}

impl FrameHead {
    /// Reads a head.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for an encoding that is not known, [`Problem::Length`] for lengths that cannot be.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(Part::Frame, bytes);
        let head =
            Self { encoding: Encoding(cursor.u8()?), stored_len: cursor.u32()?, raw_len: cursor.u32()? };
        cursor.finish()?;
        let sound = match head.encoding {
            Encoding::STORED => head.stored_len == head.raw_len,
            Encoding::ZSTD => head.stored_len < head.raw_len,
            Encoding(other) => return Err(Error::Unsupported { part: Part::Frame, code: u32::from(other) }),
        };
        if head.raw_len == 0 || !sound {
            return Err(Malformed { part: Part::Frame, offset: 0, problem: Problem::Length }.into());
        }
        Ok(head)
    }

    /// Appends the head.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.encoding.0);
        out.extend_from_slice(&self.stored_len.to_be_bytes());
        out.extend_from_slice(&self.raw_len.to_be_bytes());
    }
}
