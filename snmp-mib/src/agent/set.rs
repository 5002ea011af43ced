//! SET (RFC 3416 §4.2.5): judge everything, then change everything, or nothing.
//!
//! ```text
//! size -> prepare every node -> [the owner is asked] -> commit every node -> release
//!              | refused            | refused              | failed
//!           release              release              undo the committed ones, in reverse -> release
//! ```

use alloc::vec::Vec;

use super::config::Limits;
use super::far::{Server, Share};
use super::outcome::Failure;
use super::reply::Reply;
use super::tree::Tree;
use crate::mib::{Edit, Mib, Refusal};
use crate::wire::{ErrorStatus, Pdu, VarBindList};

/// Judges a SET, and makes `reply` its response. Returns the nodes that it touches, in the order of the request,
/// each with what it will write kept aside.
pub(super) fn prepare<M: Mib>(
    tree: &mut Tree<M>,
    limits: &Limits,
    pdu: &Pdu<'_>,
    reply: &mut Reply<'_>,
) -> Result<Vec<usize>, Failure> {
    // The response repeats the request. If it is too big, nothing may have happened.
    reply.echo(pdu.varbinds.wire().unwrap_or(&[]));
    if !reply.fits(ErrorStatus::NO_ERROR, 0, limits.max_message) {
        return Err(Failure::TOO_BIG);
    }
    let parts = parts(tree, pdu)?;
    let nodes = parts.iter().map(|part| part.node).collect::<Vec<_>>();
    // Of several refusals the one of the earliest binding is answered.
    let refusals = parts.iter().filter_map(|part| tree.node_mut(part.node)?.prepare(&part.edits).err());
    match refusals.min_by_key(|refusal| refusal.position) {
        None => Ok(nodes),
        Some(Refusal { position, status }) => {
            release(tree, &nodes);
            Err(Failure::binding(position, status))
        }
    }
}

/// What others are to write of it.
pub(super) fn shares<M: Mib>(tree: &Tree<M>, pdu: &Pdu<'_>) -> Vec<Share> {
    let mut shares: Vec<(Server, VarBindList, Vec<usize>)> = Vec::new();
    for (position, binding) in pdu.varbinds.iter().enumerate() {
        let Some(server) = tree.registry.at(binding.name).and_then(|range| tree.server(range.node)) else {
            continue;
        };
        let at = shares.iter().position(|(own, ..)| *own == server).unwrap_or_else(|| {
            shares.push((server, VarBindList::new(), Vec::new()));
            shares.len().saturating_sub(1)
        });
        if let Some((_, list, positions)) = shares.get_mut(at) {
            list.push(binding.name, binding.value);
            positions.push(position);
        }
    }
    let whole = |(server, varbinds, positions): (_, _, Vec<usize>)| Share {
        server,
        varbinds,
        positions: positions.into(),
    };
    shares.into_iter().map(whole).collect()
}

/// Makes true what was prepared.
pub(super) fn commit<M: Mib>(tree: &mut Tree<M>, nodes: &[usize]) -> Result<(), Failure> {
    let outcome = commit_all(tree, nodes);
    release(tree, nodes);
    outcome
}

/// Forgets what was prepared.
pub(super) fn release<M: Mib>(tree: &mut Tree<M>, nodes: &[usize]) {
    for node in nodes {
        if let Some(node) = tree.node_mut(*node) {
            node.release();
        }
    }
}

fn commit_all<M: Mib>(tree: &mut Tree<M>, nodes: &[usize]) -> Result<(), Failure> {
    for (done, node) in nodes.iter().enumerate() {
        let Some(node) = tree.node_mut(*node) else {
            continue;
        };
        let Err(refusal) = node.commit() else {
            continue;
        };
        let mut undone = true;
        for node in nodes.iter().take(done).rev() {
            undone &= tree.node_mut(*node).is_none_or(|node| node.undo().is_ok());
        }
        return Err(if undone {
            Failure::binding(refusal.position, ErrorStatus::COMMIT_FAILED)
        } else {
            Failure::at(0, ErrorStatus::UNDO_FAILED)
        });
    }
    Ok(())
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
        if tree.server(range.node).is_some() {
            continue;
        }
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
