//! From a key to the line it stands on.

use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The path of a key: names and indices from the top of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Key(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(&'static str),
    Index(usize),
}

impl Key {
    /// A key or table at the top.
    pub(super) fn top(name: &'static str) -> Self {
        Self(vec![Step::Field(name)])
    }

    /// A key in this table.
    pub(super) fn field(&self, name: &'static str) -> Self {
        self.with(Step::Field(name))
    }

    /// An entry of this array, from 0.
    pub(super) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if place == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{}]", index + 1)?,
            }
        }
        Ok(())
    }
}

/// The text that a configuration came from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) file: Option<PathBuf>,
    text: String,
}

impl Source {
    pub(super) fn new(file: Option<&Path>, text: &str) -> Self {
        Self { file: file.map(Into::into), text: text.into() }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().filter(|b| **b == b'\n').count() + 1
    }

    /// The line of a key; of the nearest table around it when the key itself is not written.
    pub(super) fn line_of(&self, key: &Key) -> Option<usize> {
        let table = DeTable::parse(&self.text).ok()?;
        let mut at: Option<(usize, &DeValue<'_>)> = None;
        for step in &key.0 {
            let next = match (step, at) {
                (Step::Field(name), None) => table.get_ref().get_key_value(*name),
                (Step::Field(name), Some((_, DeValue::Table(table)))) => table.get_key_value(*name),
                (Step::Index(index), Some((_, DeValue::Array(array)))) => match array.get(*index) {
                    Some(entry) => {
                        at = Some((entry.span().start, entry.get_ref()));
                        continue;
                    }
                    None => None,
                },
                _ => None,
            };
            match next {
                Some((name, value)) => at = Some((name.span().start, value.get_ref())),
                None => break,
            }
        }
        at.map(|(offset, _)| self.line(offset))
    }
}
