//! Divides copies into those that both directions share and those of one direction alone.

use alloc::vec::Vec;

use super::matcher::Copy;

/// The heaviest chain of copies that ascends in both texts without overlap, by the bytes that it copies.
pub(super) fn heaviest(copies: &[Copy]) -> Vec<bool> {
    // Copies come in the order of `to`. best(end) = heaviest chain whose last copy ends at or before `end` in
    // `from`: a Fenwick tree of prefix maxima over the ends in order.
    let mut ends: Vec<usize> = copies.iter().map(|copy| copy.from + copy.len).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut tree: Vec<(u64, usize)> = alloc::vec![(0, usize::MAX); ends.len() + 1];
    let mut before = alloc::vec![usize::MAX; copies.len()];
    let mut best = (0, usize::MAX);
    for (at, copy) in copies.iter().enumerate() {
        let mut place = ends.partition_point(|end| *end <= copy.from);
        let mut last = (0, usize::MAX);
        while place > 0 {
            if tree[place].0 > last.0 {
                last = tree[place];
            }
            place &= place - 1;
        }
        before[at] = last.1;
        let weight = (last.0 + copy.len as u64, at);
        if weight.0 > best.0 {
            best = weight;
        }
        let mut place = ends.partition_point(|end| *end < copy.from + copy.len) + 1;
        while place < tree.len() {
            if weight.0 > tree[place].0 {
                tree[place] = weight;
            }
            place += place & place.wrapping_neg();
        }
    }
    let mut chosen = alloc::vec![false; copies.len()];
    let mut at = best.1;
    while at != usize::MAX {
        chosen[at] = true;
        at = before[at];
    }
    chosen
}
