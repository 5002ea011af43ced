//! Going on after a cut in the middle of staging: what was durable is looked at again, and nothing of it is written
//! again.
//!
//! While new content is written, a record of how far it has come goes to one of two files in turn, and one barrier makes
//! both durable: the record is torn, if at all, while the other one stands. A record is not believed either: the files
//! that it calls whole must have the manifest's digests, and the one it calls begun the digest it says.

use alloc::vec::Vec;

use super::effect::{Answer, Effect, Failure};
use super::inspect::{CHUNK, Hasher};
use super::journal::{seal, unseal};
use super::plan::{Plan, Target};
use super::script::Next;
use super::types::Place;
use crate::error::Error;
use crate::tree::Side;
use crate::wire::{Digest, put_varint};

/// The two files, written in turn.
pub(super) const SLOTS: [u8; 2] = [0, 1];

const MAGIC: [u8; 4] = *b"UPP1";

/// How far staging has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The package.
    pub(super) id: Digest,
    /// The files before this one, in the order of the payload, are whole.
    pub(super) target: usize,
    /// Bytes of this one that are written.
    pub(super) written: u64,
    /// Their digest.
    pub(super) prefix: Digest,
    /// Where in the payload, and after how much new content, the reading can begin again.
    pub(super) start: Start,
}

/// Where in the payload the reading can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Start {
    pub(super) payload: u64,
    pub(super) raw: u64,
}

impl Progress {
    pub(super) fn emit(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.id.0);
        put_varint(&mut out, u64::try_from(self.target).unwrap_or(u64::MAX));
        put_varint(&mut out, self.written);
        out.extend_from_slice(&self.prefix.0);
        put_varint(&mut out, self.start.payload);
        put_varint(&mut out, self.start.raw);
        seal(out)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = unseal(bytes, MAGIC)?;
        let progress = Self {
            id: Digest(cursor.array()?),
            target: cursor.length()?,
            written: cursor.varint()?,
            prefix: Digest(cursor.array()?),
            start: Start { payload: cursor.varint()?, raw: cursor.varint()? },
        };
        cursor.finish()?;
        Ok(progress)
    }

    /// How much new content is there, and whether there can be that much.
    fn made(&self, targets: &[Target]) -> Option<u64> {
        let whole = targets.get(..self.target)?.iter().map(|target| target.size).fold(0, u64::saturating_add);
        let size = targets.get(self.target).map_or(0, |target| target.size);
        let made = whole.saturating_add(self.written);
        (self.written <= size && self.start.raw <= made).then_some(made)
    }

    /// How much of the content from where the reading begins is there already.
    pub(super) fn skip(&self, targets: &[Target]) -> u64 {
        self.made(targets).unwrap_or(0).saturating_sub(self.start.raw)
    }
}

/// How far an earlier run has come, as found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Resumed {
    pub(super) progress: Progress,
    /// The digest of what there is of the file that is begun.
    pub(super) hasher: Hasher,
    /// Which of the two files said so.
    pub(super) slot: u8,
}

/// Looks at what an earlier run has staged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resume {
    number: u32,
    id: Digest,
    targets: Vec<Target>,
    look: Look,
    /// What is said and by which file, the furthest last.
    said: Vec<(Progress, u8)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Look {
    Slot(u8, Vec<u8>),
    Content { target: usize, offset: u64, hasher: Hasher },
}

impl Look {
    fn at(target: usize) -> Self {
        Self::Content { target, offset: 0, hasher: Hasher::default() }
    }
}

impl Resume {
    pub(super) fn new(number: u32, plan: &Plan, id: Digest) -> Self {
        let targets = plan.targets(Side::After).collect();
        Self { number, id, targets, look: Look::Slot(0, Vec::new()), said: Vec::new() }
    }

    /// How far it has come; `None` when nothing of it can be used.
    pub(super) fn finish(self) -> Option<Resumed> {
        let Look::Content { hasher, .. } = self.look else { return None };
        self.said.last().map(|(progress, slot)| Resumed { progress: *progress, hasher, slot: *slot })
    }

    /// The files that are there, whole or begun.
    pub(super) fn there(&self) -> Vec<usize> {
        let Some((said, _)) = self.said.last() else { return Vec::new() };
        let count = said.target.saturating_add(usize::from(said.written > 0));
        self.targets.iter().take(count).map(|target| target.index).collect()
    }

    pub(super) fn next(&self) -> Next {
        match &self.look {
            Look::Slot(slot, bytes) => Next::Do(Effect::Read {
                place: Place::Progress(self.number, *slot),
                offset: wide(bytes.len()),
                len: CHUNK,
            }),
            Look::Content { target, offset, .. } => match self.wanted(*target) {
                Some((index, len, _)) => Next::Do(Effect::Read {
                    place: Place::New(self.number, index),
                    offset: *offset,
                    len: u32::try_from(len.saturating_sub(*offset)).unwrap_or(CHUNK).min(CHUNK),
                }),
                None => Next::Done,
            },
        }
    }

    /// A file that is said to be there: its index, how much of it, and the digest of that.
    fn wanted(&self, target: usize) -> Option<(usize, u64, Digest)> {
        let (said, _) = self.said.last()?;
        let there = self.targets.get(target)?;
        if target < said.target {
            return Some((there.index, there.size, there.digest));
        }
        (target == said.target && said.written > 0).then_some((there.index, said.written, said.prefix))
    }

    pub(super) fn answer(&mut self, result: Result<Answer<'_>, Failure>) {
        let bytes = if let Ok(Answer::Bytes(bytes)) = result { Some(bytes) } else { None };
        match (&mut self.look, bytes) {
            (Look::Slot(_, read), Some(bytes)) if !bytes.is_empty() && read.len() < MAX => {
                read.extend_from_slice(bytes);
            }
            (Look::Slot(slot, read), _) => {
                let said = Progress::parse(read).ok();
                let said = said.filter(|said| said.id == self.id && said.made(&self.targets).is_some());
                self.said.extend(said.map(|said| (said, *slot)));
                if *slot == 0 {
                    self.look = Look::Slot(1, Vec::new());
                } else {
                    let targets = &self.targets;
                    self.said.sort_by_key(|(said, _)| said.made(targets));
                    self.look = Look::at(0);
                }
            }
            (Look::Content { target, offset, hasher }, Some(bytes)) => {
                hasher.update(bytes);
                *offset = offset.saturating_add(wide(bytes.len()));
                let (at, read, found) = (*target, *offset, hasher.finish());
                let Some((_, len, digest)) = self.wanted(at) else { return };
                if read < len && !bytes.is_empty() {
                    return;
                }
                let begun = self.said.last().is_some_and(|(said, _)| said.target == at);
                match read == len && found == digest {
                    // The digest of the file that is begun is gone on with.
                    true if begun => self.keep(at),
                    true => self.look = Look::at(at.saturating_add(1)),
                    false => self.refuse(),
                }
            }
            // What cannot be read cannot be used.
            (Look::Content { .. }, None) => self.refuse(),
        }
    }

    fn keep(&mut self, at: usize) {
        if let Look::Content { target, .. } = &mut self.look {
            *target = at.saturating_add(1);
        }
    }

    /// What is said last is not so: what was said before it may be.
    fn refuse(&mut self) {
        self.said.pop();
        self.look = Look::at(0);
    }
}

/// A record is shorter.
const MAX: usize = 256;

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
