//! Entries and how they are found, together: what a built table holds, and what an overlay holds.

use super::arena::{Arena, Entry, Kind, PATHS, ROUTE, STRIP};
use super::index::Index;
use super::name::depth;
use super::{Prefix, Target};
use crate::number::index;
use crate::{RouteId, ServiceId};
use alloc::vec::Vec;
use core::ops::Range;

/// The paths of one host.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stem {
    /// The service of the host itself, if it is a route.
    pub(super) service: u32,
    /// Bit n is set if a prefix of n + 1 segments hangs here.
    pub(super) depths: u32,
    /// Where they stand in the arena.
    pub(super) entries: Range<u32>,
}

/// A route by its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) route: RouteId,
    pub(super) target: Target,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Store {
    pub(super) arena: Arena,
    pub(super) index: Index,
    stems: Vec<Stem>,
    /// Bit n is set if a name of kind n exists.
    kinds: u16,
    /// Bit n is set when a wildcard with n labels behind its `*` exists, for hosts and for SNI.
    pub(super) http_depths: u128,
    pub(super) sni_depths: u128,
}

impl Store {
    /// An empty store with an index for so many entries.
    pub(super) fn new(seed: u64, entries: usize) -> Self {
        Self {
            arena: Arena::new(),
            index: Index::new(seed, entries),
            stems: Vec::new(),
            kinds: 0,
            http_depths: 0,
            sni_depths: 0,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let stems = self.stems.capacity().saturating_mul(size_of::<Stem>());
        self.arena.heap_bytes().saturating_add(self.index.heap_bytes()).saturating_add(stems)
    }

    /// The entry of a name that is no path, by the hash of its key.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, kind: Kind, name: &[u8]) -> Option<Entry<'_>> {
        self.index.find(hash, |at| {
            let entry = self.arena.entry(at)?;
            (entry.kind() == kind && equal(entry.name, name)).then_some(entry)
        })
    }

    /// The prefix under a host of this store.
    #[inline]
    pub(super) fn find_path(&self, host: u32, prefix: &[u8]) -> Option<Entry<'_>> {
        let hash = self.index.hash(Kind::PATH, host, prefix);
        self.index.find(hash, |at| {
            let entry = self.arena.entry(at)?;
            (entry.kind() == Kind::PATH && entry.split() == (host, prefix)).then_some(entry)
        })
    }

    #[inline(always)]
    pub(super) fn hash(&self, kind: Kind, name: &[u8]) -> u64 {
        self.index.hash(kind, 0, name)
    }

    /// True if the store has any name of a kind.
    #[inline(always)]
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds & 1u16.wrapping_shl(kind.0.into()) != 0
    }

    /// The stem of an entry under which paths hang.
    #[inline]
    pub(super) fn stem(&self, entry: &Entry<'_>) -> Option<&Stem> {
        if entry.has(PATHS) { self.stems.get(index(entry.value)) } else { None }
    }

    /// The route of an entry, if it is one.
    #[inline(always)]
    pub(super) fn leaf(&self, entry: &Entry<'_>) -> Option<Leaf> {
        if !entry.has(ROUTE) {
            return None;
        }
        let service = self.stem(entry).map_or(entry.value, |stem| stem.service);
        let prefix = if entry.has(STRIP) { Prefix::Strip } else { Prefix::Keep };
        Some(Leaf { route: RouteId(entry.route), target: Target { service: ServiceId(service), prefix } })
    }

    /// The paths under an entry.
    pub(super) fn paths(&self, entry: &Entry<'_>) -> impl Iterator<Item = Entry<'_>> + use<'_> {
        let Range { start, end } = self.stem(entry).map_or(0..0, |stem| stem.entries.clone());
        self.arena.entries(start, end)
    }

    /// Every entry that is no path.
    pub(super) fn names(&self) -> impl Iterator<Item = Entry<'_>> {
        self.arena.entries(Arena::FIRST, u32::MAX).filter(|entry| entry.kind() != Kind::PATH)
    }

    /// Writes a name behind the others, as a route if it has a leaf; the index does not learn of it.
    pub(super) fn push(&mut self, kind: Kind, name: &[u8], leaf: Option<Leaf>) -> Option<u32> {
        let (flags, service, route) = parts(kind, leaf);
        self.kinds |= 1u16.wrapping_shl(kind.0.into());
        self.arena.push(flags, 0, name, service, route)
    }

    /// Hangs paths under a name that is in the index already. Gives the offsets of those whose prefix another has.
    pub(super) fn hang<'a>(
        &mut self,
        host: u32,
        paths: impl Iterator<Item = (&'a [u8], Leaf)>,
        mut twice: impl FnMut(Leaf, Leaf, &[u8]),
    ) -> Option<()> {
        let start = u32::try_from(self.arena.len()).ok()?;
        let mut depths = 0;
        for (prefix, leaf) in paths {
            if let Some(first) = self.find_path(host, prefix).and_then(|entry| self.leaf(&entry)) {
                twice(first, leaf, prefix);
                continue;
            }
            depths |= depth(prefix);
            let (flags, service, route) = parts(Kind::PATH, Some(leaf));
            let at = self.arena.push(flags, host, prefix, service, route)?;
            self.index.insert(self.index.hash(Kind::PATH, host, prefix), at);
        }
        let service = self.arena.entry(host)?.value;
        let place = u32::try_from(self.stems.len()).ok()?;
        let end = u32::try_from(self.arena.len()).ok()?;
        self.stems.push(Stem { service, depths, entries: start..end });
        self.arena.amend(host, PATHS, place);
        Some(())
    }
}

fn parts(kind: Kind, leaf: Option<Leaf>) -> (u8, u32, u32) {
    let Some(Leaf { route, target }) = leaf else { return (kind.0, 0, u32::MAX) };
    let strip = if target.prefix == Prefix::Strip && kind == Kind::PATH { STRIP } else { 0 };
    (kind.0 | ROUTE | strip, target.service.0, route.0)
}

/// Compares names eight bytes at a time: they are too short for a call of `memcmp` to pay.
#[inline(always)]
fn equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if let (Some(a), Some(b)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        let (a_words, _) = one.as_chunks::<8>();
        let (b_words, _) = other.as_chunks::<8>();
        let differs = a_words
            .iter()
            .zip(b_words)
            .fold(0, |differs, (a, b)| differs | (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)));
        return differs | (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)) == 0;
    }
    one == other
}
