//! One route changed in a table of a million: the base stays as it is, an overlay of bounded size lies over it.
//!
//! The overlay holds whole names: what the base has under a name of the overlay, paths too, is hidden. A name with neither
//! a route nor paths hides what is gone. Nothing of the law changes: a lookup asks the overlay before the base at each name
//! that it tries.

use super::arena::{Entry, Kind};
use super::lookup::{View, bit};
use super::name::{Name, SidError};
use super::store::{Leaf, Store};
use super::{Builder, RouteTable, Sid, Target};
use crate::RouteId;
use crate::wire::host::Host;
use alloc::sync::Arc;
use alloc::vec::Vec;
use thiserror::Error;

/// The most names and paths that an overlay holds, those included that were changed again since.
const MAX_ENTRIES: usize = 1024;
/// The most bytes that they take.
const MAX_BYTES: usize = 64 * 1024;

/// What was changed since a table was built.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Overlay {
    pub(super) store: Store,
    entries: usize,
}

/// Why a table was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The name is none.
    #[error(transparent)]
    Sid(#[from] SidError),
    /// There is no route with this name.
    #[error("no route has this name")]
    Absent,
    /// The overlay is full: [`RouteTable::rebuilt`] makes room.
    #[error("too much was changed since the table was built: rebuild it")]
    Full,
}

/// A name with all that belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Whole {
    pub(super) leaf: Option<Leaf>,
    pub(super) paths: Vec<(Vec<u8>, Leaf)>,
}

impl RouteTable {
    /// The table with one route more, or with another target for a route that it has, and the number of the route: its
    /// old one, or the next. A table of any size takes microseconds; both tables live on.
    pub fn with(&self, sid: Sid<'_>, target: impl Into<Target>) -> Result<(Self, RouteId), ChangeError> {
        let mut room = [0; 256];
        let name = Name::read(sid, &mut room)?;
        let mut whole = Whole::of(self.view(), name.kind, name.bytes)?;
        let slot = whole.slot(&name.prefix);
        let route = slot.as_ref().map_or(RouteId(self.next), |leaf| leaf.route);
        let new = slot.is_none();
        whole.set(&name.prefix, Some(Leaf { route, target: target.into() }));
        let mut table = self.overlaid(&name, &whole)?;
        if new {
            table.routes = self.routes.saturating_add(1);
            table.next = self.next.saturating_add(1);
        }
        Ok((table, route))
    }

    /// The table without one route.
    pub fn without(&self, sid: Sid<'_>) -> Result<Self, ChangeError> {
        let mut room = [0; 256];
        let name = Name::read(sid, &mut room)?;
        let mut whole = Whole::of(self.view(), name.kind, name.bytes)?;
        whole.slot(&name.prefix).ok_or(ChangeError::Absent)?;
        whole.set(&name.prefix, None);
        let mut table = self.overlaid(&name, &whole)?;
        table.routes = self.routes.saturating_sub(1);
        Ok(table)
    }

    /// How many names and paths lie over the built table; [`ChangeError::Full`] comes at 1024 at the latest.
    #[must_use]
    pub fn overlaid_entries(&self) -> usize {
        self.over.as_ref().map_or(0, |over| over.entries)
    }

    /// The same routes under the same numbers, built anew without an overlay: for a thread of its own, as it takes the
    /// time of a build.
    #[must_use]
    pub fn rebuilt(&self) -> Self {
        let mut builder = Builder::new(self.base.index.seed());
        for route in self.routes() {
            let name = Name {
                kind: route.kind,
                bytes: route.name,
                prefix: route.prefix.to_vec(),
                depth: bit(Host::from_normalised(route.name).labels()),
            };
            // What one table and its overlay hold, a table holds.
            let _ = builder.put(&name, Leaf { route: route.id, target: route.target });
        }
        builder.build().map_or_else(|_| self.clone(), |table| Self { next: self.next, ..table })
    }

