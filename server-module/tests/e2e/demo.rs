//! The demo itself: the ready line, how soon it comes, and that nothing stays behind.

use std::process::Command;
use std::time::Duration;

use crate::common::{self, BINARY, Demo};

const KEYS: [&str; 15] = [
    "ready",
    "http",
    "https",
    "ftp",
    "pop3",
    "snmp",
    "dhcp",
    "tftp",
    "admin",
    "admin_user",
    "admin_password",
    "metrics",
    "ctl",
    "services",
    "traps",
];

#[test]
fn it_is_ready_within_five_seconds_with_every_card_serving() {
    let demo = Demo::start(24);
    assert!(demo.ready_after < Duration::from_secs(5), "ready after {:?}", demo.ready_after);
    for key in KEYS {
        assert!(demo.ready.get(key).is_some(), "no {key} in {}", demo.ready);
    }
    assert_eq!(demo.ready["ready"], true);
    assert_eq!(demo.at("http"), format!("127.0.0.1:{}", demo.base));
    let mut reached = std::collections::BTreeSet::new();
    for service in demo.ready["services"].as_array().unwrap() {
        let cards: Vec<&str> =
            service["cards"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        let sid = service["sid"][0].as_str().unwrap().replace('*', "any");
        let (host, path) =
            sid.split_once('/').map_or((sid.as_str(), String::new()), |(h, p)| (h, format!("/{p}")));
        for _ in &cards {
            let answer = demo.get(host, &format!("{path}/"));
            assert_eq!(answer.status, 200, "{sid}: {answer:?}");
            let card = answer.header("x-demo-card").expect("x-demo-card").to_owned();
            assert!(cards.contains(&card.as_str()), "{sid} is on {cards:?}, {card} answered");
            assert!(answer.body.contains(&card), "{answer:?}");
            reached.insert(card);
        }
    }
    // All but the backup cards, which serve only when their active card does not.
    assert!(reached.len() >= 23, "only {reached:?}");
}

#[test]
fn a_busy_port_is_a_usage_error_that_names_the_way_out() {
    let demo = Demo::start(1);
    let second = common::run(BINARY, &["demo", "--cards", "1", "--base-port", &demo.base.to_string()]);
    assert_eq!(second.status, 2, "{second:?}");
    assert!(second.err.contains("--base-port"), "{}", second.err);
    assert_eq!(second.out, "");
    assert_eq!(demo.get("www.sell.com", "/").status, 200, "the first demo is not disturbed");
}

#[test]
fn ctrl_c_ends_it_and_leaves_nothing_behind() {
    let mut demo = Demo::start(2);
    assert!(!demo.leftovers().is_empty(), "its state is in the temporary directory");
    assert_eq!(demo.interrupt(), 0);
    assert_eq!(demo.leftovers(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn seconds_end_it_by_itself_and_people_get_commands_to_try() {
    let (base, tmp) = (common::base_port(), tempfile::tempdir().unwrap());
    let mut command = Command::new(BINARY);
    command
        .args(["demo", "--cards", "2", "--seconds", "1", "--base-port", &base.to_string()])
        .env("TMPDIR", tmp.path());
    let said = common::finish(command).ok();
    for wanted in ["curl", "snmpbulkwalk", "ctl", "www.sell.com", &format!("127.0.0.1:{base}")] {
        assert!(said.contains(wanted), "no {wanted} in:\n{said}");
    }
    assert!(!said.contains('\u{1b}'), "no colours into a pipe");
    assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 0);
}
