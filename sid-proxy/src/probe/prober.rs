//! The engine: what is due, what runs, what was found.

use super::check::{Answer, Ask, Check};
use super::{Error, Event, Health, Input, Limits, Output, ProbeId, Stats, Why};
use crate::number::fold;
use crate::{CardId, ServiceId};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

/// Watches the cards of services. See the [module](super).
#[derive(Clone, Debug, PartialEq)]
pub struct Prober {
    limits: Limits,
    targets: BTreeMap<Place, Target>,
    /// Who is to be asked when. Who is being asked stands in `running` instead.
    due: BTreeSet<(Duration, Place)>,
    running: BTreeMap<ProbeId, Running>,
    /// When the running probes are late.
    late: BTreeSet<(Duration, ProbeId)>,
    outputs: VecDeque<Effect>,
    /// Whose request the last output lends.
    lent: Option<Arc<Check>>,
    stats: Stats,
    /// The state of the generator.
    random: u64,
    last: u64,
    now: Duration,
}

/// A card of a service.
type Place = (ServiceId, CardId);

#[derive(Clone, Debug, PartialEq)]
struct Target {
    address: SocketAddr,
    check: Arc<Check>,
    health: Health,
    /// Answers in a row that speak against `health`.
    streak: u8,
    turn: Turn,
    /// When the last probe began.
    asked_at: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    Resting { until: Duration },
    Asked { id: ProbeId, suspected: bool },
}

#[derive(Clone, Debug, PartialEq)]
struct Running {
    place: Place,
    late_at: Duration,
    check: Arc<Check>,
    answer: Answer,
}

#[derive(Clone, Debug, PartialEq)]
enum Effect {
    Connect(ProbeId, SocketAddr),
    Send(ProbeId, Arc<Check>),
    Close(ProbeId),
    Event(Event),
}

