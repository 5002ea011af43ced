//! The authoritative side: an engine whose clock and keys count, as an agent's do (RFC 3414 §3).

use super::crypto::Crypto;
use super::envelope::{self, Envelope};
use super::protocol::Level;
use super::report::{Reason, Stats};
use super::user::{Credentials, User};
use crate::wire::ber::{NoRoom, Writer};
use crate::wire::{
    ErrorStatus, Flags, Oid, ParseError, Pdu, PduType, ScopedPdu, USM, UsmParameters, V3Data, V3Message,
    Value, VarBind, VarBinds,
};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

/// How far a message's time may be from the engine's, in seconds (RFC 3414 §2.2.3).
pub const TIME_WINDOW: i32 = 150;

/// Who the engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// snmpEngineID, 5 to 32 octets (RFC 3411 §5).
    pub engine: Box<[u8]>,
    /// snmpEngineBoots: one more than at the last start, and written down before the engine is made. A driver that
    /// cannot write it down must not start the engine, or old messages could be played again.
    pub boots: i32,
    /// Where the salts begin; random, so that two starts with the same boots do not share one.
    pub salt: u64,
    /// The largest message that the engine takes, in octets.
    pub max_size: i32,
}

/// The user-based model of an authoritative engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority<C> {
    crypto: C,
    config: Config,
    started_at: Duration,
    users: Vec<User>,
    stats: Stats,
}

/// A message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// Who is answered, and how.
    pub sender: Sender<'a>,
    /// What was said.
    pub scoped: ScopedPdu<'a>,
}

/// Who sent a message, as far as an answer needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender<'a> {
    /// The msgID.
    pub id: i32,
    /// The largest message that it accepts, in octets.
    pub max_size: i32,
    /// Whether a Report may answer it.
    pub reportable: bool,
    /// What was done to the message, and is to be done to its answer.
    pub level: Level,
    /// On whose behalf it came.
    pub user: &'a [u8],
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused<'a> {
    /// The bytes are no message of v3.
    #[error("malformed message: {0}")]
    Malformed(ParseError),
    /// Another security model than the user-based one (RFC 3412 §7.2 step 4).
    #[error("unknown security model {0}")]
    Model(i32),
    /// The model refuses it. With the sender at hand, [`Authority::report`] makes the answer.
    #[error("{reason}")]
    Reason {
        /// Why.
        reason: Reason,
        /// The value of the counter.
        count: u32,
        /// The request-id, where the PDU could be read.
        request_id: i32,
        /// Who is told; `None` where nobody may be.
        sender: Option<Sender<'a>>,
    },
}

impl<C: Crypto> Authority<C> {
    /// An engine that starts at `now`. Every user's keys are made here, once.
    pub fn new(now: Duration, crypto: C, config: Config, users: &[Credentials]) -> Self {
        let users = users.iter().map(|user| user.localize(&crypto, &config.engine)).collect();
        Self { crypto, config, started_at: now, users, stats: Stats::default() }
    }

    /// snmpEngineID.
    pub fn engine(&self) -> &[u8] {
        &self.config.engine
    }

    /// snmpEngineBoots and snmpEngineTime. Where the time comes to its end, boots goes on (RFC 3414 §2.2.2), and
    /// at its own end it stays, until keys are changed.
    pub fn clock(&self, now: Duration) -> (i32, i32) {
        let seconds = now.saturating_sub(self.started_at).as_secs();
        let rounds = i32::try_from(seconds >> 31).unwrap_or(i32::MAX);
        let time = i32::try_from(seconds & 0x7fff_ffff).unwrap_or(i32::MAX);
        (self.config.boots.saturating_add(rounds), time)
    }

