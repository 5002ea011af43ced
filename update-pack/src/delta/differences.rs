//! The model of what differs inside a copy: runs of equal bytes, and between them fields that moved by some amount.
//!
//! Machine code that moved differs from what it was in the addresses that it holds, and most of those are little
//! endian words of four bytes that changed by one of a few amounts. So a difference is a word added to the old word
//! (often one of the amounts seen last), or else one byte. Where such a field begins is told by the two bytes before
//! it, the instruction: a place that follows bytes which announced a field before is a *candidate*, and a difference
//! at the n-th candidate from here costs about a bit. All of it looks at old bytes only, which both directions know.

use alloc::boxed::Box;

use super::error::Problem;
use super::model::{Coder, Contexts, code_number, number, unzigzag, zigzag};

/// Bytes ahead in which candidates are looked for.
pub(crate) const AHEAD: usize = 96;
/// Candidates that a symbol can name.
const CANDIDATES: u8 = 12;
/// The symbol that says that the rest of the copy is equal.
const END: u8 = CANDIDATES;
/// From here on the symbol is that of the number of equal bytes.
const EQUAL: u8 = CANDIDATES + 1;
/// So many symbols let a gap be as long as a file can be.
const EQUAL_SYMBOLS: u16 = 13 + 16 + 4 * 52;
/// Amounts remembered.
const AMOUNTS: usize = 24;
const NEW_AMOUNT: u8 = 24;
const BYTE: u8 = 25;

/// How often a place after these two bytes must have begun a field to be a candidate, and how it changes.
const LIKELY: u8 = 4;
const MISSED_DOWN: u8 = 1;
const FOUND_UP: u8 = 3;
const SCORE_MAX: u8 = 16;

/// What comes next in a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// All that is left of the copy is equal.
    End,
    /// This many bytes are equal, then comes a [`Change`] at a candidate.
    Candidate { index: u8, equal: u64 },
    /// This many bytes are equal, then comes a [`Change`].
    Equal(u64),
}

/// A difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Four bytes: the new word is the old one plus this, little endian.
    Word(u32),
    /// One byte: the new one is the old one plus this.
    Byte(u8),
}

/// What a part of a delta has learned about the differences in its copies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Differences {
    gaps: Contexts,
    kinds: Contexts,
    amounts: Contexts,
    bytes: Contexts,
    scores: Box<[u8]>,
    recent: [u32; AMOUNTS],
    /// The last two old bytes, the later one low.
    before: u16,
    last_kind: u8,
    last_gap: u8,
    last_byte: u8,
    last_symbol: u8,
    at_candidate: bool,
}

impl Differences {
    pub(crate) fn new() -> Self {
        Self {
            gaps: Contexts::new(64, EQUAL_SYMBOLS),
            kinds: Contexts::new(1024, 26),
            amounts: Contexts::new(1, 256),
            bytes: Contexts::new(256, 256),
            scores: alloc::vec![0; 1 << 16].into(),
            recent: [0; AMOUNTS],
            before: 0,
            last_kind: 0,
            last_gap: 0,
            last_byte: 0,
            last_symbol: 0,
            at_candidate: false,
        }
    }

    /// Remembers old bytes that went by.
    #[inline]
    pub(crate) fn pass(&mut self, old: &[u8]) {
        match *old {
            [.., high, low] => self.before = u16::from_be_bytes([high, low]),
            [low] => self.before = (self.before << 8) | u16::from(low),
            [] => {}
        }
    }

    /// The candidates in the bytes ahead, each with the two bytes before it.
    #[inline]
    pub(crate) fn candidates<'a>(&'a self, ahead: &'a [u8]) -> impl Iterator<Item = (usize, u16)> + 'a {
        let mut before = self.before;
        ahead.iter().take(AHEAD).enumerate().filter_map(move |(at, byte)| {
            let here = before;
            before = (before << 8) | u16::from(*byte);
            (self.score(here) >= LIKELY).then_some((at, here))
        })
    }

    fn score(&self, before: u16) -> u8 {
        self.scores.get(usize::from(before)).copied().unwrap_or(0)
    }

