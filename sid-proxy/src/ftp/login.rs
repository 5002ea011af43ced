//! What a customer says before a card is known, and what means the same after it.

use super::command::{Command, command, strip_telnet};
use super::session::{Login, Session, State};
use crate::session::{Lobby as _, Output, Refusal, Security, Side};
use crate::wire::host::Host;
use alloc::vec::Vec;
use core::time::Duration;

impl Session {
    /// Takes a command before the login.
    pub(super) fn authorize(&mut self, now: Duration, text: &[u8]) {
        let command = command(strip_telnet(text));
        if self.config.security == Security::Required
            && !self.secure
            && matches!(command, Command::User(_) | Command::Pass(_))
        {
            self.warn(Refusal::NotSecure);
            return self.say("522 Use AUTH TLS first.\r\n");
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
                self.login.qualify();
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
                self.warn(Refusal::Malformed);
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
            self.desk.out.push(Output::Secure);
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
            self.desk.out.send(Side::Client, &[b" ", feature.as_bytes(), b"\r\n"]);
        }
        self.say(" UTF8\r\n211 End\r\n");
    }

    /// What the proxy itself serves.
    pub(super) fn own_features(&self) -> impl Iterator<Item = &'static str> + use<> {
        let tls = self.config.security != Security::Never;
        let security = ["AUTH TLS", "PBSZ", "PROT"].into_iter().filter(move |_| tls);
        security.chain(["EPRT", "EPSV", "HOST"])
    }
}
