//! Attacks by name: what a hostile peer sends, and that nothing comes of it.

mod common;

use std::net::Ipv4Addr;

use bootcfg::card::{Manifest, Place, locate};
use bootcfg::dhcp::server::{Config, Input, Limits, Reason, Server, Unknown};
use bootcfg::tftp;
use bootcfg::wire::dhcp::{Message, MessageType, OptionCode};
use bootcfg::wire::tftp::{FileName, Packet};
use common::*;

/// A DISCOVER with much in it.
fn rich() -> Vec<u8> {
    Ask::discover(mac(1))
        .wants(Ipv4Addr::new(10, 1, 2, 1))
        .option(OptionCode::PARAMETERS, [1, 3, 6, 15, 210, 43])
        .option(OptionCode::CLIENT_ID, [255, 1, 2, 3, 4])
        .option(OptionCode::CLIENT_ARCH, [0, 7])
        .option(OptionCode::USER_CLASS, "iPXE")
        .option(OptionCode::CLIENT_FQDN, b"\x04\0\0\x01a")
        .relayed(RELAY, "2.1")
        .bytes()
}

#[test]
fn every_truncation_and_every_flipped_bit_of_a_dhcp_message_is_survived() {
    let bytes = rich();
    let from = "10.1.2.254:67".parse().unwrap();
    let mut server = server();
    for len in 0..bytes.len() {
        server.handle(ZERO, Input::Datagram { from, bytes: &bytes[..len] }).unwrap();
        assert!(drain(&mut server).replies.len() <= 1);
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        server.handle(ZERO, Input::Datagram { from, bytes: &flipped }).unwrap();
        for (_, reply, _) in drain(&mut server).replies {
            assert!(Message::parse(&reply).is_ok() && reply.len() <= 1472);
        }
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_of_a_tftp_request_is_survived() {
    let bytes = rrq("/iboot/2.1/Hosts", "octet", &[("blksize", "1428"), ("tsize", "0"), ("windowsize", "8")]);
    let mut server = tftp::Server::new(tftp::server::Config::default());
    let mut send = |bytes: &[u8]| {
        use tftp::server::{Input, Tid};
        server.handle(ZERO, Input::Datagram { at: Tid::Listen, from: peer(2000), bytes }).unwrap();
        serve_tftp(&mut server, ZERO, b"content");
        server.handle(secs(10_000), Input::Tick).unwrap();
        serve_tftp(&mut server, ZERO, b"content");
    };
    for len in 0..bytes.len() {
        send(&bytes[..len]);
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        send(&flipped);
    }
}

#[test]
fn dhcproto_hlen_a_hardware_length_past_the_field_is_no_message() {
    let mut bytes = rich();
    bytes[2] = 200;
    assert!(Message::parse(&bytes).is_err());
}

#[test]
fn overload_loops_and_reads_past_the_field_are_no_message() {
    for (file, sname) in [(&[1, 200][..], &[][..]), (&[], &[1]), (&[52, 1, 3, 1, 127], &[52, 1, 3, 255])] {
        let mut bytes = Ask::discover(mac(1)).bytes();
        bytes[240..243].copy_from_slice(&[52, 1, 3]);
        bytes[243] = 255;
        bytes[108..108 + file.len()].copy_from_slice(file);
        bytes[44..44 + sname.len()].copy_from_slice(sname);
        let _ = Message::parse(&bytes);
    }
}

#[test]
fn kea_cve_2025_40779_a_unicast_request_of_a_stranger_is_met_with_silence() {
    let ask = Ask::request(mac(99)).ciaddr(Ipv4Addr::new(10, 1, 200, 7));
    assert_eq!(tell(&mut server(), ZERO, &ask).decision().reason, Reason::LeaseUnknown);
}

#[test]
fn dhcpstarv_cannot_take_a_positions_address_nor_grow_the_table() {
    let pool = Ipv4Addr::new(10, 1, 200, 1)..=Ipv4Addr::new(10, 1, 209, 254);
    let limits = Limits { leases: 500, ..Limits::default() };
    let mut server = Server::new(Config { unknown: Unknown::Quarantine(pool), limits, ..config() }).unwrap();
    for n in 0..5000_u16 {
        let [high, low] = n.to_be_bytes();
        let hw = bootcfg::HwAddr::ethernet([6, 6, 6, 6, high, low]);
        let offer = tell(&mut server, ZERO, &Ask::discover(hw));
        if let Some((_, reply, _)) = offer.replies.first() {
            let address = Message::parse(reply).unwrap().yiaddr();
            tell(&mut server, ZERO, &Ask::request(hw).server(SERVER).wants(address));
        }
    }
    assert!(server.stats().leases <= 500);
    let full = tell(&mut server, ZERO, &Ask::discover(mac(99)));
    assert_eq!(full.decision().reason, Reason::TooManyLeases);
    for position in plan().positions() {
        let ask = Ask::bootp(mac(100)).relayed(RELAY, &position.to_string());
        assert_eq!(Some(bind(&mut server, ZERO, &ask)), plan().address(position));
    }
}

#[test]
fn dhcpig_offers_behind_one_relay_are_bounded() {
    let pool = Ipv4Addr::new(10, 1, 200, 1)..=Ipv4Addr::new(10, 1, 209, 254);
    let limits = Limits { offers_a_relay: 10, ..Limits::default() };
    let mut server = Server::new(Config { unknown: Unknown::Quarantine(pool), limits, ..config() }).unwrap();
    let offers = |server: &mut Server, relay: Ipv4Addr| {
        let ask = |n| {
            Ask::discover(bootcfg::HwAddr::ethernet([6, relay.octets()[2], 6, 6, 6, n])).relayed(relay, "x")
        };
        (0..50).filter(|n| !tell(server, ZERO, &ask(*n)).replies.is_empty()).count()
    };
    assert_eq!(offers(&mut server, RELAY), 10);
    assert_eq!(offers(&mut server, Ipv4Addr::new(10, 1, 3, 254)), 10);
}

#[test]
fn a_forged_release_or_decline_of_another_card_changes_nothing() {
    let mut server = server();
    bind(&mut server, ZERO, &Ask::bootp(mac(1)));
    let held = server.lease(Ipv4Addr::new(10, 1, 2, 1));
    for kind in [MessageType::RELEASE, MessageType::DECLINE] {
        let forged = Ask::new(kind, mac(2))
            .server(SERVER)
            .ciaddr(Ipv4Addr::new(10, 1, 2, 1))
            .wants(Ipv4Addr::new(10, 1, 2, 1));
        assert!(tell(&mut server, secs(1), &forged).leases.is_empty());
        assert_eq!(server.lease(Ipv4Addr::new(10, 1, 2, 1)), held);
    }
}

#[test]
fn a_spoofed_read_request_is_answered_by_one_packet_until_the_peer_speaks() {
    let mut server = tftp::Server::new(tftp::server::Config::default());
    use tftp::server::{Input, Tid};
    let request = rrq("big", "octet", &[("blksize", "1428"), ("windowsize", "64")]);
    server.handle(ZERO, Input::Datagram { at: Tid::Listen, from: peer(2000), bytes: &request }).unwrap();
    let answer = serve_tftp(&mut server, ZERO, &[0; 100_000]);
    let octets: usize = answer
        .iter()
        .map(|want| match want {
            Want::Send(_, _, bytes, _) => bytes.len(),
            _ => 0,
        })
        .sum();
    assert!(octets < request.len() + 10, "{octets} octets for a request of {}", request.len());
}

#[test]
fn the_largest_window_a_client_can_ask_for_is_bounded_in_octets() {
    let mut server = tftp::Server::new(tftp::server::Config {
        max_blksize: 65_464,
        max_windowsize: 65_535,
        ..Default::default()
    });
    use tftp::server::{Input, Tid, TransferId};
    let request = rrq("big", "octet", &[("blksize", "65464"), ("windowsize", "65535")]);
    server.handle(ZERO, Input::Datagram { at: Tid::Listen, from: peer(2000), bytes: &request }).unwrap();
    serve_tftp(&mut server, ZERO, &[0; 1_000_000]);
    server
        .handle(ZERO, Input::Datagram { at: Tid::Transfer(TransferId(1)), from: peer(2000), bytes: &ack(0) })
        .unwrap();
    let window = serve_tftp(&mut server, ZERO, &[0; 1_000_000]);
    assert!(
        matches!(&window[..], [Want::Send(_, _, bytes, _)] if bytes.len() <= 65_536 + 4),
        "{}",
        window.len()
    );
}

#[test]
fn no_file_name_leaves_its_tree() {
    for name in [
        "",
        "/",
        "//etc/passwd",
        "../etc/passwd",
        "a/..",
        "a/./b",
        "a//b",
        "a/",
        "..",
        ".",
        "a\\..\\b",
        "C:/x",
        "c:x",
        "a\0b",
        "a\nb",
        "\x7f",
        "iboot/2.1//Shadow",
    ] {
        assert!(FileName::parse(name.as_bytes()).is_err(), "{name:?}");
    }
    assert!(FileName::parse(b"\xff\xfe").is_err());
    assert_eq!(
        FileName::parse(b"/iboot/2.1/Hosts").unwrap().components().collect::<Vec<_>>(),
        ["iboot", "2.1", "Hosts"]
    );
}

#[test]
fn no_spelling_of_a_name_reads_another_cards_tree() {
    let place = |name: &str| {
        let name = FileName::parse(name.as_bytes()).unwrap();
        format!("{:?}", locate(&name, Some(at("2.2"))))
    };
    for name in ["iboot/2.1/Shadow", "/IBOOT/2.1/shadow", "iBoot/2.1/x/y", "iboot/2.1"] {
        assert_eq!(place(name), format!("{:?}", Place::Other(at("2.1"))), "{name}");
    }
    // Another spelling of a position is none, rather than somebody's.
    for name in
        ["iboot/02.1/Shadow", "iboot/2.01/Shadow", "iboot/2.1 /Shadow", "iboot", "iboot/Shadow", "iboot/2.2"]
    {
        assert_eq!(place(name), "Nowhere", "{name}");
    }
    assert_eq!(place("iboot/2.2/Shadow"), format!("{:?}", Place::Own(at("2.2"), "Shadow")));
    assert_eq!(place("boot.ipxe"), "Common(\"boot.ipxe\")");
    let stranger = FileName::parse(b"iboot/2.1/Shadow").unwrap();
    assert_eq!(locate(&stranger, None), Place::Other(at("2.1")));
}

#[test]
fn a_manifest_is_read_or_its_line_is_named() {
    let sum = "0".repeat(64);
    for (text, line) in [
        (format!("file a 1 {sum}\nfile b x {sum}"), 2),
        (format!("file a 1 {}", &sum[1..]), 1),
        (format!("want p 1 {sum} more"), 1),
        ("file a".into(), 1),
        (format!("file a 1 {}z", &sum[1..]), 1),
    ] {
        assert_eq!(Manifest::parse(&text).unwrap_err().line, line, "{text}");
    }
    let good = format!("file Hosts 12 {sum}\nwant base 1.2 {sum}\n");
    let manifest = Manifest::parse(&format!("# a comment\n{good}later thing\n")).unwrap();
    assert_eq!(manifest.to_string(), good);
}

#[test]
fn tftp_packets_with_loose_ends_are_no_packets() {
    for bytes in [
        &b""[..],
        b"\0",
        b"\0\x01",
        b"\0\x01file",
        b"\0\x01file\0octet",
        b"\0\x01file\0octet\0blksize\0",
        b"\0\x01file\0octet\0blksize\x00512",
        b"\0\x07",
        b"\0\0",
        b"\0\x03\0",
        b"\0\x04",
        b"\0\x06blksize",
    ] {
        assert!(Packet::parse(bytes).is_err(), "{bytes:?}");
    }
    let long = rrq(&"a".repeat(600), "octet", &[]);
    assert!(Packet::parse(&long).is_err());
}
