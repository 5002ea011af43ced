//! The root: the small part that is signed and from which everything else hangs.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use sha2::Digest as _;

use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::{CRITICAL, Cursor, Fields, GROUP, put_field};

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

/// The payload as the root describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Payload {
    /// Stored bytes of frames that hold the new content whole. One of `frames` and `delta` is zero.
    pub frames: u64,
    /// Stored bytes of a delta that makes the new content from the old.
    pub delta: u64,
    /// Digest of the table of group hashes.
    pub groups: Digest,
}

impl Section {
    fn read(field: &mut Cursor<'_>) -> Result<Self, Malformed> {
        Ok(Self { len: field.u32()?, digest: Digest(field.array()?) })
    }
}

impl Payload {
    fn read(field: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let start = field.clone();
        let payload = Self { frames: field.u64()?, delta: field.u64()?, groups: Digest(field.array()?) };
        if payload.frames > 0 && payload.delta > 0 {
            return Err(start.malformed(Problem::NotCanonical));
        }
        Ok(payload)
    }

    /// Stored bytes altogether.
    pub fn len(&self) -> u64 {
        self.frames.saturating_add(self.delta)
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many hash groups that makes.
    pub fn group_count(&self) -> u64 {
        self.len().div_ceil(u64::from(GROUP))
    }
}

/// How much an update matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Severity(pub u8);

impl Severity {
    /// Whenever convenient.
    pub const LOW: Self = Self(0);
    /// In its time.
    pub const NORMAL: Self = Self(1);
    /// Soon.
    pub const HIGH: Self = Self(2);
    /// At once.
    pub const CRITICAL: Self = Self(3);

    const NAMES: [(&'static str, Self); 4] =
        [("low", Self::LOW), ("normal", Self::NORMAL), ("high", Self::HIGH), ("critical", Self::CRITICAL)];

    /// The severity of that name: low, normal, high or critical.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, severity)| *severity)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(_, severity)| severity == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "severity {}", self.0),
        }
    }
}

/// The root of a package.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Root {
    /// The version it starts from.
    pub from_version: String,
    /// The version it arrives at.
    pub to_version: String,
    /// Security epoch: once applied, no package of a lower one installs.
    pub epoch: u64,
    /// Which cards it is for.
    pub scope: String,
    /// How much it matters.
    pub severity: Severity,
    /// The manifest of both trees.
    pub manifest: Section,
    /// The payload.
    pub payload: Payload,
    /// Uncritical fields that this reader does not know, as tag and value in ascending order.
    pub extensions: Vec<(u16, Vec<u8>)>,
}

const FROM: u16 = CRITICAL | 1;
const TO: u16 = CRITICAL | 2;
const EPOCH: u16 = CRITICAL | 3;
const SCOPE: u16 = CRITICAL | 4;
const SEVERITY: u16 = 5;
const MANIFEST: u16 = CRITICAL | 6;
const PAYLOAD: u16 = CRITICAL | 7;
const KNOWN: [u16; 7] = [FROM, TO, EPOCH, SCOPE, SEVERITY, MANIFEST, PAYLOAD];

/// Longest version.
const VERSION_MAX: usize = 64;
/// Longest scope expression.
const SCOPE_MAX: usize = 4096;

impl Root {
    /// Reads a root.
    ///
    /// # Errors
    /// [`Malformed`] with the offset; [`Error::Unsupported`] for a critical field that is not known.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields = Fields::parse(Part::Root, bytes, &KNOWN)?;
        Ok(Self {
            from_version: fields.need(FROM, |field| field.text(VERSION_MAX))?,
            to_version: fields.need(TO, |field| field.text(VERSION_MAX))?,
            epoch: fields.need(EPOCH, Cursor::u64)?,
            scope: fields.need(SCOPE, |field| field.text(SCOPE_MAX))?,
            severity: Severity(fields.need(SEVERITY, Cursor::u8)?),
            manifest: fields.need(MANIFEST, Section::read)?,
            payload: fields.need(PAYLOAD, Payload::read)?,
            extensions: fields.unknown().map(|(tag, value)| (tag, value.to_vec())).collect(),
        })
    }

    /// Writes the root.
    pub fn emit(&self) -> Vec<u8> {
        let epoch = &self.epoch.to_be_bytes();
        let severity = &[self.severity.0];
        let manifest = [&self.manifest.len.to_be_bytes()[..], &self.manifest.digest.0].concat();
        let payload = [
            &self.payload.frames.to_be_bytes()[..],
            &self.payload.delta.to_be_bytes(),
            &self.payload.groups.0,
        ]
        .concat();
        let mut fields: Vec<(u16, &[u8])> = alloc::vec![
            (FROM, self.from_version.as_bytes()),
            (TO, self.to_version.as_bytes()),
            (EPOCH, epoch),
            (SCOPE, self.scope.as_bytes()),
            (SEVERITY, severity),
            (MANIFEST, &manifest),
            (PAYLOAD, &payload),
        ];
        fields.extend(self.extensions.iter().map(|(tag, value)| (*tag, value.as_slice())));
        fields.sort_by_key(|(tag, _)| tag & !CRITICAL);
        let mut out = Vec::new();
        for (tag, value) in fields {
            put_field(&mut out, tag, value);
        }
        out
    }

    /// Whether the texts are ones that a package can carry.
    ///
    /// # Errors
    /// [`Problem::Text`] or [`Problem::Range`] for a version or scope that is empty, too long or not plain.
    pub fn check(&self) -> Result<(), Problem> {
        text(self.from_version.as_bytes(), VERSION_MAX)?;
        text(self.to_version.as_bytes(), VERSION_MAX)?;
        text(self.scope.as_bytes(), SCOPE_MAX).map(drop)
    }
}

/// Text that is shown to people: control characters could forge what a terminal shows.
pub(super) fn text(bytes: &[u8], max: usize) -> Result<String, Problem> {
    if bytes.is_empty() || bytes.len() > max {
        return Err(Problem::Range);
    }
    let text = core::str::from_utf8(bytes).map_err(|_| Problem::Text)?;
    if text.chars().any(char::is_control) {
        return Err(Problem::Text);
    }
    Ok(text.to_string())
}
