//! Words that parse once and stay typed: positions, hardware addresses, networks, spans of time, names.
//!
//! Each has one text form, read by `FromStr` and written by `Display`; the configuration, the command line and
//! the pages use the same. An error says what was found and what is expected.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;
use core::time::Duration;
use serde::de::Visitor;

/// Where a card sits: chassis and slot, both counted from 1. Written `2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The chassis, from 1.
    pub chassis: u8,
    /// The slot in the chassis, from 1.
    pub slot: u8,
}

impl Position {
    /// The position of a chassis and a slot.
    pub const fn new(chassis: u8, slot: u8) -> Self {
        Self { chassis, slot }
    }

    /// The card's address in a network of the cabinet: the third byte is the chassis, the fourth the slot (patent
    /// row K7: card 2.1 of 10.1.0.0/16 is 10.1.2.1).
    pub const fn address_in(self, network: Ipv4Addr) -> Ipv4Addr {
        let [a, b, _, _] = network.octets();
        Ipv4Addr::new(a, b, self.chassis, self.slot)
    }
}

/// A hardware address of six bytes. Written `52:54:00:00:02:01`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// A network in CIDR form. Written `10.1.0.0/16`; host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// The network of `length` leading bits, or `None` where host bits are set or the length is too great.
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let cidr = Self { address, length };
        (u32::from(length) <= cidr.width() && cidr.bits(address)? & cidr.host_mask() == 0).then_some(cidr)
    }

    /// The network's first address.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits name the network.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Whether an address lies in the network. Addresses of the other family never do.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.bits(self.address), self.bits(address.to_canonical())) {
            (Some(own), Some(other)) => own & !self.host_mask() == other & !self.host_mask(),
            _ => false,
        }
    }

    const fn width(self) -> u32 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    fn host_mask(self) -> u128 {
        let host_bits = self.width().saturating_sub(u32::from(self.length));
        u128::MAX.checked_shr(128 - host_bits).unwrap_or(0)
    }

    fn bits(self, address: IpAddr) -> Option<u128> {
        match (self.address, address) {
            (IpAddr::V4(_), IpAddr::V4(v4)) => Some(u128::from(u32::from(v4))),
            (IpAddr::V6(_), IpAddr::V6(v6)) => Some(u128::from(v6)),
            _ => None,
        }
    }
}

/// A span of time. Written as a whole number and a unit: `500ms`, `2s`, `5m`, `1h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

impl Span {
    /// A span of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

/// A number of octets. Written as a whole number and a binary unit: `512K`, `20G`, `1T`, or plain octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Octets(pub u64);

impl Octets {
    const UNITS: [(&str, u64); 4] = [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];
}

/// Text that is not what a unit expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {found:?}, expected {expected}")]
pub struct ParseError {
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: &'static str,
}

impl ParseError {
    pub(crate) fn new(found: &str, expected: &'static str) -> Self {
        Self { found: found.into(), expected }
    }
}

impl FromStr for Position {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let number = |part: &str| match part.as_bytes() {
            [b'1'..=b'9', ..] => part.parse::<u8>().ok(),
            _ => None,
        };
        text.split_once('.')
            .and_then(|(chassis, slot)| Some(Self { chassis: number(chassis)?, slot: number(slot)? }))
            .ok_or_else(|| ParseError::new(text, "a position CHASSIS.SLOT, both from 1, as in \"2.1\""))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.chassis, self.slot))
    }
}

impl FromStr for Mac {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new(text, "a hardware address of six bytes, as in \"52:54:00:00:02:01\"");
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(error)?;
            if !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(error());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| error())?;
        }
        parts.next().is_none().then_some(Self(bytes)).ok_or_else(error)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        f.pad(&format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"))
    }
}

/// The SHA-256 digest of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl FromStr for Fingerprint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || {
            ParseError::new(text, "a SHA-256 digest, 32 pairs of hexadecimal digits with colons or without")
        };
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let mut digest = [0; 32];
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(error());
        }
        for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
            let pair = core::str::from_utf8(pair).map_err(|_| error())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| error())?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.pad(&pairs.join(":"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({self})")
    }
}

impl FromStr for Cidr {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let expected = "a network in CIDR form with its host bits zero, as in \"10.1.0.0/16\"";
        let parse = || {
            let (address, length) = match text.split_once('/') {
                Some((address, length)) => (address.parse().ok()?, length.parse().ok()?),
                None => match text.parse().ok()? {
                    v4 @ IpAddr::V4(Ipv4Addr { .. }) => (v4, 32),
                    v6 @ IpAddr::V6(Ipv6Addr { .. }) => (v6, 128),
                },
            };
            Self::new(address, length)
        };
        parse().ok_or_else(|| ParseError::new(text, expected))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.address, self.length))
    }
}

impl FromStr for Span {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parse = || {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let (number, unit) = text.split_at_checked(digits)?;
            let number: u64 = number.parse().ok()?;
            let milliseconds = match unit {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            number.checked_mul(milliseconds).map(|ms| Self(Duration::from_millis(ms)))
        };
        parse().ok_or_else(|| {
            ParseError::new(text, "a time with its unit, as in \"500ms\", \"2s\", \"5m\", \"1h\", \"7d\"")
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let unit = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        match unit.into_iter().find(|(size, _)| ms != 0 && ms.is_multiple_of(*size)) {
            Some((size, unit)) => f.pad(&format!("{}{unit}", ms / size)),
            None => f.pad(&format!("{ms}ms")),
        }
    }
}

impl FromStr for Octets {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let unit = Self::UNITS.into_iter().find(|(unit, _)| text.ends_with(unit));
        let (digits, size) = unit.map_or((text, 1), |(unit, size)| (text.trim_end_matches(unit), size));
        let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
        number.and_then(|number| number.checked_mul(size)).map(Self).ok_or_else(|| {
            ParseError::new(text, "a number of octets with K, M, G, T or no unit, as in \"512M\" or \"20G\"")
        })
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::UNITS.into_iter().find(|(_, size)| self.0 != 0 && self.0.is_multiple_of(*size)) {
            Some((unit, size)) => f.pad(&format!("{}{unit}", self.0 / size)),
            None => f.pad(&self.0.to_string()),
        }
    }
}

/// Reads and writes a unit as its text form.
macro_rules! as_text {
    ($($name:ident),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::cabinet::Text::<$name>(core::marker::PhantomData))
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
pub(crate) use as_text;
as_text!(Position, Mac, Cidr, Span, Octets, Fingerprint);

pub(crate) struct Text<T>(pub(crate) core::marker::PhantomData<T>);

impl<T: FromStr<Err = ParseError>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The unit says itself what it expects.
        match T::from_str("") {
            Err(error) => f.write_str(error.expected),
            Ok(_) => f.write_str("a text"),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_str(text).map_err(E::custom)
    }
}
