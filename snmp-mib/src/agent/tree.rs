//! Everything that can be asked for: the agent's own nodes, those of its policy, and those of its owner.

use super::own::Own;
use super::registry::{Overlap, Registry};
use crate::mib::{Mib, Node};
use crate::vacm::Policy;

/// Nodes and where they stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree<M> {
    pub(super) registry: Registry,
    pub(super) own: Own,
    pub(super) policy: Policy,
    pub(super) mib: M,
}

impl<M: Mib> Tree<M> {
    pub(super) fn new(own: Own, policy: Policy, mib: M) -> Result<Self, Overlap> {
        let mut tree = Self { registry: Registry::default(), own, policy, mib };
        let all = tree.own.len().saturating_add(tree.policy.len()).saturating_add(tree.mib.len());
        let roots = (0..all).filter_map(|i| tree.node(i).map(|node| (i, node.root())));
        tree.registry = Registry::new(roots)?;
        Ok(tree)
    }

    #[inline]
    pub(super) fn node(&self, position: usize) -> Option<&dyn Node> {
        let Some(position) = position.checked_sub(self.own.len()) else {
            return self.own.node(position);
        };
        match position.checked_sub(self.policy.len()) {
            None => self.policy.node(position),
            Some(position) => self.mib.node(position),
        }
    }

    pub(super) fn node_mut(&mut self, position: usize) -> Option<&mut dyn Node> {
        let Some(position) = position.checked_sub(self.own.len()) else {
            return self.own.node_mut(position);
        };
        match position.checked_sub(self.policy.len()) {
            None => self.policy.node_mut(position),
            Some(position) => self.mib.node_mut(position),
        }
    }
}
