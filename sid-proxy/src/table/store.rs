//! The arena and its index: where entries live and how one is found in two cache misses.
//!
//! An entry is `[flags][len][name...][service, u32 LE][route, u32 LE]`. Its key is `(kind, scope, name)`: the
//! scope of a path is the offset of its host's entry, kept as the first four bytes of its name, so paths live
//! in the same index as hosts. Slots hold `(fingerprint, offset)` and are probed one after another.

use crate::number::{fold, index};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What an entry names. The low four bits of its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(pub(super) u8);

impl Kind {
    pub(super) const HTTP: Self = Self(1);
    pub(super) const HTTP_WILD: Self = Self(2);
    pub(super) const HTTP_PORT: Self = Self(3);
    pub(super) const HTTP_ANY: Self = Self(4);
    pub(super) const PATH: Self = Self(5);
    pub(super) const SNI: Self = Self(6);
    pub(super) const SNI_WILD: Self = Self(7);
    pub(super) const SNI_ANY: Self = Self(8);
    pub(super) const FTP: Self = Self(9);
    pub(super) const FTP_DOMAIN: Self = Self(10);
    pub(super) const FTP_ANY: Self = Self(11);
    pub(super) const POP3: Self = Self(12);
    pub(super) const POP3_DOMAIN: Self = Self(13);
    pub(super) const POP3_ANY: Self = Self(14);
    pub(super) const PORT: Self = Self(15);
}

const KIND: u8 = 0x0f;
/// The entry is a route of its own; without it, it only carries paths.
pub(super) const ROUTE: u8 = 0x10;
/// Paths hang under the entry.
pub(super) const PATHS: u8 = 0x20;
/// The matched prefix is removed.
pub(super) const STRIP: u8 = 0x40;

const FIXED: usize = 10;
const EMPTY: u64 = 0;

/// One entry, read where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) at: u32,
    pub(super) flags: u8,
    pub(super) name: &'a [u8],
    /// The service, or the depths of the paths in the entry under which they are counted.
    pub(super) value: u32,
    pub(super) route: u32,
}

