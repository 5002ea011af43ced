//! What waits to be done, bounded whatever happens: effects that repeat are merged, notices beyond the limit are
//! dropped, oldest first, and counted.

use super::io::{Action, Kept, Output, Probe};
use super::units::Position;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) kept: Vec<Kept>,
    pub(super) routes: bool,
    /// By the service's index: a change of the services clears it.
    pub(super) members: BTreeSet<(usize, Position)>,
    pub(super) actions: BTreeMap<Position, Action>,
    pub(super) files: BTreeSet<Position>,
    pub(super) probes: VecDeque<Probe>,
    /// Traps and events.
    pub(super) notices: VecDeque<Output>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
            && !self.routes
            && self.members.is_empty()
            && self.actions.is_empty()
            && self.files.is_empty()
            && self.probes.is_empty()
            && self.notices.is_empty()
    }

    /// Keeps the latest of what is said of one thing.
    pub(super) fn keep(&mut self, new: Kept) {
        self.kept.retain(|old| match (old, &new) {
            (Kept::Stopped { card: old, .. }, Kept::Stopped { card: new, .. }) => old != new,
            (Kept::ServiceStopped { service: old, .. }, Kept::ServiceStopped { service: new, .. }) => {
                old != new
            }
            (Kept::Label { label: old, .. }, Kept::Label { label: new, .. }) => old != new,
            _ => true,
        });
        self.kept.push(new);
    }

    /// Adds a trap or an event; gives how many were dropped for it.
    pub(super) fn notice(&mut self, notice: Output, limit: usize) -> u64 {
        self.notices.push_back(notice);
        let mut lost = 0;
        while self.notices.len() > limit {
            self.notices.pop_front();
            lost += 1;
        }
        lost
    }
}
