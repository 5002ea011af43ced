//! How an entry is found: buckets of twelve, each one cache line, so that a lookup reads one line of the index and one
//! entry, and one in forty times an entry in vain. The tags of a bucket are compared all at once, without a branch that
//! would have to wait for memory: the processor runs ahead to the next lookup meanwhile.

use super::arena::Kind;
use crate::number::{fold, long, short, wide_halves};
use alloc::boxed::Box;

/// How many slots a bucket has, and how many of them are filled on average: one bucket in fifty overflows.
const SLOTS: usize = 12;
const FILLED: usize = 13;
const OF: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
struct Bucket {
    /// The uppermost byte of each hash, never 0; 0 where the slot is empty. Slots are filled from the front. The bytes
    /// behind the last slot stay 0.
    tags: [u64; 2],
    offsets: [u32; SLOTS],
}

impl Bucket {
    const EMPTY: Self = Self { tags: [0; 2], offsets: [0; SLOTS] };

    /// The slots that may have this tag, as the uppermost bit of their bytes. A byte above a true match may match
    /// falsely; who looks at the entry sees that.
    #[inline(always)]
    fn matches(&self, tag: u8) -> u128 {
        const LOW: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let wanted = LOW.wrapping_mul(tag.into());
        let [front, back] = self.tags.map(|tags| {
            let differs = tags ^ wanted;
            differs.wrapping_sub(LOW) & !differs & HIGH
        });
        u128::from(front) | u128::from(back).wrapping_shl(64)
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        let [_, back] = self.tags;
        back & 0xff00_0000 != 0
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Index {
    seed: u64,
    buckets: Box<[Bucket]>,
}

impl Index {
    /// Room for so many entries.
    pub(super) fn new(seed: u64, entries: usize) -> Self {
        let buckets = entries.saturating_mul(OF).div_ceil(FILLED);
        // One more than needed, so that even a table of few has an empty slot for a probe to end in.
        Self { seed, buckets: core::iter::repeat_n(Bucket::EMPTY, buckets.saturating_add(1)).collect() }
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.buckets.len().saturating_mul(size_of::<Bucket>())
    }

    /// The first entry with this hash that `is_it` accepts.
    #[inline(always)]
    pub(super) fn find<T>(&self, hash: u64, mut is_it: impl FnMut(u32) -> Option<T>) -> Option<T> {
        let mut at = self.home(hash);
        loop {
            let bucket = self.buckets.get(at)?;
            let mut matches = bucket.matches(tag(hash));
            while matches != 0 {
                let place = crate::number::index(matches.trailing_zeros() / 8);
                if let Some(found) = bucket.offsets.get(place).and_then(|offset| is_it(*offset)) {
                    return Some(found);
                }
                matches &= matches.wrapping_sub(1);
            }
            if !bucket.is_full() {
                return None;
            }
            at = self.next(at);
        }
    }

    /// Adds an entry that is not in the index.
    pub(super) fn insert(&mut self, hash: u64, offset: u32) {
        let mut at = self.home(hash);
        for _ in 0..self.buckets.len() {
            let Some(bucket) = self.buckets.get_mut(at) else { return };
            if let Some(slot) = bucket.offsets.iter_mut().find(|offset| **offset == 0) {
                *slot = offset;
                // The slots before it are taken: its tag is the first that is 0.
                let mut tags = [0; 16];
                for (byte, place) in bucket.tags.iter().flat_map(|word| word.to_le_bytes()).zip(&mut tags) {
                    *place = byte;
                }
                if let Some(free) = tags.iter_mut().find(|byte| **byte == 0) {
                    *free = tag(hash);
                }
                let (front, back) = wide_halves(u128::from_le_bytes(tags));
                bucket.tags = [front, back];
                return;
            }
            at = self.next(at);
        }
    }

    /// Lets the slot of one entry lead to another that has its key.
    pub(super) fn repoint(&mut self, hash: u64, from: u32, to: u32) {
        let mut at = self.home(hash);
        for _ in 0..self.buckets.len() {
            let Some(bucket) = self.buckets.get_mut(at) else { return };
            if let Some(slot) = bucket.offsets.iter_mut().find(|offset| **offset == from) {
                *slot = to;
                return;
            }
            at = self.next(at);
        }
    }

    fn next(&self, at: usize) -> usize {
        let next = at.saturating_add(1);
        if next < self.buckets.len() { next } else { 0 }
    }

    /// Scales the lower half of the hash to the number of buckets (Lemire's multiply and shift).
    #[inline]
    fn home(&self, hash: u64) -> usize {
        short((hash & 0xffff_ffff).wrapping_mul(long(self.buckets.len())) >> 32)
    }

    /// Mixes sixteen bytes a step as wyhash and foldhash do, keyed by the table's seed.
    #[inline(always)]
    pub(super) fn hash(&self, kind: Kind, scope: u32, name: &[u8]) -> u64 {
        const ODD: u64 = 0xd6e8_feb8_6659_fd93;
        let mut state = self.seed ^ u64::from(kind.0).wrapping_shl(56) ^ u64::from(scope).wrapping_shl(16);
        state ^= long(name.len());
        if let Some(last) = name.last_chunk::<16>() {
            let (blocks, _) = name.as_chunks::<16>();
            // The last block overlaps the one before, or is it.
            let whole = blocks.len().saturating_sub(usize::from(name.len().is_multiple_of(16)));
            for block in blocks.iter().take(whole) {
                let (low, high) = words(block);
                state = fold(low ^ state, high ^ ODD);
            }
            let (low, high) = words(last);
            return fold(low ^ state, high ^ ODD ^ self.seed);
        }
        let (low, high) = if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>())
        {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
        } else if let [first, middle @ .., last] = name {
            let middle = middle.first().copied().unwrap_or(0);
            (u64::from(*first) | u64::from(middle).wrapping_shl(8), (*last).into())
        } else {
            (name.first().copied().unwrap_or(0).into(), 0)
        };
        fold(low ^ state, high ^ ODD ^ self.seed)
    }
}

#[inline]
fn words(block: &[u8; 16]) -> (u64, u64) {
    wide_halves(u128::from_le_bytes(*block))
}

/// The uppermost byte of a hash, never 0.
#[inline(always)]
fn tag(hash: u64) -> u8 {
    let [.., tag] = hash.to_le_bytes();
    tag.max(1)
}
