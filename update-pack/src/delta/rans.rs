//! The entropy coder's reading side: a range variant of asymmetric numeral systems (rANS) over blocks.
//!
//! A block is a varint count of symbols, a varint count of 32-bit words, the state, and the words.

use super::error::Problem;
use super::model::{Coder, SCALE_BITS, Symbols};

/// The state of a block that is all read; a state below it takes another word.
pub(crate) const FLOOR: u64 = 1 << 31;
/// No block has more symbols.
pub(crate) const BLOCK_SYMBOLS: u32 = 1 << 16;
/// No block is longer: two length fields, the state and fifteen bits a symbol.
pub(crate) const BLOCK_MAX: usize = 128 * 1024 + 64;

const SLOT: u64 = (1 << SCALE_BITS) - 1;

/// Reads the symbols of one block after another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decoder {
    buffer: alloc::vec::Vec<u8>,
    /// Where in the buffer the next word of this block, and the end of this block, lie.
    at: usize,
    end: usize,
    state: u64,
    symbols: u32,
    /// The part of the delta that is not in the buffer yet.
    next: u64,
    left: u64,
}

/// What a decoder needs before its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    /// These bytes of the delta.
    Bytes {
        at: u64,
        len: u32,
    },
}

impl Decoder {
    /// Reads the part that lies at `at` in the delta and is `len` long.
    pub(crate) fn new(at: u64, len: u64) -> Self {
        Self { buffer: alloc::vec::Vec::new(), at: 0, end: 0, state: FLOOR, symbols: 0, next: at, left: len }
    }

    /// Makes the next step possible: a block is at hand, or the bytes to ask for are named.
    #[inline]
    pub(crate) fn prepare(&mut self) -> Result<Need, Problem> {
        if self.symbols > 0 {
            return Ok(Need::Nothing);
        }
        self.load()
    }

    fn load(&mut self) -> Result<Need, Problem> {
        self.close()?;
        let held = self.buffer.len().wrapping_sub(self.end);
        if held < BLOCK_MAX && self.left > 0 {
            self.buffer.drain(..self.end);
            self.at = 0;
            self.end = 0;
            let room = BLOCK_MAX.saturating_mul(2).saturating_sub(held);
            let len = u32::try_from(room).unwrap_or(0).min(u32::try_from(self.left).unwrap_or(u32::MAX));
            return Ok(Need::Bytes { at: self.next, len });
        }
        let mut rest = self.buffer.get(self.end..).unwrap_or_default();
        let whole = rest.len();
        let symbols = small(&mut rest)?;
        let words = small(&mut rest)?;
        let (state, rest) = rest.split_first_chunk::<8>().ok_or(Problem::Truncated)?;
        let len =
            usize::try_from(words).ok().and_then(|words| words.checked_mul(4)).ok_or(Problem::Length)?;
        if symbols == 0 || symbols > BLOCK_SYMBOLS || len > BLOCK_MAX {
            return Err(Problem::Length);
        }
        if len > rest.len() {
            return Err(Problem::Truncated);
        }
        self.state = u64::from_le_bytes(*state);
        if self.state < FLOOR || self.state >= FLOOR << 32 {
            return Err(Problem::NotCanonical);
        }
        self.symbols = symbols;
        self.at = self.end.wrapping_add(whole.wrapping_sub(rest.len()));
        self.end = self.at.wrapping_add(len);
        Ok(Need::Nothing)
    }

    /// Takes bytes that were asked for.
    pub(crate) fn give(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.next = self.next.saturating_add(len);
        self.left = self.left.saturating_sub(len);
    }

    /// Where in the delta the bytes lie that it needs next.
    pub(crate) fn position(&self) -> u64 {
        self.next
    }

    /// A block must be used up to its last word, and end where its making began.
    fn close(&self) -> Result<(), Problem> {
        if self.state == FLOOR && self.at == self.end { Ok(()) } else { Err(Problem::NotCanonical) }
    }

    /// The part must be used up.
    pub(crate) fn finish(&self) -> Result<(), Problem> {
        self.close()?;
        let held = self.buffer.len().wrapping_sub(self.end);
        if self.symbols == 0 && held == 0 && self.left == 0 { Ok(()) } else { Err(Problem::NotCanonical) }
    }

    #[inline]
    fn advance(&mut self, start: u16, slots: u16) -> Result<(), Problem> {
        let slot = self.state & SLOT;
        self.state = u64::from(slots)
            .wrapping_mul(self.state >> SCALE_BITS)
            .wrapping_add(slot)
            .wrapping_sub(u64::from(start));
        self.symbols = self.symbols.checked_sub(1).ok_or(Problem::Truncated)?;
        if self.state < FLOOR {
            let word = self.buffer.get(self.at..self.end).and_then(|rest| rest.first_chunk::<4>());
            let word = word.ok_or(Problem::Truncated)?;
            self.state = (self.state << 32) | u64::from(u32::from_le_bytes(*word));
            self.at = self.at.wrapping_add(4);
        }
        Ok(())
    }

    #[inline]
    fn slot(&self) -> u16 {
        let [low, high, ..] = self.state.to_le_bytes();
        u16::from_le_bytes([low, high & 0x7f])
    }
}

impl Coder for Decoder {
    #[inline]
    fn symbol(&mut self, model: &Symbols, _: u8) -> Result<u8, Problem> {
        let (symbol, start, slots) = model.find(self.slot());
        self.advance(start, slots)?;
        Ok(symbol)
    }

    #[inline]
    fn bits(&mut self, count: u32, _: u16) -> Result<u16, Problem> {
        let shift = SCALE_BITS.saturating_sub(count);
        let value = self.slot().checked_shr(shift).unwrap_or(0);
        self.advance(value.wrapping_shl(shift), 1u16.wrapping_shl(shift))?;
        Ok(value)
    }
}

/// A varint of at most three bytes, in its shortest form.
fn small(rest: &mut &[u8]) -> Result<u32, Problem> {
    let mut value = 0u32;
    for shift in [0, 7, 14] {
        let (&byte, tail) = rest.split_first().ok_or(Problem::Truncated)?;
        *rest = tail;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return if byte == 0 && shift > 0 { Err(Problem::NotCanonical) } else { Ok(value) };
        }
    }
    Err(Problem::Length)
}
