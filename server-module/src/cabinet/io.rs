//! What goes into the cabinet core and what comes out.

use super::card::{Cause, Report, State};
use super::command::{Label, Refusal, Who};
use super::service::Name;
use super::units::{Mac, Position};
use super::usage::Share;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use serde::Serialize;

/// What happened, besides commands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// The deadline has come.
    Tick,
    /// A card took its address.
    Leased {
        /// Which card.
        card: Position,
        /// From which hardware address.
        mac: Mac,
    },
    /// A card's program introduced itself or answered.
    Reported {
        /// Which card.
        card: Position,
        /// What it told.
        report: Report,
    },
    /// A card's program does not answer, after the driver's retries.
    Silent {
        /// Which card.
        card: Position,
    },
    /// The answer to `Output::Probe`.
    Probed {
        /// Which probe.
        id: ProbeId,
        /// Whether the port answered as it should.
        up: bool,
    },
    /// A conversation with a card failed: ask its ports now rather than when their time comes.
    Suspect {
        /// Which card.
        card: Position,
    },
    /// The last running request of a draining card has finished.
    Drained {
        /// Which card.
        card: Position,
    },
    /// The last running request of a draining service has finished, on all its cards.
    ServiceDrained {
        /// Which service.
        service: Name,
    },
    /// Something that wants an operator's eye.
    Alarm(Alarm),
    /// What customers have used since the last time.
    Used(Vec<Share>),
}

/// What there is to do. Exhaustive on purpose: a new effect breaks every driver at compile time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Keep this, before any output that follows takes effect.
    Persist(Kept),
    /// The services have changed: build the route table and the pools again from the inventory.
    Routes,
    /// A member of a service's pool has changed.
    Member {
        /// Which service.
        service: Name,
        /// Which card.
        card: Position,
        /// What it may be given.
        standing: Standing,
    },
    /// A card's boot files are to be rendered again.
    CardFiles {
        /// Which card.
        card: Position,
    },
    /// A card's program is to do this.
    Action {
        /// Which card.
        card: Position,
        /// What.
        action: Action,
    },
    /// Ask a service port whether it answers, and tell with [`Input::Probed`].
    Probe(Probe),
    /// Tell the managers: exactly one for each change of a card's state.
    Trap(Transition),
    /// For the log, the audit and whoever watches.
    Event(Event),
}

/// What outlives the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// A card is to serve, or not to.
    Stopped {
        /// Which card.
        card: Position,
        /// Whether it is stopped.
        stopped: bool,
    },
    /// A service is to serve, or not to.
    ServiceStopped {
        /// Which service.
        service: Name,
        /// Whether it is stopped.
        stopped: bool,
    },
    /// One of the system group's texts.
    Label {
        /// Which.
        label: Label,
        /// Its text.
        text: String,
    },
}

/// What a pool may give to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// New requests.
    Serving,
    /// No new requests; running ones finish.
    Draining,
    /// Nothing.
    Down,
}

/// What a card's program can be told to do: a predefined list, nothing else (patent row M10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Start the services.
    StartServices,
    /// Stop the services.
    StopServices,
}

/// Names one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u64);

/// A question to a service port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Names the probe in its answer.
    pub id: ProbeId,
    /// For which service.
    pub service: Name,
    /// Where to.
    pub to: SocketAddr,
    /// The path to ask for with HTTP; without it, a connection that opens is the answer.
    pub http: Option<String>,
    /// The name to ask for: the service's first host, when it has one.
    pub host: Option<String>,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// A change of a card's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// Which card.
    pub card: Position,
    /// The state it left.
    pub from: State,
    /// The state it is in.
    pub to: State,
    /// When.
    pub at: Duration,
    /// Why.
    pub cause: Cause,
}

/// What matters enough to be written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its number, from 1 without gaps; a gap means that events were lost.
    pub number: u64,
    /// When.
    pub at: Duration,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
#[non_exhaustive]
pub enum What {
    /// A card changed its state.
    State(Transition),
    /// A command was given, and carried out or refused: the audit.
    Command {
        /// Who gave it.
        who: Who,
        /// What was asked for.
        command: String,
        /// Why it was not carried out; `None` when it was.
        refused: Option<Refusal>,
    },
    /// Something that wants an operator's eye.
    Alarm {
        /// What.
        alarm: Alarm,
        /// How often it has been told since the module started.
        count: u64,
    },
}

/// Something that wants an operator's eye (patent row M15).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum Alarm {
    /// A hardware address that the inventory does not know asked for an address.
    UnknownMac {
        /// The address.
        mac: Mac,
    },
    /// A card asked for another card's boot files.
    ForeignRead {
        /// Who asked.
        card: Position,
        /// For whose files.
        of: Position,
    },
    /// An address that is no card's asked for a card's boot files.
    StrangeRead {
        /// Who asked.
        from: core::net::IpAddr,
    },
    /// A card's own file could not be made.
    FileNotMade {
        /// Whose.
        card: Position,
        /// Which.
        file: String,
    },
    /// A login to the admin pages failed.
    FailedLogin {
        /// From where.
        from: core::net::IpAddr,
    },
    /// An SNMP message carried no community that is known.
    BadCommunity {
        /// From where.
        from: core::net::IpAddr,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMac { mac } => write!(f, "unknown hardware address {mac} asked for an address"),
            Self::ForeignRead { card, of } => write!(f, "card {card} asked for the boot files of card {of}"),
            Self::StrangeRead { from } => {
                write!(f, "{from}, which is no card, asked for a card's boot files")
            }
            Self::FileNotMade { card, file } => write!(f, "the file {file} of card {card} could not be made"),
            Self::FailedLogin { from } => write!(f, "a login to the admin pages from {from} failed"),
            Self::BadCommunity { from } => write!(f, "{from} used an SNMP community that is not known"),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(t) => write!(f, "card {} {} -> {}: {}", t.card, t.from, t.to, t.cause),
            Self::Command { who, command, refused: None } => write!(f, "{who}: {command}"),
            Self::Command { who, command, refused: Some(why) } => {
                write!(f, "{who}: {command} refused: {why}")
            }
            Self::Alarm { alarm, count: 1 } => write!(f, "alarm: {alarm}"),
            Self::Alarm { alarm, count } => write!(f, "alarm: {alarm} ({count} times)"),
        }
    }
}
