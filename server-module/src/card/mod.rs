//! The program that runs on a card: boots, writes its files, runs its agent.

use crate::cli::{Done, Exit};

/// Arguments of `card`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Carries the command out.
///
/// # Errors
/// [`Exit`] says why not.
pub fn run(_args: Args) -> Done {
    Err(Exit::cannot("this command is not in this build yet"))
}
