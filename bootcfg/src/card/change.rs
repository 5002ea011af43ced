//! What differs between two manifests of a card.

use alloc::vec::Vec;
use core::fmt;

use super::Manifest;

/// One thing that a newer manifest has otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change<'a> {
    /// A file that was not there.
    FileAdded(&'a str),
    /// A file with another size or digest.
    FileChanged(&'a str),
    /// A file that is gone.
    FileRemoved(&'a str),
    /// A package that was not wanted.
    WantAdded(&'a str, &'a str),
    /// A package wanted in another version, or another file of the same: its name, the version before, the one now.
    WantChanged(&'a str, &'a str, &'a str),
    /// A package that is not wanted any more.
    WantRemoved(&'a str, &'a str),
}

impl Manifest {
    /// What `newer` has otherwise than this one, each name once, in the order of [`Change`] and of the names; nothing
    /// where a card that has this one needs nothing.
    pub fn changes<'a>(&'a self, newer: &'a Self) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        for (name, size, sha256) in newer.files() {
            match self.files().find(|(old, ..)| *old == name) {
                None => changes.push(Change::FileAdded(name)),
                Some((_, was, before)) if (was, before) != (size, sha256) => {
                    changes.push(Change::FileChanged(name));
                }
                Some(_) => {}
            }
        }
        let gone = self.files().filter(|(name, ..)| newer.files().all(|(other, ..)| other != *name));
        changes.extend(gone.map(|(name, ..)| Change::FileRemoved(name)));
        for (package, version, sha256) in newer.wants() {
            match self.wants().find(|(old, ..)| *old == package) {
                None => changes.push(Change::WantAdded(package, version)),
                Some((_, was, before)) if (was, before) != (version, sha256) => {
                    changes.push(Change::WantChanged(package, was, version));
                }
                Some(_) => {}
            }
        }
        let gone = self.wants().filter(|(package, ..)| newer.wants().all(|(other, ..)| other != *package));
        changes.extend(gone.map(|(package, version, _)| Change::WantRemoved(package, version)));
        changes.sort_unstable();
        changes.dedup();
        changes
    }
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileAdded(name) => write!(f, "file {name} is new"),
            Self::FileChanged(name) => write!(f, "file {name} has changed"),
            Self::FileRemoved(name) => write!(f, "file {name} is gone"),
            Self::WantAdded(package, version) => write!(f, "package {package} {version} is wanted"),
            Self::WantChanged(package, was, version) => {
                write!(f, "package {package} {was} becomes {version}")
            }
            Self::WantRemoved(package, version) => write!(f, "package {package} {version} is wanted no more"),
        }
    }
}
