//! Reading a message.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

use super::{
    BadOption, FILE, HEADER, Key, Kind, MAGIC_COOKIE, MessageType, OPTIONS_AT, Op, OptionCode, SNAME,
};
use crate::HwAddr;

/// A BOOTP or DHCP message, borrowed from a datagram and checked whole.
///
/// Lengths are checked once, by [`Message::parse`], which notes where the options stand.
#[derive(Clone, PartialEq, Eq)]
pub struct Message<'a> {
    head: &'a [u8; HEADER],
    bytes: &'a [u8],
    index: Index,
}

/// Which options are there, which come more than once, and where the first [`NOTED`] of them stand.
#[derive(Clone, PartialEq, Eq)]
struct Index {
    present: [u64; 4],
    repeated: [u64; 4],
    codes: [u8; NOTED],
    offsets: [u16; NOTED],
    noted: usize,
    overload: u8,
    dhcp: bool,
}

/// No client was seen to send more; an option beyond them is found by walking.
const NOTED: usize = 24;

impl<'a> Message<'a> {
    /// Reads a datagram's payload.
    ///
    /// A message without the magic cookie is BOOTP with an opaque vendor field and has no options. What stands behind
    /// an END option is padding and is not read (RFC 2132 §3.2); an options field without END ends with its octets,
    /// as old clients send it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let Some(head) = bytes.first_chunk::<HEADER>() else {
            return Err(Error::Short { len: bytes.len() });
        };
        if bytes.len() > usize::from(u16::MAX) {
            return Err(Error::Long { len: bytes.len() });
        }
        let hlen = head[2];
        if hlen > 16 {
            return Err(Error::HardwareLength { hlen });
        }
        let dhcp = bytes.get(HEADER..OPTIONS_AT) == Some(&MAGIC_COOKIE[..]);
        let mut index = Index {
            present: [0; 4],
            repeated: [0; 4],
            codes: [0; NOTED],
            offsets: [0; NOTED],
            noted: 0,
            overload: 0,
            dhcp,
        };
        if dhcp {
            index.add(bytes, OPTIONS_AT, bytes.len())?;
            if let Some(offset) = index.offset(OptionCode::OVERLOAD, bytes) {
                let value = value_at(bytes, offset);
                let &[overload @ 1..=3] = value else {
                    return Err(Error::Overload { offset });
                };
                index.overload = overload;
                if overload & 1 != 0 {
                    index.add(bytes, FILE.start, FILE.end)?;
                }
                if overload & 2 != 0 {
                    index.add(bytes, SNAME.start, SNAME.end)?;
                }
            }
        }
        Ok(Self { head, bytes, index })
    }

    /// Who speaks.
    pub fn op(&self) -> Op {
        Op(self.head[0])
    }

    /// The relays passed so far.
    pub fn hops(&self) -> u8 {
        self.head[3]
    }

    /// The transaction's identifier, chosen by the client.
    pub fn xid(&self) -> u32 {
        let h = self.head;
        u32::from_be_bytes([h[4], h[5], h[6], h[7]])
    }

    /// Seconds since the client began.
    pub fn secs(&self) -> u16 {
        u16::from_be_bytes([self.head[8], self.head[9]])
    }

    /// The `flags` field as it stands.
    pub fn flags(&self) -> u16 {
        u16::from_be_bytes([self.head[10], self.head[11]])
    }

    /// Whether the client cannot take a unicast reply before it is configured (RFC 2131 §4.1).
    pub fn broadcast(&self) -> bool {
        self.head[10] & 0x80 != 0
    }

    /// The client's address, if it has one.
    pub fn ciaddr(&self) -> Ipv4Addr {
        self.address_at::<12>()
    }

    /// "Your" address: what a server gives.
    pub fn yiaddr(&self) -> Ipv4Addr {
        self.address_at::<16>()
    }

    /// The next server to boot from.
    pub fn siaddr(&self) -> Ipv4Addr {
        self.address_at::<20>()
    }

    /// The relay's address, or unspecified.
    pub fn giaddr(&self) -> Ipv4Addr {
        self.address_at::<24>()
    }

    /// The client's hardware address.
    pub fn chaddr(&self) -> HwAddr {
        HwAddr::new(
            self.head[1],
            self.head.get(28..).and_then(|tail| tail.get(..self.head[2].into())).unwrap_or(&[]),
        )
        .unwrap_or(HwAddr::ethernet([0; 6]))
    }

    /// The server's name up to its NUL; empty where the field carries options.
    pub fn sname(&self) -> &'a [u8] {
        if self.index.overload & 2 != 0 { &[] } else { text(self.head.get(SNAME).unwrap_or(&[])) }
    }

    /// The boot file's name up to its NUL; empty where the field carries options.
    pub fn file(&self) -> &'a [u8] {
        if self.index.overload & 1 != 0 { &[] } else { text(self.head.get(FILE).unwrap_or(&[])) }
    }

    /// Whether the magic cookie is there.
    pub fn is_dhcp(&self) -> bool {
        self.index.dhcp
    }

    /// The message type, or `None` for BOOTP and for a malformed option 53.
    pub fn kind(&self) -> Option<MessageType> {
        match self.option_slice(OptionCode::MESSAGE_TYPE) {
            Some([kind]) => Some(MessageType(*kind)),
            _ => None,
        }
    }

    /// Whether option `code` is there.
    pub fn has(&self, code: OptionCode) -> bool {
        self.index.has(code.0)
    }

    /// The octets of option `code`, its parts joined in the order options, `file`, `sname` (RFC 3396 §5).
    pub fn option(&self, code: OptionCode) -> Option<Cow<'a, [u8]>> {
        let offset = self.index.offset(code, self.bytes)?;
        if !self.index.is_repeated(code) {
            return Some(Cow::Borrowed(value_at(self.bytes, offset)));
        }
        let mut joined = Vec::new();
        for (_, value) in self.options().filter(|(found, _)| *found == code) {
            joined.extend_from_slice(value);
        }
        Some(Cow::Owned(joined))
    }

    /// The octets of option `code` where it stands in one part; `None` where it is absent or in several.
    pub fn option_slice(&self, code: OptionCode) -> Option<&'a [u8]> {
        let offset = self.index.offset(code, self.bytes)?;
        (!self.index.is_repeated(code)).then(|| value_at(self.bytes, offset))
    }

    /// Reads option `key` as the type it is defined with; a malformed value concerns this option only.
    pub fn get<K: Kind>(&self, key: Key<K>) -> Result<Option<K::Value<'a>>, BadOption> {
        let Some(bytes) = self.option(key.code) else { return Ok(None) };
        K::read(bytes).map(Some).ok_or(BadOption { code: key.code })
    }

    /// Every part of every option as it stands: options field, then `file`, then `sname`. Pads are left out.
    pub fn options(&self) -> Options<'a> {
        let (at, end) = if self.index.dhcp { (OPTIONS_AT, self.bytes.len()) } else { (0, 0) };
        Options { bytes: self.bytes, at, end, overload: self.index.overload }
    }

    /// The datagram it was read from.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn address_at<const AT: usize>(&self) -> Ipv4Addr {
        let octets = self.head.get(AT..).and_then(<[u8]>::first_chunk::<4>);
        octets.map_or(Ipv4Addr::UNSPECIFIED, |octets| Ipv4Addr::from(*octets))
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("op", &self.op())
            .field("kind", &self.kind())
            .field("xid", &self.xid())
            .field("chaddr", &self.chaddr())
            .field("ciaddr", &self.ciaddr())
            .field("yiaddr", &self.yiaddr())
            .field("giaddr", &self.giaddr())
            .field("options", &self.options().map(|(code, _)| code).collect::<Vec<_>>())
            .finish()
    }
}

