//! GET, GETNEXT and GETBULK (RFC 3416 §4.2.1 to §4.2.3, RFC 1157 §4.1.2 and §4.1.3).

use alloc::vec::Vec;

use super::config::Limits;
use super::far::{Facts, Server, Successor, Want};
use super::outcome::Failure;
use super::parked::NotKept;
use super::registry::Range;
use super::reply::Reply;
use super::tree::Tree;
use crate::mib::{Absent, Cursor, Mib, Skip};
use crate::vacm::View;
use crate::wire::{ErrorStatus, Oid, OidBuf, Pdu, PduType, Value, VarBind, Version};

/// Why a request is not answered at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It fails.
    Failed(Failure),
    /// The node of that position must be brought up to date first.
    NotReady(usize),
    /// Others must be asked first.
    Wants(Vec<Want>),
    /// It should wait, and cannot.
    NotKept(NotKept),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The tree as one request may see it.
#[derive(Debug)]
pub(super) struct Seen<'t, M> {
    pub(super) tree: &'t Tree<M>,
    pub(super) view: &'t View,
    pub(super) limits: &'t Limits,
    pub(super) version: Version,
    /// What it knows of the parts that others serve.
    pub(super) known: &'t Facts,
    /// How many successors it wants to know at once.
    pub(super) ahead: u16,
}

impl<M: Mib> Seen<'_, M> {
    /// Answers a reading request into `reply`.
    pub(super) fn read(
        &self,
        pdu: &Pdu<'_>,
        finders: &mut Vec<Finder>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Stop> {
        match pdu.kind {
            PduType::GET => get(self, pdu, reply),
            PduType::GET_NEXT => get_next(self, pdu, finders, reply),
            _ => get_bulk(self, pdu, finders, reply),
        }
    }
}

fn get<M: Mib>(seen: &Seen<'_, M>, pdu: &Pdu<'_>, reply: &mut Reply<'_>) -> Result<(), Stop> {
    let mut wants = Wants::default();
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let Some(value) = wants.note(seen.get(name, position))? else {
            continue;
        };
        let value = match value {
            Ok(value) => value,
            Err(Absent::Object) => Value::NoSuchObject,
            Err(Absent::Instance) => Value::NoSuchInstance,
        };
        if seen.version == Version::V1 && (value.is_exception() || matches!(value, Value::Counter64(_))) {
            return Err(Failure::binding(position, ErrorStatus::NO_SUCH_NAME).into());
        }
        reply.push(name, &value, seen.limits.max_message).map_err(|_| Failure::TOO_BIG)?;
    }
    wants.none()
}

fn get_next<M: Mib>(
    seen: &Seen<'_, M>,
    pdu: &Pdu<'_>,
    finders: &mut Vec<Finder>,
    reply: &mut Reply<'_>,
) -> Result<(), Stop> {
    let skip = Skip { counter64: seen.version == Version::V1 };
    let mut wants = Wants::default();
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let finder = finder(finders, 0);
        finder.start(name);
        let Some(value) = wants.note(seen.next(finder, skip, position))? else {
            continue;
        };
        let room = match &value {
            Some(value) => reply.push(finder.cursor.name.as_oid(), value, seen.limits.max_message),
            None if seen.version == Version::V1 => {
                return Err(Failure::binding(position, ErrorStatus::NO_SUCH_NAME).into());
            }
            None => reply.push(name, &Value::EndOfMibView, seen.limits.max_message),
        };
        room.map_err(|_| Failure::TOO_BIG)?;
    }
    wants.none()
}

/// What is wanted of others by all bindings of a request together.
#[derive(Default)]
struct Wants(Vec<Want>);

impl Wants {
    /// Keeps what a binding wants to know; then it has no value yet.
    #[inline]
    fn note<T>(&mut self, outcome: Result<T, Stop>) -> Result<Option<T>, Stop> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Wants(wants)) => {
                self.0.extend(wants.into_iter().filter(|want| !self.0.contains(want)).collect::<Vec<_>>());
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    fn none(self) -> Result<(), Stop> {
        if self.0.is_empty() { Ok(()) } else { Err(Stop::Wants(self.0)) }
    }
}

