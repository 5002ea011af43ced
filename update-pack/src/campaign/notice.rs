//! The notice that goes ahead of a package: which cards want it, and when (two-step distribution, patent rows U6
//! and U7).

use alloc::string::String;
use core::num::NonZeroU8;
use core::time::Duration;

use super::scope::Scope;
use super::window::{UnixTime, Window};
use crate::wire::{Digest, Severity};

/// What an operations centre tells all cabinets about one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Grows with every notice of the centre; an older one is not listened to again.
    pub sequence: u64,
    /// After this the notice is void: a cabinet that was cut off does not act on what is long past.
    pub expires_at: UnixTime,
    /// The package: [`crate::trust::package_id`] of its file.
    pub package: Digest,
    /// Octets of the package's file.
    pub size: u64,
    /// What is updated, as cards name it.
    pub software: String,
    /// The version that cards arrive at.
    pub version: String,
    /// Which cards it is for.
    pub scope: Scope,
    /// How much it matters.
    pub severity: Severity,
    /// When it may happen.
    pub window: Window,
    /// How the cards take turns.
    pub waves: Waves,
}

/// How the cards take turns: each card belongs to one wave, the same wherever it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waves {
    /// How many waves there are; one means all at once.
    pub count: NonZeroU8,
    /// From the opening of one to that of the next. Waves that were missed stay open.
    pub interval: Duration,
    /// The campaign stops when more than this share of the tried cards has failed, in percent.
    pub tolerated: u8,
    /// How often a card may try.
    pub attempts: NonZeroU8,
}

impl Waves {
    /// All at once, no failure tolerated, one attempt.
    pub const AT_ONCE: Self =
        Self { count: NonZeroU8::MIN, interval: Duration::ZERO, tolerated: 0, attempts: NonZeroU8::MIN };
}

/// Why a notice is not acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Void {
    /// One as new or newer has been listened to: this is an old one, played again.
    #[error("notice {sequence} is not newer than {seen}, the last one listened to")]
    Replayed {
        /// Its sequence.
        sequence: u64,
        /// The newest one.
        seen: u64,
    },
    /// It is too old to be acted upon.
    #[error("the notice expired at {at}")]
    Expired {
        /// When.
        at: UnixTime,
    },
}

impl Notice {
    /// Judges whether a notice that has just arrived is to be listened to; `seen` is the sequence of the newest one
    /// so far. The caller keeps `seen`, and writes it down before it acts.
    ///
    /// # Errors
    /// [`Void`]: why not.
    pub const fn admit(&self, now: UnixTime, seen: u64) -> Result<(), Void> {
        if self.sequence <= seen {
            return Err(Void::Replayed { sequence: self.sequence, seen });
        }
        self.fresh(now)
    }

    /// Judges whether a notice that was listened to still holds.
    ///
    /// # Errors
    /// [`Void::Expired`].
    pub const fn fresh(&self, now: UnixTime) -> Result<(), Void> {
        if now.0 > self.expires_at.0 { Err(Void::Expired { at: self.expires_at }) } else { Ok(()) }
    }
}
