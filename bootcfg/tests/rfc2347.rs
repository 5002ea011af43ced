//! RFC 2347 (options), 2348 (blksize), 2349 (tsize, timeout), 7440 (windowsize).

mod common;

use bootcfg::tftp::client::{self, Client, Event as Told, Failure};
use bootcfg::tftp::server::{Config, End, Event, Input, Limits, Server, Tid, TransferId};
use bootcfg::wire::tftp::{FileName, Packet};
use common::*;

const FIRST: TransferId = TransferId(1);

/// The options that a server agrees to for a file of 10,000 octets.
fn agreed_by(config: Config, options: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    let mut server = Server::new(config);
    let bytes = rrq("file", "octet", options);
    server.handle(ZERO, Input::Datagram { at: Tid::Listen, from: peer(2000), bytes: &bytes }).unwrap();
    let wants = serve_tftp(&mut server, ZERO, &[9; 10_000]);
    let [Want::Send(_, _, bytes, _)] = &wants[..] else { panic!("{wants:?}") };
    match Packet::parse(bytes).unwrap() {
        Packet::OptionAck(options) => {
            let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
            Some(options.iter().map(|(name, value)| (text(name), text(value))).collect())
        }
        Packet::Data(1, _) => None,
        other => panic!("{other:?}"),
    }
}

fn agreed(options: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    agreed_by(Config::default(), options)
}

