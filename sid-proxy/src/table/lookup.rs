//! The law of precedence as code: from the strongest name to the weakest, and under each the longest prefix.

use super::arena::{Entry, Kind, PATHS, ROUTE};
use super::name::{MAX_PREFIX, MAX_SEGMENTS};
use super::store::{Leaf, Store};
use super::trace::{Outcome, Step, Trace};
use super::{Decision, Key, Matched, Miss, Prefix};
use crate::wire::host::Host;
use crate::wire::path::{self, Readings};

/// A built table and the overlay over it: a name in the overlay hides the base's, with all its paths.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) base: &'a Store,
    pub(super) over: Option<&'a Store>,
}

impl<'a> View<'a> {
    /// The entry of a name, and where it stands.
    #[inline(always)]
    pub(super) fn find(&self, kind: Kind, name: &[u8]) -> Option<(&'a Store, Entry<'a>)> {
        if !self.has(kind) {
            return None;
        }
        let hash = self.base.hash(kind, name);
        if let Some(over) = self.over
            && let Some(entry) = over.find(hash, kind, name)
        {
            return entry.has(ROUTE | PATHS).then_some((over, entry));
        }
        Some((self.base, self.base.find(hash, kind, name)?))
    }

    #[inline(always)]
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.base.has(kind) || self.over.is_some_and(|over| over.has(kind))
    }

    fn depths(&self, of: fn(&Store) -> u128) -> u128 {
        of(self.base) | self.over.map_or(0, of)
    }
}

/// Decides a key.
#[inline]
pub(super) fn decide(view: View<'_>, key: &Key<'_>, trace: &mut impl Trace) -> Result<Decision, Miss> {
    match *key {
        Key::Http { host, path: raw, port } => match path::plain(raw) {
            Some(path) => http(view, host, path, raw, port, trace),
            None => readings(view, host, raw, port, trace),
        },
        Key::Sni(host) => names(Names::SNI, host, None, &mut Flat { view, trace }),
        Key::Ftp(login) => logins(view, [Kind::FTP, Kind::FTP_DOMAIN, Kind::FTP_ANY], login, trace),
        Key::Pop3(login) => logins(view, [Kind::POP3, Kind::POP3_DOMAIN, Kind::POP3_ANY], login, trace),
        Key::Port(port) => {
            let mut flat = Flat { view, trace };
            flat.level(Matched::Port, Kind::PORT, &port.to_be_bytes())
        }
    }
}

/// Decides by one reading of a path.
#[inline(always)]
fn http(
    view: View<'_>,
    host: Option<Host<'_>>,
    path: &[u8],
    raw: &[u8],
    port: u16,
    trace: &mut impl Trace,
) -> Result<Decision, Miss> {
    let decision = names(Names::HTTP, host, Some(port), &mut Paths { view, path, trace });
    if matches!(&decision, Ok(decision) if decision.strip_len > 0) {
        return strip(decision, path, raw);
    }
    decision
}

/// Measures the prefix to remove in the bytes as they were sent, whatever their spelling.
#[cold]
fn strip(decision: Result<Decision, Miss>, path: &[u8], raw: &[u8]) -> Result<Decision, Miss> {
    let decision = decision?;
    let prefix = path.get(..usize::from(decision.prefix_len)).unwrap_or_default();
    let len = path::raw_prefix_len(raw, prefix).and_then(|len| u16::try_from(len).ok());
    Ok(Decision { strip_len: len.ok_or(Miss::Ambiguous)?, ..decision })
}

/// Decides by every reading of a path, which must agree.
#[cold]
fn readings(
    view: View<'_>,
    host: Option<Host<'_>>,
    raw: &[u8],
    port: u16,
    trace: &mut impl Trace,
) -> Result<Decision, Miss> {
    let readings = Readings::of(raw);
    let strict = http(view, host, &readings.strict, raw, port, trace);
    for path in &readings.others {
        let other = names(Names::HTTP, host, Some(port), &mut Paths { view, path, trace });
        if strict.map(|d| d.service) != other.map(|d| d.service) {
            return Err(Miss::Ambiguous);
        }
    }
    strict
}

