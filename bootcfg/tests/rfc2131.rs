//! RFC 2131, clause by clause: the server's side.

mod common;

use std::net::{Ipv4Addr, SocketAddrV4};

use bootcfg::dhcp::Destination;
use bootcfg::dhcp::server::{Card, Config, Event, Reason, Rule, Server, Swap, Unknown, Verdict};
use bootcfg::wire::dhcp::{MessageType, OptionCode, key};
use common::*;

const CARD: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 1);

fn quarantine() -> Config {
    let pool = Ipv4Addr::new(10, 1, 200, 1)..=Ipv4Addr::new(10, 1, 200, 3);
    Config { unknown: Unknown::Quarantine(pool), ..config() }
}

#[test]
fn s4_3_1_a_discover_is_answered_with_the_address_of_the_position() {
    let answer = tell(&mut server(), ZERO, &Ask::discover(mac(1)));
    assert_eq!(answer.kind(), Some(MessageType::OFFER));
    assert_eq!(answer.reply().yiaddr(), CARD);
    let decision = answer.decision();
    assert_eq!((decision.position, decision.rule), (Some(at("2.1")), Rule::Mac));
    assert_eq!(
        decision.to_string(),
        "DISCOVER from 52:54:00:00:00:01, card 2.1 by MAC: OFFER 10.1.2.1, a client looks for its address"
    );
}

#[test]
fn s4_3_1_table_3_an_offer_has_53_54_51_and_none_of_50_55_57() {
    let ask = Ask::discover(mac(1)).wants(CARD).option(OptionCode::MAX_MESSAGE, [4, 0]);
    let answer = tell(&mut server(), ZERO, &ask.option(OptionCode::PARAMETERS, [1, 3, 6, 50, 55, 57]));
    let offer = answer.reply();
    assert_eq!(offer.get(key::LEASE_TIME).unwrap(), Some(3600));
    assert_eq!(offer.get(key::SERVER_ID).unwrap(), Some(SERVER));
    assert_eq!(offer.get(key::RENEWAL).unwrap(), Some(1800));
    assert_eq!(offer.get(key::REBINDING).unwrap(), Some(3150));
    for code in [OptionCode::REQUESTED_ADDRESS, OptionCode::PARAMETERS, OptionCode::MAX_MESSAGE] {
        assert!(!offer.has(code), "{code}");
    }
    assert_eq!(offer.ciaddr(), Ipv4Addr::UNSPECIFIED);
    assert_eq!((offer.hops(), offer.secs(), offer.xid()), (0, 0, 0x1234_5678));
}

#[test]
fn s4_3_1_parameters_come_in_the_order_asked_and_the_mask_before_the_routers() {
    let ask = Ask::discover(mac(1)).option(OptionCode::PARAMETERS, [15, 6, 3, 1]);
    let answer = tell(&mut server(), ZERO, &ask);
    let codes: Vec<u8> = answer.reply().options().map(|(code, _)| code.0).collect();
    assert_eq!(codes, [53, 54, 51, 58, 59, 1, 15, 6, 3]);
}

#[test]
fn s4_3_1_an_unknown_client_is_met_with_silence_and_a_reason() {
    let answer = tell(&mut server(), ZERO, &Ask::discover(mac(99)));
    assert!(answer.replies.is_empty());
    assert_eq!(answer.decision().reason, Reason::NoPosition);
}

#[test]
fn s4_3_1_a_previous_address_is_offered_before_a_wish_and_a_wish_before_a_fresh_one() {
    let mut server = Server::new(quarantine()).unwrap();
    let second = Ipv4Addr::new(10, 1, 200, 2);
    let wishing = Ask::bootp(mac(50)).wants(second);
    let offered = tell(
        &mut server,
        ZERO,
        &Ask { options: [vec![(OptionCode::MESSAGE_TYPE, vec![1])], wishing.options].concat(), ..wishing },
    );
    assert_eq!(offered.reply().yiaddr(), second);
    // The offer lapses; the next wish of the same client is not what it had before.
    assert_eq!(bind(&mut server, secs(20), &Ask::bootp(mac(51))), Ipv4Addr::new(10, 1, 200, 1));
    let release = Ask::new(MessageType::RELEASE, mac(51)).ciaddr(Ipv4Addr::new(10, 1, 200, 1)).server(SERVER);
    assert_eq!(tell(&mut server, secs(21), &release).decision().verdict, Verdict::Noted);
    let back = Ask::discover(mac(51)).wants(second);
    assert_eq!(tell(&mut server, secs(22), &back).reply().yiaddr(), Ipv4Addr::new(10, 1, 200, 1));
}

