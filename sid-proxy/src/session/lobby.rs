//! The way of a customer who logs in, from the greeting to the service: what POP3 and FTP have in common.
//!
//! ```text
//!                .------------- refused -----------------.
//!                v                                       |
//! Asking --login--> Seeking --> Greeting --> Replaying --'--> Serving --> Over
//!  |  ^                ^            |
//!  v  |                '--the next--'
//! Securing
//! ```
//!
//! A protocol brings its words and its commands; the order, the time-outs and the way of refusing are the same for
//! all: a refusal never comes before [`Rules::refusal`] has passed since the password, so that nobody can tell an
//! unknown login from a wrong password by the time it takes.

use super::{Announce, Desk, Error, Found, Input, Line, Refusal, Side, line};
use core::time::Duration;

/// Where a customer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It may say commands.
    Asking,
    /// TLS begins.
    Securing,
    /// The table, the pool or a card was asked.
    Seeking,
    /// The card is to greet.
    Greeting,
    /// The login is said again to the card.
    Replaying,
    /// The refusal is due at the deadline.
    Refusing(&'static str),
    /// The card serves.
    Serving,
    /// Nothing more happens.
    Over,
}

/// What a protocol says in cases that all have.
pub(crate) struct Words {
    /// No such login, no such password, no right to either: one answer.
    pub(crate) failed: &'static str,
    /// The service cannot be reached; not the customer's fault.
    pub(crate) unavailable: &'static str,
    /// The rest of a line did not come.
    pub(crate) slow: &'static str,
    /// No command came.
    pub(crate) idle: &'static str,
    /// A line is too long.
    pub(crate) long: &'static str,
    /// Too many commands before a login.
    pub(crate) many: &'static str,
    /// The card broke off while it served.
    pub(crate) broke: &'static str,
}

/// What a listener's configuration says of the way in.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) idle: Duration,
    pub(crate) line: Duration,
    pub(crate) connect: Duration,
    pub(crate) card: Duration,
    pub(crate) refusal: Duration,
    pub(crate) longest: usize,
    pub(crate) commands: u32,
    pub(crate) attempts: u32,
    pub(crate) announce: Announce,
}

/// What a customer has tried so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tries {
    pub(crate) draining: bool,
    /// Commands since the last login, and passwords refused.
    pub(crate) commands: u32,
    attempts: u32,
    /// When the line must be whole of which a part is here.
    pub(crate) line_by: Option<Duration>,
    /// When the password came.
    asked_at: Duration,
}

/// A session in which a customer logs in. The first half is what a protocol brings, the second what it gets.
pub(crate) trait Lobby {
    const WORDS: Words;

    fn desk(&mut self) -> &mut Desk;
    fn tries(&mut self) -> &mut Tries;
    fn rules(&self) -> Rules;
    fn stage(&self) -> Stage;
    fn enter(&mut self, stage: Stage);
    /// Forgets the login and the password.
    fn forget(&mut self);
    /// Forgets all that the customer said in the clear, or at all.
    fn forget_all(&mut self);
    /// Takes a command before the login.
    fn command(&mut self, now: Duration, text: &[u8]);
    /// Takes a line of the card before it serves.
    fn replay(&mut self, now: Duration, text: &[u8]);
    /// Takes bytes of a side while the card serves, and says how many.
    fn serve(&mut self, now: Duration, side: Side, bytes: &[u8]) -> usize;
    /// A side sends no more while the card serves; nothing whole of it is left.
    fn serving_ended(&mut self, now: Duration, side: Side);
    /// The deadline has passed while the card serves.
    fn serving_late(&mut self, now: Duration);

