//! Reads the engine's own state: what is installed, and which updates stand in which state.

use alloc::vec::Vec;

use super::effect::{Answer, Effect, Failure};
use super::inspect::CHUNK;
use super::journal::{Installed, Mark, Record};
use super::note::{Note, Notes};
use super::resume::SLOTS;
use super::script::{Next, Step, Stop};
use super::types::{Place, Reason};

/// What was found.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Found {
    /// Whether the engine's directory is there.
    pub(super) home: bool,
    pub(super) installed: Option<Installed>,
    /// The updates in ascending order, with their state and record from `switching` on.
    pub(super) updates: Vec<(u32, Option<(Mark, Record)>)>,
    /// What is noted of them, in the same order.
    notes: Vec<(u32, Notes)>,
}

impl Found {
    /// An update begins anew: what was noted of one of its number is gone.
    pub(super) fn forget(&mut self, number: u32) {
        self.notes.retain(|(other, _)| *other != number);
    }

    /// What is noted of an update.
    pub(super) fn notes(&self, number: u32) -> Notes {
        let found = self.notes.iter().find(|(other, _)| *other == number);
        found.map(|(_, notes)| notes.clone()).unwrap_or_default()
    }

    /// The last update, when it is one that has not touched the tree yet.
    pub(super) fn staging(&self) -> Option<u32> {
        self.updates.last().filter(|(_, state)| state.is_none()).map(|(number, _)| *number)
    }

    /// The last update that has.
    pub(super) fn last(&self) -> Option<(u32, &Mark, &Record)> {
        let known = self.updates.iter().rev();
        known
            .filter_map(|(number, state)| state.as_ref().map(|(mark, record)| (*number, mark, record)))
            .next()
    }
}

/// Where the reading stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recover {
    found: Found,
    /// Updates not yet looked at, the highest first.
    numbers: Vec<u32>,
    look: Look,
}

#[derive(Clone, Debug, PartialEq)]
enum Look {
    Home,
    Installed(Vec<u8>),
    Update,
    Journal(Mark, Vec<u8>),
    Done,
}

impl Recover {
    pub(super) fn new() -> Self {
        Self { found: Found::default(), numbers: Vec::new(), look: Look::Home }
    }

    pub(super) fn finish(self) -> Found {
        self.found
    }

    pub(super) fn next(&self) -> Next {
        let number = self.numbers.last().copied();
        let read = |place, read: &Vec<u8>| Effect::Read { place, offset: wide(read.len()), len: CHUNK };
        match (&self.look, number) {
            (Look::Home, _) => Next::Do(Effect::List { place: Place::Home }),
            (Look::Installed(bytes), _) => Next::Do(read(Place::Installed, bytes)),
            (Look::Update, Some(number)) => Next::Do(Effect::List { place: Place::Update(number) }),
            (Look::Journal(mark, bytes), Some(number)) => {
                Next::Do(read(Place::Journal(number, *mark), bytes))
            }
            _ => Next::Done,
        }
    }

