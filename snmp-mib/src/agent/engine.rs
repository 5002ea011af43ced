//! The agent and its three verbs.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

#[cfg(feature = "usm")]
use super::config::Rights;
use super::config::{Config, Limits, Writes};
use super::own::{AuthenTraps, OrEntry, SnmpSet, Stats, System};
use super::read::{self, Finder};
use super::registry::{Overlap, Registry};
use super::reply::Reply;
use super::request::Request;
use super::secure::Secure;
use super::set;
use crate::mib::{Group, Mib, Node, Table, TimeTicks};
use crate::oid;
use crate::outbox::Outbox;
use crate::wire::{Body, ErrorStatus, Message, ParseError, Pdu, PduType, VarBinds, Version};

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
    /// The driver sent notifications, which the snmp group counts.
    TrapsSent(u32),
    /// The owner agrees to a SET and has written down what must last: now it takes effect.
    WriteDone {
        /// Which SET.
        id: WriteId,
    },
    /// The owner refuses a SET, which then has no effect.
    WriteRefused {
        /// Which SET.
        id: WriteId,
        /// The position of the binding that it is refused for, counted from 0.
        position: usize,
        /// What is answered.
        status: ErrorStatus,
    },
    /// The deadline has come.
    Tick,
}

/// Names a SET that waits for the owner of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub u64);

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send `data` to `to`, from the address that the request went to.
    Send {
        /// Who asked.
        to: SocketAddr,
        /// The response.
        data: &'a [u8],
    },
    /// Ask the owner of the data whether a SET that the agent has judged may take effect, and answer with
    /// [`Input::WriteDone`] or [`Input::WriteRefused`]. Only with [`Writes::Confirmed`].
    Write {
        /// Which SET.
        id: WriteId,
        /// Who asks.
        from: SocketAddr,
        /// What is to be written.
        varbinds: VarBinds<'a>,
    },
    /// Something that the owner of the data may want to know.
    Event(Event),
}

/// What the owner of the data may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A SET took effect: what is to survive a restart should be written down now.
    Written {
        /// Who wrote.
        from: SocketAddr,
        /// How many bindings it had.
        bindings: usize,
    },
}

/// Why a datagram was not answered. Nothing but counters has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no message of a version that this agent speaks.
    #[error("malformed message: {0}")]
    Malformed(#[from] ParseError),
    /// Nobody of that community may ask from there. Where [`Agent::authentication_traps`] says so, this is the
    /// moment for an authenticationFailure notification.
    #[error("unknown community, or from the wrong network")]
    Community,
    /// The security model of v3 refuses the message, and nobody is to be told.
    #[error("refused by the security model")]
    Refused,
    /// A message of v3 for another engine, or for a context that there is not.
    #[error("unknown engine or context")]
    Context,
    /// A response or a notification: nothing for an agent.
    #[error("a PDU that is no request")]
    NotARequest,
    /// As many responses as the limits allow are waiting to be sent; or the same SET came again while the first
    /// one waits for the owner of the data.
    #[error("too many responses are waiting")]
    Busy,
    /// No SET of that name waits for the owner of the data, or no longer.
    #[error("no SET waits for that answer")]
    UnknownWrite,
    /// Not even an empty response fits the limits.
    #[error("the response does not fit")]
    TooBig,
}

/// An SNMP agent that serves `M`.
#[derive(Clone, Debug)]
pub struct Agent<M> {
    config: Config,
    started_at: Duration,
    now: Duration,
    pub(super) tree: Tree<M>,
    outbox: Outbox,
    events: Vec<Event>,
    secure: Secure,
    write: Option<Write>,
    next_write: u64,
    /// Where each repeater of a request is; kept for its allocations only.
    finders: Vec<Finder>,
}

/// A SET that waits for the owner of the data.
#[derive(Clone, Debug, PartialEq)]
struct Write {
    id: WriteId,
    from: SocketAddr,
    /// The request, to be answered.
    request: Vec<u8>,
    /// The nodes that hold what it will write.
    nodes: Vec<usize>,
    /// Whether the owner still has to be asked.
    unasked: bool,
    deadline: Duration,
}

/// Everything that can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree<M> {
    pub(super) registry: Registry,
    system: Group<System>,
    modules: Table<OrEntry>,
    pub(super) snmp: Group<Stats>,
    set: Group<SnmpSet>,
    mib: M,
}

/// How many nodes the agent brings itself.
const OWN: usize = 4;

impl<M: Mib> Tree<M> {
    #[inline]
    pub(super) fn node(&self, position: usize) -> Option<&dyn Node> {
        match position {
            0 => Some(&self.system),
            1 => Some(&self.modules),
            2 => Some(&self.snmp),
            3 => Some(&self.set),
            other => self.mib.node(other.saturating_sub(OWN)),
        }
    }

