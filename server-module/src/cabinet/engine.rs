//! The Core Administration Engine (CADE of the patent): commands, card reports and time in; effects out.

use super::card::{Card, Cause, Contact, Order};
use super::command::{Command, Refusal, Reply, Role, Who};
use super::definition::{Definition, Flaw};
use super::health::Watch;
use super::inventory::Inventory;
use super::io::{Alarm, Event, Input, Kept, Output, What};
use super::queue::Queue;
use super::service::Name;
use super::units::Position;
use super::usage::Used;
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
    pub(super) limits: Limits,
    pub(super) now: Duration,
    pub(super) inventory: Arc<Inventory>,
    /// By the service's index and the member's position.
    pub(super) watches: BTreeMap<(usize, Position), Watch>,
    pub(super) next_probe: u64,
    pub(super) alarms: BTreeMap<Alarm, Told>,
    pub(super) usage: BTreeMap<(Name, Option<Position>), Used>,
    pub(super) log: VecDeque<Event>,
    pub(super) events: u64,
    pub(super) stats: Stats,
    pub(super) queue: Queue,
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
            usage: BTreeMap::new(),
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
                Kept::ServiceStopped { service, stopped } => {
                    let order = if stopped { Order::Stop } else { Order::Run };
                    let services = &mut cabinet.inventory_mut().services;
                    if let Some(active) = services.iter_mut().find(|active| active.service.name == service) {
                        active.order = order;
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
            Input::ServiceDrained { service } => self.service_drained(&service),
            Input::Alarm(alarm) => self.alarm(alarm),
            Input::Used(shares) => self.used(shares),
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
        let orders = self.inventory.cards.values().map(|card| card.order);
        let orders = orders.chain(self.inventory.services.iter().map(|active| active.order));
        let drains = orders.filter_map(|order| match order {
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

    /// What customers have used since the module started, by service and card; no card where the proxy answered
    /// itself.
    pub fn usage(&self) -> impl Iterator<Item = (&Name, Option<Position>, &Used)> {
        self.usage.iter().map(|((service, card), used)| (service, *card, used))
    }

    /// What it has counted.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    pub(super) fn inventory_mut(&mut self) -> &mut Inventory {
        Arc::make_mut(&mut self.inventory)
    }

    fn authorise(&self, who: &Who, command: &Command) -> Result<(), Refusal> {
        let allowed = match (who.role, command) {
            (Role::Operator, _) => true,
            (Role::Technician, Command::StopCard(_) | Command::StartCard(_)) => true,
            (Role::User, Command::StopCard(card) | Command::StartCard(card)) => {
                self.inventory.owns(&who.name, *card)
            }
            (Role::User, Command::StopService(name) | Command::StartService(name)) => {
                let active = self.inventory.service(name.as_str());
                active.is_some_and(|active| active.owner() == Some(&who.name))
            }
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
            Command::StopService(name) => self.stop_service(name),
            Command::StartService(name) => self.start_service(name),
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
