//! The PROXY protocol, versions 1 and 2: who the customer is, told by the balancer in front (HAProxy's
//! `proxy-protocol.txt`).
//!
//! [`Header::parse`] reads either version from the front of a connection and says how many bytes it took;
//! [`Header::emit_v1`] and [`Header::emit_v2`] write it towards a card. Reading is strict: a connection either begins
//! with a header that has one reading, or is refused. Whom to believe is the caller's choice: only listeners behind a
//! balancer ever call this, and those demand the header ("the receiver MUST be configured to only receive the
//! protocol described in this specification and MUST not try to guess").

mod crc32c;
mod v1;
mod v2;

pub use v2::{Tlv, TlvKind, Tlvs};

use alloc::vec::Vec;
use core::net::SocketAddr;
use thiserror::Error;

/// The longest header that is read. The specification asks for 232 bytes without TLVs and expects no more than 536;
/// certificates and cookies in TLVs make longer ones.
pub const MAX_HEADER: usize = 4096;

/// What a balancer tells of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Whose connection it is.
    pub command: Command,
    /// Over what the customer speaks to the balancer.
    pub transport: Transport,
    /// From where to where.
    pub addresses: Addresses<'a>,
    /// More about the connection; version 1 has none.
    pub tlvs: Tlvs<'a>,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// The balancer's own, a health check: the addresses are those of the connection itself.
    Local,
    /// A customer's.
    Proxy,
}

/// Over what the customer speaks to the balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Unknown.
    Unspecified,
    /// TCP, or a stream socket.
    Stream,
    /// UDP, or a datagram socket.
    Datagram,
}

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// Unknown: those of the connection itself count.
    Unspecified,
    /// Two addresses of one family.
    Internet {
        /// The customer's.
        source: SocketAddr,
        /// The one that the customer connected to.
        destination: SocketAddr,
    },
    /// Two paths of local sockets, padded with zeros.
    Unix {
        /// The customer's.
        source: &'a [u8; 108],
        /// The one that the customer connected to.
        destination: &'a [u8; 108],
    },
}

/// Why the front of a connection is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It begins like neither version.
    #[error("no PROXY header")]
    NoHeader,
    /// A version 1 line that is not exactly of the form that the specification gives.
    #[error("a malformed version 1 line at byte {at}")]
    Line {
        /// Offset of the part that does not fit.
        at: usize,
    },
    /// A version 2 header with another version, command, family or transport.
    #[error("an unknown code in byte {at} of the header")]
    Code {
        /// Offset of the code.
        at: usize,
    },
    /// The addresses or a TLV do not fit the length of the header.
    #[error("a length that does not fit, at byte {at}")]
    Length {
        /// Offset of what does not fit.
        at: usize,
    },
    /// The CRC-32C does not match, or is there twice.
    #[error("the checksum is wrong")]
    Checksum,
    /// Over [`MAX_HEADER`] bytes; over 65,535 where it is written.
    #[error("the header is too long")]
    TooLong,
}

impl<'a> Header<'a> {
    /// A customer's TCP connection. Addresses of two families are written as two of IPv6.
    #[must_use]
    pub fn tcp(source: SocketAddr, destination: SocketAddr) -> Self {
        let addresses = Addresses::Internet { source, destination };
        Self { command: Command::Proxy, transport: Transport::Stream, addresses, tlvs: Tlvs::default() }
    }

    /// The balancer's own connection.
    #[must_use]
    pub fn local() -> Self {
        let (transport, addresses) = (Transport::Unspecified, Addresses::Unspecified);
        Self { command: Command::Local, transport, addresses, tlvs: Tlvs::default() }
    }

    /// Reads a header of either version from the front of a connection and says how many bytes it took; `None` while
    /// it is not whole. Every split of the bytes gives one answer.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, Malformed> {
        match bytes.first() {
            None => Ok(None),
            Some(b'P') => v1::parse(bytes),
            Some(b'\r') => v2::parse(bytes),
            Some(_) => Err(Malformed::NoHeader),
        }
    }

    /// The customer's address and the one that it connected to; `None` where those of the connection itself count.
    #[must_use]
    pub fn endpoints(&self) -> Option<(SocketAddr, SocketAddr)> {
        match (self.command, self.addresses) {
            (Command::Proxy, Addresses::Internet { source, destination }) => Some((source, destination)),
            _ => None,
        }
    }

    /// Appends a version 1 line: `PROXY UNKNOWN` unless the header tells of two internet addresses of a stream.
    pub fn emit_v1(&self, into: &mut Vec<u8>) {
        v1::emit(self, into);
    }

    /// Appends a version 2 header with `tlvs` behind the addresses and a CRC-32C at the end.
    pub fn emit_v2(&self, tlvs: &[Tlv<'_>], into: &mut Vec<u8>) -> Result<(), Malformed> {
        v2::emit(self, tlvs, into)
    }
}

/// Two addresses as two of IPv6, mapped where they are IPv4 (RFC 4291 §2.5.5.2).
fn mapped(address: SocketAddr) -> core::net::Ipv6Addr {
    match address.ip() {
        core::net::IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        core::net::IpAddr::V6(v6) => v6,
    }
}
