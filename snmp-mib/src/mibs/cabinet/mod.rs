//! SERVER-MODULE-MIB: a cabinet of server cards as one network element.
//!
//! Its places are those below RFC 5612's enterprise number for documentation. An operator's own number takes that
//! place with [`crate::mib::rebase`], [`Table::at`](crate::mib::Table::at) and
//! [`text::write`](crate::mib::text::write).
//!
//! ```text
//! serverModule .0 notifications   .2 cards: state, hardware, software, load   .5 services, SIDs, members
//!              .3 conformance     .4 one card's own agent                     .6 usage, near and far
//!              .7 campaigns, updates   .8 alarms   .9 predefined actions      .10 summary and change counters
//! ```
//!
//! Places are final: what comes is appended.

mod cards;
mod operation;
mod services;

pub use cards::{Hardware, Load, Mirror, Part, Software};
pub use operation::{
    Action, ActionKind, ActionState, Alarm, AlarmCleared, AlarmRaised, AlarmState, Campaign, CampaignState,
    Severity, Summary, Update, UpdateState,
};
pub use services::{
    Member, MemberRole, Mode, Service, ServiceState, Sid, SidKind, Standing, Usage, UsageSpan,
};

use core::net::Ipv4Addr;

use crate::mib::{
    Compliance, DisplayString, MibEnum, MibScalars, MibTable, ModuleDef, Row, Scalars, TimeTicks,
};
use crate::notify::Notification;
use crate::oid;
use crate::wire::Oid;

/// The enterprise number that RFC 5612 keeps for documentation: where the module stands until an operator sets
/// another.
pub const ENTERPRISE: Oid<'static> = oid!(1, 3, 6, 1, 4, 1, 32473);

/// serverModule, the identity of the module: also the sysObjectID of a cabinet.
pub const SERVER_MODULE: Oid<'static> = oid!(1, 3, 6, 1, 4, 1, 32473, 1);

/// The server cards of the cabinet, one row for each position that holds one or has been given to one.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "smCardTable", oid = "1.3.6.1.4.1.32473.1.2.1", index(chassis, slot))]
pub struct Card {
    /// The chassis that the card is in, counted from 1.
    #[mib(1, range(1, 255))]
    pub chassis: u32,
    /// The slot of the chassis that the card is in, counted from 1.
    #[mib(2, range(1, 255))]
    pub slot: u32,
    /// What the card is doing. A card that is off does not answer; an available one could be given to a service; an
    /// assigned one has been and is not serving yet; a running one serves; a failed one should serve and does not.
    #[mib(3)]
    pub state: CardState,
    /// The address of the card inside the cabinet.
    #[mib(4)]
    pub address: Option<Ipv4Addr>,
    /// The time since the card's system started.
    #[mib(5)]
    pub up_time: Option<TimeTicks>,
    /// The temperature that the card measures.
    #[mib(6, units = "tenths of a degree Celsius")]
    pub temperature: Option<i32>,
}

/// What a card is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum CardState {
    /// It does not answer, or was stopped.
    Off = 1,
    /// It could be given to a service.
    Available = 2,
    /// It was given to a service and is not serving yet.
    Assigned = 3,
    /// It serves.
    Running = 4,
    /// It should serve and does not.
    Failed = 5,
}

impl Card {
    /// A card of which nothing but its position and state is known.
    pub const fn new(chassis: u32, slot: u32, state: CardState) -> Self {
        Self { chassis, slot, state, address: None, up_time: None, temperature: None }
    }
}

/// A card has changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Notification)]
#[mib(name = "smCardStateChange", oid = "1.3.6.1.4.1.32473.1.0.1")]
pub struct CardStateChange {
    /// The card as it is now.
    #[mib(objects("smCardState", "smCardAddress"))]
    pub card: Card,
}

/// What the agent of a single card says beside its one row of smCardTable, and the switch by which its cabinet
/// starts and stops what the card serves.
#[derive(Clone, Debug, PartialEq, Eq, MibScalars)]
#[mib(name = "smAgent", oid = "1.3.6.1.4.1.32473.1.4")]
pub struct CardAgent {
    /// Whether the card's service is to run. The cabinet alone may write it.
    #[mib(1, read_write)]
    pub service: ServiceSwitch,
    /// The software that the card runs, and its version.
    #[mib(2)]
    pub software: Option<DisplayString>,
    /// The hardware that the card found when it started.
    #[mib(3)]
    pub hardware: Option<DisplayString>,
}

/// Whether a card's service is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum ServiceSwitch {
    /// It is to run.
    Started = 1,
    /// It is not to run.
    Stopped = 2,
}

/// The module.
pub const MODULE: ModuleDef = ModuleDef {
    name: "SERVER-MODULE-MIB",
    identity: "serverModule",
    oid: SERVER_MODULE,
    prefix: "sm",
    last_updated: "202611230000Z",
    organization: "The server-module project",
    contact: "The operator of the server module; the module's text is written by the command `server-module mib`.",
    description: "A server module: a cabinet of server cards that its operator places close to its customers and \
                  manages from afar as one network element.",
    revision: "The first version.",
    nodes: &[
        ("smNotifications", oid!(1, 3, 6, 1, 4, 1, 32473, 1, 0)),
        ("smCards", oid!(1, 3, 6, 1, 4, 1, 32473, 1, 2)),
        ("smServices", oid!(1, 3, 6, 1, 4, 1, 32473, 1, 5)),
        ("smUsages", oid!(1, 3, 6, 1, 4, 1, 32473, 1, 6)),
        ("smUpdates", oid!(1, 3, 6, 1, 4, 1, 32473, 1, 7)),
        ("smAlarms", oid!(1, 3, 6, 1, 4, 1, 32473, 1, 8)),
        ("smActions", oid!(1, 3, 6, 1, 4, 1, 32473, 1, 9)),
    ],
    tables: &[
        &Card::TABLE,
        &Hardware::TABLE,
        &Software::TABLE,
        &Load::TABLE,
        &Service::TABLE,
        &Sid::TABLE,
        &Member::TABLE,
        &Usage::TABLE,
        &UsageSpan::TABLE,
        &Campaign::TABLE,
        &Update::TABLE,
        &Alarm::TABLE,
        &Action::TABLE,
    ],
    groups: &[&CardAgent::GROUP, &Summary::GROUP],
    notifications: &[&CardStateChange::DEF, &AlarmRaised::DEF, &AlarmCleared::DEF],
    compliance: Compliance { name: "smConformance", oid: oid!(1, 3, 6, 1, 4, 1, 32473, 1, 3) },
};
