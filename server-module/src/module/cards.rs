//! The middle agent (patent row M6): hears what cards tell, asks what they don't, and tells them what to do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use snmp_mib::manager::Peer;
use snmp_mib::mib::{Row, Scalars};
use snmp_mib::mibs::cabinet::{self as mib, CardAgent, ServiceSwitch};
use snmp_mib::notify::Trap;
use snmp_mib::wire::{Oid, OidBuf, PduType, Value, VarBindList};
use tokio::sync::{Semaphore, mpsc};

use crate::cabinet::{Action, Card, Contact, Input, Position, Report};
use crate::card::SERVICE;
use crate::drive::poll::{Manager, Unanswered};

use super::handle::Handle;
use super::secret::CardSecret;

/// How often a card that has a program is asked.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// Every so many rounds a card is asked that has never answered: it may have got a program meanwhile.
const SEARCH_ROUNDS: u64 = 6;

/// The most cards that are asked at once.
const ASKED_AT_ONCE: usize = 64;

/// Cards that have told something and wait to be asked more.
const BACKLOG: usize = 512;

/// Columns of smCardTable.
const UP_TIME: u32 = 5;
const TEMPERATURE: u32 = 6;

/// Scalars of smAgent.
const SOFTWARE: u32 = 2;
const HARDWARE: u32 = 3;

/// The way to the cards' agents.
#[derive(Clone)]
pub(super) struct Cards {
    handle: Handle,
    manager: Manager,
    secret: CardSecret,
    /// The port of every card's agent.
    port: u16,
    asked_at_once: Arc<Semaphore>,
}

/// Where a card's call is handed in.
#[derive(Clone)]
pub(super) struct Calls(mpsc::Sender<Position>);

impl Cards {
    pub(super) fn new(handle: Handle, manager: Manager, secret: CardSecret, port: u16) -> Self {
        Self { handle, manager, secret, port, asked_at_once: Arc::new(Semaphore::new(ASKED_AT_ONCE)) }
    }

    /// Where cards call, and the task that asks them: every ten seconds, and at once when they call.
    pub(super) fn asking(self) -> (Calls, impl Future<Output = ()> + Send) {
        let (call, mut calls) = mpsc::channel(BACKLOG);
        let asking = async move {
            let mut interval = tokio::time::interval(POLL_INTERVAL);
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut round = 0_u64;
            loop {
                tokio::select! {
                    _ = interval.tick() => {
                        self.ask_all(round);
                        round += 1;
                    }
                    Some(card) = calls.recv() => {
                        if let Some(card) = self.handle.snapshot().card(card) {
                            tokio::spawn(self.clone().ask(card.clone()));
                        }
                    }
                }
            }
        };
        (Calls(call), asking)
    }

    fn ask_all(&self, round: u64) {
        let searching = round.is_multiple_of(SEARCH_ROUNDS);
        for card in self.handle.snapshot().cards.values() {
            if searching || card.report.is_some() {
                tokio::spawn(self.clone().ask(card.clone()));
            }
        }
    }

    /// Asks one card, and reports what it says or that it says nothing.
    async fn ask(self, card: Card) {
        let Ok(_turn) = self.asked_at_once.acquire().await else { return };
        let names = names(card.position);
        let names: Vec<Oid<'_>> = names.iter().map(OidBuf::as_oid).collect();
        let position = card.position;
        match self.manager.get(self.peer(&card), &names).await {
            Ok(answers) => {
                let report = report(position, &answers);
                self.handle.report(Input::Reported { card: position, report }).await;
            }
            Err(Unanswered::Failed(failure))
                if matches!(card.contact, Contact::Heard { .. }) && card.report.is_some() =>
            {
                tracing::debug!(card = %position, %failure, "its program does not answer");
                self.handle.report(Input::Silent { card: position }).await;
            }
            Err(error) => tracing::trace!(card = %position, %error, "no program there"),
        }
    }

