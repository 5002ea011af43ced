//! Files that go from the client to the server: RFC 1350 §5 to §7, 2347, 2348, 2349, 7440.

mod common;

use std::net::SocketAddr;

use bootcfg::tftp::client::{self, Event as Told, Failure};
use bootcfg::tftp::server::{Config, End, Event, Input, Limits, Output, Server, Tid, TransferId};
use bootcfg::tftp::upload::{self, Upload};
use bootcfg::tftp::{Refusal, Rollover};
use bootcfg::wire::tftp::{ErrorCode, FileName, Mode, Packet};
use common::*;

const FIRST: TransferId = TransferId(1);

fn willing() -> Config {
    Config { writes: true, ..Config::default() }
}

fn wrq(name: &str, mode: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = rrq(name, mode, options);
    bytes[1] = 2;
    bytes
}

fn data(block: u16, octets: &[u8]) -> Vec<u8> {
    [&[0, 3][..], &block.to_be_bytes(), octets].concat()
}

/// A server, the files that its driver has, and what it sent.
struct Room {
    server: Server,
    file: Vec<u8>,
    whole: bool,
    created: Option<(String, Option<u64>)>,
    closed: bool,
    sent: Vec<(Tid, SocketAddr, Vec<u8>)>,
    events: Vec<Event>,
}

impl Room {
    fn new(config: Config) -> Self {
        let (sent, events) = (Vec::new(), Vec::new());
        Self {
            server: Server::new(config),
            file: Vec::new(),
            whole: false,
            created: None,
            closed: false,
            sent,
            events,
        }
    }

    fn hear(&mut self, now: std::time::Duration, at: Tid, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.server.handle(now, Input::Datagram { at, from: peer(2000), bytes }).unwrap();
        self.drain(now)
    }

    fn tick(&mut self, now: std::time::Duration) -> Vec<Vec<u8>> {
        self.server.handle(now, Input::Tick).unwrap();
        self.drain(now)
    }

    fn drain(&mut self, now: std::time::Duration) -> Vec<Vec<u8>> {
        let from = self.sent.len();
        loop {
            let input = match self.server.poll_output() {
                None => return self.sent[from..].iter().map(|(_, _, bytes)| bytes.clone()).collect(),
                Some(Output::Create { id, name, size, .. }) => {
                    self.created = Some((name.to_string(), size));
                    Input::Opened { id, size: None }
                }
                Some(Output::Write { id, offset, bytes, last }) => {
                    assert_eq!(offset, self.file.len() as u64, "blocks are written in order, each once");
                    assert!(!self.whole);
                    self.file.extend_from_slice(bytes);
                    self.whole = last;
                    Input::Written { id }
                }
                Some(Output::Send { from, to, bytes, .. }) => {
                    self.sent.push((from, to, bytes.to_vec()));
                    continue;
                }
                Some(Output::Close { .. }) => {
                    self.closed = true;
                    continue;
                }
                Some(Output::Event(event)) => {
                    self.events.push(event);
                    continue;
                }
                Some(other) => panic!("{other:?}"),
            };
            self.server.handle(now, input).unwrap();
        }
    }

    fn end(&self) -> Option<(u64, End)> {
        self.events.iter().find_map(|event| match event {
            Event::Ended { octets, end, .. } => Some((*octets, *end)),
            _ => None,
        })
    }
}

#[test]
fn rfc1350_s5_a_write_request_is_refused_unless_it_is_allowed() {
    let mut room = Room::new(Config::default());
    let sent = room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &[]));
    assert!(matches!(Packet::parse(&sent[0]), Ok(Packet::Error(ErrorCode::ACCESS, _))));
    assert!(matches!(&room.events[..], [Event::Refused { refusal: Refusal::ReadOnly, .. }]));
    assert_eq!(room.created, None);
}

#[test]
fn rfc1350_s5_a_file_is_taken_block_by_block_and_acknowledged_once_it_is_written() {
    let mut room = Room::new(willing());
    assert_eq!(room.hear(ZERO, Tid::Listen, &wrq("/log", "octet", &[])), [ack(0)]);
    assert_eq!(room.sent[0].0, Tid::Transfer(FIRST), "from a port of its own");
    assert_eq!(room.created, Some(("log".into(), None)));
    assert_eq!(room.hear(ZERO, Tid::Transfer(FIRST), &data(1, &[7; 512])), [ack(1)]);
    assert_eq!(
        room.hear(ZERO, Tid::Transfer(FIRST), &data(2, &[])),
        [ack(2)],
        "a file of full blocks ends with none"
    );
    assert_eq!((room.file.len(), room.whole), (512, true));
}

