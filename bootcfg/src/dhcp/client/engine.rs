//! The three verbs and the transitions of the client.

use alloc::boxed::Box;
use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;

use super::message::{self, Sheet};
use super::random::Random;
use super::{Config, Event, Input, Lease, Lost, Output};
use crate::dhcp::Destination;
use crate::queue::Queue;
use crate::time::part;
use crate::wire::dhcp::{Message, MessageType, Op, OptionCode, key};

/// A DHCP client.
///
/// It holds one lease and one reply of at most 64 KiB, and at most a dozen outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    config: Config,
    state: State,
    random: Random,
    xid: u32,
    /// When the transaction began, for `secs`.
    since: Duration,
    /// NAKs in a row, each of which doubles the wait for the next try.
    refusals: u32,
    now: Duration,
    deadline: Option<Duration>,
    queue: Queue<Item>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Init,
    Selecting { tries: u32 },
    Requesting { offer: Offer, tries: u32 },
    Rebooting { address: Ipv4Addr, tries: u32 },
    Informing { address: Ipv4Addr, tries: u32 },
    Probing(Box<Lease>),
    Bound(Box<Lease>),
    Renewing(Box<Lease>),
    Rebinding(Box<Lease>),
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Offer {
    address: Ipv4Addr,
    server: Ipv4Addr,
}

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Send(Destination, Ipv4Addr),
    Probe(Ipv4Addr),
    Event(Box<Event>),
}

/// Waiting outputs past which nothing is taken; one input gives rise to three at most.
const MAX_OUTPUTS: usize = 8;
/// The requests for one offer before another is looked for (RFC 2131 §3.1.5 suggests about a minute).
const REQUESTS: u32 = 4;
/// The least wait between renewals (§4.4.5), and after a DECLINE (§3.1.5).
const RENEW_MIN: Duration = Duration::from_secs(60);
const DECLINE_WAIT: Duration = Duration::from_secs(10);

impl Client {
    /// Begins at `now`: with the start delay, towards INIT or INIT-REBOOT.
    pub fn new(config: Config, now: Duration) -> Self {
        let mut client = Self {
            random: Random(config.seed),
            config,
            state: State::Init,
            xid: 0,
            since: now,
            refusals: 0,
            now,
            deadline: None,
            queue: Queue::new(),
        };
        let delay = client.random.within(&client.config.start_delay);
        client.wait(delay);
        client
    }

