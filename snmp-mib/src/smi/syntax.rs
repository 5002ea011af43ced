//! SYNTAX clauses.

use alloc::{boxed::Box, vec::Vec};

use super::lexer::{ParseError, Word};
use super::parser::Parser;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syntax<'a> {
    /// What it is made from.
    pub base: Base<'a>,
    /// The labels of an enumeration or of BITS, with their numbers.
    pub labels: Vec<(&'a str, i64)>,
    /// The ranges of values, or of sizes where [`Syntax::sized`] says so. An open end is that of `i128`.
    pub ranges: Vec<(i128, i128)>,
    /// Whether the ranges are those of a size.
    pub sized: bool,
}

/// What a type is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base<'a> {
    /// A type by its name: `INTEGER`, `OCTET STRING`, `OBJECT IDENTIFIER`, `BITS`, `NULL`, or one defined elsewhere.
    Named(&'a str),
    /// The rows of a table.
    SequenceOf(&'a str),
    /// A row: columns and their types.
    Sequence(Vec<(&'a str, Syntax<'a>)>),
    /// One of several types, as base modules have it.
    Choice(Vec<(&'a str, Syntax<'a>)>),
    /// A type under a tag of its own.
    Tagged(Box<Syntax<'a>>),
}

impl<'a> Parser<'a> {
    /// Takes a type, `depth` of which may stand in one another.
    pub(super) fn syntax(&mut self, depth: usize) -> Result<Syntax<'a>, ParseError<'a>> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.expected("a type less deep"));
        };
        let plain = |base| Syntax { base, labels: Vec::new(), ranges: Vec::new(), sized: false };
        if self.takes("[") {
            self.until("]")?;
            let _ = self.takes("IMPLICIT") || self.takes("EXPLICIT");
            return Ok(plain(Base::Tagged(Box::new(self.syntax(depth)?))));
        }
        if self.takes("SEQUENCE") {
            if self.takes("OF") {
                return Ok(plain(Base::SequenceOf(self.name()?)));
            }
            return Ok(plain(Base::Sequence(self.fields(depth)?)));
        }
        if self.takes("CHOICE") {
            return Ok(plain(Base::Choice(self.fields(depth)?)));
        }
        let name = match self.name()? {
            "OCTET" => self.then("STRING", "OCTET STRING")?,
            "OBJECT" => self.then("IDENTIFIER", "OBJECT IDENTIFIER")?,
            // Of a type in another module, given by both names, the second one counts.
            _ if self.is(".") && self.takes(".") => self.name()?,
            name => name,
        };
        let mut syntax = plain(Base::Named(name));
        if self.is("{") {
            syntax.labels = self.labels()?;
        }
        if self.takes("(") {
            syntax.sized = self.takes("SIZE");
            if syntax.sized {
                self.sign("(")?;
            }
            syntax.ranges = self.ranges()?;
            if syntax.sized {
                self.sign(")")?;
            }
            self.sign(")")?;
        }
        Ok(syntax)
    }

    /// `{ name Type, ... }`
    fn fields(&mut self, depth: usize) -> Result<Vec<(&'a str, Syntax<'a>)>, ParseError<'a>> {
        self.sign("{")?;
        let mut fields = Vec::new();
        while !self.takes("}") {
            fields.push((self.name()?, self.syntax(depth)?));
            if !self.takes(",") && !self.is("}") {
                return Err(self.expected("a comma or a closing brace"));
            }
        }
        Ok(fields)
    }

    /// `{ label(number), ... }`
    fn labels(&mut self) -> Result<Vec<(&'a str, i64)>, ParseError<'a>> {
        self.sign("{")?;
        let mut labels = Vec::new();
        while !self.takes("}") {
            let label = self.name()?;
            // A variation may name labels alone.
            let number = if self.takes("(") {
                let number = self.number()?;
                self.sign(")")?;
                number
            } else {
                0
            };
            labels.push((label, i64::try_from(number).map_err(|_| self.expected("a smaller number"))?));
            if !self.takes(",") && !self.is("}") {
                return Err(self.expected("a comma or a closing brace"));
            }
        }
        Ok(labels)
    }

    /// `a..b | c`
    fn ranges(&mut self) -> Result<Vec<(i128, i128)>, ParseError<'a>> {
        let mut ranges = Vec::new();
        loop {
            let least = self.bound(i128::MIN)?;
            let greatest = if self.takes("..") { self.bound(i128::MAX)? } else { least };
            ranges.push((least, greatest));
            if !self.takes("|") {
                return Ok(ranges);
            }
        }
    }

    fn bound(&mut self, open: i128) -> Result<i128, ParseError<'a>> {
        if self.takes("MIN") || self.takes("MAX") {
            return Ok(open);
        }
        self.number()
    }

    /// A number: decimal, or binary or hexadecimal between apostrophes.
    pub(super) fn number(&mut self) -> Result<i128, ParseError<'a>> {
        let negative = self.takes("-");
        let token = self.peek();
        let value = match token.word {
            Word::Number => token.text.parse().ok(),
            Word::Digits => {
                let radix = if token.text.ends_with(['b', 'B']) { 2 } else { 16 };
                let digits = token.text.chars().filter(|c| c.is_digit(radix));
                // The letter behind binary digits is no digit of theirs.
                let mut digits = digits.map(|c| c.to_digit(radix).unwrap_or(0));
                digits.try_fold(0_i128, |sum, digit| {
                    sum.checked_mul(i128::from(radix))?.checked_add(i128::from(digit))
                })
            }
            _ => None,
        };
        let value = value.ok_or_else(|| self.expected("a number"))?;
        self.advance();
        Ok(if negative { value.saturating_neg() } else { value })
    }
}
