//! How a command ends: the four exit statuses, and an error that says what to do next.

use std::fmt;
use std::process::ExitCode;

/// What a command returns: success, or the reason it ended otherwise.
pub type Done = Result<(), Exit>;

/// Why a command did not end with status 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit status.
    pub status: Status,
    /// What happened, in one sentence or in one line a problem. Empty when stdout has already said it.
    pub message: String,
    /// What to do next.
    pub next: Option<String>,
}

/// The exit statuses other than success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 1: the command was carried out, and the answer is no.
    No = 1,
    /// 2: the usage or the configuration is wrong.
    Usage = 2,
    /// 3: it could not be done: input or output, network, permission, no server.
    Cannot = 3,
}

impl Exit {
    /// The answer is no (status 1).
    pub fn no(message: impl fmt::Display) -> Self {
        Self { status: Status::No, message: message.to_string(), next: None }
    }

    /// The usage or the configuration is wrong (status 2).
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { status: Status::Usage, message: message.to_string(), next: None }
    }

    /// It could not be done (status 3).
    pub fn cannot(message: impl fmt::Display) -> Self {
        Self { status: Status::Cannot, message: message.to_string(), next: None }
    }

    /// Adds what to do next.
    pub fn next(mut self, advice: impl fmt::Display) -> Self {
        self.next = Some(advice.to_string());
        self
    }
}

impl From<&Exit> for ExitCode {
    fn from(exit: &Exit) -> Self {
        match exit.status {
            Status::No => Self::from(1),
            Status::Usage => Self::from(2),
            Status::Cannot => Self::from(3),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.next {
            Some(next) => write!(f, "\nnext: {next}"),
            None => Ok(()),
        }
    }
}
