//! The command line: one file a command, every one with examples, `--json` where it prints data, and the exit
//! statuses of [`Exit`].

pub mod check;
mod completions;
mod ctl;
mod exit;
mod files;
pub mod init;
pub mod mib;
mod route;
mod top;
pub mod user;

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
    /// Validate a configuration and print what it comes to
    Check(check::Args),
    /// Print the files that cards read, and what another configuration would change in them
    Files(files::Args),
    /// Tell which rule, which service and which card a request reaches, and why the others lost
    Route(route::Args),
    /// Write a commented configuration to start from
    Init(init::Args),
    /// Write the texts of the MIB modules that the agent serves
    Mib(mib::Args),
    /// Command a running module
    Ctl(ctl::Args),
    /// Be the program on a card: boot, write its files, answer its agent
    Card(crate::card::Args),
    /// Build, verify, apply and undo signed update packages
    Pack(crate::pack::Args),
    /// Hash a password into an entry of the configuration
    User(user::Args),
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
            Self::Demo(args) => crate::demo::run(&args),
            Self::Run(args) => crate::module::run(&args),
            Self::Card(args) => crate::card::run(args),
            Self::Pack(args) => crate::pack::run(args),
            Self::Check(args) => check::run(&args),
            Self::Files(args) => files::run(&args),
            Self::Route(args) => route::run(&args),
            Self::Init(args) => init::run(&args),
            Self::Mib(args) => mib::run(&args),
            Self::Ctl(args) => ctl::run(args),
            Self::User(args) => user::run(&args),
            Self::Completions(args) => {
                completions::run(&args);
                Ok(())
            }
        }
    }
}

/// The first few, and how many more there are.
fn shorten(words: &[String], shown: usize) -> String {
    let first = words.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    match words.len().saturating_sub(shown) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
