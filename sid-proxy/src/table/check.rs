//! Rules that do nothing: those that no request can reach, and those without which nothing would change.
//!
//! Two rules with one name are no finding but an error of the builder, which names both.

use super::arena::Kind;
use super::change::Whole;
use super::lookup::decide;
use super::store::Leaf;
use super::{Key, Prefix, RouteTable};
use crate::RouteId;
use crate::wire::host::Host;
use alloc::vec::Vec;
use core::fmt;

/// Where requests come in, as far as the caller knows: a rule for a port on which nobody listens is never asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Doors<'a> {
    /// Ports of HTTP in the clear.
    pub http: &'a [u16],
    /// Ports of HTTP inside TLS, where a name for [`Sid::Sni`](super::Sid::Sni) is passed through unopened.
    pub https: &'a [u16],
    /// Ports of connections in which no name is read.
    pub plain: &'a [u16],
}

/// A rule that does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RouteId,
    /// The rule that stands before it, or makes it needless.
    pub by: Option<RouteId>,
    /// Why.
    pub why: Why,
}

/// Why a rule does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Without it, the other rule would lead all its requests to the same service.
    Needless,
    /// Every port that is listened on has a rule of its own, which is stronger; the other one is the first of them.
    Shadowed,
    /// All HTTP comes inside TLS, and the other rule passes its name through before a host is read.
    PassedThrough,
    /// Nobody listens on its port.
    NoListener,
    /// Nothing can stand in place of the `*`: the name is too long already, or an address.
    NoSuchName,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Needless => "without it nothing would change",
            Self::Shadowed => "every port that is listened on has a stronger rule of its own",
            Self::PassedThrough => "its name is passed through TLS before a host is read",
            Self::NoListener => "nobody listens on its port",
            Self::NoSuchName => "no name can match it",
        })
    }
}

impl RouteTable {
    /// Every rule that does nothing, in the order of their numbers. Sound, not complete: a rule is named only if all its
    /// requests are known to be decided without it.
    #[must_use]
    pub fn check(&self, doors: &Doors<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (store, entry) in self.levels() {
            let (kind, name) = (entry.kind(), entry.name);
            let whole = Whole::read(store, &entry);
            let dead = self.dead(kind, name, doors);
            let own = whole.leaf.iter().map(|leaf| (b"".as_slice(), leaf));
            for (prefix, leaf) in
                own.chain(whole.paths.iter().map(|(prefix, leaf)| (prefix.as_slice(), leaf)))
            {
                let needless = || {
                    let above = if prefix.is_empty() { None } else { whole.over(prefix) };
                    let other = above.or_else(|| self.weaker(kind, name, prefix))?;
                    same((prefix, leaf), (other.0.as_slice(), &other.1))
                        .then_some((Some(other.1.route), Why::Needless))
                };
                if let Some((by, why)) = dead.or_else(needless) {
                    findings.push(Finding { rule: leaf.route, by, why });
                }
            }
        }
        findings.sort_unstable_by_key(|finding| finding.rule);
        findings
    }

    /// Why no request reaches a name at all.
    fn dead(&self, kind: Kind, name: &[u8], doors: &Doors<'_>) -> Option<(Option<RouteId>, Why)> {
        let port = || name.first_chunk::<2>().map(|port| u16::from_be_bytes(*port));
        let mut ports = doors.http.iter().chain(doors.https);
        match kind {
            Kind::HTTP_PORT if !ports.any(|p| Some(*p) == port()) => Some((None, Why::NoListener)),
            Kind::PORT if !doors.plain.iter().any(|p| Some(*p) == port()) => Some((None, Why::NoListener)),
            Kind::HTTP_WILD | Kind::SNI_WILD if name.len() > 251 || name.first() == Some(&b'[') => {
                Some((None, Why::NoSuchName))
            }
            Kind::HTTP_ANY => {
                let first = *ports.clone().next()?;
                let rule = |port: u16| self.leaf(Kind::HTTP_PORT, &port.to_be_bytes());
                ports.all(|port| rule(*port).is_some()).then_some((Some(rule(first)?.route), Why::Shadowed))
            }
            Kind::HTTP | Kind::HTTP_WILD if doors.http.is_empty() && !doors.https.is_empty() => {
                let host = Host::from_normalised(name);
                let exact =
                    || decide(self.view(), &Key::Sni(Some(host)), &mut ()).ok().map(|found| found.route);
                let parents = || core::iter::once(name).chain(host.parents().map(|(_, parent)| parent));
                let wild = || parents().find_map(|parent| self.leaf(Kind::SNI_WILD, parent));
                let any = || self.leaf(Kind::SNI_ANY, b"");
                let by =
                    if kind == Kind::HTTP { exact() } else { wild().or_else(any).map(|leaf| leaf.route) };
                by.map(|by| (Some(by), Why::PassedThrough))
            }
            _ => None,
        }
    }