#[test]
fn the_acknowledgement_waits_for_the_disk() {
    let mut server = Server::new(willing());
    let from = peer(2000);
    server.handle(ZERO, Input::Datagram { at: Tid::Listen, from, bytes: &wrq("log", "octet", &[]) }).unwrap();
    server.handle(ZERO, Input::Opened { id: FIRST, size: None }).unwrap();
    while server.poll_output().is_some() {}
    server.handle(ZERO, Input::Datagram { at: Tid::Transfer(FIRST), from, bytes: &data(1, b"end") }).unwrap();
    assert!(matches!(server.poll_output(), Some(Output::Write { bytes: b"end", last: true, .. })));
    assert_eq!(server.poll_output(), None);
    let mut full = server.clone();
    server.handle(ZERO, Input::Written { id: FIRST }).unwrap();
    assert!(matches!(server.poll_output(), Some(Output::Send { bytes: [0, 4, 0, 1], .. })));
    full.handle(ZERO, Input::WriteFailed { id: FIRST, refusal: Refusal::TooLong }).unwrap();
    let Some(Output::Send { bytes, .. }) = full.poll_output() else { panic!("the peer is told") };
    assert!(matches!(Packet::parse(bytes), Ok(Packet::Error(ErrorCode::FULL, _))), "RFC 1350 §7: disk full");
}

#[test]
fn rfc1350_s6_the_last_acknowledgement_is_sent_again_while_the_server_dallies() {
    let mut room = Room::new(willing());
    room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &[]));
    room.hear(ZERO, Tid::Transfer(FIRST), &data(1, b"end"));
    assert_eq!(room.hear(secs(0), Tid::Transfer(FIRST), &data(1, b"end")), [ack(1)]);
    assert!(!room.closed);
    assert_eq!(room.tick(secs(20)), [] as [Vec<u8>; 0]);
    assert!(room.closed);
    assert_eq!(room.end(), Some((3, End::Complete)));
    assert_eq!(room.server.stats().complete, 1);
}

#[test]
fn rfc1123_s4_2_3_1_a_repeated_block_is_written_once() {
    let mut room = Room::new(willing());
    room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &[]));
    for _ in 0..3 {
        assert_eq!(room.hear(ZERO, Tid::Transfer(FIRST), &data(1, &[7; 512])), [ack(1)]);
    }
    assert_eq!(room.file.len(), 512);
}

#[test]
fn rfc1123_s4_2_3_2_a_silent_writer_is_asked_again_and_given_up() {
    let mut room = Room::new(willing());
    room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &[]));
    let mut asked = 0;
    while !room.closed {
        let due = room.server.deadline().unwrap();
        asked += room.tick(due).len();
    }
    assert_eq!((asked, room.end()), (5, Some((0, End::Timeout))));
    assert!(!room.whole);
}

#[test]
fn rfc2347_a_write_with_options_begins_with_an_oack_and_block_1_answers_it() {
    let mut room = Room::new(willing());
    let options = [("blksize", "1024"), ("tsize", "1500"), ("timeout", "3"), ("windowsize", "4"), ("x", "1")];
    let sent = room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &options));
    let expected = b"\0\x06blksize\x001024\0tsize\x001500\0timeout\x003\0windowsize\x004\0";
    assert_eq!(sent, [expected.to_vec()]);
    assert_eq!(room.created, Some(("log".into(), Some(1500))), "the driver knows what comes");
    assert_eq!(room.tick(secs(3)), [expected.to_vec()], "a lost OACK is sent again");
    assert_eq!(room.hear(secs(3), Tid::Transfer(FIRST), &data(1, &[7; 1024])), [] as [Vec<u8>; 0]);
    assert_eq!(room.hear(secs(3), Tid::Transfer(FIRST), &data(2, &[7; 476])), [ack(2)]);
    assert_eq!((room.file.len(), room.whole), (1500, true));
}

#[test]
fn rfc2349_a_file_longer_than_allowed_is_refused_with_error_3_before_or_amid() {
    let limits = Limits { written_octets: 600, ..Limits::default() };
    let mut room = Room::new(Config { limits, ..willing() });
    let sent = room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &[("tsize", "601")]));
    assert!(matches!(Packet::parse(&sent[0]), Ok(Packet::Error(ErrorCode::FULL, _))));
    room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &[]));
    room.hear(ZERO, Tid::Transfer(FIRST), &data(1, &[7; 512]));
    let sent = room.hear(ZERO, Tid::Transfer(FIRST), &data(2, &[7; 512]));
    assert!(matches!(Packet::parse(&sent[0]), Ok(Packet::Error(ErrorCode::FULL, _))));
    assert!(room.closed && !room.whole && room.file.len() == 512);
}

