//! When things end: a heap of four branches that knows where each entry stands.

use alloc::vec::Vec;
use core::time::Duration;

use super::Id;

const BRANCHES: usize = 4;

/// At most one time an entry. What is put off, as renewals do, moves a step or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Timers {
    heap: Vec<(Duration, Id)>,
    /// Where an entry stands in the heap, by its id; [`NOWHERE`] where it has no time.
    stands: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

impl Timers {
    /// What ends first.
    pub(crate) fn first(&self) -> Option<(Duration, Id)> {
        self.heap.first().copied()
    }

    /// Sets, changes or (none) clears the time of an entry.
    pub(crate) fn set(&mut self, id: Id, at: Option<Duration>) {
        match (self.place(id), at) {
            (None, None) => {}
            (None, Some(at)) => {
                if self.stands.len() <= id.at() {
                    self.stands.resize(id.at().saturating_add(1), NOWHERE);
                }
                self.heap.push((at, id));
                self.up(self.heap.len().saturating_sub(1));
            }
            (Some(place), Some(at)) => {
                let Some(entry) = self.heap.get_mut(place) else { return };
                let earlier = at < entry.0;
                entry.0 = at;
                if earlier { self.up(place) } else { self.down(place) }
            }
            (Some(place), None) => {
                self.heap.swap_remove(place);
                self.stand(id, NOWHERE);
                if let Some((_, moved)) = self.heap.get(place).copied() {
                    self.stand(moved, u32::try_from(place).unwrap_or(NOWHERE));
                    self.up(place);
                    if let Some(place) = self.place(moved) {
                        self.down(place);
                    }
                }
            }
        }
    }

    fn place(&self, id: Id) -> Option<usize> {
        let place = *self.stands.get(id.at())?;
        usize::try_from(place).ok().filter(|_| place != NOWHERE)
    }

    fn stand(&mut self, id: Id, place: u32) {
        if let Some(stands) = self.stands.get_mut(id.at()) {
            *stands = place;
        }
    }

    /// Writes an entry to a place of the heap.
    fn write(&mut self, place: usize, entry: (Duration, Id)) {
        if let Some(there) = self.heap.get_mut(place) {
            *there = entry;
            self.stand(entry.1, u32::try_from(place).unwrap_or(NOWHERE));
        }
    }

    fn up(&mut self, mut place: usize) {
        let Some(entry) = self.heap.get(place).copied() else { return };
        while place > 0 {
            let parent = place.saturating_sub(1) / BRANCHES;
            let Some(above) = self.heap.get(parent).copied().filter(|above| less(entry, *above)) else {
                break;
            };
            self.write(place, above);
            place = parent;
        }
        self.write(place, entry);
    }

    fn down(&mut self, mut place: usize) {
        let Some(entry) = self.heap.get(place).copied() else { return };
        loop {
            let first = place.saturating_mul(BRANCHES).saturating_add(1);
            let last = first.saturating_add(BRANCHES).min(self.heap.len());
            let Some(children) = self.heap.get(first..last) else { break };
            let least = children.iter().enumerate().reduce(|a, b| if less(*b.1, *a.1) { b } else { a });
            let Some((nth, below)) = least.map(|(nth, below)| (nth, *below)) else { break };
            if !less(below, entry) {
                break;
            }
            self.write(place, below);
            place = first.saturating_add(nth);
        }
        self.write(place, entry);
    }
}

/// Whether `a` ends first; of two that end together the one with the lower id, so that the order is one.
fn less(a: (Duration, Id), b: (Duration, Id)) -> bool {
    (a.0, a.1.0) < (b.0, b.1.0)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_ends_first_comes_first_whatever_was_set_put_off_and_cleared() {
        let mut timers = Timers::default();
        let mut model: BTreeMap<u32, Duration> = BTreeMap::new();
        let mut chance = 3_u32;
        for _ in 0..30_000 {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (id, at) = ((chance >> 8) % 61, Duration::from_secs(u64::from((chance >> 16) % 17)));
            if (chance >> 28).is_multiple_of(3) {
                timers.set(Id(id), None);
                model.remove(&id);
            } else {
                timers.set(Id(id), Some(at));
                model.insert(id, at);
            }
            let first = model.iter().map(|(id, at)| (*at, *id)).min();
            assert_eq!(timers.first().map(|(at, id)| (at, id.0)), first);
        }
    }
}
