//! A TLS connection that is passed through by the name in its hello, or left to the driver to end.
//!
//! ```text
//! Hello --whole--> Seeking --Connected--> Relaying --both ended--> Over
//!   |                 |--no route, and the driver ends TLS: Output::Secure--> Handed
//!   '--malformed, late, no card: an alert, then--> Over
//! ```

use super::{Alert, Malformed, Peek};
use crate::Key;
use crate::session::{Announce, Desk, Error, Found, Input, Output, Peer, Refusal, Side};
use crate::wire::host::Host;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// What all sessions of a listener share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What happens to a connection whose name has no route.
    pub otherwise: Otherwise,
    /// A PROXY header in front of what the card gets.
    pub announce: Announce,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// How many cards are tried.
    pub tries: usize,
}

/// What happens to a connection whose name has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// The driver ends TLS ([`Output::Secure`]); this session is over.
    Terminate,
    /// It is refused with `unrecognized_name`.
    Refuse,
}

/// How long is waited for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the whole hello.
    pub hello: Duration,
    /// For the table, the pool and a connection to a card.
    pub connect: Duration,
    /// Without progress in either direction.
    pub idle: Duration,
    /// For the other side to end, once one has.
    pub linger: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            otherwise: Otherwise::Terminate,
            announce: Announce::No,
            timeouts: Timeouts::default(),
            tries: 3,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            connect: Duration::from_secs(2),
            idle: Duration::from_secs(600),
            linger: Duration::from_secs(60),
        }
    }
}

/// One connection. It keeps at most [`super::MAX_HELLO`] bytes, and those only while a hello in several records is not
/// whole; the driver buffers as many.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    config: Arc<Config>,
    desk: Desk,
    state: State,
    name: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Hello(Box<Peek>),
    Seeking,
    /// Whether the customer, and the card, may still send.
    Relaying {
        client: bool,
        card: bool,
    },
    Handed,
    Over,
}

impl Session {
    /// Begins a connection at `now`.
    #[must_use]
    pub fn new(config: Arc<Config>, peer: Peer, now: Duration) -> Self {
        let desk = Desk::new(peer, config.tries, now, config.timeouts.hello);
        Self { config, desk, state: State::Hello(Box::default()), name: None }
    }

    /// Tells what happened at `now`, and how many bytes of [`Input::Data`] were taken: always none, since all of them
    /// go to whoever speaks TLS.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
        self.desk.judge(now)?;
        match input {
            Input::Data { side, bytes, end } => {
                if side == Side::Client {
                    self.hello(now, bytes);
                }
                if end
                    && self.desk.out.is_empty()
                    && (bytes.is_empty() || matches!(self.state, State::Hello(_)))
                {
                    self.ended(now, side, false);
                }
            }
            Input::Drain => {}
            Input::Tick => self.tick(now),
            Input::Broken { side } => self.ended(now, side, true),
            Input::Forwarded { from, len } => self.forwarded(now, from, len)?,
            answer => {
                if !matches!(self.state, State::Seeking) {
                    return Err(Error::NotAsked);
                }
                let found = self.desk.seek.handle(now, &answer, &mut self.desk.out)?;
                self.found(now, found);
            }
        }
        self.desk.note(now);
        Ok(0)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        let host = self.name.as_deref().map(Host::from_normalised);
        self.desk.poll(Key::Sni(host))
    }

    /// When [`Input::Tick`] is due; zero while outputs wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.desk.deadline()
    }

    fn hello(&mut self, now: Duration, bytes: &[u8]) {
        let State::Hello(peek) = &mut self.state else { return };
        match peek.read(bytes) {
            Ok(None) => {}
            Ok(Some(hello)) => {
                self.name = hello.host().map(|host| host.as_bytes().to_vec());
                self.state = State::Seeking;
                self.desk.wait(now, self.config.timeouts.connect);
                self.desk.seek.begin(&mut self.desk.out);
            }
            Err(malformed) => {
                let refusal = match malformed {
                    Malformed::TooLong => Refusal::TooLarge,
                    _ => Refusal::Malformed,
                };
                self.refuse(now, refusal, Some(malformed.alert()));
            }
        }
    }

    fn found(&mut self, now: Duration, found: Found) {
        match found {
            Found::NotYet => self.desk.wait(now, self.config.timeouts.connect),
            Found::Card => self.relay(now),
            Found::Nothing(Refusal::NoRoute) if self.config.otherwise == Otherwise::Terminate => {
                self.state = State::Handed;
                self.desk.deadline = None;
                self.desk.out.push(Output::Secure);
            }
            Found::Nothing(Refusal::NoRoute) => {
                self.refuse(now, Refusal::NoRoute, Some(Alert::UNRECOGNIZED_NAME));
            }
            Found::Nothing(Refusal::Denied) => self.refuse(now, Refusal::Denied, Some(Alert::ACCESS_DENIED)),
            Found::Nothing(refusal) => self.refuse(now, refusal, Some(Alert::INTERNAL_ERROR)),
        }
    }

    fn relay(&mut self, now: Duration) {
        self.desk.announce(self.config.announce);
        self.desk.out.forward(Side::Client, u64::MAX);
        self.desk.out.forward(Side::Card, u64::MAX);
        self.state = State::Relaying { client: true, card: true };
        self.desk.wait(now, self.config.timeouts.idle);
    }

    fn forwarded(&mut self, now: Duration, from: Side, len: u64) -> Result<(), Error> {
        let State::Relaying { client, card } = self.state else { return Err(Error::Overrun) };
        if !(if from == Side::Client { client } else { card }) {
            return Err(Error::Overrun);
        }
        if from == Side::Card {
            self.desk.seek.answered(now);
        }
        let Desk { from_client, from_card, .. } = &mut self.desk;
        let moved = if from == Side::Client { from_client } else { from_card };
        *moved = moved.saturating_add(len);
        if client && card {
            self.desk.wait(now, self.config.timeouts.idle);
        }
        Ok(())
    }

    fn ended(&mut self, now: Duration, side: Side, broken: bool) {
        match &mut self.state {
            State::Relaying { client, card } => {
                let (this, other) = match side {
                    Side::Client => (client, *card),
                    Side::Card => (card, *client),
                };
                let first = core::mem::replace(this, false);
                let to = if side == Side::Client { Side::Card } else { Side::Client };
                if broken || (first && !other) {
                    self.over(now, broken);
                } else if first {
                    self.desk.out.push(Output::Finish { to });
                    self.desk.wait(now, self.config.timeouts.linger);
                }
            }
            State::Hello(_) => self.refuse(now, Refusal::Malformed, None),
            State::Seeking if side == Side::Client && broken => self.over(now, true),
            _ => {}
        }
    }

    fn tick(&mut self, now: Duration) {
        if !self.desk.is_late(now) {
            return;
        }
        match self.state {
            State::Hello(_) => self.refuse(now, Refusal::Slow, None),
            State::Seeking => {
                let found = self.desk.seek.late(&mut self.desk.out);
                self.found(now, found);
            }
            State::Relaying { client, card } => self.over(now, client && card),
            State::Handed | State::Over => self.desk.deadline = None,
        }
    }

    fn refuse(&mut self, now: Duration, refusal: Refusal, alert: Option<Alert>) {
        self.desk.refused(refusal);
        if let Some(alert) = alert {
            self.desk.out.send(Side::Client, &[&alert.record()]);
        }
        self.over(now, false);
    }

    fn over(&mut self, now: Duration, abort: bool) {
        self.desk.close(now, abort);
        self.state = State::Over;
    }
}
