//! Who may ask, and how much an agent takes.

use alloc::{string::String, vec::Vec};
use core::{
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
    time::Duration,
};

use super::own::System;
use crate::vacm;

/// What an agent is told when it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The system group as it starts.
    pub system: System,
    /// Who may ask; nobody where it is empty.
    pub communities: Vec<Community>,
    /// Groups and their views, for those whose rights are [`Rights::Views`], and the contexts beside the agent's
    /// own. Those with other rights need none.
    pub access: vacm::Config,
    /// Who decides whether a SET takes effect.
    pub writes: Writes,
    /// How much it takes.
    pub limits: Limits,
}

/// Who decides whether a SET takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// The agent itself, at once.
    #[default]
    AtOnce,
    /// The owner of the data, who is asked with `Output::Write` after the agent has judged the request, and may
    /// take its time. One SET waits at a time; others are answered resourceUnavailable meanwhile.
    Confirmed {
        /// How long the owner may take; then the request is answered genErr and has no effect.
        timeout: Duration,
    },
}

/// A community: a name that is a password in clear, what it opens, and for whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Community {
    /// Its name, any octets.
    pub name: Vec<u8>,
    /// What it opens.
    pub rights: Rights,
    /// The networks it may be used from; any where it is empty.
    pub from: Vec<Network>,
    /// The name that it has in [`Config::access`] and in snmpCommunityTable, as the community itself is a secret;
    /// one that follows from its rights where it is empty.
    pub security_name: String,
}

impl core::fmt::Debug for Community {
    /// The name is a secret and stays out.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Community")
            .field("rights", &self.rights)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Community {
    /// A community that may read, from anywhere.
    pub fn read(name: &str) -> Self {
        Self { name: name.into(), rights: Rights::Read, from: Vec::new(), security_name: String::new() }
    }

    /// A community that may read and write, from anywhere.
    pub fn write(name: &str) -> Self {
        Self { rights: Rights::Write, ..Self::read(name) }
    }

    /// A community that may do what `security_name` may by [`Config::access`], from anywhere.
    pub fn views(name: &str, security_name: &str) -> Self {
        Self { rights: Rights::Views, security_name: security_name.into(), ..Self::read(name) }
    }

    /// Whom it stands for.
    pub(super) fn stands_for(&self) -> &str {
        match self.rights {
            _ if !self.security_name.is_empty() => &self.security_name,
            Rights::Read => "reader",
            Rights::Write => "writer",
            Rights::Views => "",
        }
    }

    /// The same community, from these networks only.
    #[must_use]
    pub fn from(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.from.extend(networks);
        self
    }

    /// Tells whether a message from `address` may use it.
    pub fn admits(&self, name: &[u8], address: IpAddr) -> bool {
        self.name == name
            && (self.from.is_empty() || self.from.iter().any(|network| network.contains(address)))
    }
}

/// What a community or a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rights {
    /// Read everything but the tables of users, communities and views.
    Read,
    /// Read and write the same.
    Write,
    /// What the views of its group in [`Config::access`] hold, and nothing where it is in none.
    Views,
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// The network of `length` leading bits of `address`; longer lengths mean the single address.
    pub const fn new(address: IpAddr, length: u8) -> Self {
        Self { address, length }
    }

    /// Tells whether `address` is in the network. An IPv4 address inside IPv6 counts as itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        let keep = |bits: u32| bits.saturating_sub(u32::from(self.length).min(bits));
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(keep(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(keep(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl From<Ipv4Addr> for Network {
    fn from(address: Ipv4Addr) -> Self {
        Self::new(IpAddr::V4(address), 32)
    }
}

/// The text is no network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network such as 192.0.2.0/24 or 2001:db8::/32 is expected")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a single address.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(most), |l| l.parse().map_err(|_| NetworkError))?;
        if length > most {
            return Err(NetworkError);
        }
        Ok(Self { address, length })
    }
}

/// How much an agent takes and gives.
///
/// Memory beside the MIB: `outbox` responses of `max_message` octets, about 100 octets a binding for `max_bindings`
/// bindings, once each, and a request of 64 KiB at the most, twice, for each of `parked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest response, in octets; 484 at least (RFC 3417 §3.2).
    pub max_message: usize,
    /// The length at which the response to a GETBULK stops growing, so that it travels in one frame. One binding
    /// always goes, up to `max_message`.
    pub max_bulk: usize,
    /// The most bindings in a request; one with more is answered tooBig.
    pub max_bindings: usize,
    /// The most responses that wait to be sent; further requests are dropped and counted.
    pub outbox: usize,
    /// The most requests that wait for what their answer needs; further ones are dropped and counted.
    pub parked: usize,
    /// How long a request waits at the most; then it is answered genErr.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 65_507,
            max_bulk: 1_472,
            max_bindings: 4_096,
            outbox: 64,
            parked: 64,
            patience: Duration::from_secs(5),
        }
    }
}
