//! Entries with names that stay.

use alloc::vec::Vec;

use super::Id;

/// Entries a piece: a table grows piece by piece and never moves what it holds.
const PIECE: usize = 256;

/// Entries, each named by an [`Id`] that a later entry may have again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slab<T> {
    pieces: Vec<Vec<Option<T>>>,
    free: Vec<Id>,
    len: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { pieces: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T> Slab<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        self.pieces.get(id.at() / PIECE)?.get(id.at() % PIECE)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        self.pieces.get_mut(id.at() / PIECE)?.get_mut(id.at() % PIECE)?.as_mut()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pieces.iter_mut().flatten().flatten()
    }

    /// Adds an entry; `None`, and the entry is gone, where names have run out.
    pub(crate) fn insert(&mut self, entry: T) -> Option<Id> {
        let id = match self.free.pop() {
            Some(id) => {
                *self.pieces.get_mut(id.at() / PIECE)?.get_mut(id.at() % PIECE)? = Some(entry);
                id
            }
            None => {
                let id = u32::try_from(self.len).ok().map(Id).filter(|id| *id != Id::NONE)?;
                if self.len.is_multiple_of(PIECE) {
                    self.pieces.push(Vec::with_capacity(PIECE));
                }
                self.pieces.last_mut()?.push(Some(entry));
                id
            }
        };
        self.len = self.len.saturating_add(1);
        Some(id)
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let entry = self.pieces.get_mut(id.at() / PIECE)?.get_mut(id.at() % PIECE)?.take()?;
        self.free.push(id);
        self.len = self.len.saturating_sub(1);
        Some(entry)
    }
}
