//! The Core Administration Engine (CADE of the patent): commands, card reports and time in; effects out.

use super::card::{Card, Cause, Contact, Order, Port, State};
use super::command::{Command, Label, Refusal, Reply, Role, Who};
use super::definition::{Definition, Flaw};
use super::health::{Verdict, Watch};
use super::inventory::{Active, Inventory, Member};
use super::io::{Action, Alarm, Event, Input, Kept, Output, Probe, ProbeId, Standing, Transition, What};
use super::queue::Queue;
use super::units::Position;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How much the core holds at most.
///
/// Worst-case memory, beside the definition itself: about 1 KiB a card (280 KiB for a whole cabinet), 512 bytes an
/// event of the log and a notice that waits, 128 bytes an alarm: 2.3 MiB with the defaults and texts of 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long running requests may take to finish once a card is told to stop.
    pub drain: Duration,
    /// Events that are remembered.
    pub log: usize,
    /// Traps and events that wait to be taken; the oldest are dropped beyond.
    pub notices: usize,
    /// Different alarms that are counted; the one not told for longest is dropped beyond.
    pub alarms: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { drain: Duration::from_secs(30), log: 1024, notices: 2048, alarms: 1024 }
    }
}

/// What the core has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Changes of a card's state; as many traps.
    pub transitions: u64,
    /// Commands carried out.
    pub commands: u64,
    /// Commands refused.
    pub refusals: u64,
    /// Probes sent.
    pub probes: u64,
    /// Probes that failed or were not answered.
    pub probe_failures: u64,
    /// Traps and events dropped because nobody took them.
    pub lost: u64,
}

/// How often an alarm was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// How often.
    pub count: u64,
    /// When first.
    pub first: Duration,
    /// When last.
    pub last: Duration,
}

/// An input that cannot be. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such card in the inventory.
    #[error("there is no card {0}")]
    NoSuchCard(Position),
}

/// The cabinet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cabinet {
    limits: Limits,
    now: Duration,
    inventory: Arc<Inventory>,
    /// By the service's index and the member's position.
    watches: BTreeMap<(usize, Position), Watch>,
    next_probe: u64,
    alarms: BTreeMap<Alarm, Told>,
    log: VecDeque<Event>,
    events: u64,
    stats: Stats,
    queue: Queue,
}

impl Cabinet {
    /// A cabinet as defined, at `now`, with what an earlier process kept.
    ///
    /// # Errors
    /// All flaws of the definition.
    pub fn new(
        now: Duration,
        definition: &Definition,
        kept: impl IntoIterator<Item = Kept>,
        limits: Limits,
    ) -> Result<Self, Vec<Flaw>> {
        let inventory = Inventory {
            name: definition.name.clone(),
            chassis: definition.chassis,
            slots: definition.slots,
            cards: BTreeMap::new(),
            services: Vec::new(),
            labels: BTreeMap::new(),
            revision: 0,
        };
        let mut cabinet = Self {
            limits,
            now,
            inventory: Arc::new(inventory),
            watches: BTreeMap::new(),
            next_probe: 0,
            alarms: BTreeMap::new(),
            log: VecDeque::new(),
            events: 0,
            stats: Stats::default(),
            queue: Queue::default(),
        };
        cabinet.define(definition)?;
        for kept in kept {
            match kept {
                Kept::Stopped { card, stopped } => {
                    if let Some(card) = cabinet.inventory_mut().cards.get_mut(&card) {
                        card.order = if stopped { Order::Stop } else { Order::Run };
                    }
                }
                Kept::Label { label, text } => {
                    cabinet.inventory_mut().labels.insert(label, text);
                }
            }
        }
        Ok(cabinet)
    }