    /// Codes how many bytes are equal. `ahead` are the next source bytes of the copy, at least [`AHEAD`] of them
    /// or all that are left.
    pub(crate) fn gap(&mut self, coder: &mut impl Coder, ahead: &[u8], gap: Gap) -> Result<Gap, Problem> {
        let symbol = match gap {
            Gap::End => END,
            Gap::Candidate { index, .. } => index,
            Gap::Equal(equal) => number::symbol(equal).saturating_add(EQUAL),
        };
        let context = usize::from(self.last_kind.min(3)) << 4 | usize::from(self.last_gap.min(15));
        let symbol = self.gaps.code(coder, context, symbol)?;
        self.at_candidate = symbol < CANDIDATES;
        if symbol == END {
            self.last_gap = 0;
            self.last_kind = 0;
            return Ok(Gap::End);
        }
        if let Some(symbol) = symbol.checked_sub(EQUAL) {
            let value = if let Gap::Equal(equal) = gap { equal } else { 0 };
            let equal = number::rest(coder, symbol, value)?;
            self.last_gap = match equal {
                0..4 => 4u8.saturating_add(equal.try_into().unwrap_or(0)),
                4..8 => 8,
                8..16 => 9,
                16..32 => 10,
                32..64 => 11,
                64..256 => 12,
                _ => 13,
            };
            return Ok(Gap::Equal(equal));
        }
        self.last_gap = symbol.min(3);
        let equal = self.skip(ahead, symbol).ok_or(Problem::Symbol)?;
        Ok(Gap::Candidate { index: symbol, equal })
    }

    /// Finds a candidate, and thinks less of those before it.
    fn skip(&mut self, ahead: &[u8], index: u8) -> Option<u64> {
        let index = usize::from(index);
        let mut passed = [0; 12];
        let mut candidates = self.candidates(ahead);
        for passed in passed.get_mut(..index)? {
            *passed = candidates.next()?.1;
        }
        let (at, _) = candidates.next()?;
        drop(candidates);
        for before in passed.get(..index)? {
            if let Some(score) = self.scores.get_mut(usize::from(*before)) {
                *score = score.saturating_sub(MISSED_DOWN);
            }
        }
        at.try_into().ok()
    }

    /// Codes the difference at the present place.
    pub(crate) fn change(&mut self, coder: &mut impl Coder, change: Change) -> Result<Change, Problem> {
        let kind = match change {
            Change::Byte(_) => BYTE,
            Change::Word(amount) => {
                let known = self.recent.iter().position(|recent| *recent == amount);
                known.and_then(|at| at.try_into().ok()).unwrap_or(NEW_AMOUNT)
            }
        };
        let context = usize::from(self.last_symbol) << 3
            | usize::from(self.at_candidate) << 2
            | usize::from(self.last_kind.min(3));
        let kind = self.kinds.code(coder, context, kind)?;
        self.last_symbol = kind;
        if kind == BYTE {
            let byte = if let Change::Byte(byte) = change { byte } else { 0 };
            let byte = self.bytes.code(coder, usize::from(self.last_byte), byte)?;
            self.last_byte = byte;
            self.last_kind = 2;
            return Ok(Change::Byte(byte));
        }
        self.last_kind = 1;
        let amount = if kind == NEW_AMOUNT {
            let amount = if let Change::Word(amount) = change { amount } else { 0 };
            let signed = i64::from(i32::from_le_bytes(amount.to_le_bytes()));
            let read = unzigzag(code_number(&mut self.amounts, coder, 0, zigzag(signed))?);
            u32::try_from(read & 0xffff_ffff).unwrap_or(0)
        } else {
            self.recent.get(usize::from(kind)).copied().ok_or(Problem::Symbol)?
        };
        // To the front.
        let place = usize::from(kind).min(AMOUNTS - 1);
        if let Some(front) = self.recent.get_mut(..=place) {
            front.rotate_right(1);
        }
        self.recent[0] = amount;
        if let Some(score) = self.scores.get_mut(usize::from(self.before)) {
            *score = score.saturating_add(FOUND_UP).min(SCORE_MAX);
        }
        Ok(Change::Word(amount))
    }

    /// Whether an amount is among those remembered.
    #[cfg(feature = "build")]
    pub(crate) fn knows(&self, amount: u32) -> bool {
        self.recent.contains(&amount)
    }
}
