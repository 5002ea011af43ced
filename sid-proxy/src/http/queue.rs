//! Outputs that wait to be drained, and the bytes that they lend.

use super::{Side, Usage};
use crate::pool::Outcome;
use crate::{CardId, ServiceId};
use alloc::collections::VecDeque;
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
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Queue {
    effects: VecDeque<Effect>,
    bytes: Vec<u8>,
    /// What [`Effect::Done`] tells.
    usage: Option<Usage>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    pub(super) fn pop(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(super) fn done(&mut self, usage: Usage) {
        self.usage = Some(usage);
        self.push(Effect::Done);
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage
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

    pub(super) fn bytes(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Effect) -> bool) {
        self.effects.retain(keep);
    }
}