    /// Tells the core what happened at `now`.
    ///
    /// # Errors
    /// [`Error`] for an input that cannot be; nothing has changed then.
    pub fn handle(&mut self, now: Duration, input: Input) -> Result<(), Error> {
        if let Input::Leased { card, .. }
        | Input::Reported { card, .. }
        | Input::Silent { card }
        | Input::Suspect { card }
        | Input::Drained { card } = &input
            && !self.inventory.cards.contains_key(card)
        {
            return Err(Error::NoSuchCard(*card));
        }
        self.now = self.now.max(now);
        match input {
            Input::Tick => self.tick(),
            Input::Leased { card, .. } => self.heard(card, Cause::Leased),
            Input::Reported { card, report } => {
                let now = self.now;
                if let Some(card) = self.inventory_mut().cards.get_mut(&card) {
                    card.report = Some(report);
                    card.reported_at = now;
                }
                self.heard(card, Cause::Reported);
            }
            Input::Silent { card } => {
                let now = self.now;
                if let Some(card) = self.inventory_mut().cards.get_mut(&card)
                    && !matches!(card.contact, Contact::Silent { .. })
                {
                    card.contact = Contact::Silent { since: now };
                }
                self.settle(card, Cause::ProgramSilent);
            }
            Input::Probed { id, up } => self.probed(id, up),
            Input::Suspect { card } => self.hurry(card),
            Input::Drained { card } => {
                if matches!(self.inventory.cards.get(&card), Some(Card { order: Order::Drain { .. }, .. })) {
                    self.stop(card, Cause::Drained);
                }
            }
            Input::Alarm(alarm) => self.alarm(alarm),
        }
        Ok(())
    }

    /// Carries a command out, when the role allows it; either way it is in the log.
    ///
    /// # Errors
    /// [`Refusal`] says why not; nothing but the log has changed then.
    pub fn command(&mut self, now: Duration, who: &Who, command: Command) -> Result<Reply, Refusal> {
        self.now = self.now.max(now);
        let text = command.to_string();
        let result = self.authorise(who, &command).and_then(|()| self.carry_out(who, command));
        match &result {
            Ok(_) => self.stats.commands += 1,
            Err(_) => self.stats.refusals += 1,
        }
        self.note(What::Command { who: who.clone(), command: text, refused: result.as_ref().err().cloned() });
        result
    }

    /// The next thing to do, or `None`. What must be kept comes before what follows from it.
    pub fn poll_output(&mut self) -> Option<Output> {
        let queue = &mut self.queue;
        if !queue.kept.is_empty() {
            return Some(Output::Persist(queue.kept.remove(0)));
        }
        if core::mem::take(&mut queue.routes) {
            return Some(Output::Routes);
        }
        while let Some((index, position)) = queue.members.pop_first() {
            let active = self.inventory.services.get(index);
            let member = active.and_then(|active| active.members.iter().find(|m| m.card == position));
            if let (Some(active), Some(member)) = (active, member) {
                let service = active.service.name.clone();
                return Some(Output::Member { service, card: position, standing: member.standing });
            }
        }
        if let Some((card, action)) = queue.actions.pop_first() {
            return Some(Output::Action { card, action });
        }
        if let Some(card) = queue.files.pop_first() {
            return Some(Output::CardFiles { card });
        }
        queue.probes.pop_front().map(Output::Probe).or_else(|| queue.notices.pop_front())
    }

    /// When [`Input::Tick`] is next due; `Some(Duration::ZERO)` while outputs are pending.
    pub fn deadline(&self) -> Option<Duration> {
        if !self.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        let drains = self.inventory.cards.values().filter_map(|card| match card.order {
            Order::Drain { deadline } => Some(deadline),
            _ => None,
        });
        let watches = self.watches.iter().filter(|((_, card), _)| self.is_watched(*card));
        drains.chain(watches.map(|(_, watch)| watch.deadline())).min()
    }

