//! The watch on service ports: what to ask, when, and what the answers mean.

use super::card::{Cause, Order, Port};
use super::engine::Cabinet;
use super::health::{Verdict, Watch};
use super::io::{Probe, ProbeId};
use super::units::Position;
use core::net::SocketAddr;
use std::sync::Arc;

impl Cabinet {
    pub(super) fn is_watched(&self, position: Position) -> bool {
        self.inventory
            .cards
            .get(&position)
            .is_some_and(|card| matches!(card.order, Order::Run | Order::Drain { .. }))
    }

    pub(super) fn is_up(&self, service: usize, position: Position) -> bool {
        self.watches.get(&(service, position)).is_some_and(|w| matches!(w.verdict, Verdict::Up { .. }))
    }

    pub(super) fn watches_of(&mut self, position: Position) -> impl Iterator<Item = &mut Watch> {
        self.watches.iter_mut().filter(move |((_, card), _)| *card == position).map(|(_, watch)| watch)
    }

    pub(super) fn port(&self, position: Position) -> Port {
        let verdicts = self.watches.iter().filter(|((_, card), _)| *card == position).map(|(_, w)| w.verdict);
        verdicts.fold(Port::Unknown, |port, verdict| match (port, verdict) {
            (Port::Answers, _) | (_, Verdict::Up { .. }) => Port::Answers,
            (Port::Silent, _) | (_, Verdict::Down { .. }) => Port::Silent,
            (Port::Unknown, Verdict::Unknown) => Port::Unknown,
        })
    }

    /// Asks a card's ports now rather than when their time comes.
    pub(super) fn hurry(&mut self, position: Position) {
        let now = self.now;
        self.watches_of(position).for_each(|watch| watch.hurry(now));
        self.probe_due();
    }

    /// Forgets what a card's ports answered.
    pub(super) fn forget(&mut self, position: Position) {
        let now = self.now;
        self.watches_of(position).for_each(|watch| watch.reset(now));
        self.drop_stale_probes();
        self.probe_due();
    }

    /// Drops the probes that wait to be taken and whose answer nobody waits for any more.
    pub(super) fn drop_stale_probes(&mut self) {
        let watches = &self.watches;
        self.queue.probes.retain(|probe| watches.values().any(|watch| watch.awaits(probe.id)));
    }

    pub(super) fn probe_due(&mut self) {
        let due: Vec<_> = self
            .watches
            .iter()
            .filter(|((_, card), watch)| watch.wants_probe(self.now) && self.is_watched(*card))
            .map(|(key, _)| *key)
            .collect();
        for (index, position) in due {
            let Some(active) = self.inventory.services.get(index) else { continue };
            let Some(member) = active.members.iter().find(|m| m.card == position) else { continue };
            let (service, address) = (Arc::clone(&active.service), member.address);
            let Some(watch) = self.watches.get_mut(&(index, position)) else { continue };
            let id = ProbeId(self.next_probe);
            self.next_probe = self.next_probe.wrapping_add(1);
            watch.sent(id, self.now, &service.health);
            self.stats.probes += 1;
            self.queue.probes.push_back(Probe {
                id,
                service: service.name.clone(),
                to: SocketAddr::new(address, service.port),
                http: service.health.http.clone(),
                host: service.first_host().map(Into::into),
                timeout: service.health.timeout.0,
            });
        }
    }

    pub(super) fn probed(&mut self, id: ProbeId, up: bool) {
        // An answer that nobody waits for any more is no mistake: the card was stopped, or the services changed.
        let Some((key, _)) = self.watches.iter().find(|(_, watch)| watch.awaits(id)) else { return };
        let key = *key;
        self.answered(key, up);
    }

    pub(super) fn answered(&mut self, key: (usize, Position), up: bool) {
        let now = self.now;
        let Some(active) = self.inventory.services.get(key.0) else { return };
        let service = Arc::clone(&active.service);
        let Some(watch) = self.watches.get_mut(&key) else { return };
        watch.answered(up, now, &service.health);
        self.stats.probe_failures += u64::from(!up);
        let cause = if up { Cause::PortAnswers } else { Cause::PortSilent { failures: service.health.fall } };
        self.settle(key.1, cause);
    }

    pub(super) fn tick(&mut self) {
        let now = self.now;
        let overdue: Vec<_> = self
            .watches
            .iter()
            .filter(|((_, card), watch)| watch.is_overdue(now) && self.is_watched(*card))
            .map(|(key, watch)| (watch.deadline(), *key))
            .collect();
        let mut due: Vec<_> = overdue.into_iter().map(|(at, key)| (at, Err(key))).collect();
        due.extend(self.inventory.cards.values().filter_map(|card| match card.order {
            Order::Drain { deadline } if deadline <= now => Some((deadline, Ok(card.position))),
            _ => None,
        }));
        let services = self.inventory.services.iter().enumerate();
        let over: Vec<_> = services
            .filter(|(_, active)| matches!(active.order, Order::Drain { deadline } if deadline <= now))
            .map(|(index, _)| index)
            .collect();
        over.into_iter().for_each(|index| self.set_service(index, Order::Stop));
        due.sort_unstable_by_key(|(at, _)| *at);
        for (_, what) in due {
            match what {
                Ok(card) => self.stop(card, Cause::DrainOver),
                Err(key) => self.answered(key, false),
            }
        }
        self.probe_due();
    }
}
