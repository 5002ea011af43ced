//! What broke other people's agents, by the name it was known by.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{net::SocketAddr, time::Duration};

use snmp_mib::agent::{Agent, Community, Config, Input};
use snmp_mib::notify::{Receiver, receive};
use snmp_mib::usm::Level;
use snmp_mib::vacm::{self, Access, Family, Member, Model};
use snmp_mib::wire::{
    Body, ErrorStatus, Generic, Message, Oid, PduType, TrapV1, Value, VarBind, VarBinds, Version,
};
use support::{
    cabinet,
    talk::{Ask, MANAGER, oid, send, walk},
};

const NAME: &str = "1.3.6.1.2.1.1.5.0";

#[test]
fn cve_2002_0013_malformed_traps_are_refused_and_counted() {
    let binding = [VarBind { name: Oid::from_const(&[0x2b, 6, 1]), value: Value::Integer(1) }];
    let trap = TrapV1 {
        enterprise: Oid::from_const(&[0x2b, 6, 1, 4, 1]),
        agent_address: [10, 1, 2, 1].into(),
        generic: Generic(6),
        specific: 1,
        time_stamp: 7,
        varbinds: VarBinds::list(&binding),
    };
    let whole = Message { version: Version::V1, community: b"public", body: Body::TrapV1(trap) }.to_vec();
    let from: SocketAddr = MANAGER.parse().unwrap();
    let mut receiver = Receiver::new(receive::Config::default());
    for at in 0..whole.len() {
        let cut = receive::Input::Datagram { from, data: &whole[..at] };
        assert!(receiver.handle(Duration::ZERO, cut).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut bent = whole.clone();
            bent[at] ^= 1 << bit;
            let _ = receiver.handle(Duration::ZERO, receive::Input::Datagram { from, data: &bent });
        }
    }
    let stats = receiver.stats();
    let all = stats.received + stats.malformed + stats.strangers + stats.dropped;
    assert_eq!(all, u64::try_from(whole.len() * 9).unwrap());
    while receiver.poll_output().is_some() {}
}

#[test]
fn cve_2015_5621_a_broken_binding_undoes_the_whole_message() {
    // The first binding is good; the second one's value is cut short, of no type, or longer than its holder.
    let mut agent = cabinet(1);
    let good = Ask::set(&[(NAME, Value::Octets(b"x")), ("1.3.6.1.2.1.1.4.0", Value::Octets(b"yy"))]).bytes();
    let at = good.len() - 4;
    for (place, with) in [(at, 0x1f), (at + 1, 3), (at + 1, 0x80), (at, 0x05)] {
        let mut bad = good.clone();
        bad[place] = with;
        assert_eq!(send(&mut agent, &bad), None, "{place} {with:02x}");
    }
    assert_eq!(Ask::get(&[NAME]).of(&mut agent).value(0), Value::Octets(b"cabinet"));
    assert!(agent.stats().in_asn_parse_errs.0 >= 4);
}

#[test]
fn cve_2018_1000116_values_of_unknown_types_are_refused() {
    for tag in [0x00_u8, 0x01, 0x03, 0x0a, 0x24, 0x45, 0x48, 0x83, 0xa0, 0xff] {
        let mut data = Ask::get(&[NAME]).bytes();
        let at = data.len() - 2;
        assert_eq!(data[at], 0x05, "the NULL of the only binding");
        data[at] = tag;
        assert_eq!(send(&mut cabinet(1), &data), None, "{tag:02x}");
    }
}

#[test]
fn cve_2018_18065_get_next_anywhere_around_an_index_finds_a_row() {
    let mut agent = cabinet(3);
    let table = "1.3.6.1.4.1.32473.1.2.1";
    for below in ["", ".0", ".1", ".1.0", ".1.3", ".1.3.0", ".1.3.1", ".1.3.1.0"] {
        let next = Ask::next(&[&format!("{table}{below}")]).of(&mut agent);
        assert_eq!(next.good().names(), ["1.3.6.1.4.1.32473.1.2.1.1.3.1.1"], "{below}");
    }
    let empty = Ask::next(&[table]).of(&mut cabinet(0));
    assert!(!empty.good().names()[0].starts_with(table));
}

