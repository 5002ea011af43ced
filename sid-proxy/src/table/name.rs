//! Service identifiers as a configuration writes them, and as the table keeps them.

use super::Sid;
use super::arena::Kind;
use super::lookup::{bit, fold_login};
use crate::wire::host::{Host, HostError};
use crate::wire::path;
use alloc::string::String;
use alloc::vec::Vec;
use thiserror::Error;

/// The longest prefix, and the most segments that one may have.
pub(super) const MAX_PREFIX: usize = 250;
pub(super) const MAX_SEGMENTS: usize = 32;

/// Why a service identifier was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SidError {
    /// The host part is no host.
    #[error("not a host name: {0}")]
    Host(#[from] HostError),
    /// The prefix is no path with exactly one reading, or over 250 bytes or 32 segments.
    #[error("not a path prefix: it needs one reading, at most 250 bytes and at most 32 segments")]
    Prefix,
    /// The login is empty, over 255 bytes, or has spaces or control characters.
    #[error("not a login: it must be 1 to 255 bytes without spaces")]
    Login,
    /// `*` stands where no wildcard is understood.
    #[error("`*` is understood only alone or as `*.` in front of a name")]
    Wildcard,
    /// A path stands where there are only names.
    #[error("this kind of name has no path")]
    Path,
    /// The names of a table may fill 4 GiB.
    #[error("the table is full")]
    Full,
}

/// A name as the table keeps it: normalised, in room that the caller lends.
pub(super) struct Name<'a> {
    pub(super) kind: Kind,
    pub(super) bytes: &'a [u8],
    /// The prefix; empty if there is none.
    pub(super) prefix: Vec<u8>,
    /// The bit of a wildcard's number of labels.
    pub(super) depth: u128,
}

impl<'a> Name<'a> {
    pub(super) fn read(sid: Sid<'_>, room: &'a mut [u8; 256]) -> Result<Self, SidError> {
        match sid {
            Sid::Http(text) => {
                let (host, prefix) = match text.split_once('/') {
                    Some((host, _)) => (host, text.get(host.len()..).unwrap_or_default()),
                    None => (text, ""),
                };
                let mut name = Self::host(host, [Kind::HTTP, Kind::HTTP_WILD, Kind::HTTP_ANY], room)?;
                if !prefix.is_empty() {
                    name.prefix = path::prefix(prefix.as_bytes()).ok_or(SidError::Prefix)?;
                }
                if name.prefix.len() > MAX_PREFIX || segments(&name.prefix) > MAX_SEGMENTS {
                    return Err(SidError::Prefix);
                }
                Ok(name)
            }
            Sid::HttpPort(port) => Ok(Self::port(Kind::HTTP_PORT, port, room)),
            Sid::Port(port) => Ok(Self::port(Kind::PORT, port, room)),
            Sid::Sni(text) if text.contains('/') => Err(SidError::Path),
            Sid::Sni(text) => Self::host(text, [Kind::SNI, Kind::SNI_WILD, Kind::SNI_ANY], room),
            Sid::Ftp(text) => Self::login(text, [Kind::FTP, Kind::FTP_DOMAIN, Kind::FTP_ANY], room),
            Sid::Pop3(text) => Self::login(text, [Kind::POP3, Kind::POP3_DOMAIN, Kind::POP3_ANY], room),
        }
    }

    fn plain(kind: Kind, bytes: &'a [u8]) -> Self {
        Self { kind, bytes, prefix: Vec::new(), depth: 0 }
    }

    fn host(text: &str, [exact, wild, any]: [Kind; 3], room: &'a mut [u8; 256]) -> Result<Self, SidError> {
        if text == "*" {
            return Ok(Self::plain(any, b""));
        }
        let (fixed, is_wild) = text.strip_prefix("*.").map_or((text, false), |fixed| (fixed, true));
        if fixed.contains('*') {
            return Err(SidError::Wildcard);
        }
        let host = Host::parse(fixed.as_bytes(), room)?;
        Ok(match is_wild {
            true => Self { depth: bit(host.labels()), ..Self::plain(wild, host.as_bytes()) },
            false => Self::plain(exact, host.as_bytes()),
        })
    }

    fn port(kind: Kind, port: u16, room: &'a mut [u8; 256]) -> Self {
        let bytes = room.first_chunk_mut::<2>().map_or(&[][..], |room| {
            *room = port.to_be_bytes();
            room
        });
        Self::plain(kind, bytes)
    }

    fn login(text: &str, [exact, domain, any]: [Kind; 3], room: &'a mut [u8; 256]) -> Result<Self, SidError> {
        if text.is_empty() || text.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(SidError::Login);
        }
        if text == "*" {
            return Ok(Self::plain(any, b""));
        }
        let folded = fold_login(text.as_bytes(), room).ok_or(SidError::Login)?;
        match folded.strip_prefix(b"@") {
            Some([]) => Err(SidError::Login),
            Some(name) if !name.contains(&b'@') => Ok(Self::plain(domain, name)),
            _ => Ok(Self::plain(exact, folded)),
        }
    }
}

/// How many segments a prefix has.
pub(super) fn segments(prefix: &[u8]) -> usize {
    prefix.iter().filter(|&&b| b == b'/').count()
}

/// The bit of a prefix's number of segments.
pub(super) fn depth(prefix: &[u8]) -> u32 {
    let below = u32::try_from(segments(prefix).saturating_sub(1)).unwrap_or(31);
    1u32.wrapping_shl(below)
}

/// A name as a configuration would write it.
pub(super) fn written(kind: Kind, name: &[u8], prefix: &[u8]) -> String {
    let front = match kind {
        Kind::HTTP_WILD | Kind::SNI_WILD => "*.",
        Kind::HTTP_ANY | Kind::SNI_ANY | Kind::FTP_ANY | Kind::POP3_ANY => "*",
        Kind::FTP_DOMAIN | Kind::POP3_DOMAIN => "@",
        Kind::HTTP_PORT | Kind::PORT => ":",
        _ => "",
    };
    let mut text = String::from(front);
    match (kind, name) {
        (Kind::HTTP_PORT | Kind::PORT, &[high, low]) => {
            text.push_str(&alloc::format!("{}", u16::from_be_bytes([high, low])));
        }
        _ => text.push_str(&String::from_utf8_lossy(name)),
    }
    text.push_str(&String::from_utf8_lossy(prefix));
    text
}
