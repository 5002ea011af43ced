//! The pools of a table's services.

use super::{Busy, Health, Pick, Pool, State, Ticket};
use crate::{CardId, ServiceId};
use alloc::collections::BTreeMap;
use core::time::Duration;

/// The pools of a table's services.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pools {
    pools: BTreeMap<ServiceId, Pool>,
}

impl Pools {
    /// Makes an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the pool of a service in place of the one it had.
    pub fn insert(&mut self, service: ServiceId, pool: Pool) {
        self.pools.insert(service, pool);
    }

    /// Removes the pool of a service.
    pub fn remove(&mut self, service: ServiceId) -> Option<Pool> {
        self.pools.remove(&service)
    }

    /// The pool of a service.
    #[must_use]
    pub fn pool(&self, service: ServiceId) -> Option<&Pool> {
        self.pools.get(&service)
    }

    /// The pool of a service, to change it.
    pub fn pool_mut(&mut self, service: ServiceId) -> Option<&mut Pool> {
        self.pools.get_mut(&service)
    }

    /// Sets the state of a card in every pool that has it.
    pub fn set_state(&mut self, card: CardId, state: State) {
        for pool in self.pools.values_mut() {
            pool.set_state(card, state);
        }
    }

    /// Takes what a probe found of a card of a service.
    pub fn set_health(&mut self, service: ServiceId, card: CardId, health: Health) {
        if let Some(pool) = self.pools.get_mut(&service) {
            pool.set_health(card, health);
        }
    }

    /// How many requests and sessions a card has in flight, over all services.
    #[must_use]
    pub fn active(&self, card: CardId) -> u32 {
        self.pools
            .values()
            .flat_map(Pool::members)
            .filter(|member| member.card == card)
            .fold(0, |sum, member| sum.saturating_add(member.active))
    }

    /// The next answer for one who waits in any of the pools' queues.
    pub fn next(&mut self, now: Duration) -> Option<(ServiceId, Ticket, Result<Pick, Busy>)> {
        self.pools.iter_mut().find_map(|(service, pool)| {
            let (ticket, answer) = pool.next(now)?;
            Some((*service, ticket, answer))
        })
    }

    /// When [`Pools::next`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.pools.values().filter_map(Pool::deadline).min()
    }

    /// Every pool with its service.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, &Pool)> {
        self.pools.iter().map(|(service, pool)| (*service, pool))
    }
}
