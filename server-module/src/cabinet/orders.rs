//! Orders to cards and services, and the state and standing that follow.

use super::card::{Card, Cause, Contact, Order, Port, State};
use super::command::{Refusal, Reply};
use super::engine::Cabinet;
use super::inventory::Active;
use super::io::{Action, Kept, Output, Standing, Transition, What};
use super::service::Name;
use super::units::Position;

impl Cabinet {
    pub(super) fn stop_card(&mut self, position: Position, cause: Cause) -> Reply {
        let Some(card) = self.inventory.cards.get(&position) else {
            return Reply::Card { state: State::Off, changed: false };
        };
        match (card.order, card.state) {
            (Order::Drain { .. }, _) => return Reply::Draining,
            (Order::Stop, state) => return Reply::Card { state, changed: false },
            (Order::Run, State::Running) => {
                self.queue.keep(Kept::Stopped { card: position, stopped: true });
                let deadline = self.now.saturating_add(self.limits.drain);
                self.order(position, Order::Drain { deadline });
                self.settle(position, cause);
                return Reply::Draining;
            }
            (Order::Run | Order::Fail, _) => {}
        }
        self.queue.keep(Kept::Stopped { card: position, stopped: true });
        self.stop(position, cause);
        Reply::Card { state: State::Off, changed: true }
    }

    pub(super) fn start_card(&mut self, position: Position, cause: Cause) -> Reply {
        let order = self.inventory.cards.get(&position).map(|card| card.order);
        match order {
            None | Some(Order::Run) => {}
            Some(Order::Drain { .. }) => {
                self.queue.keep(Kept::Stopped { card: position, stopped: false });
                self.order(position, Order::Run);
                self.settle(position, cause);
            }
            Some(Order::Stop | Order::Fail) => {
                self.queue.keep(Kept::Stopped { card: position, stopped: false });
                self.order(position, Order::Run);
                self.forget(position);
                self.act(position, Action::StartServices);
                self.settle(position, cause);
            }
        }
        let state = self.inventory.cards.get(&position).map_or(State::Off, |card| card.state);
        Reply::Card { state, changed: !matches!(order, None | Some(Order::Run)) }
    }

    pub(super) fn fail_card(&mut self, position: Position, cause: Cause) -> Reply {
        let changed = self.inventory.cards.get(&position).is_some_and(|card| card.order != Order::Fail);
        if changed {
            self.order(position, Order::Fail);
            self.forget(position);
            self.act(position, Action::StopServices);
            self.settle(position, cause);
        }
        Reply::Card { state: State::Failed, changed }
    }

    /// Ends a card's service, drained or not.
    pub(super) fn stop(&mut self, position: Position, cause: Cause) {
        self.order(position, Order::Stop);
        self.forget(position);
        self.act(position, Action::StopServices);
        self.settle(position, cause);
    }

    pub(super) fn order(&mut self, position: Position, order: Order) {
        if let Some(card) = self.inventory_mut().cards.get_mut(&position) {
            card.order = order;
        }
    }

    pub(super) fn act(&mut self, position: Position, action: Action) {
        if self.inventory.cards.get(&position).is_some_and(Card::has_program) {
            self.queue.actions.insert(position, action);
        }
    }

    pub(super) fn heard(&mut self, position: Position, cause: Cause) {
        let at = self.now;
        let mut returned = false;
        if let Some(card) = self.inventory_mut().cards.get_mut(&position) {
            returned = !matches!(card.contact, Contact::Heard { .. });
            card.contact = Contact::Heard { at };
            if returned && cause == Cause::Leased {
                card.report = None;
            }
        }
        if returned || cause == Cause::Leased {
            self.hurry(position);
        }
        // A card that comes back while it should be stopped is told again.
        if returned && matches!(self.inventory.cards.get(&position), Some(Card { order: Order::Stop, .. })) {
            self.act(position, Action::StopServices);
        }
        self.settle(position, cause);
    }

