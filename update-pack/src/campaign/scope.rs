//! Which cards an update is for: the scope expression of a root and of a notice.
//!
//! ```text
//! scope  = all *( "or" all )
//! all    = not *( "and" not )
//! not    = [ "not" ] ( "(" scope ")" | "*" | test )
//! test   = key ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//! key    = "profile" / "hardware" / "chassis" / "slot" / "card" / "software." name
//! value  = 1*( letter / digit / one of - _ . + ~ : / @ * ) / quoted
//! ```
//!
//! `chassis`, `slot` and `software.NAME` are ordered; the others only know `=` and `!=`, where a `*` in the value
//! stands for any characters. `card = 2.*` is every card of chassis 2. What a card does not tell is no value: every
//! test of it is false but `!=`, so that an update never reaches a card by what is not known of it.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use super::card::Card;
use super::version;

/// How deep an expression may be nested.
pub const DEPTH_MAX: u8 = 16;

/// A scope expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every card.
    All,
    /// A test of one property.
    Test(Test),
    /// The cards that the other is not for.
    Not(Box<Scope>),
    /// The cards that all of these are for.
    And(Vec<Scope>),
    /// The cards that any of these is for.
    Or(Vec<Scope>),
}

/// A test of one property of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The property.
    pub key: Key,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: String,
}

/// A property of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The card's profile, as its operator named it.
    Profile,
    /// The hardware's kind and revision, as the card tells it.
    Hardware,
    /// The chassis, from 1.
    Chassis,
    /// The slot, from 1.
    Slot,
    /// The position, `chassis.slot`.
    Card,
    /// The version of a package that is installed.
    Software(String),
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Where an expression stops being one, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at column {}: {fault}", at.saturating_add(1))]
pub struct ScopeError {
    /// The offset in octets.
    pub at: usize,
    /// Why.
    pub fault: Fault,
}

/// What is wrong with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A test, `*`, `not` or `(` should stand here.
    #[error("expected a test such as `profile = web`, `*`, `not` or `(`")]
    Test,
    /// No such property.
    #[error("unknown property; there are profile, hardware, chassis, slot, card and software.NAME")]
    Key,
    /// An operator should stand here.
    #[error("expected one of = != < <= > >=")]
    Operator,
    /// The property has no order.
    #[error("this property is only equal or not; chassis, slot and software.NAME have an order")]
    Unordered,
    /// A value should stand here.
    #[error("expected a value")]
    Value,
    /// A number should stand here.
    #[error("expected a number from 1 to 255")]
    Number,
    /// A quoted value does not end.
    #[error("the quoted value does not end")]
    Quote,
    /// A `)` should stand here.
    #[error("expected `)`")]
    Parenthesis,
    /// Nothing more should stand here.
    #[error("expected `and`, `or` or the end")]
    Trailing,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX}")]
    Depth,
}

