//! Chance from a seed: SplitMix64 (Steele, Lea, Flood 2014), enough to spread clients and to number transactions.

use core::ops::RangeInclusive;
use core::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A transaction's number, never 0.
    pub(super) fn xid(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or(1).max(1)
    }

    pub(super) fn within(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let span = range.end().saturating_sub(*range.start());
        // A span in nanoseconds fits for five centuries.
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let offset = match nanos.checked_add(1) {
            Some(count) => self.next().checked_rem(count).unwrap_or(0),
            None => self.next(),
        };
        range.start().saturating_add(Duration::from_nanos(offset))
    }

    /// `mean` give or take `blur`.
    pub(super) fn about(&mut self, mean: Duration, blur: Duration) -> Duration {
        self.within(&(mean.saturating_sub(blur)..=mean.saturating_add(blur)))
    }
}
