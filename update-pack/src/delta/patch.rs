//! The head of a delta.

use alloc::vec::Vec;

use super::error::{Error, Problem};

/// No head is longer.
pub const HEAD_MAX: usize = 56;

const MAGIC: [u8; 4] = *b"UPD\x01";

/// Which way a delta is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the old bytes to the new.
    Forward,
    /// From the new bytes back to the old.
    Undo,
}

/// The head of a delta: what it is made from, what it makes, and where its parts lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Length of the old bytes.
    pub old_len: u64,
    /// Length of the new bytes.
    pub new_len: u64,
    /// Bytes of the shared part: the copies that hold both ways, and their differences.
    pub shared: u64,
    /// Bytes of the part that only the way forward needs.
    pub forward: u64,
    /// Bytes of the part that only the way back needs, in a delta that has one.
    pub undo: Option<u64>,
}

impl Patch {
    /// Reads the head of a delta of `len` bytes from the first of its bytes, [`HEAD_MAX`] of them or all.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no delta, and for parts that do not fill it to the last byte.
    pub fn parse(head: &[u8], len: u64) -> Result<Self, Error> {
        let (magic, rest) = head.split_first_chunk::<4>().ok_or(Problem::Truncated)?;
        if *magic != MAGIC {
            return Err(Problem::Magic.into());
        }
        let mut rest = rest;
        let mut number = || varint(&mut rest);
        let (flags, old_len, new_len) = (number()?, number()?, number()?);
        let (shared, forward) = (number()?, number()?);
        let undo = match flags {
            0 => None,
            1 => Some(number()?),
            _ => return Err(Problem::Symbol.into()),
        };
        let patch = Self { old_len, new_len, shared, forward, undo };
        let whole = patch.undo_at().and_then(|at| at.checked_add(undo.unwrap_or(0)));
        if whole != Some(len) || old_len > LEN_MAX || new_len > LEN_MAX {
            return Err(Problem::Length.into());
        }
        Ok(patch)
    }

    /// Appends the head.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        let numbers = [u64::from(self.undo.is_some()), self.old_len, self.new_len, self.shared, self.forward];
        for number in numbers.into_iter().chain(self.undo) {
            put_varint(out, number);
        }
    }

    /// The length of what a direction starts from.
    pub fn source_len(&self, direction: Direction) -> u64 {
        match direction {
            Direction::Forward => self.old_len,
            Direction::Undo => self.new_len,
        }
    }

    /// The length of what a direction makes.
    pub fn target_len(&self, direction: Direction) -> u64 {
        match direction {
            Direction::Forward => self.new_len,
            Direction::Undo => self.old_len,
        }
    }

    /// Where the shared part begins.
    pub(crate) fn shared_at(&self) -> u64 {
        let numbers = [u64::from(self.undo.is_some()), self.old_len, self.new_len, self.shared, self.forward];
        let len: u64 = numbers.into_iter().chain(self.undo).map(varint_len).sum();
        len.saturating_add(4)
    }

    pub(crate) fn forward_at(&self) -> Option<u64> {
        self.shared_at().checked_add(self.shared)
    }

    pub(crate) fn undo_at(&self) -> Option<u64> {
        self.forward_at()?.checked_add(self.forward)
    }
}

/// No file is longer: positions and differences of positions stay well inside 64 bits.
pub(crate) const LEN_MAX: u64 = 1 << 56;

/// Seven bits a byte, the lowest first, the top bit set on all but the last; in the shortest form only.
fn varint(rest: &mut &[u8]) -> Result<u64, Problem> {
    let mut value = 0u64;
    for shift in (0..57).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(Problem::Truncated)?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return if byte == 0 && shift > 0 { Err(Problem::NotCanonical) } else { Ok(value) };
        }
    }
    Err(Problem::Length)
}

fn varint_len(value: u64) -> u64 {
    u64::from(value.checked_ilog2().unwrap_or(0) / 7).saturating_add(1)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
