//! Receiving notifications, and acknowledging informs.
//!
//! In v3 whoever sends a trap is the authoritative engine, and is got to know by it; of an inform the receiver is,
//! and answers discoveries with Reports as an agent does (RFC 3414 §3.2, RFC 3412 §4.2.2).

use alloc::{collections::VecDeque, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use super::trap::Trap;
use crate::agent::Community;
use crate::outbox::Outbox;
use crate::usm::{Authority, Builtin, Credentials, Distrust, Level, Peer, Reason, Refused, encode};
use crate::wire::{
    Body, ErrorStatus, Message, ParseError, Pdu, PduType, Problem, ScopedPdu, UsmParameters, V3Message,
    VarBindList,
};

/// What a receiver is told when it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Who may tell; anybody where it is empty.
    pub communities: Vec<Community>,
    /// How much it keeps.
    pub limits: Limits,
}

/// How much a receiver keeps: `waiting` notifications of 64 KiB at the most, and about 500 octets for each of
/// `engines`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most notifications that wait to be taken; further ones are dropped and counted, and informs among them
    /// are not acknowledged, so that their sender tries again.
    pub waiting: usize,
    /// The most senders of v3 traps whose clock and keys are remembered.
    pub engines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { waiting: 1_024, engines: 1_024 }
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
    /// Time went by. A receiver has no timers.
    Tick,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send `data` to `to`: an acknowledgement.
    Send {
        /// The sender of the inform.
        to: SocketAddr,
        /// The message.
        data: &'a [u8],
    },
    /// A notification.
    Trap {
        /// Its sender.
        from: SocketAddr,
        /// What it tells.
        trap: Trap<'a>,
    },
}

/// Why a datagram had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no message.
    #[error("malformed message: {0}")]
    Malformed(#[from] ParseError),
    /// The security model does not believe it. Who may be told why is told.
    #[error("not to be trusted: {0}")]
    Untrusted(#[from] Distrust),
    /// Nobody of that community may tell from there.
    #[error("unknown community, or from the wrong network")]
    Community,
    /// It is no notification, or lacks sysUpTime or snmpTrapOID.
    #[error("not a notification")]
    NotANotification,
    /// As many notifications as the limits allow are waiting.
    #[error("too many notifications are waiting")]
    Busy,
}

/// What a receiver counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Notifications taken.
    pub received: u64,
    /// Datagrams that were malformed, or no notifications.
    pub malformed: u64,
    /// Datagrams of an unknown community, or that the security model does not believe.
    pub strangers: u64,
    /// Notifications dropped because as many as the limits allow were waiting.
    pub dropped: u64,
}

/// Takes notifications in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receiver {
    config: Config,
    waiting: VecDeque<(SocketAddr, Kept)>,
    lent: Option<(SocketAddr, Kept)>,
    outbox: Outbox,
    stats: Stats,
    secure: Option<Secure>,
}

/// A notification that waits to be taken.
#[derive(Clone, Debug, PartialEq)]
enum Kept {
    /// As it came.
    Datagram(Vec<u8>),
    /// What v3 has opened.
    Bindings(VarBindList),
}

/// What a receiver of v3 has.
#[derive(Clone, Debug, PartialEq)]
struct Secure {
    crypto: Builtin,
    /// For informs.
    authority: Authority<Builtin>,
    users: Vec<Credentials>,
    /// Who has sent traps, the most recently met last.
    senders: Vec<Peer<Builtin>>,
}

impl Receiver {
    /// A receiver.
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// Lets the receiver take notifications of v3 from these users, each at the level of its credentials.
    /// `config.boots` must have been written down before.
    #[cfg(feature = "usm")]
    pub fn secure(&mut self, now: Duration, config: crate::usm::Config, users: &[Credentials]) {
        let crypto = crate::usm::RustCrypto;
        let authority = Authority::new(now, crypto, config, users);
        self.secure = Some(Secure { crypto, authority, users: users.to_vec(), senders: Vec::new() });
    }

