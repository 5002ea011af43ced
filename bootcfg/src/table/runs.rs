//! Which addresses are taken, as runs of neighbours.

use alloc::collections::BTreeMap;
use core::ops::RangeInclusive;

/// A set of numbers that lie in few runs, as a pool's addresses do: first of each run -> its last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Runs(BTreeMap<u32, u32>);

impl Runs {
    pub(crate) fn insert(&mut self, number: u32) {
        let below = self.run_of(number);
        let (mut first, mut last) = (number, number);
        if let Some((start, end)) = below {
            if end >= number {
                return;
            }
            if end.checked_add(1) == Some(number) {
                first = start;
            }
        }
        if let Some(next) = number.checked_add(1)
            && let Some(end) = self.0.remove(&next)
        {
            last = end;
        }
        self.0.insert(first, last);
    }

    pub(crate) fn remove(&mut self, number: u32) {
        let Some((first, last)) = self.run_of(number).filter(|(_, last)| *last >= number) else { return };
        match number.checked_sub(1).filter(|before| *before >= first) {
            Some(before) => _ = self.0.insert(first, before),
            None => _ = self.0.remove(&first),
        }
        if let Some(after) = number.checked_add(1).filter(|after| *after <= last) {
            self.0.insert(after, last);
        }
    }

    /// The lowest number of `range` that is not in the set.
    pub(crate) fn lowest_gap(&self, range: &RangeInclusive<u32>) -> Option<u32> {
        let start = *range.start();
        let gap = match self.run_of(start) {
            Some((_, last)) if last >= start => last.checked_add(1)?,
            _ => start,
        };
        range.contains(&gap).then_some(gap)
    }

    /// The run that begins at `number` or before it.
    fn run_of(&self, number: u32) -> Option<(u32, u32)> {
        self.0.range(..=number).next_back().map(|(first, last)| (*first, *last))
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn runs_hold_what_a_set_holds_in_as_few_runs_as_can_be() {
        let mut runs = Runs::default();
        let mut model = BTreeSet::new();
        let mut chance = 11_u32;
        for _ in 0..20_000 {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // The last number there is stands at the end of the range.
            let number = u32::MAX - (chance >> 9) % 40;
            if chance >> 31 == 0 {
                runs.insert(number);
                model.insert(number);
            } else {
                runs.remove(number);
                model.remove(&number);
            }
            let range = u32::MAX - 30..=u32::MAX;
            assert_eq!(runs.lowest_gap(&range), range.clone().find(|number| !model.contains(number)));
            let borders = model.iter().filter(|number| !model.contains(&(*number - 1))).count();
            assert_eq!(runs.0.len(), borders);
        }
    }
}
