//! The sub-agent and its three verbs.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::io::{Config, Error, Event, Input, Lost, Output};
use super::serve::Served;
use crate::agent::Overlap;
use crate::agentx::inbox::Inbox;
use crate::agentx::wire::{Binding, Body, List, Order, Packet, ParseError, Reason, Region, Status};
use crate::mib::Mib;
use crate::notify::Notification;
use crate::oid;
use crate::wire::{Oid, OidBuf, Value, VarBind, VarBindList};

/// A sub-agent that serves `M` through a master.
#[derive(Clone, Debug, PartialEq)]
pub struct Subagent<M> {
    config: Config,
    served: Served<M>,
    now: Duration,
    state: State,
    /// How long the next wait is.
    retry: Duration,
    inbox: Inbox,
    todo: VecDeque<Todo>,
    /// What was lent last.
    lent: Vec<u8>,
    next_packet: u32,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Waiting { until: Duration },
    Connecting { until: Duration },
    Opening { packet: u32, until: Duration },
    Open(Session),
}

#[derive(Clone, Debug, PartialEq)]
struct Session {
    id: u32,
    /// What the master has not answered yet, the earliest first.
    awaited: VecDeque<Awaited>,
    ping_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Awaited {
    packet: u32,
    what: What,
    until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Register(usize),
    Capabilities,
    Notification,
    Ping,
}

#[derive(Clone, Debug, PartialEq)]
enum Todo {
    Connect,
    Send(Vec<u8>),
    Close,
    Event(Event),
}

impl<M: Mib> Subagent<M> {
    /// A sub-agent that serves `mib`; it connects at once.
    ///
    /// # Errors
    /// [`Overlap`] where two nodes have the same root.
    pub fn new(now: Duration, config: Config, mib: M) -> Result<Self, Overlap> {
        let until = now.saturating_add(config.patience);
        Ok(Self {
            served: Served::new(mib)?,
            now,
            state: State::Connecting { until },
            retry: config.retry.0,
            inbox: Inbox::default(),
            todo: VecDeque::from([Todo::Connect]),
            lent: Vec::new(),
            next_packet: 1,
            config,
        })
    }

    /// Tells the sub-agent what happened at `now`; returns how many bytes of [`Input::Data`] were taken.
    ///
    /// # Errors
    /// [`Error`]: the input had no effect, or ended the connection, of which [`Event::Lost`] tells as well.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
        self.now = self.now.max(now);
        match (input, &self.state) {
            (Input::Connected, State::Connecting { .. }) => {
                self.open();
                Ok(0)
            }
            (Input::Data(data), State::Opening { .. } | State::Open(_)) => self.data(data),
            (Input::Disconnected, State::Connecting { .. } | State::Opening { .. } | State::Open(_)) => {
                self.lose(Lost::Disconnected);
                Ok(0)
            }
            (Input::Tick, _) => {
                self.tick();
                Ok(0)
            }
            _ => Err(Error::NotConnected),
        }
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        Some(match self.todo.pop_front()? {
            Todo::Connect => Output::Connect,
            Todo::Close => Output::Close,
            Todo::Event(event) => Output::Event(event),
            Todo::Send(bytes) => {
                self.lent = bytes;
                Output::Send(&self.lent)
            }
        })
    }

    /// When [`Input::Tick`] is next due; zero while outputs are pending.
    pub fn deadline(&self) -> Option<Duration> {
        if !self.todo.is_empty() {
            return Some(Duration::ZERO);
        }
        match &self.state {
            State::Waiting { until } | State::Connecting { until } | State::Opening { until, .. } => {
                Some(*until)
            }
            State::Open(session) => {
                let first = session.awaited.front().map(|awaited| awaited.until);
                Some(first.map_or(session.ping_at, |until| until.min(session.ping_at)))
            }
        }
    }

    /// What it serves.
    pub const fn mib(&self) -> &M {
        &self.served.mib
    }

    /// What it serves, to be brought up to date between two requests.
    pub const fn mib_mut(&mut self) -> &mut M {
        &mut self.served.mib
    }