#[test]
fn s4_3_1_an_offered_address_is_not_offered_to_another_until_the_offer_lapses() {
    let mut server = Server::new(quarantine()).unwrap();
    let mut given: Vec<_> =
        (50..53).map(|last| tell(&mut server, ZERO, &Ask::discover(mac(last))).reply().yiaddr()).collect();
    given.sort();
    given.dedup();
    assert_eq!(given.len(), 3, "three clients, three addresses");
    let fourth = tell(&mut server, secs(1), &Ask::discover(mac(53)));
    assert_eq!(fourth.decision().reason, Reason::PoolEmpty);
    let later = tell(&mut server, secs(10), &Ask::discover(mac(53)));
    assert_eq!(later.kind(), Some(MessageType::OFFER));
}

#[test]
fn s4_3_1_the_ack_waits_until_the_lease_is_kept() {
    let mut server = server();
    let answer = tell(&mut server, ZERO, &Ask::request(mac(1)).server(SERVER).wants(CARD));
    let [(commit, lease)] = answer.leases[..] else { panic!("{answer:?}") };
    assert_eq!((lease.address, lease.hw, lease.expires_at), (CARD, mac(1), secs(3600)));
    assert_eq!(answer.replies[0].2, Some(commit));
}

#[test]
fn s4_3_2_a_request_for_another_server_is_met_with_silence_and_frees_the_offer() {
    let mut server = Server::new(quarantine()).unwrap();
    let address = tell(&mut server, ZERO, &Ask::discover(mac(50))).reply().yiaddr();
    let other = Ask::request(mac(50)).server(Ipv4Addr::new(10, 9, 9, 9)).wants(address);
    let answer = tell(&mut server, ZERO, &other);
    assert!(answer.replies.is_empty());
    assert_eq!(answer.decision().reason, Reason::OtherServer);
    assert_eq!(tell(&mut server, ZERO, &Ask::discover(mac(51))).reply().yiaddr(), address);
}

#[test]
fn s4_3_2_the_same_request_again_gets_the_same_answer() {
    let mut server = server();
    let request = Ask::request(mac(1)).server(SERVER).wants(CARD);
    let first = tell(&mut server, ZERO, &request);
    assert_eq!(tell(&mut server, ZERO, &request).replies[0].1, first.replies[0].1);
}

#[test]
fn s4_3_2_init_reboot_with_the_right_address_is_acked() {
    let answer = tell(&mut server(), ZERO, &Ask::request(mac(1)).wants(CARD));
    assert_eq!(answer.kind(), Some(MessageType::ACK));
    assert_eq!(answer.decision().reason, Reason::Rebooted);
}

#[test]
fn s4_3_2_init_reboot_with_a_wrong_address_is_nakked() {
    let answer = tell(&mut server(), ZERO, &Ask::request(mac(1)).wants(Ipv4Addr::new(10, 1, 3, 3)));
    assert_eq!(answer.kind(), Some(MessageType::NAK));
    assert_eq!(answer.decision().reason, Reason::WrongAddress);
}

#[test]
fn s4_3_2_init_reboot_on_the_wrong_network_is_nakked_even_for_a_stranger() {
    let answer = tell(&mut server(), ZERO, &Ask::request(mac(99)).wants(Ipv4Addr::new(192, 168, 1, 7)));
    assert_eq!(answer.kind(), Some(MessageType::NAK));
    assert_eq!(answer.decision().reason, Reason::WrongNetwork);
}

#[test]
fn s4_3_2_init_reboot_without_a_record_must_be_met_with_silence() {
    let answer = tell(&mut server(), ZERO, &Ask::request(mac(99)).wants(Ipv4Addr::new(10, 1, 3, 3)));
    assert!(answer.replies.is_empty());
    assert_eq!(answer.decision().reason, Reason::LeaseUnknown);
}

