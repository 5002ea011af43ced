//! The counters of the model, each with the Report that tells a peer of it (RFC 3414 §5).

use crate::oid;
use crate::wire::{Oid, VarBinds};

/// Why a message was not taken, as far as a Report tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    /// usmStatsUnsupportedSecLevels: the user has no keys for that level.
    #[error("the user has no keys for that security level")]
    UnsupportedLevel,
    /// usmStatsNotInTimeWindows: boots or time are not those of the engine.
    #[error("not in the time window of the engine")]
    NotInTimeWindow,
    /// usmStatsUnknownUserNames: nobody of that name.
    #[error("unknown user")]
    UnknownUser,
    /// usmStatsUnknownEngineIDs: for another engine, or a discovery.
    #[error("unknown engine")]
    UnknownEngine,
    /// usmStatsWrongDigests: not made with the user's key.
    #[error("wrong digest")]
    WrongDigest,
    /// usmStatsDecryptionErrors: what was decrypted is no scoped PDU.
    #[error("cannot be decrypted")]
    Decryption,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::UnsupportedLevel,
        Self::NotInTimeWindow,
        Self::UnknownUser,
        Self::UnknownEngine,
        Self::WrongDigest,
        Self::Decryption,
    ];

    /// The instance of the counter.
    pub const fn counter(self) -> Oid<'static> {
        match self {
            Self::UnsupportedLevel => oid!(1, 3, 6, 1, 6, 3, 15, 1, 1, 1, 0),
            Self::NotInTimeWindow => oid!(1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0),
            Self::UnknownUser => oid!(1, 3, 6, 1, 6, 3, 15, 1, 1, 3, 0),
            Self::UnknownEngine => oid!(1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0),
            Self::WrongDigest => oid!(1, 3, 6, 1, 6, 3, 15, 1, 1, 5, 0),
            Self::Decryption => oid!(1, 3, 6, 1, 6, 3, 15, 1, 1, 6, 0),
        }
    }

    /// What the bindings of a Report tell.
    pub fn of(bindings: &VarBinds<'_>) -> Option<Self> {
        let name = bindings.iter().next()?.name;
        Self::ALL.into_iter().find(|reason| reason.counter() == name)
    }
}

/// How often each [`Reason`] was met (usmStats, RFC 3414 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// usmStatsUnsupportedSecLevels.
    pub unsupported_levels: u32,
    /// usmStatsNotInTimeWindows.
    pub not_in_time_windows: u32,
    /// usmStatsUnknownUserNames.
    pub unknown_users: u32,
    /// usmStatsUnknownEngineIDs.
    pub unknown_engines: u32,
    /// usmStatsWrongDigests.
    pub wrong_digests: u32,
    /// usmStatsDecryptionErrors.
    pub decryption_errors: u32,
}

impl Stats {
    /// Counts, and returns the counter's new value. Counters wrap.
    pub(super) const fn count(&mut self, reason: Reason) -> u32 {
        let counter = match reason {
            Reason::UnsupportedLevel => &mut self.unsupported_levels,
            Reason::NotInTimeWindow => &mut self.not_in_time_windows,
            Reason::UnknownUser => &mut self.unknown_users,
            Reason::UnknownEngine => &mut self.unknown_engines,
            Reason::WrongDigest => &mut self.wrong_digests,
            Reason::Decryption => &mut self.decryption_errors,
        };
        *counter = counter.wrapping_add(1);
        *counter
    }
}
