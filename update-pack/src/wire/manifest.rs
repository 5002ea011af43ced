//! The manifest: what stands at each path before and after, in one list.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::{Error, Malformed, Part, Problem};
use crate::tree::{Mode, Node, Path, Side, Tree};
use crate::wire::{Cursor, Digest, Owned, Terms, put_varint};

/// What stands at one path before and after. At least one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path.
    pub path: Path,
    /// What stands there in the tree to start from.
    pub before: Option<Node>,
    /// What stands there in the tree to arrive at.
    pub after: Option<Node>,
}

/// Both trees, as entries in strictly ascending order of their paths, the root first; and the terms of the update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
    terms: Terms,
}

// The low two bits of an entry's first byte: which sides follow.
const SAME: u8 = 0;
const BEFORE: u8 = 1;
const AFTER: u8 = 2;
const BOTH: u8 = 3;

const DIR: u8 = 1;
const FILE: u8 = 2;
const SYMLINK: u8 = 3;
const HARDLINK: u8 = 4;

/// Longest target of a symbolic link, that of Linux.
const TARGET_MAX: usize = 4095;

impl Manifest {
    /// The manifest of two trees.
    pub fn new(before: &Tree, after: &Tree) -> Self {
        let paths: alloc::collections::BTreeSet<&Path> =
            before.iter().chain(after.iter()).map(|(path, _)| path).collect();
        let entry = |path: &Path| Entry {
            path: path.clone(),
            before: before.get(path).cloned(),
            after: after.get(path).cloned(),
        };
        Self { entries: paths.into_iter().map(entry).collect(), terms: Terms::default() }
    }

    /// The same trees under other terms.
    ///
    /// # Errors
    /// [`Problem::Path`] when a path that the device owns has no such place in the trees; [`Problem::Order`],
    /// [`Problem::Range`] or [`Problem::Text`] when the terms cannot be written down.
    pub fn under(mut self, terms: Terms) -> Result<Self, Problem> {
        let mut bytes = Vec::new();
        terms.emit(&mut bytes);
        match Terms::parse(&bytes) {
            Ok(read) if read == terms => self.terms = terms,
            Err(Error::Malformed(why)) => return Err(why.problem),
            _ => return Err(Problem::NotCanonical),
        }
        self.placed()?;
        Ok(self)
    }

