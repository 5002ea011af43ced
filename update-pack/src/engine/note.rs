//! What is noted beside a journal, each as an empty file: a name is there or not, and cannot be torn.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::effect::Effect;
use super::script::Step;
use super::types::Place;

/// Something that happened to an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// The new version was given its so many-th chance to show that it is well.
    Attempt(u8),
    /// A migration step, by its index, was begun for the so many-th time.
    Begun(u16, u8),
    /// A migration step is done.
    Done(u16),
    /// A migration step is reverted.
    Reverted(u16),
}

impl Note {
    /// The note that goes by that name.
    pub fn named(name: &[u8]) -> Option<Self> {
        let mut words = core::str::from_utf8(name).ok()?.split('.');
        let note = match (words.next()?, words.next()?, words.next(), words.next()) {
            ("attempt", count, None, _) => Self::Attempt(count.parse().ok()?),
            ("step", step, Some("begun"), Some(count)) => {
                Self::Begun(step.parse().ok()?, count.parse().ok()?)
            }
            ("step", step, Some("done"), None) => Self::Done(step.parse().ok()?),
            ("step", step, Some("reverted"), None) => Self::Reverted(step.parse().ok()?),
            _ => return None,
        };
        // One name a note.
        let own: String = alloc::format!("{note}");
        (own.as_bytes() == name).then_some(note)
    }

    /// Makes the note: what is about to begin is durable before it does, and what is over is durable before it is noted.
    pub(super) fn keep(self, number: u32) -> Vec<Step> {
        let note = Step::new(Effect::Create { place: Place::Note(number, self) });
        let barrier = Step::new(Effect::Barrier);
        match self {
            Self::Attempt(_) | Self::Begun(..) => alloc::vec![note, barrier],
            Self::Done(_) | Self::Reverted(_) => alloc::vec![barrier, note],
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempt(count) => write!(f, "attempt.{count}"),
            Self::Begun(step, count) => write!(f, "step.{step}.begun.{count}"),
            Self::Done(step) => write!(f, "step.{step}.done"),
            Self::Reverted(step) => write!(f, "step.{step}.reverted"),
        }
    }
}

/// All that is noted of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    pub(super) fn new(mut notes: Vec<Note>) -> Self {
        notes.sort_unstable();
        Self(notes)
    }

    pub(super) fn add(&mut self, note: Note) {
        self.0.push(note);
    }

    /// How many chances the new version was given.
    pub(super) fn attempts(&self) -> u8 {
        let count = |note: &Note| if let Note::Attempt(count) = note { Some(*count) } else { None };
        self.0.iter().filter_map(count).max().unwrap_or(0)
    }

    /// How often a step was begun.
    pub(super) fn begun(&self, step: u16) -> u8 {
        let count = |note: &Note| match note {
            Note::Begun(other, count) if *other == step => Some(*count),
            _ => None,
        };
        self.0.iter().filter_map(count).max().unwrap_or(0)
    }

    pub(super) fn holds(&self, note: Note) -> bool {
        self.0.contains(&note)
    }
}
