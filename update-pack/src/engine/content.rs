//! Where new content comes from: frames of literal bytes, or a delta from the old content.
//!
//! Both read the payload through its hashes, leaf by leaf: nothing is decompressed or interpreted before it is checked.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::plan::Plan;
use super::resume::Start;
use super::script::Stop;
use super::types::Reason;
use crate::delta::{Apply, Direction, HEAD_MAX, Output, Patch};
use crate::error::{Error, Malformed, Part, Problem};
use crate::limits::Limits;
use crate::seal::{ProfileKey, StreamKey};
use crate::tree::{Path, Side};
use crate::verify::{Envelope, Layout, Need, Stretch};
use crate::wire::{Encoding, FRAME_HEAD, FrameHead, LEAF, StreamKind};

/// What is needed to make more new bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    Package(Need),
    /// Some of a file of the tree.
    Tree {
        path: Path,
        offset: u64,
        len: u32,
    },
    /// Some of the delta that was kept for the way back.
    Kept {
        offset: u64,
        len: u32,
    },
}

/// Where new content comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Frames(Box<Frames>),
    Delta(Box<Delta>),
}

impl Content {
    /// The content of all files that a package brings, `total` bytes. An encrypted stream opens with one of `keys`.
    pub(super) fn new(
        (limits, keys): (Limits, &[ProfileKey]),
        plan: &Plan,
        envelope: &Envelope,
        total: u64,
        from: Start,
    ) -> Self {
        let (stream, layout) = envelope.stream().unwrap_or_default();
        // That there is a key was found before anything was touched; what is read without one has no digest of a file.
        let (key, len) = (envelope.stream_key(keys).ok().flatten(), layout.content_len(stream.sealed));
        if stream.kind.is_delta() {
            let back = (stream.kind == StreamKind::DELTA_BOTH).then_some(stream.back);
            let patch = Patches::Package { layout, key, back };
            Self::Delta(Box::new(Delta::new(plan, Source { patch, len }, total)))
        } else {
            Self::Frames(Box::new(Frames {
                limit: limits.frame,
                stretch: Stretch::new(layout, key, from.payload, len),
                next: from,
                start: from,
                stored: Vec::new(),
                raw: Vec::new(),
                at: 0,
            }))
        }
    }

    /// The old content again, made from the new and a kept delta of `len` bytes; `total` bytes.
    pub(super) fn back(plan: &Plan, len: u64, total: u64) -> Self {
        Self::Delta(Box::new(Delta::new(plan, Source { patch: Patches::Kept, len }, total)))
    }

    /// Appends at most `room` new bytes to `out`, or says what is needed for that.
    pub(super) fn fill(&mut self, plan: &Plan, out: &mut Vec<u8>, room: u64) -> Result<Option<Ask>, Stop> {
        match self {
            Self::Frames(frames) => frames.fill(out, room),
            Self::Delta(delta) => delta.fill(plan, out, room),
        }
    }

    /// From where on the last new bytes can be made again. A delta has learned from all before: it is read again from
    /// its beginning, and what it makes a second time is not written.
    pub(super) fn start(&self) -> Start {
        match self {
            Self::Frames(frames) => frames.start,
            Self::Delta(_) => Start::default(),
        }
    }

    /// Takes what was asked for.
    pub(super) fn take(&mut self, groups: &[u8], bytes: &[u8]) -> Result<(), Stop> {
        match self {
            Self::Frames(frames) => frames.take(groups, bytes),
            Self::Delta(delta) => delta.take(groups, bytes),
        }
    }

    /// Every byte of the payload must have been for something.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        let spent = match self {
            Self::Frames(frames) => {
                frames.stored.is_empty() && frames.left() == 0 && frames.stretch.need().is_none()
            }
            Self::Delta(delta) => delta.is_spent()?,
        };
        if spent { Ok(()) } else { Err(broken(Problem::Trailing)) }
    }
}

/// Frames, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frames {
    limit: u32,
    stretch: Stretch,
    /// Where the present frame begins, and the one behind it.
    start: Start,
    next: Start,
    /// Stored bytes not yet decompressed, a frame's head first.
    stored: Vec<u8>,
    raw: Vec<u8>,
    /// How much of `raw` is used.
    at: usize,
}

impl Frames {
    fn left(&self) -> usize {
        self.raw.len().saturating_sub(self.at)
    }

    fn fill(&mut self, out: &mut Vec<u8>, room: u64) -> Result<Option<Ask>, Stop> {
        if self.left() == 0 {
            return self.frame();
        }
        let end = self.at.saturating_add(usize::try_from(room).unwrap_or(usize::MAX)).min(self.raw.len());
        out.extend_from_slice(self.raw.get(self.at..end).unwrap_or_default());
        self.at = end;
        Ok(None)
    }

