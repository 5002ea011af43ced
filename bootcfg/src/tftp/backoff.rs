//! How long to wait for an answer: adaptive and exponential (RFC 1123 §4.2.3.2), bounded in time and tries.

use core::time::Duration;

use crate::time::part;

/// The shortest wait: below it a busy peer would be asked twice.
const MIN: Duration = Duration::from_millis(200);
/// The longest wait.
const MAX: Duration = Duration::from_secs(16);

/// The wait of one transfer, after RFC 6298's estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Backoff {
    base: Duration,
    /// The client asked for this interval by option (RFC 2349): it is not adapted.
    fixed: bool,
    smoothed: Option<(Duration, Duration)>,
    tries: u32,
    max_tries: u32,
}

impl Backoff {
    pub(super) const fn new(base: Duration, max_tries: u32) -> Self {
        Self { base, fixed: false, smoothed: None, tries: 0, max_tries }
    }

    pub(super) const fn fix(&mut self, base: Duration) {
        self.base = base;
        self.fixed = true;
    }

    /// The wait for what is sent now.
    pub(super) fn interval(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.tries).unwrap_or(u32::MAX);
        let first = match self.smoothed {
            Some((mean, deviation)) if !self.fixed => {
                mean.saturating_add(deviation.saturating_mul(4)).clamp(MIN, MAX)
            }
            _ => self.base,
        };
        first.saturating_mul(factor).min(MAX.max(self.base))
    }

    /// The peer answered `after` what was sent; retransmitted packets tell nothing of the round trip (Karn).
    pub(super) fn answered(&mut self, after: Duration) {
        if self.tries == 0 {
            self.smoothed = Some(match self.smoothed {
                None => (after, part(after, 2)),
                Some((mean, deviation)) => {
                    let error = mean.abs_diff(after);
                    (
                        part(mean.saturating_mul(7).saturating_add(after), 8),
                        part(deviation.saturating_mul(3).saturating_add(error), 4),
                    )
                }
            });
        }
        self.tries = 0;
    }

    /// Another try, or `false` when there have been enough.
    pub(super) fn again(&mut self) -> bool {
        self.tries = self.tries.saturating_add(1);
        self.tries < self.max_tries
    }
}
