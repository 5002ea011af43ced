//! Which phase follows which, and where a failure leads.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::back::Keep;
use super::check::Check;
use super::effect::Effect;
use super::inspect::{CHUNK, Inspect};
use super::journal::{Installed, Mark, Record};
use super::machine::{Current, Engine, Phase, Then, wide};
use super::migrate::{Course, Migrate};
use super::plan::Plan;
use super::recover::{Discard, Recover};
use super::resume::Resume;
use super::script::{Script, Step, Stop};
use super::stage::Stage;
use super::types::{Event, Goal, Outcome, Place, Reason, Recovered, Status};
use crate::tree::{Kind, Side};
use crate::verify::Reader;
use crate::wire::When;

/// Rounds of reading the state: three for what an earlier run left, three for this one, and some.
const ROUNDS: u32 = 64;

impl Engine {
    /// Goes from a phase that is through to the next one.
    pub(super) fn turn(&mut self) {
        match core::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Recover(recover) => {
                self.found = recover.finish();
                self.decide();
            }
            Phase::Discard(discard, then) => {
                self.phase = Phase::Script(Script::new(discard.steps(), false), then);
            }
            Phase::Resume(resume) => self.resume(resume),
            Phase::Verify(reader, _) => self.verified(*reader),
            Phase::Inspect(inspect, Side::Before) => self.prepare(&inspect),
            Phase::Inspect(_, Side::After) => self.remake(),
            Phase::Stage(_) => match self.keep() {
                Some(keep) => self.phase = Phase::Keep(Box::new(keep)),
                None => self.migrate(Course::Check),
            },
            Phase::Keep(_) => self.migrate(Course::Check),
            Phase::Migrate(migrate) => {
                let course = migrate.course();
                self.notes = Some(migrate.into_notes());
                match course {
                    Course::Check => self.commit(),
                    Course::Forward(When::Before) => self.switch(self.again),
                    Course::Forward(When::After) => self.close(Side::After),
                    Course::Back => self.restore(),
                }
            }
            Phase::Remake(_) => {
                let Some(current) = self.current.as_deref() else { return };
                let mut steps = current.plan.remade(current.number);
                steps.push(Step::new(Effect::Barrier));
                self.phase = Phase::Script(Script::new(steps, false), Then::Back);
            }
            Phase::Script(_, then) => self.then(then),
            Phase::Check(_, Side::After) => self.migrate(Course::Forward(When::After)),
            Phase::Check(_, Side::Before) => self.close(Side::Before),
            Phase::Trial(_) | Phase::Finished => {}
        }
    }

    fn then(&mut self, then: Then) {
        match (then, self.current.as_deref(), self.envelope.as_deref()) {
            (Then::Prepare, Some(current), _) => {
                let steps = current.plan.prepare(current.number, self.found.home, self.root);
                self.phase = Phase::Script(Script::new(steps, false), Then::Stage);
            }
            (Then::Stage, Some(current), Some(envelope)) => {
                let from = self.resumed.clone();
                let config = (self.config.limits, self.config.keys.as_slice());
                let stage = Stage::new(current.number, config, &current.plan, envelope, from);
                self.phase = Phase::Stage(Box::new(stage));
            }
            (Then::Remake, Some(current), _) => {
                let stage = Stage::back(current.number, &current.plan, current.record.back);
                self.phase = Phase::Remake(Box::new(stage));
            }
            (Then::Back, Some(_), _) => self.undo(),
            (Then::Install, Some(_), _) => self.installed(),
            (Then::Switch, Some(_), _) => self.forward(false),
            (Then::Watch, Some(_), _) => self.watch(),
            (Then::Revert, Some(_), _) => self.migrate(Course::Back),
            (Then::Check(side), Some(current), _) => {
                self.phase = Phase::Check(Check::new(&current.plan, side), side);
            }
            (Then::Settled(Side::After), Some(_), _) if self.guard().is_some() => self.trial(),
            (Then::Settled(Side::After), Some(_), Some(_)) => {
                self.pending = self.applied(self.resumed.is_some());
                self.recover();
            }
            _ => self.recover(),
        }
    }

    pub(super) fn recover(&mut self) {
        self.rounds = self.rounds.saturating_add(1);
        self.notes = None;
        self.phase = Phase::Recover(Recover::new());
    }

    /// Looks at the state that was found: what must be brought in order before the goal?
    fn decide(&mut self) {
        // What has not touched the tree may be gone on with; only an undo gives it up unasked.
        let kept =
            self.found.staging().filter(|_| self.pending.is_none() && !matches!(self.goal, Goal::Undo));
        let highest = self.found.updates.last().cloned().filter(|_| kept.is_none());
        let lower = self.found.updates.first().map(|(number, _)| *number);
        if self.rounds > ROUNDS {
            return self.finish(Outcome::Refused(Reason::Forgetful));
        }
        let Some((number, state)) = highest else { return self.begin() };
        let Some((mark, record)) = state else {
            self.note(Recovered::RolledBack);
            self.phase = Phase::Discard(Discard::new(number), Then::Recover);
            return;
        };
        let plan = Plan::new(record.manifest.clone());
        self.current = Some(Box::new(Current { number, record, plan }));
        let Some(current) = self.current.as_deref() else { return };
        let failing = matches!(self.pending, Some(Outcome::Failed { .. } | Outcome::Refused(_)));
        match mark {
            Mark::Switching if !failing => {
                self.note(Recovered::Finished);
                self.forward(true);
            }
            Mark::Switching | Mark::Undoing => {
                self.note(Recovered::Undone);
                self.go_back();
            }
            Mark::Trial if failing => self.go_back(),
            Mark::Trial if self.leave => {
                let trial = self.on_trial();
                self.finish(trial.map_or(Outcome::Refused(Reason::NoTrial), Outcome::Trial));
            }
            Mark::Trial => self.tried(),
            Mark::Applied if failing && self.working == Some(number) => self.go_back(),
            Mark::Applied => {
                let floor = self.found.installed.as_ref().map_or(0, |installed| installed.floor);
                let installed = Installed {
                    version: current.record.to.clone(),
                    package: current.record.id,
                    floor: floor.max(current.record.epoch),
                    undone: false,
                };
                match lower.filter(|lower| *lower < number) {
                    _ if self.found.installed.as_ref() != Some(&installed) => {
                        let shed =
                            if current.record.back > 0 { current.plan.shed(number) } else { Vec::new() };
                        self.phase = Phase::Script(Script::new(shed, false), Then::Install);
                    }
                    Some(lower) => self.phase = Phase::Discard(Discard::new(lower), Then::Recover),
                    None => self.begin(),
                }
            }
            Mark::Undone | Mark::Draft => {
                let floor = self.found.installed.as_ref().map_or(0, |installed| installed.floor);
                let installed = Installed {
                    version: current.record.from.clone(),
                    package: current.record.id,
                    floor,
                    undone: true,
                };
                if self.found.installed.as_ref() == Some(&installed) {
                    self.phase = Phase::Discard(Discard::new(number), Then::Recover);
                } else {
                    self.install(&installed);
                }
            }
        }
    }

    /// Remembers what an earlier run had left, unless it was this one.
    fn note(&mut self, recovered: Recovered) {
        if self.pending.is_none() {
            let id = self.current.as_ref().map(|current| current.record.id);
            self.recovered = self.recovered.or(Some((recovered, id)));
        }
    }

    /// Everything is in order: goes about the goal, or is through with it.
    pub(super) fn begin(&mut self) {
        match self.pending.take() {
            Some(outcome) if !self.goes_on(&outcome) => return self.finish(outcome),
            _ => {}
        }
        let recovered = self.recovered.map(|(recovered, _)| recovered);
        match &self.goal {
            Goal::Apply(trust) => {
                let reader = Reader::new(self.config.limits, trust.clone());
                let installed = self.found.installed.as_ref().map(|installed| installed.version.clone());
                let mut device = self.config.device.clone();
                device.version = installed.or(device.version);
                self.phase = Phase::Verify(Box::new(reader.on(device)), 0);
            }
            Goal::Undo => {
                let applied = matches!(self.found.last(), Some((_, Mark::Applied, _)));
                match recovered {
                    // The interrupted work was the last one, and taking it back is what is asked for.
                    Some(Recovered::RolledBack | Recovered::Undone) => {
                        let to = self.found.installed.as_ref().map(|installed| installed.version.clone());
                        self.finish(Outcome::Undone { from: None, to });
                    }
                    _ if applied => self.phase = Phase::Inspect(Inspect::new(Side::After), Side::After),
                    _ => self.finish(Outcome::Refused(Reason::NothingToUndo)),
                }
            }
            Goal::Status | Goal::Watch => {
                let undo = match self.found.last() {
                    Some((_, Mark::Applied, record)) => Some(record.from.clone()),
                    _ => None,
                };
                let installed = self.found.installed.clone();
                let staging = self.found.staging().is_some();
                let trial = self.on_trial();
                self.finish(Outcome::Status(Status { installed, undo, staging, trial, recovered }));
            }
            Goal::Confirm => self.finish(Outcome::Refused(Reason::NoTrial)),
        }
    }

    /// Whether a leg has arrived from which another one leads on.
    fn goes_on(&mut self, outcome: &Outcome) -> bool {
        let (Outcome::Applied { from, to, .. }, Some(envelope)) = (outcome, &self.envelope) else {
            return false;
        };
        let root = &envelope.root;
        let on = *to != root.to_version && root.legs.iter().any(|leg| leg.from == *to);
        if on {
            self.origin = Some(from.clone());
            self.tried.clear();
            self.different = None;
        }
        on
    }

    /// Reads the package for its next leg, if the directory is not what the last one starts from.
    fn next_leg(&mut self) -> bool {
        let (Goal::Apply(trust), Some(envelope)) = (&self.goal, &self.envelope) else { return false };
        self.tried.push(envelope.leg);
        let legs = self.config.device.candidates(&envelope.root);
        let Some(leg) = legs.into_iter().find(|leg| !self.tried.contains(leg)) else { return false };
        let reader = Reader::new(self.config.limits, trust.clone()).leg(leg);
        self.phase = Phase::Verify(Box::new(reader), 0);
        true
    }

    fn verified(&mut self, reader: Reader) {
        let Some(envelope) = reader.finish() else { return };
        if let Err(error) = envelope.stream_key(&self.config.keys) {
            return self.finish(Outcome::Refused(Reason::Package(error)));
        }
        let last = self.found.updates.last().map_or(0, |(number, _)| *number);
        let number = self.found.staging().unwrap_or(last.saturating_add(1));
        let floor = self.found.installed.as_ref().map_or(0, |installed| installed.floor);
        let record = Record {
            id: envelope.id,
            from: envelope.from_version().into(),
            to: envelope.to_version().into(),
            epoch: envelope.root.epoch,
            back: super::back::kept(&envelope),
            times: Vec::new(),
            manifest: envelope.manifest.clone(),
        };
        let plan = Plan::new(envelope.manifest.clone());
        let finished = self.recovered == Some((Recovered::Finished, Some(envelope.id)))
            && self.found.installed.as_ref().is_some_and(|installed| installed.version == record.to);
        self.current = Some(Box::new(Current { number, record, plan }));
        self.envelope = Some(Box::new(envelope));
        let epoch = self.current.as_ref().map_or(0, |current| current.record.epoch);
        if let Some(trial) = self.on_trial() {
            self.resume_trial(&trial);
        } else if finished {
            if let Some(outcome) = self.applied(true) {
                self.finish(outcome);
            }
        } else if let Err(error) = crate::trust::admit(epoch, floor) {
            self.finish(Outcome::Refused(Reason::Package(error)));
        } else {
            self.phase = Phase::Inspect(Inspect::new(Side::Before), Side::Before);
        }
    }

    pub(super) fn applied(&self, resumed: bool) -> Option<Outcome> {
        let current = self.current.as_deref()?;
        Some(Outcome::Applied {
            from: self.origin.clone().unwrap_or_else(|| current.record.from.clone()),
            to: current.record.to.clone(),
            id: current.record.id,
            resumed,
            summary: current.plan.summary(),
        })
    }

    /// The tree is the one to start from.
    fn prepare(&mut self, inspect: &Inspect) {
        let home = self.found.home;
        let Some(current) = self.current.as_deref_mut() else { return };
        if self.config.dry_run {
            let outcome = Outcome::Applicable {
                from: current.record.from.clone(),
                to: current.record.to.clone(),
                id: current.record.id,
                summary: current.plan.summary(),
            };
            return self.finish(outcome);
        }
        current.record.times = inspect.times().to_vec();
        let root = inspect.root();
        self.root = root;
        self.working = Some(current.number);
        self.phase = match self.found.staging() {
            Some(number) => Phase::Resume(Resume::new(number, &current.plan, current.record.id)),
            None => Phase::Script(
                Script::new(current.plan.prepare(current.number, home, root), false),
                Then::Stage,
            ),
        };
    }

    /// What an earlier run has staged was looked at: all that is of no use goes.
    fn resume(&mut self, resume: Resume) {
        let Some(current) = self.current.as_deref() else { return };
        self.phase = Phase::Discard(Discard::keeping(current.number, resume.there()), Then::Prepare);
        self.resumed = resume.finish();
    }

    /// Everything new is staged: captures what will go, and makes the journal's word durable.
    fn commit(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let number = current.number;
        let mut steps = current.plan.capture(number);
        steps.extend(write(&Place::Journal(number, Mark::Draft), &current.record.emit()));
        steps.extend(mark(number, Mark::Draft, Mark::Switching));
        steps.push(Step::new(Effect::Barrier));
        self.phase = Phase::Script(Script::new(steps, false), Then::Switch);
    }

    fn switch(&mut self, again: bool) {
        let Some(current) = self.current.as_deref() else { return };
        let steps = current.plan.switch(current.number);
        self.phase = Phase::Script(Script::new(steps, again), Then::Check(Side::After));
    }

    fn keep(&self) -> Option<Keep> {
        Keep::new(self.current.as_ref()?.number, self.envelope.as_deref()?, &self.config.keys)
    }

    /// The tree is the one to go back from: the old content must be there first.
    fn remake(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let terms = current.plan.manifest().terms();
        if let Some(format) = terms.strands().filter(|_| !terms.steps.iter().any(|step| step.reversible)) {
            let component = format.component.clone();
            return self.finish(Outcome::Refused(Reason::Stranded { component }));
        }
        if current.record.back == 0 {
            return self.undo();
        }
        self.phase = Phase::Script(Script::new(current.plan.clear(current.number), false), Then::Remake);
    }

    fn undo(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let (from, to) = (Some(current.record.to.clone()), Some(current.record.from.clone()));
        self.pending = Some(Outcome::Undone { from, to });
        self.go_back();
    }

    /// Goes back to the old tree, from wherever the switch has come.
    pub(super) fn go_back(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let number = current.number;
        let mut steps = Vec::new();
        for from in [Mark::Switching, Mark::Trial, Mark::Applied] {
            let place = Place::Journal(number, from);
            let rename = Effect::Rename { from: place.clone(), to: Place::Journal(number, Mark::Undoing) };
            steps.push(Step::new(rename).unless_missing(place));
        }
        steps.push(Step::new(Effect::Barrier));
        self.phase = Phase::Script(Script::new(steps, true), Then::Revert);
    }

    /// What steps have done is taken back: so is the tree.
    fn restore(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let steps = current.plan.restore(current.number);
        self.phase = Phase::Script(Script::new(steps, true), Then::Check(Side::Before));
    }

    /// Goes about the package's migration steps.
    fn migrate(&mut self, course: Course) {
        let Some(current) = self.current.as_deref() else { return };
        if course == Course::Check {
            self.found.forget(current.number);
        }
        // Notes of before a crash; a run adds its own.
        let notes = core::mem::take(&mut self.notes);
        let notes = notes.unwrap_or_else(|| self.found.notes(current.number));
        let steps = &current.plan.manifest().terms().steps;
        self.phase = Phase::Migrate(Box::new(Migrate::new(current.number, course, steps, notes)));
    }

    /// The journal's word is durable: what comes before the switch, then the switch.
    fn forward(&mut self, again: bool) {
        self.again = again;
        self.migrate(Course::Forward(When::Before));
    }

    /// The tree is what it should be, except for the modes of its directories.
    fn close(&mut self, side: Side) {
        let Some(current) = self.current.as_deref() else { return };
        let mut steps = current.plan.close(side);
        match side {
            Side::After => {
                let to = if self.guard().is_some() { Mark::Trial } else { Mark::Applied };
                steps.extend(mark(current.number, Mark::Switching, to));
            }
            Side::Before => {
                let mut files = current.plan.times(&current.record.times, Kind::File);
                files.append(&mut steps);
                steps = files;
                steps.extend(current.plan.times(&current.record.times, Kind::Dir));
                steps.extend(mark(current.number, Mark::Undoing, Mark::Undone));
            }
        }
        self.phase = Phase::Script(Script::new(steps, false), Then::Settled(side));
    }

    /// The update has come to stay.
    fn installed(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let floor = self.found.installed.as_ref().map_or(0, |installed| installed.floor);
        self.install(&Installed {
            version: current.record.to.clone(),
            package: current.record.id,
            floor: floor.max(current.record.epoch),
            undone: false,
        });
    }

    /// Says what is installed. The barrier also makes the state durable that the update has come to.
    fn install(&mut self, installed: &Installed) {
        let mut steps = write(&Place::InstalledDraft, &installed.emit());
        steps.push(Step::new(Effect::Barrier));
        steps.push(Step::new(Effect::Rename { from: Place::InstalledDraft, to: Place::Installed }));
        if installed.undone {
            // The journal of the update, from which this could be told again, will be removed.
            steps.push(Step::new(Effect::Barrier));
        }
        self.phase = Phase::Script(Script::new(steps, false), Then::Recover);
    }

    /// Something stands in the way: goes back to where everything is in order, and ends.
    pub(super) fn stop(&mut self, stop: Stop, effect: Option<Effect>) {
        let mut outcome = match (stop, effect) {
            (Stop::Refuse(reason), _) => Outcome::Refused(reason),
            (Stop::Fail(failure), Some(what)) => {
                Outcome::Failed { what: Box::new(what), failure, settled: true }
            }
            (Stop::Fail(_), None) => return,
        };
        let elsewhere = matches!(
            (&self.phase, &outcome),
            (Phase::Inspect(_, Side::Before), Outcome::Refused(Reason::Different(_)))
        );
        if elsewhere {
            let first = self.different.take().unwrap_or(outcome);
            self.different = Some(first.clone());
            if self.next_leg() {
                return;
            }
            outcome = first;
        }
        let touched = matches!(
            &self.phase,
            Phase::Stage(_)
                | Phase::Keep(_)
                | Phase::Resume(_)
                | Phase::Discard(_, Then::Prepare)
                | Phase::Check(_, Side::After)
                | Phase::Script(
                    _,
                    Then::Prepare
                        | Then::Watch
                        | Then::Stage
                        | Then::Switch
                        | Then::Check(Side::After)
                        | Then::Settled(Side::After)
                )
        );
        let touched =
            touched || matches!(&self.phase, Phase::Migrate(migrate) if migrate.course() != Course::Back);
        match (&self.phase, outcome, self.pending.take()) {
            (_, outcome, None) if touched => {
                self.pending = Some(outcome);
                self.recover();
            }
            // The delta was verified when it was kept; if it does not make the old files, it was changed since.
            (Phase::Remake(_), Outcome::Refused(Reason::Package(why)), _) => {
                let number = self.current.as_ref().map_or(0, |current| current.number);
                self.finish(Outcome::Refused(super::back::rotten(number, why)));
            }
            // Before anything was touched.
            (
                Phase::Verify(..)
                | Phase::Inspect(..)
                | Phase::Remake(_)
                | Phase::Script(_, Then::Remake | Then::Back),
                outcome,
                _,
            ) => self.finish(outcome),
            // On the way back, or while the engine's own state is brought in order.
            (_, Outcome::Failed { what, failure, .. }, _) => {
                self.finish(Outcome::Failed { what, failure, settled: false });
            }
            (_, outcome, _) => self.finish(outcome),
        }
    }

    pub(super) fn finish(&mut self, outcome: Outcome) {
        self.phase = Phase::Finished;
        self.progress = None;
        self.finished = Some(Event::Finished(outcome));
    }
}

/// Writes a file of the engine's own.
pub(super) fn write(place: &Place, bytes: &[u8]) -> Vec<Step> {
    let mut steps = alloc::vec![Step::new(Effect::Create { place: place.clone() })];
    let size = usize::try_from(CHUNK).unwrap_or(usize::MAX);
    let mut offset: u64 = 0;
    for chunk in bytes.chunks(size) {
        steps.push(Step::new(Effect::Write { place: place.clone(), offset, bytes: chunk.to_vec() }));
        offset = offset.saturating_add(wide(chunk.len()));
    }
    steps
}

/// Takes an update from one state to the next, after everything before is durable.
fn mark(number: u32, from: Mark, to: Mark) -> Vec<Step> {
    let rename = Effect::Rename { from: Place::Journal(number, from), to: Place::Journal(number, to) };
    alloc::vec![Step::new(Effect::Barrier), Step::new(rename)]
}
