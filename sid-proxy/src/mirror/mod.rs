//! A share of the requests copied to a second card, whose answers nobody sees (patent row P14).
//!
//! [`Mirror`] says which requests. A [`Session`] holds a copy of what the first card is sent while it is sent, and
//! begins only when the first card has answered: so the copy can neither delay nor fail what the customer gets, and a
//! request that failed is not copied at all. What the second card answers is counted and thrown away.
//!
//! ```text
//! Holding --Done, whole--> Connecting --Connected--> Discarding --ended, quiet, late--> Over
//!    '--Done, not whole; too long--> Over     '--ConnectFailed, late--> Over
//! ```
//!
//! The driver asks [`Pool::copy`](crate::pool::Pool::copy) with the number of a request that has a card. For each copy
//! it tells a session all that the first card is sent ([`Input::Sent`]), then how that went ([`Input::Done`]), and
//! gives the copy back with [`Pool::finish_copy`](crate::pool::Pool::finish_copy) at [`Output::Close`].

mod session;
mod share;

pub use session::Session;
pub use share::Mirror;

use crate::CardId;
use core::net::SocketAddr;
use core::time::Duration;
use thiserror::Error;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The first card was sent these bytes.
    Sent(&'a [u8]),
    /// The exchange with the first card is over.
    Done {
        /// True if all of the request was sent to it and it answered.
        whole: bool,
    },
    /// Answers [`Output::Connect`].
    Connected,
    /// Answers [`Output::Connect`]; or the connection broke.
    Failed,
    /// So many bytes of the answer were thrown away.
    Discarded {
        /// How many.
        len: u64,
    },
    /// The second card sends no more.
    Ended,
    /// The deadline has passed.
    Tick,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Open a connection to the second card.
    Connect {
        /// The card.
        card: CardId,
        /// Where it serves.
        address: SocketAddr,
    },
    /// Write the request; throw away what comes back and report it with [`Input::Discarded`].
    Send {
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Close the connection, if there is one, and give the copy back: exactly one ends each session.
    Close(Outcome),
}

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The second card answered, with so many bytes.
    Answered(u64),
    /// The request was longer than [`Limits::bytes`].
    TooLong,
    /// The first card did not get or did not answer it.
    NotWhole,
    /// The second card could not be reached or said nothing.
    Failed,
}

/// How long is waited for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Duration,
    /// For more of an answer that has begun.
    pub quiet: Duration,
    /// For all of it.
    pub answer: Duration,
}

/// Bounds. A session keeps the request until it is sent: [`Limits::bytes`] at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest request that is copied, head and body.
    pub bytes: usize,
}

/// What all copies share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Time-outs.
    pub timeouts: Timeouts,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            quiet: Duration::from_secs(1),
            answer: Duration::from_secs(30),
        }
    }
}

impl Default for Limits {
    /// 64 KiB.
    fn default() -> Self {
        Self { bytes: 64 * 1024 }
    }
}

/// The caller's misuse; the session is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// An answer to a question that was not asked.
    #[error("no such question is open")]
    NotAsked,
    /// The time ran back.
    #[error("time ran back")]
    TimeRanBack,
}
