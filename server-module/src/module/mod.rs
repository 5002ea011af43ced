//! The composition: one task owns the cabinet, drivers around it carry its effects out.

pub mod handle;

use crate::cli::{Done, Exit};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: std::path::PathBuf,
}

/// Carries the command out.
///
/// # Errors
/// [`Exit`] says why not.
pub fn run(_args: Args) -> Done {
    Err(Exit::cannot("this command is not in this build yet"))
}
