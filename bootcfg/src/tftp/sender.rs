//! The sending half of a transfer: a window of blocks that slides with the acknowledgements (RFC 7440 §4).

use alloc::vec::Vec;
use core::ops::Range;

use super::{Rollover, netascii};
use crate::wire::tftp::Mode;

/// The octets before a block's data.
const HEAD: usize = 4;

/// Blocks are counted from 1 without end; the numbers of the wire are made from the count.
///
/// Holds the packets of one window ready to send, `window × (blksize + 4)` octets, and nothing else of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sender {
    blksize: usize,
    window: u64,
    rollover: Rollover,
    netascii: bool,
    /// The last block acknowledged.
    acked: u64,
    /// The last block ready; those from `acked + 1` on are in `packets`.
    built: u64,
    /// Where in the file the next octets come from.
    offset: u64,
    /// Text converted and not yet in a block.
    converted: Vec<u8>,
    ended: bool,
    packets: Vec<u8>,
    /// A window began anew for a repeated acknowledgement; only progress or a timeout lets that happen again.
    restarted: bool,
}

/// What an acknowledgement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acked {
    /// An old or impossible one: nothing happens, or the Sorcerer's Apprentice would (RFC 1123 §4.2.3.1).
    Nothing,
    /// The window moves or begins anew: fill it and send.
    Send,
    /// The file is through.
    Done,
}

impl Sender {
    pub(super) const fn new(mode: Mode, blksize: usize, window: u64, rollover: Rollover) -> Self {
        Self {
            blksize,
            window,
            rollover,
            netascii: matches!(mode, Mode::Netascii),
            acked: 0,
            built: 0,
            offset: 0,
            converted: Vec::new(),
            ended: false,
            packets: Vec::new(),
            restarted: false,
        }
    }

    /// What to read to fill the window: where, and how many octets; `None` when it is full or the file has ended.
    pub(super) fn wants(&self) -> Option<(u64, usize)> {
        let free = self.window.saturating_sub(self.built.saturating_sub(self.acked));
        if free == 0 || self.ended {
            return None;
        }
        let len = usize::try_from(free).ok()?.checked_mul(self.blksize)?;
        Some((self.offset, len.saturating_sub(self.converted.len()).max(1)))
    }

    /// Takes octets read; fewer than asked for are the end of the file.
    pub(super) fn fill(&mut self, bytes: &[u8], asked: usize) {
        let bytes = bytes.get(..asked.min(bytes.len())).unwrap_or(bytes);
        self.offset = self.offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        let at_end = bytes.len() < asked;
        if self.netascii {
            let mut text = core::mem::take(&mut self.converted);
            netascii::encode(bytes, &mut text);
            let taken = self.build(&text, at_end);
            text.drain(..taken);
            self.converted = text;
        } else {
            self.build(bytes, at_end);
        }
    }

    /// Makes blocks while the window has room, and says how many octets went into them.
    fn build(&mut self, bytes: &[u8], at_end: bool) -> usize {
        let mut taken = 0_usize;
        // No more than the window takes.
        let segments = bytes.len().checked_div(self.blksize).unwrap_or(0).saturating_add(1);
        let room = usize::try_from(self.window).unwrap_or(usize::MAX).min(segments);
        self.packets.reserve_exact(room.saturating_mul(self.segment()).min(self.capacity()));
        while self.built.saturating_sub(self.acked) < self.window && !self.ended {
            let rest = bytes.get(taken..).unwrap_or(&[]);
            if rest.len() < self.blksize && !at_end {
                break;
            }
            let data = rest.get(..self.blksize.min(rest.len())).unwrap_or(rest);
            self.built = self.built.saturating_add(1);
            let [high, low] = self.rollover.wire(self.built).to_be_bytes();
            self.packets.extend_from_slice(&[0, 3, high, low]);
            self.packets.extend_from_slice(data);
            taken = taken.saturating_add(data.len());
            // A block that is not full is the last, an empty one after a file of full blocks.
            self.ended = data.len() < self.blksize;
        }
        taken
    }

    /// The octets that the window still has room for.
    fn capacity(&self) -> usize {
        let window = usize::try_from(self.window).unwrap_or(usize::MAX).saturating_mul(self.segment());
        window.saturating_sub(self.packets.len())
    }

    /// The packets not yet acknowledged, one after another; all but the last have the length of [`Sender::segment`].
    pub(super) fn packets(&self, range: Range<usize>) -> &[u8] {
        self.packets.get(range).unwrap_or(&[])
    }

    pub(super) fn waiting(&self) -> usize {
        self.packets.len()
    }

    /// The length of a full packet.
    pub(super) const fn segment(&self) -> usize {
        self.blksize.saturating_add(HEAD)
    }

    pub(super) const fn octets_read(&self) -> u64 {
        self.offset
    }

    pub(super) fn ack(&mut self, number: u16) -> Acked {
        let Some(block) = self.rollover.block(number, self.acked, self.built) else { return Acked::Nothing };
        if block == self.acked {
            // In a window of several, a repeated acknowledgement tells of a lost first block (RFC 7440 §4).
            if self.window == 1 || core::mem::replace(&mut self.restarted, true) {
                return Acked::Nothing;
            }
            return Acked::Send;
        }
        let blocks = usize::try_from(block.saturating_sub(self.acked)).unwrap_or(usize::MAX);
        let octets = blocks.saturating_mul(self.segment()).min(self.packets.len());
        self.packets.drain(..octets);
        self.acked = block;
        self.restarted = false;
        if self.ended && self.acked == self.built { Acked::Done } else { Acked::Send }
    }

    /// A timeout: the window may begin anew once more.
    pub(super) const fn retry(&mut self) {
        self.restarted = false;
    }
}
