//! What goes into the engine and what comes out.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::effect::{Answer, Effect, Failure, Verb};
use super::journal::{Installed, Mark};
use super::note::Note;
use super::plan::Summary;
use crate::limits::Limits;
use crate::seal::ProfileKey;
use crate::tree::{Difference, Kind, Mode, Path};
use crate::trust::Trust;
use crate::verify::Device;
use crate::wire::Digest;

/// How an engine works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How much it holds in memory.
    pub limits: Limits,
    /// What the card tells of itself, by which a package picks the way that it goes here. The version is known to the
    /// engine if it was the last to install something.
    pub device: Device,
    /// The keys of the card's profiles, for packages that are encrypted.
    pub keys: Vec<ProfileKey>,
    /// Whether it stops when it knows what it would do.
    pub dry_run: bool,
    /// Whether the driver watches over a version on trial. If not, an update that goes on trial ends there.
    pub watch: bool,
}

/// What the engine is to do. Whatever it is, an interrupted update or undo is finished or rolled back first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Goal {
    /// Verify the package and apply it.
    Apply(Trust),
    /// Go back to before the last update.
    Undo,
    /// Say what the directory holds.
    Status,
    /// Watch a version that is on trial: one more attempt. Without one, this is as [`Goal::Status`].
    Watch,
    /// A version that is on trial is well: it stays.
    Confirm,
}

/// A place in the directory: in its tree, or in the engine's own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the tree.
    Tree(Path),
    /// The directory of the engine's state.
    Home,
    /// What is installed.
    Installed,
    /// What will be installed, while it is being written.
    InstalledDraft,
    /// The directory of an update.
    Update(u32),
    /// The journal of an update, under the name of its state.
    Journal(u32, Mark),
    /// How far the staging of an update has come, in one of two files.
    Progress(u32, u8),
    /// The parts of an update's delta that its undo needs.
    Back(u32),
    /// Something that was noted of an update.
    Note(u32, Note),
    /// The directory of what will be put into the tree.
    Fresh(u32),
    /// Something that will be put into the tree.
    New(u32, usize),
    /// The directory of what was taken out of the tree.
    Kept(u32),
    /// Something that was taken out of the tree.
    Old(u32, usize),
}

impl Place {
    /// Its path relative to the directory; empty for the directory itself.
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = match self {
            Self::Tree(path) => return path.as_bytes().to_vec(),
            Self::Home => String::from(".update-pack"),
            Self::Installed => String::from(".update-pack/installed"),
            Self::InstalledDraft => String::from(".update-pack/installed.draft"),
            Self::Update(number) => alloc::format!(".update-pack/{number}"),
            Self::Journal(number, mark) => alloc::format!(".update-pack/{number}/{mark}"),
            Self::Progress(number, slot) => alloc::format!(".update-pack/{number}/progress.{slot}"),
            Self::Back(number) => alloc::format!(".update-pack/{number}/back"),
            Self::Note(number, note) => alloc::format!(".update-pack/{number}/{note}"),
            Self::Fresh(number) => alloc::format!(".update-pack/{number}/new"),
            Self::New(number, slot) => alloc::format!(".update-pack/{number}/new/{slot}"),
            Self::Kept(number) => alloc::format!(".update-pack/{number}/old"),
            Self::Old(number, slot) => alloc::format!(".update-pack/{number}/old/{slot}"),
        };
        text.into_bytes()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(path) => write!(f, "{path}"),
            other => f.write_str(&String::from_utf8_lossy(&other.to_bytes())),
        }
    }
}

/// A time of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time {
    /// Seconds since 1970, UTC.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

/// What a file system says about a place, without following a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Its mode.
    pub mode: Mode,
    /// Its length in bytes.
    pub size: u64,
    /// What tells it from everything else in the directory, but not from its other names.
    pub inode: u64,
    /// How many names it has.
    pub links: u64,
    /// When its content last changed.
    pub modified: Time,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// An effect came about.
    Done {
        /// Which.
        id: u64,
        /// What came of it.
        answer: Answer<'a>,
    },
    /// An effect did not come about, and changed nothing.
    Failed {
        /// Which.
        id: u64,
        /// Why.
        failure: Failure,
    },
    /// Whether the version on trial is well. Only while one is watched.
    Verdict {
        /// Whether it is.
        well: bool,
    },
    /// Time has passed.
    Tick,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Carry this effect out and answer. There is one at a time.
    Storage {
        /// What the answer must name.
        id: u64,
        /// The effect.
        effect: &'a Effect,
    },
    /// Something that may matter to the one who watches.
    Event(&'a Event),
}

/// What may matter to the one who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// How far the work is.
    Progress {
        /// Which work.
        work: Work,
        /// Bytes or steps done.
        done: u64,
        /// Of how many.
        total: u64,
    },
    /// A version on trial has a chance to show that it is well: [`Input::Verdict`] until then.
    Trial {
        /// Which chance, from 1.
        attempt: u8,
        /// Of how many.
        attempts: u8,
        /// When it is over.
        until: Duration,
    },
    /// The end. Nothing comes after it.
    Finished(Outcome),
}

