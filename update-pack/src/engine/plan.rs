//! The plan: which steps lead from the one tree to the other and back, made of the manifest alone.
//!
//! Forward: what will be put into the tree is staged in `new/`, what will go gets a second name in `old/`; then directories
//! that must be written to are opened, what has no place in the new tree is removed from the leaves up, what is new is
//! renamed into place from the root down, and the directories get their modes. Back: the same from `old/`.
//! A file is replaced by one rename, so that whoever opens it finds the one version or the other.

use alloc::vec::Vec;
use core::fmt;

use super::effect::{Effect, Failure};
use super::script::Step;
use super::types::{Place, Time};
use crate::tree::{Kind, Mode, Node, Path, Side};
use crate::wire::{Digest, Entry, Manifest, Owned};

/// A file whose content the package brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its index in the manifest.
    pub(crate) index: usize,
    /// Its length.
    pub(crate) size: u64,
    /// The digest of its content.
    pub(crate) digest: Digest,
    /// Its mode.
    pub(crate) mode: Mode,
}

/// What leads from one tree to the other and back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    manifest: Manifest,
    /// Entries that stay the same thing on disk, though their mode may change.
    stays: Vec<bool>,
    /// Directories in which a name appears, goes or is replaced.
    touched: Vec<bool>,
}

const GONE: &[Failure] = &[Failure::NotFound, Failure::NotDirectory];
// When a step is repeated, what it removes may have made way already for the other kind of thing.
const GONE_OR_DIR: &[Failure] = &[Failure::NotFound, Failure::NotDirectory, Failure::IsDirectory];
const THERE: &[Failure] = &[Failure::Exists];

impl Plan {
    /// The plan of a manifest.
    pub fn new(manifest: Manifest) -> Self {
        let mut stays: Vec<bool> = Vec::with_capacity(manifest.entries().len());
        for entry in manifest.entries() {
            let same = match (&entry.before, &entry.after) {
                (Some(Node::Dir { .. }), Some(Node::Dir { .. })) => true,
                (Some(before @ Node::File { .. }), Some(after @ Node::File { .. })) => {
                    before.same_content(after)
                }
                (Some(before @ Node::Symlink { .. }), Some(after @ Node::Symlink { .. })) => before == after,
                // A further name stays only if the file that it names does.
                (Some(Node::Hardlink { first }), Some(Node::Hardlink { first: after })) => {
                    let at = manifest.find(first.as_bytes()).map(|(at, _)| at);
                    first == after && at.and_then(|at| stays.get(at)).copied().unwrap_or(false)
                }
                _ => false,
            };
            stays.push(same);
        }
        let mut touched = alloc::vec![false; stays.len()];
        for (entry, _) in manifest.entries().iter().zip(&stays).filter(|(_, stays)| !**stays) {
            let parent = entry.path.parent().and_then(|parent| manifest.find(parent));
            if let Some(flag) = parent.and_then(|(at, _)| touched.get_mut(at)) {
                *flag = true;
            }
        }
        Self { manifest, stays, touched }
    }

    /// Both trees.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether a path is the device's, or lies in what is: it is neither compared nor touched.
    pub(super) fn owns(&self, path: &Path) -> bool {
        let owned = &self.manifest.terms().owned;
        let bytes = path.as_bytes();
        owned.iter().filter(|(_, owned)| *owned == Owned::Data).any(|(data, _)| {
            let below = bytes.strip_prefix(data.as_bytes());
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    }

    /// What it amounts to.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for (entry, stays) in self.manifest.entries().iter().zip(&self.stays) {
            let count = match (&entry.before, &entry.after, stays) {
                (before, after, true) if before == after => &mut summary.unchanged,
                (Some(_), Some(_), _) => &mut summary.changed,
                (None, _, _) => &mut summary.added,
                (_, None, _) => &mut summary.removed,
            };
            *count = count.saturating_add(1);
        }
        summary.bytes = self.targets(Side::After).map(|target| target.size).fold(0, u64::saturating_add);
        summary
    }

