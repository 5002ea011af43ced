//! RFC 3416, the operations of SNMPv2: a test for every clause, named after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use snmp_mib::agent::{Agent, Config, Input, Limits, Output, Writes};
use snmp_mib::wire::{Body, ErrorStatus, Message, Pdu, PduType, Value, VarBinds, Version};
use support::{
    Cabinet, cabinet,
    talk::{Ask, MANAGER, answer, drain, oid, send, walk},
};

const SYS_DESCR: &str = "1.3.6.1.2.1.1.1.0";
const SYS_CONTACT: &str = "1.3.6.1.2.1.1.4.0";
const SYS_NAME: &str = "1.3.6.1.2.1.1.5.0";
const SYS_LOCATION: &str = "1.3.6.1.2.1.1.6.0";
const CARD: &str = "1.3.6.1.4.1.32473.1.2.1.1";

fn limited(limits: Limits) -> Agent<Cabinet> {
    let full = cabinet(280);
    let communities =
        vec![snmp_mib::agent::Community::read("public"), snmp_mib::agent::Community::write("private")];
    Agent::new(Duration::ZERO, Config { communities, limits, ..Config::default() }, full.mib().clone())
        .unwrap()
}

#[test]
fn section_4_2_1_get_returns_each_value_in_order() {
    let answer = Ask::get(&[SYS_NAME, SYS_DESCR]).of(&mut cabinet(1));
    assert_eq!(answer.good().names(), [SYS_NAME, SYS_DESCR]);
    assert_eq!(answer.value(0), Value::Octets(b"cabinet"));
}

#[test]
fn section_4_2_1_no_such_object_where_no_type_has_that_prefix() {
    let mut agent = cabinet(1);
    for name in
        ["1.3.6.1.2.1.99.1.0", "1.3.6.1.2.1.1.77.0", "1.3.6.1.2.1.2.2", "1.3.6.1.2.1.2.2.1", "0.0", "2.999.1"]
    {
        assert_eq!(Ask::get(&[name]).of(&mut agent).good().value(0), Value::NoSuchObject, "{name}");
    }
    // An index column is not accessible, so no request can see an object of its type.
    assert_eq!(Ask::get(&[&format!("{CARD}.1.1.1")]).of(&mut agent).value(0), Value::NoSuchObject);
}

#[test]
fn section_4_2_1_no_such_instance_where_the_type_exists() {
    let mut agent = cabinet(1);
    for name in ["1.3.6.1.2.1.1.1", "1.3.6.1.2.1.1.1.1", "1.3.6.1.2.1.1.1.0.0", "1.3.6.1.2.1.2.2.1.2.99"] {
        assert_eq!(Ask::get(&[name]).of(&mut agent).good().value(0), Value::NoSuchInstance, "{name}");
    }
}

#[test]
fn section_4_2_1_what_is_unknown_is_absent() {
    // Card 1.1 does not tell its temperature, card 1.2 does.
    let answer = Ask::get(&[&format!("{CARD}.6.1.1"), &format!("{CARD}.6.1.2")]).of(&mut cabinet(2));
    assert_eq!(answer.value(0), Value::NoSuchInstance);
    assert_eq!(answer.value(1), Value::Integer(301));
}

#[test]
fn section_4_2_1_too_big_has_no_bindings() {
    let mut agent = limited(Limits { max_message: 484, ..Limits::default() });
    let names: Vec<&str> = [SYS_DESCR].into_iter().cycle().take(40).collect();
    let answer = Ask::get(&names).of(&mut agent);
    answer.failed(ErrorStatus::TOO_BIG, 0);
    assert!(answer.bindings.as_varbinds().is_empty());
}

#[test]
fn section_4_2_1_values_of_a_request_are_ignored() {
    let mut ask = Ask::get(&[]);
    ask.bindings.push(oid(SYS_NAME).as_oid(), Value::Integer(5));
    (ask.a, ask.b) = (7, 9);
    assert_eq!(ask.of(&mut cabinet(1)).good().value(0), Value::Octets(b"cabinet"));
}

