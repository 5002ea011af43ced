//! A request on its way to a card, and the answer on its way back.

use super::body::{Body, Framing, Step, Style};
use super::config::Timeouts;
use super::inside::{Hidden, Inside};
use super::queue::Effect;
use super::request::Refused;
use super::response::{Context, Meaning};
use super::session::{Phase, Picked, Session};
use super::{Error, Refusal, Side};
use crate::pool::{Busy, Outcome};
use crate::wire::head::{self, Response as Head};
use crate::{CardId, number};
use core::net::SocketAddr;
use core::time::Duration;

/// More interim responses than this are no honest card's.
const MAX_INTERIM: u8 = 16;

/// One request and its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exchange {
    up: Body,
    down: Down,
    /// The last time that anything moved.
    moved_at: Duration,
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Down {
    /// Its head is awaited.
    Head { scanned: usize, interim: u8 },
    /// Its body passes.
    Body {
        body: Body,
        /// The card's connection may serve another request.
        reusable: bool,
        /// The customer's connection goes on.
        keep_alive: bool,
    },
}

/// Bytes of another protocol, both ways.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tunnel {
    pub(super) moved_at: Duration,
    client_ended: bool,
    card_ended: bool,
    up: u64,
    down: u64,
}

impl Exchange {
    pub(super) fn until(&self, timeouts: &Timeouts) -> Duration {
        let waits = self.up.is_done() && matches!(self.down, Down::Head { .. });
        self.moved_at.saturating_add(if waits { timeouts.answer } else { timeouts.stall })
    }
}

impl Session {
    pub(super) fn picked(&mut self, card: CardId, address: SocketAddr) -> Result<usize, Error> {
        let (Phase::Pick { .. }, Some(decision)) = (self.phase, self.decision) else {
            return Err(Error::NotAsked);
        };
        self.picked = Some(Picked { service: decision.service, card, address, reused: false });
        self.inside.clear();
        number::address(address.ip(), &mut self.inside);
        self.connect(false);
        Ok(0)
    }

    pub(super) fn no_card(&mut self) -> Result<usize, Error> {
        let Phase::Pick { .. } = self.phase else { return Err(Error::NotAsked) };
        self.refuse(Refused { status: self.failure.status(), refusal: self.failure, understood: true });
        Ok(0)
    }

    pub(super) fn busy(&mut self, busy: Busy) -> Result<usize, Error> {
        let Phase::Pick { .. } = self.phase else { return Err(Error::NotAsked) };
        if matches!(busy, Busy::NoCard | Busy::Retries) && !self.tried.is_empty() {
            return self.no_card();
        }
        self.retry_after = busy.retry_after().as_secs();
        let refusal = if busy == Busy::NoCard { Refusal::NoCard } else { Refusal::Busy };
        self.refuse(Refused { status: busy.status(), refusal, understood: true });
        Ok(0)
    }

    /// Keeps the customer on the card that is picked next.
    pub(super) fn stick(&mut self, set_cookie: Option<&str>, hide: Option<&str>) -> Result<usize, Error> {
        let Phase::Pick { .. } = self.phase else { return Err(Error::NotAsked) };
        self.set_cookie.clear();
        // A value with a line end would be another field.
        let one_line = set_cookie.filter(|value| !value.bytes().any(|b| b.is_ascii_control()));
        self.set_cookie.extend_from_slice(one_line.unwrap_or_default().as_bytes());
        if let Some(name) = hide {
            self.request.hide_cookie(name);
        }
        Ok(0)
    }

    pub(super) fn denied(&mut self, rule: Option<u16>) -> Result<usize, Error> {
        let Phase::Pick { .. } = self.phase else { return Err(Error::NotAsked) };
        self.denied_by = rule;
        self.refuse(Refused { status: 403, refusal: Refusal::Denied, understood: true });
        Ok(0)
    }

    pub(super) fn connected(&mut self, reused: bool) -> Result<usize, Error> {
        let (Phase::Connect { .. }, Some(picked)) = (self.phase, &mut self.picked) else {
            return Err(Error::NotAsked);
        };
        picked.reused = reused;
        let strip = self.decision.map_or(0, |decision| usize::from(decision.strip_len));
        if strip == 0 {
            self.queue.push(Effect::SendRequest);
        } else {
            self.queue.send(Side::Card, |out| self.request.write_stripped(strip, out));
        }
        let (up, forward) = Body::begin(self.request.framing, Style::ChunksAndTrailers);
        self.phase =
            Phase::Exchange(Exchange { up, down: Down::Head { scanned: 0, interim: 0 }, moved_at: self.now });
        if let Some(len) = forward {
            self.queue.push(Effect::Forward { from: Side::Client, len });
        }
        Ok(0)
    }

