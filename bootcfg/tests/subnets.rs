//! Several networks, shared wires, what a client is told by, and who may speak how often.

mod common;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bootcfg::HwAddr;
use bootcfg::dhcp::Destination;
use bootcfg::dhcp::server::{
    Card, Config, ConfigError, Limits, Names, Rate, Reason, Rule, Server, Subnet, Swap, Unknown, Verdict,
};
use bootcfg::wire::dhcp::{MessageType, OptionCode, key};
use common::*;

const FAR: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 0);
const FAR_RELAY: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 1);

fn range(network: Ipv4Addr, first: u8, last: u8) -> std::ops::RangeInclusive<Ipv4Addr> {
    let [a, b, c, _] = network.octets();
    Ipv4Addr::new(a, b, c, first)..=Ipv4Addr::new(a, b, c, last)
}

fn far() -> Subnet {
    let mut far = Subnet::new(FAR, 24, range(FAR, 100, 102));
    far.routers = vec![FAR_RELAY];
    far.lease = Some(secs(600));
    far.domain = Some("far.example".into());
    far
}

fn two_networks() -> Config {
    Config { subnets: vec![far()], ..config() }
}

/// A relayed message whose option 82 has these suboptions.
fn with_info(mut ask: Ask, giaddr: Ipv4Addr, subs: &[(u8, &[u8])]) -> Ask {
    ask.header.giaddr = giaddr;
    let sub = |(code, value): &(u8, &[u8])| [&[*code, value.len() as u8][..], value].concat();
    ask.relay_info = Some(subs.iter().flat_map(sub).collect());
    ask
}

#[test]
fn a_client_behind_a_far_relay_has_an_address_and_parameters_of_its_network() {
    let mut server = Server::new(two_networks()).unwrap();
    let base = Ask::bootp(mac(50)).option(OptionCode::PARAMETERS, [1, 3, 6, 15, 28]).relayed(FAR_RELAY, "x");
    assert_eq!(bind(&mut server, ZERO, &base), Ipv4Addr::new(192, 168, 7, 100));
    let mut discover = base.clone();
    discover.options.insert(0, (OptionCode::MESSAGE_TYPE, vec![1]));
    let answer = tell(&mut server, ZERO, &discover);
    let offer = answer.reply();
    assert_eq!(answer.to(), Destination::Relay(SocketAddrV4::new(FAR_RELAY, 67)));
    assert_eq!(answer.decision().rule, Rule::Subnet);
    assert_eq!(offer.get(key::SUBNET_MASK).unwrap(), Some(Ipv4Addr::new(255, 255, 255, 0)));
    assert_eq!(offer.get(key::ROUTER).unwrap(), Some(vec![FAR_RELAY]));
    assert_eq!(
        offer.get(key::DNS).unwrap(),
        Some(vec![Ipv4Addr::new(10, 1, 0, 53)]),
        "what it does not say is all's"
    );
    assert_eq!(offer.option(OptionCode::DOMAIN_NAME).as_deref(), Some(&b"far.example"[..]));
    assert_eq!(offer.get(key::BROADCAST).unwrap(), Some(Ipv4Addr::new(192, 168, 7, 255)));
    assert_eq!(offer.get(key::LEASE_TIME).unwrap(), Some(600));
    assert_eq!(server.lease(offer.yiaddr()).unwrap().expires_at, secs(600));
}

#[test]
fn a_renewal_by_unicast_finds_its_network_by_the_clients_address() {
    let mut server = Server::new(two_networks()).unwrap();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(50)).relayed(FAR_RELAY, "x"));
    let answer = tell(&mut server, secs(300), &Ask::request(mac(50)).ciaddr(address));
    assert_eq!((answer.kind(), answer.decision().reason), (Some(MessageType::ACK), Reason::Renewed));
    assert_eq!(server.lease(address).unwrap().expires_at, secs(900));
}

#[test]
fn rfc2131_s4_3_2_an_address_of_another_network_is_nakked() {
    let mut server = Server::new(two_networks()).unwrap();
    let moved = Ask::request(mac(51)).wants(Ipv4Addr::new(192, 168, 7, 100));
    let answer = tell(&mut server, ZERO, &moved.relayed(RELAY, "nowhere"));
    assert_eq!((answer.decision().verdict, answer.decision().reason), (Verdict::Nak, Reason::WrongNetwork));
}