/// The kinds of one family of names, from the strongest to the weakest.
#[derive(Clone, Copy)]
struct Names {
    exact: Kind,
    wild: Kind,
    port: Kind,
    any: Kind,
    depths: fn(&Store) -> u128,
}

impl Names {
    const HTTP: Self = Self {
        exact: Kind::HTTP,
        wild: Kind::HTTP_WILD,
        port: Kind::HTTP_PORT,
        any: Kind::HTTP_ANY,
        depths: |store| store.http_depths,
    };
    const SNI: Self = Self {
        exact: Kind::SNI,
        wild: Kind::SNI_WILD,
        port: Kind::PORT,
        any: Kind::SNI_ANY,
        depths: |store| store.sni_depths,
    };
}

#[inline(always)]
fn names(
    names: Names,
    host: Option<Host<'_>>,
    port: Option<u16>,
    levels: &mut impl Level,
) -> Result<Decision, Miss> {
    if let Some(host) = host {
        let decision = levels.level(Matched::Exact, names.exact, host.as_bytes());
        if decision.is_ok() {
            return decision;
        }
    }
    weaker(names, host, port, levels)
}

/// Whatever is weaker than the whole name.
#[inline(never)]
fn weaker(
    names: Names,
    host: Option<Host<'_>>,
    port: Option<u16>,
    levels: &mut impl Level,
) -> Result<Decision, Miss> {
    let depths = levels.view().depths(names.depths);
    let parents = host.filter(|_| depths != 0).into_iter().flat_map(|host| host.parents());
    for (labels, parent) in parents.filter(|(labels, _)| depths & bit(*labels) != 0) {
        let decision = levels.level(Matched::Wildcard { labels }, names.wild, parent);
        if decision.is_ok() {
            return decision;
        }
    }
    if let Some(port) = port {
        let decision = levels.level(Matched::Port, names.port, &port.to_be_bytes());
        if decision.is_ok() {
            return decision;
        }
    }
    levels.level(Matched::Default, names.any, b"")
}

fn logins(view: View<'_>, kinds: [Kind; 3], login: &[u8], trace: &mut impl Trace) -> Result<Decision, Miss> {
    let [exact, domain, any] = kinds;
    let mut flat = Flat { view, trace };
    let mut room = [0u8; 256];
    if let Some(login) = fold_login(login, &mut room) {
        let decision = flat.level(Matched::Exact, exact, login);
        if decision.is_ok() {
            return decision;
        }
        if let Some(at) = login.iter().rposition(|&b| b == b'@') {
            let name = login.get(at.saturating_add(1)..).unwrap_or_default();
            let decision = flat.level(Matched::Domain, domain, name);
            if decision.is_ok() {
                return decision;
            }
        }
    }
    flat.level(Matched::Default, any, b"")
}

/// Folds the case of the domain, behind the last `@`; what stands before it belongs to the card and is kept
/// (RFC 5321 §2.4). `None` for a login longer than any entry.
pub(super) fn fold_login<'a>(login: &[u8], room: &'a mut [u8; 256]) -> Option<&'a [u8]> {
    let folded = room.get_mut(..login.len()).filter(|room| room.len() < 256)?;
    folded.copy_from_slice(login);
    if let Some(at) = login.iter().rposition(|&b| b == b'@') {
        folded.get_mut(at..)?.make_ascii_lowercase();
    }
    Some(folded)
}

/// The bit of a number of labels; a name has at most 127.
pub(super) fn bit(labels: u8) -> u128 {
    1u128.checked_shl(u32::from(labels)).unwrap_or(0)
}

/// Tries the entries of one name.
trait Level {
    fn view(&self) -> View<'_>;

    /// What the name decides; [`Miss::NoRoute`] leaves it to the next weaker one.
    fn level(&mut self, matched: Matched, kind: Kind, name: &[u8]) -> Result<Decision, Miss>;
}