    /// The latest time it was told.
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// What it holds; the clone of an `Arc` is a snapshot.
    pub const fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// The latest events, oldest first.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.log.iter()
    }

    /// The alarms and how often each was told.
    pub fn alarms(&self) -> impl Iterator<Item = (&Alarm, Told)> {
        self.alarms.iter().map(|(alarm, told)| (alarm, *told))
    }

    /// What it has counted.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    fn inventory_mut(&mut self) -> &mut Inventory {
        Arc::make_mut(&mut self.inventory)
    }

    fn authorise(&self, who: &Who, command: &Command) -> Result<(), Refusal> {
        let allowed = match (who.role, command) {
            (Role::Operator, _) => true,
            (Role::Technician, Command::StopCard(_) | Command::StartCard(_)) => true,
            // A user's own cards come with the services' owners.
            (Role::Technician | Role::User, _) => false,
        };
        allowed.then_some(()).ok_or_else(|| Refusal::NotAllowed { who: who.clone(), verb: command.verb() })
    }

    fn carry_out(&mut self, who: &Who, command: Command) -> Result<Reply, Refusal> {
        if let Some(card) = command.card()
            && !self.inventory.cards.contains_key(&card)
        {
            return Err(Refusal::NoSuchCard(card));
        }
        let cause = Cause::Commanded { by: who.name.clone() };
        match command {
            Command::StopCard(card) => Ok(self.stop_card(card, cause)),
            Command::StartCard(card) => Ok(self.start_card(card, cause)),
            Command::FailCard(card) => Ok(self.fail_card(card, cause)),
            Command::Reload(definition) => {
                self.define(&definition).map_err(Refusal::Definition)?;
                let (cards, services) = (self.inventory.cards.len(), self.inventory.services.len());
                Ok(Reply::Reloaded { cards, services })
            }
            Command::Describe(label, text) => {
                if text.len() > 255 || text.chars().any(char::is_control) {
                    return Err(Refusal::BadText);
                }
                self.queue.keep(Kept::Label { label, text: text.clone() });
                self.inventory_mut().labels.insert(label, text);
                Ok(Reply::Described)
            }
        }
    }
}

/// Cards.
impl Cabinet {
    fn stop_card(&mut self, position: Position, cause: Cause) -> Reply {
        let Some(card) = self.inventory.cards.get(&position) else {
            return Reply::Card { state: State::Off, changed: false };
        };
        match (card.order, card.state) {
            (Order::Drain { .. }, _) => return Reply::Draining,
            (Order::Stop, state) => return Reply::Card { state, changed: false },
            (Order::Run, State::Running) => {
                self.queue.keep(Kept::Stopped { card: position, stopped: true });
                let deadline = self.now.saturating_add(self.limits.drain);
                self.order(position, Order::Drain { deadline });
                self.settle(position, cause);
                return Reply::Draining;
            }
            (Order::Run | Order::Fail, _) => {}
        }
        self.queue.keep(Kept::Stopped { card: position, stopped: true });
        self.stop(position, cause);
        Reply::Card { state: State::Off, changed: true }
    }

    fn start_card(&mut self, position: Position, cause: Cause) -> Reply {
        let order = self.inventory.cards.get(&position).map(|card| card.order);
        match order {
            None | Some(Order::Run) => {}
            Some(Order::Drain { .. }) => {
                self.queue.keep(Kept::Stopped { card: position, stopped: false });
                self.order(position, Order::Run);
                self.settle(position, cause);
            }
            Some(Order::Stop | Order::Fail) => {
                self.queue.keep(Kept::Stopped { card: position, stopped: false });
                self.order(position, Order::Run);
                self.forget(position);
                self.act(position, Action::StartServices);
                self.settle(position, cause);
            }
        }
        let state = self.inventory.cards.get(&position).map_or(State::Off, |card| card.state);
        Reply::Card { state, changed: !matches!(order, None | Some(Order::Run)) }
    }

    fn fail_card(&mut self, position: Position, cause: Cause) -> Reply {
        let changed = self.inventory.cards.get(&position).is_some_and(|card| card.order != Order::Fail);
        if changed {
            self.order(position, Order::Fail);
            self.forget(position);
            self.act(position, Action::StopServices);
            self.settle(position, cause);
        }
        Reply::Card { state: State::Failed, changed }
    }

    /// Ends a card's service, drained or not.
    fn stop(&mut self, position: Position, cause: Cause) {
        self.order(position, Order::Stop);
        self.forget(position);
        self.act(position, Action::StopServices);
        self.settle(position, cause);
    }

