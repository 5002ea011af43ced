//! `server-module user`: hashes a password into an entry of `[admin] users`.

use super::{Done, Exit};
use crate::cabinet::{Name, Role};
use crate::view;
use argon2::{Argon2, PasswordHasher as _};
use std::io::{BufRead as _, IsTerminal as _};

/// Arguments of `user`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module user ops\n  \
    echo 'correct horse' | server-module user alice --role technician\n\n\
    The password is asked for on a terminal, or read as one line from stdin.")]
pub struct Args {
    /// The account's name
    name: Name,
    /// What it may do
    #[arg(long, value_enum, default_value_t = RoleWord::Operator)]
    role: RoleWord,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The roles as words of the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum RoleWord {
    /// Runs the cabinet: everything
    Operator,
    /// Touches the hardware: stops and starts cards
    Technician,
    /// Owns services: its own cards only
    User,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Operator => Self::Operator,
            RoleWord::Technician => Self::Technician,
            RoleWord::User => Self::User,
        }
    }
}

/// Carries the command out.
pub(super) fn run(args: &Args) -> Done {
    let password = password()?;
    if password.len() < 8 {
        return Err(Exit::usage("the password has fewer than 8 bytes").next("choose a longer one"));
    }
    let hash = hash(&password).map_err(|error| Exit::cannot(format_args!("cannot hash: {error}")))?;
    let (name, role) = (&args.name, Role::from(args.role).word());
    if args.json {
        view::json(&serde_json::json!({ "name": name, "role": role, "password_hash": hash }));
    } else {
        view::say(format_args!("{{ name = \"{name}\", role = \"{role}\", password_hash = \"{hash}\" }}\n"));
        eprintln!(
            "next: put it into [admin] users = [...] of the configuration, then server-module ctl reload"
        );
    }
    Ok(())
}

/// The argon2id hash of a password, as PHC text.
///
/// # Errors
/// The system's random numbers are not to be had.
pub fn hash(password: &str) -> Result<String, String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|e| e.to_string())
}

fn password() -> Result<String, Exit> {
    let failed = |error: std::io::Error| Exit::cannot(format_args!("cannot read the password: {error}"));
    if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(failed)?;
        let again = rpassword::prompt_password("Again: ").map_err(failed)?;
        return if first == again { Ok(first) } else { Err(Exit::usage("the two passwords differ")) };
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
