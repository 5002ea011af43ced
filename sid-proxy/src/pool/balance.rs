//! Which of the members that may be picked is picked.

use super::Member;
use super::maglev::Maglev;
use crate::number::{fold, long};
use alloc::vec::Vec;
use core::time::Duration;

/// A way to share requests among members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Balance {
    /// Each in turn, in proportion to its weight and as evenly spread as can be (nginx's smooth weighted round
    /// robin).
    #[default]
    RoundRobin,
    /// The one with the least in flight for its weight.
    LeastConnections,
    /// The less loaded of two that chance names (Mitzenmacher): nearly as even as the least loaded of all, and
    /// many proxies don't all run to the same card.
    TwoChoices,
    /// Of two that chance names, the one from which an answer is expected sooner (peak-EWMA). 429, 503 and
    /// failures count as slow answers.
    Latency,
    /// The same card for the same client (weighted Maglev): few clients move when a card comes or goes.
    HashClient {
        /// No card gets more than this many percent of the mean load, 0 for no such bound (bounded-load
        /// hashing); 125 is a good value.
        bound: u16,
    },
    /// The same card for the same client, by the highest random weight: fewest clients move, at the price of a
    /// look at each card.
    Rendezvous,
    /// The cheapest that is not full, and among equals the least loaded.
    Cost,
}

/// What chooses, and what it remembers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chooser {
    pub(super) balance: Balance,
    /// The state of the generator; equal seeds choose equally.
    pub(super) random: u64,
    pub(super) maglev: Option<Maglev>,
}

/// A member that may be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) index: usize,
    pub(super) share: u64,
}

impl Chooser {
    pub(super) fn choose(
        &mut self,
        members: &mut [Member],
        candidates: &[Candidate],
        client: u64,
        now: Duration,
    ) -> Option<usize> {
        match self.balance {
            Balance::RoundRobin => round_robin(members, candidates),
            Balance::LeastConnections => {
                least(candidates, |c| members.get(c.index).map(|m| (m.load(c.share), m.picked)))
            }
            Balance::TwoChoices => self.better_of_two(candidates, |c| {
                members.get(c.index).map_or(u128::MAX, |member| u128::from(member.load(c.share)))
            }),
            Balance::Latency => self.better_of_two(candidates, |c| {
                members.get(c.index).map_or(u128::MAX, |member| member.expected(now, c.share))
            }),
            Balance::HashClient { bound } => self.hash(members, candidates, client, bound),
            Balance::Rendezvous => {
                candidates.iter().min_by_key(|c| rendezvous(members, c, client)).map(|c| c.index)
            }
            Balance::Cost => {
                least(candidates, |c| members.get(c.index).map(|m| (m.terms.cost, m.load(c.share), m.picked)))
            }
        }
    }

    fn better_of_two(
        &mut self,
        candidates: &[Candidate],
        score: impl Fn(&Candidate) -> u128,
    ) -> Option<usize> {
        let [first, second] = self.two_of(candidates.len())?;
        let (first, second) = (candidates.get(first)?, candidates.get(second)?);
        Some(if score(second) < score(first) { second.index } else { first.index })
    }

    /// Two places below `count` that chance names, different if there are two.
    pub(super) fn two_of(&mut self, count: usize) -> Option<[usize; 2]> {
        let first = self.below(count);
        let second = first.saturating_add(1).saturating_add(self.below(count.saturating_sub(1)));
        Some([first, second.checked_rem(count)?])
    }

    fn hash(
        &mut self,
        members: &[Member],
        candidates: &[Candidate],
        client: u64,
        bound: u16,
    ) -> Option<usize> {
        let most = bounded(members, candidates, bound);
        let may = |index: usize| {
            candidates.binary_search_by_key(&index, |c| c.index).is_ok()
                && members.get(index).is_some_and(|member| member.active < most)
        };
        let maglev = self.maglev.get_or_insert_with(|| Maglev::of(members));
        maglev.walk(client).find(|&index| may(index)).or_else(|| candidates.first().map(|c| c.index))
    }

