//! Sending notifications: traps once, informs until they are acknowledged or given up (RFC 3416 §4.2.6, §4.2.7).

use alloc::{collections::VecDeque, vec::Vec};
use core::{fmt, net::SocketAddr, time::Duration};

use super::trap::{SNMP_TRAP_OID, SYS_UP_TIME, v1_name};
use super::typed::Notification;
use crate::mib::{TimeTicks, rebase};
use crate::outbox::Outbox;
use crate::wire::{
    Body, ErrorStatus, Message, Oid, OidBuf, ParseError, Pdu, PduType, TrapV1, Value, VarBind, VarBinds,
    Version,
};

/// Where notifications go.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The manager.
    pub to: SocketAddr,
    /// In which version. Notifications with a Counter64 do not go out in v1.
    pub version: Version,
    /// The community.
    pub community: Vec<u8>,
    /// Whether the manager must acknowledge each; only with v2c.
    pub inform: bool,
}

impl fmt::Debug for Target {
    /// The community is a secret and stays out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, version, inform, .. } = self;
        write!(f, "Target {{ to: {to}, version: {version:?}, inform: {inform} }}")
    }
}

/// What a sender is told when it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where notifications go.
    pub targets: Vec<Target>,
    /// sysObjectID, the enterprise of standard traps in v1.
    pub object_id: OidBuf,
    /// Where names below the first identifier go instead: an operator's own enterprise number.
    pub rebase: Option<(OidBuf, OidBuf)>,
    /// How much it keeps.
    pub limits: Limits,
}

/// How much a sender keeps, and for how long.
///
/// Memory: `outbox` messages of up to `max_message` octets wait to be sent, and as many again for `pending`
/// informs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in octets.
    pub max_message: usize,
    /// The most messages that wait to be sent.
    pub outbox: usize,
    /// The most informs that wait for their acknowledgement.
    pub pending: usize,
    /// How long an acknowledgement may take; each further try waits as long again.
    pub inform_timeout: Duration,
    /// How often an inform is sent at the most.
    pub inform_tries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let inform_timeout = Duration::from_secs(5);
        Self { max_message: 1_472, outbox: 1_024, pending: 256, inform_timeout, inform_tries: 4 }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram arrived on the socket that informs are sent from.
    Datagram {
        /// Its sender.
        from: SocketAddr,
        /// Its bytes.
        data: &'a [u8],
    },
    /// The deadline has come.
    Tick,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send `data` to `to`.
    Send {
        /// The manager.
        to: SocketAddr,
        /// The message.
        data: &'a [u8],
    },
    /// Something to note.
    Event(Event),
}

/// Something to note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A manager acknowledged an inform.
    Acknowledged {
        /// The manager.
        to: SocketAddr,
        /// The request-id of the inform.
        id: i32,
    },
    /// A manager never acknowledged an inform.
    GivenUp {
        /// The manager.
        to: SocketAddr,
        /// The request-id of the inform.
        id: i32,
    },
}

/// Why a datagram had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no message.
    #[error("malformed message: {0}")]
    Malformed(#[from] ParseError),
    /// No inform waits for it.
    #[error("acknowledges nothing that was sent")]
    Unexpected,
}

/// What a sender counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages handed out for sending, repeated informs included.
    pub sent: u64,
    /// Messages dropped because as many as the limits allow were waiting.
    pub dropped: u64,
    /// Notifications not sent to a v1 target because of a Counter64, or longer than a message may be.
    pub unsendable: u64,
    /// Informs that were acknowledged.
    pub acknowledged: u64,
    /// Informs that never were.
    pub given_up: u64,
}

/// An inform that waits for its acknowledgement.
#[derive(Clone, Debug, PartialEq)]
struct Pending {
    id: i32,
    to: SocketAddr,
    message: Vec<u8>,
    tries: u32,
    deadline: Duration,
}

/// Sends notifications to its targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    config: Config,
    started_at: Duration,
    now: Duration,
    next_id: i32,
    pending: Vec<Pending>,
    outbox: Outbox,
    events: VecDeque<Event>,
    stats: Stats,
}

