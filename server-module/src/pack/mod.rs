//! Update packages on directories: the commands, and the storage that carries the engine's effects out.

mod build;
mod commands;
pub mod directory;
mod drive;
mod files;
mod hands;
mod inspect;
mod keys;
mod scan;
mod shown;
mod sign;

use std::path::PathBuf;

pub use hands::Hands;

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
    /// Say which keys are trusted with what, or replace them
    Rotate(Rotate),
    /// Build one signed file that takes a directory from one version to another, and back
    Build(Build),
    /// Add signatures to a package or a set of keys
    Sign(Sign),
    /// Cut the descriptive text out of a package; its signatures hold as before
    Strip(Strip),
    /// Say what a package holds, without trusting it
    Inspect(Inspect),
    /// Check every byte of a package against a trusted key
    Verify(Verify),
    /// Verify a package and apply it to a directory
    Apply(Apply),
    /// Take a directory back to where it was before its last update
    Undo(Undo),
    /// Give a version that is on trial another chance to show that it is well
    Watch(Watch),
    /// Say that a version on trial is well: it stays
    Confirm(Confirm),
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
    /// What it is for; a profile key decrypts packages and is one file
    #[arg(long, value_enum, default_value = "release")]
    pub role: KeyRole,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyRole {
    /// Says which keys are trusted
    Root,
    /// Signs packages
    Release,
    /// Signs critical packages and new release keys when those are lost
    Emergency,
    /// Decrypts packages on the cards of a profile
    Profile,
}

/// Arguments of `pack rotate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  server-module pack rotate --root r1.pub --root r2.pub --root-threshold 2 --release rel.pub \
                        --key r1 --key r2 --out keys.upt\n  \
                        server-module pack rotate --trust keys.upt --release new.pub --key r1 --key r2 --out keys.upt"
)]
pub struct Rotate {
    /// The set of keys that it follows; roles that are not given stay as they are there
    #[arg(long, value_name = "KEYS")]
    pub trust: Option<PathBuf>,
    /// Public key of the root role
    #[arg(long, value_name = "KEY.pub")]
    pub root: Vec<PathBuf>,
    /// Public key of the release role
    #[arg(long, value_name = "KEY.pub")]
    pub release: Vec<PathBuf>,
    /// Public key of the emergency role
    #[arg(long, value_name = "KEY.pub")]
    pub emergency: Vec<PathBuf>,
    /// How many root keys must sign
    #[arg(long, value_name = "N")]
    pub root_threshold: Option<u8>,
    /// How many release keys must sign
    #[arg(long, value_name = "N")]
    pub release_threshold: Option<u8>,
    /// How many emergency keys must sign
    #[arg(long, value_name = "N")]
    pub emergency_threshold: Option<u8>,
    /// Private key that signs: of the root keys, the old and the new; more may sign later with `pack sign`
    #[arg(long, value_name = "KEY", required = true)]
    pub key: Vec<PathBuf>,
    /// The keys are emergency keys: they may replace the release keys, and nothing else
    #[arg(long)]
    pub as_emergency: bool,
    /// Set of keys to write: the old one and the new record
    #[arg(long, value_name = "KEYS")]
    pub out: PathBuf,
}

/// Arguments of `pack sign`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack sign app-1.1.upk --key second.key")]
pub struct Sign {
    /// Package or set of keys
    pub file: PathBuf,
    /// Private key that signs
    #[arg(long, value_name = "KEY", required = true)]
    pub key: Vec<PathBuf>,
}

/// Arguments of `pack strip`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack strip app-1.1.upk --out small.upk")]
pub struct Strip {
    /// Package
    pub file: PathBuf,
    /// Where to write it instead
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `pack build`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack build --from app-1.0/ --to app-1.1/ --from-version 1.0 \
                        --to-version 1.1 --key release.key --out app-1.1.upk\n\n\
                        A file of --terms, all of whose keys may be left out:\n  \
                        data = [\"var/lib/app\"]                  # the device's own: neither compared nor touched\n  \
                        config = [\"etc/app.conf\"]               # the device's changes are merged\n  \
                        guard = { seconds = 60, attempts = 3 }  # well by then, or the old version returns\n  \
                        replaces_itself = false\n  \
                        [[step]]                                # known to the driver; before = true: before the switch\n  \
                        name = \"db-migrate\"\n  \
                        arguments = \"--to 4\"\n  \
                        reversible = true\n  \
                        seconds = 30\n  \
                        [[format]]                              # of the device's data\n  \
                        component = \"db\"\n  \
                        before = { reads = [1, 3], writes = 3 }\n  \
                        after = { reads = [2, 4], writes = 4 }")]
