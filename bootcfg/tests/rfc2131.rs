//! RFC 2131, clause by clause: the server's side, then the client's.

mod common;

use std::net::{Ipv4Addr, SocketAddrV4};

use bootcfg::dhcp::client::{Client, Event as Told, Input, Lost};
use bootcfg::dhcp::server::{Card, Config, Event, Reason, Rule, Server, Swap, Unknown, Verdict};
use bootcfg::dhcp::{Destination, client};
use bootcfg::wire::dhcp::{Message, MessageType, OptionCode, key};
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

// ------------------------------------------------------------------ the client

/// Client and server talk at `now` until neither has anything to say.
fn converse(client: &mut Client, server: &mut Server, now: std::time::Duration) -> Vec<Told> {
    let mut told = Vec::new();
    loop {
        let did = drain_client(client);
        if did.is_empty() {
            return told;
        }
        for did in did {
            match did {
                Did::Send(_, from, bytes) => {
                    let from = SocketAddrV4::new(from, 68);
                    server
                        .handle(now, bootcfg::dhcp::server::Input::Datagram { from, bytes: &bytes })
                        .unwrap();
                    for (_, reply, _) in drain(server).replies {
                        client.handle(now, Input::Datagram(&reply)).unwrap();
                    }
                }
                Did::Event(event) => told.push(event),
                Did::Probe(_) => {}
            }
        }
    }
}

fn sent(did: &[Did]) -> (Destination, Message<'_>) {
    let [Did::Send(to, _, bytes)] = did else { panic!("{did:?}") };
    (*to, Message::parse(bytes).unwrap())
}

#[test]
fn s4_4_a_client_is_configured_renews_rebinds_and_loses_its_lease() {
    let (mut client, mut server) = (Client::new(client_config(mac(1)), ZERO), server());
    client.handle(ZERO, Input::Tick).unwrap();
    let told = converse(&mut client, &mut server, ZERO);
    let [Told::Configured(lease)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        (lease.address, lease.netmask, &lease.routers[..]),
        (CARD, Ipv4Addr::new(255, 255, 0, 0), &[SERVER][..])
    );
    assert_eq!(lease.path_prefix.as_deref(), Some("/iboot/2.1/"));

    let t1 = client.deadline().unwrap();
    assert!(t1 <= secs(1800) && t1 >= secs(1800 - 1800 / 32), "{t1:?}");
    client.handle(t1, Input::Tick).unwrap();
    let did = drain_client(&mut client);
    let (to, renewal) = sent(&did);
    assert_eq!(to, Destination::Unicast(SocketAddrV4::new(SERVER, 67)));
    assert_eq!(renewal.ciaddr(), CARD);
    assert!(!renewal.has(OptionCode::REQUESTED_ADDRESS) && !renewal.has(OptionCode::SERVER_ID));

    // Nobody answers: half of the time that remains, then any server, then the address is lost.
    let half = client.deadline().unwrap();
    assert_eq!(half, t1 + (secs(3150) - t1) / 2);
    client.handle(secs(3150), Input::Tick).unwrap();
    let did = drain_client(&mut client);
    let (to, rebinding) = sent(&did);
    assert_eq!((to, rebinding.ciaddr()), (Destination::Broadcast(67), CARD));
    client.handle(secs(3600), Input::Tick).unwrap();
    let lost = Told::Lost { address: CARD, reason: Lost::Expired };
    let did = drain_client(&mut client);
    assert_eq!(did[0], Did::Event(lost));
    assert_eq!(sent(&did[1..]).1.kind(), Some(MessageType::DISCOVER), "and it looks for another at once");
}

#[test]
fn s4_4_1_a_client_waits_1_to_10_s_before_its_first_message() {
    let waits: Vec<_> = (0..50)
        .map(|seed| Client::new(client::Config::new(mac(1), seed), secs(5)).deadline().unwrap() - secs(5))
        .collect();
    assert!(waits.iter().all(|wait| (secs(1)..=secs(10)).contains(wait)));
    assert!(waits.iter().min() < Some(&secs(3)) && waits.iter().max() > Some(&secs(8)), "they are spread");
}

