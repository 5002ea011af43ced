//! Parts of the tree that sub-agents serve.
//!
//! A request that meets such a part notes what it wants to know of it, waits, and is answered anew as a whole once
//! that is known. What is known belongs to the request and is forgotten with it, so nothing is ever stale, and
//! every round gets further: a request needs as many rounds as it crosses parts, not as it has bindings.

use alloc::{boxed::Box, vec::Vec};

use super::config::Writes;
use super::engine::Agent;
use super::io::{AskId, Error};
use super::outcome::Failure;
use super::own::OrEntry;
use super::parked::{Kept, What};
use super::set;
use crate::mib::{Cursor, DisplayString, Mib, Skip, TimeStamp};
use crate::wire::{ErrorStatus, Oid, OidBuf, Value, VarBind, VarBindList};

/// Who serves a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Server(pub(crate) u32);

/// Something that a request wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    /// Who knows it.
    pub(crate) server: Server,
    pub(crate) kind: Kind,
    pub(crate) name: OidBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The value of exactly that name.
    Exact,
    /// What follows the name, or stands at it, before the end: that many instances.
    Next { include: bool, end: OidBuf, count: u16 },
}

/// What a request knows of the parts that others serve.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts(Vec<Fact>);

#[derive(Clone, Debug, PartialEq)]
struct Fact {
    want: Want,
    /// In order and within what was wanted; `None` where nobody knows.
    found: Option<VarBindList>,
    /// Where each binding begins.
    places: Vec<usize>,
    /// Whether nothing follows the last one.
    ended: bool,
}

/// What is known of a successor.
pub(super) enum Successor<'a> {
    Found(Oid<'a>, Value<'a>),
    Nothing,
    Unknown(Want),
}

impl Facts {
    /// Takes what a server answered to `want`, as far as it belongs to that.
    pub(super) fn learn(&mut self, want: Want, answer: Option<&VarBindList>) {
        let mut fact = Fact { want, found: None, places: Vec::new(), ended: false };
        if let Some(answer) = answer {
            fact.take(answer);
        }
        self.0.push(fact);
    }

    /// The value of that name.
    pub(super) fn get(&self, server: Server, name: Oid<'_>) -> Result<Option<Value<'_>>, Want> {
        let own = |fact: &&Fact| fact.want.kind == Kind::Exact && fact.want.name.as_oid() == name;
        let fact = self.0.iter().find(own);
        let fact = fact.ok_or_else(|| Want { server, kind: Kind::Exact, name: name.to_buf() })?;
        Ok(fact.at(0).map(|binding| binding.value))
    }

    /// What follows the cursor before `end`. Fails where nobody knows.
    pub(super) fn next(
        &self,
        server: Server,
        cursor: &Cursor,
        end: Oid<'_>,
        skip: Skip,
        count: u16,
    ) -> Result<Successor<'_>, Failure> {
        let mut from = (cursor.name.as_oid(), cursor.inclusive);
        let mut count = count;
        // Each fact that holds the place leads further, or to the answer.
        while let Some(fact) = self.0.iter().rev().find(|fact| fact.speaks_of(from, end)) {
            if fact.found.is_none() {
                return Err(Failure::at(0, ErrorStatus::GEN_ERR));
            }
            let first = fact.places.partition_point(|place| {
                fact.read(*place).is_some_and(|own| own.name < from.0 || (own.name == from.0 && !from.1))
            });
            let rest = fact.places.get(first..).unwrap_or(&[]);
            let shown =
                |binding: &VarBind<'_>| !(skip.counter64 && matches!(binding.value, Value::Counter64(_)));
            if let Some(binding) = rest.iter().filter_map(|place| fact.read(*place)).find(shown) {
                return Ok(Successor::Found(binding.name, binding.value));
            }
            if fact.ended {
                return Ok(Successor::Nothing);
            }
            let Some(last) = fact.places.last().and_then(|place| fact.read(*place)) else {
                break;
            };
            // Much was passed over, so more is asked for at once.
            count = count.max(SKIPPED);
            from = (last.name, false);
            if !self.0.iter().any(|fact| fact.speaks_of(from, end) && fact.reaches_behind(from.0)) {
                break;
            }
        }
        let kind = Kind::Next { include: from.1, end: end.to_buf(), count };
        Ok(Successor::Unknown(Want { server, kind, name: from.0.to_buf() }))
    }
}

