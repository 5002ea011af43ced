//! Building a table: names are checked as they come, conflicts are found when all are there.

use super::arena::{Arena, Kind};
use super::name::{Name, SidError, written};
use super::store::{Leaf, Store};
use super::{RouteTable, Sid, Target};
use crate::RouteId;
use alloc::string::String;
use alloc::vec::Vec;
use thiserror::Error;

/// Collects the routes of one table.
#[derive(Clone, Debug)]
pub struct Builder {
    store: Store,
    paths: Vec<Path>,
    names: usize,
    /// What all entries will take at most.
    bytes: usize,
    routes: u32,
    next: u32,
}

/// Offsets are of 32 bits, and the last entry must not wrap around.
const MAX_BYTES: usize = 0xffff_fc00;

#[derive(Clone, Debug)]
struct Path {
    kind: Kind,
    host: Vec<u8>,
    prefix: Vec<u8>,
    leaf: Leaf,
}

/// Two routes with one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The earlier of the two.
    pub first: RouteId,
    /// The later of the two.
    pub second: RouteId,
    /// The name, normalised.
    pub sid: String,
}

/// Why a table was not built: every pair of routes with one name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} routes have the name of another, the first of them {:?}", conflicts.len(), conflicts.first().map(|c| c.sid.as_str()).unwrap_or_default())]
pub struct BuildError {
    /// The pairs, in the order of the later route.
    pub conflicts: Vec<Conflict>,
}

impl Builder {
    pub(super) fn new(seed: u64) -> Self {
        Self { store: Store::new(seed, 0), paths: Vec::new(), names: 0, bytes: 0, routes: 0, next: 0 }
    }

    /// Adds a route and gives its number. A refused name changes nothing and takes no number.
    pub fn add(&mut self, sid: Sid<'_>, target: impl Into<Target>) -> Result<RouteId, SidError> {
        let mut room = [0; 256];
        let name = Name::read(sid, &mut room)?;
        let route = RouteId(self.next);
        self.put(&name, Leaf { route, target: target.into() })?;
        Ok(route)
    }

    /// Adds a route under the number that it has already.
    pub(super) fn put(&mut self, name: &Name<'_>, leaf: Leaf) -> Result<(), SidError> {
        // A path may bring an entry for its host with it.
        let bytes = name.bytes.len().saturating_add(name.prefix.len()).saturating_add(24);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_BYTES {
            return Err(SidError::Full);
        }
        if name.prefix.is_empty() {
            self.store.push(name.kind, name.bytes, Some(leaf)).ok_or(SidError::Full)?;
            self.names = self.names.saturating_add(1);
        } else {
            let (host, prefix) = (name.bytes.to_vec(), name.prefix.clone());
            self.paths.push(Path { kind: name.kind, host, prefix, leaf });
        }
        match name.kind {
            Kind::HTTP_WILD => self.store.http_depths |= name.depth,
            Kind::SNI_WILD => self.store.sni_depths |= name.depth,
            _ => {}
        }
        self.routes = self.routes.saturating_add(1);
        self.next = self.next.max(leaf.route.0.saturating_add(1));
        Ok(())
    }

    /// Makes the table, or names every pair of routes that claim one name.
    pub fn build(mut self) -> Result<RouteTable, BuildError> {
        let mut conflicts = Vec::new();
        // The paths of a host stand side by side. Equal ones keep their order.
        self.paths.sort_by(|a, b| (a.kind, &a.host).cmp(&(b.kind, &b.host)));
        let groups = || self.paths.chunk_by(|a, b| (a.kind, &a.host) == (b.kind, &b.host));
        let entries = self.names.saturating_add(self.paths.len()).saturating_add(groups().count());
        let mut store = self.store;
        store.arena.shrink();
        let mut index = super::index::Index::new(store.index.seed(), entries);
        for entry in store.arena.entries(Arena::FIRST, u32::MAX) {
            let hash = index.hash(entry.kind(), 0, entry.name);
            let first = index.find(hash, |at| {
                let other = store.arena.entry(at)?;
                (other.kind() == entry.kind() && other.name == entry.name).then_some(other)
            });
            match first {
                Some(first) => conflicts.push(Conflict {
                    first: RouteId(first.route),
                    second: RouteId(entry.route),
                    sid: written(entry.kind(), entry.name, b""),
                }),
                None => index.insert(hash, entry.at),
            }
        }
        store.index = index;
        for group in groups() {
            let Some(Path { kind, host, .. }) = group.first() else { continue };
            let hash = store.hash(*kind, host);
            let found = store.find(hash, *kind, host).map(|entry| entry.at);
            let Some(at) = found.or_else(|| store.push(*kind, host, None)) else { continue };
            if found.is_none() {
                store.index.insert(hash, at);
            }
            let paths = group.iter().map(|path| (path.prefix.as_slice(), path.leaf));
            // What would not fit was refused when it was added.
            let _ = store.hang(at, paths, |first, second, prefix| {
                let sid = written(*kind, host, prefix);
                conflicts.push(Conflict { first: first.route, second: second.route, sid });
            });
        }
        if conflicts.is_empty() {
            Ok(RouteTable::of(store, self.routes, self.next))
        } else {
            conflicts.sort_by_key(|conflict| conflict.second);
            Err(BuildError { conflicts })
        }
    }
}