    pub(super) fn node_mut(&mut self, position: usize) -> Option<&mut dyn Node> {
        match position {
            0 => Some(&mut self.system),
            1 => Some(&mut self.modules),
            2 => Some(&mut self.snmp),
            3 => Some(&mut self.set),
            other => self.mib.node_mut(other.saturating_sub(OWN)),
        }
    }
}

impl<M: PartialEq> PartialEq for Agent<M> {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
            && self.started_at == other.started_at
            && self.now == other.now
            && self.tree == other.tree
            && self.outbox == other.outbox
            && self.events == other.events
            && self.secure == other.secure
            && self.write == other.write
            && self.next_write == other.next_write
    }
}

impl<M: Mib> Agent<M> {
    /// An agent that serves `mib` beside its own groups; `now` is where sysUpTime starts.
    ///
    /// # Errors
    /// [`Overlap`] where two nodes have the same root.
    pub fn new(now: Duration, config: Config, mib: M) -> Result<Self, Overlap> {
        let modules = [
            OrEntry::since_start(1, oid!(1, 3, 6, 1, 6, 3, 1), "The MIB module for SNMP entities"),
            OrEntry::since_start(2, oid!(1, 3, 6, 1, 2, 1, 1), "The system group of MIB-II"),
        ];
        let mut tree = Tree {
            registry: Registry::default(),
            system: Group::new(config.system.clone()),
            modules: modules.into_iter().collect(),
            snmp: Group::default(),
            set: Group::default(),
            mib,
        };
        let count = tree.mib.len().saturating_add(OWN);
        let roots = (0..count).filter_map(|i| tree.node(i).map(|node| (i, node.root())));
        tree.registry = Registry::new(roots)?;
        Ok(Self {
            config,
            started_at: now,
            now,
            tree,
            outbox: Outbox::default(),
            events: Vec::new(),
            secure: Secure::default(),
            write: None,
            next_write: 1,
            finders: Vec::new(),
        })
    }

    /// Lets the agent speak SNMPv3 beside v1 and v2c, to these users, each with its rights. A user is believed at
    /// the level of its credentials and above. `config.boots` must have been written down before.
    #[cfg(feature = "usm")]
    pub fn secure(
        &mut self,
        now: Duration,
        config: crate::usm::Config,
        users: &[(crate::usm::Credentials, Rights)],
    ) {
        self.secure = Secure::new(now, config, users);
    }