    /// The changes, one line each.
    pub fn explain(&self) -> impl Iterator<Item = Change<'_>> {
        self.manifest.entries().iter().filter(|entry| entry.before != entry.after).map(Change)
    }

    /// The files whose content leads to `side`, in the order of the payload.
    pub(super) fn targets(&self, side: Side) -> impl Iterator<Item = Target> {
        self.rows().filter(|row| !row.stays).filter_map(move |row| match side.of(row.entry) {
            Some(Node::File { mode, size, digest }) => {
                Some(Target { index: row.index, size: *size, digest: *digest, mode: *mode })
            }
            _ => None,
        })
    }

    /// The files whose content the package brings to go forward, in the order of the payload.
    #[cfg(feature = "build")]
    pub(crate) fn brought(&self) -> impl Iterator<Item = Target> {
        self.targets(Side::After)
    }

    /// The files of one side that a delta starts from or leads to, as index and size: those that are not on the other
    /// side, or others there, in order.
    pub(crate) fn contents(&self, side: Side) -> impl Iterator<Item = (usize, u64)> {
        self.targets(side).map(|target| (target.index, target.size))
    }

    /// The further names of files that one side has, where they do not stay and no other name of the file does.
    pub(super) fn linked(&self, side: Side) -> impl Iterator<Item = usize> {
        let rows = self.rows().filter(move |row| !row.stays && self.survivor(row).is_none());
        rows.filter(move |row| matches!(side.of(row.entry), Some(Node::Hardlink { .. }))).map(|row| row.index)
    }

    /// Whether the times of what stands there must be kept: it will change, or it will go and come back.
    pub(super) fn keeps_time(&self, index: usize) -> bool {
        let at = |flags: &[bool]| flags.get(index).copied().unwrap_or(false);
        at(&self.touched) || !at(&self.stays)
    }

    /// Whether `from`, which stands at that index, has the same kind of thing before it whose owner it inherits.
    pub(super) fn inherits(&self, index: usize) -> bool {
        let entry = self.manifest.entries().get(index);
        let kinds =
            entry.map(|entry| (entry.before.as_ref().map(Node::kind), entry.after.as_ref().map(Node::kind)));
        kinds.is_some_and(|(before, after)| before == after)
    }

    /// Makes the update's directory and everything new that is no file: directories and symbolic links.
    pub(super) fn prepare(&self, number: u32, home: bool, root: Time) -> Vec<Step> {
        let mut steps = Vec::new();
        if !home {
            steps.push(Step::new(Effect::MakeDir { place: Place::Home }).or(THERE));
            // The tree's own directory has got a new name in it that is none of the tree's.
            steps.push(Step::new(Effect::SetModified { place: Place::Tree(Path::root()), time: root }));
        }
        for place in [Place::Update(number), Place::Fresh(number), Place::Kept(number)] {
            // When it goes on after a cut, they are there.
            steps.push(Step::new(Effect::MakeDir { place }).or(THERE));
        }
        for row in self.rows().filter(|row| !row.stays) {
            let place = Place::New(number, row.index);
            match &row.entry.after {
                Some(Node::Dir { .. }) => steps.push(Step::new(Effect::MakeDir { place })),
                Some(Node::Symlink { target }) => {
                    let target = target.clone();
                    steps.push(Step::new(Effect::Symlink { place: place.clone(), target }));
                    if self.inherits(row.index) {
                        let from = Place::Tree(row.entry.path.clone());
                        steps.push(Step::new(Effect::Inherit { from, to: place }));
                    }
                }
                _ => {}
            }
        }
        steps
    }

    /// Gives new files their further names, and what will go a name in `old/`.
    pub(super) fn capture(&self, number: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        for row in self.rows().filter(|row| !row.stays) {
            if let Some(Node::Hardlink { first }) = &row.entry.after {
                let from = match self.manifest.find(first.as_bytes()) {
                    Some((at, _)) if !self.row_stays(at) => Place::New(number, at),
                    _ => Place::Tree(first.clone()),
                };
                steps.push(Step::new(Effect::Link { from, to: Place::New(number, row.index) }));
            }
            if matches!(row.entry.before, Some(Node::Dir { .. })) && row.leaves(Side::Before) {
                // A directory has but one name: an empty one with its owner and attributes waits to take its place.
                let place = Place::Old(number, row.index);
                steps.push(Step::new(Effect::MakeDir { place: place.clone() }));
                let from = Place::Tree(row.entry.path.clone());
                steps.push(Step::new(Effect::Inherit { from, to: place }));
            }
            let captured = matches!(
                row.entry.before,
                Some(Node::File { .. } | Node::Hardlink { .. } | Node::Symlink { .. })
            );
            if captured && self.survivor(&row).is_none() {
                let from = Place::Tree(row.entry.path.clone());
                steps.push(Step::new(Effect::Link { from, to: Place::Old(number, row.index) }));
            }
        }
        steps
    }

    /// Puts the new tree in place, except for the modes of directories.
    pub(super) fn switch(&self, number: u32) -> Vec<Step> {
        let mut steps = self.open(Side::Before);
        for row in self.rows().rev().filter(|row| row.leaves(Side::Before)) {
            let place = Place::Tree(row.entry.path.clone());
            steps.push(remove(row.entry.before.as_ref(), place));
        }
        for row in self.rows().filter(|row| !row.stays && row.entry.after.is_some()) {
            let from = Place::New(number, row.index);
            let to = Place::Tree(row.entry.path.clone());
            steps.push(Step::new(Effect::Rename { from: from.clone(), to }).unless_missing(from));
        }
        steps.extend(self.file_modes(Side::After));
        steps
    }

    /// Puts the old tree in place again, from wherever the switch has come, except for the modes of directories.
    pub(super) fn restore(&self, number: u32) -> Vec<Step> {
        let mut steps: Vec<Step> = self.open(Side::After).into_iter().map(|step| step.or(GONE)).collect();
        steps.extend(self.open(Side::Before).into_iter().map(|step| step.or(GONE)));
        for row in self.rows().rev().filter(|row| row.leaves(Side::After)) {
            let place = Place::Tree(row.entry.path.clone());
            steps.push(remove(row.entry.after.as_ref(), place));
        }
        for row in self.rows().filter(|row| !row.stays && row.entry.before.is_some()) {
            let from = Place::Old(number, row.index);
            let to = Place::Tree(row.entry.path.clone());
            if let Some(survivor) = self.survivor(&row) {
                let survivor = Place::Tree(survivor.clone());
                steps.push(Step::new(Effect::Link { from: survivor, to: from.clone() }).or(THERE));
            }
            if let (Some(Node::Hardlink { first }), None) = (&row.entry.before, self.survivor(&row)) {
                // Where the content was let go, this name of it was, too.
                let first = Place::Tree(first.clone());
                steps.push(Step::new(Effect::Link { from: first, to: from.clone() }).or(THERE));
            }
            steps.push(Step::new(Effect::Rename { from: from.clone(), to }).unless_missing(from));
        }
        steps.extend(self.file_modes(Side::Before));
        steps
    }

    /// Gives the directories the modes of `side`, from the leaves up.
    pub(super) fn close(&self, side: Side) -> Vec<Step> {
        let mut steps = Vec::new();
        for row in self.rows().rev() {
            let Some(Node::Dir { mode }) = side.of(row.entry) else { continue };
            let other = side.other().of(row.entry).and_then(Node::mode);
            let opened = row.touched && mode.opened() != *mode;
            if !row.stays || opened || other != Some(*mode) {
                let place = Place::Tree(row.entry.path.clone());
                steps.push(Step::new(Effect::SetMode { place, kind: Kind::Dir, mode: *mode }));
            }
        }
        steps
    }

    /// Gives the files or the directories of the old tree their times back.
    pub(super) fn times(&self, times: &[(usize, Time)], kind: Kind) -> Vec<Step> {
        let known =
            times.iter().filter_map(|(index, time)| Some((self.manifest.entries().get(*index)?, time)));
        known
            .filter(|(entry, _)| entry.before.as_ref().map(Node::kind) == Some(kind))
            .map(|(entry, time)| {
                Step::new(Effect::SetModified { place: Place::Tree(entry.path.clone()), time: *time })
            })
            .collect()
    }

    /// What must stand at which path once a switch or a restore is through, apart from the modes of directories.
    pub(super) fn expectations(&self, side: Side) -> Vec<(usize, Option<Node>)> {
        let changed = self.rows().filter(|row| !row.stays || row.entry.before != row.entry.after);
        changed.map(|row| (row.index, side.of(row.entry).cloned())).collect()
    }

    /// Lets the owner into the directories that will be written to and do not let him.
    fn open(&self, side: Side) -> Vec<Step> {
        let mut steps = Vec::new();
        for row in self.rows().filter(|row| row.touched || !row.stays) {
            let Some(Node::Dir { mode }) = side.of(row.entry) else { continue };
            if mode.opened() != *mode {
                let place = Place::Tree(row.entry.path.clone());
                steps.push(
                    Step::new(Effect::SetMode { place, kind: Kind::Dir, mode: mode.opened() }).or(GONE),
                );
            }
        }
        steps
    }

    fn file_modes(&self, side: Side) -> impl Iterator<Item = Step> {
        self.rows().filter(|row| row.stays).filter_map(move |row| {
            match (side.of(row.entry), side.other().of(row.entry)) {
                (Some(Node::File { mode, .. }), Some(other)) if other.mode() != Some(*mode) => {
                    let place = Place::Tree(row.entry.path.clone());
                    Some(Step::new(Effect::SetMode { place, kind: Kind::File, mode: *mode }))
                }
                _ => None,
            }
        })
    }

    /// Another name under which the file that goes from this path stays in the tree.
    fn survivor(&self, row: &Row<'_>) -> Option<&Path> {
        let first = match &row.entry.before {
            Some(Node::Hardlink { first }) => first,
            Some(Node::File { .. }) => &row.entry.path,
            _ => return None,
        };
        let (at, entry) = self.manifest.find(first.as_bytes())?;
        // A further name stays only if its first one does, so that no other name need be asked for.
        (at != row.index && self.row_stays(at)).then_some(&entry.path)
    }

    fn row_stays(&self, index: usize) -> bool {
        self.stays.get(index).copied().unwrap_or(false)
    }

    fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> {
        let flags = self.stays.iter().zip(&self.touched);
        let rows = self.manifest.entries().iter().zip(flags).enumerate();
        rows.map(|(index, (entry, (stays, touched)))| Row { index, entry, stays: *stays, touched: *touched })
    }
}

