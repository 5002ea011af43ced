//! The routes of a table one by one, and what differs between two tables.

use super::arena::{Entry, Kind};
use super::change::Whole;
use super::name::written;
use super::store::{Leaf, Store};
use super::{RouteTable, Target};
use crate::RouteId;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// One route of a table. Its text is the name as a configuration would write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// Its number in this table.
    pub id: RouteId,
    /// Where it leads.
    pub target: Target,
    pub(super) kind: Kind,
    pub(super) name: &'a [u8],
    pub(super) prefix: &'a [u8],
}

/// What a name of a table is a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// The `Host` of a request, with or without a path.
    Http,
    /// The port of a request.
    HttpPort,
    /// The name in a TLS ClientHello.
    Sni,
    /// An FTP login.
    Ftp,
    /// A POP3 login.
    Pop3,
    /// The port of a connection in which no name is read.
    Port,
}

/// What becomes of one route on the way from a table to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A name that the new table has and the old one has not.
    Added(RouteId),
    /// A name that the old table has and the new one has not: who was routed by it has no route any more.
    Removed(RouteId),
    /// A name that leads elsewhere: who was routed by it may be drained.
    Changed {
        /// Its number in the old table.
        old: RouteId,
        /// Its number in the new table.
        new: RouteId,
    },
}

impl Route<'_> {
    /// What its name is a name of.
    #[must_use]
    pub fn family(&self) -> Family {
        match self.kind {
            Kind::HTTP_PORT => Family::HttpPort,
            Kind::SNI | Kind::SNI_WILD | Kind::SNI_ANY => Family::Sni,
            Kind::FTP | Kind::FTP_DOMAIN | Kind::FTP_ANY => Family::Ftp,
            Kind::POP3 | Kind::POP3_DOMAIN | Kind::POP3_ANY => Family::Pop3,
            Kind::PORT => Family::Port,
            _ => Family::Http,
        }
    }
}

impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.kind, self.name, self.prefix))
    }
}

impl RouteTable {
    /// Every route: those of the built table, then those changed since.
    pub fn routes(&self) -> impl Iterator<Item = Route<'_>> {
        self.levels().flat_map(|(store, entry)| routes_of(store, entry))
    }

    /// Every name with what is in use under it.
    pub(super) fn levels(&self) -> impl Iterator<Item = (&Store, Entry<'_>)> {
        let over = self.over.as_deref();
        let base = self.base.names().filter(move |entry| {
            let hidden = over.map(|over| {
                over.store.find(over.store.hash(entry.kind(), entry.name), entry.kind(), entry.name)
            });
            hidden.flatten().is_none()
        });
        let changed = over.into_iter().flat_map(|over| {
            over.store.names().filter(|entry| over.is_current(entry)).map(|entry| (&over.store, entry))
        });
        base.map(|entry| (&*self.base, entry)).chain(changed)
    }

    /// The route with just this name.
    fn counterpart(&self, route: &Route<'_>) -> Option<Leaf> {
        let (store, entry) = self.view().find(route.kind, route.name)?;
        if route.prefix.is_empty() {
            return store.leaf(&entry);
        }
        store.stem(&entry)?;
        store.leaf(&store.find_path(entry.at, route.prefix)?)
    }
}

/// What differs between two tables, by the names of the routes and not by their numbers. Between a table and one that was
/// made of it by [`RouteTable::with`] and [`RouteTable::without`] only the overlays are compared.
#[must_use]
pub fn diff(old: &RouteTable, new: &RouteTable) -> Vec<Change> {
    let mut changes = Vec::new();
    if Arc::ptr_eq(&old.base, &new.base) {
        let names = |table: &RouteTable| -> Vec<(Kind, Vec<u8>)> {
            let over = table.over.as_ref().map(|over| over.store.names());
            over.into_iter().flatten().map(|entry| (entry.kind(), entry.name.to_vec())).collect()
        };
        let touched: BTreeSet<_> = names(old).into_iter().chain(names(new)).collect();
        for (kind, name) in &touched {
            let of = |table: &RouteTable| {
                table
                    .view()
                    .find(*kind, name)
                    .map(|(store, entry)| Whole::read(store, &entry))
                    .unwrap_or_default()
            };
            compare_whole(&of(old), &of(new), &mut changes);
        }
    } else {
        for route in old.routes() {
            let before = Leaf { route: route.id, target: route.target };
            compare(Some(before), new.counterpart(&route), &mut changes);
        }
        for route in new.routes() {
            if old.counterpart(&route).is_none() {
                changes.push(Change::Added(route.id));
            }
        }
    }
    changes.sort_unstable();
    changes
}

fn compare_whole(old: &Whole, new: &Whole, changes: &mut Vec<Change>) {
    compare(old.leaf, new.leaf, changes);
    let find = |whole: &Whole, prefix: &[u8]| {
        whole.paths.iter().find(|(other, _)| other == prefix).map(|(_, leaf)| *leaf)
    };
    for (prefix, leaf) in &old.paths {
        compare(Some(*leaf), find(new, prefix), changes);
    }
    for (prefix, leaf) in &new.paths {
        if find(old, prefix).is_none() {
            compare(None, Some(*leaf), changes);
        }
    }
}

fn compare(old: Option<Leaf>, new: Option<Leaf>, changes: &mut Vec<Change>) {
    changes.extend(match (old, new) {
        (Some(old), Some(new)) if old.target != new.target => {
            Some(Change::Changed { old: old.route, new: new.route })
        }
        (Some(old), None) => Some(Change::Removed(old.route)),
        (None, Some(new)) => Some(Change::Added(new.route)),
        _ => None,
    });
}

fn routes_of<'a>(store: &'a Store, entry: Entry<'a>) -> impl Iterator<Item = Route<'a>> {
    let own = store.leaf(&entry).map(|leaf| (b"".as_slice(), leaf));
    let paths = store.paths(&entry).filter_map(|path| Some((path.split().1, store.leaf(&path)?)));
    own.into_iter().chain(paths).map(move |(prefix, leaf)| Route {
        id: leaf.route,
        target: leaf.target,
        kind: entry.kind(),
        name: entry.name,
        prefix,
    })
}