#[test]
fn rfc7440_s4_a_written_window_is_acknowledged_whole_and_a_gap_once() {
    let mut room = Room::new(willing());
    room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &[("windowsize", "4"), ("blksize", "8")]));
    let at = Tid::Transfer(FIRST);
    let nothing: [Vec<u8>; 0] = [];
    assert_eq!(room.hear(ZERO, at, &data(1, &[1; 8])), nothing);
    assert_eq!(room.hear(ZERO, at, &data(3, &[3; 8])), [ack(1)], "block 2 is lost");
    assert_eq!(room.hear(ZERO, at, &data(4, &[4; 8])), nothing, "which is told once");
    for block in 2..5 {
        assert_eq!(room.hear(ZERO, at, &data(block, &[block as u8; 8])), nothing);
    }
    assert_eq!(room.hear(ZERO, at, &data(5, &[5; 8])), [ack(5)]);
    assert_eq!(room.hear(ZERO, at, &data(6, &[6; 3])), [ack(6)]);
    assert_eq!(room.file.len(), 43);
}

#[test]
fn rfc1350_s4_a_stranger_is_told_error_5_and_the_write_goes_on() {
    let mut room = Room::new(willing());
    room.hear(ZERO, Tid::Listen, &wrq("log", "octet", &[]));
    let stranger = Input::Datagram { at: Tid::Transfer(FIRST), from: peer(666), bytes: &data(1, b"evil") };
    room.server.handle(ZERO, stranger).unwrap();
    let sent = room.drain(ZERO);
    assert!(matches!(Packet::parse(&sent[0]), Ok(Packet::Error(ErrorCode::UNKNOWN_TID, _))));
    room.hear(ZERO, Tid::Transfer(FIRST), &data(1, b"good"));
    assert_eq!(room.file, b"good");
}

#[test]
fn netascii_is_taken_as_lines_across_the_borders_of_blocks() {
    let mut room = Room::new(willing());
    room.hear(ZERO, Tid::Listen, &wrq("log", "NetASCII", &[("blksize", "8")]));
    room.hear(ZERO, Tid::Transfer(FIRST), &data(1, b"one\r\ntw\r"));
    room.hear(ZERO, Tid::Transfer(FIRST), &data(2, b"\0o\r\n"));
    assert_eq!(room.file, b"one\ntw\ro\n");
}

#[test]
fn a_write_request_repeated_by_the_same_peer_is_one_transfer() {
    let mut room = Room::new(willing());
    let request = wrq("log", "octet", &[]);
    room.hear(ZERO, Tid::Listen, &request);
    assert_eq!(room.hear(ZERO, Tid::Listen, &request), [] as [Vec<u8>; 0]);
    assert_eq!(room.server.transfers(), 1);
}

// ------------------------------------------------------------------ octets in flight

#[test]
fn octets_in_flight_are_bounded_for_each_peer_and_in_all() {
    let limits = Limits { octets_a_peer: 20_000, octets: 30_000, ..Limits::default() };
    let mut server = Server::new(Config { limits, ..Config::default() });
    let mut windows = Vec::new();
    for (host, port) in [(1, 1000), (1, 1001), (2, 1000), (3, 1000)] {
        let from = SocketAddr::from(([10, 1, 2, host], port));
        let bytes = rrq("file", "octet", &[("blksize", "996"), ("windowsize", "16")]);
        server.handle(ZERO, Input::Datagram { at: Tid::Listen, from, bytes: &bytes }).unwrap();
        for want in serve_tftp(&mut server, ZERO, &[7; 100_000]) {
            let Want::Send(_, _, bytes, _) = want else { continue };
            let Ok(Packet::OptionAck(options)) = Packet::parse(&bytes) else { panic!("{bytes:?}") };
            windows.push(options.number("windowsize").unwrap());
        }
    }
    assert_eq!(windows, [16, 4, 10, 1], "16 and 4 are the first peer's 20,000; one block always goes");
}

// ------------------------------------------------------------------ the client