    /// Takes bytes of a side, and says how many.
    fn data(&mut self, now: Duration, side: Side, bytes: &[u8], end: bool) -> usize {
        let taken = match (self.stage(), side) {
            (Stage::Serving, _) => self.serve(now, side, bytes),
            (Stage::Asking, Side::Client) => self.read(now, side, bytes, |lobby, text| {
                lobby.asked(now, text);
                true
            }),
            (Stage::Greeting | Stage::Replaying, Side::Card) => self.read(now, side, bytes, |lobby, text| {
                lobby.desk().seek.answered(now);
                lobby.replay(now, text);
                true
            }),
            _ => 0,
        };
        let is_whole = |longest| matches!(line(bytes, longest), Line::Whole(..));
        if end && taken == 0 && !is_whole(self.rules().longest) && self.desk().out.is_empty() {
            self.ended(now, side);
        }
        taken
    }

    /// Reads a line and has it taken if its turn has come.
    fn read(
        &mut self,
        now: Duration,
        side: Side,
        bytes: &[u8],
        take: impl FnOnce(&mut Self, &[u8]) -> bool,
    ) -> usize {
        let rules = self.rules();
        match line(bytes, rules.longest) {
            Line::Partial => {
                if side == Side::Client && !bytes.is_empty() {
                    self.tries().line_by.get_or_insert(now.saturating_add(rules.line));
                }
                0
            }
            Line::TooLong => {
                match (self.stage(), side) {
                    (_, Side::Client) => self.refuse_and_close(now, Refusal::TooLarge, Self::WORDS.long),
                    (Stage::Serving, Side::Card) => {
                        self.refuse_and_close(now, Refusal::CardMalformed, Self::WORDS.broke);
                    }
                    _ => self.refuse(now, Refusal::CardMalformed, Self::WORDS.unavailable),
                }
                bytes.len()
            }
            Line::Whole(text, taken) => {
                if side == Side::Client {
                    self.tries().line_by = None;
                }
                if take(self, text) { taken } else { 0 }
            }
        }
    }

    fn asked(&mut self, now: Duration, text: &[u8]) {
        let rules = self.rules();
        self.desk().wait(now, rules.idle);
        let commands = self.tries().commands.saturating_add(1);
        self.tries().commands = commands;
        if commands > rules.commands {
            return self.refuse_and_close(now, Refusal::TooMany, Self::WORDS.many);
        }
        self.command(now, text);
    }

    /// The customer gave a password.
    fn log_in(&mut self, now: Duration) {
        self.tries().asked_at = now;
        if self.tries().draining {
            return self.refuse(now, Refusal::Draining, Self::WORDS.unavailable);
        }
        let desk = self.desk();
        desk.seek.begin(&mut desk.out);
        self.found(now, Found::NotYet);
    }

    /// Takes an answer of the table, the pool or the network.
    fn sought(&mut self, now: Duration, answer: &Input<'_>) -> Result<(), Error> {
        if self.stage() != Stage::Seeking {
            return Err(Error::NotAsked);
        }
        let desk = self.desk();
        let found = desk.seek.handle(now, answer, &mut desk.out)?;
        self.found(now, found);
        Ok(())
    }

    fn found(&mut self, now: Duration, found: Found) {
        let rules = self.rules();
        match found {
            Found::NotYet => {
                self.enter(Stage::Seeking);
                self.desk().wait(now, rules.connect);
            }
            Found::Card => {
                self.desk().announce(rules.announce);
                self.enter(Stage::Greeting);
                self.desk().wait(now, rules.card);
            }
            // Who may not is told what is told to who does not exist.
            Found::Nothing(refusal @ (Refusal::NoRoute | Refusal::Denied)) => {
                self.refuse(now, refusal, Self::WORDS.failed);
            }
            Found::Nothing(refusal) => self.refuse(now, refusal, Self::WORDS.unavailable),
        }
    }

    /// The card failed before anything was said to it: the next one.
    fn next_card(&mut self, now: Duration) {
        let desk = self.desk();
        let found = desk.seek.again(&mut desk.out);
        self.found(now, found);
    }

