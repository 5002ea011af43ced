//! The machine: one phase after the other, one effect at a time.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::check::Check;
use super::inspect::{CHUNK, Inspect};
use super::journal::{Installed, Mark, Record};
use super::plan::Plan;
use super::recover::{Discard, Found, Recover};
use super::script::{Next, Script, Step, Stop};
use super::stage::Stage;
use super::types::{
    Answer, Config, Effect, Error, Event, Failure, Goal, Input, Outcome, Output, Place, Reason, Recovered,
    Stats, Status, Work,
};
use crate::tree::Side;
use crate::verify::{Envelope, Progress, Reader};

/// Carries one goal out on one directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Engine {
    config: Config,
    goal: Goal,
    phase: Phase,
    asked: Option<Asked>,
    progress: Option<Event>,
    finished: Option<Event>,
    /// The event that was given out last.
    lent: Option<Event>,
    /// How it will have ended, once everything is in order again.
    pending: Option<Outcome>,
    found: Found,
    recovered: Option<(Recovered, Option<crate::wire::Digest>)>,
    envelope: Option<Box<Envelope>>,
    /// The update that is being worked on.
    current: Option<Box<Current>>,
    /// The number of the update that this run has begun.
    working: Option<u32>,
    /// How often the state was read; a storage that forgets could make this endless.
    rounds: u32,
    next_id: u64,
    now: Duration,
    stats: Stats,
}

#[derive(Clone, Debug, PartialEq)]
struct Asked {
    id: u64,
    effect: Effect,
    shown: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Current {
    number: u32,
    record: Record,
    plan: Plan,
}

#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Recover(Recover),
    Discard(Discard),
    Verify(Box<Reader>, u64),
    Inspect(Inspect, Side),
    Stage(Box<Stage>),
    Script(Script, Then),
    Check(Check, Side),
    Finished,
}

/// What comes after a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The state is read again, and decides.
    Recover,
    Stage,
    Switch,
    Check(Side),
    Settled(Side),
}

/// Rounds of reading the state: three for what an earlier run left, three for this one, and some.
const ROUNDS: u32 = 64;

impl Engine {
    /// An engine for a goal. It begins at once: its first effect is waiting.
    pub fn new(config: Config, goal: Goal) -> Self {
        let mut engine = Self {
            config,
            goal,
            phase: Phase::Recover(Recover::new()),
            asked: None,
            progress: None,
            finished: None,
            lent: None,
            working: None,
            pending: None,
            found: Found::default(),
            recovered: None,
            envelope: None,
            current: None,
            rounds: 0,
            next_id: 0,
            now: Duration::ZERO,
            stats: Stats::default(),
        };
        engine.advance();
        engine
    }

