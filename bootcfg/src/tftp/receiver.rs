//! The receiving half of a transfer: what is taken, and when that is acknowledged (RFC 7440 §4).

use super::Rollover;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Receiver {
    blksize: usize,
    window: u64,
    /// What follows block 65535: whatever the sender does first.
    rollover: Option<Rollover>,
    /// The last block taken in order.
    taken: u64,
    unacked: u64,
    /// A gap is acknowledged once.
    gap_told: bool,
}

/// What a block of data means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the next: take it; acknowledge if so; it may be the last.
    Take { ack: Option<u16>, last: bool },
    /// It is not: acknowledge what was taken.
    Again(u16),
    /// It is not, and that was told.
    Nothing,
    /// It is longer than agreed.
    TooLong,
}

impl Receiver {
    pub(super) const fn new(blksize: usize, window: u64) -> Self {
        Self { blksize, window, rollover: None, taken: 0, unacked: 0, gap_told: false }
    }

    pub(super) fn data(&mut self, number: u16, len: usize) -> Step {
        if len > self.blksize {
            return Step::TooLong;
        }
        let next = self.taken.saturating_add(1);
        let rollover = self.rollover.unwrap_or({
            // The first number past 65535 decides.
            if next > 0xffff && number == 1 && self.taken == 0xffff { Rollover::One } else { Rollover::Zero }
        });
        if rollover.wire(next) != number {
            // A duplicate is acknowledged again: the acknowledgement was lost. In a window only once a gap.
            if self.window > 1 && core::mem::replace(&mut self.gap_told, true) {
                return Step::Nothing;
            }
            self.unacked = 0;
            return Step::Again(self.last());
        }
        if next > 0xffff {
            self.rollover = Some(rollover);
        }
        self.taken = next;
        self.gap_told = false;
        self.unacked = self.unacked.saturating_add(1);
        let last = len < self.blksize;
        let ack = (last || self.unacked >= self.window).then(|| {
            self.unacked = 0;
            self.last()
        });
        Step::Take { ack, last }
    }

    /// The number of the last block taken, 0 before the first.
    pub(super) fn last(&self) -> u16 {
        self.rollover.unwrap_or_default().wire(self.taken)
    }

    pub(super) const fn has_data(&self) -> bool {
        self.taken > 0
    }

    /// A timeout: what was taken is acknowledged, and a gap may be told again.
    pub(super) fn retry(&mut self) -> u16 {
        self.gap_told = false;
        self.unacked = 0;
        self.last()
    }
}
