//! The PROXY protocol against the text of its specification, and against itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

use proptest::prelude::*;
use sid_proxy::proxy_protocol::{Addresses, Command, Header, MAX_HEADER, Malformed, Tlv, TlvKind, Transport};
use std::net::SocketAddr;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn endpoints(bytes: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let (header, used) = Header::parse(bytes).unwrap().unwrap();
    assert_eq!(used, bytes.len());
    header.endpoints()
}

/// A version 2 header by hand.
fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = [SIGNATURE, &[command, family]].concat();
    bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

const V4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 7, 0x30, 0x39, 0x01, 0xbb];

#[test]
fn v1_lines_of_the_specification() {
    let v4 = b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n";
    assert_eq!(endpoints(v4).unwrap().0, at("255.255.255.255:65535"));
    let v6 = b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!(v6.len(), 104);
    assert_eq!(endpoints(v6).unwrap().1.port(), 65535);
    assert_eq!(endpoints(b"PROXY UNKNOWN\r\n"), None);
    let worst = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535 and whatever else may stand here, up to 107\r\n";
    assert_eq!(endpoints(worst), None);
}

#[test]
fn v1_is_exactly_one_form() {
    for bad in [
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4\r\n",
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY unknown\r\n",
        "PROXY \r\n",
        "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROX TCP4\r\n",
        "POST / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\n",
    ] {
        assert!(Header::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
    assert_eq!(Header::parse(long.as_bytes()), Err(Malformed::TooLong));
}

#[test]
fn v2_addresses_of_each_family() {
    assert_eq!(endpoints(&v2(0x21, 0x11, V4)), Some((at("192.0.2.1:12345"), at("198.51.100.7:443"))));
    let six = [&[0x20; 16][..], &[0x30; 16], &[0, 1, 0, 2]].concat();
    let source = at("[2020:2020:2020:2020:2020:2020:2020:2020]:1");
    assert_eq!(endpoints(&v2(0x21, 0x21, &six)).unwrap().0, source);
    let unix = [[b'a'; 108], [b'b'; 108]].concat();
    let bytes = v2(0x21, 0x31, &unix);
    let (header, _) = Header::parse(&bytes).unwrap().unwrap();
    assert_eq!(header.addresses, Addresses::Unix { source: &[b'a'; 108], destination: &[b'b'; 108] });
    assert_eq!(endpoints(&v2(0x21, 0x00, &[])), None);
}

#[test]
fn v2_local_counts_the_connection_itself_and_ignores_its_block() {
    let bytes = v2(0x20, 0x00, &[1, 2, 3]);
    let (header, used) = Header::parse(&bytes).unwrap().unwrap();
    assert_eq!((header.command, used), (Command::Local, bytes.len()));
    assert_eq!(endpoints(&v2(0x20, 0x11, V4)), None);
}

#[test]
fn v2_unknown_codes_and_lengths_are_refused() {
    for (bytes, why) in [
        (v2(0x11, 0x11, V4), Malformed::Code { at: 12 }),
        (v2(0x22, 0x11, V4), Malformed::Code { at: 12 }),
        (v2(0x21, 0x13, V4), Malformed::Code { at: 13 }),
        (v2(0x21, 0x41, V4), Malformed::Code { at: 13 }),
        (v2(0x21, 0x11, &V4[..11]), Malformed::Length { at: 16 }),
        (v2(0x21, 0x11, &[V4, &[1, 0]].concat()), Malformed::Length { at: 28 }),
        (v2(0x21, 0x11, &[V4, &[1, 0, 2, 9]].concat()), Malformed::Length { at: 28 }),
        (v2(0x21, 0x11, &[V4, &[5, 0, 129], &[0; 129]].concat()), Malformed::Length { at: 28 }),
        (v2(0x21, 0x11, &[0; MAX_HEADER]), Malformed::TooLong),
        (b"\r\n\r\n\0\r\nQUIX\n".to_vec(), Malformed::NoHeader),
    ] {
        assert_eq!(Header::parse(&bytes), Err(why));
    }
}

#[test]
fn v2_checksum_must_match_where_it_is() {
    let mut bytes = Vec::new();
    let tlvs = [Tlv { kind: TlvKind::AUTHORITY, value: b"www.sell.com" }];
    Header::tcp(at("192.0.2.1:1"), at("192.0.2.2:2")).emit_v2(&tlvs, &mut bytes).unwrap();
    let (header, _) = Header::parse(&bytes).unwrap().unwrap();
    assert_eq!(header.tlvs.map(|tlv| tlv.kind).collect::<Vec<_>>(), [TlvKind::AUTHORITY, TlvKind::CRC32C]);
    // Behind the fixed part no bit can change unnoticed.
    for bit in 16 * 8..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let kind_or_length_of_checksum = (bit / 8) >= bytes.len() - 7 && (bit / 8) < bytes.len() - 4;
        if !kind_or_length_of_checksum {
            assert!(Header::parse(&bad).is_err(), "bit {bit}");
        }
    }
    let twice = [V4, &[3, 0, 4, 0, 0, 0, 0], &[3, 0, 4, 0, 0, 0, 0]].concat();
    assert_eq!(Header::parse(&v2(0x21, 0x11, &twice)), Err(Malformed::Checksum));
}

#[test]
fn crc32c_is_castagnolis() {
    // The header that RFC 3720 §B.4 style test vectors lead to: "123456789" has CRC-32C e3069283.
    let body = [V4, &[4, 0, 9], b"123456789", &[3, 0, 4, 0, 0, 0, 0]].concat();
    let bytes = v2(0x21, 0x11, &body);
    let mut emitted = Vec::new();
    let (from, to) = (at("192.0.2.1:12345"), at("198.51.100.7:443"));
    let noop = [Tlv { kind: TlvKind::NOOP, value: b"123456789" }];
    Header::tcp(from, to).emit_v2(&noop, &mut emitted).unwrap();
    assert_eq!(emitted[..emitted.len() - 4], bytes[..bytes.len() - 4]);
    // Computed bit by bit, from the definition.
    let mut crc = u32::MAX;
    for byte in &bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    assert_eq!(emitted[emitted.len() - 4..], (!crc).to_be_bytes());
}

#[test]
fn every_prefix_asks_for_more_and_every_split_gives_one_answer() {
    let mut bytes = Vec::new();
    Header::tcp(at("[2001:db8::1]:1"), at("192.0.2.2:2")).emit_v2(&[], &mut bytes).unwrap();
    for header in [&bytes[..], b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", b"PROXY UNKNOWN\r\n"] {
        for end in 0..header.len() {
            assert_eq!(Header::parse(&header[..end]), Ok(None), "{end}");
        }
        let more = [header, b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(Header::parse(&more), Header::parse(header));
    }
}

#[test]
fn too_much_to_write_is_an_error_that_writes_nothing() {
    let mut bytes = b"kept".to_vec();
    let big = vec![0; 65_520];
    let tlvs = [Tlv { kind: TlvKind::NOOP, value: &big }];
    assert_eq!(
        Header::tcp(at("192.0.2.1:1"), at("192.0.2.2:2")).emit_v2(&tlvs, &mut bytes),
        Err(Malformed::TooLong)
    );
    assert_eq!(bytes, b"kept");
}

proptest! {
    #[test]
    fn written_headers_are_read_back(source: SocketAddr, destination: SocketAddr, value in prop::collection::vec(any::<u8>(), 0..99)) {
        let strip = |at: SocketAddr| SocketAddr::new(at.ip(), at.port());
        let mixed = source.is_ipv4() != destination.is_ipv4();
        let header = Header::tcp(strip(source), strip(destination));
        let mut bytes = Vec::new();
        header.emit_v1(&mut bytes);
        header.emit_v2(&[Tlv { kind: TlvKind(0xe0), value: &value }], &mut bytes).unwrap();
        let (first, used) = Header::parse(&bytes).unwrap().unwrap();
        let (second, rest) = Header::parse(&bytes[used..]).unwrap().unwrap();
        prop_assert_eq!(used + rest, bytes.len());
        prop_assert_eq!(first.endpoints(), second.endpoints());
        prop_assert_eq!(second.transport, Transport::Stream);
        if !mixed {
            prop_assert_eq!(first.endpoints(), header.endpoints());
        }
        prop_assert_eq!(second.tlvs.clone().next().unwrap().value, &value[..]);
    }

    #[test]
    fn nothing_panics_and_prefixes_agree(bytes in prop::collection::vec(any::<u8>(), 0..200), family: u8, signed: bool) {
        let bytes = if signed { v2(0x21, family, &bytes) } else { bytes };
        let whole = Header::parse(&bytes);
        for end in 0..bytes.len() {
            match Header::parse(&bytes[..end]) {
                Ok(None) => {}
                answer => prop_assert_eq!(answer, whole),
            }
        }
    }
}
