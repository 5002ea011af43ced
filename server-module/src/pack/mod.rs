//! Update packages on directories: the commands and the storage behind the engine.

use crate::cli::{Done, Exit};

/// Arguments of `pack`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Carries the command out.
///
/// # Errors
/// [`Exit`] says why not.
pub fn run(_args: Args) -> Done {
    Err(Exit::cannot("this command is not in this build yet"))
}
