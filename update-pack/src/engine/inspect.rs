//! Compares the directory with one of the two trees, to the last byte.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use sha2::Digest as _;

use super::effect::{Answer, Effect, Failure};
use super::plan::Plan;
use super::script::{Next, Stop};
use super::types::{Meta, Place, Reason, Time};
use crate::tree::{Difference, Facet, Kind, Node, Path, Side};
use crate::wire::{Digest, Entry};

/// Bytes read at once.
pub(super) const CHUNK: u32 = 256 << 10;

/// A digest under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Hasher(sha2::Sha256);

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(&self) -> Digest {
        Digest(self.0.clone().finalize().into())
    }
}

impl PartialEq for Hasher {
    fn eq(&self, other: &Self) -> bool {
        self.finish() == other.finish()
    }
}

/// Where the comparison stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Inspect {
    side: Side,
    index: usize,
    look: Look,
    /// Which file of the tree has which inode, for those that have several names.
    inodes: BTreeMap<u64, usize>,
    /// The inode of each file that has several names.
    firsts: BTreeMap<usize, u64>,
    /// When what will change was last changed.
    times: Vec<(usize, Time)>,
    /// When the root was last changed.
    root: Time,
    done: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Look {
    Stat,
    List,
    /// A name that the tree does not have: what is it?
    Stray(Path),
    Link,
    Content {
        offset: u64,
        hasher: Hasher,
    },
}

