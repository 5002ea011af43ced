//! Maglev's lookup table (Eisenbud et al., NSDI 2016, §3.4), weighted.

use super::Member;
use crate::number::{fold, index, long, short};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Which member each slot belongs to; 131 KB at most.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Maglev {
    slots: Box<[u16]>,
}

/// Primes, each at least a hundred times the members that it serves, so that shares differ by a percent at most.
const SIZES: [(usize, usize); 4] = [(2, 251), (20, 2039), (100, 16_381), (usize::MAX, 65_521)];

impl Maglev {
    /// Fills a table for the members, whatever their state: who may not be picked is stepped over, so that a card
    /// that fails moves nobody but its own clients.
    pub(super) fn of(members: &[Member]) -> Self {
        let size = SIZES.iter().find(|(most, _)| members.len() <= *most).map_or(65_521, |(_, size)| *size);
        let heaviest = members.iter().map(|member| u64::from(member.terms.weight)).max().unwrap_or(0);
        if heaviest == 0 || members.len() > usize::from(u16::MAX) {
            return Self { slots: Box::default() };
        }
        let mut slots = Vec::from_iter(core::iter::repeat_n(u16::MAX, size));
        let mut turns: Vec<(u32, u16, Turn)> =
            members.iter().zip(0u16..).map(|(m, owner)| (m.card.0, owner, Turn::of(m, size))).collect();
        // In the order of the cards' numbers, so that proxies agree that learned of them in another order.
        turns.sort_by_key(|(card, ..)| *card);
        let mut left = size;
        'fill: loop {
            for (_, owner, turn) in &mut turns {
                // A member of half the greatest weight has its turn every other time.
                turn.credit = turn.credit.saturating_add(turn.weight);
                if turn.credit < heaviest {
                    continue;
                }
                turn.credit = turn.credit.saturating_sub(heaviest);
                let Some(slot) = turn.next_free(&slots) else { break 'fill };
                if let Some(slot) = slots.get_mut(slot) {
                    *slot = *owner;
                }
                left = left.saturating_sub(1);
                if left == 0 {
                    break 'fill;
                }
            }
        }
        Self { slots: slots.into_boxed_slice() }
    }

    /// The member that a client's hash names.
    pub(super) fn first(&self, client: u64) -> Option<usize> {
        self.slots.get(self.slot(client)).map(|&owner| usize::from(owner))
    }

    /// The members for a client, the first choice first.
    pub(super) fn walk(&self, client: u64) -> impl Iterator<Item = usize> + '_ {
        let (before, after) = self.slots.split_at_checked(self.slot(client)).unwrap_or((&[], &self.slots));
        after.iter().chain(before).map(|&owner| usize::from(owner))
    }

    fn slot(&self, client: u64) -> usize {
        let hash = fold(client ^ 0x2545_f491_4f6c_dd1d, 0x9e37_79b9_7f4a_7c15);
        short((hash >> 32).wrapping_mul(long(self.slots.len())) >> 32)
    }
}

/// A member's own order of the slots.
struct Turn {
    at: u64,
    skip: u64,
    size: u64,
    weight: u64,
    credit: u64,
}

impl Turn {
    fn of(member: &Member, size: usize) -> Self {
        let size = long(size);
        let hash = fold(u64::from(member.card.0) ^ 0xd6e8_feb8_6659_fd93, 0x9e37_79b9_7f4a_7c15);
        let other = fold(hash ^ 0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53);
        Self {
            at: hash.checked_rem(size).unwrap_or(0),
            skip: other.checked_rem(size.saturating_sub(1)).unwrap_or(0).saturating_add(1),
            size,
            weight: u64::from(member.terms.weight),
            credit: 0,
        }
    }

    /// The next slot in its order that nobody has. The size is prime, so the order meets each slot.
    fn next_free(&mut self, slots: &[u16]) -> Option<usize> {
        for _ in 0..self.size {
            let slot = index(u32::try_from(self.at).ok()?);
            self.at = self.at.saturating_add(self.skip).checked_rem(self.size)?;
            if slots.get(slot) == Some(&u16::MAX) {
                return Some(slot);
            }
        }
        None
    }
}
