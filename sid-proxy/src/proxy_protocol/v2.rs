//! Version 2: binary, with addresses, TLVs and a checksum.

use super::crc32c::checksum;
use super::{Addresses, Command, Header, MAX_HEADER, Malformed, Transport, mapped};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32, be_u128};
use nom::{IResult, Parser as _};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED: usize = 16;
const MAX_UNIQUE_ID: usize = 128;

/// The kind of a TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlvKind(pub u8);

impl TlvKind {
    /// The application protocol that was agreed on.
    pub const ALPN: Self = Self(0x01);
    /// The name that the customer asked for.
    pub const AUTHORITY: Self = Self(0x02);
    /// The checksum of the header.
    pub const CRC32C: Self = Self(0x03);
    /// Padding.
    pub const NOOP: Self = Self(0x04);
    /// An identifier of the connection, up to 128 bytes.
    pub const UNIQUE_ID: Self = Self(0x05);
    /// What TLS was used.
    pub const SSL: Self = Self(0x20);
    /// The network namespace.
    pub const NETNS: Self = Self(0x30);
}

/// One TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// What it tells.
    pub kind: TlvKind,
    /// Its value.
    pub value: &'a [u8],
}

/// Iterates over the TLVs of a header, which were checked when it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tlvs<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (rest, tlv) = tlv(self.rest).ok()?;
        self.rest = rest;
        Some(tlv)
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Header<'_>, usize)>, Malformed> {
    if let Some(_differs) = bytes.iter().zip(SIGNATURE).position(|(byte, expected)| byte != expected) {
        return Err(Malformed::NoHeader);
    }
    let command = match bytes.get(12) {
        None => return Ok(None),
        Some(0x20) => Command::Local,
        Some(0x21) => Command::Proxy,
        Some(_) => return Err(Malformed::Code { at: 12 }),
    };
    let family = match bytes.get(13) {
        None => return Ok(None),
        Some(&family @ (0x00 | 0x11 | 0x12 | 0x21 | 0x22 | 0x31 | 0x32)) => family,
        // "The receiver should ... accept connection or drop": a code without a meaning is dropped.
        Some(_) => return Err(Malformed::Code { at: 13 }),
    };
    let Some(&[high, low]) = bytes.get(14..FIXED) else { return Ok(None) };
    let end = usize::from(u16::from_be_bytes([high, low])).saturating_add(FIXED);
    if end > MAX_HEADER {
        return Err(Malformed::TooLong);
    }
    let Some(header) = bytes.get(..end) else { return Ok(None) };
    let body = header.get(FIXED..).unwrap_or_default();
    let (rest, addresses) = addresses(family, body).map_err(|_| Malformed::Length { at: FIXED })?;
    let transport = match family & 0x0f {
        1 => Transport::Stream,
        2 => Transport::Datagram,
        _ => Transport::Unspecified,
    };
    // A LOCAL header may hold anything behind its length, "the receiver must ... discard the protocol block".
    let tlvs = if command == Command::Local { &[][..] } else { rest };
    check_tlvs(header, tlvs)?;
    Ok(Some((Header { command, transport, addresses, tlvs: Tlvs { rest: tlvs } }, end)))
}

pub(super) fn emit(header: &Header<'_>, tlvs: &[Tlv<'_>], into: &mut Vec<u8>) -> Result<(), Malformed> {
    let begin = into.len();
    let written = write(header, tlvs, into, begin);
    if written.is_err() {
        into.truncate(begin);
    }
    written
}

