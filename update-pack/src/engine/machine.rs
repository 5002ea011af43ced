//! The machine: one effect at a time. Which phase follows which is in `turn`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::back::Keep;
use super::check::Check;
use super::effect::{Answer, Effect, Failure};
use super::inspect::Inspect;
use super::journal::Record;
use super::migrate::Migrate;
use super::note::Notes;
use super::plan::Plan;
use super::recover::{Discard, Found, Recover};
use super::resume::{Resume, Resumed};
use super::script::{Next, Script, Stop};
use super::stage::Stage;
use super::trial::Watched;
use super::types::{
    Config, Error, Event, Goal, Input, Outcome, Output, Reason, Recovered, Stats, Time, Work,
};
use crate::tree::Side;
use crate::verify::{Envelope, Progress, Reader};

/// Carries one goal out on one directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Engine {
    pub(super) config: Config,
    pub(super) goal: Goal,
    pub(super) phase: Phase,
    asked: Option<Asked>,
    pub(super) progress: Option<Event>,
    pub(super) finished: Option<Event>,
    /// The event that was given out last.
    lent: Option<Event>,
    /// How it will have ended, once everything is in order again.
    pub(super) pending: Option<Outcome>,
    pub(super) found: Found,
    pub(super) recovered: Option<(Recovered, Option<crate::wire::Digest>)>,
    pub(super) envelope: Option<Box<Envelope>>,
    /// The update that is being worked on.
    pub(super) current: Option<Box<Current>>,
    /// The number of the update that this run has begun.
    pub(super) working: Option<u32>,
    /// When the root was last changed, before this run.
    pub(super) root: Time,
    /// What an earlier run has staged.
    pub(super) resumed: Option<Resumed>,
    /// How often the state was read; a storage that forgets could make this endless.
    pub(super) rounds: u32,
    /// The legs of the package that were tried and did not start from what the directory holds.
    pub(super) tried: Vec<usize>,
    /// What was different for the first of them, which is the one that should have fitted.
    pub(super) different: Option<Outcome>,
    /// The version from which the first of several legs started.
    pub(super) origin: Option<String>,
    next_id: u64,
    pub(super) now: Duration,
    /// How many chances the new version has had, as far as this run knows.
    pub(super) attempts: u8,
    /// What this run has noted, beyond what it found.
    pub(super) notes: Option<Notes>,
    /// Whether an earlier run has begun with the switch.
    pub(super) again: bool,
    /// Whether the trial is left to another run.
    pub(super) leave: bool,
    stats: Stats,
}

