//! The relay: tells the server which port a client hangs on, and carries the answers back (RFC 1542 §4, RFC 3046).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;

use super::{Destination, Ports};
use crate::HwAddr;
use crate::queue::Queue;
use crate::wire::dhcp::typed::RelayInfo;
use crate::wire::dhcp::{self, IP_UDP_HEADERS, Message, Op, OptionCode, key};

/// The configuration of a [`Relay`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The relay's own address, which servers answer to (`giaddr`).
    pub address: Ipv4Addr,
    /// The servers.
    pub servers: Vec<SocketAddrV4>,
    /// The circuit-id of each port.
    pub circuits: BTreeMap<PortId, Box<[u8]>>,
    /// The remote-id, the same for all ports; none: not sent.
    pub remote_id: Option<Box<[u8]>>,
    /// Whether the relay listens for replies on the port it sends from, instead of 67 (RFC 8357).
    pub own_source_port: bool,
    /// Messages that passed this many relays are dropped (RFC 1542 §4.1.1; at most 16).
    pub max_hops: u8,
    /// The ports.
    pub ports: Ports,
    /// The largest datagram towards servers, in octets.
    pub mtu: u16,
    /// The most outputs waiting to be drained, of at most `mtu` octets each: the relay's only memory.
    pub max_outputs: usize,
}

impl Config {
    /// A relay at `address` for one server: 4 hops, an MTU of 1500, 1,024 outputs.
    pub fn new(address: Ipv4Addr, server: SocketAddrV4) -> Self {
        Self {
            address,
            servers: alloc::vec![server],
            circuits: BTreeMap::new(),
            remote_id: None,
            own_source_port: false,
            max_hops: 4,
            ports: Ports::STANDARD,
            mtu: 1500,
            max_outputs: 1024,
        }
    }
}

/// A port of the relay, named by its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u32);

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A client's datagram came in at a port.
    FromClient {
        /// The port.
        port: PortId,
        /// The payload.
        bytes: &'a [u8],
    },
    /// A datagram came from a server.
    FromServer {
        /// The payload.
        bytes: &'a [u8],
    },
    /// Time passed; a relay keeps none.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send to a server.
    ToServer {
        /// The server.
        to: SocketAddrV4,
        /// The payload.
        bytes: &'a [u8],
    },
    /// Send to a client.
    ToClient {
        /// The port it hangs on.
        port: PortId,
        /// Where to on that port, and how.
        to: Destination,
        /// The payload.
        bytes: &'a [u8],
    },
    /// Something worth telling.
    Event(Event),
}

/// What is worth telling: a message that was not relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// From this client, for this reason.
    Dropped(Option<HwAddr>, Reason),
}

/// Why a message was not relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It is no message.
    #[error("the message is malformed")]
    Malformed,
    /// A request where a reply is due, or the other way round.
    #[error("it goes the wrong way")]
    WrongWay,
    /// It passed too many relays.
    #[error("it passed too many relays")]
    Hops,
    /// A client sent option 82 or a relay's address itself: it may be lying about where it is (RFC 3046 §2.1).
    #[error("a client claims to be a relay")]
    Untrusted,
    /// The port has no circuit.
    #[error("the port has no circuit")]
    UnknownPort,
    /// The reply is another relay's.
    #[error("the reply is for another relay")]
    OtherRelay,
    /// The reply's option 82 is missing or names no port.
    #[error("the reply names no port of ours")]
    NoCircuit,
    /// Option 82 does not fit beside the rest.
    #[error("option 82 does not fit")]
    TooLong,
}

/// A DHCP relay.
#[derive(Clone, Debug, PartialEq)]
pub struct Relay {
    config: Config,
    ports: BTreeMap<Box<[u8]>, PortId>,
    queue: Queue<Item>,
    stats: Stats,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    ToServer(SocketAddrV4),
    ToClient(PortId, Destination),
    Event(Event),
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages relayed to servers.
    pub to_servers: u64,
    /// Messages relayed to clients.
    pub to_clients: u64,
    /// Messages dropped.
    pub dropped: u64,
}

/// Why an input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too many outputs wait. Drain first.
    #[error("too many outputs wait to be drained")]
    Full,
}

impl Relay {
    /// Builds a relay. Of two ports with one circuit-id the higher gets the replies.
    pub fn new(config: Config) -> Self {
        let ports = config.circuits.iter().map(|(port, circuit)| (circuit.clone(), *port)).collect();
        Self { config, ports, queue: Queue::new(), stats: Stats::default() }
    }

