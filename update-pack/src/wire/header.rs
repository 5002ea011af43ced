//! The first and the last sixteen bytes.

use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::Cursor;

/// Length of the header.
pub const HEADER_LEN: u32 = 16;
/// Length of the end mark.
pub const END_LEN: u32 = 16;

// A high bit, both line ends and an end-of-file character, as in PNG: a transfer in text mode is seen at once.
const MAGIC: [u8; 8] = *b"\x89UPK\r\n\x1a\n";
const END: [u8; 8] = *b"UPK-END\n";
const MAJOR: u16 = 1;

/// The header: which format, and how long the root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Additions since the major version that a reader may ignore.
    pub minor: u16,
    /// Bytes of the root.
    pub root_len: u32,
}

impl Header {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Problem::Magic`] when this is no package; [`Error::Unsupported`] for another major version.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(Part::Header, bytes);
        if cursor.array()? != MAGIC {
            return Err(Malformed { part: Part::Header, offset: 0, problem: Problem::Magic }.into());
        }
        let major = cursor.u16()?;
        if major != MAJOR {
            return Err(Error::Unsupported { part: Part::Header, code: u32::from(major) });
        }
        let header = Self { minor: cursor.u16()?, root_len: cursor.u32()? };
        cursor.finish()?;
        Ok(header)
    }

    /// Writes the header.
    pub fn emit(&self) -> [u8; 16] {
        let mut out = [0; 16];
        let parts = MAGIC
            .into_iter()
            .chain(MAJOR.to_be_bytes())
            .chain(self.minor.to_be_bytes())
            .chain(self.root_len.to_be_bytes());
        for (slot, byte) in out.iter_mut().zip(parts) {
            *slot = byte;
        }
        out
    }
}

/// Writes the end mark of a file of `total` bytes, the mark included.
pub fn emit_end(total: u64) -> [u8; 16] {
    let mut out = [0; 16];
    for (slot, byte) in out.iter_mut().zip(END.into_iter().chain(total.to_be_bytes())) {
        *slot = byte;
    }
    out
}

/// Checks the end mark of a file of `total` bytes.
///
/// # Errors
/// [`Problem::Magic`] or [`Problem::Length`] when it is not the mark of such a file.
pub fn parse_end(bytes: &[u8], total: u64) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(Part::End, bytes);
    if cursor.array()? != END {
        return Err(Malformed { part: Part::End, offset: 0, problem: Problem::Magic });
    }
    if cursor.u64()? != total {
        return Err(cursor.malformed(Problem::Length));
    }
    cursor.finish()
}