    /// What else than the two trees whoever applies the update must know.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a path.
    pub fn find(&self, path: &[u8]) -> Option<(usize, &Entry)> {
        let at = self.entries.binary_search_by(|entry| entry.path.as_bytes().cmp(path)).ok()?;
        self.entries.get(at).map(|entry| (at, entry))
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Malformed`] when it is not the canonical form of two sound trees; [`Error::Unsupported`] for terms that are
    /// not known.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(Part::Manifest, bytes);
        let count = cursor.length()?;
        // An entry takes three bytes at least: a lying count reserves nothing.
        if count > cursor.remaining() / 3 {
            return Err(cursor.malformed(Problem::Length).into());
        }
        let mut manifest = Self { entries: Vec::with_capacity(count), terms: Terms::default() };
        for _ in 0..count {
            let start = cursor.clone();
            let entry = manifest.entry(&mut cursor)?;
            manifest.check(&entry).map_err(|problem| start.malformed(problem))?;
            manifest.entries.push(entry);
        }
        if manifest.entries.is_empty() {
            return Err(cursor.malformed(Problem::Truncated).into());
        }
        manifest.terms = Terms::parse(cursor.take(cursor.remaining())?)?;
        manifest.placed().map_err(|problem| cursor.malformed(problem))?;
        Ok(manifest)
    }

    /// Writes the manifest.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, wide(self.entries.len()));
        let mut last: &[u8] = &[];
        for entry in &self.entries {
            let path = entry.path.as_bytes();
            let shared = shared(last, path);
            put_varint(&mut out, wide(shared));
            let suffix = path.get(shared..).unwrap_or_default();
            put_varint(&mut out, wide(suffix.len()));
            out.extend_from_slice(suffix);
            last = path;
            match (&entry.before, &entry.after) {
                (Some(before), Some(after)) if before == after => self.put(&mut out, SAME, before),
                (Some(before), Some(after)) => {
                    self.put(&mut out, BOTH, before);
                    self.put(&mut out, BOTH, after);
                }
                (Some(before), None) => self.put(&mut out, BEFORE, before),
                (None, Some(after)) => self.put(&mut out, AFTER, after),
                (None, None) => {}
            }
        }
        self.terms.emit(&mut out);
        out
    }

    fn put(&self, out: &mut Vec<u8>, sides: u8, node: &Node) {
        let mut kind = |kind: u8| out.push(sides | kind << 2);
        match node {
            Node::Dir { mode } => {
                kind(DIR);
                out.extend_from_slice(&mode.bits().to_be_bytes());
            }
            Node::File { mode, size, digest } => {
                kind(FILE);
                out.extend_from_slice(&mode.bits().to_be_bytes());
                put_varint(out, *size);
                out.extend_from_slice(&digest.0);
            }
            Node::Symlink { target } => {
                kind(SYMLINK);
                put_varint(out, wide(target.len()));
                out.extend_from_slice(target);
            }
            Node::Hardlink { first } => {
                kind(HARDLINK);
                let at = self.find(first.as_bytes()).map_or(0, |(at, _)| at);
                put_varint(out, wide(at));
            }
        }
    }

    fn entry(&self, cursor: &mut Cursor<'_>) -> Result<Entry, Malformed> {
        let last = self.entries.last().map(|entry| entry.path.as_bytes()).unwrap_or_default();
        let start = cursor.clone();
        let kept = cursor.length()?;
        let suffix = cursor.length()?;
        let suffix = cursor.take(suffix)?;
        let Some(head) = last.get(..kept) else { return Err(start.malformed(Problem::Range)) };
        let bytes = [head, suffix].concat();
        let path = if self.entries.is_empty() && bytes.is_empty() {
            Path::root()
        } else {
            Path::new(&bytes).map_err(|problem| start.malformed(problem))?
        };
        if shared(last, &bytes) != kept {
            return Err(start.malformed(Problem::NotCanonical));
        }
        if !self.entries.is_empty() && last >= path.as_bytes() {
            return Err(start.malformed(Problem::Order));
        }
        let (sides, first) = self.node(cursor)?;
        Ok(match sides {
            SAME => Entry { path, before: Some(first.clone()), after: Some(first) },
            BEFORE => Entry { path, before: Some(first), after: None },
            AFTER => Entry { path, before: None, after: Some(first) },
            _ => {
                let (again, second) = self.node(cursor)?;
                if again != BOTH || first == second {
                    return Err(cursor.malformed(Problem::NotCanonical));
                }
                Entry { path, before: Some(first), after: Some(second) }
            }
        })
    }

    fn node(&self, cursor: &mut Cursor<'_>) -> Result<(u8, Node), Malformed> {
        let head = cursor.u8()?;
        let node = match head >> 2 {
            DIR => Node::Dir { mode: mode(cursor)? },
            FILE => {
                Node::File { mode: mode(cursor)?, size: cursor.varint()?, digest: Digest(cursor.array()?) }
            }
            SYMLINK => {
                let len = cursor.length()?;
                let target: Box<[u8]> = cursor.take(len)?.into();
                if target.is_empty() || target.len() > TARGET_MAX || target.contains(&0) {
                    return Err(cursor.malformed(Problem::Path));
                }
                Node::Symlink { target }
            }
            HARDLINK => {
                let at = cursor.length()?;
                let Some(entry) = self.entries.get(at) else { return Err(cursor.malformed(Problem::Range)) };
                Node::Hardlink { first: entry.path.clone() }
            }
            _ => return Err(cursor.malformed(Problem::Range)),
        };
        Ok((head & 3, node))
    }

    /// What the device owns: nothing of the trees stands below its data, and only files can be merged.
    fn placed(&self) -> Result<(), Problem> {
        for (path, owned) in &self.terms.owned {
            let nodes = self.find(path.as_bytes()).map(|(_, entry)| [&entry.before, &entry.after]);
            let fits = |node: &Node| match owned {
                Owned::Data => matches!(node, Node::Dir { .. }),
                Owned::Config => matches!(node, Node::File { .. }),
            };
            let sound = match (owned, nodes) {
                (Owned::Config, None) => false,
                (_, nodes) => nodes.into_iter().flatten().flatten().all(fits),
            };
            let below = [path.as_bytes(), b"/"].concat();
            let next = self.entries.partition_point(|entry| entry.path.as_bytes() < below.as_slice());
            let holds = self.entries.get(next).is_some_and(|entry| entry.path.as_bytes().starts_with(&below));
            if !sound || holds {
                return Err(Problem::Path);
            }
        }
        Ok(())
    }

    /// Each side must be a tree: a parent is a directory, a hard link's first name is a file. So no path leads
    /// through a symbolic link.
    fn check(&self, entry: &Entry) -> Result<(), Problem> {
        for side in [Side::Before, Side::After] {
            let Some(node) = side.of(entry) else {
                if entry.path.is_root() {
                    return Err(Problem::Path);
                }
                continue;
            };
            let at = |path: &[u8]| self.find(path).and_then(|(_, entry)| side.of(entry));
            let placed = match entry.path.parent() {
                None => matches!(node, Node::Dir { .. }),
                Some(parent) => matches!(at(parent), Some(Node::Dir { .. })),
            };
            let linked = match node {
                Node::Hardlink { first } => matches!(at(first.as_bytes()), Some(Node::File { .. })),
                _ => true,
            };
            if !placed || !linked {
                return Err(Problem::Path);
            }
        }
        Ok(())
    }
}

fn mode(cursor: &mut Cursor<'_>) -> Result<Mode, Malformed> {
    let bits = cursor.u16()?;
    Mode::new(bits).ok_or_else(|| cursor.malformed(Problem::Range))
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
