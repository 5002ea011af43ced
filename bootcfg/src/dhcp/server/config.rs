//! What a server is told: the plan, the cards, the parameters it gives.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::dhcp::Ports;
use crate::wire::dhcp::{Arch, OptionCode};
use crate::{HwAddr, Plan, Position};

/// The configuration of a [`Server`](super::Server).
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The server's own address: its identity in option 54, and the sender of every reply.
    pub server_id: Ipv4Addr,
    /// Position -> address.
    pub plan: Plan,
    /// The cards whose MAC, circuit or address is known beforehand.
    pub cards: Vec<Card>,
    /// Whether a circuit-id that reads `C.S` is the position C.S.
    pub circuit_is_position: bool,
    /// Answer, or only say what the answer would be.
    pub mode: Mode,
    /// What happens to clients without a position.
    pub unknown: Unknown,
    /// What happens when another card answers from a position whose lease runs.
    pub swap: Swap,
    /// The relays that are believed. Empty: every relay inside the plan's network.
    pub relays: Vec<Ipv4Addr>,
    /// How long an address is given for; [`Duration::MAX`] is for ever.
    pub lease: Duration,
    /// How long an offer is held for its client.
    pub offer_hold: Duration,
    /// How long a declined address is not offered.
    pub decline_hold: Duration,
    /// Whether an OFFER may be skipped where the client wants that (RFC 4039).
    pub rapid_commit: bool,
    /// Whether this is the only server of its network, so that it may NAK clients it has no record of.
    pub authoritative: bool,
    /// The routers, best first.
    pub routers: Vec<Ipv4Addr>,
    /// The name servers, best first.
    pub dns: Vec<Ipv4Addr>,
    /// The domain.
    pub domain: Option<String>,
    /// The address of the server to boot from (`siaddr`); none: the server itself.
    pub next_server: Option<Ipv4Addr>,
    /// Boot files, the first whose architecture fits.
    pub boot: Vec<BootFile>,
    /// The configuration path of a card, option 210: this and `C.S/`; none: not sent.
    pub path_prefix: Option<String>,
    /// Further options, sent where the client asks for them.
    pub options: Vec<(OptionCode, Vec<u8>)>,
    /// The ports.
    pub ports: Ports,
    /// The largest datagram the link carries, in octets.
    pub mtu: u16,
    /// The limits.
    pub limits: Limits,
}

impl Config {
    /// A server of `plan` with the RFC's defaults: an hour's leases, offers held for 10 s, declined addresses for
    /// 10 minutes, unknown clients ignored, a swapped card taking its position at once.
    pub fn new(server_id: Ipv4Addr, plan: Plan) -> Self {
        Self {
            server_id,
            plan,
            cards: Vec::new(),
            circuit_is_position: true,
            mode: Mode::Serve,
            unknown: Unknown::Ignore,
            swap: Swap::Preempt,
            relays: Vec::new(),
            lease: Duration::from_secs(3600),
            offer_hold: Duration::from_secs(10),
            decline_hold: Duration::from_secs(600),
            rapid_commit: true,
            authoritative: true,
            routers: Vec::new(),
            dns: Vec::new(),
            domain: None,
            next_server: None,
            boot: Vec::new(),
            path_prefix: Some(String::from("/iboot/")),
            options: Vec::new(),
            ports: Ports::STANDARD,
            mtu: 1500,
            limits: Limits::default(),
        }
    }
}

/// A card that is known before it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Where it sits.
    pub position: Position,
    /// Its MAC, which then is a name of this position.
    pub mac: Option<HwAddr>,
    /// The circuit-id that the relay gives its port; any octets.
    pub circuit_id: Option<Box<[u8]>>,
    /// Its address instead of the plan's.
    pub address: Option<Ipv4Addr>,
}

impl Card {
    /// A card known by its MAC.
    pub fn by_mac(position: Position, mac: HwAddr) -> Self {
        Self { position, mac: Some(mac), circuit_id: None, address: None }
    }
}

/// A boot file for an architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootFile {
    /// The architecture; none: any.
    pub arch: Option<Arch>,
    /// Only for clients that name themselves `iPXE` (option 77), or only for others; none: both.
    pub ipxe: Option<bool>,
    /// The file's name or URL.
    pub file: String,
}

impl BootFile {
    /// The boot file of every client.
    pub fn any(file: impl Into<String>) -> Self {
        Self { arch: None, ipxe: None, file: file.into() }
    }
}

/// Whether the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It answers.
    Serve,
    /// It answers nothing and tells by its decisions what it would have answered.
    Observe,
}

/// What happens to a client without a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Silence.
    Ignore,
    /// An address of this range and nothing to boot from.
    Quarantine(RangeInclusive<Ipv4Addr>),
    /// The lowest position that no card has.
    Enrol,
}

/// What happens when a relay reports another card at a position whose lease runs (patent row B4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The new card has the address at once; the old one is told NAK should it speak.
    Preempt,
    /// The new card waits until the old one's lease ends.
    Wait,
    /// The position stays with its card until that releases it or an operator does.
    Refuse,
}

/// The bounds of a server's memory.
///
/// At most `leases` bindings, and never fewer than the plan has positions, whose room is kept from the pool, of about 150 octets with their index entries, 255 octets more where a client has an
/// identifier; at most `outputs` replies waiting to be drained, of at most `mtu` octets each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bindings, positions and pool together; what the positions may need is not the pool's.
    pub leases: usize,
    /// The most outputs waiting to be drained; past it datagrams are refused.
    pub outputs: usize,
    /// The most offers held in the pool for one relay, so that one port cannot empty it.
    pub offers_a_relay: usize,
}

impl Default for Limits {
    /// 65,536 bindings, 4,096 outputs, 1,024 offers a relay.
    fn default() -> Self {
        Self { leases: 65_536, outputs: 4096, offers_a_relay: 1024 }
    }
}

/// Two entries of a configuration that cannot both hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The plan has no such position.
    #[error("card {0}: the cabinet has no such position")]
    NoSuchPosition(Position),
    /// A position stands twice.
    #[error("card {0} stands twice")]
    Position(Position),
    /// Two cards have one MAC.
    #[error("cards {0} and {1} have the same MAC {2}")]
    Mac(Position, Position, HwAddr),
    /// Two cards have one circuit-id.
    #[error("cards {0} and {1} have the same circuit-id")]
    Circuit(Position, Position),
    /// Two cards have one address.
    #[error("cards {0} and {1} have the same address {2}")]
    Address(Position, Position, Ipv4Addr),
    /// The pool overlaps a card's address.
    #[error("the pool holds {1}, the address of card {0}")]
    Pool(Position, Ipv4Addr),
}
