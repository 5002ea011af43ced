//! What all doors of a cabinet share: routes, pools, and who hears of what was used.

use super::Way;
use sid_proxy::acl::Visitor;
use sid_proxy::http::{Config, Input, Usage};
use sid_proxy::pool::{Outcome, PickKey, Pools, State, client_hash};
use sid_proxy::{CardId, Decision, Key, Miss, RouteTable, ServiceId};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Hears of each request that is over, with the customer's address.
type Hearer = dyn Fn(SocketAddr, &Usage) + Send + Sync;

/// What all doors of a cabinet share.
pub struct Shared {
    config: Arc<Config>,
    table: RwLock<RouteTable>,
    pools: Mutex<Pools>,
    ways: RwLock<HashMap<ServiceId, Arc<Way>>>,
    usage: Box<Hearer>,
    began: Instant,
}

impl Shared {
    /// Begins with a table and its pools; `usage` hears of each request that is over, with the customer's
    /// address.
    pub fn new(
        config: Config,
        table: RouteTable,
        pools: Pools,
        usage: impl Fn(SocketAddr, &Usage) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            config: Arc::new(config),
            table: RwLock::new(table),
            pools: Mutex::new(pools),
            ways: RwLock::default(),
            usage: Box::new(usage),
            began: Instant::now(),
        })
    }

    /// How requests are treated that come in the clear.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Asks the table in use.
    ///
    /// # Errors
    /// No service has the name.
    pub fn lookup(&self, key: &Key<'_>) -> Result<Decision, Miss> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).lookup(key)
    }

    /// Puts another table in use; running requests keep the decision they got.
    pub fn set_table(&self, table: RouteTable) {
        let old = {
            let mut now = self.table.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *now, table)
        };
        // A million routes take their time to go, and nobody waits for it.
        drop(old);
    }

    /// Looks at or changes the pools. New picks follow at once; running requests finish.
    pub fn with_pools<R>(&self, change: impl FnOnce(&mut Pools) -> R) -> R {
        change(&mut self.pools.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the state of a card in every pool that has it.
    pub fn set_card(&self, card: CardId, state: State) {
        self.with_pools(|pools| pools.set_state(card, state));
    }

    /// The time since the cabinet's doors opened.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// When that was.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Picks a card of a service for a customer; `request` is what HTTP asks for.
    pub fn pick(
        &self,
        service: ServiceId,
        client: SocketAddr,
        tried: &[CardId],
        request: Option<(&str, &[u8])>,
    ) -> Input<'static> {
        let (now, address) = (self.now(), client.ip());
        let visitor = Visitor { client: address, request, certificate: None };
        let key = PickKey { client: client_hash(address), tried, sticky: None };
        self.with_pools(|pools| {
            let Some(pool) = pools.pool_mut(service) else { return Input::NoCard };
            let verdict = pool.judge(&visitor);
            if !verdict.allowed {
                return Input::Denied { rule: verdict.rule };
            }
            pool.pick(now, &key).map_or(Input::NoCard, |pick| {
                let (card, address) = (pick.card, pick.address);
                Input::Picked { card, address }
            })
        })
    }

    /// The way to the cards of a service, where it is not simply by TCP.
    pub(crate) fn way(&self, service: ServiceId) -> Option<Arc<Way>> {
        self.ways.read().unwrap_or_else(PoisonError::into_inner).get(&service).cloned()
    }

    /// Takes other ways; connections that are open stay.
    pub fn set_ways(&self, ways: HashMap<ServiceId, Arc<Way>>) {
        *self.ways.write().unwrap_or_else(PoisonError::into_inner) = ways;
    }

    /// Gives a picked card back.
    pub fn finish(&self, service: ServiceId, client: SocketAddr, card: CardId, outcome: Outcome) {
        let (now, client) = (self.now(), client_hash(client.ip()));
        self.with_pools(|pools| pools.pool_mut(service).map(|pool| pool.finish(now, client, card, outcome)));
    }

    /// Tells of a request that is over.
    pub fn used(&self, client: SocketAddr, usage: &Usage) {
        (self.usage)(client, usage);
    }
}
