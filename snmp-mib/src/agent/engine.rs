//! The agent and its three verbs.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use super::access::{self, Known};
#[cfg(feature = "usm")]
use super::config::Rights;
use super::config::{Config, Limits, Writes};
use super::elsewhere;
use super::far::{Facts, Question};
use super::framework::CommunityEntry;
use super::io::{AskId, Error, Event, Input, Output, WriteId};
use super::outcome::{Failure, count_request, count_response, error_reply};
use super::own::{AuthenTraps, OrEntry, Own, Stats, System};
use super::parked::{Kept, NotKept, Parked, What};
use super::read::{Finder, Seen, Stop};
use super::registry::Overlap;
use super::reply::Reply;
use super::request::{Judge, Request};
use super::secure::Secure;
use super::set;
use super::tree::Tree;
use crate::mib::{Group, Mib, TimeTicks};
use crate::oid;
use crate::outbox::Outbox;
use crate::vacm::Denied;
use crate::wire::{ErrorStatus, PduType, VarBindList, VarBinds};

/// An SNMP agent that serves `M`.
#[derive(Clone, Debug)]
pub struct Agent<M> {
    pub(super) config: Config,
    started_at: Duration,
    pub(super) now: Duration,
    pub(super) tree: Tree<M>,
    outbox: Outbox,
    events: Vec<Event>,
    secure: Secure,
    pub(super) parked: Parked,
    /// Where each repeater of a request is; kept for its allocations only.
    finders: Vec<Finder>,
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
            && self.parked == other.parked
    }
}

/// The most successors that are asked for at once of those who serve a part of the tree.
const AHEAD: u16 = 256;

