//! The schema: every key, its type, its default.

use super::units::{Access, Arch, AuthProtocol, DhcpListen, Oid, PrivacyProtocol, Range, Store, TrapVersion};
use crate::cabinet::{Certificate, Cidr, Mac, Name, Position, Role, Secret, Service, Span};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// A whole configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the module is.
    pub module: Module,
    /// The network inside the cabinet.
    pub network: Network,
    /// Where the module listens; what is missing is off.
    pub listen: Listen,
    /// What stands in front of the module.
    pub balancer: Balancer,
    /// How cards get their addresses.
    pub dhcp: Dhcp,
    /// What cards may read besides their own files.
    pub tftp: Tftp,
    /// How the cards' own files are made.
    pub files: Files,
    /// Who may log in.
    pub admin: Admin,
    /// The module's own TLS name.
    pub tls: Option<Tls>,
    /// What managers may do, and where traps go.
    pub snmp: Snmp,
    /// The cards that are expected.
    #[serde(rename = "card")]
    pub cards: Vec<Card>,
    /// The services that are offered.
    #[serde(rename = "service")]
    pub services: Vec<Service>,
}

/// `[module]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Module {
    /// The module's name, also sysName.
    pub name: Name,
    /// How many chassis there are.
    pub chassis: u8,
    /// How many slots a chassis has.
    pub slots: u8,
    /// The directory of what outlives the process.
    pub state: PathBuf,
    /// The store's engine.
    pub store: Store,
}

/// `[network]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Card c.s has the address that ends in c.s here.
    pub internal: Cidr,
    /// The module's own address inside: server identifier, next server.
    pub address: Ipv4Addr,
    /// The router that cards are told; the module itself when missing.
    pub router: Option<Ipv4Addr>,
    /// The name servers that cards are told.
    pub dns: Vec<Ipv4Addr>,
    /// Customers that count as local to this POP.
    pub local_clients: Vec<Cidr>,
}

/// `[listen]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Customers' HTTP.
    pub http: Vec<SocketAddr>,
    /// Customers' HTTP over TLS.
    pub https: Vec<SocketAddr>,
    /// Customers' FTP.
    pub ftp: Vec<SocketAddr>,
    /// Customers' POP3.
    pub pop3: Vec<SocketAddr>,
    /// Managers' SNMP.
    pub snmp: Vec<SocketAddr>,
    /// The cards' DHCP.
    pub dhcp: Option<DhcpListen>,
    /// The cards' traps.
    pub traps: Vec<SocketAddr>,
    /// The cards' TFTP.
    pub tftp: Vec<SocketAddr>,
    /// The admin pages.
    pub admin: Vec<SocketAddr>,
    /// Prometheus metrics.
    pub metrics: Vec<SocketAddr>,
}

impl Listen {
    /// Where customers reach an interface.
    pub fn customers(&self, interface: Interface) -> &[SocketAddr] {
        match interface {
            Interface::Http => &self.http,
            Interface::Https => &self.https,
            Interface::Ftp => &self.ftp,
            Interface::Pop3 => &self.pop3,
        }
    }
}

/// A way for customers to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// HTTP in the clear.
    Http,
    /// TLS: HTTP inside it, or passed through.
    Https,
    /// FTP.
    Ftp,
    /// POP3.
    Pop3,
}

impl Interface {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Ftp, Self::Pop3];

    /// The interface's key under `[listen]`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ftp => "ftp",
            Self::Pop3 => "pop3",
        }
    }
}

/// `[balancer]`: load balancers and proxies in front of the module (patent row P19).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Balancer {
    /// Where they are. Whose customer it was is believed to them, and to nobody else.
    pub trusted: Vec<Cidr>,
    /// On these interfaces their connections begin with a PROXY header, version 1 or 2, or are refused.
    pub proxy_protocol: Vec<Interface>,
}

/// `[dhcp]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dhcp {
    /// Whether it answers.
    pub mode: DhcpMode,
    /// What becomes of a hardware address that no card has.
    pub unknown: Unknown,
    /// Addresses for unknown ones in quarantine.
    pub pool: Option<Range>,
    /// How long an address is lent.
    pub lease: Span,
    /// What becomes of a card that is put where another one's lease still runs.
    pub swap: Swap,
    /// The relays that are believed; without any, those inside the cabinet's network.
    pub relays: Vec<Ipv4Addr>,
    /// Who may ask for leases (RFC 4388).
    pub leasequery: Vec<Ipv4Addr>,
    /// Networks beside the cabinet's own.
    pub subnets: Vec<Subnet>,
    /// Boot files by architecture; the first that fits.
    pub boot: Vec<Boot>,
}

