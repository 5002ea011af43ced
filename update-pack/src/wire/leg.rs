//! Legs, the ways that a package knows from version to version, and the streams of content that they use.

use alloc::string::String;
use alloc::vec::Vec;

use super::root::text;
use crate::error::{Malformed, Problem};
use crate::seal::TAG_LEN;
use crate::wire::{Cursor, Digest, GROUP, LEAF, Section, put_varint};

/// Longest version or name of a profile.
const NAME_MAX: usize = 64;

/// One way from a version to another. A card takes the one of its profile and of the version that it has; a package
/// may hold several that follow one another.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Leg {
    /// The profile of the cards that it is for; empty for all.
    pub profile: String,
    /// The version that it starts from; empty for a directory in which nothing is installed.
    pub from: String,
    /// The version that it arrives at.
    pub to: String,
    /// The manifest of both trees.
    pub manifest: Section,
    /// The stream that brings the content, as an index; `None` when no content is needed.
    pub stream: Option<usize>,
}

/// How a stream makes content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct StreamKind(pub u8);

impl StreamKind {
    /// Frames hold the new content whole.
    pub const FRAMES: Self = Self(0);
    /// A delta makes the new content from the old.
    pub const DELTA: Self = Self(1);
    /// A delta that can be taken back makes either from the other.
    pub const DELTA_BOTH: Self = Self(2);

    /// Whether it is a delta.
    pub fn is_delta(self) -> bool {
        matches!(self, Self::DELTA | Self::DELTA_BOTH)
    }
}

/// A stretch of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stream {
    /// What it holds.
    pub kind: StreamKind,
    /// Whether it is encrypted.
    pub sealed: bool,
    /// Bytes as stored, those of its leaf tables not counted; never zero.
    pub len: u64,
    /// How many of them only the way back needs, at the end; zero unless it leads both ways.
    pub back: u64,
}

/// The payload as the root describes it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Payload {
    /// What it consists of. Empty when no content is needed.
    pub streams: Vec<Stream>,
    /// Digest of the table of group hashes; all zero when there is no stream.
    pub groups: Digest,
}

/// Marks the kind of an encrypted stream.
const SEALED: u8 = 0x80;

impl Leg {
    /// Reads the legs of a package that arrives at `arrives`, one after the other.
    pub(super) fn read_all(field: &mut Cursor<'_>, arrives: &str) -> Result<Vec<Self>, Malformed> {
        let mut legs: Vec<Self> = Vec::new();
        let mut streams: usize = 0;
        while legs.is_empty() || !field.is_empty() {
            let start = field.clone();
            let (profile, from, to) = (name(field)?, name(field)?, name(field)?);
            let to = match to.is_empty() {
                true => String::from(arrives),
                false if to == arrives => return Err(start.malformed(Problem::NotCanonical)),
                false => to,
            };
            let manifest = Section::read(field)?;
            let stream = field.length()?.checked_sub(1);
            let leg = Self { profile, from, to, manifest, stream };
            if leg.from == leg.to || leg.from == arrives {
                return Err(start.malformed(Problem::Range));
            }
            if legs.last().is_some_and(|last| last.key() >= leg.key()) {
                return Err(start.malformed(Problem::Order));
            }
            // Streams are numbered in the order in which legs first name them.
            match stream {
                Some(stream) if stream > streams => return Err(start.malformed(Problem::Order)),
                Some(stream) if stream == streams => streams = streams.saturating_add(1),
                _ => {}
            }
            legs.push(leg);
        }
        Ok(legs)
    }

    pub(super) fn emit_all(legs: &[Self], arrives: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for leg in legs {
            put_name(&mut out, &leg.profile);
            put_name(&mut out, &leg.from);
            put_name(&mut out, if leg.to == arrives { "" } else { &leg.to });
            out.extend_from_slice(&leg.manifest.emit());
            let stream = leg.stream.map_or(0, |stream| stream.saturating_add(1));
            put_varint(&mut out, u64::try_from(stream).unwrap_or(u64::MAX));
        }
        out
    }

    /// What no two legs have in common.
    fn key(&self) -> (&str, &str, &str) {
        (&self.profile, &self.from, &self.to)
    }

    /// Whether the names are ones that a package can carry.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let empty_or =
            |name: &str| if name.is_empty() { Ok(()) } else { text(name.as_bytes(), NAME_MAX).map(drop) };
        empty_or(&self.profile)?;
        empty_or(&self.from)?;
        text(self.to.as_bytes(), NAME_MAX).map(drop)
    }
}

impl Payload {
    pub(super) fn read(field: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut payload = Self { groups: Digest(field.array()?), streams: Vec::new() };
        while payload.streams.is_empty() || !field.is_empty() {
            payload.streams.push(Stream::read(field)?);
        }
        Ok(payload)
    }

    pub(super) fn emit(&self) -> Vec<u8> {
        let mut out = self.groups.0.to_vec();
        for stream in &self.streams {
            out.push(stream.kind.0 | if stream.sealed { SEALED } else { 0 });
            put_varint(&mut out, stream.len);
            if stream.kind == StreamKind::DELTA_BOTH {
                put_varint(&mut out, stream.back);
            }
        }
        out
    }

    /// Stored bytes of all streams.
    pub fn len(&self) -> u64 {
        self.streams.iter().map(|stream| stream.len).fold(0, u64::saturating_add)
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// How many hash groups the streams have.
    pub fn group_count(&self) -> u64 {
        self.streams.iter().map(Stream::group_count).fold(0, u64::saturating_add)
    }
}

impl Stream {
    fn read(field: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let start = field.clone();
        let head = field.u8()?;
        let (kind, sealed) = (StreamKind(head & !SEALED), head & SEALED != 0);
        let len = field.varint()?;
        let back = if kind == StreamKind::DELTA_BOTH { field.varint()? } else { 0 };
        // The last leaf of an encrypted stream holds more than its tag.
        let last = len.checked_rem(u64::from(LEAF)).unwrap_or(0);
        let hollow = sealed && last > 0 && last <= u64::from(TAG_LEN);
        if kind > StreamKind::DELTA_BOTH || len == 0 || back > len || hollow {
            return Err(start.malformed(Problem::Range));
        }
        Ok(Self { kind, sealed, len, back })
    }

    /// How many hash groups it has.
    pub fn group_count(&self) -> u64 {
        self.len.div_ceil(u64::from(GROUP))
    }

    /// Its bytes in the file, leaf tables counted.
    pub fn stored(&self) -> u64 {
        self.len.saturating_add(self.len.div_ceil(u64::from(LEAF)).saturating_mul(32))
    }
}

/// A name of up to 64 bytes behind its length; may be empty.
fn name(field: &mut Cursor<'_>) -> Result<String, Malformed> {
    let len = usize::from(field.u8()?);
    let start = field.clone();
    let bytes = field.take(len)?;
    if bytes.is_empty() {
        return Ok(String::new());
    }
    text(bytes, NAME_MAX).map_err(|problem| start.malformed(problem))
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(name.as_bytes());
}