/// Names under which no paths hang.
struct Flat<'s, 't, T> {
    view: View<'s>,
    trace: &'t mut T,
}

impl<T: Trace> Level for Flat<'_, '_, T> {
    fn view(&self) -> View<'_> {
        self.view
    }

    #[inline(always)]
    fn level(&mut self, matched: Matched, kind: Kind, name: &[u8]) -> Result<Decision, Miss> {
        let leaf = self.view.find(kind, name).and_then(|(store, entry)| store.leaf(&entry));
        let outcome = leaf.map_or(Outcome::Absent, |leaf| Outcome::Chosen(leaf.route));
        self.trace.tried(Step { matched, name, prefix: b"", outcome });
        decision(leaf, matched, 0)
    }
}

/// Names under which paths may hang.
struct Paths<'s, 'p, 't, T> {
    view: View<'s>,
    path: &'p [u8],
    trace: &'t mut T,
}

impl<T: Trace> Level for Paths<'_, '_, '_, T> {
    fn view(&self) -> View<'_> {
        self.view
    }

    #[inline(always)]
    fn level(&mut self, matched: Matched, kind: Kind, name: &[u8]) -> Result<Decision, Miss> {
        let Some((store, entry)) = self.view.find(kind, name) else {
            self.trace.tried(Step { matched, name, prefix: b"", outcome: Outcome::Absent });
            return Err(Miss::NoRoute);
        };
        if let Some(stem) = store.stem(&entry) {
            let decision = self.prefixes(matched, store, &entry, stem.depths);
            if decision.is_ok() {
                return decision;
            }
        }
        let leaf = store.leaf(&entry);
        let outcome = leaf.map_or(Outcome::NoPrefix, |leaf| Outcome::Chosen(leaf.route));
        self.trace.tried(Step { matched, name, prefix: b"", outcome });
        decision(leaf, matched, 0)
    }
}

impl<T: Trace> Paths<'_, '_, '_, T> {
    /// The longest prefix under a host, of the depths that exist.
    fn prefixes(
        &mut self,
        matched: Matched,
        store: &Store,
        host: &Entry<'_>,
        depths: u32,
    ) -> Result<Decision, Miss> {
        let deepest = 32u32.saturating_sub(depths.leading_zeros());
        let mut ends = [0u8; MAX_SEGMENTS];
        let mut count = 0usize;
        // No prefix is longer than MAX_PREFIX, which a byte holds.
        let borders = path::borders(self.path, deepest).take_while(|&end| end <= MAX_PREFIX);
        for (slot, end) in ends.iter_mut().zip(borders) {
            *slot = u8::try_from(end).unwrap_or(0);
            count = count.saturating_add(1);
        }
        for (depth, &end) in (0u32..32).zip(ends.get(..count).unwrap_or_default()).rev() {
            if depths & 1u32.wrapping_shl(depth) == 0 {
                continue;
            }
            let prefix = self.path.get(..usize::from(end)).unwrap_or_default();
            let leaf = store.find_path(host.at, prefix).and_then(|entry| store.leaf(&entry));
            let outcome = leaf.map_or(Outcome::Absent, |leaf| Outcome::Chosen(leaf.route));
            self.trace.tried(Step { matched, name: host.name, prefix, outcome });
            if leaf.is_some() {
                return decision(leaf, matched, end);
            }
        }
        Err(Miss::NoRoute)
    }
}

#[inline(always)]
fn decision(leaf: Option<Leaf>, matched: Matched, prefix: u8) -> Result<Decision, Miss> {
    let Some(leaf) = leaf else { return Err(Miss::NoRoute) };
    let prefix_len = u16::from(prefix);
    Ok(Decision {
        route: leaf.route,
        service: leaf.target.service,
        matched,
        prefix_len,
        strip_len: if leaf.target.prefix == Prefix::Strip { prefix_len } else { 0 },
    })
}
