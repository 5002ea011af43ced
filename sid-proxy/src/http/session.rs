//! The conversation with one customer.
//!
//! ```text
//!  Idle -byte-> Head -whole-> Route -> Pick -> Connect -> Exchange -answered-> Idle | Linger | Closed
//!                 |             |        ^        |           |
//!                 +-- own answer+        +-failed-+-----------+-101-> Tunnel -> Closed
//! ```

use super::answer::Answer;
use super::config::Config;
use super::exchange::{Exchange, Tunnel};
use super::introduction::Introduction;
use super::queue::{Effect, Queue};
use super::request::{Method, Refused, Request, malformed};
use super::{Error, Event, Input, Output, Peer, Refusal, Side, Usage};
use crate::pool::Outcome;
use crate::table::{Key, Miss};
use crate::wire::head::{self, HeadError, Request as Head};
use crate::wire::host::Host;
use crate::wire::list::is_tchar;
use crate::{CardId, Decision, ServiceId};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

/// One customer's connection and whatever card serves it. See the [module](super).
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub(super) config: Arc<Config>,
    pub(super) peer: Peer,
    pub(super) now: Duration,
    pub(super) phase: Phase,
    /// The customer sends no more.
    pub(super) client_ended: bool,
    /// No further request is taken.
    pub(super) draining: bool,
    pub(super) request: Request,
    pub(super) decision: Option<Decision>,
    pub(super) picked: Option<Picked>,
    pub(super) tried: Vec<CardId>,
    /// How the last of the tried cards failed.
    pub(super) failure: Refusal,
    /// The picked card's address as text.
    pub(super) inside: Vec<u8>,
    pub(super) began_at: Duration,
    pub(super) first_byte_after: Option<Duration>,
    pub(super) status: u16,
    /// The access rule that denied the request.
    pub(super) denied_by: Option<u16>,
    /// What the answer sets as a cookie.
    pub(super) set_cookie: Vec<u8>,
    /// When the customer may ask again, in seconds, where it was refused.
    pub(super) retry_after: u64,
    pub(super) queue: Queue,
    introduction: Introduction,
}

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// Between requests.
    Idle { until: Duration },
    /// In the head of a request, of which `scanned` bytes were looked at in vain.
    Head { until: Duration, scanned: usize },
    /// The table was asked.
    Route { until: Duration },
    /// The pool was asked.
    Pick { until: Duration },
    /// A connection was asked for.
    Connect { until: Duration },
    /// The request and its answer pass.
    Exchange(Exchange),
    /// Another protocol passes.
    Tunnel(Tunnel),
    /// The last answer is out; what the customer still sends is dropped, so that no reset overtakes it
    /// (RFC 9112 §9.6).
    Linger { until: Duration },
    /// Nothing more happens.
    Closed,
}

/// The card that serves the running request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Picked {
    pub(super) service: ServiceId,
    pub(super) card: CardId,
    pub(super) address: SocketAddr,
    pub(super) reused: bool,
}

impl Session {
    /// Begins with a connection that was just accepted.
    #[must_use]
    pub fn new(config: Arc<Config>, peer: Peer, now: Duration) -> Self {
        let until = now.saturating_add(config.timeouts.idle);
        let introduction = Introduction::new(&config, &peer);
        Self {
            config,
            peer,
            now,
            phase: Phase::Idle { until },
            client_ended: false,
            draining: false,
            request: Request::default(),
            decision: None,
            picked: None,
            tried: Vec::new(),
            failure: Refusal::NoCard,
            inside: Vec::new(),
            began_at: now,
            first_byte_after: None,
            status: 0,
            denied_by: None,
            set_cookie: Vec::new(),
            retry_after: 1,
            queue: Queue::default(),
            introduction,
        }
    }