    fn order(&mut self, position: Position, order: Order) {
        if let Some(card) = self.inventory_mut().cards.get_mut(&position) {
            card.order = order;
        }
    }

    fn act(&mut self, position: Position, action: Action) {
        if self.inventory.cards.get(&position).is_some_and(Card::has_program) {
            self.queue.actions.insert(position, action);
        }
    }

    fn heard(&mut self, position: Position, cause: Cause) {
        let at = self.now;
        let mut returned = false;
        if let Some(card) = self.inventory_mut().cards.get_mut(&position) {
            returned = !matches!(card.contact, Contact::Heard { .. });
            card.contact = Contact::Heard { at };
            if returned && cause == Cause::Leased {
                card.report = None;
            }
        }
        if returned || cause == Cause::Leased {
            self.hurry(position);
        }
        // A card that comes back while it should be stopped is told again.
        if returned && matches!(self.inventory.cards.get(&position), Some(Card { order: Order::Stop, .. })) {
            self.act(position, Action::StopServices);
        }
        self.settle(position, cause);
    }

    /// Judges a card's state and its members' standing anew, and tells of what has changed.
    fn settle(&mut self, position: Position, cause: Cause) {
        let port = self.port(position);
        let Some(card) = self.inventory.cards.get(&position) else { return };
        if matches!(card.order, Order::Drain { .. }) && port != Port::Answers {
            // Nobody is left to finish anything.
            return self.stop(position, Cause::Drained);
        }
        self.settle_members(position);
        let now = self.now;
        let Some(card) = self.inventory.cards.get(&position) else { return };
        let (from, to) = (card.state, card.judge(port));
        if from == to {
            return;
        }
        if let Some(card) = self.inventory_mut().cards.get_mut(&position) {
            card.state = to;
            card.since = now;
            card.cause = cause.clone();
        }
        let transition = Transition { card: position, from, to, at: now, cause };
        self.stats.transitions += 1;
        self.notice(Output::Trap(transition.clone()));
        self.note(What::State(transition));
    }

    fn settle_members(&mut self, position: Position) {
        let Some(order) = self.inventory.cards.get(&position).map(|card| card.order) else { return };
        let mut changes = Vec::new();
        for (index, active) in self.inventory.services.iter().enumerate() {
            for (place, member) in active.members.iter().enumerate().filter(|(_, m)| m.card == position) {
                let up = self.is_up(index, position);
                let standing = match order {
                    Order::Run if up => Standing::Serving,
                    Order::Drain { .. } if up => Standing::Draining,
                    _ => Standing::Down,
                };
                if standing != member.standing {
                    changes.push((index, place, standing));
                }
            }
        }
        let since = self.now;
        for (index, place, standing) in changes {
            let inventory = self.inventory_mut();
            inventory.revision += 1;
            if let Some(member) = inventory.services.get_mut(index).and_then(|a| a.members.get_mut(place)) {
                member.standing = standing;
                member.since = since;
            }
            self.queue.members.insert((index, position));
        }
    }
}

/// Ports.
impl Cabinet {
    fn is_watched(&self, position: Position) -> bool {
        self.inventory
            .cards
            .get(&position)
            .is_some_and(|card| matches!(card.order, Order::Run | Order::Drain { .. }))
    }

    fn is_up(&self, service: usize, position: Position) -> bool {
        self.watches.get(&(service, position)).is_some_and(|w| matches!(w.verdict, Verdict::Up { .. }))
    }

    fn watches_of(&mut self, position: Position) -> impl Iterator<Item = &mut Watch> {
        self.watches.iter_mut().filter(move |((_, card), _)| *card == position).map(|(_, watch)| watch)
    }

    fn port(&self, position: Position) -> Port {
        let verdicts = self.watches.iter().filter(|((_, card), _)| *card == position).map(|(_, w)| w.verdict);
        verdicts.fold(Port::Unknown, |port, verdict| match (port, verdict) {
            (Port::Answers, _) | (_, Verdict::Up { .. }) => Port::Answers,
            (Port::Silent, _) | (_, Verdict::Down { .. }) => Port::Silent,
            (Port::Unknown, Verdict::Unknown) => Port::Unknown,
        })
    }

