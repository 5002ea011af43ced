//! Everything that can be asked for: the agent's own nodes and those of its owner.

use super::own::Own;
use super::registry::{Overlap, Registry};
use crate::mib::{Mib, Node};

/// Nodes and where they stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree<M> {
    pub(super) registry: Registry,
    pub(super) own: Own,
    pub(super) mib: M,
    /// How many nodes the agent brings itself.
    count: usize,
}

impl<M: Mib> Tree<M> {
    pub(super) fn new(own: Own, mib: M) -> Result<Self, Overlap> {
        let count = own.len();
        let mut tree = Self { registry: Registry::default(), own, mib, count };
        let all = tree.mib.len().saturating_add(count);
        let roots = (0..all).filter_map(|i| tree.node(i).map(|node| (i, node.root())));
        tree.registry = Registry::new(roots)?;
        Ok(tree)
    }

    #[inline]
    pub(super) fn node(&self, position: usize) -> Option<&dyn Node> {
        match position.checked_sub(self.count) {
            None => self.own.node(position),
            Some(position) => self.mib.node(position),
        }
    }

    pub(super) fn node_mut(&mut self, position: usize) -> Option<&mut dyn Node> {
        match position.checked_sub(self.count) {
            None => self.own.node_mut(position),
            Some(position) => self.mib.node_mut(position),
        }
    }
}