    /// Tells the relay what happened.
    pub fn handle(&mut self, _now: Duration, input: Input<'_>) -> Result<(), Error> {
        let outputs = self.config.servers.len().max(1);
        if self.queue.len().saturating_add(outputs) > self.config.max_outputs {
            return Err(Error::Full);
        }
        let done = match input {
            Input::FromClient { port, bytes } => self.request(port, bytes),
            Input::FromServer { bytes } => self.reply(bytes),
            Input::Tick => return Ok(()),
        };
        if let Err((hw, reason)) = done {
            self.stats.dropped = self.stats.dropped.saturating_add(1);
            self.queue.push_bare(Item::Event(Event::Dropped(hw, reason)));
        }
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        let (item, bytes) = self.queue.next()?;
        Some(match item {
            Item::ToServer(to) => Output::ToServer { to, bytes },
            Item::ToClient(port, to) => Output::ToClient { port, to, bytes },
            Item::Event(event) => Output::Event(event),
        })
    }

    /// Zero while outputs wait; a relay has no timers.
    pub fn deadline(&self) -> Option<Duration> {
        (!self.queue.is_empty()).then_some(Duration::ZERO)
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn request(&mut self, port: PortId, bytes: &[u8]) -> Result<(), (Option<HwAddr>, Reason)> {
        let message = Message::parse(bytes).map_err(|_| (None, Reason::Malformed))?;
        let hw = message.chaddr();
        let refuse = |reason| Err((Some(hw), reason));
        if message.op() != Op::REQUEST {
            return refuse(Reason::WrongWay);
        }
        if message.hops() >= self.config.max_hops {
            return refuse(Reason::Hops);
        }
        if !message.giaddr().is_unspecified() || message.has(OptionCode::RELAY_INFO) {
            return refuse(Reason::Untrusted);
        }
        let Some(circuit) = self.config.circuits.get(&port) else { return refuse(Reason::UnknownPort) };
        let mut info = Vec::new();
        let remote_id = self.config.remote_id.as_deref().map(|id| (RelayInfo::REMOTE_ID, id));
        let source_port = self.config.own_source_port.then_some((RelayInfo::SOURCE_PORT, &[][..]));
        for (code, value) in
            [Some((RelayInfo::CIRCUIT_ID, &circuit[..])), remote_id, source_port].into_iter().flatten()
        {
            let Ok(len) = u8::try_from(value.len()) else { return refuse(Reason::TooLong) };
            info.extend_from_slice(&[code, len]);
            info.extend_from_slice(value);
        }
        let limit = usize::from(self.config.mtu).saturating_sub(IP_UDP_HEADERS);
        let mut out = self.queue.buffer();
        if dhcp::relay_request(&message, self.config.address, &info, limit, &mut out).is_none() {
            self.queue.recycle(out);
            return refuse(Reason::TooLong);
        }
        for server in &self.config.servers {
            let mut copy = self.queue.buffer();
            copy.extend_from_slice(&out);
            self.queue.push(Item::ToServer(*server), copy);
        }
        self.queue.recycle(out);
        self.stats.to_servers = self.stats.to_servers.saturating_add(1);
        Ok(())
    }

    fn reply(&mut self, bytes: &[u8]) -> Result<(), (Option<HwAddr>, Reason)> {
        let message = Message::parse(bytes).map_err(|_| (None, Reason::Malformed))?;
        let hw = message.chaddr();
        let refuse = |reason| Err((Some(hw), reason));
        if message.op() != Op::REPLY {
            return refuse(Reason::WrongWay);
        }
        if message.giaddr() != self.config.address {
            return refuse(Reason::OtherRelay);
        }
        let info = message.get(key::RELAY_INFO).ok().flatten();
        let port = info.and_then(|info| self.ports.get(info.circuit_id()?).copied());
        let Some(port) = port else { return refuse(Reason::NoCircuit) };
        let client = self.config.ports.client;
        let yiaddr = message.yiaddr();
        let to = if message.broadcast() || (yiaddr.is_unspecified() && message.ciaddr().is_unspecified()) {
            Destination::Broadcast(client)
        } else if yiaddr.is_unspecified() {
            Destination::Unicast(SocketAddrV4::new(message.ciaddr(), client))
        } else {
            Destination::Link { hw, to: SocketAddrV4::new(yiaddr, client) }
        };
        let mut out = self.queue.buffer();
        dhcp::relay_reply(&message, &mut out);
        self.queue.push(Item::ToClient(port, to), out);
        self.stats.to_clients = self.stats.to_clients.saturating_add(1);
        Ok(())
    }
}