/// Client and server with everything between them lost that `lose` says.
fn write(
    config: client::Config,
    server: Config,
    content: &[u8],
    mut lose: impl FnMut(usize) -> bool,
) -> (Room, Vec<Told>) {
    let mut room = Room::new(server);
    let name = FileName::parse(b"log").unwrap();
    let listen: SocketAddr = "10.1.0.1:69".parse().unwrap();
    let transfer: SocketAddr = "10.1.0.1:3000".parse().unwrap();
    let size = Some(content.len() as u64);
    let mut client = Upload::put(config, &name, size, listen, ZERO).unwrap();
    let (mut told, mut now, mut count) = (Vec::new(), ZERO, 0);
    for _ in 0..10_000 {
        let mut up = Vec::new();
        let mut read = None;
        while let Some(output) = client.poll_output() {
            match output {
                upload::Output::Send { to, bytes, segment } => {
                    up.extend(bytes.chunks(segment).map(|bytes| (to, bytes.to_vec())));
                }
                upload::Output::Read { offset, len } => read = Some((usize::try_from(offset).unwrap(), len)),
                upload::Output::Event(event) => told.push(event),
            }
        }
        if let Some((offset, len)) = read {
            let end = content.len().min(offset + len);
            client.handle(now, upload::Input::ReadDone(&content[offset..end])).unwrap();
            continue;
        }
        let mut heard = false;
        for (to, bytes) in up {
            count += 1;
            if lose(count) {
                continue;
            }
            let at = if to == listen { Tid::Listen } else { Tid::Transfer(FIRST) };
            for reply in room.hear(now, at, &bytes) {
                count += 1;
                if !lose(count) {
                    heard = true;
                    client.handle(now, upload::Input::Datagram { from: transfer, bytes: &reply }).unwrap();
                }
            }
        }
        if heard || client.deadline() == Some(ZERO) {
            continue;
        }
        // Sleep exactly to the next deadline of either.
        let Some(due) = [client.deadline(), room.server.deadline()].into_iter().flatten().min() else {
            break;
        };
        now = now.max(due);
        client.handle(now, upload::Input::Tick).unwrap();
        for reply in room.tick(now) {
            client.handle(now, upload::Input::Datagram { from: transfer, bytes: &reply }).unwrap();
        }
    }
    (room, told)
}

#[test]
fn a_client_writes_what_a_server_takes_in_every_mode_and_size() {
    let text: Vec<u8> = (0..5000_u32).map(|n| [b'a', b'\n', b'\r', b'z'][(n % 7 % 4) as usize]).collect();
    for mode in [Mode::Octet, Mode::Netascii] {
        for (blksize, windowsize) in
            [(None, None), (Some(8), Some(5)), (Some(1428), Some(8)), (Some(100), None)]
        {
            for len in [0, 1, 511, 512, 513, 5000] {
                let config = client::Config { mode, blksize, windowsize, ..client::Config::default() };
                let (room, told) = write(config, willing(), &text[..len], |_| false);
                assert_eq!((&room.file[..], room.whole), (&text[..len], true), "{mode:?} {blksize:?} {len}");
                let octets = len as u64;
                assert_eq!(told.last(), Some(&Told::Done { octets }));
                assert_eq!(room.end(), Some((octets, End::Complete)));
            }
        }
    }
}

#[test]
fn a_file_is_written_whole_whatever_datagrams_are_lost() {
    let content: Vec<u8> = (0..9000_u32).map(|n| (n % 251) as u8).collect();
    for lost in 2..12 {
        for windowsize in [None, Some(4)] {
            let config = client::Config { blksize: Some(512), windowsize, ..client::Config::default() };
            let (room, told) = write(config, willing(), &content, |count| count % lost == 1);
            if told.contains(&Told::Done { octets: 9000 }) {
                assert_eq!((&room.file, room.whole), (&content, true), "every {lost}th lost");
            }
            assert!(lost == 2 || room.whole, "every {lost}th lost: {told:?} {:?}", room.events);
        }
    }
}

#[test]
fn block_numbers_of_a_written_file_roll_over() {
    let content = vec![7; 65_540 * 8];
    let config = client::Config { blksize: Some(8), windowsize: Some(64), ..client::Config::default() };
    let server = Config { rollover: Rollover::Zero, ..willing() };
    let (room, _) = write(config, server, &content, |_| false);
    assert_eq!((room.file.len(), room.whole), (content.len(), true));
}

#[test]
fn a_client_that_is_refused_says_so() {
    let (_, told) = write(client::Config::default(), Config::default(), b"x", |_| false);
    assert_eq!(told, [Told::Failed(Failure::Refused(ErrorCode::ACCESS))]);
    let (_, told) = write(client::Config::default(), willing(), b"x", |_| true);
    assert_eq!(told, [Told::Failed(Failure::Timeout)]);
}