#[test]
fn rfc3527_the_link_that_the_relay_selects_goes_before_its_own_address() {
    let mut server = Server::new(two_networks()).unwrap();
    let selected = with_info(Ask::discover(mac(50)), RELAY, &[(1, b"x"), (5, &[192, 168, 7, 0])]);
    let answer = tell(&mut server, ZERO, &selected);
    assert_eq!(answer.reply().yiaddr(), Ipv4Addr::new(192, 168, 7, 100));
    assert_eq!(answer.to(), Destination::Relay(SocketAddrV4::new(RELAY, 67)), "the answer goes to giaddr");
}

#[test]
fn rfc3527_s3_a_link_that_no_network_is_of_gets_no_address_of_another() {
    let mut server = Server::new(two_networks()).unwrap();
    let selected = with_info(Ask::discover(mac(50)), FAR_RELAY, &[(1, b"x"), (5, &[172, 16, 0, 0])]);
    let answer = tell(&mut server, ZERO, &selected);
    assert_eq!((answer.replies.len(), answer.decision().reason), (0, Reason::NoSubnet));
}

#[test]
fn rfc3011_the_subnet_that_a_client_selects_is_used_and_told_back() {
    let mut server = Server::new(two_networks()).unwrap();
    let ask = Ask::discover(mac(50)).option(OptionCode::SUBNET_SELECTION, FAR.octets());
    let answer = tell(&mut server, ZERO, &ask);
    assert_eq!(answer.reply().yiaddr(), Ipv4Addr::new(192, 168, 7, 100));
    assert_eq!(answer.reply().get(key::SUBNET_SELECTION).unwrap(), Some(FAR));
}

#[test]
fn networks_that_share_a_wire_lend_each_other_addresses() {
    let more = Ipv4Addr::new(192, 168, 8, 0);
    let second = Subnet { shares: Some(FAR), ..Subnet::new(more, 24, range(more, 10, 11)) };
    let mut server = Server::new(Config { subnets: vec![far(), second], ..config() }).unwrap();
    let got: Vec<_> =
        (0..5).map(|n| bind(&mut server, ZERO, &Ask::bootp(mac(50 + n)).relayed(FAR_RELAY, "x"))).collect();
    assert_eq!(
        got[2..],
        [Ipv4Addr::new(192, 168, 7, 102), Ipv4Addr::new(192, 168, 8, 10), Ipv4Addr::new(192, 168, 8, 11)]
    );
    let none = tell(&mut server, ZERO, &Ask::discover(mac(60)).relayed(FAR_RELAY, "x"));
    assert_eq!(none.decision().reason, Reason::PoolEmpty);
    // Of both networks the address idle for longest is given again.
    tell(&mut server, secs(5), &Ask::new(MessageType::RELEASE, mac(54)).server(SERVER).ciaddr(got[4]));
    tell(&mut server, secs(6), &Ask::new(MessageType::RELEASE, mac(50)).server(SERVER).ciaddr(got[0]));
    let again = tell(&mut server, secs(7), &Ask::discover(mac(60)).relayed(FAR_RELAY, "x"));
    assert_eq!(again.reply().yiaddr(), got[4]);
}

#[test]
fn a_subnet_on_the_plans_wire_serves_who_has_no_position() {
    let beside = Subnet { shares: Some(plan().network()), ..far() };
    let mut server = Server::new(Config { subnets: vec![beside], ..config() }).unwrap();
    assert_eq!(bind(&mut server, ZERO, &Ask::bootp(mac(1))), Ipv4Addr::new(10, 1, 2, 1));
    assert_eq!(bind(&mut server, ZERO, &Ask::bootp(mac(77))), Ipv4Addr::new(192, 168, 7, 100));
}

#[test]
fn a_card_on_another_network_than_its_address_is_there_like_any_client() {
    let mut server = Server::new(two_networks()).unwrap();
    assert_eq!(
        bind(&mut server, ZERO, &Ask::bootp(mac(1)).relayed(FAR_RELAY, "x")),
        Ipv4Addr::new(192, 168, 7, 100)
    );
    let mut config = two_networks();
    let own = Ipv4Addr::new(192, 168, 7, 9);
    config.cards[0].address = Some(own);
    let mut server = Server::new(config).unwrap();
    assert_eq!(bind(&mut server, ZERO, &Ask::bootp(mac(1)).relayed(FAR_RELAY, "x")), own);
}

