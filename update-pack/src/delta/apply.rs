//! The machine that applies a delta, a window at a time.
//!
//! ```text
//!             .-------------------------------------------------------.
//!             v                                                       |
//!   start -> Head -> Fill --(the gap is full)--> Shared -> CopyShared-'
//!             |      |  ^
//!             |      '--'  through Literals or CopyPrivate
//!             '-> Done when both sides are used up
//! ```

use alloc::vec::Vec;

use super::differences::{AHEAD, Change, Gap};
use super::error::{Error, Problem};
use super::model::unzigzag;
use super::part::{Fill, Number, Part};
use super::patch::{Direction, Patch};
use super::rans::{Decoder, Need};

/// Bytes of the source that are asked for at once, at most.
pub const SOURCE_WINDOW: u32 = 64 << 10;
/// Bytes that are written at once, at most.
pub const WRITE_WINDOW: u32 = 64 << 10;

/// What the machine wants done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Read these bytes of the delta and hand them to [`Apply::give`].
    Patch {
        /// Where they begin.
        at: u64,
        /// How many there are.
        len: u32,
    },
    /// Read these bytes of the source and hand them to [`Apply::give`].
    Source {
        /// Where they begin.
        at: u64,
        /// How many there are.
        len: u32,
    },
    /// Append these bytes to what is made.
    Write(&'a [u8]),
    /// All is made.
    Done,
}

/// Applies a delta in one direction.
///
/// It holds two blocks and two windows of the source, one of the target, the models of two parts and the last literals:
/// never more than 8 MiB, whatever the size of the files.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    direction: Direction,
    shared: Side,
    private: Side,
    /// The next byte of the source and of the target on the shared way, and how many there are.
    source: u64,
    source_len: u64,
    target: u64,
    target_len: u64,
    /// Where the next private copy is expected.
    expected: u64,
    state: State,
    asked: Option<(Asked, u32)>,
    out: Vec<u8>,
    lent: bool,
}

/// A part, its bytes, and the window of the source that its copies read.
#[derive(Clone, Debug, PartialEq)]
struct Side {
    part: Part,
    decoder: Decoder,
    at: u64,
    window: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Shared,
    Private,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Patch(Which),
    Source(Which, u64),
}

/// Where the machine stands; `fill` is how much of the gap is left, `skip` how far the source then moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Fill { fill: u64, skip: u64 },
    Literals { from: From, count: u64, fill: u64, skip: u64 },
    CopyPrivate { copy: Copying, fill: u64, skip: u64 },
    Shared,
    CopyShared { copy: Copying },
    Done,
    Failed(Error),
}

/// Where literals come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Model,
    Store,
    History(usize),
}

/// A copy under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Copying {
    /// The next byte of the source.
    at: u64,
    left: u64,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Gap,
    Equal { left: u64, end: bool },
    Change,
}

/// How a step ended.
enum Step {
    Went,
    Wants(Asked, u64, u32),
    Full,
}

impl Apply {
    /// Prepares to apply a delta.
    ///
    /// # Errors
    /// [`Error::NoUndo`] when it does not go that way, [`Error::WrongSource`] when the source is not `source_len`
    /// bytes long, [`Error::Limit`] when it makes more than `limit` bytes.
    pub fn new(patch: &Patch, direction: Direction, source_len: u64, limit: u64) -> Result<Self, Error> {
        let (at, len) = match direction {
            Direction::Forward => (patch.forward_at(), patch.forward),
            Direction::Undo => (patch.undo_at(), patch.undo.ok_or(Error::NoUndo)?),
        };
        let at = at.ok_or(Problem::Length)?;
        let expected = patch.source_len(direction);
        if source_len != expected {
            return Err(Error::WrongSource { found: source_len, expected });
        }
        let target_len = patch.target_len(direction);
        if target_len > limit {
            return Err(Error::Limit { found: target_len, limit });
        }
        let side = |decoder| Side { part: Part::new(), decoder, at: 0, window: Vec::new() };
        Ok(Self {
            direction,
            shared: side(Decoder::new(patch.shared_at(), patch.shared)),
            private: side(Decoder::new(at, len)),
            source: 0,
            source_len,
            target: 0,
            target_len,
            expected: 0,
            state: State::Head,
            asked: None,
            out: Vec::with_capacity(usize::try_from(u64::from(WRITE_WINDOW).min(target_len)).unwrap_or(0)),
            lent: false,
        })
    }

