//! The command line: one file a command, every one with examples, `--json` where it prints data, and the exit
//! statuses of [`Exit`].

mod completions;
mod exit;

use clap::{Parser, Subcommand};

pub use exit::{Done, Exit, Status};

/// A cabinet of server cards, run as one network element.
#[derive(Debug, Parser)]
#[command(name = "server-module", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Exit status: 0 done, 1 the answer is no, 2 usage or configuration, 3 it could not be done.\n\
                        Start here: server-module demo"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole cabinet on loopback, with nothing to prepare
    Demo(crate::demo::Args),
    /// Run the cabinet of a configuration file
    Run(crate::module::Args),
    /// Be the program on a card: boot, write its files, answer its agent
    Card(crate::card::Args),
    /// Build, verify, apply and undo signed update packages
    Pack(crate::pack::Args),
    /// Print a script that completes commands in your shell
    Completions(completions::Args),
}

impl Command {
    /// Carries the command out.
    ///
    /// # Errors
    /// [`Exit`] says with which status the process ends and what to do next.
    pub fn run(self) -> Done {
        match self {
            Self::Demo(args) => crate::demo::run(args),
            Self::Run(args) => crate::module::run(args),
            Self::Card(args) => crate::card::run(args),
            Self::Pack(args) => crate::pack::run(args),
            Self::Completions(args) => {
                completions::run(&args);
                Ok(())
            }
        }
    }
}
