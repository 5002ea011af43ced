//! A client's hardware address.

use core::fmt;
use core::str::FromStr;

/// A hardware address with its type, at most 16 octets (RFC 2131 §2, `htype`, `hlen`, `chaddr`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HwAddr {
    htype: u8,
    len: u8,
    octets: [u8; 16],
}

impl HwAddr {
    /// An Ethernet address (hardware type 1).
    pub const fn ethernet(mac: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = mac;
        Self { htype: 1, len: 6, octets: [a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }
    }

    /// Builds an address of any type; `None` past 16 octets. Octets behind the length count as zero.
    pub fn new(htype: u8, octets: &[u8]) -> Option<Self> {
        let mut own = [0; 16];
        own.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(Self { htype, len: u8::try_from(octets.len()).ok()?, octets: own })
    }

    /// The hardware type, 1 for Ethernet.
    pub const fn htype(&self) -> u8 {
        self.htype
    }

    /// The length in octets, at most 16.
    pub const fn hlen(&self) -> u8 {
        self.len
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len.into()).unwrap_or(&[])
    }

    /// The `chaddr` field: the octets padded with zeros to 16.
    pub const fn chaddr(&self) -> &[u8; 16] {
        &self.octets
    }
}

impl fmt::Display for HwAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.octets().iter().enumerate() {
            write!(f, "{}{octet:02x}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for HwAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for HwAddr {
    type Err = HwAddrError;

    /// Reads six octets written `52:54:00:00:02:01` or with hyphens.
    fn from_str(text: &str) -> Result<Self, HwAddrError> {
        let mut mac = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut mac {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(HwAddrError)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| HwAddrError)?;
        }
        if parts.next().is_some() {
            return Err(HwAddrError);
        }
        Ok(Self::ethernet(mac))
    }
}

/// The text is not an Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hardware address: expected six octets as in 52:54:00:00:02:01")]
pub struct HwAddrError;
