//! The eight files, rendered.

use alloc::string::String;
use core::fmt::{self, Write as _};
use core::net::{Ipv4Addr, SocketAddr};

use crate::Position;

/// What the files of a card are made of. Text must not hold control characters; where it does they are left out, so
/// that no name adds a line to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    /// Where the card sits.
    pub position: Position,
    /// Its address.
    pub address: Ipv4Addr,
    /// The prefix length of the internal network.
    pub prefix: u8,
    /// The router.
    pub router: Option<Ipv4Addr>,
    /// The name servers.
    pub dns: &'a [Ipv4Addr],
    /// The domain.
    pub domain: Option<&'a str>,
    /// The module's name.
    pub module_name: &'a str,
    /// The module's address on the internal network.
    pub module_address: Ipv4Addr,
    /// The community by which the module reads this card.
    pub snmp_read: &'a str,
    /// The community by which the module, and nobody else, may SET on this card.
    pub snmp_write: &'a str,
    /// Where the card sends its traps.
    pub traps: Option<SocketAddr>,
    /// The services bound to the card.
    pub services: &'a [Service<'a>],
}

/// A service as a card sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its identifiers: hosts, wildcard hosts, hosts with a path.
    pub sids: &'a [&'a str],
    /// The HTTP port on the card.
    pub port: Option<u16>,
    /// The other members: position and address.
    pub members: &'a [(Position, Ipv4Addr)],
    /// The accounts.
    pub users: &'a [User<'a>],
    /// The disk quota in octets.
    pub quota: Option<u64>,
}

/// An account of a service.
#[derive(Clone, PartialEq, Eq)]
pub struct User<'a> {
    /// The login.
    pub name: &'a str,
    /// The numeric identity.
    pub id: u32,
    /// The password's hash as `crypt` writes it; none: no password opens the account.
    pub password_hash: Option<&'a str>,
}

impl fmt::Debug for User<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}

/// One of the eight files (patent row K7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum File {
    /// Names and addresses: the card's, the module's, the fellow members'.
    Hosts,
    /// Accounts.
    Passwd,
    /// The accounts' password hashes.
    Shadow,
    /// The web server.
    Apacheconf,
    /// The card's agent.
    Snmpconf,
    /// The web cache.
    Squidconf,
    /// The network interface.
    NetworkConf,
    /// The disk quotas.
    Quotasconf,
}

impl File {
    /// All eight, in the patent's order.
    pub const ALL: [Self; 8] = [
        Self::Hosts,
        Self::Passwd,
        Self::Shadow,
        Self::Apacheconf,
        Self::Snmpconf,
        Self::Squidconf,
        Self::NetworkConf,
        Self::Quotasconf,
    ];

    /// The file's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hosts => "Hosts",
            Self::Passwd => "Passwd",
            Self::Shadow => "Shadow",
            Self::Apacheconf => "Apacheconf",
            Self::Snmpconf => "Snmpconf",
            Self::Squidconf => "Squidconf",
            Self::NetworkConf => "Network.conf",
            Self::Quotasconf => "Quotasconf",
        }
    }

    /// The file called `name` without regard to case.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.name().eq_ignore_ascii_case(name))
    }

    /// Whether it holds what only the card itself may know.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Shadow | Self::Snmpconf)
    }
}

/// Renders a file. A file that the description has nothing for says so in a comment; it is never empty.
pub fn render(file: File, card: &Description<'_>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    _ = match file {
        File::Hosts => hosts(&mut out, card),
        File::Passwd => passwd(&mut out, card),
        File::Shadow => shadow(&mut out, card),
        File::Apacheconf => apache(&mut out, card),
        File::Snmpconf => snmp(&mut out, card),
        File::Squidconf => squid(&mut out, card),
        File::NetworkConf => network(&mut out, card),
        File::Quotasconf => quotas(&mut out, card),
    };
    out
}

fn head(out: &mut String, card: &Description<'_>, what: &str) -> fmt::Result {
    writeln!(out, "# {what} of card {}, from {}", card.position, Clean(card.module_name))
}

fn hosts(out: &mut String, card: &Description<'_>) -> fmt::Result {
    head(out, card, "Hosts")?;
    writeln!(out, "127.0.0.1\tlocalhost")?;
    writeln!(out, "{}\t{}", card.module_address, Host(card.module_name))?;
    write!(out, "{}\t{}", card.address, card_name(card.position))?;
    let mut names: alloc::vec::Vec<&str> = alloc::vec::Vec::new();
    for sid in card.services.iter().flat_map(|service| service.sids) {
        // A wildcard is no name, and a path is not part of one.
        let host = sid.split('/').next().unwrap_or_default();
        if !host.is_empty() && !host.contains('*') && !names.contains(&host) {
            names.push(host);
            write!(out, " {}", Host(host))?;
        }
    }
    writeln!(out)?;
    let mut members: alloc::vec::Vec<_> = card.services.iter().flat_map(|service| service.members).collect();
    members.sort();
    members.dedup();
    for (position, address) in members {
        if *position != card.position {
            writeln!(out, "{address}\t{}", card_name(*position))?;
        }
    }
    Ok(())
}