impl Entry<'_> {
    pub(super) fn kind(&self) -> Kind {
        Kind(self.flags & KIND)
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn len(&self) -> usize {
        self.name.len().saturating_add(FIXED)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Store {
    seed: u64,
    arena: Vec<u8>,
    slots: Box<[u64]>,
    routes: u32,
    /// Bit n is set when a wildcard with n labels behind its `*` exists, for hosts and for SNI.
    pub(super) http_depths: u128,
    pub(super) sni_depths: u128,
}

impl Store {
    pub(super) fn new(seed: u64) -> Self {
        // Offset 0 belongs to no entry, so that a slot of 0 is an empty one.
        Self {
            seed,
            arena: Vec::from([0]),
            slots: Box::from([EMPTY]),
            routes: 0,
            http_depths: 0,
            sni_depths: 0,
        }
    }

    pub(super) fn routes(&self) -> u32 {
        self.routes
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.arena.capacity().saturating_add(self.slots.len().saturating_mul(8))
    }

    /// The entry with this key.
    pub(super) fn find(&self, kind: Kind, scope: u32, name: &[u8]) -> Option<Entry<'_>> {
        let hash = self.hash(kind, scope, name);
        let fingerprint = hash >> 32;
        for slot in self.probe(hash) {
            if slot == EMPTY {
                return None;
            }
            if slot >> 32 == fingerprint
                && let Some(entry) = self.entry(low(slot))
                && entry.kind() == kind
                && is_named(&entry, scope, name)
            {
                return Some(entry);
            }
        }
        None
    }

    /// Writes an entry behind the others; the index learns of it in [`Store::reindex`] or [`Store::insert`].
    /// `None` if the arena would pass 4 GiB or the name 255 bytes.
    pub(super) fn push(&mut self, flags: u8, scope: u32, name: &[u8], value: u32, route: u32) -> Option<u32> {
        let scoped = Kind(flags & KIND) == Kind::PATH;
        let len = u8::try_from(name.len().saturating_add(if scoped { 4 } else { 0 })).ok()?;
        let at = u32::try_from(self.arena.len()).ok()?;
        at.checked_add(300)?;
        self.arena.extend([flags, len]);
        if scoped {
            self.arena.extend(scope.to_le_bytes());
        }
        self.arena.extend_from_slice(name);
        self.arena.extend(value.to_le_bytes());
        self.arena.extend(route.to_le_bytes());
        if flags & ROUTE != 0 {
            self.routes = self.routes.saturating_add(1);
        }
        Some(at)
    }

    /// Makes the index anew for what the arena holds and for `more` entries to come. Tells `twice` of each
    /// pair of entries with one key; the first of them stays.
    pub(super) fn reindex(&mut self, more: usize, mut twice: impl FnMut(Entry<'_>, Entry<'_>)) {
        self.arena.shrink_to_fit();
        let entries = self.entries().count().saturating_add(more);
        // 5/3 slots an entry: a load of 0.6, at which a miss looks at 3.6 slots, within one cache line.
        let slots = entries.saturating_mul(5).div_ceil(3).max(1);
        self.slots = core::iter::repeat_n(EMPTY, slots.saturating_add(1)).collect();
        let mut at = 1u32;
        while let Some(entry) = self.entry(at) {
            let next = entry.len();
            let (hash, found) = self.place(&entry);
            match found {
                Ok(slot) => self.set(slot, hash, at),
                Err(first) => {
                    if let Some(first) = self.entry(first) {
                        twice(first, entry);
                    }
                }
            }
            at = at.saturating_add(u32::try_from(next).unwrap_or(u32::MAX));
        }
    }

    /// Adds a pushed entry to the index, or gives the offset of the one that has its key.
    pub(super) fn insert(&mut self, at: u32) -> Result<(), u32> {
        let Some(entry) = self.entry(at) else { return Ok(()) };
        let (hash, found) = self.place(&entry);
        let slot = found?;
        self.set(slot, hash, at);
        Ok(())
    }

    pub(super) fn add_flags(&mut self, at: u32, flags: u8) {
        if let Some(byte) = self.arena.get_mut(index(at)) {
            *byte |= flags;
        }
    }

    pub(super) fn set_value(&mut self, at: u32, value: u32) {
        let Some(entry) = self.entry(at) else { return };
        let start = index(at).saturating_add(2).saturating_add(entry.name.len());
        if let Some(bytes) = self.arena.get_mut(start..start.saturating_add(4)) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// The entry that begins at an offset.
    #[inline]
    pub(super) fn entry(&self, at: u32) -> Option<Entry<'_>> {
        let rest = self.arena.get(index(at)..)?;
        let [flags, len, rest @ ..] = rest else { return None };
        let (name, rest) = rest.split_at_checked(usize::from(*len))?;
        let (value, rest) = rest.split_first_chunk::<4>()?;
        let route = rest.first_chunk::<4>()?;
        Some(Entry {
            at,
            flags: *flags,
            name,
            value: u32::from_le_bytes(*value),
            route: u32::from_le_bytes(*route),
        })
    }

    /// Every entry, in the order of the arena.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut at = 1u32;
        core::iter::from_fn(move || {
            let entry = self.entry(at)?;
            at = at.checked_add(u32::try_from(entry.len()).ok()?)?;
            Some(entry)
        })
    }

    /// The slot in which an entry belongs, or the entry that has its key already.
    fn place(&self, entry: &Entry<'_>) -> (u64, Result<usize, u32>) {
        let (scope, name) = split(entry);
        let hash = self.hash(entry.kind(), scope, name);
        let mut slot = self.home(hash);
        loop {
            match self.slots.get(slot).copied() {
                None => slot = 0,
                Some(EMPTY) => return (hash, Ok(slot)),
                Some(taken) => {
                    if taken >> 32 == hash >> 32
                        && let Some(other) = self.entry(low(taken))
                        && other.kind() == entry.kind()
                        && other.name == entry.name
                    {
                        return (hash, Err(other.at));
                    }
                    slot = slot.saturating_add(1);
                }
            }
        }
    }

    fn set(&mut self, slot: usize, hash: u64, at: u32) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = (hash & !0xffff_ffff) | u64::from(at);
        }
    }

    /// The slots in which an entry with this hash may be, each once.
    #[inline]
    fn probe(&self, hash: u64) -> impl Iterator<Item = u64> + '_ {
        let (before, after) = self.slots.split_at_checked(self.home(hash)).unwrap_or((&[], &self.slots));
        after.iter().chain(before).copied()
    }

    /// Scales the hash to the number of slots (Lemire's multiply and shift; no power of two is needed).
    #[inline]
    fn home(&self, hash: u64) -> usize {
        let slots = crate::number::long(self.slots.len());
        crate::number::short((hash & 0xffff_ffff).wrapping_mul(slots) >> 32)
    }

    /// Mixes eight bytes a step as wyhash and foldhash do, keyed by the table's seed.
    #[inline]
    fn hash(&self, kind: Kind, scope: u32, name: &[u8]) -> u64 {
        let mut state = self.seed ^ (u64::from(kind.0) << 56) ^ (u64::from(scope) << 8);
        state ^= crate::number::long(name.len()) << 40;
        let (words, tail) = name.as_chunks::<8>();
        for word in words {
            state = fold(state ^ u64::from_le_bytes(*word), 0x9e37_79b9_7f4a_7c15);
        }
        if !tail.is_empty() {
            state ^= word_of(tail);
        }
        fold(state ^ 0x2545_f491_4f6c_dd1d, 0xd6e8_feb8_6659_fd93 ^ self.seed)
    }
}

/// Up to seven bytes as one word, in two overlapping loads.
#[inline]
fn word_of(tail: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (tail.first_chunk::<4>(), tail.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32);
    }
    match tail {
        [a, .., z] => {
            u64::from(*a) | (u64::from(*z) << 8) | (u64::from(tail.get(1).copied().unwrap_or(0)) << 16)
        }
        [a] => u64::from(*a) | 0x0100_0000,
        [] => 0,
    }
}

/// The offset in a slot.
#[inline]
fn low(slot: u64) -> u32 {
    u32::try_from(slot & 0xffff_ffff).unwrap_or(0)
}

fn split<'a>(entry: &Entry<'a>) -> (u32, &'a [u8]) {
    if entry.kind() == Kind::PATH
        && let Some((scope, name)) = entry.name.split_first_chunk::<4>()
    {
        return (u32::from_le_bytes(*scope), name);
    }
    (0, entry.name)
}

#[inline]
fn is_named(entry: &Entry<'_>, scope: u32, name: &[u8]) -> bool {
    if entry.kind() == Kind::PATH { split(entry) == (scope, name) } else { entry.name == name }
}
