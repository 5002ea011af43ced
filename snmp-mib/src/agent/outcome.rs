//! What becomes of a request, as its answer and as the counters tell it.

use super::io::Error;
use super::own::Stats;
use super::reply::Reply;
use crate::vacm::Denied;
use crate::wire::{ErrorStatus, Pdu, PduType, Version};

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

    /// RFC 3413 §3.2: who has no views at all is told so.
    pub(super) const fn denied(_: Denied) -> Self {
        Self::at(0, ErrorStatus::AUTHORIZATION_ERROR)
    }
}

/// Makes `reply` the response to a failed request: the bindings as they came, but none for a tooBig of v2c
/// (RFC 3416 §4.2.1), with the status as the version knows it.
pub(super) fn error_reply(
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

pub(super) fn count_request(stats: &mut Stats, pdu: &Pdu<'_>) -> Result<(), Error> {
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

pub(super) fn count_response(stats: &mut Stats, status: ErrorStatus, pdu: &Pdu<'_>) {
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