/// What does not fit is left off at the end. Only where not even the first binding fits is the answer tooBig:
/// RFC 3416 §4.2.3 would have an empty list, which managers read as the end of the MIB.
fn get_bulk<M: Mib>(
    seen: &Seen<'_, M>,
    pdu: &Pdu<'_>,
    finders: &mut Vec<Finder>,
    reply: &mut Reply<'_>,
) -> Result<(), Stop> {
    let single = usize::try_from(pdu.error_status.0).unwrap_or(0).min(pdu.varbinds.len());
    let repetitions = usize::try_from(pdu.error_index).unwrap_or(0);
    let mut wants = Wants::default();
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let own = finder(finders, position);
        own.start(name);
        if position < single && wants.note(repeat(seen, position, own, reply))?.is_some_and(|step| !step.room)
        {
            return wants.none();
        }
    }
    let repeaters = pdu.varbinds.len();
    for _ in 0..repetitions {
        let mut all_ended = true;
        for position in single..repeaters {
            match wants.note(repeat(seen, position, finder(finders, position), reply))? {
                Some(Step { room: false, .. }) => return wants.none(),
                Some(step) => all_ended &= step.ended,
                None => all_ended = true,
            }
        }
        if all_ended || !wants.0.is_empty() {
            break;
        }
    }
    wants.none()
}

/// What one step of a repeater came to.
struct Step {
    room: bool,
    ended: bool,
}

/// Appends the successor of where `finder` stands.
#[inline(always)]
fn repeat<M: Mib>(
    seen: &Seen<'_, M>,
    position: usize,
    finder: &mut Finder,
    reply: &mut Reply<'_>,
) -> Result<Step, Stop> {
    let value = seen.next(finder, Skip::default(), position)?;
    let first = reply.bindings_len() == 0;
    let limit =
        if first { seen.limits.max_message } else { seen.limits.max_bulk.min(seen.limits.max_message) };
    let pushed = match &value {
        Some(value) => reply.push(finder.cursor.name.as_oid(), value, limit),
        None => {
            finder.stay();
            reply.push(finder.cursor.name.as_oid(), &Value::EndOfMibView, limit)
        }
    };
    match pushed {
        Ok(()) => Ok(Step { room: true, ended: value.is_none() }),
        Err(_) if first => Err(Failure::TOO_BIG.into()),
        Err(_) => Ok(Step { room: false, ended: false }),
    }
}

/// Where one binding's search is. It goes on from instance to instance without searching again, because nothing
/// changes within a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Finder {
    cursor: Cursor,
    /// The name before the cursor's: the one that it rose from.
    previous: OidBuf,
    /// The stretch of the registry that the cursor's name was found in.
    range: Option<usize>,
    /// Whether the view shows all of that stretch, if that was asked.
    shown: Option<bool>,
}

impl Finder {
    fn start(&mut self, name: Oid<'_>) {
        self.cursor.start(name, false);
        self.range = None;
        self.shown = None;
    }

    /// Back to where the last search began, as there is nothing behind it.
    fn stay(&mut self) {
        self.cursor.start(self.previous.as_oid(), false);
        self.range = None;
        self.shown = None;
    }
}

/// The finder of that position, made where it does not exist yet.
#[inline]
fn finder(finders: &mut Vec<Finder>, position: usize) -> &mut Finder {
    if finders.len() <= position {
        finders.resize(position.saturating_add(1), Finder::default());
    }
    #[allow(clippy::indexing_slicing, reason = "resized above")]
    &mut finders[position]
}

