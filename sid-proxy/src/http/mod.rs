//! HTTP/1.1 between a customer and the cards, as a machine without IO (RFC 9110, RFC 9112).
//!
//! A [`Session`] is one customer's connection. It reads requests, asks which service and which card they are
//! for, and relays what passes, rewritten into one canonical form. The driver owns the sockets:
//!
//! ```text
//!              Data, Broken, Forwarded               Data, Broken, Forwarded
//! customer <---------------------------> Session <---------------------------> card
//!            Send, Forward, Finish, Close            Send, Forward, Finish, Release
//!
//!  Route -> Routed | Misdirected    Pick -> Picked | NoCard | Denied    Connect -> Connected | ConnectFailed
//! ```
//!
//! # Reading
//! The driver keeps one buffer a side and offers all of it with [`Input::Data`]; the session takes whole units
//! from its front (a head, a chunk line, a trailer section) and says how many bytes it took. So any split of
//! the input gives the same actions. When it took nothing, the driver offers again once more bytes came or
//! after the next other input. The end of a side is told in the same place (`end`), as often as the driver
//! likes.
//!
//! # Bodies
//! Body bytes never enter the session: [`Output::Forward`] tells the driver to move the next `len` bytes of one
//! side to the other, those in its buffer first and then those still to come (by `splice(2)` if it likes), and
//! to report progress with [`Input::Forwarded`]. Until all of `len` is reported the session asks nothing else
//! of that side and sends nothing to the other; the driver offers no bytes of that side meanwhile, only, once it
//! has moved all there were, the end. [`Output::Release`] ends every `Forward`.

mod answer;
mod body;
mod config;
mod exchange;
mod field;
mod inside;
mod introduction;
mod queue;
mod request;
mod response;
mod session;

pub use crate::session::{Error, Input, Peer, Side};
pub use config::{Config, Limits, Scheme, Timeouts};
pub use inside::Inside;
pub use session::Session;

use crate::pool::Outcome;
use crate::{CardId, Decision, Key, ServiceId};
use core::net::SocketAddr;
use core::time::Duration;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Ask the table; answer with [`Input::Routed`] or [`Input::Misdirected`].
    Route {
        /// The question.
        key: Key<'a>,
    },
    /// Ask the pool of a service for a card that is none of `tried`; answer with [`Input::Picked`],
    /// [`Input::NoCard`], [`Input::Busy`] or [`Input::Denied`], [`Input::Stick`] before it.
    Pick {
        /// Whose pool.
        service: ServiceId,
        /// Cards that failed this request already.
        tried: &'a [CardId],
        /// The method and the target, for [access rules](crate::acl).
        request: (&'a str, &'a [u8]),
        /// The lines of the head's fields, for a [cookie](crate::pool::Sticky) that names a card.
        fields: &'a [u8],
    },
    /// Take an idle connection to a card or open one; answer with [`Input::Connected`] or
    /// [`Input::ConnectFailed`].
    Connect {
        /// The card.
        card: CardId,
        /// Where it serves.
        address: SocketAddr,
        /// Set when an idle connection just failed this request, so that only a new one will do.
        fresh: bool,
    },
    /// Write bytes to a side.
    Send {
        /// To whom.
        to: Side,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Move bytes from one side to the other and report with [`Input::Forwarded`].
    Forward {
        /// From this side.
        from: Side,
        /// How many; `u64::MAX` means all until its end.
        len: u64,
    },
    /// The exchange with a card, or the attempt to connect to it, is over: exactly one for each
    /// [`Input::Picked`] that was accepted.
    Release {
        /// The service for which the card was picked.
        service: ServiceId,
        /// The card.
        card: CardId,
        /// How it ended, for the pool.
        outcome: Outcome,
        /// True if the connection may serve another request, unless bytes of it are left over.
        reusable: bool,
    },
    /// Write what was sent, then end the customer's connection.
    Close {
        /// True if the customer must see that the answer is incomplete (a reset, no orderly end).
        abort: bool,
    },
    /// Write what was sent, then send no more to a side, whose own bytes may still come.
    Finish {
        /// To whom.
        to: Side,
    },
    /// Something worth telling.
    Event(Event),
}

/// Something worth telling. Each request whose head was read or refused ends in exactly one `Done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A card was tried and failed; another follows or the request is answered without one.
    CardFailed {
        /// The service.
        service: ServiceId,
        /// The card.
        card: CardId,
    },
    /// A request is over, served or not.
    Done(Usage),
}

/// What one request used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The route, if the table knew one.
    pub decision: Option<Decision>,
    /// The card that answered, if one did.
    pub card: Option<CardId>,
    /// The status that the customer got; 0 if none.
    pub status: u16,
    /// Why the proxy answered itself.
    pub refusal: Option<Refusal>,
    /// The access rule that denied the request, by its place, if one did.
    pub denied_by: Option<u16>,
    /// True if the answer went out whole.
    pub complete: bool,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// When the request's head was whole.
    pub began_at: Duration,
    /// From there to the first byte of the answer.
    pub first_byte_after: Duration,
    /// From there to the end.
    pub took: Duration,
}

/// Why the proxy answered itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Refusal {
    /// The request is malformed.
    Malformed,
    /// The request says in two ways where it ends or whom it is for: so requests are smuggled.
    Framing,
    /// Servers read the path in two ways, and the two belong to two services.
    Path,
    /// The head or the target is too long.
    TooLarge,
    /// The head or the body did not come in time.
    Slow,
    /// A method that is not served.
    Method,
    /// An HTTP version or a transfer coding that is not served.
    Unsupported,
    /// No route.
    NoRoute,
    /// The connection was made for the name of another service.
    Misdirected,
    /// The customer may not use the service.
    Denied,
    /// No card is live.
    NoCard,
    /// The service, or the customer, has as much under way as it may.
    Busy,
    /// The card could not be reached or broke off.
    CardBroke,
    /// The card sent what is no HTTP.
    CardMalformed,
    /// The card did not answer in time.
    CardSlow,
    /// The request passed through this proxy already.
    Loop,
    /// The answer is the proxy's own by its role (`Max-Forwards: 0`).
    Own,
}
