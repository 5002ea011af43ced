//! What a POP3 session is told when it begins.

use crate::session::{Announce, Inside, Security};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// What all sessions of a listener share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name in the greeting: the public name of the cabinet, never a host inside. A card that greets with it is
    /// the proxy itself.
    pub name: String,
    /// Whether `STLS` is there.
    pub security: Security,
    /// Capabilities of the cards that `CAPA` tells before the login, when the card is not known yet: what all cards
    /// have in common.
    pub capabilities: Vec<String>,
    /// Whether and how a card is told of the customer's address.
    pub announce: Announce,
    /// What no customer may see.
    pub inside: Inside,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// Bounds.
    pub limits: Limits,
}

/// How long is waited for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Between commands, before the login and after it; RFC 1939 §3 wants at least ten minutes.
    pub idle: Duration,
    /// From the first byte of a line before the login to its end.
    pub line: Duration,
    /// For the table, the pool and a connection to a card.
    pub connect: Duration,
    /// For each answer of a card during the login.
    pub card: Duration,
    /// From a password to its refusal, at least: whoever guesses waits. Longer than the cards' own delay, it hides
    /// whether a card was asked at all.
    pub refusal: Duration,
    /// For the card to end, once the customer has.
    pub linger: Duration,
}

/// Bounds of one session, which keeps at most `8 * line` bytes (the login, the password, one line each way in both
/// forms) and an entry for each pipelined command; the driver's buffers hold `line` bytes a side that were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest line, its end included. Commands have at most 255 bytes (RFC 2449 §4), lines of SASL more.
    pub line: usize,
    /// Commands before a login.
    pub commands: u32,
    /// Passwords that are refused before the connection goes.
    pub attempts: u32,
    /// Commands after the login that wait for their answers; more are not read.
    pub pipeline: usize,
    /// How many cards are tried for one login.
    pub tries: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::from("sid-proxy"),
            security: Security::Never,
            capabilities: ["TOP", "UIDL"].map(String::from).to_vec(),
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
            idle: Duration::from_secs(600),
            line: Duration::from_secs(60),
            connect: Duration::from_secs(2),
            card: Duration::from_secs(30),
            refusal: Duration::from_secs(3),
            linger: Duration::from_secs(10),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 4096, commands: 50, attempts: 3, pipeline: 32, tries: 3 }
    }
}