#[test]
fn networks_that_contradict_are_refused_by_name() {
    let refused = |subnets| Server::new(Config { subnets, ..config() }).unwrap_err();
    let inside = Ipv4Addr::new(10, 1, 99, 0);
    assert!(matches!(refused(vec![Subnet::new(inside, 24, range(inside, 1, 2))]), ConfigError::Overlap(..)));
    assert!(matches!(refused(vec![far(), far()]), ConfigError::Overlap(..)));
    assert!(matches!(refused(vec![Subnet::new(FAR_RELAY, 24, range(FAR, 5, 6))]), ConfigError::Subnet(_)));
    assert!(matches!(refused(vec![Subnet::new(FAR, 24, range(FAR, 9, 255))]), ConfigError::PoolOutside(..)));
    assert!(matches!(refused(vec![Subnet { shares: Some(inside), ..far() }]), ConfigError::Shares(..)));
    let own = Subnet { routers: vec![Ipv4Addr::new(192, 168, 7, 101)], ..far() };
    assert!(matches!(refused(vec![own]), ConfigError::PoolOwn(_)));
}

#[test]
fn idle_addresses_keep_their_network_when_the_configuration_changes() {
    let mut server = Server::new(two_networks()).unwrap();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(50)).relayed(FAR_RELAY, "x"));
    tell(&mut server, secs(1), &Ask::new(MessageType::RELEASE, mac(50)).server(SERVER).ciaddr(address));
    let first = Ipv4Addr::new(172, 16, 0, 0);
    let only = Subnet { pools: vec![address..=address], ..far() };
    let subnets = vec![Subnet::new(first, 24, range(first, 1, 2)), only];
    server.configure(Config { subnets, ..config() }).unwrap();
    let next = tell(&mut server, secs(2), &Ask::discover(mac(51)).relayed(FAR_RELAY, "x"));
    assert_eq!(next.reply().yiaddr(), address, "the longest idle address of the network is given again");
}

// ------------------------------------------------------------------ names

fn named(any_of: Vec<Names>) -> Server {
    let card = Card { any_of, ..Card::new(at("3.3")) };
    Server::new(Config { cards: vec![card], circuit_is_position: false, ..config() }).unwrap()
}

fn octets(text: &str) -> Option<Box<[u8]>> {
    Some(text.as_bytes().into())
}

fn position(server: &mut Server, ask: &Ask) -> Option<(String, Rule)> {
    let decision = tell(server, ZERO, ask).decision();
    decision.position.map(|position| (position.to_string(), decision.rule))
}

#[test]
fn a_card_is_told_by_all_of_its_names_together_and_by_any_of_its_lists() {
    let mut server = named(vec![
        Names { circuit_id: octets("7"), remote_id: octets("switch-2"), ..Names::default() },
        Names { client_id: octets("\0serial-4711"), ..Names::default() },
    ]);
    let via = |subs: &[(u8, &[u8])]| with_info(Ask::discover(mac(99)), RELAY, subs);
    let found = |rule| Some(("3.3".to_string(), rule));
    assert_eq!(position(&mut server, &via(&[(1, b"7"), (2, b"switch-2")])), found(Rule::Placed));
    assert_eq!(
        position(&mut server, &via(&[(2, b"switch-2"), (1, b"7")])),
        found(Rule::Placed),
        "in any order"
    );
    assert_eq!(position(&mut server, &via(&[(1, b"7")])), None, "one of two is not enough");
    assert_eq!(position(&mut server, &via(&[(1, b"7"), (2, b"switch-3")])), None);
    let by_id = Ask::discover(mac(98)).option(OptionCode::CLIENT_ID, b"\0serial-4711");
    assert_eq!(position(&mut server, &by_id), found(Rule::Named));
    let claimed = Ask { relay_info: Some(b"\x01\x017\x02\x08switch-2".to_vec()), ..Ask::discover(mac(99)) };
    assert_eq!(position(&mut server, &claimed), None, "nobody is believed who comes without a relay");
}

