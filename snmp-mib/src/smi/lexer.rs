//! Words of a module, each with its place.

use alloc::vec::Vec;
use core::fmt;

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag, take_till, take_until, take_while, take_while1},
    character::complete::{char, digit1, one_of, satisfy},
    combinator::{consumed, opt, recognize, value},
    multi::many0_count,
    sequence::{delimited, pair, preceded, terminated},
};

/// A word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) word: Word,
    /// Its text, without the quotation marks of a string.
    pub(super) text: &'a str,
    /// Its offset in the module's text.
    pub(super) at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A name or a keyword.
    Name,
    Number,
    /// Text between quotation marks.
    Text,
    /// Binary or hexadecimal digits between apostrophes.
    Digits,
    /// `::=`, `..` or a single sign.
    Sign,
    /// Behind the last one.
    End,
}

/// What a module's text should have had somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError<'a> {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What stands there; empty at the end of the text.
    pub found: &'a str,
    /// What was expected.
    pub expected: &'static str,
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, found, expected } = self;
        let found = if found.is_empty() { "the end" } else { found };
        write!(f, "line {line}, column {column}: {expected} is expected, {found} is found")
    }
}

impl<'a> ParseError<'a> {
    /// An error at the offset `at` of `text`.
    pub(super) fn at(text: &'a str, at: usize, found: &'a str, expected: &'static str) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or("").chars().count().saturating_add(1);
        Self { line, column, found, expected }
    }
}

/// Cuts a text into words. The last one is [`Word::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ParseError<'_>> {
    let (mut rest, mut tokens) = (text, Vec::new());
    loop {
        // Spaces and comments cannot fail.
        rest = blank(rest).map_or(rest, |(rest, ())| rest);
        let at = text.len().saturating_sub(rest.len());
        if rest.is_empty() {
            tokens.push(Token { word: Word::End, text: "", at });
            return Ok(tokens);
        }
        let Ok((behind, (word, own))) = token(rest) else {
            let found = rest.get(..rest.chars().next().map_or(0, char::len_utf8)).unwrap_or("");
            let expected = if found == "\"" { "a closing quotation mark" } else { "a word of a MIB module" };
            return Err(ParseError::at(text, at, found, expected));
        };
        tokens.push(Token { word, text: own, at });
        rest = behind;
    }
}

/// Spaces, and comments from two hyphens to the end of the line. (ASN.1 ends a comment at the next two hyphens as
/// well; modules in use draw lines of hyphens.)
fn blank(text: &str) -> IResult<&str, ()> {
    let space = take_while1(|c: char| c.is_whitespace() || c == '\u{1a}' || c == '\u{feff}');
    let comment = preceded(tag("--"), take_till(|c| c == '\n'));
    value((), many0_count(alt((space, comment)))).parse(text)
}

fn token(text: &str) -> IResult<&str, (Word, &str)> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // A hyphen belongs to a name unless another one follows it.
    let more = alt((take_while1(letters), terminated(tag("-"), nom::combinator::peek(satisfy(letters)))));
    let name = recognize(pair(satisfy(|c| c.is_ascii_alphabetic()), many0_count(more)));
    let string = delimited(char('"'), take_until("\""), char('"'));
    let digits = consumed(delimited(
        char('\''),
        take_while(|c: char| c.is_ascii_hexdigit() || c.is_whitespace()),
        pair(char('\''), opt(one_of("bBhH"))),
    ));
    let sign = alt((tag("::="), tag(".."), recognize(one_of("{}()[],;|.-:<>=&+*"))));
    alt((
        name.map(|text| (Word::Name, text)),
        digit1.map(|text| (Word::Number, text)),
        string.map(|text| (Word::Text, text)),
        digits.map(|(_, text)| (Word::Digits, text)),
        sign.map(|text| (Word::Sign, text)),
    ))
    .parse(text)
}
