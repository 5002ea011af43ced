//! From services to the proxy's table, and from members to its pools.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use sid_proxy::acl::{Acl, Rule};
use sid_proxy::http;
use sid_proxy::pool::{Balance, Pool, Pools, State};
use sid_proxy::table::{BuildError, Conflict, SidError};
use sid_proxy::{CardId, Prefix, RouteTable, ServiceId, Sid, Target};

use crate::cabinet::{self, Active, Cidr, Inventory, Mode, Name, Position, Service, Standing};
use crate::drive::http::Shared;

use super::usage::Recorder;

/// Why services make no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A name is none.
    #[error("service {service}: {sid:?} is {error}")]
    Sid {
        /// The service's name.
        service: Name,
        /// The name as it is written.
        sid: String,
        /// What is wrong with it.
        error: SidError,
    },
    /// Two services claim one name, or one service claims it twice.
    #[error("{sid} is claimed by service {first} and again by service {second}")]
    Claimed {
        /// The name.
        sid: String,
        /// Who claimed it first.
        first: Name,
        /// Who claims it again.
        second: Name,
    },
}

/// The number by which the proxy knows a card.
pub(crate) const fn card_id(position: Position) -> CardId {
    CardId((position.chassis as u32) << 8 | position.slot as u32)
}

/// The position of the card that the proxy knows by this number.
pub(crate) const fn position(card: CardId) -> Position {
    let [_, _, chassis, slot] = card.0.to_be_bytes();
    Position::new(chassis, slot)
}

/// Builds the table of these services, each known by the number that `id` gives it; with it, which service each
/// route belongs to.
///
/// # Errors
/// Everything that is wrong with the names.
pub(crate) fn table<'a>(
    services: impl IntoIterator<Item = &'a Service>,
    mut id: impl FnMut(&Name) -> ServiceId,
    seed: u64,
) -> Result<(RouteTable, Vec<Name>), Vec<Flaw>> {
    let (mut builder, mut owners, mut flaws) = (RouteTable::builder(seed), Vec::new(), Vec::new());
    for service in services {
        let prefix = match service.prefix {
            cabinet::Prefix::Keep => Prefix::Keep,
            cabinet::Prefix::Strip => Prefix::Strip,
        };
        let target = Target { service: id(&service.name), prefix };
        let http = service.sid.iter().map(|sid| Sid::Http(sid.as_str()));
        let sni = service.sni.iter().map(|sid| Sid::Sni(sid.as_str()));
        let ftp = service.login.iter().filter(|_| service.ftp_port.is_some()).map(|login| Sid::Ftp(login));
        let pop3 = service.login.iter().filter(|_| service.pop3_port.is_some()).map(|login| Sid::Pop3(login));
        for sid in http.chain(sni).chain(ftp).chain(pop3) {
            match builder.add(sid, target) {
                Ok(_) => owners.push(service.name.clone()),
                Err(error) => {
                    let sid = written(sid).to_owned();
                    flaws.push(Flaw::Sid { service: service.name.clone(), sid, error });
                }
            }
        }
    }
    match builder.build() {
        Ok(table) if flaws.is_empty() => Ok((table, owners)),
        Ok(_) => Err(flaws),
        Err(BuildError { conflicts }) => {
            let owner = |route: sid_proxy::RouteId| owners.get(route.0 as usize).cloned();
            flaws.extend(conflicts.into_iter().filter_map(|Conflict { first, second, sid }| {
                Some(Flaw::Claimed { sid, first: owner(first)?, second: owner(second)? })
            }));
            Err(flaws)
        }
    }
}

fn written(sid: Sid<'_>) -> &str {
    match sid {
        Sid::Http(text) | Sid::Sni(text) | Sid::Ftp(text) | Sid::Pop3(text) => text,
        _ => "",
    }
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
    (Arc::clone(&shared), Routes { shared, recorder, ids: BTreeMap::new(), next: 0, seed })
}

/// The proxy's side of the inventory: keeps table and pools as the cabinet says, without disturbing what runs.
pub(crate) struct Routes {
    shared: Arc<Shared>,
    recorder: Arc<Recorder>,
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
    pub(crate) fn publish(&mut self, inventory: &Inventory) -> Result<(), Vec<Flaw>> {
        let (ids, next) = (&mut self.ids, &mut self.next);
        let id = |name: &Name| {
            *ids.entry(name.clone()).or_insert_with(|| {
                *next += 1;
                ServiceId(*next)
            })
        };
        let services = inventory.services.iter().map(|active| active.service.as_ref());
        let (table, _) = table(services, id, self.seed)?;
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
        self.shared.set_table(table);
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

    /// Says anew what the members of a service may be given.
    pub(crate) fn members(&self, inventory: &Inventory, service: &Name) {
        if let (Some(active), Some(&id)) = (inventory.service(service.as_str()), self.ids.get(service)) {
            self.shared.with_pools(|pools| pools.pool_mut(id).map(|pool| apply(active, pool)));
        }
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
