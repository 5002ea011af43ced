//! The customers' door: sockets around [`sid_proxy::http::Session`].

use sid_proxy::http::{Config, Usage};
use sid_proxy::pool::{Pools, State};
use sid_proxy::{CardId, RouteTable};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What all doors of a cabinet share: the routes, the pools, the idle connections to cards.
pub struct Shared {
    config: Arc<Config>,
    table: RwLock<RouteTable>,
    pools: Mutex<Pools>,
    idle: Mutex<HashMap<SocketAddr, Vec<TcpStream>>>,
    usage: Box<dyn Fn(SocketAddr, &Usage) + Send + Sync>,
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
            idle: Mutex::default(),
            usage: Box::new(usage),
            began: Instant::now(),
        })
    }

    /// The table in use.
    pub fn table(&self) -> RouteTable {
        self.table.read().unwrap_or_else(|broken| broken.into_inner()).clone()
    }

    /// Puts another table in use; running requests keep the decision they got.
    pub fn set_table(&self, table: RouteTable) {
        *self.table.write().unwrap_or_else(|broken| broken.into_inner()) = table;
    }

    /// Looks at or changes the pools. New picks follow at once; running requests finish.
    pub fn with_pools<R>(&self, change: impl FnOnce(&mut Pools) -> R) -> R {
        change(&mut self.pools.lock().unwrap_or_else(|broken| broken.into_inner()))
    }

    /// Sets the state of a card in every pool that has it.
    pub fn set_card(&self, card: CardId, state: State) {
        self.with_pools(|pools| pools.set_state(card, state));
    }
}

/// Serves a listener until `shutdown` turns true, then lets running requests finish.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, shutdown: watch::Receiver<bool>) {
    let _ = (listener, shared, shutdown);
}