    /// TLS runs with the customer, or does not.
    fn secured(&mut self, now: Duration, done: bool) -> Result<(), Error> {
        if self.stage() != Stage::Securing {
            return Err(Error::NotAsked);
        }
        if done {
            // What was said in the clear does not count any more (RFC 2595 §4).
            self.forget_all();
            self.enter(Stage::Asking);
            let idle = self.rules().idle;
            self.desk().wait(now, idle);
        } else {
            self.refuse_and_close(now, Refusal::NotSecure, "");
        }
        Ok(())
    }

    /// A side sends no more, and nothing whole of it is left.
    fn ended(&mut self, now: Duration, side: Side) {
        match (self.stage(), side) {
            (Stage::Asking, Side::Client) => self.over(now, false),
            (Stage::Serving, side) => self.serving_ended(now, side),
            // Whoever waits for an answer to a login gets it.
            (_, Side::Client) => {}
            (_, Side::Card) => self.card_ended(now),
        }
    }

    fn broken(&mut self, now: Duration, side: Side) {
        match (self.stage(), side) {
            (Stage::Over, _) => {}
            (_, Side::Client) => self.over(now, true),
            (Stage::Serving, Side::Card) => self.serving_ended(now, Side::Card),
            (_, Side::Card) => self.card_ended(now),
        }
    }

    fn card_ended(&mut self, now: Duration) {
        match self.stage() {
            Stage::Greeting => self.next_card(now),
            Stage::Replaying => self.refuse(now, Refusal::CardBroke, Self::WORDS.unavailable),
            _ => {}
        }
    }

    fn tick(&mut self, now: Duration) {
        if self.tries().line_by.is_some_and(|by| now >= by) {
            return self.refuse_and_close(now, Refusal::Slow, Self::WORDS.slow);
        }
        if !self.desk().is_late(now) {
            return;
        }
        match self.stage() {
            Stage::Asking => self.refuse_and_close(now, Refusal::Slow, Self::WORDS.idle),
            Stage::Securing => self.refuse_and_close(now, Refusal::Slow, ""),
            Stage::Seeking => {
                let desk = self.desk();
                let found = desk.seek.late(&mut desk.out);
                self.found(now, found);
            }
            Stage::Greeting => self.next_card(now),
            Stage::Replaying => self.refuse(now, Refusal::CardMalformed, Self::WORDS.unavailable),
            Stage::Refusing(answer) => self.refuse_now(now, answer),
            Stage::Serving => self.serving_late(now),
            Stage::Over => self.desk().deadline = None,
        }
    }

    /// Gives the card back and refuses, not before the time that every refusal takes.
    fn refuse(&mut self, now: Duration, refusal: Refusal, answer: &'static str) {
        let broke = matches!(refusal, Refusal::CardBroke | Refusal::CardMalformed | Refusal::Loop);
        let desk = self.desk();
        desk.seek.release(&mut desk.out, broke);
        desk.refused(refusal);
        self.forget();
        let due = self.tries().asked_at.saturating_add(self.rules().refusal);
        if due <= now {
            return self.refuse_now(now, answer);
        }
        self.enter(Stage::Refusing(answer));
        self.desk().deadline = Some(due);
    }

    fn refuse_now(&mut self, now: Duration, answer: &'static str) {
        let rules = self.rules();
        self.desk().say(answer);
        let attempts = self.tries().attempts.saturating_add(1);
        self.tries().attempts = attempts;
        // In FTP 421 says that the connection is being closed (RFC 959 §5.4).
        if attempts >= rules.attempts || self.tries().draining || answer.starts_with("421") {
            return self.over(now, false);
        }
        self.desk().forgive();
        self.enter(Stage::Asking);
        self.desk().wait(now, rules.idle);
    }

    fn refuse_and_close(&mut self, now: Duration, refusal: Refusal, answer: &'static str) {
        self.desk().refused(refusal);
        self.desk().say(answer);
        self.over(now, false);
    }

    fn over(&mut self, now: Duration, abort: bool) {
        self.desk().close(now, abort);
        self.forget_all();
        self.enter(Stage::Over);
        self.tries().line_by = None;
    }
}