/// Removes what stands at a place. A directory goes only when it is empty, so that no crash can make it go before
/// what is in it.
fn remove(node: Option<&Node>, place: Place) -> Step {
    match node {
        Some(Node::Dir { .. }) => Step::new(Effect::RemoveDir { place }).or(GONE),
        _ => Step::new(Effect::Unlink { place }).or(GONE_OR_DIR),
    }
}

/// An entry with what the plan knows about it.
struct Row<'a> {
    index: usize,
    entry: &'a Entry,
    stays: bool,
    touched: bool,
}

impl Row<'_> {
    /// Whether what stands there on `side` must be removed before anything else can stand there: it has no successor,
    /// or one that no rename can put in its place.
    fn leaves(&self, side: Side) -> bool {
        let is_dir = |node: Option<&Node>| node.map(|node| matches!(node, Node::Dir { .. }));
        let (now, then) = (is_dir(side.of(self.entry)), is_dir(side.other().of(self.entry)));
        now.is_some() && now != then
    }
}

/// What a plan amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Summary {
    /// Paths that appear.
    pub added: u64,
    /// Paths at which something changes.
    pub changed: u64,
    /// Paths that go.
    pub removed: u64,
    /// Paths that stay as they are.
    pub unchanged: u64,
    /// Bytes of content that will be written.
    pub bytes: u64,
}

