//! A list of effects, carried out in order.

use alloc::vec::Vec;

use super::effect::{Effect, Failure};
use super::types::{Place, Reason};

/// One step of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) effect: Effect,
    /// Failures that mean that the step has been done before.
    tolerate: &'static [Failure],
    /// What is no longer there, when a script is carried out again, if the step has been done before.
    consumes: Option<Place>,
}

impl Step {
    pub(super) fn new(effect: Effect) -> Self {
        Self { effect, tolerate: &[], consumes: None }
    }

    pub(super) fn or(mut self, tolerate: &'static [Failure]) -> Self {
        self.tolerate = tolerate;
        self
    }

    pub(super) fn unless_missing(mut self, place: Place) -> Self {
        self.consumes = Some(place);
        self
    }
}

/// Where a script stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    steps: Vec<Step>,
    at: usize,
    /// Whether it may have been carried out before, in part.
    again: bool,
    /// Whether what the present step consumes has been looked at.
    looked: bool,
}

impl Script {
    pub(super) fn new(steps: Vec<Step>, again: bool) -> Self {
        Self { steps, at: 0, again, looked: false }
    }

    pub(super) fn next(&self) -> Option<Effect> {
        let step = self.steps.get(self.at)?;
        match &step.consumes {
            Some(place) if self.again && !self.looked => Some(Effect::Stat { place: place.clone() }),
            _ => Some(step.effect.clone()),
        }
    }

    /// Takes the answer to what [`next`](Self::next) gave.
    pub(super) fn answer(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        let Some(step) = self.steps.get(self.at) else { return Ok(()) };
        let looking = self.again && !self.looked && step.consumes.is_some();
        let done = match result {
            Ok(()) => !looking,
            Err(Failure::NotFound | Failure::NotDirectory) if looking => true,
            Err(failure) if !looking && step.tolerate.contains(&failure) => true,
            Err(failure) => return Err(failure),
        };
        self.looked = !done;
        if done {
            self.at = self.at.saturating_add(1);
        }
        Ok(())
    }

    pub(super) fn progress(&self) -> (u64, u64) {
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        (wide(self.at), wide(self.steps.len()))
    }
}

/// What a phase wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Do(Effect),
    /// Nothing but time or a verdict.
    Wait,
    Done,
}

/// Why a phase cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Refuse(Reason),
    /// The effect that was asked for did not come about.
    Fail(Failure),
}
