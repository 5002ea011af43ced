//! The master and its three verbs.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::indexes::{Indexes, Wanted};
use super::io::{AskId, Config, ConnectionId, Error, Event, Input, Output, SessionId, Stretch};
use super::regions::Regions;
use crate::agentx::inbox::Inbox;
use crate::agentx::wire::{Binding, Body, Header, List, Order, Packet, ParseError, Reason, Status, owned};
use crate::mib::TimeTicks;
use crate::oid;
use crate::wire::{Oid, OidBuf, Value, VarBind, VarBindList};

/// The sessions of a master with its sub-agents.
#[derive(Clone, Debug, PartialEq)]
pub struct Master {
    config: Config,
    started_at: Duration,
    now: Duration,
    connections: BTreeMap<ConnectionId, Inbox>,
    sessions: BTreeMap<SessionId, Session>,
    regions: Regions,
    indexes: Indexes,
    capabilities: Vec<Capability>,
    questions: BTreeMap<AskId, Question>,
    todo: VecDeque<Todo>,
    /// What was lent last.
    lent: Option<Todo>,
    next_session: u32,
    next_ask: u32,
    /// Whether regions or capabilities have changed since that was asked.
    changed: (bool, bool),
}

/// What has come since that was asked.
#[derive(Debug, Default)]
pub(in crate::agentx) struct News {
    pub(in crate::agentx) regions: bool,
    pub(in crate::agentx) capabilities: bool,
    pub(in crate::agentx) answers: Vec<(AskId, Status, u16, VarBindList)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Session {
    connection: ConnectionId,
    order: Order,
    /// How long it may take to answer.
    timeout: Duration,
    /// How often in a row it did not.
    timeouts: u32,
}

/// A row of sysORTable that a sub-agent brings.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Capability {
    session: SessionId,
    context: Vec<u8>,
    id: OidBuf,
    descr: Vec<u8>,
}

/// What a sub-agent was asked.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Question {
    session: SessionId,
    until: Duration,
}

#[derive(Clone, Debug, PartialEq)]
enum Todo {
    Send { to: ConnectionId, bytes: Vec<u8> },
    Close(ConnectionId),
    Answer { id: AskId, status: Status, index: u16, varbinds: VarBindList },
    Notify { session: SessionId, context: Vec<u8>, varbinds: VarBindList },
    Event(Event),
}

impl Master {
    /// A master without sub-agents; `now` is where its sysUpTime starts.
    pub const fn new(now: Duration, config: Config) -> Self {
        Self {
            config,
            started_at: now,
            now,
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            regions: Regions::new(),
            indexes: Indexes::new(),
            capabilities: Vec::new(),
            questions: BTreeMap::new(),
            todo: VecDeque::new(),
            lent: None,
            next_session: 1,
            next_ask: 1,
            changed: (false, false),
        }
    }

