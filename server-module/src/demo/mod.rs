//! A whole cabinet on loopback with nothing to prepare.

use crate::cli::{Done, Exit};

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Carries the command out.
///
/// # Errors
/// [`Exit`] says why not.
pub fn run(_args: Args) -> Done {
    Err(Exit::cannot("this command is not in this build yet"))
}
