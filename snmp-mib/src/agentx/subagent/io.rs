//! What a sub-agent is told, takes and gives.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::agentx::wire::{ParseError, Reason, Status};
use crate::wire::OidBuf;

/// What a sub-agent is told when it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What identifies it to the master, as an identifier of the product; may be empty.
    pub id: OidBuf,
    /// Its description.
    pub descr: String,
    /// The context that it serves; empty for the default one.
    pub context: Vec<u8>,
    /// Of several sub-agents that serve the same, the one of the lowest number is asked. 127 is usual.
    pub priority: u8,
    /// How long the master should wait for its answers, in whole seconds; 0 leaves that to the master.
    pub timeout: u8,
    /// What it adds to the master's sysORTable: capabilities and their descriptions.
    pub capabilities: Vec<(OidBuf, String)>,
    /// How long it waits before it connects again: at first, and at the most.
    pub retry: (Duration, Duration),
    /// How long the master may take to answer; then the connection is given up.
    pub patience: Duration,
    /// How often it looks whether the master is there.
    pub ping_interval: Duration,
    /// How much it keeps.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            id: OidBuf::new(),
            descr: String::new(),
            context: Vec::new(),
            priority: 127,
            timeout: 0,
            capabilities: Vec::new(),
            retry: (Duration::from_secs(1), Duration::from_secs(60)),
            patience: Duration::from_secs(5),
            ping_interval: Duration::from_secs(15),
            limits: Limits::default(),
        }
    }
}

/// How much a sub-agent keeps.
///
/// Memory: one packet of up to `max_packet` octets while it comes in, and twice `outbox` octets and one response
/// that wait to be sent; a response is at most `max_response` octets and one binding longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest packet, in octets.
    pub max_packet: usize,
    /// The length at which the response to a GetBulk stops growing, in octets.
    pub max_response: usize,
    /// How many octets may wait to be sent before no more requests are taken.
    pub outbox: usize,
    /// The most notifications whose acceptance is awaited.
    pub notifications: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_packet: 1 << 20, max_response: 65_536, outbox: 1 << 18, notifications: 256 }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The connection stands that [`Output::Connect`] asked for.
    Connected,
    /// Bytes came. `handle` says how many were taken; the driver keeps the others.
    Data(&'a [u8]),
    /// There is no connection: it broke, or could not be made.
    Disconnected,
    /// The deadline has come.
    Tick,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Connect to the master, and say [`Input::Connected`] or [`Input::Disconnected`].
    Connect,
    /// Send these bytes.
    Send(&'a [u8]),
    /// Close the connection; it needs no [`Input::Disconnected`].
    Close,
    /// Something that the owner may want to know.
    Event(Event),
}

/// What the owner may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The master has opened a session.
    Opened {
        /// Its number.
        session: u32,
    },
    /// The master sends requests for the node of that position here now.
    Registered {
        /// The position in the MIB.
        node: usize,
    },
    /// The master does not want the node of that position from here.
    Refused {
        /// The position in the MIB.
        node: usize,
        /// Why: duplicateRegistration, requestDenied, unsupportedContext.
        status: Status,
    },
    /// The master did not take a notification.
    NotificationRefused {
        /// Why.
        status: Status,
    },
    /// A SET took effect.
    Written,
    /// The connection is over; another one will be tried.
    Lost(Lost),
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// It broke, or could not be made.
    Disconnected,
    /// The master did not answer in time.
    Silent,
    /// The master refused the session.
    Refused(Status),
    /// The master closed the session.
    Closed(Reason),
    /// What came was no AgentX.
    Malformed(ParseError),
}

/// Why an input had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection, or one was not asked for.
    #[error("not connected")]
    NotConnected,
    /// What came was no AgentX; the connection is given up.
    #[error("malformed packet: {0}")]
    Malformed(#[from] ParseError),
    /// There is no session yet, or too many notifications wait for their acceptance.
    #[error("no notification can be sent now")]
    NotNow,
}