    /// Judges a card's state and its members' standing anew, and tells of what has changed.
    pub(super) fn settle(&mut self, position: Position, cause: Cause) {
        let port = self.port(position);
        let Some(card) = self.inventory.cards.get(&position) else { return };
        if matches!(card.order, Order::Drain { .. }) && port != Port::Answers {
            // Nobody is left to finish anything.
            return self.stop(position, Cause::Drained);
        }
        self.settle_members(position);
        let now = self.now;
        let Some(card) = self.inventory.cards.get(&position) else { return };
        let (from, to) = (card.state, card.judge(port));
        if from == to {
            return;
        }
        if let Some(card) = self.inventory_mut().cards.get_mut(&position) {
            card.state = to;
            card.since = now;
            card.cause = cause.clone();
        }
        let transition = Transition { card: position, from, to, at: now, cause };
        self.stats.transitions += 1;
        self.notice(Output::Trap(transition.clone()));
        self.note(What::State(transition));
    }

    pub(super) fn settle_members(&mut self, position: Position) {
        let Some(order) = self.inventory.cards.get(&position).map(|card| card.order) else { return };
        let mut changes = Vec::new();
        for (index, active) in self.inventory.services.iter().enumerate() {
            for (place, member) in active.members.iter().enumerate().filter(|(_, m)| m.card == position) {
                let up = self.is_up(index, position);
                let standing = match (order, active.order) {
                    (Order::Run, Order::Run) if up => Standing::Serving,
                    (Order::Run | Order::Drain { .. }, Order::Run | Order::Drain { .. }) if up => {
                        Standing::Draining
                    }
                    _ => Standing::Down,
                };
                if standing != member.standing {
                    changes.push((index, place, standing));
                }
            }
        }
        let since = self.now;
        for (index, place, standing) in changes {
            let inventory = self.inventory_mut();
            inventory.revision += 1;
            if let Some(member) = inventory.services.get_mut(index).and_then(|a| a.members.get_mut(place)) {
                member.standing = standing;
                member.since = since;
            }
            self.queue.members.insert((index, position));
        }
        // Where no member is left to finish anything, a drain is over.
        let over = |active: &Active| {
            matches!(active.order, Order::Drain { .. })
                && active.members.iter().all(|member| member.standing == Standing::Down)
        };
        while let Some(index) = self.inventory.services.iter().position(over) {
            self.set_service(index, Order::Stop);
        }
    }
}

impl Cabinet {
    pub(super) fn stop_service(&mut self, name: Name) -> Result<Reply, Refusal> {
        let deadline = self.now.saturating_add(self.limits.drain);
        self.order_service(name, Order::Drain { deadline })
    }

    pub(super) fn start_service(&mut self, name: Name) -> Result<Reply, Refusal> {
        self.order_service(name, Order::Run)
    }

    pub(super) fn order_service(&mut self, name: Name, order: Order) -> Result<Reply, Refusal> {
        let found = self.inventory.services.iter().position(|active| active.service.name == name);
        let Some(index) = found else { return Err(Refusal::NoSuchService(name)) };
        let stopped = order != Order::Run;
        let was = self.inventory.services.get(index).is_some_and(|active| active.order != Order::Run);
        if was != stopped {
            self.queue.keep(Kept::ServiceStopped { service: name, stopped });
            self.set_service(index, order);
        }
        Ok(Reply::Service { stopped, changed: was != stopped })
    }

    pub(super) fn service_drained(&mut self, name: &Name) {
        let drains = |active: &Active| matches!(active.order, Order::Drain { .. });
        let mut services = self.inventory.services.iter();
        if let Some(index) = services.position(|active| active.service.name == *name && drains(active)) {
            self.set_service(index, Order::Stop);
        }
    }

    pub(super) fn set_service(&mut self, index: usize, order: Order) {
        let mut cards = Vec::new();
        if let Some(active) = self.inventory_mut().services.get_mut(index) {
            active.order = order;
            cards.extend(active.members.iter().map(|member| member.card));
        }
        cards.into_iter().for_each(|card| self.settle_members(card));
    }
}
