//! Writes the content of new files into `new/`: frame after frame, each leaf checked before it is decompressed, each
//! file read back and checked when it is complete.

use alloc::vec::Vec;

use super::inspect::{CHUNK, Hasher};
use super::plan::{Plan, Target};
use super::script::{Next, Stop};
use super::types::{Answer, Effect, Failure, Place, Reason};
use crate::delta::{Instruction, Program};
use crate::error::{Error, Malformed, Part, Problem};
use crate::limits::Limits;
use crate::tree::{Kind, Side};
use crate::verify::{Envelope, Leaves};
use crate::wire::{Encoding, FRAME_HEAD, FrameHead};

/// Bytes written at once.
const WRITE: usize = 256 << 10;

/// Where the writing stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    number: u32,
    limits: Limits,
    leaves: Leaves,
    /// Stored bytes of the frame that is being read, its head first.
    stored: Vec<u8>,
    /// Payload bytes that frames have not consumed yet.
    unread: u64,
    program: Option<Program>,
    instruction: Option<Instruction>,
    /// Where the last copy of the frame before ended.
    old: u64,
    /// Old files, by where they begin in the old space.
    sources: Vec<(u64, usize, u64)>,
    /// Old bytes read ahead, and where they begin.
    window: (u64, Vec<u8>),
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
    Package,
    Window { from: u64 },
    Write,
    ReadBack { offset: u64, hasher: Hasher },
    Inherit,
    Mode,
}

impl Stage {
    pub(super) fn new(number: u32, limits: Limits, plan: &Plan, envelope: &Envelope) -> Self {
        let mut at: u64 = 0;
        let sources = plan.sources().map(|(index, size)| {
            let start = at;
            at = at.saturating_add(size);
            (start, index, size)
        });
        let targets: Vec<Target> = plan.targets(Side::After).collect();
        Self {
            number,
            limits,
            leaves: Leaves::new(envelope.layout, 0, envelope.root.payload.forward),
            stored: Vec::new(),
            unread: envelope.root.payload.forward,
            program: None,
            instruction: None,
            old: 0,
            sources: sources.collect(),
            window: (0, Vec::new()),
            total: targets.iter().map(|target| target.size).fold(0, u64::saturating_add),
            targets,
            target: 0,
            written: 0,
            out: Vec::new(),
            step: Step::Create,
            done: 0,
        }
    }

