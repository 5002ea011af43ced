//! Requests that wait: for the owner's word on a SET, for a part of the MIB to be brought up to date, for an answer
//! from another context.
//!
//! ```text
//! SET, Writes::Confirmed   -> Write  -> WriteDone | WriteRefused | timeout -> commit or refuse, answer
//! a node is not ready      -> Fetch  -> Fetched                            -> the whole request is answered anew
//! another context          -> Ask    -> Answered                           -> what the view shows of it, or ask on
//! a part that others serve -> Read                     -> told             -> the whole request is answered anew
//! a SET there              -> Test, [Write,] Commit    -> told             -> commit or refuse, answer
//!                             Fetch, Ask -> Unanswered | timeout           -> genErr
//! ```
//!
//! A question is asked once, however many requests wait for it; a request that comes again while it waits is not
//! kept twice, and the latest of its messages is answered.

use alloc::{boxed::Box, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use super::config::Limits;
use super::far::{Facts, Question as Far, Server, Share};
use super::io::{AskId, Output, WriteId};
use super::reply::{Around, Head};
use super::request::Request;
use super::secure::KeptSender;
use crate::vacm::{Denied, Grant};
use crate::wire::{ErrorStatus, OidBuf, Pdu, PduType, VarBindList, Version};

/// A request and everything that its answer needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) from: SocketAddr,
    kind: PduType,
    request_id: i32,
    counts: (i32, i32),
    pub(super) varbinds: VarBindList,
    version: Version,
    around: KeptAround,
    pub(super) context: Box<[u8]>,
    grant: Result<Grant, Denied>,
    limit: usize,
    sender: Option<KeptSender>,
    /// What it has come to know of the parts that others serve.
    pub(super) known: Facts,
}

#[derive(Clone, PartialEq)]
enum KeptAround {
    Community(Box<[u8]>),
    Scope { engine: Box<[u8]>, context: Box<[u8]> },
}

impl core::fmt::Debug for KeptAround {
    /// A community is a secret and stays out.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Community(_) => "Community",
            Self::Scope { .. } => "Scope",
        })
    }
}

impl Kept {
    pub(super) fn new(from: SocketAddr, request: &Request<'_>) -> Self {
        let Request { pdu, version, head, context, grant, limit, sender } = request;
        Self {
            from,
            kind: pdu.kind,
            request_id: pdu.request_id,
            counts: (pdu.error_status.0, pdu.error_index),
            varbinds: pdu.varbinds.to_list(),
            version: *version,
            around: match head.around {
                Around::Community { community, .. } => KeptAround::Community(community.into()),
                Around::Scope { engine, context } => {
                    KeptAround::Scope { engine: engine.into(), context: context.into() }
                }
            },
            context: (*context).into(),
            grant: *grant,
            limit: *limit,
            sender: sender.as_ref().map(KeptSender::new),
            known: Facts::default(),
        }
    }

    pub(super) fn as_request(&self) -> Request<'_> {
        let around = match &self.around {
            KeptAround::Community(community) => Around::Community { version: self.version, community },
            KeptAround::Scope { engine, context } => Around::Scope { engine, context },
        };
        Request {
            pdu: Pdu {
                kind: self.kind,
                request_id: self.request_id,
                error_status: ErrorStatus(self.counts.0),
                error_index: self.counts.1,
                varbinds: self.varbinds.as_varbinds(),
            },
            version: self.version,
            head: Head { request_id: self.request_id, around },
            context: &self.context,
            grant: self.grant,
            limit: self.limit,
            sender: self.sender.as_ref().map(KeptSender::as_sender),
        }
    }

    /// Tells whether both are one request, sent again perhaps in a new envelope.
    fn repeats(&self, other: &Self) -> bool {
        self.from == other.from
            && self.request_id == other.request_id
            && self.kind == other.kind
            && self.counts == other.counts
            && self.version == other.version
            && self.around == other.around
            && self.varbinds == other.varbinds
    }
}

/// What is asked of the owner.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Whether a SET may take effect; with the nodes that hold what it will write, and what others hold.
    Write { nodes: Vec<usize>, transaction: u32, shares: Vec<Share> },
    /// To ask those who serve parts of the tree; with the nodes that hold what a SET will write here.
    Far { question: Far, nodes: Vec<usize>, transaction: u32 },
    /// To bring a node up to date.
    Fetch { node: usize, root: OidBuf },
    /// To ask in another context.
    Ask { context: Box<[u8]>, kind: PduType, counts: (i32, i32), varbinds: VarBindList },
}

impl What {
    /// Tells whether a SET waits for it that holds nodes.
    const fn writes(&self) -> bool {
        match self {
            Self::Write { .. } => true,
            Self::Far { question, .. } => !matches!(question, Far::Read(_)),
            Self::Fetch { .. } | Self::Ask { .. } => false,
        }
    }
}

/// A question and those who wait for its answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Question {
    id: u64,
    pub(super) what: What,
    asked: bool,
    pub(super) waiting: Vec<(Kept, Duration)>,
}

/// All that waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parked {
    questions: Vec<Question>,
    /// SETs that are over for those who hold a share of them, and whether they have to take it back.
    pub(super) over: Vec<(u32, Vec<Server>, bool)>,
    last: u64,
}

/// Why a request is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotKept {
    /// It waits already.
    Repeated,
    /// As many as the limits allow wait.
    Busy,
}

