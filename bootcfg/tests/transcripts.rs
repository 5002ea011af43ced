//! Conversations with real clients, recorded by `examples/record.rs`: the same is said again, to the byte.

mod common;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

use bootcfg::dhcp::server::{BootFile, Config, Server, Unknown};
use bootcfg::tftp;
use bootcfg::transcript::{self, Entry, EntryError, Way};
use bootcfg::wire::dhcp::{Message, MessageType, OptionCode};
use bootcfg::wire::tftp::Packet;
use common::*;
use proptest::prelude::*;

fn recorded(name: &str) -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    transcript::read(&text).collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn said(entries: &[Entry]) -> Vec<Entry> {
    entries.iter().filter(|entry| entry.way == Way::Said).cloned().collect()
}

/// As `examples/record.rs` has it.
fn recorder() -> Server {
    let mut config = Config::new(SERVER, plan());
    config.routers = vec![SERVER];
    config.dns = vec![Ipv4Addr::new(10, 1, 0, 53)];
    config.domain = Some("cabinet.example".into());
    config.boot = vec![
        BootFile { ipxe: Some(true), ..BootFile::any("boot.ipxe") },
        BootFile { ipxe: Some(false), ..BootFile::any("undionly.kpxe") },
    ];
    config.unknown = Unknown::Enrol;
    config.lease = secs(60);
    Server::new(config).unwrap()
}

/// Replays a conversation and gives back the types of its messages and its last reply.
fn dhcp(name: &str) -> (Vec<u8>, Vec<u8>) {
    let entries = recorded(name);
    assert_eq!(transcript::replay(&mut recorder(), &entries), said(&entries), "{name}");
    let kind = |entry: &Entry| Message::parse(&entry.bytes).unwrap().kind().unwrap().0;
    let last = said(&entries).pop().unwrap().bytes;
    (entries.iter().map(kind).collect(), last)
}

const FOUR_WAYS: [u8; 4] = [1, 2, 3, 5];

#[test]
fn udhcpc_is_bound() {
    let (kinds, ack) = dhcp("udhcpc.txt");
    assert_eq!(kinds, FOUR_WAYS);
    assert!(Message::parse(&ack).unwrap().has(OptionCode::CLIENT_ID), "RFC 6842");
}

#[test]
fn dhclient_is_bound_and_gives_its_address_back() {
    assert_eq!(dhcp("dhclient.txt").0, FOUR_WAYS);
    let entries = recorded("dhclient-release.txt");
    assert!(
        entries
            .iter()
            .all(|entry| Message::parse(&entry.bytes).unwrap().kind() == Some(MessageType::RELEASE))
    );
    assert_eq!(transcript::replay(&mut recorder(), &entries), []);
}

#[test]
fn dhcpcd_is_bound() {
    assert_eq!(dhcp("dhcpcd.txt").0, FOUR_WAYS);
}

#[test]
fn dhcpcd_is_informed() {
    assert_eq!(dhcp("dhcpcd-inform.txt").0, [8, 5]);
}

#[test]
fn ipxe_waits_for_offers_and_is_told_its_own_script() {
    let (kinds, ack) = dhcp("ipxe-dhcp.txt");
    assert_eq!(kinds, [1, 2, 1, 2, 3, 5]);
    assert_eq!(Message::parse(&ack).unwrap().file(), b"boot.ipxe", "no loop: it is not told to load iPXE");
}

/// The lines `1`, `2`, `3`, ... cut at `len` octets, which is what was served.
fn lines(len: usize) -> Vec<u8> {
    (1..3000).flat_map(|n: u32| format!("{n}\n").into_bytes()).take(len).collect()
}

/// Lets the server hear a conversation again, its files being `content`; what it says and what was written.
fn serve_again(entries: &[Entry], content: &[u8]) -> (Vec<Entry>, Vec<u8>) {
    use tftp::server::{Config, Input, Output, Tid};
    let mut server = tftp::Server::new(Config { single_port: true, writes: true, ..Config::default() });
    let (mut said, mut written) = (Vec::new(), Vec::new());
    for entry in entries.iter().filter(|entry| entry.way == Way::Heard) {
        let heard = Input::Datagram { at: Tid::Listen, from: entry.peer, bytes: &entry.bytes };
        server.handle(entry.at, heard).unwrap();
        loop {
            let input = match server.poll_output() {
                None => break,
                Some(Output::Open { id, .. }) => Input::Opened { id, size: Some(content.len() as u64) },
                Some(Output::Create { id, .. }) => Input::Opened { id, size: None },
                Some(Output::Write { id, bytes, .. }) => {
                    written.extend_from_slice(bytes);
                    Input::Written { id }
                }
                Some(Output::Read { id, offset, len }) => {
                    let start = content.len().min(usize::try_from(offset).unwrap());
                    Input::ReadDone { id, bytes: &content[start..content.len().min(start + len)] }
                }
                Some(Output::Send { to, bytes, segment, .. }) => {
                    said.extend(bytes.chunks(segment).map(|bytes| (to, bytes.to_vec())));
                    continue;
                }
                Some(Output::Close { .. } | Output::Event(_)) => continue,
            };
            server.handle(entry.at, input).unwrap();
        }
    }
    let entry = |(peer, bytes)| Entry { at: ZERO, way: Way::Said, peer, bytes };
    (said.into_iter().map(entry).collect(), written)
}

/// Replays a conversation about `content`; the options that were asked for.
fn tftp_read(name: &str, content: &[u8]) -> Vec<String> {
    let entries = recorded(name);
    let bytes = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.bytes).collect::<Vec<_>>();
    assert_eq!(bytes(serve_again(&entries, content).0), bytes(said(&entries)), "{name}");
    options(&entries)
}

