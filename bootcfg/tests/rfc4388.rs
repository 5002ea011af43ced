//! RFC 4388: a relay asks who has an address.

mod common;

use std::net::{Ipv4Addr, SocketAddrV4};

use bootcfg::HwAddr;
use bootcfg::dhcp::Destination;
use bootcfg::dhcp::server::{Config, Reason, Server, Subnet, Unknown, Verdict};
use bootcfg::wire::dhcp::{Header, MessageType, OptionCode, key};
use common::*;

const CARD: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 1);
const NOBODY: HwAddr = HwAddr::ethernet([0; 6]);

fn asked() -> Server {
    Server::new(Config { leasequery: vec![RELAY], ..config() }).unwrap()
}

fn query(hw: Option<HwAddr>, giaddr: Ipv4Addr) -> Ask {
    let none = HwAddr::new(0, &[]).unwrap();
    let header = Header { giaddr, ..Header::request(77, hw.unwrap_or(none)) };
    let kind = vec![MessageType::LEASEQUERY.0];
    Ask { header, options: vec![(OptionCode::MESSAGE_TYPE, kind)], relay_info: None }
        .option(OptionCode::PARAMETERS, [51, 58, 59, 61, 82, 91, 92])
}

#[test]
fn s6_4_2_an_address_in_use_is_told_with_its_client_its_times_and_its_circuit() {
    let mut server = asked();
    let base = Ask::bootp(mac(70)).option(OptionCode::CLIENT_ID, b"\0serial").relayed(RELAY, "2.1");
    assert_eq!(bind(&mut server, secs(100), &base), CARD);
    let answer = tell(&mut server, secs(700), &query(None, RELAY).ciaddr(CARD));
    let reply = answer.reply();
    assert_eq!(answer.to(), Destination::Relay(SocketAddrV4::new(RELAY, 67)));
    assert_eq!(reply.kind(), Some(MessageType::LEASEACTIVE));
    assert_eq!((reply.ciaddr(), reply.chaddr(), reply.xid()), (CARD, mac(70), 77));
    assert_eq!(reply.yiaddr(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(reply.get(key::SERVER_ID).unwrap(), Some(SERVER));
    assert_eq!(reply.get(key::LEASE_TIME).unwrap(), Some(3000), "what is left of an hour after ten minutes");
    assert_eq!(reply.get(key::RENEWAL).unwrap(), Some(1200));
    assert_eq!(reply.get(key::REBINDING).unwrap(), Some(2550));
    assert_eq!(reply.option(OptionCode::LAST_TRANSACTION).as_deref(), Some(&600_u32.to_be_bytes()[..]));
    assert_eq!(reply.option(OptionCode::RELAY_INFO).as_deref(), Some(&b"\x01\x032.1"[..]));
    assert!(!reply.has(OptionCode::ASSOCIATED));
    assert_eq!(answer.decision().verdict, Verdict::LeaseActive);
}

#[test]
fn s6_4_2_only_what_the_relay_asked_for_is_told() {
    let mut server = asked();
    bind(&mut server, ZERO, &Ask::bootp(mac(70)).relayed(RELAY, "2.1"));
    let mut ask = query(None, RELAY).ciaddr(CARD);
    ask.options[1].1 = vec![51];
    let answer = tell(&mut server, secs(1), &ask);
    let codes: Vec<_> = answer.reply().options().map(|(code, _)| code.0).collect();
    assert_eq!(codes, [53, 54, 51]);
    let late = tell(&mut server, secs(2000), &query(None, RELAY).ciaddr(CARD));
    assert!(!late.reply().has(OptionCode::RENEWAL), "a time that is past is left out");
    assert!(late.reply().has(OptionCode::REBINDING));
}

#[test]
fn s6_4_2_an_address_of_ours_that_nobody_has_is_unassigned_and_a_strange_one_unknown() {
    let mut server = asked();
    for (address, kind) in [
        (Ipv4Addr::new(10, 1, 3, 3), MessageType::LEASEUNASSIGNED),
        (Ipv4Addr::new(192, 0, 2, 9), MessageType::LEASEUNKNOWN),
    ] {
        let answer = tell(&mut server, ZERO, &query(None, RELAY).ciaddr(address));
        assert_eq!((answer.kind(), answer.reply().ciaddr()), (Some(kind), address));
        assert_eq!(answer.reply().options().count(), 2, "53 and 54 only");
    }
    bind(&mut server, ZERO, &Ask::bootp(mac(1)));
    let ended = tell(&mut server, secs(3600), &query(None, RELAY).ciaddr(CARD));
    assert_eq!(ended.kind(), Some(MessageType::LEASEUNASSIGNED));
}

#[test]
fn s6_4_1_a_hardware_address_is_told_by_its_latest_address_and_the_others_beside_it() {
    let pool = Ipv4Addr::new(192, 168, 7, 10)..=Ipv4Addr::new(192, 168, 7, 20);
    let subnets = vec![Subnet::new(Ipv4Addr::new(192, 168, 7, 0), 24, pool)];
    let mut server = Server::new(Config { leasequery: vec![RELAY], subnets, ..config() }).unwrap();
    let far = Ipv4Addr::new(192, 168, 7, 1);
    let client = |id: &[u8]| Ask::bootp(mac(70)).option(OptionCode::CLIENT_ID, id).relayed(far, "x");
    let first = bind(&mut server, secs(1), &client(b"\0one"));
    let second = bind(&mut server, secs(5), &client(b"\0two"));
    let answer = tell(&mut server, secs(9), &query(Some(mac(70)), RELAY));
    let reply = answer.reply();
    assert_eq!((reply.kind(), reply.ciaddr()), (Some(MessageType::LEASEACTIVE), second));
    assert_eq!(reply.option(OptionCode::CLIENT_ID).as_deref(), Some(&b"\0two"[..]));
    let both = [first.octets(), second.octets()].concat();
    assert_eq!(reply.option(OptionCode::ASSOCIATED).as_deref(), Some(&both[..]));
    // The one that speaks again is the latest.
    tell(&mut server, secs(20), &Ask::request(mac(70)).option(OptionCode::CLIENT_ID, b"\0one").ciaddr(first));
    assert_eq!(tell(&mut server, secs(21), &query(Some(mac(70)), RELAY)).reply().ciaddr(), first);
    let by_id = query(None, RELAY).option(OptionCode::CLIENT_ID, b"\0two");
    assert_eq!(tell(&mut server, secs(22), &by_id).reply().ciaddr(), second);
    let nobody = tell(&mut server, secs(22), &query(Some(NOBODY), RELAY));
    assert_eq!(
        (nobody.kind(), nobody.reply().ciaddr()),
        (Some(MessageType::LEASEUNKNOWN), Ipv4Addr::UNSPECIFIED)
    );
}

#[test]
fn s6_3_a_question_by_two_things_at_once_or_by_none_is_no_question() {
    let mut server = asked();
    let both = query(Some(mac(1)), RELAY).ciaddr(CARD);
    let neither = query(None, RELAY);
    let with_id = query(Some(mac(1)), RELAY).option(OptionCode::CLIENT_ID, b"\0x");
    for ask in [both, neither, with_id] {
        let answer = tell(&mut server, ZERO, &ask);
        assert_eq!((answer.replies.len(), answer.decision().reason), (0, Reason::Malformed));
    }
}

#[test]
fn s7_a_question_of_anyone_else_is_met_with_silence() {
    for (mut server, giaddr) in [
        (asked(), Ipv4Addr::new(10, 1, 9, 254)),
        (asked(), Ipv4Addr::UNSPECIFIED),
        (Server::new(config()).unwrap(), RELAY),
    ] {
        bind(&mut server, ZERO, &Ask::bootp(mac(1)));
        let answer = tell(&mut server, ZERO, &query(None, giaddr).ciaddr(CARD));
        assert_eq!((answer.replies.len(), answer.decision().reason), (0, Reason::NotAllowedToAsk));
    }
}

#[test]
fn a_question_changes_nothing_and_a_million_of_them_grow_nothing() {
    let unknown = Unknown::Quarantine(Ipv4Addr::new(10, 1, 200, 1)..=Ipv4Addr::new(10, 1, 200, 3));
    let mut server = Server::new(Config { leasequery: vec![RELAY], unknown, ..config() }).unwrap();
    bind(&mut server, ZERO, &Ask::bootp(mac(70)).relayed(RELAY, "x"));
    let before = server.clone();
    for n in 0..200 {
        tell(&mut server, ZERO, &query(Some(mac(n)), RELAY));
        tell(&mut server, ZERO, &query(None, RELAY).ciaddr(Ipv4Addr::new(10, 1, 200, n)));
    }
    assert_eq!(server.stats().queries, 400);
    assert_eq!(server.stats().leases, before.stats().leases);
    assert_eq!(server.deadline(), before.deadline());
}
