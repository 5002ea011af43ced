//! One part of a delta: its models, shared by the builder and the reader.

use alloc::vec::Vec;

use super::differences::Differences;
use super::error::Problem;
use super::model::{Coder, Contexts, code_number};

/// What a part has learned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) differences: Differences,
    numbers: Contexts,
    literals: Contexts,
    fills: Contexts,
    last_fill: u8,
    /// The literals so far, the last [`HISTORY`] of them at least.
    history: Vec<u8>,
}

/// Which number is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// New bytes before the next shared copy.
    NewGap,
    /// Old bytes before the next shared copy.
    OldGap,
    /// Length of a shared copy.
    SharedLen,
    /// Literal bytes.
    Literals,
    /// Literal bytes that no model helps with.
    Stored,
    /// Length of a private copy.
    PrivateLen,
    /// Where a private copy begins, from where it was expected.
    PrivateAt,
    /// Length of a repetition of literals.
    RepeatLen,
    /// How far back among the literals it begins.
    RepeatAt,
}

/// What fills the next bytes of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Literals,
    Stored,
    Copy,
    Repeat,
}

/// How far back a repetition reaches.
pub(crate) const HISTORY: usize = 1 << 20;

impl Part {
    pub(crate) fn new() -> Self {
        Self {
            differences: Differences::new(),
            numbers: Contexts::new(9, 256),
            literals: Contexts::new(256, 256),
            fills: Contexts::new(4, 4),
            last_fill: 0,
            history: Vec::new(),
        }
    }

    pub(crate) fn number(
        &mut self,
        coder: &mut impl Coder,
        which: Number,
        value: u64,
    ) -> Result<u64, Problem> {
        let context = match which {
            Number::NewGap => 0,
            Number::OldGap => 1,
            Number::SharedLen => 2,
            Number::Literals => 3,
            Number::PrivateLen => 4,
            Number::PrivateAt => 5,
            Number::Stored => 6,
            Number::RepeatLen => 7,
            Number::RepeatAt => 8,
        };
        code_number(&mut self.numbers, coder, context, value)
    }

    /// Codes what fills the next bytes of a gap.
    pub(crate) fn fill(&mut self, coder: &mut impl Coder, fill: Fill) -> Result<Fill, Problem> {
        let symbol = match fill {
            Fill::Literals => 0,
            Fill::Stored => 1,
            Fill::Copy => 2,
            Fill::Repeat => 3,
        };
        self.last_fill = self.fills.code(coder, usize::from(self.last_fill), symbol)?;
        Ok(match self.last_fill {
            0 => Fill::Literals,
            1 => Fill::Stored,
            2 => Fill::Copy,
            _ => Fill::Repeat,
        })
    }

    /// Codes a literal byte.
    #[inline]
    pub(crate) fn literal(&mut self, coder: &mut impl Coder, byte: u8) -> Result<u8, Problem> {
        let last = self.history.last().copied().unwrap_or(0);
        let byte = self.literals.code(coder, usize::from(last), byte)?;
        self.remember(byte);
        Ok(byte)
    }

    /// Codes a literal byte as it is.
    #[inline]
    pub(crate) fn stored(&mut self, coder: &mut impl Coder, byte: u8) -> Result<u8, Problem> {
        let byte = coder.bits(8, u16::from(byte))?.to_le_bytes()[0];
        self.remember(byte);
        Ok(byte)
    }

    /// Repeats the literal `distance` back, which is one at least.
    #[inline]
    pub(crate) fn repeat(&mut self, distance: usize) -> Result<u8, Problem> {
        let at = self.history.len().checked_sub(distance).ok_or(Problem::Range)?;
        let byte = *self.history.get(at).ok_or(Problem::Range)?;
        self.remember(byte);
        Ok(byte)
    }

    /// Literals that a repetition can reach.
    pub(crate) fn reach(&self) -> usize {
        self.history.len().min(HISTORY)
    }

    #[inline]
    fn remember(&mut self, byte: u8) {
        if self.history.len() >= 2 * HISTORY {
            self.history.drain(..HISTORY);
        }
        self.history.push(byte);
    }
}