fn passwd(out: &mut String, card: &Description<'_>) -> fmt::Result {
    writeln!(out, "root:x:0:0:root:/root:/bin/sh")?;
    writeln!(out, "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin")?;
    for (service, user) in users(card) {
        let (user_name, service_name) = (Account(user.name), Account(service.name));
        writeln!(out, "{user_name}:x:{id}:{id}:{service_name}:/srv/{service_name}:/bin/sh", id = user.id)?;
    }
    Ok(())
}

fn shadow(out: &mut String, card: &Description<'_>) -> fmt::Result {
    writeln!(out, "root:*:::::::\nnobody:*:::::::")?;
    for (_, user) in users(card) {
        writeln!(out, "{}:{}:::::::", Account(user.name), Hash(user.password_hash.unwrap_or("!")))?;
    }
    Ok(())
}

fn apache(out: &mut String, card: &Description<'_>) -> fmt::Result {
    head(out, card, "Apacheconf")?;
    writeln!(out, "ServerName {}", card_name(card.position))?;
    for service in card.services {
        let Some(port) = service.port else { continue };
        writeln!(out, "\n# service {}\nListen {}:{port}", Clean(service.name), card.address)?;
        writeln!(out, "<VirtualHost {}:{port}>", card.address)?;
        let hosts = service.sids.iter().map(|sid| sid.split('/').next().unwrap_or_default());
        for (index, host) in hosts.filter(|host| !host.is_empty() && *host != "*").enumerate() {
            let directive = if index == 0 && !host.contains('*') { "ServerName" } else { "ServerAlias" };
            writeln!(out, "    {directive} {}", Host(host))?;
        }
        writeln!(out, "    DocumentRoot /srv/{}", Account(service.name))?;
        writeln!(out, "</VirtualHost>")?;
    }
    Ok(())
}

fn snmp(out: &mut String, card: &Description<'_>) -> fmt::Result {
    head(out, card, "Snmpconf")?;
    writeln!(out, "sysName card-{}", card.position)?;
    writeln!(out, "rocommunity {} {}", Word(card.snmp_read), card.module_address)?;
    writeln!(out, "rwcommunity {} {}", Word(card.snmp_write), card.module_address)?;
    if let Some(traps) = card.traps {
        writeln!(out, "trap2sink {traps}")?;
    }
    Ok(())
}

fn squid(out: &mut String, card: &Description<'_>) -> fmt::Result {
    head(out, card, "Squidconf")?;
    writeln!(out, "visible_hostname {}", card_name(card.position))?;
    for service in card.services {
        let Some(port) = service.port else { continue };
        let mut hosts = service.sids.iter().map(|sid| sid.split('/').next().unwrap_or_default()).peekable();
        if hosts.peek().is_none() {
            continue;
        }
        write!(out, "acl {} dstdomain", Account(service.name))?;
        for host in hosts {
            // Squid writes "and everything below" as a leading dot.
            write!(out, " {}", Host(host.strip_prefix('*').unwrap_or(host)))?;
        }
        writeln!(
            out,
            "\ncache_peer {} parent {port} 0 no-query originserver name={}",
            card.address,
            Account(service.name)
        )?;
        writeln!(out, "cache_peer_access {0} allow {0}", Account(service.name))?;
    }
    Ok(())
}

fn network(out: &mut String, card: &Description<'_>) -> fmt::Result {
    head(out, card, "Network.conf")?;
    writeln!(out, "[Match]\nName=eth0\n\n[Network]\nAddress={}/{}", card.address, card.prefix)?;
    if let Some(router) = card.router {
        writeln!(out, "Gateway={router}")?;
    }
    for server in card.dns {
        writeln!(out, "DNS={server}")?;
    }
    if let Some(domain) = card.domain {
        writeln!(out, "Domains={}", Host(domain))?;
    }
    Ok(())
}

fn quotas(out: &mut String, card: &Description<'_>) -> fmt::Result {
    head(out, card, "Quotasconf")?;
    writeln!(out, "# service user octets")?;
    for service in card.services {
        let Some(quota) = service.quota else { continue };
        for user in service.users {
            writeln!(out, "{} {} {quota}", Account(service.name), Account(user.name))?;
        }
        if service.users.is_empty() {
            writeln!(out, "{} * {quota}", Account(service.name))?;
        }
    }
    Ok(())
}

fn users<'a>(card: &Description<'a>) -> impl Iterator<Item = (&'a Service<'a>, &'a User<'a>)> {
    card.services.iter().flat_map(|service| service.users.iter().map(move |user| (service, user)))
}

/// The name of a card among hosts: `card-2-1`.
const fn card_name(position: Position) -> CardName {
    CardName(position)
}

struct CardName(Position);

impl fmt::Display for CardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "card-{}-{}", self.0.chassis(), self.0.slot())
    }
}

macro_rules! filtered {
    ($($(#[$doc:meta])* $name:ident, $keep:expr;)*) => {$(
        $(#[$doc])*
        struct $name<'a>(&'a str);
        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let keep: fn(char) -> bool = $keep;
                self.0.chars().filter(|c| keep(*c)).try_for_each(|c| f.write_char(c))
            }
        }
    )*};
}

filtered! {
    /// Text for a comment: one line.
    Clean, |c| !c.is_control();
    /// One word: no space, no control character.
    Word, |c| !c.is_control() && !c.is_whitespace();
    /// A host name or a wildcard of one.
    Host, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*');
    /// An account's or directory's name.
    Account, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    /// A password's hash.
    Hash, |c| c.is_ascii_graphic() && c != ':';
}
