//! Requests for another context, as of a card behind the cabinet: asked on by the owner, shown as the view allows
//! (RFC 3413 §3.5, RFC 3415 §3.2).
//!
//! Of a GET only what is in the view is asked. What a GETNEXT or GETBULK answers outside the view is not shown:
//! the search is asked on from where the view begins again, so what is hidden is passed over there as well.

use alloc::vec::Vec;

use super::config::Limits;
use super::outcome::Failure;
use super::parked::Kept;
use super::reply::Reply;
use crate::vacm::View;
use crate::wire::{ErrorStatus, Oid, OidBuf, Pdu, PduType, Value, VarBind, VarBindList, VarBinds, Version};

/// What becomes of a request that was answered elsewhere.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// The reply holds the answer.
    Done,
    /// These names are asked next.
    Ask(VarBindList),
}

/// What is asked of the other context first; `None` where the view hides all of it.
///
/// # Errors
/// noAccess where a SET touches what may not be written.
pub(super) fn first(pdu: &Pdu<'_>, view: &View) -> Result<Option<VarBindList>, Failure> {
    match pdu.kind {
        PduType::SET => {
            let hidden = pdu.varbinds.iter().position(|binding| !view.contains(binding.name));
            match hidden {
                Some(position) => Err(Failure::binding(position, ErrorStatus::NO_ACCESS)),
                None => Ok(Some(pdu.varbinds.to_list())),
            }
        }
        PduType::GET => {
            let shown: VarBindList =
                pdu.varbinds.iter().filter(|binding| view.contains(binding.name)).collect();
            Ok((!shown.as_varbinds().is_empty()).then_some(shown))
        }
        _ => Ok(Some(pdu.varbinds.to_list())),
    }
}

/// Puts what the other context answered to `asked` into `reply`, as far as the view shows it.
///
/// # Errors
/// What the other context refuses, or genErr where its answer does not belong to what was asked.
pub(super) fn take(
    kept: &Kept,
    view: &View,
    limits: &Limits,
    asked: VarBinds<'_>,
    answer: VarBinds<'_>,
    reply: &mut Reply<'_>,
) -> Result<Next, Failure> {
    let request = kept.as_request();
    match request.pdu.kind {
        PduType::SET => {
            reply.echo(request.pdu.varbinds.wire().unwrap_or(&[]));
            Ok(Next::Done)
        }
        PduType::GET => get(&request.pdu, request.version, view, limits, answer, reply).map(|()| Next::Done),
        _ => next(&request.pdu, request.version, view, limits, asked, answer, reply),
    }
}

/// Merges what was asked with what was not, because it is hidden.
pub(super) fn get(
    pdu: &Pdu<'_>,
    version: Version,
    view: &View,
    limits: &Limits,
    answer: VarBinds<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    let mut answers = answer.iter();
    for (position, VarBind { name, .. }) in pdu.varbinds.iter().enumerate() {
        let value = if view.contains(name) {
            let binding = answers.next().filter(|binding| binding.name == name);
            binding.ok_or(Failure::binding(position, ErrorStatus::GEN_ERR))?.value
        } else {
            Value::NoSuchObject
        };
        if version == Version::V1 && (value.is_exception() || matches!(value, Value::Counter64(_))) {
            return Err(Failure::binding(position, ErrorStatus::NO_SUCH_NAME));
        }
        reply.push(name, &value, limits.max_message).map_err(|_| Failure::TOO_BIG)?;
    }
    Ok(())
}

