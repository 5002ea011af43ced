//! What a driver tells a session of any protocol.

#[cfg(doc)]
use super::Output;
use crate::pool::Busy;
use crate::{CardId, Decision, Miss};
use core::net::SocketAddr;
use thiserror::Error;

/// One end of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The customer.
    Client,
    /// The card, as long as one is connected.
    Card,
}

/// Who the customer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The customer's address.
    pub client: SocketAddr,
    /// The address that the customer connected to.
    pub local: SocketAddr,
    /// True if the peer is a proxy of our own, whose `Forwarded` and `X-Forwarded-*` are believed.
    pub trusted: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// All bytes of a side that were neither taken nor forwarded.
    Data {
        /// Whose.
        side: Side,
        /// The bytes.
        bytes: &'a [u8],
        /// No more bytes come after these; told as often as the driver likes.
        end: bool,
    },
    /// A side was reset, or cannot be written to.
    Broken {
        /// Which.
        side: Side,
    },
    /// Bytes of an [`Output::Forward`] were passed on.
    Forwarded {
        /// From this side.
        from: Side,
        /// How many since the last report.
        len: u64,
    },
    /// Answers [`Output::Route`].
    Routed(Result<Decision, Miss>),
    /// Answers [`Output::Route`] of HTTP: the connection was made for the name of another service (RFC 9110 §15.5.20).
    Misdirected,
    /// Answers [`Output::Pick`]: the card, and where it serves.
    Picked {
        /// The card.
        card: CardId,
        /// Its address, which no customer may see.
        address: SocketAddr,
    },
    /// Answers [`Output::Pick`]: there is none.
    NoCard,
    /// Answers [`Output::Pick`]: there is none now, for a reason that passes.
    Busy(Busy),
    /// Said before [`Input::Picked`] where a cookie keeps the customer of an HTTP session on its card.
    Stick {
        /// The value of the answer's `Set-Cookie`, if it is to have one.
        set_cookie: Option<&'a str>,
        /// The name of the cookie, if the card is not to see it.
        hide: Option<&'a str>,
    },
    /// Answers [`Output::Pick`]: this customer may not use the service, or not for this.
    Denied {
        /// The rule that says so, by its place; `None` if none names the customer.
        rule: Option<u16>,
    },
    /// Answers [`Output::Connect`].
    Connected {
        /// True if the connection served requests before, so that its death may say nothing of the card. Only HTTP
        /// connections are used again.
        reused: bool,
    },
    /// Answers [`Output::Connect`]: refused, unreachable, or out of time.
    ConnectFailed,
    /// Answers [`Output::Secure`]: TLS runs, and [`Input::Data`] of the customer is what came through it.
    Secured,
    /// Answers [`Output::Secure`]: the handshake failed.
    SecureFailed,
    /// Answers [`Output::Listen`].
    Listening {
        /// On this leg.
        leg: Side,
        /// The address and port that the other end is to connect to.
        address: SocketAddr,
    },
    /// The data connection that an [`Output::Listen`] or an [`Output::Dial`] is for failed: no port, no connection.
    DataFailed {
        /// On this leg.
        leg: Side,
    },
    /// Progress of an [`Output::Carry`].
    Carrying {
        /// How many bytes since the last report.
        len: u64,
    },
    /// Answers [`Output::Carry`]: both data connections are closed.
    Carried {
        /// False if they ended with an error, or one of them never came.
        complete: bool,
    },
    /// Finish what is running and take nothing new: no further request, no further login.
    Drain,
    /// The deadline has passed.
    Tick,
}

impl Input<'_> {
    /// True for what answers [`Output::Route`], [`Output::Pick`] or [`Output::Connect`].
    pub(crate) fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Routed(_)
                | Self::Misdirected
                | Self::Picked { .. }
                | Self::NoCard
                | Self::Busy(_)
                | Self::Stick { .. }
                | Self::Denied { .. }
                | Self::Connected { .. }
                | Self::ConnectFailed
        )
    }
}

/// The caller's misuse; the session is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// An answer to a question that was not asked.
    #[error("no such question is open")]
    NotAsked,
    /// More was reported than was to be forwarded.
    #[error("more was forwarded than was asked for")]
    Overrun,
    /// The time ran back.
    #[error("time ran back")]
    TimeRanBack,
}
