//! The client: one file from one server.
//!
//! ```text
//! requesting ─ OACK ─▶ receiving ─ last block ─▶ dallying ─▶ over
//!      └─────── DATA 1 ──▲  └ timeouts, ERROR, wrong packets ─▶ over (Failed)
//! ```

mod engine;
pub(super) mod options;

use core::net::SocketAddr;
use core::time::Duration;

use crate::wire::tftp::{ErrorCode, Mode};

pub use engine::Client;

/// The configuration of a [`Client`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How the octets are carried.
    pub mode: Mode,
    /// The block size to ask for; none: 512 without asking.
    pub blksize: Option<u16>,
    /// The window to ask for; none: one block.
    pub windowsize: Option<u16>,
    /// Whether to ask for the size beforehand.
    pub tsize: bool,
    /// The server's retransmission interval to ask for, in seconds.
    pub timeout_option: Option<u8>,
    /// How long the first answer is waited for.
    pub timeout: Duration,
    /// How often a packet is sent before giving up.
    pub tries: u32,
    /// The longest file taken, in octets.
    pub max_size: u64,
}

impl Default for Config {
    /// Octets, blocks of 1,428, the size asked for, 1 s and 6 tries, at most 64 MiB.
    fn default() -> Self {
        Self {
            mode: Mode::Octet,
            blksize: Some(1428),
            windowsize: None,
            tsize: true,
            timeout_option: None,
            timeout: Duration::from_secs(1),
            tries: 6,
            max_size: 64 << 20,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram came to the client's port.
    Datagram {
        /// Who sent it.
        from: SocketAddr,
        /// The payload.
        bytes: &'a [u8],
    },
    /// Nobody wants the file any more.
    Abort,
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send from the client's port.
    Send {
        /// Who gets it.
        to: SocketAddr,
        /// The payload.
        bytes: &'a [u8],
    },
    /// Append to the file.
    Write {
        /// Where these octets stand in it.
        offset: u64,
        /// The octets.
        bytes: &'a [u8],
    },
    /// Something worth telling.
    Event(Event),
}

/// What is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server agreed to send: the size, if it said one.
    Started {
        /// The file's size in octets.
        size: Option<u64>,
    },
    /// The file is whole.
    Done {
        /// Its size in octets.
        octets: u64,
    },
    /// There will be no file.
    Failed(Failure),
}

/// Why there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The server fell silent.
    #[error("the server does not answer")]
    Timeout,
    /// The server refused or ended it.
    #[error("the server refused: {}", error_name(*.0))]
    Refused(ErrorCode),
    /// The server answered what was not asked (RFC 2347 §3).
    #[error("the server set options that were not asked for")]
    Options,
    /// The server sent a block longer than agreed, or a packet that no server sends.
    #[error("the server broke the protocol")]
    Protocol,
    /// The file is longer than [`Config::max_size`].
    #[error("the file is too long")]
    TooLong,
    /// The caller ended it.
    #[error("given up")]
    Aborted,
}

fn error_name(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::NOT_FOUND => "file not found",
        ErrorCode::ACCESS => "access violation",
        ErrorCode::FULL => "disk full",
        ErrorCode::ILLEGAL => "illegal operation",
        ErrorCode::UNKNOWN_TID => "unknown transfer",
        ErrorCode::EXISTS => "file exists",
        ErrorCode::NO_USER => "no such user",
        ErrorCode::OPTIONS => "options refused",
        _ => "an error of its own",
    }
}

/// Why an input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too many outputs wait. Drain first.
    #[error("too many outputs wait to be drained")]
    Full,
}
