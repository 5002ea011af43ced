//! The first thing in which a tree is not what it should be.

use alloc::boxed::Box;
use core::fmt;

use super::path::show;
use super::{Kind, Mode, Node, Path};
use crate::wire::Digest;

/// The first thing in which a tree is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: Path,
    /// What should be there.
    pub expected: Facet,
    /// What is there.
    pub found: Facet,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.path, self.expected, self.found)
    }
}

/// One thing that can be said about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Facet {
    /// Nothing stands there.
    Nothing,
    /// Something of that kind stands there.
    Kind(Kind),
    /// It has that mode.
    Mode(Mode),
    /// It is that long, in bytes.
    Size(u64),
    /// Its content has that digest.
    Content(Digest),
    /// It is a symbolic link that says this.
    Target(Box<[u8]>),
    /// It is another name of that file.
    LinkTo(Path),
    /// It is a file of its own, with no other name in the tree.
    Alone,
}

impl From<&Node> for Facet {
    fn from(node: &Node) -> Self {
        match node {
            Node::Hardlink { first } => Self::LinkTo(first.clone()),
            other => Self::Kind(other.kind()),
        }
    }
}

impl fmt::Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Kind(kind) => write!(f, "{kind}"),
            Self::Mode(mode) => write!(f, "mode {mode}"),
            Self::Size(size) => write!(f, "{size} bytes"),
            Self::Content(digest) => write!(f, "content {digest}"),
            Self::Target(target) => {
                f.write_str("a symbolic link to ")?;
                show(target, f)
            }
            Self::LinkTo(path) => write!(f, "a hard link to {path}"),
            Self::Alone => f.write_str("a file of its own"),
        }
    }
}