/// What has become of a request at once.
enum Outcome {
    /// The reply is its answer.
    Answered,
    /// It waits.
    Parked,
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
            OrEntry::since_start(3, oid!(1, 3, 6, 1, 6, 3, 10, 3, 1, 1), "The SNMP management architecture"),
            OrEntry::since_start(
                4,
                oid!(1, 3, 6, 1, 6, 3, 11, 3, 1, 1),
                "Message processing and dispatching",
            ),
            OrEntry::since_start(5, oid!(1, 3, 6, 1, 6, 3, 15, 2, 1, 1), "The user-based security model"),
            OrEntry::since_start(
                6,
                oid!(1, 3, 6, 1, 6, 3, 16, 2, 1, 1),
                "The view-based access control model",
            ),
        ];
        let communities = config.communities.iter().enumerate();
        let own = Own {
            system: Group::new(config.system.clone()),
            modules: modules.into_iter().collect(),
            communities: communities.map(|(position, own)| CommunityEntry::new(position, own)).collect(),
            ..Own::default()
        };
        Ok(Self {
            tree: Tree::new(own, access::policy(&config, &[]), mib)?,
            config,
            started_at: now,
            now,
            outbox: Outbox::default(),
            events: Vec::new(),
            secure: Secure::default(),
            parked: Parked::default(),
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
        self.set_policy(&access::known(users));
        let credentials = users.iter().map(|(user, _)| user);
        self.secure = Secure::new(now, config, credentials, &mut self.tree.own);
    }

    #[cfg_attr(not(feature = "usm"), allow(dead_code, reason = "without the feature there are no users"))]
    fn set_policy(&mut self, users: &[Known]) {
        let contexts = self.tree.policy.contexts();
        self.tree.policy = access::policy(&self.config, users);
        self.tree.policy.set_contexts(contexts);
    }

    /// Makes `names` the contexts beside the agent's own, as the cards behind a cabinet come and go. What is asked
    /// there, by the contextName of v3 or by `community@context`, is asked of the owner with [`Output::Ask`].
    pub fn set_contexts(&mut self, names: impl IntoIterator<Item = alloc::string::String>) {
        self.tree.policy.set_contexts(names);
    }

    /// Tells the agent what happened at `now`.
    ///
    /// # Errors
    /// [`Error`]: why a datagram is not answered. A driver may log it and goes on.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        self.now = self.now.max(now);
        self.tree.own.system.values.up_time = TimeTicks::from(self.now.saturating_sub(self.started_at));
        match input {
            Input::Datagram { from, data } => self.datagram(from, data),
            Input::TrapsSent(count) => {
                self.tree.own.snmp.values.out_traps.add(count);
                self.tree.own.snmp.values.out_pkts.add(count);
                Ok(())
            }
            Input::WriteDone { id } => self.decided(id, Ok(())),
            Input::WriteRefused { id, position, status } => {
                self.decided(id, Err(Failure::binding(position, status)))
            }
            Input::Fetched { id } => self.fetched(id),
            Input::Answered { id, status, index, varbinds } => self.answered(id, (status, index), varbinds),
            Input::Unanswered { id } => {
                let question = self.parked.take_ask(id).ok_or(Error::UnknownAsk)?;
                question.waiting.into_iter().for_each(|(kept, _)| self.give_up(&question.what, &kept));
                Ok(())
            }
            Input::Tick => {
                let expired = self.parked.expired(self.now);
                expired.iter().for_each(|(what, kept)| self.give_up(what, kept));
                Ok(())
            }
        }
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if !self.events.is_empty() {
            return Some(Output::Event(self.events.remove(0)));
        }
        if self.parked.has_unasked() {
            return self.parked.ask();
        }
        self.outbox.pop().map(|(to, data)| Output::Send { to, data })
    }

    /// When [`Input::Tick`] is next due; zero while outputs are pending. Only requests that wait have a deadline.
    pub fn deadline(&self) -> Option<Duration> {
        if self.parked.has_unasked() || !self.outbox.is_empty() || !self.events.is_empty() {
            return Some(Duration::ZERO);
        }
        self.parked.deadline()
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
        &self.tree.own.system.values
    }

    /// The system group, to be restored after a restart.
    pub const fn system_mut(&mut self) -> &mut System {
        &mut self.tree.own.system.values
    }

    /// What was counted.
    pub const fn stats(&self) -> &Stats {
        &self.tree.own.snmp.values
    }

    /// Whether a manager switched authenticationFailure notifications on.
    pub fn authentication_traps(&self) -> bool {
        self.tree.own.snmp.values.enable_authen_traps == AuthenTraps::Enabled
    }

    fn datagram(&mut self, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let mut plain = Vec::new();
        self.tree.own.snmp.values.in_pkts.add(1);
        self.secure.tell_time(self.now, &mut self.tree.own);
        let Tree { policy, own, .. } = &mut self.tree;
        let (config, secure) = (&self.config, &mut self.secure);
        let mut judge = Judge { config, policy, own, secure, now: self.now };
        let request = match judge.open(from.ip(), data, &mut plain) {
            Ok(request) => request,
            Err(error) => return self.told(from, error),
        };
        let stats = &mut self.tree.own.snmp.values;
        count_request(stats, &request.pdu)?;
        if self.outbox.len() >= self.config.limits.outbox {
            stats.silent_drops.add(1);
            return Err(Error::Busy);
        }
        self.serve(from, &request, None, &Facts::default())
    }

    /// Answers a request, or parks it; `until` is the deadline of one that has waited before.
    pub(super) fn serve(
        &mut self,
        from: SocketAddr,
        request: &Request<'_>,
        until: Option<Duration>,
        known: &Facts,
    ) -> Result<(), Error> {
        let mut reply = Reply::new(request.head, self.outbox.buffer());
        match self.answer(from, request, until, known, &mut reply) {
            Ok(Outcome::Answered) => self.respond(from, request, Ok(()), reply),
            Ok(Outcome::Parked) => {
                self.outbox.give_back(reply.abandon());
                Ok(())
            }
            Err(Stop::Failed(failure)) => self.respond(from, request, Err(failure), reply),
            Err(Stop::NotKept(NotKept::Repeated)) => {
                self.outbox.give_back(reply.abandon());
                Err(Error::Repeated)
            }
            Err(Stop::NotKept(NotKept::Busy)) => {
                self.outbox.give_back(reply.abandon());
                self.tree.own.snmp.values.silent_drops.add(1);
                Err(Error::Busy)
            }
            // Handled where the node was met.
            Err(Stop::NotReady(_) | Stop::Wants(_)) => Err(Error::Busy),
        }
    }

    fn answer(
        &mut self,
        from: SocketAddr,
        request: &Request<'_>,
        until: Option<Duration>,
        known: &Facts,
        reply: &mut Reply<'_>,
    ) -> Result<Outcome, Stop> {
        let pdu = &request.pdu;
        let limits = Limits { max_message: request.limit, ..self.config.limits };
        let (grant, policy) = (request.grant, &self.tree.policy);
        let grant = grant.map_err(|denied: Denied| Failure::denied(denied))?;
        let view = policy.view(if pdu.kind == PduType::SET { grant.write } else { grant.read });
        let Some(view) = view else {
            return Err(Failure::at(0, ErrorStatus::AUTHORIZATION_ERROR).into());
        };
        if pdu.kind == PduType::SET && view.is_empty() && request.sender.is_none() {
            self.tree.own.snmp.values.in_bad_community_uses.add(1);
        }
        if pdu.varbinds.len() > limits.max_bindings {
            return Err(Failure::TOO_BIG.into());
        }
        let patience = self.now.saturating_add(limits.patience);
        let until = until.unwrap_or(patience);
        if !request.context.is_empty() {
            let Some(asked) = elsewhere::first(pdu, view)? else {
                elsewhere::get(pdu, request.version, view, &limits, VarBinds::EMPTY, reply)?;
                return Ok(Outcome::Answered);
            };
            let kept = Kept::new(from, request);
            return self.ask(kept, asked, until).map(|()| Outcome::Parked).map_err(Stop::NotKept);
        }
        if pdu.kind == PduType::SET {
            if let Some(hidden) = pdu.varbinds.iter().position(|binding| !view.contains(binding.name)) {
                return Err(Failure::binding(hidden, ErrorStatus::NO_ACCESS).into());
            }
            return self.set(from, request, &limits, until, reply);
        }
        let bulk = pdu.kind == PduType::GET_BULK;
        let ahead = u16::try_from(pdu.error_index).unwrap_or(1).clamp(1, AHEAD);
        let ahead = if bulk { ahead } else { 1 };
        let (tree, version) = (&self.tree, request.version);
        let seen = Seen { tree, view, limits: &limits, version, known, ahead };
        let what = match seen.read(pdu, &mut self.finders, reply) {
            Ok(()) => return Ok(Outcome::Answered),
            Err(Stop::NotReady(node)) => {
                let root = self.tree.node(node).map(|node| node.root().to_buf()).unwrap_or_default();
                What::Fetch { node, root }
            }
            Err(Stop::Wants(wants)) => {
                What::Far { question: Question::Read(wants), nodes: Vec::new(), transaction: 0 }
            }
            Err(stop) => return Err(stop),
        };
        let mut kept = Kept::new(from, request);
        kept.known.clone_from(known);
        self.parked.park(&self.config.limits, what, kept, until).map_err(Stop::NotKept)?;
        Ok(Outcome::Parked)
    }

    /// Asks in the context of a request.
    fn ask(&mut self, kept: Kept, varbinds: VarBindList, until: Duration) -> Result<(), NotKept> {
        let Request { pdu, context, .. } = kept.as_request();
        let counts = (pdu.error_status.0, pdu.error_index);
        let what = What::Ask { context: context.into(), kind: pdu.kind, counts, varbinds };
        self.parked.park(&self.config.limits, what, kept, until)
    }

    /// Judges a SET, which then takes effect or waits for the owner of the data.
    fn set(
        &mut self,
        from: SocketAddr,
        request: &Request<'_>,
        limits: &Limits,
        until: Duration,
        reply: &mut Reply<'_>,
    ) -> Result<Outcome, Stop> {
        if self.parked.writes() {
            if self.parked.join(&Kept::new(from, request)) {
                return Err(Stop::NotKept(NotKept::Repeated));
            }
            return Err(Failure::at(1, ErrorStatus::RESOURCE_UNAVAILABLE).into());
        }
        let nodes = set::prepare(&mut self.tree, limits, &request.pdu, reply)?;
        let shares = set::shares(&self.tree, &request.pdu);
        if !shares.is_empty() {
            let (transaction, kept) = (self.parked.transaction(), Kept::new(from, request));
            let what = What::Far { question: Question::Test(shares), nodes: nodes.clone(), transaction };
            return match self.parked.park(&self.config.limits, what, kept, until) {
                Ok(()) => Ok(Outcome::Parked),
                Err(why) => {
                    set::release(&mut self.tree, &nodes);
                    Err(Stop::NotKept(why))
                }
            };
        }
        let Writes::Confirmed { timeout } = self.config.writes else {
            set::commit(&mut self.tree, &nodes)?;
            self.events.push(Event::Written { from, bindings: request.pdu.varbinds.len() });
            return Ok(Outcome::Answered);
        };
        let (kept, until) = (Kept::new(from, request), self.now.saturating_add(timeout));
        let what = What::Write { nodes: nodes.clone(), transaction: 0, shares: Vec::new() };
        if let Err(why) = self.parked.park(&self.config.limits, what, kept, until) {
            set::release(&mut self.tree, &nodes);
            return Err(Stop::NotKept(why));
        }
        Ok(Outcome::Parked)
    }

    /// Ends the SET that waits for the owner of the data, and answers it.
    fn decided(&mut self, id: WriteId, decision: Result<(), Failure>) -> Result<(), Error> {
        let question = self.parked.take_write(id).ok_or(Error::UnknownWrite)?;
        let (What::Write { nodes, transaction, shares }, Some((kept, _))) =
            (question.what, question.waiting.into_iter().next())
        else {
            return Err(Error::UnknownWrite);
        };
        if decision.is_ok() && !shares.is_empty() {
            // What others hold is committed first: it is what can fail.
            return self.go_on(Question::Commit(shares), nodes, transaction, kept);
        }
        self.parked.end(transaction, &shares, false);
        let outcome = match decision {
            Ok(()) => set::commit(&mut self.tree, &nodes),
            Err(failure) => {
                set::release(&mut self.tree, &nodes);
                Err(failure)
            }
        };
        self.finish(&kept, outcome)
    }

    /// Answers a SET that has waited.
    pub(super) fn finish(&mut self, kept: &Kept, outcome: Result<(), Failure>) -> Result<(), Error> {
        let request = kept.as_request();
        if outcome.is_ok() {
            self.events.push(Event::Written { from: kept.from, bindings: request.pdu.varbinds.len() });
        }
        let mut reply = Reply::new(request.head, self.outbox.buffer());
        reply.echo(request.pdu.varbinds.wire().unwrap_or(&[]));
        self.respond(kept.from, &request, outcome, reply)
    }

    /// Answers those who waited for a node, each as a whole. One that now meets another node which is not ready
    /// waits on, until its own deadline.
    fn fetched(&mut self, id: AskId) -> Result<(), Error> {
        let question = self.parked.take_ask(id).ok_or(Error::UnknownAsk)?;
        let still = match &question.what {
            What::Fetch { node, .. } => self.tree.node(*node).is_some_and(|node| !node.ready()),
            _ => false,
        };
        for (kept, until) in question.waiting {
            // What was fetched and is not ready would be fetched for ever.
            if still {
                self.give_up(&question.what, &kept);
            } else {
                let _ = self.serve(kept.from, &kept.as_request(), Some(until), &kept.known);
            }
        }
        Ok(())
    }

    /// Gives those who waited what another context answered.
    fn answered(
        &mut self,
        id: AskId,
        (status, index): (ErrorStatus, i32),
        answer: VarBinds<'_>,
    ) -> Result<(), Error> {
        let question = self.parked.take_ask(id).ok_or(Error::UnknownAsk)?;
        let What::Ask { varbinds: asked, .. } = &question.what else {
            return Err(Error::UnknownAsk);
        };
        for (kept, until) in question.waiting {
            let request = kept.as_request();
            let mut reply = Reply::new(request.head, self.outbox.buffer());
            let limits = Limits { max_message: request.limit, ..self.config.limits };
            let grant = request.grant.unwrap_or_default();
            let view = if request.pdu.kind == PduType::SET { grant.write } else { grant.read };
            let next = match (status, self.tree.policy.view(view)) {
                (ErrorStatus::NO_ERROR, Some(view)) => {
                    elsewhere::take(&kept, view, &limits, asked.as_varbinds(), answer, &mut reply)
                }
                (ErrorStatus::NO_ERROR, None) => Err(Failure::at(0, ErrorStatus::AUTHORIZATION_ERROR)),
                (status, _) => Err(elsewhere::refused(&request.pdu, asked.as_varbinds(), status, index)),
            };
            match next {
                Ok(elsewhere::Next::Done) => drop(self.respond(kept.from, &request, Ok(()), reply)),
                Err(failure) => drop(self.respond(kept.from, &request, Err(failure), reply)),
                Ok(elsewhere::Next::Ask(names)) => {
                    self.outbox.give_back(reply.abandon());
                    // The place that it has just left is free.
                    let _ = self.ask(kept, names, until);
                }
            }
        }
        Ok(())
    }

    /// Answers genErr to one whose answer could not be had.
    pub(super) fn give_up(&mut self, what: &What, kept: &Kept) {
        match what {
            What::Write { nodes, transaction, shares } => {
                set::release(&mut self.tree, nodes);
                self.parked.end(*transaction, shares, false);
            }
            What::Far { question: Question::Test(shares), nodes, transaction } => {
                set::release(&mut self.tree, nodes);
                self.parked.end(*transaction, shares, false);
            }
            What::Far { question: Question::Commit(shares), nodes, transaction } => {
                set::release(&mut self.tree, nodes);
                self.parked.end(*transaction, shares, true);
            }
            What::Far { .. } | What::Fetch { .. } | What::Ask { .. } => {}
        }
        if matches!(what, What::Ask { .. }) {
            self.tree.own.contexts.values.unavailable_contexts.add(1);
        }
        let request = kept.as_request();
        let reply = Reply::new(request.head, self.outbox.buffer());
        let _ = self.respond(kept.from, &request, Err(Failure::at(0, ErrorStatus::GEN_ERR)), reply);
    }

    /// Sends the Report that v3 owes to the sender of a message that was refused; else passes the error on.
    fn told(&mut self, to: SocketAddr, error: Error) -> Result<(), Error> {
        match self.secure.take_report() {
            Some(report) if self.outbox.len() < self.config.limits.outbox => {
                self.tree.own.snmp.values.out_pkts.add(1);
                self.outbox.push(to, report, 0);
                Ok(())
            }
            _ => Err(error),
        }
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
        let stats = &mut self.tree.own.snmp.values;
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