    fn connect(&mut self, fresh: bool) {
        self.phase = Phase::Connect { until: self.now.saturating_add(self.config.timeouts.connect) };
        self.queue.push(Effect::Connect { fresh });
    }

    /// The card did not do what it was picked for: try another where the request allows it.
    pub(super) fn card_failed(&mut self, refusal: Refusal) {
        let sent = matches!(self.phase, Phase::Exchange(_));
        self.failure = refusal;
        let again = !sent || self.may_send_again();
        let (up, _) = self.passed();
        if let Some(Picked { service, card, .. }) = self.picked {
            self.tried.push(card);
            self.release(Outcome::Failed, false);
            self.queue.push(Effect::CardFailed { service, card });
        }
        if again && self.tried.len() < self.config.limits.tries {
            self.pick();
            return;
        }
        // A body that was begun and not finished leaves bytes that are no request.
        let understood = !sent || up == 0;
        self.refuse(Refused { status: refusal.status(), refusal, understood });
    }

    /// Sent once, the request may be sent again only if doing it twice does no harm and nothing of its body has
    /// left the driver's hands (RFC 9110 §9.2.2).
    fn may_send_again(&self) -> bool {
        self.request.method.is_idempotent() && !self.request.framing.has_body()
    }

    pub(super) fn client_body(&mut self, bytes: &[u8], end: bool) -> usize {
        self.client_ended |= end && bytes.is_empty();
        let Phase::Exchange(mut exchange) = self.phase else { return 0 };
        if exchange.up.is_done() {
            return 0;
        }
        let Ok(taken) = self.pass(&mut exchange.up, Side::Client, bytes) else {
            // Whatever the card made of the beginning, it must not take it for the whole.
            self.done_with(exchange, Some(Refusal::Malformed));
            return bytes.len();
        };
        if taken > 0 {
            exchange.moved_at = self.now;
        }
        self.phase = Phase::Exchange(exchange);
        if end && taken == 0 && !exchange.up.is_done() {
            // The customer went in the middle of the body.
            self.done_with(exchange, None);
        }
        taken
    }

    pub(super) fn card_data(&mut self, bytes: &[u8], end: bool) -> usize {
        if !self.queue.is_empty() {
            return 0;
        }
        match self.phase {
            Phase::Tunnel(_) => {
                self.tunnel_end(Side::Card, bytes, end);
                0
            }
            Phase::Exchange(exchange) => match exchange.down {
                Down::Head { scanned, interim } => self.answer_head(exchange, scanned, interim, bytes, end),
                Down::Body { body, reusable, keep_alive } => {
                    self.answer_body(exchange, body, reusable, keep_alive, bytes, end)
                }
            },
            _ => 0,
        }
    }

    fn answer_head(
        &mut self,
        mut exchange: Exchange,
        scanned: usize,
        interim: u8,
        bytes: &[u8],
        end: bool,
    ) -> usize {
        let limit = self.config.limits.head_bytes;
        if !bytes.is_empty() && (scanned == 0 || head::end(bytes, scanned).is_some()) {
            let mut room = head::room();
            match Head::parse(bytes, &mut room, head::MAX_FIELDS) {
                Ok(Some(head)) if head.len <= limit => return self.answer(exchange, interim, &head),
                Ok(Some(_)) => return self.card_malformed(bytes.len()),
                Err(_) if head::end(bytes, 0).is_some() => return self.card_malformed(bytes.len()),
                Ok(None) | Err(_) => {}
            }
        }
        if bytes.len() >= limit {
            return self.card_malformed(bytes.len());
        }
        exchange.down = Down::Head { scanned: bytes.len(), interim };
        self.phase = Phase::Exchange(exchange);
        if end {
            if bytes.is_empty() {
                self.card_ended(false);
            } else {
                return self.card_malformed(bytes.len());
            }
        }
        0
    }

