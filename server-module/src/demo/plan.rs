//! What the demo's cabinet looks like: its ports, its positions, its services, and the configuration file that
//! says so. From that file on, the demo is an ordinary cabinet.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use crate::cabinet::Position;

/// The slots of a chassis (patent row K1).
const SLOTS: u8 = 14;

/// The chassis of a cabinet (patent row K1).
const CHASSIS: u8 = 20;

/// The demo's internal network: card c.s is 127.1.c.s.
const NETWORK: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);

/// The cabinet's own address.
const CABINET: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Which port each interface has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) http: u16,
    pub(crate) https: u16,
    pub(crate) ftp: u16,
    pub(crate) pop3: u16,
    pub(crate) snmp: u16,
    pub(crate) dhcp: u16,
    pub(crate) tftp: u16,
    pub(crate) admin: u16,
    pub(crate) metrics: u16,
    /// Where the cabinet sends its own traps; nothing in the demo listens there.
    pub(crate) traps: u16,
    /// Where the cabinet takes the traps of its cards.
    pub(crate) card_traps: u16,
    /// On each card's own address.
    pub(crate) card_http: u16,
    pub(crate) card_agent: u16,
    pub(crate) card_ftp: u16,
    pub(crate) card_pop3: u16,
}

impl Ports {
    /// The ports without `--base-port`: those of the protocols, moved out of the privileged range.
    pub(crate) const STANDARD: Self = Self {
        http: 8080,
        https: 8443,
        ftp: 2121,
        pop3: 1110,
        snmp: 1161,
        dhcp: 1067,
        tftp: 1069,
        admin: 8444,
        metrics: 9464,
        traps: 1162,
        card_traps: 2162,
        card_http: 8000,
        card_agent: 10161,
        card_ftp: 2021,
        card_pop3: 2110,
    };

    /// The ports from a base: the cabinet's from `base` on, the cards' from `base + 20` on.
    ///
    /// `None` where the last one would pass 65535.
    pub(crate) fn from_base(base: u16) -> Option<Self> {
        base.checked_add(23)?;
        Some(Self {
            http: base,
            https: base + 1,
            ftp: base + 2,
            pop3: base + 3,
            snmp: base + 4,
            dhcp: base + 5,
            tftp: base + 6,
            admin: base + 7,
            metrics: base + 8,
            traps: base + 9,
            card_traps: base + 10,
            card_http: base + 20,
            card_agent: base + 21,
            card_ftp: base + 22,
            card_pop3: base + 23,
        })
    }
}

/// A service of the demo.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) sid: Vec<String>,
    pub(crate) cards: Vec<Position>,
    /// Its FTP and POP3 logins.
    pub(crate) login: Vec<String>,
    /// More lines of its table in the configuration.
    more: &'static str,
}

/// The whole cabinet.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ports: Ports,
    pub(crate) positions: Vec<Position>,
    pub(crate) services: Vec<Service>,
}

impl Plan {
    /// A cabinet of `cards` cards: positions fill 1.1 to 1.14, then 2.1 and on, and every card has a service.
    pub(crate) fn new(cards: u16, ports: Ports) -> Self {
        let all = (1..=CHASSIS).flat_map(|chassis| (1..=SLOTS).map(move |slot| Position::new(chassis, slot)));
        let positions: Vec<Position> = all.take(usize::from(cards)).collect();
        let services = services(&positions);
        Self { ports, positions, services }
    }

    /// The address of a card.
    pub(crate) fn address(position: Position) -> Ipv4Addr {
        position.address_in(NETWORK)
    }

    /// The chassis that hold a card.
    pub(crate) fn chassis(&self) -> BTreeSet<u8> {
        self.positions.iter().map(|position| position.chassis).collect()
    }

    /// An address of the cabinet's own.
    pub(crate) fn cabinet(port: u16) -> SocketAddr {
        SocketAddrV4::new(CABINET, port).into()
    }

    /// The DHCP server.
    pub(crate) fn dhcp(&self) -> SocketAddrV4 {
        SocketAddrV4::new(CABINET, self.ports.dhcp)
    }

    /// The name of the service that a card serves.
    pub(crate) fn service_of(&self, position: Position) -> &str {
        let service = self.services.iter().find(|service| service.cards.contains(&position));
        service.map_or("nothing", |service| service.name.as_str())
    }

    /// Whether a card serves FTP and POP3.
    pub(crate) fn has_login(&self, position: Position) -> bool {
        self.services.iter().any(|service| service.cards.contains(&position) && !service.login.is_empty())
    }

    /// The hardware address of the card that sits at a position.
    pub(crate) fn mac(position: Position) -> [u8; 6] {
        [0x52, 0x54, 0x00, 0x00, position.chassis, position.slot]
    }

