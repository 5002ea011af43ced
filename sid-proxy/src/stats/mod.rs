//! What was used, by whom, and what looks like an attack.
//!
//! [`Stats`] holds 96 bytes a service and a card and nothing for a host name: a million names cost a million table entries
//! and no counter. Bytes are those that the driver reported, to the byte. [`Watch`] turns refusals into typed
//! [`Signal`]s, of which it gives no more than it is told to, whatever comes.

mod counters;
mod watch;

pub use counters::{Counters, Reason, Sample};
pub use watch::{Limits, Signal, Watch};

use crate::acl::contains;
use crate::{CardId, ServiceId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

/// Counters of every service and every card, and of requests that reached neither.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    local: Vec<(IpAddr, u8)>,
    services: BTreeMap<ServiceId, Counters>,
    cards: BTreeMap<CardId, Counters>,
    nowhere: Counters,
}

impl Stats {
    /// Begins at zero. Customers in the `local` networks, an address and the bits that count, are local to this point
    /// of presence; everyone else is remote.
    #[must_use]
    pub fn new(local: Vec<(IpAddr, u8)>) -> Self {
        Self { local, ..Self::default() }
    }

    /// Counts a service from now on; one that is counted already goes on. What happens for a service that was never
    /// named here counts with what reached none, so that the memory is that of the configuration.
    pub fn add_service(&mut self, service: ServiceId) {
        self.services.entry(service).or_default();
    }

    /// Counts a card from now on.
    pub fn add_card(&mut self, card: CardId) {
        self.cards.entry(card).or_default();
    }

    /// Forgets services and cards that are no more; those that stay go on counting.
    pub fn retain(
        &mut self,
        mut service: impl FnMut(ServiceId) -> bool,
        mut card: impl FnMut(CardId) -> bool,
    ) {
        self.services.retain(|id, _| service(*id));
        self.cards.retain(|id, _| card(*id));
    }

    /// Counts one request or session that is over.
    pub fn record(&mut self, now: Duration, client: IpAddr, sample: &Sample) {
        let client = client.to_canonical();
        let local = self.local.iter().any(|network| contains(*network, client));
        let counters = sample.service.and_then(|service| self.services.get_mut(&service));
        counters.unwrap_or(&mut self.nowhere).record(now, local, sample);
        if let Some(counters) = sample.card.and_then(|card| self.cards.get_mut(&card)) {
            counters.record(now, local, sample);
        }
    }

    /// The counters of a service.
    #[must_use]
    pub fn service(&self, service: ServiceId) -> Option<&Counters> {
        self.services.get(&service)
    }

    /// The counters of a card.
    #[must_use]
    pub fn card(&self, card: CardId) -> Option<&Counters> {
        self.cards.get(&card)
    }

    /// What reached no service.
    #[must_use]
    pub fn nowhere(&self) -> &Counters {
        &self.nowhere
    }

    /// Every service, by its number.
    pub fn services(&self) -> impl Iterator<Item = (ServiceId, &Counters)> {
        self.services.iter().map(|(id, counters)| (*id, counters))
    }

    /// Every card, by its number.
    pub fn cards(&self) -> impl Iterator<Item = (CardId, &Counters)> {
        self.cards.iter().map(|(id, counters)| (*id, counters))
    }
}