#[test]
fn s4_3_2_a_renewal_is_acked_by_unicast_to_ciaddr() {
    let mut server = server();
    bind(&mut server, ZERO, &Ask::bootp(mac(1)));
    let answer = tell(&mut server, secs(1800), &Ask::request(mac(1)).ciaddr(CARD));
    assert_eq!(answer.kind(), Some(MessageType::ACK));
    assert_eq!(answer.to(), Destination::Unicast(SocketAddrV4::new(CARD, 68)));
    assert_eq!(answer.leases[0].1.expires_at, secs(1800 + 3600));
    assert_eq!(answer.reply().ciaddr(), CARD);
}

#[test]
fn s4_3_2_a_renewal_without_option_82_still_finds_its_position() {
    let mut server = server();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(77)).relayed(RELAY, "3.4"));
    assert_eq!(address, Ipv4Addr::new(10, 1, 3, 4));
    let answer = tell(&mut server, secs(1800), &Ask::request(mac(77)).ciaddr(address));
    assert_eq!(answer.kind(), Some(MessageType::ACK));
    assert_eq!((answer.decision().position, answer.decision().rule), (Some(at("3.4")), Rule::Lease));
}

#[test]
fn s4_3_2_a_renewal_of_a_fenced_card_is_nakked() {
    let mut server = server();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(77)).relayed(RELAY, "3.4"));
    bind(&mut server, secs(1), &Ask::bootp(mac(78)).relayed(RELAY, "3.4"));
    let answer = tell(&mut server, secs(2), &Ask::request(mac(77)).ciaddr(address));
    assert_eq!(answer.kind(), Some(MessageType::NAK));
}

#[test]
fn s4_3_2_a_nak_has_only_53_54_56_and_what_is_echoed() {
    let id = [1, 2, 3, 4];
    let ask = Ask::request(mac(1)).wants(Ipv4Addr::new(10, 1, 3, 3)).option(OptionCode::CLIENT_ID, id);
    let answer = tell(&mut server(), ZERO, &ask.relayed(RELAY, "2.1"));
    let nak = answer.reply();
    let codes: Vec<u8> = nak.options().map(|(code, _)| code.0).collect();
    assert_eq!(codes, [53, 54, 61, 56, 82]);
    for address in [nak.yiaddr(), nak.ciaddr(), nak.siaddr()] {
        assert!(address.is_unspecified());
    }
    assert!(nak.file().is_empty() && nak.sname().is_empty());
}

#[test]
fn s4_3_2_a_nak_through_a_relay_has_the_broadcast_bit() {
    let ask = Ask::request(mac(1)).wants(Ipv4Addr::new(10, 1, 3, 3)).relayed(RELAY, "2.1");
    assert!(tell(&mut server(), ZERO, &ask).reply().broadcast());
}

#[test]
fn s4_3_3_a_declined_address_rests_and_the_operator_is_told() {
    let mut server = Server::new(quarantine()).unwrap();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(50)));
    let decline = Ask::new(MessageType::DECLINE, mac(50)).server(SERVER).wants(address);
    let answer = tell(&mut server, secs(1), &decline);
    assert!(answer.events.contains(&Event::Declined { address, hw: mac(50) }));
    assert!(answer.replies.is_empty());
    for last in 51..53 {
        assert_ne!(bind(&mut server, secs(2), &Ask::bootp(mac(last))), address);
    }
    assert_eq!(tell(&mut server, secs(3), &Ask::discover(mac(54))).decision().reason, Reason::PoolEmpty);
    assert_eq!(bind(&mut server, secs(602), &Ask::bootp(mac(54))), address);
}

#[test]
fn s4_3_3_a_forged_decline_changes_nothing() {
    let mut server = Server::new(quarantine()).unwrap();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(50)));
    let before = server.clone();
    let forged = Ask::new(MessageType::DECLINE, mac(51)).server(SERVER).wants(address);
    assert_eq!(tell(&mut server, ZERO, &forged).decision().reason, Reason::WrongAddress);
    let foreign = Ask::new(MessageType::DECLINE, mac(50)).server(RELAY).wants(address);
    assert_eq!(tell(&mut server, ZERO, &foreign).decision().reason, Reason::OtherServer);
    assert_eq!(server.lease(address), before.lease(address));
}

#[test]
fn s4_3_4_a_released_address_is_remembered_for_its_client() {
    let mut server = Server::new(quarantine()).unwrap();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(50)));
    let release = Ask::new(MessageType::RELEASE, mac(50)).server(SERVER).ciaddr(address);
    assert_eq!(tell(&mut server, secs(1), &release).leases[0].1.expires_at, secs(1));
    assert_ne!(bind(&mut server, secs(2), &Ask::bootp(mac(51))), address);
    assert_eq!(bind(&mut server, secs(3), &Ask::bootp(mac(50))), address);
}

