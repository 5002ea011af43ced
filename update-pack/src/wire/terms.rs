//! The terms of an update: what else than the two trees whoever applies it must know.
//!
//! They stand behind the entries of the manifest, so that a journal that holds the manifest holds them too.

use alloc::string::String;
use alloc::vec::Vec;
use core::num::{NonZeroU8, NonZeroU32};

use super::root::text;
use crate::error::{Error, Malformed, Part, Problem};
use crate::tree::Path;
use crate::wire::{CRITICAL, Cursor, Fields, put_field, put_varint};

/// What else than the two trees whoever applies an update must know.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Terms {
    /// Paths in which the device has a say, in ascending order.
    pub owned: Vec<(Path, Owned)>,
    /// What a driver must do to the device's data, in order. Taken back in the opposite order.
    pub steps: Vec<Migration>,
    /// The formats of the device's data, in ascending order of components.
    pub formats: Vec<Format>,
    /// How soon and how often the new version must show that it is well; `None` when being in place is enough.
    pub guard: Option<Guard>,
    /// Whether the program that applies the update is itself among what changes.
    pub replaces_itself: bool,
    /// Uncritical fields that this reader does not know, as tag and value in ascending order.
    pub extensions: Vec<(u16, Vec<u8>)>,
}

/// What the device has to say about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owned {
    /// Everything below is the device's. It is neither compared nor changed; a step that changes it is preceded by a
    /// copy.
    Data,
    /// A file of the vendor that the device may have changed. Its changes are merged into the new version: base is
    /// the file before, theirs the file after.
    Config,
}

/// When a migration step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum When {
    /// While the old version is still in place.
    Before,
    /// When the new version is in place, before it is asked whether it is well.
    #[default]
    After,
}

/// A step that a driver carries out under a name it knows: check, apply, verify, and revert if the step can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// What the driver knows it by: 1 to 64 bytes.
    pub name: String,
    /// What the driver is told: up to 4096 bytes.
    pub arguments: String,
    /// When it runs.
    pub when: When,
    /// Whether it can be reverted. The data of one that cannot are copied before it runs.
    pub reversible: bool,
    /// Seconds until an attempt counts as failed.
    pub seconds: NonZeroU32,
    /// How often it is attempted.
    pub attempts: NonZeroU8,
}

/// Which formats of a component's data the versions before and after can read, and which they write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// The component: 1 to 64 bytes.
    pub component: String,
    /// The version before; `None` when it does not know the component.
    pub before: Option<Epochs>,
    /// The version after; `None` when it does not know the component.
    pub after: Option<Epochs>,
}

/// The formats that a version can read, as a range, and the one that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// The oldest it reads.
    pub oldest: u32,
    /// The newest it reads.
    pub newest: u32,
    /// The one it writes, one of those that it reads.
    pub writes: u32,
}

/// How soon and how often a new version must show that it is well, before the old one returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Seconds for each attempt.
    pub seconds: NonZeroU32,
    /// How often it may try.
    pub attempts: NonZeroU8,
}

const OWNED: u16 = CRITICAL | 1;
const STEPS: u16 = CRITICAL | 2;
const FORMATS: u16 = CRITICAL | 3;
const GUARD: u16 = CRITICAL | 4;
const ITSELF: u16 = CRITICAL | 5;
const KNOWN: [u16; 5] = [OWNED, STEPS, FORMATS, GUARD, ITSELF];

const NAME_MAX: usize = 64;
const ARGUMENTS_MAX: usize = 4096;

impl Terms {
    /// Whether there is nothing special about the update.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The first component whose data the old version could not read once the new one has written them.
    pub fn strands(&self) -> Option<&Format> {
        self.formats.iter().find(|format| format.strands())
    }

    /// Reads the terms to the end of the part.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields = Fields::parse(Part::Manifest, bytes, &KNOWN)?;
        Ok(Self {
            owned: fields.find(OWNED, owned)?.unwrap_or_default(),
            steps: fields.find(STEPS, |field| list(field, Migration::read))?.unwrap_or_default(),
            formats: fields.find(FORMATS, formats)?.unwrap_or_default(),
            guard: fields
                .find(GUARD, |field| Ok(Guard { seconds: seconds(field)?, attempts: attempts(field)? }))?,
            replaces_itself: fields.find(ITSELF, |_| Ok(()))?.is_some(),
            extensions: fields.unknown().map(|(tag, value)| (tag, value.to_vec())).collect(),
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        let mut fields: Vec<(u16, Vec<u8>)> = self.extensions.clone();
        let mut value = Vec::new();
        for (path, owned) in &self.owned {
            put_varint(&mut value, u64::try_from(path.as_bytes().len()).unwrap_or(u64::MAX));
            value.extend_from_slice(path.as_bytes());
            value.push(u8::from(*owned == Owned::Config));
        }
        fields.push((OWNED, value));
        let mut value = Vec::new();
        self.steps.iter().for_each(|step| step.emit(&mut value));
        fields.push((STEPS, value));
        let mut value = Vec::new();
        self.formats.iter().for_each(|format| format.emit(&mut value));
        fields.push((FORMATS, value));
        // Lists that are empty are not there at all.
        fields.retain(|(tag, value)| !value.is_empty() || !KNOWN.contains(tag));
        if let Some(guard) = self.guard {
            fields.push((GUARD, [&guard.seconds.get().to_be_bytes()[..], &[guard.attempts.get()]].concat()));
        }
        if self.replaces_itself {
            fields.push((ITSELF, Vec::new()));
        }
        fields.sort_by_key(|(tag, _)| tag & !CRITICAL);
        fields.iter().for_each(|(tag, value)| put_field(out, *tag, value));
    }
}

impl Format {
    /// Whether the old version could not read what the new one writes.
    pub fn strands(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => !(before.oldest..=before.newest).contains(&after.writes),
            _ => false,
        }
    }

