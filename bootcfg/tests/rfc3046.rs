//! RFC 3046, 1542, 3527, 5107, 6842, 8357, 4039, 951: relays, and the server behind them.

mod common;

use std::net::{Ipv4Addr, SocketAddrV4};

use bootcfg::dhcp::Destination;
use bootcfg::dhcp::relay::{Config, Event, Input, Output, PortId, Reason, Relay};
use bootcfg::dhcp::server::{self, Server, Verdict};
use bootcfg::wire::dhcp::{Message, MessageType, OptionCode, key};
use common::*;

const PORT: PortId = PortId(3);

fn relay() -> Relay {
    let mut config = Config::new(RELAY, SocketAddrV4::new(SERVER, 67));
    config.circuits.insert(PORT, b"2.1"[..].into());
    config.circuits.insert(PortId(4), b"2.2"[..].into());
    Relay::new(config)
}

#[derive(Debug, PartialEq)]
enum Did {
    Up(SocketAddrV4, Vec<u8>),
    Down(PortId, Destination, Vec<u8>),
    Event(Event),
}

fn drain_relay(relay: &mut Relay) -> Vec<Did> {
    let mut did = Vec::new();
    while let Some(output) = relay.poll_output() {
        did.push(match output {
            Output::ToServer { to, bytes } => Did::Up(to, bytes.to_vec()),
            Output::ToClient { port, to, bytes } => Did::Down(port, to, bytes.to_vec()),
            Output::Event(event) => Did::Event(event),
        });
    }
    did
}

fn up(relay: &mut Relay, port: PortId, bytes: &[u8]) -> Vec<Did> {
    relay.handle(ZERO, Input::FromClient { port, bytes }).unwrap();
    drain_relay(relay)
}