    /// The next thing to do. Asked again before the answer, it says the same.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a delta that is not sound; nothing more comes after that.
    pub fn poll(&mut self) -> Result<Output<'_>, Error> {
        if self.lent {
            self.out.clear();
            self.lent = false;
        }
        if self.asked.is_none() {
            loop {
                let step = match self.step() {
                    Ok(step) => step,
                    Err(error) => {
                        self.state = State::Failed(error);
                        return Err(error);
                    }
                };
                match step {
                    Step::Went => {}
                    Step::Full => {
                        if self.out.is_empty() {
                            return Ok(Output::Done);
                        }
                        self.lent = true;
                        return Ok(Output::Write(&self.out));
                    }
                    Step::Wants(asked, at, len) => {
                        self.asked = Some((asked, len));
                        return Ok(request(asked, at, len));
                    }
                }
            }
        }
        match self.asked {
            Some((asked @ Asked::Source(_, at), len)) => Ok(request(asked, at, len)),
            Some((asked @ Asked::Patch(which), len)) => {
                let at = self.side(which).decoder.position();
                Ok(request(asked, at, len))
            }
            None => Ok(Output::Done),
        }
    }

    /// Takes the bytes that were asked for, all of them.
    ///
    /// # Errors
    /// [`Error::Misuse`] when there are more or fewer, or when none were asked for.
    pub fn give(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (asked, len) = self.asked.ok_or(Error::Misuse { given: bytes.len(), wanted: 0 })?;
        let wanted = usize::try_from(len).unwrap_or(usize::MAX);
        if bytes.len() != wanted {
            return Err(Error::Misuse { given: bytes.len(), wanted });
        }
        self.asked = None;
        match asked {
            Asked::Patch(which) => self.side(which).decoder.give(bytes),
            Asked::Source(which, at) => {
                let side = self.side(which);
                side.at = at;
                side.window.clear();
                side.window.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// Bytes made so far, and bytes to make.
    pub fn progress(&self) -> (u64, u64) {
        (self.target, self.target_len)
    }

    fn side(&mut self, which: Which) -> &mut Side {
        match which {
            Which::Shared => &mut self.shared,
            Which::Private => &mut self.private,
        }
    }

    fn room(&self) -> usize {
        usize::try_from(WRITE_WINDOW).unwrap_or(0).saturating_sub(self.out.len())
    }

    fn step(&mut self) -> Result<Step, Error> {
        match self.state {
            State::Head => self.head(),
            State::Fill { fill, skip } => self.fill(fill, skip),
            State::Literals { from, count, fill, skip } => self.literals(from, count, fill, skip),
            State::Shared => self.shared(),
            State::CopyShared { mut copy } => {
                let step = self.copy(Which::Shared, &mut copy)?;
                self.state = State::CopyShared { copy };
                if copy.left == 0 {
                    self.source = copy.at;
                    self.state = State::Head;
                }
                Ok(step)
            }
            State::CopyPrivate { mut copy, fill, skip } => {
                let step = self.copy(Which::Private, &mut copy)?;
                self.state = State::CopyPrivate { copy, fill, skip };
                if copy.left == 0 {
                    self.expected = copy.at;
                    self.state = State::Fill { fill, skip };
                }
                Ok(step)
            }
            State::Done => Ok(Step::Full),
            State::Failed(error) => Err(error),
        }
    }

    fn head(&mut self) -> Result<Step, Error> {
        if self.source == self.source_len && self.target == self.target_len {
            self.shared.decoder.finish()?;
            self.private.decoder.finish()?;
            self.state = State::Done;
            return Ok(Step::Went);
        }
        if let Some(step) = self.prepare(Which::Shared)? {
            return Ok(step);
        }
        let Side { part, decoder, .. } = &mut self.shared;
        let new = part.number(decoder, Number::NewGap, 0)?;
        let old = part.number(decoder, Number::OldGap, 0)?;
        let (fill, skip) = match self.direction {
            Direction::Forward => (new, old),
            Direction::Undo => (old, new),
        };
        if fill > self.target_len.saturating_sub(self.target)
            || skip > self.source_len.saturating_sub(self.source)
        {
            return Err(Problem::Range.into());
        }
        self.expected = self.source;
        self.state = State::Fill { fill, skip };
        Ok(Step::Went)
    }

    fn fill(&mut self, fill: u64, skip: u64) -> Result<Step, Error> {
        if fill == 0 {
            self.source = self.source.saturating_add(skip);
            let over = self.source == self.source_len && self.target == self.target_len;
            self.state = if over { State::Head } else { State::Shared };
            return Ok(Step::Went);
        }
        if let Some(step) = self.prepare(Which::Private)? {
            return Ok(step);
        }
        let Side { part, decoder, .. } = &mut self.private;
        let what = part.fill(decoder, Fill::Literals)?;
        let (count, from) = match what {
            Fill::Literals => (part.number(decoder, Number::Literals, 0)?, From::Model),
            Fill::Stored => (part.number(decoder, Number::Stored, 0)?, From::Store),
            Fill::Repeat => {
                let count = part.number(decoder, Number::RepeatLen, 0)?;
                let distance = part.number(decoder, Number::RepeatAt, 0)?;
                let distance = usize::try_from(distance).unwrap_or(usize::MAX);
                if distance == 0 || distance > part.reach() {
                    return Err(Problem::Range.into());
                }
                (count, From::History(distance))
            }
            Fill::Copy => {
                let left = part.number(decoder, Number::PrivateLen, 0)?;
                let away = unzigzag(part.number(decoder, Number::PrivateAt, 0)?);
                let at = self.expected.checked_add_signed(away).ok_or(Problem::Range)?;
                if at.checked_add(left).is_none_or(|end| end > self.source_len) {
                    return Err(Problem::Range.into());
                }
                let fill = rest(fill, left)?;
                self.state = State::CopyPrivate { copy: Copying { at, left, phase: Phase::Gap }, fill, skip };
                return Ok(Step::Went);
            }
        };
        self.state = State::Literals { from, count, fill: rest(fill, count)?, skip };
        Ok(Step::Went)
    }

    fn literals(&mut self, from: From, count: u64, fill: u64, skip: u64) -> Result<Step, Error> {
        let mut count = count;
        let mut room = self.room();
        let Side { part, decoder, .. } = &mut self.private;
        let step = loop {
            if count == 0 {
                self.state = State::Fill { fill, skip };
                return Ok(Step::Went);
            }
            if room == 0 {
                break Step::Full;
            }
            // A repetition reads nothing of the delta, which may end with it.
            if !matches!(from, From::History(_))
                && let Need::Bytes { at, len } = decoder.prepare()?
            {
                break Step::Wants(Asked::Patch(Which::Private), at, len);
            }
            self.out.push(match from {
                From::Model => part.literal(decoder, 0)?,
                From::Store => part.stored(decoder, 0)?,
                From::History(distance) => part.repeat(distance)?,
            });
            room = room.wrapping_sub(1);
            count = count.wrapping_sub(1);
            self.target = self.target.saturating_add(1);
        };
        self.state = State::Literals { from, count, fill, skip };
        Ok(step)
    }

    fn shared(&mut self) -> Result<Step, Error> {
        if let Some(step) = self.prepare(Which::Shared)? {
            return Ok(step);
        }
        let Side { part, decoder, .. } = &mut self.shared;
        let left = part.number(decoder, Number::SharedLen, 0)?;
        let most = self.target_len.saturating_sub(self.target);
        if left == 0 || left > most || left > self.source_len.saturating_sub(self.source) {
            return Err(Problem::Range.into());
        }
        self.state = State::CopyShared { copy: Copying { at: self.source, left, phase: Phase::Gap } };
        Ok(Step::Went)
    }

    /// The delta's bytes for one step.
    #[inline]
    fn prepare(&mut self, which: Which) -> Result<Option<Step>, Error> {
        Ok(match self.side(which).decoder.prepare()? {
            Need::Nothing => None,
            Need::Bytes { at, len } => Some(Step::Wants(Asked::Patch(which), at, len)),
        })
    }

    fn copy(&mut self, which: Which, copy: &mut Copying) -> Result<Step, Error> {
        let room = self.room();
        // Undone, a shared copy gives back the old bytes; a private one always makes what it is in.
        let back = which == Which::Shared && self.direction == Direction::Undo;
        let source_len = self.source_len;
        let Self { shared, private, out, target, .. } = self;
        let side = if which == Which::Shared { shared } else { private };
        let Side { part, decoder, at, window } = side;
        loop {
            if copy.left == 0 {
                return Ok(Step::Went);
            }
            let room = room.min(usize::try_from(WRITE_WINDOW).unwrap_or(0).saturating_sub(out.len()));
            let held = copy.at.checked_sub(*at).and_then(|from| usize::try_from(from).ok());
            let held = held.and_then(|from| window.get(from..)).unwrap_or_default();
            let held = match usize::try_from(copy.left) {
                Ok(left) if left < held.len() => held.get(..left).unwrap_or_default(),
                _ => held,
            };
            let wanted = match copy.phase {
                Phase::Gap => AHEAD,
                Phase::Change => 4,
                Phase::Equal { .. } => 1,
            };
            let enough =
                held.len() >= wanted || u64::try_from(held.len()).is_ok_and(|held| held == copy.left);
            if !enough {
                // A private copy may be short and far from the next: it does not read far ahead.
                let ahead = match which {
                    Which::Shared => source_len.saturating_sub(copy.at),
                    Which::Private => copy.left,
                };
                let len = u32::try_from(ahead).unwrap_or(u32::MAX).min(SOURCE_WINDOW);
                return Ok(Step::Wants(Asked::Source(which, copy.at), copy.at, len));
            }
            match copy.phase {
                Phase::Gap => {
                    if let Need::Bytes { at, len } = decoder.prepare()? {
                        return Ok(Step::Wants(Asked::Patch(which), at, len));
                    }
                    copy.phase = match part.differences.gap(decoder, held, Gap::End)? {
                        Gap::End => Phase::Equal { left: copy.left, end: true },
                        Gap::Candidate { equal, .. } | Gap::Equal(equal) => {
                            if equal >= copy.left {
                                return Err(Problem::Length.into());
                            }
                            Phase::Equal { left: equal, end: false }
                        }
                    };
                }
                Phase::Equal { left, end } => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(held.len()).min(room);
                    if count == 0 && left > 0 {
                        return Ok(Step::Full);
                    }
                    let bytes = held.get(..count).unwrap_or_default();
                    part.differences.pass(bytes);
                    out.extend_from_slice(bytes);
                    let went = u64::try_from(count).unwrap_or(0);
                    *target = target.saturating_add(went);
                    copy.at = copy.at.saturating_add(went);
                    copy.left = copy.left.saturating_sub(went);
                    let left = left.saturating_sub(went);
                    copy.phase = if left > 0 || end { Phase::Equal { left, end } } else { Phase::Change };
                }
                Phase::Change => {
                    if room < 4 {
                        return Ok(Step::Full);
                    }
                    if let Need::Bytes { at, len } = decoder.prepare()? {
                        return Ok(Step::Wants(Asked::Patch(which), at, len));
                    }
                    let went = match part.differences.change(decoder, Change::Byte(0))? {
                        Change::Word(amount) => {
                            let word = *held.first_chunk::<4>().ok_or(Problem::Length)?;
                            let value = u32::from_le_bytes(word);
                            let made =
                                if back { value.wrapping_sub(amount) } else { value.wrapping_add(amount) };
                            let made = made.to_le_bytes();
                            out.extend_from_slice(&made);
                            part.differences.pass(if back { &made } else { &word });
                            4
                        }
                        Change::Byte(amount) => {
                            let byte = *held.first().ok_or(Problem::Length)?;
                            let made =
                                if back { byte.wrapping_sub(amount) } else { byte.wrapping_add(amount) };
                            out.push(made);
                            part.differences.pass(&[if back { made } else { byte }]);
                            1
                        }
                    };
                    *target = target.saturating_add(went);
                    copy.at = copy.at.saturating_add(went);
                    copy.left = copy.left.saturating_sub(went);
                    copy.phase = Phase::Gap;
                }
            }
        }
    }
}

/// What is left of a gap after bytes that fill it: some do, and none stand over.
fn rest(fill: u64, count: u64) -> Result<u64, Problem> {
    if count == 0 { Err(Problem::NotCanonical) } else { fill.checked_sub(count).ok_or(Problem::Length) }
}

fn request<'a>(asked: Asked, at: u64, len: u32) -> Output<'a> {
    match asked {
        Asked::Patch(_) => Output::Patch { at, len },
        Asked::Source(..) => Output::Source { at, len },
    }
}

/// Applies a delta from memory to memory.
///
/// # Errors
/// Those of [`Patch::parse`], [`Apply::new`] and [`Apply::poll`]; [`Error::Limit`] above `limit` bytes.
pub fn apply(delta: &[u8], direction: Direction, source: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
    let len = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let patch = Patch::parse(delta, len(delta))?;
    let mut machine = Apply::new(&patch, direction, len(source), limit)?;
    // A lying length reserves no more than the files at hand suggest.
    let mut made = Vec::with_capacity(
        usize::try_from(machine.target_len)
            .unwrap_or(0)
            .min(source.len().saturating_mul(2).saturating_add(1 << 20)),
    );
    loop {
        let (from, at, len) = match machine.poll()? {
            Output::Patch { at, len } => (delta, at, len),
            Output::Source { at, len } => (source, at, len),
            Output::Write(bytes) => {
                made.extend_from_slice(bytes);
                continue;
            }
            Output::Done => return Ok(made),
        };
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let end = at.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
        machine.give(from.get(at..end).ok_or(Problem::Length)?)?;
    }
}
