//! One card of a pool: what is configured, what was seen of it, what follows from that.

use super::Token;
use crate::CardId;
use core::net::SocketAddr;
use core::time::Duration;

/// The time over which a latency loses about two thirds of its weight.
const MEMORY: Duration = Duration::from_secs(10);

/// A card, its state and what it has in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The card.
    pub card: CardId,
    /// Where it serves.
    pub address: SocketAddr,
    /// On what terms it serves.
    pub terms: Terms,
    /// Whether it may be picked.
    pub state: State,
    /// What probes say of it.
    pub health: Health,
    /// Requests or sessions in flight.
    pub active: u32,
    /// How often it was picked.
    pub picked: u64,
    /// How often it failed what it was picked for.
    pub failed: u64,
    /// What names it in the pool's cookie.
    pub(super) token: Option<Token>,
    /// Smooth weighted round robin's account.
    pub(super) account: i64,
    /// When it came up last, once a pick has seen it.
    pub(super) up_at: Option<Duration>,
    /// Failures in a row.
    streak: u8,
    ejections: u8,
    ejected_until: Option<Duration>,
    latency_us: u64,
    latency_at: Duration,
}

/// On what terms a member serves, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its share among its equals; 0 gets nothing.
    pub weight: u16,
    /// Members of a higher rank serve only while no member of a lower one can: 0 is active, 1 its backup.
    pub rank: u8,
    /// What a request on it costs, for [`Balance::Cost`](super::Balance::Cost).
    pub cost: u16,
    /// The most that it may have in flight.
    pub max_active: u32,
}

impl Default for Terms {
    /// Weight 1, rank 0, cost 1, no bound.
    fn default() -> Self {
        Self { weight: 1, rank: 0, cost: 1, max_active: u32::MAX }
    }
}

/// Whether a member may be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may.
    Up,
    /// It may if no member that is up is left and the policy fails open: its health is in doubt.
    Failing,
    /// It may not, and what is running on it finishes.
    Draining,
    /// It may not.
    Down,
}

/// What probes say of a member (see [`crate::probe`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// None has said anything yet.
    #[default]
    Unknown,
    /// It answers as it should.
    Well,
    /// It does not: it is picked only if nothing better is left and the policy fails open.
    Ill,
}

impl Member {
    pub(super) fn new(card: CardId, address: SocketAddr, terms: Terms) -> Self {
        Self {
            card,
            address,
            terms,
            state: State::Up,
            health: Health::Unknown,
            active: 0,
            picked: 0,
            failed: 0,
            token: None,
            account: 0,
            up_at: None,
            streak: 0,
            ejections: 0,
            ejected_until: None,
            latency_us: 0,
            latency_at: Duration::ZERO,
        }
    }

    /// When it is back, if it is out for failing too often.
    pub(super) fn ejected_until(&self) -> Option<Duration> {
        self.ejected_until
    }

    /// True if nothing speaks against it but its load.
    pub(super) fn is_sound(&self, now: Duration) -> bool {
        self.state == State::Up && self.health != Health::Ill && !self.is_ejected(now)
    }

    /// True if it may be picked when no sound one is left and the policy fails open.
    pub(super) fn is_doubtful(&self) -> bool {
        matches!(self.state, State::Up | State::Failing)
    }

    /// True while it is out for failing too often.
    #[must_use]
    pub fn is_ejected(&self, now: Duration) -> bool {
        self.ejected_until.is_some_and(|until| now < until)
    }

    /// Its share in 1/256 of a weight: less than its weight while it starts.
    pub(super) fn share(&self, now: Duration, slow_start: Duration) -> u64 {
        let full = u64::from(self.terms.weight).saturating_mul(256);
        let Some(up_at) = self.up_at.filter(|_| !slow_start.is_zero()) else { return full };
        let elapsed = now.saturating_sub(up_at);
        if elapsed >= slow_start {
            return full;
        }
        // At least a tenth, or it would never warm up.
        let part = elapsed.as_millis().saturating_mul(u128::from(full)).checked_div(slow_start.as_millis());
        part.and_then(|part| u64::try_from(part).ok()).unwrap_or(full).max(full.div_ceil(10))
    }

    /// Load in proportion to the share: what it would have with one more.
    pub(super) fn load(&self, share: u64) -> u64 {
        u64::from(self.active)
            .saturating_add(1)
            .saturating_mul(1 << 20)
            .checked_div(share)
            .unwrap_or(u64::MAX)
    }

    /// Expected latency times what waits for it: the peak-EWMA of Finagle, in integers.
    pub(super) fn expected(&self, now: Duration, share: u64) -> u128 {
        u128::from(self.latency_now(now)).saturating_add(1).saturating_mul(u128::from(self.load(share)))
    }

    /// A latency that was seen. A higher one counts at once, a lower one by and by.
    pub(super) fn observe(&mut self, now: Duration, latency: Duration) {
        let seen = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let kept = self.latency_now(now);
        let rest = seen.saturating_sub(decay(seen, now.saturating_sub(self.latency_at)));
        self.latency_us = if seen >= kept { seen } else { kept.saturating_add(rest) };
        self.latency_at = now;
    }

    /// Brings it back before its time.
    pub(super) fn forgive(&mut self) {
        self.succeeded();
        self.ejected_until = None;
    }

    pub(super) fn succeeded(&mut self) {
        self.streak = 0;
        self.ejections = 0;
    }

    /// One more failure in a row; true if that makes `limit`.
    pub(super) fn fail(&mut self, limit: u8) -> bool {
        self.failed = self.failed.saturating_add(1);
        self.streak = self.streak.saturating_add(1);
        self.streak >= limit
    }

    /// Takes it out, each time in a row for twice as long.
    pub(super) fn eject(&mut self, now: Duration, base: Duration) {
        let times = 1u32.checked_shl(u32::from(self.ejections.min(8))).unwrap_or(1);
        self.ejected_until = Some(now.saturating_add(base.saturating_mul(times)));
        self.ejections = self.ejections.saturating_add(1);
        self.streak = 0;
    }

    fn latency_now(&self, now: Duration) -> u64 {
        decay(self.latency_us, now.saturating_sub(self.latency_at))
    }
}

/// `value * m / (m + age)`, an exponential decay's rational cousin: no floats, no table, never negative.
fn decay(value: u64, age: Duration) -> u64 {
    let memory = MEMORY.as_micros();
    let total = memory.saturating_add(age.as_micros());
    let kept = u128::from(value).saturating_mul(memory).checked_div(total).unwrap_or(0);
    u64::try_from(kept).unwrap_or(u64::MAX)
}
