//! Who is where: circuit-ids, MACs and addresses of positions.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::net::Ipv4Addr;

use super::{Config, ConfigError, Rule, Unknown};
use crate::{HwAddr, Plan, Position};

/// The tables made of a configuration's cards, checked to contradict nowhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cards {
    plan: Plan,
    circuit_is_position: bool,
    by_mac: BTreeMap<HwAddr, Position>,
    by_circuit: BTreeMap<Box<[u8]>, Position>,
    /// Every card of the configuration, with its address where it is not the plan's.
    known: BTreeMap<Position, Option<Ipv4Addr>>,
    by_address: BTreeMap<Ipv4Addr, Position>,
}

impl Cards {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut cards = Self {
            plan: config.plan,
            circuit_is_position: config.circuit_is_position,
            by_mac: BTreeMap::new(),
            by_circuit: BTreeMap::new(),
            known: BTreeMap::new(),
            by_address: BTreeMap::new(),
        };
        for card in &config.cards {
            let position = card.position;
            if !config.plan.contains(position) {
                return Err(ConfigError::NoSuchPosition(position));
            }
            if cards.known.insert(position, card.address).is_some() {
                return Err(ConfigError::Position(position));
            }
            if let Some(mac) = card.mac
                && let Some(other) = cards.by_mac.insert(mac, position)
            {
                return Err(ConfigError::Mac(other, position, mac));
            }
            if let Some(circuit) = &card.circuit_id
                && let Some(other) = cards.by_circuit.insert(circuit.clone(), position)
            {
                return Err(ConfigError::Circuit(other, position));
            }
            if let Some(address) = card.address
                && let Some(other) = cards.by_address.insert(address, position)
            {
                return Err(ConfigError::Address(other, position, address));
            }
        }
        for (address, position) in &cards.by_address {
            // An address of one's own may be the plan's of the same card, not of a card that keeps to the plan.
            let planned =
                cards.plan.position(*address).filter(|other| cards.address(*other) == Some(*address));
            if let Some(other) = planned.filter(|other| other != position) {
                return Err(ConfigError::Address(other, *position, *address));
            }
        }
        if let Unknown::Quarantine(pool) = &config.unknown {
            let explicit = cards.by_address.iter().map(|(address, position)| (*address, *position));
            let planned =
                cards.plan.positions().filter_map(|position| Some((cards.plan.address(position)?, position)));
            if let Some((address, position)) =
                explicit.chain(planned).find(|(address, _)| pool.contains(address))
            {
                return Err(ConfigError::Pool(position, address));
            }
        }
        Ok(cards)
    }

    /// The address of a position.
    pub(super) fn address(&self, position: Position) -> Option<Ipv4Addr> {
        self.known.get(&position).copied().flatten().or_else(|| self.plan.address(position))
    }

    /// The position that owns an address.
    pub(super) fn position(&self, address: Ipv4Addr) -> Option<Position> {
        let planned =
            || self.plan.position(address).filter(|position| self.address(*position) == Some(address));
        self.by_address.get(&address).copied().or_else(planned)
    }

    /// The position behind a circuit-id.
    pub(super) fn circuit(&self, circuit: &[u8]) -> Option<(Position, Rule)> {
        if let Some(position) = self.by_circuit.get(circuit) {
            return Some((*position, Rule::Circuit));
        }
        if !self.circuit_is_position {
            return None;
        }
        let position = Position::from_bytes(circuit).ok().filter(|position| self.plan.contains(*position))?;
        Some((position, Rule::CircuitText))
    }

    /// The position that a MAC is configured for.
    pub(super) fn mac(&self, hw: HwAddr) -> Option<Position> {
        self.by_mac.get(&hw).copied()
    }

    /// Positions without a card in the configuration, from 1.1 on.
    pub(super) fn vacant(&self) -> impl Iterator<Item = Position> + '_ {
        self.plan.positions().filter(|position| !self.known.contains_key(position))
    }
}