    /// Decompresses the next frame, or says what is missing of it.
    fn frame(&mut self) -> Result<Option<Ask>, Stop> {
        let head_len = usize::try_from(FRAME_HEAD).unwrap_or(0);
        if let Some(bytes) = self.stored.get(..head_len) {
            let head = FrameHead::parse(bytes).map_err(refuse)?;
            // What is stored is never longer than what it becomes.
            if head.raw_len > self.limit {
                let (found, limit) = (u64::from(head.raw_len), u64::from(self.limit));
                return Err(refuse(Error::Limit { part: Part::Frame, found, limit }));
            }
            let end = head_len.saturating_add(usize::try_from(head.stored_len).unwrap_or(usize::MAX));
            // Never two frames at once, and no more room than this one takes.
            self.raw = Vec::new();
            let room = end.saturating_add(usize::try_from(LEAF).unwrap_or(0));
            self.stored.reserve_exact(room.saturating_sub(self.stored.len()));
            if let Some(stored) = self.stored.get(head_len..end) {
                self.raw = decompress(head, stored).map_err(refuse)?;
                self.at = 0;
                self.stored.drain(..end);
                self.start = self.next;
                self.next.payload = self.next.payload.saturating_add(wide(end));
                self.next.raw = self.next.raw.saturating_add(u64::from(head.raw_len));
                return Ok(None);
            }
        }
        self.stretch.need().map(|need| Some(Ask::Package(need))).ok_or_else(|| broken(Problem::Truncated))
    }

    fn take(&mut self, groups: &[u8], bytes: &[u8]) -> Result<(), Stop> {
        if let Some(content) = self.stretch.feed(groups, bytes).map_err(refuse)? {
            self.stored.extend_from_slice(&content);
        }
        Ok(())
    }
}

/// A delta between the old files and the new ones, each side end to end in the order of the manifest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Delta {
    source: Source,
    total: u64,
    /// Files to start from: where each begins among them, its index, its length.
    sources: Vec<(u64, usize, u64)>,
    source_len: u64,
    apply: Option<Apply>,
    /// New bytes that belong to the files after the present one.
    spill: Vec<u8>,
    spilled: usize,
    wanted: Option<Wanted>,
}

/// A delta, and which way it is taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    patch: Patches,
    /// Bytes of the delta.
    len: u64,
}

/// Where a delta lies.
#[derive(Clone, Debug, PartialEq)]
enum Patches {
    /// In the package: it leads forward.
    Package {
        layout: Layout,
        key: Option<StreamKey>,
        /// How many bytes are for the way back, if it has one.
        back: Option<u64>,
    },
    /// Beside the journal: it leads back.
    Kept,
}

/// A range that is being read.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    from: u64,
    len: u32,
    place: Held,
    bytes: Vec<u8>,
}

/// What holds a range.
#[derive(Clone, Debug, PartialEq)]
enum Held {
    Package(Stretch),
    Kept,
    Files,
}

impl Wanted {
    fn is_whole(&self) -> bool {
        u32::try_from(self.bytes.len()) == Ok(self.len)
    }
}

impl Delta {
    fn new(plan: &Plan, source: Source, total: u64) -> Self {
        let mut source_len: u64 = 0;
        let side = match source.patch {
            Patches::Package { .. } => Side::Before,
            Patches::Kept => Side::After,
        };
        let sources = plan.contents(side).map(|(index, size)| {
            let start = source_len;
            source_len = source_len.saturating_add(size);
            (start, index, size)
        });
        let sources = sources.collect();
        Self { source, total, sources, source_len, apply: None, spill: Vec::new(), spilled: 0, wanted: None }
    }

    fn fill(&mut self, plan: &Plan, out: &mut Vec<u8>, room: u64) -> Result<Option<Ask>, Stop> {
        if self.spilled < self.spill.len() {
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let end = self.spilled.saturating_add(room).min(self.spill.len());
            out.extend_from_slice(self.spill.get(self.spilled..end).unwrap_or_default());
            self.spilled = end;
            return Ok(None);
        }
        match self.wanted.take() {
            Some(wanted) if wanted.is_whole() => self.give(&wanted.bytes).map(|()| None),
            Some(wanted) => {
                let ask = self.ask(plan, &wanted);
                self.wanted = Some(wanted);
                ask.map(Some)
            }
            None => self.poll(),
        }
    }

    /// Asks the delta what is next.
    fn poll(&mut self) -> Result<Option<Ask>, Stop> {
        let Some(apply) = &mut self.apply else {
            let len = u32::try_from(HEAD_MAX).unwrap_or(u32::MAX);
            self.want_package(0, u32::try_from(self.source.len).unwrap_or(u32::MAX).min(len));
            return Ok(None);
        };
        match apply.poll().map_err(unsound)? {
            Output::Patch { at, len } => self.want_package(at, len),
            Output::Source { at, len } => {
                self.wanted = Some(Wanted { from: at, len, place: Held::Files, bytes: Vec::new() });
            }
            Output::Write(bytes) => {
                self.spill.clear();
                self.spill.extend_from_slice(bytes);
                self.spilled = 0;
            }
            Output::Done => return Err(broken(Problem::Truncated)),
        }
        Ok(None)
    }

