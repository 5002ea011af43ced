//! Why a card is as it is, since when, and what to do: one line.

use super::model::ago;
use crate::cabinet::{Card, Cause, Contact, Inventory, Order, State};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// The answer to `why`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Which card.
    pub card: String,
    /// Its state's word.
    pub state: String,
    /// How long it has been so, in seconds.
    pub since: u64,
    /// Why.
    pub cause: String,
    /// What to do; nothing when it serves.
    pub next: Option<String>,
}

impl Why {
    /// A card of the inventory at `now`.
    pub fn of(card: &Card, inventory: &Inventory, now: Duration) -> Self {
        Self {
            card: card.position.to_string(),
            state: match card.order {
                Order::Drain { .. } => "draining".into(),
                _ => card.state.word().into(),
            },
            since: now.saturating_sub(card.since).as_secs(),
            cause: card.cause.to_string(),
            next: next(card, inventory),
        }
    }

    /// The whole answer in one line.
    pub fn line(&self) -> String {
        let next = self.next.as_ref().map_or_else(String::new, |next| format!("; next: {next}"));
        format!("card {} has been {} for {}: {}{next}", self.card, self.state, ago(self.since), self.cause)
    }
}

fn next(card: &Card, inventory: &Inventory) -> Option<String> {
    let position = card.position;
    let ports: Vec<_> = inventory
        .services_of(position)
        .map(|active| SocketAddr::new(card.address, active.service.port).to_string())
        .collect();
    let ports = ports.join(" or ");
    let address = card.address;
    Some(match (card.state, card.order, card.contact) {
        (State::Running, Order::Drain { .. }, _) => {
            format!(
                "its running requests finish; server-module ctl card start {position} takes the stop back"
            )
        }
        (State::Running, ..) => return None,
        (_, Order::Stop | Order::Fail, _) => format!("server-module ctl card start {position}"),
        (State::Available, ..) => {
            "name it in the cards of a [[service]], then server-module ctl reload".into()
        }
        (State::Assigned, ..) => format!("start the application that listens at {ports}"),
        (State::Failed, _, Contact::Silent { .. }) => {
            format!("look at its power and cable: {address} is silent")
        }
        (State::Failed, ..) => match card.cause {
            Cause::PortSilent { .. } => format!("look at the application that listens at {ports}"),
            _ => format!("look at {address}"),
        },
        (State::Off, _, Contact::Silent { .. }) => {
            format!("look at its power and cable: {address} is silent")
        }
        (State::Off, _, Contact::Heard { .. }) => format!("start the application that listens at {ports}"),
        (State::Off, _, Contact::Never) => match (card.mac, ports.is_empty()) {
            (Some(mac), true) => format!("switch it on: {mac} gets {address} by DHCP"),
            (Some(mac), false) => {
                format!("switch it on: {mac} gets {address} by DHCP, or let any machine answer at {ports}")
            }
            (None, true) => format!("switch it on, at {address}"),
            (None, false) => format!("let any machine answer at {ports}"),
        },
    })
}
