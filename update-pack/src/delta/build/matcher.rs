//! Finds what of one text can be copied from another, with differences inside a copy.
//!
//! The way of bsdiff: go through the wanted text; where a match elsewhere is clearly longer than what the present
//! copy would match, begin another copy there; then extend both as long as more bytes match than differ.

use alloc::vec::Vec;
use core::ops::Range;

use super::index::{Index, Match, equal};

/// `len` bytes at `to` are much like those at `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) len: usize,
}

impl Copy {
    /// The same the other way round.
    pub(super) fn turned(&self) -> Self {
        Self { from: self.to, to: self.from, len: self.len }
    }
}

/// Bytes by which a match must beat the present copy.
const BETTER: usize = 8;
/// A run of equal bytes in the present copy that needs no other match.
const GOOD: usize = 32;

/// Copies from `text`, in the order of the wanted text, for a range of it. What the anchors hold need not be in the
/// index.
pub(super) fn copies(
    index: &Index<'_>,
    anchors: &[Copy],
    text: &[u8],
    wanted: &[u8],
    range: Range<usize>,
) -> Vec<Copy> {
    let end = range.end;
    let first = anchors.partition_point(|anchor| anchor.to + anchor.len <= range.start);
    let mut anchors = anchors[first..].iter().peekable();
    let mut found = Vec::new();
    // The copy under way: it begins at `start` and copies from `from`.
    let (mut start, mut from) = (range.start, 0);
    let mut scan = range.start;
    let mut best = Match::default();
    while scan < end {
        let mut score = 0;
        scan += best.len;
        let mut counted = scan;
        let along = |at: usize| (at + from).checked_sub(start).and_then(|at| text.get(at));
        while scan < end {
            let ahead = (scan + from).checked_sub(start).and_then(|at| text.get(at..)).unwrap_or_default();
            let run = equal(ahead, &wanted[scan..end]);
            if run >= GOOD {
                best = Match { at: scan + from - start, len: run };
                score = run;
                break;
            }
            while anchors.next_if(|anchor| anchor.to + anchor.len < scan + GOOD).is_some() {}
            let anchor = anchors.peek().filter(|anchor| anchor.to <= scan);
            best = anchor.map_or_else(
                || index.longest(&wanted[scan..end], (scan + from).saturating_sub(start)),
                |anchor| Match {
                    at: anchor.from + (scan - anchor.to),
                    len: (anchor.len - (scan - anchor.to)).min(end - scan),
                },
            );
            while counted < scan + best.len {
                score += usize::from(along(counted) == Some(&wanted[counted]));
                counted += 1;
            }
            if (best.len == score && best.len > 0) || best.len > score + BETTER {
                break;
            }
            // The score is that of the bytes from `scan` up to `counted`.
            if counted > scan {
                score -= usize::from(along(scan) == Some(&wanted[scan]));
            }
            scan += 1;
            counted = counted.max(scan);
        }
        if best.len == score && scan < end {
            continue;
        }
        let mut forward = extend_forward(&text[from..], &wanted[start..scan]);
        let mut back = if scan < end { extend_back(&text[..best.at], &wanted[start..scan]) } else { 0 };
        let overlap = (start + forward + back).saturating_sub(scan);
        if overlap > 0 {
            // Both copies reach these bytes: cut where it leaves the most matches.
            let first = start + forward - overlap;
            let (mut gain, mut most, mut cut) = (0i64, 0i64, 0);
            for step in 0..overlap {
                let byte = wanted[first + step];
                gain += i64::from(text[from + first - start + step] == byte);
                gain -= i64::from(text[best.at - back + step] == byte);
                if gain > most {
                    most = gain;
                    cut = step + 1;
                }
            }
            forward = forward - overlap + cut;
            back -= cut;
        }
        if forward > 0 {
            found.push(Copy { from, to: start, len: forward });
        }
        start = scan - back;
        from = best.at - back.min(best.at);
    }
    found
}

/// How far a copy reaches so that it matches more than it differs.
fn extend_forward(text: &[u8], wanted: &[u8]) -> usize {
    let (mut balance, mut most, mut len) = (0i64, 0, 0);
    for (at, (a, b)) in text.iter().zip(wanted).enumerate() {
        balance += if a == b { 1 } else { -1 };
        if balance > most {
            most = balance;
            len = at + 1;
        }
    }
    len
}

fn extend_back(text: &[u8], wanted: &[u8]) -> usize {
    let (mut balance, mut most, mut len) = (0i64, 0, 0);
    for (at, (a, b)) in text.iter().rev().zip(wanted.iter().rev()).enumerate() {
        balance += if a == b { 1 } else { -1 };
        if balance > most {
            most = balance;
            len = at + 1;
        }
    }
    len
}