    fn read(field: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let component = name(field, NAME_MAX, false)?;
        let start = field.clone();
        let sides = field.u8()?;
        if !(1..=3).contains(&sides) {
            return Err(start.malformed(Problem::Range));
        }
        let mut side = |bit: u8| if sides & bit == 0 { Ok(None) } else { Epochs::read(field).map(Some) };
        Ok(Self { component, before: side(1)?, after: side(2)? })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_name(out, &self.component);
        out.push(u8::from(self.before.is_some()) | u8::from(self.after.is_some()) << 1);
        for epochs in [self.before, self.after].into_iter().flatten() {
            for number in [epochs.oldest, epochs.newest, epochs.writes] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
}

impl Epochs {
    fn read(field: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let start = field.clone();
        let epochs = Self { oldest: field.u32()?, newest: field.u32()?, writes: field.u32()? };
        let sound = (epochs.oldest..=epochs.newest).contains(&epochs.writes);
        if sound { Ok(epochs) } else { Err(start.malformed(Problem::Range)) }
    }
}

impl Migration {
    fn read(field: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let (name_, arguments) = (name(field, NAME_MAX, false)?, name(field, ARGUMENTS_MAX, true)?);
        let start = field.clone();
        let (when, reversible) = match field.u8()? {
            0 => (When::Before, false),
            1 => (When::After, false),
            2 => (When::Before, true),
            3 => (When::After, true),
            _ => return Err(start.malformed(Problem::Range)),
        };
        let (seconds, attempts) = (seconds(field)?, attempts(field)?);
        Ok(Self { name: name_, arguments, when, reversible, seconds, attempts })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_name(out, &self.name);
        put_name(out, &self.arguments);
        out.push(u8::from(self.when == When::After) | u8::from(self.reversible) << 1);
        out.extend_from_slice(&self.seconds.get().to_be_bytes());
        out.push(self.attempts.get());
    }
}

/// One or more of something, to the end of the field.
fn list<'a, T>(
    field: &mut Cursor<'a>,
    mut read: impl FnMut(&mut Cursor<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut things = alloc::vec![read(field)?];
    while !field.is_empty() {
        things.push(read(field)?);
    }
    Ok(things)
}

fn owned(field: &mut Cursor<'_>) -> Result<Vec<(Path, Owned)>, Malformed> {
    let start = field.clone();
    let owned = list(field, |field| {
        let start = field.clone();
        let len = field.length()?;
        let path = Path::new(field.take(len)?).map_err(|problem| start.malformed(problem))?;
        let owned = match field.u8()? {
            0 => Owned::Data,
            1 => Owned::Config,
            _ => return Err(start.malformed(Problem::Range)),
        };
        Ok((path, owned))
    })?;
    // In order, and none within another.
    let apart = owned.iter().zip(owned.iter().skip(1)).all(|((a, _), (b, _))| a < b);
    let known = |path: &[u8]| owned.binary_search_by(|(other, _)| other.as_bytes().cmp(path)).is_ok();
    let within =
        |(path, _): &(Path, Owned)| core::iter::successors(path.parent(), |at| parent(at)).any(known);
    match apart && !owned.iter().any(within) {
        true => Ok(owned),
        false => Err(start.malformed(Problem::Order)),
    }
}

/// The path of the directory that holds a path; `None` right under the root.
fn parent(path: &[u8]) -> Option<&[u8]> {
    path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at))
}

fn formats(field: &mut Cursor<'_>) -> Result<Vec<Format>, Malformed> {
    let start = field.clone();
    let formats = list(field, Format::read)?;
    let apart = formats.iter().zip(formats.iter().skip(1)).all(|(a, b)| a.component < b.component);
    if apart { Ok(formats) } else { Err(start.malformed(Problem::Order)) }
}

fn seconds(field: &mut Cursor<'_>) -> Result<NonZeroU32, Malformed> {
    let start = field.clone();
    NonZeroU32::new(field.u32()?).ok_or_else(|| start.malformed(Problem::Range))
}

fn attempts(field: &mut Cursor<'_>) -> Result<NonZeroU8, Malformed> {
    let start = field.clone();
    NonZeroU8::new(field.u8()?).ok_or_else(|| start.malformed(Problem::Range))
}

fn name(field: &mut Cursor<'_>, max: usize, may_be_empty: bool) -> Result<String, Malformed> {
    let len = field.length()?;
    let start = field.clone();
    let bytes = field.take(len)?;
    match bytes.is_empty() && may_be_empty {
        true => Ok(String::new()),
        false => text(bytes, max).map_err(|problem| start.malformed(problem)),
    }
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    put_varint(out, u64::try_from(name.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(name.as_bytes());
}
