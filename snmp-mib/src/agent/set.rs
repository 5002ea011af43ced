//! SET (RFC 3416 §4.2.5): judge everything, then change everything, or nothing.
//!
//! ```text
//! size -> prepare every node -> commit every node -> release
//!              | refused            | failed
//!           release              undo the committed ones, in reverse -> release
//! ```

use alloc::vec::Vec;

use super::config::Limits;
use super::engine::{Failure, Tree};
use super::reply::Reply;
use crate::mib::{Edit, Mib, Refusal};
use crate::wire::{ErrorStatus, Pdu};

/// Carries out a SET and makes `reply` its response.
pub(super) fn set<M: Mib>(
    tree: &mut Tree<M>,
    limits: &Limits,
    pdu: &Pdu<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Failure> {
    // The response repeats the request. If it is too big, nothing may have happened.
    reply.echo(pdu.varbinds.wire().unwrap_or(&[]));
    if !reply.fits(ErrorStatus::NO_ERROR, 0, limits.max_message) {
        return Err(Failure::TOO_BIG);
    }
    let parts = parts(tree, pdu)?;
    let outcome = prepare(tree, &parts).and_then(|()| commit(tree, &parts));
    for part in &parts {
        if let Some(node) = tree.node_mut(part.node) {
            node.release();
        }
    }
    outcome
}

/// The edits of one node, in the order of the request.
struct Part<'a> {
    node: usize,
    edits: Vec<Edit<'a>>,
}

/// Sorts the bindings by the node that each belongs to.
fn parts<'a, M: Mib>(tree: &Tree<M>, pdu: &Pdu<'a>) -> Result<Vec<Part<'a>>, Failure> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for (position, binding) in pdu.varbinds.iter().enumerate() {
        let fail = |status| Failure::binding(position, status);
        let range = tree.registry.at(binding.name).ok_or(fail(ErrorStatus::NOT_WRITABLE))?;
        let root = tree.node(range.node).map(|node| node.root()).ok_or(fail(ErrorStatus::GEN_ERR))?;
        let below = binding.name.strip_prefix(root).ok_or(fail(ErrorStatus::NOT_WRITABLE))?;
        let edit = Edit { below, value: binding.value, position };
        match parts.iter_mut().find(|part| part.node == range.node) {
            // RFC 3416 §4.2.5 leaves open what the same variable twice means: nothing can be right for both.
            Some(part) if part.edits.iter().any(|other| other.below == below) => {
                return Err(fail(ErrorStatus::INCONSISTENT_VALUE));
            }
            Some(part) => part.edits.push(edit),
            None => parts.push(Part { node: range.node, edits: alloc::vec![edit] }),
        }
    }
    Ok(parts)
}

/// Asks every node; of several refusals the one of the earliest binding is answered.
fn prepare<M: Mib>(tree: &mut Tree<M>, parts: &[Part<'_>]) -> Result<(), Failure> {
    let refusals = parts.iter().filter_map(|part| {
        let node = tree.node_mut(part.node)?;
        node.prepare(&part.edits).err()
    });
    match refusals.min_by_key(|refusal| refusal.position) {
        Some(Refusal { position, status }) => Err(Failure::binding(position, status)),
        None => Ok(()),
    }
}

fn commit<M: Mib>(tree: &mut Tree<M>, parts: &[Part<'_>]) -> Result<(), Failure> {
    for (done, part) in parts.iter().enumerate() {
        let Some(node) = tree.node_mut(part.node) else {
            continue;
        };
        let Err(refusal) = node.commit() else {
            continue;
        };
        let undone = parts.iter().take(done).rev().all(|part| {
            let node = tree.node_mut(part.node);
            node.is_none_or(|node| node.undo().is_ok())
        });
        return Err(if undone {
            Failure::binding(refusal.position, ErrorStatus::COMMIT_FAILED)
        } else {
            Failure::at(0, ErrorStatus::UNDO_FAILED)
        });
    }
    Ok(())
}
