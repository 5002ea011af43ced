//! One customer's control connection. Its way is [`Lobby`]'s; `REIN` leads back to its beginning.

use super::config::Config;
use super::reply::Replies;
use super::serve::Serving;
use crate::Key;
use crate::session::{
    Desk, Error, Event, Input, Lobby, Output, Peer, Refusal, Rules, Security, Side, Stage, Tries, Words,
};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

/// One customer's control connection and the data connections that belong to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub(super) config: Arc<Config>,
    pub(super) desk: Desk,
    pub(super) tries: Tries,
    pub(super) state: State,
    pub(super) login: Login,
    pub(super) secure: bool,
    /// `PROT P`: the customer's data connections are TLS.
    pub(super) protect: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Authorization,
    Securing,
    Seeking,
    Replaying(Step, Replies),
    /// The refusal is due at the deadline.
    Refusing(&'static str),
    Serving(Serving),
    Over,
}

/// What the card is to answer next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Greeting,
    User,
    Password,
}

/// Who the customer says to be. `Debug` hides the password.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Login {
    pub(super) host: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) password: Vec<u8>,
    /// What the table is asked: the name, with the host as its domain where it has none.
    key: Vec<u8>,
}

impl Login {
    /// Settles what the table is asked.
    pub(super) fn qualify(&mut self) {
        self.key = self.name.clone();
        if !self.host.is_empty() && !self.name.contains(&b'@') {
            self.key.push(b'@');
            self.key.extend_from_slice(&self.host);
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = String::from_utf8_lossy(&self.key);
        f.debug_struct("Login").field("key", &key).field("password", &"...").finish_non_exhaustive()
    }
}

pub(super) const FAILED: &str = "530 Login incorrect.\r\n";
pub(super) const UNAVAILABLE: &str = "421 Service not available, try again later.\r\n";

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
            login: Login::default(),
            secure: config.security == Security::Already,
            protect: false,
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
            Input::Secured | Input::SecureFailed => {
                self.secured(now, input == Input::Secured)?;
                self.secure = input == Input::Secured;
            }
            Input::Drain => self.tries.draining = true,
            Input::Tick => self.tick(now),
            Input::Forwarded { .. } => return Err(Error::Overrun),
            Input::Listening { leg, address } => self.listening(now, leg, address)?,
            Input::DataFailed { leg } => self.data_failed(now, leg),
            Input::Carrying { len } => self.carrying(now, len)?,
            Input::Carried { complete } => self.carried(now, complete)?,
            answer => self.sought(now, &answer)?,
        }
        self.desk.note(now);
        Ok(taken)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.desk.poll(Key::Ftp(&self.login.key))
    }

    /// When [`Input::Tick`] is due; zero while outputs wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        [self.desk.deadline(), self.tries.line_by].into_iter().flatten().min()
    }

    /// Gives the card back; the customer may log in anew.
    pub(super) fn reinitialize(&mut self, now: Duration) {
        self.desk.out.push(Output::DropData);
        self.desk.seek.release(&mut self.desk.out, false);
        self.login = Login::default();
        self.tries.commands = 0;
        self.state = State::Authorization;
        self.wait(now, self.config.timeouts.idle);
        self.say("220 Ready for a new user.\r\n");
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

    pub(super) fn card_ip(&self) -> Option<IpAddr> {
        self.desk.seek.address().map(|address| address.ip())
    }
}

impl Lobby for Session {
    const WORDS: Words = Words {
        failed: FAILED,
        unavailable: UNAVAILABLE,
        slow: "421 Too slow.\r\n",
        idle: "421 Idle too long.\r\n",
        long: "421 Line too long.\r\n",
        many: "421 Too many commands.\r\n",
        broke: UNAVAILABLE,
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
            State::Authorization => Stage::Asking,
            State::Securing => Stage::Securing,
            State::Seeking => Stage::Seeking,
            State::Replaying(Step::Greeting, _) => Stage::Greeting,
            State::Replaying(..) => Stage::Replaying,
            State::Refusing(answer) => Stage::Refusing(answer),
            State::Serving(_) => Stage::Serving,
            State::Over => Stage::Over,
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.state = match stage {
            Stage::Asking => State::Authorization,
            Stage::Securing => State::Securing,
            Stage::Seeking => State::Seeking,
            Stage::Greeting => State::Replaying(Step::Greeting, Replies::default()),
            Stage::Replaying => State::Replaying(Step::User, Replies::default()),
            Stage::Refusing(answer) => State::Refusing(answer),
            Stage::Serving => State::Serving(Serving::default()),
            Stage::Over => State::Over,
        };
    }

    fn forget(&mut self) {
        self.login = Login { host: core::mem::take(&mut self.login.host), ..Login::default() };
    }

    fn forget_all(&mut self) {
        self.login = Login::default();
    }

    fn command(&mut self, now: Duration, text: &[u8]) {
        self.authorize(now, text);
    }

    fn replay(&mut self, now: Duration, text: &[u8]) {
        self.answered(now, text);
    }

    fn serve(&mut self, now: Duration, side: Side, bytes: &[u8]) -> usize {
        self.read(now, side, bytes, |session, text| match side {
            Side::Client => session.pass_command(now, text),
            Side::Card => session.pass_reply(now, text),
        })
    }

    fn serving_ended(&mut self, now: Duration, side: Side) {
        match (side, &self.state) {
            (Side::Client, State::Serving(serving)) if serving.is_quiet() => self.over(now, false),
            (Side::Client, _) => {}
            (Side::Card, _) => self.refuse_and_close(now, Refusal::CardBroke, UNAVAILABLE),
        }
    }

    fn serving_late(&mut self, now: Duration) {
        self.late(now);
    }
}

/// What a customer is greeted with, and a loop is known by.
pub(super) fn greeting(config: &Config) -> String {
    alloc::format!("220 {} FTP ready.\r\n", config.name)
}