fn write(header: &Header<'_>, tlvs: &[Tlv<'_>], into: &mut Vec<u8>, begin: usize) -> Result<(), Malformed> {
    let transport = match header.transport {
        Transport::Unspecified => 0,
        Transport::Stream => 1,
        Transport::Datagram => 2,
    };
    let v4 = |at: SocketAddr| if let IpAddr::V4(ip) = at.ip() { Some(ip) } else { None };
    into.extend_from_slice(SIGNATURE);
    into.push(if header.command == Command::Local { 0x20 } else { 0x21 });
    let family = match header.addresses {
        Addresses::Internet { source, destination } if transport != 0 => {
            if v4(source).is_some() && v4(destination).is_some() {
                0x10 | transport
            } else {
                0x20 | transport
            }
        }
        Addresses::Unix { .. } if transport != 0 => 0x30 | transport,
        _ => 0,
    };
    into.extend_from_slice(&[family, 0, 0]);
    match header.addresses {
        _ if family == 0 => {}
        Addresses::Internet { source, destination } => {
            match (v4(source), v4(destination)) {
                (Some(source), Some(destination)) => {
                    into.extend_from_slice(&source.octets());
                    into.extend_from_slice(&destination.octets());
                }
                _ => {
                    into.extend_from_slice(&mapped(source).octets());
                    into.extend_from_slice(&mapped(destination).octets());
                }
            }
            into.extend_from_slice(&source.port().to_be_bytes());
            into.extend_from_slice(&destination.port().to_be_bytes());
        }
        Addresses::Unix { source, destination } => {
            into.extend_from_slice(source);
            into.extend_from_slice(destination);
        }
        Addresses::Unspecified => {}
    }
    for tlv in tlvs.iter().filter(|tlv| tlv.kind != TlvKind::CRC32C) {
        let length = u16::try_from(tlv.value.len()).map_err(|_| Malformed::TooLong)?;
        into.push(tlv.kind.0);
        into.extend_from_slice(&length.to_be_bytes());
        into.extend_from_slice(tlv.value);
    }
    into.extend_from_slice(&[TlvKind::CRC32C.0, 0, 4, 0, 0, 0, 0]);
    let length = into.len().saturating_sub(begin).saturating_sub(FIXED);
    let length = u16::try_from(length).map_err(|_| Malformed::TooLong)?;
    let at = begin.saturating_add(14);
    if let Some(room) = into.get_mut(at..at.saturating_add(2)) {
        room.copy_from_slice(&length.to_be_bytes());
    }
    let crc = checksum([into.get(begin..).unwrap_or_default()]);
    let end = into.len().saturating_sub(4);
    if let Some(room) = into.get_mut(end..) {
        room.copy_from_slice(&crc.to_be_bytes());
    }
    Ok(())
}

fn addresses(family: u8, body: &[u8]) -> IResult<&[u8], Addresses<'_>, ()> {
    match family >> 4 {
        1 => {
            let (rest, (source, destination, from, to)) = (be_u32, be_u32, be_u16, be_u16).parse(body)?;
            let at = |ip: u32, port| SocketAddr::new(IpAddr::V4(ip.into()), port);
            Ok((rest, Addresses::Internet { source: at(source, from), destination: at(destination, to) }))
        }
        2 => {
            let (rest, (source, destination, from, to)) = (be_u128, be_u128, be_u16, be_u16).parse(body)?;
            let at = |ip: u128, port| SocketAddr::new(IpAddr::V6(ip.into()), port);
            Ok((rest, Addresses::Internet { source: at(source, from), destination: at(destination, to) }))
        }
        3 => {
            let (rest, (source, destination)) = (take(108usize), take(108usize)).parse(body)?;
            match (source.try_into(), destination.try_into()) {
                (Ok(source), Ok(destination)) => Ok((rest, Addresses::Unix { source, destination })),
                _ => Err(nom::Err::Error(())),
            }
        }
        _ => Ok((body, Addresses::Unspecified)),
    }
}

fn tlv(input: &[u8]) -> IResult<&[u8], Tlv<'_>, ()> {
    let (rest, (kind, value)) = (be_u8, nom::multi::length_data(be_u16)).parse(input)?;
    Ok((rest, Tlv { kind: TlvKind(kind), value }))
}

/// Every TLV fits, and the checksum, if there is one, is there once and right.
fn check_tlvs(header: &[u8], mut rest: &[u8]) -> Result<(), Malformed> {
    let mut sum = None;
    while !rest.is_empty() {
        let at = header.len().saturating_sub(rest.len());
        let (after, tlv) = tlv(rest).map_err(|_| Malformed::Length { at })?;
        match tlv.kind {
            TlvKind::CRC32C => {
                let value: [u8; 4] = tlv.value.try_into().map_err(|_| Malformed::Length { at })?;
                if sum.replace((at.saturating_add(3), u32::from_be_bytes(value))).is_some() {
                    return Err(Malformed::Checksum);
                }
            }
            TlvKind::UNIQUE_ID if tlv.value.len() > MAX_UNIQUE_ID => return Err(Malformed::Length { at }),
            _ => {}
        }
        rest = after;
    }
    let Some((at, sum)) = sum else { return Ok(()) };
    let before = header.get(..at).unwrap_or_default();
    let behind = header.get(at.saturating_add(4)..).unwrap_or_default();
    if checksum([before, &[0; 4], behind]) == sum { Ok(()) } else { Err(Malformed::Checksum) }
}
