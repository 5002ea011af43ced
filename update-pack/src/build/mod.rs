//! The builder: from trees to one signed file, the same bytes on every machine.
//!
//! [`build`] makes a package of one leg; a [`Builder`] one of several, for several profiles of cards and for the
//! versions that they may have.

mod builder;
mod frames;

use alloc::string::String;
use alloc::vec::Vec;

pub use builder::{Builder, Way};

use crate::campaign::Scope;
use crate::error::Problem;
use crate::seal::{ProfileKey, Secret};
use crate::tree::{Path, Side, Tree};
use crate::trust::SigningKey;
use crate::wire::{Role, Severity};

/// What a package says about itself, and how hard the builder tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The version that [`build`] starts from; a [`Builder`] is told with each leg.
    pub from_version: String,
    /// The version to arrive at.
    pub to_version: String,
    /// Security epoch.
    pub epoch: u64,
    /// Which cards it is for.
    pub scope: Scope,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it may lead to a lower version.
    pub downgrade: bool,
    /// A text for people, which can be cut out of the file without breaking its signatures. Empty for none.
    pub text: String,
    /// The role of the keys that sign.
    pub role: Role,
    /// Rotations of keys to carry, as records one after the other: those that cards may have missed.
    pub rotations: Vec<u8>,
    /// Whether deltas lead back as well, so that an undo needs no copy of the old content.
    pub undo: bool,
    /// What to encrypt the content for, if for anything.
    pub seal: Option<Sealing>,
    /// zstd's level, 1 to 22.
    pub level: i32,
    /// Raw bytes of a frame, at most 4 MiB. Smaller ones cost size, larger ones the reader's memory.
    pub frame: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            from_version: String::from("0"),
            to_version: String::from("1"),
            epoch: 0,
            scope: Scope::All,
            severity: Severity::NORMAL,
            downgrade: false,
            text: String::new(),
            role: Role::RELEASE,
            rotations: Vec::new(),
            undo: false,
            seal: None,
            level: 19,
            frame: 2 << 20,
        }
    }
}

/// For whom content is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// 32 random bytes of the builder, from which the keys of streams come. The same ones may serve for ever.
    pub secret: Secret,
    /// The profiles whose cards may read it, each with its key. An empty name is a key for the content of every leg.
    pub keys: Vec<(String, ProfileKey)>,
}

/// Why no package was built. `E` is what the reading of contents fails with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E> {
    /// A version, a profile, the scope or the text is empty, too long, or not plain.
    #[error("a version, profile, scope or text cannot be written down: {0}")]
    Text(Problem),
    /// The terms of a leg do not fit its trees.
    #[error("the terms cannot be written down: {0}")]
    Terms(Problem),
    /// Two legs of one profile lead from one version to one version, or none was added.
    #[error("each leg starts from a version and profile of its own, and none from where the package arrives")]
    Legs,
    /// It leads to a lower version, and the configuration does not say that this is meant.
    #[error("{from} is later than {to}: a package leads to a lower version only when that is asked for")]
    Downgrade {
        /// The version to start from.
        from: String,
        /// The lower one.
        to: String,
    },
    /// The content of a leg would be encrypted for nobody.
    #[error("no key was given for the profile of a leg, so that no card could read it")]
    Unreadable,
    /// No key signs, or one twice.
    #[error("a package needs between 1 and 255 different keys to sign it")]
    Keys,
    /// A file's content could not be read.
    #[error("{path} could not be read: {error}")]
    Read {
        /// The file.
        path: Path,
        /// Why.
        error: E,
    },
    /// A file's content is not what the tree says: it was changed meanwhile.
    #[error("{path} was changed while the package was being built")]
    Changed {
        /// The file.
        path: Path,
    },
    /// The compressor failed.
    #[error("the compressor failed")]
    Compressor,
    /// A part grew beyond what its length field holds.
    #[error("the trees are too large for one package")]
    TooLarge,
}

/// Builds a package of one leg, for cards of every profile. `contents` reads a file of either tree.
///
/// # Errors
/// [`Error`] says what stands in the way.
pub fn build<E>(
    config: &Config,
    before: &Tree,
    after: &Tree,
    contents: impl FnMut(Side, &Path) -> Result<Vec<u8>, E>,
    keys: &[SigningKey],
) -> Result<Vec<u8>, Error<E>> {
    let mut builder = Builder::new(config.clone());
    builder.leg(Way::new(&config.from_version, before, after), contents)?;
    builder.finish(keys)
}
