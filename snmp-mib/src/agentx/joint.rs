//! An agent and its sub-agents as one: managers see one tree.
//!
//! ```text
//! manager -> agent -- what it serves itself ------------------------------------> answer
//!              \-- what others serve --> Get, GetNext, GetBulk --> sub-agents --/
//!               \- a SET --> TestSet to all --> [the owner is asked] --> CommitSet to all --> its own part
//!                               | refused                                   | failed
//!                            CleanupSet                                  UndoSet
//! ```
//!
//! A GETBULK is one GetBulk to each sub-agent that it crosses. A request asks everything it needs at once and is
//! answered anew when it is known; a sub-agent that is slow, silent or gone makes genErr of the bindings that it
//! serves, and nothing else waits for it.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use super::master::{self, ConnectionId, Master, SessionId};
use super::wire::{Binding, Body, List, Search, Status};
use crate::agent::{self, Agent, Kind, Question, Server, Share, Want};
use crate::mib::Mib;
use crate::wire::{ErrorStatus, OidBuf, VarBindList, VarBinds};

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Something for the agent.
    Agent(agent::Input<'a>),
    /// Something about sub-agents.
    Subagents(master::Input<'a>),
    /// The deadline has come.
    Tick,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// What the agent wants done.
    Agent(agent::Output<'a>),
    /// Send these bytes to a sub-agent.
    Send {
        /// To whom.
        to: ConnectionId,
        /// What.
        bytes: &'a [u8],
    },
    /// Close the connection of a sub-agent; it needs no `Disconnected`.
    Close(ConnectionId),
    /// Send a notification of a sub-agent to the managers, as with `notify::Sender`.
    Notify {
        /// Who sends it.
        session: SessionId,
        /// In which context.
        context: &'a [u8],
        /// Its bindings, sysUpTime.0 and snmpTrapOID.0 first.
        varbinds: VarBinds<'a>,
    },
    /// Something that the owner may want to know.
    Event(master::Event),
}

/// Why an input had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request was not answered.
    #[error(transparent)]
    Agent(#[from] agent::Error),
    /// A sub-agent was not heard.
    #[error(transparent)]
    Subagents(#[from] master::Error),
}

/// An agent and its sub-agents.
#[derive(Clone, Debug)]
pub struct Joint<M> {
    agent: Agent<M>,
    master: Master,
    /// What the agent asked, by its name for it.
    rounds: BTreeMap<agent::AskId, Round>,
    /// Which round each question to a sub-agent belongs to, and its place there.
    asked: BTreeMap<master::AskId, (agent::AskId, usize)>,
}

impl<M: PartialEq> PartialEq for Joint<M> {
    fn eq(&self, other: &Self) -> bool {
        self.agent == other.agent
            && self.master == other.master
            && self.rounds == other.rounds
            && self.asked == other.asked
    }
}

/// Questions that are answered together.
#[derive(Clone, Debug, PartialEq)]
struct Round {
    missing: usize,
    part: Part,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// Each question looks up some of the wants; what each want came to.
    Read { of: Vec<Vec<usize>>, answers: Vec<Option<VarBindList>> },
    /// Each question is about one share; what went wrong first.
    Set { shares: Vec<Share>, commit: bool, failed: Option<(ErrorStatus, usize)> },
}

impl<M: Mib> Joint<M> {
    /// Joins `agent` with sub-agents that are yet to come.
    pub fn new(now: Duration, agent: Agent<M>, config: master::Config) -> Self {
        let own = agent.roots().map(crate::wire::Oid::to_buf);
        let config = master::Config { own: config.own.iter().cloned().chain(own).collect(), ..config };
        Self { agent, master: Master::new(now, config), rounds: BTreeMap::new(), asked: BTreeMap::new() }
    }

    /// Tells what happened at `now`; returns how many bytes of a sub-agent's data were taken.
    ///
    /// # Errors
    /// [`Error`]: the input had no effect, or ended the connection of a sub-agent.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
        let outcome = match input {
            Input::Agent(input) => self.agent.handle(now, input).map(|()| 0).map_err(Error::from),
            Input::Subagents(input) => self.master.handle(now, input).map_err(Error::from),
            Input::Tick => {
                let _ = self.master.handle(now, master::Input::Tick);
                self.settle(now);
                self.agent.handle(now, agent::Input::Tick).map(|()| 0).map_err(Error::from)
            }
        };
        self.settle(now);
        outcome
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if self.agent.deadline() == Some(Duration::ZERO) {
            return self.agent.poll_output().map(Output::Agent);
        }
        self.master.poll_output().and_then(|output| match output {
            master::Output::Send { to, bytes } => Some(Output::Send { to, bytes }),
            master::Output::Close(connection) => Some(Output::Close(connection)),
            master::Output::Notify { session, context, varbinds } => {
                Some(Output::Notify { session, context, varbinds })
            }
            master::Output::Event(event) => Some(Output::Event(event)),
            // Taken when it came.
            master::Output::Answer { .. } => None,
        })
    }

    /// When [`Input::Tick`] is next due; zero while outputs are pending.
    pub fn deadline(&self) -> Option<Duration> {
        [self.agent.deadline(), self.master.deadline()].into_iter().flatten().min()
    }

    /// The agent.
    pub const fn agent(&self) -> &Agent<M> {
        &self.agent
    }

    /// The agent, to bring what it serves up to date.
    pub const fn agent_mut(&mut self) -> &mut Agent<M> {
        &mut self.agent
    }

    /// The sub-agents.
    pub const fn subagents(&self) -> &Master {
        &self.master
    }

    /// Carries questions and answers between the two until neither has any.
    fn settle(&mut self, now: Duration) {
        loop {
            let news = self.master.news();
            if news.regions {
                let stretches = self.master.stretches(b"").iter();
                self.agent.set_far(stretches.map(|own| (own.start(), own.end(), Server(own.session.0))));
            }
            if news.capabilities {
                self.agent.set_capabilities(self.master.capabilities(b""));
            }
            for (transaction, servers, undo) in
                core::iter::from_fn(|| self.agent.far_over()).collect::<Vec<_>>()
            {
                self.over(now, transaction, &servers, undo);
            }
            let questions: Vec<_> = core::iter::from_fn(|| self.agent.far_question()).collect();
            let quiet = news.answers.is_empty() && questions.is_empty();
            for (id, transaction, question) in questions {
                self.ask(now, id, transaction, question);
            }
            for (id, status, index, varbinds) in news.answers {
                if let Some((round, place)) = self.asked.remove(&id) {
                    self.answered(round, place, (status, index), Some(&varbinds));
                }
            }
            if quiet {
                return;
            }
        }
    }

    /// Ends a SET for those who hold a share of it.
    fn over(&mut self, now: Duration, transaction: u32, servers: &[Server], undo: bool) {
        for server in servers {
            let body = if undo { Body::UndoSet } else { Body::CleanupSet };
            // What is answered to an UndoSet changes nothing any more: the manager has its answer.
            let at = OidBuf::new();
            let _ = self.master.ask(now, SessionId(server.0), (transaction, b""), at.as_oid(), body);
        }
    }

    fn ask(&mut self, now: Duration, id: agent::AskId, transaction: u32, question: Question) {
        match question {
            Question::Read(wants) => self.look_up(now, id, &wants),
            Question::Test(shares) => self.set(now, id, transaction, &shares, false),
            Question::Commit(shares) => self.set(now, id, transaction, &shares, true),
        }
    }

    /// Asks each server once for all that is wanted of it in the same way.
    fn look_up(&mut self, now: Duration, id: agent::AskId, wants: &[Want]) {
        let mut groups: BTreeMap<(Server, u16), Vec<usize>> = BTreeMap::new();
        for (position, want) in wants.iter().enumerate() {
            let count = if let Kind::Next { count, .. } = &want.kind { *count } else { 0 };
            groups.entry((want.server, count)).or_default().push(position);
        }
        let of: Vec<Vec<usize>> = groups.values().cloned().collect();
        let answers = alloc::vec![None; wants.len()];
        self.rounds.insert(id, Round { missing: of.len(), part: Part::Read { of, answers } });
        for (place, ((server, count), group)) in groups.iter().enumerate() {
            let own: Vec<&Want> = group.iter().filter_map(|position| wants.get(*position)).collect();
            let search = |want: &&'_ Want| match &want.kind {
                Kind::Exact => (want.name.clone(), true, OidBuf::new()),
                Kind::Next { include, end, .. } => (want.name.clone(), *include, end.clone()),
            };
            let kept: Vec<(OidBuf, bool, OidBuf)> = own.iter().map(search).collect();
            let searches: Vec<Search<'_>> = kept
                .iter()
                .map(|(start, include, end)| Search {
                    start: start.as_oid().into(),
                    include: *include,
                    end: end.as_oid().into(),
                })
                .collect();
            let searches = List::of(&searches);
            let body = match count {
                0 => Body::Get(searches),
                1 => Body::GetNext(searches),
                count => Body::GetBulk { non_repeaters: 0, max_repetitions: *count, searches },
            };
            let at = own.first().map(|want| want.name.clone()).unwrap_or_default();
            let transaction = u32::try_from(id.0 & u64::from(u32::MAX)).unwrap_or(0);
            match self.master.ask(now, SessionId(server.0), (transaction, b""), at.as_oid(), body) {
                Ok(asked) => drop(self.asked.insert(asked, (id, place))),
                Err(_) => self.answered(id, place, (Status::GEN_ERR, 0), None),
            }
        }
    }

    /// Asks everybody who has a share of a SET.
    fn set(&mut self, now: Duration, id: agent::AskId, transaction: u32, shares: &[Share], commit: bool) {
        let part = Part::Set { shares: shares.to_vec(), commit, failed: None };
        self.rounds.insert(id, Round { missing: shares.len(), part });
        for (place, share) in shares.iter().enumerate() {
            let bindings: Vec<Binding<'_>> = share.varbinds.iter().map(Binding::from).collect();
            let body = if commit { Body::CommitSet } else { Body::TestSet(List::of(&bindings)) };
            let at = share.varbinds.iter().next().map(|own| own.name.to_buf()).unwrap_or_default();
            match self.master.ask(now, SessionId(share.server.0), (transaction, b""), at.as_oid(), body) {
                Ok(asked) => drop(self.asked.insert(asked, (id, place))),
                Err(_) => self.answered(id, place, (Status::GEN_ERR, 0), None),
            }
        }
    }

    /// Notes one answer of a round, and tells the agent when it was the last one.
    fn answered(
        &mut self,
        id: agent::AskId,
        place: usize,
        (status, index): (Status, u16),
        varbinds: Option<&VarBindList>,
    ) {
        let Some(round) = self.rounds.get_mut(&id) else {
            return;
        };
        round.missing = round.missing.saturating_sub(1);
        let good = status == Status::NO_ERROR;
        match &mut round.part {
            Part::Read { of, answers } => {
                let wants = of.get(place).map_or(&[][..], Vec::as_slice);
                if let Some(varbinds) = varbinds.filter(|_| good) {
                    // The bindings of several searches come by turns (RFC 2741 §7.2.3.3).
                    for (nth, want) in wants.iter().enumerate() {
                        let own = varbinds.iter().skip(nth).step_by(wants.len());
                        if let Some(answer) = answers.get_mut(*want) {
                            *answer = Some(own.collect());
                        }
                    }
                }
            }
            Part::Set { shares, commit, failed } if !good => {
                let share = shares.get(place);
                let status = match i32::from(status.0) {
                    _ if *commit && status.0 != UNDO_FAILED => ErrorStatus::COMMIT_FAILED,
                    known @ 1..=18 => ErrorStatus(known),
                    _ => ErrorStatus::GEN_ERR,
                };
                let own = share.map_or((status, 0), |share| share.failure(status, index));
                // Of several refusals the one of the earliest binding is answered.
                if failed.is_none_or(|(_, position)| own.1 < position) {
                    *failed = Some(own);
                }
            }
            Part::Set { .. } => {}
        }
        if round.missing > 0 {
            return;
        }
        let Some(Round { part, .. }) = self.rounds.remove(&id) else {
            return;
        };
        // A request that waited too long has been answered already.
        let _ = match part {
            Part::Read { answers, .. } => self.agent.far_read(id, &answers),
            Part::Set { failed, .. } => self.agent.far_set(id, failed.map_or(Ok(()), Err)),
        };
    }
}

/// undoFailed among the codes of a response.
const UNDO_FAILED: u16 = 15;
