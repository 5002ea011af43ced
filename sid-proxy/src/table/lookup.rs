//! The law of precedence as code: from the strongest name to the weakest, and under each the longest prefix.

use super::store::{Entry, Kind, PATHS, ROUTE, STRIP, Store};
use super::trace::{Outcome, Step, Trace};
use super::{Decision, Key, Matched, Miss};
use crate::wire::host::Host;
use crate::wire::path::{self, Readings};
use crate::{RouteId, ServiceId};

/// Decides a key.
pub(super) fn decide(store: &Store, key: &Key<'_>, trace: &mut impl Trace) -> Result<Decision, Miss> {
    match *key {
        Key::Http { host, path, port } => http(store, host, path, port, trace),
        Key::Sni(host) => names(store, Names::SNI, host, None, &mut Flat { store, trace }),
        Key::Ftp(login) => logins(store, [Kind::FTP, Kind::FTP_DOMAIN, Kind::FTP_ANY], login, trace),
        Key::Pop3(login) => logins(store, [Kind::POP3, Kind::POP3_DOMAIN, Kind::POP3_ANY], login, trace),
        Key::Port(port) => {
            let mut flat = Flat { store, trace };
            flat.level(Matched::Port, Kind::PORT, &port.to_be_bytes()).ok_or(Miss::NoRoute)
        }
    }
}

fn http(
    store: &Store,
    host: Option<Host<'_>>,
    raw: &[u8],
    port: u16,
    trace: &mut impl Trace,
) -> Result<Decision, Miss> {
    let readings = Readings::of(raw);
    let mut levels = Paths { store, path: &readings.strict, trace: &mut *trace };
    let strict = names(store, Names::HTTP, host, Some(port), &mut levels);
    for other in &readings.others {
        let mut levels = Paths { store, path: other, trace: &mut *trace };
        let other = names(store, Names::HTTP, host, Some(port), &mut levels);
        if strict.map(|d| d.service) != other.map(|d| d.service) {
            return Err(Miss::Ambiguous);
        }
    }
    let mut decision = strict?;
    if decision.strip_len > 0 {
        // The route strips: find the prefix in the bytes as they were sent, whatever their spelling.
        let prefix = readings.strict.get(..usize::from(decision.prefix_len)).unwrap_or_default();
        let len = path::raw_prefix_len(raw, prefix).and_then(|len| u16::try_from(len).ok());
        decision.strip_len = len.ok_or(Miss::Ambiguous)?;
    }
    Ok(decision)
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

fn names(
    store: &Store,
    names: Names,
    host: Option<Host<'_>>,
    port: Option<u16>,
    levels: &mut impl Level,
) -> Result<Decision, Miss> {
    if let Some(host) = host {
        if let Some(decision) = levels.level(Matched::Exact, names.exact, host.as_bytes()) {
            return Ok(decision);
        }
        let depths = (names.depths)(store);
        if depths != 0 {
            for (labels, parent) in host.parents() {
                if depths & bit(labels) != 0
                    && let Some(decision) = levels.level(Matched::Wildcard { labels }, names.wild, parent)
                {
                    return Ok(decision);
                }
            }
        }
    }
    if let Some(port) = port
        && let Some(decision) = levels.level(Matched::Port, names.port, &port.to_be_bytes())
    {
        return Ok(decision);
    }
    levels.level(Matched::Default, names.any, b"").ok_or(Miss::NoRoute)
}

fn logins(store: &Store, kinds: [Kind; 3], login: &[u8], trace: &mut impl Trace) -> Result<Decision, Miss> {
    let [exact, domain, any] = kinds;
    let mut flat = Flat { store, trace };
    let mut room = [0u8; 256];
    if let Some(login) = fold_login(login, &mut room) {
        if let Some(decision) = flat.level(Matched::Exact, exact, login) {
            return Ok(decision);
        }
        if let Some(at) = login.iter().rposition(|&b| b == b'@')
            && let Some(decision) =
                flat.level(Matched::Domain, domain, login.get(at.saturating_add(1)..).unwrap_or_default())
        {
            return Ok(decision);
        }
    }
    flat.level(Matched::Default, any, b"").ok_or(Miss::NoRoute)
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
    fn level(&mut self, matched: Matched, kind: Kind, name: &[u8]) -> Option<Decision>;
}

/// Names under which no paths hang.
struct Flat<'s, 't, T> {
    store: &'s Store,
    trace: &'t mut T,
}

impl<T: Trace> Level for Flat<'_, '_, T> {
    fn level(&mut self, matched: Matched, kind: Kind, name: &[u8]) -> Option<Decision> {
        let found = self.store.find(kind, 0, name);
        let outcome = found.map_or(Outcome::Absent, |entry| Outcome::Chosen(RouteId(entry.route)));
        self.trace.tried(Step { matched, name, prefix: b"", outcome });
        Some(decision(&found?, matched, 0))
    }
}

/// Names under which paths may hang.
struct Paths<'s, 'p, 't, T> {
    store: &'s Store,
    path: &'p [u8],
    trace: &'t mut T,
}

impl<T: Trace> Level for Paths<'_, '_, '_, T> {
    #[inline]
    fn level(&mut self, matched: Matched, kind: Kind, name: &[u8]) -> Option<Decision> {
        let Some(entry) = self.store.find(kind, 0, name) else {
            self.trace.tried(Step { matched, name, prefix: b"", outcome: Outcome::Absent });
            return None;
        };
        if entry.has(PATHS)
            && let Some(decision) = self.prefixes(matched, &entry)
        {
            return Some(decision);
        }
        if !entry.has(ROUTE) {
            self.trace.tried(Step { matched, name, prefix: b"", outcome: Outcome::NoPrefix });
            return None;
        }
        let outcome = Outcome::Chosen(RouteId(entry.route));
        self.trace.tried(Step { matched, name, prefix: b"", outcome });
        Some(decision(&entry, matched, 0))
    }
}

impl<T: Trace> Paths<'_, '_, '_, T> {
    /// The longest prefix under a host. The entry with the empty path holds the depths that exist.
    fn prefixes(&mut self, matched: Matched, host: &Entry<'_>) -> Option<Decision> {
        let depths = self.store.find(Kind::PATH, host.at, b"")?.value;
        let deepest = 32u32.saturating_sub(depths.leading_zeros());
        let mut ends = [0usize; 32];
        let mut count = 0u32;
        for (slot, end) in ends.iter_mut().zip(path::borders(self.path, deepest)) {
            *slot = end;
            count = count.saturating_add(1);
        }
        let ends = ends.get(..crate::number::index(count))?;
        for (depth, &end) in (0u32..32).zip(ends).rev() {
            if depths & 1u32.wrapping_shl(depth) == 0 {
                continue;
            }
            let prefix = self.path.get(..end)?;
            let found = self.store.find(Kind::PATH, host.at, prefix);
            let outcome = found.map_or(Outcome::Absent, |entry| Outcome::Chosen(RouteId(entry.route)));
            self.trace.tried(Step { matched, name: host.name, prefix, outcome });
            if let Some(entry) = found {
                return Some(decision(&entry, matched, end));
            }
        }
        None
    }
}

fn decision(entry: &Entry<'_>, matched: Matched, prefix: usize) -> Decision {
    let prefix_len = u16::try_from(prefix).unwrap_or(u16::MAX);
    Decision {
        route: RouteId(entry.route),
        service: ServiceId(entry.value),
        matched,
        prefix_len,
        strip_len: if entry.has(STRIP) { prefix_len } else { 0 },
    }
}
