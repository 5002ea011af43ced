//! What a customer says before a card is known.

use super::command::{Command, command};
use super::sasl::{Credentials, decode};
use super::session::{Challenge, Session, State};
use crate::session::{Lobby as _, Output, Refusal, Security, Side};
use core::time::Duration;

impl Session {
    /// Takes a command before the login.
    pub(super) fn authorize(&mut self, now: Duration, text: &[u8]) {
        let login = matches!(command(text), Command::User(_) | Command::Pass(_) | Command::Auth(..));
        if login && self.config.security == Security::Required && !self.secure {
            self.warn(Refusal::NotSecure);
            return self.say("-ERR Use STLS first\r\n");
        }
        match command(text) {
            Command::User(name) => {
                self.given = Credentials { login: name.to_vec(), ..Credentials::default() };
                self.say("+OK\r\n");
            }
            Command::Pass(_) if self.given.login.is_empty() => self.say("-ERR USER first\r\n"),
            Command::Pass(password) => {
                self.given.password = password.to_vec();
                self.log_in(now);
            }
            Command::Auth(mechanism, initial) => self.auth(now, mechanism, initial),
            Command::Apop => self.say("-ERR APOP is not available, the greeting has no challenge\r\n"),
            Command::Capa => self.capabilities(),
            Command::Stls if self.config.security != Security::Never && !self.secure => {
                self.say("+OK Begin TLS\r\n");
                self.desk.out.push(Output::Secure);
                self.state = State::Securing;
                self.wait(now, self.config.timeouts.card);
            }
            Command::Stls => self.say("-ERR STLS is not available\r\n"),
            Command::Quit => {
                self.say("+OK Goodbye\r\n");
                self.over(now, false);
            }
            Command::Unknown => self.say("-ERR Unknown command\r\n"),
            Command::Malformed => {
                self.warn(Refusal::Malformed);
                self.say("-ERR Malformed command\r\n");
            }
        }
    }

    fn capabilities(&mut self) {
        self.say("+OK\r\n");
        if self.secure || self.config.security != Security::Required {
            self.say("USER\r\nSASL PLAIN LOGIN\r\n");
        }
        self.say("PIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n");
        if !self.secure && matches!(self.config.security, Security::Offered | Security::Required) {
            self.say("STLS\r\n");
        }
        for capability in &self.config.capabilities {
            self.desk.out.send(Side::Client, &[capability.as_bytes(), b"\r\n"]);
        }
        self.say(".\r\n");
    }

    /// `AUTH mechanism [initial-response]` (RFC 5034 §4).
    fn auth(&mut self, now: Duration, mechanism: &[u8], initial: Option<&[u8]>) {
        let challenge = if mechanism.eq_ignore_ascii_case(b"PLAIN") {
            Challenge::Plain
        } else if mechanism.eq_ignore_ascii_case(b"LOGIN") {
            Challenge::LoginName
        } else {
            return self.say("-ERR Unknown mechanism\r\n");
        };
        match initial {
            Some(response) => self.respond(now, challenge, response),
            None => {
                self.say(if challenge == Challenge::Plain { "+ \r\n" } else { "+ VXNlcm5hbWU6\r\n" });
                self.state = State::Sasl(challenge);
            }
        }
    }

    pub(super) fn respond(&mut self, now: Duration, challenge: Challenge, response: &[u8]) {
        self.state = State::Authorization;
        if response == b"*" {
            return self.say("-ERR Cancelled\r\n");
        }
        // "=" is an empty response (RFC 5034 §4), and no mechanism here has one.
        let message = decode(response).filter(|message| !message.is_empty());
        let complete = match (challenge, message) {
            (Challenge::Plain, Some(message)) => {
                let given = Credentials::plain(&message);
                given.map(|given| self.given = given)
            }
            (Challenge::LoginName, Some(name)) if !name.contains(&0) => {
                self.given = Credentials { login: name, ..Credentials::default() };
                self.say("+ UGFzc3dvcmQ6\r\n");
                self.state = State::Sasl(Challenge::LoginPassword);
                return;
            }
            (Challenge::LoginPassword, Some(password)) if !password.contains(&0) => {
                self.given.password = password;
                Some(())
            }
            _ => None,
        };
        if complete.is_some() {
            self.log_in(now);
        } else {
            self.warn(Refusal::Malformed);
            self.say("-ERR Malformed response\r\n");
        }
    }
}
