//! Who may use a service (patent row P15): the first rule that names the customer's network decides.

use alloc::vec::Vec;
use core::net::IpAddr;

/// Rules by the customer's address. Without any, everyone may; with some, whoever none of them names may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// The rules, in their order.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether the networks may or may not.
    pub allow: bool,
    /// Networks: an address and the bits that count.
    pub networks: Vec<(IpAddr, u8)>,
}

impl Acl {
    /// Whether a customer may use the service. An IPv4 address inside IPv6 counts as IPv4.
    #[must_use]
    pub fn allows(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        let first =
            self.rules.iter().find(|rule| rule.networks.iter().any(|network| contains(*network, client)));
        first.map_or(self.rules.is_empty(), |rule| rule.allow)
    }
}

/// Whether an address lies in a network; one of the other family never does.
pub(crate) fn contains((network, bits): (IpAddr, u8), address: IpAddr) -> bool {
    let host = |width: u32| width.saturating_sub(u32::from(bits));
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(host(32)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(host(128)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}
