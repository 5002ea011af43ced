//! A tree of files as a version holds it: what is in it, and the first thing in which two differ.

mod difference;
mod path;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::fmt;

pub use difference::{Difference, Facet};
pub use path::Path;

use crate::error::Problem;
use crate::wire::{Digest, Entry};

/// The twelve mode bits that a tree carries: set-user-id, set-group-id, sticky, and three times read, write, execute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mode(u16);

impl Mode {
    /// What only its owner reads and writes.
    pub(crate) const OWN: Self = Self(0o600);

    /// The mode of those bits; `None` when there are more than twelve.
    pub fn new(bits: u16) -> Option<Self> {
        (bits <= 0o7777).then_some(Self(bits))
    }

    /// The low twelve bits of what a file system reports.
    pub fn from_stat(bits: u32) -> Self {
        Self(u16::try_from(bits & 0o7777).unwrap_or(0))
    }

    /// The bits.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// This mode with its owner allowed to enter, read and write.
    pub fn opened(self) -> Self {
        Self(self.0 | 0o700)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One of the two trees of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one to start from.
    Before,
    /// The one to arrive at.
    After,
}

impl Side {
    /// What stands on this side of an entry.
    pub fn of(self, entry: &Entry) -> Option<&Node> {
        match self {
            Self::Before => entry.before.as_ref(),
            Self::After => entry.after.as_ref(),
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Before => Self::After,
            Self::After => Self::Before,
        }
    }
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Dir {
        /// Its mode.
        mode: Mode,
    },
    /// A regular file under the first of its names.
    File {
        /// Its mode.
        mode: Mode,
        /// Its length in bytes.
        size: u64,
        /// The digest of its content.
        digest: Digest,
    },
    /// A symbolic link.
    Symlink {
        /// What it says, which need not exist.
        target: Box<[u8]>,
    },
    /// A further name of a file.
    Hardlink {
        /// The file's first name, which stands before this one.
        first: Path,
    },
}

impl Node {
    /// What kind of thing it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Dir { .. } => Kind::Dir,
            Self::File { .. } | Self::Hardlink { .. } => Kind::File,
            Self::Symlink { .. } => Kind::Symlink,
        }
    }

    /// Its mode, unless it is a symbolic or a hard link.
    pub fn mode(&self) -> Option<Mode> {
        match self {
            Self::Dir { mode } | Self::File { mode, .. } => Some(*mode),
            Self::Symlink { .. } | Self::Hardlink { .. } => None,
        }
    }

    /// Whether both are files of the same content under their first names, whatever their modes.
    pub fn same_content(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { size, digest, .. }, Self::File { size: size2, digest: digest2, .. }) => {
                size == size2 && digest == digest2
            }
            _ => false,
        }
    }
}

/// A kind of thing in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Dir,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A socket, a pipe, a device, a mount point: nothing that a package carries.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dir => "a directory",
            Self::File => "a file",
            Self::Symlink => "a symbolic link",
            Self::Other => "something other than a file, directory or link",
        })
    }
}

/// A tree: what stands at each path, the root itself included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree(BTreeMap<Path, Node>);

impl Tree {
    /// An empty directory of that mode.
    pub fn new(mode: Mode) -> Self {
        Self(BTreeMap::from([(Path::root(), Node::Dir { mode })]))
    }

    /// Adds what stands at a path.
    ///
    /// # Errors
    /// [`Problem::Path`] when the parent is no directory of this tree, when something stands there already, or when
    /// a hard link's first name is no file that stands before it.
    pub fn insert(&mut self, path: Path, node: Node) -> Result<(), Problem> {
        let parent = path.parent().ok_or(Problem::Path)?;
        let in_dir = matches!(self.0.get(parent), Some(Node::Dir { .. }));
        let sound = match &node {
            Node::Hardlink { first } => *first < path && matches!(self.0.get(first), Some(Node::File { .. })),
            _ => true,
        };
        if !in_dir || !sound || self.0.contains_key(&path) {
            return Err(Problem::Path);
        }
        self.0.insert(path, node);
        Ok(())
    }

    /// What stands at a path.
    pub fn get(&self, path: &Path) -> Option<&Node> {
        self.0.get(path)
    }

    /// Everything, parents before their children.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Node)> {
        self.0.iter()
    }
}
