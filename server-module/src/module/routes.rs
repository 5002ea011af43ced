//! From services to the proxy's table, and from members to its pools.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use sid_proxy::acl::{Acl, Rule};
use sid_proxy::http;
use sid_proxy::pool::{Balance, Pool, Pools, State};
use sid_proxy::{CardId, RouteTable, ServiceId};

use crate::admin::Identity;
use crate::cabinet::{self, Active, Cidr, Inventory, Mode, Name, Position, Service, Standing};
use crate::config::{self, RouteFlaw};
use crate::door::Shared;

use super::usage::Recorder;

/// The number by which the proxy knows a card.
pub(crate) const fn card_id(position: Position) -> CardId {
    CardId((position.chassis as u32) << 8 | position.slot as u32)
}

/// The position of the card that the proxy knows by this number.
pub(crate) const fn position(card: CardId) -> Position {
    let [_, _, chassis, slot] = card.0.to_be_bytes();
    Position::new(chassis, slot)
}

/// The customers' door without any route yet, and what keeps its routes.
pub(crate) fn proxy(name: &Name, internal: Cidr, recorder: Arc<Recorder>) -> (Arc<Shared>, Routes) {
    // A seed that strangers do not know, so that they cannot choose names that collide.
    let mut seed = [0; 8];
    let seed = getrandom::fill(&mut seed).map_or(0, |()| u64::from_ne_bytes(seed));
    let inside = http::Inside { networks: vec![(internal.address(), internal.length())], names: Vec::new() };
    let config = http::Config { pseudonym: name.to_string(), inside, ..http::Config::default() };
    let empty = RouteTable::builder(seed).build().expect("a table without routes has no conflicts");
    let records = Arc::clone(&recorder);
    let shared = Shared::new(config, empty, Pools::new(), move |client, usage| records.record(client, usage));
    let facts = Arc::default();
    (Arc::clone(&shared), Routes { shared, recorder, facts, ids: BTreeMap::new(), next: 0, seed })
}

/// What the doors besides HTTP have to know of a service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fact {
    /// The port of its cards for FTP.
    pub(crate) ftp: Option<u16>,
    /// The port of its cards for POP3.
    pub(crate) pop3: Option<u16>,
    /// The service's own certificate.
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// The facts of all services.
pub(crate) type Facts = Arc<RwLock<BTreeMap<ServiceId, Fact>>>;

/// Reads a service's own certificate again; one that cannot be read leaves the service without.
fn fact(service: &Service) -> Fact {
    let tls = service.tls.as_ref().and_then(|files| match Identity::load(files) {
        Ok(identity) => Some(identity.server),
        Err(error) => {
            tracing::error!(service = %service.name, "its certificate is not used: {error}");
            None
        }
    });
    Fact { ftp: service.ftp_port, pop3: service.pop3_port, tls }
}

/// The proxy's side of the inventory: keeps table and pools as the cabinet says, without disturbing what runs.
pub(crate) struct Routes {
    shared: Arc<Shared>,
    recorder: Arc<Recorder>,
    facts: Facts,
    /// A service keeps its number as long as it has its name.
    ids: BTreeMap<Name, ServiceId>,
    next: u32,
    seed: u64,
}

