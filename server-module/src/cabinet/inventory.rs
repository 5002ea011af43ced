//! What the cabinet holds: the part of the core that others read.

use super::card::{Card, Order, State};
use super::command::Label;
use super::io::Standing;
use super::service::{Name, Service};
use super::units::Position;
use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cards, the services and who serves what. Cheap to clone: what is large in it is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The module's name.
    pub name: Name,
    /// How many chassis there are.
    pub chassis: u8,
    /// How many slots a chassis has.
    pub slots: u8,
    /// The cards, by position.
    pub cards: BTreeMap<Position, Card>,
    /// The services, in the order of the configuration.
    pub services: Vec<Active>,
    /// The system group's texts that a command has set.
    pub labels: BTreeMap<Label, String>,
    /// Counts the changes of services and members.
    pub revision: u64,
}

/// A service and its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// What it is.
    pub service: Arc<Service>,
    /// Its cards, in the order of preference.
    pub members: Vec<Member>,
    /// What is wanted of it.
    pub order: Order,
}

/// A card's part in a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which card.
    pub card: Position,
    /// The card's address.
    pub address: IpAddr,
    /// What it may be given.
    pub standing: Standing,
    /// Since when.
    pub since: Duration,
}

impl Inventory {
    /// A card.
    pub fn card(&self, position: Position) -> Option<&Card> {
        self.cards.get(&position)
    }

    /// The card at an address.
    pub fn card_at(&self, address: IpAddr) -> Option<&Card> {
        self.cards.values().find(|card| card.address == address)
    }

    /// A service by its name.
    pub fn service(&self, name: &str) -> Option<&Active> {
        self.services.iter().find(|active| active.service.name.as_str() == name)
    }

    /// The services that a card serves.
    pub fn services_of(&self, card: Position) -> impl Iterator<Item = &Active> {
        self.services.iter().filter(move |active| active.members.iter().any(|member| member.card == card))
    }

    /// Whether an account of this name owns every service of a card, and there is one.
    pub fn owns(&self, user: &str, card: Position) -> bool {
        let mut owners = self.services_of(card).map(|active| active.owner()).peekable();
        owners.peek().is_some() && owners.all(|owner| owner == Some(user))
    }

    /// How many cards are in each state, in the order of [`State::ALL`].
    pub fn counts(&self) -> [(State, usize); 5] {
        State::ALL.map(|state| (state, self.cards.values().filter(|card| card.state == state).count()))
    }
}

impl Active {
    /// The account of the user who owns it.
    pub fn owner(&self) -> Option<&str> {
        self.service.user.as_ref().map(Name::as_str)
    }

    /// How many members may be given new requests.
    pub fn serving(&self) -> usize {
        self.members.iter().filter(|member| member.standing == Standing::Serving).count()
    }
}
