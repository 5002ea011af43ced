//! `server-module`: the whole cabinet in one binary.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match server_module::cli::Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            server_module::view::complain(&exit);
            ExitCode::from(&exit)
        }
    }
}
