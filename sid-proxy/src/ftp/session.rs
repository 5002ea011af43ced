//! One customer's control connection, up to the login.
//!
//! ```text
//!                 .------- refused ---------.
//!                 v                         |
//! Authorization --PASS--> Seeking --> Replaying --> Refusing
//!   |    ^  ^                               |
//!  AUTH  |  '--REIN----------------.      230
//!   v    |                         |        v
//! Securing                          '--- Serving --> Over
//! ```

use super::command::{Command, command, strip_telnet};
use super::config::Config;
use super::reply::{Replies, ReplyLine};
use super::serve::Serving;
use crate::Key;
use crate::session::{
    Error, Event, Found, Input, Line, Outbox, Output, Peer, Refusal, Security, Seek, Side, Usage, line,
};
use crate::wire::host::Host;
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
    pub(super) peer: Peer,
    pub(super) state: State,
    pub(super) seek: Seek,
    login: Login,
    pub(super) secure: bool,
    /// `PROT P`: the customer's data connections are TLS.
    pub(super) protect: bool,
    draining: bool,
    /// Commands and refused passwords so far.
    commands: u32,
    attempts: u32,
    pub(super) out: Outbox,
    pub(super) from_client: u64,
    pub(super) from_card: u64,
    refusal: Option<Refusal>,
    pub(super) deadline: Option<Duration>,
    /// When the line must be whole of which a part is here.
    line_by: Option<Duration>,
    /// When the password came.
    asked_at: Duration,
    began_at: Duration,
    now: Duration,
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
struct Login {
    host: Vec<u8>,
    name: Vec<u8>,
    password: Vec<u8>,
    /// What the table is asked: the name, with the host as its domain where it has none.
    key: Vec<u8>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = String::from_utf8_lossy(&self.key);
        f.debug_struct("Login").field("key", &key).field("password", &"...").finish_non_exhaustive()
    }
}

const FAILED: &str = "530 Login incorrect.\r\n";
const UNAVAILABLE: &str = "421 Service not available, try again later.\r\n";

impl Session {
    /// Begins a connection at `now`, with the greeting.
    #[must_use]
    pub fn new(config: Arc<Config>, peer: Peer, now: Duration) -> Self {
        let mut session = Self {
            peer,
            state: State::Authorization,
            seek: Seek::new(peer.local, config.limits.tries),
            login: Login::default(),
            secure: config.security == Security::Already,
            protect: false,
            draining: false,
            commands: 0,
            attempts: 0,
            out: Outbox::default(),
            from_client: 0,
            from_card: 0,
            refusal: None,
            deadline: Some(now.saturating_add(config.timeouts.idle)),
            line_by: None,
            asked_at: now,
            began_at: now,
            now,
            config,
        };
        session.say(&greeting(&session.config.clone()));
        session
    }