/// How many instances are asked for at once where those that came are passed over.
const SKIPPED: u16 = 64;

impl Fact {
    fn take(&mut self, answer: &VarBindList) {
        let mut found = VarBindList::new();
        match &self.want.kind {
            Kind::Exact => {
                let Some(own) = answer.iter().next().filter(|own| own.name == self.want.name.as_oid()) else {
                    return;
                };
                self.places.push(found.octets());
                found.push(own.name, own.value);
            }
            Kind::Next { include, end, .. } => {
                let mut last: Option<OidBuf> = None;
                for own in answer.iter() {
                    self.ended = own.value == Value::EndOfMibView;
                    let rises = match &last {
                        Some(last) => own.name > last.as_oid(),
                        None if *include => own.name >= self.want.name.as_oid(),
                        None => own.name > self.want.name.as_oid(),
                    };
                    let inside = end.as_oid().is_empty() || own.name < end.as_oid();
                    if self.ended {
                        break;
                    }
                    if rises && !inside {
                        // snmpd goes on past the end: then there is nothing before it.
                        self.ended = true;
                        break;
                    }
                    if !rises || own.value.is_exception() || own.value == Value::Null {
                        // Names that do not rise would send the manager in circles. What came before them is
                        // good: snmpd repeats an included start in every repetition of a GetBulk.
                        break;
                    }
                    self.places.push(found.octets());
                    found.push(own.name, own.value);
                    last = Some(own.name.to_buf());
                }
                if self.places.is_empty() && !self.ended {
                    return;
                }
            }
        }
        self.found = Some(found);
    }

    fn read(&self, place: usize) -> Option<VarBind<'_>> {
        self.found.as_ref()?.read_at(place)
    }

    fn at(&self, position: usize) -> Option<VarBind<'_>> {
        self.read(*self.places.get(position)?)
    }

    /// Tells whether it knows what follows that place up to that end.
    fn speaks_of(&self, (name, include): (Oid<'_>, bool), end: Oid<'_>) -> bool {
        let Kind::Next { include: own, end: reach, .. } = &self.want.kind else {
            return false;
        };
        let begins =
            self.want.name.as_oid() < name || (self.want.name.as_oid() == name && (*own || !include));
        let covered = self.ended
            || self.found.is_none()
            || self.reaches_behind(name)
            || self.want.name.as_oid() == name;
        begins && reach.as_oid() == end && covered
    }

    /// Tells whether an instance behind that name is known.
    fn reaches_behind(&self, name: Oid<'_>) -> bool {
        self.places.last().and_then(|place| self.read(*place)).is_some_and(|last| last.name > name)
    }
}

/// The part of a SET that one server is to write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) server: Server,
    pub(crate) varbinds: VarBindList,
    /// The position of each binding in the request.
    pub(crate) positions: Box<[usize]>,
}

impl Share {
    /// The failure of a binding of this share, counted from 1, in the terms of the request.
    pub(crate) fn failure(&self, status: ErrorStatus, index: u16) -> (ErrorStatus, usize) {
        let position = usize::from(index).checked_sub(1).and_then(|at| self.positions.get(at));
        (status, position.or(self.positions.first()).copied().unwrap_or(0))
    }
}

/// What is asked of those who serve parts of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    /// To look something up.
    Read(Vec<Want>),
    /// To judge their shares of a SET and keep them aside.
    Test(Vec<Share>),
    /// To do what they judged well.
    Commit(Vec<Share>),
}