#[test]
fn the_same_port_number_of_two_switches_is_two_cards() {
    let mut config = Config { circuit_is_position: false, ..config() };
    let names = |remote| Names { circuit_id: octets("7"), remote_id: octets(remote), ..Names::default() };
    config.cards = vec![
        Card { any_of: vec![names("a")], ..Card::new(at("1.1")) },
        Card { any_of: vec![names("b")], ..Card::new(at("1.2")) },
    ];
    let mut server = Server::new(config).unwrap();
    for (remote, position) in [(&b"a"[..], [10, 1, 1, 1]), (b"b", [10, 1, 1, 2])] {
        let ask = with_info(Ask::discover(mac(40)), RELAY, &[(1, b"7"), (2, remote)]);
        assert_eq!(tell(&mut server, ZERO, &ask).reply().yiaddr(), Ipv4Addr::from(position));
    }
}

#[test]
fn more_names_go_before_fewer_and_places_before_people() {
    let mut config = Config { circuit_is_position: false, ..config() };
    let circuit = Names { circuit_id: octets("7"), ..Names::default() };
    let card = |position, names: Names| Card { any_of: vec![names], ..Card::new(at(position)) };
    config.cards = vec![
        Card::by_mac(at("1.1"), mac(1)),
        card("1.2", circuit.clone()),
        card("1.3", Names { mac: Some(mac(2)), ..circuit.clone() }),
        card("1.4", Names { relay: Some(Ipv4Addr::new(10, 1, 5, 254)), ..circuit }),
    ];
    let mut server = Server::new(config).unwrap();
    let at_seven = |hw| with_info(Ask::discover(hw), RELAY, &[(1, b"7")]);
    assert_eq!(position(&mut server, &Ask::discover(mac(1))), Some(("1.1".into(), Rule::Mac)));
    assert_eq!(position(&mut server, &at_seven(mac(1))), Some(("1.2".into(), Rule::Circuit)));
    assert_eq!(position(&mut server, &at_seven(mac(2))), Some(("1.3".into(), Rule::Named)));
    let by_other = with_info(Ask::discover(mac(9)), Ipv4Addr::new(10, 1, 5, 254), &[(1, b"7")]);
    assert_eq!(position(&mut server, &by_other), Some(("1.4".into(), Rule::Placed)));
}

#[test]
fn names_that_two_cards_share_or_that_nobody_can_speak_are_refused() {
    let mut config = config();
    let names = Names { remote_id: octets("a"), mac: Some(mac(77)), ..Names::default() };
    config.cards.push(Card { any_of: vec![names.clone()], ..Card::new(at("4.1")) });
    config.cards.push(Card { any_of: vec![names], ..Card::new(at("4.2")) });
    assert_eq!(Server::new(config.clone()).unwrap_err(), ConfigError::Names(at("4.1"), at("4.2")));
    config.cards.pop();
    for names in [Names::default(), Names { circuit_id: Some(vec![7; 256].into()), ..Names::default() }] {
        let mut config = config.clone();
        config.cards.push(Card { any_of: vec![names], ..Card::new(at("4.2")) });
        assert_eq!(Server::new(config).unwrap_err(), ConfigError::NoNames(at("4.2")));
    }
}

#[test]
fn who_is_named_by_the_operator_takes_its_place_whatever_the_policy() {
    for swap in [Swap::Wait, Swap::Refuse] {
        let names = Names { client_id: octets("\0new"), ..Names::default() };
        let card = Card { circuit_id: octets("7"), any_of: vec![names], ..Card::new(at("3.3")) };
        let mut server = Server::new(Config { cards: vec![card], swap, ..config() }).unwrap();
        bind(&mut server, ZERO, &with_info(Ask::bootp(mac(1)), RELAY, &[(1, b"7")]));
        let stranger = tell(&mut server, ZERO, &with_info(Ask::discover(mac(2)), RELAY, &[(1, b"7")]));
        assert_eq!(stranger.decision().reason, Reason::PositionTaken);
        let named = tell(&mut server, ZERO, &Ask::discover(mac(3)).option(OptionCode::CLIENT_ID, b"\0new"));
        assert_eq!(named.decision().verdict, Verdict::Offer);
    }
}

// ------------------------------------------------------------------ rates and names of servers

