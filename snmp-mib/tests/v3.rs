//! SNMPv3 through the agent, with net-snmp's tools and in memory.
#![cfg(feature = "usm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use snmp_mib::agent::{Agent, Error, Input, Output, Rights};
use snmp_mib::usm::{Auth, Config, Credentials, Extension, Privacy, RustCrypto};
use support::{Cabinet, Server, cabinet, needs, run, talk::MANAGER};

const AUTH: &str = "open sesame";
const PRIVACY: &str = "forty thieves";

/// Every user with the options by which net-snmp's tools ask as that user.
fn users() -> Vec<(Credentials, Rights, Vec<&'static str>)> {
    let auth = |kind| (kind, AUTH.as_bytes());
    let aes = |kind| (kind, PRIVACY.as_bytes());
    let encrypted =
        |name: &str, a, p| Credentials::encrypted(&RustCrypto, name.as_bytes(), auth(a), aes(p)).unwrap();
    vec![
        (Credentials::open(b"open"), Rights::Read, vec!["-u", "open", "-l", "noAuthNoPriv"]),
        (
            Credentials::authenticated(&RustCrypto, b"sha", (Auth::Sha1, AUTH.as_bytes())).unwrap(),
            Rights::Read,
            vec!["-u", "sha", "-l", "authNoPriv", "-a", "SHA", "-A", AUTH],
        ),
        (
            encrypted("sha256", Auth::Sha256, Privacy::Aes128),
            Rights::Write,
            vec!["-u", "sha256", "-l", "authPriv", "-a", "SHA-256", "-A", AUTH, "-x", "AES", "-X", PRIVACY],
        ),
        (
            encrypted("sha512", Auth::Sha512, Privacy::Aes128),
            Rights::Read,
            vec!["-u", "sha512", "-l", "authPriv", "-a", "SHA-512", "-A", AUTH, "-x", "AES", "-X", PRIVACY],
        ),
    ]
}

fn secured() -> Agent<Cabinet> {
    let mut agent = cabinet(30);
    let config = Config { engine: (*b"\x80\0\x7e\xd9\x04cave").into(), boots: 3, salt: 99, max_size: 65_507 };
    let users: Vec<_> = users().into_iter().map(|(user, rights, _)| (user, rights)).collect();
    agent.secure(Duration::ZERO, config, &users);
    agent
}

fn tool(program: &str, options: &[&str], address: &str, rest: &[&str]) -> (bool, String) {
    let fixed = ["-v3", "-On", "-t", "2", "-r", "1"];
    run(program, &[&fixed[..], options, &[address], rest].concat())
}

#[test]
fn net_snmp_walks_the_cabinet_at_every_level() {
    if !needs("snmpbulkwalk") {
        return;
    }
    let server = Server::start(secured());
    for (_, _, options) in users() {
        let (good, out) = tool("snmpbulkwalk", &options, &server.address(), &[".1"]);
        assert!(good && out.contains("No more variables left"), "{options:?}: {out}");
        let states = out.lines().filter(|line| line.starts_with(".1.3.6.1.4.1.32473.1.2.1.1.3.")).count();
        assert_eq!(states, 30, "{options:?}");
    }
}

#[test]
fn net_snmp_writes_as_the_user_who_may() {
    if !needs("snmpset") {
        return;
    }
    let server = Server::start(secured());
    let contact = ["1.3.6.1.2.1.1.4.0", "s", "ops@example"];
    for (_, rights, options) in users() {
        let (good, out) = tool("snmpset", &options, &server.address(), &contact);
        assert_eq!(good, rights == Rights::Write, "{out}");
        assert!(good || out.contains("noAccess"), "{out}");
    }
}

