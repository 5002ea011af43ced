//! What the cabinet is told to be: its size, its cards, its services; checked as a whole before it counts.

use super::service::{Name, Service};
use super::units::{Mac, Position};
use core::net::IpAddr;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A whole configuration of the cabinet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The module's name.
    pub name: Name,
    /// How many chassis there are (patent row K1: 20).
    pub chassis: u8,
    /// How many slots a chassis has (patent row K1: 12 or 14).
    pub slots: u8,
    /// The cards that are expected.
    pub cards: Vec<Place>,
    /// The services that are offered.
    pub services: Vec<Arc<Service>>,
}

/// A position and what is expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The position.
    pub position: Position,
    /// The card's address inside the cabinet.
    pub address: IpAddr,
    /// The hardware address that is expected there.
    pub mac: Option<Mac>,
    /// The relay's circuit-id that means this position.
    pub circuit_id: Option<String>,
}

/// What is wrong with a definition. Cards and services are named by their index, so that whoever wrote the
/// definition can say where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// A card lies outside the cabinet.
    #[error("card {position} lies outside the cabinet")]
    Outside {
        /// Which card.
        card: usize,
        /// Its position.
        position: Position,
    },
    /// Two cards have one position.
    #[error("position {position} is taken twice")]
    SamePosition {
        /// Which card.
        card: usize,
        /// The card that had it first.
        with: usize,
        /// Their position.
        position: Position,
    },
    /// Two cards have one hardware address.
    #[error("hardware address {mac} is given twice")]
    SameMac {
        /// Which card.
        card: usize,
        /// The card that had it first.
        with: usize,
        /// Their hardware address.
        mac: Mac,
    },
    /// Two cards have one circuit-id.
    #[error("circuit-id {circuit_id:?} is given twice")]
    SameCircuit {
        /// Which card.
        card: usize,
        /// The card that had it first.
        with: usize,
        /// Their circuit-id.
        circuit_id: String,
    },
    /// Two services have one name.
    #[error("service name {name} is taken twice")]
    SameName {
        /// Which service.
        service: usize,
        /// The service that had it first.
        with: usize,
        /// Their name.
        name: Name,
    },
    /// A service names a card that is not there.
    #[error("service {name} names card {position}, which is not in the cabinet")]
    NoSuchCard {
        /// Which service.
        service: usize,
        /// Which of its cards.
        member: usize,
        /// The service's name.
        name: Name,
        /// The card's position.
        position: Position,
    },
    /// A service names a card twice.
    #[error("service {name} names card {position} twice")]
    SameCard {
        /// Which service.
        service: usize,
        /// Which of its cards.
        member: usize,
        /// The service's name.
        name: Name,
        /// The card's position.
        position: Position,
    },
    /// A service has both `cards` and `count`.
    #[error("service {name} has both cards and count")]
    CardsAndCount {
        /// Which service.
        service: usize,
        /// Its name.
        name: Name,
    },
    /// A service asks for more cards than are free.
    #[error("service {name} asks for {count} cards and {free} are free")]
    TooFewCards {
        /// Which service.
        service: usize,
        /// Its name.
        name: Name,
        /// How many it asks for.
        count: u16,
        /// How many are free.
        free: usize,
    },
}

impl Definition {
    /// Finds everything that is wrong, in the order of the definition.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut positions = BTreeMap::new();
        let mut macs = BTreeMap::new();
        let mut circuits = BTreeMap::new();
        for (card, place) in self.cards.iter().enumerate() {
            let position = place.position;
            if position.chassis > self.chassis || position.slot > self.slots {
                flaws.push(Flaw::Outside { card, position });
            }
            if let Some(with) = first(&mut positions, position, card) {
                flaws.push(Flaw::SamePosition { card, with, position });
            }
            if let Some((mac, with)) = place.mac.and_then(|mac| Some((mac, first(&mut macs, mac, card)?))) {
                flaws.push(Flaw::SameMac { card, with, mac });
            }
            if let Some(circuit_id) = &place.circuit_id
                && let Some(with) = first(&mut circuits, circuit_id, card)
            {
                flaws.push(Flaw::SameCircuit { card, with, circuit_id: circuit_id.clone() });
            }
        }
        let mut names = BTreeMap::new();
        for (index, service) in self.services.iter().enumerate() {
            let name = || service.name.clone();
            if let Some(with) = first(&mut names, &service.name, index) {
                flaws.push(Flaw::SameName { service: index, with, name: name() });
            }
            if service.count.is_some() && !service.cards.is_empty() {
                flaws.push(Flaw::CardsAndCount { service: index, name: name() });
            }
            let mut members = BTreeMap::new();
            for (member, &position) in service.cards.iter().enumerate() {
                if !positions.contains_key(&position) {
                    flaws.push(Flaw::NoSuchCard { service: index, member, name: name(), position });
                }
                if first(&mut members, position, member).is_some() {
                    flaws.push(Flaw::SameCard { service: index, member, name: name(), position });
                }
            }
        }
        flaws.extend(self.members().err());
        flaws
    }

    /// The member cards of each service, in the order of the services: those it names, or those that placement
    /// chooses for its `count`.
    ///
    /// Placement takes free cards (no other service names them) chassis by chassis in turn, so that the loss of a
    /// chassis takes as few members as can be (patent row S6). The same definition gives the same placement.
    ///
    /// # Errors
    /// [`Flaw::TooFewCards`] for the first service that cannot have its count.
    pub fn members(&self) -> Result<Vec<Vec<Position>>, Flaw> {
        let taken: BTreeSet<_> = self.services.iter().flat_map(|service| &service.cards).copied().collect();
        let mut free: BTreeMap<u8, Vec<Position>> = BTreeMap::new();
        for position in self.cards.iter().map(|place| place.position).filter(|p| !taken.contains(p)) {
            free.entry(position.chassis).or_default().push(position);
        }
        for positions in free.values_mut() {
            positions.sort_unstable_by(|a, b| b.cmp(a));
            positions.dedup();
        }
        let mut members = Vec::with_capacity(self.services.len());
        for (index, service) in self.services.iter().enumerate() {
            let Some(count) = service.count else {
                members.push(service.cards.clone());
                continue;
            };
            let available = free.values().map(Vec::len).sum();
            if usize::from(count) > available {
                let name = service.name.clone();
                return Err(Flaw::TooFewCards { service: index, name, count, free: available });
            }
            let mut chosen = Vec::with_capacity(usize::from(count));
            while chosen.len() < usize::from(count) {
                let wanted = usize::from(count) - chosen.len();
                chosen.extend(free.values_mut().filter_map(Vec::pop).take(wanted));
            }
            members.push(chosen);
        }
        Ok(members)
    }
}

/// Notes the first holder of a key; gives the earlier one when there is one.
fn first<K: Ord>(seen: &mut BTreeMap<K, usize>, key: K, holder: usize) -> Option<usize> {
    match seen.entry(key) {
        std::collections::btree_map::Entry::Occupied(earlier) => Some(*earlier.get()),
        std::collections::btree_map::Entry::Vacant(free) => {
            free.insert(holder);
            None
        }
    }
}
