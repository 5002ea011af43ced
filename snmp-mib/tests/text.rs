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

#[test]
fn snmptranslate_knows_every_object_by_its_name() {
    if !needs("snmptranslate") {
        return;
    }
    let Some(base) = base_modules() else {
        return;
    };
    let dir = tempdir("snmptranslate");
    fs::write(dir.join(MODULE.name), text::write(&MODULE, ENTERPRISE, ENTERPRISE)).unwrap();
    let dirs = format!("{}:{}", dir.display(), base.display());
    let names = MODULE
        .tables
        .iter()
        .flat_map(|table| table.columns.iter().map(|column| (column.name, table.oid, 1, column.arc)));
    for (name, above, entry, arc) in names {
        let (good, out) = run(
            "snmptranslate",
            &["-M", &dirs, "-m", MODULE.name, "-On", &format!("{}::{name}", MODULE.name)],
        );
        assert!(good && out.trim_end().ends_with(&format!(".{above}.{entry}.{arc}")), "{name}: {out}");
    }
    let (_, tree) =
        run("snmptranslate", &["-M", &dirs, "-m", MODULE.name, "-Tp", "SERVER-MODULE-MIB::serverModule"]);
    assert!(!tree.contains("Cannot") && tree.contains("smSummaryCardsRunning"), "{tree}");
}

#[test]
fn mib_rs_loads_the_module_and_finds_its_objects() {
    let source = mib_rs::source::memory(MODULE.name, text::write(&MODULE, ENTERPRISE, ENTERPRISE));
    let mib = mib_rs::Loader::new()
        .source(source)
        .modules([MODULE.name])
        .resolver_strictness(mib_rs::ResolverStrictness::Strict)
        .load()
        .unwrap();
    let told: Vec<String> = mib.diagnostics().iter().map(|one| format!("{one:?}")).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    for (name, oid) in [
        ("smCardTable", "1.3.6.1.4.1.32473.1.2.1"),
        ("smCardState", "1.3.6.1.4.1.32473.1.2.1.1.3"),
        ("smCardTemperature", "1.3.6.1.4.1.32473.1.2.1.1.6"),
        ("smCardStateChange", "1.3.6.1.4.1.32473.1.0.1"),
        ("smAlarmRaised", "1.3.6.1.4.1.32473.1.0.2"),
        ("smHardwareDescr", "1.3.6.1.4.1.32473.1.2.2.1.3"),
        ("smLoadMirror", "1.3.6.1.4.1.32473.1.2.4.1.6"),
        ("smServiceState", "1.3.6.1.4.1.32473.1.5.1.1.3"),
        ("smMemberRole", "1.3.6.1.4.1.32473.1.5.3.1.1"),
        ("smUsageRemoteHits", "1.3.6.1.4.1.32473.1.6.1.1.2"),
        ("smUpdateState", "1.3.6.1.4.1.32473.1.7.2.1.1"),
        ("smAlarmCount", "1.3.6.1.4.1.32473.1.8.1.1.9"),
        ("smActionRowStatus", "1.3.6.1.4.1.32473.1.9.1.1.9"),
        ("smSummaryActionChanges", "1.3.6.1.4.1.32473.1.10.17"),
    ] {
        assert_eq!(mib.resolve_oid(name).unwrap().to_string(), oid, "{name}");
    }
}

fn tempdir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("snmp-mib-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}
