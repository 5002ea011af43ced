//! Version 1: one line of text, at most 107 bytes.

use super::{Addresses, Command, Header, Malformed, Tlvs, Transport, mapped};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const MAX_LINE: usize = 107;
const PREFIX: &[u8] = b"PROXY ";

type Parsed<'a> = Result<Option<(Header<'a>, usize)>, Malformed>;

pub(super) fn parse(bytes: &[u8]) -> Parsed<'static> {
    for (at, (byte, expected)) in bytes.iter().zip(PREFIX).enumerate() {
        if byte != expected {
            return Err(if at == 0 { Malformed::NoHeader } else { Malformed::Line { at } });
        }
    }
    let window = bytes.get(..MAX_LINE.min(bytes.len())).unwrap_or_default();
    let Some(end) = window.iter().position(|&b| b == b'\n') else {
        return if window.len() == MAX_LINE { Err(Malformed::TooLong) } else { Ok(None) };
    };
    let Some(line) = window.get(..end).and_then(|line| line.strip_suffix(b"\r")) else {
        return Err(Malformed::Line { at: end });
    };
    let mut fields = Fields { line, at: PREFIX.len() };
    let addresses = match fields.next() {
        // "The receiver must ignore anything presented before the CRLF is found".
        (b"UNKNOWN", _) => Addresses::Unspecified,
        (b"TCP4", _) => fields.endpoints(|text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4))?,
        (b"TCP6", _) => fields.endpoints(|text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?,
        (_, at) => return Err(Malformed::Line { at }),
    };
    let transport = match addresses {
        Addresses::Unspecified => Transport::Unspecified,
        _ => Transport::Stream,
    };
    let header = Header { command: Command::Proxy, transport, addresses, tlvs: Tlvs::default() };
    Ok(Some((header, end.saturating_add(1))))
}

pub(super) fn emit(header: &Header<'_>, into: &mut Vec<u8>) {
    use core::fmt::Write as _;
    let mut text = alloc::string::String::new();
    // Writing to a string does not fail.
    let _ = match (header.endpoints(), header.transport) {
        (Some((source, destination)), Transport::Stream) => {
            let (from, to) = (source.port(), destination.port());
            match (source.ip(), destination.ip()) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => {
                    write!(text, "PROXY TCP4 {source} {destination} {from} {to}\r\n")
                }
                _ => write!(text, "PROXY TCP6 {} {} {from} {to}\r\n", mapped(source), mapped(destination)),
            }
        }
        _ => write!(text, "PROXY UNKNOWN\r\n"),
    };
    into.extend_from_slice(text.as_bytes());
}

/// Fields with exactly one space between them.
struct Fields<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// The next field and where it stands; empty past the last one.
    fn next(&mut self) -> (&'a [u8], usize) {
        let at = self.at;
        let rest = self.line.get(at..).unwrap_or_default();
        let length = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        self.at = at.saturating_add(length).saturating_add(1);
        (rest.get(..length).unwrap_or_default(), at)
    }

    fn endpoints(&mut self, ip: impl Fn(&str) -> Option<IpAddr>) -> Result<Addresses<'static>, Malformed> {
        let source = self.field(&ip)?;
        let destination = self.field(&ip)?;
        let from = self.field(port)?;
        let to = self.field(port)?;
        if self.at <= self.line.len() {
            return Err(Malformed::Line { at: self.at });
        }
        let (source, destination) = (SocketAddr::new(source, from), SocketAddr::new(destination, to));
        Ok(Addresses::Internet { source, destination })
    }

    fn field<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Result<T, Malformed> {
        let (field, at) = self.next();
        core::str::from_utf8(field).ok().and_then(read).ok_or(Malformed::Line { at })
    }
}

/// Decimal, without sign or leading zeros.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}
