//! The engine: verifies, compares, stages, switches, undoes, and picks up after a crash at any point of it.
//!
//! It does no IO. Each [`Output::Storage`] is one effect on the directory; its answer is the next input. What it does
//! is a plan made of the manifest alone, so that the journal needs no more than the manifest and a name:
//!
//! ```text
//!   (nothing) -> draft -> switching -> trial -> applied -> undoing -> undone -> (nothing)
//!                  |          |  '-------|---------^          ^
//!                  v          |          '-- it is not well --+
//!              (nothing)      '-- a step fails ---------------'
//! ```
//!
//! The journal is one file, `.update-pack/N/<state>`, whose content never changes once it is durable; going from state
//! to state is one rename, which no crash can tear. Before `switching` nothing of the tree is changed and a crash means
//! going on where the same package is applied again, and rolling back otherwise; from `switching` on, everything needed
//! lies in `.update-pack/N/new` and `old`, and a crash means going on. Every step of the plan can be repeated. What
//! happens to an update besides is noted as the name of an empty file: attempts of a trial, migration steps.

mod back;
mod check;
mod content;
mod effect;
mod inspect;
mod journal;
mod machine;
mod migrate;
mod note;
mod plan;
mod recover;
mod resume;
mod script;
mod stage;
mod trial;
mod turn;
mod types;

pub use effect::{Answer, Call, Effect, Failure, Verb};
pub use journal::{Installed, Mark, Record};
pub use machine::Engine;
pub use note::Note;
pub use plan::{Plan, Summary};
pub use types::{
    Config, Error, Event, Goal, Input, Meta, Outcome, Output, Place, Reason, Recovered, Stats, Status, Time,
    Trial, Unwell, Work,
};