    /// The configuration file.
    ///
    /// `password_hash` is of the operator's password.
    pub(crate) fn configuration(&self, state: &Path, user: &str, password_hash: &str) -> String {
        let at = |port| format!("\"{}\"", Self::cabinet(port));
        let ports = &self.ports;
        let mut text = format!(
            r#"# The cabinet of `server-module demo`, written anew at each start. Try: server-module check --config FILE
[module]
name = "demo"
chassis = {CHASSIS}
slots = {SLOTS}
state = "{state}"

[network]
internal = "{NETWORK}/16"
address = "{CABINET}"
local_clients = ["127.0.0.0/8"]

[listen]
http = [{http}]
https = [{https}]
ftp = [{ftp}]
pop3 = [{pop3}]
snmp = [{snmp}]
dhcp = {dhcp}
tftp = [{tftp}]
traps = [{card_traps}]
admin = [{admin}]
metrics = [{metrics}]

[dhcp]
mode = "serve"
unknown = "ignore"

[admin]
users = [{{ name = "{user}", role = "operator", password_hash = "{password_hash}" }}]

[snmp]
enterprise = "1.3.6.1.4.1.32473"
communities = [
    {{ name = "public", access = "read", from = ["127.0.0.0/8"] }},
    {{ name = "private", access = "write", from = ["127.0.0.0/8"] }},
]
traps = [{{ to = {traps}, version = "2c", community = "public" }}]
card_port = {card_agent}
"#,
            state = state.display(),
            http = at(ports.http),
            https = at(ports.https),
            ftp = at(ports.ftp),
            pop3 = at(ports.pop3),
            snmp = at(ports.snmp),
            dhcp = at(ports.dhcp),
            tftp = at(ports.tftp),
            card_traps = at(ports.card_traps),
            admin = at(ports.admin),
            metrics = at(ports.metrics),
            traps = at(ports.traps),
            card_agent = ports.card_agent,
        );
        for position in &self.positions {
            let _ = write!(text, "\n[[card]]\nposition = \"{position}\"\ncircuit_id = \"{position}\"\n");
        }
        for service in &self.services {
            let cards: Vec<String> = service.cards.iter().map(ToString::to_string).collect();
            let Service { name, sid, more, login, .. } = service;
            let _ = write!(
                text,
                "\n[[service]]\nname = \"{name}\"\nsid = {sid:?}\nport = {port}\ncards = {cards:?}\n\
                 health = {{ http = \"/health\", every = \"2s\", timeout = \"1s\", fall = 3, rise = 2 }}\n{more}",
                port = ports.card_http,
            );
            if !login.is_empty() {
                let (ftp, pop3) = (ports.card_ftp, ports.card_pop3);
                let _ = write!(text, "login = {login:?}\nftp_port = {ftp}\npop3_port = {pop3}\n");
            }
        }
        text
    }
}

/// Which services a cabinet with these cards has: one of each kind while the cards last, then one a card.
fn services(positions: &[Position]) -> Vec<Service> {
    let service = |name: &str, sid: &[&str], cards: &[Position], more| Service {
        name: name.to_owned(),
        sid: sid.iter().map(|&sid| sid.to_owned()).collect(),
        cards: cards.to_vec(),
        login: Vec::new(),
        more,
    };
    let (shop, rest) = positions.split_at(positions.len().min(2));
    let mut services = vec![service("shop-1", &["www.sell.com"], shop, "balance = \"round-robin\"\n")];
    services[0].login = vec!["@sell.com".to_owned(), "*".to_owned()];
    let (mall, rest) = rest.split_at(rest.len().min(2));
    for (name, sid, card) in [("books", "mall.example/books", 0), ("shoes", "mall.example/shoes", 1)] {
        if let Some(&card) = mall.get(card) {
            services.push(service(name, &[sid], &[card], "prefix = \"strip\"\n"));
        }
    }
    let (news, rest) = rest.split_at(if rest.len() < 2 { 0 } else { 2 });
    if !news.is_empty() {
        services.push(service("news", &["news.example", "*.news.example"], news, "mode = \"reliability\"\n"));
    }
    for &card in rest {
        let Position { chassis, slot } = card;
        services.push(service(
            &format!("site-{chassis}-{slot}"),
            &[&format!("site-{chassis}-{slot}.example")],
            &[card],
            "",
        ));
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fill_a_chassis_before_the_next_and_every_card_has_one_service() {
        for cards in [1, 2, 3, 5, 6, 24, 280] {
            let plan = Plan::new(cards, Ports::STANDARD);
            assert_eq!(plan.positions.len(), usize::from(cards));
            let mut serving: Vec<Position> = plan.services.iter().flat_map(|s| s.cards.clone()).collect();
            serving.sort_unstable();
            assert_eq!(serving, plan.positions);
        }
        let plan = Plan::new(16, Ports::STANDARD);
        assert_eq!(plan.positions[13], Position::new(1, 14));
        assert_eq!(plan.positions[14], Position::new(2, 1));
        assert_eq!(Plan::address(Position::new(2, 1)), Ipv4Addr::new(127, 1, 2, 1));
    }

    #[test]
    fn the_ports_of_two_neighbours_with_bases_forty_apart_do_not_meet() {
        assert!(Ports::from_base(65_530).is_none());
        let ports = Ports::from_base(20_000).unwrap();
        assert_eq!(
            (ports.http, ports.traps, ports.card_traps, ports.card_http),
            (20_000, 20_009, 20_010, 20_020)
        );
        assert!(ports.card_pop3 < 20_040);
    }
}
