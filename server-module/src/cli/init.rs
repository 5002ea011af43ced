//! `server-module init`: writes a commented configuration to start from.

use super::{Done, Exit};
use crate::view;
use std::io::Write as _;
use std::path::PathBuf;

/// The configuration that `init` writes.
pub const TEMPLATE: &str = include_str!("init.toml");

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module init\n  \
    server-module init --out /etc/server-module/module.toml\n  \
    server-module init --out - | less")]
pub struct Args {
    /// Where to; `-` is stdout. A file that exists is never overwritten
    #[arg(long, short, value_name = "FILE", default_value = "module.toml")]
    out: PathBuf,
}

/// Carries the command out.
pub(super) fn run(args: &Args) -> Done {
    if args.out.as_os_str() == "-" {
        view::say(TEMPLATE);
        return Ok(());
    }
    let shown = args.out.display();
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&args.out);
    file.and_then(|mut file| file.write_all(TEMPLATE.as_bytes())).map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "name another file with --out, or move this one away",
            std::io::ErrorKind::NotFound => "make the directory first, or name another file with --out",
            _ => "name a file that you may write with --out",
        };
        Exit::cannot(format_args!("cannot write {shown}: {error}")).next(advice)
    })?;
    view::say(format_args!("wrote {shown}\nnext: edit it, then server-module check --config {shown}\n"));
    Ok(())
}
