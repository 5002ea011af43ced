//! What is shown of the cabinet, whatever the interface: the same words for tables, pages and JSON.

use crate::cabinet::{Active, Card, Contact, Inventory, Mode, Order, Standing, State};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The cabinet in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The module's name.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// Since when it runs, in seconds.
    pub up: u64,
    /// How many chassis there are.
    pub chassis: u8,
    /// How many slots a chassis has.
    pub slots: u8,
    /// How many cards are in each state.
    pub cards: Counts,
    /// How many services there are.
    pub services: usize,
    /// How many of them have at least one card that serves.
    pub served: usize,
}

/// How many cards are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub total: usize,
    /// Not heard of, or stopped.
    pub off: usize,
    /// Without a service.
    pub available: usize,
    /// Bound, not serving yet.
    pub assigned: usize,
    /// Serving.
    pub running: usize,
    /// Not serving any more.
    pub failed: usize,
}

/// A card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardRow {
    /// Its position.
    pub card: String,
    /// Its chassis.
    pub chassis: u8,
    /// Its slot.
    pub slot: u8,
    /// Its state's word.
    pub state: String,
    /// How long it has been in its state, in seconds.
    pub since: u64,
    /// Why it is in its state.
    pub cause: String,
    /// Whether its running requests are being finished.
    pub draining: bool,
    /// Whether a command keeps it from serving.
    pub stopped: bool,
    /// Its address inside the cabinet.
    pub address: String,
    /// The hardware address that is expected there.
    pub mac: Option<String>,
    /// Its services.
    pub services: Vec<String>,
    /// How long it has been up by its own report, in seconds.
    pub uptime: Option<u64>,
    /// Degrees Celsius by its own report.
    pub temperature: Option<f64>,
    /// Its software by its own report.
    pub software: Option<String>,
    /// Its hardware by its own report.
    pub hardware: Option<String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Its name.
    pub service: String,
    /// `up` when all its cards serve, `degraded` when some do, `down` when none does, `stopped` by command.
    pub state: String,
    /// Its identifications: the first of them.
    pub sid: Vec<String>,
    /// How many identifications it has.
    pub sids: usize,
    /// Its TLS names that are passed through.
    pub sni: Vec<String>,
    /// Its logins.
    pub login: Vec<String>,
    /// `performance` or `reliability`.
    pub mode: String,
    /// How the next card is chosen.
    pub balance: String,
    /// The port on its cards.
    pub port: u16,
    /// How many cards serve.
    pub serving: usize,
    /// Whether a command keeps it from serving.
    pub stopped: bool,
    /// The account of the user who owns it.
    pub user: Option<String>,
    /// Its cards.
    pub members: Vec<MemberRow>,
}

/// A card's part in a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRow {
    /// Its position.
    pub card: String,
    /// Its address inside the cabinet.
    pub address: String,
    /// `active` or `backup`.
    pub role: String,
    /// `serving`, `draining` or `down`.
    pub standing: String,
    /// Since when, in seconds.
    pub since: u64,
}

/// How many identifications of a service are shown.
const SIDS_SHOWN: usize = 16;

impl Status {
    /// The inventory in a few numbers at `now`.
    pub fn of(inventory: &Inventory, now: Duration) -> Self {
        Self {
            name: inventory.name.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            up: now.as_secs(),
            chassis: inventory.chassis,
            slots: inventory.slots,
            cards: Counts::of(inventory),
            services: inventory.services.len(),
            served: inventory.services.iter().filter(|active| active.serving() > 0).count(),
        }
    }
}

impl Status {
    /// Counts only what a user sees.
    pub fn restrict(&mut self, cards: &[CardRow], services: &[ServiceRow]) {
        let count = |state: &str| cards.iter().filter(|card| card.state == state).count();
        self.cards = Counts {
            total: cards.len(),
            off: count("off"),
            available: count("available"),
            assigned: count("assigned"),
            running: count("running"),
            failed: count("failed"),
        };
        self.services = services.len();
        self.served = services.iter().filter(|service| service.serving > 0).count();
    }
}