#[test]
fn s4_3_4_a_forged_release_changes_nothing() {
    let mut server = server();
    bind(&mut server, ZERO, &Ask::bootp(mac(1)));
    let forged = Ask::new(MessageType::RELEASE, mac(2)).server(SERVER).ciaddr(CARD);
    assert_eq!(tell(&mut server, secs(1), &forged).decision().reason, Reason::WrongAddress);
    assert_eq!(server.lease(CARD).unwrap().expires_at, secs(3600));
}

#[test]
fn s4_3_5_an_inform_is_answered_to_ciaddr_without_a_lease() {
    let answer = tell(&mut server(), ZERO, &Ask::new(MessageType::INFORM, mac(99)).ciaddr(CARD));
    let ack = answer.reply();
    assert_eq!(ack.kind(), Some(MessageType::ACK));
    assert_eq!(ack.yiaddr(), Ipv4Addr::UNSPECIFIED);
    for code in [OptionCode::LEASE_TIME, OptionCode::RENEWAL, OptionCode::REBINDING] {
        assert!(!ack.has(code), "{code}");
    }
    assert_eq!(answer.to(), Destination::Unicast(SocketAddrV4::new(CARD, 68)));
    assert!(answer.leases.is_empty());
}

#[test]
fn s4_1_a_reply_goes_by_relay_unicast_broadcast_or_link() {
    let mut server = server();
    let relayed = tell(&mut server, ZERO, &Ask::discover(mac(1)).relayed(RELAY, "2.1"));
    assert_eq!(relayed.to(), Destination::Relay(SocketAddrV4::new(RELAY, 67)));
    let plain = tell(&mut server, ZERO, &Ask::discover(mac(1)));
    assert_eq!(plain.to(), Destination::Link { hw: mac(1), to: SocketAddrV4::new(CARD, 68) });
    let flagged = tell(&mut server, ZERO, &Ask::discover(mac(1)).broadcast());
    assert_eq!(flagged.to(), Destination::Broadcast(68));
    let nak = tell(&mut server, ZERO, &Ask::request(mac(1)).wants(Ipv4Addr::new(10, 1, 9, 9)));
    assert_eq!(nak.to(), Destination::Broadcast(68));
}

#[test]
fn s4_1_a_discover_with_ciaddr_is_still_answered() {
    let answer = tell(&mut server(), ZERO, &Ask::discover(mac(1)).ciaddr(CARD));
    assert_eq!(answer.kind(), Some(MessageType::OFFER));
}

#[test]
fn patent_b4_a_replacement_card_has_the_address_of_its_slot_at_once() {
    let mut server = server();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(77)).relayed(RELAY, "3.4"));
    let offer = tell(&mut server, secs(1), &Ask::discover(mac(78)).relayed(RELAY, "3.4"));
    assert_eq!(offer.reply().yiaddr(), address);
    let request = Ask::request(mac(78)).server(SERVER).wants(address).relayed(RELAY, "3.4");
    let answer = tell(&mut server, secs(1), &request);
    let swapped = Event::Swapped { position: at("3.4"), old: mac(77), new: mac(78), admitted: true };
    assert!(answer.events.contains(&swapped), "{:?}", answer.events);
}

#[test]
fn patent_b4_a_replacement_card_waits_or_is_refused_where_the_policy_says_so() {
    for (swap, after) in [(Swap::Wait, MessageType::OFFER), (Swap::Refuse, MessageType(0))] {
        let mut server = Server::new(Config { swap, ..config() }).unwrap();
        bind(&mut server, ZERO, &Ask::bootp(mac(77)).relayed(RELAY, "3.4"));
        let discover = Ask::discover(mac(78)).relayed(RELAY, "3.4");
        assert_eq!(tell(&mut server, secs(1), &discover).decision().reason, Reason::PositionTaken);
        let later = tell(&mut server, secs(3601), &discover);
        assert_eq!(later.kind(), (after.0 != 0).then_some(after));
    }
}

