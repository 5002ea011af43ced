//! Writes content into `new/`, and reads each file back when it is complete: what the storage says it has written is not
//! believed. On the way forward it is what the package brings, on the way back what its delta makes of that again.

use alloc::vec::Vec;

use super::content::{Ask, Content};
use super::effect::{Answer, Effect, Failure};
use super::inspect::{CHUNK, Hasher};
use super::plan::{Plan, Target};
use super::resume::{Progress, Resumed};
use super::script::{Next, Script, Stop};
use super::types::Place;
use crate::error::Problem;
use crate::limits::Limits;
use crate::seal::ProfileKey;
use crate::tree::{Kind, Mode, Side};
use crate::verify::Envelope;
use crate::wire::Digest;

/// Bytes written at once.
const WRITE: usize = 256 << 10;

/// Where the writing stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    number: u32,
    /// The side that the content is of.
    side: Side,
    id: Digest,
    content: Content,
    targets: Vec<Target>,
    target: usize,
    /// Bytes of the present target written.
    written: u64,
    /// The digest of them.
    hasher: Hasher,
    /// New bytes not written yet.
    out: Vec<u8>,
    /// New bytes that an earlier run has written.
    skip: u64,
    step: Step,
    /// How many bytes may be written before the next record of how far it has come, and how many have been.
    stride: u64,
    since: u64,
    /// The record that is being written, and which file the last one went to.
    record: Option<Script>,
    slot: u8,
    done: u64,
    total: u64,
}

/// What is done with the present target, or was asked for.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Create,
    /// Makes what an earlier run has begun writable.
    Reopen,
    Fill,
    Asked,
    Write,
    ReadBack {
        offset: u64,
        hasher: Hasher,
    },
    Inherit,
    Mode,
}

impl Stage {
    /// Begins, or goes on from where an earlier run has come.
    pub(super) fn new(
        number: u32,
        (limits, keys): (Limits, &[ProfileKey]),
        plan: &Plan,
        envelope: &Envelope,
        from: Option<Resumed>,
    ) -> Self {
        let targets: Vec<Target> = plan.targets(Side::After).collect();
        let size = |targets: &[Target]| targets.iter().map(|target| target.size).fold(0, u64::saturating_add);
        let total = size(&targets);
        let from = from.unwrap_or_default();
        let Progress { target, written, start, .. } = from.progress;
        Self {
            number,
            side: Side::After,
            id: envelope.id,
            content: Content::new((limits, keys), plan, envelope, total, start),
            target,
            written,
            hasher: from.hasher,
            out: Vec::new(),
            skip: from.progress.skip(&targets),
            step: if written > 0 { Step::Reopen } else { Step::Create },
            stride: u64::from(limits.frame.max(1)),
            since: 0,
            record: None,
            slot: from.slot,
            done: size(targets.get(..target).unwrap_or_default()).saturating_add(written),
            total,
            targets,
        }
    }

    /// Makes the old content again, from the new content in the tree and a kept delta of `len` bytes.
    pub(super) fn back(number: u32, plan: &Plan, len: u64) -> Self {
        let targets: Vec<Target> = plan.targets(Side::Before).collect();
        let total = targets.iter().map(|target| target.size).fold(0, u64::saturating_add);
        Self {
            number,
            side: Side::Before,
            id: Digest::default(),
            content: Content::back(plan, len, total),
            targets,
            target: 0,
            written: 0,
            hasher: Hasher::default(),
            out: Vec::new(),
            skip: 0,
            step: Step::Create,
            stride: u64::MAX,
            since: 0,
            record: None,
            slot: 0,
            done: 0,
            total,
        }
    }

