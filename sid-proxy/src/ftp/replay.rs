//! The login said again to the card.

use super::reply::{Replies, ReplyLine};
use super::serve::Serving;
use super::session::{FAILED, Session, State, Step, UNAVAILABLE, greeting};
use crate::session::{Event, Lobby as _, Refusal, Side};
use alloc::vec::Vec;
use core::time::Duration;

impl Session {
    /// Takes a line of the card's answer.
    pub(super) fn answered(&mut self, now: Duration, text: &[u8]) {
        let State::Replaying(step, replies) = &mut self.state else { return };
        let step = *step;
        match replies.read(text) {
            Some(line) => self.log_in_at_card(now, step, line, text),
            None => self.refuse(now, Refusal::CardMalformed, UNAVAILABLE),
        }
    }

    /// Logs in at the card with what the customer gave. The customer sees the card's welcome, and nothing else of it.
    fn log_in_at_card(&mut self, now: Duration, step: Step, line: ReplyLine, text: &[u8]) {
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
                self.desk.out.send(Side::Card, &[b"USER ", &self.login.name, b"\r\n"]);
                self.step(now, Step::User);
            }
            (Step::Greeting, _) => {
                self.next_card(now);
            }
            (Step::User, 331) => {
                self.desk.out.send(Side::Card, &[b"PASS ", &self.login.password, b"\r\n"]);
                self.step(now, Step::Password);
            }
            _ if welcome => {
                if let Some(decision) = self.desk.seek.decision {
                    self.desk.out.event(Event::LoggedIn(decision));
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

    fn step(&mut self, now: Duration, step: Step) {
        self.state = State::Replaying(step, Replies::default());
        self.wait(now, self.config.timeouts.card);
    }
}