    /// Tells whether the master has opened a session.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Sends a notification through the master, which knows the managers and adds sysUpTime.
    ///
    /// # Errors
    /// [`Error::NotNow`] where there is no session, or too many notifications wait.
    pub fn notify<N: Notification>(&mut self, now: Duration, notification: &N) -> Result<(), Error> {
        self.now = self.now.max(now);
        let State::Open(session) = &self.state else {
            return Err(Error::NotNow);
        };
        let waiting = session.awaited.iter().filter(|awaited| awaited.what == What::Notification).count();
        if waiting >= self.config.limits.notifications {
            return Err(Error::NotNow);
        }
        let mut objects: Vec<(OidBuf, Value<'_>)> = Vec::new();
        notification.objects(&mut |name, value| objects.push((name, value)));
        let first = VarBind { name: SNMP_TRAP_OID, value: Value::Oid(N::DEF.oid) };
        let rest = objects.iter().map(|(name, value)| VarBind { name: name.as_oid(), value: *value });
        let bindings: Vec<Binding<'_>> = core::iter::once(first).chain(rest).map(Binding::from).collect();
        self.ask(What::Notification, Body::Notify(List::of(&bindings)), true);
        Ok(())
    }

    /// Ends the session and the connection, as before a shutdown; the next tick that is due begins anew.
    pub fn close(&mut self, now: Duration) {
        self.now = self.now.max(now);
        if let State::Open(Session { id, .. }) = self.state {
            self.send(&Packet { session: id, body: Body::Close(Reason::SHUTDOWN), ..EMPTY });
        }
        if !matches!(self.state, State::Waiting { .. }) {
            self.todo.push_back(Todo::Close);
            self.wait();
        }
    }

    fn open(&mut self) {
        let (config, packet) = (self.config.clone(), self.number());
        let descr = config.descr.as_bytes();
        let body = Body::Open { timeout: config.timeout, id: config.id.as_oid().into(), descr };
        self.state = State::Opening { packet, until: self.now.saturating_add(config.patience) };
        self.send(&Packet { packet, body, ..EMPTY });
    }

    /// Takes what fits: nothing while too much waits to be sent, and never more than one packet ahead.
    fn data(&mut self, data: &[u8]) -> Result<usize, Error> {
        let mut rest = data;
        while self.waiting() < self.config.limits.outbox {
            let packet = match self.inbox.take(&mut rest, self.config.limits.max_packet) {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(error) => return self.malformed(error),
            };
            self.packet(&packet)?;
            if !matches!(self.state, State::Opening { .. } | State::Open(_)) {
                // What follows belonged to a connection that is over.
                return Ok(data.len());
            }
            self.inbox.give_back(packet);
        }
        Ok(data.len().saturating_sub(rest.len()))
    }

    fn malformed(&mut self, error: ParseError) -> Result<usize, Error> {
        if let State::Open(Session { id, .. }) = self.state {
            self.send(&Packet { session: id, body: Body::Close(Reason::PARSE_ERROR), ..EMPTY });
        }
        self.todo.push_back(Todo::Close);
        self.lose(Lost::Malformed(error));
        Err(error.into())
    }

    /// Octets that wait to be sent.
    fn waiting(&self) -> usize {
        let octets = self.todo.iter().map(|todo| if let Todo::Send(bytes) = todo { bytes.len() } else { 0 });
        octets.fold(0, usize::saturating_add)
    }

    fn packet(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            Err(error) => return self.malformed(error).map(drop),
        };
        match (&packet.body, &self.state) {
            (Body::Response { status, .. }, State::Opening { packet: own, .. }) if packet.packet == *own => {
                self.opened(packet.session, *status);
            }
            (Body::Response { status, .. }, State::Open(_)) => self.answered(packet.packet, *status),
            (Body::Close(reason), State::Open(_)) => {
                self.todo.push_back(Todo::Close);
                self.lose(Lost::Closed(*reason));
            }
            (_, State::Open(session)) if packet.session != session.id => {
                self.respond(&packet, Err((Status::NOT_OPEN, 0)), &VarBindList::new());
            }
            (_, State::Open(_)) => self.request(&packet),
            _ => {}
        }
        Ok(())
    }

    fn opened(&mut self, id: u32, status: Status) {
        if status != Status::NO_ERROR {
            self.todo.push_back(Todo::Close);
            return self.lose(Lost::Refused(status));
        }
        self.retry = self.config.retry.0;
        let ping_at = self.now.saturating_add(self.config.ping_interval);
        self.state = State::Open(Session { id, awaited: VecDeque::new(), ping_at });
        self.todo.push_back(Todo::Event(Event::Opened { session: id }));
        for node in 0..self.served.mib.len() {
            let Some(root) = self.served.mib.node(node).map(|own| own.root().to_buf()) else {
                continue;
            };
            let region =
                Region { subtree: root.as_oid().into(), priority: self.config.priority, range: None };
            let timeout = self.config.timeout;
            self.ask(What::Register(node), Body::Register { region, timeout, instance: false }, true);
        }
        for (id, descr) in self.config.capabilities.clone() {
            let body = Body::AddAgentCaps { id: id.as_oid().into(), descr: descr.as_bytes() };
            self.ask(What::Capabilities, body, true);
        }
    }

    fn answered(&mut self, packet: u32, status: Status) {
        let State::Open(session) = &mut self.state else {
            return;
        };
        let Some(position) = session.awaited.iter().position(|awaited| awaited.packet == packet) else {
            return;
        };
        let what = session.awaited.remove(position).map(|awaited| awaited.what);
        let good = status == Status::NO_ERROR;
        let event = match what {
            Some(What::Register(node)) if good => Event::Registered { node },
            Some(What::Register(node)) => Event::Refused { node, status },
            Some(What::Notification) if !good => Event::NotificationRefused { status },
            _ => return,
        };
        self.todo.push_back(Todo::Event(event));
    }