    /// Asks a card's ports now rather than when their time comes.
    fn hurry(&mut self, position: Position) {
        let now = self.now;
        self.watches_of(position).for_each(|watch| watch.hurry(now));
        self.probe_due();
    }

    /// Forgets what a card's ports answered.
    fn forget(&mut self, position: Position) {
        let now = self.now;
        self.watches_of(position).for_each(|watch| watch.reset(now));
        self.drop_stale_probes();
        self.probe_due();
    }

    /// Drops the probes that wait to be taken and whose answer nobody waits for any more.
    fn drop_stale_probes(&mut self) {
        let watches = &self.watches;
        self.queue.probes.retain(|probe| watches.values().any(|watch| watch.awaits(probe.id)));
    }

    fn probe_due(&mut self) {
        let due: Vec<_> = self
            .watches
            .iter()
            .filter(|((_, card), watch)| watch.wants_probe(self.now) && self.is_watched(*card))
            .map(|(key, _)| *key)
            .collect();
        for (index, position) in due {
            let Some(active) = self.inventory.services.get(index) else { continue };
            let Some(member) = active.members.iter().find(|m| m.card == position) else { continue };
            let (service, address) = (Arc::clone(&active.service), member.address);
            let Some(watch) = self.watches.get_mut(&(index, position)) else { continue };
            let id = ProbeId(self.next_probe);
            self.next_probe = self.next_probe.wrapping_add(1);
            watch.sent(id, self.now, &service.health);
            self.stats.probes += 1;
            self.queue.probes.push_back(Probe {
                id,
                to: SocketAddr::new(address, service.port),
                http: service.health.http.clone(),
                host: service.first_host().map(Into::into),
                timeout: service.health.timeout.0,
            });
        }
    }

    fn probed(&mut self, id: ProbeId, up: bool) {
        // An answer that nobody waits for any more is no mistake: the card was stopped, or the services changed.
        let Some((key, _)) = self.watches.iter().find(|(_, watch)| watch.awaits(id)) else { return };
        let key = *key;
        self.answered(key, up);
    }

    fn answered(&mut self, key: (usize, Position), up: bool) {
        let now = self.now;
        let Some(active) = self.inventory.services.get(key.0) else { return };
        let service = Arc::clone(&active.service);
        let Some(watch) = self.watches.get_mut(&key) else { return };
        watch.answered(up, now, &service.health);
        self.stats.probe_failures += u64::from(!up);
        let cause = if up { Cause::PortAnswers } else { Cause::PortSilent { failures: service.health.fall } };
        self.settle(key.1, cause);
    }

    fn tick(&mut self) {
        let now = self.now;
        let overdue: Vec<_> = self
            .watches
            .iter()
            .filter(|((_, card), watch)| watch.is_overdue(now) && self.is_watched(*card))
            .map(|(key, watch)| (watch.deadline(), *key))
            .collect();
        let mut due: Vec<_> = overdue.into_iter().map(|(at, key)| (at, Err(key))).collect();
        due.extend(self.inventory.cards.values().filter_map(|card| match card.order {
            Order::Drain { deadline } if deadline <= now => Some((deadline, Ok(card.position))),
            _ => None,
        }));
        due.sort_unstable_by_key(|(at, _)| *at);
        for (_, what) in due {
            match what {
                Ok(card) => self.stop(card, Cause::DrainOver),
                Err(key) => self.answered(key, false),
            }
        }
        self.probe_due();
    }
}