    /// Tells the engine what happened at `now`.
    ///
    /// # Errors
    /// [`Error`] when nobody asked for that; the engine is as it was.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        let (id, result) = match input {
            Input::Done { id, answer } => (id, Ok(answer)),
            Input::Failed { id, failure } => (id, Err(failure)),
            Input::Tick => {
                self.now = self.now.max(now);
                return Ok(());
            }
        };
        let Some(asked) = self.asked.as_ref().filter(|asked| asked.id == id && asked.shown) else {
            return Err(Error::Unexpected { id });
        };
        fits(id, &asked.effect, result)?;
        self.now = self.now.max(now);
        let Some(asked) = self.asked.take() else { return Ok(()) };
        self.count(&asked.effect, result);
        let outcome = self.answer(&asked.effect, result);
        self.report();
        if let Err(stop) = outcome {
            self.stop(stop, Some(asked.effect));
        }
        self.advance();
        Ok(())
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if let Some(event) = self.progress.take() {
            return Some(Output::Event(self.lent.insert(event)));
        }
        if let Some(asked) = self.asked.as_mut().filter(|asked| !asked.shown) {
            asked.shown = true;
            return Some(Output::Storage { id: asked.id, effect: &asked.effect });
        }
        let event = self.finished.take()?;
        Some(Output::Event(self.lent.insert(event)))
    }

    /// `Some(Duration::ZERO)` while outputs are pending; otherwise the engine waits for an answer, or is finished.
    pub fn deadline(&self) -> Option<Duration> {
        let pending = self.progress.is_some()
            || self.asked.as_ref().is_some_and(|asked| !asked.shown)
            || self.finished.is_some();
        pending.then_some(Duration::ZERO)
    }

    /// Whether it is finished.
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    /// What the package says, once its signatures are checked.
    pub fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_deref()
    }

    /// The plan of what is being done, once it is known.
    pub fn plan(&self) -> Option<&Plan> {
        self.current.as_ref().map(|current| &current.plan)
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Goes on until an effect is asked for or everything is done.
    fn advance(&mut self) {
        while self.asked.is_none() && !self.is_finished() {
            match self.next() {
                Ok(Next::Do(effect)) => {
                    let id = self.next_id;
                    self.next_id = id.wrapping_add(1);
                    self.asked = Some(Asked { id, effect, shown: false });
                }
                Ok(Next::Done) => self.turn(),
                Err(stop) => self.stop(stop, None),
            }
        }
    }

    fn next(&mut self) -> Result<Next, Stop> {
        let plan = self.current.as_ref().map(|current| &current.plan);
        Ok(match (&mut self.phase, plan) {
            (Phase::Recover(recover), _) => recover.next(),
            (Phase::Discard(discard), _) => discard.next(),
            (Phase::Verify(reader, _), _) => match reader.need() {
                Some(need) => Next::Do(Effect::ReadPackage { offset: need.offset, len: need.len }),
                None => Next::Done,
            },
            (Phase::Inspect(inspect, _), Some(plan)) => inspect.next(plan),
            (Phase::Stage(stage), Some(plan)) => stage.next(plan)?,
            (Phase::Script(script, _), _) => script.next().map_or(Next::Done, Next::Do),
            (Phase::Check(check, _), _) => check.next(),
            _ => Next::Done,
        })
    }

    fn answer(&mut self, effect: &Effect, result: Result<Answer<'_>, Failure>) -> Result<(), Stop> {
        let plan = self.current.as_ref().map(|current| &current.plan);
        match (&mut self.phase, plan, self.envelope.as_deref()) {
            (Phase::Recover(recover), _, _) => recover.answer(result),
            (Phase::Discard(discard), _, _) => discard.answer(result),
            (Phase::Verify(reader, done), _, _) => {
                let Answer::Bytes(bytes) = result.map_err(Stop::Fail)? else { return Ok(()) };
                *done = done.saturating_add(wide(bytes.len()));
                match reader.feed(bytes) {
                    Ok(Progress::More | Progress::Payload(_) | Progress::End) => Ok(()),
                    Err(error) => Err(Stop::Refuse(Reason::Package(error))),
                }
            }
            (Phase::Inspect(inspect, _), Some(plan), _) => inspect.answer(plan, result),
            (Phase::Stage(stage), Some(plan), Some(envelope)) => stage.answer(plan, envelope, effect, result),
            (Phase::Script(script, _), _, _) => script.answer(result.map(drop)).map_err(Stop::Fail),
            (Phase::Check(check, _), _, _) => check.answer(result),
            _ => Ok(()),
        }
    }

    /// Goes from a phase that is through to the next one.
    fn turn(&mut self) {
        match core::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Recover(recover) => {
                self.found = recover.finish();
                self.decide();
            }
            Phase::Discard(discard) => {
                self.phase = Phase::Script(Script::new(discard.steps(), false), Then::Recover);
            }
            Phase::Verify(reader, _) => self.verified(*reader),
            Phase::Inspect(inspect, Side::Before) => self.prepare(&inspect),
            Phase::Inspect(_, Side::After) => self.undo(),
            Phase::Stage(_) => self.commit(),
            Phase::Script(_, then) => self.then(then),
            Phase::Check(_, side) => self.settle(side),
            Phase::Finished => {}
        }
    }

    fn then(&mut self, then: Then) {
        match (then, self.current.as_deref(), self.envelope.as_deref()) {
            (Then::Stage, Some(current), Some(envelope)) => {
                let stage = Stage::new(current.number, self.config.limits, &current.plan, envelope);
                self.phase = Phase::Stage(Box::new(stage));
            }
            (Then::Switch, Some(_), _) => self.switch(false),
            (Then::Check(side), Some(current), _) => {
                self.phase = Phase::Check(Check::new(&current.plan, side), side);
            }
            (Then::Settled(Side::After), Some(_), Some(_)) => {
                self.pending = self.applied(false);
                self.recover();
            }
            _ => self.recover(),
        }
    }

    fn recover(&mut self) {
        self.rounds = self.rounds.saturating_add(1);
        self.phase = Phase::Recover(Recover::new());
    }

    /// Looks at the state that was found: what must be brought in order before the goal?
    fn decide(&mut self) {
        let highest = self.found.updates.last().cloned();
        let lower = self.found.updates.first().map(|(number, _)| *number);
        if self.rounds > ROUNDS {
            return self.finish(Outcome::Refused(Reason::Forgetful));
        }
        let Some((number, state)) = highest else { return self.begin() };
        let Some((mark, record)) = state else {
            self.note(Recovered::RolledBack);
            self.phase = Phase::Discard(Discard::new(number));
            return;
        };
        let plan = Plan::new(record.manifest.clone());
        self.current = Some(Box::new(Current { number, record, plan }));
        let Some(current) = self.current.as_deref() else { return };
        let failing = matches!(self.pending, Some(Outcome::Failed { .. } | Outcome::Refused(_)));
        match mark {
            Mark::Switching if !failing => {
                self.note(Recovered::Finished);
                self.switch(true);
            }
            Mark::Switching | Mark::Undoing => {
                self.note(Recovered::Undone);
                self.go_back();
            }
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
                    _ if self.found.installed.as_ref() != Some(&installed) => self.install(&installed),
                    Some(lower) => self.phase = Phase::Discard(Discard::new(lower)),
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
                    self.phase = Phase::Discard(Discard::new(number));
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
    fn begin(&mut self) {
        if let Some(outcome) = self.pending.take() {
            return self.finish(outcome);
        }
        let recovered = self.recovered.map(|(recovered, _)| recovered);
        match &self.goal {
            Goal::Apply(trust) => {
                let reader = Reader::new(self.config.limits, trust.clone());
                self.phase = Phase::Verify(Box::new(reader), 0);
            }
            Goal::Undo => {
                let applied = matches!(self.found.updates.last(), Some((_, Some((Mark::Applied, _)))));
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
            Goal::Status => {
                let undo = match self.found.updates.last() {
                    Some((_, Some((Mark::Applied, record)))) => Some(record.from.clone()),
                    _ => None,
                };
                let installed = self.found.installed.clone();
                self.finish(Outcome::Status(Status { installed, undo, recovered }));
            }
        }
    }

    fn verified(&mut self, reader: Reader) {
        let Some(envelope) = reader.finish() else { return };
        let number = self.found.updates.last().map_or(1, |(number, _)| number.saturating_add(1));
        let floor = self.found.installed.as_ref().map_or(0, |installed| installed.floor);
        let record = Record {
            id: envelope.id,
            from: envelope.root.from_version.clone(),
            to: envelope.root.to_version.clone(),
            epoch: envelope.root.epoch,
            times: Vec::new(),
            manifest: envelope.manifest.clone(),
        };
        let plan = Plan::new(envelope.manifest.clone());
        let resumed = self.recovered == Some((Recovered::Finished, Some(envelope.id)));
        self.current = Some(Box::new(Current { number, record, plan }));
        self.envelope = Some(Box::new(envelope));
        let epoch = self.current.as_ref().map_or(0, |current| current.record.epoch);
        if resumed {
            if let Some(outcome) = self.applied(true) {
                self.finish(outcome);
            }
        } else if epoch < floor {
            self.finish(Outcome::Refused(Reason::Package(crate::Error::BelowFloor { epoch, floor })));
        } else {
            self.phase = Phase::Inspect(Inspect::new(Side::Before), Side::Before);
        }
    }

    fn applied(&self, resumed: bool) -> Option<Outcome> {
        let current = self.current.as_deref()?;
        Some(Outcome::Applied {
            from: current.record.from.clone(),
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
        self.working = Some(current.number);
        let steps = current.plan.prepare(current.number, home, root);
        self.phase = Phase::Script(Script::new(steps, false), Then::Stage);
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

    /// The tree is the one to go back from.
    fn undo(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let (from, to) = (Some(current.record.to.clone()), Some(current.record.from.clone()));
        self.pending = Some(Outcome::Undone { from, to });
        self.go_back();
    }

    /// Goes back to the old tree, from wherever the switch has come.
    fn go_back(&mut self) {
        let Some(current) = self.current.as_deref() else { return };
        let number = current.number;
        let mut steps = Vec::new();
        for from in [Mark::Switching, Mark::Applied] {
            let place = Place::Journal(number, from);
            let rename = Effect::Rename { from: place.clone(), to: Place::Journal(number, Mark::Undoing) };
            steps.push(Step::new(rename).unless_missing(place));
        }
        steps.push(Step::new(Effect::Barrier));
        steps.extend(current.plan.restore(number));
        self.phase = Phase::Script(Script::new(steps, true), Then::Check(Side::Before));
    }

    /// The tree is what it should be, except for the modes of its directories.
    fn settle(&mut self, side: Side) {
        let Some(current) = self.current.as_deref() else { return };
        let mut steps = current.plan.close(side);
        match side {
            Side::After => steps.extend(mark(current.number, Mark::Switching, Mark::Applied)),
            Side::Before => {
                steps.extend(current.plan.times(&current.record.times));
                steps.extend(mark(current.number, Mark::Undoing, Mark::Undone));
            }
        }
        self.phase = Phase::Script(Script::new(steps, false), Then::Settled(side));
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
    fn stop(&mut self, stop: Stop, effect: Option<Effect>) {
        let outcome = match (stop, effect) {
            (Stop::Refuse(reason), _) => Outcome::Refused(reason),
            (Stop::Fail(failure), Some(what)) => {
                Outcome::Failed { what: Box::new(what), failure, settled: true }
            }
            (Stop::Fail(_), None) => return,
        };
        let touched = matches!(
            &self.phase,
            Phase::Stage(_)
                | Phase::Check(_, Side::After)
                | Phase::Script(
                    _,
                    Then::Stage | Then::Switch | Then::Check(Side::After) | Then::Settled(Side::After)
                )
        );
        match (&self.phase, outcome, self.pending.take()) {
            (_, outcome, None) if touched => {
                self.pending = Some(outcome);
                self.recover();
            }
            // Before anything was touched.
            (Phase::Verify(..) | Phase::Inspect(..), outcome, _) => self.finish(outcome),
            // On the way back, or while the engine's own state is brought in order.
            (_, Outcome::Failed { what, failure, .. }, _) => {
                self.finish(Outcome::Failed { what, failure, settled: false });
            }
            (_, outcome, _) => self.finish(outcome),
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        self.phase = Phase::Finished;
        self.progress = None;
        self.finished = Some(Event::Finished(outcome));
    }

    /// Tells how far the work is, when it has come a step of a thousandth further.
    fn report(&mut self) {
        let plan = self.current.as_ref().map(|current| &current.plan);
        let (work, (done, total)) = match (&self.phase, plan) {
            (Phase::Verify(reader, done), _) => {
                (Work::Verify, (*done, reader.envelope().map_or(*done, |envelope| envelope.total)))
            }
            (Phase::Inspect(inspect, _), Some(plan)) => (Work::Compare, inspect.progress(plan)),
            (Phase::Stage(stage), _) => (Work::Stage, stage.progress()),
            (Phase::Script(script, Then::Check(_)), _) => (Work::Switch, script.progress()),
            _ => return,
        };
        self.progress = Some(Event::Progress { work, done, total });
    }

    fn count(&mut self, effect: &Effect, result: Result<Answer<'_>, Failure>) {
        let add = |counter: &mut u64, count: u64| *counter = counter.saturating_add(count);
        add(&mut self.stats.effects, 1);
        match (effect, result) {
            (Effect::ReadPackage { .. }, Ok(Answer::Bytes(bytes))) => {
                add(&mut self.stats.package_bytes, wide(bytes.len()));
            }
            (Effect::Read { .. }, Ok(Answer::Bytes(bytes))) => {
                add(&mut self.stats.read_bytes, wide(bytes.len()));
            }
            (Effect::Write { bytes, .. }, Ok(_)) => add(&mut self.stats.written_bytes, wide(bytes.len())),
            (Effect::Barrier, _) => add(&mut self.stats.barriers, 1),
            _ => {}
        }
    }
}

/// Writes a file of the engine's own.
fn write(place: &Place, bytes: &[u8]) -> Vec<Step> {
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

/// Whether an answer is one to that effect.
fn fits(id: u64, effect: &Effect, result: Result<Answer<'_>, Failure>) -> Result<(), Error> {
    let Ok(answer) = result else { return Ok(()) };
    let fits = match effect {
        Effect::ReadPackage { len, .. } | Effect::Read { len, .. } => match answer {
            Answer::Bytes(bytes) if wide(bytes.len()) > u64::from(*len) => return Err(Error::TooLong { id }),
            Answer::Bytes(_) => true,
            _ => false,
        },
        Effect::ReadLink { .. } => matches!(answer, Answer::Bytes(_)),
        Effect::Stat { .. } => matches!(answer, Answer::Meta(_)),
        Effect::List { .. } => matches!(answer, Answer::Names(_)),
        _ => matches!(answer, Answer::Done),
    };
    if fits { Ok(()) } else { Err(Error::WrongKind { id }) }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
