//! FTP for many services at one address: the login says which, and data connections go through the proxy
//! (RFC 959, RFC 1123 §4.1, RFC 2228, RFC 2428, RFC 2577, RFC 4217, RFC 7151).
//!
//! A [`Session`] greets, reads `USER` and `PASS`, after `AUTH TLS` if the customer wants it, asks the table which
//! service the login belongs to, logs in at one of its cards, and relays commands and replies from then on. `HOST`
//! before `USER` gives a login without a domain one: `HOST www.sell.com`, `USER amy` is asked as `amy@www.sell.com`.
//!
//! # Data connections
//! A customer sees the proxy's address only, and so does a card. What the customer asks for (`PASV`, `EPSV`, `PORT`,
//! `EPRT`) and what the card is asked for ([`CardData`]) are independent of one another, so that an old client and a
//! new card, an IPv4 customer and an IPv6 card, come together. [`Output::Listen`] and [`Output::Dial`] make the two
//! connections, [`Output::Carry`] moves the bytes; with `PROT P` the customer's one is TLS.
//!
//! A customer's data connection comes from or goes to the address of its control connection and no other, and to no
//! port under 1024: nobody can make the proxy connect elsewhere (RFC 2577 §3). The address in a card's reply to `PASV`
//! is never used, only its port.
//!
//! # What the customer can tell
//! As with POP3: a login without a route, a wrong password and a card that refuses look alike. Of the card's replies
//! the code passes always, the text where it has no address or name from inside.

mod command;
mod config;
mod data;
mod login;
mod replay;
mod reply;
mod serve;
mod session;

pub use crate::session::{
    Announce, Error, Event, Input, Inside, Output, Peer, Refusal, Security, Side, Usage,
};
pub use config::{CardData, Config, Limits, Timeouts};
pub use session::Session;