/// The definition, the log, the alarms.
impl Cabinet {
    fn define(&mut self, definition: &Definition) -> Result<(), Vec<Flaw>> {
        let flaws = definition.flaws();
        if !flaws.is_empty() {
            return Err(flaws);
        }
        let members = definition.members().map_err(|flaw| vec![flaw])?;
        let now = self.now;
        let old = Arc::clone(&self.inventory);
        let mut cards = BTreeMap::new();
        for place in &definition.cards {
            let services = definition.services.iter().zip(&members);
            let services = services.filter(|(_, members)| members.contains(&place.position));
            let fresh = Card {
                position: place.position,
                address: place.address,
                mac: place.mac,
                circuit_id: place.circuit_id.clone(),
                services: services.map(|(service, _)| service.name.clone()).collect(),
                order: Order::Run,
                contact: Contact::Never,
                state: State::Off,
                since: now,
                cause: Cause::Configured,
                report: None,
                reported_at: now,
            };
            let card = match old.cards.get(&place.position) {
                // Another hardware address is another card: nothing known of the old one holds.
                Some(known) if known.mac == fresh.mac && known.address == fresh.address => {
                    Card { services: fresh.services, circuit_id: fresh.circuit_id, ..known.clone() }
                }
                Some(known) => Card { order: known.order, state: known.state, since: known.since, ..fresh },
                None => fresh,
            };
            if old.cards.get(&place.position).is_none_or(|known| *known != card) {
                self.queue.files.insert(place.position);
            }
            cards.insert(place.position, card);
        }
        let mut watches = BTreeMap::new();
        let mut services = Vec::with_capacity(definition.services.len());
        for (index, (service, members)) in definition.services.iter().zip(members).enumerate() {
            let earlier = old.services.iter().position(|active| active.service.name == service.name);
            let before = earlier.and_then(|earlier| old.services.get(earlier));
            let mut actives = Vec::with_capacity(members.len());
            for position in members {
                let Some(card) = cards.get(&position) else { continue };
                let same = |active: &&Active| active.service.port == service.port;
                let known = before.filter(same).and_then(|active| {
                    active.members.iter().find(|m| m.card == position && m.address == card.address)
                });
                let watch = known.and_then(|_| self.watches.get(&(earlier?, position))).cloned();
                let phase = u32::from(position.chassis) * 7 + u32::from(position.slot);
                watches.insert((index, position), watch.unwrap_or_else(|| Watch::new(now, phase)));
                let (standing, since) = known.map_or((Standing::Down, now), |m| (m.standing, m.since));
                actives.push(Member { card: position, address: card.address, standing, since });
            }
            services.push(Active { service: Arc::clone(service), members: actives });
        }
        let positions: Vec<_> = cards.keys().copied().collect();
        self.watches = watches;
        let inventory = self.inventory_mut();
        inventory.name = definition.name.clone();
        inventory.chassis = definition.chassis;
        inventory.slots = definition.slots;
        inventory.cards = cards;
        inventory.services = services;
        inventory.revision += 1;
        self.drop_stale_probes();
        self.queue.actions.retain(|card, _| positions.contains(card));
        for position in positions {
            self.settle(position, Cause::Rebound);
        }
        self.queue.members.clear();
        self.queue.routes = true;
        self.probe_due();
        Ok(())
    }

    fn alarm(&mut self, alarm: Alarm) {
        let now = self.now;
        let told = self.alarms.entry(alarm.clone()).or_insert(Told { count: 0, first: now, last: now });
        told.count += 1;
        told.last = now;
        let count = told.count;
        if self.alarms.len() > self.limits.alarms
            && let Some(stale) = self.alarms.iter().min_by_key(|(_, told)| told.last).map(|(a, _)| a.clone())
        {
            self.alarms.remove(&stale);
        }
        // The first, then ever more seldom: a flood of one alarm does not drown the others.
        if count.is_power_of_two() {
            self.note(What::Alarm { alarm, count });
        }
    }

    fn note(&mut self, what: What) {
        self.events += 1;
        let event = Event { number: self.events, at: self.now, what };
        self.log.push_back(event.clone());
        while self.log.len() > self.limits.log {
            self.log.pop_front();
        }
        self.notice(Output::Event(event));
    }

    fn notice(&mut self, notice: Output) {
        self.stats.lost += self.queue.notice(notice, self.limits.notices);
    }

    /// The system group's text that a command has set.
    pub fn label(&self, label: Label) -> Option<&str> {
        self.inventory.labels.get(&label).map(String::as_str)
    }
}
