//! The first and the last sixteen bytes.

use core::fmt;

use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::Cursor;

/// Length of the header.
pub const HEADER_LEN: u32 = 16;
/// Length of the end mark.
pub const END_LEN: u32 = 16;

// A high bit, both line ends and an end-of-file character, as in PNG: a transfer in text mode is seen at once.
const MAGIC: [u8; 8] = *b"\x89UPK\r\n\x1a\n";
const END: [u8; 8] = *b"UPK-END\n";
const MAJOR: u8 = 1;

/// What a group of keys is trusted with. One that is not known is trusted with nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role(pub u8);

impl Role {
    /// Says which keys are trusted, and signs no package.
    pub const ROOT: Self = Self(1);
    /// Signs packages and notices.
    pub const RELEASE: Self = Self(2);
    /// Signs critical packages, and replaces the release keys, when those are lost or stolen.
    pub const EMERGENCY: Self = Self(3);

    /// All that are known.
    pub const ALL: [Self; 3] = [Self::ROOT, Self::RELEASE, Self::EMERGENCY];

    const NAMES: [&'static str; 3] = ["root", "release", "emergency"];

    /// The role of that name: root, release or emergency.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().zip(Self::NAMES).find(|(_, known)| *known == name).map(|(role, _)| role)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::ALL.into_iter().zip(Self::NAMES).find(|(role, _)| role == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "role {}", self.0),
        }
    }
}

/// The header: which format, who signs, and how long what follows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The role in which the root is signed: [`Role::RELEASE`] or [`Role::EMERGENCY`].
    pub role: Role,
    /// Bytes of the rotations of keys behind the signatures.
    pub rotations_len: u16,
    /// Bytes of the root.
    pub root_len: u32,
}

impl Header {
    /// The header of a root of that length, signed as a release.
    pub fn release(root_len: u32) -> Self {
        Self { role: Role::RELEASE, rotations_len: 0, root_len }
    }

    /// Reads the header.
    ///
    /// # Errors
    /// [`Problem::Magic`] when this is no package; [`Error::Unsupported`] for another major version;
    /// [`Problem::Range`] for a role that signs no packages.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(Part::Header, bytes);
        if cursor.array()? != MAGIC {
            return Err(Malformed { part: Part::Header, offset: 0, problem: Problem::Magic }.into());
        }
        let major = cursor.u8()?;
        if major != MAJOR {
            return Err(Error::Unsupported { part: Part::Header, code: u32::from(major) });
        }
        let role = Role(cursor.u8()?);
        if role != Role::RELEASE && role != Role::EMERGENCY {
            return Err(cursor.malformed(Problem::Range).into());
        }
        let header = Self { role, rotations_len: cursor.u16()?, root_len: cursor.u32()? };
        cursor.finish()?;
        Ok(header)
    }

    /// Writes the header.
    pub fn emit(&self) -> [u8; 16] {
        let mut out = [0; 16];
        let parts = MAGIC
            .into_iter()
            .chain([MAJOR, self.role.0])
            .chain(self.rotations_len.to_be_bytes())
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