    fn want_package(&mut self, from: u64, len: u32) {
        let place = match &self.source.patch {
            Patches::Package { layout, key, .. } => {
                let to = from.saturating_add(u64::from(len));
                Held::Package(Stretch::new(*layout, key.clone(), from, to))
            }
            Patches::Kept => Held::Kept,
        };
        self.wanted = Some(Wanted { from, len, place, bytes: Vec::new() });
    }

    fn give(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if let Some(apply) = &mut self.apply {
            return apply.give(bytes).map_err(unsound);
        }
        let patch = Patch::parse(bytes, self.source.len).map_err(unsound)?;
        let (direction, told) = match &self.source.patch {
            Patches::Package { back, .. } => (Direction::Forward, patch.undo == *back),
            Patches::Kept => (Direction::Undo, true),
        };
        let apply = Apply::new(&patch, direction, self.source_len, self.total).map_err(unsound)?;
        if patch.target_len(direction) != self.total || !told {
            return Err(broken(Problem::Length));
        }
        self.apply = Some(apply);
        Ok(())
    }

    fn ask(&self, plan: &Plan, wanted: &Wanted) -> Result<Ask, Stop> {
        let from = wanted.from.saturating_add(wide(wanted.bytes.len()));
        let missing = u64::from(wanted.len).saturating_sub(wide(wanted.bytes.len()));
        match &wanted.place {
            Held::Package(stretch) => {
                return stretch.need().map(Ask::Package).ok_or_else(|| broken(Problem::Truncated));
            }
            Held::Kept => {
                return Ok(Ask::Kept { offset: from, len: u32::try_from(missing).unwrap_or(u32::MAX) });
            }
            Held::Files => {}
        }
        // Empty files begin where the next one does: the last that begins at or before is the one that has bytes.
        let at = self.sources.partition_point(|(start, _, _)| *start <= from);
        let source = at.checked_sub(1).and_then(|at| self.sources.get(at));
        let found = source.and_then(|(start, index, size)| {
            let offset = from.checked_sub(*start)?;
            let here = size.checked_sub(offset).filter(|here| *here > 0)?;
            Some((plan.manifest().entries().get(*index)?, offset, here))
        });
        let Some((entry, offset, here)) = found else { return Err(broken(Problem::Reach)) };
        let len = u32::try_from(missing.min(here)).unwrap_or(u32::MAX);
        Ok(Ask::Tree { path: entry.path.clone(), offset, len })
    }

    fn take(&mut self, groups: &[u8], bytes: &[u8]) -> Result<(), Stop> {
        let Some(wanted) = &mut self.wanted else { return Ok(()) };
        let Held::Package(stretch) = &mut wanted.place else {
            if bytes.is_empty() {
                return Err(broken(Problem::Reach));
            }
            wanted.bytes.extend_from_slice(bytes);
            return Ok(());
        };
        if let Some(content) = stretch.feed(groups, bytes).map_err(refuse)? {
            wanted.bytes.extend_from_slice(&content);
        }
        Ok(())
    }

    fn is_spent(&mut self) -> Result<bool, Stop> {
        let Some(apply) = &mut self.apply else { return Ok(false) };
        Ok(self.spilled == self.spill.len() && apply.poll().map_err(unsound)? == Output::Done)
    }
}

/// Decompresses a frame's verified bytes.
fn decompress(head: FrameHead, stored: &[u8]) -> Result<Vec<u8>, Error> {
    if head.encoding == Encoding::STORED {
        return Ok(stored.to_vec());
    }
    let mut raw = alloc::vec![0; usize::try_from(head.raw_len).unwrap_or(0)];
    let mut decoder = ruzstd::decoding::FrameDecoder::new();
    // A window larger than the frame would be memory that the frame's length does not announce.
    decoder.set_max_window_size(u64::from(head.raw_len.max(1 << 10)));
    let len = decoder.decode_all(stored, &mut raw).map_err(|_| damaged(Problem::Compression))?;
    if len != raw.len() {
        return Err(damaged(Problem::Length));
    }
    Ok(raw)
}

fn damaged(problem: Problem) -> Error {
    Malformed { part: Part::Frame, offset: 0, problem }.into()
}

pub(super) fn broken(problem: Problem) -> Stop {
    refuse(damaged(problem))
}

/// A delta that is signed and yet not sound.
fn unsound(error: crate::delta::Error) -> Stop {
    broken(match error {
        crate::delta::Error::WrongSource { .. } | crate::delta::Error::Limit { .. } => Problem::Length,
        _ => Problem::Compression,
    })
}

fn refuse(error: Error) -> Stop {
    Stop::Refuse(Reason::Package(error))
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
