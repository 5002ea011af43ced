//! What a card's files are made of.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bootcfg::card;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::cabinet::{Active, Cabinet, Card, Inventory, Limits, Position, Sid, Var};
use crate::config::Config;
use crate::module::boot;

/// All that a card's files may depend on. Templates see it by these names, commands get it as JSON.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    card: CardFacts,
    module: ModuleFacts,
    network: NetworkFacts,
    snmp: SnmpFacts,
    services: Vec<ServiceFacts>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct CardFacts {
    position: Position,
    chassis: u8,
    slot: u8,
    address: Ipv4Addr,
    name: String,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct ModuleFacts {
    name: String,
    address: Ipv4Addr,
    traps: Option<SocketAddr>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct NetworkFacts {
    prefix: u8,
    router: Option<Ipv4Addr>,
    dns: Vec<Ipv4Addr>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct SnmpFacts {
    read: String,
    write: String,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct ServiceFacts {
    name: String,
    sid: Vec<String>,
    port: u16,
    ftp_port: Option<u16>,
    pop3_port: Option<u16>,
    members: Vec<MemberFacts>,
    users: Vec<UserFacts>,
    quota: Option<u64>,
    vars: BTreeMap<String, Var>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct MemberFacts {
    position: Position,
    address: Ipv4Addr,
    name: String,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct UserFacts {
    name: String,
    id: u32,
    password_hash: Option<String>,
}

impl Facts {
    /// What is known of a card. `community` is the one by which the module commands it.
    pub fn of(card: &Card, inventory: &Inventory, config: &Config, community: &str) -> Self {
        Self {
            card: CardFacts {
                position: card.position,
                chassis: card.position.chassis,
                slot: card.position.slot,
                address: v4(card.address),
                name: name(card.position),
            },
            module: ModuleFacts {
                name: inventory.name.to_string(),
                address: config.network.address,
                traps: config.listen.traps.first().copied(),
            },
            network: NetworkFacts {
                prefix: config.network.internal.length(),
                router: config.network.router,
                dns: config.network.dns.clone(),
            },
            snmp: SnmpFacts { read: community.into(), write: community.into() },
            services: inventory.services_of(card.position).map(ServiceFacts::of).collect(),
        }
    }

    /// What is known of every card of a configuration before anything has happened, with communities masked: only a
    /// running module has them.
    pub fn of_all(config: &Config) -> Vec<Self> {
        // A configuration that was checked makes a cabinet.
        let Ok(cabinet) = Cabinet::new(Duration::ZERO, &config.definition(), [], Limits::default()) else {
            return Vec::new();
        };
        let inventory = cabinet.inventory();
        inventory.cards.values().map(|card| Self::of(card, inventory, config, super::MASK)).collect()
    }

    /// The same facts with every secret masked, for showing.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.snmp = SnmpFacts { read: super::MASK.into(), write: super::MASK.into() };
        for user in self.services.iter_mut().flat_map(|service| &mut service.users) {
            user.password_hash = user.password_hash.is_some().then(|| super::MASK.into());
        }
        self
    }

    /// Which card they are of.
    pub fn position(&self) -> Position {
        self.card.position
    }

    /// Themselves as a command reads them, and the digest by which a change is seen.
    pub fn json(&self) -> (Vec<u8>, [u8; 32]) {
        // Strings, numbers and maps with text keys: nothing in it can fail to be JSON.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::digest(&json).into();
        (json, digest)
    }

    /// One of the eight files as it is built in.
    pub fn built_in(&self, file: card::File) -> String {
        let Some(position) = boot::inside(self.card.position) else { return String::new() };
        let services: Vec<_> = self.services.iter().map(Borrowed::of).collect();
        let services: Vec<_> = services.iter().map(Borrowed::service).collect();
        card::render(
            file,
            &card::Description {
                position,
                address: self.card.address,
                prefix: self.network.prefix,
                router: self.network.router,
                dns: &self.network.dns,
                domain: None,
                module_name: &self.module.name,
                module_address: self.module.address,
                snmp_read: &self.snmp.read,
                snmp_write: &self.snmp.write,
                traps: self.module.traps,
                services: &services,
            },
        )
    }
}

impl ServiceFacts {
    fn of(active: &Active) -> Self {
        let service = &active.service;
        Self {
            name: service.name.to_string(),
            sid: service.sid.iter().map(Sid::to_string).collect(),
            port: service.port,
            ftp_port: service.ftp_port,
            pop3_port: service.pop3_port,
            members: active.members.iter().map(|m| MemberFacts::of(m.card, m.address)).collect(),
            users: service
                .users
                .iter()
                .map(|user| UserFacts {
                    name: user.name.to_string(),
                    id: user.id,
                    password_hash: user.password_hash.as_ref().map(|hash| hash.expose().into()),
                })
                .collect(),
            quota: service.quota.map(|quota| quota.0),
            vars: service.vars.clone(),
        }
    }
}

impl MemberFacts {
    fn of(position: Position, address: IpAddr) -> Self {
        Self { position, address: v4(address), name: name(position) }
    }
}

/// A service's lists as the library borrows them.
struct Borrowed<'a> {
    facts: &'a ServiceFacts,
    sids: Vec<&'a str>,
    members: Vec<(bootcfg::Position, Ipv4Addr)>,
    users: Vec<card::User<'a>>,
}

impl<'a> Borrowed<'a> {
    fn of(facts: &'a ServiceFacts) -> Self {
        let members = facts.members.iter();
        let users = facts.users.iter().map(|user| card::User {
            name: &user.name,
            id: user.id,
            password_hash: user.password_hash.as_deref(),
        });
        Self {
            facts,
            sids: facts.sid.iter().map(String::as_str).collect(),
            members: members.filter_map(|m| Some((boot::inside(m.position)?, m.address))).collect(),
            users: users.collect(),
        }
    }

    fn service(&self) -> card::Service<'_> {
        card::Service {
            name: &self.facts.name,
            sids: &self.sids,
            port: Some(self.facts.port),
            members: &self.members,
            users: &self.users,
            quota: self.facts.quota,
        }
    }
}

fn name(position: Position) -> String {
    format!("card-{}-{}", position.chassis, position.slot)
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}