    /// The head of an answer is whole.
    fn answer(&mut self, mut exchange: Exchange, interim: u8, head: &Head<'_>) -> usize {
        let strip = self.decision.map_or(0, |decision| usize::from(decision.strip_len));
        let context = Context {
            request: &self.request,
            pseudonym: &self.config.pseudonym,
            hidden: Hidden { inside: &self.config.inside, card: &self.inside },
            stripped: self.request.target().get(..strip).unwrap_or_default(),
            set_cookie: &self.set_cookie,
            may_keep_alive: exchange.up.is_done() && !self.draining && !self.client_ended,
        };
        let meaning = self.queue.send(Side::Client, |out| {
            let start = out.len();
            context.rewrite(head, out).inspect_err(|_| out.truncate(start)).ok()
        });
        exchange.moved_at = self.now;
        match meaning {
            None => return self.card_malformed(head.len),
            Some(Meaning::Interim) if interim >= MAX_INTERIM => return self.card_malformed(head.len),
            Some(Meaning::Interim) => {
                exchange.down = Down::Head { scanned: 0, interim: interim.saturating_add(1) };
                self.phase = Phase::Exchange(exchange);
            }
            Some(Meaning::Switch) => self.switch(),
            Some(Meaning::Final { status, framing, style, reusable, keep_alive }) => {
                self.status = status;
                self.first_byte_after = Some(self.now.saturating_sub(self.began_at));
                let (body, forward) = Body::begin(framing, style);
                exchange.down = Down::Body { body, reusable, keep_alive };
                self.phase = Phase::Exchange(exchange);
                if let Some(len) = forward {
                    self.queue.push(Effect::Forward { from: Side::Card, len });
                }
                if body.is_done() {
                    self.answered();
                }
            }
        }
        head.len
    }

    fn answer_body(
        &mut self,
        mut exchange: Exchange,
        mut body: Body,
        reusable: bool,
        keep_alive: bool,
        bytes: &[u8],
        end: bool,
    ) -> usize {
        let Ok(taken) = self.pass(&mut body, Side::Card, bytes) else {
            self.done_with(exchange, Some(Refusal::CardMalformed));
            return bytes.len();
        };
        if taken > 0 {
            exchange.moved_at = self.now;
        }
        exchange.down = Down::Body { body, reusable, keep_alive };
        self.phase = Phase::Exchange(exchange);
        if body.is_done() {
            self.answered();
        } else if end && taken == 0 {
            self.card_ended(false);
        }
        taken
    }

    /// Passes on what stands between the bytes that the driver moves.
    fn pass(&mut self, body: &mut Body, from: Side, bytes: &[u8]) -> Result<usize, super::body::Broken> {
        let (longest_line, longest_trailers) = (self.config.limits.chunk_line, self.config.limits.head_bytes);
        // What the customer says of the inside is the card's to judge.
        let nothing = Inside::default();
        let hidden = match from {
            Side::Card => Hidden { inside: &self.config.inside, card: &self.inside },
            Side::Client => Hidden { inside: &nothing, card: &[] },
        };
        let mut taken = 0usize;
        let mut result = Ok(());
        let mut forward = None;
        self.queue.send(from.other(), |out| {
            while forward.is_none() && !body.is_done() {
                let rest = bytes.get(taken..).unwrap_or_default();
                match body.step(rest, longest_line, longest_trailers, hidden, out) {
                    Ok(Step::Wait) => break,
                    Ok(Step::Took(took)) => taken = taken.saturating_add(took),
                    Ok(Step::Forward { took, forward: len }) => {
                        taken = taken.saturating_add(took);
                        forward = Some(len);
                    }
                    Err(broken) => {
                        result = Err(broken);
                        break;
                    }
                }
            }
        });
        if let Some(len) = forward {
            self.queue.push(Effect::Forward { from, len });
        }
        result.map(|()| taken)
    }

    pub(super) fn forwarded(&mut self, from: Side, len: u64) -> Result<usize, Error> {
        let now = self.now;
        match &mut self.phase {
            Phase::Exchange(exchange) => {
                let body = match (from, &mut exchange.down) {
                    (Side::Client, _) => &mut exchange.up,
                    (Side::Card, Down::Body { body, .. }) => body,
                    (Side::Card, Down::Head { .. }) => return Err(Error::Overrun),
                };
                body.forwarded(len).ok_or(Error::Overrun)?;
                exchange.moved_at = now;
                if let Down::Body { body, .. } = exchange.down
                    && body.is_done()
                {
                    self.answered();
                }
            }
            Phase::Tunnel(tunnel) => {
                tunnel.moved_at = now;
                let passed = if from == Side::Client { &mut tunnel.up } else { &mut tunnel.down };
                *passed = passed.saturating_add(len);
            }
            _ => return Err(Error::Overrun),
        }
        Ok(0)
    }

    /// The answer has passed whole.
    fn answered(&mut self) {
        let Phase::Exchange(Exchange { up, down: Down::Body { body, reusable, keep_alive }, .. }) =
            self.phase
        else {
            return;
        };
        let outcome = Outcome::Answered {
            first_byte_after: self.first_byte_after.unwrap_or_default(),
            status: self.status,
        };
        self.done(None, true, up.passed, body.passed);
        self.release(outcome, reusable && up.is_done());
        let keep = keep_alive && up.is_done() && !self.draining;
        self.end_request(keep, up.is_done() && !self.request.keep_alive);
    }

