//! What a campaign knows of a card.

use core::fmt;

/// Where a card stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The chassis, from 1.
    pub chassis: u8,
    /// The slot, from 1.
    pub slot: u8,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.chassis, self.slot)
    }
}

/// A card, as the inventory knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card<'a> {
    /// Where it stands.
    pub position: Position,
    /// Its profile, as its operator named it.
    pub profile: Option<&'a str>,
    /// The hardware's kind and revision, as the card tells it.
    pub hardware: Option<&'a str>,
    /// What is installed: names of packages and their versions.
    pub software: &'a [(&'a str, &'a str)],
    /// Whether the card has just been switched on and does not serve yet.
    pub powering_up: bool,
    /// The service that it serves, if any: a number of the caller's.
    pub service: Option<u32>,
    /// Whether it serves now.
    pub serving: bool,
    /// How the campaign stands on it.
    pub progress: Progress,
}

/// How a campaign stands on a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Nothing has been done.
    #[default]
    Untouched,
    /// It was told to install and has not said how it went.
    Installing,
    /// The package is staged and waits to be committed.
    Staged,
    /// It runs the new version.
    Done,
    /// It tried that often and is back on the old version.
    Failed {
        /// How often.
        attempts: u8,
    },
}

impl Card<'_> {
    /// The installed version of a package.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.software.iter().find(|(known, _)| *known == name).map(|(_, version)| *version)
    }
}