impl Scope {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ScopeError`]: where it stops being one, and why.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut parser = Parser { text, at: 0 };
        let scope = parser.any(0)?;
        match parser.is_empty() {
            true => Ok(scope),
            false => Err(parser.error(Fault::Trailing)),
        }
    }

    /// Tells whether the update is for that card.
    pub fn covers(&self, card: &Card<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Test(test) => test.holds(card),
            Self::Not(scope) => !scope.covers(card),
            Self::And(scopes) => scopes.iter().all(|scope| scope.covers(card)),
            Self::Or(scopes) => scopes.iter().any(|scope| scope.covers(card)),
        }
    }

    /// The test because of which a card is left out: the first that would have to turn out otherwise.
    pub fn obstacle(&self, card: &Card<'_>) -> Option<&Scope> {
        match self {
            scope if scope.covers(card) => None,
            Self::And(scopes) => scopes.iter().find_map(|scope| scope.obstacle(card)),
            scope => Some(scope),
        }
    }
}

impl Test {
    fn holds(&self, card: &Card<'_>) -> bool {
        let order = match &self.key {
            Key::Profile => return self.matches(card.profile),
            Key::Hardware => return self.matches(card.hardware),
            Key::Card => return self.matches(Some(&card.position.to_string())),
            Key::Chassis => {
                Some(number(&self.value).map_or(Ordering::Greater, |n| card.position.chassis.cmp(&n)))
            }
            Key::Slot => Some(number(&self.value).map_or(Ordering::Greater, |n| card.position.slot.cmp(&n))),
            Key::Software(name) => card.version(name).map(|found| version::compare(found, &self.value)),
        };
        match (self.operator, order) {
            (Operator::NotEqual, order) => order != Some(Ordering::Equal),
            (_, None) => false,
            (Operator::Equal, Some(order)) => order == Ordering::Equal,
            (Operator::Less, Some(order)) => order == Ordering::Less,
            (Operator::LessOrEqual, Some(order)) => order != Ordering::Greater,
            (Operator::Greater, Some(order)) => order == Ordering::Greater,
            (Operator::GreaterOrEqual, Some(order)) => order != Ordering::Less,
        }
    }

    /// Equal or not, with `*` for any characters.
    fn matches(&self, found: Option<&str>) -> bool {
        let equal = found.is_some_and(|found| wild(&self.value, found));
        equal == (self.operator == Operator::Equal)
    }
}

/// Tells whether `pattern` covers `text`; each `*` stands for any characters. Takes time in the product of both.
fn wild(pattern: &str, text: &str) -> bool {
    let (mut rest, mut pieces) = (text, pattern.split('*'));
    let first = pieces.next().unwrap_or_default();
    let Some(last) = pieces.next_back() else { return pattern == text };
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

fn number(value: &str) -> Option<u8> {
    value.parse().ok().filter(|number| *number > 0)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, octets: usize) {
        self.at = self.at.saturating_add(octets);
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.skip(rest.len().saturating_sub(rest.trim_start().len()));
    }

    fn is_empty(&mut self) -> bool {
        self.space();
        self.rest().is_empty()
    }

    const fn error(&self, fault: Fault) -> ScopeError {
        ScopeError { at: self.at, fault }
    }

    /// Takes a mark if it is next.
    fn mark(&mut self, mark: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(mark);
        if found {
            self.skip(mark.len());
        }
        found
    }

    /// Takes a word if it is next.
    fn word(&mut self, word: &str) -> bool {
        self.space();
        let found = plain(self.rest()) == word;
        if found {
            self.skip(word.len());
        }
        found
    }

    fn any(&mut self, depth: u8) -> Result<Scope, ScopeError> {
        let mut scopes = alloc::vec![self.all(depth)?];
        while self.word("or") {
            scopes.push(self.all(depth)?);
        }
        Ok(single(scopes, Scope::Or))
    }

    fn all(&mut self, depth: u8) -> Result<Scope, ScopeError> {
        let mut scopes = alloc::vec![self.not(depth)?];
        while self.word("and") {
            scopes.push(self.not(depth)?);
        }
        Ok(single(scopes, Scope::And))
    }

    fn not(&mut self, depth: u8) -> Result<Scope, ScopeError> {
        let deeper = depth.saturating_add(1);
        if deeper > DEPTH_MAX {
            return Err(self.error(Fault::Depth));
        }
        if self.word("not") {
            return self.not(deeper).map(|scope| Scope::Not(Box::new(scope)));
        }
        if self.mark("(") {
            let scope = self.any(deeper)?;
            return if self.mark(")") { Ok(scope) } else { Err(self.error(Fault::Parenthesis)) };
        }
        if self.mark("*") {
            return Ok(Scope::All);
        }
        self.test().map(Scope::Test)
    }

    fn test(&mut self) -> Result<Test, ScopeError> {
        let word = plain(self.rest());
        let key = match word {
            "" => return Err(self.error(Fault::Test)),
            "profile" => Key::Profile,
            "hardware" => Key::Hardware,
            "chassis" => Key::Chassis,
            "slot" => Key::Slot,
            "card" => Key::Card,
            other => match other.strip_prefix("software.") {
                Some(name) if !name.is_empty() => Key::Software(name.into()),
                _ => return Err(self.error(Fault::Key)),
            },
        };
        self.skip(word.len());
        self.space();
        let before = self.at;
        let operator = self.operator().ok_or(self.error(Fault::Operator))?;
        let ordered = matches!(key, Key::Chassis | Key::Slot | Key::Software(_));
        if !ordered && !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(ScopeError { at: before, fault: Fault::Unordered });
        }
        self.space();
        let before = self.at;
        let value = self.value()?;
        if matches!(key, Key::Chassis | Key::Slot) && number(&value).is_none() {
            return Err(ScopeError { at: before, fault: Fault::Number });
        }
        Ok(Test { key, operator, value })
    }

    fn operator(&mut self) -> Option<Operator> {
        let known = Operator::MARKS.into_iter().find(|(mark, _)| self.rest().starts_with(mark));
        known.map(|(mark, operator)| {
            self.skip(mark.len());
            operator
        })
    }

    fn value(&mut self) -> Result<String, ScopeError> {
        if let Some(quoted) = self.rest().strip_prefix('"') {
            let end = quoted.find('"').ok_or(self.error(Fault::Quote))?;
            self.skip(end.saturating_add(2));
            return Ok(quoted.get(..end).unwrap_or_default().into());
        }
        let value = plain(self.rest());
        if value.is_empty() {
            return Err(self.error(Fault::Value));
        }
        self.skip(value.len());
        Ok(value.into())
    }
}

fn single(mut scopes: Vec<Scope>, many: fn(Vec<Scope>) -> Scope) -> Scope {
    match (scopes.len(), scopes.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            scopes.extend(last);
            many(scopes)
        }
    }
}

/// The word at the beginning of `text`.
fn plain(text: &str) -> &str {
    let end = text.find(|c: char| !is_plain(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '~' | ':' | '/' | '@' | '*')
}

impl Operator {
    /// The longer marks first.
    const MARKS: [(&'static str, Self); 6] = [
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
    ];
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = Self::MARKS.iter().find(|(_, operator)| operator == self);
        f.write_str(mark.map_or("=", |(mark, _)| mark))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile => f.write_str("profile"),
            Self::Hardware => f.write_str("hardware"),
            Self::Chassis => f.write_str("chassis"),
            Self::Slot => f.write_str("slot"),
            Self::Card => f.write_str("card"),
            Self::Software(name) => write!(f, "software.{name}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.value.is_empty() || !self.value.chars().all(is_plain) { "\"" } else { "" };
        write!(f, "{} {} {quote}{}{quote}", self.key, self.operator, self.value)
    }
}

/// Writes the expression so that reading it gives the same one.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scopes, joint) = match self {
            Self::All => return f.write_str("*"),
            Self::Test(test) => return test.fmt(f),
            Self::Not(scope) => return write!(f, "not {}", Inner(scope)),
            Self::And(scopes) => (scopes, "and"),
            Self::Or(scopes) => (scopes, "or"),
        };
        for (position, scope) in scopes.iter().enumerate() {
            if position > 0 {
                write!(f, " {joint} ")?;
            }
            Inner(scope).fmt(f)?;
        }
        Ok(())
    }
}

/// An expression inside another one.
struct Inner<'a>(&'a Scope);

impl fmt::Display for Inner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            scope @ (Scope::And(_) | Scope::Or(_)) => write!(f, "({scope})"),
            scope => scope.fmt(f),
        }
    }
}
