//! Building a table: names are checked as they come, conflicts are found when all are there.

use super::lookup::{bit, fold_login};
use super::store::{Kind, PATHS, ROUTE, STRIP, Store};
use super::{Prefix, RouteTable, Sid, Target};
use crate::RouteId;
use crate::wire::host::{Host, HostError};
use crate::wire::path;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use thiserror::Error;

/// The longest prefix, and the most segments that one may have.
const MAX_PREFIX: usize = 250;
const MAX_SEGMENTS: usize = 32;

/// Collects the routes of one table.
#[derive(Clone, Debug)]
pub struct Builder {
    store: Store,
    paths: Vec<PathRoute>,
    next: u32,
}

#[derive(Clone, Debug)]
struct PathRoute {
    kind: Kind,
    host: Vec<u8>,
    prefix: Vec<u8>,
    target: Target,
    route: u32,
}

/// Why a service identifier was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SidError {
    /// The host part is no host.
    #[error("not a host name: {0}")]
    Host(#[from] HostError),
    /// The prefix is no path with exactly one reading, or over 250 bytes or 32 segments.
    #[error("not a path prefix: it needs one reading, at most 250 bytes and at most 32 segments")]
    Prefix,
    /// The login is empty, over 255 bytes, or has spaces or control characters.
    #[error("not a login: it must be 1 to 255 bytes without spaces")]
    Login,
    /// `*` stands where no wildcard is understood.
    #[error("`*` is understood only alone or as `*.` in front of a name")]
    Wildcard,
    /// A path stands where there are only names.
    #[error("this kind of name has no path")]
    Path,
    /// The names of a table may fill 4 GiB.
    #[error("the table is full")]
    Full,
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
        Self { store: Store::new(seed), paths: Vec::new(), next: 0 }
    }

    /// Adds a route and gives its number. A refused name changes nothing and takes no number.
    pub fn add(&mut self, sid: Sid<'_>, target: impl Into<Target>) -> Result<RouteId, SidError> {
        let target = target.into();
        let route = self.next;
        match sid {
            Sid::Http(text) => self.add_http(text, target)?,
            Sid::HttpPort(port) => self.push(Kind::HTTP_PORT, &port.to_be_bytes(), target)?,
            Sid::Port(port) => self.push(Kind::PORT, &port.to_be_bytes(), target)?,
            Sid::Sni(text) if text.contains('/') => return Err(SidError::Path),
            Sid::Sni(text) => {
                let mut room = [0; 256];
                let name = Name::parse(text, &mut room)?;
                let kind = name.kind([Kind::SNI, Kind::SNI_WILD, Kind::SNI_ANY]);
                self.push(kind, name.bytes(), target)?;
                self.store.sni_depths |= name.depth();
            }
            Sid::Ftp(text) => self.add_login(text, [Kind::FTP, Kind::FTP_DOMAIN, Kind::FTP_ANY], target)?,
            Sid::Pop3(text) => {
                self.add_login(text, [Kind::POP3, Kind::POP3_DOMAIN, Kind::POP3_ANY], target)?;
            }
        }
        self.next = self.next.saturating_add(1);
        Ok(RouteId(route))
    }

    /// Makes the table, or names every pair of routes that claim one name.
    pub fn build(mut self) -> Result<RouteTable, BuildError> {
        let mut conflicts = Vec::new();
        let more = self.paths.len().saturating_mul(3);
        self.store.reindex(more, |first, second| {
            conflicts.push(Conflict {
                first: RouteId(first.route),
                second: RouteId(second.route),
                sid: written(second.kind(), second.name, b""),
            });
        });
        for path in core::mem::take(&mut self.paths) {
            if let Err(first) = self.place(&path) {
                conflicts.push(Conflict {
                    first: RouteId(first),
                    second: RouteId(path.route),
                    sid: written(path.kind, &path.host, &path.prefix),
                });
            }
        }
        if conflicts.is_empty() {
            Ok(RouteTable { store: Arc::new(self.store) })
        } else {
            conflicts.sort_by_key(|conflict| conflict.second);
            Err(BuildError { conflicts })
        }
    }

    fn add_http(&mut self, text: &str, target: Target) -> Result<(), SidError> {
        let (host, prefix) = match text.split_once('/') {
            Some((host, _)) => (host, text.get(host.len()..).unwrap_or_default()),
            None => (text, ""),
        };
        let mut room = [0; 256];
        let name = Name::parse(host, &mut room)?;
        let kind = name.kind([Kind::HTTP, Kind::HTTP_WILD, Kind::HTTP_ANY]);
        let prefix = if prefix.is_empty() {
            Vec::new()
        } else {
            path::prefix(prefix.as_bytes()).ok_or(SidError::Prefix)?
        };
        let segments = prefix.iter().filter(|&&b| b == b'/').count();
        if prefix.len() > MAX_PREFIX || segments > MAX_SEGMENTS {
            return Err(SidError::Prefix);
        }
        self.store.http_depths |= name.depth();
        if prefix.is_empty() {
            return self.push(kind, name.bytes(), target);
        }
        let host = name.bytes().to_vec();
        self.paths.push(PathRoute { kind, host, prefix, target, route: self.next });
        Ok(())
    }

    fn add_login(&mut self, text: &str, kinds: [Kind; 3], target: Target) -> Result<(), SidError> {
        let [exact, domain, any] = kinds;
        if text.is_empty() || text.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(SidError::Login);
        }
        if text == "*" {
            return self.push(any, b"", target);
        }
        let mut room = [0; 256];
        let folded = fold_login(text.as_bytes(), &mut room).ok_or(SidError::Login)?;
        match folded.strip_prefix(b"@") {
            Some([]) => Err(SidError::Login),
            Some(name) if !name.contains(&b'@') => self.push(domain, name, target),
            _ => self.push(exact, folded, target),
        }
    }

    fn push(&mut self, kind: Kind, name: &[u8], target: Target) -> Result<(), SidError> {
        self.store.push(kind.0 | ROUTE, 0, name, target.service.0, self.next).ok_or(SidError::Full)?;
        Ok(())
    }

    /// Hangs a path under its host, which comes into being without a route of its own if it must.
    fn place(&mut self, path: &PathRoute) -> Result<(), u32> {
        let host = match self.store.find(path.kind, 0, &path.host) {
            Some(entry) => entry.at,
            None => self.hang(path.kind.0, 0, &path.host, 0),
        };
        self.store.add_flags(host, PATHS);
        let (depths_at, depths) = match self.store.find(Kind::PATH, host, b"") {
            Some(entry) => (entry.at, entry.value),
            None => (self.hang(Kind::PATH.0, host, b"", 0), 0),
        };
        let segments = path.prefix.iter().filter(|&&b| b == b'/').count();
        let depth = u32::try_from(segments.saturating_sub(1)).unwrap_or(31);
        self.store.set_value(depths_at, depths | 1u32.wrapping_shl(depth));
        if let Some(first) = self.store.find(Kind::PATH, host, &path.prefix) {
            return Err(first.route);
        }
        let strip = if path.target.prefix == Prefix::Strip { STRIP } else { 0 };
        let flags = Kind::PATH.0 | ROUTE | strip;
        let at = self.store.push(flags, host, &path.prefix, path.target.service.0, path.route);
        at.map_or(Ok(()), |at| self.store.insert(at))
    }

    /// Adds an entry that is no route.
    fn hang(&mut self, flags: u8, scope: u32, name: &[u8], value: u32) -> u32 {
        let at = self.store.push(flags, scope, name, value, u32::MAX).unwrap_or(0);
        // The name was just found to be absent.
        let _ = self.store.insert(at);
        at
    }
}

