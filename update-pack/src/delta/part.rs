//! One part of a delta: its models, shared by the builder and the reader.

use super::differences::Differences;
use super::error::Problem;
use super::model::{Coder, Contexts, code_number};

/// What a part has learned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) differences: Differences,
    numbers: Contexts,
    literals: Contexts,
    last: u8,
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
    /// Length of a private copy.
    PrivateLen,
    /// Where a private copy begins, from where it was expected.
    PrivateAt,
}

impl Part {
    pub(crate) fn new() -> Self {
        Self {
            differences: Differences::new(),
            numbers: Contexts::new(6, 256),
            literals: Contexts::new(256, 256),
            last: 0,
        }
    }

    pub(crate) fn number(&mut self, coder: &mut impl Coder, which: Number, value: u64) -> Result<u64, Problem> {
        let context = match which {
            Number::NewGap => 0,
            Number::OldGap => 1,
            Number::SharedLen => 2,
            Number::Literals => 3,
            Number::PrivateLen => 4,
            Number::PrivateAt => 5,
        };
        code_number(&mut self.numbers, coder, context, value)
    }

    /// Codes a literal byte.
    #[inline]
    pub(crate) fn literal(&mut self, coder: &mut impl Coder, byte: u8) -> Result<u8, Problem> {
        self.last = self.literals.code(coder, usize::from(self.last), byte)?;
        Ok(self.last)
    }
}
