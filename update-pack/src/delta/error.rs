//! What can be wrong with a delta, split by blame.

/// Why a delta is not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes break the format.
    #[error("not a sound delta: {0}")]
    Malformed(Problem),
    /// The delta goes one way only, and the other was asked for.
    #[error("this delta holds no way back")]
    NoUndo,
    /// The delta speaks of a file larger than the caller takes.
    #[error("the delta makes {found} bytes, more than the {limit} taken")]
    Limit {
        /// Bytes that the delta makes.
        found: u64,
        /// Bytes that the caller takes.
        limit: u64,
    },
    /// The caller gave bytes that were not asked for, or another number of them.
    #[error("{given} bytes given where {wanted} were asked for")]
    Misuse {
        /// How many were given.
        given: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// The file to start from has another length than the one the delta was made from.
    #[error("the file to start from has {found} bytes, the delta was made from {expected}")]
    WrongSource {
        /// Its length.
        found: u64,
        /// The length that the delta was made from.
        expected: u64,
    },
}

/// What breaks the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It does not begin as a delta does.
    #[error("not a delta")]
    Magic,
    /// It ends too early.
    #[error("it ends too early")]
    Truncated,
    /// A length that cannot be.
    #[error("a length that cannot be")]
    Length,
    /// A number that is not in its shortest form, or bytes that mean nothing.
    #[error("not in its one canonical form")]
    NotCanonical,
    /// A copy from outside the source.
    #[error("a copy from outside the source")]
    Range,
    /// A symbol that means nothing where it stands.
    #[error("a symbol that means nothing where it stands")]
    Symbol,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Malformed(problem)
    }
}
