//! The other side: how a manager speaks to an engine whose clock counts (RFC 3414 §2.3, §4).

use super::authority::{Opened, Sender, TIME_WINDOW, encode, level};
use super::crypto::Crypto;
use super::envelope::{self, Envelope};
use super::protocol::Level;
use super::report::Reason;
use super::user::{Credentials, User};
use crate::wire::ber::NoRoom;
use crate::wire::{
    ErrorStatus, Flags, ParseError, Pdu, PduType, ScopedPdu, USM, UsmParameters, V3Data, V3Message, VarBinds,
};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

/// What a manager knows of one engine: its identity, its clock and the user's keys there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer<C> {
    crypto: C,
    credentials: Credentials,
    level: Level,
    engine: Box<[u8]>,
    user: User,
    /// The newest authenticated word of the engine's boots and time, and when it came.
    clock: Option<(i32, i32, Duration)>,
    salt: u64,
    max_size: i32,
}

/// Why a message of the engine was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// The bytes are no message of v3 in the user-based model.
    #[error("malformed message: {0}")]
    Malformed(#[from] ParseError),
    /// Another security model.
    #[error("unknown security model {0}")]
    Model(i32),
    /// Of another engine or another user, or done less to than was asked for. A Report may be open, as an engine
    /// that knows no key of ours has no other way; nothing else may.
    #[error("{0}")]
    Reason(#[from] Reason),
}

impl<C: Crypto> Peer<C> {
    /// Nothing is known of the engine but who asks it. `salt` is random.
    pub fn new(crypto: C, credentials: Credentials, salt: u64, max_size: i32) -> Self {
        let level = credentials.level();
        let user = User::nobody();
        Self { crypto, credentials, level, engine: Box::default(), user, clock: None, salt, max_size }
    }

    /// Makes the acquaintance of an engine by the first message of its own accord, as a trap is. Nothing but the key
    /// of authentication is made before the message has proved to be the user's.
    ///
    /// # Errors
    /// [`Distrust`]: the message is not the user's.
    pub fn introduce(
        crypto: C,
        credentials: Credentials,
        datagram: &[u8],
        salt: u64,
        max_size: i32,
    ) -> Result<Self, Distrust> {
        let message = V3Message::parse(datagram)?;
        let (parameters, digest_at) = UsmParameters::parse(&message)?;
        if !(5..=32).contains(&parameters.engine.len()) {
            return Err(Reason::UnknownEngine.into());
        }
        if level(message.flags) < credentials.level() {
            return Err(Reason::UnsupportedLevel.into());
        }
        if let Some(auth) = credentials.localize_auth(&crypto, parameters.engine) {
            let whole = datagram.get(..message.len).unwrap_or(datagram);
            if !envelope::authentic(&crypto, &auth, whole, parameters.digest, digest_at) {
                return Err(Reason::WrongDigest.into());
            }
        }
        let user = credentials.localize(&crypto, parameters.engine);
        let engine = parameters.engine.into();
        Ok(Self { user, engine, ..Self::new(crypto, credentials, salt, max_size) })
    }

    /// On whose behalf one speaks.
    pub fn user(&self) -> &[u8] {
        self.credentials.name()
    }

    /// The engine's identity; empty before it is discovered.
    pub fn engine(&self) -> &[u8] {
        &self.engine
    }

    /// Tells whether requests can be sealed so that the engine takes them.
    pub const fn is_known(&self) -> bool {
        !self.engine.is_empty() && (matches!(self.level, Level::Open) || self.clock.is_some())
    }

    /// Makes the question that discovers the engine or, once it is known, its clock (RFC 3414 §4).
    ///
    /// # Errors
    /// [`NoRoom`] where it cannot be built.
    pub fn discover<'o>(&mut self, now: Duration, id: i32, out: &'o mut Vec<u8>) -> Result<&'o [u8], NoRoom> {
        let pdu = Pdu {
            kind: PduType::GET,
            request_id: id,
            error_status: ErrorStatus::NO_ERROR,
            error_index: 0,
            varbinds: VarBinds::EMPTY,
        };
        let engine = self.engine.clone();
        let encoded = encode(&ScopedPdu { engine: &engine, context: &[], pdu })?;
        if self.engine.is_empty() {
            let (crypto, nobody) = (&self.crypto, User::nobody());
            let envelope = Envelope {
                id,
                max_size: self.max_size,
                reportable: true,
                level: Level::Open,
                engine: &[],
                boots: 0,
                time: 0,
                salt: 0,
            };
            return envelope::seal(crypto, &nobody, &envelope, &encoded, out);
        }
        self.seal(now, id, &encoded, out)
    }

    /// Makes the message around an encoded scoped PDU.
    ///
    /// # Errors
    /// [`NoRoom`] where it cannot be built.
    pub fn seal<'o>(
        &mut self,
        now: Duration,
        id: i32,
        scoped: &[u8],
        out: &'o mut Vec<u8>,
    ) -> Result<&'o [u8], NoRoom> {
        self.salt = self.salt.wrapping_add(1);
        let (boots, time) = self.time(now).unwrap_or_default();
        let envelope = Envelope {
            id,
            max_size: self.max_size,
            reportable: true,
            level: self.level,
            engine: &self.engine,
            boots,
            time,
            salt: self.salt,
        };
        envelope::seal(&self.crypto, &self.user, &envelope, scoped, out)
    }

    /// Takes a message of the engine. A Report teaches what it tells: the identity from a discovery, the clock
    /// from an authenticated word; then the question may be asked again.
    ///
    /// # Errors
    /// [`Distrust`]; nothing was learnt.
    pub fn open<'a>(
        &mut self,
        now: Duration,
        datagram: &'a [u8],
        plain: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>, Distrust> {
        let message = V3Message::parse(datagram)?;
        if message.model != USM {
            return Err(Distrust::Model(message.model));
        }
        let (parameters, digest_at) = UsmParameters::parse(&message)?;
        let found = level(message.flags);
        if found >= Level::Authenticated {
            self.check(now, datagram.get(..message.len).unwrap_or(datagram), &parameters, digest_at)?;
        }
        let encoded = match message.data {
            V3Data::Plain(encoded) => encoded,
            V3Data::Encrypted(data) => {
                let key = self.user.privacy.as_ref().ok_or(Reason::UnsupportedLevel)?;
                if !envelope::decrypt(&self.crypto, key, &parameters, data, plain) {
                    return Err(Reason::Decryption.into());
                }
                plain.as_slice()
            }
        };
        let scoped = ScopedPdu::parse(encoded)?;
        let report = scoped.pdu.kind == PduType::REPORT;
        if found < self.level && !report {
            return Err(Reason::UnsupportedLevel.into());
        }
        if self.engine.is_empty() {
            if !report || !(5..=32).contains(&parameters.engine.len()) {
                return Err(Reason::UnknownEngine.into());
            }
            self.engine = parameters.engine.into();
            self.user = self.credentials.localize(&self.crypto, &self.engine);
        } else if *parameters.engine != *self.engine {
            return Err(Reason::UnknownEngine.into());
        }
        let sender = Sender {
            id: message.id,
            max_size: message.max_size,
            reportable: message.flags.contains(Flags::REPORTABLE),
            level: found,
            user: parameters.user,
        };
        Ok(Opened { sender, scoped })
    }

    /// The engine's boots and time as they should be now.
    fn time(&self, now: Duration) -> Option<(i32, i32)> {
        let (boots, time, at) = self.clock?;
        let passed = i32::try_from(now.saturating_sub(at).as_secs()).unwrap_or(i32::MAX);
        Some((boots, time.saturating_add(passed)))
    }

    /// Checks the digest, then the time, and learns the clock (RFC 3414 §3.2 steps 6 and 7b).
    fn check(
        &mut self,
        now: Duration,
        whole: &[u8],
        parameters: &UsmParameters<'_>,
        digest_at: usize,
    ) -> Result<(), Reason> {
        if *parameters.engine != *self.engine {
            return Err(Reason::UnknownEngine);
        }
        if *parameters.user != *self.user.name {
            return Err(Reason::UnknownUser);
        }
        let auth = self.user.auth.as_ref().ok_or(Reason::UnsupportedLevel)?;
        if !envelope::authentic(&self.crypto, auth, whole, parameters.digest, digest_at) {
            return Err(Reason::WrongDigest);
        }
        let heard = (parameters.boots, parameters.time);
        let newest = self.clock.map(|(boots, time, _)| (boots, time));
        let expected = self.time(now);
        if newest.is_none_or(|newest| heard > newest) {
            self.clock = Some((heard.0, heard.1, now));
        }
        let Some((boots, time)) = expected else {
            return if heard.0 == i32::MAX { Err(Reason::NotInTimeWindow) } else { Ok(()) };
        };
        let late = heard.0 == boots && heard.1 < time.saturating_sub(TIME_WINDOW);
        if heard.0 == i32::MAX || heard.0 < boots || late {
            return Err(Reason::NotInTimeWindow);
        }
        Ok(())
    }
}