/// One change of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a>(&'a Entry);

impl Change<'_> {
    /// What changes.
    pub fn entry(&self) -> &Entry {
        self.0
    }
}

impl fmt::Display for Change<'_> {
    /// `+` for what appears, `-` for what goes, `~` for what changes, and how.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.0.path;
        match (&self.0.before, &self.0.after) {
            (None, Some(after)) => write!(f, "+ {path}  {}", Shown(after)),
            (Some(before), None) => write!(f, "- {path}  {}", Shown(before)),
            (Some(Node::File { mode, .. }), Some(Node::File { mode: after, .. })) if mode != after => {
                write!(f, "~ {path}  mode {mode} to {after}")
            }
            (Some(Node::File { size, .. }), Some(Node::File { size: after, .. })) => {
                write!(f, "~ {path}  {size} to {after} bytes")
            }
            (Some(before), Some(after)) => write!(f, "~ {path}  {} to {}", Shown(before), Shown(after)),
            (None, None) => Ok(()),
        }
    }
}

struct Shown<'a>(&'a Node);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Node::Dir { mode } => write!(f, "directory, mode {mode}"),
            Node::File { mode, size, .. } => write!(f, "{size} bytes, mode {mode}"),
            Node::Symlink { target } => {
                write!(f, "{}", crate::tree::Facet::Target(target.clone()))
            }
            Node::Hardlink { first } => write!(f, "hard link to {first}"),
        }
    }
}
