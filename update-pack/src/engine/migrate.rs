//! Migration steps: declared by the package, carried out by the driver, begun and ended under a note.
//!
//! ```text
//!   begun before? -- verify --(done)------------------------------.
//!      |               '--(not)-- revert, if it can --.           v
//!      '--(no)--> note begun -> apply -> verify ------|------> note done -> next
//!                     ^                    '--(not)---'
//!                     '--------- while attempts are left
//! ```
//! On the way back, in the opposite order: each one that was begun and can be reverted is, and that is noted.

use alloc::vec::Vec;

use super::effect::{Call, Effect, Failure, Verb};
use super::note::{Note, Notes};
use super::script::{Next, Script, Stop};
use super::types::Reason;
use crate::wire::{Migration, When};

/// What is done with the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Asks of each whether it could be carried out, before anything is touched.
    Check,
    /// Carries out those that run before or after the switch.
    Forward(When),
    /// Reverts what was begun.
    Back,
}

/// Where the work stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Migrate {
    number: u32,
    course: Course,
    steps: Vec<Migration>,
    notes: Notes,
    at: usize,
    act: Act,
    /// A note that is being made.
    noting: Option<Script>,
    /// How often a revert has failed.
    failed: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// Finds out where to begin with the present step.
    Begin,
    /// Was it done, although that is not noted?
    Look,
    Apply,
    Verify,
    /// Clears away what a failed attempt has left, before the next one.
    Clear,
    Revert,
    Check,
    Next,
}

impl Migrate {
    pub(super) fn new(number: u32, course: Course, steps: &[Migration], notes: Notes) -> Self {
        let at = if course == Course::Back { steps.len() } else { 0 };
        let steps = steps.to_vec();
        let mut migrate = Self { number, course, steps, notes, at, act: Act::Begin, noting: None, failed: 0 };
        if course == Course::Back {
            migrate.act = Act::Next;
        }
        migrate
    }

    pub(super) fn course(&self) -> Course {
        self.course
    }

    /// What is noted, with what this run has added.
    pub(super) fn into_notes(self) -> Notes {
        self.notes
    }

    /// How many steps are behind it, of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        (wide(self.at), wide(self.steps.len()))
    }

    pub(super) fn next(&mut self) -> Result<Next, Stop> {
        if let Some(effect) = self.noting.as_ref().and_then(Script::next) {
            return Ok(Next::Do(effect));
        }
        self.noting = None;
        loop {
            if self.act == Act::Next {
                let next = match self.course {
                    Course::Back => self.at.checked_sub(1),
                    _ => self.at.checked_add(1),
                };
                let Some(next) = next else { return Ok(Next::Done) };
                (self.at, self.act, self.failed) = (next, Act::Begin, 0);
            }
            let Some(step) = self.steps.get(self.at) else { return Ok(Next::Done) };
            let index = u16::try_from(self.at).unwrap_or(u16::MAX);
            let verb = match self.act {
                Act::Begin => {
                    if let Some(note) = self.begin(index)? {
                        self.notes.add(note);
                        let script = Script::new(note.keep(self.number), false);
                        let effect = script.next();
                        self.noting = Some(script);
                        return Ok(effect.map_or(Next::Done, Next::Do));
                    }
                    continue;
                }
                Act::Look | Act::Verify => Verb::Verify,
                Act::Apply => Verb::Apply,
                Act::Clear | Act::Revert => Verb::Revert,
                Act::Check => Verb::Check,
                Act::Next => continue,
            };
            return Ok(Next::Do(Effect::Run(Call {
                step: index,
                name: step.name.clone(),
                arguments: step.arguments.clone(),
                verb,
                attempt: self.notes.begun(index),
                seconds: step.seconds,
            })));
        }
    }

    /// Decides how to begin with a step; gives a note that must be made first.
    fn begin(&mut self, index: u16) -> Result<Option<Note>, Stop> {
        let Some(step) = self.steps.get(self.at) else { return Ok(None) };
        let begun = self.notes.begun(index);
        self.act = match self.course {
            // Nothing copies the device's data: without a way back, there is no way forward.
            Course::Check if !step.reversible => return Err(self.gives_up(Verb::Revert)),
            Course::Check => Act::Check,
            Course::Forward(when) if step.when != when || self.notes.holds(Note::Done(index)) => Act::Next,
            Course::Forward(_) if begun > 0 && self.failed == 0 => Act::Look,
            Course::Forward(_) if begun >= step.attempts.get() => return Err(self.gives_up(Verb::Apply)),
            Course::Forward(_) => {
                self.act = Act::Apply;
                return Ok(Some(Note::Begun(index, begun.saturating_add(1))));
            }
            Course::Back if begun == 0 || !step.reversible || self.notes.holds(Note::Reverted(index)) => {
                Act::Next
            }
            Course::Back => Act::Revert,
        };
        Ok(None)
    }

    fn gives_up(&self, verb: Verb) -> Stop {
        let step = self.steps.get(self.at).map(|step| step.name.clone()).unwrap_or_default();
        Stop::Refuse(Reason::Step { step, verb })
    }

    pub(super) fn answer(&mut self, result: Result<(), Failure>) -> Result<(), Stop> {
        if let Some(script) = &mut self.noting {
            return script.answer(result).map_err(Stop::Fail);
        }
        let Some(step) = self.steps.get(self.at) else { return Ok(()) };
        let index = u16::try_from(self.at).unwrap_or(u16::MAX);
        let mut note = None;
        self.act = match (self.act, result) {
            (Act::Check, Ok(())) => Act::Next,
            (Act::Check, Err(_)) => return Err(self.gives_up(Verb::Check)),
            (Act::Apply, Ok(())) => Act::Verify,
            (Act::Look | Act::Verify, Ok(())) => {
                note = Some(Note::Done(index));
                Act::Next
            }
            (Act::Look | Act::Apply | Act::Verify, Err(_)) => {
                self.failed = self.failed.saturating_add(1);
                if step.reversible { Act::Clear } else { Act::Begin }
            }
            (Act::Clear, _) => Act::Begin,
            (Act::Revert, Ok(())) => {
                note = Some(Note::Reverted(index));
                Act::Next
            }
            (Act::Revert, Err(failure)) => {
                self.failed = self.failed.saturating_add(1);
                if self.failed >= step.attempts.get() {
                    return Err(Stop::Fail(failure));
                }
                Act::Revert
            }
            (act @ (Act::Begin | Act::Next), _) => act,
        };
        if let Some(note) = note {
            self.notes.add(note);
            self.noting = Some(Script::new(note.keep(self.number), false));
        }
        Ok(())
    }
}
