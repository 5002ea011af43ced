//! Services, the names that mean them, the cards that serve them, and who uses them from where.

use core::net::Ipv4Addr;

use crate::mib::{Counter64, DateAndTime, DisplayString, Gauge32, MibEnum, MibTable, TimeStamp};

/// The services of the cabinet, as they are defined and as they are.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "smServiceTable", oid = "1.3.6.1.4.1.32473.1.5.1", index(name), implied, prefix = "smService")]
pub struct Service {
    /// Its name.
    #[mib(1, range(1, 64))]
    pub name: DisplayString,
    /// How its cards share the work.
    #[mib(2)]
    pub mode: Mode,
    /// What it is doing.
    #[mib(3)]
    pub state: ServiceState,
    /// How many cards it is to have.
    #[mib(4)]
    pub wanted: Gauge32,
    /// How many cards serve it.
    #[mib(5)]
    pub serving: Gauge32,
    /// The port on its cards.
    #[mib(6, range(0, 65535))]
    pub port: Option<u32>,
    /// Who owns it.
    #[mib(7)]
    pub user: Option<DisplayString>,
    /// The value of sysUpTime when its state changed last.
    #[mib(8)]
    pub since: Option<TimeStamp>,
}

/// How the cards of a service share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum Mode {
    /// All of them serve.
    Performance = 1,
    /// One serves, the others stand by.
    Reliability = 2,
}

/// What a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum ServiceState {
    /// It was stopped.
    Stopped = 1,
    /// It takes nothing new and finishes what it has.
    Draining = 2,
    /// It has every card that it is to have.
    Serving = 3,
    /// It serves with fewer cards than it is to have.
    Degraded = 4,
    /// It should serve and no card does.
    Down = 5,
}

/// The names by which customers mean a service.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "smSidTable", oid = "1.3.6.1.4.1.32473.1.5.2", index(service, number), prefix = "smSid")]
pub struct Sid {
    /// The service.
    #[mib(foreign = "smServiceName")]
    pub service: DisplayString,
    /// Counts the names of the service from 1.
    #[mib(1, range(1, 2_147_483_647))]
    pub number: u32,
    /// What kind of name it is.
    #[mib(2)]
    pub kind: SidKind,
    /// The name.
    #[mib(3)]
    pub text: DisplayString,
}

/// A kind of name that means a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum SidKind {
    /// A host, alone or with a URL extension.
    Host = 1,
    /// A server name of TLS that is passed through.
    Sni = 2,
    /// A login of FTP and POP3.
    Login = 3,
}

/// The cards of each service, and their parts in it.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "smMemberTable",
    oid = "1.3.6.1.4.1.32473.1.5.3",
    index(service, chassis, slot),
    prefix = "smMember"
)]
pub struct Member {
    /// The service.
    #[mib(foreign = "smServiceName")]
    pub service: DisplayString,
    /// The chassis of the card.
    #[mib(foreign = "smCardChassis")]
    pub chassis: u32,
    /// The slot of the card.
    #[mib(foreign = "smCardSlot")]
    pub slot: u32,
    /// The card's part.
    #[mib(1)]
    pub role: MemberRole,
    /// What it may be given.
    #[mib(2)]
    pub standing: Standing,
    /// The card's address inside the cabinet.
    #[mib(3)]
    pub address: Option<Ipv4Addr>,
    /// The value of sysUpTime when its standing changed last.
    #[mib(4)]
    pub since: Option<TimeStamp>,
}

/// A card's part in a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum MemberRole {
    /// It serves beside the others.
    Equal = 1,
    /// It serves before the others.
    Active = 2,
    /// It serves when those before it do not.
    Backup = 3,
}

/// What a card of a service may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum Standing {
    /// New requests.
    Serving = 1,
    /// Nothing new; it finishes what it has.
    Draining = 2,
    /// Nothing.
    Out = 3,
}

/// How each service was used since the cabinet started, from near and from far (patent row P16).
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "smUsageTable", oid = "1.3.6.1.4.1.32473.1.6.1", index(service), implied, prefix = "smUsage")]
pub struct Usage {
    /// The service.
    #[mib(foreign = "smServiceName")]
    pub service: DisplayString,
    /// Requests of clients that are local to this place.
    #[mib(1)]
    pub local_hits: Counter64,
    /// Requests of all other clients.
    #[mib(2)]
    pub remote_hits: Counter64,
    /// Octets sent to local clients.
    #[mib(3, units = "octets")]
    pub local_octets: Counter64,
    /// Octets sent to all other clients.
    #[mib(4, units = "octets")]
    pub remote_octets: Counter64,
    /// Requests that failed.
    #[mib(5)]
    pub errors: Counter64,
}

/// How each service was used in the latest spans of time.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "smUsageSpanTable",
    oid = "1.3.6.1.4.1.32473.1.6.2",
    index(service, number),
    prefix = "smUsageSpan"
)]
pub struct UsageSpan {
    /// The service.
    #[mib(foreign = "smServiceName")]
    pub service: DisplayString,
    /// Counts the spans, the earliest one least.
    #[mib(1, range(1, 2_147_483_647))]
    pub number: u32,
    /// When it began.
    #[mib(2)]
    pub began: DateAndTime,
    /// How long it was.
    #[mib(3, units = "seconds")]
    pub length: u32,
    /// Requests of local clients.
    #[mib(4)]
    pub local_hits: Gauge32,
    /// Requests of all other clients.
    #[mib(5)]
    pub remote_hits: Gauge32,
    /// Requests that failed.
    #[mib(6)]
    pub errors: Gauge32,
}
