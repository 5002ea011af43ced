//! Host names as they compare: one spelling for every way to write the same host.
//!
//! One pass over the bytes validates, folds case, splits off the port and drops one trailing dot. Names are letters, digits, `-` and `_` in labels of 1 to 63 bytes, 253 in all (RFC 1035 §2.3.4);
//! internationalised names arrive as A-labels (RFC 5890 §2.3.2.1), and whatever else RFC 3986 allows in a
//! `reg-name` (percent-encoding, sub-delims) is refused: no card has such a name and parsers disagree on it.

use core::fmt::{self, Write as _};
use core::net::Ipv6Addr;
use thiserror::Error;

/// The longest name, without a trailing dot.
pub const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Room for one normalised name; the caller's stack lends it.
pub type Room = [u8; 256];

/// A normalised host name or bracketed IPv6 literal. Two spellings of one host give equal values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host<'a> {
    name: &'a [u8],
}

/// A host and the port that stood after it, as in a `Host` field or an absolute target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The port, if one was written.
    pub port: Option<u16>,
}

/// Why bytes are not a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostError {
    /// Nothing stood where a host must stand.
    #[error("the host is empty")]
    Empty,
    /// A byte that no host name has.
    #[error("byte {at} does not belong in a host")]
    Byte {
        /// Offset of the byte.
        at: usize,
    },
    /// An empty label, one over 63 bytes, or a name over 253.
    #[error("a label ending at byte {at} is empty or too long")]
    Label {
        /// Offset behind the label.
        at: usize,
    },
    /// The port is not a decimal number of at most 65535.
    #[error("the port is not a number up to 65535")]
    Port,
    /// The brackets hold no IPv6 address.
    #[error("the brackets hold no IPv6 address")]
    Ipv6,
}

impl<'a> Authority<'a> {
    /// Reads `host [":" [port]]` (RFC 9110 §7.2).
    #[inline]
    pub fn parse(raw: &[u8], room: &'a mut Room) -> Result<Self, HostError> {
        if raw.first() == Some(&b'[') {
            return Self::parse_ipv6(raw, room);
        }
        let (host, used) = Host::scan(raw, room)?;
        let port = match raw.get(used..) {
            None | Some([]) => None,
            Some([b':', digits @ ..]) => parse_port(digits)?,
            Some(_) => return Err(HostError::Byte { at: used }),
        };
        Ok(Self { host, port })
    }

    #[cold]
    fn parse_ipv6(raw: &[u8], room: &'a mut Room) -> Result<Self, HostError> {
        let end = raw.iter().position(|&b| b == b']').ok_or(HostError::Ipv6)?;
        let inside =
            raw.get(1..end).and_then(|text| core::str::from_utf8(text).ok()).ok_or(HostError::Ipv6)?;
        let address: Ipv6Addr = inside.parse().map_err(|_| HostError::Ipv6)?;
        let port = match raw.get(end.saturating_add(1)..) {
            None | Some([]) => None,
            Some([b':', digits @ ..]) => parse_port(digits)?,
            Some(_) => return Err(HostError::Ipv6),
        };
        let mut text = Text { room, len: 0 };
        write!(text, "[{address}]").map_err(|_| HostError::Ipv6)?;
        let Text { room, len } = text;
        let name = room.get(..len).ok_or(HostError::Ipv6)?;
        Ok(Self { host: Host { name }, port })
    }
}

impl<'a> Host<'a> {
    /// Reads a host that stands alone, without a port.
    pub fn parse(raw: &[u8], room: &'a mut Room) -> Result<Self, HostError> {
        let authority = Authority::parse(raw, room)?;
        if authority.port.is_some() || raw.last() == Some(&b':') {
            return Err(HostError::Port);
        }
        Ok(authority.host)
    }

    /// Takes bytes that [`Host::as_bytes`] gave earlier. Of any other bytes, a table merely knows no route.
    #[must_use]
    pub fn from_normalised(name: &'a [u8]) -> Self {
        Self { name }
    }

    /// The normalised bytes: lower case, no trailing dot, IPv6 in brackets as RFC 5952 writes it.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.name
    }

    /// The normalised name as text.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        core::str::from_utf8(self.name).unwrap_or_default()
    }

    /// How many labels the name has; an address in brackets counts as one.
    #[must_use]
    pub fn labels(&self) -> u8 {
        if self.name.first() == Some(&b'[') {
            return 1;
        }
        let dots = self.name.iter().filter(|&&b| b == b'.').count();
        u8::try_from(dots).unwrap_or(u8::MAX).saturating_add(1)
    }

    /// The names above this one, longest first, each with its number of labels: `b.c` and `c` for `a.b.c`.
    pub fn parents(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.name;
        let mut labels = self.labels();
        core::iter::from_fn(move || {
            labels = labels.checked_sub(1).filter(|&n| n > 0)?;
            let dot = rest.iter().position(|&b| b == b'.')?;
            rest = rest.get(dot.saturating_add(1)..)?;
            Some((labels, rest))
        })
    }

    /// Folds and checks a name up to a `:` or the end; gives it and how many raw bytes it took.
    #[inline]
    fn scan(raw: &[u8], room: &'a mut Room) -> Result<(Self, usize), HostError> {
        // Where the running label begins.
        let mut label = 0usize;
        let mut used = raw.len().min(room.len());
        for (at, (&byte, slot)) in raw.iter().zip(room.iter_mut()).enumerate() {
            let folded = FOLD.get(usize::from(byte)).copied().unwrap_or(0);
            *slot = folded;
            if folded > b'.' || folded == b'-' {
                continue;
            }
            if folded == b'.' {
                if at == label || at > label.saturating_add(MAX_LABEL) {
                    return Err(HostError::Label { at });
                }
                label = at.saturating_add(1);
            } else if byte == b':' {
                used = at;
                break;
            } else {
                return Err(HostError::Byte { at });
            }
        }
        if used == 0 {
            return Err(HostError::Empty);
        }
        // The last label; none after a dot means that the dot was a trailing one.
        let last = used.saturating_sub(label);
        let len = if last == 0 { used.saturating_sub(1) } else { used };
        let over = used == room.len() && raw.len() > used;
        if last > MAX_LABEL || len > MAX_NAME || over {
            return Err(HostError::Label { at: used });
        }
        let name = room.get(..len).ok_or(HostError::Empty)?;
        Ok((Self { name }, used))
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({self})")
    }
}

/// The byte as it compares, or 0 where no name has it. Made by the compiler, which would refuse a bad index.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
const FOLD: [u8; 256] = {
    let mut table = [0u8; 256];
    let keep = b"abcdefghijklmnopqrstuvwxyz0123456789-_.";
    let mut i = 0;
    while i < keep.len() {
        let byte = keep[i];
        table[byte as usize] = byte;
        table[byte.to_ascii_uppercase() as usize] = byte;
        i += 1;
    }
    table
};

fn parse_port(digits: &[u8]) -> Result<Option<u16>, HostError> {
    if digits.is_empty() {
        return Ok(None);
    }
    let mut port = 0u16;
    for &byte in digits {
        let digit =
            char::from(byte).to_digit(10).and_then(|d| u16::try_from(d).ok()).ok_or(HostError::Port)?;
        port = port.checked_mul(10).and_then(|p| p.checked_add(digit)).ok_or(HostError::Port)?;
    }
    Ok(Some(port))
}

struct Text<'a> {
    room: &'a mut Room,
    len: usize,
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let end = self.len.saturating_add(s.len());
        self.room.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(s.as_bytes());
        self.len = end;
        Ok(())
    }
}