    fn overlaid(&self, name: &Name<'_>, whole: &Whole) -> Result<Self, ChangeError> {
        let empty = || Overlay { store: Store::new(self.base.index.seed(), MAX_ENTRIES), entries: 0 };
        let mut over = self.over.as_ref().map_or_else(empty, |over| Overlay::clone(over));
        if over.put(name.kind, name.bytes, name.depth, whole).is_err() {
            // What was changed again is left behind.
            let mut compact = empty();
            for entry in over.store.names().filter(|entry| over.is_current(entry)) {
                let depth = bit(Host::from_normalised(entry.name).labels());
                compact.put(entry.kind(), entry.name, depth, &Whole::read(&over.store, &entry))?;
            }
            compact.put(name.kind, name.bytes, name.depth, whole)?;
            over = compact;
        }
        Ok(Self { over: Some(Arc::new(over)), ..self.clone() })
    }
}

impl Overlay {
    /// True if an entry was not changed again.
    pub(super) fn is_current(&self, entry: &Entry<'_>) -> bool {
        let hash = self.store.hash(entry.kind(), entry.name);
        self.store.find(hash, entry.kind(), entry.name).is_some_and(|current| current.at == entry.at)
    }

    fn put(&mut self, kind: Kind, name: &[u8], depth: u128, whole: &Whole) -> Result<(), ChangeError> {
        let entries = self.entries.saturating_add(whole.paths.len()).saturating_add(1);
        let bytes = whole.paths.iter().map(|(prefix, _)| prefix.len().saturating_add(14));
        let bytes = bytes.fold(name.len().saturating_add(10), usize::saturating_add);
        if entries > MAX_ENTRIES || self.store.arena.len().saturating_add(bytes) > MAX_BYTES {
            return Err(ChangeError::Full);
        }
        self.entries = entries;
        let store = &mut self.store;
        let hash = store.hash(kind, name);
        let before = store.find(hash, kind, name).map(|entry| entry.at);
        let at = store.push(kind, name, whole.leaf).ok_or(ChangeError::Full)?;
        match before {
            Some(before) => store.index.repoint(hash, before, at),
            None => store.index.insert(hash, at),
        }
        match kind {
            Kind::HTTP_WILD => store.http_depths |= depth,
            Kind::SNI_WILD => store.sni_depths |= depth,
            _ => {}
        }
        if !whole.paths.is_empty() {
            let paths = whole.paths.iter().map(|(prefix, leaf)| (prefix.as_slice(), *leaf));
            // Each prefix is there once.
            store.hang(at, paths, |_, _, _| {}).ok_or(ChangeError::Full)?;
        }
        Ok(())
    }
}

impl Whole {
    /// What a table holds under a name; an error if that is more than an overlay can take.
    fn of(view: View<'_>, kind: Kind, name: &[u8]) -> Result<Self, ChangeError> {
        let Some((store, entry)) = view.find(kind, name) else { return Ok(Self::default()) };
        if store.paths(&entry).nth(MAX_ENTRIES).is_some() {
            return Err(ChangeError::Full);
        }
        Ok(Self::read(store, &entry))
    }

    pub(super) fn read(store: &Store, entry: &Entry<'_>) -> Self {
        let paths = store.paths(entry);
        let paths = paths.filter_map(|path| Some((path.split().1.to_vec(), store.leaf(&path)?))).collect();
        Self { leaf: store.leaf(entry), paths }
    }

    /// The route with this prefix; without one, that of the name itself.
    fn slot(&self, prefix: &[u8]) -> Option<Leaf> {
        if prefix.is_empty() {
            return self.leaf;
        }
        self.paths.iter().find(|(other, _)| other == prefix).map(|(_, leaf)| *leaf)
    }

    fn set(&mut self, prefix: &[u8], leaf: Option<Leaf>) {
        if prefix.is_empty() {
            self.leaf = leaf;
            return;
        }
        self.paths.retain(|(other, _)| other != prefix);
        self.paths.extend(leaf.map(|leaf| (prefix.to_vec(), leaf)));
    }
}
