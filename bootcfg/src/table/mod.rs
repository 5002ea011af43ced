//! The tables of an engine that holds a million of something: all of them equal for equal histories, and none of them
//! in an order that could reach the wire.

mod hash;
mod index;
mod runs;
mod slab;
mod timers;

pub(crate) use hash::hash;
pub(crate) use index::Index;
pub(crate) use runs::Runs;
pub(crate) use slab::Slab;
pub(crate) use timers::Timers;

/// The name of something in a [`Slab`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u32);

impl Id {
    /// No entry: a slab ends before it.
    const NONE: Self = Self(u32::MAX);

    fn at(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}