#[derive(Clone, Debug, PartialEq)]
struct Asked {
    id: u64,
    effect: Effect,
    shown: bool,
    /// When it has taken too long.
    until: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Current {
    pub(super) number: u32,
    pub(super) record: Record,
    pub(super) plan: Plan,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    Recover(Recover),
    Discard(Discard, Then),
    Resume(Resume),
    Verify(Box<Reader>, u64),
    Inspect(Inspect, Side),
    Stage(Box<Stage>),
    Keep(Box<Keep>),
    /// Makes the old content again.
    Remake(Box<Stage>),
    Script(Script, Then),
    Migrate(Box<Migrate>),
    Trial(Watched),
    Check(Check, Side),
    Finished,
}

/// What comes after a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The state is read again, and decides.
    Recover,
    /// A chance of the new version begins.
    Watch,
    /// Steps are reverted, and then the tree goes back.
    Revert,
    Prepare,
    Stage,
    /// Makes the old content again.
    Remake,
    /// The old content is there: the tree goes back.
    Back,
    /// The update has come to stay.
    Install,
    Switch,
    Check(Side),
    Settled(Side),
}

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
            root: Time::default(),
            resumed: None,
            rounds: 0,
            tried: Vec::new(),
            different: None,
            origin: None,
            next_id: 0,
            now: Duration::ZERO,
            attempts: 0,
            notes: None,
            again: false,
            leave: false,
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
            Input::Verdict { well } => {
                if !matches!(self.phase, Phase::Trial(_)) {
                    return Err(Error::NoTrial);
                }
                self.now = self.now.max(now);
                match well {
                    true => self.stays(),
                    false => self.unwell(),
                }
                self.advance();
                return Ok(());
            }
            Input::Tick => {
                self.now = self.now.max(now);
                return self.tick();
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
            if let Effect::Run(call) = &asked.effect {
                let seconds = Duration::from_secs(u64::from(call.seconds.get()));
                asked.until = Some(self.now.saturating_add(seconds));
            }
            return Some(Output::Storage { id: asked.id, effect: &asked.effect });
        }
        let event = self.finished.take()?;
        Some(Output::Event(self.lent.insert(event)))
    }

    /// `Some(Duration::ZERO)` while outputs are pending; when a step or an attempt has taken too long; otherwise the
    /// engine waits for an answer, or is finished.
    pub fn deadline(&self) -> Option<Duration> {
        let pending = self.progress.is_some()
            || self.asked.as_ref().is_some_and(|asked| !asked.shown)
            || self.finished.is_some();
        if pending {
            return Some(Duration::ZERO);
        }
        match (&self.phase, &self.asked) {
            (Phase::Trial(watched), _) => Some(watched.until),
            (_, Some(asked)) => asked.until,
            _ => None,
        }
    }

    /// A step that has taken too long has failed; so has an attempt whose time is over.
    fn tick(&mut self) -> Result<(), Error> {
        let due = |until: Duration| self.now >= until;
        let late = self.asked.as_ref().filter(|asked| asked.shown && asked.until.is_some_and(due));
        if let Some(id) = late.map(|asked| asked.id) {
            return self.handle(self.now, Input::Failed { id, failure: Failure::TimedOut });
        }
        if matches!(&self.phase, Phase::Trial(watched) if due(watched.until)) {
            self.attempt();
            self.advance();
        }
        Ok(())
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
                    self.asked = Some(Asked { id, effect, shown: false, until: None });
                }
                Ok(Next::Wait) => return,
                Ok(Next::Done) => self.turn(),
                Err(stop) => self.stop(stop, None),
            }
        }
    }

    fn next(&mut self) -> Result<Next, Stop> {
        let plan = self.current.as_ref().map(|current| &current.plan);
        Ok(match (&mut self.phase, plan) {
            (Phase::Recover(recover), _) => recover.next(),
            (Phase::Discard(discard, _), _) => discard.next(),
            (Phase::Resume(resume), _) => resume.next(),
            (Phase::Verify(reader, _), _) => match reader.need() {
                Some(need) => Next::Do(Effect::ReadPackage { offset: need.offset, len: need.len }),
                None => Next::Done,
            },
            (Phase::Inspect(inspect, _), Some(plan)) => inspect.next(plan),
            (Phase::Stage(stage) | Phase::Remake(stage), Some(plan)) => stage.next(plan)?,
            (Phase::Keep(keep), _) => keep.next(),
            (Phase::Script(script, _), _) => script.next().map_or(Next::Done, Next::Do),
            (Phase::Check(check, _), _) => check.next(),
            (Phase::Migrate(migrate), _) => migrate.next()?,
            (Phase::Trial(_), _) => Next::Wait,
            _ => Next::Done,
        })
    }

    fn answer(&mut self, effect: &Effect, result: Result<Answer<'_>, Failure>) -> Result<(), Stop> {
        let plan = self.current.as_ref().map(|current| &current.plan);
        match (&mut self.phase, plan, self.envelope.as_deref()) {
            (Phase::Recover(recover), _, _) => recover.answer(result),
            (Phase::Discard(discard, _), _, _) => discard.answer(result),
            (Phase::Resume(resume), _, _) => {
                resume.answer(result);
                Ok(())
            }
            (Phase::Verify(reader, done), _, _) => {
                let Answer::Bytes(bytes) = result.map_err(Stop::Fail)? else { return Ok(()) };
                *done = done.saturating_add(wide(bytes.len()));
                match reader.feed(bytes) {
                    Ok(Progress::More | Progress::Payload(_) | Progress::End) => Ok(()),
                    Err(error) => Err(Stop::Refuse(Reason::Package(error))),
                }
            }
            (Phase::Inspect(inspect, _), Some(plan), _) => inspect.answer(plan, result),
            (Phase::Stage(stage), Some(plan), Some(envelope)) => {
                stage.answer(plan, &envelope.groups, effect, result)
            }
            (Phase::Remake(stage), Some(plan), _) => stage.answer(plan, &[], effect, result),
            (Phase::Keep(keep), _, Some(envelope)) => keep.answer(envelope, result),
            (Phase::Script(script, _), _, _) => script.answer(result.map(drop)).map_err(Stop::Fail),
            (Phase::Check(check, _), _, _) => check.answer(result),
            (Phase::Migrate(migrate), _, _) => migrate.answer(result.map(drop)),
            _ => Ok(()),
        }
    }

    /// Tells how far the work is, when it has come a step of a thousandth further.
    fn report(&mut self) {
        let plan = self.current.as_ref().map(|current| &current.plan);
        let (work, (done, total)) = match (&self.phase, plan) {
            (Phase::Verify(reader, done), _) => {
                (Work::Verify, (*done, reader.envelope().map_or(*done, |envelope| envelope.total)))
            }
            (Phase::Inspect(inspect, _), Some(plan)) => (Work::Compare, inspect.progress(plan)),
            (Phase::Stage(stage) | Phase::Remake(stage), _) => (Work::Stage, stage.progress()),
            (Phase::Script(script, Then::Check(_)), _) => (Work::Switch, script.progress()),
            (Phase::Migrate(migrate), _) => (Work::Migrate, migrate.progress()),
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

pub(super) fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
