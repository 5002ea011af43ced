//! Asking cards whether they are well, before customers find out.
//!
//! A [`Prober`] watches cards of services: at each [`Check::every`] it has the driver connect, and where the check
//! speaks HTTP send a request and read the status. [`Check::fall`] failures in a row make a card
//! [`Health::Ill`], [`Check::rise`] successes make it [`Health::Well`]; the first answer of all decides at once. The
//! driver passes [`Event::Found`] on to [`Pools::set_health`](crate::pool::Pools::set_health), and what a pool sees of
//! failing requests back with [`Prober::suspect`]: then the next probe does not wait for its turn.
//!
//! ```text
//! Resting --due, and few run--> Connecting --Connected--> [Asking --status line-->] Resting
//!    ^ ^                              |                        |
//!    | '------ suspect: due soon      '--ConnectFailed, late---'--> Resting
//! ```
//!
//! The first probe of a card comes at once, later ones at an interval shortened by up to [`Check::jitter`] percent, by
//! a generator with a seed, so that a cabinet's cards are not asked all at the same instant.

mod check;
mod prober;

pub use crate::pool::Health;
pub use check::{Ask, BadRequest, Check};
pub use prober::Prober;

use crate::{CardId, ServiceId};
use core::net::SocketAddr;
use thiserror::Error;

/// Names one probe, from its [`Output::Connect`] to its [`Output::Close`]; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u64);

/// What happened. What is told of a probe that is over already changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Answers [`Output::Connect`].
    Connected(ProbeId),
    /// Answers [`Output::Connect`]; or the connection broke.
    Failed(ProbeId),
    /// The next bytes that the card sent.
    Data {
        /// To which probe.
        id: ProbeId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The deadline has passed.
    Tick,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Open a connection.
    Connect {
        /// For this probe.
        id: ProbeId,
        /// Where the card serves.
        address: SocketAddr,
    },
    /// Write bytes.
    Send {
        /// On the connection of this probe.
        id: ProbeId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Close the connection, or give up connecting: exactly one for each [`Output::Connect`].
    Close {
        /// Of this probe.
        id: ProbeId,
    },
    /// Something worth telling.
    Event(Event),
}

/// Something worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A card is well, or ill, and was not before.
    Found {
        /// Of this service.
        service: ServiceId,
        /// The card.
        card: CardId,
        /// What it is from now on.
        health: Health,
        /// Why, of the last probe.
        why: Why,
    },
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// As it should: with this status, 0 where only a connection was asked for.
    Answered(u16),
    /// With a status that it should not have.
    Status(u16),
    /// With what is no HTTP.
    Malformed,
    /// The connection was refused or broke.
    Refused,
    /// There was no answer in time.
    Late,
}

/// Bounds. A watched card takes about 200 bytes and what its [`Check`] takes is shared; a running probe keeps 13 bytes
/// of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Probes that run at the same time; more wait.
    pub running: usize,
    /// Cards that are watched, each service's by itself.
    pub watched: usize,
}

impl Default for Limits {
    /// 64 probes at a time, 65,536 cards.
    fn default() -> Self {
        Self { running: 64, watched: 65_536 }
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Probes that began.
    pub begun: u64,
    /// Probes that ended as they should.
    pub well: u64,
    /// Probes that did not.
    pub ill: u64,
}

/// The caller's misuse; the prober is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The time ran back.
    #[error("time ran back")]
    TimeRanBack,
    /// More cards than [`Limits::watched`].
    #[error("too many cards are watched")]
    TooMany,
}
