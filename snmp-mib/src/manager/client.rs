//! The client and its three verbs.

use alloc::{collections::VecDeque, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use super::exchange::{Exchange, Failure, Kind, Peer, RequestId};
use crate::outbox::Outbox;
use crate::usm::{Builtin, Distrust, Engines, Heard, Security};
use crate::wire::{
    Body, ErrorStatus, Message, Oid, OidBuf, ParseError, Pdu, PduType, Problem, V3Message, Value, VarBind,
    VarBindList, VarBinds, Version,
};

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long an answer may take.
    pub timeout: Duration,
    /// How often a request is sent again.
    pub retries: u32,
    /// How many names a walk asks for at once.
    pub max_repetitions: u16,
    /// How much it keeps.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(1), retries: 3, max_repetitions: 25, limits: Limits::default() }
    }
}

/// How much a client keeps.
///
/// Memory: a request of up to 64 KiB for each of `exchanges`, as many answers that wait to be taken, and about 500
/// octets for each of `engines`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most requests under way.
    pub exchanges: usize,
    /// The most engines of v3 whose identity, clock and keys are remembered.
    pub engines: usize,
    /// The most bindings of a walk.
    pub walk: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { exchanges: 1_024, engines: 1_024, walk: 1_000_000 }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram arrived.
    Datagram {
        /// Its sender.
        from: SocketAddr,
        /// Its bytes.
        data: &'a [u8],
    },
    /// The deadline has come.
    Tick,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send `data` to `to`.
    Send {
        /// The agent.
        to: SocketAddr,
        /// The message.
        data: &'a [u8],
    },
    /// What an agent answered; a walk has many of these.
    Answer {
        /// The request.
        id: RequestId,
        /// The bindings.
        varbinds: VarBinds<'a>,
    },
    /// The request is over.
    Done {
        /// The request.
        id: RequestId,
        /// Whether all went well.
        outcome: Result<(), Failure>,
    },
}

/// Why a datagram had no effect, or a request was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no message.
    #[error("malformed message: {0}")]
    Malformed(#[from] ParseError),
    /// The security model does not believe it.
    #[error("not to be trusted: {0}")]
    Untrusted(#[from] Distrust),
    /// No request waits for it: late, repeated, or from somebody else.
    #[error("answers nothing that was asked")]
    Unexpected,
    /// As many requests as the limits allow are under way.
    #[error("too many requests are under way")]
    Busy,
    /// Nobody of that name was given to `Client::secure`.
    #[error("the user is not known")]
    UnknownUser,
}

/// What a client counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages sent, repeated ones included.
    pub sent: u64,
    /// Messages sent again.
    pub repeated: u64,
    /// Answers that belonged to a request.
    pub answered: u64,
    /// Datagrams that belonged to none.
    pub unexpected: u64,
    /// Requests that were never answered.
    pub timeouts: u64,
}

/// Something for the owner of a request.
#[derive(Clone, Debug, PartialEq)]
enum Note {
    Answer { id: RequestId, varbinds: VarBindList },
    Done { id: RequestId, outcome: Result<(), Failure> },
}

/// Asks agents.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    config: Config,
    now: Duration,
    next_id: u64,
    next_wire_id: i32,
    exchanges: Vec<Exchange>,
    notes: VecDeque<Note>,
    lent: Option<Note>,
    outbox: Outbox,
    stats: Stats,
    engines: Option<Engines<Builtin>>,
}

/// How many times an engine may teach before what it refuses is believed: its identity, its clock, a restart.
const LESSONS: u32 = 4;

impl Client {
    /// A client. `first_wire_id` should not be guessed easily: an answer is believed that carries it and comes
    /// from the agent's address.
    pub fn new(config: Config, first_wire_id: i32) -> Self {
        Self {
            config,
            now: Duration::ZERO,
            next_id: 1,
            next_wire_id: first_wire_id,
            exchanges: Vec::new(),
            notes: VecDeque::new(),
            lent: None,
            outbox: Outbox::default(),
            stats: Stats::default(),
            engines: None,
        }
    }

    /// Lets the client speak v3 as these users. An engine's identity and clock are found out when it is asked
    /// first, and again when it has started anew. `salt` is random.
    #[cfg(feature = "usm")]
    pub fn secure(&mut self, users: impl IntoIterator<Item = crate::usm::Credentials>, salt: u64) {
        let users = users.into_iter().collect();
        self.engines = Some(Engines::new(crate::usm::RustCrypto, users, self.config.limits.engines, salt));
    }