/// A host as a configuration writes it.
enum Name<'a> {
    Exact(Host<'a>),
    Wild(Host<'a>),
    Any,
}

impl<'a> Name<'a> {
    fn parse(text: &str, room: &'a mut [u8; 256]) -> Result<Self, SidError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (fixed, wild) = text.strip_prefix("*.").map_or((text, false), |fixed| (fixed, true));
        if fixed.contains('*') {
            return Err(SidError::Wildcard);
        }
        let host = Host::parse(fixed.as_bytes(), room)?;
        Ok(if wild { Self::Wild(host) } else { Self::Exact(host) })
    }

    fn kind(&self, [exact, wild, any]: [Kind; 3]) -> Kind {
        match self {
            Self::Exact(_) => exact,
            Self::Wild(_) => wild,
            Self::Any => any,
        }
    }

    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Exact(host) | Self::Wild(host) => host.as_bytes(),
            Self::Any => b"",
        }
    }

    fn depth(&self) -> u128 {
        if let Self::Wild(host) = self { bit(host.labels()) } else { 0 }
    }
}

/// A name as a configuration would write it.
fn written(kind: Kind, name: &[u8], prefix: &[u8]) -> String {
    let front = match kind {
        Kind::HTTP_WILD | Kind::SNI_WILD => "*.",
        Kind::HTTP_ANY | Kind::SNI_ANY | Kind::FTP_ANY | Kind::POP3_ANY => "*",
        Kind::FTP_DOMAIN | Kind::POP3_DOMAIN => "@",
        Kind::HTTP_PORT | Kind::PORT => ":",
        _ => "",
    };
    let mut text = String::from(front);
    match (kind, name) {
        (Kind::HTTP_PORT | Kind::PORT, &[high, low]) => {
            text.push_str(&alloc::format!("{}", u16::from_be_bytes([high, low])));
        }
        _ => text.push_str(&String::from_utf8_lossy(name)),
    }
    text.push_str(&String::from_utf8_lossy(prefix));
    text
}