/// What the joint of an agent with its sub-agents needs of it.
impl<M: Mib> Agent<M> {
    /// Lets others serve these stretches, as far as no node here does.
    pub(crate) fn set_far<'a>(
        &mut self,
        stretches: impl Iterator<Item = (Oid<'a>, Oid<'a>, Server)> + Clone,
    ) {
        self.tree.set_far(stretches);
    }

    /// The roots of the agent's own nodes.
    pub(crate) fn roots(&self) -> impl Iterator<Item = Oid<'_>> {
        self.tree.roots()
    }

    /// Shows in sysORTable what others bring, behind what the agent brings itself.
    pub(crate) fn set_capabilities<'a>(&mut self, rows: impl Iterator<Item = (Oid<'a>, &'a [u8])>) {
        let now = TimeStamp(self.tree.own.system.values.up_time.0);
        let modules = &mut self.tree.own.modules;
        let before: Vec<OrEntry> = modules.iter().filter(|row| row.index > OTHERS).cloned().collect();
        modules.retain(|row| row.index <= OTHERS);
        for (index, (id, descr)) in (OTHERS.saturating_add(1)..).zip(rows) {
            let descr = DisplayString::from(alloc::string::String::from_utf8_lossy(descr).as_ref());
            let known = before.iter().find(|row| row.id.as_oid() == id && row.descr == descr);
            let up_time = known.map_or(now, |row| row.up_time);
            modules.insert(OrEntry { index, id: id.to_buf(), descr, up_time });
        }
        self.tree.own.system.values.or_last_change = now;
    }

    /// The next question to those who serve parts of the tree, and the transaction that it belongs to.
    pub(crate) fn far_question(&mut self) -> Option<(AskId, u32, Question)> {
        self.parked.ask_far()
    }

    /// The next SET that is over for those who hold a share of it: its transaction, who, and whether they take
    /// back what they committed.
    pub(crate) fn far_over(&mut self) -> Option<(u32, Vec<Server>, bool)> {
        self.parked.over.pop()
    }

    /// Tells what was answered to each want of a question; `None` where nobody did.
    pub(crate) fn far_read(&mut self, id: AskId, answers: &[Option<VarBindList>]) -> Result<(), Error> {
        let question = self.parked.take_ask(id).ok_or(Error::UnknownAsk)?;
        let What::Far { question: Question::Read(wants), .. } = &question.what else {
            return Err(Error::UnknownAsk);
        };
        for (mut kept, until) in question.waiting {
            for (want, answer) in wants.iter().zip(answers) {
                kept.known.learn(want.clone(), answer.as_ref());
            }
            let _ = self.serve(kept.from, &kept.as_request(), Some(until), &kept.known);
        }
        Ok(())
    }

    /// Tells how the others judged their shares of a SET, or what became of them: the position of a binding and
    /// its status where one of them refused.
    pub(crate) fn far_set(
        &mut self,
        id: AskId,
        outcome: Result<(), (ErrorStatus, usize)>,
    ) -> Result<(), Error> {
        let question = self.parked.take_ask(id).ok_or(Error::UnknownAsk)?;
        let (What::Far { question, nodes, transaction }, Some((kept, _))) =
            (question.what, question.waiting.into_iter().next())
        else {
            return Err(Error::UnknownAsk);
        };
        let failure = outcome.err().map(|(status, position)| match status {
            ErrorStatus::UNDO_FAILED => Failure::at(0, status),
            status => Failure::binding(position, status),
        });
        match (question, failure) {
            (Question::Test(shares), None) => match self.config.writes {
                Writes::AtOnce => self.go_on(Question::Commit(shares), nodes, transaction, kept),
                Writes::Confirmed { timeout } => {
                    let until = self.now.saturating_add(timeout);
                    let what = What::Write { nodes, transaction, shares };
                    // The place that it has just left is free.
                    self.parked.park(&self.config.limits, what, kept, until).map_err(|_| Error::Busy)
                }
            },
            (Question::Commit(shares), None) => {
                let outcome = set::commit(&mut self.tree, &nodes);
                self.parked.end(transaction, &shares, outcome.is_err());
                self.finish(&kept, outcome)
            }
            (Question::Test(shares), Some(failure)) => {
                set::release(&mut self.tree, &nodes);
                self.parked.end(transaction, &shares, false);
                self.finish(&kept, Err(failure))
            }
            (Question::Commit(shares), Some(failure)) => {
                set::release(&mut self.tree, &nodes);
                self.parked.end(transaction, &shares, true);
                self.finish(&kept, Err(failure))
            }
            (Question::Read(_), _) => Err(Error::UnknownAsk),
        }
    }

    /// Takes a SET to its next question.
    pub(super) fn go_on(
        &mut self,
        question: Question,
        nodes: Vec<usize>,
        transaction: u32,
        kept: Kept,
    ) -> Result<(), Error> {
        let until = self.now.saturating_add(self.config.limits.patience);
        let what = What::Far { question, nodes, transaction };
        // The place that it has just left is free.
        self.parked.park(&self.config.limits, what, kept, until).map_err(|_| Error::Busy)
    }
}

/// Rows of sysORTable with a higher number are those of sub-agents.
const OTHERS: i32 = 1_000;