#[test]
fn rfc3414_a_user_is_believed_at_its_own_level_only() {
    if !needs("snmpget") {
        return;
    }
    let server = Server::start(secured());
    let name = ["1.3.6.1.2.1.1.5.0"];
    let address = server.address();
    let refused = [
        // Known, but below its level; with the wrong password; not known at all.
        (vec!["-u", "sha256", "-l", "noAuthNoPriv"], "authorizationError"),
        (vec!["-u", "sha256", "-l", "authNoPriv", "-a", "SHA-256", "-A", AUTH], "authorizationError"),
        (
            vec!["-u", "sha", "-l", "authNoPriv", "-a", "SHA", "-A", "wrong password"],
            "Authentication failure",
        ),
        (vec!["-u", "nobody", "-l", "noAuthNoPriv"], "Unknown user name"),
    ];
    for (options, why) in refused {
        let (good, out) = tool("snmpget", &options, &address, &name);
        assert!(!good && out.contains(why), "{options:?}: {out}");
    }
    // Another context than the cabinet's own is not served.
    let (good, _) = tool("snmpget", &["-u", "open", "-l", "noAuthNoPriv", "-n", "card"], &address, &name);
    assert!(!good);
}

#[test]
fn without_users_v3_is_a_bad_version() {
    let mut agent = cabinet(1);
    let data = b"\x30\x03\x02\x01\x03";
    let outcome = agent.handle(Duration::ZERO, Input::Datagram { from: MANAGER.parse().unwrap(), data });
    assert!(matches!(outcome, Err(Error::Malformed(_))));
    assert_eq!(agent.stats().in_bad_versions.0, 1);
}

#[test]
fn a_discovery_is_answered_with_less_than_twice_its_size() {
    // RFC 3414 §4: an empty engine, no user; what a stranger gets back must not be worth forging an address for.
    let probe = b"\x30\x3a\x02\x01\x03\x30\x0f\x02\x02\x4a\x69\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01\x03\
                  \x04\x10\x30\x0e\x04\x00\x02\x01\x00\x02\x01\x00\x04\x00\x04\x00\x04\x00\
                  \x30\x12\x04\x00\x04\x00\xa0\x0c\x02\x02\x37\xf0\x02\x01\x00\x02\x01\x00\x30\x00";
    let mut agent = secured();
    let input = Input::Datagram { from: MANAGER.parse().unwrap(), data: probe };
    agent.handle(Duration::ZERO, input).unwrap();
    let Some(Output::Send { data, .. }) = agent.poll_output() else { panic!("a report") };
    assert!(data.len() < 2 * probe.len(), "{} for {}", data.len(), probe.len());
}

#[test]
fn both_key_extensions_exist() {
    for extension in [Extension::Blumenthal, Extension::Reeder] {
        let privacy = (Privacy::Aes256(extension), PRIVACY.as_bytes());
        assert!(
            Credentials::encrypted(&RustCrypto, b"long", (Auth::Sha256, AUTH.as_bytes()), privacy).is_ok()
        );
    }
}

#[test]
fn rfc3412_7_2_what_is_refused_is_counted_and_reported() {
    if !needs("snmpget") {
        return;
    }
    let server = Server::start(secured());
    let address = server.address();
    let open = ["-u", "open", "-l", "noAuthNoPriv"];
    // Another engine's context, a context that there is not, and nobody's name.
    for wrong in [["-E", "0x80007ed9046f74686572"], ["-n", "9.9"]] {
        let (good, out) = tool("snmpget", &[&open[..], &wrong].concat(), &address, &["1.3.6.1.2.1.1.5.0"]);
        assert!(!good && !out.contains("Timeout"), "{out}");
    }
    tool("snmpget", &["-u", "nobody", "-l", "noAuthNoPriv"], &address, &["1.3.6.1.2.1.1.5.0"]);
    let counters = ["1.3.6.1.6.3.11.2.1.3.0", "1.3.6.1.6.3.12.1.5.0", "1.3.6.1.6.3.15.1.1.3.0"];
    let (good, out) = tool("snmpget", &open, &address, &counters);
    assert!(good, "{out}");
    for line in out.lines() {
        let count: u32 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(line.contains("Counter32") && count >= 1, "{out}");
    }
}
