//! One customer's connection.
//!
//! ```text
//!                 .------------- refused -------------------.
//!                 v                                         |
//! Authorization --PASS, AUTH--> Seeking --> Replaying --> Refusing
//!   |    ^  |  ^--SASL line--'                  |
//! STLS   |  '--AUTH--> Sasl                     '--+OK--> Transaction --> Over
//!   v    |
//! Securing
//! ```

use super::config::Config;
use super::relay::Relay;
use super::sasl::Credentials;
use crate::Key;
use crate::session::{
    Error, Event, Found, Input, Line, Outbox, Output, Peer, Refusal, Security, Seek, Side, Usage, line,
};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// One customer's connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub(super) config: Arc<Config>,
    peer: Peer,
    pub(super) state: State,
    pub(super) seek: Seek,
    pub(super) given: Credentials,
    pub(super) secure: bool,
    pub(super) draining: bool,
    /// Commands and refused passwords so far.
    commands: u32,
    attempts: u32,
    pub(super) out: Outbox,
    from_client: u64,
    from_card: u64,
    refusal: Option<Refusal>,
    deadline: Option<Duration>,
    /// When the line must be whole of which a part is here.
    line_by: Option<Duration>,
    /// When the password came.
    pub(super) asked_at: Duration,
    began_at: Duration,
    now: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Authorization,
    /// The next line answers a challenge.
    Sasl(Challenge),
    Securing,
    Seeking,
    Replaying(Step),
    /// The refusal is due at the deadline.
    Refusing(&'static str),
    Transaction(Relay),
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Challenge {
    Plain,
    LoginName,
    LoginPassword,
}

/// What the card is to answer next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Greeting,
    User,
    Auth,
    Password,
}

pub(super) const FAILED: &str = "-ERR [AUTH] Authentication failed\r\n";
pub(super) const UNAVAILABLE: &str = "-ERR [SYS/TEMP] Temporarily unavailable, try again later\r\n";

impl Session {
    /// Begins a connection at `now`, with the greeting.
    #[must_use]
    pub fn new(config: Arc<Config>, peer: Peer, now: Duration) -> Self {
        let mut out = Outbox::default();
        out.send(Side::Client, &[greeting(&config).as_bytes()]);
        Self {
            peer,
            state: State::Authorization,
            seek: Seek::new(peer.local, config.limits.tries),
            given: Credentials::default(),
            secure: config.security == Security::Already,
            draining: false,
            commands: 0,
            attempts: 0,
            out,
            from_client: 0,
            from_card: 0,
            refusal: None,
            deadline: Some(now.saturating_add(config.timeouts.idle)),
            line_by: None,
            asked_at: now,
            began_at: now,
            now,
            config,
        }
    }

