//! One table for the names of every protocol: hosts, hosts with paths, ports, SNI, FTP and POP3 logins.
//!
//! # The law of precedence
//! An entry *matches* a key when its kind is the key's, its name covers the key's name, and its prefix, if it
//! has one, ends on a segment border of the key's path. Among the entries that match, the one with the greatest
//! `(name, prefix)` wins, compared in this order:
//!
//! 1. **name**: exact > wildcard or domain, the longer the better > port > default;
//! 2. **prefix**: more segments > fewer > none.
//!
//! Kinds never mix, so exactly one entry wins or none does. `tests/table.rs` holds this law against a model
//! that tries every entry.
//!
//! A path that servers read in two ways (see [`crate::wire::path`]) is looked up in both; where the answers are
//! two services, the answer is [`Miss::Ambiguous`].
//!
//! # Change
//! A table never changes; [`RouteTable::with`] and [`RouteTable::without`] make another of it in microseconds, whatever its
//! size, by an overlay of at most 1024 names. A full overlay says so, and [`RouteTable::rebuilt`] makes room. [`diff`] tells
//! which routes differ, so that sessions of all others may stay untouched.
//!
//! # Memory
//! An entry takes 10 bytes and its name in one arena, and 9.8 bytes in the index: 40 bytes for a host of 20. An overlay
//! takes at most 100 KiB.

mod arena;
mod builder;
mod change;
mod check;
mod index;
mod lookup;
mod name;
mod routes;
mod store;
mod trace;

pub use builder::{BuildError, Builder, Conflict};
pub use change::ChangeError;
pub use check::{Doors, Finding, Why};
pub use name::SidError;
pub use routes::{Change, Family, Route, diff};
pub use trace::{Explanation, Outcome, Step, Trace};

use crate::wire::host::Host;
use crate::{RouteId, ServiceId};
use alloc::sync::Arc;
use change::Overlay;
use lookup::View;
use store::Store;

/// An immutable table of routes; a clone costs one reference count.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteTable {
    base: Arc<Store>,
    /// What was changed since the base was built.
    over: Option<Arc<Overlay>>,
    routes: u32,
    next: u32,
}

/// A service identifier as a configuration writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sid<'a> {
    /// `host`, `*.host` (one or more labels, never `host` itself), `host/prefix`, `*.host/prefix`, `*` and
    /// `*/prefix`, matched against the `Host` of a request and the path of its target.
    Http(&'a str),
    /// What arrives by HTTP on a port and has no better name.
    HttpPort(u16),
    /// `host`, `*.host` or `*`, matched against the name in a TLS ClientHello.
    Sni(&'a str),
    /// `login`, `@domain` or `*`, matched against an FTP login.
    Ftp(&'a str),
    /// `login`, `@domain` or `*`, matched against a POP3 login.
    Pop3(&'a str),
    /// Everything that arrives on a port where no name is read.
    Port(u16),
}

/// What the table is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A request: its host if it named one, its raw target or path, and the port on which it arrived.
    Http {
        /// The host of the request; an HTTP/1.0 request may have none.
        host: Option<Host<'a>>,
        /// The path as it was sent; a query behind it is ignored.
        path: &'a [u8],
        /// The local port.
        port: u16,
    },
    /// The name in a TLS ClientHello, if it has one.
    Sni(Option<Host<'a>>),
    /// The login of an FTP session.
    Ftp(&'a [u8]),
    /// The login of a POP3 session.
    Pop3(&'a [u8]),
    /// The local port of a connection in which no name is read.
    Port(u16),
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The service.
    pub service: ServiceId,
    /// What happens to a matched path prefix.
    pub prefix: Prefix,
}

/// What happens to a matched path prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefix {
    /// The card sees the path as the customer sent it.
    #[default]
    Keep,
    /// The card sees the path without the prefix.
    Strip,
}

/// The winning route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The route.
    pub route: RouteId,
    /// Its service.
    pub service: ServiceId,
    /// How the name matched.
    pub matched: Matched,
    /// Bytes of the matched prefix, normalised; 0 without one.
    pub prefix_len: u16,
    /// Bytes at the front of the raw path to remove: 0 unless the route strips its prefix.
    pub strip_len: u16,
}

/// How a name matched, from the strongest to the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// The whole name.
    Exact,
    /// A wildcard whose fixed part has this many labels.
    Wildcard {
        /// Labels behind the `*`.
        labels: u8,
    },
    /// The domain of a login.
    Domain,
    /// The local port.
    Port,
    /// The default of its kind.
    Default,
}

/// Why there is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// No route matches.
    NoRoute,
    /// Servers read the path in two ways, and the two belong to two services.
    Ambiguous,
}

impl From<ServiceId> for Target {
    fn from(service: ServiceId) -> Self {
        Self { service, prefix: Prefix::Keep }
    }
}

impl RouteTable {
    /// Begins a table. The seed keys the hash; a random one keeps strangers from choosing colliding names.
    #[must_use]
    pub fn builder(seed: u64) -> Builder {
        Builder::new(seed)
    }

    fn of(base: Store, routes: u32, next: u32) -> Self {
        Self { base: Arc::new(base), over: None, routes, next }
    }

    fn view(&self) -> View<'_> {
        View { base: &self.base, over: self.over.as_ref().map(|over| &over.store) }
    }

    /// How many routes the table holds.
    #[must_use]
    pub fn len(&self) -> usize {
        crate::number::index(self.routes)
    }

    /// True if the table holds no route.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.base.heap_bytes().saturating_add(self.over.as_ref().map_or(0, |over| over.store.heap_bytes()))
    }

    /// The winning route.
    #[inline]
    pub fn lookup(&self, key: &Key<'_>) -> Result<Decision, Miss> {
        lookup::decide(self.view(), key, &mut ())
    }

    /// The winning route, telling `trace` of each entry that was tried. This is the code of
    /// [`RouteTable::lookup`].
    pub fn lookup_traced(&self, key: &Key<'_>, trace: &mut impl Trace) -> Result<Decision, Miss> {
        lookup::decide(self.view(), key, trace)
    }

    /// The winning route and each entry that was tried on the way.
    #[must_use]
    pub fn explain(&self, key: &Key<'_>) -> Explanation {
        let mut steps = alloc::vec::Vec::new();
        let decision = lookup::decide(self.view(), key, &mut steps);
        Explanation { steps, decision }
    }
}
