//! Networks beside the plan's.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::wire::dhcp::OptionCode;

/// A network beside the plan's, whose clients have addresses from its pools and a [`Card`](super::Card)'s where one is
/// configured.
///
/// A client is on the network that its relay selects (RFC 3527), that it selects itself (RFC 3011), that the relay's
/// address is of, or that its own address is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The network's address.
    pub network: Ipv4Addr,
    /// Its prefix length, 1 to 30.
    pub prefix: u8,
    /// The network of the plan or of an earlier subnet that lies on the same wire: clients of either may have
    /// addresses of both.
    pub shares: Option<Ipv4Addr>,
    /// The addresses for clients that no card's configuration names; none: these get no answer.
    pub pools: Vec<RangeInclusive<Ipv4Addr>>,
    /// The routers, best first.
    pub routers: Vec<Ipv4Addr>,
    /// The name servers, best first; none: those of the configuration.
    pub dns: Vec<Ipv4Addr>,
    /// The domain; none: that of the configuration.
    pub domain: Option<String>,
    /// How long an address is given for; none: as the configuration says.
    pub lease: Option<Duration>,
    /// Options in the place of the configuration's, sent where the client asks for them.
    pub options: Vec<(OptionCode, Vec<u8>)>,
}

impl Subnet {
    /// A network with one pool and nothing else of its own.
    pub fn new(network: Ipv4Addr, prefix: u8, pool: RangeInclusive<Ipv4Addr>) -> Self {
        Self {
            network,
            prefix,
            shares: None,
            pools: alloc::vec![pool],
            routers: Vec::new(),
            dns: Vec::new(),
            domain: None,
            lease: None,
            options: Vec::new(),
        }
    }

    pub(super) fn mask(&self) -> u32 {
        !u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0)
    }

    /// The first and last address, if the network is one.
    pub(super) fn bounds(&self) -> Option<(u32, u32)> {
        let (first, mask) = (self.network.to_bits(), self.mask());
        ((1..=30).contains(&self.prefix) && first & !mask == 0).then_some((first, first | !mask))
    }
}
