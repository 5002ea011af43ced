//! The trial of a new version: it must show within a time, and a number of attempts, that it is well; otherwise the last
//! one that was returns.
//!
//! Each attempt is noted before it begins, so that a version that brings down whoever watches it is counted out as well:
//! attempts are bounded across restarts, and nobody's clock need outlive one.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::effect::Effect;
use super::journal::Mark;
use super::machine::{Engine, Phase, Then};
use super::note::Note;
use super::script::{Script, Step};
use super::types::{Event, Goal, Outcome, Place, Reason, Trial};
use crate::wire::Guard;

/// An attempt that is being watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Watched {
    pub(super) attempt: u8,
    pub(super) until: Duration,
}

impl Engine {
    /// The guard that the present update is under.
    pub(super) fn guard(&self) -> Option<Guard> {
        self.current.as_ref()?.plan.manifest().terms().guard
    }

    /// What stands on trial.
    pub(super) fn on_trial(&self) -> Option<Trial> {
        let (number, mark, record) = self.found.last()?;
        let guard = record.manifest.terms().guard.filter(|_| *mark == Mark::Trial)?;
        let attempts = self.found.notes(number).attempts();
        Some(Trial {
            from: record.from.clone(),
            to: record.to.clone(),
            id: record.id,
            restart: record.manifest.terms().replaces_itself,
            left: guard.attempts.get().saturating_sub(attempts),
            seconds: guard.seconds.get(),
        })
    }

    /// A state on trial was found, with nothing else to bring in order.
    pub(super) fn tried(&mut self) {
        match &self.goal {
            Goal::Undo => {
                let Some(current) = self.current.as_deref() else { return };
                let (from, to) = (Some(current.record.to.clone()), Some(current.record.from.clone()));
                self.pending = Some(Outcome::Undone { from, to });
                self.go_back();
            }
            Goal::Confirm => self.stays(),
            Goal::Watch => self.attempt(),
            // Whether it is the package on trial is known when it is read.
            Goal::Apply(_) | Goal::Status => self.begin(),
        }
    }

    /// A package was read while one is on trial: the same goes on with its trial, another has to wait.
    pub(super) fn resume_trial(&mut self, trial: &Trial) {
        let Some((number, _, record)) = self.found.last() else { return };
        let same = self.envelope.as_ref().is_some_and(|envelope| envelope.id == trial.id);
        let (record, plan) = (record.clone(), super::plan::Plan::new(record.manifest.clone()));
        self.current = Some(Box::new(super::machine::Current { number, record, plan }));
        match same {
            true => self.trial(),
            false => self.finish(Outcome::Refused(Reason::OnTrial)),
        }
    }

    /// The trial begins, now or in the next run.
    pub(super) fn trial(&mut self) {
        // An earlier run's, finished: the goal of this one decides.
        if self.envelope.is_none() {
            return self.recover();
        }
        let itself = self.current.as_ref().is_some_and(|at| at.plan.manifest().terms().replaces_itself);
        if self.config.watch && !itself {
            return self.attempt();
        }
        self.leave = true;
        // That it is on trial must be durable before whoever starts it is told.
        let steps = alloc::vec![Step::new(Effect::Barrier)];
        self.phase = Phase::Script(Script::new(steps, false), Then::Recover);
    }

    /// Gives the new version another chance, or none any more.
    pub(super) fn attempt(&mut self) {
        let (Some(guard), Some(current)) = (self.guard(), self.current.as_deref()) else { return };
        let before = self.attempts.max(self.found.notes(current.number).attempts());
        if before >= guard.attempts.get() {
            return self.unwell();
        }
        self.attempts = before.saturating_add(1);
        let steps = Note::Attempt(self.attempts).keep(current.number);
        self.phase = Phase::Script(Script::new(steps, false), Then::Watch);
    }

    /// The attempt is noted: it begins.
    pub(super) fn watch(&mut self) {
        let Some(guard) = self.guard() else { return };
        let seconds = Duration::from_secs(u64::from(guard.seconds.get()));
        let until = self.now.saturating_add(seconds);
        let (attempt, attempts) = (self.attempts, guard.attempts.get());
        self.progress = Some(Event::Trial { attempt, attempts, until });
        self.phase = Phase::Trial(Watched { attempt, until });
    }

    /// The new version is well: it stays.
    pub(super) fn stays(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        self.pending = self.applied(false);
        let (from, to) =
            (Place::Journal(current.number, Mark::Trial), Place::Journal(current.number, Mark::Applied));
        let steps: Vec<Step> =
            alloc::vec![Step::new(Effect::Barrier), Step::new(Effect::Rename { from, to })];
        self.phase = Phase::Script(Script::new(steps, false), Then::Recover);
    }

    /// The new version is not well, or has had its chances: the old one returns.
    pub(super) fn unwell(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let restart = current.plan.manifest().terms().replaces_itself;
        let to = current.record.from.clone();
        let attempts = self.attempts.max(self.found.notes(current.number).attempts());
        self.pending =
            Some(Outcome::Refused(Reason::Unwell(Box::new(super::types::Unwell { attempts, to, restart }))));
        self.go_back();
    }
}
