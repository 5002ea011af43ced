//! `server-module mib`: writes the texts of the MIB modules that the agent serves.

use super::{Done, Exit};
use crate::view;
use snmp_mib::mib::text;
use snmp_mib::mibs::cabinet::{ENTERPRISE, MODULE};
use snmp_mib::wire::OidBuf;
use std::path::PathBuf;

/// Arguments of `mib`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module mib\n  \
    server-module mib --out /usr/share/snmp/mibs\n  \
    server-module mib --enterprise 1.3.6.1.4.1.32473 | less")]
pub struct Args {
    /// The directory to write to, one file a module; without it the text goes to stdout
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The operator's enterprise number, as `snmp.enterprise` in the configuration
    #[arg(long, value_name = "OID", default_value = "1.3.6.1.4.1.32473", value_parser = enterprise)]
    enterprise: OidBuf,
}

fn enterprise(text: &str) -> Result<OidBuf, String> {
    let oid: OidBuf = text.parse().map_err(|_| "dotted numbers are expected".to_owned())?;
    let above = snmp_mib::oid!(1, 3, 6, 1, 4, 1);
    match oid.as_oid().strip_prefix(above) {
        Some(below) if !below.is_empty() => Ok(oid),
        _ => Err("a number below 1.3.6.1.4.1 is expected".to_owned()),
    }
}

/// Carries the command out.
pub(super) fn run(args: &Args) -> Done {
    let text = text::write(&MODULE, ENTERPRISE, args.enterprise.as_oid());
    let Some(dir) = &args.out else {
        view::say(text);
        return Ok(());
    };
    let file = dir.join(MODULE.name);
    std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&file, text)).map_err(|error| {
        Exit::cannot(format_args!("cannot write {}: {error}", file.display()))
            .next("name a directory that you may write with --out")
    })?;
    view::say(format_args!("wrote {}\n", file.display()));
    Ok(())
}