    /// Tells the client what happened at `now`. Datagrams that are not for it mean nothing.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        if self.queue.len() >= MAX_OUTPUTS {
            return Err(Error::Full);
        }
        self.now = self.now.max(now);
        match input {
            Input::Datagram(bytes) => self.datagram(bytes),
            Input::Probed { address, in_use } => self.probed(address, in_use),
            Input::LinkUp => self.link_up(),
            Input::Inform { address } => self.inform(address),
            Input::Release => self.release(),
            Input::Tick => {}
        }
        while self.deadline.is_some_and(|deadline| deadline <= self.now) && self.queue.len() < MAX_OUTPUTS {
            self.time_out();
        }
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        let (item, bytes) = self.queue.next()?;
        Some(match item {
            Item::Send(to, from) => Output::Send { to, from, bytes },
            Item::Probe(address) => Output::Probe { address },
            Item::Event(event) => Output::Event(*event),
        })
    }

    /// When [`Input::Tick`] is next due.
    pub fn deadline(&self) -> Option<Duration> {
        if self.queue.is_empty() { self.deadline } else { Some(Duration::ZERO) }
    }

    /// The lease in use.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Bound(lease) | State::Renewing(lease) | State::Rebinding(lease) => Some(lease),
            _ => None,
        }
    }

    fn datagram(&mut self, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes) else { return };
        if message.op() != Op::REPLY || message.xid() != self.xid || message.chaddr() != self.config.hw {
            return;
        }
        // A server that echoes another identifier speaks to another client (RFC 6842 §3).
        if let (Some(own), Some(echo)) = (&self.config.client_id, message.option(OptionCode::CLIENT_ID))
            && own[..] != echo[..]
        {
            return;
        }
        let (Some(kind), Ok(Some(server))) = (message.kind(), message.get(key::SERVER_ID)) else { return };
        if !self.config.servers.is_empty() && !self.config.servers.contains(&server) {
            return;
        }
        match kind {
            MessageType::OFFER => self.offered(&message, server),
            MessageType::ACK => self.acked(&message, server),
            MessageType::NAK => self.nacked(server),
            _ => {}
        }
    }

    fn offered(&mut self, message: &Message<'_>, server: Ipv4Addr) {
        let address = message.yiaddr();
        if matches!(self.state, State::Selecting { .. }) && !address.is_unspecified() {
            // The first offer is as good as a later one; the REQUEST has its xid (RFC 2131 §4.4.1).
            self.state = State::Requesting { offer: Offer { address, server }, tries: 0 };
            self.request();
        }
    }

    fn acked(&mut self, message: &Message<'_>, server: Ipv4Addr) {
        if let State::Informing { address, .. } = self.state {
            self.state = State::Stopped;
            self.deadline = None;
            return self.tell(Event::Informed(Lease::informed(message, server, address)));
        }
        let rapid = message.has(OptionCode::RAPID_COMMIT) && self.config.rapid_commit;
        let expected = match &self.state {
            State::Selecting { .. } => rapid,
            State::Requesting { offer, .. } => offer.server == server && offer.address == message.yiaddr(),
            State::Rebooting { address, .. } => *address == message.yiaddr(),
            State::Renewing(lease) => lease.server == server && lease.address == message.yiaddr(),
            State::Rebinding(lease) => lease.address == message.yiaddr(),
            _ => false,
        };
        if !expected {
            return;
        }
        let Some(lease) = Lease::read(message, server, self.since, &mut self.random) else { return };
        self.refusals = 0;
        if matches!(self.state, State::Renewing(_) | State::Rebinding(_)) {
            self.tell(Event::Renewed(lease.clone()));
            self.bind(Box::new(lease));
        } else if self.config.probe_timeout.is_zero() {
            self.configure(Box::new(lease));
        } else {
            self.queue.push_bare(Item::Probe(lease.address));
            self.deadline = Some(self.now.saturating_add(self.config.probe_timeout));
            self.state = State::Probing(Box::new(lease));
        }
    }

    fn nacked(&mut self, server: Ipv4Addr) {
        let lost = match &self.state {
            // Only the server that was chosen can refuse; a stray NAK of another does not count.
            State::Requesting { offer, .. } if offer.server == server => None,
            State::Rebooting { .. } => None,
            State::Renewing(lease) if lease.server == server => Some(lease.address),
            State::Rebinding(lease) => Some(lease.address),
            _ => return,
        };
        self.tell(match lost {
            Some(address) => Event::Lost { address, reason: Lost::Refused },
            None => Event::Refused,
        });
        // Repeated refusals wait longer and longer, so that a broken server is not hammered.
        let wait = part(self.config.retransmit, 4);
        let factor = 1_u32.checked_shl(self.refusals.min(6)).unwrap_or(1).saturating_sub(1);
        self.refusals = self.refusals.saturating_add(1);
        self.restart(wait.saturating_mul(factor));
    }

    fn probed(&mut self, address: Ipv4Addr, in_use: bool) {
        let State::Probing(lease) = &self.state else { return };
        if lease.address != address {
            return;
        }
        let lease = lease.clone();
        if !in_use {
            return self.configure(lease);
        }
        let sheet = Sheet {
            requested: Some(address),
            server: Some(lease.server),
            ..self.sheet(MessageType::DECLINE)
        };
        self.send(Destination::Broadcast(self.config.ports.server), &sheet);
        self.tell(Event::Declined(address));
        self.restart(DECLINE_WAIT);
    }

    fn link_up(&mut self) {
        let address = match &self.state {
            State::Bound(lease) | State::Renewing(lease) | State::Rebinding(lease) => lease.address,
            _ => return,
        };
        self.begin();
        self.state = State::Rebooting { address, tries: 0 };
        self.reboot();
    }

    fn inform(&mut self, address: Ipv4Addr) {
        if self.lease().is_none() {
            self.begin();
            self.state = State::Informing { address, tries: 0 };
            self.ask();
        }
    }

    fn release(&mut self) {
        if let Some((address, server)) = self.lease().map(|lease| (lease.address, lease.server)) {
            self.begin();
            let sheet = Sheet { ciaddr: address, server: Some(server), ..self.sheet(MessageType::RELEASE) };
            self.send(Destination::Unicast(SocketAddrV4::new(server, self.config.ports.server)), &sheet);
            self.tell(Event::Lost { address, reason: Lost::Released });
        }
        self.state = State::Stopped;
        self.deadline = None;
    }

    fn time_out(&mut self) {
        match core::mem::replace(&mut self.state, State::Init) {
            State::Init => match self.config.reboot.take() {
                Some(address) => {
                    self.begin();
                    self.state = State::Rebooting { address, tries: 0 };
                    self.reboot();
                }
                None => {
                    self.begin();
                    self.state = State::Selecting { tries: 0 };
                    self.discover();
                }
            },
            State::Selecting { tries } => {
                self.state = State::Selecting { tries: tries.saturating_add(1) };
                self.discover();
            }
            State::Requesting { offer, tries } if tries.saturating_add(1) < REQUESTS => {
                self.state = State::Requesting { offer, tries: tries.saturating_add(1) };
                self.request();
            }
            State::Rebooting { address, tries } if tries.saturating_add(1) < REQUESTS => {
                self.state = State::Rebooting { address, tries: tries.saturating_add(1) };
                self.reboot();
            }
            State::Informing { address, tries } => {
                self.state = State::Informing { address, tries: tries.saturating_add(1) };
                self.ask();
            }
            State::Requesting { .. } | State::Rebooting { .. } => self.restart(Duration::ZERO),
            // Nobody answered the probe: the address is free.
            State::Probing(lease) => self.configure(lease),
            State::Bound(lease) => {
                self.begin();
                self.renew(lease);
            }
            State::Renewing(lease) | State::Rebinding(lease) => self.renew(lease),
            State::Stopped => {
                self.state = State::Stopped;
                self.deadline = None;
            }
        }
    }

    /// Renews, rebinds or gives up, as the time demands.
    fn renew(&mut self, lease: Box<Lease>) {
        if self.now >= lease.expires_at {
            let address = lease.address;
            self.tell(Event::Lost { address, reason: Lost::Expired });
            return self.restart(Duration::ZERO);
        }
        let sheet = Sheet { ciaddr: lease.address, ..self.sheet(MessageType::REQUEST) };
        let (until, to) = if self.now < lease.rebind_at {
            let server = SocketAddrV4::new(lease.server, self.config.ports.server);
            (lease.rebind_at, Destination::Unicast(server))
        } else {
            (lease.expires_at, Destination::Broadcast(self.config.ports.server))
        };
        self.send(to, &sheet);
        // Half of what remains, and a minute at least, but never past the next state (§4.4.5).
        let half = part(until.saturating_sub(self.now), 2);
        self.deadline = Some(self.now.saturating_add(half.max(RENEW_MIN)).min(until));
        self.state =
            if self.now < lease.rebind_at { State::Renewing(lease) } else { State::Rebinding(lease) };
    }

    fn discover(&mut self) {
        let State::Selecting { tries } = self.state else { return };
        let sheet = self.sheet(MessageType::DISCOVER);
        self.send(Destination::Broadcast(self.config.ports.server), &sheet);
        self.retransmit(tries);
    }

    fn request(&mut self) {
        let State::Requesting { offer, tries } = self.state else { return };
        let sheet = Sheet {
            requested: Some(offer.address),
            server: Some(offer.server),
            ..self.sheet(MessageType::REQUEST)
        };
        self.send(Destination::Broadcast(self.config.ports.server), &sheet);
        self.retransmit(tries);
    }

    fn reboot(&mut self) {
        let State::Rebooting { address, tries } = self.state else { return };
        let sheet = Sheet { requested: Some(address), ..self.sheet(MessageType::REQUEST) };
        self.send(Destination::Broadcast(self.config.ports.server), &sheet);
        self.retransmit(tries);
    }

    /// Asks every server for parameters, again and again: a host without them has nothing better to do.
    fn ask(&mut self) {
        let State::Informing { address, tries } = self.state else { return };
        let sheet = Sheet { ciaddr: address, ..self.sheet(MessageType::INFORM) };
        self.send(Destination::Broadcast(self.config.ports.server), &sheet);
        self.retransmit(tries);
    }

    fn configure(&mut self, lease: Box<Lease>) {
        self.tell(Event::Configured((*lease).clone()));
        self.bind(lease);
    }

    fn bind(&mut self, lease: Box<Lease>) {
        self.deadline = (lease.renew_at != Duration::MAX).then_some(lease.renew_at);
        self.state = State::Bound(lease);
    }

    /// Another transaction.
    fn begin(&mut self) {
        self.xid = self.random.xid();
        self.since = self.now;
    }

    fn restart(&mut self, wait: Duration) {
        self.state = State::Init;
        self.config.reboot = None;
        self.wait(wait);
    }

    fn wait(&mut self, wait: Duration) {
        self.deadline = Some(self.now.saturating_add(wait));
    }

    fn retransmit(&mut self, tries: u32) {
        let first = self.config.retransmit;
        let mean = first.saturating_mul(1_u32.checked_shl(tries.min(4)).unwrap_or(16));
        let wait = self.random.about(mean, part(first, 4));
        self.wait(wait);
    }

    fn sheet(&self, kind: MessageType) -> Sheet {
        let secs = message::secs(self.since, self.now);
        Sheet { kind, xid: self.xid, secs, ciaddr: Ipv4Addr::UNSPECIFIED, requested: None, server: None }
    }

    fn tell(&mut self, event: Event) {
        self.queue.push_bare(Item::Event(Box::new(event)));
    }

    fn send(&mut self, to: Destination, sheet: &Sheet) {
        let mut packet = self.queue.buffer();
        message::write(&self.config, sheet, &mut packet);
        self.queue.push(Item::Send(to, sheet.ciaddr), packet);
    }
}

/// Why an input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too many outputs wait. Drain first.
    #[error("too many outputs wait to be drained")]
    Full,
}
