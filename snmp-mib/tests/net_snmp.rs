//! net-snmp's own tools against the agent, over loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use support::{Server, cabinet, needs, run};

/// Runs one of net-snmp's tools against a fresh agent and returns what it printed.
fn ask(tool: &str, arguments: &[&str], rest: &[&str]) -> Option<(bool, String)> {
    if !needs(tool) {
        return None;
    }
    let server = Server::start(cabinet(24));
    let address = server.address();
    let mut all = arguments.to_vec();
    all.push(&address);
    all.extend(rest);
    Some(run(tool, &all))
}

#[test]
fn snmpget_reads_the_system_group_in_both_versions() {
    for version in ["-v1", "-v2c"] {
        let arguments = [version, "-c", "public", "-On", "-t", "2"];
        let Some((good, out)) = ask("snmpget", &arguments, &["1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.3.0"])
        else {
            return;
        };
        assert!(good, "{out}");
        assert!(out.contains(".1.3.6.1.2.1.1.5.0 = STRING: \"cabinet\""), "{out}");
        assert!(out.contains(".1.3.6.1.2.1.1.3.0 = Timeticks:"), "{out}");
    }
}

#[test]
fn snmpget_shows_the_exceptions() {
    let arguments = ["-v2c", "-c", "public", "-On", "-t", "2"];
    let names = ["1.3.6.1.2.1.99.1.0", "1.3.6.1.2.1.1.5.1"];
    let Some((_, out)) = ask("snmpget", &arguments, &names) else {
        return;
    };
    assert!(out.contains("No Such Object available"), "{out}");
    assert!(out.contains("No Such Instance currently exists"), "{out}");
}

#[test]
fn snmpbulkwalk_rises_strictly_to_the_end_and_shows_every_card() {
    // Without -Cc snmpbulkwalk itself stops at a name that does not rise.
    let Some((good, out)) = ask("snmpbulkwalk", &["-v2c", "-c", "public", "-On", "-t", "2"], &[".1"]) else {
        return;
    };
    assert!(good, "{out}");
    assert!(out.contains("No more variables left"), "{out}");
    assert_eq!(
        out.lines().filter(|line| line.starts_with(".1.3.6.1.4.1.32473.1.2.1.1.3.")).count(),
        24,
        "{out}"
    );
}

#[test]
fn snmpwalk_by_getnext_sees_what_snmpbulkwalk_sees() {
    let Some((_, bulk)) = ask("snmpbulkwalk", &["-v2c", "-c", "public", "-On", "-t", "2"], &["1.3.6.1.4.1"])
    else {
        return;
    };
    let (_, next) = ask("snmpwalk", &["-v1", "-c", "public", "-On", "-t", "2"], &["1.3.6.1.4.1"]).unwrap();
    assert!(bulk.lines().count() > 48);
    assert_eq!(bulk, next);
}

#[test]
fn snmpset_writes_the_system_group_with_the_right_community_only() {
    if !needs("snmpset") {
        return;
    }
    let server = Server::start(cabinet(2));
    let address = server.address();
    let set = |community: &str, rest: &[&str]| {
        run("snmpset", &[&["-v2c", "-c", community, "-On", "-t", "2", &address], rest].concat())
    };
    let (good, out) =
        set("private", &["1.3.6.1.2.1.1.4.0", "s", "ops@example", "1.3.6.1.2.1.1.6.0", "s", "Antwerp"]);
    assert!(good, "{out}");
    let (good, out) = set("public", &["1.3.6.1.2.1.1.4.0", "s", "intruder"]);
    assert!(!good && out.contains("noAccess"), "{out}");
    // All or nothing: the second binding is not writable, so the first is not written either.
    let (good, out) = set("private", &["1.3.6.1.2.1.1.6.0", "s", "Ghent", "1.3.6.1.2.1.1.1.0", "s", "x"]);
    assert!(!good && out.contains("notWritable"), "{out}");
    let (_, out) = run(
        "snmpget",
        &["-v2c", "-c", "public", "-Oqv", "-t", "2", &address, "1.3.6.1.2.1.1.4.0", "1.3.6.1.2.1.1.6.0"],
    );
    assert_eq!(out, "\"ops@example\"\n\"Antwerp\"\n");
}