/// A stretch of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Checking every byte of the package.
    Verify,
    /// Comparing the directory with the tree it should hold.
    Compare,
    /// Writing what will be put into the tree.
    Stage,
    /// Putting it there.
    Switch,
    /// Migration steps.
    Migrate,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The directory holds the new version.
    Applied {
        /// The version before.
        from: String,
        /// The version now.
        to: String,
        /// The package.
        id: Digest,
        /// Whether this finished or went on with what an earlier run had begun.
        resumed: bool,
        /// What was done.
        summary: Summary,
    },
    /// The package could be applied; nothing was touched.
    Applicable {
        /// The version before.
        from: String,
        /// The version after.
        to: String,
        /// The package.
        id: Digest,
        /// What would be done.
        summary: Summary,
    },
    /// The directory holds the new version, on trial: [`Goal::Watch`], [`Goal::Confirm`] or [`Goal::Undo`] goes on.
    Trial(Trial),
    /// The directory is back at the version before.
    Undone {
        /// The version it was taken back from; unknown when an update was rolled back before it was recorded.
        from: Option<String>,
        /// The version now.
        to: Option<String>,
    },
    /// What the directory holds.
    Status(Status),
    /// It was not done, and the directory is as it was, or as an earlier run was to leave it.
    Refused(Reason),
    /// A step failed. `settled` says whether everything was put back; if not, the next run goes on with that.
    Failed {
        /// What was tried.
        what: Box<Effect>,
        /// Why it failed.
        failure: Failure,
        /// Whether the directory is whole.
        settled: bool,
    },
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The package is not used.
    Package(crate::Error),
    /// The tree is not the one to start from.
    Different(Difference),
    /// There is nothing to go back to.
    NothingToUndo,
    /// The engine's own state is damaged; it does not guess.
    Journal {
        /// Which file.
        place: Place,
        /// What is wrong with it.
        why: crate::Error,
    },
    /// The storage does not keep what it is told: the state is never in order.
    Forgetful,
    /// A migration step cannot be carried out; everything was put back.
    Step {
        /// Which.
        step: String,
        /// What of it failed.
        verb: Verb,
    },
    /// The new version did not show that it is well, and the old one is back.
    Unwell(Box<Unwell>),
    /// A version is on trial: it must be confirmed or taken back first.
    OnTrial,
    /// No version is on trial.
    NoTrial,
    /// The old version could not read the data of a component any more.
    Stranded {
        /// Which.
        component: String,
    },
    /// A step of the plan did not have its effect although the storage said so; everything was put back.
    NoEffect(Difference),
}

/// A version on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The version before.
    pub from: String,
    /// The version on trial.
    pub to: String,
    /// The package.
    pub id: Digest,
    /// Whether the program that runs the engine is among what changed: it must start anew to be tried.
    pub restart: bool,
    /// How many attempts are left.
    pub left: u8,
    /// Seconds for each.
    pub seconds: u32,
}

/// A version that did not show that it is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwell {
    /// How many attempts it had.
    pub attempts: u8,
    /// The version that is back.
    pub to: String,
    /// Whether the program that runs the engine is among what changed back: it must start anew.
    pub restart: bool,
}

/// What a directory holds.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Status {
    /// What is installed, as far as the engine knows.
    pub installed: Option<Installed>,
    /// The version to which it can go back.
    pub undo: Option<String>,
    /// Whether an update has begun and not touched the tree yet: its package applied again goes on with it, any other
    /// package or an undo discards it.
    pub staging: bool,
    /// What is on trial; `installed` is then the version before.
    pub trial: Option<Trial>,
    /// Whether this run finished or rolled back what an earlier one had begun.
    pub recovered: Option<Recovered>,
}

/// What was found unfinished and is finished now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// An update was finished.
    Finished,
    /// An update was rolled back before it had touched the tree.
    RolledBack,
    /// An undo was finished.
    Undone,
}

/// A misuse of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No effect of that number is waited for.
    #[error("no answer to effect {id} is waited for")]
    Unexpected {
        /// The number.
        id: u64,
    },
    /// The effect asks for another kind of answer.
    #[error("effect {id} asks for another kind of answer")]
    WrongKind {
        /// The number.
        id: u64,
    },
    /// No version is watched.
    #[error("a verdict, and no version is watched")]
    NoTrial,
    /// More bytes than were asked for.
    #[error("effect {id} was answered with more bytes than it asked for")]
    TooLong {
        /// The number.
        id: u64,
    },
}

/// Counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stats {
    /// Effects asked for.
    pub effects: u64,
    /// Bytes read from the package.
    pub package_bytes: u64,
    /// Bytes read from the directory.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Barriers.
    pub barriers: u64,
}