    /// The card sends no more, orderly or not.
    pub(super) fn card_ended(&mut self, reset: bool) {
        let Phase::Exchange(mut exchange) = self.phase else { return };
        match &mut exchange.down {
            Down::Head { interim, .. } => {
                let stale = self.picked.is_some_and(|picked| picked.reused) && *interim == 0;
                if stale && self.may_send_again() {
                    // It was closed while it lay idle: no fault of the card's.
                    self.connect(true);
                } else {
                    self.card_failed(Refusal::CardBroke);
                }
            }
            Down::Body { body, .. } => {
                if !reset && body.end() {
                    self.phase = Phase::Exchange(exchange);
                    self.answered();
                } else {
                    self.done_with(exchange, Some(Refusal::CardBroke));
                }
            }
        }
    }

    fn card_malformed(&mut self, len: usize) -> usize {
        let (up, _) = self.passed();
        self.release(Outcome::Failed, false);
        self.refuse(Refused { status: 502, refusal: Refusal::CardMalformed, understood: up == 0 });
        len
    }

    /// Nothing moved for too long.
    pub(super) fn stalled(&mut self) {
        let Phase::Exchange(exchange) = self.phase else { return };
        match exchange.down {
            Down::Head { .. } if exchange.up.is_done() => self.card_failed(Refusal::CardSlow),
            Down::Head { .. } => {
                self.release(Outcome::Unknown, false);
                self.refuse(Refused { status: 408, refusal: Refusal::Slow, understood: false });
            }
            Down::Body { .. } => self.done_with(exchange, Some(Refusal::CardSlow)),
        }
    }

    /// Ends an exchange that cannot be completed. Where no answer has begun and the request is to blame, it gets
    /// one; otherwise the customer sees the connection break.
    fn done_with(&mut self, exchange: Exchange, refusal: Option<Refusal>) {
        let outcome = match refusal {
            Some(Refusal::CardBroke | Refusal::CardMalformed | Refusal::CardSlow) => Outcome::Failed,
            _ => Outcome::Unknown,
        };
        if let (Down::Head { .. }, Some(Refusal::Malformed)) = (&exchange.down, refusal) {
            self.release(outcome, false);
            self.refuse(super::request::malformed());
            return;
        }
        let down = if let Down::Body { body, .. } = exchange.down { body.passed } else { 0 };
        self.done(refusal, false, exchange.up.passed, down);
        self.release(outcome, false);
        self.close(true);
    }

    fn switch(&mut self) {
        self.status = 101;
        self.first_byte_after = Some(self.now.saturating_sub(self.began_at));
        self.phase = Phase::Tunnel(Tunnel {
            moved_at: self.now,
            client_ended: false,
            card_ended: false,
            up: 0,
            down: 0,
        });
        self.queue.push(Effect::Forward { from: Side::Client, len: u64::MAX });
        self.queue.push(Effect::Forward { from: Side::Card, len: u64::MAX });
    }

    pub(super) fn tunnel_end(&mut self, side: Side, bytes: &[u8], end: bool) {
        let Phase::Tunnel(tunnel) = &mut self.phase else { return };
        if !end || !bytes.is_empty() {
            return;
        }
        let ended = if side == Side::Client { &mut tunnel.client_ended } else { &mut tunnel.card_ended };
        if core::mem::replace(ended, true) {
            return;
        }
        if tunnel.client_ended && tunnel.card_ended {
            self.end_tunnel();
        } else {
            self.queue.push(Effect::Finish { to: side.other() });
        }
    }

    pub(super) fn end_tunnel(&mut self) {
        let Phase::Tunnel(tunnel) = self.phase else { return };
        let outcome = Outcome::Answered {
            first_byte_after: self.first_byte_after.unwrap_or_default(),
            status: self.status,
        };
        self.done(None, true, tunnel.up, tunnel.down);
        self.release(outcome, false);
        self.close(false);
    }

    /// Bytes of content passed on so far, up and down.
    pub(super) fn passed(&self) -> (u64, u64) {
        match &self.phase {
            Phase::Exchange(Exchange { up, down: Down::Body { body, .. }, .. }) => (up.passed, body.passed),
            Phase::Exchange(Exchange { up, .. }) => (up.passed, 0),
            Phase::Tunnel(tunnel) => (tunnel.up, tunnel.down),
            _ => (0, 0),
        }
    }
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Card,
            Self::Card => Self::Client,
        }
    }
}

impl Framing {
    pub(super) fn has_body(self) -> bool {
        !matches!(self, Self::None | Self::Length(0))
    }
}
