//! The one path to change anything: commands, who gives them, and what comes back.

use super::card::State;
use super::definition::{Definition, Flaw};
use super::service::Name;
use super::units::Position;
use core::fmt;
use serde::Serialize;

/// Who gives a command. Every interface makes one of these from its own way of knowing people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Who {
    /// The account's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The interface it came by.
    pub via: Via,
}

impl Who {
    /// An account of a role, by an interface.
    pub fn new(name: impl Into<String>, role: Role, via: Via) -> Self {
        Self { name: name.into(), role, via }
    }

    /// The module itself.
    pub fn module() -> Self {
        Self::new("module", Role::Operator, Via::Module)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.role.word(), self.via.word())
    }
}

/// What an account may do (patent row S3). A customer has no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the cabinet: everything.
    Operator,
    /// Touches the hardware: stops and starts cards, sees all states, changes nothing else.
    Technician,
    /// Owns services: sees and commands the cards of its own services only.
    User,
}

impl Role {
    /// The role's one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Technician => "technician",
            Self::User => "user",
        }
    }
}

/// The interface a command came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The local socket.
    Ctl,
    /// The admin pages.
    Web,
    /// SNMP SET.
    Snmp,
    /// The module itself: a signal, a timer, the demo.
    Module,
}

impl Via {
    /// The interface's one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ctl => "ctl",
            Self::Web => "web",
            Self::Snmp => "snmp",
            Self::Module => "module",
        }
    }
}

/// What can be commanded. All are idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Drains a card, then stops it.
    StopCard(Position),
    /// Undoes `StopCard` and `FailCard`.
    StartCard(Position),
    /// Makes a card count as failed at once, without a drain: a rehearsal.
    FailCard(Position),
    /// Drains a service on all its cards, then keeps it stopped. The cards stay as they are.
    StopService(Name),
    /// Undoes `StopService`.
    StartService(Name),
    /// Takes a new configuration, whole or not at all.
    Reload(Box<Definition>),
    /// Sets one of the system group's texts.
    Describe(Label, String),
}

impl Command {
    /// The command's verb, as the audit log shows it.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::StopCard(_) => "stop card",
            Self::StartCard(_) => "start card",
            Self::FailCard(_) => "fail card",
            Self::StopService(_) => "stop service",
            Self::StartService(_) => "start service",
            Self::Reload(_) => "reload",
            Self::Describe(Label::Contact, _) => "set contact",
            Self::Describe(Label::Name, _) => "set name",
            Self::Describe(Label::Location, _) => "set location",
        }
    }

    /// The card that is commanded, when it is one.
    pub const fn card(&self) -> Option<Position> {
        match self {
            Self::StopCard(card) | Self::StartCard(card) | Self::FailCard(card) => Some(*card),
            Self::StopService(_) | Self::StartService(_) | Self::Reload(_) | Self::Describe(..) => None,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb())?;
        match self {
            Self::StopCard(card) | Self::StartCard(card) | Self::FailCard(card) => write!(f, " {card}"),
            Self::StopService(name) | Self::StartService(name) => write!(f, " {name}"),
            Self::Describe(_, text) => write!(f, " {text:?}"),
            Self::Reload(_) => Ok(()),
        }
    }
}

/// The writable texts of MIB-II's system group (RFC 3418).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// sysContact: whom to ask.
    Contact,
    /// sysName: the module's name.
    Name,
    /// sysLocation: where it stands.
    Location,
}

/// The answer to a command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reply {
    /// The card is in this state and stays there; `changed` is false when it was already so.
    Card {
        /// Its state after the command.
        state: State,
        /// Whether the command changed what is wanted of the card.
        changed: bool,
    },
    /// The service serves or not; `changed` is false when it was already so.
    Service {
        /// Whether it may serve.
        stopped: bool,
        /// Whether the command changed that.
        changed: bool,
    },
    /// The card takes no new requests and goes off when its running ones have finished.
    Draining,
    /// The configuration is in force.
    Reloaded {
        /// How many cards it has.
        cards: usize,
        /// How many services it has.
        services: usize,
    },
    /// The text is set.
    Described,
}

/// Why a command was not carried out. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refusal {
    /// The role does not allow it.
    #[error("{} may not {verb} as {}", who.name, who.role.word())]
    NotAllowed {
        /// Who asked.
        who: Who,
        /// For what.
        verb: &'static str,
    },
    /// There is no such card.
    #[error("there is no card {0}")]
    NoSuchCard(Position),
    /// There is no such service.
    #[error("there is no service {0}")]
    NoSuchService(Name),
    /// The new configuration cannot be: all the reasons.
    #[error("the configuration cannot be taken: {}", .0.first().map_or_else(String::new, ToString::to_string))]
    Definition(Vec<Flaw>),
    /// A text of the system group is longer than its 255 bytes, or has control characters.
    #[error("the text has more than 255 bytes or control characters")]
    BadText,
}
