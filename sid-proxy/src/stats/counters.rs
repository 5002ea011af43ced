//! The counters of one service or card.

use crate::{CardId, ServiceId, http, session};
use core::time::Duration;

/// One request or session that is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Whose it was, if a route was found.
    pub service: Option<ServiceId>,
    /// Which card served it, if one did.
    pub card: Option<CardId>,
    /// Bytes from the customer that were passed on.
    pub up: u64,
    /// Bytes to the customer that were passed on.
    pub down: u64,
    /// The status of an HTTP answer; 0 where there is none.
    pub status: u16,
    /// Why it was refused, if it was.
    pub refused: Option<Reason>,
    /// How long the first byte of an answer took, where there was one.
    pub latency: Option<Duration>,
}

/// Why something was refused, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// What came is not the protocol, is too long, too slow, or not served.
    Malformed,
    /// What came can be read in two ways.
    Ambiguous,
    /// No route.
    NoRoute,
    /// The customer may not.
    Denied,
    /// No card is live, or none is free.
    NoCard,
    /// The card did not do its part.
    CardFailed,
}

/// What is known of one service or card, in at most 96 bytes. Counters never go back but by wrapping around: those of 64 bits never
/// do, those of 32 bits after 4,294,967,295.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes from customers.
    pub up: u64,
    /// Bytes to customers.
    pub down: u64,
    /// Requests and sessions of customers local to this point of presence.
    pub local: u64,
    /// Those of all other customers.
    pub remote: u64,
    /// Answers by class: 2xx, 3xx, 4xx, 5xx.
    pub statuses: [u32; 4],
    /// Refusals, in the order of [`Reason`].
    refusals: [u32; 6],
    /// When the running window began, in seconds, and the hits in it and in the one before.
    window_began: u32,
    hits: u32,
    hits_before: u32,
    /// Microseconds: an average in which the last eight weigh most.
    average: u32,
}

impl Counters {
    /// The span over which [`Counters::rate`] is taken.
    pub const WINDOW: Duration = Duration::from_secs(60);

    pub(super) fn record(&mut self, now: Duration, local: bool, sample: &Sample) {
        self.up = self.up.wrapping_add(sample.up);
        self.down = self.down.wrapping_add(sample.down);
        let hits = if local { &mut self.local } else { &mut self.remote };
        *hits = hits.wrapping_add(1);
        let class = usize::from(sample.status / 100).checked_sub(2);
        if let Some(count) = class.and_then(|class| self.statuses.get_mut(class)) {
            *count = count.wrapping_add(1);
        }
        if let Some(count) = sample.refused.and_then(|reason| self.refusals.get_mut(reason.place())) {
            *count = count.wrapping_add(1);
        }
        self.turn(now);
        self.hits = self.hits.saturating_add(1);
        if let Some(latency) = sample.latency {
            let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
            let first = self.average == 0;
            let step = micros.abs_diff(self.average).div_ceil(8);
            let nearer = if micros > self.average {
                self.average.saturating_add(step)
            } else {
                self.average.saturating_sub(step)
            };
            self.average = if first { micros } else { nearer };
        }
    }

    /// All requests and sessions.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.local.wrapping_add(self.remote)
    }

    /// How many were refused for a reason.
    #[must_use]
    pub fn refused(&self, reason: Reason) -> u32 {
        self.refusals.get(reason.place()).copied().unwrap_or(0)
    }

    /// How many there were in the last [`Counters::WINDOW`], those of the window before counted by their share.
    #[must_use]
    pub fn rate(&self, now: Duration) -> u32 {
        let mut turned = *self;
        turned.turn(now);
        let window = Self::WINDOW.as_secs();
        let into = now.as_secs().saturating_sub(u64::from(turned.window_began)).min(window);
        let left = window.saturating_sub(into);
        let before = u64::from(turned.hits_before).saturating_mul(left).checked_div(window).unwrap_or(0);
        turned.hits.saturating_add(u32::try_from(before).unwrap_or(u32::MAX))
    }

    /// The average time to the first byte of an answer, in which the last eight answers weigh most.
    #[must_use]
    pub fn latency(&self) -> Duration {
        Duration::from_micros(self.average.into())
    }

    /// Begins the window in which `now` lies.
    fn turn(&mut self, now: Duration) {
        let window = u32::try_from(Self::WINDOW.as_secs()).unwrap_or(60);
        let now = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let passed = now.saturating_sub(self.window_began).checked_div(window).unwrap_or(0);
        if passed == 0 {
            return;
        }
        self.hits_before = if passed == 1 { self.hits } else { 0 };
        self.hits = 0;
        self.window_began = self.window_began.saturating_add(passed.saturating_mul(window));
    }
}

impl Reason {
    fn place(self) -> usize {
        match self {
            Self::Malformed => 0,
            Self::Ambiguous => 1,
            Self::NoRoute => 2,
            Self::Denied => 3,
            Self::NoCard => 4,
            Self::CardFailed => 5,
        }
    }

    /// Under what a refusal of HTTP is counted; `None` for an answer that is the proxy's own by its role.
    #[must_use]
    pub fn of_http(refusal: http::Refusal) -> Option<Self> {
        use http::Refusal as R;
        Some(match refusal {
            R::Malformed | R::TooLarge | R::Slow | R::Method | R::Unsupported => Self::Malformed,
            R::Framing | R::Path => Self::Ambiguous,
            R::NoRoute | R::Misdirected => Self::NoRoute,
            R::Denied => Self::Denied,
            R::NoCard | R::Busy => Self::NoCard,
            R::CardBroke | R::CardMalformed | R::CardSlow | R::Loop => Self::CardFailed,
            R::Own => return None,
        })
    }

    /// Under what a refusal of another session is counted; `None` for a wrong login, which is the card's to count, and for
    /// the end of a proxy that is drained.
    #[must_use]
    pub fn of_session(refusal: session::Refusal) -> Option<Self> {
        use session::Refusal as R;
        Some(match refusal {
            R::Malformed | R::TooLarge | R::Slow | R::TooMany | R::NotSecure | R::Bounce => Self::Malformed,
            R::NoRoute => Self::NoRoute,
            R::Denied => Self::Denied,
            R::NoCard => Self::NoCard,
            R::CardBroke | R::CardMalformed | R::Loop => Self::CardFailed,
            R::Login | R::Draining => return None,
        })
    }
}

impl From<&http::Usage> for Sample {
    fn from(usage: &http::Usage) -> Self {
        Self {
            service: usage.decision.map(|decision| decision.service),
            card: usage.card,
            up: usage.request_bytes,
            down: usage.response_bytes,
            status: usage.status,
            refused: usage.refusal.and_then(Reason::of_http),
            latency: usage.card.map(|_| usage.first_byte_after),
        }
    }
}

impl From<&session::Usage> for Sample {
    fn from(usage: &session::Usage) -> Self {
        Self {
            service: usage.decision.map(|decision| decision.service),
            card: usage.card,
            up: usage.from_client,
            down: usage.from_card,
            status: 0,
            refused: usage.refusal.and_then(Reason::of_session),
            latency: None,
        }
    }
}
