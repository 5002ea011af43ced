//! The agent and its three verbs.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use super::config::{Config, Limits, Rights};
use super::own::{AuthenTraps, OrEntry, SnmpSet, Stats, System};
use super::read;
use super::registry::{Overlap, Registry};
use super::reply::{Head, Reply};
use super::set;
use crate::mib::{Cursor, Group, Mib, Node, Table, TimeTicks};
use crate::oid;
use crate::outbox::Outbox;
use crate::wire::{Body, ErrorStatus, Message, ParseError, Pdu, PduType, Problem, Version};

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
    /// Time went by. An agent has no timers of its own; sysUpTime moves.
    Tick,
}

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
    /// A response or a notification: nothing for an agent.
    #[error("a PDU that is no request")]
    NotARequest,
    /// As many responses as the limits allow are waiting to be sent.
    #[error("too many responses are waiting")]
    Busy,
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
    /// Where each repeater of a request is; kept for its allocations only.
    cursors: Vec<Cursor>,
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
            cursors: Vec::new(),
        })
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
            Input::Tick => Ok(()),
        }
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if !self.events.is_empty() {
            return Some(Output::Event(self.events.remove(0)));
        }
        self.outbox.pop().map(|(to, data)| Output::Send { to, data })
    }

    /// Zero while outputs are pending; an agent has no timers.
    pub fn deadline(&self) -> Option<Duration> {
        (!self.outbox.is_empty() || !self.events.is_empty()).then_some(Duration::ZERO)
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
        let stats = &mut self.tree.snmp.values;
        stats.in_pkts.add(1);
        let message = Message::parse(data).inspect_err(|error| match error.problem {
            Problem::Version(_) => stats.in_bad_versions.add(1),
            _ => stats.in_asn_parse_errs.add(1),
        })?;
        let Some(rights) = admit(&self.config, message.community, from) else {
            stats.in_bad_community_names.add(1);
            return Err(Error::Community);
        };
        let Body::Pdu(pdu) = message.body else {
            stats.in_traps.add(1);
            return Err(Error::NotARequest);
        };
        count_request(stats, &pdu)?;
        if self.outbox.len() >= self.config.limits.outbox {
            stats.silent_drops.add(1);
            return Err(Error::Busy);
        }
        self.answer(from, &message, &pdu, rights)
    }

    fn answer(
        &mut self,
        from: SocketAddr,
        message: &Message<'_>,
        pdu: &Pdu<'_>,
        rights: Rights,
    ) -> Result<(), Error> {
        let head =
            Head { version: message.version, community: message.community, request_id: pdu.request_id };
        let mut reply = Reply::new(head, self.outbox.buffer());
        let limits = &self.config.limits;
        let outcome = if !rights.allow(pdu.kind) {
            self.tree.snmp.values.in_bad_community_uses.add(1);
            Err(Failure::at(1, ErrorStatus::NO_ACCESS))
        } else if pdu.varbinds.len() > limits.max_bindings {
            Err(Failure::TOO_BIG)
        } else if pdu.kind == PduType::SET {
            set::set(&mut self.tree, limits, pdu, &mut reply)
        } else {
            read::read(&self.tree, limits, message.version, pdu, &mut self.cursors, &mut reply)
        };
        if pdu.kind == PduType::SET && outcome.is_ok() {
            self.events.push(Event::Written { from, bindings: pdu.varbinds.len() });
        }
        let (status, index) = match outcome {
            Ok(()) => (ErrorStatus::NO_ERROR, 0),
            Err(failure) => error_reply(limits, message.version, pdu, failure, &mut reply),
        };
        let stats = &mut self.tree.snmp.values;
        if !reply.fits(status, index, limits.max_message) {
            stats.silent_drops.add(1);
            self.outbox.give_back(reply.abandon());
            return Err(Error::TooBig);
        }
        count_response(stats, status, pdu);
        let (buffer, start) = reply.finish(status, index).map_err(|_| Error::TooBig)?;
        self.outbox.push(from, buffer, start);
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

/// The rights of a community for that sender; the first that admits it decides.
fn admit(config: &Config, community: &[u8], from: SocketAddr) -> Option<Rights> {
    config.communities.iter().find(|own| own.admits(community, from.ip())).map(|own| own.rights)
}

/// Makes `reply` the response to a failed request: the bindings as they came, but none for a tooBig of v2c
/// (RFC 3416 §4.2.1), with the status as the version knows it.
fn error_reply(
    limits: &Limits,
    version: Version,
    pdu: &Pdu<'_>,
    failure: Failure,
    reply: &mut Reply<'_>,
) -> (ErrorStatus, i32) {
    let status = if version == Version::V1 { failure.status.for_v1() } else { failure.status };
    let index = if pdu.varbinds.is_empty() { 0 } else { failure.index };
    reply.echo(pdu.varbinds.wire().unwrap_or(&[]));
    let too_big = status == ErrorStatus::TOO_BIG && version != Version::V1;
    if too_big || !reply.fits(status, index, limits.max_message) {
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
