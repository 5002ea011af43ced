//! RFC 1350 and RFC 1123 §4.2: TFTP without options, server and client.

mod common;

use bootcfg::tftp::client::{self, Client, Event as Told, Failure};
use bootcfg::tftp::server::{Config, End, Event, Input, Limits, Server, Tid, TransferId};
use bootcfg::tftp::{Refusal, Rollover};
use bootcfg::wire::tftp::{ErrorCode, FileName, Mode, NameError, Packet};
use common::*;

const FIRST: TransferId = TransferId(1);

fn from_peer(server: &mut Server, at: Tid, bytes: &[u8]) {
    server.handle(ZERO, Input::Datagram { at, from: peer(2000), bytes }).unwrap();
}

/// A transfer of `content`, one window at a time; every packet sent, and the events.
fn read(server: &mut Server, content: &[u8], request: &[u8]) -> (Vec<Vec<u8>>, Vec<Event>) {
    let (mut packets, mut events, mut ended) = (Vec::new(), Vec::new(), false);
    from_peer(server, Tid::Listen, request);
    while !ended {
        let wants = serve_tftp(server, ZERO, content);
        let mut last = None;
        for want in wants {
            match want {
                Want::Send(_, _, bytes, segment) => {
                    for packet in bytes.chunks(segment) {
                        last = Some(packet.to_vec());
                        packets.push(packet.to_vec());
                    }
                }
                Want::Event(event) => events.push(event),
                Want::Close(_) => ended = true,
                other => panic!("{other:?}"),
            }
        }
        match last.as_deref().map(|packet| Packet::parse(packet).unwrap()) {
            Some(Packet::Data(block, _)) => from_peer(server, Tid::Transfer(FIRST), &ack(block)),
            Some(Packet::OptionAck(_)) => from_peer(server, Tid::Transfer(FIRST), &ack(0)),
            _ => assert!(ended),
        }
    }
    (packets, events)
}

fn content_of(packets: &[Vec<u8>]) -> Vec<u8> {
    packets
        .iter()
        .flat_map(|packet| match Packet::parse(packet).unwrap() {
            Packet::Data(_, data) => data.to_vec(),
            _ => Vec::new(),
        })
        .collect()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 + n / 256) as u8).collect()
}

#[test]
fn s2_a_file_goes_in_blocks_of_512_and_a_short_block_ends_it() {
    for len in [0, 1, 511, 512, 513, 1024, 5000] {
        let content = pattern(len);
        let mut server = Server::new(Config::default());
        let (packets, events) = read(&mut server, &content, &rrq("file", "octet", &[]));
        assert_eq!(content_of(&packets), content, "{len} octets");
        assert_eq!(packets.len(), len / 512 + 1, "{len} octets");
        assert!(
            matches!(&events[..], [Event::Ended { end: End::Complete, retransmits: 0, .. }]),
            "{events:?}"
        );
        assert_eq!((server.transfers(), server.deadline()), (0, None));
    }
}

#[test]
fn s4_each_transfer_has_a_port_of_its_own_and_a_stranger_is_told_error_5() {
    let mut server = Server::new(Config::default());
    from_peer(&mut server, Tid::Listen, &rrq("file", "octet", &[]));
    let data = serve_tftp(&mut server, ZERO, b"content");
    assert!(matches!(&data[..], [Want::Send(Tid::Transfer(FIRST), to, _, _)] if *to == peer(2000)));
    let before = server.clone();
    server
        .handle(ZERO, Input::Datagram { at: Tid::Transfer(FIRST), from: peer(2001), bytes: &ack(1) })
        .unwrap();
    let [Want::Send(Tid::Transfer(FIRST), to, bytes, _)] = &drain_tftp(&mut server)[..] else { panic!() };
    assert_eq!(*to, peer(2001));
    assert!(matches!(Packet::parse(bytes).unwrap(), Packet::Error(ErrorCode::UNKNOWN_TID, _)));
    assert_eq!(server, before, "the good transfer is unharmed");
}

