//! What holds for all members of a pool.

use core::time::Duration;

/// What holds for all members of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a member that came up takes to get its full share.
    pub slow_start: Duration,
    /// Failures in a row after which a member is out for a while.
    pub eject_after: u8,
    /// For how long, the first time; each further time in a row doubles it.
    pub eject_for: Duration,
    /// At most this many percent of the members are out at once.
    pub eject_percent: u8,
    /// When no member is sound: true picks among those that fail, are ill or are out for a while, false none.
    pub fail_open: bool,
    /// Retries may be this many percent of the requests, so that they never add up to a storm.
    pub retry_percent: u8,
    /// The most that the service may have in flight.
    pub max_active: u32,
    /// The most that one client may have in flight.
    pub max_per_client: u32,
    /// The most that may wait for a card, 0 for no queue. What waits takes about 200 bytes.
    pub queue: usize,
    /// The most that may wait of one client.
    pub queue_per_client: usize,
    /// How long they wait at most.
    pub queue_for: Duration,
    /// What a failure, a 429 or a 503 counts for as a latency.
    pub penalty: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            slow_start: Duration::ZERO,
            eject_after: 5,
            eject_for: Duration::from_secs(10),
            eject_percent: 50,
            fail_open: false,
            retry_percent: 20,
            max_active: u32::MAX,
            max_per_client: u32::MAX,
            queue: 0,
            queue_per_client: 16,
            queue_for: Duration::from_secs(1),
            penalty: Duration::from_secs(5),
        }
    }
}

/// What may be spent on retries, in hundredths of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    left: u32,
}

impl Budget {
    const ONE: u32 = 100;
    /// Ten retries in a row are always possible, or a quiet service could never have one.
    const MOST: u32 = 1000;

    pub(super) fn may_retry(&self) -> bool {
        self.left >= Self::ONE
    }

    pub(super) fn picked(&mut self, retry: bool, percent: u8) {
        self.left = if retry {
            self.left.saturating_sub(Self::ONE)
        } else {
            self.left.saturating_add(u32::from(percent)).min(Self::MOST)
        };
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: Self::MOST }
    }
}