fn next(
    pdu: &Pdu<'_>,
    version: Version,
    view: &View,
    limits: &Limits,
    asked: VarBinds<'_>,
    answer: VarBinds<'_>,
    reply: &mut Reply<'_>,
) -> Result<Next, Failure> {
    let bulk = pdu.kind == PduType::GET_BULK;
    let names: Vec<Oid<'_>> = asked.iter().map(|binding| binding.name).collect();
    let origins: Vec<Oid<'_>> = pdu.varbinds.iter().map(|binding| binding.name).collect();
    if (!bulk && answer.len() != names.len()) || (names.is_empty() != answer.is_empty()) {
        return Err(Failure::at(1, ErrorStatus::GEN_ERR));
    }
    let single = usize::try_from(pdu.error_status.0).unwrap_or(0).min(names.len());
    let repeaters = names.len().saturating_sub(single);
    let mut on: Vec<Option<OidBuf>> = alloc::vec![None; names.len()];
    for (position, VarBind { name, value }) in answer.iter().enumerate() {
        let slot = match position.checked_sub(single) {
            Some(behind) if bulk => single.saturating_add(behind.checked_rem(repeaters).unwrap_or(0)),
            _ => position,
        };
        let (Some(from), Some(origin)) = (names.get(slot), origins.get(slot)) else {
            return Err(Failure::at(1, ErrorStatus::GEN_ERR));
        };
        let ended = value == Value::EndOfMibView;
        if !ended && name <= *from {
            // An agent whose names do not rise would send the manager in circles.
            return Err(Failure::binding(slot, ErrorStatus::GEN_ERR));
        }
        let unseen = version == Version::V1 && matches!(value, Value::Counter64(_));
        let seek = match (ended, unseen || !view.contains(name)) {
            (true, _) | (_, false) => None,
            (false, true) if unseen => Some(Some(name.to_buf())),
            (false, true) => Some(view.seek(name).map(|name| before(name.as_oid()))),
        };
        let binding = match seek {
            None if ended && position < names.len() => VarBind { name: *origin, value },
            None => VarBind { name, value },
            // Behind it there is nothing in the view.
            Some(None) if position < names.len() => VarBind { name: *origin, value: Value::EndOfMibView },
            // What comes first must be found, what comes later may be left off.
            Some(_) if bulk && reply.bindings_len() > 0 => return Ok(Next::Done),
            Some(from) => {
                if let Some(slot) = on.get_mut(slot) {
                    *slot = from;
                }
                if bulk {
                    break;
                }
                continue;
            }
        };
        if version == Version::V1 && binding.value == Value::EndOfMibView {
            return Err(Failure::binding(slot, ErrorStatus::NO_SUCH_NAME));
        }
        let room = if bulk && reply.bindings_len() > 0 { limits.max_bulk } else { limits.max_message };
        match reply.push(binding.name, &binding.value, room.min(limits.max_message)) {
            Ok(()) => {}
            Err(_) if bulk && reply.bindings_len() > 0 => return Ok(Next::Done),
            Err(_) => return Err(Failure::TOO_BIG),
        }
    }
    if on.iter().all(Option::is_none) {
        return Ok(Next::Done);
    }
    let names = names.iter().zip(&on).map(|(name, on)| on.as_ref().map_or(*name, OidBuf::as_oid));
    Ok(Next::Ask(names.map(|name| VarBind { name, value: Value::Null }).collect()))
}

/// A name whose successors are `start` and what follows it.
fn before(start: Oid<'_>) -> OidBuf {
    let mut arcs: Vec<u32> = start.arcs().collect();
    match arcs.pop() {
        None | Some(0) => {}
        Some(last) => arcs.extend([last.saturating_sub(1), u32::MAX, u32::MAX]),
    }
    OidBuf::from_arcs(&arcs).unwrap_or_default()
}

/// The refusal of another context in the terms of the request.
pub(super) fn refused(pdu: &Pdu<'_>, asked: VarBinds<'_>, status: ErrorStatus, index: i32) -> Failure {
    let at = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
    let name = at.and_then(|at| asked.nth(at)).map(|binding| binding.name);
    // Of a GET only a part may have been asked, so the binding is found again by its name.
    let position = name.and_then(|name| pdu.varbinds.iter().position(|binding| binding.name == name));
    position.or(at).map_or(Failure::at(0, status), |position| Failure::binding(position, status))
}