#[test]
fn a_port_that_speaks_too_often_is_not_heard_and_the_others_are() {
    let rate = Some(Rate { burst: 3, every: secs(1) });
    let mut server =
        Server::new(Config { limits: Limits { rate, ..Limits::default() }, ..config() }).unwrap();
    // One port, forged hardware addresses: the port is what counts.
    let flood = |n: u8| Ask::discover(mac(100 + n)).relayed(RELAY, "2.1");
    let reasons: Vec<_> = (0..5).map(|n| tell(&mut server, ZERO, &flood(n)).decision().reason).collect();
    assert_eq!(reasons[2..], [Reason::NewClient, Reason::TooFast, Reason::TooFast]);
    let other = tell(&mut server, ZERO, &Ask::discover(mac(2)).relayed(RELAY, "2.2"));
    assert_eq!(other.decision().verdict, Verdict::Offer);
    let later = tell(&mut server, Duration::from_millis(1000), &flood(9));
    assert_eq!(later.decision().verdict, Verdict::Offer, "one more each second");
    assert_eq!(tell(&mut server, Duration::from_millis(1100), &flood(9)).decision().reason, Reason::TooFast);
}

#[test]
fn a_flood_of_forged_addresses_grows_no_table() {
    let rate = Some(Rate { burst: 3, every: secs(1) });
    let mut server =
        Server::new(Config { limits: Limits { rate, ..Limits::default() }, ..config() }).unwrap();
    let mut heard = 0;
    for n in 0..20_000_u32 {
        let [a, b, c, d] = n.to_be_bytes();
        let ask = Ask::discover(HwAddr::ethernet([2, 0, a, b, c, d]));
        heard += u32::from(tell(&mut server, ZERO, &ask).decision().reason != Reason::TooFast);
    }
    assert!(
        (1000..=3072).contains(&heard),
        "{heard} of 20,000 within one moment, 3 for each of 1,024 places at most"
    );
}

#[test]
fn rfc951_s3_a_request_for_a_server_by_name_is_that_servers() {
    let mut server = Server::new(Config { server_name: Some("boot-1".into()), ..config() }).unwrap();
    let mut named = Ask::discover(mac(1)).bytes();
    named[44..50].copy_from_slice(b"boot-2");
    let from = "0.0.0.0:68".parse().unwrap();
    server.handle(ZERO, bootcfg::dhcp::server::Input::Datagram { from, bytes: &named }).unwrap();
    assert_eq!(drain(&mut server).decision().reason, Reason::OtherServer);
    let answer = tell(&mut server, ZERO, &Ask::discover(mac(1)));
    assert_eq!(answer.reply().sname(), b"boot-1");
}

#[test]
fn rfc4702_s4_the_clients_name_is_told_back_with_the_word_that_no_records_are_written() {
    let mut server = server();
    let ask = |value: &[u8]| Ask::discover(mac(1)).option(OptionCode::CLIENT_FQDN, value);
    let answer = tell(&mut server, ZERO, &ask(b"\x05\0\0\x05card1\0"));
    // S asked the server to write records: it does not (N), and says that it overrode that (O). E stays as it was.
    assert_eq!(
        answer.reply().option(OptionCode::CLIENT_FQDN).as_deref(),
        Some(&b"\x0e\xff\xff\x05card1\0"[..])
    );
    let answer = tell(&mut server, ZERO, &ask(b"\x00\0\0card1"));
    assert_eq!(answer.reply().option(OptionCode::CLIENT_FQDN).as_deref(), Some(&b"\x08\xff\xffcard1"[..]));
    assert!(!tell(&mut server, ZERO, &Ask::discover(mac(1))).reply().has(OptionCode::CLIENT_FQDN));
}

#[test]
fn an_unknown_client_of_the_plans_wire_is_quarantined_beside_other_networks() {
    let unknown = Unknown::Quarantine(Ipv4Addr::new(10, 1, 200, 1)..=Ipv4Addr::new(10, 1, 200, 3));
    let mut server = Server::new(Config { unknown, ..two_networks() }).unwrap();
    let near = tell(&mut server, ZERO, &Ask::discover(mac(80)));
    assert_eq!((near.reply().yiaddr(), near.decision().rule), (Ipv4Addr::new(10, 1, 200, 1), Rule::Pool));
}
