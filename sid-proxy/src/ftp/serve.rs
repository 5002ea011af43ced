//! After the login: commands to the card, replies to the customer, and the data connections between them.

use super::command::{Command, command, strip_telnet};
use super::config::CardData;
use super::data::{Arranged, Asked, Data, Refused, active};
use super::reply::{Replies, ReplyLine};
use super::session::{Session, State, UNAVAILABLE};
use crate::session::{Error, Lobby as _, Output, Refusal, Security, Side};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// A customer who is logged in at a card.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Serving {
    replies: Replies,
    /// What the card has to answer.
    pending: Option<Pending>,
    data: Data,
    /// `EPSV ALL` was said: no other data connections any more (RFC 2428 §4).
    extended_only: bool,
    /// `QUIT` was said.
    quitting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pending {
    /// A command whose reply passes.
    Plain,
    /// `FEAT`, whose reply is put together from the card's and our own.
    Features,
    /// The proxy's own `EPSV`, `PASV`, `EPRT` or `PORT`.
    Arranging,
    Transfer(Transfer),
    /// `ABOR` after the transfer that it ended.
    Abort,
}

/// A transfer command that was passed on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Transfer {
    from: Side,
    /// The card began: bytes are carried.
    begun: bool,
    /// The data connections are over: whether all came through.
    carried: Option<bool>,
    /// They were ordered to be closed.
    dropped: bool,
    /// The customer said `ABOR`.
    aborted: bool,
}

impl Serving {
    /// True if nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.pending.is_none()
            && !matches!(self.data, Data::ClientPort(_) | Data::CardPort(_) | Data::Asked(..))
    }
}

/// Longer than a card takes to answer `ABOR`; some answer once where RFC 959 §4.1.3 has two replies.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

impl Session {
    /// Takes a command line; false if its turn has not come.
    pub(super) fn pass_command(&mut self, now: Duration, text: &[u8]) -> bool {
        let text = strip_telnet(text);
        let protect = self.protect;
        let client = self.desk.peer.client.ip().to_canonical();
        let State::Serving(serving) = &mut self.state else { return false };
        let command = command(text);
        if let (Some(Pending::Transfer(transfer)), Command::Abor) = (&mut serving.pending, command) {
            if transfer.aborted {
                return false;
            }
            transfer.aborted = true;
            transfer.dropped = true;
            self.pass(text);
            self.desk.out.push(Output::DropData);
            return true;
        }
        if !serving.is_quiet() || serving.quitting {
            return false;
        }
        self.desk.deadline = Some(now.saturating_add(self.config.timeouts.idle));
        let extended_only = serving.extended_only;
        match command {
            Command::Pasv | Command::Port(_) | Command::Eprt(_) if extended_only => {
                self.say("503 Only EPSV after EPSV ALL.\r\n");
            }
            Command::Epsv(argument) if argument.eq_ignore_ascii_case(b"ALL") => {
                serving.extended_only = true;
                self.say("200 EPSV ALL.\r\n");
            }
            Command::Epsv(argument) if !(argument.is_empty() || argument == family(client)) => {
                self.wrong_protocol(client);
            }
            Command::Pasv if client.is_ipv6() => self.say("425 Use EPSV.\r\n"),
            Command::Pasv | Command::Epsv(_) => {
                let asked = if command == Command::Pasv { Asked::Pasv } else { Asked::Epsv };
                serving.data = Data::ClientPort(asked);
                self.desk.out.push(Output::DropData);
                self.desk.out.listen(Side::Client, client, protect);
                self.wait(now, self.config.timeouts.card);
            }
            Command::Port(argument) => self.active(now, active(argument, false, client), client),
            Command::Eprt(argument) => self.active(now, active(argument, true, client), client),
            Command::Fetch => self.transfer(now, text, Side::Card),
            Command::Store => self.transfer(now, text, Side::Client),
            Command::Rein if self.secure => self.say("502 REIN is not available under TLS.\r\n"),
            Command::Rein => self.reinitialize(now),
            Command::User(_) => self.say("530 Log out with REIN first.\r\n"),
            Command::Pass(_) => self.say("503 Already logged in.\r\n"),
            Command::Host(_) => self.say("503 HOST comes before USER.\r\n"),
            Command::Feat => self.ask(now, text, Pending::Features),
            Command::Quit => {
                serving.quitting = true;
                self.ask(now, text, Pending::Plain);
            }
            Command::Opts(_) | Command::Other | Command::Abor | Command::Noop => {
                self.ask(now, text, Pending::Plain);
            }
            command => {
                self.common(now, command);
            }
        }
        true
    }