    /// A number below `n` (0 for 0), by splitmix64.
    fn below(&mut self, n: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        crate::number::short(
            u64::try_from((u128::from(z).wrapping_mul(u128::from(long(n)))) >> 64).unwrap_or(0),
        )
    }
}

/// Each account grows by its share; the richest pays for all. So shares 5, 1, 1 give a a b a c a a.
fn round_robin(members: &mut [Member], candidates: &[Candidate]) -> Option<usize> {
    let mut total = 0i64;
    let mut richest: Option<(usize, i64)> = None;
    for candidate in candidates {
        let share = i64::try_from(candidate.share).unwrap_or(i64::MAX);
        total = total.saturating_add(share);
        let member = members.get_mut(candidate.index)?;
        member.account = member.account.saturating_add(share);
        if richest.is_none_or(|(_, most)| member.account > most) {
            richest = Some((candidate.index, member.account));
        }
    }
    let (index, _) = richest?;
    let member = members.get_mut(index)?;
    member.account = member.account.saturating_sub(total);
    Some(index)
}

fn least<K: Ord>(candidates: &[Candidate], key: impl Fn(&Candidate) -> Option<K>) -> Option<usize> {
    candidates.iter().filter_map(|c| Some((key(c)?, c.index))).min().map(|(_, index)| index)
}

/// How much one card may have in flight if none is to have more than `bound` percent of the mean.
fn bounded(members: &[Member], candidates: &[Candidate], bound: u16) -> u32 {
    if bound == 0 {
        return u32::MAX;
    }
    let total: u64 = candidates
        .iter()
        .filter_map(|c| members.get(c.index))
        .fold(1, |sum, member| sum.saturating_add(u64::from(member.active)));
    let count = long(candidates.len()).saturating_mul(100).max(1);
    u32::try_from(total.saturating_mul(u64::from(bound.max(100))).div_ceil(count)).unwrap_or(u32::MAX)
}

/// `-ln(hash) / share`: the least of them wins with a probability in proportion to the shares.
fn rendezvous(members: &[Member], candidate: &Candidate, client: u64) -> u64 {
    let card = members.get(candidate.index).map_or(0, |member| u64::from(member.card.0));
    let hash =
        fold(client ^ 0x9e37_79b9_7f4a_7c15, fold(card ^ 0xd6e8_feb8_6659_fd93, 0x2545_f491_4f6c_dd1d));
    let hash = fold(hash, 0xff51_afd7_ed55_8ccd) | 1;
    negative_log2(hash).checked_div(candidate.share).unwrap_or(u64::MAX)
}

/// `-log2(hash / 2^64)` with 50 fractional bits: the integer part by counting zeros, each further bit by
/// squaring.
fn negative_log2(hash: u64) -> u64 {
    let zeros = hash.leading_zeros();
    let mut mantissa = u128::from(hash.wrapping_shl(zeros));
    let mut fraction = 0u64;
    for _ in 0..20 {
        // The mantissa stands for 1 to 2 in units of 2^-63.
        mantissa = (mantissa.wrapping_mul(mantissa)) >> 63;
        fraction <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            fraction |= 1;
        }
    }
    // log2(hash / 2^64) = -(zeros + 1) + fraction, scaled by 2^50.
    u64::from(zeros).saturating_add(1).wrapping_shl(50).saturating_sub(fraction.wrapping_shl(30))
}

/// The members that may be picked now, in the order of the pool.
pub(super) fn candidates(
    members: &[Member],
    may: impl Fn(&Member) -> bool,
    share: impl Fn(&Member) -> u64,
    into: &mut Vec<Candidate>,
) {
    into.clear();
    let rank = members.iter().filter(|member| may(member)).map(|member| member.terms.rank).min();
    for (index, member) in members.iter().enumerate() {
        if Some(member.terms.rank) == rank && may(member) {
            into.push(Candidate { index, share: share(member) });
        }
    }
}