#[test]
fn section_4_2_1_no_bindings_make_an_empty_response() {
    for kind in [PduType::GET, PduType::GET_NEXT, PduType::GET_BULK, PduType::SET] {
        let answer = Ask::new(Version::V2c, kind, &[]).of(&mut cabinet(1));
        assert!(answer.good().bindings.as_varbinds().is_empty());
    }
}

#[test]
fn section_4_2_2_get_next_rises_through_everything_exactly_once() {
    let mut agent = cabinet(30);
    let seen = walk(&mut agent, Version::V2c);
    let cards = seen.iter().filter(|(name, _)| name.as_oid().starts_with(oid(CARD).as_oid())).count();
    // States, addresses and uptimes of all cards, and a temperature of two in three.
    assert_eq!(cards, 30 * 3 + 20);
    for (name, _) in &seen {
        let text = name.to_string();
        assert!(!Ask::get(&[&text]).of(&mut agent).good().value(0).is_exception(), "{text}");
    }
}

#[test]
fn section_4_2_2_end_of_mib_view_keeps_the_name_of_the_request() {
    let answer = Ask::next(&["1.3.6.1.6.4", SYS_DESCR]).of(&mut cabinet(1));
    assert_eq!(answer.good().binding(0).value, Value::EndOfMibView);
    assert_eq!(answer.binding(0).name, oid("1.3.6.1.6.4").as_oid());
    assert_eq!(answer.binding(1).name, oid("1.3.6.1.2.1.1.2.0").as_oid());
}

#[test]
fn section_4_2_3_negative_counts_are_zero() {
    let mut agent = cabinet(2);
    let answer = Ask::bulk(-5, 2, &["1.3.6.1.2.1.1"]).of(&mut agent);
    assert_eq!(answer.good().names(), [SYS_DESCR, "1.3.6.1.2.1.1.2.0"]);
    assert!(Ask::bulk(0, -1, &["1.3.6.1.2.1.1"]).of(&mut agent).good().bindings.as_varbinds().is_empty());
}

#[test]
fn section_4_2_3_non_repeaters_come_once_and_repeaters_by_turns() {
    let names = ["1.3.6.1.2.1.1.1", &format!("{CARD}.3"), &format!("{CARD}.4")];
    let answer = Ask::bulk(1, 2, &names).of(&mut cabinet(3));
    let expected = [".3.1.1", ".4.1.1", ".3.1.2", ".4.1.2"].map(|end| format!("{CARD}{end}"));
    assert_eq!(answer.good().names()[0], SYS_DESCR);
    assert_eq!(answer.names()[1..], expected);
}

#[test]
fn section_4_2_3_bulk_repeats_what_get_next_would_say() {
    let mut agent = cabinet(40);
    let mut at = "1.0".to_owned();
    let mut bulk = Vec::new();
    'walk: loop {
        let answer = Ask::bulk(0, 7, &[&at]).of(&mut agent);
        for binding in answer.good().bindings.iter() {
            if binding.value == Value::EndOfMibView {
                break 'walk;
            }
            at = binding.name.to_string();
            bulk.push(binding.name.to_buf());
        }
    }
    let next: Vec<_> = walk(&mut agent, Version::V2c).into_iter().map(|(name, _)| name).collect();
    assert_eq!(bulk, next);
}

#[test]
fn section_4_2_3_bulk_stops_after_a_repetition_that_is_all_end_of_mib_view() {
    let answer = Ask::bulk(0, 50, &["1.3.6.1.6.4", "1.3.6.1.6.5"]).of(&mut cabinet(1));
    assert_eq!(answer.good().names(), ["1.3.6.1.6.4", "1.3.6.1.6.5"]);
}

