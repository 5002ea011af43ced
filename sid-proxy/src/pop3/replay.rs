//! The login said again to the card.

use super::relay::Relay;
use super::sasl::encode;
use super::session::{FAILED, Session, State, Step, UNAVAILABLE};
use crate::session::{Event, Lobby as _, Refusal, Side};
use alloc::vec::Vec;
use core::time::Duration;

impl Session {
    /// Logs in at the card with what the customer gave.
    pub(super) fn answered(&mut self, now: Duration, text: &[u8]) {
        let State::Replaying(step) = self.state else { return };
        let ok = text.starts_with(b"+OK");
        match step {
            Step::Greeting => {
                let own = text
                    .strip_prefix(b"+OK ")
                    .is_some_and(|rest| rest.starts_with(self.config.name.as_bytes()));
                if own {
                    self.refuse(now, Refusal::Loop, UNAVAILABLE);
                } else if !ok {
                    self.next_card(now);
                } else if self.given.fit_user_and_pass() {
                    self.desk.out.send(Side::Card, &[b"USER ", &self.given.login, b"\r\n"]);
                    self.step(now, Step::User);
                } else {
                    self.desk.out.send(Side::Card, &[b"AUTH PLAIN\r\n"]);
                    self.step(now, Step::Auth);
                }
            }
            Step::User if ok => {
                self.desk.out.send(Side::Card, &[b"PASS ", &self.given.password, b"\r\n"]);
                self.step(now, Step::Password);
            }
            Step::Auth if text.starts_with(b"+") && !ok => {
                let message = encode(&self.given.to_plain());
                self.desk.out.send(Side::Card, &[&message, b"\r\n"]);
                self.step(now, Step::Password);
            }
            Step::Password if ok => self.logged_in(now),
            Step::User | Step::Auth | Step::Password => {
                let (refusal, answer) = refused_by_card(text);
                self.refuse(now, refusal, answer);
            }
        }
    }

    fn step(&mut self, now: Duration, step: Step) {
        self.state = State::Replaying(step);
        self.wait(now, self.config.timeouts.card);
    }

    fn logged_in(&mut self, now: Duration) {
        self.say("+OK Logged in\r\n");
        if let Some(decision) = self.desk.seek.decision {
            self.desk.out.event(Event::LoggedIn(decision));
        }
        self.given.password = Vec::new();
        self.state = State::Transaction(Relay::default());
        self.wait(now, self.config.timeouts.idle);
    }
}

/// The card's refusal in our own words. Its response code passes where a mail program acts on it (RFC 2449 §8,
/// RFC 3206); its text could tell an unknown user from a wrong password, or name the card.
fn refused_by_card(text: &[u8]) -> (Refusal, &'static str) {
    let code =
        text.strip_prefix(b"-ERR [").and_then(|rest| rest.split(|&b| b == b']').next()).unwrap_or_default();
    let is = |name: &[u8]| code.eq_ignore_ascii_case(name);
    let answer = if is(b"IN-USE") {
        "-ERR [IN-USE] The mailbox is in use\r\n"
    } else if is(b"LOGIN-DELAY") {
        "-ERR [LOGIN-DELAY] Logged in too recently\r\n"
    } else if is(b"SYS/TEMP") {
        UNAVAILABLE
    } else if is(b"SYS/PERM") {
        "-ERR [SYS/PERM] Unavailable\r\n"
    } else {
        FAILED
    };
    (Refusal::Login, answer)
}
