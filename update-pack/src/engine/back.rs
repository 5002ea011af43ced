//! The way back from the package's own delta: what must be kept of it, and what need no longer be kept of the old files.
//!
//! While an update is switched and tried, each old file has a second name in `old/`, which costs nothing. Once it has
//! come to stay, the content of those is let go: an empty file with the owner, attributes and, in the journal, the times
//! waits in its place, and the delta makes the content again from what is in the tree.

use alloc::vec::Vec;

use super::effect::{Answer, Effect, Failure};
use super::plan::Plan;
use super::script::{Next, Step, Stop};
use super::types::{Place, Reason};
use crate::delta::{HEAD_MAX, Patch};
use crate::error::{Error, Problem};
use crate::seal::{ProfileKey, StreamKey};
use crate::tree::Side;
use crate::verify::{Envelope, Layout, Stretch};
use crate::wire::{LEAF, StreamKind};

/// Copies the parts of a delta that the way back needs out of the package; the rest stays a hole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Keep {
    number: u32,
    layout: Layout,
    key: Option<StreamKey>,
    len: u64,
    /// What is copied now, and where it goes.
    stretch: Stretch,
    at: u64,
    /// What is copied then, once the head is known.
    rest: Vec<(u64, u64)>,
    head: bool,
    bytes: Vec<u8>,
    step: Look,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    /// Is there anything yet?
    Probe,
    Create,
    Package,
    /// Are these bytes there already?
    Compare,
    Write,
}

const GONE: &[Failure] = &[Failure::NotFound];

/// How long the delta is that an update can be taken back with, if it has one.
pub(super) fn kept(envelope: &Envelope) -> u64 {
    match envelope.stream() {
        Some((stream, layout)) if stream.kind == StreamKind::DELTA_BOTH => layout.content_len(stream.sealed),
        _ => 0,
    }
}

impl Keep {
    pub(super) fn new(number: u32, envelope: &Envelope, keys: &[ProfileKey]) -> Option<Self> {
        let len = kept(envelope);
        let (_, layout) = envelope.stream().filter(|_| len > 0)?;
        let key = envelope.stream_key(keys).ok().flatten();
        let head = u64::try_from(HEAD_MAX).unwrap_or(u64::MAX).min(len);
        Some(Self {
            number,
            layout,
            stretch: Stretch::new(layout, key.clone(), 0, head),
            key,
            len,
            at: 0,
            rest: Vec::new(),
            head: true,
            bytes: Vec::new(),
            step: Look::Probe,
        })
    }

    pub(super) fn next(&self) -> Next {
        let place = Place::Back(self.number);
        Next::Do(match self.step {
            Look::Probe => Effect::Stat { place },
            Look::Create => Effect::Create { place },
            Look::Package => match self.stretch.need() {
                Some(need) => Effect::ReadPackage { offset: need.offset, len: need.len },
                None => return Next::Done,
            },
            Look::Compare => Effect::Read { place, offset: self.at, len: LEAF },
            Look::Write => Effect::Write { place, offset: self.at, bytes: self.bytes.clone() },
        })
    }

    pub(super) fn answer(
        &mut self,
        envelope: &Envelope,
        result: Result<Answer<'_>, Failure>,
    ) -> Result<(), Stop> {
        if let (Look::Probe, Err(Failure::NotFound)) = (self.step, result) {
            self.step = Look::Create;
            return Ok(());
        }
        let answer = result.map_err(Stop::Fail)?;
        match (self.step, answer) {
            (Look::Package, Answer::Bytes(bytes)) => self.take(envelope, bytes)?,
            // What an earlier run has written is not written again.
            (Look::Compare, Answer::Bytes(found)) if found.get(..self.bytes.len()) != Some(&self.bytes) => {
                self.step = Look::Write;
            }
            (Look::Compare | Look::Write, _) => self.pass(),
            _ => self.step = Look::Package,
        }
        Ok(())
    }

    fn take(&mut self, envelope: &Envelope, bytes: &[u8]) -> Result<(), Stop> {
        let refuse = |error| Stop::Refuse(Reason::Package(error));
        let Some(content) = self.stretch.feed(&envelope.groups, bytes).map_err(refuse)? else {
            return Ok(());
        };
        if core::mem::take(&mut self.head) {
            let unsound = |_| super::content::broken(Problem::Compression);
            let patch = Patch::parse(&content, self.len).map_err(unsound)?;
            // What only the way back reads, then what both do.
            let both = patch.forward_at().unwrap_or(self.len);
            self.rest = alloc::vec![(patch.undo_at().unwrap_or(self.len), self.len), (0, both)];
            self.turn();
        } else {
            self.bytes = content.into_owned();
            self.step = Look::Compare;
        }
        Ok(())
    }

    fn pass(&mut self) {
        self.at = self.at.saturating_add(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX));
        self.bytes.clear();
        self.step = Look::Package;
        if self.stretch.need().is_none() {
            self.turn();
        }
    }

    /// Goes to the next range that is not empty.
    fn turn(&mut self) {
        while let Some((from, to)) = self.rest.pop() {
            self.at = from;
            self.stretch = Stretch::new(self.layout, self.key.clone(), from, to);
            if from < to {
                return;
            }
        }
    }
}

impl Plan {
    /// Lets go of the content of the old files that the delta makes again. Can be repeated.
    pub(super) fn shed(&self, number: u32) -> Vec<Step> {
        // That the update is applied must be known first, and an owner kept before the file that has him goes.
        let mut steps = alloc::vec![Step::new(Effect::Barrier)];
        for target in self.targets(Side::Before) {
            let (shell, old) = (Place::New(number, target.index), Place::Old(number, target.index));
            steps.push(Step::new(Effect::Unlink { place: shell.clone() }).or(GONE));
            steps.push(Step::new(Effect::Create { place: shell.clone() }));
            steps.push(Step::new(Effect::Inherit { from: old, to: shell }));
        }
        steps.extend(self.remade(number));
        steps
    }

    /// Makes room for the old content that is about to be made again.
    pub(super) fn clear(&self, number: u32) -> Vec<Step> {
        let unlink = |index| Step::new(Effect::Unlink { place: Place::New(number, index) }).or(GONE);
        self.targets(Side::Before).map(|target| unlink(target.index)).collect()
    }

    /// Puts what was made of old files where an undo looks for them.
    pub(super) fn remade(&self, number: u32) -> Vec<Step> {
        let mut steps = alloc::vec![Step::new(Effect::Barrier)];
        steps.extend(self.targets(Side::Before).map(|target| {
            let (from, to) = (Place::New(number, target.index), Place::Old(number, target.index));
            Step::new(Effect::Rename { from, to })
        }));
        // They would be names of what was there before.
        steps.extend(self.further_names(number));
        steps
    }

    /// Takes away the further names of old files: they are given again when the first one is back.
    fn further_names(&self, number: u32) -> impl Iterator<Item = Step> {
        self.linked(Side::Before)
            .map(move |index| Step::new(Effect::Unlink { place: Place::Old(number, index) }).or(GONE))
    }
}

/// What is wrong when the kept delta does not make the old content.
pub(super) fn rotten(number: u32, why: Error) -> Reason {
    Reason::Journal { place: Place::Back(number), why }
}