impl Prober {
    /// Begins with nobody to watch.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            targets: BTreeMap::new(),
            due: BTreeSet::new(),
            running: BTreeMap::new(),
            late: BTreeSet::new(),
            outputs: VecDeque::new(),
            lent: None,
            stats: Stats::default(),
            random: seed,
            last: 0,
            now: Duration::ZERO,
        }
    }

    /// Watches a card of a service from now on. One that is watched already keeps its health, if only the check is
    /// another; at another address it is another card.
    pub fn watch(
        &mut self,
        now: Duration,
        service: ServiceId,
        card: CardId,
        address: SocketAddr,
        check: &Arc<Check>,
    ) -> Result<(), Error> {
        self.judge(now)?;
        let place = (service, card);
        if let Some(target) = self.targets.get_mut(&place).filter(|target| target.address == address) {
            target.check = Arc::clone(check);
            return Ok(());
        }
        if self.targets.len() >= self.limits.watched && !self.targets.contains_key(&place) {
            return Err(Error::TooMany);
        }
        self.drop_target(place);
        let target = Target {
            address,
            check: Arc::clone(check),
            health: Health::Unknown,
            streak: 0,
            turn: Turn::Resting { until: now },
            asked_at: None,
        };
        self.targets.insert(place, target);
        self.due.insert((now, place));
        self.begin(now);
        Ok(())
    }

    /// Watches a card no more.
    pub fn forget(&mut self, now: Duration, service: ServiceId, card: CardId) -> Result<(), Error> {
        self.judge(now)?;
        self.drop_target((service, card));
        self.begin(now);
        Ok(())
    }

    /// A request failed on a card: it is asked as soon as a quarter of the interval has passed since it was asked last.
    /// However many requests fail, it is asked no more than four times as often.
    pub fn suspect(&mut self, now: Duration, service: ServiceId, card: CardId) -> Result<(), Error> {
        self.judge(now)?;
        let place = (service, card);
        let Some(target) = self.targets.get_mut(&place) else { return Ok(()) };
        match &mut target.turn {
            Turn::Asked { suspected, .. } => *suspected = true,
            Turn::Resting { until } => {
                let soon = soon(target.asked_at, &target.check).max(now).min(*until);
                self.due.remove(&(*until, place));
                *until = soon;
                self.due.insert((soon, place));
            }
        }
        self.begin(now);
        Ok(())
    }

    /// Tells what happened at `now`.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        self.judge(now)?;
        match input {
            Input::Connected(id) => self.connected(now, id),
            Input::Failed(id) => self.over(now, id, Why::Refused),
            Input::Data { id, bytes } => self.data(now, id, bytes),
            Input::Tick => {}
        }
        while let Some(&(late_at, id)) = self.late.first().filter(|(late_at, _)| now >= *late_at) {
            self.over(now.max(late_at), id, Why::Late);
        }
        self.begin(now);
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        Some(match self.outputs.pop_front()? {
            Effect::Connect(id, address) => Output::Connect { id, address },
            Effect::Close(id) => Output::Close { id },
            Effect::Event(event) => Output::Event(event),
            Effect::Send(id, check) => Output::Send { id, bytes: self.lent.insert(check).ask.request() },
        })
    }

    /// When [`Input::Tick`] is due; zero while outputs wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if !self.outputs.is_empty() {
            return Some(Duration::ZERO);
        }
        let late = self.late.first().map(|(at, _)| *at);
        let due = self.due.first().map(|(at, _)| *at).filter(|_| self.running.len() < self.limits.running);
        [late, due].into_iter().flatten().min()
    }

    /// What is known of a card of a service; `None` if it is not watched.
    #[must_use]
    pub fn health(&self, service: ServiceId, card: CardId) -> Option<Health> {
        self.targets.get(&(service, card)).map(|target| target.health)
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn judge(&self, now: Duration) -> Result<(), Error> {
        if now < self.now { Err(Error::TimeRanBack) } else { Ok(()) }
    }

    /// Begins what is due, as far as there is room.
    fn begin(&mut self, now: Duration) {
        self.now = now;
        while self.running.len() < self.limits.running.max(1) {
            let Some((_, place)) = self.due.first().copied().filter(|(at, _)| now >= *at) else { return };
            self.due.pop_first();
            let Some(target) = self.targets.get_mut(&place) else { continue };
            self.last = self.last.saturating_add(1);
            let id = ProbeId(self.last);
            target.turn = Turn::Asked { id, suspected: false };
            target.asked_at = Some(now);
            let late_at = now.saturating_add(target.check.timeout.max(LEAST));
            let check = Arc::clone(&target.check);
            self.running.insert(id, Running { place, late_at, check, answer: Answer::default() });
            self.late.insert((late_at, id));
            self.stats.begun = self.stats.begun.saturating_add(1);
            self.outputs.push_back(Effect::Connect(id, target.address));
        }
    }

    fn connected(&mut self, now: Duration, id: ProbeId) {
        let Some(running) = self.running.get(&id) else { return };
        match running.check.ask {
            Ask::Connect => self.over(now, id, Why::Answered(0)),
            Ask::Http { .. } => {
                let check = Arc::clone(&running.check);
                self.outputs.push_back(Effect::Send(id, check));
            }
        }
    }

    fn data(&mut self, now: Duration, id: ProbeId, bytes: &[u8]) {
        let Some(Running { check, answer, .. }) = self.running.get_mut(&id) else { return };
        let Ask::Http { good, .. } = &check.ask else { return };
        if let Some(why) = answer.read(bytes, good) {
            self.over(now, id, why);
        }
    }

    /// Ends a probe and makes of it what is to be made.
    fn over(&mut self, now: Duration, id: ProbeId, why: Why) {
        let Some(Running { place, late_at, .. }) = self.running.remove(&id) else { return };
        self.late.remove(&(late_at, id));
        self.outputs.push_back(Effect::Close(id));
        let random = self.draw();
        let Some(target) = self.targets.get_mut(&place) else { return };
        let Turn::Asked { suspected, .. } = target.turn else { return };
        let well = matches!(why, Why::Answered(_));
        let counter = if well { &mut self.stats.well } else { &mut self.stats.ill };
        *counter = counter.saturating_add(1);
        if let Some(health) = target.judge(well) {
            let (service, card) = place;
            self.outputs.push_back(Effect::Event(Event::Found { service, card, health, why }));
        }
        let asked_at = target.asked_at.unwrap_or(now);
        let turn = asked_at.saturating_add(jittered(&target.check, random));
        let until = if suspected { soon(target.asked_at, &target.check) } else { turn }.max(now);
        target.turn = Turn::Resting { until };
        self.due.insert((until, place));
    }

    fn drop_target(&mut self, place: Place) {
        let Some(target) = self.targets.remove(&place) else { return };
        match target.turn {
            Turn::Resting { until } => {
                self.due.remove(&(until, place));
            }
            Turn::Asked { id, .. } => {
                if let Some(running) = self.running.remove(&id) {
                    self.late.remove(&(running.late_at, id));
                }
                // A request that was not sent yet has nowhere to go.
                self.outputs.retain(|effect| !matches!(effect, Effect::Send(other, _) if *other == id));
                self.outputs.push_back(Effect::Close(id));
            }
        }
    }

    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        fold(self.random, 0xd6e8_feb8_6659_fd93)
    }
}

impl Target {
    /// Takes an answer; gives the health if that changes it.
    fn judge(&mut self, well: bool) -> Option<Health> {
        let (found, enough) = match (self.health, well) {
            (Health::Unknown, true) => (Health::Well, 1),
            (Health::Unknown, false) => (Health::Ill, 1),
            (Health::Well, false) => (Health::Ill, self.check.fall),
            (Health::Ill, true) => (Health::Well, self.check.rise),
            (Health::Well, true) | (Health::Ill, false) => {
                self.streak = 0;
                return None;
            }
        };
        self.streak = self.streak.saturating_add(1);
        if self.streak < enough {
            return None;
        }
        self.health = found;
        self.streak = 0;
        Some(found)
    }
}

/// The shortest interval and the shortest time-out: a configuration of zeros is no busy loop.
const LEAST: Duration = Duration::from_millis(10);

/// When a card that is suspected may be asked.
fn soon(asked_at: Option<Duration>, check: &Check) -> Duration {
    let quarter = check.every.checked_div(4).unwrap_or_default().max(LEAST);
    asked_at.map_or(Duration::ZERO, |at| at.saturating_add(quarter))
}

/// The interval, shortened by chance.
fn jittered(check: &Check, random: u64) -> Duration {
    let every = check.every.max(LEAST);
    let most = every.saturating_mul(u32::from(check.jitter.min(100))).checked_div(100).unwrap_or_default();
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    // A number below `nanos`, as evenly as 64 bits allow.
    let part = u128::from(random).saturating_mul(u128::from(nanos)) >> 64;
    every.saturating_sub(Duration::from_nanos(u64::try_from(part).unwrap_or(0))).max(LEAST)
}
