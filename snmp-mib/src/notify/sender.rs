//! Sending notifications: traps once, informs until they are acknowledged or given up (RFC 3416 §4.2.6, §4.2.7).

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use super::target::{Target, passes};
use super::trap::{SNMP_TRAP_OID, SYS_UP_TIME, v1_name};
use super::typed::Notification;
use crate::mib::{TimeTicks, rebase};
use crate::outbox::Outbox;
use crate::usm::{Authority, Builtin, Distrust, Engines, Heard, Level, Security, encode};
use crate::vacm::{self, Family, Policy, View};
use crate::wire::{
    Body, ErrorStatus, Message, Oid, OidBuf, ParseError, Pdu, PduType, Problem, ScopedPdu, TrapV1, V3Message,
    Value, VarBind, VarBindList, VarBinds, Version,
};

/// What a sender is told when it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where notifications go.
    pub targets: Vec<Target>,
    /// Filters by their names, each a set of families as a view is. One that is named and not there lets nothing
    /// pass.
    pub filters: Vec<(String, Vec<Family>)>,
    /// Who may be told what; everybody everything where it is `None`.
    pub access: Option<vacm::Config>,
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
    /// The security model does not believe it.
    #[error("not to be trusted: {0}")]
    Untrusted(#[from] Distrust),
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
    /// Notifications not sent to a v1 target because of a Counter64, longer than a message may be, or of a user who is
    /// not known.
    pub unsendable: u64,
    /// Notifications that a filter or a view kept back.
    pub withheld: u64,
    /// Informs that were acknowledged.
    pub acknowledged: u64,
    /// Informs that never were.
    pub given_up: u64,
}

/// An inform that waits for its acknowledgement.
#[derive(Clone, Debug, PartialEq)]
struct Pending {
    /// The request-id; in v3 of the latest message.
    id: i32,
    to: SocketAddr,
    security: Security,
    bindings: VarBindList,
    tries: u32,
    /// How often the manager has taught its identity or its clock.
    lessons: u32,
    deadline: Duration,
}

/// Sends notifications to its targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    config: Config,
    filters: Vec<(String, View)>,
    policy: Option<Policy>,
    started_at: Duration,
    now: Duration,
    next_id: i32,
    pending: Vec<Pending>,
    outbox: Outbox,
    events: VecDeque<Event>,
    stats: Stats,
    secure: Option<Secure>,
}

/// What a sender of v3 has: of a trap it is itself the authoritative engine, of an inform the manager is.
#[derive(Clone, Debug, PartialEq)]
struct Secure {
    authority: Authority<Builtin>,
    managers: Engines<Builtin>,
    levels: Vec<(Vec<u8>, Level)>,
}

/// How many times a manager may teach before an inform is given up: its identity, its clock, a restart.
const LESSONS: u32 = 4;

