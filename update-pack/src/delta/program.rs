//! The program inside a payload frame: how to make new bytes out of literal ones and of old ones.
//!
//! A frame's raw bytes are `varint control_len, varint diff_len, control, diff, literals`. The control part is a list
//! of instructions, each `varint (len << 1 | kind)`: kind 0 takes `len` literals; kind 1 is followed by a signed jump
//! from the end of the last copy, takes `len` old bytes from there and adds to them, byte for byte and modulo 256,
//! the next `len` of the diff. The diff is written as `varint zeros, varint count, count bytes`, again and again.
//! All instructions of a frame use that frame's bytes only.

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Malformed, Part, Problem};
use crate::wire::Cursor;

/// The instructions of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    raw: Vec<u8>,
    control: Range<usize>,
    diff: Range<usize>,
    literals: Range<usize>,
    /// Differences not yet consumed of the present run: zeros first, then bytes.
    zeros: u64,
    changed: u64,
    /// Where the last copy ended, in the old space.
    old: u64,
}

/// What one instruction asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Take that many literals.
    Literal {
        /// Bytes.
        len: u64,
    },
    /// Take that many old bytes and add the differences.
    Copy {
        /// Where they begin in the old space.
        from: u64,
        /// Bytes.
        len: u64,
    },
}

impl Program {
    /// Reads the raw bytes of a frame. `old` is where the last copy of the frame before ended.
    ///
    /// # Errors
    /// [`Malformed`] when the lengths contradict one another.
    pub fn new(raw: Vec<u8>, old: u64) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(Part::Frame, &raw);
        let control_len = cursor.length()?;
        let diff_len = cursor.length()?;
        let start = raw.len().saturating_sub(cursor.remaining());
        cursor.take(control_len)?;
        cursor.take(diff_len)?;
        let control = start..start.saturating_add(control_len);
        let diff = control.end..control.end.saturating_add(diff_len);
        let literals = diff.end..raw.len();
        Ok(Self { raw, control, diff, literals, zeros: 0, changed: 0, old })
    }

    /// The next instruction; `None` at the end, where nothing may be left over.
    ///
    /// # Errors
    /// [`Malformed`] when it is none, or reaches before the beginning of the old space.
    pub fn next(&mut self) -> Result<Option<Instruction>, Malformed> {
        let bytes = self.raw.get(self.control.clone()).unwrap_or_default();
        let mut cursor = Cursor::new(Part::Frame, bytes);
        if cursor.is_empty() {
            let spent =
                self.diff.is_empty() && self.literals.is_empty() && self.zeros == 0 && self.changed == 0;
            return if spent { Ok(None) } else { Err(cursor.malformed(Problem::Trailing)) };
        }
        let head = cursor.varint()?;
        let len = head >> 1;
        if len == 0 {
            return Err(cursor.malformed(Problem::NotCanonical));
        }
        let instruction = if head & 1 == 0 {
            Instruction::Literal { len }
        } else {
            let jump = cursor.signed()?;
            let from = self.old.checked_add_signed(jump).ok_or(cursor.malformed(Problem::Reach))?;
            self.old = from.checked_add(len).ok_or(cursor.malformed(Problem::Reach))?;
            Instruction::Copy { from, len }
        };
        self.control.start = self.control.end.saturating_sub(cursor.remaining());
        Ok(Some(instruction))
    }

    /// The next literals, at most `len` of them.
    ///
    /// # Errors
    /// [`Problem::Truncated`] when there is none left.
    pub fn literals(&mut self, len: u64) -> Result<&[u8], Malformed> {
        let take = usize::try_from(len).unwrap_or(usize::MAX).min(self.literals.len());
        if take == 0 {
            return Err(Malformed { part: Part::Frame, offset: 0, problem: Problem::Truncated });
        }
        let start = self.literals.start;
        self.literals.start = start.saturating_add(take);
        Ok(self.raw.get(start..self.literals.start).unwrap_or_default())
    }

    /// Adds the next differences to old bytes, which become new ones.
    ///
    /// # Errors
    /// [`Malformed`] when there are too few.
    pub fn add(&mut self, mut bytes: &mut [u8]) -> Result<(), Malformed> {
        self.walk(&mut bytes, |byte, difference| byte.wrapping_add(difference))
    }

    /// Takes the next differences from new bytes, which become old ones.
    ///
    /// # Errors
    /// [`Malformed`] when there are too few.
    pub fn subtract(&mut self, mut bytes: &mut [u8]) -> Result<(), Malformed> {
        self.walk(&mut bytes, |byte, difference| byte.wrapping_sub(difference))
    }

    /// Where the last copy ended.
    pub fn old(&self) -> u64 {
        self.old
    }

    fn walk(&mut self, bytes: &mut &mut [u8], apply: impl Fn(u8, u8) -> u8) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            if self.zeros == 0 && self.changed == 0 {
                self.run()?;
            }
            let left = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let skip = self.zeros.min(left);
            self.zeros = self.zeros.saturating_sub(skip);
            let change = self.changed.min(left.saturating_sub(skip));
            self.changed = self.changed.saturating_sub(change);
            let (_, rest) = core::mem::take(bytes).split_at_mut(usize::try_from(skip).unwrap_or(0));
            let (changing, rest) = rest.split_at_mut(usize::try_from(change).unwrap_or(0));
            *bytes = rest;
            let end = self.diff.start.saturating_add(changing.len());
            let Some(differences) = self.raw.get(self.diff.start..end).filter(|_| end <= self.diff.end)
            else {
                return Err(Malformed { part: Part::Frame, offset: 0, problem: Problem::Truncated });
            };
            for (byte, difference) in changing.iter_mut().zip(differences) {
                *byte = apply(*byte, *difference);
            }
            self.diff.start = end;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(Part::Frame, self.raw.get(self.diff.clone()).unwrap_or_default());
        self.zeros = cursor.varint()?;
        self.changed = cursor.varint()?;
        if self.zeros == 0 && self.changed == 0 {
            return Err(cursor.malformed(Problem::NotCanonical));
        }
        self.diff.start = self.diff.end.saturating_sub(cursor.remaining());
        Ok(())
    }
}
