//! Looks, after the tree was changed, whether each changed path is what it should be: a storage that says it has done
//! something is not believed.

use alloc::vec::Vec;

use super::effect::{Answer, Effect, Failure};
use super::plan::Plan;
use super::script::{Next, Stop};
use super::types::{Meta, Place, Reason};
use crate::tree::{Difference, Facet, Node, Path, Side};

/// Where the look stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Check {
    expected: Vec<(Path, Option<Node>)>,
    at: usize,
}

impl Check {
    pub(super) fn new(plan: &Plan, side: Side) -> Self {
        let path = |index: usize| plan.manifest().entries().get(index).map(|entry| entry.path.clone());
        let expected = plan.expectations(side).into_iter();
        Self { expected: expected.filter_map(|(index, node)| Some((path(index)?, node))).collect(), at: 0 }
    }

    pub(super) fn next(&self) -> Next {
        match self.expected.get(self.at) {
            Some((path, _)) => Next::Do(Effect::Stat { place: Place::Tree(path.clone()) }),
            None => Next::Done,
        }
    }

    pub(super) fn answer(&mut self, result: Result<Answer<'_>, Failure>) -> Result<(), Stop> {
        let Some((path, node)) = self.expected.get(self.at) else { return Ok(()) };
        let difference = match (node, result) {
            (None, Err(Failure::NotFound | Failure::NotDirectory)) => None,
            (Some(node), Err(Failure::NotFound | Failure::NotDirectory)) => {
                Some((node.into(), Facet::Nothing))
            }
            (_, Err(failure)) => return Err(Stop::Fail(failure)),
            (None, Ok(Answer::Meta(meta))) => Some((Facet::Nothing, Facet::Kind(meta.kind))),
            (Some(node), Ok(Answer::Meta(meta))) => differs(node, meta),
            (_, Ok(_)) => None,
        };
        if let Some((expected, found)) = difference {
            let difference = Difference { path: path.clone(), expected, found };
            return Err(Stop::Refuse(Reason::NoEffect(difference)));
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }
}

fn differs(node: &Node, meta: Meta) -> Option<(Facet, Facet)> {
    if meta.kind != node.kind() {
        return Some((node.into(), Facet::Kind(meta.kind)));
    }
    match node {
        Node::File { size, .. } if *size != meta.size => Some((Facet::Size(*size), Facet::Size(meta.size))),
        Node::File { mode, .. } if *mode != meta.mode => Some((Facet::Mode(*mode), Facet::Mode(meta.mode))),
        _ => None,
    }
}
