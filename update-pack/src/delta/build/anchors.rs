//! Finds what two texts have in common in long pieces, cheaply, so that only the rest needs a suffix index.

use alloc::vec::Vec;

use super::index::equal;
use super::matcher::Copy;

/// No shorter piece is an anchor.
pub(super) const BLOCK: usize = 256;

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Long pieces of `new` that stand in `old`, in their order in `new`, without overlap there.
///
/// Every block of `old` is entered under its hash; a rolling hash over `new` finds them again.
pub(super) fn anchors(old: &[u8], new: &[u8]) -> Vec<Copy> {
    let mut found: Vec<Copy> = Vec::new();
    let blocks = old.len() / BLOCK;
    if blocks == 0 || new.len() < BLOCK {
        return found;
    }
    let slots = (blocks * 2).next_power_of_two();
    let shift = 64 - slots.ilog2();
    let mut table = alloc::vec![u32::MAX; slots];
    let mut seen = alloc::vec![0u64; (slots / 4).max(1)];
    for (at, block) in (0u32..).zip(old.as_chunks::<BLOCK>().0) {
        // Blocks of one byte value stand everywhere and tell nothing.
        if block.iter().all(|byte| *byte == block[0]) {
            continue;
        }
        let hash = spread(block.iter().fold(0, |hash, byte| roll(hash, *byte)));
        let slot = (hash >> shift) as usize;
        seen[slot / 4] |= 1 << (hash & 63);
        if table[slot] == u32::MAX {
            table[slot] = at;
        }
    }
    let drop = (0..BLOCK).fold(1u64, |power, _| power.wrapping_mul(BASE));
    let start = |at: usize| new[at..at + BLOCK].iter().fold(0, |hash, byte| roll(hash, *byte));
    let (mut at, mut hash) = (0, start(0));
    loop {
        let mixed = spread(hash);
        let slot = (mixed >> shift) as usize;
        let mut copy = None;
        if seen[slot / 4] >> (mixed & 63) & 1 == 1 && table[slot] != u32::MAX {
            let from = table[slot] as usize * BLOCK;
            let along = found.last().and_then(|last| (at + last.from).checked_sub(last.to));
            copy = along
                .into_iter()
                .chain([from])
                .map(|from| (from, equal(old.get(from..).unwrap_or_default(), &new[at..])))
                .find(|(_, len)| *len >= BLOCK);
        }
        if let Some((from, len)) = copy {
            let floor = found.last().map_or(0, |last| last.to + last.len);
            let back =
                old[..from].iter().rev().zip(new[floor..at].iter().rev()).take_while(|(a, b)| a == b).count();
            found.push(Copy { from: from - back, to: at - back, len: len + back });
            at += len;
            if at + BLOCK > new.len() {
                return found;
            }
            hash = start(at);
            continue;
        }
        let Some(next) = new.get(at + BLOCK) else { return found };
        hash = roll(hash, *next).wrapping_sub(drop.wrapping_mul(u64::from(new[at]) + 1));
        at += 1;
    }
}

fn roll(hash: u64, byte: u8) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1)
}

fn spread(hash: u64) -> u64 {
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
