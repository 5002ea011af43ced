//! Which node serves which part of the tree.

use alloc::vec::Vec;

use crate::wire::{Oid, OidBuf};

/// Two nodes have the same root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two nodes serve {root}")]
pub struct Overlap {
    /// The root that both have.
    pub root: OidBuf,
}

/// A stretch of the tree, from `start` up to and without `end`, and the node that serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: OidBuf,
    /// Empty for the end of the tree.
    pub(crate) end: OidBuf,
    pub(crate) node: usize,
    /// Whether the node has more behind the end.
    pub(crate) cut: bool,
}

impl Range {
    /// Tells whether `name` stands before the end.
    #[inline]
    pub(crate) fn reaches(&self, name: Oid<'_>) -> bool {
        self.end.as_oid().is_empty() || name < self.end.as_oid()
    }
}

/// Sorted stretches that do not overlap. A node below another one's root splits that one's stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registry {
    ranges: Vec<Range>,
}

impl Registry {
    /// Arranges nodes given by their roots.
    pub(crate) fn new<'a>(roots: impl Iterator<Item = (usize, Oid<'a>)>) -> Result<Self, Overlap> {
        let mut roots: Vec<_> = roots.collect();
        roots.sort_by_key(|(_, root)| *root);
        let mut registry = Self::default();
        // The nodes whose subtrees are open at the point that was reached, outermost first.
        let mut open: Vec<(usize, Oid<'a>)> = Vec::new();
        for (node, root) in roots {
            while let Some((outer, above)) = open.last().copied() {
                if root.starts_with(above) {
                    break;
                }
                open.pop();
                registry.close(outer, above);
            }
            match open.last() {
                Some((_, above)) if *above == root => return Err(Overlap { root: root.to_buf() }),
                Some(_) => registry.cut(root),
                None => {}
            }
            registry.ranges.push(Range {
                start: root.to_buf(),
                end: root.after().unwrap_or_default(),
                node,
                cut: false,
            });
            open.push((node, root));
        }
        while let Some((outer, above)) = open.pop() {
            registry.close(outer, above);
        }
        registry.ranges.retain(|range| range.reaches(range.start.as_oid()));
        Ok(registry)
    }

    /// Fills what nobody serves with stretches in order, each from a start up to an end.
    pub(crate) fn overlay<'a>(&mut self, stretches: impl Iterator<Item = (Oid<'a>, Oid<'a>, usize)>) {
        let own = core::mem::take(&mut self.ranges);
        let mut all = own.clone();
        for (start, end, node) in stretches {
            let mut from = start.to_buf();
            let before = |one: Oid<'_>, other: Oid<'_>| other.is_empty() || (!one.is_empty() && one < other);
            for range in own.iter().filter(|range| range.reaches(start)) {
                if !before(range.start.as_oid(), end) {
                    break;
                }
                if from.as_oid() < range.start.as_oid() {
                    all.push(Range { start: from.clone(), end: range.start.clone(), node, cut: true });
                }
                from.clone_from(&range.end);
                if from.as_oid().is_empty() {
                    break;
                }
            }
            if !from.as_oid().is_empty() && before(from.as_oid(), end) {
                all.push(Range { start: from, end: end.to_buf(), node, cut: true });
            }
        }
        all.sort_by(|a, b| a.start.cmp(&b.start));
        self.ranges = all;
    }

    /// Ends the last stretch at `root`, where one inside it begins.
    fn cut(&mut self, root: Oid<'_>) {
        if let Some(last) = self.ranges.last_mut() {
            last.end = root.to_buf();
            last.cut = true;
        }
    }

    /// Opens what is left of `outer` behind the last stretch inside it.
    fn close(&mut self, outer: usize, root: Oid<'_>) {
        let rest = self.ranges.last().filter(|last| last.node != outer).map(|last| last.end.clone());
        if let Some(start) = rest
            && !start.as_oid().is_empty()
        {
            self.ranges.push(Range { start, end: root.after().unwrap_or_default(), node: outer, cut: false });
        }
    }

    /// The position of the stretch that holds or follows `name`.
    pub(crate) fn from(&self, name: Oid<'_>) -> usize {
        self.ranges.partition_point(|range| !range.reaches(name))
    }

    /// The stretch of that position.
    #[inline]
    pub(crate) fn range(&self, position: usize) -> Option<&Range> {
        self.ranges.get(position)
    }

    /// The stretch that holds `name`.
    pub(crate) fn at(&self, name: Oid<'_>) -> Option<&Range> {
        self.range(self.from(name)).filter(|range| range.start.as_oid() <= name)
    }
}
