//! Outputs waiting to be drained, whose bytes are lent and whose buffers are used again.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A queue of `(T, octets)`. The octets that [`Queue::next`] lends live until the next call.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    waiting: VecDeque<(T, Vec<u8>)>,
    lent: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

/// The buffers kept for use again.
const SPARE: usize = 16;

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self { waiting: VecDeque::new(), lent: Vec::new(), spare: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// An empty buffer to fill for [`Queue::push`].
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Gives back a buffer that is not pushed.
    pub(crate) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE && buffer.capacity() > 0 {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    pub(crate) fn push(&mut self, item: T, bytes: Vec<u8>) {
        self.waiting.push_back((item, bytes));
    }

    pub(crate) fn push_bare(&mut self, item: T) {
        self.waiting.push_back((item, Vec::new()));
    }

    pub(crate) fn peek(&self) -> Option<&T> {
        self.waiting.front().map(|(item, _)| item)
    }

    pub(crate) fn next(&mut self) -> Option<(T, &[u8])> {
        let (item, bytes) = self.waiting.pop_front()?;
        let old = core::mem::replace(&mut self.lent, bytes);
        self.recycle(old);
        Some((item, &self.lent))
    }
}

/// Two queues are equal when the same waits in them; buffers kept for use again are no state.
impl<T: PartialEq> PartialEq for Queue<T> {
    fn eq(&self, other: &Self) -> bool {
        self.waiting == other.waiting
    }
}
