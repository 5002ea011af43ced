//! RFC 1157, SNMPv1, and what RFC 3584 says about serving it: a test for every clause, named after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use snmp_mib::agent::{Agent, Community, Config, Error, Input, Limits};
use snmp_mib::mib::{Counter64, Mib, MibTable, Table};
use snmp_mib::wire::{ErrorStatus, Value, Version};
use support::{
    cabinet,
    talk::{Ask, MANAGER, oid, walk},
};

const SYS_DESCR: &str = "1.3.6.1.2.1.1.1.0";
const SYS_NAME: &str = "1.3.6.1.2.1.1.5.0";

/// Two columns, the first of which v1 cannot see.
#[derive(Clone, Debug, MibTable)]
#[mib(name = "exTable", oid = "1.3.6.1.4.1.32473.7", index(number))]
struct Wide {
    #[mib(1)]
    number: u32,
    #[mib(2)]
    big: Counter64,
    #[mib(3)]
    small: i32,
}

#[derive(Clone, Debug, Mib)]
struct Wides {
    table: Table<Wide>,
}

fn wides(rows: u32) -> Agent<Wides> {
    let table = (1..=rows).map(|number| Wide { number, big: Counter64(7), small: 3 }).collect();
    let config = Config { communities: vec![Community::read("public")], ..Config::default() };
    Agent::new(Duration::ZERO, config, Wides { table }).unwrap()
}

#[test]
fn section_4_1_2_a_missing_name_is_no_such_name_and_the_bindings_come_back() {
    for missing in ["1.3.6.1.2.1.99.1.0", "1.3.6.1.2.1.1.5.1"] {
        let answer = Ask::get(&[SYS_NAME, missing]).v1().of(&mut cabinet(1));
        answer.failed(ErrorStatus::NO_SUCH_NAME, 2);
        assert_eq!(answer.names(), [SYS_NAME, missing]);
        assert_eq!(answer.value(0), Value::Null);
    }
}

#[test]
fn section_4_1_3_behind_the_last_name_is_no_such_name() {
    Ask::next(&["1.3.6.1.6.4"]).v1().of(&mut cabinet(1)).failed(ErrorStatus::NO_SUCH_NAME, 1);
}

#[test]
fn section_4_1_2_too_big_keeps_the_bindings() {
    let config = Config {
        communities: vec![Community::read("public")],
        limits: Limits { max_message: 600, ..Limits::default() },
        ..Config::default()
    };
    let mut agent = Agent::new(Duration::ZERO, config, ()).unwrap();
    agent.system_mut().descr = "x".repeat(250).as_str().into();
    let answer = Ask::get(&[SYS_DESCR; 4]).v1().of(&mut agent);
    answer.failed(ErrorStatus::TOO_BIG, 0);
    assert_eq!(answer.names().len(), 4);
}

#[test]
fn section_4_1_5_set_refusals_are_those_of_v1() {
    let mut agent = cabinet(1);
    let cases = [
        (SYS_NAME, Value::Integer(1), ErrorStatus::BAD_VALUE),
        (SYS_DESCR, Value::Octets(b"x"), ErrorStatus::NO_SUCH_NAME),
        ("1.3.6.1.2.1.1.5.1", Value::Octets(b"x"), ErrorStatus::NO_SUCH_NAME),
    ];
    for (name, value, status) in cases {
        Ask::set(&[(name, value)]).v1().of(&mut agent).failed(status, 1);
    }
    Ask::set(&[(SYS_NAME, Value::Octets(b"new"))]).v1().of(&mut agent).good();
    assert_eq!(agent.system().name.as_str(), "new");
}

#[test]
fn section_4_1_5_set_without_the_right_is_no_such_name() {
    let ask = Ask::set(&[(SYS_NAME, Value::Octets(b"x"))]).v1().by("public");
    ask.of(&mut cabinet(1)).failed(ErrorStatus::NO_SUCH_NAME, 1);
}

#[test]
fn section_4_1_an_unknown_community_is_dropped_and_counted() {
    let mut agent = cabinet(1);
    let data = Ask::get(&[SYS_NAME]).v1().by("guess").bytes();
    let outcome =
        agent.handle(Duration::ZERO, Input::Datagram { from: MANAGER.parse().unwrap(), data: &data });
    assert_eq!(outcome, Err(Error::Community));
    assert_eq!(agent.poll_output(), None);
    assert_eq!(agent.stats().in_bad_community_names.0, 1);
}

#[test]
fn section_4_1_a_community_counts_from_its_networks_only() {
    let communities = vec![Community::read("public").from(["192.0.2.0/24".parse().unwrap()])];
    let mut agent = Agent::new(Duration::ZERO, Config { communities, ..Config::default() }, ()).unwrap();
    let data = Ask::get(&[SYS_NAME]).bytes();
    for (from, good) in
        [("192.0.2.9:5", true), ("192.0.3.9:5", false), ("[::ffff:192.0.2.1]:5", true), ("[::1]:5", false)]
    {
        let input = Input::Datagram { from: from.parse().unwrap(), data: &data };
        assert_eq!(agent.handle(Duration::ZERO, input).is_ok(), good, "{from}");
    }
}

#[test]
fn rfc3584_section_4_2_2_1_counter64_is_no_such_name() {
    let name = "1.3.6.1.4.1.32473.7.1.2.1";
    Ask::get(&[name]).v1().of(&mut wides(1)).failed(ErrorStatus::NO_SUCH_NAME, 1);
    assert_eq!(Ask::get(&[name]).of(&mut wides(1)).value(0), Value::Counter64(7));
}

#[test]
fn rfc3584_section_4_2_2_1_get_next_passes_over_counter64() {
    let mut agent = wides(500);
    let answer = Ask::next(&["1.3.6.1.4.1.32473.7.1.2"]).v1().of(&mut agent);
    assert_eq!(answer.good().binding(0).name, oid("1.3.6.1.4.1.32473.7.1.3.1").as_oid());
    let (one, two) = (walk(&mut agent, Version::V1), walk(&mut agent, Version::V2c));
    assert_eq!(two.len() - one.len(), 500);
    assert!(one.iter().all(|(_, value)| !value.contains("Counter64")));
}

#[test]
fn get_bulk_does_not_exist_in_v1() {
    let mut agent = cabinet(1);
    assert_eq!(Ask::bulk(0, 5, &[SYS_NAME]).v1().try_of(&mut agent), None);
    assert_eq!(agent.stats().in_asn_parse_errs.0, 1);
}
