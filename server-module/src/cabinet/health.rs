//! Whether a member's port answers: when to ask, and how many answers in a row count.
//!
//! A member that never answered serves from its first success on: any machine will do as a card. One that answered
//! before is taken out after `fall` failures in a row and comes back after `rise` successes in a row.

use super::io::ProbeId;
use super::service::Health;
use core::time::Duration;

/// How much longer than a probe's own timeout its answer is waited for, before it counts as a failure.
const GRACE: Duration = Duration::from_secs(1);

/// How often a member that does not serve is asked, when its service asks more seldom.
const EAGER: Duration = Duration::from_secs(1);

/// The watch on one member's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    pub(super) verdict: Verdict,
    due: Due,
    /// Spreads the members of a cabinet over the interval, so that they are not all asked at once.
    phase: u32,
}

/// What the answers so far amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It never answered.
    Unknown,
    /// It answers; so many failures came in a row since.
    Up { failures: u8 },
    /// It answered before and does not now; so many successes came in a row since.
    Down { successes: u8 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// To be asked.
    At(Duration),
    /// Asked at `sent`; no answer by `until` is a failure.
    Waiting { id: ProbeId, sent: Duration, until: Duration },
}

impl Watch {
    pub(super) const fn new(now: Duration, phase: u32) -> Self {
        Self { verdict: Verdict::Unknown, due: Due::At(now), phase }
    }

    /// When it wants a tick.
    pub(super) const fn deadline(&self) -> Duration {
        match self.due {
            Due::At(at) => at,
            Due::Waiting { until, .. } => until,
        }
    }

    /// Whether it is time to ask; false while an answer is waited for.
    pub(super) fn wants_probe(&self, now: Duration) -> bool {
        matches!(self.due, Due::At(at) if at <= now)
    }

    /// Whether the answer is overdue.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        matches!(self.due, Due::Waiting { until, .. } if until <= now)
    }

    /// Whether this is the probe that is waited for.
    pub(super) fn awaits(&self, probe: ProbeId) -> bool {
        matches!(self.due, Due::Waiting { id, .. } if id == probe)
    }

    /// Notes that the probe is on its way.
    pub(super) fn sent(&mut self, id: ProbeId, now: Duration, health: &Health) {
        let until = now.saturating_add(health.timeout.0).saturating_add(GRACE);
        self.due = Due::Waiting { id, sent: now, until };
    }

    /// Asks at once, unless an answer is waited for already.
    pub(super) fn hurry(&mut self, now: Duration) {
        if let Due::At(at) = &mut self.due {
            *at = (*at).min(now);
        }
    }

    /// Forgets all answers and asks at once.
    pub(super) const fn reset(&mut self, now: Duration) {
        self.verdict = Verdict::Unknown;
        self.due = Due::At(now);
    }

    /// Takes an answer, or the lack of one.
    pub(super) fn answered(&mut self, up: bool, now: Duration, health: &Health) {
        let first = self.verdict == Verdict::Unknown;
        self.verdict = match (self.verdict, up) {
            (Verdict::Unknown, false) => Verdict::Unknown,
            (Verdict::Unknown | Verdict::Up { .. }, true) => Verdict::Up { failures: 0 },
            (Verdict::Up { failures }, false) => match failures.saturating_add(1) {
                failures if failures >= health.fall.max(1) => Verdict::Down { successes: 0 },
                failures => Verdict::Up { failures },
            },
            (Verdict::Down { .. }, false) => Verdict::Down { successes: 0 },
            (Verdict::Down { successes }, true) => match successes.saturating_add(1) {
                successes if successes >= health.rise.max(1) => Verdict::Up { failures: 0 },
                successes => Verdict::Down { successes },
            },
        };
        let steady = matches!(self.verdict, Verdict::Up { failures: 0 });
        let every = health.every.0.max(Duration::from_millis(100));
        let interval = if steady { every } else { every.min(EAGER) };
        let sent = match self.due {
            Due::Waiting { sent, .. } => sent,
            Due::At(_) => now,
        };
        let spread = if first && steady { interval / 16 * (self.phase % 16) } else { Duration::ZERO };
        self.due = Due::At(sent.saturating_add(interval).saturating_add(spread).max(now));
    }
}