#[cfg(feature = "usm")]
#[test]
fn cve_2019_20892_the_same_bulk_request_of_v3_again_is_answered_alike() {
    use snmp_mib::agent::{Output, Rights};
    use snmp_mib::manager::{self, Client, Peer};
    use snmp_mib::usm::{Auth, Config, Credentials, RustCrypto};
    let user = Credentials::authenticated(&RustCrypto, b"ali", (Auth::Sha256, b"open sesame")).unwrap();
    let mut agent = cabinet(30);
    let config = Config { engine: (*b"\x80\0\x7e\xd9\x04cave").into(), boots: 1, salt: 1, max_size: 65_507 };
    agent.secure(Duration::ZERO, config, &[(user.clone(), Rights::Read)]);
    let mut client = Client::new(manager::Config::default(), 1);
    client.secure([user], 1);
    let (to, from) = ("192.0.2.9:161".parse().unwrap(), MANAGER.parse::<SocketAddr>().unwrap());
    client.get_bulk(Duration::ZERO, &Peer::v3(to, "ali"), (0, 50), &[oid("1.3.6.1").as_oid()]).unwrap();
    let mut answered = 0;
    while let Some(output) = client.poll_output() {
        let manager::Output::Send { data, .. } = output else { continue };
        let data = data.to_vec();
        let mut answer = || {
            let _ = agent.handle(Duration::ZERO, Input::Datagram { from, data: &data });
            let Some(Output::Send { data, .. }) = agent.poll_output() else { panic!("an answer") };
            data.to_vec()
        };
        let (once, again) = (answer(), answer());
        answered += 1;
        assert_eq!(once.len(), again.len());
        let _ = client.handle(Duration::ZERO, manager::Input::Datagram { from: to, data: &once });
    }
    assert_eq!(answered, 3);
}

#[test]
fn cve_2020_15862_no_write_makes_an_agent_run_anything() {
    // Where NET-SNMP-EXTEND-MIB keeps commands.
    let mut agent = cabinet(1);
    let command = "1.3.6.1.4.1.8072.1.3.2.2.1.2.1.120";
    let status = "1.3.6.1.4.1.8072.1.3.2.2.1.21.1.120";
    let set = Ask::set(&[(command, Value::Octets(b"/bin/sh")), (status, Value::Integer(4))]);
    set.of(&mut agent).failed(ErrorStatus::NOT_WRITABLE, 1);
}

#[test]
fn cve_2022_24806_to_24810_sets_of_views_and_users_with_malformed_indexes_change_nothing() {
    let mut agent = {
        let access = vacm::Config {
            members: vec![Member::new(Model::V2C, "all", "all")],
            access: vec![Access::new("all", Level::Open).reading("all").writing("all")],
            families: vec![Family::included("all", oid("1.3").as_oid())],
            ..vacm::Config::default()
        };
        let communities = vec![Community::views("public", "all"), Community::views("private", "all")];
        Agent::new(Duration::ZERO, Config { communities, access, ..Config::default() }, ()).unwrap()
    };
    let before: Vec<_> = walk(&mut agent, Version::V2c)
        .into_iter()
        .filter(|(name, _)| name.to_string().starts_with("1.3.6.1.6.3.1"))
        .filter(|(name, _)| !name.to_string().starts_with("1.3.6.1.6.3.1."))
        .collect();
    let tables = [
        "15.1.2.2.1.13",
        "16.1.2.1.3",
        "16.1.4.1.4",
        "16.1.4.1.9",
        "16.1.5.2.1.3",
        "16.1.5.2.1.6",
        "18.1.1.1.8",
    ];
    let tails =
        ["", ".0", ".4294967295", ".3.97", ".2.300.1", ".255.1.1", ".4.1.1.1.1.4294967295", ".1.0.0.0.0"];
    for table in tables {
        for tail in tails {
            let name = format!("1.3.6.1.6.3.{table}{tail}");
            for value in [Value::Integer(4), Value::Octets(b"x"), Value::Null, Value::Integer(6)] {
                let answer = Ask::set(&[(&name, value)]).of(&mut agent);
                assert_eq!(answer.status, ErrorStatus::NOT_WRITABLE, "{name}");
            }
            Ask::new(Version::V2c, PduType::GET, &[&name]).of(&mut agent).good();
            Ask::next(&[&name]).of(&mut agent).good();
        }
    }
    let after = walk(&mut agent, Version::V2c);
    assert!(before.iter().all(|row| after.contains(row)));
}
