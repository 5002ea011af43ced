//! Outputs that wait to be drained, and the bytes that they lend.

use super::{Side, Usage};
use crate::pool::Outcome;
use crate::{CardId, ServiceId};
use alloc::vec::Vec;

/// An output that waits to be drained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Effect {
    Route,
    Pick,
    Connect {
        fresh: bool,
    },
    /// The canonical request, as it stands.
    SendRequest,
    Send {
        to: Side,
        start: usize,
        end: usize,
    },
    Forward {
        from: Side,
        len: u64,
    },
    Release {
        service: ServiceId,
        card: CardId,
        outcome: Outcome,
        reusable: bool,
    },
    Close {
        abort: bool,
    },
    Finish {
        to: Side,
    },
    CardFailed {
        service: ServiceId,
        card: CardId,
    },
    /// The request is over; there is one at most, as no request begins before the last one is drained.
    Done,
}

/// A queue of outputs. The bytes of all of them stand in one buffer, which starts anew when the queue has run empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// Drained up to `next`.
    effects: Vec<Effect>,
    next: usize,
    bytes: Vec<u8>,
    /// What [`Effect::Done`] tells.
    usage: Option<Usage>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.next == self.effects.len()
    }

    /// The next output, the bytes that it lends, and what [`Effect::Done`] tells.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(&Effect, &[u8], Option<&Usage>)> {
        let effect = self.effects.get(self.next)?;
        self.next = self.next.saturating_add(1);
        let bytes = match *effect {
            Effect::Send { start, end, .. } => self.bytes.get(start..end).unwrap_or_default(),
            _ => &[],
        };
        Some((effect, bytes, self.usage.as_ref()))
    }

    #[inline]
    pub(super) fn push(&mut self, effect: Effect) {
        if self.is_empty() {
            self.effects.clear();
            self.next = 0;
        }
        self.effects.push(effect);
    }

    pub(super) fn done(&mut self, usage: Usage) {
        self.usage = Some(usage);
        self.push(Effect::Done);
    }

    /// Queues what `write` appends.
    pub(super) fn send<T>(&mut self, to: Side, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        if self.is_empty() {
            self.bytes.clear();
        }
        let start = self.bytes.len();
        let result = write(&mut self.bytes);
        let end = self.bytes.len();
        if end > start {
            self.push(Effect::Send { to, start, end });
        }
        result
    }

    /// Takes back the outputs that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Effect) -> bool) {
        self.effects.drain(..core::mem::take(&mut self.next));
        self.effects.retain(keep);
    }
}

/// What was drained already makes no difference.
impl PartialEq for Queue {
    fn eq(&self, other: &Self) -> bool {
        self.effects.get(self.next..) == other.effects.get(other.next..)
            && (self.is_empty() || (&self.bytes, self.usage) == (&other.bytes, other.usage))
    }
}
