//! Which network a client is on, and what it may have there.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use super::leases::{Group, Pool};
use super::{Config, ConfigError, Unknown};
use crate::wire::dhcp::OptionCode;

/// A wire: the plan's and whatever shares it, or some of the subnets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wire(usize);

impl Wire {
    /// The wire of the plan's network.
    pub(super) const PLAN: Self = Self(0);
}

/// The networks of a configuration, checked not to overlap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Networks {
    /// First address of a subnet -> its last, and which it is.
    by_address: BTreeMap<u32, (u32, usize)>,
    /// The wire of each subnet.
    wires: Vec<Wire>,
    /// The pools of each subnet.
    pools: Vec<Vec<RangeInclusive<u32>>>,
    /// The range for clients without a position.
    quarantine: Vec<RangeInclusive<u32>>,
}

/// The group of a quarantine's addresses; those of subnets follow, in their order.
const QUARANTINE: u16 = 1;

impl Networks {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let plan = &config.plan;
        let mut networks = Self {
            by_address: BTreeMap::new(),
            wires: Vec::new(),
            pools: Vec::new(),
            quarantine: match &config.unknown {
                Unknown::Quarantine(pool) => alloc::vec![bits(pool)],
                Unknown::Ignore | Unknown::Enrol => Vec::new(),
            },
        };
        for (nth, subnet) in config.subnets.iter().enumerate() {
            let (first, last) = subnet.bounds().ok_or(ConfigError::Subnet(subnet.network))?;
            let planned = (plan.network().to_bits(), plan.broadcast().to_bits());
            let below =
                networks.by_address.range(..=last).next_back().map(|(first, (last, _))| (*first, *last));
            for (other, its_last) in below.into_iter().chain([planned]) {
                if first <= its_last && other <= last {
                    return Err(ConfigError::Overlap(subnet.network, Ipv4Addr::from_bits(other)));
                }
            }
            for pool in &subnet.pools {
                let range = bits(pool);
                // Neither the network's own address nor its broadcast is anybody's.
                if *range.start() <= first || *range.end() >= last || range.is_empty() {
                    return Err(ConfigError::PoolOutside(subnet.network, *pool.start()));
                }
            }
            networks.by_address.insert(first, (last, nth));
            networks.pools.push(subnet.pools.iter().map(bits).collect());
            let wire = match subnet.shares {
                None => Wire(nth.saturating_add(1)),
                Some(with) if with == plan.network() => Wire::PLAN,
                Some(with) => {
                    let other = config.subnets.iter().take(nth).position(|other| other.network == with);
                    let wire = other.and_then(|other| networks.wires.get(other)).copied();
                    wire.ok_or(ConfigError::Shares(subnet.network, with))?
                }
            };
            networks.wires.push(wire);
        }
        let ranges = networks.pools.iter().flatten().chain(&networks.quarantine);
        let own = config.routers.iter().chain(config.subnets.iter().flat_map(|subnet| &subnet.routers));
        let mut own = core::iter::once(&config.server_id).chain(own);
        if let Some(taken) = own.find(|own| ranges.clone().any(|range| range.contains(&own.to_bits()))) {
            return Err(ConfigError::PoolOwn(*taken));
        }
        Ok(networks)
    }

    /// The wire that an address is on, if it is one of a known network.
    pub(super) fn wire(&self, address: Ipv4Addr, config: &Config) -> Option<Wire> {
        match self.subnet(address) {
            Some(nth) => self.wires.get(nth).copied(),
            None => config.plan.covers(address).then_some(Wire::PLAN),
        }
    }

    /// The subnet that an address belongs to.
    pub(super) fn subnet(&self, address: Ipv4Addr) -> Option<usize> {
        let (_, (last, nth)) = self.by_address.range(..=address.to_bits()).next_back()?;
        (address.to_bits() <= *last).then_some(*nth)
    }

    /// The group whose idle addresses stand in for `address`.
    pub(super) fn group(&self, address: Ipv4Addr) -> Group {
        if let Some(nth) = self.subnet(address) {
            return subnet_group(nth);
        }
        let quarantined = self.quarantine.iter().any(|range| range.contains(&address.to_bits()));
        Group(if quarantined { QUARANTINE } else { 0 })
    }

    /// Whether an address is one that the server gives out of a pool.
    pub(super) fn is_managed(&self, address: Ipv4Addr) -> bool {
        self.pools.iter().flatten().chain(&self.quarantine).any(|range| range.contains(&address.to_bits()))
    }

    /// The pools of a wire's subnets.
    pub(super) fn pools(&self, wire: Wire) -> impl Iterator<Item = Pool<'_>> + Clone {
        let subnets = self.wires.iter().zip(&self.pools).enumerate();
        let of_wire = subnets.filter(move |(_, (its, pools))| **its == wire && !pools.is_empty());
        of_wire.map(|(nth, (_, ranges))| Pool { group: subnet_group(nth), ranges })
    }

    /// The range for clients of the plan's wire without a position.
    pub(super) fn quarantine(&self) -> impl Iterator<Item = Pool<'_>> + Clone {
        core::iter::once(Pool { group: Group(QUARANTINE), ranges: &self.quarantine })
    }

    /// Whether `address` may be given out on `wire`: it belongs to one of the wire's networks, or is quarantine's.
    pub(super) fn is_on(&self, address: Ipv4Addr, wire: Wire, config: &Config) -> bool {
        self.wire(address, config) == Some(wire)
            || (wire == Wire::PLAN && self.quarantine.iter().any(|range| range.contains(&address.to_bits())))
    }

    /// What a client at `address` is told of its network.
    pub(super) fn parameters<'c>(&self, address: Ipv4Addr, config: &'c Config) -> Parameters<'c> {
        match self.subnet(address).and_then(|nth| config.subnets.get(nth)) {
            Some(subnet) => {
                let mask = subnet.mask();
                Parameters {
                    netmask: Ipv4Addr::from_bits(mask),
                    broadcast: Ipv4Addr::from_bits(subnet.network.to_bits() | !mask),
                    routers: &subnet.routers,
                    dns: if subnet.dns.is_empty() { &config.dns } else { &subnet.dns },
                    domain: subnet.domain.as_ref().or(config.domain.as_ref()),
                    lease: subnet.lease.unwrap_or(config.lease),
                    options: &subnet.options,
                }
            }
            None => Parameters {
                netmask: config.plan.netmask(),
                broadcast: config.plan.broadcast(),
                routers: &config.routers,
                dns: &config.dns,
                domain: config.domain.as_ref(),
                lease: config.lease,
                options: &[],
            },
        }
    }
}

/// What a client is told of its network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<'c> {
    pub(super) netmask: Ipv4Addr,
    pub(super) broadcast: Ipv4Addr,
    pub(super) routers: &'c [Ipv4Addr],
    pub(super) dns: &'c [Ipv4Addr],
    pub(super) domain: Option<&'c String>,
    pub(super) lease: Duration,
    /// The subnet's own options, which go before those of all.
    pub(super) options: &'c [(OptionCode, Vec<u8>)],
}

fn subnet_group(nth: usize) -> Group {
    Group(u16::try_from(nth).unwrap_or(u16::MAX).saturating_add(QUARANTINE).saturating_add(1))
}

fn bits(pool: &RangeInclusive<Ipv4Addr>) -> RangeInclusive<u32> {
    pool.start().to_bits()..=pool.end().to_bits()
}