    fn leaf(&self, kind: Kind, name: &[u8]) -> Option<Leaf> {
        self.view().find(kind, name).and_then(|(store, entry)| store.leaf(&entry))
    }

    /// The rule that would decide all requests under a prefix of a name if this name did not; `None` if that is several
    /// rules, or none.
    fn weaker(&self, kind: Kind, name: &[u8], prefix: &[u8]) -> Option<(Vec<u8>, Leaf)> {
        let host = Host::from_normalised(name);
        let parents = |wild: Kind| host.parents().map(move |(_, parent)| (wild, parent));
        let candidates: Vec<(Kind, &[u8])> = match kind {
            Kind::HTTP | Kind::HTTP_WILD => {
                parents(Kind::HTTP_WILD).chain([(Kind::HTTP_ANY, &b""[..])]).collect()
            }
            Kind::HTTP_PORT => Vec::from([(Kind::HTTP_ANY, &b""[..])]),
            Kind::SNI | Kind::SNI_WILD => {
                parents(Kind::SNI_WILD).chain([(Kind::SNI_ANY, &b""[..])]).collect()
            }
            Kind::FTP => login(name, Kind::FTP_DOMAIN, Kind::FTP_ANY),
            Kind::POP3 => login(name, Kind::POP3_DOMAIN, Kind::POP3_ANY),
            Kind::FTP_DOMAIN => Vec::from([(Kind::FTP_ANY, &b""[..])]),
            Kind::POP3_DOMAIN => Vec::from([(Kind::POP3_ANY, &b""[..])]),
            _ => Vec::new(),
        };
        for (other, name) in candidates {
            // Rules for ports stand between names and the default, and decide some of the requests.
            if other == Kind::HTTP_ANY && kind != Kind::HTTP_PORT && self.view().has(Kind::HTTP_PORT) {
                return None;
            }
            let Some((store, entry)) = self.view().find(other, name) else { continue };
            let whole = Whole::read(store, &entry);
            if whole.paths.iter().any(|(path, _)| is_under(path, prefix)) {
                return None;
            }
            let at = whole.paths.iter().find(|(path, _)| path == prefix);
            if let Some(found) = at.map(|(path, leaf)| (path.clone(), *leaf)).or_else(|| whole.over(prefix)) {
                return Some(found);
            }
        }
        None
    }
}

impl Whole {
    /// The longest route above a prefix, or that of the name itself.
    fn over(&self, prefix: &[u8]) -> Option<(Vec<u8>, Leaf)> {
        let above = self.paths.iter().filter(|(path, _)| is_under(prefix, path));
        let longest = above.max_by_key(|(path, _)| path.len()).map(|(path, leaf)| (path.clone(), *leaf));
        longest.or_else(|| self.leaf.map(|leaf| (Vec::new(), leaf)))
    }
}

/// True if a path lies below a prefix, on a segment border.
fn is_under(path: &[u8], prefix: &[u8]) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// True if two rules do the same to a request that is under both prefixes.
fn same((one_prefix, one): (&[u8], &Leaf), (other_prefix, other): (&[u8], &Leaf)) -> bool {
    let kept = one.target.prefix == Prefix::Keep || one_prefix == other_prefix;
    one.target == other.target && kept
}

fn login(name: &[u8], domain: Kind, any: Kind) -> Vec<(Kind, &[u8])> {
    let at = name.iter().rposition(|&b| b == b'@');
    let after = at.and_then(|at| name.get(at.saturating_add(1)..));
    after.map(|name| (domain, name)).into_iter().chain([(any, &b""[..])]).collect()
}
