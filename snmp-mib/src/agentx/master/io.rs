//! What the sessions of a master are told, take and give.

use alloc::vec::Vec;
use core::time::Duration;

use crate::agentx::wire::{ParseError, Reason, Status};
use crate::wire::{Oid, OidBuf, VarBinds};

/// What a master is told when it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The contexts beside the default one in which sub-agents may serve.
    pub contexts: Vec<Vec<u8>>,
    /// The subtrees that the master serves itself. Nobody else is given a part of them.
    pub own: Vec<OidBuf>,
    /// How long a sub-agent may take to answer, where it does not ask for more or less itself.
    pub timeout: Duration,
    /// How often in a row a sub-agent may fail to answer in time before its session is closed.
    pub timeouts: u32,
    /// How much is kept.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            contexts: Vec::new(),
            own: Vec::new(),
            timeout: Duration::from_secs(1),
            timeouts: 3,
            limits: Limits::default(),
        }
    }
}

/// How much a master keeps.
///
/// Memory: for each of `connections` a packet of up to `max_packet` octets while it comes in and `outbox` octets
/// that wait to be sent; about 200 octets for each of `registrations`, `indexes`, `capabilities` and `questions`,
/// beside the identifiers and descriptions themselves, of at most 1 KiB each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections, and sessions.
    pub connections: usize,
    /// The longest packet, in octets.
    pub max_packet: usize,
    /// How many octets may wait to be sent on a connection before no more of what it says is read.
    pub outbox: usize,
    /// The most regions, all sub-agents together.
    pub registrations: usize,
    /// The most values of indexes that are allocated, or remembered as having been.
    pub indexes: usize,
    /// The most capabilities.
    pub capabilities: usize,
    /// The most questions that wait for answers.
    pub questions: usize,
    /// The most notifications and events that wait to be taken; further notifications are refused.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            max_packet: 1 << 20,
            outbox: 1 << 18,
            registrations: 4_096,
            indexes: 65_536,
            capabilities: 256,
            questions: 4_096,
            events: 1_024,
        }
    }
}

/// Names a connection; the driver chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Names a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

/// Names a question to a sub-agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u32);

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A sub-agent has connected.
    Connected(ConnectionId),
    /// Bytes came. `handle` says how many were taken; the driver keeps the others.
    Data {
        /// From whom.
        from: ConnectionId,
        /// What.
        bytes: &'a [u8],
    },
    /// A connection is over.
    Disconnected(ConnectionId),
    /// The deadline has come.
    Tick,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send these bytes.
    Send {
        /// To whom.
        to: ConnectionId,
        /// What.
        bytes: &'a [u8],
    },
    /// Close the connection; it needs no [`Input::Disconnected`].
    Close(ConnectionId),
    /// A sub-agent has answered a question, or will not any more.
    Answer {
        /// Which question.
        id: AskId,
        /// What went wrong; genErr where there is no answer.
        status: Status,
        /// The position of the binding that it went wrong with, counted from 1.
        index: u16,
        /// The answer.
        varbinds: VarBinds<'a>,
    },
    /// A sub-agent sends a notification. Its bindings are those of SNMPv2, sysUpTime.0 and snmpTrapOID.0 first.
    Notify {
        /// Who.
        session: SessionId,
        /// In which context.
        context: &'a [u8],
        /// What.
        varbinds: VarBinds<'a>,
    },
    /// Something that the owner may want to know.
    Event(Event),
}

/// What the owner may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A sub-agent has opened a session.
    Opened(SessionId),
    /// A session is over; everything that it registered, allocated and added is gone.
    Closed {
        /// Which one.
        session: SessionId,
        /// Why: the sub-agent's word, or the master's.
        reason: Reason,
    },
    /// Which sub-agent serves what has changed.
    Regions,
    /// What sysORTable has to show has changed.
    Capabilities,
    /// A sub-agent did not answer in time.
    TimedOut(SessionId),
}

/// Why an input had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such connection or session, or no longer.
    #[error("not connected")]
    NotConnected,
    /// As many connections as the limits allow are there already; the driver closes this one.
    #[error("too many connections")]
    TooMany,
    /// What came was no AgentX; the connection is closed.
    #[error("malformed packet: {0}")]
    Malformed(#[from] ParseError),
    /// As many questions as the limits allow wait for answers.
    #[error("too many questions wait")]
    Busy,
}

/// A stretch of the tree, from `start` up to and without `end`, and who serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub(super) start: OidBuf,
    pub(super) end: OidBuf,
    /// Who serves it.
    pub session: SessionId,
}

impl Stretch {
    /// Where it begins.
    pub fn start(&self) -> Oid<'_> {
        self.start.as_oid()
    }

    /// The first name behind it; empty where it reaches to the end of the tree.
    pub fn end(&self) -> Oid<'_> {
        self.end.as_oid()
    }
}
