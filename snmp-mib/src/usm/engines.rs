//! Those whom one speaks to: each engine's identity, clock and keys, found out when they are needed
//! (RFC 3414 §4) and kept, so many at the most.

use alloc::vec::Vec;
use core::{fmt, net::SocketAddr, time::Duration};

use super::authority::Opened;
use super::crypto::Crypto;
use super::peer::{Distrust, Peer};
use super::report::Reason;
use super::user::Credentials;
use crate::wire::ber::NoRoom;
use crate::wire::{Pdu, PduType, Version};

/// How one speaks to another engine.
#[derive(Clone, PartialEq, Eq)]
pub enum Security {
    /// In v1 or v2c, with a community.
    Community {
        /// The version.
        version: Version,
        /// The community, any octets.
        community: Vec<u8>,
    },
    /// In v3, as a user whose credentials were given before.
    User {
        /// The user's name.
        name: Vec<u8>,
        /// The context; empty for the default one.
        context: Vec<u8>,
    },
}

impl Security {
    /// The version whose rules hold: v2c and v3 share theirs.
    pub const fn version(&self) -> Version {
        match self {
            Self::Community { version, .. } => *version,
            Self::User { .. } => Version::V2c,
        }
    }
}

impl fmt::Debug for Security {
    /// A community is a secret and stays out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Community { version, .. } => {
                f.debug_struct("Community").field("version", version).finish_non_exhaustive()
            }
            Self::User { name, .. } => {
                f.debug_tuple("User").field(&alloc::string::String::from_utf8_lossy(name)).finish()
            }
        }
    }
}

/// The engines that one speaks to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Engines<C> {
    crypto: C,
    users: Vec<Credentials>,
    /// The most recently met last.
    known: Vec<(SocketAddr, Peer<C>)>,
    most: usize,
    salt: u64,
    max_size: i32,
}

/// Why a message cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotSealed;

impl From<NoRoom> for NotSealed {
    fn from(_: NoRoom) -> Self {
        Self
    }
}

/// What a message of the other engine comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard<'a> {
    /// An answer.
    Answer(Pdu<'a>),
    /// Something about the engine, by which the question may be asked again.
    Lesson(Reason),
    /// The engine refuses the user.
    Refused(Reason),
}

impl<C: Crypto + Clone> Engines<C> {
    #[cfg_attr(not(feature = "usm"), allow(dead_code, reason = "without the feature there are no users"))]
    pub(crate) const fn new(crypto: C, users: Vec<Credentials>, most: usize, salt: u64) -> Self {
        Self { crypto, users, known: Vec::new(), most, salt, max_size: 65_507 }
    }

    /// Makes the message that carries `pdu` to an engine, or, where that is not known, the question that finds it
    /// out. It carries the msgID `id`.
    pub(crate) fn seal<'o>(
        &mut self,
        now: Duration,
        (to, user, context): (SocketAddr, &[u8], &[u8]),
        id: i32,
        pdu: Pdu<'_>,
        out: &'o mut Vec<u8>,
    ) -> Result<&'o [u8], NotSealed> {
        let at = match self.position(to, user) {
            Some(at) => at,
            None => self.meet(to, user)?,
        };
        let (_, peer) = self.known.get_mut(at).ok_or(NotSealed)?;
        if !peer.is_known() {
            return Ok(peer.discover(now, id, out)?);
        }
        let engine = peer.engine().to_vec();
        let encoded = super::authority::encode(&crate::wire::ScopedPdu { engine: &engine, context, pdu })?;
        Ok(peer.seal(now, id, &encoded, out)?)
    }

    /// Takes a message of an engine that was asked.
    pub(crate) fn open<'a>(
        &mut self,
        now: Duration,
        from: SocketAddr,
        user: &[u8],
        datagram: &'a [u8],
        plain: &'a mut Vec<u8>,
    ) -> Result<Heard<'a>, Distrust> {
        let at = self.position(from, user).ok_or(Reason::UnknownEngine)?;
        let (_, peer) = self.known.get_mut(at).ok_or(Reason::UnknownEngine)?;
        let met = !peer.engine().is_empty();
        let Opened { scoped, sender } = peer.open(now, datagram, plain)?;
        if scoped.pdu.kind != PduType::REPORT {
            return Ok(Heard::Answer(scoped.pdu));
        }
        match Reason::of(&scoped.pdu.varbinds) {
            Some(reason @ Reason::UnknownEngine) => {
                if met {
                    // Another engine lives there now.
                    self.known.remove(at);
                }
                Ok(Heard::Lesson(reason))
            }
            // The time is believed only under the user's key.
            Some(reason @ Reason::NotInTimeWindow) if sender.level >= super::Level::Authenticated => {
                Ok(Heard::Lesson(reason))
            }
            Some(reason) => Ok(Heard::Refused(reason)),
            None => Err(Reason::UnsupportedLevel.into()),
        }
    }

    fn position(&self, address: SocketAddr, user: &[u8]) -> Option<usize> {
        self.known.iter().position(|(own, peer)| *own == address && peer.user() == user)
    }

    /// Makes the acquaintance of an engine. Where as many as may be are known, the eldest is forgotten.
    fn meet(&mut self, address: SocketAddr, user: &[u8]) -> Result<usize, NotSealed> {
        let credentials = self.users.iter().find(|own| own.name() == user).ok_or(NotSealed)?;
        if self.known.len() >= self.most.max(1) {
            self.known.remove(0);
        }
        // Salts of two peers stay far apart.
        self.salt = self.salt.wrapping_add(1 << 40);
        let peer = Peer::new(self.crypto.clone(), credentials.clone(), self.salt, self.max_size);
        self.known.push((address, peer));
        Ok(self.known.len().saturating_sub(1))
    }
}