    /// Takes a line of the card; false if it has to wait: a card's last word on a transfer waits for the data, since
    /// what the customer is told depends on whether all of it came through.
    pub(super) fn pass_reply(&mut self, now: Duration, text: &[u8]) -> bool {
        let State::Serving(serving) = &mut self.state else { return false };
        let mut replies = serving.replies;
        let Some(line) = replies.read(text) else {
            self.refuse_and_close(now, Refusal::CardMalformed, UNAVAILABLE);
            return true;
        };
        if let Some(Pending::Transfer(transfer)) = &mut serving.pending
            && transfer.begun
            && transfer.carried.is_none()
            && line.code >= 200
        {
            if line.code >= 400 && !transfer.dropped {
                transfer.dropped = true;
                self.desk.out.push(Output::DropData);
            }
            return false;
        }
        serving.replies = replies;
        let (pending, data) = (serving.pending, serving.data);
        let done = line.last && line.code >= 200;
        match pending {
            Some(Pending::Arranging) => {
                if done {
                    serving.pending = None;
                    if let Data::Asked(arranged, how) = data {
                        self.arranged(now, arranged, how, line.code, text);
                    }
                }
            }
            Some(Pending::Features) if !line.coded => {
                // The card's own way to TLS and to data connections is not the customer's.
                let name = text.trim_ascii().split(|&b| b == b' ').next().unwrap_or_default();
                let ours =
                    [&b"AUTH"[..], b"PBSZ", b"PROT", b"EPRT", b"EPSV", b"HOST", b"SSCN", b"CPSV", b"CCC"];
                if !ours.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                    self.relay_line(line, text);
                }
            }
            Some(Pending::Transfer(transfer)) => {
                self.transfer_reply(now, transfer, line, text);
            }
            _ => {
                if done && pending == Some(Pending::Features) && line.code == 211 {
                    for feature in self.own_features() {
                        self.desk.out.send(Side::Client, &[b" ", feature.as_bytes(), b"\r\n"]);
                    }
                }
                self.relay_line(line, text);
                if done {
                    self.done(now, line.code);
                }
            }
        }
        true
    }

    /// The card's last word on a command.
    fn done(&mut self, now: Duration, code: u16) {
        let State::Serving(serving) = &mut self.state else { return };
        serving.pending = None;
        self.desk.deadline = Some(now.saturating_add(self.config.timeouts.idle));
        if serving.quitting || code == 421 {
            self.over(now, false);
        }
    }

    /// `PORT` or `EPRT`.
    fn active(&mut self, now: Duration, arranged: Result<Arranged, Refused>, client: IpAddr) {
        match arranged {
            Ok(arranged) => {
                self.desk.out.push(Output::DropData);
                self.ask_card(now, arranged);
            }
            Err(Refused::Malformed) => self.say("501 Malformed address.\r\n"),
            Err(Refused::Protocol) => self.wrong_protocol(client),
            Err(Refused::Bounce) => {
                self.warn(Refusal::Bounce);
                self.say("504 Only your own address, and ports from 1024.\r\n");
            }
        }
    }

    fn wrong_protocol(&mut self, client: IpAddr) {
        self.say(if client.is_ipv4() {
            "522 Network protocol not supported, use (1)\r\n"
        } else {
            "522 Network protocol not supported, use (2)\r\n"
        });
    }

    /// The customer's side is settled: now the card's.
    fn ask_card(&mut self, now: Duration, arranged: Arranged) {
        let Some(card) = self.card_ip() else { return };
        let how = self.config.card_data.for_card(card.to_canonical());
        self.wait(now, self.config.timeouts.card);
        let State::Serving(serving) = &mut self.state else { return };
        if how.is_active() {
            serving.data = Data::CardPort(arranged);
            self.desk.out.listen(Side::Card, card, false);
        } else {
            self.ask_card_for(arranged, how, None);
        }
    }

    fn ask_card_for(&mut self, arranged: Arranged, how: CardData, own: Option<SocketAddr>) {
        let State::Serving(serving) = &mut self.state else { return };
        serving.data = Data::Asked(arranged, how);
        serving.pending = Some(Pending::Arranging);
        self.desk.out.send(Side::Card, &[how.command(own).as_bytes()]);
    }

    /// The card has answered.
    fn arranged(&mut self, now: Duration, arranged: Arranged, how: CardData, code: u16, text: &[u8]) {
        let Some(card) = self.card_ip() else { return };
        match how.port(code, text) {
            Some(port) => {
                if !how.is_active() {
                    self.desk.out.dial(Side::Card, SocketAddr::new(card, port), false);
                }
                self.say(&arranged.reply());
                self.set_data(Data::Ready(arranged));
                self.wait(now, self.config.timeouts.idle);
            }
            None if how == CardData::Epsv && code >= 500 && card.to_canonical().is_ipv4() => {
                self.ask_card_for(arranged, CardData::Pasv, None);
            }
            None => self.no_data(now),
        }
    }

    fn no_data(&mut self, now: Duration) {
        self.set_data(Data::None);
        self.desk.out.push(Output::DropData);
        self.say("425 Cannot open a data connection.\r\n");
        self.wait(now, self.config.timeouts.idle);
    }

    fn set_data(&mut self, data: Data) {
        if let State::Serving(serving) = &mut self.state {
            serving.data = data;
        }
    }

    /// A port was opened.
    pub(super) fn listening(&mut self, now: Duration, leg: Side, address: SocketAddr) -> Result<(), Error> {
        let State::Serving(serving) = &self.state else { return Err(Error::NotAsked) };
        match (serving.data, leg) {
            (Data::ClientPort(asked), Side::Client) => {
                let ip = self.config.public.unwrap_or(address.ip());
                self.ask_card(now, Arranged::Passive(asked, SocketAddr::new(ip, address.port())));
            }
            (Data::CardPort(arranged), Side::Card) => {
                let card = self.card_ip().unwrap_or(address.ip());
                let how = self.config.card_data.for_card(card.to_canonical());
                self.ask_card_for(arranged, how, Some(address));
            }
            _ => return Err(Error::NotAsked),
        }
        Ok(())
    }

    /// A data connection failed. One that the session has given up already may fail late.
    pub(super) fn data_failed(&mut self, now: Duration, leg: Side) {
        let State::Serving(serving) = &mut self.state else { return };
        match (serving.data, &mut serving.pending) {
            (_, Some(Pending::Transfer(transfer))) if !transfer.dropped => {
                transfer.dropped = true;
                self.desk.out.push(Output::DropData);
            }
            (Data::ClientPort(_), _) if leg == Side::Client => self.no_data(now),
            (Data::CardPort(_), _) if leg == Side::Card => self.no_data(now),
            (Data::Ready(_), None) => {
                serving.data = Data::None;
                self.desk.out.push(Output::DropData);
            }
            _ => {}
        }
    }

    fn transfer(&mut self, now: Duration, text: &[u8], from: Side) {
        let protect = self.protect;
        if self.config.security == Security::Required && !protect {
            return self.say("521 Data connections must be private, use PROT P.\r\n");
        }
        let State::Serving(serving) = &mut self.state else { return };
        let Data::Ready(arranged) = core::mem::take(&mut serving.data) else {
            return self.say("425 Use PASV, EPSV, PORT or EPRT first.\r\n");
        };
        if let Arranged::Active(address) = arranged {
            self.desk.out.dial(Side::Client, address, protect);
        }
        let transfer = Transfer { from, begun: false, carried: None, dropped: false, aborted: false };
        self.ask(now, text, Pending::Transfer(transfer));
    }

    fn transfer_reply(&mut self, now: Duration, mut transfer: Transfer, line: ReplyLine, text: &[u8]) {
        if line.code < 200 {
            self.relay_line(line, text);
            if line.last && !transfer.begun && !transfer.dropped {
                transfer.begun = true;
                self.set_pending(Pending::Transfer(transfer));
                self.desk.out.push(Output::Carry { from: transfer.from });
                self.wait(now, self.config.timeouts.data);
            }
            return;
        }
        // A card that says it is done before it began has moved nothing through the proxy.
        let lost = line.code < 300 && transfer.carried != Some(true);
        if !lost {
            self.relay_line(line, text);
        }
        if !line.last {
            return;
        }
        if lost {
            self.say("426 Connection closed, transfer aborted.\r\n");
        }
        if !transfer.begun && !transfer.dropped {
            self.desk.out.push(Output::DropData);
        }
        if transfer.aborted {
            self.set_pending(Pending::Abort);
            self.wait(now, ABORT_TIMEOUT);
        } else {
            self.done(now, line.code);
        }
    }

    pub(super) fn carrying(&mut self, now: Duration, len: u64) -> Result<(), Error> {
        let State::Serving(Serving { pending: Some(Pending::Transfer(transfer)), .. }) = &self.state else {
            return Err(Error::NotAsked);
        };
        if !transfer.begun || transfer.carried.is_some() {
            return Err(Error::NotAsked);
        }
        let counter =
            if transfer.from == Side::Client { &mut self.desk.from_client } else { &mut self.desk.from_card };
        *counter = counter.saturating_add(len);
        self.wait(now, self.config.timeouts.stall);
        Ok(())
    }

    pub(super) fn carried(&mut self, now: Duration, complete: bool) -> Result<(), Error> {
        let State::Serving(Serving { pending: Some(Pending::Transfer(transfer)), .. }) = &mut self.state
        else {
            return Err(Error::NotAsked);
        };
        if !transfer.begun || transfer.carried.is_some() {
            return Err(Error::NotAsked);
        }
        transfer.carried = Some(complete);
        self.wait(now, self.config.timeouts.card);
        Ok(())
    }

    /// The deadline has passed.
    pub(super) fn late(&mut self, now: Duration) {
        let State::Serving(serving) = &mut self.state else { return };
        match (serving.pending, serving.data) {
            (Some(Pending::Abort), _) => {
                self.say("226 Aborted.\r\n");
                self.done(now, 226);
            }
            (Some(Pending::Transfer(transfer)), _)
                if transfer.begun && transfer.carried.is_none() && !transfer.dropped =>
            {
                self.desk.out.push(Output::DropData);
                self.set_pending(Pending::Transfer(Transfer { dropped: true, ..transfer }));
                self.wait(now, self.config.timeouts.card);
            }
            (None, Data::ClientPort(_) | Data::CardPort(_)) => self.no_data(now),
            (None, _) => self.refuse_and_close(now, Refusal::Slow, "421 Idle too long.\r\n"),
            _ => self.refuse_and_close(now, Refusal::CardBroke, UNAVAILABLE),
        }
    }

    /// Passes a command on and waits for its answer.
    fn ask(&mut self, now: Duration, text: &[u8], pending: Pending) {
        self.set_pending(pending);
        self.pass(text);
        self.wait(now, self.config.timeouts.stall);
    }

    fn pass(&mut self, text: &[u8]) {
        self.desk.out.send(Side::Card, &[text, b"\r\n"]);
        self.desk.from_client = self.desk.from_client.saturating_add(crate::number::long(text.len()));
    }

    fn set_pending(&mut self, pending: Pending) {
        if let State::Serving(serving) = &mut self.state {
            serving.pending = Some(pending);
        }
    }

    /// Passes a line of the card on, or a neutral one in its place; a line in the middle of a reply that has something
    /// from inside is dropped.
    pub(super) fn relay_line(&mut self, line: ReplyLine, text: &[u8]) {
        let code = line.code;
        // A code and its dash are no part of a name behind them.
        let said = text.get(if line.coded { 4 } else { 0 }..).unwrap_or_default();
        if !self.config.inside.is_in(said, self.card_ip()) {
            self.desk.out.send(Side::Client, &[text, b"\r\n"]);
            self.desk.from_card = self.desk.from_card.saturating_add(crate::number::long(text.len()));
        } else if line.last {
            self.tell(code);
        } else if line.coded {
            let code = alloc::format!("{code}-\r\n");
            self.say(&code);
        }
    }

    /// A code with a neutral text.
    fn tell(&mut self, code: u16) {
        let text = match code {
            100..=399 => "OK",
            421 => "Service not available",
            425 | 426 => "Data connection failed",
            400..=499 => "Failed, try again later",
            _ => "Failed",
        };
        let line = alloc::format!("{code} {text}.\r\n");
        self.say(&line);
    }
}

/// The network protocol of the control connection (RFC 2428 §2).
fn family(client: IpAddr) -> &'static [u8] {
    if client.is_ipv4() { b"1" } else { b"2" }
}