/// One entry of `dhcp.subnets`: a network behind a relay, or a second one on the same wire.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Subnet {
    /// The network.
    pub network: Cidr,
    /// Its addresses for clients that no card's configuration names; without them they get no answer.
    pub pool: Option<Range>,
    /// Another network on the same wire: clients of either may have addresses of both.
    pub shares: Option<Ipv4Addr>,
    /// The routers that clients are told, the best first.
    #[serde(default)]
    pub routers: Vec<Ipv4Addr>,
    /// The name servers; those of `[network]` when missing.
    #[serde(default)]
    pub dns: Vec<Ipv4Addr>,
    /// The domain.
    pub domain: Option<String>,
    /// How long an address is lent; `dhcp.lease` when missing.
    pub lease: Option<Span>,
}

/// What becomes of a card that is put where another one's lease still runs (patent row B4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Swap {
    /// It has the address at once; the old one is told to start again, should it speak.
    #[default]
    Preempt,
    /// It waits until the old one's lease ends.
    Wait,
    /// The position stays the old one's until it lets go.
    Refuse,
}

/// Whether DHCP answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DhcpMode {
    /// It answers.
    #[default]
    Serve,
    /// It answers nothing and tells what it would have answered.
    Observe,
}

/// What becomes of a hardware address that no card has (patent row B3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// It gets no answer.
    #[default]
    Ignore,
    /// It gets an address from the pool and nothing else.
    Quarantine,
    /// It gets the next free position.
    Enrol,
}

/// One entry of `dhcp.boot`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// The client architecture (RFC 4578), or `*`.
    pub arch: Arch,
    /// Only for iPXE itself, or only for firmware before it; without it for both.
    pub ipxe: Option<bool>,
    /// The boot file.
    pub file: String,
}

/// `[tftp]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tftp {
    /// A directory that every card may read.
    pub root: Option<PathBuf>,
}

/// `[files]`: the plug-ins that make a card's own files (patent row B7). Without any, the eight files are built in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Files {
    /// A directory of templates, each named like the file it makes.
    pub templates: Option<PathBuf>,
    /// Commands that make a file.
    pub generators: Vec<Generator>,
}

/// One entry of `files.generators`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// The file that it makes.
    pub file: String,
    /// The program; no shell is between.
    pub program: PathBuf,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// How long it may take for one card.
    #[serde(default = "Generator::default_timeout")]
    pub timeout: Span,
}

impl Generator {
    const fn default_timeout() -> Span {
        Span::seconds(5)
    }
}

/// `[admin]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// The accounts.
    pub users: Vec<Account>,
    /// The pages' own certificate; self-signed when missing.
    pub tls: Option<Certificate>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its name.
    pub name: Name,
    /// What it may do.
    pub role: Role,
    /// Its password, as `server-module user` hashes it.
    #[serde(skip_serializing)]
    pub password_hash: Secret,
}

/// `[tls]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The module's dedicated TLS name.
    pub name: String,
    /// The chain, PEM.
    pub cert: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// `[snmp]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Snmp {
    /// Where the cabinet's own MIB hangs.
    pub enterprise: Oid,
    /// Who may read and write.
    pub communities: Vec<Community>,
    /// Who may do so by SNMPv3.
    pub users: Vec<SnmpUser>,
    /// What may be seen, by names that communities and users refer to.
    pub views: Vec<SnmpView>,
    /// Who is told.
    pub traps: Vec<TrapSink>,
    /// The port of the agent on every card.
    pub card_port: u16,
}

/// One entry of `snmp.communities`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Community {
    /// The community string.
    #[serde(skip_serializing)]
    pub name: Secret,
    /// What it may do.
    pub access: Access,
    /// From where; without it from nowhere.
    #[serde(default)]
    pub from: Vec<Cidr>,
    /// The view that it is held to; without it everything but the tables of users, communities and views.
    pub view: Option<String>,
}

