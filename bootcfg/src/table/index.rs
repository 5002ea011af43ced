//! From a hash to what has it: open addressing with linear probing, eight octets a place.

use alloc::vec::Vec;

use super::Id;

/// An index of entries by the hash of their keys; the keys themselves stay with the entries.
///
/// Between three eighths and three quarters of the places are taken, so that an entry costs 11 to 22 octets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    /// A power of two in number, or none.
    places: Vec<Place>,
    taken: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    tag: u32,
    id: Id,
}

const EMPTY: Place = Place { tag: 0, id: Id::NONE };
const LEAST: usize = 16;

impl Index {
    /// The first entry with this hash that `is` the one looked for.
    pub(crate) fn find(&self, tag: u32, mut is: impl FnMut(Id) -> bool) -> Option<Id> {
        self.of(tag).find(|id| is(*id))
    }

    /// The entries with this hash, whatever their keys.
    pub(crate) fn of(&self, tag: u32) -> impl Iterator<Item = Id> + '_ {
        let mut at = self.home(tag);
        core::iter::from_fn(move || {
            loop {
                let place = self.places.get(at).filter(|place| place.id != Id::NONE)?;
                at = self.after(at);
                if place.tag == tag {
                    return Some(place.id);
                }
            }
        })
    }

    /// Adds an entry that is not in the index.
    pub(crate) fn insert(&mut self, tag: u32, id: Id) {
        if self.taken.saturating_mul(4) >= self.places.len().saturating_mul(3) {
            self.grow();
        }
        self.put(Place { tag, id });
        self.taken = self.taken.saturating_add(1);
    }

    /// Removes an entry, and moves up whatever stands behind it only because it did.
    pub(crate) fn remove(&mut self, tag: u32, id: Id) {
        let mut hole = self.home(tag);
        loop {
            match self.places.get(hole) {
                Some(place) if place.id == id => break,
                Some(place) if place.id != Id::NONE => hole = self.after(hole),
                _ => return,
            }
        }
        self.taken = self.taken.saturating_sub(1);
        let mut at = self.after(hole);
        while let Some(place) = self.places.get(at).copied().filter(|place| place.id != Id::NONE) {
            // What is at home between the hole and its place stays; the rest moves into the hole.
            if self.distance(self.home(place.tag), at) >= self.distance(hole, at) {
                self.write(hole, place);
                hole = at;
            }
            at = self.after(at);
        }
        self.write(hole, EMPTY);
    }

    fn grow(&mut self) {
        let len = self.places.len().saturating_mul(2).max(LEAST);
        let old = core::mem::replace(&mut self.places, alloc::vec![EMPTY; len]);
        for place in old.into_iter().filter(|place| place.id != Id::NONE) {
            self.put(place);
        }
    }

    fn put(&mut self, place: Place) {
        let mut at = self.home(place.tag);
        while self.places.get(at).is_some_and(|there| there.id != Id::NONE) {
            at = self.after(at);
        }
        self.write(at, place);
    }

    fn write(&mut self, at: usize, place: Place) {
        if let Some(there) = self.places.get_mut(at) {
            *there = place;
        }
    }

    fn mask(&self) -> usize {
        self.places.len().saturating_sub(1)
    }

    fn home(&self, tag: u32) -> usize {
        usize::try_from(tag).unwrap_or(0) & self.mask()
    }

    fn after(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask()
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_until_they_are_removed_however_they_collide() {
        // A hash of few values, a model beside it.
        let mut index = Index::default();
        let mut model: Vec<(u32, Id)> = Vec::new();
        let mut chance = 7_u32;
        for step in 0..20_000_u32 {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if chance >> 31 == 0 || model.is_empty() {
                let tag = (chance >> 20) % 97;
                index.insert(tag, Id(step));
                model.push((tag, Id(step)));
            } else {
                let (tag, id) = model.swap_remove(chance as usize % model.len());
                index.remove(tag, id);
                assert_eq!(index.find(tag, |found| found == id), None);
            }
            if step % 64 == 0 {
                for (tag, id) in &model {
                    assert_eq!(index.find(*tag, |found| found == *id), Some(*id));
                }
                assert_eq!(index.taken, model.len());
            }
        }
    }
}