impl Routes {
    /// Puts the inventory's services in force: new pools first, then the table, then old pools go.
    ///
    /// # Errors
    /// The names make no table; the old one stays.
    pub(crate) fn publish(&mut self, inventory: &Inventory) -> Result<(), Vec<RouteFlaw>> {
        let (ids, next) = (&mut self.ids, &mut self.next);
        let number = |_, service: &Service| {
            *ids.entry(service.name.clone()).or_insert_with(|| {
                *next += 1;
                ServiceId(*next)
            })
        };
        let services: Vec<&Service> =
            inventory.services.iter().map(|active| active.service.as_ref()).collect();
        let routes = config::Routes::numbered(&services, self.seed, number)?;
        for active in &inventory.services {
            let id = self.ids[&active.service.name];
            self.shared.with_pools(|pools| {
                let balance = balance(active.service.balance);
                let mut pool = pools.remove(id).unwrap_or_else(|| Pool::new(balance));
                pool.set_balance(balance);
                pool.set_acl(acl(&active.service.acl));
                let gone = |card: &CardId| !active.members.iter().any(|member| card_id(member.card) == *card);
                let gone: Vec<CardId> =
                    pool.members().iter().map(|member| member.card).filter(gone).collect();
                gone.into_iter().for_each(|card| pool.remove(card));
                for member in &active.members {
                    pool.add(card_id(member.card), SocketAddr::new(member.address, active.service.port));
                }
                apply(active, &mut pool);
                pools.insert(id, pool);
            });
        }
        self.recorder.name(self.ids.iter().map(|(name, id)| (*id, name.clone())));
        let facts =
            inventory.services.iter().map(|active| (self.ids[&active.service.name], fact(&active.service)));
        *self.facts.write().unwrap_or_else(PoisonError::into_inner) = facts.collect();
        self.shared.set_table(routes.table);
        let stays = |name: &Name| inventory.services.iter().any(|active| active.service.name == *name);
        self.ids.retain(|name, id| {
            let stays = stays(name);
            if !stays {
                self.shared.with_pools(|pools| pools.remove(*id));
            }
            stays
        });
        Ok(())
    }

    /// What the doors besides HTTP know of the services.
    pub(crate) fn facts(&self) -> Facts {
        Arc::clone(&self.facts)
    }

    /// Who counts what customers use.
    pub(crate) fn recorder(&self) -> Arc<Recorder> {
        Arc::clone(&self.recorder)
    }

    /// Says anew what the members of a service may be given.
    pub(crate) fn members(&self, inventory: &Inventory, service: &Name) {
        if let (Some(active), Some(&id)) = (inventory.service(service.as_str()), self.ids.get(service)) {
            self.shared.with_pools(|pools| pools.pool_mut(id).map(|pool| apply(active, pool)));
        }
    }

    /// The number by which the proxy knows a service.
    pub(crate) fn id(&self, service: &Name) -> Option<ServiceId> {
        self.ids.get(service).copied()
    }

    /// How many requests and sessions a service has running.
    pub(crate) fn running_of(shared: &Shared, service: ServiceId) -> u32 {
        shared.with_pools(|pools| {
            let members = pools.pool(service).map(Pool::members).unwrap_or_default();
            members.iter().map(|member| member.active).sum()
        })
    }

    /// How many requests and sessions a card has running.
    pub(crate) fn running(shared: &Shared, card: Position) -> u32 {
        shared.with_pools(|pools| pools.active(card_id(card)))
    }
}

/// Sets each member's state. A reliable service has one member that serves, the first that can; the others stand by.
fn apply(active: &Active, pool: &mut Pool) {
    let mut standby = false;
    for member in &active.members {
        let state = match member.standing {
            Standing::Serving if standby => State::Down,
            Standing::Serving => State::Up,
            Standing::Draining => State::Draining,
            Standing::Down => State::Down,
        };
        standby |= state == State::Up && active.service.mode == Mode::Reliability;
        pool.set_state(card_id(member.card), state);
    }
}

/// The balancer by which the proxy does what the configuration names.
const fn balance(named: cabinet::Balance) -> Balance {
    match named {
        cabinet::Balance::RoundRobin => Balance::RoundRobin,
        cabinet::Balance::LeastConnections => Balance::LeastConnections,
        cabinet::Balance::TwoChoices => Balance::TwoChoices,
        cabinet::Balance::Latency => Balance::Latency,
        cabinet::Balance::HashClient => Balance::HashClient { bound: 0 },
        cabinet::Balance::Cost => Balance::Cost,
    }
}

/// The rules by which the proxy admits customers as the configuration says.
fn acl(rules: &[cabinet::Acl]) -> Acl {
    let rule = |rule: &cabinet::Acl| {
        let (allow, networks) = match rule {
            cabinet::Acl::Allow(networks) => (true, networks),
            cabinet::Acl::Deny(networks) => (false, networks),
        };
        Rule {
            allow,
            networks: networks.iter().map(|network| (network.address(), network.length())).collect(),
        }
    };
    Acl { rules: rules.iter().map(rule).collect() }
}