impl Index {
    /// Checks and indexes one field's options.
    fn add(&mut self, bytes: &[u8], start: usize, end: usize) -> Result<(), Error> {
        let mut rest = bytes.get(start..end).unwrap_or(&[]);
        loop {
            let offset = end.saturating_sub(rest.len());
            match rest {
                [] | [255, ..] => return Ok(()),
                [0, tail @ ..] => rest = tail,
                [code, len, tail @ ..] if tail.len() >= usize::from(*len) => {
                    self.note(*code, offset);
                    rest = tail.get(usize::from(*len)..).unwrap_or(&[]);
                }
                [code, ..] => return Err(Error::Truncated { code: OptionCode(*code), offset }),
            }
        }
    }

    #[inline]
    fn note(&mut self, code: u8, offset: usize) {
        let (word, bit) = (usize::from(code >> 6), 1_u64.wrapping_shl(u32::from(code & 63)));
        let Some(present) = self.present.get_mut(word) else { return };
        if *present & bit != 0 {
            if let Some(repeated) = self.repeated.get_mut(word) {
                *repeated |= bit;
            }
            return;
        }
        *present |= bit;
        if let (Some(to_code), Some(to_offset)) =
            (self.codes.get_mut(self.noted), self.offsets.get_mut(self.noted))
        {
            *to_code = code;
            // A datagram has at most 65,535 octets, so that an offset fits.
            *to_offset = u16::try_from(offset).unwrap_or(0);
            self.noted = self.noted.saturating_add(1);
        }
    }