#[test]
fn section_4_2_3_bulk_is_cut_at_its_end_and_never_longer_than_the_limit() {
    for max_bulk in [484, 500, 700, 1_000, 1_472] {
        let mut agent = limited(Limits { max_bulk, ..Limits::default() });
        let all = Ask::bulk(0, 1_000_000, &[&format!("{CARD}.3"), &format!("{CARD}.4")]).of(&mut agent);
        assert!(all.good().length <= max_bulk, "{} over {max_bulk}", all.length);
        assert!(all.length + 40 > max_bulk, "{} is far from {max_bulk}", all.length);
        let few = Ask::bulk(0, 3, &[&format!("{CARD}.3"), &format!("{CARD}.4")]).of(&mut agent);
        assert_eq!(all.names()[..6], few.names());
    }
}

#[test]
fn section_4_2_3_one_binding_that_fits_no_message_is_too_big() {
    let mut agent = limited(Limits { max_message: 484, max_bulk: 484, ..Limits::default() });
    let long = "x".repeat(255);
    agent.system_mut().descr = long.as_str().into();
    agent.system_mut().contact = long.as_str().into();
    let answer = Ask::bulk(0, 10, &["1.3.6.1.2.1.1.1"]).of(&mut agent);
    assert_eq!(answer.good().names(), [SYS_DESCR, "1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.3.0"]);
}

#[test]
fn section_4_2_5_set_writes_all_or_nothing() {
    let mut agent = cabinet(1);
    let good = [(SYS_CONTACT, Value::Octets(b"ops")), (SYS_LOCATION, Value::Octets(b"Antwerp"))];
    let answer = Ask::set(&good).of(&mut agent);
    assert_eq!(answer.good().value(1), Value::Octets(b"Antwerp"));
    let before = agent.system().clone();
    let bad = [(SYS_CONTACT, Value::Octets(b"x")), (SYS_LOCATION, Value::Integer(1))];
    Ask::set(&bad).of(&mut agent).failed(ErrorStatus::WRONG_TYPE, 2);
    assert_eq!(*agent.system(), before);
    assert_eq!(before.location.as_str(), "Antwerp");
}

