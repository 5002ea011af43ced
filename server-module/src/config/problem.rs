//! What is wrong with a configuration, said so that one can mend it.

use std::fmt;
use std::path::PathBuf;

/// One mistake: where it stands, what is wrong, what it conflicts with, what to do next.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file, when the configuration came from one.
    pub file: Option<PathBuf>,
    /// The line, from 1, when it is known.
    pub line: Option<usize>,
    /// The key, as in `card[2].mac`; entries count from 1.
    pub key: String,
    /// What was found and what is expected.
    pub message: String,
    /// The other entry that it conflicts with.
    pub conflict: Option<Place>,
    /// What to do next.
    pub next: Option<String>,
}

/// Where another entry stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The file.
    pub file: Option<PathBuf>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The key.
    pub key: String,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        spot(f, self.file.as_ref(), self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if let Some(Place { file, line, key }) = &self.conflict {
            f.write_str("\n    conflicts with ")?;
            spot(f, file.as_ref(), *line)?;
            f.write_str(key)?;
        }
        if let Some(next) = &self.next {
            write!(f, "\n    next: {next}")?;
        }
        Ok(())
    }
}

fn spot(f: &mut fmt::Formatter<'_>, file: Option<&PathBuf>, line: Option<usize>) -> fmt::Result {
    match (file, line) {
        (Some(file), Some(line)) => write!(f, "{}:{line}: ", file.display()),
        (Some(file), None) => write!(f, "{}: ", file.display()),
        (None, Some(line)) => write!(f, "line {line}: "),
        (None, None) => Ok(()),
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