pub struct Build {
    /// Directory that holds a version to start from; several give one file for all of them
    #[arg(long, value_name = "DIR", required_unless_present = "full")]
    pub from: Vec<PathBuf>,
    /// Directory that holds the version to arrive at
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Version to start from, one for each --from, in their order
    #[arg(long, value_name = "VERSION")]
    pub from_version: Vec<String>,
    /// Version to arrive at
    #[arg(long, value_name = "VERSION")]
    pub to_version: String,
    /// Profile of cards; each directory then holds one directory of that name for each profile
    #[arg(long, value_name = "NAME")]
    pub profile: Vec<String>,
    /// Add the whole content, for directories in which nothing is installed
    #[arg(long)]
    pub full: bool,
    /// Lead from each version to the next one given instead of straight to the last: a smaller file, more steps
    #[arg(long)]
    pub chain: bool,
    /// Leave the way back out of deltas: a smaller file, and an undo needs the old files
    #[arg(long)]
    pub no_undo: bool,
    /// It may lead to a lower version
    #[arg(long)]
    pub downgrade: bool,
    /// Paths of the device, migration steps, formats of data and the guard of health, as TOML
    #[arg(long, value_name = "FILE")]
    pub terms: Option<PathBuf>,
    /// Text for people
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Encrypt for a profile's key; without NAME= for every leg
    #[arg(long, value_name = "NAME=FILE")]
    pub seal: Vec<String>,
    /// 64 hexadecimal digits from which keys of content come; with them, the same inputs give the same file
    #[arg(long, value_name = "FILE", requires = "seal")]
    pub seal_secret: Option<PathBuf>,
    /// Set of keys whose rotations the package carries to cards that have missed them
    #[arg(long, value_name = "KEYS")]
    pub rotations: Option<PathBuf>,
    /// The keys are emergency keys; the severity is critical then
    #[arg(long)]
    pub emergency: bool,
    /// Private key that signs; several for a threshold
    #[arg(long, value_name = "KEY", required = true)]
    pub key: Vec<PathBuf>,
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
#[command(after_help = "Examples:\n  server-module pack inspect app-1.1.upk\n  \
                        server-module pack inspect app-1.1.upk --from-version 1.0 --profile web")]
pub struct Inspect {
    /// Package, or set of keys
    pub file: PathBuf,
    /// Show what changes on that leg
    #[arg(long, value_name = "N")]
    pub leg: Option<usize>,
    /// Say which way a card with that version goes, and why
    #[arg(long, value_name = "VERSION")]
    pub from_version: Option<String>,
    /// The profile of that card
    #[arg(long, value_name = "NAME", requires = "from_version")]
    pub profile: Option<String>,
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
    /// Public keys that are trusted, or one set of keys as `pack rotate` writes it
    #[arg(long, value_name = "KEYS", required = true)]
    pub trust: Vec<PathBuf>,
    /// How many of the public keys must have signed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threshold: u8,
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
    /// Public keys that are trusted, or one set of keys as `pack rotate` writes it
    #[arg(long, value_name = "KEYS", required = true)]
    pub trust: Vec<PathBuf>,
    /// How many of the public keys must have signed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threshold: u8,
    /// The card's profile, for packages that hold several
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Key of the card's profile, for packages that are encrypted
    #[arg(long, value_name = "FILE")]
    pub profile_key: Vec<PathBuf>,
    /// Say what would happen and touch nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Programs that the update may need
    #[command(flatten)]
    pub hands: Hands,
}

/// Arguments of `pack watch`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: server-module pack watch --root /srv/app --health 'curl -fs http://127.0.0.1:8000/'"
)]
pub struct Watch {
    /// Directory whose version is on trial
    #[arg(long, value_name = "DIR")]
    pub root: PathBuf,
    /// Programs that the update may need
    #[command(flatten)]
    pub hands: Hands,
}

/// Arguments of `pack confirm`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack confirm --root /srv/app")]
pub struct Confirm {
    /// Directory whose version is on trial
    #[arg(long, value_name = "DIR")]
    pub root: PathBuf,
}

/// Arguments of `pack undo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: server-module pack undo --root /srv/app")]
pub struct Undo {
    /// Directory to take back
    #[arg(long, value_name = "DIR")]
    pub root: PathBuf,
    /// Programs that the update may need
    #[command(flatten)]
    pub hands: Hands,
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
        Command::Keygen(args) => keys::keygen(&args),
        Command::Rotate(args) => keys::rotate(&args),
        Command::Build(args) => build::build(&args),
        Command::Sign(args) => sign::sign(&args),
        Command::Strip(args) => sign::strip(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Verify(args) => inspect::verify(&args),
        Command::Apply(args) => commands::apply(&args),
        Command::Undo(args) => commands::undo(&args),
        Command::Watch(args) => commands::watch(&args),
        Command::Confirm(args) => commands::confirm(&args),
        Command::Status(args) => commands::status(&args),
    }
}