#[test]
fn section_4_2_5_each_refusal_has_its_status() {
    let mut agent = cabinet(1);
    let long = [b'x'; 256];
    let cases: [(&str, Value<'_>, ErrorStatus); 8] = [
        (SYS_NAME, Value::Integer(1), ErrorStatus::WRONG_TYPE),
        (SYS_NAME, Value::Octets(&long), ErrorStatus::WRONG_LENGTH),
        (SYS_NAME, Value::Octets(b"\xff"), ErrorStatus::WRONG_VALUE),
        (SYS_DESCR, Value::Octets(b"x"), ErrorStatus::NOT_WRITABLE),
        ("1.3.6.1.2.1.1.5.1", Value::Octets(b"x"), ErrorStatus::NO_CREATION),
        ("1.3.6.1.2.1.99.0", Value::Octets(b"x"), ErrorStatus::NOT_WRITABLE),
        ("1.3.6.1.2.1.11.30.0", Value::Integer(3), ErrorStatus::WRONG_VALUE),
        ("1.3.6.1.6.3.1.1.6.1.0", Value::Integer(9), ErrorStatus::INCONSISTENT_VALUE),
    ];
    for (name, value, status) in cases {
        Ask::set(&[(name, value)]).of(&mut agent).failed(status, 1);
    }
}

#[test]
fn section_4_2_5_set_without_the_right_is_no_access() {
    let mut agent = cabinet(1);
    let ask = Ask::set(&[(SYS_NAME, Value::Octets(b"x"))]).by("public");
    ask.of(&mut agent).failed(ErrorStatus::NO_ACCESS, 1);
    assert_eq!(agent.system().name.as_str(), "cabinet");
    assert_eq!(agent.stats().in_bad_community_uses.0, 1);
}

#[test]
fn section_4_2_5_one_variable_twice_is_inconsistent() {
    let mut agent = cabinet(1);
    let twice = [(SYS_NAME, Value::Octets(b"a")), (SYS_NAME, Value::Octets(b"b"))];
    Ask::set(&twice).of(&mut agent).failed(ErrorStatus::INCONSISTENT_VALUE, 2);
    assert_eq!(agent.system().name.as_str(), "cabinet");
}

#[test]
fn section_4_2_5_the_size_is_judged_before_anything_is_written() {
    let mut agent = limited(Limits { max_message: 484, ..Limits::default() });
    let long = [b'x'; 200];
    let three = [SYS_CONTACT, SYS_NAME, SYS_LOCATION].map(|name| (name, Value::Octets(&long)));
    Ask::set(&three).of(&mut agent).failed(ErrorStatus::TOO_BIG, 0);
    assert_eq!(agent.system().contact.as_str(), "");
}

#[test]
fn section_4_2_5_snmp_set_serial_no_is_an_advisory_lock() {
    let mut agent = cabinet(1);
    let serial = "1.3.6.1.6.3.1.1.6.1.0";
    let locked = [(serial, Value::Integer(0)), (SYS_NAME, Value::Octets(b"mine"))];
    Ask::set(&locked).of(&mut agent).good();
    assert_eq!(Ask::get(&[serial]).of(&mut agent).value(0), Value::Integer(1));
    Ask::set(&locked).of(&mut agent).failed(ErrorStatus::INCONSISTENT_VALUE, 1);
}

#[test]
fn section_4_2_5_a_set_waits_for_the_owner_of_the_data() {
    let communities =
        vec![snmp_mib::agent::Community::read("public"), snmp_mib::agent::Community::write("private")];
    let writes = Writes::Confirmed { timeout: Duration::from_secs(5) };
    let config = Config { communities, writes, ..Config::default() };
    let mut agent = Agent::new(Duration::ZERO, config, ()).unwrap();
    let from = MANAGER.parse().unwrap();
    let ask = |name: &'static [u8]| Ask::set(&[(SYS_NAME, Value::Octets(name))]).bytes();
    let at = Duration::from_secs;

    // Agreed: it takes effect, and only then is it answered.
    agent.handle(at(1), Input::Datagram { from, data: &ask(b"agreed") }).unwrap();
    let Some(Output::Write { id, varbinds, .. }) = agent.poll_output() else { panic!("the owner is asked") };
    assert_eq!(varbinds.nth(0).unwrap().value, Value::Octets(b"agreed"));
    assert_eq!(agent.poll_output(), None);
    assert_eq!(agent.deadline(), Some(at(6)));
    assert_eq!(agent.system().name.as_str(), "");
    // Meanwhile reading goes on, a second SET is refused, the same one again is dropped.
    assert_eq!(Ask::get(&[SYS_NAME]).of(&mut agent).value(0), Value::Octets(b""));
    send(&mut agent, &ask(b"other")).unwrap().failed(ErrorStatus::RESOURCE_UNAVAILABLE, 1);
    assert_eq!(send(&mut agent, &ask(b"agreed")), None);
    agent.handle(at(2), Input::WriteDone { id }).unwrap();
    drain(&mut agent)[0].good();
    assert_eq!(agent.system().name.as_str(), "agreed");
    assert!(agent.handle(at(2), Input::WriteDone { id }).is_err());

    // Refused: no effect, and the owner's own status.
    agent.handle(at(3), Input::Datagram { from, data: &ask(b"refused") }).unwrap();
    let Some(Output::Write { id, .. }) = agent.poll_output() else { panic!("the owner is asked") };
    let status = ErrorStatus::INCONSISTENT_VALUE;
    agent.handle(at(3), Input::WriteRefused { id, position: 0, status }).unwrap();
    drain(&mut agent)[0].failed(status, 1);

    // No answer: no effect after the timeout.
    agent.handle(at(4), Input::Datagram { from, data: &ask(b"forgotten") }).unwrap();
    let Some(Output::Write { .. }) = agent.poll_output() else { panic!("the owner is asked") };
    agent.handle(at(8), Input::Tick).unwrap();
    assert_eq!(agent.poll_output(), None);
    agent.handle(at(9), Input::Tick).unwrap();
    drain(&mut agent)[0].failed(ErrorStatus::GEN_ERR, 0);
    assert_eq!((agent.system().name.as_str(), agent.deadline()), ("agreed", None));
}

#[test]
fn section_4_1_responses_and_notifications_are_not_answered() {
    let mut agent = cabinet(1);
    for kind in [PduType::RESPONSE, PduType::TRAP, PduType::INFORM, PduType::REPORT] {
        assert_eq!(Ask::new(Version::V2c, kind, &[SYS_NAME]).try_of(&mut agent), None);
    }
    assert_eq!(agent.stats().in_traps.0, 1);
    assert_eq!(agent.stats().in_get_responses.0, 1);
}

#[test]
fn section_3_request_ids_are_signed() {
    let mut agent = cabinet(1);
    for request_id in [i32::MIN, -1, 0, 127, 128, i32::MAX] {
        let pdu = Pdu {
            kind: PduType::GET,
            request_id,
            error_status: ErrorStatus::NO_ERROR,
            error_index: 0,
            varbinds: VarBinds::EMPTY,
        };
        let data = Message { version: Version::V2c, community: b"public", body: Body::Pdu(pdu) }.to_vec();
        agent
            .handle(Duration::ZERO, Input::Datagram { from: MANAGER.parse().unwrap(), data: &data })
            .unwrap();
        let Some(Output::Send { data, .. }) = agent.poll_output() else { panic!("an answer") };
        let Body::Pdu(answer) = Message::parse(data).unwrap().body else { panic!("a response") };
        assert_eq!(answer.request_id, request_id);
    }
}

#[test]
fn rfc3418_section_2_the_snmp_group_counts() {
    let mut agent = cabinet(1);
    Ask::get(&[SYS_NAME]).of(&mut agent);
    Ask::next(&[SYS_NAME, SYS_NAME]).of(&mut agent);
    Ask::set(&[(SYS_NAME, Value::Octets(b"x"))]).of(&mut agent);
    Ask::get(&[SYS_NAME]).by("wrong").try_of(&mut agent);
    send(&mut agent, b"\x30\x03\x02\x01\x07");
    send(&mut agent, b"\x30\x80");
    let stats = agent.stats();
    let counts = [
        stats.in_pkts.0,
        stats.out_pkts.0,
        stats.in_bad_versions.0,
        stats.in_bad_community_names.0,
        stats.in_asn_parse_errs.0,
        stats.in_total_req_vars.0,
        stats.in_total_set_vars.0,
        stats.in_get_requests.0,
        stats.in_get_nexts.0,
        stats.in_set_requests.0,
        stats.out_get_responses.0,
    ];
    assert_eq!(counts, [6, 3, 1, 1, 1, 3, 1, 1, 1, 1, 3]);
    // The group is served live.
    assert_eq!(Ask::get(&["1.3.6.1.2.1.11.1.0"]).of(&mut agent).value(0), Value::Counter32(7));
}

#[test]
fn answers_are_read_back_as_they_were_written() {
    let mut agent = cabinet(1);
    let data = Ask::bulk(0, 30, &["1.3"]).bytes();
    agent.handle(Duration::ZERO, Input::Datagram { from: MANAGER.parse().unwrap(), data: &data }).unwrap();
    let Some(Output::Send { data, .. }) = agent.poll_output() else { panic!("an answer") };
    let message = Message::parse(data).unwrap();
    assert_eq!(message.to_vec(), data);
    answer(data).good();
}
