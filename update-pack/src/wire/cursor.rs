//! A reader of bytes that knows where it is, and the variable-length numbers.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Malformed, Part, Problem};

/// Reads a part from its beginning to its end.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    part: Part,
    rest: &'a [u8],
    offset: u64,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(part: Part, bytes: &'a [u8]) -> Self {
        Self { part, rest: bytes, offset: 0 }
    }

    /// The error of a problem at the present offset.
    pub(crate) fn malformed(&self, problem: Problem) -> Malformed {
        Malformed { part: self.part, offset: self.offset, problem }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let Some((head, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.malformed(Problem::Truncated));
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        Ok(head)
    }

    /// Takes that many octets as a part of their own, whose errors tell offsets of the whole.
    pub(crate) fn part(&mut self, len: usize) -> Result<Self, Malformed> {
        let (part, offset) = (self.part, self.offset);
        Ok(Self { part, rest: self.take(len)?, offset })
    }

    /// Takes all that is left as text to be shown to people.
    pub(crate) fn text(&mut self, max: usize) -> Result<String, Malformed> {
        let start = self.clone();
        let bytes = self.take(self.remaining())?;
        super::root::text(bytes, max).map_err(|problem| start.malformed(problem))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.malformed(Problem::Truncated))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// A LEB128 number in its shortest form.
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value: u64 = 0;
        let mut shift: u32 = 0;
        loop {
            let byte = self.u8()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && byte > 1 {
                return Err(self.malformed(Problem::Range));
            }
            value |= low.wrapping_shl(shift);
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.malformed(Problem::NotCanonical));
                }
                return Ok(value);
            }
            shift = shift.saturating_add(7);
            if shift > 63 {
                return Err(self.malformed(Problem::Range));
            }
        }
    }

    /// A number that counts or indexes something in memory.
    pub(crate) fn length(&mut self) -> Result<usize, Malformed> {
        let value = self.varint()?;
        usize::try_from(value).map_err(|_| self.malformed(Problem::Range))
    }

    /// A signed number as zigzag LEB128.
    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        let raw = self.varint()?;
        let half = i64::try_from(raw >> 1).unwrap_or(i64::MAX);
        Ok(if raw & 1 == 0 { half } else { !half })
    }

    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed(Problem::Trailing)) }
    }
}

/// Appends a LEB128 number in its shortest form.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Folds a signed number so that small magnitudes stay small.
pub(crate) fn zigzag(value: i64) -> u64 {
    (value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned()
}
