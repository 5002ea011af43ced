//! From services to the proxy's table, and from members to its pools.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use sid_proxy::acl::{Acl, Rule};
use sid_proxy::http;
use sid_proxy::pool::{Balance, Pool, Pools, State};
use sid_proxy::{CardId, RouteTable, ServiceId};

use crate::admin::Identity;
use crate::cabinet::{self, Active, Inventory, Member, Mode, Name, Position, Service, Standing};
use crate::config::{self, Config, RouteFlaw};
use crate::door::{Shared, Way};
use crate::h2;

use super::usage::Recorder;
use super::ways::way;

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
pub(crate) fn proxy(config: &Config, recorder: Arc<Recorder>) -> (Arc<Shared>, Routes) {
    let (name, internal) = (&config.module.name, config.network.internal);
    let bound = config.cards.iter().filter(|card| card.public.is_some()).map(|card| card.position).collect();
    // A seed that strangers do not know, so that they cannot choose names that collide.
    let mut seed = [0; 8];
    let seed = getrandom::fill(&mut seed).map_or(0, |()| u64::from_ne_bytes(seed));
    let inside = http::Inside { networks: vec![(internal.address(), internal.length())], names: Vec::new() };
    let config = http::Config { pseudonym: name.to_string(), inside, ..http::Config::default() };
    let empty = RouteTable::builder(seed).build().expect("a table without routes has no conflicts");
    let records = Arc::clone(&recorder);
    let shared = Shared::new(config, empty, Pools::new(), move |client, usage| records.record(client, usage));
    let facts = Arc::default();
    (Arc::clone(&shared), Routes { shared, recorder, facts, bound, ids: BTreeMap::new(), next: 0, seed })
}

/// What the doors besides HTTP have to know of a service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fact {
    /// The port of its cards for FTP.
    pub(crate) ftp: Option<u16>,
    /// The port of its cards for POP3.
    pub(crate) pop3: Option<u16>,
    /// The service's own certificate.
    pub(crate) tls: Option<Certified>,
}

/// A certificate, as it serves.
#[derive(Clone, Debug)]
pub(crate) struct Certified {
    /// For HTTP, by whichever version the customer chooses.
    pub(crate) web: Arc<ServerConfig>,
    /// For FTP and POP3.
    pub(crate) plain: Arc<ServerConfig>,
}

impl From<Identity> for Certified {
    fn from(identity: Identity) -> Self {
        Self { web: identity.speaking(&[h2::ALPN, b"http/1.1"]), plain: identity.server }
    }
}

/// The facts of all services.
pub(crate) type Facts = Arc<RwLock<BTreeMap<ServiceId, Fact>>>;

/// Reads a service's own certificate again; one that cannot be read leaves the service without.
fn fact(service: &Service) -> Fact {
    let tls = service.tls.as_ref().and_then(|files| match Identity::load(files) {
        Ok(identity) => Some(identity.into()),
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
    /// The cards with a binding of their own.
    bound: Vec<Position>,
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
        let mut ways = HashMap::new();
        for active in &inventory.services {
            let id = self.ids[&active.service.name];
            self.shared.with_pools(|pools| fill(pools, id, active, &active.members));
            ways.extend(way(&active.service).map(|way| (id, way)));
        }
        self.recorder.name(self.ids.iter().map(|(name, id)| (*id, name.clone())));
        self.bind(inventory, &mut ways);
        self.shared.set_ways(ways);
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
            self.shared.with_pools(|pools| {
                if let Some(pool) = pools.pool_mut(id) {
                    apply(active, &active.members, pool);
                }
                for member in &active.members {
                    if let Some(pool) = pools.pool_mut(bound(member.card)) {
                        apply(active, std::slice::from_ref(member), pool);
                    }
                }
            });
        }
    }

    /// Leads what comes through a card's own binding to the first service that the card has.
    fn bind(&self, inventory: &Inventory, ways: &mut HashMap<ServiceId, Arc<Way>>) {
        for &card in &self.bound {
            let id = bound(card);
            let found = inventory.services.iter().find_map(|active| {
                let member = active.members.iter().find(|member| member.card == card)?;
                Some((active, member))
            });
            let Some((active, member)) = found else {
                self.shared.with_pools(|pools| pools.remove(id));
                continue;
            };
            self.shared.with_pools(|pools| fill(pools, id, active, std::slice::from_ref(member)));
            ways.extend(self.ids.get(&active.service.name).and_then(|of| Some((id, ways.get(of)?.clone()))));
            self.recorder.name(std::iter::once((id, active.service.name.clone())));
        }
    }

    /// The number by which the proxy knows a service.
    pub(crate) fn id(&self, service: &Name) -> Option<ServiceId> {
        self.ids.get(service).copied()
    }

    /// The way to the cards of a service, where it is not simply by TCP.
    pub(crate) fn way(&self, service: &Name) -> Option<Arc<Way>> {
        self.shared.way(self.id(service)?)
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

/// The number by which the proxy knows what a card's own binding leads to.
pub(super) const fn bound(card: Position) -> ServiceId {
    ServiceId(1 << 31 | card_id(card).0)
}

/// Makes a pool of these members of a service, or the one there is such.
fn fill(pools: &mut Pools, id: ServiceId, active: &Active, members: &[Member]) {
    let balance = balance(active.service.balance);
    let mut pool = pools.remove(id).unwrap_or_else(|| Pool::new(balance));
    pool.set_balance(balance);
    pool.set_acl(acl(&active.service.acl));
    let gone = |card: &CardId| !members.iter().any(|member| card_id(member.card) == *card);
    let gone: Vec<CardId> = pool.members().iter().map(|member| member.card).filter(gone).collect();
    gone.into_iter().for_each(|card| pool.remove(card));
    for member in members {
        pool.add(card_id(member.card), SocketAddr::new(member.address, active.service.port));
    }
    apply(active, members, &mut pool);
    pools.insert(id, pool);
}

/// Sets each member's state. A reliable service has one member that serves, the first that can; the others stand by.
fn apply(active: &Active, members: &[Member], pool: &mut Pool) {
    let mut standby = false;
    for member in members {
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
        let networks = networks.iter().map(|network| (network.address(), network.length()));
        Rule::for_networks(allow, networks.collect())
    };
    Acl { rules: rules.iter().map(rule).collect() }
}