    /// Tells the agent what happened at `now`.
    ///
    /// # Errors
    /// [`Error`]: why a datagram is not answered. A driver may log it and goes on.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        self.now = self.now.max(now);
        self.tree.system.values.up_time = TimeTicks::from(self.now.saturating_sub(self.started_at));
        match input {
            Input::Datagram { from, data } => self.datagram(from, data),
            Input::TrapsSent(count) => {
                self.tree.snmp.values.out_traps.add(count);
                self.tree.snmp.values.out_pkts.add(count);
                Ok(())
            }
            Input::WriteDone { id } => self.decided(id, Ok(())),
            Input::WriteRefused { id, position, status } => {
                self.decided(id, Err(Failure::binding(position, status)))
            }
            Input::Tick => match &self.write {
                Some(write) if write.deadline <= self.now => {
                    let id = write.id;
                    self.decided(id, Err(Failure::at(0, ErrorStatus::GEN_ERR)))
                }
                _ => Ok(()),
            },
        }
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if !self.events.is_empty() {
            return Some(Output::Event(self.events.remove(0)));
        }
        if let Some(write) = self.write.as_mut().filter(|write| write.unasked) {
            write.unasked = false;
            // It was read once when it came, so it can be read again.
            if let Ok(Message { body: Body::Pdu(pdu), .. }) = Message::parse(&write.request) {
                return Some(Output::Write { id: write.id, from: write.from, varbinds: pdu.varbinds });
            }
        }
        self.outbox.pop().map(|(to, data)| Output::Send { to, data })
    }

    /// When [`Input::Tick`] is next due; zero while outputs are pending. Only a SET that waits for the owner of
    /// the data has a deadline.
    pub fn deadline(&self) -> Option<Duration> {
        let unasked = self.write.as_ref().is_some_and(|write| write.unasked);
        if unasked || !self.outbox.is_empty() || !self.events.is_empty() {
            return Some(Duration::ZERO);
        }
        self.write.as_ref().map(|write| write.deadline)
    }

    /// What it serves.
    pub const fn mib(&self) -> &M {
        &self.tree.mib
    }

    /// What it serves, to be brought up to date between two requests.
    pub const fn mib_mut(&mut self) -> &mut M {
        &mut self.tree.mib
    }

    /// The system group, as managers have written it.
    pub const fn system(&self) -> &System {
        &self.tree.system.values
    }

    /// The system group, to be restored after a restart.
    pub const fn system_mut(&mut self) -> &mut System {
        &mut self.tree.system.values
    }

    /// What was counted.
    pub const fn stats(&self) -> &Stats {
        &self.tree.snmp.values
    }

    /// Whether a manager switched authenticationFailure notifications on.
    pub fn authentication_traps(&self) -> bool {
        self.tree.snmp.values.enable_authen_traps == AuthenTraps::Enabled
    }

    fn datagram(&mut self, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let mut plain = Vec::new();
        let stats = &mut self.tree.snmp.values;
        stats.in_pkts.add(1);
        let opened =
            Request::open(&self.config, &mut self.secure, stats, self.now, from.ip(), data, &mut plain);
        let request = match opened {
            Ok(request) => request,
            Err(error) => return self.told(from, error),
        };
        let pdu = request.pdu;
        count_request(stats, &pdu)?;
        let repeated = self.write.as_ref().is_some_and(|write| write.from == from && write.request == data);
        if repeated || self.outbox.len() >= self.config.limits.outbox {
            stats.silent_drops.add(1);
            return Err(Error::Busy);
        }
        let mut reply = Reply::new(request.head, self.outbox.buffer());
        let limits = Limits { max_message: request.limit, ..self.config.limits };
        let outcome = if request.rights.is_none() {
            Err(Failure::at(0, ErrorStatus::AUTHORIZATION_ERROR))
        } else if !request.rights.is_some_and(|rights| rights.allow(pdu.kind)) {
            self.tree.snmp.values.in_bad_community_uses.add(1);
            Err(Failure::at(1, ErrorStatus::NO_ACCESS))
        } else if pdu.varbinds.len() > limits.max_bindings {
            Err(Failure::TOO_BIG)
        } else if pdu.kind == PduType::SET {
            match self.set(from, data, &pdu, &limits, &mut reply) {
                Ok(true) => Ok(()),
                Ok(false) => {
                    self.outbox.give_back(reply.abandon());
                    return Ok(());
                }
                Err(failure) => Err(failure),
            }
        } else {
            read::read(&self.tree, &limits, request.version, &pdu, &mut self.finders, &mut reply)
        };
        self.respond(from, &request, outcome, reply)
    }

    /// Sends the Report that v3 owes to the sender of a message that was refused; else passes the error on.
    fn told(&mut self, to: SocketAddr, error: Error) -> Result<(), Error> {
        match self.secure.take_report() {
            Some(report) if self.outbox.len() < self.config.limits.outbox => {
                self.tree.snmp.values.out_pkts.add(1);
                self.outbox.push(to, report, 0);
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Judges a SET. Tells whether it has taken effect already, or waits for the owner of the data.
    fn set(
        &mut self,
        from: SocketAddr,
        data: &[u8],
        pdu: &Pdu<'_>,
        limits: &Limits,
        reply: &mut Reply<'_>,
    ) -> Result<bool, Failure> {
        if self.write.is_some() {
            return Err(Failure::at(1, ErrorStatus::RESOURCE_UNAVAILABLE));
        }
        let nodes = set::prepare(&mut self.tree, limits, pdu, reply)?;
        let Writes::Confirmed { timeout } = self.config.writes else {
            set::commit(&mut self.tree, &nodes)?;
            self.events.push(Event::Written { from, bindings: pdu.varbinds.len() });
            return Ok(true);
        };
        let (id, deadline) = (WriteId(self.next_write), self.now.saturating_add(timeout));
        self.next_write = self.next_write.wrapping_add(1);
        self.write = Some(Write { id, from, request: data.to_vec(), nodes, unasked: true, deadline });
        Ok(false)
    }

    /// Ends the SET that waits for the owner of the data, and answers it.
    fn decided(&mut self, id: WriteId, decision: Result<(), Failure>) -> Result<(), Error> {
        let Some(write) = self.write.take_if(|write| write.id == id) else {
            return Err(Error::UnknownWrite);
        };
        let outcome = match decision {
            Ok(()) => set::commit(&mut self.tree, &write.nodes),
            Err(failure) => {
                set::release(&mut self.tree, &write.nodes);
                Err(failure)
            }
        };
        // It was opened once when it came, so it can be opened again.
        let (mut plain, mut uncounted) = (Vec::new(), Stats::default());
        let (config, from) = (&self.config, write.from);
        let data = &write.request;
        let request =
            Request::open(config, &mut self.secure, &mut uncounted, self.now, from.ip(), data, &mut plain)?;
        if outcome.is_ok() {
            self.events.push(Event::Written { from, bindings: request.pdu.varbinds.len() });
        }
        let mut reply = Reply::new(request.head, self.outbox.buffer());
        reply.echo(request.pdu.varbinds.wire().unwrap_or(&[]));
        self.respond(from, &request, outcome, reply)
    }

    /// Ends a response and queues it.
    fn respond(
        &mut self,
        to: SocketAddr,
        request: &Request<'_>,
        outcome: Result<(), Failure>,
        mut reply: Reply<'_>,
    ) -> Result<(), Error> {
        let Request { pdu, version, limit, .. } = request;
        let (status, index) = match outcome {
            Ok(()) => (ErrorStatus::NO_ERROR, 0),
            Err(failure) => error_reply(*limit, *version, pdu, failure, &mut reply),
        };
        let stats = &mut self.tree.snmp.values;
        if !reply.fits(status, index, *limit) {
            stats.silent_drops.add(1);
            self.outbox.give_back(reply.abandon());
            return Err(Error::TooBig);
        }
        count_response(stats, status, pdu);
        let (buffer, start) = reply.finish(status, index).map_err(|_| Error::TooBig)?;
        match &request.sender {
            None => self.outbox.push(to, buffer, start),
            Some(sender) => {
                let scoped = buffer.get(start..).unwrap_or_default();
                let sealed = self.secure.seal(self.now, sender, scoped);
                self.outbox.give_back(buffer);
                self.outbox.push(to, sealed.ok_or(Error::TooBig)?, 0);
            }
        }
        Ok(())
    }
}

/// Why a request fails: the error-status, and the error-index counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: ErrorStatus,
    pub(super) index: i32,
}

impl Failure {
    pub(super) const TOO_BIG: Self = Self { status: ErrorStatus::TOO_BIG, index: 0 };

    pub(super) const fn at(index: i32, status: ErrorStatus) -> Self {
        Self { status, index }
    }

    /// A failure of the binding at `position`, counted from 0.
    pub(super) fn binding(position: usize, status: ErrorStatus) -> Self {
        let index = i32::try_from(position).ok().and_then(|n| n.checked_add(1));
        Self { status, index: index.unwrap_or(i32::MAX) }
    }
}

/// Makes `reply` the response to a failed request: the bindings as they came, but none for a tooBig of v2c
/// (RFC 3416 §4.2.1), with the status as the version knows it.
fn error_reply(
    limit: usize,
    version: Version,
    pdu: &Pdu<'_>,
    failure: Failure,
    reply: &mut Reply<'_>,
) -> (ErrorStatus, i32) {
    let status = if version == Version::V1 { failure.status.for_v1() } else { failure.status };
    let index = if pdu.varbinds.is_empty() { 0 } else { failure.index };
    reply.echo(pdu.varbinds.wire().unwrap_or(&[]));
    let too_big = status == ErrorStatus::TOO_BIG && version != Version::V1;
    if too_big || !reply.fits(status, index, limit) {
        reply.clear();
        return (ErrorStatus::TOO_BIG, 0);
    }
    (status, index)
}

fn count_request(stats: &mut Stats, pdu: &Pdu<'_>) -> Result<(), Error> {
    match pdu.kind {
        PduType::GET => stats.in_get_requests.add(1),
        PduType::GET_NEXT => stats.in_get_nexts.add(1),
        PduType::GET_BULK => {}
        PduType::SET => stats.in_set_requests.add(1),
        PduType::RESPONSE => stats.in_get_responses.add(1),
        PduType::TRAP => stats.in_traps.add(1),
        _ => {}
    }
    match pdu.kind {
        PduType::GET | PduType::GET_NEXT | PduType::GET_BULK | PduType::SET => Ok(()),
        _ => Err(Error::NotARequest),
    }
}

fn count_response(stats: &mut Stats, status: ErrorStatus, pdu: &Pdu<'_>) {
    let bindings = u32::try_from(pdu.varbinds.len()).unwrap_or(u32::MAX);
    stats.out_pkts.add(1);
    stats.out_get_responses.add(1);
    match status {
        ErrorStatus::NO_ERROR if pdu.kind == PduType::SET => stats.in_total_set_vars.add(bindings),
        ErrorStatus::NO_ERROR => stats.in_total_req_vars.add(bindings),
        ErrorStatus::TOO_BIG => stats.out_too_bigs.add(1),
        ErrorStatus::NO_SUCH_NAME => stats.out_no_such_names.add(1),
        ErrorStatus::BAD_VALUE => stats.out_bad_values.add(1),
        ErrorStatus::GEN_ERR => stats.out_gen_errs.add(1),
        _ => {}
    }
}