impl Counts {
    /// How many cards of the inventory are in each state.
    pub fn of(inventory: &Inventory) -> Self {
        let mut counts = Self { total: inventory.cards.len(), ..Self::default() };
        for (state, number) in inventory.counts() {
            match state {
                State::Off => counts.off = number,
                State::Available => counts.available = number,
                State::Assigned => counts.assigned = number,
                State::Running => counts.running = number,
                State::Failed => counts.failed = number,
            }
        }
        counts
    }
}

impl CardRow {
    /// A card at `now`.
    pub fn of(card: &Card, now: Duration) -> Self {
        let report = match card.contact {
            Contact::Heard { .. } => card.report.as_ref(),
            Contact::Never | Contact::Silent { .. } => None,
        };
        Self {
            card: card.position.to_string(),
            chassis: card.position.chassis,
            slot: card.position.slot,
            state: card.state.word().into(),
            since: now.saturating_sub(card.since).as_secs(),
            cause: card.cause.to_string(),
            draining: matches!(card.order, Order::Drain { .. }),
            stopped: matches!(card.order, Order::Stop | Order::Fail),
            address: card.address.to_string(),
            mac: card.mac.map(|mac| mac.to_string()),
            services: card.services.iter().map(ToString::to_string).collect(),
            uptime: card.up_time(now).map(|up| up.as_secs()),
            temperature: card.temperature().map(|tenths| f64::from(tenths) / 10.0),
            software: report.and_then(|report| report.software.clone()),
            hardware: report.and_then(|report| report.hardware.clone()),
        }
    }

    /// All cards of the inventory at `now`, by position.
    pub fn all(inventory: &Inventory, now: Duration) -> Vec<Self> {
        inventory.cards.values().map(|card| Self::of(card, now)).collect()
    }

    /// The state as people read it: a drain shows.
    pub fn state_word(&self) -> &str {
        if self.draining { "draining" } else { &self.state }
    }
}

impl ServiceRow {
    /// A service at `now`.
    pub fn of(active: &Active, now: Duration) -> Self {
        let service = &active.service;
        let serving = active.serving();
        let stopped = active.order != Order::Run;
        let state = match (serving, active.members.len()) {
            _ if stopped => "stopped",
            (0, _) => "down",
            (some, all) if some < all => "degraded",
            _ => "up",
        };
        let kebab = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            service: service.name.to_string(),
            state: state.into(),
            sid: service.sid.iter().take(SIDS_SHOWN).map(ToString::to_string).collect(),
            sids: service.sid.len(),
            sni: service.sni.iter().take(SIDS_SHOWN).map(ToString::to_string).collect(),
            login: service.login.iter().take(SIDS_SHOWN).cloned().collect(),
            mode: kebab(serde_json::to_value(service.mode).unwrap_or_default()),
            balance: kebab(serde_json::to_value(service.balance).unwrap_or_default()),
            port: service.port,
            serving,
            stopped,
            user: active.owner().map(Into::into),
            members: active
                .members
                .iter()
                .enumerate()
                .map(|(place, member)| MemberRow {
                    card: member.card.to_string(),
                    address: member.address.to_string(),
                    role: if service.mode == Mode::Reliability && place > 0 { "backup" } else { "active" }
                        .into(),
                    standing: match member.standing {
                        Standing::Serving => "serving",
                        Standing::Draining => "draining",
                        Standing::Down => "down",
                    }
                    .into(),
                    since: now.saturating_sub(member.since).as_secs(),
                })
                .collect(),
        }
    }

    /// All services of the inventory at `now`, in the order of the configuration.
    pub fn all(inventory: &Inventory, now: Duration) -> Vec<Self> {
        inventory.services.iter().map(|active| Self::of(active, now)).collect()
    }
}

/// A span of seconds in at most two units: `42s`, `3m 5s`, `2h 10m`, `4d 7h`.
pub fn ago(seconds: u64) -> String {
    let (days, hours, minutes, rest) =
        (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest}s"),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}