impl Sender {
    /// A sender whose sysUpTime starts at `now`. `first_id` should differ from run to run.
    pub fn new(now: Duration, config: Config, first_id: i32) -> Self {
        Self {
            config,
            started_at: now,
            now,
            next_id: first_id,
            pending: Vec::new(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    /// Sends a notification to every target.
    pub fn notify<N: Notification>(&mut self, now: Duration, notification: &N) {
        self.now = self.now.max(now);
        let ticks = TimeTicks::from(self.now.saturating_sub(self.started_at)).0;
        let name = self.moved(N::DEF.oid);
        let mut objects: Vec<(OidBuf, Value<'_>)> = Vec::new();
        notification.objects(&mut |object, value| objects.push((self.moved(object.as_oid()), value)));
        let first = [
            VarBind { name: SYS_UP_TIME, value: Value::TimeTicks(ticks) },
            VarBind { name: SNMP_TRAP_OID, value: Value::Oid(name.as_oid()) },
        ];
        let rest = objects.iter().map(|(name, value)| VarBind { name: name.as_oid(), value: *value });
        let bindings: Vec<VarBind<'_>> = first.into_iter().chain(rest).collect();
        for position in 0..self.config.targets.len() {
            self.send(position, name.as_oid(), ticks, &bindings);
        }
    }

    /// Tells the sender what happened at `now`.
    ///
    /// # Errors
    /// [`Error`]: a datagram that acknowledges nothing. A driver may log it and goes on.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        self.now = self.now.max(now);
        match input {
            Input::Datagram { from, data } => self.acknowledge(from, &Message::parse(data)?),
            Input::Tick => {
                self.repeat();
                Ok(())
            }
        }
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if let Some(event) = self.events.pop_front() {
            return Some(Output::Event(event));
        }
        self.outbox.pop().map(|(to, data)| Output::Send { to, data })
    }

    /// When [`Input::Tick`] is next due; zero while outputs are pending.
    pub fn deadline(&self) -> Option<Duration> {
        if !self.outbox.is_empty() || !self.events.is_empty() {
            return Some(Duration::ZERO);
        }
        self.pending.iter().map(|inform| inform.deadline).min()
    }

    /// What was counted.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    fn moved(&self, oid: Oid<'_>) -> OidBuf {
        match &self.config.rebase {
            Some((from, to)) => rebase(oid, from.as_oid(), to.as_oid()),
            None => oid.to_buf(),
        }
    }

    /// Renders the notification for one target and queues it.
    fn send(&mut self, position: usize, name: Oid<'_>, ticks: u32, bindings: &[VarBind<'_>]) {
        let Some(target) = self.config.targets.get(position) else {
            return;
        };
        let id = self.next_id;
        let objects = bindings.get(2..).unwrap_or(&[]);
        let enterprise;
        let body = match target.version {
            Version::V1 if objects.iter().any(|object| matches!(object.value, Value::Counter64(_))) => {
                self.stats.unsendable = self.stats.unsendable.saturating_add(1);
                return;
            }
            Version::V1 => {
                let (own, generic, specific) = v1_name(name, Oid::default(), self.config.object_id.as_oid());
                enterprise = own;
                Body::TrapV1(TrapV1 {
                    enterprise: enterprise.as_oid(),
                    // A sender does not know which of its addresses a manager sees (RFC 3584 §3.2).
                    agent_address: core::net::Ipv4Addr::UNSPECIFIED,
                    generic,
                    specific,
                    time_stamp: ticks,
                    varbinds: VarBinds::list(objects),
                })
            }
            Version::V2c => Body::Pdu(Pdu {
                kind: if target.inform { PduType::INFORM } else { PduType::TRAP },
                request_id: id,
                error_status: ErrorStatus::NO_ERROR,
                error_index: 0,
                varbinds: VarBinds::list(bindings),
            }),
        };
        let message = Message { version: target.version, community: &target.community, body }.to_vec();
        if message.len() > self.config.limits.max_message {
            self.stats.unsendable = self.stats.unsendable.saturating_add(1);
            return;
        }
        let (to, waits) = (target.to, target.inform && target.version == Version::V2c);
        self.next_id = self.next_id.wrapping_add(1);
        if waits && !self.expect(id, to, &message) {
            return;
        }
        self.queue(to, message);
    }

    /// Keeps an inform until it is acknowledged; tells whether there was room.
    fn expect(&mut self, id: i32, to: SocketAddr, message: &[u8]) -> bool {
        if self.pending.len() >= self.config.limits.pending {
            self.stats.dropped = self.stats.dropped.saturating_add(1);
            return false;
        }
        let deadline = self.now.saturating_add(self.config.limits.inform_timeout);
        self.pending.push(Pending { id, to, message: message.to_vec(), tries: 1, deadline });
        true
    }

    fn queue(&mut self, to: SocketAddr, message: Vec<u8>) {
        if self.outbox.len() >= self.config.limits.outbox {
            self.stats.dropped = self.stats.dropped.saturating_add(1);
            return;
        }
        self.stats.sent = self.stats.sent.saturating_add(1);
        self.outbox.push(to, message, 0);
    }

    /// Keeps an event for the driver. One that never drains loses what is past the limit; the counters have it.
    fn note(&mut self, event: Event) {
        if self.events.len() < self.config.limits.pending {
            self.events.push_back(event);
        }
    }

    fn acknowledge(&mut self, from: SocketAddr, message: &Message<'_>) -> Result<(), Error> {
        let Body::Pdu(Pdu { kind: PduType::RESPONSE, request_id, .. }) = message.body else {
            return Err(Error::Unexpected);
        };
        let found = self.pending.iter().position(|inform| inform.id == request_id && inform.to == from);
        let inform = self.pending.swap_remove(found.ok_or(Error::Unexpected)?);
        self.stats.acknowledged = self.stats.acknowledged.saturating_add(1);
        self.note(Event::Acknowledged { to: from, id: inform.id });
        Ok(())
    }

    /// Sends again what is due, and gives up what was sent often enough.
    fn repeat(&mut self) {
        let due = |inform: &Pending| inform.deadline <= self.now;
        let mut over: Vec<Pending> = Vec::new();
        let mut waiting: Vec<Pending> = Vec::new();
        for inform in core::mem::take(&mut self.pending) {
            if due(&inform) { over.push(inform) } else { waiting.push(inform) }
        }
        over.sort_by_key(|inform| inform.deadline);
        for mut inform in over {
            if inform.tries >= self.config.limits.inform_tries {
                self.stats.given_up = self.stats.given_up.saturating_add(1);
                self.note(Event::GivenUp { to: inform.to, id: inform.id });
                continue;
            }
            inform.tries = inform.tries.saturating_add(1);
            let wait = self.config.limits.inform_timeout.saturating_mul(inform.tries);
            // At least a moment ahead, so that a clock that stands still does not spin.
            inform.deadline = self.now.saturating_add(wait.max(Duration::from_millis(1)));
            self.queue(inform.to, inform.message.clone());
            waiting.push(inform);
        }
        self.pending = waiting;
    }
}
