//! The three verbs of the server.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;

use super::cards::{Cards, Spoken};
use super::client::Client;
use super::flood::Flood;
use super::judge::{Deed, Judgement};
use super::leases::{Entry, Leases, State};
use super::networks::Networks;
use super::{CommitId, Config, ConfigError, Decision, Event, Input, Lease, Mode, Output, Reason, Verdict};
use crate::Position;
use crate::dhcp::Destination;
use crate::queue::Queue;
use crate::wire::dhcp::{Dropped, Message, OptionCode};
use crate::{HwAddr, dhcp::server::Rule};

/// A DHCP server.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    config: Config,
    cards: Cards,
    networks: Networks,
    leases: Leases,
    flood: Flood,
    now: Duration,
    commit: u64,
    queue: Queue<Item>,
    stats: Stats,
}

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Persist(CommitId, Lease),
    Send(Destination, Option<CommitId>),
    Event(Event),
}

/// The most outputs that one datagram gives rise to: a lease, a reply, a notice, a decision.
const OUTPUTS_A_DATAGRAM: usize = 4;

impl Server {
    /// Builds a server; contradictions in the configuration are errors that name both entries.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let cards = Cards::new(&config)?;
        let networks = Networks::new(&config)?;
        let leases = Leases::new(config.seed);
        Ok(Self {
            config,
            cards,
            networks,
            leases,
            flood: Flood::default(),
            now: Duration::ZERO,
            commit: 0,
            queue: Queue::new(),
            stats: Stats::default(),
        })
    }

    /// Takes another configuration and keeps the leases, and the seed of their tables. On an error the old one stays.
    pub fn configure(&mut self, config: Config) -> Result<(), ConfigError> {
        let config = Config { seed: self.config.seed, ..config };
        let cards = Cards::new(&config)?;
        self.networks = Networks::new(&config)?;
        self.cards = cards;
        self.config = config;
        self.leases.regroup(|address| self.networks.group(address));
        Ok(())
    }

    /// Puts a lease back that was kept, with the client's name beside it, before the first datagram.
    pub fn restore(&mut self, now: Duration, lease: &Lease, client: &[u8]) {
        self.now = self.now.max(now);
        let state = if lease.expires_at > self.now {
            State::Bound { until: lease.expires_at }
        } else {
            State::Idle { since: lease.expires_at }
        };
        let limit = self.room(self.cards.position(lease.address).is_none());
        if self.leases.has_room(lease.address, limit) {
            let client = Client::from_name(self.config.seed, lease.hw, client);
            let group = self.networks.group(lease.address);
            let entry = Entry { address: lease.address, group, state, now: self.now, relay_info: None };
            self.leases.set(client, entry, limit);
        }
    }

    /// Tells the server what happened at `now`.
    ///
    /// A datagram that is no message, or no message for a server, is told by a [`Decision`] like any other; the only
    /// error is [`Error::Full`].
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        if let Input::Datagram { .. } = input
            && self.queue.len().saturating_add(OUTPUTS_A_DATAGRAM) > self.config.limits.outputs
        {
            return Err(Error::Full);
        }
        self.now = self.now.max(now);
        self.lapse();
        if let Input::Datagram { from, bytes } = input {
            self.datagram(from, bytes);
        }
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        let (item, bytes) = self.queue.next()?;
        Some(match item {
            Item::Persist(commit, lease) => Output::Persist { commit, lease, client: bytes },
            Item::Send(to, after) => Output::Send { to, bytes, after },
            Item::Event(event) => Output::Event(event),
        })
    }

    /// When [`Input::Tick`] is next due.
    pub fn deadline(&self) -> Option<Duration> {
        if self.queue.is_empty() { self.leases.deadline() } else { Some(Duration::ZERO) }
    }

    /// What the server would decide about a datagram now, without doing it.
    pub fn explain(&self, bytes: &[u8]) -> Decision {
        match Message::parse(bytes) {
            Ok(message) => self.judge(self.now, &message, self.client(&message)).decision,
            Err(_) => malformed(),
        }
    }

    /// The lease of an address that runs, or ran last: whose it is, and until when.
    pub fn lease(&self, address: Ipv4Addr) -> Option<Lease> {
        let binding = self.leases.get(address)?;
        let expires_at = match binding.state {
            State::Bound { until } => until,
            State::Idle { since } => since,
            State::Offered { .. } | State::Declined { .. } => return None,
        };
        Some(Lease { address, hw: binding.hw, expires_at })
    }

    /// The address of a position, by its card's configuration or the plan.
    pub fn address_of(&self, position: Position) -> Option<Ipv4Addr> {
        self.cards.address(position)
    }

    /// The position that owns an address: who asks for a file, for instance.
    pub fn position_of(&self, address: Ipv4Addr) -> Option<Position> {
        self.cards.position(address)
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        Stats { leases: u64::try_from(self.leases.len()).unwrap_or(u64::MAX), ..self.stats }
    }

    pub(super) fn time(&self) -> Duration {
        self.now
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn cards(&self) -> &Cards {
        &self.cards
    }

    pub(super) fn networks(&self) -> &Networks {
        &self.networks
    }

    pub(super) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// A client of a position is its hardware: firmware and system have identifiers of their own, and are one card.
    fn client<'a>(&self, message: &Message<'a>) -> Client<'a> {
        let pools =
            matches!(self.config.unknown, super::Unknown::Quarantine(_)) || !self.config.subnets.is_empty();
        Client::of(self.config.seed, message, !pools)
    }

    fn lapse(&mut self) {
        while self.queue.len() < self.config.limits.outputs {
            let Some(binding) = self.leases.lapse(self.now) else { return };
            if matches!(binding.state, State::Bound { .. }) {
                let address = binding.address;
                let position = self.cards.position(address);
                self.queue.push_bare(Item::Event(Event::Expired { address, position, hw: binding.hw }));
            }
        }
    }

    fn datagram(&mut self, from: SocketAddrV4, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes) else {
            self.tell(malformed());
            return;
        };
        let client = self.client(&message);
        if let Some(rate) = self.config.limits.rate {
            let talker = Spoken::of(&message).talker(self.config.seed);
            if !self.flood.admit(rate, talker, self.now) {
                let mut decision = self.judge(self.now, &message, client).decision;
                (decision.verdict, decision.reason) = (Verdict::Silent, Reason::TooFast);
                self.tell(decision);
                return;
            }
        }
        let mut judgement = self.judge(self.now, &message, client);
        if self.config.mode == Mode::Serve {
            let after = self.apply(&judgement, &message, client);
            self.send(&message, from, &mut judgement.decision, after);
            if let Some(event) = judgement.notice {
                self.queue.push_bare(Item::Event(event));
            }
        }
        self.tell(judgement.decision);
    }

    /// Does what the judgement means for the leases, and names the change if it must be kept first.
    fn apply(
        &mut self,
        judgement: &Judgement,
        message: &Message<'_>,
        client: Client<'_>,
    ) -> Option<CommitId> {
        let now = self.now;
        let (address, expires_at) = match judgement.deed {
            Deed::None => return None,
            Deed::Hold(address) => {
                let bound = self.leases.get(address).is_some_and(|binding| {
                    client.has(binding) && matches!(binding.state, State::Bound { .. })
                });
                if !bound {
                    let until = now.saturating_add(self.config.offer_hold);
                    self.bind(
                        judgement,
                        message,
                        client,
                        address,
                        State::Offered { until, relay: message.giaddr() },
                    );
                }
                return None;
            }
            Deed::Drop(address) => {
                self.leases.remove(address);
                return None;
            }
            Deed::Decline(address) => {
                let until = now.saturating_add(self.config.decline_hold);
                self.leases.change(address, client.hw, State::Declined { until }, now);
                (address, now)
            }
            Deed::Bind(address, until) => {
                self.bind(judgement, message, client, address, State::Bound { until });
                (address, until)
            }
            Deed::Release(address) => {
                self.leases.change(address, client.hw, State::Idle { since: now }, now);
                (address, now)
            }
        };
        self.commit = self.commit.saturating_add(1);
        let commit = CommitId(self.commit);
        let mut name = self.queue.buffer();
        client.write_name(&mut name);
        self.queue.push(Item::Persist(commit, Lease { address, hw: client.hw, expires_at }), name);
        Some(commit)
    }

    fn bind(
        &mut self,
        judgement: &Judgement,
        message: &Message<'_>,
        client: Client<'_>,
        address: Ipv4Addr,
        state: State,
    ) {
        let limit = self.room(judgement.decision.rule.is_pooled());
        let relayed = !self.config.leasequery.is_empty() && !message.giaddr().is_unspecified();
        let relay_info = message.option_slice(OptionCode::RELAY_INFO).filter(|_| relayed);
        let entry = Entry { address, group: self.networks.group(address), state, now: self.now, relay_info };
        self.leases.set(client, entry, limit);
    }

    fn send(
        &mut self,
        message: &Message<'_>,
        from: SocketAddrV4,
        decision: &mut Decision,
        after: Option<CommitId>,
    ) {
        if matches!(decision.verdict, Verdict::Silent | Verdict::Noted) {
            return;
        }
        let mut buffer = self.queue.used_buffer();
        match self.reply(message, from, decision, &mut buffer) {
            Some((to, len, dropped)) => {
                decision.dropped = dropped;
                // A NAK binds nothing, so that it waits for nothing.
                self.queue.push_part(Item::Send(to, after), buffer, len);
            }
            None => self.queue.recycle(buffer),
        }
    }

    fn tell(&mut self, decision: Decision) {
        let stats = &mut self.stats;
        let counter = match decision.verdict {
            Verdict::Offer => &mut stats.offers,
            Verdict::Ack => &mut stats.acks,
            Verdict::Nak => &mut stats.naks,
            Verdict::Bootp => &mut stats.bootp,
            Verdict::LeaseActive | Verdict::LeaseUnassigned | Verdict::LeaseUnknown => &mut stats.queries,
            Verdict::Noted => &mut stats.noted,
            Verdict::Silent => &mut stats.silent,
        };
        *counter = counter.saturating_add(1);
        self.queue.push_bare(Item::Event(Event::Decided(decision)));
    }
}

/// The decision about octets that are no message.
fn malformed() -> Decision {
    Decision {
        kind: None,
        xid: 0,
        hw: HwAddr::ethernet([0; 6]),
        relay: Ipv4Addr::UNSPECIFIED,
        position: None,
        rule: Rule::None,
        address: None,
        verdict: Verdict::Silent,
        reason: Reason::Malformed,
        dropped: Dropped::default(),
    }
}

/// What is counted: one of the verdicts a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// OFFERs sent.
    pub offers: u64,
    /// ACKs sent.
    pub acks: u64,
    /// NAKs sent.
    pub naks: u64,
    /// BOOTP replies sent.
    pub bootp: u64,
    /// Answers to relays that asked who has an address.
    pub queries: u64,
    /// Datagrams that were noted and needed no answer.
    pub noted: u64,
    /// Datagrams answered by silence.
    pub silent: u64,
    /// The bindings in the table now.
    pub leases: u64,
}

/// Why an input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too many outputs wait: the datagram was not looked at. Drain first.
    #[error("too many outputs wait to be drained")]
    Full,
}
