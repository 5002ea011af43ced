//! What the cabinet wants done, handed to whoever does it. Nothing here waits: the cabinet would wait too.

use std::sync::Arc;
use std::time::Duration;

use sid_proxy::ServiceId;

use crate::cabinet::{Event, Input, Inventory, Name, Order, Output, Position, Standing, What};
use crate::door::Shared;
use crate::drive::snmp::Notifier;

use super::cards::Cards;
use super::element;
use super::handle::Handle;
use super::probe;
use super::routes::Routes;
use super::store::Keeping;

/// How often a draining card is asked whether its last request has finished.
const DRAIN_INTERVAL: Duration = Duration::from_millis(20);

/// The drives, as the cabinet's task sees them.
pub(super) struct Effects {
    pub(super) handle: Handle,
    pub(super) keeping: Keeping,
    pub(super) proxy: Arc<Shared>,
    pub(super) routes: Routes,
    pub(super) cards: Cards,
    pub(super) notifier: Notifier,
}

impl Effects {
    /// Carries one output out, or passes it on.
    pub(super) fn carry(&mut self, output: Output, inventory: &Arc<Inventory>) {
        match output {
            Output::Persist(kept) => self.keeping.keep(kept),
            Output::Routes => match self.routes.publish(inventory) {
                Ok(()) => tracing::info!(services = inventory.services.len(), "routes in force"),
                Err(flaws) => flaws.iter().for_each(|flaw| tracing::error!("the old routes stay: {flaw}")),
            },
            Output::Member { service, card, standing } => {
                self.routes.members(inventory, &service);
                if standing == Standing::Draining {
                    tokio::spawn(drained(card, Arc::clone(&self.proxy), self.handle.clone()));
                    if let Some(id) = self.routes.id(&service) {
                        let (proxy, handle) = (Arc::clone(&self.proxy), self.handle.clone());
                        tokio::spawn(service_drained(service, id, proxy, handle));
                    }
                }
            }
            // The files are rendered from the latest inventory whenever a card reads them.
            Output::CardFiles { card } => tracing::debug!(%card, "its files have changed"),
            Output::Action { card, action } => {
                if let Some(card) = inventory.card(card) {
                    self.cards.act(card, action);
                }
            }
            Output::Probe(probe) => {
                let way = self.routes.way(&probe.service);
                tokio::spawn(probe::probe(probe, way, self.handle.clone()));
            }
            Output::Trap(transition) => {
                let now = self.handle.clock().now();
                let sent = element::changed(&transition, inventory, now)
                    .is_none_or(|trap| self.notifier.notify(trap));
                if !sent {
                    tracing::warn!("a trap is lost: its sender does not keep up");
                }
            }
            Output::Event(event) => log(&event),
        }
    }
}

/// Waits for a draining card's last request, then tells the cabinet; gives up when the drain is over without it.
async fn drained(card: Position, proxy: Arc<Shared>, handle: Handle) {
    let drains = || {
        let inventory = handle.snapshot();
        inventory.card(card).is_some_and(|card| matches!(card.order, Order::Drain { .. }))
    };
    loop {
        if Routes::running(&proxy, card) == 0 {
            return handle.report(Input::Drained { card }).await;
        }
        tokio::time::sleep(DRAIN_INTERVAL).await;
        if !drains() {
            return;
        }
    }
}

/// Waits for a draining service's last request, in the same way.
async fn service_drained(service: Name, id: ServiceId, proxy: Arc<Shared>, handle: Handle) {
    let drains = || {
        let inventory = handle.snapshot();
        inventory.service(service.as_str()).is_some_and(|active| matches!(active.order, Order::Drain { .. }))
    };
    while drains() {
        if Routes::running_of(&proxy, id) == 0 {
            return handle.report(Input::ServiceDrained { service }).await;
        }
        tokio::time::sleep(DRAIN_INTERVAL).await;
    }
}

fn log(event: &Event) {
    match &event.what {
        what @ What::State(_) => tracing::info!("{what}"),
        what @ What::Command { refused: None, .. } => tracing::info!("{what}"),
        what => tracing::warn!("{what}"),
    }
}
