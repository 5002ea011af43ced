//! The configuration's own words, each parsed once.

use crate::cabinet::{ParseError, as_text};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// The store's engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Store {
    /// A file in the state directory.
    #[default]
    Embedded,
    /// An etcd cluster's endpoints.
    Etcd(Vec<String>),
}

/// Where DHCP listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DhcpListen {
    /// An interface: broadcast and unicast.
    Interface(String),
    /// An address: unicast and relayed only.
    Address(SocketAddr),
}

/// Addresses from the first to the last. Written `10.1.200.1-10.1.209.254`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: Ipv4Addr,
    /// The last.
    pub last: Ipv4Addr,
}

impl Range {
    /// Whether an address is one of them.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

/// A client architecture of RFC 4578, or any. Written `7`, `0x0007` or `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arch(pub Option<u16>);

/// An object identifier. Written `1.3.6.1.4.1.32473`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oid(pub Vec<u32>);

impl Oid {
    /// The enterprise number for documentation (RFC 5612).
    pub fn documentation() -> Self {
        Self(vec![1, 3, 6, 1, 4, 1, 32473])
    }
}

/// What a community may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Get.
    Read,
    /// Get and set.
    Write,
}

/// The version of a notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub enum TrapVersion {
    /// SNMPv1 traps.
    #[serde(rename = "1")]
    V1,
    /// SNMPv2c traps.
    #[default]
    #[serde(rename = "2c")]
    V2c,
    /// SNMPv3 traps of a user.
    #[serde(rename = "3")]
    V3,
}

/// How a user's messages are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthProtocol {
    /// HMAC-SHA-96.
    Sha,
    /// HMAC-128-SHA-224.
    Sha224,
    /// HMAC-192-SHA-256.
    Sha256,
    /// HMAC-256-SHA-384.
    Sha384,
    /// HMAC-384-SHA-512.
    Sha512,
}

/// How a user's messages are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivacyProtocol {
    /// AES-128.
    Aes128,
    /// AES-192, its key extended as by net-snmp.
    Aes192,
    /// AES-256, its key extended as by net-snmp.
    Aes256,
    /// AES-192, its key extended as by Cisco.
    #[serde(rename = "aes192-c")]
    Aes192C,
    /// AES-256, its key extended as by Cisco.
    #[serde(rename = "aes256-c")]
    Aes256C,
}

impl FromStr for Store {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.strip_prefix("etcd:") {
            Some(endpoints)
                if endpoints.split(',').all(|e| e.starts_with("http://") || e.starts_with("https://")) =>
            {
                Ok(Self::Etcd(endpoints.split(',').map(Into::into).collect()))
            }
            None if text == "embedded" => Ok(Self::Embedded),
            _ => Err(ParseError::new(
                text,
                "\"embedded\", or \"etcd:\" and its endpoints, separated by commas",
            )),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Etcd(endpoints) => write!(f, "etcd:{}", endpoints.join(",")),
        }
    }
}

impl FromStr for DhcpListen {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        // IFNAMSIZ leaves 15 bytes; the kernel refuses '/', ':' and white space.
        let good = (1..16).contains(&text.len())
            && !text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace());
        good.then(|| Self::Interface(text.into())).ok_or_else(|| {
            ParseError::new(
                text,
                "an interface such as \"eth1\", or an address with its port such as \"10.1.0.1:67\"",
            )
        })
    }
}

impl fmt::Display for DhcpListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl FromStr for Range {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.split_once('-')
            .and_then(|(first, last)| {
                Some(Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? })
            })
            .filter(|range| range.first <= range.last)
            .ok_or_else(|| {
                ParseError::new(text, "a first and a last address, as in \"10.1.200.1-10.1.209.254\"")
            })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for Arch {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let code = match text.strip_prefix("0x") {
            _ if text == "*" => return Ok(Self(None)),
            Some(hex) => u16::from_str_radix(hex, 16),
            None => text.parse(),
        };
        code.map(|code| Self(Some(code))).map_err(|_| {
            ParseError::new(text, "a client architecture of RFC 4578 such as \"7\" or \"0x0007\", or \"*\"")
        })
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("*"),
            Some(code) => write!(f, "{code}"),
        }
    }
}

impl FromStr for Oid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let arcs: Option<Vec<u32>> = text.split('.').map(|arc| arc.parse().ok()).collect();
        // RFC 2578 §3.5: at most 128 arcs; X.660: the first is 0 to 2, the second of 0 and 1 is at most 39.
        arcs.filter(|arcs| match arcs.as_slice() {
            [0 | 1, second, ..] => *second < 40 && arcs.len() <= 128,
            [2, _, ..] => arcs.len() <= 128,
            _ => false,
        })
        .map(Self)
        .ok_or_else(|| ParseError::new(text, "an object identifier, as in \"1.3.6.1.4.1.32473\""))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arc) in self.0.iter().enumerate() {
            write!(f, "{}{arc}", if index == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

as_text!(Store, DhcpListen, Range, Arch, Oid);