impl Sender {
    /// A sender whose sysUpTime starts at `now`. `first_id` should differ from run to run.
    pub fn new(now: Duration, config: Config, first_id: i32) -> Self {
        Self {
            filters: config.filters.iter().map(|(name, own)| (name.clone(), View::new(own))).collect(),
            policy: config.access.clone().map(Policy::new),
            config,
            started_at: now,
            now,
            next_id: first_id,
            pending: Vec::new(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            stats: Stats::default(),
            secure: None,
        }
    }

    /// Lets the sender speak v3 as these users. `config` is that of the engine whose notifications they are;
    /// `config.boots` must have been written down before.
    #[cfg(feature = "usm")]
    pub fn secure(&mut self, now: Duration, config: crate::usm::Config, users: &[crate::usm::Credentials]) {
        let managers = Engines::new(
            crate::usm::RustCrypto,
            users.to_vec(),
            self.config.limits.pending,
            // Half a space away from the salts of traps.
            config.salt.wrapping_add(1 << 63),
        );
        let levels = users.iter().map(|user| (user.name().to_vec(), user.level())).collect();
        let authority = Authority::new(now, crate::usm::RustCrypto, config, users);
        self.secure = Some(Secure { authority, managers, levels });
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
            Input::Datagram { from, data } => self.answer(from, data),
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

    /// Judges whether a target is told, and renders the notification for it.
    fn send(&mut self, position: usize, name: Oid<'_>, ticks: u32, bindings: &[VarBind<'_>]) {
        let Some(target) = self.config.targets.get(position).cloned() else {
            return;
        };
        let objects = bindings.get(2..).unwrap_or(&[]);
        if !self.tells(&target, name, objects) {
            self.stats.withheld = self.stats.withheld.saturating_add(1);
            return;
        }
        let id = self.wire_id();
        if target.security.version() == Version::V1 {
            return match self.v1(&target, name, ticks, objects) {
                Some(message) => self.queue(target.to, message),
                None => self.unsendable(),
            };
        }
        if !target.inform {
            return match self.message(
                &target.security,
                target.to,
                PduType::TRAP,
                id,
                VarBinds::list(bindings),
            ) {
                Some(message) => self.queue(target.to, message),
                None => self.unsendable(),
            };
        }
        if self.pending.len() >= self.config.limits.pending {
            self.stats.dropped = self.stats.dropped.saturating_add(1);
            return;
        }
        let Some(message) =
            self.message(&target.security, target.to, PduType::INFORM, id, VarBinds::list(bindings))
        else {
            return self.unsendable();
        };
        self.pending.push(Pending {
            id,
            to: target.to,
            security: target.security,
            bindings: bindings.iter().copied().collect(),
            tries: 1,
            lessons: 0,
            deadline: self.now.saturating_add(self.config.limits.inform_timeout),
        });
        self.queue(target.to, message);
    }

    /// Tells whether the target's filter and view let a notification pass.
    fn tells(&self, target: &Target, name: Oid<'_>, objects: &[VarBind<'_>]) -> bool {
        let filter = self.filters.iter().find(|(own, _)| *own == target.profile);
        let passes =
            target.profile.is_empty() || filter.is_some_and(|(_, filter)| passes(filter, name, objects));
        let admitted = self
            .policy
            .as_ref()
            .is_none_or(|policy| target.admitted(policy, self.level(&target.security), name, objects));
        passes && admitted
    }

    fn level(&self, security: &Security) -> Level {
        let Security::User { name: user, .. } = security else { return Level::Open };
        let known = self.secure.iter().flat_map(|secure| &secure.levels).find(|(name, _)| name == user);
        known.map_or(Level::Open, |(_, level)| *level)
    }

    /// The next request-id, which is a msgID as well and so is not negative.
    const fn wire_id(&mut self) -> i32 {
        let id = self.next_id & i32::MAX;
        self.next_id = id.wrapping_add(1);
        id
    }

    const fn unsendable(&mut self) {
        self.stats.unsendable = self.stats.unsendable.saturating_add(1);
    }

