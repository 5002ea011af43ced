//! What a card is asked, how often, and what is made of the answers.

use super::Why;
use crate::wire::host::Authority;
use alloc::format;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;
use thiserror::Error;

/// What a card is asked, how often, and what is made of the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The question.
    pub ask: Ask,
    /// From one probe to the next; at least 10 ms.
    pub every: Duration,
    /// From the beginning of a probe to its answer.
    pub timeout: Duration,
    /// Successes in a row that make an ill card well; 0 is 1.
    pub rise: u8,
    /// Failures in a row that make a card ill; 0 is 1.
    pub fall: u8,
    /// By how many percent an interval is shortened at most; from 0 to 100.
    pub jitter: u8,
}

/// The question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A connection is answer enough.
    Connect,
    /// An HTTP request, whose status must be in a range.
    Http {
        /// The request as it is sent; [`Ask::http`] writes one.
        request: Vec<u8>,
        /// What is good.
        good: RangeInclusive<u16>,
    },
}

/// A host or a path that no request can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// The host is none.
    #[error("the host of the probe is no host")]
    Host,
    /// The path does not begin with `/`, or has a byte that paths don't have.
    #[error("the path of the probe is no path")]
    Path,
}

impl Default for Check {
    /// A connection every 2 s, answered in 1 s; 2 make well, 3 ill; a tenth of jitter.
    fn default() -> Self {
        Self {
            ask: Ask::Connect,
            every: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
            jitter: 10,
        }
    }
}

impl Ask {
    /// A `GET` for a path of a host, whose answer must have a status of `good`, usually `200..=399`.
    pub fn http(host: &str, path: &str, good: RangeInclusive<u16>) -> Result<Self, BadRequest> {
        Authority::parse(host.as_bytes(), &mut [0; 256]).map_err(|_| BadRequest::Host)?;
        if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(BadRequest::Path);
        }
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sid-proxy-probe\r\nConnection: close\r\n\r\n"
        );
        Ok(Self::Http { request: request.into_bytes(), good })
    }

    /// The bytes to be sent.
    pub(super) fn request(&self) -> &[u8] {
        match self {
            Self::Connect => &[],
            Self::Http { request, .. } => request,
        }
    }
}

/// The beginning of a status line: `HTTP/1.1 200 `.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Answer {
    bytes: [u8; 13],
    len: usize,
}

impl Answer {
    /// Takes bytes; gives the verdict once there are enough for one.
    pub(super) fn read(&mut self, bytes: &[u8], good: &RangeInclusive<u16>) -> Option<Why> {
        for (room, byte) in self.bytes.iter_mut().skip(self.len).zip(bytes) {
            *room = *byte;
            self.len = self.len.saturating_add(1);
        }
        let have = self.bytes.get(..self.len)?;
        let expected = b"HTTP/1.";
        if !have.iter().zip(expected).all(|(have, expected)| have == expected) {
            return Some(Why::Malformed);
        }
        let [.., b'0' | b'1', b' ', a, b, c, b' ' | b'\r' | b'\n'] = self.bytes else {
            return (self.len == self.bytes.len()).then_some(Why::Malformed);
        };
        let status = core::str::from_utf8(&[a, b, c]).ok().and_then(|digits| digits.parse().ok());
        Some(match status {
            Some(status) if !(100..600).contains(&status) => Why::Malformed,
            Some(status) if good.contains(&status) => Why::Answered(status),
            Some(status) => Why::Status(status),
            None => Why::Malformed,
        })
    }
}