    /// Tells a card's program to do something.
    pub(super) fn act(&self, card: &Card, action: Action) {
        let switch = match action {
            Action::StartServices => ServiceSwitch::Started,
            Action::StopServices => ServiceSwitch::Stopped,
        };
        let (cards, card) = (self.clone(), card.clone());
        tokio::spawn(async move {
            let mut bindings = VarBindList::new();
            bindings.push(SERVICE, Value::Integer(switch as i32));
            match cards.manager.set(cards.peer(&card), bindings).await {
                Ok(_) => tracing::debug!(card = %card.position, ?action, "told"),
                Err(error) => {
                    tracing::warn!(card = %card.position, ?action, "its program was not told: {error}");
                    cards.handle.report(Input::Silent { card: card.position }).await;
                }
            }
        });
    }

    /// Asks a card's agent what a manager asked.
    pub(super) async fn relay(
        &self,
        card: Position,
        kind: PduType,
        counts: (i32, i32),
        bindings: VarBindList,
    ) -> Result<VarBindList, Unanswered> {
        let snapshot = self.handle.snapshot();
        let card = snapshot.card(card).ok_or(Unanswered::Gone)?;
        self.manager.relay(self.peer(card), kind, counts, bindings).await
    }

    fn peer(&self, card: &Card) -> Peer {
        Peer::v2c(SocketAddr::new(card.address, self.port), &self.secret.community(card.position))
    }
}

impl Calls {
    /// Takes a card's notification: it has started, or its service has changed.
    pub(super) fn take(&self, handle: &Handle, from: SocketAddr, trap: &Trap<'_>) {
        let Some(card) = handle.snapshot().card_at(from.ip()).map(|card| card.position) else {
            tracing::debug!(%from, "a notification from what is no card");
            return;
        };
        tracing::debug!(%card, name = %trap.name.as_oid(), "notification");
        // Whatever it tells, its service may have come or gone.
        handle.try_report(Input::Suspect { card });
        // A full backlog loses nothing: every card is asked when its time comes.
        let _ = self.0.try_send(card);
    }
}

/// What a card's agent is asked for.
fn names(Position { chassis, slot }: Position) -> [OidBuf; 4] {
    let column = |column| mib::Card::TABLE.oid.to_buf().join(&[1, column, chassis.into(), slot.into()]);
    let scalar = |scalar| CardAgent::GROUP.oid.to_buf().join(&[scalar, 0]);
    [column(UP_TIME), column(TEMPERATURE), scalar(SOFTWARE), scalar(HARDWARE)]
}

/// Reads a card's answers; what it does not know is an exception, and stays unknown.
fn report(card: Position, answers: &VarBindList) -> Report {
    let [up_time, temperature, software, hardware] = names(card);
    let value = |name: &OidBuf| {
        answers.iter().find(|binding| binding.name == name.as_oid()).map(|binding| binding.value)
    };
    let text = |name| match value(name) {
        Some(Value::Octets(text)) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    };
    Report {
        up_time: match value(&up_time) {
            Some(Value::TimeTicks(ticks)) => Some(Duration::from_millis(u64::from(ticks) * 10)),
            _ => None,
        },
        temperature: match value(&temperature) {
            Some(Value::Integer(tenths)) => Some(tenths),
            _ => None,
        },
        software: text(&software),
        hardware: text(&hardware),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_card_does_not_know_stays_unknown() {
        let card = Position::new(2, 1);
        let [up_time, temperature, software, _] = names(card);
        let mut answers = VarBindList::new();
        answers.push(up_time.as_oid(), Value::TimeTicks(250));
        answers.push(temperature.as_oid(), Value::NoSuchInstance);
        answers.push(software.as_oid(), Value::Octets(b"server-module 0.1.0"));
        let report = report(card, &answers);
        assert_eq!(report.up_time, Some(Duration::from_millis(2500)));
        assert_eq!((report.temperature, report.hardware), (None, None));
        assert_eq!(report.software.as_deref(), Some("server-module 0.1.0"));
    }
}