impl<M: Mib> Seen<'_, M> {
    /// The value of one instance. What the view hides is as if it were not implemented.
    #[inline]
    fn get(&self, name: Oid<'_>, binding: usize) -> Result<Result<Value<'_>, Absent>, Stop> {
        let Some(range) = self.tree.registry.at(name).filter(|_| self.view.contains(name)) else {
            return Ok(Err(Absent::Object));
        };
        if let Some(server) = self.tree.server(range.node) {
            let value = self.known.get(server, name).map_err(|want| Stop::Wants(alloc::vec![want]))?;
            return value.map(Ok).ok_or(Failure::binding(binding, ErrorStatus::GEN_ERR).into());
        }
        let Some(node) = self.tree.node(range.node) else {
            return Ok(Err(Absent::Object));
        };
        if !node.ready() {
            return Err(Stop::NotReady(range.node));
        }
        Ok(name.strip_prefix(node.root()).ok_or(Absent::Object).and_then(|below| node.get(below)))
    }

    /// Moves `finder` to the first instance behind it that the view shows. What it hides is passed over: the search
    /// goes on where the view begins again.
    #[inline(always)]
    fn next(&self, finder: &mut Finder, skip: Skip, binding: usize) -> Result<Option<Value<'_>>, Stop> {
        // A hand-written node broke its promise. Going on would send the manager in circles.
        let broken = || Failure::binding(binding, ErrorStatus::GEN_ERR).into();
        let Finder { cursor, previous, range, shown } = finder;
        previous.assign(cursor.name.as_oid());
        let from = previous.as_oid();
        let first = range.take().unwrap_or_else(|| self.tree.registry.from(from));
        let goes_on = cursor.found.is_some();
        let mut position = first;
        // Where the view begins again behind what it hides.
        let mut target: Option<OidBuf> = None;
        while let Some(stretch) = self.tree.registry.range(position) {
            let start = stretch.start.as_oid();
            match &target {
                Some(target) => cursor.start(start.max(target.as_oid()), true),
                None if position != first || (cursor.found.is_none() && from < start) => {
                    cursor.start(start, true);
                }
                None => {}
            }
            if let Some(server) = self.tree.server(stretch.node) {
                if let Some(name) = self.far(server, cursor, stretch, skip, binding)? {
                    if !self.view.contains(name.0) {
                        let Some(begins) = self.view.seek(name.0) else {
                            return Ok(None);
                        };
                        position = self.tree.registry.from(begins.as_oid());
                        target = Some(begins);
                        continue;
                    }
                    cursor.start(name.0, false);
                    *range = Some(position);
                    return Ok(Some(name.1));
                }
                position = position.saturating_add(1);
                continue;
            }
            let node = self.tree.node(stretch.node);
            let on = goes_on && position == first;
            if !on && node.is_some_and(|node| !node.ready()) {
                return Err(Stop::NotReady(stretch.node));
            }
            if let Some(node) = node
                && let Some(value) = node.next(cursor, skip)
            {
                let (name, root) = (cursor.name.as_oid(), node.root());
                // A name that the node went on from is below its root, so one look tells both.
                let rises = if on {
                    name.follows(from, root.as_bytes().len())
                } else {
                    name > from && name.starts_with(root)
                };
                if !rises || target.as_ref().is_some_and(|target| name < target.as_oid()) {
                    return Err(broken());
                }
                if !stretch.cut || stretch.reaches(name) {
                    // Who comes back to a stretch is told once and for all whether the view shows the whole of it.
                    let whole =
                        on && *shown.get_or_insert_with(|| self.view.covers(start, stretch.end.as_oid()));
                    if whole || self.view.contains(name) {
                        cursor.inclusive = false;
                        *shown = shown.filter(|_| on);
                        *range = Some(position);
                        return Ok(Some(value));
                    }
                    let Some(begins) = self.view.seek(name) else {
                        return Ok(None);
                    };
                    position = self.tree.registry.from(begins.as_oid());
                    target = Some(begins);
                    continue;
                }
            }
            position = position.saturating_add(1);
        }
        Ok(None)
    }

    /// What follows the cursor in a part that others serve.
    fn far(
        &self,
        server: Server,
        cursor: &Cursor,
        stretch: &Range,
        skip: Skip,
        binding: usize,
    ) -> Result<Option<(Oid<'_>, Value<'_>)>, Stop> {
        let at_binding = |failure: Failure| Failure::binding(binding, failure.status);
        let known = self.known.next(server, cursor, stretch.end.as_oid(), skip, self.ahead);
        match known.map_err(at_binding)? {
            Successor::Found(name, value) => Ok(Some((name, value))),
            Successor::Nothing => Ok(None),
            Successor::Unknown(want) => Err(Stop::Wants(alloc::vec![want])),
        }
    }
}