fn refusal(did: &[Did]) -> Reason {
    match did {
        [Did::Event(Event::Dropped(_, reason))] => *reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc3046_s2_1_a_relay_adds_the_circuit_and_the_server_answers_by_position() {
    let mut relay = relay();
    let did = up(&mut relay, PORT, &Ask::discover(mac(99)).bytes());
    let [Did::Up(to, bytes)] = &did[..] else { panic!("{did:?}") };
    assert_eq!(*to, SocketAddrV4::new(SERVER, 67));
    let message = Message::parse(bytes).unwrap();
    assert_eq!((message.giaddr(), message.hops()), (RELAY, 1));
    let last = message.options().last().unwrap();
    assert_eq!(last, (OptionCode::RELAY_INFO, &b"\x01\x032.1"[..]));

    let mut server = server();
    server.handle(ZERO, server::Input::Datagram { from: SocketAddrV4::new(RELAY, 67), bytes }).unwrap();
    let answer = drain(&mut server);
    assert_eq!(answer.to(), Destination::Relay(SocketAddrV4::new(RELAY, 67)));
    assert_eq!(answer.reply().option(OptionCode::RELAY_INFO), message.option(OptionCode::RELAY_INFO));

    relay.handle(ZERO, Input::FromServer { bytes: &answer.replies[0].1 }).unwrap();
    let did = drain_relay(&mut relay);
    let [Did::Down(PORT, to, bytes)] = &did[..] else { panic!("{did:?}") };
    let address = Ipv4Addr::new(10, 1, 2, 1);
    assert_eq!(*to, Destination::Link { hw: mac(99), to: SocketAddrV4::new(address, 68) });
    let offer = Message::parse(bytes).unwrap();
    assert!(!offer.has(OptionCode::RELAY_INFO), "the client never sees it");
    assert_eq!((offer.kind(), offer.yiaddr()), (Some(MessageType::OFFER), address));
}

#[test]
fn rfc3046_s2_1_a_client_that_claims_to_be_a_relay_is_not_believed() {
    let forged = Ask::discover(mac(9)).relayed(RELAY, "2.2").bytes();
    assert_eq!(refusal(&up(&mut relay(), PORT, &forged)), Reason::Untrusted);
    let without_giaddr = Ask { relay_info: Some(b"\x01\x032.2".to_vec()), ..Ask::discover(mac(9)) }.bytes();
    assert_eq!(refusal(&up(&mut relay(), PORT, &without_giaddr)), Reason::Untrusted);
}

#[test]
fn rfc3046_s2_1_the_server_trusts_option_82_only_behind_a_relay_of_its_own() {
    let mut server = server();
    let without_giaddr = Ask { relay_info: Some(b"\x01\x033.4".to_vec()), ..Ask::discover(mac(99)) };
    let answer = tell(&mut server, ZERO, &without_giaddr);
    assert_eq!(answer.decision().reason, server::Reason::NoPosition);
    let stranger = Ask::discover(mac(99)).relayed(Ipv4Addr::new(192, 0, 2, 1), "3.4");
    assert_eq!(tell(&mut server, ZERO, &stranger).decision().reason, server::Reason::NotOurRelay);
    let listed = server::Config { relays: vec![RELAY], ..config() };
    let mut strict = Server::new(listed).unwrap();
    let other = Ask::discover(mac(99)).relayed(Ipv4Addr::new(10, 1, 3, 254), "3.4");
    assert_eq!(tell(&mut strict, ZERO, &other).decision().reason, server::Reason::NotOurRelay);
}

#[test]
fn rfc3046_a_reply_that_names_no_port_of_ours_goes_nowhere() {
    let mut server = server();
    for (circuit, giaddr, reason) in
        [("2.9", RELAY, Reason::NoCircuit), ("2.1", Ipv4Addr::new(10, 1, 3, 254), Reason::OtherRelay)]
    {
        let reply =
            tell(&mut server, ZERO, &Ask::discover(mac(1)).relayed(giaddr, circuit)).replies.remove(0).1;
        let mut relay = relay();
        relay.handle(ZERO, Input::FromServer { bytes: &reply }).unwrap();
        assert_eq!(refusal(&drain_relay(&mut relay)), reason);
    }
}

#[test]
fn rfc1542_s4_1_1_hops_are_counted_and_bounded_and_ways_kept() {
    let mut ask = Ask::discover(mac(1));
    ask.header.hops = 4;
    assert_eq!(refusal(&up(&mut relay(), PORT, &ask.bytes())), Reason::Hops);
    ask.header.hops = 3;
    assert!(matches!(up(&mut relay(), PORT, &ask.bytes())[..], [Did::Up(..)]));
    ask.header.op = bootcfg::wire::dhcp::Op::REPLY;
    assert_eq!(refusal(&up(&mut relay(), PORT, &ask.bytes())), Reason::WrongWay);
    assert_eq!(refusal(&up(&mut relay(), PortId(77), &Ask::discover(mac(1)).bytes())), Reason::UnknownPort);
    assert_eq!(refusal(&up(&mut relay(), PORT, b"short")), Reason::Malformed);
}

#[test]
fn rfc1542_s4_1_2_the_broadcast_flag_is_honoured_on_the_way_down() {
    let mut server = server();
    let reply =
        tell(&mut server, ZERO, &Ask::discover(mac(1)).broadcast().relayed(RELAY, "2.1")).replies.remove(0).1;
    let mut relay = relay();
    relay.handle(ZERO, Input::FromServer { bytes: &reply }).unwrap();
    assert!(matches!(drain_relay(&mut relay)[..], [Did::Down(PORT, Destination::Broadcast(68), _)]));
}

#[test]
fn rfc8357_a_relay_on_another_port_is_answered_there() {
    let mut config = Config::new(RELAY, SocketAddrV4::new(SERVER, 67));
    config.circuits.insert(PORT, b"2.1"[..].into());
    config.own_source_port = true;
    let did = up(&mut Relay::new(config), PORT, &Ask::discover(mac(1)).bytes());
    let [Did::Up(_, bytes)] = &did[..] else { panic!("{did:?}") };
    let mut server = server();
    server.handle(ZERO, server::Input::Datagram { from: SocketAddrV4::new(RELAY, 40_001), bytes }).unwrap();
    assert_eq!(drain(&mut server).to(), Destination::Relay(SocketAddrV4::new(RELAY, 40_001)));
}

#[test]
fn rfc5107_the_server_calls_itself_what_the_relay_wants() {
    let own = Ipv4Addr::new(10, 1, 2, 254);
    let mut ask = Ask::discover(mac(1)).relayed(RELAY, "2.1");
    ask.relay_info.as_mut().unwrap().extend([11, 4].into_iter().chain(own.octets()));
    let mut server = server();
    assert_eq!(tell(&mut server, ZERO, &ask).reply().get(key::SERVER_ID).unwrap(), Some(own));
    let request =
        Ask { options: Ask::request(mac(1)).server(own).wants(Ipv4Addr::new(10, 1, 2, 1)).options, ..ask };
    assert_eq!(tell(&mut server, ZERO, &request).kind(), Some(MessageType::ACK));
}

#[test]
fn rfc6842_s3_the_client_identifier_is_echoed_in_every_reply_and_only_if_sent() {
    let mut server = server();
    let id = [0, 1, 2, 3];
    let wrong = Ipv4Addr::new(10, 1, 9, 9);
    for ask in [
        Ask::discover(mac(1)),
        Ask::request(mac(1)).server(SERVER).wants(Ipv4Addr::new(10, 1, 2, 1)),
        Ask::request(mac(1)).wants(wrong),
        Ask::new(MessageType::INFORM, mac(1)).ciaddr(Ipv4Addr::new(10, 1, 2, 1)),
    ] {
        let with = tell(&mut server, ZERO, &ask.clone().option(OptionCode::CLIENT_ID, id));
        assert_eq!(with.reply().option_slice(OptionCode::CLIENT_ID), Some(&id[..]));
        assert!(!tell(&mut server, ZERO, &ask).reply().has(OptionCode::CLIENT_ID));
    }
}

#[test]
fn rfc4039_rapid_commit_answers_a_discover_with_an_ack() {
    let mut server = server();
    let answer = tell(&mut server, ZERO, &Ask::discover(mac(1)).option(OptionCode::RAPID_COMMIT, []));
    assert_eq!(answer.kind(), Some(MessageType::ACK));
    assert!(answer.reply().has(OptionCode::RAPID_COMMIT));
    assert_eq!(answer.leases.len(), 1);
    let mut without = Server::new(server::Config { rapid_commit: false, ..config() }).unwrap();
    let answer = tell(&mut without, ZERO, &Ask::discover(mac(1)).option(OptionCode::RAPID_COMMIT, []));
    assert_eq!(answer.kind(), Some(MessageType::OFFER));
}

#[test]
fn rfc951_a_bootp_client_gets_its_positions_address_for_ever_and_no_dhcp_options() {
    let mut server = server();
    let answer = tell(&mut server, ZERO, &Ask::bootp(mac(1)));
    assert_eq!(answer.decision().verdict, Verdict::Bootp);
    let reply = answer.reply();
    assert_eq!((reply.kind(), reply.yiaddr()), (None, Ipv4Addr::new(10, 1, 2, 1)));
    for code in [OptionCode::LEASE_TIME, OptionCode::SERVER_ID, OptionCode::RENEWAL] {
        assert!(!reply.has(code), "{code}");
    }
    assert_eq!(answer.leases[0].1.expires_at, std::time::Duration::MAX);
    assert_eq!(answer.replies[0].1.len(), 300);
}

#[test]
fn rfc4578_the_boot_file_is_the_architectures_from_93_or_60_and_ipxe_does_not_loop() {
    use bootcfg::dhcp::server::BootFile;
    use bootcfg::wire::dhcp::Arch;
    let file =
        |arch: Option<Arch>, ipxe: Option<bool>, file: &str| BootFile { arch, ipxe, file: file.into() };
    let boot = vec![
        file(None, Some(true), "menu.ipxe"),
        file(Some(Arch::X64_HTTP), None, "http://10.1.0.1/ipxe.efi"),
        file(Some(Arch::X64_UEFI), None, "ipxe.efi"),
        file(None, None, "undionly.kpxe"),
    ];
    let mut server = Server::new(server::Config { boot, ..config() }).unwrap();
    let mut boots =
        |ask: Ask| String::from_utf8(tell(&mut server, ZERO, &ask).reply().file().to_vec()).unwrap();
    let discover = || Ask::discover(mac(1));
    assert_eq!(boots(discover()), "undionly.kpxe");
    assert_eq!(boots(discover().option(OptionCode::CLIENT_ARCH, [0, 0])), "undionly.kpxe");
    for arch in [7, 9] {
        assert_eq!(boots(discover().option(OptionCode::CLIENT_ARCH, [0, arch])), "ipxe.efi");
    }
    assert_eq!(
        boots(discover().option(OptionCode::VENDOR_CLASS, "PXEClient:Arch:00007:UNDI:003016")),
        "ipxe.efi"
    );
    assert_eq!(
        boots(discover().option(OptionCode::CLIENT_ARCH, [0, 7]).option(OptionCode::USER_CLASS, "iPXE")),
        "menu.ipxe"
    );
    let http = tell(&mut server, ZERO, &discover().option(OptionCode::CLIENT_ARCH, [0, 16]));
    assert_eq!(http.reply().file(), b"http://10.1.0.1/ipxe.efi");
    assert_eq!(http.reply().option_slice(OptionCode::VENDOR_CLASS), Some(&b"HTTPClient"[..]));
}

#[test]
fn the_reply_keeps_within_what_the_client_and_the_link_take() {
    let mut config = config();
    config.options = (128..200).map(|code| (OptionCode(code), vec![7; 100])).collect();
    config.mtu = 1500;
    let mut server = Server::new(config).unwrap();
    let asked: Vec<u8> = (128..200).collect();
    for (size, most) in
        [(None, 548), (Some(300_u16), 548), (Some(576), 548), (Some(1000), 972), (Some(9000), 1472)]
    {
        let mut ask = Ask::discover(mac(1)).option(OptionCode::PARAMETERS, &asked).relayed(RELAY, "2.1");
        if let Some(size) = size {
            ask = ask.option(OptionCode::MAX_MESSAGE, size.to_be_bytes());
        }
        let answer = tell(&mut server, ZERO, &ask);
        let len = answer.replies[0].1.len();
        assert!(len <= most && len > most - 110, "{len} for {size:?}");
        assert!(answer.decision().dropped.contains(OptionCode(199)));
        assert!(answer.reply().has(OptionCode::RELAY_INFO) && answer.reply().has(OptionCode::LEASE_TIME));
    }
}