/// One entry of `snmp.users`. A user is believed at the level of what stands here, not below.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SnmpUser {
    /// The user's name.
    pub name: Name,
    /// How messages are authenticated.
    #[serde(default = "SnmpUser::sha256")]
    pub auth: AuthProtocol,
    /// The password behind that, of eight characters or more.
    #[serde(skip_serializing)]
    pub auth_password: Secret,
    /// How messages are encrypted.
    #[serde(default = "SnmpUser::aes128")]
    pub privacy: PrivacyProtocol,
    /// The password behind that; without it messages are not encrypted.
    #[serde(default, skip_serializing)]
    pub privacy_password: Option<Secret>,
    /// What the user may do.
    pub access: Access,
    /// The view that the user is held to.
    pub view: Option<String>,
}

impl SnmpUser {
    const fn sha256() -> AuthProtocol {
        AuthProtocol::Sha256
    }

    const fn aes128() -> PrivacyProtocol {
        PrivacyProtocol::Aes128
    }
}

/// One entry of `snmp.views`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SnmpView {
    /// Its name.
    pub name: String,
    /// The subtrees that are in it.
    pub include: Vec<Oid>,
    /// Those within them that are not.
    #[serde(default)]
    pub exclude: Vec<Oid>,
}

/// One entry of `snmp.traps`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrapSink {
    /// The manager.
    pub to: SocketAddr,
    /// The message's version.
    #[serde(default)]
    pub version: TrapVersion,
    /// The community that the message carries.
    #[serde(default = "TrapSink::public", skip_serializing)]
    pub community: Secret,
    /// The user of `snmp.users` that the message is of, with version 3.
    pub user: Option<Name>,
    /// Whether the manager must acknowledge it; not with version 1.
    #[serde(default)]
    pub inform: bool,
}

impl TrapSink {
    fn public() -> Secret {
        Secret::new("public")
    }
}

/// One `[[card]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Where it sits.
    pub position: Position,
    /// The hardware address that is expected there.
    pub mac: Option<Mac>,
    /// The relay's circuit-id that means this position.
    pub circuit_id: Option<String>,
    /// Further ways to know it; each entry is enough, and all that stands in one must be spoken.
    #[serde(default)]
    pub any_of: Vec<Names>,
    /// Its address, instead of the one by position.
    pub address: Option<IpAddr>,
    /// Its own binding (patent row P18): whatever host is asked for over HTTP there, this card answers.
    pub public: Option<SocketAddr>,
}

/// One entry of `card.any_of`. A text is its octets; `0x` begins hexadecimal ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// The hardware address.
    pub mac: Option<Mac>,
    /// The client identifier (option 61).
    pub client_id: Option<String>,
    /// The relay's circuit-id (option 82.1).
    pub circuit_id: Option<String>,
    /// The relay's remote-id (option 82.2).
    pub remote_id: Option<String>,
    /// The relay's subscriber-id (option 82.6).
    pub subscriber_id: Option<String>,
    /// The relay's own address.
    pub relay: Option<Ipv4Addr>,
}

impl Default for Module {
    fn default() -> Self {
        Self {
            name: "server-module".parse().unwrap_or_else(|_| unreachable!("it is a name")),
            chassis: 20,
            slots: 14,
            state: PathBuf::from(super::DEFAULT_STATE),
            store: Store::default(),
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        let internal = Cidr::new(IpAddr::V4(Ipv4Addr::new(10, 1, 0, 0)), 16);
        Self {
            internal: internal.unwrap_or_else(|| unreachable!("its host bits are zero")),
            address: Ipv4Addr::new(10, 1, 0, 1),
            router: None,
            dns: Vec::new(),
            local_clients: Vec::new(),
        }
    }
}

impl Default for Dhcp {
    fn default() -> Self {
        Self {
            mode: DhcpMode::default(),
            unknown: Unknown::default(),
            pool: None,
            lease: Span::seconds(3600),
            swap: Swap::default(),
            relays: Vec::new(),
            leasequery: Vec::new(),
            subnets: Vec::new(),
            boot: Vec::new(),
        }
    }
}

impl Snmp {
    /// The number of the enterprise, as engines of SNMPv3 carry it.
    pub fn number(&self) -> u32 {
        // 1.3.6.1.4.1 and the number.
        self.enterprise.0.get(6).copied().unwrap_or(32_473)
    }
}

impl Default for Snmp {
    fn default() -> Self {
        Self {
            enterprise: Oid::documentation(),
            communities: Vec::new(),
            users: Vec::new(),
            views: Vec::new(),
            traps: Vec::new(),
            card_port: 161,
        }
    }
}