#[test]
fn s5_a_request_is_refused_with_its_code() {
    let cases: [(&[u8], ErrorCode, Refusal); 7] = [
        (&rrq("", "octet", &[]), ErrorCode::ILLEGAL, Refusal::Name(NameError::Empty)),
        (&rrq("a/../b", "octet", &[]), ErrorCode::ACCESS, Refusal::Name(NameError::Component)),
        (&rrq("//b", "octet", &[]), ErrorCode::ACCESS, Refusal::Name(NameError::Component)),
        (&rrq("a\\b", "octet", &[]), ErrorCode::ACCESS, Refusal::Name(NameError::Character)),
        (&rrq("C:/b", "octet", &[]), ErrorCode::ACCESS, Refusal::Name(NameError::Drive)),
        (&rrq("file", "mail", &[]), ErrorCode::ILLEGAL, Refusal::Mode),
        (b"\0\x02file\0octet\0", ErrorCode::ACCESS, Refusal::ReadOnly),
    ];
    for (request, code, why) in cases {
        let mut server = Server::new(Config::default());
        from_peer(&mut server, Tid::Listen, request);
        let [Want::Send(Tid::Listen, _, bytes, _), Want::Event(Event::Refused { refusal, .. })] =
            &drain_tftp(&mut server)[..]
        else {
            panic!("{why}")
        };
        assert!(matches!(Packet::parse(bytes).unwrap(), Packet::Error(found, _) if found == code), "{why}");
        assert_eq!(*refusal, why);
    }
}

#[test]
fn patent_b6_another_cards_file_is_refused_with_error_2_and_reported() {
    let mut server = Server::new(Config::default());
    from_peer(&mut server, Tid::Listen, &rrq("/iboot/2.1/Shadow", "octet", &[]));
    drain_tftp(&mut server);
    let refusal = Refusal::OtherCard(at("2.1"));
    server.handle(ZERO, Input::OpenFailed { id: FIRST, refusal }).unwrap();
    let wants = drain_tftp(&mut server);
    let Want::Send(_, _, bytes, _) = &wants[0] else { panic!("{wants:?}") };
    let Packet::Error(ErrorCode::ACCESS, text) = Packet::parse(bytes).unwrap() else { panic!() };
    assert_eq!(text, b"access violation", "it does not say whose the file is");
    let told = wants
        .iter()
        .any(|want| matches!(want, Want::Event(Event::Refused { refusal: why, .. }) if *why == refusal));
    assert!(told, "{wants:?}");
}

#[test]
fn rfc1123_s4_2_3_1_a_duplicate_ack_never_triggers_data() {
    let mut server = Server::new(Config::default());
    from_peer(&mut server, Tid::Listen, &rrq("file", "octet", &[]));
    let content = pattern(3000);
    serve_tftp(&mut server, ZERO, &content);
    from_peer(&mut server, Tid::Transfer(FIRST), &ack(1));
    assert_eq!(serve_tftp(&mut server, ZERO, &content).len(), 1);
    for block in [1, 1, 0, 9, 65535] {
        from_peer(&mut server, Tid::Transfer(FIRST), &ack(block));
        assert_eq!(serve_tftp(&mut server, ZERO, &content), [], "ACK {block}");
    }
}

#[test]
fn rfc1123_s4_2_3_2_retransmission_backs_off_and_gives_up() {
    let config = Config::default();
    let mut server = Server::new(config);
    from_peer(&mut server, Tid::Listen, &rrq("file", "octet", &[]));
    let first = serve_tftp(&mut server, ZERO, b"content");
    let mut waits = Vec::new();
    let mut now = ZERO;
    loop {
        let next = server.deadline().unwrap();
        waits.push((next - now).as_secs());
        now = next;
        server.handle(now, Input::Tick).unwrap();
        let again = serve_tftp(&mut server, now, b"content");
        if again == first {
            continue;
        }
        let Want::Event(Event::Ended { end: End::Timeout, retransmits: 5, .. }) = &again[1] else {
            panic!("{again:?}")
        };
        break;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 16]);
}

#[test]
fn rfc1123_s4_2_3_2_the_interval_adapts_to_the_round_trip() {
    let mut server = Server::new(Config::default());
    from_peer(&mut server, Tid::Listen, &rrq("file", "octet", &[]));
    let content = pattern(60_000);
    serve_tftp(&mut server, ZERO, &content);
    let ms = std::time::Duration::from_millis;
    let mut now = ZERO;
    for block in 1..100 {
        now += ms(1);
        server
            .handle(now, Input::Datagram { at: Tid::Transfer(FIRST), from: peer(2000), bytes: &ack(block) })
            .unwrap();
        serve_tftp(&mut server, now, &content);
    }
    assert_eq!(server.deadline().unwrap() - now, ms(200), "the floor, with a round trip of a millisecond");
}

#[test]
fn a_request_repeated_by_the_same_peer_is_one_transfer() {
    let mut server = Server::new(Config::default());
    let request = rrq("file", "octet", &[]);
    from_peer(&mut server, Tid::Listen, &request);
    from_peer(&mut server, Tid::Listen, &request);
    serve_tftp(&mut server, ZERO, b"content");
    from_peer(&mut server, Tid::Listen, &request);
    assert_eq!((serve_tftp(&mut server, ZERO, b"content").len(), server.transfers()), (0, 1));
}

