//! Attacks by name: what a hostile peer sends, and that nothing comes of it.

mod common;

use std::net::Ipv4Addr;

use bootcfg::card::{Manifest, Place, locate};
use bootcfg::dhcp::server::{Config, Input, Limits, Reason, Server, Unknown};
use bootcfg::tftp;
use bootcfg::wire::dhcp::{Message, MessageType, OptionCode, key};
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
    let with = |overload: u8, file: &[u8], sname: &[u8]| {
        let mut bytes = Ask::discover(mac(1)).bytes();
        bytes[240..244].copy_from_slice(&[52, 1, overload, 255]);
        bytes[108..108 + file.len()].copy_from_slice(file);
        bytes[44..44 + sname.len()].copy_from_slice(sname);
        Message::parse(&bytes).map(|message| message.options().count()).ok()
    };
    assert_eq!(with(1, &[1, 200], &[]), None, "past the end of file");
    let mut last = [0; 64];
    last[63] = 1;
    assert_eq!(with(2, &[], &last), None, "a code in the last octet of sname, its length in file");
    assert_eq!(with(3, &[52, 1, 3, 255], &[52, 1, 3, 255]), Some(3), "option 52 inside leads nowhere");
    for overload in 0..=255 {
        assert_eq!(with(overload, &[], &[]).is_some(), matches!(overload, 1..=3), "{overload}");
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

#[test]
fn cve_2017_14494_nothing_of_an_earlier_reply_is_in_a_later_one() {
    // A server that has answered long answers short, as one does that never answered.
    let mut old = Server::new(Config { domain: Some("x".repeat(250)), ..config() }).unwrap();
    let long = |n| {
        Ask::discover(mac(n))
            .option(OptionCode::PARAMETERS, [15, 15, 15])
            .option(OptionCode::MAX_MESSAGE, [5, 0])
    };
    for n in 1..9 {
        assert!(tell(&mut old, ZERO, &long(n)).reply().as_bytes().len() > 500);
    }
    old.configure(config()).unwrap();
    let mut fresh = server();
    for ask in [Ask::discover(mac(1)), Ask::bootp(mac(2)), Ask::request(mac(3)).wants(SERVER), rich_ask()] {
        assert_eq!(tell(&mut old, ZERO, &ask).replies[0].1, tell(&mut fresh, ZERO, &ask).replies[0].1);
    }
}

fn rich_ask() -> Ask {
    Ask::discover(mac(4)).option(OptionCode::PARAMETERS, [1, 3, 6, 15]).relayed(RELAY, "2.4")
}

#[test]
fn isc_cve_2022_2929_a_label_past_63_octets_hurts_only_its_option() {
    for len in [64_u8, 191, 255] {
        let mut name = vec![4, 0, 0, len];
        name.extend(std::iter::repeat_n(b'a', 120));
        let ask = Ask::discover(mac(1)).option(OptionCode::CLIENT_FQDN, &name);
        let bytes = ask.bytes();
        assert!(Message::parse(&bytes).unwrap().get(key::CLIENT_FQDN).is_err());
        assert_eq!(tell(&mut server(), ZERO, &ask).kind(), Some(MessageType::OFFER));
    }
}

#[test]
fn kea_cve_2025_11232_a_name_of_which_nothing_is_left_is_no_name() {
    for name in [&b"\0"[..], b"\0\0\0", b"...", b"\x01\x02"] {
        let ask =
            Ask::discover(mac(1)).option(OptionCode::HOST_NAME, name).option(OptionCode::CLIENT_FQDN, name);
        assert_eq!(tell(&mut server(), ZERO, &ask).kind(), Some(MessageType::OFFER), "{name:?}");
    }
}

#[test]
fn kea_cve_2019_6474_a_lease_without_its_clients_name_does_not_stop_a_restart() {
    use bootcfg::dhcp::server::Lease;
    let mut server = server();
    let names: [&[u8]; 6] = [&[], &[1], &[1, 7], &[0], &[9; 300], &[1, 2, 3, 4]];
    for (slot, name) in (1..).zip(names) {
        let lease = Lease { address: Ipv4Addr::new(10, 1, 2, slot), hw: mac(slot), expires_at: secs(100) };
        server.restore(ZERO, &lease, name);
        server.restore(ZERO, &lease, name);
    }
    assert_eq!(server.stats().leases, 6);
    assert_eq!(bind(&mut server, ZERO, &Ask::bootp(mac(1))), Ipv4Addr::new(10, 1, 2, 1));
}

#[test]
fn dhclient_cve_2011_0997_text_for_a_shell_is_not_taken() {
    for evil in ["a$(reboot)", "a;reboot", "a`reboot`", "a b", "-rf", "a\nb", "a|b", "", "a..b\u{e9}"] {
        let mut server = Server::new(Config { domain: Some(evil.into()), ..config() }).unwrap();
        let mut client = bootcfg::dhcp::Client::new(client_config(mac(1)), ZERO);
        let lease = leased(&mut client, &mut server);
        assert_eq!(lease.domain, None, "{evil:?}");
    }
}

fn leased(client: &mut bootcfg::dhcp::Client, server: &mut Server) -> bootcfg::dhcp::client::Lease {
    client.handle(ZERO, bootcfg::dhcp::client::Input::Tick).unwrap();
    for _ in 0..2 {
        for did in drain_client(client) {
            let Did::Send(_, _, bytes) = did else { continue };
            server
                .handle(ZERO, Input::Datagram { from: "0.0.0.0:68".parse().unwrap(), bytes: &bytes })
                .unwrap();
            for (_, reply, _) in drain(server).replies {
                client.handle(ZERO, bootcfg::dhcp::client::Input::Datagram(&reply)).unwrap();
            }
        }
    }
    client.lease().expect("a lease").clone()
}

#[test]
fn a_rogue_server_that_is_not_on_the_list_is_not_heard() {
    let rogue = Ipv4Addr::new(10, 1, 66, 66);
    let mut evil = Server::new(Config::new(rogue, plan())).unwrap();
    let config = bootcfg::dhcp::client::Config { servers: vec![SERVER], ..client_config(mac(1)) };
    let mut client = bootcfg::dhcp::Client::new(config, ZERO);
    client.handle(ZERO, bootcfg::dhcp::client::Input::Tick).unwrap();
    let Some(Did::Send(_, _, discover)) = drain_client(&mut client).pop() else { panic!("a DISCOVER") };
    let ask = Message::parse(&discover).unwrap();
    let relayed = Ask::discover(mac(1)).xid(ask.xid()).relayed(RELAY, "2.1");
    let offer = tell(&mut evil, ZERO, &relayed).replies.remove(0).1;
    let before = client.clone();
    client.handle(ZERO, bootcfg::dhcp::client::Input::Datagram(&offer)).unwrap();
    assert_eq!(client, before);
}

#[test]
fn atftpd_cve_2021_41054_every_option_at_its_longest_overflows_nothing() {
    let long = "9".repeat(90);
    let options = [("blksize", &long[..]), ("timeout", &long), ("tsize", &long), ("windowsize", &long)];
    for write in [false, true] {
        let mut bytes = rrq("file", "octet", &options);
        bytes[1] = 1 + u8::from(write);
        assert!(bytes.len() <= 512);
        let mut server = tftp::Server::new(tftp::server::Config { writes: true, ..Default::default() });
        use tftp::server::{Input, Output, Tid, TransferId};
        server.handle(ZERO, Input::Datagram { at: Tid::Listen, from: peer(2000), bytes: &bytes }).unwrap();
        server.handle(ZERO, Input::Opened { id: TransferId(1), size: Some(u64::MAX) }).unwrap();
        while let Some(output) = server.poll_output() {
            if let Output::Send { bytes, .. } = output {
                assert!(bytes.len() <= 516, "{bytes:?}");
            }
        }
    }
}

#[test]
fn a_days_flood_of_forged_clients_leaves_the_table_as_large_as_its_limit() {
    let pool = Ipv4Addr::new(10, 1, 200, 1)..=Ipv4Addr::new(10, 1, 200, 100);
    let limits = Limits { leases: 400, ..Limits::default() };
    let mut server = Server::new(Config { unknown: Unknown::Quarantine(pool), limits, ..config() }).unwrap();
    let mut most = 0;
    for n in 0..30_000_u32 {
        let [_, b, c, d] = n.to_be_bytes();
        let hw = bootcfg::HwAddr::ethernet([6, 6, 6, b, c, d]);
        let now = secs(u64::from(n) * 3);
        let id = [&[0][..], &n.to_be_bytes(), &[7; 200]].concat();
        let offer = tell(&mut server, now, &Ask::discover(hw).option(OptionCode::CLIENT_ID, &id));
        if let Some((_, reply, _)) = offer.replies.first()
            && n % 3 == 0
        {
            let address = Message::parse(reply).unwrap().yiaddr();
            let request = Ask::request(hw).option(OptionCode::CLIENT_ID, &id).server(SERVER).wants(address);
            tell(&mut server, now, &request);
        }
        most = most.max(server.stats().leases);
    }
    assert!(most <= 100, "{most}: the pool has a hundred addresses");
}