impl Inspect {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            index: 0,
            look: Look::Stat,
            inodes: BTreeMap::new(),
            firsts: BTreeMap::new(),
            times: Vec::new(),
            root: Time::default(),
            done: 0,
        }
    }

    /// When what will change was last changed.
    pub(super) fn times(&self) -> &[(usize, Time)] {
        &self.times
    }

    /// When the root was last changed: making the engine's directory in it changes that.
    pub(super) fn root(&self) -> Time {
        self.root
    }

    /// Bytes compared so far, of how many.
    pub(super) fn progress(&self, plan: &Plan) -> (u64, u64) {
        let sizes = plan.manifest().entries().iter().map(|entry| match self.side.of(entry) {
            Some(Node::File { size, .. }) => *size,
            _ => 0,
        });
        (self.done, sizes.fold(0, u64::saturating_add))
    }

    pub(super) fn next(&mut self, plan: &Plan) -> Next {
        // What only the other tree has is looked for when its directory is listed.
        let entry = loop {
            let Some(entry) = plan.manifest().entries().get(self.index) else { return Next::Done };
            if self.side.of(entry).is_some() {
                break entry;
            }
            self.index = self.index.saturating_add(1);
        };
        let place = Place::Tree(entry.path.clone());
        Next::Do(match &self.look {
            Look::Stat => Effect::Stat { place },
            Look::List => Effect::List { place },
            Look::Stray(path) => Effect::Stat { place: Place::Tree(path.clone()) },
            Look::Link => Effect::ReadLink { place },
            Look::Content { offset, .. } => Effect::Read { place, offset: *offset, len: CHUNK },
        })
    }

    pub(super) fn answer(&mut self, plan: &Plan, result: Result<Answer<'_>, Failure>) -> Result<(), Stop> {
        let Some(entry) = plan.manifest().entries().get(self.index) else { return Ok(()) };
        let Some(node) = self.side.of(entry) else { return Ok(()) };
        let answer = match (&self.look, result) {
            (Look::Stat, Err(Failure::NotFound | Failure::NotDirectory)) => {
                return Err(differs(&entry.path, node.into(), Facet::Nothing));
            }
            (_, result) => result.map_err(Stop::Fail)?,
        };
        match (core::mem::replace(&mut self.look, Look::Stat), answer) {
            (Look::Stat, Answer::Meta(meta)) => self.compare(plan, entry, node, meta),
            (Look::List, Answer::Names(names)) => self.names(plan, entry, names),
            (Look::Stray(path), Answer::Meta(meta)) => {
                Err(differs(&path, Facet::Nothing, Facet::Kind(meta.kind)))
            }
            (Look::Link, Answer::Bytes(said)) => match node {
                Node::Symlink { target } if **target == *said => self.advance(),
                Node::Symlink { target } => {
                    Err(differs(&entry.path, Facet::Target(target.clone()), Facet::Target(said.into())))
                }
                _ => self.advance(),
            },
            (Look::Content { offset, hasher }, Answer::Bytes(bytes)) => {
                self.content(entry, node, (offset, hasher), bytes)
            }
            _ => self.advance(),
        }
    }

    fn advance(&mut self) -> Result<(), Stop> {
        self.index = self.index.saturating_add(1);
        self.look = Look::Stat;
        Ok(())
    }

    fn compare(&mut self, plan: &Plan, entry: &Entry, node: &Node, meta: Meta) -> Result<(), Stop> {
        if meta.kind != node.kind() {
            return Err(differs(&entry.path, node.into(), Facet::Kind(meta.kind)));
        }
        if plan.owns(&entry.path) {
            return self.advance();
        }
        // The mode of the root belongs to where it stands, unless the package is about to change it.
        let free = entry.path.is_root() && entry.before == entry.after;
        match node.mode() {
            Some(mode) if mode != meta.mode && !free => {
                return Err(differs(&entry.path, Facet::Mode(mode), Facet::Mode(meta.mode)));
            }
            _ => {}
        }
        if plan.keeps_time(self.index) && matches!(node, Node::Dir { .. } | Node::File { .. }) {
            self.times.push((self.index, meta.modified));
        }
        match node {
            Node::Dir { .. } => {
                if entry.path.is_root() {
                    self.root = meta.modified;
                }
                self.look = Look::List;
            }
            Node::Symlink { .. } => self.look = Look::Link,
            Node::File { size, .. } => {
                if *size != meta.size {
                    return Err(differs(&entry.path, Facet::Size(*size), Facet::Size(meta.size)));
                }
                if meta.links > 1 {
                    if let Some(other) = self.inodes.insert(meta.inode, self.index) {
                        let other = plan.manifest().entries().get(other).map(|entry| entry.path.clone());
                        let found = other.map_or(Facet::Kind(Kind::File), Facet::LinkTo);
                        return Err(differs(&entry.path, Facet::Alone, found));
                    }
                    self.firsts.insert(self.index, meta.inode);
                }
                self.look = Look::Content { offset: 0, hasher: Hasher::default() };
            }
            Node::Hardlink { first } => {
                let at = plan.manifest().find(first.as_bytes()).map(|(at, _)| at);
                if at.and_then(|at| self.firsts.get(&at)) != Some(&meta.inode) {
                    return Err(differs(&entry.path, Facet::LinkTo(first.clone()), Facet::Alone));
                }
                return self.advance();
            }
        }
        Ok(())
    }

    fn names(&mut self, plan: &Plan, entry: &Entry, names: &[&[u8]]) -> Result<(), Stop> {
        let stray = |name: &&[u8]| {
            if entry.path.is_root() && Path::is_own(name) {
                return None;
            }
            let path = entry.path.join(name).ok().filter(|path| !plan.owns(path))?;
            let known =
                plan.manifest().find(path.as_bytes()).is_some_and(|(_, entry)| self.side.of(entry).is_some());
            (!known).then_some(path)
        };
        match names.iter().filter_map(stray).min() {
            Some(path) => {
                self.look = Look::Stray(path);
                Ok(())
            }
            None => self.advance(),
        }
    }

    fn content(
        &mut self,
        entry: &Entry,
        node: &Node,
        (offset, mut hasher): (u64, Hasher),
        bytes: &[u8],
    ) -> Result<(), Stop> {
        let Node::File { size, digest, .. } = node else { return self.advance() };
        hasher.update(bytes);
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let offset = offset.saturating_add(len);
        self.done = self.done.saturating_add(len);
        if offset > *size || (bytes.is_empty() && offset < *size) {
            return Err(differs(&entry.path, Facet::Size(*size), Facet::Size(offset)));
        }
        if offset < *size {
            self.look = Look::Content { offset, hasher };
            return Ok(());
        }
        let found = hasher.finish();
        if found != *digest {
            return Err(differs(&entry.path, Facet::Content(*digest), Facet::Content(found)));
        }
        self.advance()
    }
}

pub(super) fn differs(path: &Path, expected: Facet, found: Facet) -> Stop {
    Stop::Refuse(Reason::Different(Difference { path: path.clone(), expected, found }))
}
