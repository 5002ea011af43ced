//! What the engine asks of its driver, and what may come of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

use super::types::{Meta, Place, Time};
use crate::tree::{Kind, Mode};

/// One effect on the directory or the package. None follows a symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read from the package: [`Answer::Bytes`], fewer than `len` only at its end.
    ReadPackage {
        /// Where.
        offset: u64,
        /// How many bytes.
        len: u32,
    },
    /// Read from a file: [`Answer::Bytes`], fewer than `len` only at its end.
    Read {
        /// The file.
        place: Place,
        /// Where.
        offset: u64,
        /// How many bytes.
        len: u32,
    },
    /// Look: [`Answer::Meta`], or [`Failure::NotFound`].
    Stat {
        /// What.
        place: Place,
    },
    /// List a directory without `.` and `..`: [`Answer::Names`], in any order.
    List {
        /// The directory.
        place: Place,
    },
    /// Read what a symbolic link says: [`Answer::Bytes`].
    ReadLink {
        /// The link.
        place: Place,
    },
    /// Make a directory of mode 0700.
    MakeDir {
        /// Where nothing stands.
        place: Place,
    },
    /// Make an empty file of mode 0600.
    Create {
        /// Where nothing stands; whatever file stands there is emptied.
        place: Place,
    },
    /// Write to a file.
    Write {
        /// The file.
        place: Place,
        /// Where.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Make a symbolic link.
    Symlink {
        /// Where nothing stands.
        place: Place,
        /// What it says.
        target: Box<[u8]>,
    },
    /// Give a file or symbolic link a further name.
    Link {
        /// The name it has.
        from: Place,
        /// The name it gets, where nothing stands.
        to: Place,
    },
    /// Rename, replacing what stands there.
    Rename {
        /// The old name.
        from: Place,
        /// The new name.
        to: Place,
    },
    /// Remove the name of a file or symbolic link.
    Unlink {
        /// The name.
        place: Place,
    },
    /// Remove an empty directory.
    RemoveDir {
        /// The directory.
        place: Place,
    },
    /// Set the mode of a file or directory; [`Failure::NotDirectory`] or [`Failure::IsDirectory`] if it is the other.
    SetMode {
        /// Which.
        place: Place,
        /// What it must be.
        kind: Kind,
        /// The mode.
        mode: Mode,
    },
    /// Set when something was last changed.
    SetModified {
        /// What.
        place: Place,
        /// When.
        time: Time,
    },
    /// Give something the owner, as far as permitted, and the extended attributes of something else.
    Inherit {
        /// What has them.
        from: Place,
        /// What gets them.
        to: Place,
    },
    /// Return when all effects so far would survive a loss of power.
    Barrier,
    /// Carry out a migration step: [`Answer::Done`], or any failure when it did not succeed. Each can be asked for again,
    /// and what is done already is then done at once.
    Run(Call),
}

/// A migration step, and what is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its index in the package.
    pub step: u16,
    /// What the driver knows it by.
    pub name: String,
    /// What the package tells it.
    pub arguments: String,
    /// What is to be done.
    pub verb: Verb,
    /// For the so many-th time, counted across restarts; 0 when it was never begun.
    pub attempt: u8,
    /// After so many seconds the engine takes it for failed.
    pub seconds: NonZeroU32,
}

/// What is done with a migration step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Could it be carried out? Asked before anything is touched.
    Check,
    /// Carry it out.
    Apply,
    /// Is it carried out?
    Verify,
    /// Take it back.
    Revert,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check => "check",
            Self::Apply => "apply",
            Self::Verify => "verify",
            Self::Revert => "revert",
        })
    }
}

/// What came of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// It is done.
    Done,
    /// The bytes that were read.
    Bytes(&'a [u8]),
    /// The names in a directory.
    Names(&'a [&'a [u8]]),
    /// What stands there.
    Meta(Meta),
}

/// Why an effect did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing stands there.
    NotFound,
    /// Something stands there already.
    Exists,
    /// It is no directory.
    NotDirectory,
    /// It is a directory.
    IsDirectory,
    /// The directory is not empty.
    NotEmpty,
    /// It is not permitted.
    Permission,
    /// There is no space left.
    Full,
    /// The file system is mounted read-only.
    ReadOnly,
    /// It lies on another file system.
    CrossDevice,
    /// It took too long.
    TimedOut,
    /// Anything else, with the system's number.
    Other(i32),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not there",
            Self::Exists => "something is there already",
            Self::NotDirectory => "not a directory",
            Self::IsDirectory => "a directory",
            Self::NotEmpty => "the directory is not empty",
            Self::Permission => "not permitted",
            Self::Full => "no space left",
            Self::ReadOnly => "the file system is read-only",
            Self::CrossDevice => "on another file system",
            Self::TimedOut => "it took too long",
            Self::Other(number) => return write!(f, "system error {number}"),
        })
    }
}