    /// Tells the master what happened at `now`; returns how many bytes of [`Input::Data`] were taken.
    ///
    /// # Errors
    /// [`Error`]: the input had no effect, or ended a connection.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
        self.now = self.now.max(now);
        match input {
            Input::Connected(connection) => {
                if self.connections.len() >= self.config.limits.connections {
                    return Err(Error::TooMany);
                }
                self.connections.entry(connection).or_default();
                Ok(0)
            }
            Input::Data { from, bytes } => self.data(from, bytes),
            Input::Disconnected(connection) => {
                self.connections.remove(&connection).ok_or(Error::NotConnected)?;
                self.todo.retain(|todo| !matches!(todo, Todo::Send { to, .. } if *to == connection));
                self.end_all(connection, Reason::OTHER);
                Ok(0)
            }
            Input::Tick => {
                self.tick();
                Ok(0)
            }
        }
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.lent = self.todo.pop_front();
        Some(match self.lent.as_ref()? {
            Todo::Send { to, bytes } => Output::Send { to: *to, bytes },
            Todo::Close(connection) => Output::Close(*connection),
            Todo::Answer { id, status, index, varbinds } => {
                Output::Answer { id: *id, status: *status, index: *index, varbinds: varbinds.as_varbinds() }
            }
            Todo::Notify { session, context, varbinds } => {
                Output::Notify { session: *session, context, varbinds: varbinds.as_varbinds() }
            }
            Todo::Event(event) => Output::Event(*event),
        })
    }

    /// When [`Input::Tick`] is next due; zero while outputs are pending. Only questions have deadlines.
    pub fn deadline(&self) -> Option<Duration> {
        if !self.todo.is_empty() {
            return Some(Duration::ZERO);
        }
        self.questions.values().map(|question| question.until).min()
    }

    /// Who serves what in a context: stretches in order, which do not overlap.
    pub fn stretches(&self, context: &[u8]) -> &[Stretch] {
        self.regions.stretches(context)
    }

    /// What sub-agents add to sysORTable in a context: identification and description.
    pub fn capabilities(&self, context: &[u8]) -> impl Iterator<Item = (Oid<'_>, &[u8])> {
        let own = self.capabilities.iter().filter(move |own| own.context == context);
        own.map(|own| (own.id.as_oid(), own.descr.as_slice()))
    }

    /// Asks a sub-agent: Get, GetNext, GetBulk, TestSet, CommitSet, UndoSet or, without an answer, CleanupSet.
    /// `at` is the name that the question is about, for its timeout.
    ///
    /// # Errors
    /// [`Error::NotConnected`] where the session is over, [`Error::Busy`] where too many questions wait.
    pub fn ask(
        &mut self,
        now: Duration,
        session: SessionId,
        (transaction, context): (u32, &[u8]),
        at: Oid<'_>,
        body: Body<'_>,
    ) -> Result<AskId, Error> {
        self.now = self.now.max(now);
        let own = self.sessions.get(&session).ok_or(Error::NotConnected)?;
        if self.questions.len() >= self.config.limits.questions {
            return Err(Error::Busy);
        }
        let (connection, order) = (own.connection, own.order);
        let seconds = self.regions.timeout(session, context, at);
        let patience = seconds.map_or(own.timeout, |seconds| Duration::from_secs(seconds.into()));
        let id = AskId(self.next_ask);
        self.next_ask = self.next_ask.wrapping_add(1).max(1);
        let silent = matches!(body, Body::CleanupSet);
        let follows = matches!(body, Body::CommitSet | Body::UndoSet | Body::CleanupSet);
        let context = Some(context).filter(|context| !context.is_empty() && !follows);
        let packet = Packet { order, session: session.0, transaction, packet: id.0, context, body };
        self.send(connection, &packet);
        if !silent {
            // At least a moment ahead, so that a clock that stands still does not spin.
            let until = self.now.saturating_add(patience.max(Duration::from_millis(1)));
            self.questions.insert(id, Question { session, until });
        }
        Ok(id)
    }

    /// What the joint with an agent has to know; answers do not come as outputs then.
    pub(in crate::agentx) fn news(&mut self) -> News {
        let (regions, capabilities) = core::mem::take(&mut self.changed);
        let mut answers = Vec::new();
        if self.todo.iter().any(|todo| matches!(todo, Todo::Answer { .. })) {
            for todo in core::mem::take(&mut self.todo) {
                match todo {
                    Todo::Answer { id, status, index, varbinds } => {
                        answers.push((id, status, index, varbinds));
                    }
                    other => self.todo.push_back(other),
                }
            }
        }
        News { regions, capabilities, answers }
    }

    /// Takes what fits: nothing while too much waits to be sent to that sub-agent.
    fn data(&mut self, from: ConnectionId, data: &[u8]) -> Result<usize, Error> {
        let mut rest = data;
        while self.waiting(from) < self.config.limits.outbox {
            let inbox = self.connections.get_mut(&from).ok_or(Error::NotConnected)?;
            let bytes = match inbox.take(&mut rest, self.config.limits.max_packet) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(error) => {
                    // What follows cannot be told apart any more.
                    self.connections.remove(&from);
                    self.todo.push_back(Todo::Close(from));
                    self.end_all(from, Reason::PARSE_ERROR);
                    return Err(error.into());
                }
            };
            match Packet::parse(&bytes) {
                Ok(packet) => self.packet(from, &packet),
                Err(error) => self.unreadable(from, &bytes, error),
            }
            if let Some(inbox) = self.connections.get_mut(&from) {
                inbox.give_back(bytes);
            }
        }
        Ok(data.len().saturating_sub(rest.len()))
    }

    /// RFC 2741 §7.1: a PDU that cannot be read is answered parseError.
    fn unreadable(&mut self, from: ConnectionId, bytes: &[u8], _: ParseError) {
        let Ok(Some(Header { order, session, transaction, packet, kind, .. })) = Header::of(bytes) else {
            return;
        };
        if kind == crate::agentx::wire::PduType::RESPONSE {
            // An answer that cannot be read is none.
            let asked = self.questions.get(&AskId(packet)).is_some_and(|asked| asked.session.0 == session);
            if asked {
                self.answer(AskId(packet), Status::GEN_ERR, 0, VarBindList::new());
            }
            return;
        }
        let request = Packet { order, session, transaction, packet, context: None, body: Body::Ping };
        self.respond(from, &request, Err((Status::PARSE_ERROR, 0)), &VarBindList::new());
    }

    fn packet(&mut self, from: ConnectionId, packet: &Packet<'_>) {
        let nothing = VarBindList::new();
        if let Body::Open { timeout, .. } = packet.body {
            return self.open(from, packet, timeout);
        }
        let session = SessionId(packet.session);
        let own = self.sessions.get(&session).is_some_and(|own| own.connection == from);
        match packet.body {
            Body::Response { status, index, varbinds, .. } => {
                let id = AskId(packet.packet);
                if own && self.questions.get(&id).is_some_and(|asked| asked.session == session) {
                    if let Some(own) = self.sessions.get_mut(&session) {
                        own.timeouts = 0;
                    }
                    self.answer(id, status, index, owned(varbinds));
                }
                return;
            }
            _ if !own => return self.respond(from, packet, Err((Status::NOT_OPEN, 0)), &nothing),
            Body::Close(reason) => {
                self.respond(from, packet, Ok(()), &nothing);
                return self.end(session, reason);
            }
            _ => {}
        }
        let context = packet.context.unwrap_or(&[]);
        if !context.is_empty() && !self.config.contexts.iter().any(|own| own == context) {
            return self.respond(from, packet, Err((Status::UNSUPPORTED_CONTEXT, 0)), &nothing);
        }
        match self.administer(session, context, &packet.body) {
            Ok(answer) => self.respond(from, packet, Ok(()), &answer),
            Err(failed) => self.respond(from, packet, Err(failed), &nothing),
        }
    }

    fn open(&mut self, from: ConnectionId, packet: &Packet<'_>, timeout: u8) {
        if self.sessions.len() >= self.config.limits.connections {
            return self.respond(from, packet, Err((Status::OPEN_FAILED, 0)), &VarBindList::new());
        }
        let timeout = match timeout {
            0 => self.config.timeout,
            seconds => Duration::from_secs(seconds.into()),
        };
        let id = SessionId(self.next_session);
        self.next_session = self.next_session.wrapping_add(1).max(1);
        let session = Session { connection: from, order: packet.order, timeout, timeouts: 0 };
        self.sessions.insert(id, session);
        self.respond(from, &Packet { session: id.0, ..*packet }, Ok(()), &VarBindList::new());
        self.note(Event::Opened(id));
    }

    /// What a sub-agent wants of the master (RFC 2741 §7.1.4 to §7.1.11).
    fn administer(
        &mut self,
        session: SessionId,
        context: &[u8],
        body: &Body<'_>,
    ) -> Result<VarBindList, (Status, u16)> {
        let whole = |status| (status, 0);
        let limits = self.config.limits;
        match body {
            Body::Register { region, timeout, .. } => {
                if self.regions.len() >= limits.registrations {
                    return Err(whole(Status::REQUEST_DENIED));
                }
                self.regions.add(session, context, region, *timeout, &self.config.own).map_err(whole)?;
                self.note(Event::Regions);
            }
            Body::Unregister(region) => {
                self.regions.remove(session, context, region).map_err(whole)?;
                self.note(Event::Regions);
            }
            Body::Notify(varbinds) => {
                if self.todo.len() >= limits.events {
                    return Err(whole(Status::PROCESSING_ERROR));
                }
                let varbinds = self.timed(&owned(*varbinds)).ok_or(whole(Status::PROCESSING_ERROR))?;
                self.todo.push_back(Todo::Notify { session, context: context.to_vec(), varbinds });
            }
            Body::Ping => {}
            Body::IndexAllocate { new, any, varbinds } => {
                let wanted = match (new, any) {
                    (true, _) => Wanted::New,
                    (false, true) => Wanted::Any,
                    (false, false) => Wanted::These,
                };
                let varbinds = owned(*varbinds);
                return self.indexes.allocate(session, context, wanted, &varbinds, limits.indexes);
            }
            Body::IndexDeallocate(varbinds) => {
                self.indexes.give_back(session, context, &owned(*varbinds))?;
            }
            Body::AddAgentCaps { id, descr } => {
                if self.capabilities.len() >= limits.capabilities || descr.len() > 255 {
                    return Err(whole(Status::REQUEST_DENIED));
                }
                let (context, descr) = (context.to_vec(), descr.to_vec());
                self.capabilities.push(Capability { session, context, id: id.to_buf(), descr });
                self.note(Event::Capabilities);
            }
            Body::RemoveAgentCaps(id) => {
                let id = id.to_buf();
                let same =
                    |own: &Capability| own.session == session && own.context == context && own.id == id;
                let at = self.capabilities.iter().position(same).ok_or(whole(Status::UNKNOWN_AGENT_CAPS))?;
                self.capabilities.remove(at);
                self.note(Event::Capabilities);
            }
            // The others are a master's to send.
            _ => return Err(whole(Status::PROCESSING_ERROR)),
        }
        Ok(VarBindList::new())
    }

    /// The bindings of a notification with sysUpTime.0 before them, unless it is there; `None` where
    /// snmpTrapOID.0 is missing (RFC 2741 §7.1.10).
    fn timed(&self, varbinds: &VarBindList) -> Option<VarBindList> {
        let has_time = varbinds.iter().next().is_some_and(|first| first.name == SYS_UP_TIME);
        let named = varbinds.iter().nth(usize::from(has_time))?;
        if named.name != SNMP_TRAP_OID || !matches!(named.value, Value::Oid(_)) {
            return None;
        }
        let time = VarBind { name: SYS_UP_TIME, value: Value::TimeTicks(self.up_time()) };
        Some(core::iter::once(time).filter(|_| !has_time).chain(varbinds.iter()).collect())
    }

    fn up_time(&self) -> u32 {
        TimeTicks::from(self.now.saturating_sub(self.started_at)).0
    }

    fn respond(
        &mut self,
        to: ConnectionId,
        request: &Packet<'_>,
        outcome: Result<(), (Status, u16)>,
        answer: &VarBindList,
    ) {
        let (status, index) = outcome.err().unwrap_or((Status::NO_ERROR, 0));
        let bindings: Vec<Binding<'_>> = answer.iter().map(Binding::from).collect();
        let body = Body::Response { up_time: self.up_time(), status, index, varbinds: List::of(&bindings) };
        self.send(to, &Packet { body, context: None, ..*request });
    }

    /// Queues a packet; those to one connection that follow one another go out together.
    fn send(&mut self, to: ConnectionId, packet: &Packet<'_>) {
        match self.todo.back_mut() {
            Some(Todo::Send { to: same, bytes }) if *same == to => packet.emit(bytes),
            _ => {
                let mut bytes = Vec::new();
                packet.emit(&mut bytes);
                self.todo.push_back(Todo::Send { to, bytes });
            }
        }
    }

    /// Octets that wait to be sent to a connection; more than anybody allows where too much else waits.
    fn waiting(&self, connection: ConnectionId) -> usize {
        if self.todo.len() >= self.config.limits.events.saturating_mul(2) {
            return usize::MAX;
        }
        let octets = self.todo.iter().map(|todo| match todo {
            Todo::Send { to, bytes } if *to == connection => bytes.len(),
            _ => 0,
        });
        octets.fold(0, usize::saturating_add)
    }

    fn answer(&mut self, id: AskId, status: Status, index: u16, varbinds: VarBindList) {
        if self.questions.remove(&id).is_some() {
            self.todo.push_back(Todo::Answer { id, status, index, varbinds });
        }
    }

    /// Keeps an event; one that says the same as the last one is not needed twice.
    fn note(&mut self, event: Event) {
        self.changed.0 |= event == Event::Regions;
        self.changed.1 |= event == Event::Capabilities;
        if self.todo.back() != Some(&Todo::Event(event)) {
            self.todo.push_back(Todo::Event(event));
        }
    }

    /// Ends every session of a connection that is over.
    fn end_all(&mut self, connection: ConnectionId, reason: Reason) {
        let over = self.sessions.iter().filter(|(_, own)| own.connection == connection).map(|(id, _)| *id);
        for session in over.collect::<Vec<_>>() {
            self.end(session, reason);
        }
    }

    /// Forgets a session and everything that it had.
    fn end(&mut self, session: SessionId, reason: Reason) {
        self.sessions.remove(&session);
        let open = self.questions.iter().filter(|(_, asked)| asked.session == session).map(|(id, _)| *id);
        for id in open.collect::<Vec<_>>() {
            self.answer(id, Status::GEN_ERR, 0, VarBindList::new());
        }
        self.indexes.forget(session);
        self.note(Event::Closed { session, reason });
        if self.regions.forget(session) {
            self.note(Event::Regions);
        }
        let before = self.capabilities.len();
        self.capabilities.retain(|own| own.session != session);
        if self.capabilities.len() != before {
            self.note(Event::Capabilities);
        }
    }

    /// Fails the questions whose time has come, the earliest first, and closes sessions that failed too often.
    fn tick(&mut self) {
        let mut due: Vec<(Duration, AskId, SessionId)> = Vec::new();
        due.extend(self.questions.iter().map(|(id, asked)| (asked.until, *id, asked.session)));
        due.retain(|(until, _, _)| *until <= self.now);
        due.sort();
        for (_, id, session) in due {
            self.answer(id, Status::GEN_ERR, 0, VarBindList::new());
            let Some(own) = self.sessions.get_mut(&session) else {
                continue;
            };
            own.timeouts = own.timeouts.saturating_add(1);
            let (timeouts, connection, order) = (own.timeouts, own.connection, own.order);
            self.note(Event::TimedOut(session));
            if timeouts >= self.config.timeouts {
                let body = Body::Close(Reason::TIMEOUTS);
                let packet =
                    Packet { order, session: session.0, transaction: 0, packet: 0, context: None, body };
                self.send(connection, &packet);
                self.end(session, Reason::TIMEOUTS);
            }
        }
    }
}

const SYS_UP_TIME: Oid<'static> = oid!(1, 3, 6, 1, 2, 1, 1, 3, 0);
const SNMP_TRAP_OID: Oid<'static> = oid!(1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0);
