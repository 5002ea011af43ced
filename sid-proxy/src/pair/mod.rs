//! Two proxies, one address: who owns it (patent row P7).
//!
//! A [`Node`] owns a group of addresses or stands by. The owner tells so at an interval; a node that hears nothing for
//! a while claims the addresses. To own them it needs a token that the caller gives it, from a store that both share or
//! from any source whose numbers only grow: two owners, which no protocol can exclude while a link is cut, always have
//! different tokens, the lower one steps down on the first word of the higher, and whatever the owners write to can
//! refuse the lower one (fencing).
//!
//! ```text
//!          silence, or a lower owner that may be preempted            Granted
//!   Backup ------------------------------------------------> Claiming --------> Owner
//!    ^  ^ '<--- Denied, late, or an owner is heard ------------'                  |
//!    |  '------ a higher token, Revoked, overslept: Release ----------------------|
//!    '-Healthy- Faulty <-------- Fault: Release, and the other may go on ---------'
//! ```
//!
//! # What keepalived's users ran into
//! * Who wins after a cut announces again, as long as the other may have announced later (issues 160, 166, 1528): the
//!   loser says that it stepped down until that was heard, and the winner announces whenever it hears of a second owner. A node
//!   that was started anew says the same to the owner that it finds: it may have been one.
//! * The delay before preempting someone is no delay where there is nobody to preempt (issue 80).
//! * A new configuration changes no ownership (issue 82): [`Node::reconfigure`].
//! * Coming back from a fault, a node listens for as long as at the start, and preempts only if it may (issue 296).
//! * Priority alone takes nothing away: an owner yields to a higher token, never to a higher priority (issue 2032).
//! * Two owners never stay two (issue 2370).
//! * An owner that slept too long to be still believed lets go before it does anything else (issue 160).
//!
//! # On the wire
//! Adverts are [`Advert`]s in single datagrams, authenticated by a secret that both nodes share; what is forged,
//! repeated or of another group is counted and ignored. The driver sends them to the other node however it likes.

mod advert;
mod node;

pub use advert::{Advert, Malformed};
pub use node::Node;

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;
use thiserror::Error;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram came.
    Datagram(&'a [u8]),
    /// Answers [`Output::Claim`].
    Granted {
        /// Greater than every token given before, to either node.
        token: u64,
    },
    /// Answers [`Output::Claim`]: there is no token to be had now.
    Denied,
    /// The token counts no more: the store gave it to another, or cannot be asked.
    Revoked,
    /// This proxy cannot serve: a link is down, a program died, it is being stopped.
    Fault,
    /// It can again.
    Healthy,
    /// The deadline has passed.
    Tick,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send a datagram to the other node.
    Send {
        /// The datagram.
        bytes: &'a [u8],
    },
    /// Get a token; answer with [`Input::Granted`] or [`Input::Denied`]. An answer that comes when it is not awaited any
    /// more is refused with [`Error::NotAsked`], and the token is to be given back where that means something.
    Claim {
        /// It must be greater than this.
        above: u64,
    },
    /// Put the addresses on this proxy's interface.
    Acquire {
        /// Which.
        addresses: &'a [IpAddr],
        /// The token under which they are owned, for whatever can refuse a lower one.
        token: u64,
    },
    /// Take the addresses off.
    Release {
        /// Which.
        addresses: &'a [IpAddr],
    },
    /// Tell the network where the addresses are now: gratuitous ARP (RFC 5227 §3), unsolicited neighbour advertisements
    /// (RFC 4861 §7.2.6).
    Announce {
        /// Which.
        addresses: &'a [IpAddr],
    },
    /// Something worth telling.
    Event(Event),
}

/// Something worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This node owns the addresses.
    Owner {
        /// Under this token.
        token: u64,
    },
    /// This node owns them no more.
    NoOwner {
        /// Why.
        why: Lost,
    },
    /// The other node owned them too, under a lower token.
    TwoOwners {
        /// The other's.
        token: u64,
    },
}

/// Why a node stopped to own the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lost {
    /// The other node has a higher token.
    Overtaken,
    /// The token was revoked.
    Revoked,
    /// It cannot serve.
    Fault,
    /// It was not run for so long that the other had to think it gone.
    Overslept,
}

/// What a node is told when it begins.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// Which of several groups of addresses this is about; two proxies may each own one.
    pub group: u32,
    /// This node's name.
    pub node: u64,
    /// The other node's.
    pub peer: u64,
    /// Greater at each start of this node, so that nothing it said before is believed again: the seconds since 1970 will
    /// do.
    pub boot: u32,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// Who has the greater one owns the addresses, if it may preempt.
    pub priority: u8,
    /// After how long a node takes the addresses from an owner of lower priority; `None` is never.
    pub preempt_after: Option<Duration>,
    /// From one advert to the next; both nodes follow the slower one. From 10 ms to 60 s.
    pub interval: Duration,
    /// How many adverts must be missing before an owner counts as gone; at least 2.
    pub missing: u8,
    /// How long is waited for a token.
    pub claim_timeout: Duration,
    /// How often the addresses are announced after they were acquired, at the interval.
    pub announcements: u8,
    /// After how long they are announced once more, for whoever was not listening.
    pub announce_every: Duration,
    /// What both nodes know and nobody else.
    pub secret: [u8; 16],
}

impl Config {
    /// What is usual, for one group and these two nodes: adverts every second, three may be missing, preemption after
    /// ten seconds.
    #[must_use]
    pub fn new(node: u64, peer: u64, boot: u32, addresses: Vec<IpAddr>, secret: [u8; 16]) -> Self {
        Self {
            group: 0,
            node,
            peer,
            boot,
            addresses,
            priority: 100,
            preempt_after: Some(Duration::from_secs(10)),
            interval: Duration::from_secs(1),
            missing: 3,
            claim_timeout: Duration::from_secs(2),
            announcements: 3,
            announce_every: Duration::from_secs(60),
            secret,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("group", &self.group)
            .field("node", &self.node)
            .field("peer", &self.peer)
            .field("addresses", &self.addresses)
            .field("priority", &self.priority)
            .field("secret", &"...")
            .finish_non_exhaustive()
    }
}

/// What was counted of the other's datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Taken.
    pub heard: u64,
    /// Malformed, or not under our secret.
    pub forged: u64,
    /// Of another group, or of neither node.
    pub foreign: u64,
    /// Repeated, or overtaken by a later one.
    pub stale: u64,
}

/// The caller's misuse; the node is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// No token was asked for, or not any more.
    #[error("no token is awaited")]
    NotAsked,
    /// A token that is not greater than one that was seen: the source is broken.
    #[error("the token is not greater than one that was seen already")]
    StaleToken,
    /// The time ran back.
    #[error("time ran back")]
    TimeRanBack,
}