    /// Bytes staged so far, of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    pub(super) fn next(&mut self, plan: &Plan) -> Result<Next, Stop> {
        if let Some(effect) = self.record.as_ref().and_then(Script::next) {
            return Ok(Next::Do(effect));
        }
        self.record = None;
        loop {
            let Some(target) = self.targets.get(self.target).copied() else {
                return self.content.finish().map(|()| Next::Done);
            };
            let place = Place::New(self.number, target.index);
            return Ok(Next::Do(match &self.step {
                Step::Create => Effect::Create { place },
                Step::Reopen => Effect::SetMode { place, kind: Kind::File, mode: Mode::OWN },
                Step::Fill => match self.room(target) {
                    0 => {
                        self.step = match self.out.is_empty() {
                            true => Step::ReadBack { offset: 0, hasher: Hasher::default() },
                            false => Step::Write,
                        };
                        continue;
                    }
                    room => match self.content.fill(plan, &mut self.out, room)? {
                        Some(ask) => {
                            self.step = Step::Asked;
                            effect(self.number, ask)
                        }
                        None => {
                            self.leave_out();
                            continue;
                        }
                    },
                },
                Step::Write => {
                    Effect::Write { place, offset: self.written, bytes: core::mem::take(&mut self.out) }
                }
                Step::ReadBack { offset, .. } => Effect::Read { place, offset: *offset, len: CHUNK },
                Step::Inherit => {
                    let Some(entry) = plan.manifest().entries().get(target.index) else {
                        return Ok(Next::Done);
                    };
                    let from = match self.side {
                        Side::After => Place::Tree(entry.path.clone()),
                        // Of the old file, its owner and attributes were kept.
                        Side::Before => Place::Old(self.number, target.index),
                    };
                    Effect::Inherit { from, to: place }
                }
                Step::Mode => Effect::SetMode { place, kind: Kind::File, mode: target.mode },
                Step::Asked => return Ok(Next::Done),
            }));
        }
    }

    /// How many new bytes are wanted next.
    fn room(&self, target: Target) -> u64 {
        let most = wide(WRITE).saturating_sub(wide(self.out.len()));
        if self.skip > 0 {
            return most.min(self.skip);
        }
        let out = wide(self.out.len());
        let left = target.size.saturating_sub(self.written).saturating_sub(out);
        let stride = self.stride.saturating_sub(self.since).saturating_sub(out);
        most.min(left).min(stride)
    }

    /// Drops the new bytes that an earlier run has written.
    fn leave_out(&mut self) {
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(wide(self.out.len()));
            self.out.clear();
        }
    }

    pub(super) fn answer(
        &mut self,
        plan: &Plan,
        groups: &[u8],
        asked: &Effect,
        result: Result<Answer<'_>, Failure>,
    ) -> Result<(), Stop> {
        if let Some(record) = &mut self.record {
            return record.answer(result.map(drop)).map_err(Stop::Fail);
        }
        let answer = result.map_err(Stop::Fail)?;
        let Some(target) = self.targets.get(self.target).copied() else { return Ok(()) };
        let bytes = if let Answer::Bytes(bytes) = answer { bytes } else { &[] };
        match (core::mem::replace(&mut self.step, Step::Fill), asked) {
            (Step::Asked, _) => self.content.take(groups, bytes)?,
            (Step::Write, Effect::Write { bytes, .. }) => self.wrote(target, bytes),
            (Step::ReadBack { offset, mut hasher }, _) => {
                hasher.update(bytes);
                let offset = offset.saturating_add(wide(bytes.len()));
                if offset < target.size && !bytes.is_empty() {
                    self.step = Step::ReadBack { offset, hasher };
                } else if hasher.finish() != target.digest {
                    return Err(super::content::broken(Problem::Digest));
                } else {
                    let inherits = self.side == Side::Before || plan.inherits(target.index);
                    self.step = if inherits { Step::Inherit } else { Step::Mode };
                }
            }
            (Step::Inherit, _) => self.step = Step::Mode,
            (Step::Mode, _) => {
                self.target = self.target.saturating_add(1);
                self.written = 0;
                self.hasher = Hasher::default();
                self.step = Step::Create;
            }
            _ => {}
        }
        Ok(())
    }

    fn wrote(&mut self, target: Target, bytes: &[u8]) {
        let len = wide(bytes.len());
        self.hasher.update(bytes);
        self.written = self.written.saturating_add(len);
        self.done = self.done.saturating_add(len);
        self.since = self.since.saturating_add(len);
        let last = self.written == target.size && self.target.saturating_add(1) == self.targets.len();
        if self.since >= self.stride && !last {
            self.since = 0;
            self.slot = 1_u8.saturating_sub(self.slot);
            let progress = Progress {
                id: self.id,
                target: self.target,
                written: self.written,
                prefix: self.hasher.finish(),
                start: self.content.start(),
            };
            let mut steps = super::turn::write(&Place::Progress(self.number, self.slot), &progress.emit());
            steps.push(super::script::Step::new(Effect::Barrier));
            self.record = Some(Script::new(steps, false));
        }
    }
}

fn effect(number: u32, ask: Ask) -> Effect {
    match ask {
        Ask::Package(need) => Effect::ReadPackage { offset: need.offset, len: need.len },
        Ask::Tree { path, offset, len } => Effect::Read { place: Place::Tree(path), offset, len },
        Ask::Kept { offset, len } => Effect::Read { place: Place::Back(number), offset, len },
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
