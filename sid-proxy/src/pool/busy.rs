//! Why there is no card right now, and when to ask again.

use super::{Pick, Ticket};
use core::time::Duration;

/// What [`Pool::ask`](super::Pool::ask) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A card; to be given back with [`Pool::finish`](super::Pool::finish).
    Picked(Pick),
    /// Wait for [`Pool::next`](super::Pool::next), or give the ticket back with [`Pool::leave`](super::Pool::leave).
    Wait(Ticket),
    /// None, and waiting does not help.
    Refused(Busy),
}

/// Why there is no card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Busy {
    /// No member may be picked, whatever its load.
    NoCard,
    /// All are full, and so is the queue.
    Full,
    /// This client has all that one may have.
    Client,
    /// None became free in time.
    Late,
    /// There were too many retries of late.
    Retries,
}

impl Busy {
    /// The status of an answer for this reason: 429 (RFC 6585 §4) where the client itself asks too much, else 503.
    #[must_use]
    pub fn status(self) -> u16 {
        if self == Self::Client { 429 } else { 503 }
    }

    /// When to ask again (`Retry-After`, RFC 9110 §10.2.3): soon where only load is in the way, later where a card must
    /// come back first.
    #[must_use]
    pub fn retry_after(self) -> Duration {
        Duration::from_secs(match self {
            Self::Client => 1,
            Self::Full | Self::Late => 2,
            Self::NoCard | Self::Retries => 10,
        })
    }
}
