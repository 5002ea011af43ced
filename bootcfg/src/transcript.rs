//! Conversations as plain text: what was heard when, and what was said to it.
//!
//! One datagram a line; empty lines and those that begin with `#` are for people:
//!
//! ```text
//! # time  way  peer  octets
//! @1.5s < 10.1.2.254:67 0101060012345678...
//! @1.5s > 10.1.2.254:67 0201060012345678...
//! ```
//!
//! A [`dhcp::Server`] has neither clock nor chance, so that the lines it heard are all of a report: [`replay`] says
//! again, to the byte, what was said. Record every datagram with the time that `handle` was given with it:
//!
//! ```
//! use bootcfg::dhcp::server::{Config, Server};
//! use bootcfg::transcript::{self, Entry, Way};
//! # use std::time::Duration;
//! # let plan = bootcfg::Plan::new([10, 1, 0, 0].into(), 16, 10, 14)?;
//! # let config = Config::new([10, 1, 0, 1].into(), plan);
//! # let heard = Entry { at: Duration::from_millis(1500), way: Way::Heard, peer: "10.1.2.254:67".parse()?, bytes: vec![1; 300] };
//! // While serving: a line for each datagram.
//! let mut log = String::new();
//! log += &format!("{heard}\n");
//! // Later, elsewhere: the same configuration, the same answers.
//! let entries: Result<Vec<_>, _> = transcript::read(&log).collect();
//! let said = transcript::replay(&mut Server::new(config)?, &entries?);
//! # assert!(said.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;
use core::fmt;
use core::net::{SocketAddr, SocketAddrV4};
use core::str::FromStr;
use core::time::Duration;

use crate::dhcp::{self, server};

/// One datagram of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, in the time of the engine that heard or said it.
    pub at: Duration,
    /// Heard or said.
    pub way: Way,
    /// Who said it, or was told.
    pub peer: SocketAddr,
    /// The payload.
    pub bytes: Vec<u8>,
}

/// Which way a datagram went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It came in, `<`.
    Heard,
    /// It went out, `>`.
    Said,
}

/// Reads a conversation line by line.
pub fn read(text: &str) -> impl Iterator<Item = Result<Entry, LineError>> + '_ {
    let lines = text.lines().enumerate().map(|(nth, line)| (nth.saturating_add(1), line.trim()));
    let spoken = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    spoken.map(|(line, text)| text.parse().map_err(|what| LineError { line, what }))
}

/// Lets a server hear again what stands in `entries`, and says what it says to each; what was said then is not looked
/// at.
pub fn replay(server: &mut dhcp::Server, entries: &[Entry]) -> Vec<Entry> {
    let mut said = Vec::new();
    for entry in entries.iter().filter(|entry| entry.way == Way::Heard) {
        let SocketAddr::V4(from) = entry.peer else { continue };
        // The server is drained each time, so that it is never full.
        _ = server.handle(entry.at, server::Input::Datagram { from, bytes: &entry.bytes });
        while let Some(output) = server.poll_output() {
            if let server::Output::Send { to, bytes, .. } = output {
                let peer = SocketAddr::V4(SocketAddrV4::from(to));
                said.push(Entry { at: entry.at, way: Way::Said, peer, bytes: bytes.to_vec() });
            }
        }
    }
    said
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, mut fraction, mut digits) = (self.at.as_secs(), self.at.subsec_nanos(), 9_usize);
        while digits > 0 && fraction % 10 == 0 {
            (fraction, digits) = (fraction / 10, digits.saturating_sub(1));
        }
        write!(f, "@{seconds}")?;
        if digits > 0 {
            write!(f, ".{fraction:0digits$}")?;
        }
        let way = if self.way == Way::Heard { '<' } else { '>' };
        write!(f, "s {way} {} ", self.peer)?;
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Entry {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Self, EntryError> {
        let mut words = text.split_ascii_whitespace();
        let time = words.next().and_then(|word| word.strip_prefix('@')?.strip_suffix('s'));
        let at = time.and_then(duration).ok_or(EntryError::Time)?;
        let way = match words.next() {
            Some("<") => Way::Heard,
            Some(">") => Way::Said,
            _ => return Err(EntryError::Way),
        };
        let peer = words.next().and_then(|word| word.parse().ok()).ok_or(EntryError::Peer)?;
        // A datagram may be empty.
        let bytes = words.next().map_or(Some(Vec::new()), octets).ok_or(EntryError::Octets)?;
        match words.next() {
            None => Ok(Self { at, way, peer, bytes }),
            Some(_) => Err(EntryError::Trailing),
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) {
        return None;
    }
    let missing = u32::try_from(9_usize.checked_sub(fraction.len())?).ok()?;
    let nanos = fraction.parse::<u32>().ok()?.checked_mul(10_u32.checked_pow(missing)?)?;
    Some(Duration::new(seconds.parse().ok()?, nanos))
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let octet = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    if rest.is_empty() { pairs.iter().map(octet).collect() } else { None }
}

/// A line that is no datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: EntryError,
}

/// What a line should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The time.
    #[error("expected a time first, as in @1.5s")]
    Time,
    /// The way.
    #[error("expected < or > after the time")]
    Way,
    /// The peer.
    #[error("expected the peer's address and port, as in 10.1.2.254:67")]
    Peer,
    /// The octets.
    #[error("expected octets in hexadecimal digits")]
    Octets,
    /// Nothing more.
    #[error("expected the line to end after the octets")]
    Trailing,
}
