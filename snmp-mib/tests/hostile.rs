//! Attacks by name, truncation at every byte, bit flips.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::{Duration, Instant};

use snmp_mib::agent::{Agent, Input, Limits, Output};
use snmp_mib::notify::receive;
use snmp_mib::notify::{Receiver, Trap};
use snmp_mib::wire::{Anomalies, ErrorStatus, Message, Oid, Problem, Value};
use support::{
    Cabinet, cabinet,
    talk::{Ask, MANAGER, send},
};

const SYS_NAME: &str = "1.3.6.1.2.1.1.5.0";

fn seeds() -> Vec<Vec<u8>> {
    vec![
        Ask::get(&[SYS_NAME, "1.3.6.1.4.1.32473.1.2.1.1.3.1.1"]).bytes(),
        Ask::next(&["1.3"]).v1().bytes(),
        Ask::bulk(1, 20, &["1.3.6.1.2.1.1", "1.3.6.1.4.1.32473.1.2.1.1.3"]).bytes(),
        Ask::set(&[(SYS_NAME, Value::Octets(b"name")), ("1.3.6.1.6.3.1.1.6.1.0", Value::Integer(0))]).bytes(),
    ]
}

/// Hands `data` to an agent; what it answers must be a message within the limits.
fn throw(agent: &mut Agent<Cabinet>, data: &[u8]) {
    let _ = agent.handle(Duration::ZERO, Input::Datagram { from: MANAGER.parse().unwrap(), data });
    while let Some(output) = agent.poll_output() {
        if let Output::Send { data, .. } = output {
            assert!(data.len() <= Limits::default().max_message);
            Message::parse(data).unwrap();
        }
    }
}

#[test]
fn a_message_cut_at_any_byte_is_dropped() {
    let mut agent = cabinet(3);
    for seed in seeds() {
        for end in 0..seed.len() {
            assert!(Message::parse(&seed[..end]).is_err());
            assert_eq!(send(&mut agent, &seed[..end]), None);
        }
    }
}

#[test]
fn any_flipped_bit_is_survived() {
    let mut agent = cabinet(3);
    for seed in seeds() {
        for byte in 0..seed.len() {
            for bit in 0..8 {
                let mut data = seed.clone();
                data[byte] ^= 1 << bit;
                throw(&mut agent, &data);
            }
        }
    }
}

#[test]
fn cve_2002_0012_protos_lengths_that_lie_are_refused() {
    // An outer length of 2^63, of 2^32, of one too many, an indefinite one; an inner one past its holder.
    let cases: [&[u8]; 6] = [
        b"\x30\x88\x7f\xff\xff\xff\xff\xff\xff\xff\x02\x01\x01",
        b"\x30\x84\xff\xff\xff\xff\x02\x01\x01",
        b"\x30\x04\x02\x01\x01",
        b"\x30\x80\x02\x01\x01\x04\x00\x00\x00",
        b"\x30\x05\x02\x7f\x01\x04\x00",
        b"\x30\x89\x00\x00\x00\x00\x00\x00\x00\x00\x03\x02\x01\x01",
    ];
    for data in cases {
        assert!(Message::parse(data).is_err(), "{data:02x?}");
        assert_eq!(send(&mut cabinet(1), data), None);
    }
}