    fn request(&mut self, packet: &Packet<'_>) {
        let mut answer = VarBindList::new();
        let transaction = packet.transaction;
        let context = packet.context.unwrap_or(&[]);
        let addressed = matches!(packet.body, Body::CommitSet | Body::UndoSet | Body::CleanupSet);
        let outcome = if !addressed && context != self.config.context {
            Err((Status::UNSUPPORTED_CONTEXT, 0))
        } else {
            match packet.body {
                Body::Get(searches) => {
                    self.served.get(searches, &mut answer);
                    Ok(())
                }
                Body::GetNext(searches) => {
                    self.served.get_next(searches.iter(), &mut answer);
                    Ok(())
                }
                Body::GetBulk { non_repeaters, max_repetitions, searches } => {
                    let limit = self.config.limits.max_response;
                    self.served.get_bulk((non_repeaters, max_repetitions), searches, limit, &mut answer);
                    Ok(())
                }
                Body::TestSet(bindings) => self.served.test(transaction, bindings),
                Body::CommitSet => self.served.commit(transaction),
                Body::UndoSet => self.served.undo(transaction),
                Body::CleanupSet => {
                    // RFC 2741 §7.2.4.4: the only request without a response.
                    if self.served.cleanup(transaction) {
                        self.todo.push_back(Todo::Event(Event::Written));
                    }
                    return;
                }
                _ => Err((Status::PROCESSING_ERROR, 0)),
            }
        };
        self.respond(packet, outcome, &answer);
    }

    fn respond(&mut self, request: &Packet<'_>, outcome: Result<(), (Status, u16)>, answer: &VarBindList) {
        let (status, index) = outcome.err().unwrap_or((Status::NO_ERROR, 0));
        let bindings: Vec<Binding<'_>> = answer.iter().map(Binding::from).collect();
        let varbinds = if status == Status::NO_ERROR { List::of(&bindings) } else { List::EMPTY };
        let body = Body::Response { up_time: 0, status, index, varbinds };
        self.send(&Packet { body, context: None, ..*request });
    }

    /// Sends a request and waits for its answer.
    fn ask(&mut self, what: What, body: Body<'_>, in_context: bool) {
        let (packet, until) = (self.number(), self.now.saturating_add(self.config.patience));
        let State::Open(session) = &mut self.state else {
            return;
        };
        session.awaited.push_back(Awaited { packet, what, until });
        let session = session.id;
        let context = Some(self.config.context.clone()).filter(|context| in_context && !context.is_empty());
        self.send(&Packet { session, packet, context: context.as_deref(), body, ..EMPTY });
    }

    /// Queues a packet; those that follow one another go out together.
    fn send(&mut self, packet: &Packet<'_>) {
        if let Some(Todo::Send(bytes)) = self.todo.back_mut() {
            return packet.emit(bytes);
        }
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        self.todo.push_back(Todo::Send(bytes));
    }

    fn number(&mut self) -> u32 {
        let number = self.next_packet;
        self.next_packet = number.wrapping_add(1);
        number
    }

    fn tick(&mut self) {
        let now = self.now;
        match &self.state {
            // What was said before must be done first, so that a driver that never drains gathers nothing.
            State::Waiting { .. } | State::Connecting { .. } | State::Opening { .. } if self.is_busy() => {}
            State::Waiting { until } if *until <= now => {
                self.state = State::Connecting { until: now.saturating_add(self.config.patience) };
                self.todo.push_back(Todo::Connect);
            }
            State::Connecting { until } | State::Opening { until, .. } if *until <= now => {
                self.todo.push_back(Todo::Close);
                self.lose(Lost::Silent);
            }
            State::Open(session) if session.awaited.front().is_some_and(|awaited| awaited.until <= now) => {
                self.todo.push_back(Todo::Close);
                self.lose(Lost::Silent);
            }
            State::Open(session) if session.ping_at <= now => {
                if session.awaited.is_empty() {
                    self.ask(What::Ping, Body::Ping, true);
                }
                let next = now.saturating_add(self.config.ping_interval.max(Duration::from_millis(1)));
                if let State::Open(session) = &mut self.state {
                    session.ping_at = next;
                }
            }
            _ => {}
        }
    }

    /// Tells whether a connection is still to be made or to be closed.
    fn is_busy(&self) -> bool {
        self.todo.iter().any(|todo| matches!(todo, Todo::Connect | Todo::Close))
    }

    fn lose(&mut self, why: Lost) {
        if self.served.abandon() {
            self.todo.push_back(Todo::Event(Event::Written));
        }
        self.todo.push_back(Todo::Event(Event::Lost(why)));
        self.wait();
    }

    /// Waits before the next connection, longer each time.
    fn wait(&mut self) {
        self.served.abandon();
        self.inbox = Inbox::default();
        let retry = self.retry.max(Duration::from_millis(1));
        self.state = State::Waiting { until: self.now.saturating_add(retry) };
        self.retry = retry.saturating_mul(2).min(self.config.retry.1);
    }
}

/// snmpTrapOID.0, the first binding of a notification (RFC 2741 §6.2.10).
const SNMP_TRAP_OID: Oid<'static> = oid!(1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0);

/// A packet without a session, to be filled in.
const EMPTY: Packet<'static> =
    Packet { order: Order::Big, session: 0, transaction: 0, packet: 0, context: None, body: Body::Ping };
