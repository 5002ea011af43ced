//! Everything that can be asked for: the agent's own nodes, those of its policy, and those of its owner.

use alloc::vec::Vec;

use super::far::Server;
use super::own::Own;
use super::registry::{Overlap, Registry};
use crate::mib::{Mib, Node};
use crate::vacm::Policy;
use crate::wire::Oid;

/// Nodes and where they stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree<M> {
    pub(super) registry: Registry,
    pub(super) own: Own,
    pub(super) policy: Policy,
    pub(super) mib: M,
    /// Who serves the parts behind the nodes.
    far: Vec<Server>,
}

impl<M: Mib> Tree<M> {
    pub(super) fn new(own: Own, policy: Policy, mib: M) -> Result<Self, Overlap> {
        let mut tree = Self { registry: Registry::default(), own, policy, mib, far: Vec::new() };
        tree.registry = tree.arranged()?;
        Ok(tree)
    }

    /// The registry of the nodes alone.
    fn arranged(&self) -> Result<Registry, Overlap> {
        let roots = (0..self.nodes()).filter_map(|i| self.node(i).map(|node| (i, node.root())));
        Registry::new(roots)
    }

    /// How many nodes there are.
    fn nodes(&self) -> usize {
        self.own.len().saturating_add(self.policy.len()).saturating_add(self.mib.len())
    }

    /// The roots of all nodes.
    pub(super) fn roots(&self) -> impl Iterator<Item = Oid<'_>> {
        (0..self.nodes()).filter_map(|position| self.node(position).map(|node| node.root()))
    }

    /// Lets others serve these stretches, given in order, as far as no node does.
    pub(super) fn set_far<'a>(
        &mut self,
        stretches: impl Iterator<Item = (Oid<'a>, Oid<'a>, Server)> + Clone,
    ) {
        let first = self.nodes();
        let Ok(mut registry) = self.arranged() else {
            return;
        };
        let numbered = stretches.clone().enumerate();
        registry.overlay(numbered.map(|(at, (start, end, _))| (start, end, first.saturating_add(at))));
        self.registry = registry;
        self.far = stretches.map(|(_, _, server)| server).collect();
    }

    /// Who serves the part of that position, unless it is a node here.
    #[inline]
    pub(super) fn server(&self, position: usize) -> Option<Server> {
        if self.far.is_empty() {
            return None;
        }
        self.far.get(position.checked_sub(self.nodes())?).copied()
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
