//! What is kept on disk: the record of an update, and what is installed.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::types::Time;
use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::{Cursor, Digest, Manifest, digest, put_varint, zigzag};

/// The state of an update: the name under which its journal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Being prepared; nothing of the tree is changed.
    Draft,
    /// The tree is between both versions, and what is needed to go on is there.
    Switching,
    /// The tree holds the new version, which has yet to show that it is well.
    Trial,
    /// The tree holds the new version.
    Applied,
    /// The tree is on its way back.
    Undoing,
    /// The tree holds the old version again.
    Undone,
}

impl Mark {
    pub(super) const ALL: [Self; 6] =
        [Self::Draft, Self::Switching, Self::Trial, Self::Applied, Self::Undoing, Self::Undone];

    fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Switching => "switching",
            Self::Trial => "trial",
            Self::Applied => "applied",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }

    /// The state that goes by that name.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.name().as_bytes() == name)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The record of an update: all that is needed to finish it or to undo it, beside what lies in `new` and `old`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The package.
    pub id: Digest,
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
    /// The package's security epoch.
    pub epoch: u64,
    /// Bytes of the delta that is kept for the way back; none when the old files are.
    pub back: u64,
    /// When what the update touches was last changed, by its index in the manifest.
    pub times: Vec<(usize, Time)>,
    /// Both trees.
    pub manifest: Manifest,
}

/// What is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The version.
    pub version: String,
    /// The package that brought it or, after an undo, that was taken back.
    pub package: Digest,
    /// The security epoch below which nothing installs. It never falls.
    pub floor: u64,
    /// Whether it got there by an undo.
    pub undone: bool,
}

const RECORD: [u8; 4] = *b"UPJ2";
const INSTALLED: [u8; 4] = *b"UPI1";

impl Record {
    /// Writes the record, its digest at its end.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = RECORD.to_vec();
        out.extend_from_slice(&self.id.0);
        put_text(&mut out, &self.from);
        put_text(&mut out, &self.to);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        put_varint(&mut out, self.back);
        put_varint(&mut out, wide(self.times.len()));
        for (index, time) in &self.times {
            put_varint(&mut out, wide(*index));
            put_varint(&mut out, zigzag(time.seconds));
            put_varint(&mut out, u64::from(time.nanos));
        }
        out.extend_from_slice(&self.manifest.emit());
        seal(out)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`Malformed`] when a byte of it was changed.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = unseal(bytes, RECORD)?;
        let id = Digest(cursor.array()?);
        let from = text(&mut cursor)?;
        let to = text(&mut cursor)?;
        let epoch = cursor.u64()?;
        let back = cursor.varint()?;
        let count = cursor.length()?;
        let mut times = Vec::new();
        for _ in 0..count {
            let index = cursor.length()?;
            let seconds = cursor.signed()?;
            let nanos = u32::try_from(cursor.varint()?).ok().filter(|nanos| *nanos < 1_000_000_000);
            let nanos = nanos.ok_or(cursor.malformed(Problem::Range))?;
            times.push((index, Time { seconds, nanos }));
        }
        let manifest = Manifest::parse(cursor.take(cursor.remaining())?)?;
        if times.iter().any(|(index, _)| manifest.entries().get(*index).is_none()) {
            return Err(cursor.malformed(Problem::Range).into());
        }
        Ok(Self { id, from, to, epoch, back, times, manifest })
    }
}

impl Installed {
    /// Writes it, its digest at its end.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = INSTALLED.to_vec();
        put_text(&mut out, &self.version);
        out.extend_from_slice(&self.package.0);
        out.extend_from_slice(&self.floor.to_be_bytes());
        out.push(u8::from(self.undone));
        seal(out)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Malformed`] when a byte of it was changed.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = unseal(bytes, INSTALLED)?;
        let version = text(&mut cursor)?;
        let package = Digest(cursor.array()?);
        let floor = cursor.u64()?;
        let undone = match cursor.u8()? {
            0 => false,
            1 => true,
            _ => return Err(cursor.malformed(Problem::Range).into()),
        };
        cursor.finish()?;
        Ok(Self { version, package, floor, undone })
    }
}

pub(super) fn seal(mut out: Vec<u8>) -> Vec<u8> {
    let Digest(hash) = digest(&out);
    out.extend_from_slice(&hash);
    out
}

pub(super) fn unseal(bytes: &[u8], magic: [u8; 4]) -> Result<Cursor<'_>, Malformed> {
    let problem = |problem| Malformed { part: Part::Journal, offset: 0, problem };
    let at = bytes.len().checked_sub(32).ok_or(problem(Problem::Truncated))?;
    let (body, hash) = bytes.split_at_checked(at).ok_or(problem(Problem::Truncated))?;
    if digest(body).0 != hash {
        return Err(problem(Problem::Digest));
    }
    let mut cursor = Cursor::new(Part::Journal, body);
    if cursor.array()? != magic {
        return Err(problem(Problem::Magic));
    }
    Ok(cursor)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, wide(text.len()));
    out.extend_from_slice(text.as_bytes());
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, Malformed> {
    let len = cursor.length()?;
    let bytes = cursor.take(len)?;
    core::str::from_utf8(bytes).map(ToString::to_string).map_err(|_| cursor.malformed(Problem::Text))
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
