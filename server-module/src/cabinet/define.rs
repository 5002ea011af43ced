//! Taking a definition into force, and keeping the log and the alarms.

use super::card::{Card, Cause, Contact, Order, State};
use super::command::Label;
use super::definition::{Definition, Flaw};
use super::engine::{Cabinet, Told};
use super::health::Watch;
use super::inventory::{Active, Member};
use super::io::{Alarm, Event, Output, Standing, What};
use super::usage::Share;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Cabinet {
    pub(super) fn define(&mut self, definition: &Definition) -> Result<(), Vec<Flaw>> {
        let flaws = definition.flaws();
        if !flaws.is_empty() {
            return Err(flaws);
        }
        let members = definition.members().map_err(|flaw| vec![flaw])?;
        let now = self.now;
        let old = Arc::clone(&self.inventory);
        let mut cards = BTreeMap::new();
        for place in &definition.cards {
            let services = definition.services.iter().zip(&members);
            let services = services.filter(|(_, members)| members.contains(&place.position));
            let fresh = Card {
                position: place.position,
                address: place.address,
                mac: place.mac,
                circuit_id: place.circuit_id.clone(),
                services: services.map(|(service, _)| service.name.clone()).collect(),
                order: Order::Run,
                contact: Contact::Never,
                state: State::Off,
                since: now,
                cause: Cause::Configured,
                report: None,
                reported_at: now,
            };
            let card = match old.cards.get(&place.position) {
                // Another hardware address is another card: nothing known of the old one holds.
                Some(known) if known.mac == fresh.mac && known.address == fresh.address => {
                    Card { services: fresh.services, circuit_id: fresh.circuit_id, ..known.clone() }
                }
                Some(known) => Card { order: known.order, state: known.state, since: known.since, ..fresh },
                None => fresh,
            };
            if old.cards.get(&place.position).is_none_or(|known| *known != card) {
                self.queue.files.insert(place.position);
            }
            cards.insert(place.position, card);
        }
        let mut watches = BTreeMap::new();
        let mut services = Vec::with_capacity(definition.services.len());
        for (index, (service, members)) in definition.services.iter().zip(members).enumerate() {
            let earlier = old.services.iter().position(|active| active.service.name == service.name);
            let before = earlier.and_then(|earlier| old.services.get(earlier));
            let mut actives = Vec::with_capacity(members.len());
            for position in members {
                let Some(card) = cards.get(&position) else { continue };
                let same = |active: &&Active| active.service.port == service.port;
                let known = before.filter(same).and_then(|active| {
                    active.members.iter().find(|m| m.card == position && m.address == card.address)
                });
                let watch = known.and_then(|_| self.watches.get(&(earlier?, position))).cloned();
                let phase = u32::from(position.chassis) * 7 + u32::from(position.slot);
                watches.insert((index, position), watch.unwrap_or_else(|| Watch::new(now, phase)));
                let (standing, since) = known.map_or((Standing::Down, now), |m| (m.standing, m.since));
                actives.push(Member { card: position, address: card.address, standing, since });
            }
            let order = before.map_or(Order::Run, |active| active.order);
            services.push(Active { service: Arc::clone(service), members: actives, order });
        }
        let positions: Vec<_> = cards.keys().copied().collect();
        self.watches = watches;
        let inventory = self.inventory_mut();
        inventory.name = definition.name.clone();
        inventory.chassis = definition.chassis;
        inventory.slots = definition.slots;
        inventory.cards = cards;
        inventory.services = services;
        inventory.revision += 1;
        self.drop_stale_probes();
        let inventory = Arc::clone(&self.inventory);
        self.usage.retain(|(service, _), _| inventory.service(service.as_str()).is_some());
        self.queue.actions.retain(|card, _| positions.contains(card));
        for position in positions {
            self.settle(position, Cause::Rebound);
        }
        self.queue.members.clear();
        self.queue.routes = true;
        self.probe_due();
        Ok(())
    }

    /// Counts what was used. What is of no service or card that there is now is not counted, so that the counters
    /// stay as few as the members are.
    pub(super) fn used(&mut self, shares: Vec<Share>) {
        for Share { service, card, used } in shares {
            let known = self.inventory.service(service.as_str()).is_some_and(|active| {
                card.is_none_or(|card| active.members.iter().any(|member| member.card == card))
            });
            if known {
                *self.usage.entry((service, card)).or_default() += used;
            }
        }
    }

    pub(super) fn alarm(&mut self, alarm: Alarm) {
        let now = self.now;
        let told = self.alarms.entry(alarm.clone()).or_insert(Told { count: 0, first: now, last: now });
        told.count += 1;
        told.last = now;
        let count = told.count;
        if self.alarms.len() > self.limits.alarms
            && let Some(stale) = self.alarms.iter().min_by_key(|(_, told)| told.last).map(|(a, _)| a.clone())
        {
            self.alarms.remove(&stale);
        }
        // The first, then ever more seldom: a flood of one alarm does not drown the others.
        if count.is_power_of_two() {
            self.note(What::Alarm { alarm, count });
        }
    }

    pub(super) fn note(&mut self, what: What) {
        self.events += 1;
        let event = Event { number: self.events, at: self.now, what };
        self.log.push_back(event.clone());
        while self.log.len() > self.limits.log {
            self.log.pop_front();
        }
        self.notice(Output::Event(event));
    }

    pub(super) fn notice(&mut self, notice: Output) {
        self.stats.lost += self.queue.notice(notice, self.limits.notices);
    }

    /// The system group's text that a command has set.
    pub fn label(&self, label: Label) -> Option<&str> {
        self.inventory.labels.get(&label).map(String::as_str)
    }
}