#[test]
fn s4_1_retransmissions_double_from_4_s_to_64_s_with_1_s_of_blur_and_keep_the_xid() {
    let mut client = Client::new(client_config(mac(1)), ZERO);
    let mut now = ZERO;
    client.handle(now, Input::Tick).unwrap();
    let mut xids = Vec::new();
    for mean in [4, 8, 16, 32, 64, 64] {
        let did = drain_client(&mut client);
        let (_, discover) = sent(&did);
        assert_eq!(discover.kind(), Some(MessageType::DISCOVER));
        assert_eq!(u64::from(discover.secs()), now.as_secs(), "secs is the real time since the beginning");
        xids.push(discover.xid());
        let next = client.deadline().unwrap();
        let wait = next - now;
        assert!(wait >= secs(mean - 1) && wait <= secs(mean + 1), "{wait:?} instead of about {mean} s");
        now = next;
        client.handle(now, Input::Tick).unwrap();
    }
    xids.dedup();
    assert_eq!(xids.len(), 1);
}

/// A client that has sent its REQUEST for an offer of `SERVER`.
fn requesting() -> (Client, u32) {
    let (mut client, mut server) = (Client::new(client_config(mac(1)), ZERO), server());
    client.handle(ZERO, Input::Tick).unwrap();
    let did = drain_client(&mut client);
    let (_, discover) = sent(&did);
    let xid = discover.xid();
    let offer = tell(&mut server, ZERO, &Ask::discover(mac(1)).xid(xid)).replies.remove(0).1;
    client.handle(ZERO, Input::Datagram(&offer)).unwrap();
    (client, xid)
}

#[test]
fn s4_3_6_table_4_selecting_sends_54_and_50_with_the_xid_of_the_offer_and_no_ciaddr() {
    let (mut client, xid) = requesting();
    let did = drain_client(&mut client);
    let (to, request) = sent(&did);
    assert_eq!(to, Destination::Broadcast(67));
    assert_eq!(request.xid(), xid);
    assert_eq!(request.get(key::SERVER_ID).unwrap(), Some(SERVER));
    assert_eq!(request.get(key::REQUESTED_ADDRESS).unwrap(), Some(CARD));
    assert_eq!(request.ciaddr(), Ipv4Addr::UNSPECIFIED);
}

#[test]
fn s4_4_1_a_nak_counts_only_from_the_server_that_was_chosen() {
    let (mut client, xid) = requesting();
    drain_client(&mut client);
    let nak = |id: Ipv4Addr| {
        let mut server = Server::new(Config { server_id: id, ..config() }).unwrap();
        tell(&mut server, ZERO, &Ask::request(mac(1)).xid(xid).wants(Ipv4Addr::new(10, 1, 9, 9)))
            .replies
            .remove(0)
            .1
    };
    let before = client.clone();
    client.handle(ZERO, Input::Datagram(&nak(Ipv4Addr::new(10, 1, 0, 66)))).unwrap();
    assert_eq!(client, before, "another server's NAK means nothing");
    client.handle(ZERO, Input::Datagram(&nak(SERVER))).unwrap();
    assert_eq!(drain_client(&mut client)[0], Did::Event(Told::Refused));
}

#[test]
fn s4_4_1_replies_with_another_xid_or_chaddr_mean_nothing() {
    let mut client = Client::new(client_config(mac(1)), ZERO);
    client.handle(ZERO, Input::Tick).unwrap();
    let did = drain_client(&mut client);
    let (_, discover) = sent(&did);
    let xid = discover.xid();
    let before = client.clone();
    for ask in [Ask::discover(mac(1)).xid(xid ^ 1), Ask::discover(mac(2)).xid(xid)] {
        let offer = tell(&mut server(), ZERO, &ask).replies.remove(0).1;
        client.handle(ZERO, Input::Datagram(&offer)).unwrap();
        assert_eq!(client, before);
    }
}

#[test]
fn s4_4_1_an_address_in_use_is_declined_and_the_client_waits_10_s() {
    let config = client::Config { probe_timeout: secs(1), ..client_config(mac(1)) };
    let (mut client, mut server) = (Client::new(config, ZERO), server());
    client.handle(ZERO, Input::Tick).unwrap();
    assert_eq!(converse(&mut client, &mut server, ZERO), []);
    client.handle(ZERO, Input::Probed { address: CARD, in_use: true }).unwrap();
    let did = drain_client(&mut client);
    let (to, decline) = sent(&did[..1]);
    assert_eq!((to, decline.kind()), (Destination::Broadcast(67), Some(MessageType::DECLINE)));
    assert_eq!(decline.get(key::REQUESTED_ADDRESS).unwrap(), Some(CARD));
    assert_eq!(decline.get(key::SERVER_ID).unwrap(), Some(SERVER));
    assert_eq!(did[1], Did::Event(Told::Declined(CARD)));
    assert_eq!(client.deadline(), Some(secs(10)));
}