    /// The notification as v1 says it; `None` where it cannot.
    fn v1(&self, target: &Target, name: Oid<'_>, ticks: u32, objects: &[VarBind<'_>]) -> Option<Vec<u8>> {
        let Security::Community { version, community } = &target.security else { return None };
        if objects.iter().any(|object| matches!(object.value, Value::Counter64(_))) {
            return None;
        }
        let (enterprise, generic, specific) = v1_name(name, Oid::default(), self.config.object_id.as_oid());
        let body = Body::TrapV1(TrapV1 {
            enterprise: enterprise.as_oid(),
            // A sender does not know which of its addresses a manager sees (RFC 3584 §3.2).
            agent_address: core::net::Ipv4Addr::UNSPECIFIED,
            generic,
            specific,
            time_stamp: ticks,
            varbinds: VarBinds::list(objects),
        });
        let message = Message { version: *version, community, body }.to_vec();
        (message.len() <= self.config.limits.max_message).then_some(message)
    }

    /// The notification as v2c and v3 say it, or the question that finds out who is to be informed; `None` where
    /// it is too long, or the user is not known.
    fn message(
        &mut self,
        security: &Security,
        to: SocketAddr,
        kind: PduType,
        id: i32,
        varbinds: VarBinds<'_>,
    ) -> Option<Vec<u8>> {
        let pdu = Pdu { kind, request_id: id, error_status: ErrorStatus::NO_ERROR, error_index: 0, varbinds };
        let mut out = Vec::new();
        let message = match security {
            Security::Community { version, community } => {
                Message { version: *version, community, body: Body::Pdu(pdu) }.to_vec()
            }
            Security::User { name, context } if kind == PduType::INFORM => {
                let managers = &mut self.secure.as_mut()?.managers;
                managers.seal(self.now, (to, name, context), id, pdu, &mut out).ok()?.to_vec()
            }
            Security::User { name, context } => {
                let level = self.level(security);
                let secure =
                    self.secure.as_mut().filter(|secure| secure.levels.iter().any(|(own, _)| own == name))?;
                let engine = secure.authority.engine().to_vec();
                let scoped = encode(&ScopedPdu { engine: &engine, context, pdu }).ok()?;
                let max_size = i32::try_from(self.config.limits.max_message).unwrap_or(i32::MAX);
                let from = crate::usm::Sender { id, max_size, reportable: false, level, user: name };
                secure.authority.seal(self.now, &from, &scoped, &mut out).ok()?.to_vec()
            }
        };
        (message.len() <= self.config.limits.max_message).then_some(message)
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

    fn answer(&mut self, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let message = match Message::parse(data) {
            Ok(message) => message,
            Err(error) if error.problem == Problem::Version(3) => return self.sealed(from, data),
            Err(error) => return Err(error.into()),
        };
        let Body::Pdu(Pdu { kind: PduType::RESPONSE, request_id, .. }) = message.body else {
            return Err(Error::Unexpected);
        };
        let own = |inform: &Pending| {
            inform.id == request_id
                && inform.to == from
                && matches!(inform.security, Security::Community { .. })
        };
        let found = self.pending.iter().position(own).ok_or(Error::Unexpected)?;
        self.acknowledged(found);
        Ok(())
    }

    /// Takes a message of v3: an acknowledgement, or a Report that teaches how to inform.
    fn sealed(&mut self, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let id = V3Message::parse(data)?.id;
        let found = self.pending.iter().position(|inform| inform.id == id && inform.to == from);
        let found = found.ok_or(Error::Unexpected)?;
        let (Some(secure), Some(Pending { security: Security::User { name, .. }, lessons, .. })) =
            (self.secure.as_mut(), self.pending.get(found))
        else {
            return Err(Error::Unexpected);
        };
        let mut plain = Vec::new();
        match secure.managers.open(self.now, from, name, data, &mut plain)? {
            Heard::Answer(pdu) if pdu.kind == PduType::RESPONSE && pdu.request_id == id => {
                self.acknowledged(found);
            }
            Heard::Answer(_) => return Err(Error::Unexpected),
            Heard::Lesson(_) if *lessons < LESSONS => {
                let mut inform = self.pending.swap_remove(found);
                inform.lessons = inform.lessons.saturating_add(1);
                self.again(inform);
            }
            Heard::Lesson(_) | Heard::Refused(_) => {
                let inform = self.pending.swap_remove(found);
                self.give_up(&inform);
            }
        }
        Ok(())
    }

    fn acknowledged(&mut self, found: usize) {
        let inform = self.pending.swap_remove(found);
        self.stats.acknowledged = self.stats.acknowledged.saturating_add(1);
        self.note(Event::Acknowledged { to: inform.to, id: inform.id });
    }

    fn give_up(&mut self, inform: &Pending) {
        self.stats.given_up = self.stats.given_up.saturating_add(1);
        self.note(Event::GivenUp { to: inform.to, id: inform.id });
    }

    /// Sends an inform again: in v3 in a new message, with the manager's time as it is now.
    fn again(&mut self, mut inform: Pending) {
        if matches!(inform.security, Security::User { .. }) {
            inform.id = self.wire_id();
        }
        let bindings = inform.bindings.as_varbinds();
        if let Some(message) = self.message(&inform.security, inform.to, PduType::INFORM, inform.id, bindings)
        {
            self.queue(inform.to, message);
        }
        self.pending.push(inform);
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
        self.pending = waiting;
        for mut inform in over {
            if inform.tries >= self.config.limits.inform_tries {
                self.give_up(&inform);
                continue;
            }
            inform.tries = inform.tries.saturating_add(1);
            let wait = self.config.limits.inform_timeout.saturating_mul(inform.tries);
            // At least a moment ahead, so that a clock that stands still does not spin.
            inform.deadline = self.now.saturating_add(wait.max(Duration::from_millis(1)));
            inform.lessons = 0;
            self.again(inform);
        }
    }
}
