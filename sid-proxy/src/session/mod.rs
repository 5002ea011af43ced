//! What sessions have in common that ask once which service they are for: [`crate::tls`], [`crate::pop3`] and
//! [`crate::ftp`].
//!
//! The driver owns the sockets, as with [`crate::http`] and by the same rules: it offers all bytes of a side that were
//! not taken with [`Input::Data`], does what [`Output`] says, answers what it asks, and sends [`Input::Tick`] at the
//! deadline. One driver serves all three; only FTP has data connections.
//!
//! ```text
//! customer --Data--> session --Route--> table
//!                            <-Routed--
//!                            --Pick----> pool
//!                            <-Picked--
//!                            --Connect-> card
//!          <==Forward, Send=         ==>
//! ```

mod announce;
mod desk;
mod input;
mod inside;
mod line;
mod lobby;
mod outbox;
mod seek;
mod verbs;

pub use announce::Announce;
pub use input::{Error, Input, Peer, Side};
pub use inside::Inside;
pub use verbs::Session;

pub(crate) use desk::Desk;
pub(crate) use line::{Line, line};
pub(crate) use lobby::{Lobby, Rules, Stage, Tries, Words};
pub(crate) use outbox::Outbox;
pub(crate) use seek::{Found, Seek};

use crate::pool::Outcome;
use crate::{CardId, Decision, Key, ServiceId};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Ask the table; answer with [`Input::Routed`].
    Route {
        /// The question.
        key: Key<'a>,
    },
    /// Ask the pool of a service for a card that is none of `tried`; answer with [`Input::Picked`],
    /// [`Input::NoCard`] or [`Input::Denied`].
    Pick {
        /// Whose pool.
        service: ServiceId,
        /// Cards that failed this session already.
        tried: &'a [CardId],
    },
    /// Open a connection to a card; answer with [`Input::Connected`] or [`Input::ConnectFailed`].
    Connect {
        /// The card.
        card: CardId,
        /// Where it serves.
        address: SocketAddr,
    },
    /// Close the connection to the card, or give up connecting: exactly one for each [`Input::Picked`]. It ends every
    /// `Forward`.
    Release {
        /// The service for which the card was picked.
        service: ServiceId,
        /// The card.
        card: CardId,
        /// How it ended, for the pool.
        outcome: Outcome,
    },
    /// Write bytes to a side.
    Send {
        /// To whom.
        to: Side,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Move bytes from one side to the other, those in the driver's buffer first, and report with
    /// [`Input::Forwarded`]. They are taken with the report.
    Forward {
        /// From this side.
        from: Side,
        /// How many; `u64::MAX` means all until its end.
        len: u64,
    },
    /// Begin TLS with the customer, as its server. Bytes of the customer that were not taken belong to the handshake:
    /// whatever an attacker put behind a command in the clear is never read as a command (CVE-2011-0411). Answer with
    /// [`Input::Secured`] or [`Input::SecureFailed`].
    Secure,
    /// Write what was sent, then send no more to a side, whose own bytes may still come.
    Finish {
        /// To whom.
        to: Side,
    },
    /// Write what was sent, then end the customer's connection, the card's and the data connections.
    Close {
        /// True if the customer must see that something is missing (a reset, no orderly end).
        abort: bool,
    },
    /// Wait for one data connection, at the address of the leg's own control connection; connections from another
    /// address than `peer` are closed and do not count. Answer with [`Input::Listening`] or [`Input::DataFailed`].
    Listen {
        /// From whom.
        leg: Side,
        /// The only address it may come from.
        peer: IpAddr,
        /// True if TLS runs on it, the proxy being its server.
        secure: bool,
    },
    /// Open a data connection, from the address of the leg's own control connection. No answer but
    /// [`Input::DataFailed`].
    Dial {
        /// To whom.
        leg: Side,
        /// Where.
        address: SocketAddr,
        /// True if TLS runs on it, the proxy being its server (RFC 4217 §7).
        secure: bool,
    },
    /// Once both data connections are there, move bytes from one to the other until the end, then close both; answer
    /// with [`Input::Carried`].
    Carry {
        /// From this leg.
        from: Side,
    },
    /// Close the data connections and their listeners. A running [`Output::Carry`] is still answered.
    DropData,
    /// Something worth telling.
    Event(Event),
}

/// Whether a customer may, or must, begin TLS before the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// There is no TLS.
    Never,
    /// There is, for who wants it.
    Offered,
    /// There is, and no login without it.
    Required,
    /// The connection began with it.
    Already,
}

/// Something worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A card was tried and failed.
    CardFailed {
        /// The service.
        service: ServiceId,
        /// The card.
        card: CardId,
    },
    /// A customer was refused: a hello, a login, a data connection. Many from one address are an attack.
    Refused(Refusal),
    /// A login succeeded.
    LoggedIn(Decision),
    /// The session is over; exactly one ends each.
    Done(Usage),
}

/// What one session used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The last route, if the table knew one.
    pub decision: Option<Decision>,
    /// The last card.
    pub card: Option<CardId>,
    /// Why the session ended before its time, if it did.
    pub refusal: Option<Refusal>,
    /// Bytes from the customer to cards: what was passed on, data connections included.
    pub from_client: u64,
    /// Bytes from cards to the customer.
    pub from_card: u64,
    /// When it began.
    pub began_at: Duration,
    /// How long it took.
    pub took: Duration,
}

/// Why a customer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Refusal {
    /// What it sent is malformed.
    Malformed,
    /// A line or the hello is too long.
    TooLarge,
    /// It took too long.
    Slow,
    /// It tried too often.
    TooMany,
    /// No route.
    NoRoute,
    /// The customer may not use the service.
    Denied,
    /// No card is live.
    NoCard,
    /// The cards that were tried could not be reached or broke off.
    CardBroke,
    /// The card sent what is not its protocol, or too late.
    CardMalformed,
    /// The card refused the login.
    Login,
    /// The card is this proxy.
    Loop,
    /// TLS is required, or its handshake failed.
    NotSecure,
    /// A data connection to somewhere else than the customer.
    Bounce,
    /// The proxy is being drained.
    Draining,
}
