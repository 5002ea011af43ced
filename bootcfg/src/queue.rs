//! Outputs waiting to be drained, whose bytes are lent and whose buffers are used again.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A queue of `(T, octets)`. The octets that [`Queue::next`] lends live until the next call.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    waiting: VecDeque<(T, Part)>,
    lent: Part,
    spare: Vec<Vec<u8>>,
}

/// The first `len` octets of a buffer; what lies behind them is of no concern.
#[derive(Clone, Debug, Default)]
struct Part {
    buffer: Vec<u8>,
    len: usize,
}

impl Part {
    fn octets(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or(&[])
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.octets() == other.octets()
    }
}

/// The buffers kept for use again.
const SPARE: usize = 16;

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        let lent = Part { buffer: Vec::new(), len: 0 };
        Self { waiting: VecDeque::new(), lent, spare: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// An empty buffer to fill for [`Queue::push`].
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.used_buffer();
        buffer.clear();
        buffer
    }

    /// A buffer for [`Queue::push_part`], as long as its last use made it and with what that left in it.
    pub(crate) fn used_buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Gives back a buffer that is not pushed.
    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE && buffer.capacity() > 0 {
            self.spare.push(buffer);
        }
    }

    pub(crate) fn push(&mut self, item: T, buffer: Vec<u8>) {
        let len = buffer.len();
        self.push_part(item, buffer, len);
    }

    /// Pushes the first `len` octets of a buffer.
    pub(crate) fn push_part(&mut self, item: T, buffer: Vec<u8>, len: usize) {
        self.waiting.push_back((item, Part { buffer, len }));
    }

    pub(crate) fn push_bare(&mut self, item: T) {
        self.waiting.push_back((item, Part::default()));
    }

    pub(crate) fn peek(&self) -> Option<&T> {
        self.waiting.front().map(|(item, _)| item)
    }

    pub(crate) fn next(&mut self) -> Option<(T, &[u8])> {
        let (item, part) = self.waiting.pop_front()?;
        let old = core::mem::replace(&mut self.lent, part);
        self.recycle(old.buffer);
        Some((item, self.lent.octets()))
    }
}

/// Two queues are equal when the same waits in them; buffers kept for use again are no state.
impl<T: PartialEq> PartialEq for Queue<T> {
    fn eq(&self, other: &Self) -> bool {
        self.waiting == other.waiting
    }
}