    pub(super) fn answer(&mut self, result: Result<Answer<'_>, Failure>) -> Result<(), Stop> {
        let answer = match (&self.look, result) {
            (Look::Home, Err(Failure::NotFound)) => {
                self.look = Look::Done;
                return Ok(());
            }
            (_, result) => result.map_err(Stop::Fail)?,
        };
        let look = core::mem::replace(&mut self.look, Look::Update);
        match (look, answer) {
            (Look::Home, Answer::Names(names)) => {
                self.found.home = true;
                self.numbers = names.iter().filter_map(|name| number(name)).collect();
                self.numbers.sort_unstable_by(|a, b| b.cmp(a));
                if names.contains(&&b"installed"[..]) {
                    self.look = Look::Installed(Vec::new());
                }
            }
            (Look::Installed(mut bytes), Answer::Bytes(more)) => {
                bytes.extend_from_slice(more);
                if more.is_empty() {
                    let damaged = |why| Stop::Refuse(Reason::Journal { place: Place::Installed, why });
                    self.found.installed = Some(Installed::parse(&bytes).map_err(damaged)?);
                } else {
                    self.look = Look::Installed(bytes);
                }
            }
            (Look::Update, Answer::Names(names)) => {
                let notes = names.iter().filter_map(|name| Note::named(name)).collect();
                let number = self.numbers.last().copied().unwrap_or(0);
                self.found.notes.push((number, Notes::new(notes)));
                let mark = names.iter().filter_map(|name| Mark::named(name)).max();
                match mark.filter(|mark| *mark > Mark::Draft) {
                    Some(mark) => self.look = Look::Journal(mark, Vec::new()),
                    None => self.push(None),
                }
            }
            (Look::Journal(mark, mut bytes), Answer::Bytes(more)) => {
                bytes.extend_from_slice(more);
                if more.is_empty() {
                    let place = Place::Journal(self.numbers.last().copied().unwrap_or(0), mark);
                    let damaged = |why| Stop::Refuse(Reason::Journal { place, why });
                    let record = Record::parse(&bytes).map_err(damaged)?;
                    self.push(Some((mark, record)));
                } else {
                    self.look = Look::Journal(mark, bytes);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, state: Option<(Mark, Record)>) {
        if let Some(number) = self.numbers.pop() {
            self.found.updates.push((number, state));
        }
    }
}

/// The number that a directory of an update is called by.
fn number(name: &[u8]) -> Option<u32> {
    let number: u32 = core::str::from_utf8(name).ok()?.parse().ok()?;
    (alloc::format!("{number}").as_bytes() == name).then_some(number)
}

/// Where the removal of an update's directory stands: what lies in it must be listed first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Discard {
    number: u32,
    /// What is kept of `new/`, when the update itself is to go on.
    keep: Option<Vec<usize>>,
    new: Option<Vec<usize>>,
    old: Option<Vec<usize>>,
    notes: Option<Vec<Note>>,
}

const GONE: &[Failure] = &[Failure::NotFound];
const GONE_OR_DIR: &[Failure] = &[Failure::NotFound, Failure::IsDirectory];
const GONE_OR_FILE: &[Failure] = &[Failure::NotFound, Failure::NotDirectory];

impl Discard {
    pub(super) fn new(number: u32) -> Self {
        Self { number, keep: None, new: None, old: None, notes: None }
    }

    /// Removes all but some of what will be put into the tree.
    pub(super) fn keeping(number: u32, keep: Vec<usize>) -> Self {
        Self { number, keep: Some(keep), new: None, old: None, notes: None }
    }

    pub(super) fn next(&self) -> Next {
        let place = match (&self.new, &self.old, &self.notes) {
            (None, _, _) => Place::Fresh(self.number),
            (_, None, _) => Place::Kept(self.number),
            (_, _, None) => Place::Update(self.number),
            _ => return Next::Done,
        };
        Next::Do(Effect::List { place })
    }

    pub(super) fn answer(&mut self, result: Result<Answer<'_>, Failure>) -> Result<(), Stop> {
        if let (Some(_), Some(_), Ok(Answer::Names(names))) = (&self.new, &self.old, result) {
            self.notes = Some(names.iter().filter_map(|name| Note::named(name)).collect());
            return Ok(());
        }
        let slots = match result {
            Ok(Answer::Names(names)) => names
                .iter()
                .filter_map(|name| number(name))
                .filter_map(|slot| usize::try_from(slot).ok())
                .collect(),
            Ok(_) | Err(Failure::NotFound) => Vec::new(),
            Err(failure) => return Err(Stop::Fail(failure)),
        };
        match (&self.new, &self.old) {
            (None, _) => self.new = Some(slots),
            (_, None) => self.old = Some(slots),
            _ => self.notes = Some(Vec::new()),
        }
        Ok(())
    }

    /// Removes it all. The journal goes first: what has none is nobody's.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for mark in Mark::ALL {
            steps.push(Step::new(Effect::Unlink { place: Place::Journal(self.number, mark) }).or(GONE));
        }
        let slots = |slots: &Option<Vec<usize>>| slots.clone().unwrap_or_default();
        for note in self.notes.iter().flatten() {
            let place = Place::Note(self.number, *note);
            steps.push(Step::new(Effect::Unlink { place }).or(GONE));
        }
        let kept = |slot: &usize| self.keep.as_ref().is_some_and(|keep| keep.contains(slot));
        let new = slots(&self.new).into_iter().filter(|slot| !kept(slot));
        let new = new.map(|slot| Place::New(self.number, slot));
        for place in new.chain(slots(&self.old).into_iter().map(|slot| Place::Old(self.number, slot))) {
            steps.push(Step::new(Effect::Unlink { place: place.clone() }).or(GONE_OR_DIR));
            steps.push(Step::new(Effect::RemoveDir { place }).or(GONE_OR_FILE));
        }
        if self.keep.is_some() {
            return steps;
        }
        for slot in SLOTS {
            steps.push(Step::new(Effect::Unlink { place: Place::Progress(self.number, slot) }).or(GONE));
        }
        steps.push(Step::new(Effect::Unlink { place: Place::Back(self.number) }).or(GONE));
        for place in [Place::Fresh(self.number), Place::Kept(self.number), Place::Update(self.number)] {
            steps.push(Step::new(Effect::RemoveDir { place }).or(GONE));
        }
        steps
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
