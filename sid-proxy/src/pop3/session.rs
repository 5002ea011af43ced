//! One customer's connection. Its way is [`Lobby`]'s.

use super::config::Config;
use super::relay::Relay;
use super::sasl::Credentials;
use crate::Key;
use crate::session::{
    Desk, Error, Event, Input, Lobby, Output, Peer, Refusal, Rules, Security, Side, Stage, Tries, Words,
};
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

/// One customer's connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub(super) config: Arc<Config>,
    pub(super) desk: Desk,
    pub(super) tries: Tries,
    pub(super) state: State,
    pub(super) given: Credentials,
    pub(super) secure: bool,
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
        let mut desk = Desk::new(peer, config.limits.tries, now, config.timeouts.idle);
        desk.say(&greeting(&config));
        Self {
            desk,
            tries: Tries::default(),
            state: State::Authorization,
            given: Credentials::default(),
            secure: config.security == Security::Already,
            config,
        }
    }

    /// Tells what happened at `now`, and how many bytes of [`Input::Data`] were taken. Nothing is taken while outputs
    /// wait.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
        self.desk.judge(now)?;
        let mut taken = 0;
        match input {
            Input::Data { .. } if !self.desk.out.is_empty() => {}
            Input::Data { side, bytes, end } => taken = self.data(now, side, bytes, end),
            Input::Broken { side } => self.broken(now, side),
            Input::Forwarded { from, len } => self.forwarded(now, from, len)?,
            Input::Secured | Input::SecureFailed => {
                self.secured(now, input == Input::Secured)?;
                self.secure = input == Input::Secured;
            }
            Input::Drain => self.tries.draining = true,
            Input::Tick => self.tick(now),
            answer => self.sought(now, &answer)?,
        }
        self.desk.note(now);
        Ok(taken)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.desk.poll(Key::Pop3(&self.given.login))
    }

    /// When [`Input::Tick`] is due; zero while outputs wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        [self.desk.deadline(), self.tries.line_by].into_iter().flatten().min()
    }

    fn forwarded(&mut self, now: Duration, from: Side, len: u64) -> Result<(), Error> {
        let State::Transaction(relay) = &mut self.state else { return Err(Error::Overrun) };
        if from == Side::Client || !relay.forwarded(len) {
            return Err(Error::Overrun);
        }
        self.desk.from_card = self.desk.from_card.saturating_add(len);
        self.wait(now, self.config.timeouts.idle);
        Ok(())
    }

    pub(super) fn wait(&mut self, now: Duration, timeout: Duration) {
        self.desk.wait(now, timeout);
    }

    pub(super) fn say(&mut self, text: &str) {
        self.desk.say(text);
    }

    /// Tells of a refusal that does not end the session.
    pub(super) fn warn(&mut self, refusal: Refusal) {
        self.desk.out.event(Event::Refused(refusal));
    }
}

impl Lobby for Session {
    const WORDS: Words = Words {
        failed: FAILED,
        unavailable: UNAVAILABLE,
        slow: "-ERR Too slow\r\n",
        idle: "-ERR Idle too long\r\n",
        long: "-ERR Line too long\r\n",
        many: "-ERR Too many commands\r\n",
        // It could stand in the middle of a message.
        broke: "",
    };

    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn tries(&mut self) -> &mut Tries {
        &mut self.tries
    }

    fn rules(&self) -> Rules {
        let Config { announce, timeouts, limits, .. } = &*self.config;
        Rules {
            idle: timeouts.idle,
            line: timeouts.line,
            connect: timeouts.connect,
            card: timeouts.card,
            refusal: timeouts.refusal,
            longest: limits.line,
            commands: limits.commands,
            attempts: limits.attempts,
            announce: *announce,
        }
    }

    fn stage(&self) -> Stage {
        match self.state {
            State::Authorization | State::Sasl(_) => Stage::Asking,
            State::Securing => Stage::Securing,
            State::Seeking => Stage::Seeking,
            State::Replaying(Step::Greeting) => Stage::Greeting,
            State::Replaying(_) => Stage::Replaying,
            State::Refusing(answer) => Stage::Refusing(answer),
            State::Transaction(_) => Stage::Serving,
            State::Over => Stage::Over,
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.state = match stage {
            Stage::Asking => State::Authorization,
            Stage::Securing => State::Securing,
            Stage::Seeking => State::Seeking,
            Stage::Greeting => State::Replaying(Step::Greeting),
            Stage::Replaying => State::Replaying(Step::User),
            Stage::Refusing(answer) => State::Refusing(answer),
            Stage::Serving => State::Transaction(Relay::default()),
            Stage::Over => State::Over,
        };
    }

    fn forget(&mut self) {
        self.given = Credentials::default();
    }

    fn forget_all(&mut self) {
        self.forget();
    }

    fn command(&mut self, now: Duration, text: &[u8]) {
        match self.state {
            State::Sasl(challenge) => self.respond(now, challenge, text),
            _ => self.authorize(now, text),
        }
    }

    fn replay(&mut self, now: Duration, text: &[u8]) {
        self.answered(now, text);
    }

    fn serve(&mut self, now: Duration, side: Side, bytes: &[u8]) -> usize {
        let State::Transaction(relay) = &mut self.state else { return 0 };
        let (config, desk) = (&self.config, &mut self.desk);
        let taken = match side {
            Side::Client => relay.client_data(bytes, &config.limits, &mut desk.out),
            Side::Card => {
                let card = desk.seek.address().map(|address| address.ip());
                relay.card_data(bytes, &config.limits, &config.inside, card, &mut desk.out)
            }
        };
        match (taken, side) {
            (Ok(taken), _) => {
                let moved = if side == Side::Client { &mut desk.from_client } else { &mut desk.from_card };
                *moved = moved.saturating_add(crate::number::long(taken));
                if taken > 0 {
                    desk.wait(now, config.timeouts.idle);
                }
                return taken;
            }
            (Err(_), Side::Client) => self.refuse_and_close(now, Refusal::TooLarge, Self::WORDS.long),
            (Err(_), Side::Card) => self.refuse_and_close(now, Refusal::CardMalformed, Self::WORDS.broke),
        }
        bytes.len()
    }

    fn serving_ended(&mut self, now: Duration, side: Side) {
        let State::Transaction(relay) = &mut self.state else { return };
        match side {
            Side::Client if relay.client_ended() => {
                self.desk.out.push(Output::Finish { to: Side::Card });
                self.wait(now, self.config.timeouts.linger);
            }
            Side::Client => {}
            Side::Card => self.serving_late(now),
        }
    }

    /// Ends; a reply that is not whole is shown to be cut.
    fn serving_late(&mut self, now: Duration) {
        let abort = matches!(&self.state, State::Transaction(relay) if relay.is_cut());
        self.over(now, abort);
    }
}

/// What a customer is greeted with, and a loop is known by.
fn greeting(config: &Config) -> String {
    alloc::format!("+OK {} POP3 ready\r\n", config.name)
}