    fn has(&self, code: u8) -> bool {
        contains(&self.present, code)
    }

    fn is_repeated(&self, code: OptionCode) -> bool {
        contains(&self.repeated, code.0)
    }

    /// Where the code of an option first stands.
    fn offset(&self, code: OptionCode, bytes: &[u8]) -> Option<usize> {
        if !self.has(code.0) {
            return None;
        }
        // A place past those noted holds code 0, which no option has.
        if let Some(nth) = self.codes.iter().position(|noted| *noted == code.0) {
            return self.offsets.get(nth).map(|offset| usize::from(*offset));
        }
        let mut options = Options { bytes, at: OPTIONS_AT, end: bytes.len(), overload: self.overload };
        let (_, value) = options.find(|(found, _)| *found == code)?;
        options.at.checked_sub(value.len())?.checked_sub(2)
    }
}

fn contains(set: &[u64; 4], code: u8) -> bool {
    set.get(usize::from(code >> 6)).is_some_and(|word| word & 1_u64.wrapping_shl(u32::from(code & 63)) != 0)
}

/// The value of the option whose code stands at `offset`.
fn value_at(bytes: &[u8], offset: usize) -> &[u8] {
    match bytes.get(offset..) {
        Some([_, len, tail @ ..]) => tail.get(..usize::from(*len)).unwrap_or(&[]),
        _ => &[],
    }
}

/// A fixed field's text: what stands before its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or(&[])
}

/// The options of a message, part by part.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    overload: u8,
}

impl<'a> Iterator for Options<'a> {
    type Item = (OptionCode, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.bytes.get(self.at..self.end).unwrap_or(&[]);
            match rest {
                [0, ..] => self.at = self.at.saturating_add(1),
                [code, len, tail @ ..] if *code != 255 => {
                    let value = tail.get(..usize::from(*len))?;
                    self.at = self.at.saturating_add(2).saturating_add(usize::from(*len));
                    return Some((OptionCode(*code), value));
                }
                _ if self.overload & 1 != 0 => {
                    self.overload &= 2;
                    (self.at, self.end) = (FILE.start, FILE.end);
                }
                _ if self.overload & 2 != 0 => {
                    self.overload = 0;
                    (self.at, self.end) = (SNAME.start, SNAME.end);
                }
                _ => {
                    self.at = self.end;
                    return None;
                }
            }
        }
    }
}

/// A datagram that is no BOOTP or DHCP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Shorter than the fixed header.
    #[error("{len} octets: a message has at least 236")]
    Short {
        /// The datagram's length.
        len: usize,
    },
    /// Longer than a UDP datagram can be.
    #[error("{len} octets: a datagram has at most 65535")]
    Long {
        /// The datagram's length.
        len: usize,
    },
    /// A hardware address longer than its field.
    #[error("hlen {hlen} at offset 2: a hardware address has at most 16 octets")]
    HardwareLength {
        /// The length claimed.
        hlen: u8,
    },
    /// An option runs past the end of its field.
    #[error("option {code} at offset {offset} runs past the end of its field")]
    Truncated {
        /// The option.
        code: OptionCode,
        /// Where its code stands.
        offset: usize,
    },
    /// Option 52 is not 1, 2 or 3.
    #[error("option 52 at offset {offset} is not 1, 2 or 3")]
    Overload {
        /// Where its code stands.
        offset: usize,
    },
}
