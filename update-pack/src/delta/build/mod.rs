//! Makes deltas. Everything here is deterministic: same bytes in, same bytes out, on any machine.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "works on the builder's own files; every index comes from a length or from the suffix order"
)]

mod anchors;
mod chain;
mod index;
mod matcher;
mod repeats;
mod writer;

use alloc::vec::Vec;
use core::ops::Range;

use self::index::Index;
use self::matcher::Copy;
use super::patch::Patch;

/// What a delta is to be able to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// It also goes back.
    pub undo: bool,
}

/// A delta from `old` to `new`. `None` when a file is too large to be indexed: above 2 GiB.
pub fn diff(old: &[u8], new: &[u8], options: Options) -> Option<Vec<u8>> {
    let anchors = anchors::anchors(old, new);
    let index = Index::new(old, &between(&anchors, old.len()))?;
    let copies = matcher::copies(&index, &anchors, old, new, 0..new.len());
    drop(index);
    let chosen = chain::heaviest(&copies);
    let part = |which: bool| {
        copies
            .iter()
            .zip(&chosen)
            .filter(move |(_, chosen)| **chosen == which)
            .map(|(copy, _)| *copy)
            .collect()
    };
    let (shared, private): (Vec<Copy>, Vec<Copy>) = (part(true), part(false));
    let shared_part = writer::shared(old, new, &shared).ok()?;
    let gaps = gaps(&shared, old.len(), new.len());
    let forward = writer::private(old, new, &gaps, &private).ok()?;
    let undo = if options.undo {
        let turned: Vec<Copy> = shared.iter().map(Copy::turned).collect();
        let gaps = self::gaps(&turned, new.len(), old.len());
        let mut copies = Vec::new();
        if gaps.iter().any(|(gap, _)| !gap.is_empty()) {
            let anchors = anchors::anchors(new, old);
            let index = Index::new(new, &between(&anchors, new.len()))?;
            for (gap, _) in &gaps {
                copies.extend(matcher::copies(&index, &anchors, new, old, gap.clone()));
            }
        }
        Some(writer::private(new, old, &gaps, &copies).ok()?)
    } else {
        None
    };
    let head = Patch {
        old_len: old.len() as u64,
        new_len: new.len() as u64,
        shared: shared_part.len() as u64,
        forward: forward.len() as u64,
        undo: undo.as_ref().map(|undo| undo.len() as u64),
    };
    let mut delta = Vec::new();
    head.emit(&mut delta);
    for part in [Some(shared_part), Some(forward), undo].into_iter().flatten() {
        delta.extend_from_slice(&part);
    }
    Some(delta)
}

/// The ranges of `from` that no anchor holds, with a margin.
fn between(anchors: &[Copy], len: usize) -> Vec<Range<usize>> {
    let mut held: Vec<Range<usize>> = anchors
        .iter()
        .filter(|anchor| anchor.len > 2 * MARGIN)
        .map(|anchor| anchor.from + MARGIN..anchor.from + anchor.len - MARGIN)
        .collect();
    held.sort_unstable_by_key(|range| (range.start, range.end));
    let mut ranges = Vec::new();
    let mut at = 0;
    for range in held {
        if range.start > at {
            ranges.push(at..range.start);
        }
        at = at.max(range.end);
    }
    if at < len || ranges.is_empty() {
        ranges.push(at..len);
    }
    ranges
}

/// Bytes at an anchor's ends that are indexed all the same.
const MARGIN: usize = 32;

/// The ranges of the target between copies, each with where the source stands then.
fn gaps(copies: &[Copy], source: usize, target: usize) -> Vec<(Range<usize>, usize)> {
    let mut at = (0, 0);
    let end = Copy { from: source, to: target, len: 0 };
    let mut gaps = Vec::new();
    for copy in copies.iter().chain([&end]) {
        gaps.push((at.1..copy.to, at.0));
        at = (copy.from + copy.len, copy.to + copy.len);
    }
    gaps
}