    /// Asks for the values of `names`.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn get(&mut self, now: Duration, peer: &Peer, names: &[Oid<'_>]) -> Result<RequestId, Error> {
        self.once(now, peer, PduType::GET, &nulls(names))
    }

    /// Asks for the instances behind `names`.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn get_next(&mut self, now: Duration, peer: &Peer, names: &[Oid<'_>]) -> Result<RequestId, Error> {
        self.once(now, peer, PduType::GET_NEXT, &nulls(names))
    }

    /// Asks for the instances behind `names` by one GETBULK: those of the first `single` names once, those of the
    /// others `repetitions` times at the most.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn get_bulk(
        &mut self,
        now: Duration,
        peer: &Peer,
        (single, repetitions): (i32, i32),
        names: &[Oid<'_>],
    ) -> Result<RequestId, Error> {
        self.start(now, peer, PduType::GET_BULK, (single, repetitions), &nulls(names), Kind::Bulk)
    }

    /// Writes values. A SET whose answer is lost is sent again like any other request.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn set(&mut self, now: Duration, peer: &Peer, bindings: &[VarBind<'_>]) -> Result<RequestId, Error> {
        self.once(now, peer, PduType::SET, bindings)
    }

    /// Asks for every instance below `root`.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn walk(&mut self, now: Duration, peer: &Peer, root: Oid<'_>) -> Result<RequestId, Error> {
        let kind = Kind::Walk { root: root.to_buf(), last: root.to_buf(), seen: 0 };
        let (pdu, repetitions) = self.step(peer.security.version());
        self.start(now, peer, pdu, (0, repetitions), &nulls(&[root]), kind)
    }

    /// Tells the client what happened at `now`.
    ///
    /// # Errors
    /// [`Error`]: a datagram that answers nothing. A driver may log it and goes on.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        self.now = self.now.max(now);
        match input {
            Input::Datagram { from, data } => {
                let outcome = self.answer(from, data);
                let counter =
                    if outcome.is_ok() { &mut self.stats.answered } else { &mut self.stats.unexpected };
                *counter = counter.saturating_add(1);
                outcome
            }
            Input::Tick => {
                self.repeat();
                Ok(())
            }
        }
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if !self.outbox.is_empty() {
            return self.outbox.pop().map(|(to, data)| Output::Send { to, data });
        }
        self.lent = self.notes.pop_front();
        match self.lent.as_ref()? {
            Note::Done { id, outcome } => Some(Output::Done { id: *id, outcome: *outcome }),
            Note::Answer { id, varbinds } => {
                Some(Output::Answer { id: *id, varbinds: varbinds.as_varbinds() })
            }
        }
    }

    /// When [`Input::Tick`] is next due; zero while outputs are pending.
    pub fn deadline(&self) -> Option<Duration> {
        if !self.outbox.is_empty() || !self.notes.is_empty() {
            return Some(Duration::ZERO);
        }
        self.exchanges.iter().map(|exchange| exchange.deadline).min()
    }

    /// What was counted.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    fn once(
        &mut self,
        now: Duration,
        peer: &Peer,
        pdu: PduType,
        bindings: &[VarBind<'_>],
    ) -> Result<RequestId, Error> {
        self.start(now, peer, pdu, (0, 0), bindings, Kind::Once { bindings: bindings.len() })
    }

    /// How a walk asks: GETBULK, or GETNEXT where there is no GETBULK.
    fn step(&self, version: Version) -> (PduType, i32) {
        match version {
            Version::V1 => (PduType::GET_NEXT, 0),
            Version::V2c => (PduType::GET_BULK, i32::from(self.config.max_repetitions.max(1))),
        }
    }

    fn start(
        &mut self,
        now: Duration,
        peer: &Peer,
        pdu: PduType,
        counts: (i32, i32),
        bindings: &[VarBind<'_>],
        kind: Kind,
    ) -> Result<RequestId, Error> {
        self.now = self.now.max(now);
        if self.exchanges.len().saturating_add(self.notes.len()) >= self.config.limits.exchanges {
            return Err(Error::Busy);
        }
        let id = RequestId(self.next_id);
        let bindings: VarBindList = bindings.iter().copied().collect();
        let mut exchange = Exchange {
            id,
            peer: peer.clone(),
            wire_id: 0,
            pdu,
            counts,
            bindings,
            tries: 1,
            lessons: 0,
            deadline: self.now.saturating_add(self.config.timeout),
            kind,
        };
        exchange.wire_id = self.wire_id();
        self.send(&exchange)?;
        self.next_id = self.next_id.wrapping_add(1);
        self.exchanges.push(exchange);
        Ok(id)
    }

    /// The next request-id, which is a msgID as well and so is not negative.
    const fn wire_id(&mut self) -> i32 {
        let id = self.next_wire_id & i32::MAX;
        self.next_wire_id = id.wrapping_add(1);
        id
    }

    /// Sends what an exchange asks; of an engine that is not known, who it is.
    fn send(&mut self, exchange: &Exchange) -> Result<(), Error> {
        let Peer { address, security } = &exchange.peer;
        let pdu = Pdu {
            kind: exchange.pdu,
            request_id: exchange.wire_id,
            error_status: ErrorStatus(exchange.counts.0),
            error_index: exchange.counts.1,
            varbinds: exchange.bindings.as_varbinds(),
        };
        let mut buffer = self.outbox.buffer();
        match security {
            Security::Community { version, community } => {
                let message = Message { version: *version, community, body: Body::Pdu(pdu) };
                buffer.extend(message.to_vec());
            }
            Security::User { name, context } => {
                let engines = self.engines.as_mut().ok_or(Error::UnknownUser)?;
                let sealed =
                    engines.seal(self.now, (*address, name, context), exchange.wire_id, pdu, &mut buffer);
                let sealed = sealed.map_err(|_| Error::UnknownUser)?.len();
                let before = buffer.len().saturating_sub(sealed);
                buffer.drain(..before);
            }
        }
        self.stats.sent = self.stats.sent.saturating_add(1);
        self.outbox.push(*address, buffer, 0);
        Ok(())
    }

    fn answer(&mut self, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let message = match Message::parse(data) {
            Ok(message) => message,
            Err(error) if error.problem == Problem::Version(3) => return self.sealed(from, data),
            Err(error) => return Err(error.into()),
        };
        let Body::Pdu(pdu) = message.body else {
            return Err(Error::Unexpected);
        };
        let Message { version, community, .. } = message;
        let belongs = |exchange: &Exchange| {
            exchange.wire_id == pdu.request_id
                && exchange.peer.address == from
                && matches!(&exchange.peer.security, Security::Community { version: v, community: c }
                    if *v == version && c == community)
        };
        let found = self.exchanges.iter().position(belongs).ok_or(Error::Unexpected)?;
        self.take(found, &pdu)
    }

    /// Takes a message of v3: an answer, or a Report that teaches how to ask again.
    fn sealed(&mut self, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let id = V3Message::parse(data)?.id;
        let belongs = |exchange: &Exchange| exchange.wire_id == id && exchange.peer.address == from;
        let found = self.exchanges.iter().position(belongs).ok_or(Error::Unexpected)?;
        let exchange = self.exchanges.get(found).ok_or(Error::Unexpected)?;
        let (Security::User { name, .. }, Some(engines)) = (&exchange.peer.security, self.engines.as_mut())
        else {
            return Err(Error::Unexpected);
        };
        let mut plain = Vec::new();
        match engines.open(self.now, from, name, data, &mut plain)? {
            Heard::Answer(pdu) if pdu.request_id != id => Err(Error::Unexpected),
            Heard::Answer(pdu) => self.take(found, &pdu),
            Heard::Lesson(_) if exchange.lessons < LESSONS => {
                let mut exchange = self.exchanges.swap_remove(found);
                exchange.lessons = exchange.lessons.saturating_add(1);
                exchange.deadline = self.now.saturating_add(self.config.timeout);
                exchange.wire_id = self.wire_id();
                let sent = self.send(&exchange);
                self.exchanges.push(exchange);
                sent
            }
            Heard::Lesson(reason) | Heard::Refused(reason) => {
                let exchange = self.exchanges.swap_remove(found);
                self.done(exchange.id, Err(Failure::Security(reason)));
                Ok(())
            }
        }
    }

    /// Takes the answer to the exchange at `found`.
    fn take(&mut self, found: usize, pdu: &Pdu<'_>) -> Result<(), Error> {
        if pdu.kind != PduType::RESPONSE {
            return Err(Error::Unexpected);
        }
        let exchange = self.exchanges.swap_remove(found);
        match exchange.kind.clone() {
            Kind::Walk { root, last, seen } => self.walked(exchange, pdu, root, last, seen),
            Kind::Bulk => {
                let outcome = match pdu.error_status {
                    ErrorStatus::NO_ERROR => {
                        self.note(exchange.id, pdu.varbinds);
                        Ok(())
                    }
                    status => Err(Failure::Refused { status, index: pdu.error_index }),
                };
                self.done(exchange.id, outcome);
            }
            Kind::Once { bindings } => {
                let outcome = match pdu.error_status {
                    ErrorStatus::NO_ERROR if pdu.varbinds.len() != bindings => Err(Failure::Mismatch),
                    ErrorStatus::NO_ERROR => {
                        self.note(exchange.id, pdu.varbinds);
                        Ok(())
                    }
                    status => Err(Failure::Refused { status, index: pdu.error_index }),
                };
                self.done(exchange.id, outcome);
            }
        }
        Ok(())
    }

    /// Takes one response of a walk, and asks on from its last name.
    fn walked(&mut self, mut exchange: Exchange, pdu: &Pdu<'_>, root: OidBuf, mut last: OidBuf, seen: usize) {
        let version = exchange.peer.security.version();
        // The end of the MIB in v1 is an error (RFC 1157 §4.1.3).
        if version == Version::V1 && pdu.error_status == ErrorStatus::NO_SUCH_NAME {
            return self.done(exchange.id, Ok(()));
        }
        if pdu.error_status != ErrorStatus::NO_ERROR {
            let refused = Failure::Refused { status: pdu.error_status, index: pdu.error_index };
            return self.done(exchange.id, Err(refused));
        }
        let (mut count, mut ended) = (0_usize, pdu.varbinds.is_empty());
        for VarBind { name, value } in pdu.varbinds.iter() {
            if value == Value::EndOfMibView || !name.starts_with(root.as_oid()) {
                ended = true;
                break;
            }
            if name <= last.as_oid() {
                return self.done(exchange.id, Err(Failure::NotRising));
            }
            last.assign(name);
            count = count.saturating_add(1);
        }
        let seen = seen.saturating_add(count);
        if count > 0 {
            self.note(exchange.id, pdu.varbinds.first(count));
        }
        if ended {
            return self.done(exchange.id, Ok(()));
        }
        if seen >= self.config.limits.walk {
            return self.done(exchange.id, Err(Failure::TooLong));
        }
        exchange.bindings = nulls(&[last.as_oid()]).into_iter().collect();
        exchange.wire_id = self.wire_id();
        (exchange.tries, exchange.lessons) = (1, 0);
        exchange.deadline = self.now.saturating_add(self.config.timeout);
        exchange.kind = Kind::Walk { root, last, seen };
        // What cannot be sent is not answered, and is sent again when its time comes.
        let _ = self.send(&exchange);
        self.exchanges.push(exchange);
    }

    fn note(&mut self, id: RequestId, varbinds: VarBinds<'_>) {
        self.notes.push_back(Note::Answer { id, varbinds: varbinds.to_list() });
    }

    fn done(&mut self, id: RequestId, outcome: Result<(), Failure>) {
        self.notes.push_back(Note::Done { id, outcome });
    }

    /// Sends again what is due, the longest waiting first, and gives up what was sent often enough.
    fn repeat(&mut self) {
        let now = self.now;
        let (mut due, waiting): (Vec<_>, Vec<_>) =
            core::mem::take(&mut self.exchanges).into_iter().partition(|exchange| exchange.deadline <= now);
        self.exchanges = waiting;
        due.sort_by_key(|exchange| exchange.deadline);
        for mut exchange in due {
            if exchange.tries > self.config.retries {
                self.stats.timeouts = self.stats.timeouts.saturating_add(1);
                self.done(exchange.id, Err(Failure::Timeout));
                continue;
            }
            exchange.tries = exchange.tries.saturating_add(1);
            // At least a moment ahead, so that a timeout of zero does not spin.
            exchange.deadline = now.saturating_add(self.config.timeout.max(Duration::from_millis(1)));
            self.stats.repeated = self.stats.repeated.saturating_add(1);
            exchange.lessons = 0;
            if matches!(exchange.peer.security, Security::User { .. }) {
                exchange.wire_id = self.wire_id();
            }
            let _ = self.send(&exchange);
            self.exchanges.push(exchange);
        }
    }
}

fn nulls<'a>(names: &[Oid<'a>]) -> Vec<VarBind<'a>> {
    names.iter().map(|name| VarBind { name: *name, value: Value::Null }).collect()
}
