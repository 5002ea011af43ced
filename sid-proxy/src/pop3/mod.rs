//! POP3 for many services at one address: the login says which (RFC 1939, RFC 2449, RFC 2595, RFC 5034).
//!
//! A [`Session`] greets, reads the login by `USER` and `PASS` or by SASL `PLAIN` and `LOGIN`, after `STLS` if the
//! customer wants it, asks the table which service the login belongs to, logs in at one of its cards with what the
//! customer gave, and relays from then on.
//!
//! # What the customer can tell
//! A login without a route, a wrong password and a card that refuses get the same bytes, not before
//! [`Timeouts::refusal`] has passed. A service without a live card is told from that (`[SYS/TEMP]`): a mail program
//! that takes an outage for a wrong password asks its user for another.
//!
//! # APOP
//! An APOP digest is made over the challenge of one server's greeting. A proxy must greet before it knows the card, so
//! it cannot use the card's challenge, and the digest over its own is of no use to the card. It sends no challenge,
//! which says that APOP is not served (RFC 1939 §7), and refuses the command.
//!
//! # After the login
//! Commands pass line by line, so that the session knows which replies have several lines. A status line that has an
//! address or name from inside is replaced by its bare status. Messages and listings pass as ranges
//! ([`Output::Forward`]), untouched.

mod command;
mod config;
mod login;
mod relay;
mod replay;
mod sasl;
mod session;

pub use crate::session::{
    Announce, Error, Event, Input, Inside, Output, Peer, Refusal, Security, Side, Usage,
};
pub use config::{Config, Limits, Timeouts};
pub use session::Session;