    /// Tells the session what happened. For [`Input::Data`] gives the bytes taken, 0 meaning that outputs are to
    /// be drained or more bytes are needed; for any other input, 0.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<usize, Error> {
        if now < self.now {
            return Err(Error::TimeRanBack);
        }
        // A question that was not drained yet cannot have been answered; it is always the last in the queue.
        if input.is_answer() && !self.queue.is_empty() {
            return Err(Error::NotAsked);
        }
        let before = core::mem::replace(&mut self.now, now);
        let result = match input {
            Input::Data { side: Side::Client, bytes, end } => Ok(self.client_data(bytes, end)),
            Input::Data { side: Side::Card, bytes, end } => Ok(self.card_data(bytes, end)),
            Input::Forwarded { from, len } => self.forwarded(from, len),
            Input::Broken { side } => {
                self.broken(side);
                Ok(0)
            }
            Input::Routed(decision) => self.routed(decision),
            Input::Misdirected => self.misdirected(),
            Input::Picked { card, address } => self.picked(card, address),
            Input::NoCard => self.no_card(),
            Input::Busy(busy) => self.busy(busy),
            Input::Stick { set_cookie, hide } => self.stick(set_cookie, hide),
            Input::Denied { rule } => self.denied(rule),
            Input::Connected { reused } => self.connected(reused),
            Input::ConnectFailed => match self.phase {
                Phase::Connect { .. } => {
                    self.card_failed(Refusal::CardBroke);
                    Ok(0)
                }
                _ => Err(Error::NotAsked),
            },
            Input::Drain => {
                self.draining = true;
                if matches!(self.phase, Phase::Idle { .. }) {
                    self.close(false);
                }
                Ok(0)
            }
            Input::Tick => {
                self.tick();
                Ok(0)
            }
            // No TLS and no data connections here.
            _ => Err(Error::NotAsked),
        };
        if result.is_err() {
            self.now = before;
        }
        result
    }

    /// The next thing to do. Draining changes nothing that the session knows of the conversation.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        let (effect, bytes, usage) = self.queue.pop()?;
        Some(match *effect {
            Effect::Route => Output::Route { key: key(&self.request, &self.peer) },
            Effect::Pick => Output::Pick {
                service: self.decision?.service,
                tried: &self.tried,
                request: self.request.line(),
                fields: self.request.fields(),
            },
            Effect::Connect { fresh } => {
                let picked = self.picked?;
                Output::Connect { card: picked.card, address: picked.address, fresh }
            }
            Effect::SendRequest => Output::Send { to: Side::Card, bytes: self.request.text() },
            Effect::Send { to, .. } => Output::Send { to, bytes },
            Effect::Forward { from, len } => Output::Forward { from, len },
            Effect::Release { service, card, outcome, reusable } => {
                Output::Release { service, card, outcome, reusable }
            }
            Effect::Close { abort } => Output::Close { abort },
            Effect::Finish { to } => Output::Finish { to },
            Effect::CardFailed { service, card } => Output::Event(Event::CardFailed { service, card }),
            Effect::Done => Output::Event(Event::Done(*usage?)),
        })
    }

    /// When [`Input::Tick`] is due: at once while outputs wait, never after the end.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if !self.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        match &self.phase {
            Phase::Idle { until }
            | Phase::Head { until, .. }
            | Phase::Route { until }
            | Phase::Pick { until }
            | Phase::Connect { until }
            | Phase::Linger { until } => Some(*until),
            Phase::Exchange(exchange) => Some(exchange.until(&self.config.timeouts)),
            Phase::Tunnel(tunnel) => Some(tunnel.moved_at.saturating_add(self.config.timeouts.stall)),
            Phase::Closed => None,
        }
    }

    /// True after the end: the driver may drop the session.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed && self.queue.is_empty()
    }

    /// True between two requests, when the connection may go without loss.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle { .. })
    }

    fn client_data(&mut self, bytes: &[u8], end: bool) -> usize {
        if !self.queue.is_empty() {
            return 0;
        }
        match &mut self.phase {
            Phase::Idle { .. } | Phase::Head { .. } => self.read_head(bytes, end),
            Phase::Exchange(_) => self.client_body(bytes, end),
            Phase::Tunnel(_) => {
                self.tunnel_end(Side::Client, bytes, end);
                0
            }
            Phase::Linger { .. } => {
                if end {
                    self.close(false);
                }
                bytes.len()
            }
            Phase::Route { .. } | Phase::Pick { .. } | Phase::Connect { .. } | Phase::Closed => 0,
        }
    }

    /// Takes the head of a request once it is whole.
    fn read_head(&mut self, bytes: &[u8], end: bool) -> usize {
        let limit = self.config.limits.head_bytes;
        // Empty lines before a request are skipped (RFC 9112 §2.2), each once it is whole: however the bytes were cut on
        // their way, a carriage return alone is none. They don't count as a request begun.
        let empty = head::empty_lines(bytes);
        if empty > 0 {
            return empty;
        }
        let first = match bytes {
            [] | [b'\r'] => {
                if end {
                    self.close(false);
                }
                return 0;
            }
            [first, ..] => first,
        };
        let scanned = match self.phase {
            Phase::Head { scanned, .. } => scanned,
            _ => {
                self.begin();
                0
            }
        };
        if !is_tchar(*first) {
            return self.refuse_bytes(malformed(), bytes.len());
        }
        // A head is mostly there at once: then nothing looks for its end but the parser itself.
        if scanned == 0 || head::end(bytes, scanned).is_some() {
            let mut room = head::room();
            match Head::parse(bytes, &mut room, self.config.limits.fields) {
                Ok(Some(head)) if head.len <= limit => {
                    let len = head.len;
                    let read = self.request.read(&head, &self.config, &self.peer, &self.introduction);
                    return self.begun(len, read);
                }
                Ok(Some(_)) => return self.refuse_bytes(too_large(), bytes.len()),
                Err(error) if head::end(bytes, 0).is_some_and(|len| len <= limit) => {
                    let newer = if error == HeadError::Version { self.read_newer(bytes) } else { None };
                    return newer.unwrap_or_else(|| self.refuse_bytes(error.into(), bytes.len()));
                }
                // Malformed or not, it is judged when it is whole, however it was cut on its way.
                Ok(None) | Err(_) => {}
            }
        }
        if bytes.len() >= limit {
            return self.refuse_bytes(too_large(), bytes.len());
        }
        if let Phase::Head { scanned, .. } = &mut self.phase {
            *scanned = bytes.len();
        }
        if end {
            return self.refuse_bytes(malformed(), bytes.len());
        }
        0
    }

    /// Takes the head of a request of a higher minor version, which is whole.
    #[cold]
    fn read_newer(&mut self, bytes: &[u8]) -> Option<usize> {
        let older = head::as_1_1(bytes.get(..head::end(bytes, 0)?)?)?;
        let mut room = head::room();
        let head = Head::parse(&older, &mut room, self.config.limits.fields).ok()??;
        let read = self.request.read(&head, &self.config, &self.peer, &self.introduction);
        Some(self.begun(head.len, read))
    }

    /// A head has begun: its time runs.
    fn begin(&mut self) {
        self.phase = Phase::Head { until: self.now.saturating_add(self.config.timeouts.head), scanned: 0 };
        self.began_at = self.now;
        self.decision = None;
        self.first_byte_after = None;
        self.status = 0;
        self.denied_by = None;
        self.set_cookie.clear();
        self.retry_after = 1;
        self.tried.clear();
        self.failure = Refusal::NoCard;
        // Until a head was read, nothing is known of the request.
        self.request.method = Method::Other;
        self.request.old = false;
    }

    /// The head was read: ask the table, or answer at once.
    fn begun(&mut self, len: usize, read: Result<(), Refused>) -> usize {
        self.began_at = self.now;
        match read {
            Ok(()) => {
                self.phase = Phase::Route { until: self.answer_by() };
                self.queue.push(Effect::Route);
            }
            Err(refused) => self.refuse(refused),
        }
        len
    }

    fn refuse_bytes(&mut self, refused: Refused, len: usize) -> usize {
        self.refuse(refused);
        len
    }

    fn routed(&mut self, decision: Result<Decision, Miss>) -> Result<usize, Error> {
        let Phase::Route { .. } = self.phase else { return Err(Error::NotAsked) };
        match decision {
            Ok(decision) => {
                self.decision = Some(decision);
                self.pick();
            }
            Err(Miss::NoRoute) => {
                self.refuse(Refused { status: 404, refusal: Refusal::NoRoute, understood: true });
            }
            Err(Miss::Ambiguous) => {
                self.refuse(Refused { status: 400, refusal: Refusal::Path, understood: false });
            }
        }
        Ok(0)
    }

    fn misdirected(&mut self) -> Result<usize, Error> {
        let Phase::Route { .. } = self.phase else { return Err(Error::NotAsked) };
        self.refuse(Refused { status: 421, refusal: Refusal::Misdirected, understood: true });
        Ok(0)
    }

    /// Asks the pool.
    pub(super) fn pick(&mut self) {
        self.phase = Phase::Pick { until: self.answer_by() };
        self.queue.push(Effect::Pick);
    }

    /// How long the driver may take for what it knows without asking anyone.
    fn answer_by(&self) -> Duration {
        self.now.saturating_add(self.config.timeouts.connect)
    }

    /// Takes back a question that was not drained in time.
    fn withdraw(&mut self) {
        self.queue.retain(|effect| !matches!(effect, Effect::Route | Effect::Pick | Effect::Connect { .. }));
    }

    /// Answers without a card. The connection goes on if the request was understood and had no body.
    pub(super) fn refuse(&mut self, refused: Refused) {
        let understood = refused.understood && !self.request.framing.has_body();
        let keep = understood && self.request.keep_alive && !self.draining && !self.client_ended;
        self.status = refused.status;
        let answer = Answer {
            status: refused.status,
            refusal: refused.refusal,
            pseudonym: &self.config.pseudonym,
            close: !keep,
            headless: self.request.method == Method::Head,
            retry_after: self.retry_after,
        };
        self.queue.send(Side::Client, |out| answer.write(out));
        self.done(Some(refused.refusal), true, 0, 0);
        self.end_request(keep, understood && self.request.old);
    }

    /// After an answer: the next request, or the end. `direct` says that the customer sends no more.
    pub(super) fn end_request(&mut self, keep: bool, direct: bool) {
        if keep {
            self.phase = Phase::Idle { until: self.now.saturating_add(self.config.timeouts.idle) };
        } else if direct || self.client_ended {
            self.close(false);
        } else {
            self.phase = Phase::Linger { until: self.now.saturating_add(self.config.timeouts.linger) };
            self.queue.push(Effect::Finish { to: Side::Client });
        }
    }

    pub(super) fn close(&mut self, abort: bool) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Closed;
            self.queue.push(Effect::Close { abort });
        }
    }

    /// Tells what the request used.
    pub(super) fn done(&mut self, refusal: Option<Refusal>, complete: bool, up: u64, down: u64) {
        let took = self.now.saturating_sub(self.began_at);
        let usage = Usage {
            decision: self.decision,
            card: self.picked.map(|picked| picked.card).filter(|_| refusal.is_none()),
            status: self.status,
            refusal,
            denied_by: self.denied_by,
            complete,
            request_bytes: up,
            response_bytes: down,
            began_at: self.began_at,
            first_byte_after: self.first_byte_after.unwrap_or(took),
            took,
        };
        self.queue.done(usage);
    }

    fn tick(&mut self) {
        match self.phase {
            Phase::Idle { until } | Phase::Linger { until } if self.now >= until => self.close(false),
            Phase::Head { until, .. } if self.now >= until => {
                self.refuse(Refused { status: 408, refusal: Refusal::Slow, understood: false });
            }
            Phase::Route { until } | Phase::Pick { until } if self.now >= until => {
                self.withdraw();
                self.refuse(Refused { status: 503, refusal: Refusal::NoCard, understood: true });
            }
            Phase::Connect { until } if self.now >= until => {
                self.withdraw();
                self.card_failed(Refusal::CardSlow);
            }
            Phase::Exchange(exchange) if self.now >= exchange.until(&self.config.timeouts) => self.stalled(),
            Phase::Tunnel(tunnel)
                if self.now >= tunnel.moved_at.saturating_add(self.config.timeouts.stall) =>
            {
                self.end_tunnel();
            }
            _ => {}
        }
    }

    fn broken(&mut self, side: Side) {
        match (side, &self.phase) {
            (_, Phase::Closed) => {}
            (Side::Client, _) => self.abandon(),
            (Side::Card, Phase::Exchange(_)) => self.card_ended(true),
            (Side::Card, Phase::Tunnel(_)) => self.end_tunnel(),
            (Side::Card, _) => {}
        }
    }

    /// The customer is gone: nobody is left to answer.
    fn abandon(&mut self) {
        self.queue.retain(|effect| {
            matches!(effect, Effect::Release { .. } | Effect::CardFailed { .. } | Effect::Done)
        });
        let (up, down) = self.passed();
        let running = !matches!(self.phase, Phase::Idle { .. } | Phase::Head { .. } | Phase::Linger { .. });
        if running {
            self.done(None, false, up, down);
        }
        self.release(Outcome::Unknown, false);
        self.close(true);
    }

    /// Gives the picked card back.
    pub(super) fn release(&mut self, outcome: Outcome, reusable: bool) {
        if let Some(Picked { service, card, .. }) = self.picked.take() {
            self.queue.push(Effect::Release { service, card, outcome, reusable });
        }
    }
}

/// The question for the table.
fn key<'a>(request: &'a Request, peer: &Peer) -> Key<'a> {
    let host = request.host();
    Key::Http {
        host: (!host.is_empty()).then(|| Host::from_normalised(host)),
        path: request.target(),
        port: peer.local.port(),
    }
}

const fn too_large() -> Refused {
    Refused { status: 431, refusal: Refusal::TooLarge, understood: false }
}