    /// Tells what happened at `now`, and how many bytes of [`Input::Data`] were taken. Nothing is taken while outputs
    /// wait.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
        if now < self.now {
            return Err(Error::TimeRanBack);
        }
        let mut taken = 0;
        match input {
            Input::Data { .. } if !self.out.is_empty() => {}
            Input::Data { side, bytes, end } => taken = self.data(now, side, bytes, end),
            Input::Broken { side } => self.broken(now, side),
            Input::Secured | Input::SecureFailed => self.secured(now, input == Input::Secured)?,
            Input::Drain => self.draining = true,
            Input::Tick => self.tick(now),
            Input::Forwarded { .. } => return Err(Error::Overrun),
            Input::Listening { leg, address } => self.listening(now, leg, address)?,
            Input::DataFailed { leg } => self.data_failed(now, leg),
            Input::Carrying { len } => self.carrying(now, len)?,
            Input::Carried { complete } => self.carried(now, complete)?,
            answer => {
                if self.state != State::Seeking {
                    return Err(Error::NotAsked);
                }
                let found = self.seek.handle(now, &answer, &mut self.out)?;
                self.found(now, found);
            }
        }
        self.now = now;
        Ok(taken)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.out.poll(Key::Ftp(&self.login.key), &self.seek.tried)
    }

    /// When [`Input::Tick`] is due; zero while outputs wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if !self.out.is_empty() {
            return Some(Duration::ZERO);
        }
        [self.deadline, self.line_by].into_iter().flatten().min()
    }

    fn data(&mut self, now: Duration, side: Side, bytes: &[u8], end: bool) -> usize {
        match line(bytes, self.config.limits.line) {
            Line::Partial => {
                if end {
                    self.ended(now, side);
                } else if side == Side::Client && !bytes.is_empty() {
                    let by = now.saturating_add(self.config.timeouts.line);
                    self.line_by.get_or_insert(by);
                }
                0
            }
            Line::TooLong => {
                self.too_long(now, side);
                bytes.len()
            }
            Line::Whole(text, taken) => {
                let read = match side {
                    Side::Client => {
                        self.line_by = None;
                        self.client_line(now, strip_telnet(text))
                    }
                    Side::Card => self.card_line(now, text),
                };
                if read { taken } else { 0 }
            }
        }
    }

    /// Takes a line of the customer; false if its turn has not come.
    fn client_line(&mut self, now: Duration, text: &[u8]) -> bool {
        match self.state {
            State::Authorization => {}
            State::Serving(_) => return self.serve(now, text),
            _ => return false,
        }
        self.wait(now, self.config.timeouts.idle);
        self.commands = self.commands.saturating_add(1);
        if self.commands > self.config.limits.commands {
            self.refuse_and_close(now, Refusal::TooMany, "421 Too many commands.\r\n");
            return true;
        }
        let command = command(text);
        if self.config.security == Security::Required
            && !self.secure
            && matches!(command, Command::User(_) | Command::Pass(_))
        {
            self.out.event(Event::Refused(Refusal::NotSecure));
            self.say("522 Use AUTH TLS first.\r\n");
            return true;
        }
        match command {
            Command::User(name) => {
                self.login.name = name.to_vec();
                self.login.password = Vec::new();
                self.say("331 Password required.\r\n");
            }
            Command::Pass(_) if self.login.name.is_empty() => self.say("503 USER first.\r\n"),
            Command::Pass(password) => {
                self.login.password = password.to_vec();
                self.log_in(now);
            }
            Command::Host(_) if !self.login.name.is_empty() => self.say("503 HOST comes before USER.\r\n"),
            Command::Host(name) => self.host(name),
            Command::Rein if self.secure => self.say("502 REIN is not available under TLS.\r\n"),
            Command::Rein => {
                self.login = Login::default();
                self.say("220 Ready for a new user.\r\n");
            }
            Command::Feat => self.features(),
            Command::Opts(option) if option.eq_ignore_ascii_case(b"UTF8 ON") => {
                self.say("200 UTF8 is on.\r\n");
            }
            Command::Other | Command::Opts(_) => self.say("530 Log in with USER and PASS.\r\n"),
            command => {
                if !self.common(now, command) {
                    self.say("530 Log in with USER and PASS.\r\n");
                }
            }
        }
        true
    }

    /// Commands that mean the same before the login and after it; false for others.
    pub(super) fn common(&mut self, now: Duration, command: Command<'_>) -> bool {
        match command {
            Command::Auth(how) => self.auth(now, how),
            Command::Pbsz if self.secure => self.say("200 PBSZ=0\r\n"),
            Command::Prot(b"P" | b"p") if self.secure => {
                self.protect = true;
                self.say("200 Data connections are private.\r\n");
            }
            Command::Prot(b"C" | b"c") if self.config.security == Security::Required => {
                self.say("534 Data connections must be private.\r\n");
            }
            Command::Prot(b"C" | b"c") if self.secure => {
                self.protect = false;
                self.say("200 Data connections are in the clear.\r\n");
            }
            Command::Prot(_) if self.secure => self.say("536 Only P and C.\r\n"),
            Command::Pbsz | Command::Prot(_) => self.say("503 AUTH TLS first.\r\n"),
            Command::Noop => self.say("200 OK\r\n"),
            Command::Forbidden => self.say("502 Not available here.\r\n"),
            Command::Malformed => {
                self.out.event(Event::Refused(Refusal::Malformed));
                self.say("501 Malformed command.\r\n");
            }
            Command::Quit => {
                self.say("221 Goodbye.\r\n");
                self.over(now, false);
            }
            _ => return false,
        }
        true
    }

    /// `AUTH TLS` (RFC 4217 §4); `SSL` is its old name with data connections protected from the start.
    fn auth(&mut self, now: Duration, how: &[u8]) {
        let known =
            [&b"TLS"[..], b"TLS-C", b"SSL", b"TLS-P"].iter().any(|name| how.eq_ignore_ascii_case(name));
        if !known {
            self.say("504 Only AUTH TLS.\r\n");
        } else if self.config.security == Security::Never {
            self.say("502 TLS is not available.\r\n");
        } else if self.secure || self.state != State::Authorization {
            self.say("503 Not now.\r\n");
        } else {
            self.say("234 Begin TLS.\r\n");
            self.out.push(Output::Secure);
            self.protect = how.eq_ignore_ascii_case(b"SSL") || how.eq_ignore_ascii_case(b"TLS-P");
            self.state = State::Securing;
            self.wait(now, self.config.timeouts.card);
        }
    }

    /// `HOST` (RFC 7151 §3). Every name is accepted: which exist is not to be found out here.
    fn host(&mut self, name: &[u8]) {
        let mut room = [0; 256];
        match Host::parse(name, &mut room) {
            Ok(host) => {
                self.login.host = host.as_bytes().to_vec();
                self.say("220 Ready.\r\n");
            }
            Err(_) => self.say("501 Not a host name.\r\n"),
        }
    }

    fn features(&mut self) {
        self.say("211-Features:\r\n");
        for feature in self.own_features() {
            self.out.send(Side::Client, &[b" ", feature.as_bytes(), b"\r\n"]);
        }
        self.say(" UTF8\r\n211 End\r\n");
    }

    /// What the proxy itself serves.
    pub(super) fn own_features(&self) -> impl Iterator<Item = &'static str> + use<> {
        let tls = self.config.security != Security::Never;
        let security = ["AUTH TLS", "PBSZ", "PROT"].into_iter().filter(move |_| tls);
        security.chain(["EPRT", "EPSV", "HOST"])
    }

    fn log_in(&mut self, now: Duration) {
        self.login.key = self.login.name.clone();
        if !self.login.host.is_empty() && !self.login.name.contains(&b'@') {
            self.login.key.push(b'@');
            self.login.key.extend_from_slice(&self.login.host);
        }
        self.asked_at = now;
        if self.draining {
            return self.refuse(now, Refusal::Draining, UNAVAILABLE);
        }
        self.state = State::Seeking;
        self.wait(now, self.config.timeouts.connect);
        self.seek.begin(&mut self.out);
    }

    fn found(&mut self, now: Duration, found: Found) {
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
                self.state = State::Replaying(Step::Greeting, Replies::default());
                self.wait(now, self.config.timeouts.card);
            }
            Found::Nothing(Refusal::NoRoute) => self.refuse(now, Refusal::NoRoute, FAILED),
            Found::Nothing(refusal) => self.refuse(now, refusal, UNAVAILABLE),
        }
    }

    /// Takes a line of the card; false if it is not awaited.
    fn card_line(&mut self, now: Duration, text: &[u8]) -> bool {
        match &mut self.state {
            State::Serving(_) => self.reply(now, text),
            State::Replaying(step, replies) => {
                let (step, Some(line)) = (*step, replies.read(text)) else {
                    self.refuse(now, Refusal::CardMalformed, UNAVAILABLE);
                    return true;
                };
                self.seek.answered(now);
                self.replay(now, step, line, text);
                true
            }
            _ => false,
        }
    }

    /// Logs in at the card with what the customer gave. The customer sees the card's welcome, and nothing else of it.
    fn replay(&mut self, now: Duration, step: Step, line: ReplyLine, text: &[u8]) {
        let code = line.code;
        let welcome = matches!((step, code), (Step::User | Step::Password, 202 | 230));
        if welcome {
            self.relay_line(line, text);
        }
        // 120: the card asks for patience and greets later (RFC 959 §5.4).
        if !line.last || (step, code) == (Step::Greeting, 120) {
            return;
        }
        match (step, code) {
            (Step::Greeting, 220) if text == greeting(&self.config).trim_end().as_bytes() => {
                self.refuse(now, Refusal::Loop, UNAVAILABLE);
            }
            (Step::Greeting, 220) => {
                self.out.send(Side::Card, &[b"USER ", &self.login.name, b"\r\n"]);
                self.step(now, Step::User);
            }
            (Step::Greeting, _) => {
                let found = self.seek.again(&mut self.out);
                self.found(now, found);
            }
            (Step::User, 331) => {
                self.out.send(Side::Card, &[b"PASS ", &self.login.password, b"\r\n"]);
                self.step(now, Step::Password);
            }
            _ if welcome => {
                if let Some(decision) = self.seek.decision {
                    self.out.event(Event::LoggedIn(decision));
                }
                self.login.password = Vec::new();
                self.state = State::Serving(Serving::default());
                self.wait(now, self.config.timeouts.idle);
            }
            (_, 421) => self.refuse(now, Refusal::Login, UNAVAILABLE),
            // Among them 332: a card that wants an account besides a password is not served.
            _ => self.refuse(now, Refusal::Login, FAILED),
        }
    }

    fn secured(&mut self, now: Duration, done: bool) -> Result<(), Error> {
        if self.state != State::Securing {
            return Err(Error::NotAsked);
        }
        if done {
            // What was said in the clear does not count any more.
            self.login = Login::default();
            self.secure = true;
            self.state = State::Authorization;
            self.wait(now, self.config.timeouts.idle);
        } else {
            self.refuse_and_close(now, Refusal::NotSecure, "");
        }
        Ok(())
    }

    /// A side sends no more, and nothing whole of it is left.
    fn ended(&mut self, now: Duration, side: Side) {
        match (&self.state, side) {
            (State::Authorization, Side::Client) => self.over(now, false),
            (State::Serving(serving), Side::Client) if serving.is_quiet() => self.over(now, false),
            (_, Side::Client) => {}
            (_, Side::Card) => self.card_ended(now),
        }
    }

    fn broken(&mut self, now: Duration, side: Side) {
        match (&self.state, side) {
            (State::Over, _) => {}
            (_, Side::Client) => self.over(now, true),
            (_, Side::Card) => self.card_ended(now),
        }
    }

    fn card_ended(&mut self, now: Duration) {
        match &self.state {
            State::Serving(_) => self.refuse_and_close(now, Refusal::CardBroke, UNAVAILABLE),
            State::Replaying(Step::Greeting, _) => {
                let found = self.seek.again(&mut self.out);
                self.found(now, found);
            }
            State::Replaying(..) => self.refuse(now, Refusal::CardBroke, UNAVAILABLE),
            _ => {}
        }
    }

    fn too_long(&mut self, now: Duration, side: Side) {
        match (&self.state, side) {
            (State::Replaying(..), Side::Card) => self.refuse(now, Refusal::CardMalformed, UNAVAILABLE),
            (_, Side::Card) => self.refuse_and_close(now, Refusal::CardMalformed, UNAVAILABLE),
            (_, Side::Client) => self.refuse_and_close(now, Refusal::TooLarge, "421 Line too long.\r\n"),
        }
    }

    fn tick(&mut self, now: Duration) {
        let due = |by: Option<Duration>| by.is_some_and(|by| now >= by);
        if due(self.line_by) {
            return self.refuse_and_close(now, Refusal::Slow, "421 Too slow.\r\n");
        }
        if !due(self.deadline) {
            return;
        }
        match self.state {
            State::Authorization => self.refuse_and_close(now, Refusal::Slow, "421 Idle too long.\r\n"),
            State::Securing => self.refuse_and_close(now, Refusal::Slow, ""),
            State::Seeking => {
                let found = self.seek.late(&mut self.out);
                self.found(now, found);
            }
            State::Replaying(Step::Greeting, _) => {
                let found = self.seek.again(&mut self.out);
                self.found(now, found);
            }
            State::Replaying(..) => self.refuse(now, Refusal::CardMalformed, UNAVAILABLE),
            State::Refusing(answer) => self.refuse_now(now, answer),
            State::Serving(_) => self.late(now),
            State::Over => self.deadline = None,
        }
    }

    /// Gives the card back and refuses, not before the time that every refusal takes.
    fn refuse(&mut self, now: Duration, refusal: Refusal, answer: &'static str) {
        let broke = matches!(refusal, Refusal::CardBroke | Refusal::CardMalformed | Refusal::Loop);
        self.seek.release(&mut self.out, broke);
        self.refusal = Some(refusal);
        self.login.name = Vec::new();
        self.login.password = Vec::new();
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
        // 421 says that the connection is being closed (RFC 959 §5.4).
        if self.attempts >= self.config.limits.attempts || answer == UNAVAILABLE {
            return self.over(now, false);
        }
        self.refusal = None;
        self.state = State::Authorization;
        self.wait(now, self.config.timeouts.idle);
    }

    pub(super) fn refuse_and_close(&mut self, now: Duration, refusal: Refusal, answer: &'static str) {
        self.refusal = Some(refusal);
        self.out.event(Event::Refused(refusal));
        self.say(answer);
        self.over(now, false);
    }

    /// Gives the card back; the customer may log in anew.
    pub(super) fn reinitialize(&mut self, now: Duration) {
        self.out.push(Output::DropData);
        self.seek.release(&mut self.out, false);
        self.login = Login::default();
        self.commands = 0;
        self.state = State::Authorization;
        self.wait(now, self.config.timeouts.idle);
        self.say("220 Ready for a new user.\r\n");
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
        self.login = Login::default();
        self.state = State::Over;
        self.deadline = None;
        self.line_by = None;
    }

    fn step(&mut self, now: Duration, step: Step) {
        self.state = State::Replaying(step, Replies::default());
        self.wait(now, self.config.timeouts.card);
    }

    pub(super) fn wait(&mut self, now: Duration, timeout: Duration) {
        self.deadline = Some(now.saturating_add(timeout));
    }

    pub(super) fn card_ip(&self) -> Option<IpAddr> {
        self.seek.address().map(|address| address.ip())
    }

    pub(super) fn say(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.send(Side::Client, &[text.as_bytes()]);
        }
    }
}

/// What a customer is greeted with, and a loop is known by.
fn greeting(config: &Config) -> String {
    alloc::format!("220 {} FTP ready.\r\n", config.name)
}
