//! One copy.

use super::{Config, Error, Input, Outcome, Output};
use crate::CardId;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

/// One request on its way to a second card. See the [module](super).
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    config: Arc<Config>,
    card: CardId,
    address: SocketAddr,
    request: Vec<u8>,
    state: State,
    queue: VecDeque<Effect>,
    now: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Holding,
    Connecting { until: Duration },
    Discarding { seen: u64, quiet_at: Option<Duration>, until: Duration },
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    Connect,
    Send,
    Close(Outcome),
}

impl Session {
    /// Begins a copy for the second card.
    #[must_use]
    pub fn new(config: Arc<Config>, card: CardId, address: SocketAddr, now: Duration) -> Self {
        let (request, queue) = (Vec::new(), VecDeque::new());
        Self { config, card, address, request, state: State::Holding, queue, now }
    }

    /// Tells what happened at `now`.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        if now < self.now {
            return Err(Error::TimeRanBack);
        }
        match (self.state, input) {
            // It is over however long the first card's exchange goes on.
            (State::Over, _) => {}
            (State::Holding, Input::Sent(bytes)) => {
                if self.request.len().saturating_add(bytes.len()) > self.config.limits.bytes {
                    self.over(Outcome::TooLong);
                } else {
                    self.request.extend_from_slice(bytes);
                }
            }
            (State::Holding, Input::Done { whole }) if whole && !self.request.is_empty() => {
                self.state = State::Connecting { until: now.saturating_add(self.config.timeouts.connect) };
                self.queue.push_back(Effect::Connect);
            }
            (State::Holding, Input::Done { .. }) => self.over(Outcome::NotWhole),
            (State::Connecting { .. }, Input::Connected) => {
                let until = now.saturating_add(self.config.timeouts.answer);
                self.state = State::Discarding { seen: 0, quiet_at: None, until };
                self.queue.push_back(Effect::Send);
            }
            (State::Connecting { .. }, Input::Failed) => self.over(Outcome::Failed),
            (State::Discarding { seen, until, .. }, Input::Discarded { len }) => {
                let quiet_at = Some(now.saturating_add(self.config.timeouts.quiet));
                self.state = State::Discarding { seen: seen.saturating_add(len), quiet_at, until };
            }
            (State::Discarding { seen, .. }, Input::Ended | Input::Failed) => self.answered(seen),
            (State::Connecting { until }, Input::Tick) if now >= until => self.over(Outcome::Failed),
            (State::Discarding { seen, .. }, Input::Tick) if self.due().is_some_and(|due| now >= due) => {
                self.answered(seen);
            }
            (_, Input::Tick) => {}
            _ => return Err(Error::NotAsked),
        }
        self.now = now;
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        Some(match self.queue.pop_front()? {
            Effect::Connect => Output::Connect { card: self.card, address: self.address },
            Effect::Send => Output::Send { bytes: &self.request },
            Effect::Close(outcome) => Output::Close(outcome),
        })
    }

    /// When [`Input::Tick`] is due; zero while outputs wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.queue.is_empty() { self.due() } else { Some(Duration::ZERO) }
    }

    /// A copy that is held waits for nothing but the first card's exchange.
    fn due(&self) -> Option<Duration> {
        match self.state {
            State::Holding | State::Over => None,
            State::Connecting { until } => Some(until),
            State::Discarding { quiet_at, until, .. } => Some(quiet_at.map_or(until, |at| at.min(until))),
        }
    }

    fn answered(&mut self, seen: u64) {
        self.over(if seen == 0 { Outcome::Failed } else { Outcome::Answered(seen) });
    }

    fn over(&mut self, outcome: Outcome) {
        // A request that is queued to be sent would be lent no more.
        self.queue.retain(|effect| *effect != Effect::Send);
        self.request = Vec::new();
        self.state = State::Over;
        self.queue.push_back(Effect::Close(outcome));
    }
}
