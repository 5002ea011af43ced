//! Messages that wait to be sent, in buffers that are used again.

use alloc::{collections::VecDeque, vec::Vec};
use core::net::SocketAddr;

/// A queue of messages. A buffer that was lent comes back when the next one is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Letter>,
    lent: Option<Letter>,
    spare: Vec<Vec<u8>>,
}

/// A message in the tail of its buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Letter {
    to: SocketAddr,
    buffer: Vec<u8>,
    start: usize,
}

impl PartialEq for Outbox {
    /// Buffers at rest are no state.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.waiting.iter().zip(&other.waiting).all(|(a, b)| a.to == b.to && a.bytes() == b.bytes())
    }
}

impl Letter {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or(&[])
    }
}

impl Outbox {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// An empty buffer to write a message into.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    /// Puts a buffer back that nothing was sent from.
    pub(crate) fn give_back(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
    }

    /// Queues the message that begins at `start` in `buffer`.
    pub(crate) fn push(&mut self, to: SocketAddr, buffer: Vec<u8>, start: usize) {
        self.waiting.push_back(Letter { to, buffer, start });
    }

    /// The next message.
    pub(crate) fn pop(&mut self) -> Option<(SocketAddr, &[u8])> {
        if let Some(done) = self.lent.take() {
            self.spare.push(done.buffer);
        }
        self.lent = self.waiting.pop_front();
        self.lent.as_ref().map(|letter| (letter.to, letter.bytes()))
    }
}
