//! Rules, as data.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::notify::Trap;
use crate::wire::{Oid, OidBuf, Value};

/// What is done about what, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, for people.
    pub name: String,
    /// What it is about.
    pub when: When,
    /// What must hold of the values.
    pub tests: Vec<Test>,
    /// How often it must happen before anything is done; at once where it is `None`.
    pub rate: Option<Rate>,
    /// What makes two of them the same.
    pub key: Vec<Key>,
    /// How long the same is not passed on again; it is told in a summary then. Zero passes on everything.
    pub window: Duration,
    /// What is done.
    pub action: Action,
    /// What is done where it does not end.
    pub escalate: Option<Escalation>,
}

/// What a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// A notification of this name, or one below it.
    Trap(OidBuf),
    /// A polled value of this object, or one below it.
    Value(OidBuf),
}

/// What must hold of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The object, or a part of the tree whose first object counts; empty for the value itself.
    pub object: OidBuf,
    /// What it must be.
    pub is: Is,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Is {
    /// A number over this one.
    Above(i64),
    /// A number under this one.
    Below(i64),
    /// One of these numbers, as states are.
    OneOf(Vec<i64>),
    /// These octets.
    Octets(Vec<u8>),
}

/// So often within a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How often.
    pub count: u32,
    /// Within which span.
    pub within: Duration,
}

/// What makes two things the same, beside the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Who sent it.
    Source,
    /// The name of the notification, or of the polled instance.
    Instance,
    /// The first value of this part of the tree.
    Object(OidBuf),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is passed on to those who manage.
    Forward,
    /// Nothing: it is known and of no interest.
    Ignore,
    /// What the owner of the rules knows by this number, as restarting a card.
    Do(u32),
}

/// What is done where something does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// After so many windows in a row in which it went on.
    pub after: u32,
    /// What is done then, once.
    pub action: Action,
}

/// What happened, as rules see it.
#[derive(Debug)]
pub(super) enum Happening<'a, 't> {
    Trap(&'a Trap<'t>),
    Value(Oid<'a>, Value<'a>),
}

impl Rule {
    /// A rule that passes on everything of `when`.
    pub fn new(name: &str, when: When) -> Self {
        Self {
            name: name.into(),
            when,
            tests: Vec::new(),
            rate: None,
            key: Vec::new(),
            window: Duration::ZERO,
            action: Action::Forward,
            escalate: None,
        }
    }

    /// The same, where the value itself is above `limit`.
    #[must_use]
    pub fn above(self, limit: i64) -> Self {
        self.where_object(OidBuf::new(), Is::Above(limit))
    }

    /// The same, where an object is so.
    #[must_use]
    pub fn where_object(mut self, object: OidBuf, is: Is) -> Self {
        self.tests.push(Test { object, is });
        self
    }

    /// The same, once it has happened `count` times within a span.
    #[must_use]
    pub const fn at_rate(mut self, count: u32, within: Duration) -> Self {
        self.rate = Some(Rate { count, within });
        self
    }

    /// The same, with this key.
    #[must_use]
    pub fn keyed(self, key: impl Into<Vec<Key>>) -> Self {
        Self { key: key.into(), ..self }
    }

    /// The same, passed on once a window.
    #[must_use]
    pub fn for_window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    /// The same, doing this.
    #[must_use]
    pub fn doing(self, action: Action) -> Self {
        Self { action, ..self }
    }

    /// The same, doing that as well after so many windows in which it went on.
    #[must_use]
    pub fn escalating(self, after: u32, action: Action) -> Self {
        Self { escalate: Some(Escalation { after, action }), ..self }
    }

    pub(super) fn matches(&self, what: &Happening<'_, '_>) -> bool {
        let named = match (&self.when, what) {
            (When::Trap(name), Happening::Trap(trap)) => trap.name.as_oid().starts_with(name.as_oid()),
            (When::Value(object), Happening::Value(name, _)) => name.starts_with(object.as_oid()),
            _ => false,
        };
        named
            && self.tests.iter().all(|test| what.object(&test.object).is_some_and(|value| test.is.met(value)))
    }

    /// Feeds what makes two the same to `mix`.
    pub(super) fn identify(&self, from: &[u8], what: &Happening<'_, '_>, mix: &mut impl FnMut(&[u8])) {
        for part in &self.key {
            match part {
                Key::Source => mix(from),
                Key::Instance => mix(what.name().as_bytes()),
                Key::Object(object) => match what.object(object) {
                    Some(Value::Octets(octets) | Value::Opaque(octets)) => mix(octets),
                    Some(Value::Oid(oid)) => mix(oid.as_bytes()),
                    Some(Value::IpAddress(address)) => mix(&address.octets()),
                    Some(value) => mix(&number(value).unwrap_or(i128::MIN).to_be_bytes()),
                    None => mix(&[]),
                },
            }
        }
    }
}

impl Happening<'_, '_> {
    pub(super) fn name(&self) -> Oid<'_> {
        match self {
            Self::Trap(trap) => trap.name.as_oid(),
            Self::Value(name, _) => *name,
        }
    }

    fn object(&self, object: &OidBuf) -> Option<Value<'_>> {
        match self {
            Self::Trap(trap) => trap.object(object.as_oid()),
            Self::Value(name, value) => name.starts_with(object.as_oid()).then_some(*value),
        }
    }
}

impl Is {
    fn met(&self, value: Value<'_>) -> bool {
        match self {
            Self::Above(limit) => number(value).is_some_and(|n| n > i128::from(*limit)),
            Self::Below(limit) => number(value).is_some_and(|n| n < i128::from(*limit)),
            Self::OneOf(numbers) => {
                number(value).is_some_and(|n| numbers.iter().any(|own| i128::from(*own) == n))
            }
            Self::Octets(own) => value == Value::Octets(own),
        }
    }
}

fn number(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Integer(n) => Some(n.into()),
        Value::Counter32(n) | Value::Gauge32(n) | Value::TimeTicks(n) => Some(n.into()),
        Value::Counter64(n) => Some(n.into()),
        _ => None,
    }
}
