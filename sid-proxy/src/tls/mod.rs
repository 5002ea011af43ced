//! Which service a TLS connection is for, read from its ClientHello and passed on unopened (RFC 8446, RFC 6066).
//!
//! [`Peek`] reads the hello from whatever records and segments it comes in; [`Session`] asks the table with the
//! name, connects to the card and lets the bytes pass, or tells the driver to end TLS itself. A hello that is
//! malformed is refused with an alert and never goes to a default: what a parser cannot read, another may read as
//! another name.
//!
//! # Which name
//! The name is `server_name` in the clear. With Encrypted ClientHello that is the outer, public name: a proxy that
//! has no key for the inner one routes by what its operator published for it.

mod hello;
mod peek;
mod session;

pub use crate::session::{Announce, Error, Event, Input, Output, Peer, Refusal, Side, Usage};
pub use hello::{Alert, ClientHello, ExtensionType, Extensions, Malformed, Part, Protocols};
pub use peek::{MAX_HELLO, Peek};
pub use session::{Config, Otherwise, Session, Timeouts};