#[test]
fn transfers_are_limited_in_all_and_for_each_peer() {
    let limits = Limits { transfers: 3, transfers_a_peer: 2, ..Limits::default() };
    let mut server = Server::new(Config { limits, ..Config::default() });
    let mut ask = |from: std::net::SocketAddr| {
        server
            .handle(ZERO, Input::Datagram { at: Tid::Listen, from, bytes: &rrq("f", "octet", &[]) })
            .unwrap();
        drain_tftp(&mut server).iter().any(|want| matches!(want, Want::Open(..)))
    };
    assert_eq!([2000, 2001, 2002].map(|port| ask(peer(port))), [true, true, false]);
    assert!(ask("10.1.2.2:2000".parse().unwrap()));
    assert!(!ask("10.1.2.3:2000".parse().unwrap()));
}

#[test]
fn single_port_mode_tells_transfers_by_their_peers() {
    let mut server = Server::new(Config { single_port: true, ..Config::default() });
    let content = pattern(700);
    from_peer(&mut server, Tid::Listen, &rrq("file", "octet", &[]));
    let one = serve_tftp(&mut server, ZERO, &content);
    assert!(matches!(&one[..], [Want::Send(Tid::Listen, _, _, _)]));
    from_peer(&mut server, Tid::Listen, &ack(1));
    assert_eq!(serve_tftp(&mut server, ZERO, &content).len(), 1);
    from_peer(&mut server, Tid::Listen, &ack(2));
    let end = serve_tftp(&mut server, ZERO, &content);
    assert!(end.iter().any(|want| matches!(want, Want::Event(Event::Ended { end: End::Complete, .. }))));
}

#[test]
fn netascii_writes_lines_as_cr_lf_across_blocks() {
    let text: Vec<u8> =
        (0..300).flat_map(|n| if n % 3 == 0 { b"\r\n\r".to_vec() } else { b"ab\n".to_vec() }).collect();
    let mut expected = Vec::new();
    for byte in &text {
        match byte {
            b'\n' => expected.extend(b"\r\n"),
            b'\r' => expected.extend(b"\r\0"),
            other => expected.push(*other),
        }
    }
    let mut server = Server::new(Config::default());
    let (packets, _) = read(&mut server, &text, &rrq("file", "NetAscii", &[]));
    assert_eq!(content_of(&packets), expected);
    assert!(packets[..packets.len() - 1].iter().all(|packet| packet.len() == 516));
}

#[test]
fn block_numbers_roll_over_to_0_or_to_1() {
    let content = pattern(8 * 65_540);
    for (rollover, after) in [(Rollover::Zero, 0_u16), (Rollover::One, 1)] {
        let mut server = Server::new(Config { rollover, ..Config::default() });
        let (packets, _) = read(&mut server, &content, &rrq("file", "octet", &[("blksize", "8")]));
        assert_eq!(content_of(&packets), content);
        // The OACK is packet 0, so that packet 65,536 is the first past the last number.
        assert_eq!(packets[65_536][2..4], after.to_be_bytes());
    }
}

// ------------------------------------------------------------------ the client

fn get(config: client::Config) -> Client {
    let name = FileName::parse(b"/iboot/2.1/Hosts").unwrap();
    Client::get(config, &name, "10.1.0.1:69".parse().unwrap(), ZERO).unwrap()
}

const PLAIN: client::Config = client::Config {
    mode: Mode::Octet,
    blksize: None,
    windowsize: None,
    tsize: false,
    timeout_option: None,
    timeout: std::time::Duration::from_secs(1),
    tries: 6,
    max_size: 1 << 20,
};

#[derive(Debug, PartialEq)]
enum Does {
    Send(std::net::SocketAddr, Vec<u8>),
    Write(Vec<u8>),
    Told(Told),
}

fn drain_get(client: &mut Client) -> Vec<Does> {
    let mut does = Vec::new();
    while let Some(output) = client.poll_output() {
        does.push(match output {
            client::Output::Send { to, bytes } => Does::Send(to, bytes.to_vec()),
            client::Output::Write { bytes, .. } => Does::Write(bytes.to_vec()),
            client::Output::Event(event) => Does::Told(event),
        });
    }
    does
}