fn pairs(options: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(options.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

#[test]
fn rfc2347_only_options_that_were_asked_for_are_acknowledged_each_once() {
    let asked = [("BLKSIZE", "1024"), ("tsize", "0"), ("blksize", "512"), ("multicast", ""), ("x", "1")];
    assert_eq!(agreed(&asked), pairs(&[("blksize", "1024"), ("tsize", "10000")]));
}

#[test]
fn rfc2347_a_request_whose_options_are_all_dropped_is_answered_with_data() {
    assert_eq!(agreed(&[("x", "1"), ("blksize", "7"), ("timeout", "0"), ("windowsize", "0")]), None);
    assert_eq!(agreed(&[]), None);
}

#[test]
fn rfc2348_the_block_size_is_never_larger_than_asked_nor_than_the_server_takes() {
    for (asked, found) in [("8", "8"), ("512", "512"), ("1428", "1428"), ("1429", "1428"), ("65464", "1428")]
    {
        assert_eq!(agreed(&[("blksize", asked)]), pairs(&[("blksize", found)]));
    }
    for wrong in ["7", "65465", "", "-1", "+512", "0x200", "99999999999999999999999"] {
        assert_eq!(agreed(&[("blksize", wrong)]), None, "{wrong:?}");
    }
}

#[test]
fn rfc2349_the_timeout_is_echoed_exactly_and_used() {
    assert_eq!(agreed(&[("timeout", "255")]), pairs(&[("timeout", "255")]));
    assert_eq!(agreed(&[("timeout", "256")]), None);
    let mut server = Server::new(Config::default());
    let bytes = rrq("file", "octet", &[("timeout", "7")]);
    server.handle(ZERO, Input::Datagram { at: Tid::Listen, from: peer(2000), bytes: &bytes }).unwrap();
    serve_tftp(&mut server, ZERO, b"content");
    assert_eq!(server.deadline(), Some(secs(7)));
}

#[test]
fn rfc2349_a_size_probe_ends_quietly() {
    // What UEFI firmware does: asks for the size, refuses the OACK with ERROR 8, and asks again.
    let mut server = Server::new(Config::default());
    let bytes = rrq("file", "octet", &[("tsize", "0"), ("blksize", "1468")]);
    server.handle(ZERO, Input::Datagram { at: Tid::Listen, from: peer(2000), bytes: &bytes }).unwrap();
    serve_tftp(&mut server, ZERO, b"content");
    let abort = b"\0\x05\0\x08User aborted the transfer\0";
    server
        .handle(ZERO, Input::Datagram { at: Tid::Transfer(FIRST), from: peer(2000), bytes: abort })
        .unwrap();
    let wants = drain_tftp(&mut server);
    assert!(
        wants.iter().any(|want| matches!(want, Want::Event(Event::Ended { end: End::Probed, .. }))),
        "{wants:?}"
    );
    assert!(!wants.iter().any(|want| matches!(want, Want::Send(..))), "an ERROR is not answered");
    assert_eq!(server.stats().failed, 0);
}

#[test]
fn rfc7440_the_window_is_bounded_by_config_and_by_octets_in_flight() {
    assert_eq!(agreed(&[("windowsize", "16")]), pairs(&[("windowsize", "16")]));
    assert_eq!(agreed(&[("windowsize", "65535")]), pairs(&[("windowsize", "64")]));
    let limits = Limits { window_octets: 8000, ..Limits::default() };
    let small = Config { limits, ..Config::default() };
    let both = [("blksize", "1000"), ("windowsize", "64")];
    assert_eq!(agreed_by(small, &both), pairs(&[("blksize", "1000"), ("windowsize", "7")]));
}

/// A server with a window of 4 blocks of 8 octets on its way, and its first window.
fn windowed(content: &[u8]) -> (Server, Vec<Want>) {
    let mut server = Server::new(Config::default());
    let bytes = rrq("file", "octet", &[("blksize", "8"), ("windowsize", "4")]);
    server.handle(ZERO, Input::Datagram { at: Tid::Listen, from: peer(2000), bytes: &bytes }).unwrap();
    assert_eq!(serve_tftp(&mut server, ZERO, content).len(), 1);
    let window = acknowledge(&mut server, content, 0);
    (server, window)
}

fn acknowledge(server: &mut Server, content: &[u8], block: u16) -> Vec<Want> {
    server
        .handle(ZERO, Input::Datagram { at: Tid::Transfer(FIRST), from: peer(2000), bytes: &ack(block) })
        .unwrap();
    serve_tftp(server, ZERO, content)
}

fn blocks(wants: &[Want]) -> Vec<u16> {
    let [Want::Send(_, _, bytes, segment)] = wants else { return Vec::new() };
    bytes.chunks(*segment).map(|packet| u16::from_be_bytes([packet[2], packet[3]])).collect()
}

#[test]
fn rfc7440_s4_a_window_is_one_transmit_of_equal_segments() {
    let (_, window) = windowed(&[5; 100]);
    assert_eq!(blocks(&window), [1, 2, 3, 4]);
    assert!(matches!(&window[..], [Want::Send(_, _, bytes, 12)] if bytes.len() == 48));
}

#[test]
fn rfc7440_s4_the_sender_begins_again_behind_the_block_acknowledged() {
    let content = [5; 100];
    let (mut server, _) = windowed(&content);
    assert_eq!(blocks(&acknowledge(&mut server, &content, 2)), [3, 4, 5, 6]);
    assert_eq!(blocks(&acknowledge(&mut server, &content, 6)), [7, 8, 9, 10]);
}

#[test]
fn rfc7440_s4_a_lost_first_block_is_told_by_the_same_ack_once() {
    let content = [5; 100];
    let (mut server, _) = windowed(&content);
    assert_eq!(blocks(&acknowledge(&mut server, &content, 4)), [5, 6, 7, 8]);
    assert_eq!(blocks(&acknowledge(&mut server, &content, 4)), [5, 6, 7, 8]);
    assert_eq!(blocks(&acknowledge(&mut server, &content, 4)), [], "or two packets would breed for ever");
}

#[test]
fn rfc7440_s4_a_timeout_repeats_what_follows_the_last_ack() {
    let content = [5; 100];
    let (mut server, _) = windowed(&content);
    acknowledge(&mut server, &content, 1);
    let due = server.deadline().unwrap();
    server.handle(due, Input::Tick).unwrap();
    assert_eq!(blocks(&serve_tftp(&mut server, due, &content)), [2, 3, 4, 5]);
}

#[test]
fn rfc7440_s4_the_last_window_may_be_short() {
    let content = [5; 20];
    let (mut server, window) = windowed(&content);
    assert_eq!(blocks(&window), [1, 2, 3]);
    let end = acknowledge(&mut server, &content, 3);
    assert!(
        end.iter().any(|want| matches!(want, Want::Event(Event::Ended { end: End::Complete, .. }))),
        "{end:?}"
    );
}

// ------------------------------------------------------------------ the client

fn get(config: client::Config) -> Client {
    let name = FileName::parse(b"file").unwrap();
    let mut client = Client::get(config, &name, "10.1.0.1:69".parse().unwrap(), ZERO).unwrap();
    while client.poll_output().is_some() {}
    client
}

fn hear(client: &mut Client, bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<Told>) {
    let from = "10.1.0.1:5000".parse().unwrap();
    client.handle(ZERO, client::Input::Datagram { from, bytes }).unwrap();
    let (mut sent, mut told) = (Vec::new(), Vec::new());
    while let Some(output) = client.poll_output() {
        match output {
            client::Output::Send { bytes, .. } => sent.push(bytes.to_vec()),
            client::Output::Event(event) => told.push(event),
            client::Output::Write { .. } => {}
        }
    }
    (sent, told)
}

fn oack(options: &str) -> Vec<u8> {
    [b"\0\x06", options.replace(' ', "\0").as_bytes(), b"\0"].concat()
}

fn data(block: u16, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    Packet::Data(block, &vec![7; len]).emit(&mut bytes);
    bytes
}

#[test]
fn rfc2347_the_client_acknowledges_options_with_block_0() {
    let (sent, told) = hear(&mut get(client::Config::default()), &oack("blksize 1000 tsize 5000"));
    assert_eq!((sent, told), (vec![ack(0)], vec![Told::Started { size: Some(5000) }]));
}

#[test]
fn rfc2347_options_not_asked_for_or_larger_than_asked_are_refused_with_error_8() {
    for wrong in
        ["windowsize 4", "timeout 3", "blksize 9000", "blksize 7", "blksize x", "secret 1", "tsize -1"]
    {
        let (sent, told) = hear(&mut get(client::Config::default()), &oack(wrong));
        assert_eq!(sent[0][..4], [0, 5, 0, 8], "{wrong}");
        assert_eq!(told, [Told::Failed(Failure::Options)], "{wrong}");
    }
}

#[test]
fn rfc2347_a_server_without_options_answers_with_data_and_is_understood() {
    let (sent, told) = hear(&mut get(client::Config::default()), &data(1, 512));
    assert_eq!((sent, told), (vec![ack(1)], vec![Told::Started { size: None }]));
}

#[test]
fn rfc2349_a_size_past_the_callers_limit_is_refused_at_once() {
    let (sent, told) =
        hear(&mut get(client::Config { max_size: 4999, ..Default::default() }), &oack("tsize 5000"));
    assert_eq!(sent[0][..4], [0, 5, 0, 3]);
    assert_eq!(told, [Told::Failed(Failure::TooLong)]);
}

#[test]
fn rfc7440_s4_the_client_acknowledges_each_window_and_each_gap_once() {
    let mut client = get(client::Config { windowsize: Some(4), blksize: Some(8), ..Default::default() });
    hear(&mut client, &oack("blksize 8 windowsize 4"));
    let mut acks = |block| hear(&mut client, &data(block, 8)).0;
    assert_eq!([acks(1), acks(2), acks(3)], [vec![], vec![], vec![] as Vec<Vec<u8>>]);
    assert_eq!(acks(4), [ack(4)]);
    assert_eq!(acks(6), [ack(4)], "5 is missing");
    assert_eq!([acks(7), acks(8)], [vec![], vec![] as Vec<Vec<u8>>], "told once");
    assert_eq!(acks(5), vec![] as Vec<Vec<u8>>);
    assert_eq!([acks(6), acks(7)], [vec![], vec![] as Vec<Vec<u8>>]);
    assert_eq!(acks(8), [ack(8)]);
}