#[test]
fn s4_4_1_an_unanswered_probe_lets_the_address_be_used() {
    let config = client::Config { probe_timeout: secs(1), ..client_config(mac(1)) };
    let (mut client, mut server) = (Client::new(config, ZERO), server());
    client.handle(ZERO, Input::Tick).unwrap();
    converse(&mut client, &mut server, ZERO);
    assert_eq!(client.lease(), None);
    client.handle(secs(1), Input::Tick).unwrap();
    assert!(matches!(drain_client(&mut client)[..], [Did::Event(Told::Configured(_))]));
}

#[test]
fn s4_4_2_init_reboot_sends_50_without_54_and_falls_back_to_init_in_silence() {
    let config = client::Config { reboot: Some(CARD), ..client_config(mac(1)) };
    let mut client = Client::new(config, ZERO);
    client.handle(ZERO, Input::Tick).unwrap();
    for _ in 0..4 {
        let did = drain_client(&mut client);
        let (_, request) = sent(&did);
        assert_eq!(request.kind(), Some(MessageType::REQUEST));
        assert!(request.has(OptionCode::REQUESTED_ADDRESS) && !request.has(OptionCode::SERVER_ID));
        client.handle(client.deadline().unwrap(), Input::Tick).unwrap();
    }
    client.handle(client.deadline().unwrap(), Input::Tick).unwrap();
    let did = drain_client(&mut client);
    assert_eq!(sent(&did).1.kind(), Some(MessageType::DISCOVER));
}

#[test]
fn s4_4_5_an_infinite_lease_is_never_renewed() {
    let lease = std::time::Duration::MAX;
    let (mut client, mut server) =
        (Client::new(client_config(mac(1)), ZERO), Server::new(Config { lease, ..config() }).unwrap());
    client.handle(ZERO, Input::Tick).unwrap();
    let told = converse(&mut client, &mut server, ZERO);
    let [Told::Configured(lease)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(lease.expires_at, std::time::Duration::MAX);
    assert_eq!((client.deadline(), server.deadline()), (None, None));
}

#[test]
fn s4_4_6_release_is_sent_to_the_server_by_unicast() {
    let (mut client, mut server) = (Client::new(client_config(mac(1)), ZERO), server());
    client.handle(ZERO, Input::Tick).unwrap();
    converse(&mut client, &mut server, ZERO);
    client.handle(secs(1), Input::Release).unwrap();
    let did = drain_client(&mut client);
    let (to, release) = sent(&did[..1]);
    assert_eq!(to, Destination::Unicast(SocketAddrV4::new(SERVER, 67)));
    assert_eq!((release.kind(), release.ciaddr()), (Some(MessageType::RELEASE), CARD));
    assert_eq!(client.deadline(), None);
}

#[test]
fn repeated_naks_are_met_with_longer_and_longer_waits() {
    let mut client = Client::new(client_config(mac(1)), ZERO);
    let mut now = ZERO;
    let mut waits = Vec::new();
    for _ in 0..5 {
        now = client.deadline().unwrap().max(now);
        client.handle(now, Input::Tick).unwrap();
        let did = drain_client(&mut client);
        let xid = sent(&did).1.xid();
        let offer = tell(&mut server(), ZERO, &Ask::discover(mac(1)).xid(xid)).replies.remove(0).1;
        client.handle(now, Input::Datagram(&offer)).unwrap();
        drain_client(&mut client);
        let ask = Ask::request(mac(1)).xid(xid).wants(Ipv4Addr::new(10, 1, 9, 9));
        let nak = tell(&mut server(), ZERO, &ask).replies.remove(0).1;
        client.handle(now, Input::Datagram(&nak)).unwrap();
        drain_client(&mut client);
        waits.push((client.deadline().unwrap() - now).as_secs());
    }
    // After the first the client begins again at once: what is seen is its first retransmission.
    assert_eq!(waits[1..], [1, 3, 7, 15]);
}
