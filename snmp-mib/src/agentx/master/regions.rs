//! Which sub-agent serves which part of the tree (RFC 2741 §7.1.4.1).
//!
//! Of several regions that hold a name the one of the longest root serves it, and of those of equal length the one
//! of the lowest priority.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::cmp::Reverse;

use super::io::{SessionId, Stretch};
use crate::agentx::wire::{Region, Status};
use crate::wire::{Oid, OidBuf};

/// The most subtrees that one range may stand for, where something stands below the arc that varies.
const WIDEST: u32 = 4_096;

/// A region of a sub-agent.
#[derive(Clone, Debug, PartialEq)]
struct Registration {
    context: Vec<u8>,
    root: OidBuf,
    range: Option<(u8, u32)>,
    priority: u8,
    session: SessionId,
    /// How long requests may take, in seconds; 0 for the session's own.
    timeout: u8,
    arcs: usize,
    /// What it covers, from a start up to an end; an empty end is that of the tree.
    parts: Vec<(OidBuf, OidBuf)>,
}

/// Every region, and what they come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Regions {
    registrations: Vec<Registration>,
    /// By context, sorted and without overlap.
    stretches: BTreeMap<Vec<u8>, Vec<Stretch>>,
}

impl Regions {
    pub(super) const fn new() -> Self {
        Self { registrations: Vec::new(), stretches: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.registrations.len()
    }

    /// The stretches of a context in order.
    pub(super) fn stretches(&self, context: &[u8]) -> &[Stretch] {
        self.stretches.get(context).map_or(&[], Vec::as_slice)
    }

    /// How long a request to that session may take at that place, in seconds, if it said.
    pub(super) fn timeout(&self, session: SessionId, context: &[u8], name: Oid<'_>) -> Option<u8> {
        let own = self.registrations.iter().filter(|own| own.session == session && own.context == context);
        let there = own.filter(|own| own.parts.iter().any(|(start, end)| holds(start, end, name)));
        there.max_by_key(|own| own.arcs).map(|own| own.timeout).filter(|timeout| *timeout != 0)
    }

    pub(super) fn add(
        &mut self,
        session: SessionId,
        context: &[u8],
        region: &Region<'_>,
        timeout: u8,
        own: &[OidBuf],
    ) -> Result<(), Status> {
        let (root, range) = (region.subtree.to_buf(), region.range);
        let same = |other: &Registration| {
            other.context == context
                && other.root == root
                && other.range == range
                && other.priority == region.priority
        };
        if self.registrations.iter().any(same) {
            return Err(Status::DUPLICATE_REGISTRATION);
        }
        let parts = parts(&root, range).ok_or(Status::REQUEST_DENIED)?;
        // Nobody takes the master's own tables over.
        if own.iter().any(|own| parts.iter().any(|(start, _)| start.as_oid().starts_with(own.as_oid()))) {
            return Err(Status::DUPLICATE_REGISTRATION);
        }
        let (context, arcs) = (context.to_vec(), root.as_oid().arcs().count());
        let priority = region.priority;
        self.registrations.push(Registration {
            context,
            root,
            range,
            priority,
            session,
            timeout,
            arcs,
            parts,
        });
        self.arrange();
        Ok(())
    }

    pub(super) fn remove(
        &mut self,
        session: SessionId,
        context: &[u8],
        region: &Region<'_>,
    ) -> Result<(), Status> {
        let root = region.subtree.to_buf();
        let same = |other: &Registration| {
            other.session == session
                && other.context == context
                && other.root == root
                && other.range == region.range
                && other.priority == region.priority
        };
        let at = self.registrations.iter().position(same).ok_or(Status::UNKNOWN_REGISTRATION)?;
        self.registrations.remove(at);
        self.arrange();
        Ok(())
    }

    /// Forgets everything of a session; tells whether there was something.
    pub(super) fn forget(&mut self, session: SessionId) -> bool {
        let before = self.registrations.len();
        self.registrations.retain(|own| own.session != session);
        let changed = self.registrations.len() != before;
        if changed {
            self.arrange();
        }
        changed
    }

    /// Sweeps over all borders and notes who serves between one and the next.
    fn arrange(&mut self) {
        self.stretches.clear();
        // At each border, which registrations begin and which end; the end of the tree comes last.
        type Border = (Vec<usize>, Vec<usize>);
        let mut contexts: BTreeMap<&[u8], BTreeMap<(bool, &OidBuf), Border>> = BTreeMap::new();
        for (position, own) in self.registrations.iter().enumerate() {
            let borders = contexts.entry(&own.context).or_default();
            for (start, end) in &own.parts {
                borders.entry((false, start)).or_default().0.push(position);
                borders.entry((end.as_oid().is_empty(), end)).or_default().1.push(position);
            }
        }
        let mut all = BTreeMap::new();
        for (context, borders) in contexts {
            let (mut open, mut stretches) = (BTreeSet::new(), Vec::<Stretch>::new());
            let mut since: Option<(SessionId, &OidBuf)> = None;
            for ((_, border), (begin, end)) in borders {
                let key = |at: &usize| {
                    self.registrations.get(*at).map(|own| (Reverse(own.arcs), own.priority, *at, own.session))
                };
                for own in end.iter().filter_map(key) {
                    open.remove(&own);
                }
                open.extend(begin.iter().filter_map(key));
                let best = open.first().map(|(_, _, _, session)| *session);
                if let Some((session, start)) = since.take_if(|(session, _)| best != Some(*session)) {
                    stretches.push(Stretch { start: start.clone(), end: border.clone(), session });
                }
                since = since.or(best.map(|session| (session, border)));
            }
            all.insert(context.to_vec(), stretches);
        }
        self.stretches = all;
    }
}

fn holds(start: &OidBuf, end: &OidBuf, name: Oid<'_>) -> bool {
    start.as_oid() <= name && (end.as_oid().is_empty() || name < end.as_oid())
}

/// What a region covers; `None` where its range is upside down or too wide.
fn parts(root: &OidBuf, range: Option<(u8, u32)>) -> Option<Vec<(OidBuf, OidBuf)>> {
    let subtree = |root: OidBuf| {
        let end = after(root.as_oid());
        (root, end)
    };
    let Some((position, upper)) = range else {
        return Some(alloc::vec![subtree(root.clone())]);
    };
    let arcs: Vec<u32> = root.as_oid().arcs().collect();
    let at = usize::from(position).checked_sub(1)?;
    let lower = *arcs.get(at)?;
    let count = upper.checked_sub(lower)?;
    let with = |arc: u32| {
        let mut arcs = arcs.clone();
        *arcs.get_mut(at)? = arc;
        OidBuf::from_arcs(&arcs).ok()
    };
    if at.saturating_add(1) == arcs.len() {
        // The subtrees stand side by side.
        return Some(alloc::vec![(root.clone(), after(with(upper)?.as_oid()))]);
    }
    if count >= WIDEST {
        return None;
    }
    (lower..=upper).map(|arc| with(arc).map(subtree)).collect()
}

/// The first name behind the subtree of `root`; empty where the tree ends with it.
fn after(root: Oid<'_>) -> OidBuf {
    let mut arcs: Vec<u32> = root.arcs().collect();
    while let Some(last) = arcs.pop() {
        if let Some(next) = last.checked_add(1) {
            arcs.push(next);
            return OidBuf::from_arcs(&arcs).unwrap_or_default();
        }
    }
    OidBuf::new()
}
