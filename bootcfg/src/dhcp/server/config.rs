//! What a server is told: the plan, the cards, the parameters it gives.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use super::Subnet;
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
    /// Networks beside the plan's.
    pub subnets: Vec<Subnet>,
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
    /// The relays that may ask who has an address (RFC 4388); empty: none. What relays say of circuits is then kept
    /// beside the leases.
    pub leasequery: Vec<Ipv4Addr>,
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
    /// The server's name (`sname`); where a client names another server there, that one is meant (RFC 951 §3).
    pub server_name: Option<String>,
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
    /// The key of the hash tables: a number that strangers cannot guess keeps them from choosing names that collide.
    /// No answer depends on it.
    pub seed: u64,
}

impl Config {
    /// A server of `plan` with the RFC's defaults: an hour's leases, offers held for 10 s, declined addresses for
    /// 10 minutes, unknown clients ignored, a swapped card taking its position at once.
    pub fn new(server_id: Ipv4Addr, plan: Plan) -> Self {
        Self {
            server_id,
            plan,
            cards: Vec::new(),
            subnets: Vec::new(),
            circuit_is_position: true,
            mode: Mode::Serve,
            unknown: Unknown::Ignore,
            swap: Swap::Preempt,
            relays: Vec::new(),
            leasequery: Vec::new(),
            lease: Duration::from_secs(3600),
            offer_hold: Duration::from_secs(10),
            decline_hold: Duration::from_secs(600),
            rapid_commit: true,
            authoritative: true,
            routers: Vec::new(),
            dns: Vec::new(),
            domain: None,
            server_name: None,
            next_server: None,
            boot: Vec::new(),
            path_prefix: Some(String::from("/iboot/")),
            options: Vec::new(),
            ports: Ports::STANDARD,
            mtu: 1500,
            limits: Limits::default(),
            seed: 0,
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
    /// Further names, each enough by itself.
    pub any_of: Vec<Names>,
    /// Its address instead of the plan's; may be of a subnet.
    pub address: Option<Ipv4Addr>,
}

impl Card {
    /// A card that is told by nothing yet.
    pub fn new(position: Position) -> Self {
        Self { position, mac: None, circuit_id: None, any_of: Vec::new(), address: None }
    }

    /// A card known by its MAC.
    pub fn by_mac(position: Position, mac: HwAddr) -> Self {
        Self { mac: Some(mac), ..Self::new(position) }
    }
}

/// What a card is told by: a client that speaks everything which stands here. What a relay says counts only from a
/// relay that is believed.
///
/// Names that say where a client is go before those that say who it is, and more names before fewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The hardware address.
    pub mac: Option<HwAddr>,
    /// Option 61, to the byte.
    pub client_id: Option<Box<[u8]>>,
    /// The circuit-id (RFC 3046 §3.1); any octets.
    pub circuit_id: Option<Box<[u8]>>,
    /// The remote-id (RFC 3046 §3.2); any octets.
    pub remote_id: Option<Box<[u8]>>,
    /// The subscriber-id (RFC 3993).
    pub subscriber_id: Option<Box<[u8]>>,
    /// The relay's address (`giaddr`).
    pub relay: Option<Ipv4Addr>,
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
/// At most `leases` bindings, and never fewer than the plan has positions, whose room is kept from the pools, of at
/// most 200 octets with their index entries, 255 octets more where a client has a long identifier and 255 where
/// option 82 is kept; at most `outputs` replies waiting to be drained, of at most `mtu` octets each; with a `rate`,
/// 24 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bindings, positions and pools together; what the positions may need is not the pools'.
    pub leases: usize,
    /// The most outputs waiting to be drained; past it datagrams are refused.
    pub outputs: usize,
    /// The most offers held in pools for one relay, so that one port cannot empty it.
    pub offers_a_relay: usize,
    /// How often one client may speak: one circuit of a relay, or one hardware address without a relay; none: as
    /// often as it likes.
    pub rate: Option<Rate>,
}

impl Default for Limits {
    /// 65,536 bindings, 4,096 outputs, 1,024 offers a relay, no rate.
    fn default() -> Self {
        Self { leases: 65_536, outputs: 4096, offers_a_relay: 1024, rate: None }
    }
}

/// How often: `burst` at once, and one more each `every`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// The time after which there may be one more.
    pub every: Duration,
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
    /// Two cards have the same names.
    #[error("cards {0} and {1} are told by the same names")]
    Names(Position, Position),
    /// A card is to be told by nothing, or by a name longer than 255 octets.
    #[error("card {0} has a name that no client can speak")]
    NoNames(Position),
    /// A pool holds a card's address.
    #[error("the pool holds {1}, the address of card {0}")]
    Pool(Position, Ipv4Addr),
    /// A pool holds the address of the server or of a router.
    #[error("the pool holds {0}, the address of the server or of a router")]
    PoolOwn(Ipv4Addr),
    /// A subnet is no network.
    #[error("{0}: expected a network's address and a prefix length of 1 to 30")]
    Subnet(Ipv4Addr),
    /// Two networks overlap.
    #[error("the networks {0} and {1} overlap")]
    Overlap(Ipv4Addr, Ipv4Addr),
    /// A pool is empty or leaves its subnet.
    #[error("the pool from {1} is empty or leaves its network {0}")]
    PoolOutside(Ipv4Addr, Ipv4Addr),
    /// A subnet shares its wire with a network that does not stand before it.
    #[error("network {0} shares a wire with {1}, which does not stand before it")]
    Shares(Ipv4Addr, Ipv4Addr),
}