fn hear(client: &mut Client, port: u16, bytes: &[u8]) -> Vec<Does> {
    let from = std::net::SocketAddr::from(([10, 1, 0, 1], port));
    client.handle(ZERO, client::Input::Datagram { from, bytes }).unwrap();
    drain_get(client)
}

fn data(block: u16, octets: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Packet::Data(block, octets).emit(&mut bytes);
    bytes
}

#[test]
fn s4_the_client_answers_to_the_servers_new_port_and_tells_strangers_error_5() {
    let mut client = get(PLAIN);
    let request = drain_get(&mut client);
    assert_eq!(request, [Does::Send("10.1.0.1:69".parse().unwrap(), rrq("iboot/2.1/Hosts", "octet", &[]))]);
    let first = hear(&mut client, 5000, &data(1, &[7; 512]));
    assert_eq!(first[0], Does::Told(Told::Started { size: None }));
    assert_eq!(first[2], Does::Send("10.1.0.1:5000".parse().unwrap(), ack(1)));
    let stranger = hear(&mut client, 5001, &data(2, b"evil"));
    assert!(matches!(&stranger[..], [Does::Send(to, bytes)] if to.port() == 5001 && bytes[3] == 5));
    let other = "10.9.9.9:5000".parse().unwrap();
    client.handle(ZERO, client::Input::Datagram { from: other, bytes: &data(2, b"evil") }).unwrap();
    assert!(!drain_get(&mut client).iter().any(|does| matches!(does, Does::Write(_))));
}

#[test]
fn s6_the_last_acknowledgement_is_sent_again_while_the_client_dallies() {
    let mut client = get(PLAIN);
    drain_get(&mut client);
    let done = hear(&mut client, 5000, &data(1, b"short"));
    assert!(done.contains(&Does::Told(Told::Done { octets: 5 })));
    let again = hear(&mut client, 5000, &data(1, b"short"));
    assert_eq!(again, [Does::Send("10.1.0.1:5000".parse().unwrap(), ack(1))]);
    let until = client.deadline().expect("it dallies");
    client.handle(until, client::Input::Tick).unwrap();
    assert_eq!((client.deadline(), drain_get(&mut client)), (None, vec![]));
}

#[test]
fn rfc1123_s4_2_3_1_the_client_writes_a_repeated_block_once() {
    let mut client = get(PLAIN);
    drain_get(&mut client);
    hear(&mut client, 5000, &data(1, &[1; 512]));
    let again = hear(&mut client, 5000, &data(1, &[1; 512]));
    assert_eq!(again, [Does::Send("10.1.0.1:5000".parse().unwrap(), ack(1))]);
}

#[test]
fn s2_a_lost_packet_is_asked_for_again_until_the_client_gives_up() {
    let mut client = get(PLAIN);
    let request = drain_get(&mut client);
    for _ in 0..5 {
        client.handle(client.deadline().unwrap(), client::Input::Tick).unwrap();
        assert_eq!(drain_get(&mut client), request);
    }
    client.handle(client.deadline().unwrap(), client::Input::Tick).unwrap();
    assert_eq!(drain_get(&mut client), [Does::Told(Told::Failed(Failure::Timeout))]);
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_file_longer_than_allowed_is_refused_with_error_3() {
    let mut client = get(client::Config { max_size: 600, ..PLAIN });
    drain_get(&mut client);
    hear(&mut client, 5000, &data(1, &[1; 512]));
    let over = hear(&mut client, 5000, &data(2, &[1; 512]));
    assert!(matches!(&over[0], Does::Send(_, bytes) if bytes[3] == 3), "{over:?}");
    assert_eq!(over[1], Does::Told(Told::Failed(Failure::TooLong)));
}

#[test]
fn a_block_longer_than_agreed_is_refused() {
    let mut client = get(PLAIN);
    drain_get(&mut client);
    let over = hear(&mut client, 5000, &data(1, &[1; 513]));
    assert_eq!(over.last(), Some(&Does::Told(Told::Failed(Failure::Protocol))));
}

#[test]
fn netascii_is_read_across_the_borders_of_blocks() {
    let mut client = get(client::Config { mode: Mode::Netascii, ..PLAIN });
    drain_get(&mut client);
    let mut block = vec![b'x'; 511];
    block.push(b'\r');
    let one = hear(&mut client, 5000, &data(1, &block));
    let two = hear(&mut client, 5000, &data(2, b"\n\r\0y\r"));
    let written: Vec<u8> = one
        .iter()
        .chain(&two)
        .flat_map(|does| match does {
            Does::Write(bytes) => bytes.clone(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(written, [&[b'x'; 511][..], b"\n\ry\r"].concat());
}