    /// Bytes staged so far, of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    pub(super) fn next(&mut self, plan: &Plan) -> Result<Next, Stop> {
        loop {
            let Some(target) = self.targets.get(self.target).copied() else { return self.finish() };
            let place = Place::New(self.number, target.index);
            return Ok(Next::Do(match &self.step {
                Step::Create => Effect::Create { place },
                Step::Fill => {
                    let left = target.size.saturating_sub(self.written);
                    let full = self.out.len() >= WRITE || wide(self.out.len()) >= left;
                    if full && self.out.is_empty() {
                        self.step = Step::ReadBack { offset: 0, hasher: Hasher::default() };
                        continue;
                    }
                    if full {
                        self.step = Step::Write;
                        continue;
                    }
                    match self.fill(plan, left)? {
                        Some(effect) => effect,
                        None => continue,
                    }
                }
                Step::Write => {
                    let bytes = core::mem::take(&mut self.out);
                    self.out = Vec::new();
                    Effect::Write { place, offset: self.written, bytes }
                }
                Step::ReadBack { offset, .. } => Effect::Read { place, offset: *offset, len: CHUNK },
                Step::Inherit => {
                    let Some(entry) = plan.manifest().entries().get(target.index) else {
                        return Ok(Next::Done);
                    };
                    Effect::Inherit { from: Place::Tree(entry.path.clone()), to: place }
                }
                Step::Mode => Effect::SetMode { place, kind: Kind::File, mode: target.mode },
                Step::Package | Step::Window { .. } => return Ok(Next::Done),
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
            (Step::Package, _) => {
                if let Some(verified) = self.leaves.feed(&envelope.groups, bytes).map_err(refuse)? {
                    // Leaves do not end where the forward frames do.
                    let take = wide(verified.bytes().len()).min(self.unread);
                    self.unread = self.unread.saturating_sub(take);
                    let take = usize::try_from(take).unwrap_or(0);
                    self.stored.extend_from_slice(verified.bytes().get(..take).unwrap_or_default());
                }
            }
            (Step::Window { from }, _) => {
                if bytes.is_empty() {
                    return Err(refuse(broken(Problem::Reach)));
                }
                self.window = (from, bytes.to_vec());
            }
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
                    return Err(refuse(broken(Problem::Digest)));
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

    /// Every byte of the payload must have been for something.
    fn finish(&mut self) -> Result<Next, Stop> {
        if let Some(program) = &mut self.program {
            let end = program.next().map_err(|error| refuse(error.into()))?;
            if end.is_some() || self.instruction.is_some() {
                return Err(refuse(broken(Problem::Trailing)));
            }
        }
        if self.unread > 0 || !self.stored.is_empty() {
            return Err(refuse(broken(Problem::Trailing)));
        }
        Ok(Next::Done)
    }

    /// Makes some more new bytes, at most `left` of this target, or says what is needed for that.
    fn fill(&mut self, plan: &Plan, left: u64) -> Result<Option<Effect>, Stop> {
        let Some(program) = &mut self.program else { return self.frame() };
        let Some(instruction) = self.instruction.take() else {
            match program.next().map_err(|error| refuse(error.into()))? {
                Some(instruction) => self.instruction = Some(instruction),
                None => {
                    self.old = program.old();
                    self.program = None;
                }
            }
            return Ok(None);
        };
        let room = left.saturating_sub(wide(self.out.len())).min(wide(WRITE));
        match instruction {
            Instruction::Literal { len } => {
                let literals = program.literals(len.min(room)).map_err(|error| refuse(error.into()))?;
                let rest = len.saturating_sub(wide(literals.len()));
                self.out.extend_from_slice(literals);
                self.instruction = (rest > 0).then_some(Instruction::Literal { len: rest });
            }
            Instruction::Copy { from, len } => {
                let within = from.checked_sub(self.window.0).and_then(|at| usize::try_from(at).ok());
                let ready = within.and_then(|at| self.window.1.get(at..)).unwrap_or_default();
                let take = wide(ready.len()).min(len).min(room);
                if take == 0 {
                    self.instruction = Some(Instruction::Copy { from, len });
                    return self.read_old(plan, from).map(Some);
                }
                let start = self.out.len();
                self.out
                    .extend_from_slice(ready.get(..usize::try_from(take).unwrap_or(0)).unwrap_or_default());
                let fresh = self.out.get_mut(start..).unwrap_or_default();
                program.add(fresh).map_err(|error| refuse(error.into()))?;
                let rest = len.saturating_sub(take);
                let from = from.saturating_add(take);
                self.instruction = (rest > 0).then_some(Instruction::Copy { from, len: rest });
            }
        }
        Ok(None)
    }

    /// Reads ahead in the old file that holds `from`.
    fn read_old(&mut self, plan: &Plan, from: u64) -> Result<Effect, Stop> {
        // Empty files begin where the next one does: the last that begins at or before is the one that has bytes.
        let at = self.sources.partition_point(|(start, _, _)| *start <= from);
        let source = at.checked_sub(1).and_then(|at| self.sources.get(at));
        let found = source.and_then(|(start, index, size)| {
            let offset = from.checked_sub(*start).filter(|offset| offset < size)?;
            Some((plan.manifest().entries().get(*index)?, offset))
        });
        let Some((entry, offset)) = found else { return Err(refuse(broken(Problem::Reach))) };
        self.step = Step::Window { from };
        Ok(Effect::Read { place: Place::Tree(entry.path.clone()), offset, len: CHUNK })
    }

    /// Reads the next frame and decompresses it.
    fn frame(&mut self) -> Result<Option<Effect>, Stop> {
        let head_len = usize::try_from(FRAME_HEAD).unwrap_or(0);
        let head = match self.stored.get(..head_len) {
            Some(bytes) => Some(FrameHead::parse(bytes).map_err(refuse)?),
            None => None,
        };
        if let Some(head) = head {
            let limit = self.limits.frame;
            if head.raw_len > limit {
                let found = u64::from(head.raw_len);
                return Err(refuse(Error::Limit { part: Part::Frame, found, limit: u64::from(limit) }));
            }
            let end = head_len.saturating_add(usize::try_from(head.stored_len).unwrap_or(usize::MAX));
            if let Some(stored) = self.stored.get(head_len..end) {
                let raw = decompress(head, stored).map_err(refuse)?;
                self.program = Some(Program::new(raw, self.old).map_err(|error| refuse(error.into()))?);
                self.stored.drain(..end);
                return Ok(None);
            }
        }
        match self.leaves.need() {
            Some(need) => {
                self.step = Step::Package;
                Ok(Some(Effect::ReadPackage { offset: need.offset, len: need.len }))
            }
            None => Err(refuse(broken(Problem::Truncated))),
        }
    }
}

/// Decompresses a frame's verified bytes.
pub(crate) fn decompress(head: FrameHead, stored: &[u8]) -> Result<Vec<u8>, Error> {
    if head.encoding == Encoding::STORED {
        return Ok(stored.to_vec());
    }
    let mut raw = alloc::vec![0; usize::try_from(head.raw_len).unwrap_or(0)];
    let mut decoder = ruzstd::decoding::FrameDecoder::new();
    // A window larger than the frame would be memory that the frame's length does not announce.
    decoder.set_max_window_size(u64::from(head.raw_len.max(1 << 10)));
    let len = decoder.decode_all(stored, &mut raw).map_err(|_| broken(Problem::Compression))?;
    if len != raw.len() {
        return Err(broken(Problem::Length));
    }
    Ok(raw)
}

fn broken(problem: Problem) -> Error {
    Malformed { part: Part::Frame, offset: 0, problem }.into()
}

fn refuse(error: Error) -> Stop {
    Stop::Refuse(Reason::Package(error))
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
