//! What customers used: counted by service and card, so that an operator sees what is asked for, from near and far.

use super::service::Name;
use super::units::Position;
use core::ops::AddAssign;
use core::time::Duration;
use serde::Serialize;

/// Requests, sessions of other protocols, and bytes (patent row P16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Used {
    /// Requests and sessions that are over.
    pub requests: u64,
    /// Of these, those of customers local to this POP.
    pub local: u64,
    /// By the answer's status: 1xx to 5xx.
    pub status: [u64; 5],
    /// Answers that did not go out whole.
    pub broken: u64,
    /// Bytes of requests' bodies, and from customers in sessions, data connections included.
    pub bytes_in: u64,
    /// Bytes of answers' bodies, and from cards in sessions.
    pub bytes_out: u64,
    /// From a request's head to its answer's first byte, summed over all requests.
    pub waited: Duration,
}

/// What was used of one service on one card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The service.
    pub service: Name,
    /// The card that answered; `None` where the proxy answered itself.
    pub card: Option<Position>,
    /// What was used.
    pub used: Used,
}

impl Used {
    /// How many requests came from customers elsewhere.
    pub const fn remote(&self) -> u64 {
        self.requests.saturating_sub(self.local)
    }

    /// How many had no HTTP answer: FTP, POP3 and TLS sessions, and requests whose customer left before it.
    pub fn unanswered(&self) -> u64 {
        self.requests.saturating_sub(self.status.iter().sum())
    }

    /// Counts an answer's status; what is none is not counted.
    pub fn count_status(&mut self, status: u16) {
        let class = usize::from(status / 100).checked_sub(1);
        if let Some(count) = class.and_then(|class| self.status.get_mut(class)) {
            *count = count.saturating_add(1);
        }
    }
}

impl AddAssign for Used {
    fn add_assign(&mut self, more: Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.local = self.local.saturating_add(more.local);
        self.broken = self.broken.saturating_add(more.broken);
        self.bytes_in = self.bytes_in.saturating_add(more.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(more.bytes_out);
        self.waited = self.waited.saturating_add(more.waited);
        for (count, more) in self.status.iter_mut().zip(more.status) {
            *count = count.saturating_add(more);
        }
    }
}
