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
    cursors: &mut Vec<Cursor>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    match pdu.kind {
        PduType::GET => get(tree, limits, version, pdu, reply),
        PduType::GET_NEXT => get_next(tree, limits, version, pdu, cursors, reply),
        _ => get_bulk(tree, limits, pdu, cursors, reply),
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
        reply.push(&VarBind { name, value }, limits.max_message).map_err(|_| Failure::TOO_BIG)?;
    }
    Ok(())
}

fn get_next<M: Mib>(
    tree: &Tree<M>,
    limits: &Limits,
    version: Version,
    pdu: &Pdu<'_>,
    cursors: &mut Vec<Cursor>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    let skip = Skip { counter64: version == Version::V1 };
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let cursor = cursor(cursors, 0);
        start(cursor, name);
        let value = tree.next(cursor, name, skip).map_err(|status| Failure::binding(position, status))?;
        let binding = match value {
            Some(value) => VarBind { name: cursor.name.as_oid(), value },
            None if version == Version::V1 => {
                return Err(Failure::binding(position, ErrorStatus::NO_SUCH_NAME));
            }
            None => VarBind { name, value: Value::EndOfMibView },
        };
        reply.push(&binding, limits.max_message).map_err(|_| Failure::TOO_BIG)?;
    }
    Ok(())
}

/// What does not fit is left off at the end. Only where not even the first binding fits is the answer tooBig:
/// RFC 3416 §4.2.3 would have an empty list, which managers read as the end of the MIB.
fn get_bulk<M: Mib>(
    tree: &Tree<M>,
    limits: &Limits,
    pdu: &Pdu<'_>,
    cursors: &mut Vec<Cursor>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    let single = usize::try_from(pdu.error_status.0).unwrap_or(0).min(pdu.varbinds.len());
    let repetitions = usize::try_from(pdu.error_index).unwrap_or(0);
    let mut previous = OidBuf::new();
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let own = cursor(cursors, position);
        start(own, name);
        if position < single && !repeat(tree, limits, position, own, &mut previous, reply)?.room {
            return Ok(());
        }
    }
    let repeaters = pdu.varbinds.len();
    for _ in 0..repetitions {
        let mut all_ended = true;
        for position in single..repeaters {
            let step = repeat(tree, limits, position, cursor(cursors, position), &mut previous, reply)?;
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

/// Appends the successor of where `cursor` stands.
fn repeat<M: Mib>(
    tree: &Tree<M>,
    limits: &Limits,
    position: usize,
    cursor: &mut Cursor,
    previous: &mut OidBuf,
    reply: &mut Reply<'_>,
) -> Result<Step, Failure> {
    previous.assign(cursor.name.as_oid());
    let value = tree
        .next(cursor, previous.as_oid(), Skip::default())
        .map_err(|status| Failure::binding(position, status))?;
    let first = reply.bindings_len() == 0;
    let limit = if first { limits.max_message } else { limits.max_bulk.min(limits.max_message) };
    let binding = match value {
        Some(value) => VarBind { name: cursor.name.as_oid(), value },
        None => {
            cursor.name.assign(previous.as_oid());
            VarBind { name: previous.as_oid(), value: Value::EndOfMibView }
        }
    };
    match reply.push(&binding, limit) {
        Ok(()) => Ok(Step { room: true, ended: value.is_none() }),
        Err(_) if first => Err(Failure::TOO_BIG),
        Err(_) => Ok(Step { room: false, ended: false }),
    }
}

impl<M: Mib> Tree<M> {
    /// The value of one instance.
    #[inline]
    fn get(&self, name: Oid<'_>) -> Result<Value<'_>, Absent> {
        let node = self.registry.at(name).and_then(|range| self.node(range.node)).ok_or(Absent::Object)?;
        node.get(name.strip_prefix(node.root()).ok_or(Absent::Object)?)
    }

    /// Moves `cursor`, which stands on `from`, to the first instance behind it.
    #[inline]
    fn next(&self, cursor: &mut Cursor, from: Oid<'_>, skip: Skip) -> Result<Option<Value<'_>>, ErrorStatus> {
        let mut inside = true;
        for range in self.registry.from(from) {
            let Some(node) = self.node(range.node) else {
                continue;
            };
            cursor.inclusive = false;
            if !inside || from < range.start.as_oid() {
                cursor.name.assign(range.start.as_oid());
                cursor.inclusive = true;
                cursor.hint = usize::MAX;
            }
            inside = false;
            let Some(value) = node.next(cursor, skip) else {
                continue;
            };
            let name = cursor.name.as_oid();
            if name <= from || !name.starts_with(node.root()) {
                // A hand-written node broke its promise. Going on would send the manager in circles.
                return Err(ErrorStatus::GEN_ERR);
            }
            if range.reaches(name) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// The cursor of that position, made where it does not exist yet.
fn cursor(cursors: &mut Vec<Cursor>, position: usize) -> &mut Cursor {
    if cursors.len() <= position {
        cursors.resize(position.saturating_add(1), Cursor::default());
    }
    #[allow(clippy::indexing_slicing, reason = "resized above")]
    &mut cursors[position]
}

fn start(cursor: &mut Cursor, name: Oid<'_>) {
    cursor.name.assign(name);
    cursor.hint = usize::MAX;
}
