//! Finds repetitions among the literals of a part.

use alloc::vec::Vec;

use super::index::equal;
use crate::delta::part::HISTORY;

/// What a run of literals is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes that did not occur before.
    Fresh(usize),
    /// Bytes that occurred `distance` back.
    Again { len: usize, distance: usize },
}

/// The literals so far, and where each four bytes of them last occurred.
pub(super) struct Repeats {
    text: Vec<u8>,
    heads: Vec<u32>,
    chain: Vec<u32>,
}

const NONE: u32 = u32::MAX;
/// Earlier places that are tried.
const TRIES: usize = 48;
const HASH_BITS: u32 = 16;

impl Repeats {
    pub(super) fn new() -> Self {
        Self { text: Vec::new(), heads: alloc::vec![NONE; 1 << HASH_BITS], chain: Vec::new() }
    }

    /// Divides a run of literals into fresh bytes and repetitions.
    pub(super) fn divide(&mut self, run: &[u8]) -> Vec<Piece> {
        let start = self.text.len();
        self.text.extend_from_slice(run);
        self.chain.resize(self.text.len(), NONE);
        let mut pieces = Vec::new();
        let mut at = start;
        let mut fresh = 0;
        while at < self.text.len() {
            let found = self.find(at);
            // A repetition that begins one byte later may be longer.
            let later = found.and_then(|(len, _)| self.find(at + 1).filter(|(later, _)| *later > len + 1));
            self.enter(at);
            match found {
                Some((len, distance)) if later.is_none() => {
                    if fresh > 0 {
                        pieces.push(Piece::Fresh(fresh));
                        fresh = 0;
                    }
                    pieces.push(Piece::Again { len, distance });
                    for at in at + 1..at + len {
                        self.enter(at);
                    }
                    at += len;
                }
                _ => {
                    fresh += 1;
                    at += 1;
                }
            }
        }
        if fresh > 0 {
            pieces.push(Piece::Fresh(fresh));
        }
        pieces
    }

    /// The longest worthwhile repetition at a place.
    fn find(&self, at: usize) -> Option<(usize, usize)> {
        let mut place = self.heads[self.hash(at)?];
        let mut best = None;
        let mut most = 0;
        for _ in 0..TRIES {
            let from = place as usize;
            if place == NONE || at - from > HISTORY {
                break;
            }
            let len = equal(&self.text[from..], &self.text[at..]);
            let distance = at - from;
            let gain = 4 * len as i64 - i64::from(distance.ilog2()) / 2;
            if gain > most && len >= LEAST + usize::from(distance > 256) + usize::from(distance > 1 << 13) {
                most = gain;
                best = Some((len, distance));
            }
            place = self.chain[from];
        }
        best
    }

    fn enter(&mut self, at: usize) {
        if let Some(hash) = self.hash(at) {
            self.chain[at] = self.heads[hash];
            self.heads[hash] = at as u32;
        }
    }

    fn hash(&self, at: usize) -> Option<usize> {
        let word = u32::from_le_bytes(*self.text.get(at..)?.first_chunk()?);
        Some((word.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize)
    }
}

/// A shorter repetition costs more than its literals.
const LEAST: usize = 5;

/// Whether bytes are as good as random, so that no model helps: as many pairs are equal as chance would have.
pub(super) fn random(bytes: &[u8]) -> bool {
    let mut counts = [0u64; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let len = bytes.len() as u64;
    let pairs: u64 = counts.iter().map(|count| count * count).sum();
    len >= 64 && pairs < len * len / 220 + len * 5 / 4
}
