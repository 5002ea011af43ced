//! Receiving notifications of v1 and v2c, and acknowledging informs.

use alloc::{collections::VecDeque, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use super::trap::Trap;
use crate::agent::Community;
use crate::outbox::Outbox;
use crate::wire::{Body, ErrorStatus, Message, ParseError, Pdu, PduType};

/// What a receiver is told when it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Who may tell; anybody where it is empty.
    pub communities: Vec<Community>,
    /// How much it keeps.
    pub limits: Limits,
}

/// How much a receiver keeps: `waiting` datagrams as they came, of 64 KiB at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most notifications that wait to be taken; further ones are dropped and counted, and informs among them
    /// are not acknowledged, so that their sender tries again.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { waiting: 1_024 }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram arrived.
    Datagram {
        /// Its sender.
        from: SocketAddr,
        /// Its bytes.
        data: &'a [u8],
    },
    /// Time went by. A receiver has no timers.
    Tick,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send `data` to `to`: an acknowledgement.
    Send {
        /// The sender of the inform.
        to: SocketAddr,
        /// The message.
        data: &'a [u8],
    },
    /// A notification.
    Trap {
        /// Its sender.
        from: SocketAddr,
        /// What it tells.
        trap: Trap<'a>,
    },
}

/// Why a datagram had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no message.
    #[error("malformed message: {0}")]
    Malformed(#[from] ParseError),
    /// Nobody of that community may tell from there.
    #[error("unknown community, or from the wrong network")]
    Community,
    /// It is no notification, or lacks sysUpTime or snmpTrapOID.
    #[error("not a notification")]
    NotANotification,
    /// As many notifications as the limits allow are waiting.
    #[error("too many notifications are waiting")]
    Busy,
}

/// What a receiver counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Notifications taken.
    pub received: u64,
    /// Datagrams that were malformed, or no notifications.
    pub malformed: u64,
    /// Datagrams of an unknown community.
    pub strangers: u64,
    /// Notifications dropped because as many as the limits allow were waiting.
    pub dropped: u64,
}

/// Takes notifications in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receiver {
    config: Config,
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
    lent: Option<(SocketAddr, Vec<u8>)>,
    outbox: Outbox,
    stats: Stats,
}

impl Receiver {
    /// A receiver.
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// Tells the receiver what happened.
    ///
    /// # Errors
    /// [`Error`]: why a datagram was not taken. A driver may log it and goes on.
    pub fn handle(&mut self, _now: Duration, input: Input<'_>) -> Result<(), Error> {
        let Input::Datagram { from, data } = input else {
            return Ok(());
        };
        let outcome = self.datagram(from, data);
        let counter = match outcome {
            Ok(()) => &mut self.stats.received,
            Err(Error::Community) => &mut self.stats.strangers,
            Err(Error::Busy) => &mut self.stats.dropped,
            Err(Error::Malformed(_) | Error::NotANotification) => &mut self.stats.malformed,
        };
        *counter = counter.saturating_add(1);
        outcome
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if !self.outbox.is_empty() {
            return self.outbox.pop().map(|(to, data)| Output::Send { to, data });
        }
        self.lent = self.waiting.pop_front();
        let (from, data) = self.lent.as_ref()?;
        // It was read once when it came, so it can be read again.
        let trap = Trap::read(&Message::parse(data).ok()?)?;
        Some(Output::Trap { from: *from, trap })
    }

    /// Zero while outputs are pending; a receiver has no timers.
    pub fn deadline(&self) -> Option<Duration> {
        (!self.outbox.is_empty() || !self.waiting.is_empty()).then_some(Duration::ZERO)
    }

    /// What was counted.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    fn datagram(&mut self, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let message = Message::parse(data)?;
        let communities = &self.config.communities;
        if !communities.is_empty() && !communities.iter().any(|own| own.admits(message.community, from.ip()))
        {
            return Err(Error::Community);
        }
        if Trap::read(&message).is_none() {
            return Err(Error::NotANotification);
        }
        if self.waiting.len() >= self.config.limits.waiting {
            return Err(Error::Busy);
        }
        self.waiting.push_back((from, data.to_vec()));
        if let Body::Pdu(Pdu { kind: PduType::INFORM, .. }) = message.body {
            self.outbox.push(from, acknowledgement(&message).to_vec(), 0);
        }
        Ok(())
    }
}

/// The Response to an inform: the same bindings (RFC 3416 §4.2.7).
fn acknowledgement<'a>(message: &Message<'a>) -> Message<'a> {
    let body = match message.body {
        Body::Pdu(pdu) => Body::Pdu(Pdu {
            kind: PduType::RESPONSE,
            error_status: ErrorStatus::NO_ERROR,
            error_index: 0,
            ..pdu
        }),
        trap @ Body::TrapV1(_) => trap,
    };
    Message { body, ..*message }
}
