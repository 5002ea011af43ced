//! GET, GETNEXT and GETBULK (RFC 3416 §4.2.1 to §4.2.3, RFC 1157 §4.1.2 and §4.1.3).

use alloc::vec::Vec;

use super::config::Limits;
use super::engine::{Failure, Tree};
use super::reply::Reply;
use crate::mib::{Absent, Cursor, Mib, Skip};
use crate::wire::{ErrorStatus, Oid, OidBuf, Pdu, PduType, Value, VarBind, Version};

/// Answers a reading request into `reply`.
pub(super) fn read<M: Mib>(
    tree: &Tree<M>,
    limits: &Limits,
    version: Version,
    pdu: &Pdu<'_>,
    finders: &mut Vec<Finder>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    match pdu.kind {
        PduType::GET => get(tree, limits, version, pdu, reply),
        PduType::GET_NEXT => get_next(tree, limits, version, pdu, finders, reply),
        _ => get_bulk(tree, limits, pdu, finders, reply),
    }
}

fn get<M: Mib>(
    tree: &Tree<M>,
    limits: &Limits,
    version: Version,
    pdu: &Pdu<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let value = match tree.get(name) {
            Ok(value) => value,
            Err(Absent::Object) => Value::NoSuchObject,
            Err(Absent::Instance) => Value::NoSuchInstance,
        };
        if version == Version::V1 && (value.is_exception() || matches!(value, Value::Counter64(_))) {
            return Err(Failure::binding(position, ErrorStatus::NO_SUCH_NAME));
        }
        reply.push(name, &value, limits.max_message).map_err(|_| Failure::TOO_BIG)?;
    }
    Ok(())
}

fn get_next<M: Mib>(
    tree: &Tree<M>,
    limits: &Limits,
    version: Version,
    pdu: &Pdu<'_>,
    finders: &mut Vec<Finder>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    let skip = Skip { counter64: version == Version::V1 };
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let finder = finder(finders, 0);
        finder.start(name);
        let value = tree.next(finder, skip).map_err(|status| Failure::binding(position, status))?;
        let room = match &value {
            Some(value) => reply.push(finder.cursor.name.as_oid(), value, limits.max_message),
            None if version == Version::V1 => {
                return Err(Failure::binding(position, ErrorStatus::NO_SUCH_NAME));
            }
            None => reply.push(name, &Value::EndOfMibView, limits.max_message),
        };
        room.map_err(|_| Failure::TOO_BIG)?;
    }
    Ok(())
}

/// What does not fit is left off at the end. Only where not even the first binding fits is the answer tooBig:
/// RFC 3416 §4.2.3 would have an empty list, which managers read as the end of the MIB.
fn get_bulk<M: Mib>(
    tree: &Tree<M>,
    limits: &Limits,
    pdu: &Pdu<'_>,
    finders: &mut Vec<Finder>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    let single = usize::try_from(pdu.error_status.0).unwrap_or(0).min(pdu.varbinds.len());
    let repetitions = usize::try_from(pdu.error_index).unwrap_or(0);
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let own = finder(finders, position);
        own.start(name);
        if position < single && !repeat(tree, limits, position, own, reply)?.room {
            return Ok(());
        }
    }
    let repeaters = pdu.varbinds.len();
    for _ in 0..repetitions {
        let mut all_ended = true;
        for position in single..repeaters {
            let step = repeat(tree, limits, position, finder(finders, position), reply)?;
            if !step.room {
                return Ok(());
            }
            all_ended &= step.ended;
        }
        if all_ended {
            break;
        }
    }
    Ok(())
}

/// What one step of a repeater came to.
struct Step {
    room: bool,
    ended: bool,
}

/// Appends the successor of where `finder` stands.
#[inline(always)]
fn repeat<M: Mib>(
    tree: &Tree<M>,
    limits: &Limits,
    position: usize,
    finder: &mut Finder,
    reply: &mut Reply<'_>,
) -> Result<Step, Failure> {
    let value = tree.next(finder, Skip::default()).map_err(|status| Failure::binding(position, status))?;
    let first = reply.bindings_len() == 0;
    let limit = if first { limits.max_message } else { limits.max_bulk.min(limits.max_message) };
    let pushed = match &value {
        Some(value) => reply.push(finder.cursor.name.as_oid(), value, limit),
        None => {
            finder.stay();
            reply.push(finder.cursor.name.as_oid(), &Value::EndOfMibView, limit)
        }
    };
    match pushed {
        Ok(()) => Ok(Step { room: true, ended: value.is_none() }),
        Err(_) if first => Err(Failure::TOO_BIG),
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
}

impl Finder {
    fn start(&mut self, name: Oid<'_>) {
        self.cursor.start(name, false);
        self.range = None;
    }

    /// Back to where the last search began, as there is nothing behind it.
    fn stay(&mut self) {
        self.cursor.start(self.previous.as_oid(), false);
        self.range = None;
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

impl<M: Mib> Tree<M> {
    /// The value of one instance.
    #[inline]
    fn get(&self, name: Oid<'_>) -> Result<Value<'_>, Absent> {
        let node = self.registry.at(name).and_then(|range| self.node(range.node)).ok_or(Absent::Object)?;
        node.get(name.strip_prefix(node.root()).ok_or(Absent::Object)?)
    }

    /// Moves `finder` to the first instance behind it.
    #[inline(always)]
    fn next(&self, finder: &mut Finder, skip: Skip) -> Result<Option<Value<'_>>, ErrorStatus> {
        let Finder { cursor, previous, range } = finder;
        previous.assign(cursor.name.as_oid());
        let from = previous.as_oid();
        let first = range.take().unwrap_or_else(|| self.registry.from(from));
        let goes_on = cursor.found.is_some();
        let mut position = first;
        while let Some(stretch) = self.registry.range(position) {
            if position != first || (cursor.found.is_none() && from < stretch.start.as_oid()) {
                cursor.start(stretch.start.as_oid(), true);
            }
            if let Some(node) = self.node(stretch.node)
                && let Some(value) = node.next(cursor, skip)
            {
                let (name, root) = (cursor.name.as_oid(), node.root());
                // A name that the node went on from is below its root, so one look tells both.
                let rises = if goes_on && position == first {
                    name.follows(from, root.as_bytes().len())
                } else {
                    name > from && name.starts_with(root)
                };
                if !rises {
                    // A hand-written node broke its promise. Going on would send the manager in circles.
                    return Err(ErrorStatus::GEN_ERR);
                }
                if !stretch.cut || stretch.reaches(name) {
                    cursor.inclusive = false;
                    *range = Some(position);
                    return Ok(Some(value));
                }
            }
            position = position.saturating_add(1);
        }
        Ok(None)
    }
}
