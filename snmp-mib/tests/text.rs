//! The module text against other people's compilers.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::{fs, path::PathBuf};

use snmp_mib::mib::text;
use snmp_mib::mibs::cabinet::{ENTERPRISE, MODULE};
use support::{needs, run, skip};

/// Where the modules that ours import from may be found.
fn base_modules() -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = vec!["/usr/share/mibs/ietf".into(), "/usr/share/snmp/mibs".into()];
    places.extend(std::env::var_os("SMIPATH").iter().flat_map(std::env::split_paths));
    let found = places.into_iter().find(|dir| dir.join("SNMPv2-SMI").is_file());
    if found.is_none() {
        skip("the module SNMPv2-SMI, in SMIPATH");
    }
    found
}

#[test]
fn smilint_has_nothing_to_say() {
    if !needs("smilint") {
        return;
    }
    let Some(base) = base_modules() else {
        return;
    };
    let dir = tempdir("smilint");
    fs::write(dir.join(MODULE.name), text::write(&MODULE, ENTERPRISE, ENTERPRISE)).unwrap();
    let path = format!("{}:{}", base.display(), dir.display());
    let file = dir.join(MODULE.name);
    let (_, out) = run("env", &[&format!("SMIPATH={path}"), "smilint", "-l", "6", file.to_str().unwrap()]);
    assert_eq!(out, "");
}

fn tempdir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("snmp-mib-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}
