//! Outputs that wait to be drained, and the bytes that they lend.

use super::{Event, Output, Side};
use crate::{CardId, Key, ServiceId};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// A queue of outputs. The bytes of all of them stand in one buffer, which starts anew when the queue has run empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outbox {
    queue: VecDeque<Item>,
    bytes: Vec<u8>,
    lent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    Route,
    Pick(ServiceId),
    Send { to: Side, len: usize },
    Other(Output<'static>),
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn route(&mut self) {
        self.queue.push_back(Item::Route);
    }

    pub(crate) fn pick(&mut self, service: ServiceId) {
        self.queue.push_back(Item::Pick(service));
    }

    /// Queues an output that lends nothing.
    pub(crate) fn push(&mut self, output: Output<'static>) {
        self.queue.push_back(Item::Other(output));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }

    pub(crate) fn forward(&mut self, from: Side, len: u64) {
        self.push(Output::Forward { from, len });
    }

    pub(crate) fn listen(&mut self, leg: Side, peer: IpAddr, secure: bool) {
        self.push(Output::Listen { leg, peer, secure });
    }

    pub(crate) fn dial(&mut self, leg: Side, address: SocketAddr, secure: bool) {
        self.push(Output::Dial { leg, address, secure });
    }

    /// Queues bytes for a side; those of one side that stand next to one another go out as one.
    pub(crate) fn send(&mut self, to: Side, parts: &[&[u8]]) {
        if self.queue.is_empty() {
            self.bytes.clear();
            self.lent = 0;
        }
        let more: usize = parts.iter().fold(0, |sum, part| sum.saturating_add(part.len()));
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        match self.queue.back_mut() {
            Some(Item::Send { to: same, len }) if *same == to => *len = len.saturating_add(more),
            _ => self.queue.push_back(Item::Send { to, len: more }),
        }
    }

    /// The next output. `key` is what [`Output::Route`] asks, `tried` what [`Output::Pick`] excludes.
    pub(crate) fn poll<'a>(&'a mut self, key: Key<'a>, tried: &'a [CardId]) -> Option<Output<'a>> {
        Some(match self.queue.pop_front()? {
            Item::Route => Output::Route { key },
            Item::Pick(service) => Output::Pick { service, tried },
            Item::Send { to, len } => {
                let end = self.lent.saturating_add(len);
                let bytes = self.bytes.get(self.lent..end).unwrap_or_default();
                self.lent = end;
                Output::Send { to, bytes }
            }
            Item::Other(output) => output,
        })
    }
}
