//! `server-module completions`: a completion script for the user's shell.

use clap::CommandFactory;
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module completions bash > /etc/bash_completion.d/server-module\n  \
    server-module completions zsh > ~/.zfunc/_server-module\n  \
    server-module completions fish > ~/.config/fish/completions/server-module.fish")]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &Args) {
    clap_complete::generate(args.shell, &mut super::Cli::command(), "server-module", &mut std::io::stdout());
}
