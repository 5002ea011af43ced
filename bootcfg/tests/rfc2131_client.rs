//! RFC 2131, clause by clause: the client's side.

mod common;

use std::net::{Ipv4Addr, SocketAddrV4};

use bootcfg::dhcp::client::{Client, Event as Told, Input, Lost};
use bootcfg::dhcp::server::{Config, Server};
use bootcfg::dhcp::{Destination, client};
use bootcfg::wire::dhcp::{Message, MessageType, OptionCode, key};
use common::*;

const CARD: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 1);

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

#[test]
fn s4_4_3_an_inform_asks_for_parameters_and_binds_nothing() {
    let (mut client, mut server) = (Client::new(client_config(mac(1)), ZERO), server());
    let address = Ipv4Addr::new(10, 1, 9, 9);
    client.handle(ZERO, Input::Inform { address }).unwrap();
    let did = drain_client(&mut client);
    let (to, inform) = sent(&did);
    assert_eq!(to, Destination::Broadcast(67));
    assert_eq!((inform.kind(), inform.ciaddr()), (Some(MessageType::INFORM), address));
    for never in [OptionCode::REQUESTED_ADDRESS, OptionCode::LEASE_TIME, OptionCode::SERVER_ID] {
        assert!(!inform.has(never), "Table 5: {never} MUST NOT");
    }
    assert!(inform.has(OptionCode::PARAMETERS));
    // Nobody answers: it asks again with the same xid, later and later.
    let due = client.deadline().unwrap();
    assert!((secs(3)..=secs(5)).contains(&due));
    client.handle(due, Input::Tick).unwrap();
    let again = drain_client(&mut client);
    assert_eq!(sent(&again).1.xid(), inform.xid());
    let [Did::Send(_, from, bytes)] = &again[..] else { panic!("{again:?}") };
    let from = SocketAddrV4::new(*from, 68);
    server.handle(due, bootcfg::dhcp::server::Input::Datagram { from, bytes }).unwrap();
    let answer = drain(&mut server);
    assert!(answer.leases.is_empty());
    client.handle(due, Input::Datagram(&answer.replies[0].1)).unwrap();
    let did = drain_client(&mut client);
    let [Did::Event(Told::Informed(lease))] = &did[..] else { panic!("{did:?}") };
    assert_eq!(
        (lease.address, &lease.routers[..], lease.expires_at),
        (address, &[SERVER][..], std::time::Duration::MAX)
    );
    assert_eq!((client.lease(), client.deadline()), (None, None));
}

#[test]
fn s4_4_3_a_client_with_a_lease_needs_no_inform() {
    let (mut client, mut server) = (Client::new(client_config(mac(1)), ZERO), server());
    client.handle(ZERO, Input::Tick).unwrap();
    converse(&mut client, &mut server, ZERO);
    let before = client.clone();
    client.handle(ZERO, Input::Inform { address: CARD }).unwrap();
    assert_eq!(client, before);
}
