//! The operator's network management: one element, every card a row.

use crate::common::{self, Demo};

const CARD_STATE: &str = ".1.3.6.1.4.1.32473.1.2.1.1.3.";
const CARD_ADDRESS: &str = ".1.3.6.1.4.1.32473.1.2.1.1.4.";
const CARD_UP_TIME: &str = ".1.3.6.1.4.1.32473.1.2.1.1.5.";
const CARD_TEMPERATURE: &str = ".1.3.6.1.4.1.32473.1.2.1.1.6.";

fn oid(text: &str) -> Vec<u32> {
    text.trim_start_matches('.')
        .split('.')
        .map(|arc| arc.parse().unwrap_or_else(|_| panic!("{text}")))
        .collect()
}

#[test]
fn a_bulk_walk_goes_to_the_end_in_strictly_increasing_order_and_shows_every_card() {
    if !common::has(&["snmpbulkwalk"]) {
        return;
    }
    let demo = Demo::start(24);
    let walk =
        || common::run("snmpbulkwalk", &["-v2c", "-c", "public", "-On", "-Oe", demo.at("snmp"), ".1"]).ok();
    let complete = |walk: &String| {
        walk.matches(CARD_UP_TIME).count() == 24 && walk.matches(CARD_TEMPERATURE).count() == 24
    };
    // Up-time and temperature come with the first poll of each card; state and address are there at once.
    let walk = common::eventually("every card polled", || Some(walk()).filter(complete));
    let names: Vec<Vec<u32>> = walk
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .filter(|(_, value)| !value.starts_with("No more"))
        .map(|(name, _)| oid(name))
        .collect();
    assert!(walk.contains("No more variables left"), "{walk}");
    assert!(names.len() > 24 * 4 + 20, "{walk}");
    for pair in names.windows(2) {
        assert!(pair[0] < pair[1], "{:?} is followed by {:?}", pair[0], pair[1]);
    }
    for index in (1..=14).map(|slot| (1, slot)).chain((1..=10).map(|slot| (2, slot))) {
        let (chassis, slot) = index;
        let state = format!("{CARD_STATE}{chassis}.{slot} = INTEGER: 4");
        assert!(walk.contains(&state), "no {state} in\n{walk}");
        let address = format!("{CARD_ADDRESS}{chassis}.{slot} = ");
        let line =
            walk.lines().find(|line| line.starts_with(&address)).unwrap_or_else(|| panic!("no {address}"));
        let wanted = format!("127.1.{chassis}.{slot}");
        assert!(line.contains(&wanted) || line.contains(&hex(chassis, slot)), "{line}");
    }
    assert!(walk.contains(".1.3.6.1.2.1.1.5.0 = STRING: "), "sysName");
}

/// An address as net-snmp prints four octets that are no text.
fn hex(chassis: u8, slot: u8) -> String {
    format!("7F 01 {chassis:02X} {slot:02X}")
}

#[test]
fn reading_needs_the_community_and_writing_the_other_one() {
    if !common::has(&["snmpget", "snmpset"]) {
        return;
    }
    let demo = Demo::start(1);
    let name = "1.3.6.1.2.1.1.6.0";
    let get =
        |community| common::run("snmpget", &["-v2c", "-t1", "-r0", "-c", community, demo.at("snmp"), name]);
    let set = |community| {
        let arguments = ["-v2c", "-t1", "-r0", "-c", community, demo.at("snmp"), name, "s", "row 7"];
        common::run("snmpset", &arguments)
    };
    get("public").ok();
    assert_ne!(get("wrong").status, 0);
    assert_ne!(set("public").status, 0);
    assert!(set("private").ok().contains("row 7"));
    assert!(get("public").ok().contains("row 7"));
}