    /// Tells the receiver what happened.
    ///
    /// # Errors
    /// [`Error`]: why a datagram was not taken. A driver may log it and goes on.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        let Input::Datagram { from, data } = input else {
            return Ok(());
        };
        let outcome = self.datagram(now, from, data);
        let counter = match outcome {
            Ok(()) => &mut self.stats.received,
            Err(Error::Community | Error::Untrusted(_)) => &mut self.stats.strangers,
            Err(Error::Busy) => &mut self.stats.dropped,
            Err(Error::Malformed(_) | Error::NotANotification) => &mut self.stats.malformed,
        };
        *counter = counter.saturating_add(1);
        outcome
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if !self.outbox.is_empty() {
            return self.outbox.pop().map(|(to, data)| Output::Send { to, data });
        }
        self.lent = self.waiting.pop_front();
        let (from, kept) = self.lent.as_ref()?;
        // It was read once when it came, so it can be read again.
        let trap = match kept {
            Kept::Datagram(data) => Trap::read(&Message::parse(data).ok()?)?,
            Kept::Bindings(list) => Trap::of(list.as_varbinds())?,
        };
        Some(Output::Trap { from: *from, trap })
    }

    /// Zero while outputs are pending; a receiver has no timers.
    pub fn deadline(&self) -> Option<Duration> {
        (!self.outbox.is_empty() || !self.waiting.is_empty()).then_some(Duration::ZERO)
    }

    /// What was counted.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    fn datagram(&mut self, now: Duration, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let message = match Message::parse(data) {
            Ok(message) => message,
            Err(error) if error.problem == Problem::Version(3) && self.secure.is_some() => {
                return self.sealed(now, from, data);
            }
            Err(error) => return Err(error.into()),
        };
        let communities = &self.config.communities;
        if !communities.is_empty() && !communities.iter().any(|own| own.admits(message.community, from.ip()))
        {
            return Err(Error::Community);
        }
        if Trap::read(&message).is_none() {
            return Err(Error::NotANotification);
        }
        if self.waiting.len() >= self.config.limits.waiting {
            return Err(Error::Busy);
        }
        self.waiting.push_back((from, Kept::Datagram(data.to_vec())));
        if let Body::Pdu(Pdu { kind: PduType::INFORM, .. }) = message.body {
            self.outbox.push(from, acknowledgement(&message).to_vec(), 0);
        }
        Ok(())
    }

    /// Takes a message of v3.
    fn sealed(&mut self, now: Duration, from: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let full = self.waiting.len() >= self.config.limits.waiting;
        let Some(secure) = self.secure.as_mut() else {
            return Err(Error::NotANotification);
        };
        let message = V3Message::parse(data)?;
        let (parameters, _) = UsmParameters::parse(&message)?;
        let mut plain = Vec::new();
        let own = parameters.engine.is_empty() || parameters.engine == secure.authority.engine();
        let (scoped, sender) = if own {
            match secure.authority.open(now, data, &mut plain) {
                Ok(opened) => {
                    // A user is believed at the level of its credentials, not below.
                    let user = secure.users.iter().find(|user| user.name() == opened.sender.user);
                    if user.is_none_or(|user| opened.sender.level < user.level()) {
                        return Err(Distrust::Reason(Reason::UnsupportedLevel).into());
                    }
                    (opened.scoped, Some(opened.sender))
                }
                Err(refused) => {
                    let mut report = Vec::new();
                    let told = secure.authority.report(now, &refused, &mut report).map(<[u8]>::to_vec);
                    if let Some(report) = told.filter(|_| self.outbox.len() < self.config.limits.waiting) {
                        self.outbox.push(from, report, 0);
                    }
                    return Err(match refused {
                        Refused::Malformed(error) => error.into(),
                        Refused::Model(model) => Distrust::Model(model).into(),
                        Refused::Reason { reason, .. } => Distrust::Reason(reason).into(),
                    });
                }
            }
        } else {
            (secure.trap(now, data, &parameters, self.config.limits.engines, &mut plain)?, None)
        };
        let kind = scoped.pdu.kind;
        // An inform is for an engine that it knows, a trap from one that knows itself.
        let fits = if own { kind == PduType::INFORM } else { kind == PduType::TRAP };
        if !fits || Trap::of(scoped.pdu.varbinds).is_none() {
            return Err(Error::NotANotification);
        }
        if full {
            return Err(Error::Busy);
        }
        self.waiting.push_back((from, Kept::Bindings(scoped.pdu.varbinds.to_list())));
        if let Some(sender) = sender {
            let response = Pdu {
                kind: PduType::RESPONSE,
                error_status: ErrorStatus::NO_ERROR,
                error_index: 0,
                ..scoped.pdu
            };
            let mut out = Vec::new();
            if let Ok(encoded) = encode(&ScopedPdu { pdu: response, ..scoped })
                && let Ok(sealed) = secure.authority.seal(now, &sender, &encoded, &mut out)
            {
                self.outbox.push(from, sealed.to_vec(), 0);
            }
        }
        Ok(())
    }
}

impl Secure {
    /// Opens a trap. Its sender is remembered once it has proved who it is.
    fn trap<'a>(
        &mut self,
        now: Duration,
        data: &'a [u8],
        parameters: &UsmParameters<'_>,
        most: usize,
        plain: &'a mut Vec<u8>,
    ) -> Result<ScopedPdu<'a>, Distrust> {
        let user =
            self.users.iter().find(|user| user.name() == parameters.user).ok_or(Reason::UnknownUser)?;
        let known =
            |peer: &Peer<Builtin>| peer.engine() == parameters.engine && peer.user() == parameters.user;
        let at = match self.senders.iter().position(known) {
            Some(at) => at,
            None => {
                let mut peer = Peer::introduce(self.crypto, user.clone(), data, 0, 65_507)?;
                if user.level() == Level::Open {
                    // Whoever proves nothing is not remembered, or anybody could fill the memory.
                    return peer.open(now, data, plain).map(|opened| opened.scoped);
                }
                if self.senders.len() >= most.max(1) {
                    self.senders.remove(0);
                }
                self.senders.push(peer);
                self.senders.len().saturating_sub(1)
            }
        };
        let peer = self.senders.get_mut(at).ok_or(Reason::UnknownEngine)?;
        peer.open(now, data, plain).map(|opened| opened.scoped)
    }
}

/// The Response to an inform: the same bindings (RFC 3416 §4.2.7).
fn acknowledgement<'a>(message: &Message<'a>) -> Message<'a> {
    let body = match message.body {
        Body::Pdu(pdu) => Body::Pdu(Pdu {
            kind: PduType::RESPONSE,
            error_status: ErrorStatus::NO_ERROR,
            error_index: 0,
            ..pdu
        }),
        trap @ Body::TrapV1(_) => trap,
    };
    Message { body, ..*message }
}
