//! What an FTP session is told when it begins.

use crate::session::{Announce, Inside, Security};
use alloc::string::String;
use core::net::IpAddr;
use core::time::Duration;

/// What all sessions of a listener share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name in the greeting: the public name of the cabinet, never a host inside. A card that greets with it is
    /// the proxy itself.
    pub name: String,
    /// Whether `AUTH TLS` is there.
    pub security: Security,
    /// The address in replies to `PASV`, where it is not the one that the customer connected to.
    pub public: Option<IpAddr>,
    /// How data connections with cards are made.
    pub card_data: CardData,
    /// Whether and how a card is told of the customer's address.
    pub announce: Announce,
    /// What no customer may see.
    pub inside: Inside,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// Bounds.
    pub limits: Limits,
}

/// How data connections with cards are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardData {
    /// The proxy connects, after `EPSV`; where an IPv4 card does not know it, after `PASV`.
    Epsv,
    /// The proxy connects, after `PASV`; with an IPv6 card, after `EPSV`.
    Pasv,
    /// The card connects, after `EPRT`.
    Eprt,
    /// The card connects, after `PORT`; with an IPv6 card, after `EPRT`.
    Port,
}

/// How long is waited for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Between commands; RFC 1123 §4.1.3.2 wants at least five minutes.
    pub idle: Duration,
    /// From the first byte of a line to its end.
    pub line: Duration,
    /// For the table, the pool and a connection to a card.
    pub connect: Duration,
    /// For each answer of a card during the login, and to what the proxy itself asks.
    pub card: Duration,
    /// For the first bytes of a transfer.
    pub data: Duration,
    /// Without progress in a transfer.
    pub stall: Duration,
    /// From a password to its refusal, at least. Longer than the cards' own delay, it hides whether a card was asked.
    pub refusal: Duration,
}

/// Bounds of one session, which keeps at most `6 * line` bytes (login, password, host, one line each way); the driver's
/// buffers hold `line` bytes a side that were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest line, its end included.
    pub line: usize,
    /// Commands before a login.
    pub commands: u32,
    /// Passwords that are refused before the connection goes.
    pub attempts: u32,
    /// How many cards are tried for one login.
    pub tries: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::from("sid-proxy"),
            security: Security::Never,
            public: None,
            card_data: CardData::Epsv,
            announce: Announce::No,
            inside: Inside::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(300),
            line: Duration::from_secs(60),
            connect: Duration::from_secs(2),
            card: Duration::from_secs(30),
            data: Duration::from_secs(30),
            stall: Duration::from_secs(300),
            refusal: Duration::from_secs(3),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 4096, commands: 50, attempts: 3, tries: 3 }
    }
}