#[test]
fn patent_b2_a_mac_at_two_positions_is_told() {
    let mut server = server();
    bind(&mut server, ZERO, &Ask::bootp(mac(77)).relayed(RELAY, "3.4"));
    let request =
        Ask::request(mac(77)).server(SERVER).wants(Ipv4Addr::new(10, 1, 3, 5)).relayed(RELAY, "3.5");
    let answer = tell(&mut server, secs(1), &request);
    let moved = Event::Moved { hw: mac(77), from: at("3.4"), to: at("3.5") };
    assert!(answer.events.contains(&moved), "{:?}", answer.events);
}

#[test]
fn two_hundred_and_eighty_cards_at_once_get_no_duplicate_offer_and_no_nak() {
    let mut server = Server::new(Config { unknown: Unknown::Enrol, ..Config::new(SERVER, plan()) }).unwrap();
    let macs: Vec<_> =
        (0..280_u16).map(|n| bootcfg::HwAddr::ethernet([2, 0, 0, 0, (n >> 8) as u8, n as u8])).collect();
    let offers: Vec<_> =
        macs.iter().map(|hw| tell(&mut server, ZERO, &Ask::discover(*hw)).reply().yiaddr()).collect();
    for (hw, address) in macs.iter().zip(&offers) {
        let ack = tell(&mut server, secs(1), &Ask::request(*hw).server(SERVER).wants(*address));
        assert_eq!(ack.kind(), Some(MessageType::ACK));
    }
    let mut distinct = offers.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 280);
    assert_eq!(server.stats().naks, 0);
    let late = tell(&mut server, secs(2), &Ask::discover(mac(1)));
    assert_eq!(late.decision().reason, Reason::PositionsFull);
}

#[test]
fn observe_says_what_it_would_answer_and_answers_nothing() {
    let mode = bootcfg::dhcp::server::Mode::Observe;
    let mut server = Server::new(Config { mode, ..config() }).unwrap();
    let before = server.clone();
    let answer = tell(&mut server, ZERO, &Ask::request(mac(1)).server(SERVER).wants(CARD));
    assert!(answer.replies.is_empty() && answer.leases.is_empty());
    assert_eq!(answer.decision().verdict, Verdict::Ack);
    assert_eq!(server.lease(CARD), before.lease(CARD));
}

#[test]
fn a_lease_that_was_kept_is_there_after_a_restart() {
    let mut server = Server::new(quarantine()).unwrap();
    let address = bind(&mut server, ZERO, &Ask::bootp(mac(50)));
    let kept = server.lease(address).unwrap();
    let mut again = Server::new(quarantine()).unwrap();
    // The client's name as it was kept beside the lease.
    let name = [&[0, 1][..], mac(50).octets()].concat();
    again.restore(secs(5), &kept, &name);
    let answer = tell(&mut again, secs(10), &Ask::request(mac(50)).ciaddr(address));
    assert_eq!(answer.kind(), Some(MessageType::ACK));
}

#[test]
fn a_lease_that_ends_is_told() {
    let mut server = server();
    bind(&mut server, ZERO, &Ask::bootp(mac(1)));
    assert_eq!(server.deadline(), Some(secs(3600)));
    server.handle(secs(3600), bootcfg::dhcp::server::Input::Tick).unwrap();
    let expired = Event::Expired { address: CARD, position: Some(at("2.1")), hw: mac(1) };
    assert_eq!(drain(&mut server).events, [expired]);
    assert_eq!(server.deadline(), None);
}

#[test]
fn contradictions_in_a_configuration_name_both_entries() {
    let mut config = config();
    config.cards.push(Card::by_mac(at("5.5"), mac(1)));
    let error = Server::new(config).unwrap_err();
    assert_eq!(error.to_string(), "cards 2.1 and 5.5 have the same MAC 52:54:00:00:00:01");
}

#[test]
fn s4_3_1_table_3_a_reply_copies_xid_flags_giaddr_and_chaddr_and_counts_no_hops_nor_secs() {
    let mut ask =
        Ask::discover(mac(1)).broadcast().xid(0xfeed_beef).relayed(Ipv4Addr::new(10, 1, 2, 254), "2.1");
    (ask.header.hops, ask.header.secs) = (3, 77);
    let answer = tell(&mut server(), ZERO, &ask);
    let offer = answer.reply();
    assert_eq!((offer.op().0, offer.hops(), offer.secs()), (2, 0, 0));
    assert_eq!(
        (offer.xid(), offer.flags(), offer.giaddr()),
        (0xfeed_beef, 0x8000, Ipv4Addr::new(10, 1, 2, 254))
    );
    assert_eq!((offer.chaddr(), offer.ciaddr()), (mac(1), Ipv4Addr::UNSPECIFIED));
    assert!(offer.as_bytes().len() >= 300, "RFC 951 §3");
}

