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

#[test]
fn one_card_is_reached_through_the_cabinet_by_its_position() {
    if !common::has(&["snmpget", "snmpset"]) {
        return;
    }
    let demo = Demo::start(2);
    let ask = |community: &str, name: &str| {
        common::run("snmpget", &["-v2c", "-t3", "-r0", "-Oqv", "-c", community, demo.at("snmp"), name])
    };
    let name = "1.3.6.1.2.1.1.5.0";
    for card in ["1.1", "1.2"] {
        let told = common::eventually("the card's own name", || {
            let said = ask(&format!("public@{card}"), name);
            (said.status == 0).then(|| said.ok())
        });
        assert!(told.contains(&format!("card-{card}")), "{told}");
    }
    assert!(!ask("public", name).ok().contains("card-"), "the cabinet's own name");
    // Neither a card that is not there nor a community that is not known; and a card is commanded by the cabinet.
    assert_ne!(ask("public@9.9", name).status, 0);
    assert_ne!(ask("wrong@1.1", name).status, 0);
    let arguments =
        ["-v2c", "-t3", "-r0", "-c", "private@1.1", demo.at("snmp"), "1.3.6.1.4.1.32473.1.4.1.0", "i", "2"];
    let said = common::run("snmpset", &arguments);
    assert_ne!(said.status, 0);
    let walk = ["-v2c", "-t3", "-r0", "-On", "-c", "public@1.2", demo.at("snmp"), "1.3.6.1.4.1.32473.1.4"];
    let walked = common::run("snmpbulkwalk", &walk).ok();
    assert!(walked.contains(".1.3.6.1.4.1.32473.1.4.2.0 = STRING: \"server-module"), "{walked}");
}

#[test]
fn stock_management_shows_chassis_slots_cards_and_services() {
    if !common::has(&["snmpbulkwalk"]) {
        return;
    }
    let demo = Demo::start(3);
    let walk = |root: &str| {
        common::run("snmpbulkwalk", &["-v2c", "-c", "public", "-On", demo.at("snmp"), root]).ok()
    };
    let names = common::eventually("every card in its slot", || {
        Some(walk("1.3.6.1.2.1.47.1.1.1.1.7")).filter(|names| {
            names.contains("\"card 1.1 temperature\"") && names.contains("\"card 1.3 temperature\"")
        })
    });
    assert!(names.contains("\"chassis 1\"") && names.contains("\"slot 1.14\""), "{names}");
    // The index follows from the place: chassis 1, slot 2, a module.
    assert!(names.contains(".1.3.6.1.2.1.47.1.1.1.1.7.10021000 = STRING: \"card 1.2\""), "{names}");
    assert!(walk("1.3.6.1.2.1.99.1.1.1.4").lines().count() >= 3);
    let services = walk("1.3.6.1.4.1.32473.1.5.1.1.3");
    assert!(services.contains(" = INTEGER: "), "{services}");
    let running = walk("1.3.6.1.4.1.32473.1.10.4");
    assert!(running.contains("Gauge32: 3"), "{running}");
}

/// A `run` with an agent on a port of its own.
struct Run(std::process::Child);

impl Run {
    fn start(dir: &std::path::Path, port: u16) -> Run {
        let config = dir.join("module.toml");
        let text = format!(
            "[module]\nname = \"v3\"\nchassis = 1\nslots = 2\nstate = \"state\"\n\
             [network]\ninternal = \"127.1.0.0/16\"\naddress = \"127.0.0.1\"\n\
             [listen]\nsnmp = [\"127.0.0.1:{port}\"]\n\
             [snmp]\nviews = [{{ name = \"system\", include = [\"1.3.6.1.2.1.1\"], exclude = [\"1.3.6.1.2.1.1.9\"] }}]\n\
             users = [\n  {{ name = \"ops\", auth_password = \"open sesame\", privacy_password = \"forty thieves\", access = \"write\" }},\n  \
             {{ name = \"guest\", auth = \"sha\", auth_password = \"open sesame\", access = \"read\", view = \"system\" }},\n]\n"
        );
        std::fs::create_dir_all(dir.join("state")).unwrap();
        std::fs::write(&config, text).unwrap();
        let mut command = std::process::Command::new(common::BINARY);
        command.args(["run", "--config", config.to_str().unwrap()]);
        let log = std::fs::File::create(dir.join("log")).unwrap();
        Run(command.stdout(std::process::Stdio::null()).stderr(log).spawn().unwrap())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        common::signal(&self.0, "TERM");
        common::wait(&mut self.0, std::time::Duration::from_secs(10));
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn v3_users_see_their_views_and_the_engine_counts_its_starts() {
    if !common::has(&["snmpget", "snmpbulkwalk"]) {
        return;
    }
    let (dir, port) = (tempfile::tempdir().unwrap(), common::base_port());
    let address = format!("127.0.0.1:{port}");
    let ops = [
        "-v3",
        "-t2",
        "-r0",
        "-u",
        "ops",
        "-l",
        "authPriv",
        "-a",
        "SHA-256",
        "-A",
        "open sesame",
        "-x",
        "AES",
        "-X",
        "forty thieves",
        "-On",
    ];
    let guest =
        ["-v3", "-t2", "-r0", "-u", "guest", "-l", "authNoPriv", "-a", "SHA", "-A", "open sesame", "-On"];
    let boots = "1.3.6.1.6.3.10.2.1.2.0";
    for start in 1..=2 {
        let run = Run::start(dir.path(), port);
        let told = common::eventually("an agent that answers", || {
            let said = common::run("snmpget", &[&ops[..], &[&address, boots]].concat());
            (said.status == 0).then(|| said.ok())
        });
        assert!(told.contains(&format!("INTEGER: {start}")), "{told}");
        if start == 2 {
            let seen = common::run("snmpbulkwalk", &[&guest[..], &[&address, ".1"]].concat()).ok();
            assert!(seen.contains(".1.3.6.1.2.1.1.5.0 = ") && !seen.contains(".1.3.6.1.2.1.1.9."), "{seen}");
            assert!(!seen.contains(".1.3.6.1.2.1.2."), "{seen}");
            let low = ["-v3", "-t2", "-r0", "-u", "ops", "-l", "noAuthNoPriv"];
            assert_ne!(common::run("snmpget", &[&low[..], &[&address, boots]].concat()).status, 0);
        }
        drop(run);
    }
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(!log.contains("sesame") && !log.contains("thieves"), "{log}");
}
