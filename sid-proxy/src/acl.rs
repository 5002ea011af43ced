//! Who may use a service, and for what (patent row P15): by the customer's network, the method, the path and the
//! certificate that the customer showed. The first rule that names the visit decides.

use crate::wire::path::{self, Readings};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

/// Rules in their order. Without any, everyone may; with some, whoever none of them names may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// One rule: it names a visit if every condition that it has holds. What a protocol has not, a method in FTP for one, no
/// rule that asks for it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Whether those whom it names may or may not.
    pub allow: bool,
    /// Networks, an address and the bits that count: the customer's address lies in one of them.
    pub networks: Vec<(IpAddr, u8)>,
    /// Methods, as they are written on the wire; empty means any.
    pub methods: Vec<String>,
    /// Path prefixes on segment borders, `/admin` for `/admin` and `/admin/x`; empty means any. A path that servers read in
    /// more than one way is named by a denial if one reading is, and by an allowance only if all are: no spelling
    /// gets around either.
    pub paths: Vec<String>,
    /// Holders of certificates; empty means any visitor, with a certificate or without.
    pub holders: Vec<Holder>,
}

/// Whose certificate a rule asks for. The driver has verified it before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holder {
    /// Anyone's.
    Any,
    /// That with this subject, written as the driver writes subjects.
    Subject(String),
    /// That with this SHA-256 fingerprint.
    Fingerprint([u8; 32]),
}

/// Who comes, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor<'a> {
    /// The customer's address. An IPv4 address inside IPv6 counts as IPv4.
    pub client: IpAddr,
    /// The method and the target of a request, as they were sent; `None` where a protocol has neither.
    pub request: Option<(&'a str, &'a [u8])>,
    /// The certificate that the customer showed.
    pub certificate: Option<Certificate<'a>>,
}

/// What rules ask of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Its subject.
    pub subject: &'a str,
    /// The SHA-256 of its DER form.
    pub fingerprint: [u8; 32],
}

/// Whether a visitor may, and which rule says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// True if the visitor may.
    pub allowed: bool,
    /// The place of the rule that decided, from 0; `None` if no rule names the visit.
    pub rule: Option<u16>,
}

impl Acl {
    /// Judges a visit.
    #[must_use]
    pub fn judge(&self, visitor: &Visitor<'_>) -> Verdict {
        let client = visitor.client.to_canonical();
        for (rule, place) in self.rules.iter().zip(0u16..) {
            if rule.names(client, visitor) {
                return Verdict { allowed: rule.allow, rule: Some(place) };
            }
        }
        Verdict { allowed: self.rules.is_empty(), rule: None }
    }

    /// Whether a customer may of whom only the address is known.
    #[must_use]
    pub fn allows(&self, client: IpAddr) -> bool {
        self.judge(&Visitor { client, request: None, certificate: None }).allowed
    }
}

impl Rule {
    /// A rule for everyone in some networks.
    #[must_use]
    pub fn for_networks(allow: bool, networks: Vec<(IpAddr, u8)>) -> Self {
        Self { allow, networks, ..Self::default() }
    }

    fn names(&self, client: IpAddr, visitor: &Visitor<'_>) -> bool {
        self.networks.iter().any(|network| contains(*network, client))
            && (self.methods.is_empty()
                || visitor.request.is_some_and(|(method, _)| self.methods.iter().any(|m| m == method)))
            && (self.paths.is_empty() || visitor.request.is_some_and(|(_, target)| self.names_path(target)))
            && (self.holders.is_empty()
                || visitor
                    .certificate
                    .is_some_and(|shown| self.holders.iter().any(|holder| holder.is(&shown))))
    }

    fn names_path(&self, target: &[u8]) -> bool {
        let named = |path: &[u8]| self.paths.iter().any(|prefix| is_under(path, prefix.as_bytes()));
        if let Some(path) = path::plain(target) {
            return named(path);
        }
        let readings = Readings::of(target);
        let mut all = core::iter::once(&*readings.strict).chain(readings.others.iter().map(Vec::as_slice));
        if self.allow { all.all(named) } else { all.any(named) }
    }
}

impl Holder {
    fn is(&self, shown: &Certificate<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Subject(subject) => subject == shown.subject,
            Self::Fingerprint(fingerprint) => *fingerprint == shown.fingerprint,
        }
    }
}

/// True if a path is a prefix or lies below it; a slash at the prefix's end makes no difference.
fn is_under(path: &[u8], prefix: &[u8]) -> bool {
    let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}

/// Whether an address lies in a network; one of the other family never does.
pub(crate) fn contains((network, bits): (IpAddr, u8), address: IpAddr) -> bool {
    let host = |width: u32| width.saturating_sub(u32::from(bits));
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(host(32)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(host(128)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}
