//! Writes the content of new files into `new/`, and reads each back when it is complete: what the storage says it has
//! written is not believed.

use alloc::vec::Vec;

use super::content::{Ask, Content};
use super::inspect::{CHUNK, Hasher};
use super::plan::{Plan, Target};
use super::script::{Next, Stop};
use super::types::{Answer, Effect, Failure, Place};
use crate::error::Problem;
use crate::limits::Limits;
use crate::tree::{Kind, Side};
use crate::verify::Envelope;

/// Bytes written at once.
const WRITE: usize = 256 << 10;

/// Where the writing stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    number: u32,
    content: Content,
    targets: Vec<Target>,
    target: usize,
    /// Bytes of the present target written.
    written: u64,
    /// New bytes not written yet.
    out: Vec<u8>,
    step: Step,
    done: u64,
    total: u64,
}

/// What is done with the present target, or was asked for.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Create,
    Fill,
    Asked,
    Write,
    ReadBack { offset: u64, hasher: Hasher },
    Inherit,
    Mode,
}

impl Stage {
    pub(super) fn new(number: u32, limits: Limits, plan: &Plan, envelope: &Envelope) -> Self {
        let targets: Vec<Target> = plan.targets(Side::After).collect();
        let total = targets.iter().map(|target| target.size).fold(0, u64::saturating_add);
        let content = Content::new(limits, plan, envelope, total);
        Self {
            number,
            content,
            targets,
            target: 0,
            written: 0,
            out: Vec::new(),
            step: Step::Create,
            done: 0,
            total,
        }
    }

    /// Bytes staged so far, of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    pub(super) fn next(&mut self, plan: &Plan) -> Result<Next, Stop> {
        loop {
            let Some(target) = self.targets.get(self.target).copied() else {
                return self.content.finish().map(|()| Next::Done);
            };
            let place = Place::New(self.number, target.index);
            return Ok(Next::Do(match &self.step {
                Step::Create => Effect::Create { place },
                Step::Fill => {
                    let left = target.size.saturating_sub(self.written).saturating_sub(wide(self.out.len()));
                    let room = wide(WRITE.saturating_sub(self.out.len())).min(left);
                    if room > 0 {
                        match self.content.fill(plan, &mut self.out, room)? {
                            Some(ask) => {
                                self.step = Step::Asked;
                                effect(ask)
                            }
                            None => continue,
                        }
                    } else {
                        self.step = match self.out.is_empty() {
                            true => Step::ReadBack { offset: 0, hasher: Hasher::default() },
                            false => Step::Write,
                        };
                        continue;
                    }
                }
                Step::Write => {
                    Effect::Write { place, offset: self.written, bytes: core::mem::take(&mut self.out) }
                }
                Step::ReadBack { offset, .. } => Effect::Read { place, offset: *offset, len: CHUNK },
                Step::Inherit => {
                    let Some(entry) = plan.manifest().entries().get(target.index) else {
                        return Ok(Next::Done);
                    };
                    Effect::Inherit { from: Place::Tree(entry.path.clone()), to: place }
                }
                Step::Mode => Effect::SetMode { place, kind: Kind::File, mode: target.mode },
                Step::Asked => return Ok(Next::Done),
            }));
        }
    }

    pub(super) fn answer(
        &mut self,
        plan: &Plan,
        envelope: &Envelope,
        asked: &Effect,
        result: Result<Answer<'_>, Failure>,
    ) -> Result<(), Stop> {
        let answer = result.map_err(Stop::Fail)?;
        let Some(target) = self.targets.get(self.target).copied() else { return Ok(()) };
        let bytes = if let Answer::Bytes(bytes) = answer { bytes } else { &[] };
        match (core::mem::replace(&mut self.step, Step::Fill), asked) {
            (Step::Asked, _) => self.content.take(&envelope.groups, bytes)?,
            (Step::Write, Effect::Write { bytes, .. }) => {
                self.written = self.written.saturating_add(wide(bytes.len()));
                self.done = self.done.saturating_add(wide(bytes.len()));
            }
            (Step::ReadBack { offset, mut hasher }, _) => {
                hasher.update(bytes);
                let offset = offset.saturating_add(wide(bytes.len()));
                if offset < target.size && !bytes.is_empty() {
                    self.step = Step::ReadBack { offset, hasher };
                } else if hasher.finish() != target.digest {
                    return Err(super::content::broken(Problem::Digest));
                } else {
                    self.step = if plan.inherits(target.index) { Step::Inherit } else { Step::Mode };
                }
            }
            (Step::Inherit, _) => self.step = Step::Mode,
            (Step::Mode, _) => {
                self.target = self.target.saturating_add(1);
                self.written = 0;
                self.step = Step::Create;
            }
            _ => {}
        }
        Ok(())
    }
}

fn effect(ask: Ask) -> Effect {
    match ask {
        Ask::Package(need) => Effect::ReadPackage { offset: need.offset, len: need.len },
        Ask::Old { path, offset, len } => Effect::Read { place: Place::Tree(path), offset, len },
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