    /// Tells what happened at `now`, and how many bytes of [`Input::Data`] were taken. Nothing is taken while outputs
    /// wait.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
        if now < self.now {
            return Err(Error::TimeRanBack);
        }
        let taken = match input {
            Input::Data { .. } if !self.out.is_empty() => 0,
            Input::Data { side, bytes, end } => {
                let taken = match side {
                    Side::Client => self.client_data(now, bytes),
                    Side::Card => self.card_data(now, bytes),
                };
                let whole = matches!(line(bytes, self.config.limits.line), Line::Whole(..));
                if end && taken == 0 && !whole && self.out.is_empty() {
                    self.ended(now, side);
                }
                taken
            }
            Input::Broken { side } => self.broken(now, side),
            Input::Forwarded { from, len } => self.forwarded(now, from, len)?,
            Input::Secured | Input::SecureFailed => self.secured(now, input == Input::Secured)?,
            Input::Drain => self.drain(),
            Input::Tick => self.tick(now),
            answer => self.sought(now, &answer)?,
        };
        self.now = now;
        Ok(taken)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.out.poll(Key::Pop3(&self.given.login), &self.seek.tried)
    }

    /// When [`Input::Tick`] is due; zero while outputs wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if !self.out.is_empty() {
            return Some(Duration::ZERO);
        }
        [self.deadline, self.line_by].into_iter().flatten().min()
    }

    fn client_data(&mut self, now: Duration, bytes: &[u8]) -> usize {
        if let State::Transaction(relay) = &mut self.state {
            let Ok(taken) = relay.client_data(bytes, &self.config.limits, &mut self.out) else {
                self.refuse_and_close(now, Refusal::TooLarge, "-ERR Line too long\r\n");
                return bytes.len();
            };
            if taken > 0 {
                self.from_client = self.from_client.saturating_add(crate::number::long(taken));
                self.wait(now, self.config.timeouts.idle);
            }
            return taken;
        }
        if !matches!(self.state, State::Authorization | State::Sasl(_)) || bytes.is_empty() {
            return 0;
        }
        match line(bytes, self.config.limits.line) {
            Line::Partial => {
                let by = now.saturating_add(self.config.timeouts.line);
                self.line_by.get_or_insert(by);
                0
            }
            Line::TooLong => {
                self.refuse_and_close(now, Refusal::TooLarge, "-ERR Line too long\r\n");
                bytes.len()
            }
            Line::Whole(text, taken) => {
                self.line_by = None;
                self.wait(now, self.config.timeouts.idle);
                self.commands = self.commands.saturating_add(1);
                if self.commands > self.config.limits.commands {
                    self.refuse_and_close(now, Refusal::TooMany, "-ERR Too many commands\r\n");
                } else if let State::Sasl(challenge) = self.state {
                    self.respond(now, challenge, text);
                } else {
                    self.command(now, text);
                }
                taken
            }
        }
    }

    fn sought(&mut self, now: Duration, answer: &Input<'_>) -> Result<usize, Error> {
        if self.state != State::Seeking {
            return Err(Error::NotAsked);
        }
        let found = self.seek.handle(now, answer, &mut self.out)?;
        self.found(now, found);
        Ok(0)
    }

    pub(super) fn found(&mut self, now: Duration, found: Found) {
        match found {
            Found::NotYet => {
                self.state = State::Seeking;
                self.wait(now, self.config.timeouts.connect);
            }
            Found::Card => {
                let mut header = Vec::new();
                self.config.announce.write(&self.peer, &mut header);
                if !header.is_empty() {
                    self.out.send(Side::Card, &[&header]);
                }
                self.step(now, Step::Greeting);
            }
            Found::Nothing(Refusal::NoRoute) => self.refuse(now, Refusal::NoRoute, FAILED),
            Found::Nothing(refusal) => self.refuse(now, refusal, UNAVAILABLE),
        }
    }

    fn card_data(&mut self, now: Duration, bytes: &[u8]) -> usize {
        let card = self.seek.address().map(|address| address.ip());
        match &mut self.state {
            State::Transaction(relay) => {
                let taken =
                    relay.card_data(bytes, &self.config.limits, &self.config.inside, card, &mut self.out);
                let Ok(taken) = taken else {
                    self.refuse_and_close(now, Refusal::CardMalformed, "");
                    return bytes.len();
                };
                self.from_card = self.from_card.saturating_add(crate::number::long(taken));
                if taken > 0 {
                    self.wait(now, self.config.timeouts.idle);
                }
                taken
            }
            State::Replaying(step) => {
                let step = *step;
                match line(bytes, self.config.limits.line) {
                    Line::Whole(text, taken) => {
                        self.seek.answered(now);
                        self.replay(now, step, text);
                        taken
                    }
                    Line::Partial => 0,
                    Line::TooLong => {
                        self.refuse(now, Refusal::CardMalformed, UNAVAILABLE);
                        bytes.len()
                    }
                }
            }
            _ => 0,
        }
    }

    fn forwarded(&mut self, now: Duration, from: Side, len: u64) -> Result<usize, Error> {
        let State::Transaction(relay) = &mut self.state else { return Err(Error::Overrun) };
        if from == Side::Client || !relay.forwarded(len) {
            return Err(Error::Overrun);
        }
        self.from_card = self.from_card.saturating_add(len);
        self.wait(now, self.config.timeouts.idle);
        Ok(0)
    }

    fn secured(&mut self, now: Duration, done: bool) -> Result<usize, Error> {
        if self.state != State::Securing {
            return Err(Error::NotAsked);
        }
        if done {
            // What was said in the clear does not count any more (RFC 2595 §4).
            self.given = Credentials::default();
            self.secure = true;
            self.state = State::Authorization;
            self.wait(now, self.config.timeouts.idle);
        } else {
            self.refuse_and_close(now, Refusal::NotSecure, "");
        }
        Ok(0)
    }

    /// A side sends no more, and nothing whole of it is left.
    fn ended(&mut self, now: Duration, side: Side) {
        match (&mut self.state, side) {
            (State::Authorization | State::Sasl(_), Side::Client) => self.over(now, false),
            (State::Transaction(relay), Side::Client) => {
                if relay.client_ended() {
                    self.out.push(Output::Finish { to: Side::Card });
                    self.wait(now, self.config.timeouts.linger);
                }
            }
            // Whoever waits for an answer to a login gets it.
            (_, Side::Client) => {}
            (_, Side::Card) => self.card_ended(now),
        }
    }

    fn broken(&mut self, now: Duration, side: Side) -> usize {
        match (&self.state, side) {
            (State::Over, _) => {}
            (_, Side::Client) => self.over(now, true),
            (_, Side::Card) => self.card_ended(now),
        }
        0
    }

    fn card_ended(&mut self, now: Duration) {
        match &self.state {
            State::Transaction(relay) => {
                let abort = relay.is_cut();
                self.over(now, abort);
            }
            State::Replaying(Step::Greeting) => {
                let found = self.seek.again(&mut self.out);
                self.found(now, found);
            }
            State::Replaying(_) => self.refuse(now, Refusal::CardBroke, UNAVAILABLE),
            _ => {}
        }
    }

    fn drain(&mut self) -> usize {
        self.draining = true;
        0
    }

    fn tick(&mut self, now: Duration) -> usize {
        let due = |by: Option<Duration>| by.is_some_and(|by| now >= by);
        if due(self.line_by) {
            self.refuse_and_close(now, Refusal::Slow, "-ERR Too slow\r\n");
        } else if due(self.deadline) {
            match self.state {
                State::Authorization | State::Sasl(_) => {
                    self.refuse_and_close(now, Refusal::Slow, "-ERR Idle too long\r\n");
                }
                State::Securing => self.refuse_and_close(now, Refusal::Slow, ""),
                State::Seeking => {
                    let found = self.seek.late(&mut self.out);
                    self.found(now, found);
                }
                State::Replaying(Step::Greeting) => {
                    let found = self.seek.again(&mut self.out);
                    self.found(now, found);
                }
                State::Replaying(_) => self.refuse(now, Refusal::CardMalformed, UNAVAILABLE),
                State::Refusing(answer) => self.refuse_now(now, answer),
                State::Transaction(ref relay) => {
                    let abort = relay.is_cut();
                    self.over(now, abort);
                }
                State::Over => self.deadline = None,
            }
        }
        0
    }

    /// Gives the card back and refuses, not before the time that every refusal takes.
    pub(super) fn refuse(&mut self, now: Duration, refusal: Refusal, answer: &'static str) {
        let broke = matches!(refusal, Refusal::CardBroke | Refusal::CardMalformed | Refusal::Loop);
        self.seek.release(&mut self.out, broke);
        self.refusal = Some(refusal);
        self.given = Credentials::default();
        self.out.event(Event::Refused(refusal));
        let due = self.asked_at.saturating_add(self.config.timeouts.refusal);
        if due <= now {
            return self.refuse_now(now, answer);
        }
        self.state = State::Refusing(answer);
        self.deadline = Some(due);
    }

    fn refuse_now(&mut self, now: Duration, answer: &'static str) {
        self.say(answer);
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts >= self.config.limits.attempts || self.draining {
            return self.over(now, false);
        }
        self.refusal = None;
        self.state = State::Authorization;
        self.wait(now, self.config.timeouts.idle);
    }

    fn refuse_and_close(&mut self, now: Duration, refusal: Refusal, answer: &'static str) {
        self.refusal = Some(refusal);
        self.out.event(Event::Refused(refusal));
        self.say(answer);
        self.over(now, false);
    }

    pub(super) fn over(&mut self, now: Duration, abort: bool) {
        self.seek.release(&mut self.out, false);
        self.out.push(Output::Close { abort });
        self.out.event(Event::Done(Usage {
            decision: self.seek.decision,
            card: self.seek.last,
            refusal: self.refusal,
            from_client: self.from_client,
            from_card: self.from_card,
            began_at: self.began_at,
            took: now.saturating_sub(self.began_at),
        }));
        self.given = Credentials::default();
        self.state = State::Over;
        self.deadline = None;
        self.line_by = None;
    }

    pub(super) fn step(&mut self, now: Duration, step: Step) {
        self.state = State::Replaying(step);
        self.wait(now, self.config.timeouts.card);
    }

    pub(super) fn wait(&mut self, now: Duration, timeout: Duration) {
        self.deadline = Some(now.saturating_add(timeout));
    }

    pub(super) fn say(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.send(Side::Client, &[text.as_bytes()]);
        }
    }
}

/// What a customer is greeted with, and a loop is known by.
fn greeting(config: &Config) -> String {
    alloc::format!("+OK {} POP3 ready\r\n", config.name)
}