impl Parked {
    fn len(&self) -> usize {
        self.questions.iter().map(|question| question.waiting.len()).sum()
    }

    /// Tells whether a SET waits for the owner.
    pub(super) fn writes(&self) -> bool {
        self.questions.iter().any(|question| question.what.writes())
    }

    /// Tells whether the request waits already; then its latest envelope is the one that is answered.
    pub(super) fn join(&mut self, kept: &Kept) -> bool {
        let mut all = self.questions.iter_mut().flat_map(|question| &mut question.waiting);
        match all.find(|(own, _)| own.repeats(kept)) {
            Some((own, _)) => {
                own.sender.clone_from(&kept.sender);
                true
            }
            None => false,
        }
    }

    /// Keeps a request until `what` is answered, `until` at the latest.
    pub(super) fn park(
        &mut self,
        limits: &Limits,
        what: What,
        kept: Kept,
        until: Duration,
    ) -> Result<(), NotKept> {
        if self.join(&kept) {
            return Err(NotKept::Repeated);
        }
        if self.len() >= limits.parked {
            return Err(NotKept::Busy);
        }
        // A SET is never joined to another: done twice is not done once.
        let shares = |question: &&mut Question| match &question.what {
            What::Ask { kind: PduType::SET, .. } => false,
            own if own.writes() => false,
            other => *other == what,
        };
        match self.questions.iter_mut().find(shares) {
            Some(question) => question.waiting.push((kept, until)),
            None => {
                self.last = self.last.wrapping_add(1);
                let waiting = alloc::vec![(kept, until)];
                self.questions.push(Question { id: self.last, what, asked: false, waiting });
            }
        }
        Ok(())
    }

    /// Takes the SET of that name.
    pub(super) fn take_write(&mut self, id: WriteId) -> Option<Question> {
        self.take(id.0, true)
    }

    /// Takes the question of that name, with all who wait for it.
    pub(super) fn take_ask(&mut self, id: AskId) -> Option<Question> {
        self.take(id.0, false)
    }

    fn take(&mut self, id: u64, write: bool) -> Option<Question> {
        let own =
            |question: &Question| question.id == id && write == matches!(question.what, What::Write { .. });
        self.questions.iter().position(own).map(|at| self.questions.remove(at))
    }

    /// Takes out those whose time has come, the earliest first. A question for which nobody waits any more is
    /// forgotten.
    pub(super) fn expired(&mut self, now: Duration) -> Vec<(What, Kept)> {
        let mut expired: Vec<(What, Kept, Duration)> = Vec::new();
        for question in &mut self.questions {
            let what = &question.what;
            let (due, rest) =
                core::mem::take(&mut question.waiting).into_iter().partition(|(_, at)| *at <= now);
            question.waiting = rest;
            let due: Vec<(Kept, Duration)> = due;
            expired.extend(due.into_iter().map(|(kept, at)| (what.clone(), kept, at)));
        }
        self.questions.retain(|question| !question.waiting.is_empty());
        expired.sort_by_key(|(_, _, at)| *at);
        expired.into_iter().map(|(what, kept, _)| (what, kept)).collect()
    }

    /// Tells whether a question is still to be asked.
    pub(super) fn has_unasked(&self) -> bool {
        self.questions.iter().any(|question| !question.asked && !matches!(question.what, What::Far { .. }))
    }

    /// The next question to be asked.
    pub(super) fn ask(&mut self) -> Option<Output<'_>> {
        let own = |question: &&mut Question| !question.asked && !matches!(question.what, What::Far { .. });
        let question = self.questions.iter_mut().find(own)?;
        question.asked = true;
        match &question.what {
            What::Write { .. } => question.waiting.first().map(|(kept, _)| Output::Write {
                id: WriteId(question.id),
                from: kept.from,
                varbinds: kept.varbinds.as_varbinds(),
            }),
            What::Far { .. } => None,
            What::Fetch { root, .. } => Some(Output::Fetch { id: AskId(question.id), root: root.as_oid() }),
            What::Ask { context, kind, counts, varbinds } => Some(Output::Ask {
                id: AskId(question.id),
                context,
                kind: *kind,
                counts: *counts,
                varbinds: varbinds.as_varbinds(),
            }),
        }
    }

    /// The next question to those who serve parts of the tree.
    pub(super) fn ask_far(&mut self) -> Option<(AskId, u32, Far)> {
        let own = |question: &&mut Question| !question.asked && matches!(question.what, What::Far { .. });
        let question = self.questions.iter_mut().find(own)?;
        question.asked = true;
        match &question.what {
            What::Far { question: far, transaction, .. } => {
                Some((AskId(question.id), *transaction, far.clone()))
            }
            _ => None,
        }
    }

    /// Tells those who hold a share of a SET that it is over.
    pub(super) fn end(&mut self, transaction: u32, shares: &[Share], undo: bool) {
        if !shares.is_empty() {
            self.over.push((transaction, shares.iter().map(|share| share.server).collect(), undo));
        }
    }

    /// A number for the next SET that others have a share of.
    pub(super) fn transaction(&self) -> u32 {
        u32::try_from(self.last & u64::from(u32::MAX)).unwrap_or(0).wrapping_add(1)
    }

    /// When the first of those who wait has waited long enough.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.questions.iter().flat_map(|question| &question.waiting).map(|(_, at)| *at).min()
    }
}