    /// What was counted.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Takes a datagram, in the order of RFC 3414 §3.2. What is decrypted goes to `plain`, which is used again.
    ///
    /// # Errors
    /// [`Refused`]. No key is touched before the engine, the user and the level are known to be right.
    pub fn open<'a>(
        &mut self,
        now: Duration,
        datagram: &'a [u8],
        plain: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>, Refused<'a>> {
        let message = V3Message::parse(datagram).map_err(Refused::Malformed)?;
        if message.model != USM {
            return Err(Refused::Model(message.model));
        }
        let (parameters, digest_at) = UsmParameters::parse(&message).map_err(Refused::Malformed)?;
        let level = level(message.flags);
        let reportable = message.flags.contains(Flags::REPORTABLE);
        let sender =
            Sender { id: message.id, max_size: message.max_size, reportable, level, user: parameters.user };
        let whole = datagram.get(..message.len).unwrap_or(datagram);
        if let Err(reason) = self.admit(now, whole, &parameters, digest_at, level) {
            return Err(self.refuse(reason, &message, sender));
        }
        let user = self.user(parameters.user);
        let encoded = match message.data {
            V3Data::Plain(encoded) => encoded,
            V3Data::Encrypted(data) => {
                let key = user.and_then(|user| user.privacy.as_ref());
                if !key.is_some_and(|key| envelope::decrypt(&self.crypto, key, &parameters, data, plain)) {
                    return Err(self.refuse(Reason::Decryption, &message, sender));
                }
                plain.as_slice()
            }
        };
        match ScopedPdu::parse(encoded) {
            Ok(scoped) => Ok(Opened { sender, scoped }),
            Err(_) if level == Level::Encrypted => Err(self.refuse(Reason::Decryption, &message, sender)),
            Err(error) => Err(Refused::Malformed(error)),
        }
    }

    /// Makes the answer to a message that was taken, around an encoded scoped PDU, in `out`.
    ///
    /// # Errors
    /// [`NoRoom`] where it cannot be built.
    pub fn seal<'o>(
        &mut self,
        now: Duration,
        to: &Sender<'_>,
        scoped: &[u8],
        out: &'o mut Vec<u8>,
    ) -> Result<&'o [u8], NoRoom> {
        let salt = self.next_salt();
        let (boots, time) = self.clock(now);
        let envelope = Envelope {
            id: to.id,
            max_size: self.config.max_size,
            reportable: false,
            level: to.level,
            engine: &self.config.engine,
            boots,
            time,
            salt,
        };
        let nobody = User::nobody();
        let user = self.user(to.user).filter(|user| user.supports(to.level)).unwrap_or(&nobody);
        envelope::seal(&self.crypto, user, &envelope, scoped, out)
    }

    /// Makes the Report that tells why a message was not taken, in `out`; `None` where nobody is to be told.
    pub fn report<'o>(
        &mut self,
        now: Duration,
        refused: &Refused<'_>,
        out: &'o mut Vec<u8>,
    ) -> Option<&'o [u8]> {
        let Refused::Reason { reason, count, request_id, sender: Some(sender) } = *refused else {
            return None;
        };
        // Only who proved its key is told the time under that key (RFC 3414 §3.2 step 7a).
        let proved = reason == Reason::NotInTimeWindow;
        let sender = Sender { level: if proved { Level::Authenticated } else { Level::Open }, ..sender };
        self.tell(now, &sender, reason.counter(), count, request_id, out)
    }

    /// Makes the Report of a counter, in `out`, at the level of `sender`: for what is refused above the security
    /// model (RFC 3412 §7.2 step 13b, RFC 3413 §3.2).
    pub fn tell<'o>(
        &mut self,
        now: Duration,
        sender: &Sender<'_>,
        counter: Oid<'_>,
        count: u32,
        request_id: i32,
        out: &'o mut Vec<u8>,
    ) -> Option<&'o [u8]> {
        let binding = [VarBind { name: counter, value: Value::Counter32(count) }];
        let pdu = Pdu {
            kind: PduType::REPORT,
            request_id,
            error_status: ErrorStatus::NO_ERROR,
            error_index: 0,
            varbinds: VarBinds::list(&binding),
        };
        let scoped = ScopedPdu { engine: &self.config.engine, context: &[], pdu };
        let encoded = encode(&scoped).ok()?;
        self.seal(now, sender, &encoded, out).ok()
    }

    /// Steps 3 to 7 of RFC 3414 §3.2.
    fn admit(
        &self,
        now: Duration,
        whole: &[u8],
        parameters: &UsmParameters<'_>,
        digest_at: usize,
        level: Level,
    ) -> Result<(), Reason> {
        if *parameters.engine != *self.config.engine {
            return Err(Reason::UnknownEngine);
        }
        let user = self.user(parameters.user).ok_or(Reason::UnknownUser)?;
        if !user.supports(level) {
            return Err(Reason::UnsupportedLevel);
        }
        if level == Level::Open {
            return Ok(());
        }
        let auth = user.auth.as_ref().ok_or(Reason::UnsupportedLevel)?;
        if !envelope::authentic(&self.crypto, auth, whole, parameters.digest, digest_at) {
            return Err(Reason::WrongDigest);
        }
        let (boots, time) = self.clock(now);
        let near = time.abs_diff(parameters.time) <= TIME_WINDOW.unsigned_abs();
        if boots == i32::MAX || parameters.boots != boots || !near {
            return Err(Reason::NotInTimeWindow);
        }
        Ok(())
    }

    fn refuse<'a>(&mut self, reason: Reason, message: &V3Message<'a>, sender: Sender<'a>) -> Refused<'a> {
        let scoped = match message.data {
            V3Data::Plain(encoded) => ScopedPdu::parse(encoded).ok(),
            V3Data::Encrypted(_) => None,
        };
        // The flag decides where the PDU cannot be read; where it can, its class does (RFC 3412 §7.1 step 3b).
        let confirmed = |kind| {
            matches!(
                kind,
                PduType::GET | PduType::GET_NEXT | PduType::GET_BULK | PduType::SET | PduType::INFORM
            )
        };
        let told = scoped.map_or(sender.reportable, |scoped| confirmed(scoped.pdu.kind));
        Refused::Reason {
            reason,
            count: self.stats.count(reason),
            request_id: scoped.map_or(0, |scoped| scoped.pdu.request_id),
            sender: told.then_some(sender),
        }
    }

    fn user(&self, name: &[u8]) -> Option<&User> {
        self.users.iter().find(|user| *user.name == *name)
    }

    const fn next_salt(&mut self) -> u64 {
        self.config.salt = self.config.salt.wrapping_add(1);
        self.config.salt
    }
}

/// The level that the flags tell.
pub(super) const fn level(flags: Flags) -> Level {
    if flags.contains(Flags::PRIV) {
        Level::Encrypted
    } else if flags.contains(Flags::AUTH) {
        Level::Authenticated
    } else {
        Level::Open
    }
}

/// The encoded scoped PDU.
pub(crate) fn encode(scoped: &ScopedPdu<'_>) -> Result<Vec<u8>, NoRoom> {
    let mut buffer = alloc::vec![0; scoped.room()];
    let mut writer = Writer::new(&mut buffer);
    scoped.write(&mut writer)?;
    let start = writer.start();
    Ok(buffer.split_off(start))
}