#[test]
fn s2_a_reply_of_another_server_is_no_request() {
    let mut bytes = Ask::discover(mac(1)).bytes();
    bytes[0] = 2;
    let mut server = server();
    let from = "10.1.0.2:67".parse().unwrap();
    server.handle(ZERO, bootcfg::dhcp::server::Input::Datagram { from, bytes: &bytes }).unwrap();
    let answer = drain(&mut server);
    assert_eq!((answer.replies.len(), answer.decision().reason), (0, Reason::NotARequest));
}

#[test]
fn s3_3_a_lease_for_ever_is_all_ones_and_has_no_times_to_renew() {
    let mut server = Server::new(Config { lease: std::time::Duration::MAX, ..config() }).unwrap();
    let answer = tell(&mut server, ZERO, &Ask::discover(mac(1)));
    assert_eq!(answer.reply().get(key::LEASE_TIME).unwrap(), Some(u32::MAX));
    assert!(!answer.reply().has(OptionCode::RENEWAL) && !answer.reply().has(OptionCode::REBINDING));
    bind(&mut server, ZERO, &Ask::bootp(mac(1)));
    assert_eq!(server.deadline(), None);
}

#[test]
fn rfc4361_s6_3_the_identifier_is_the_key_in_a_pool_whatever_hardware_it_comes_from() {
    let mut server = Server::new(quarantine()).unwrap();
    let duid = [&[255, 0, 0, 0, 7][..], &[0, 3, 0, 1, 2, 3, 4, 5, 6, 7]].concat();
    let from = |hw| Ask::bootp(hw).option(OptionCode::CLIENT_ID, &duid);
    let first = bind(&mut server, ZERO, &from(mac(50)));
    assert_eq!(bind(&mut server, secs(1), &from(mac(51))), first, "another interface of the same host");
    assert_ne!(
        bind(&mut server, secs(2), &Ask::bootp(mac(50))),
        first,
        "without it the hardware address is the key"
    );
    // An identifier made of the hardware address, which then moves to other hardware.
    let typed = Ask::bootp(mac(60)).option(OptionCode::CLIENT_ID, [&[1][..], mac(60).octets()].concat());
    let third = bind(&mut server, secs(3), &typed);
    let moved = Ask { header: Ask::bootp(mac(61)).header, ..typed.clone() };
    assert_eq!(bind(&mut server, secs(4), &moved), third);
    assert_eq!(bind(&mut server, secs(5), &typed), third);
}

#[test]
fn rfc5071_and_rfc8925_options_are_sent_to_who_asks_for_them() {
    let options = vec![
        (OptionCode::CONFIG_FILE, b"pxelinux.cfg/default".to_vec()),
        (OptionCode::REBOOT_TIME, 60_u32.to_be_bytes().to_vec()),
        (OptionCode::IPV6_ONLY, 1800_u32.to_be_bytes().to_vec()),
    ];
    let mut server = Server::new(Config { options, ..config() }).unwrap();
    let asking = Ask::discover(mac(1)).option(OptionCode::PARAMETERS, [108, 209, 210, 211]);
    let answer = tell(&mut server, ZERO, &asking);
    let offer = answer.reply();
    assert_eq!(offer.get(key::CONFIG_FILE).unwrap().as_deref(), Some(&b"pxelinux.cfg/default"[..]));
    assert_eq!(offer.get(key::PATH_PREFIX).unwrap().as_deref(), Some(&b"/iboot/2.1/"[..]));
    assert_eq!(
        (offer.get(key::REBOOT_TIME).unwrap(), offer.get(key::IPV6_ONLY).unwrap()),
        (Some(60), Some(1800))
    );
    let plain = tell(&mut server, ZERO, &Ask::discover(mac(1)).option(OptionCode::PARAMETERS, [1]));
    for code in [OptionCode::IPV6_ONLY, OptionCode::CONFIG_FILE, OptionCode::REBOOT_TIME] {
        assert!(!plain.reply().has(code), "RFC 8925 §3.3: only to who asked");
    }
}
