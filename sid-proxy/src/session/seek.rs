//! From a name to a connected card: route, pick, connect, and the next card where one fails.

use super::{Error, Event, Input, Outbox, Output, Refusal};
use crate::pool::Outcome;
use crate::{CardId, Decision};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

/// The search for a card.
///
/// ```text
/// Idle --begin--> Routing --Routed--> Picking --Picked--> Connecting --Connected--> Idle
///                                        ^-------- ConnectFailed --------'
/// ```
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seek {
    stage: Stage,
    /// The card that was picked and not released.
    card: Option<(CardId, SocketAddr)>,
    /// Cards that failed.
    pub(crate) tried: Vec<CardId>,
    /// The last route.
    pub(crate) decision: Option<Decision>,
    /// The last card.
    pub(crate) last: Option<CardId>,
    /// Where the customer connected to: a card there is the proxy itself.
    own: SocketAddr,
    tries: usize,
    picked_at: Duration,
    /// From the pick to the card's first byte.
    first_byte_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Idle,
    Routing,
    Picking,
    Connecting,
}

/// Where the search stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It goes on.
    NotYet,
    /// A card is connected.
    Card,
    /// There is none to be had.
    Nothing(Refusal),
}

impl Seek {
    pub(crate) fn new(own: SocketAddr, tries: usize) -> Self {
        Self {
            stage: Stage::Idle,
            card: None,
            tried: Vec::new(),
            decision: None,
            last: None,
            own,
            tries,
            picked_at: Duration::ZERO,
            first_byte_after: None,
        }
    }

    /// Asks for the route.
    pub(crate) fn begin(&mut self, out: &mut Outbox) {
        self.tried.clear();
        self.decision = None;
        self.stage = Stage::Routing;
        out.route();
    }

    /// The address of the card that is connected or being connected.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.card.map(|(_, address)| address)
    }

    /// Takes an answer.
    pub(crate) fn handle(
        &mut self,
        now: Duration,
        input: &Input<'_>,
        out: &mut Outbox,
    ) -> Result<Found, Error> {
        match (self.stage, *input) {
            (Stage::Routing, Input::Routed(Ok(decision))) => {
                self.decision = Some(decision);
                self.stage = Stage::Picking;
                out.pick(decision.service);
            }
            (Stage::Routing, Input::Routed(Err(_))) => return Ok(self.nothing(Refusal::NoRoute)),
            (Stage::Picking, Input::Picked { card, address }) => {
                self.card = Some((card, address));
                self.last = Some(card);
                self.picked_at = now;
                self.first_byte_after = None;
                if address == self.own {
                    self.release(out, true);
                    return Ok(self.nothing(Refusal::Loop));
                }
                self.stage = Stage::Connecting;
                out.push(Output::Connect { card, address });
            }
            (Stage::Picking, Input::NoCard | Input::Busy(_)) => {
                let broke = if self.tried.is_empty() { Refusal::NoCard } else { Refusal::CardBroke };
                return Ok(self.nothing(broke));
            }
            (Stage::Picking, Input::Denied { .. }) => return Ok(self.nothing(Refusal::Denied)),
            (Stage::Connecting, Input::Connected { .. }) => {
                self.stage = Stage::Idle;
                return Ok(Found::Card);
            }
            (Stage::Connecting, Input::ConnectFailed) => return Ok(self.again(out)),
            _ => return Err(Error::NotAsked),
        }
        Ok(Found::NotYet)
    }

    /// The card failed before anything was consumed: the next one, if there may be one.
    pub(crate) fn again(&mut self, out: &mut Outbox) -> Found {
        if let Some((card, _)) = self.card {
            self.tried.push(card);
        }
        self.release(out, true);
        match self.decision {
            Some(decision) if self.tried.len() < self.tries => {
                self.stage = Stage::Picking;
                out.pick(decision.service);
                Found::NotYet
            }
            _ => self.nothing(Refusal::CardBroke),
        }
    }

    /// No answer came in time: the next card where one was being connected.
    pub(crate) fn late(&mut self, out: &mut Outbox) -> Found {
        match self.stage {
            Stage::Connecting => self.again(out),
            _ => self.nothing(Refusal::CardBroke),
        }
    }

    /// Gives the card back if there is one, and forgets what was asked.
    pub(crate) fn release(&mut self, out: &mut Outbox, failed: bool) {
        self.stage = Stage::Idle;
        let (Some((card, _)), Some(decision)) = (self.card.take(), self.decision) else { return };
        let service = decision.service;
        let outcome = match self.first_byte_after {
            _ if failed => Outcome::Failed,
            Some(first_byte_after) => Outcome::Answered { first_byte_after, status: 0 },
            None => Outcome::Unknown,
        };
        if failed {
            out.event(Event::CardFailed { service, card });
        }
        out.push(Output::Release { service, card, outcome });
    }

    /// The card has sent something.
    pub(crate) fn answered(&mut self, now: Duration) {
        self.first_byte_after.get_or_insert(now.saturating_sub(self.picked_at));
    }

    fn nothing(&mut self, refusal: Refusal) -> Found {
        self.stage = Stage::Idle;
        Found::Nothing(refusal)
    }
}
