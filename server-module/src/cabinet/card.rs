//! A card: what is known of it, what is wanted of it, and the state that follows.
//!
//! The state is never set; it is judged from four facts, so that no order of events can leave it wrong:
//!
//! | order | a service is bound | heard of | a service port answers | state |
//! |---|---|---|---|---|
//! | `Stop` | any | any | any | `Off` |
//! | `Fail` | any | any | any | `Failed` |
//! | `Run`, `Drain` | yes | any | yes | `Running` |
//! | `Run`, `Drain` | yes | any | no longer | `Failed` |
//! | `Run`, `Drain` | yes | yes | not yet | `Assigned` |
//! | `Run`, `Drain` | yes | no longer | not yet | `Failed` |
//! | `Run`, `Drain` | no | yes | | `Available` |
//! | `Run`, `Drain` | no, or yes | no, or never | not yet | `Off` |

use super::service::Name;
use super::units::{Mac, Position};
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;
use serde::Serialize;

/// The state of a card as the table shows it; the numbers are those of SERVER-MODULE-MIB (patent row K6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not heard of, or stopped by command.
    Off = 1,
    /// Heard of, with no service bound to it.
    Available = 2,
    /// Bound to a service whose port does not answer yet.
    Assigned = 3,
    /// A service port answers: customers are served.
    Running = 4,
    /// Served before, or should serve, and does not.
    Failed = 5,
}

impl State {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Off, Self::Available, Self::Assigned, Self::Running, Self::Failed];

    /// The number in SERVER-MODULE-MIB.
    pub const fn number(self) -> u8 {
        match self {
            Self::Off => 1,
            Self::Available => 2,
            Self::Assigned => 3,
            Self::Running => 4,
            Self::Failed => 5,
        }
    }

    /// The state's one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Available => "available",
            Self::Assigned => "assigned",
            Self::Running => "running",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What is wanted of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Serve what is bound.
    Run,
    /// No new requests; running ones may finish until the deadline, then `Stop`.
    Drain {
        /// When the drain ends at the latest.
        deadline: Duration,
    },
    /// Serve nothing.
    Stop,
    /// Serve nothing and count as failed: a rehearsal.
    Fail,
}

/// Whether the card itself, apart from its service ports, has been heard of: a lease, a report, a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Contact {
    /// Nothing was ever heard.
    Never,
    /// Last heard at this time.
    Heard {
        /// When.
        at: Duration,
    },
    /// It was heard, and no longer answers.
    Silent {
        /// Since when.
        since: Duration,
    },
}

/// Why a card is in its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It is in the configuration, and nothing has happened yet.
    Configured,
    /// It took its address from the module.
    Leased,
    /// Its program introduced itself or reported.
    Reported,
    /// A service port answers.
    PortAnswers,
    /// The last service port that answered stopped to: `failures` probes in a row.
    PortSilent {
        /// How many probes failed in a row.
        failures: u8,
    },
    /// Its program stopped to answer.
    ProgramSilent,
    /// A command.
    Commanded {
        /// Who gave it.
        by: String,
    },
    /// A command, after the running requests had finished.
    Drained,
    /// A command, with requests still running when the drain's time was over.
    DrainOver,
    /// The configuration bound or released a service.
    Rebound,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("in the configuration, nothing heard yet"),
            Self::Leased => f.write_str("took its address"),
            Self::Reported => f.write_str("its program reported"),
            Self::PortAnswers => f.write_str("its service port answers"),
            Self::PortSilent { failures } => {
                write!(f, "its service port does not answer ({failures} probes in a row)")
            }
            Self::ProgramSilent => f.write_str("its program does not answer"),
            Self::Commanded { by } => write!(f, "commanded by {by}"),
            Self::Drained => f.write_str("stopped by command after its requests had finished"),
            Self::DrainOver => {
                f.write_str("stopped by command with requests still running after the drain's time")
            }
            Self::Rebound => f.write_str("the configuration changed its services"),
        }
    }
}

/// What a card's program tells of itself. What it does not know it leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How long the card has been up.
    pub up_time: Option<Duration>,
    /// Tenths of a degree Celsius.
    pub temperature: Option<i32>,
    /// The software it runs and its version.
    pub software: Option<String>,
    /// The hardware it found at boot.
    pub hardware: Option<String>,
}

/// A card of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// Where it sits.
    pub position: Position,
    /// Its address inside the cabinet.
    pub address: IpAddr,
    /// The hardware address that is expected there.
    pub mac: Option<Mac>,
    /// The relay's circuit-id that means this position.
    pub circuit_id: Option<String>,
    /// The services bound to it.
    pub services: Vec<Name>,
    /// What is wanted of it.
    pub order: Order,
    /// Whether it has been heard of.
    pub contact: Contact,
    /// Its state, judged from the facts above and its ports.
    pub state: State,
    /// Since when it is in this state.
    pub since: Duration,
    /// Why it is in this state.
    pub cause: Cause,
    /// What its program told last; `None` when no program ever reported.
    pub report: Option<Report>,
    /// When it told that.
    pub reported_at: Duration,
}

impl Card {
    /// How long the card has been up by its own report, or `None` when that is not known or no longer true.
    pub fn up_time(&self, now: Duration) -> Option<Duration> {
        match self.contact {
            Contact::Heard { .. } => {
                let up = self.report.as_ref()?.up_time?;
                Some(up.saturating_add(now.saturating_sub(self.reported_at)))
            }
            Contact::Never | Contact::Silent { .. } => None,
        }
    }

    /// Tenths of a degree Celsius by the card's own report, or `None` when that is not known or no longer true.
    pub fn temperature(&self) -> Option<i32> {
        match self.contact {
            Contact::Heard { .. } => self.report.as_ref().and_then(|report| report.temperature),
            Contact::Never | Contact::Silent { .. } => None,
        }
    }

    /// Whether a card program is there to take actions.
    pub fn has_program(&self) -> bool {
        self.report.is_some() && matches!(self.contact, Contact::Heard { .. })
    }

    /// The state that follows from the facts; `port` is what is known of the card's service ports.
    pub(super) fn judge(&self, port: Port) -> State {
        match (self.order, port, self.contact, self.services.is_empty()) {
            (Order::Stop, ..) => State::Off,
            (Order::Fail, ..) => State::Failed,
            (_, Port::Answers, _, false) => State::Running,
            (_, Port::Silent, _, false) => State::Failed,
            (_, _, Contact::Heard { .. }, false) => State::Assigned,
            (_, _, Contact::Silent { .. }, false) => State::Failed,
            (_, _, Contact::Heard { .. }, true) => State::Available,
            (_, _, Contact::Silent { .. } | Contact::Never, true) => State::Off,
            (_, _, Contact::Never, false) => State::Off,
        }
    }
}

/// What is known of a card's service ports together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// None answered yet.
    Unknown,
    /// At least one answers.
    Answers,
    /// At least one answered before, and none does now.
    Silent,
}
