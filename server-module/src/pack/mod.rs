//! Update packages on directories: the commands, and the storage that carries the engine's effects out.

mod commands;
pub mod directory;
mod drive;
mod scan;

use std::path::PathBuf;

use crate::cli::Done;

/// Arguments of `pack`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with a package
    #[command(subcommand)]
    pub command: Command,
}

/// The commands on packages.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a signing key: KEY (private, mode 0600) and KEY.pub
    Keygen(Keygen),
    /// Build one signed file that takes a directory from one version to another, and back
    Build(Build),
    /// Say what a package holds, without trusting it
    Inspect(Inspect),
    /// Check every byte of a package against a trusted key
    Verify(Verify),
    /// Verify a package and apply it to a directory
    Apply(Apply),
    /// Take a directory back to where it was before its last update
    Undo(Undo),
    /// Say which version a directory holds and whether it can go back
    Status(StatusArgs),
}

/// Arguments of `pack keygen`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack keygen --out release.key")]
pub struct Keygen {
    /// File of the private key (PKCS#8 PEM, as openssl writes it); the public key goes beside it as KEY.pub
    #[arg(long, value_name = "KEY")]
    pub out: PathBuf,
}

/// Arguments of `pack build`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack build --from app-1.0/ --to app-1.1/ --from-version 1.0 \
                        --to-version 1.1 --key release.key --out app-1.1.upk")]
pub struct Build {
    /// Directory that holds the version to start from
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// Directory that holds the version to arrive at
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Version to start from
    #[arg(long, value_name = "VERSION")]
    pub from_version: String,
    /// Version to arrive at
    #[arg(long, value_name = "VERSION")]
    pub to_version: String,
    /// Private key that signs
    #[arg(long, value_name = "KEY")]
    pub key: PathBuf,
    /// Package to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Which cards it is for
    #[arg(long, value_name = "EXPR", default_value = "*")]
    pub scope: String,
    /// How much it matters: low, normal, high or critical
    #[arg(long, value_name = "S", default_value = "normal")]
    pub severity: String,
    /// Security epoch: once applied, no package of a lower one installs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub epoch: u64,
}

/// Arguments of `pack inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack inspect app-1.1.upk")]
pub struct Inspect {
    /// Package
    pub file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pack verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack verify app-1.1.upk --trust release.key.pub")]
pub struct Verify {
    /// Package
    pub file: PathBuf,
    /// Public key that is trusted
    #[arg(long, value_name = "KEY.pub", required = true)]
    pub trust: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pack apply`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: server-module pack apply app-1.1.upk --root /srv/app --trust release.key.pub"
)]
pub struct Apply {
    /// Package
    pub file: PathBuf,
    /// Directory to update
    #[arg(long, value_name = "DIR")]
    pub root: PathBuf,
    /// Public key that is trusted
    #[arg(long, value_name = "KEY.pub", required = true)]
    pub trust: Vec<PathBuf>,
    /// Say what would happen and touch nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `pack undo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack undo --root /srv/app")]
pub struct Undo {
    /// Directory to take back
    #[arg(long, value_name = "DIR")]
    pub root: PathBuf,
}

/// Arguments of `pack status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack status --root /srv/app --json")]
pub struct StatusArgs {
    /// Directory to ask about
    #[arg(long, value_name = "DIR")]
    pub root: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Carries the command out.
///
/// # Errors
/// [`Exit`](crate::cli::Exit) says why not.
pub fn run(args: Args) -> Done {
    match args.command {
        Command::Keygen(args) => commands::keygen(&args),
        Command::Build(args) => commands::build(&args),
        Command::Inspect(args) => commands::inspect(&args),
        Command::Verify(args) => commands::verify(&args),
        Command::Apply(args) => commands::apply(&args),
        Command::Undo(args) => commands::undo(&args),
        Command::Status(args) => commands::status(&args),
    }
}