#[test]
fn cve_2008_4309_getbulk_multiplication_neither_overflows_nor_spins() {
    let mut agent = cabinet(280);
    let began = Instant::now();
    let names = vec!["1.3"; 200];
    for (non_repeaters, repetitions) in
        [(0, i32::MAX), (i32::MAX, i32::MAX), (i32::MIN, i32::MAX), (199, i32::MAX)]
    {
        let answer = Ask::bulk(non_repeaters, repetitions, &names).of(&mut agent);
        assert!(answer.length <= Limits::default().max_bulk);
    }
    // Where everything has ended, one repetition says so.
    let answer = Ask::bulk(0, i32::MAX, &["2.999"; 10]).of(&mut agent);
    assert_eq!(answer.good().names().len(), 10);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn cve_2018_18066_an_empty_identifier_is_answered() {
    let mut ask = Ask::get(&[]);
    ask.bindings.push(Oid::default(), Value::Null);
    assert_eq!(ask.of(&mut cabinet(1)).good().value(0), Value::NoSuchObject);
    let (_, anomalies) = Message::parse_reporting(&ask.bytes()).unwrap();
    assert!(anomalies.contains(Anomalies::EMPTY_OID));
    let mut ask = Ask::next(&[]);
    ask.bindings.push(Oid::default(), Value::Null);
    assert_eq!(ask.of(&mut cabinet(1)).good().names(), ["1.3.6.1.2.1.1.1.0"]);
}

#[test]
fn cve_2022_24805_malformed_indexes_of_a_table_are_no_instances() {
    let mut agent = cabinet(3);
    let column = "1.3.6.1.4.1.32473.1.2.1.1.3";
    let tails = ["", ".1", ".1.1.1", ".0.0", ".4294967295.1", ".1.4294967295", ".1.1.0.0.0.0.0.0"];
    for tail in tails {
        let name = format!("{column}{tail}");
        assert_eq!(Ask::get(&[&name]).of(&mut agent).value(0), Value::NoSuchInstance, "{name}");
        assert!(!Ask::next(&[&name]).of(&mut agent).good().names().is_empty());
        let set = Ask::set(&[(&name, Value::Integer(1))]).of(&mut agent);
        assert_eq!(set.status, ErrorStatus::NOT_WRITABLE);
    }
}

#[test]
fn identifiers_beyond_the_limits_are_refused() {
    let arcs = |count: usize| -> Vec<u8> { [vec![0x2b], vec![1; count - 2]].concat() };
    assert!(Oid::from_content(&arcs(128)).is_ok());
    assert!(Oid::from_content(&arcs(129)).is_err());
    let refused: [&[u8]; 5] = [
        b"\x2b\x80\x01",                 // a padded arc
        b"\x2b\x81",                     // an unfinished one
        b"\x2b\x90\x80\x80\x80\x00",     // 2^32
        b"\x2b\xff\xff\xff\xff\x7f",     // 2^35-1
        b"\x2b\x81\x80\x80\x80\x80\x00", // six octets
    ];
    for content in refused {
        assert!(Oid::from_content(content).is_err(), "{content:02x?}");
    }
    assert!(Oid::from_content(b"\x2b\x8f\xff\xff\xff\x7f").is_ok());
}

#[test]
fn faults_of_real_devices_are_read_and_reported() {
    // Long-form lengths, as Cisco's devices send them; bytes behind the message; integers with padding; a counter
    // without the zero before its top bit.
    let data = b"\x30\x82\x00\x2e\x02\x01\x01\x04\x06public\xa2\x82\x00\x1f\x02\x02\x00\x01\x02\x01\x00\x02\x01\x00\
                 \x30\x82\x00\x11\x30\x82\x00\x0d\x06\x05\x2b\x06\x01\x02\x01\x41\x04\xff\x00\x00\x01trailing";
    let (message, anomalies) = Message::parse_reporting(data).unwrap();
    for expected in [
        Anomalies::LONG_LENGTH,
        Anomalies::PADDED_INTEGER,
        Anomalies::UNPADDED_UNSIGNED,
        Anomalies::TRAILING_BYTES,
    ] {
        assert!(anomalies.contains(expected), "{anomalies:?}");
    }
    let again = message.to_vec();
    let (clean, anomalies) = Message::parse_reporting(&again).unwrap();
    assert!(anomalies.is_empty());
    assert_eq!(clean, message);
}

#[test]
fn errors_say_what_and_where() {
    let error = Message::parse(b"\x30\x06\x02\x01\x01\x05\x01\x00").unwrap_err();
    assert_eq!((error.problem, error.at), (Problem::Tag(5), 5));
    assert_eq!(error.to_string(), "unexpected tag 0x05 at byte 5");
}

#[test]
fn requests_without_draining_are_bounded() {
    let mut agent = cabinet(1);
    let data = Ask::bulk(0, 1_000, &["1.3"]).bytes();
    let from = MANAGER.parse().unwrap();
    let taken =
        (0..1_000).filter(|_| agent.handle(Duration::ZERO, Input::Datagram { from, data: &data }).is_ok());
    assert_eq!(taken.count(), Limits::default().outbox);
    assert_eq!(agent.stats().silent_drops.0, 1_000 - 64);
}

#[test]
fn a_trap_storm_is_bounded_and_counted() {
    let mut receiver = Receiver::new(receive::Config {
        limits: receive::Limits { waiting: 10, ..Default::default() },
        ..Default::default()
    });
    let data = b"\x30\x27\x02\x01\x00\x04\x06public\xa4\x1a\x06\x07\x2b\x06\x01\x04\x01\x83\x7d\x40\x04\x0a\x01\x01\x01\
                 \x02\x01\x06\x02\x01\x07\x43\x01\x2a\x30\x00";
    let from = MANAGER.parse().unwrap();
    for _ in 0..1_000 {
        let _ = receiver.handle(Duration::ZERO, receive::Input::Datagram { from, data });
    }
    assert_eq!((receiver.stats().received, receiver.stats().dropped), (10, 990));
    let Some(receive::Output::Trap { trap: Trap { name, up_time, .. }, .. }) = receiver.poll_output() else {
        panic!("a trap");
    };
    assert_eq!((name.to_string().as_str(), up_time), ("1.3.6.1.4.1.509.0.7", 42));
}

#[test]
fn communities_do_not_show_in_debug_output() {
    let agent = cabinet(1);
    assert!(!format!("{agent:?}").contains("private"));
    assert!(!format!("{:?}", "private".as_bytes()).is_empty());
}
