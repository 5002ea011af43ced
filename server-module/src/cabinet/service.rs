//! What a service is: names that customers use, and the cards behind them.

use super::secret::Secret;
use super::units::{Cidr, Fingerprint, Octets, ParseError, Position, Span, as_text};
use core::fmt;
use core::str::FromStr;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Applications on n cards under one or more service identifications (patent rows S1, K7).
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The name operators use, unique in the cabinet.
    pub name: Name,
    /// Hosts, wildcard hosts, hosts with a URL extension; `*` is the default service.
    #[serde(default)]
    pub sid: Vec<Sid>,
    /// TLS names that are passed through without being opened.
    #[serde(default)]
    pub sni: Vec<Sid>,
    /// FTP and POP3 logins: `user@host`, `@host` for a whole domain, `*` for the default.
    #[serde(default)]
    pub login: Vec<String>,
    /// More SIDs, one a line. The lines are in `sid` once the file is loaded.
    pub sid_file: Option<PathBuf>,
    /// What becomes of the URL extension on its way to the card.
    #[serde(default)]
    pub prefix: Prefix,
    /// The port on the card that serves HTTP.
    #[serde(default = "Service::default_port")]
    pub port: u16,
    /// By what scheme a card serves HTTP.
    #[serde(default)]
    pub upstream: Upstream,
    /// Which cards are believed to be what they say, where they serve `https`.
    pub upstream_tls: Option<UpstreamTls>,
    /// Whether cards are told of the customer's address by the PROXY protocol.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// The port on the card that serves FTP.
    pub ftp_port: Option<u16>,
    /// The port on the card that serves POP3.
    pub pop3_port: Option<u16>,
    /// Whether all cards serve, or one with the others standing by.
    #[serde(default)]
    pub mode: Mode,
    /// How the next card is chosen.
    #[serde(default)]
    pub balance: Balance,
    /// The member cards, in the order of preference.
    #[serde(default)]
    pub cards: Vec<Position>,
    /// How many cards placement shall choose, instead of `cards`.
    pub count: Option<u16>,
    /// When a member counts as serving.
    #[serde(default)]
    pub health: Health,
    /// Who may use the service: none means all; else the first match, and deny without one.
    #[serde(default)]
    pub acl: Vec<Acl>,
    /// The service's own certificate.
    pub tls: Option<Certificate>,
    /// The account of the user who owns it.
    pub user: Option<Name>,
    /// The accounts that its cards have.
    #[serde(default)]
    pub users: Vec<User>,
    /// How much its accounts may keep on a card's disk.
    pub quota: Option<Octets>,
    /// What the operator's own templates and generators of card files are told.
    #[serde(default)]
    pub vars: BTreeMap<String, Var>,
}

impl Service {
    const fn default_port() -> u16 {
        80
    }

    /// The first name by which a customer could ask for it: no wildcard, no default.
    pub fn first_host(&self) -> Option<&str> {
        let hosts = self.sid.iter().map(|sid| sid.as_str().split('/').next().unwrap_or_default());
        hosts.into_iter().find(|host| !host.starts_with('*'))
    }

    /// A service of this name and nothing else yet: no SID, no card, port 80.
    pub fn named(name: Name) -> Self {
        Self {
            name,
            sid: Vec::new(),
            sni: Vec::new(),
            login: Vec::new(),
            sid_file: None,
            prefix: Prefix::default(),
            port: Self::default_port(),
            upstream: Upstream::default(),
            upstream_tls: None,
            proxy_protocol: None,
            ftp_port: None,
            pop3_port: None,
            mode: Mode::default(),
            balance: Balance::default(),
            cards: Vec::new(),
            count: None,
            health: Health::default(),
            acl: Vec::new(),
            tls: None,
            user: None,
            users: Vec::new(),
            quota: None,
            vars: BTreeMap::new(),
        }
    }
}

/// By what scheme a card serves HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Upstream {
    /// In the clear: the network inside belongs to the cabinet.
    #[default]
    Http,
    /// Inside TLS.
    Https,
}

/// Which cards are believed to be what they say: one of `ca` and `pin`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTls {
    /// The cards' own authority, PEM.
    pub ca: Option<PathBuf>,
    /// The name in the cards' certificates; a card's address when missing.
    pub name: Option<String>,
    /// SHA-256 digests of the cards' certificates, as `openssl x509 -fingerprint -sha256` prints them.
    #[serde(default)]
    pub pin: Vec<Fingerprint>,
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyProtocol {
    /// A line of text.
    V1,
    /// Binary, with a checksum.
    V2,
}

/// An account on a service's cards.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The login.
    pub name: Name,
    /// The numeric identity, the same on every card.
    pub id: u32,
    /// The password as `crypt` hashes it; without it no password opens the account.
    #[serde(skip_serializing)]
    pub password_hash: Option<Secret>,
}

/// A value for templates and generators.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(untagged)]
pub enum Var {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// What becomes of the URL extension on its way to the card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prefix {
    /// The card sees the path as the customer wrote it.
    #[default]
    Keep,
    /// The card sees the path without the extension.
    Strip,
}

/// How a service uses its cards (patent row P8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// All cards serve, balanced.
    #[default]
    Performance,
    /// The first live card serves, the others stand by.
    Reliability,
}

/// How the next card is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// Each in turn.
    #[default]
    RoundRobin,
    /// The card with the fewest conversations.
    LeastConnections,
    /// The better of two cards taken at random.
    TwoChoices,
    /// The card that has been answering fastest.
    Latency,
    /// Always the same card for the same customer address.
    HashClient,
    /// The cheapest card with room.
    Cost,
}

/// When a member counts as serving.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// The path asked for with HTTP; without it, a connection that opens is enough.
    pub http: Option<String>,
    /// How often a member is asked.
    pub every: Span,
    /// How long an answer may take.
    pub timeout: Span,
    /// How many failures in a row take a member out.
    pub fall: u8,
    /// How many successes in a row bring it back.
    pub rise: u8,
}

impl Default for Health {
    fn default() -> Self {
        Self { http: None, every: Span::seconds(2), timeout: Span::seconds(1), fall: 3, rise: 2 }
    }
}

/// One rule on who may use a service.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acl {
    /// Customers in these networks may.
    Allow(Vec<Cidr>),
    /// Customers in these networks may not.
    Deny(Vec<Cidr>),
}

/// A certificate chain and its key, PEM files.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The chain, the server's own certificate first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The name of a service or of the module: 1 to 64 letters, digits, `-`, `_` and `.`, a letter or a digit first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let good = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        good.then(|| Self(text.into())).ok_or_else(|| {
            ParseError::new(
                text,
                "a name of 1 to 64 letters, digits, '-', '_' and '.', a letter or digit first",
            )
        })
    }
}

/// A service identification as the operator writes it: `www.sell.com`, `*.sell.com`, `mall.example/sell` or `*`.
///
/// What it matches is `sid_proxy`'s matter; here it is text without the mistakes that are plain to see.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid(String);

impl Sid {
    /// The identification's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let expected = "a host name, with or without a path and without scheme or port, as in \"www.sell.com\", \
             \"*.sell.com\", \"mall.example/sell\", or \"*\" for the default";
        let host = text.split_once('/').map_or(text, |(host, _)| host);
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let good = !host.is_empty()
            && text.len() <= 1024
            && (bracketed || !host.contains(':'))
            && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '?' || c == '#' || c == '@');
        good.then(|| Self(text.into())).ok_or_else(|| ParseError::new(text, expected))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

as_text!(Name, Sid);