fn tftp_write(name: &str, content: &[u8]) -> Vec<String> {
    let entries = recorded(name);
    let (_, written) = serve_again(&entries, &[]);
    assert_eq!(written, content, "{name}");
    options(&entries)
}

fn options(entries: &[Entry]) -> Vec<String> {
    match Packet::parse(&entries[0].bytes) {
        Ok(Packet::Read(request) | Packet::Write(request)) => request
            .options
            .iter()
            .map(|(name, _)| String::from_utf8(name.to_ascii_lowercase()).unwrap())
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tftp_hpa_reads_and_writes_plainly() {
    let none: [&str; 0] = [];
    assert_eq!(tftp_read("tftp-hpa-get.txt", &lines(2000)), none);
    assert_eq!(tftp_read("tftp-hpa-netascii.txt", &lines(2000)), none);
    assert_eq!(tftp_write("tftp-hpa-put.txt", &lines(2000)), none);
}

#[test]
fn atftp_reads_by_windows() {
    assert_eq!(tftp_read("atftp-window.txt", &lines(4096)), ["blksize", "windowsize"]);
}

#[test]
fn busybox_reads_and_writes() {
    assert_eq!(tftp_read("busybox-get.txt", &lines(2000)), ["tsize"]);
    assert_eq!(tftp_write("busybox-put.txt", &lines(2000)), ["blksize", "tsize"]);
}

#[test]
fn curl_reads_and_writes() {
    assert_eq!(tftp_read("curl-get.txt", &lines(2000)), ["tsize", "blksize", "timeout"]);
    assert_eq!(tftp_write("curl-put.txt", &lines(2000)), ["tsize", "blksize", "timeout"]);
}

#[test]
fn ipxe_reads_its_script() {
    let script = b"#!ipxe\necho booted\nsleep 1\npoweroff\n";
    assert_eq!(tftp_read("ipxe-tftp.txt", script), ["blksize", "tsize"]);
}

#[test]
fn every_recorded_conversation_is_looked_at() {
    let own = include_str!("transcripts.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let names: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.len() >= 14);
    for name in names {
        assert!(own.contains(&format!("\"{name}\"")), "{name} is in no test");
    }
}

// ------------------------------------------------------------------ the grammar

#[test]
fn a_log_of_a_server_says_the_same_again_to_the_byte() {
    // A day of a pool: clients come, renew, decline, release, move and lie.
    let mut live = server();
    let mut log = String::from("# what the server heard and said\n\n");
    let mut now = ZERO;
    for n in 0..400_u32 {
        now += std::time::Duration::from_millis(u64::from(n.wrapping_mul(7919) % 9000));
        let (hw, slot) = (mac((n % 12) as u8), 1 + n % 14);
        let address = Ipv4Addr::new(10, 1, 2, slot as u8);
        let ask = match n % 6 {
            0 | 1 => Ask::discover(hw),
            2 => Ask::request(hw).server(SERVER).wants(address),
            3 => Ask::request(hw).ciaddr(address),
            4 => Ask::new(MessageType::RELEASE, hw).server(SERVER).ciaddr(address),
            _ => Ask::new(MessageType::DECLINE, hw).server(SERVER).wants(address),
        };
        let ask = if n % 5 == 0 { ask.relayed(RELAY, &format!("2.{slot}")) } else { ask };
        let peer = std::net::SocketAddr::from((ask.header.giaddr, 67));
        let heard = Entry { at: now, way: Way::Heard, peer, bytes: ask.bytes() };
        log += &format!("{heard}\n");
        for entry in transcript::replay(&mut live, &[heard]) {
            log += &format!("{entry}\n");
        }
        // The driver ticks when it likes.
        live.handle(now, bootcfg::dhcp::server::Input::Tick).unwrap();
        drain(&mut live);
    }
    let entries: Vec<Entry> = transcript::read(&log).collect::<Result<_, _>>().unwrap();
    let told = said(&entries);
    assert!(told.len() > 100);
    assert_eq!(transcript::replay(&mut server(), &entries), told);
}

#[test]
fn a_line_that_is_none_is_named_by_its_number() {
    let error = |line: &str| transcript::read(&format!("# one\n\n{line}\n")).next().unwrap().unwrap_err();
    for (line, what) in [
        ("1s < 10.1.0.1:67 00", EntryError::Time),
        ("@1 < 10.1.0.1:67 00", EntryError::Time),
        ("@1.0000000001s < 10.1.0.1:67 00", EntryError::Time),
        ("@-1s < 10.1.0.1:67 00", EntryError::Time),
        ("@1s = 10.1.0.1:67 00", EntryError::Way),
        ("@1s < 10.1.0.1 00", EntryError::Peer),
        ("@1s < 10.1.0.1:67 0", EntryError::Octets),
        ("@1s < 10.1.0.1:67 0x", EntryError::Octets),
        ("@1s < 10.1.0.1:67 00 00", EntryError::Trailing),
    ] {
        assert_eq!((error(line).line, error(line).what), (3, what), "{line}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        seconds in any::<u64>(),
        nanos in 0_u32..1_000_000_000,
        heard in any::<bool>(),
        octets in any::<[u8; 4]>(),
        port in any::<u16>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let way = if heard { Way::Heard } else { Way::Said };
        let at = std::time::Duration::new(seconds, nanos);
        let entry = Entry { at, way, peer: (octets, port).into(), bytes };
        prop_assert_eq!(entry.to_string().parse(), Ok(entry));
    }
}
