//! ClientHello reading: real clients' hellos, every split of records and segments, every way to be malformed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

use proptest::prelude::*;
use sid_proxy::tls::{Alert, ClientHello, ExtensionType, MAX_HELLO, Malformed, Part, Peek};

const CHROMIUM: &[u8] = include_bytes!("hellos/chromium.bin");
const CURL: &[u8] = include_bytes!("hellos/curl.bin");
const LFTP: &[u8] = include_bytes!("hellos/lftp.bin");
const OPENSSL: &[u8] = include_bytes!("hellos/openssl-tls13.bin");
const OPENSSL_12: &[u8] = include_bytes!("hellos/openssl-tls12.bin");
const OPENSSL_NO_SNI: &[u8] = include_bytes!("hellos/openssl-no-sni.bin");

/// What a test compares: name, protocols, highest version, ECH.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    name: Option<String>,
    alpn: Vec<String>,
    ech: bool,
}

fn seen(hello: &ClientHello<'_>) -> Seen {
    Seen {
        name: hello.host().map(|host| host.to_string()),
        alpn: hello.alpn().map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        ech: hello.has_ech(),
    }
}

fn whole(bytes: &[u8]) -> Result<Option<Seen>, Malformed> {
    Peek::new().read(bytes).map(|hello| hello.as_ref().map(seen))
}

/// Feeds segments that end at `ends` and gives the first answer.
fn segmented(bytes: &[u8], ends: impl IntoIterator<Item = usize>) -> Result<Option<Seen>, Malformed> {
    let mut peek = Peek::new();
    for end in ends.into_iter().chain([bytes.len()]) {
        if let Some(hello) = peek.read(&bytes[..end])? {
            return Ok(Some(seen(&hello)));
        }
    }
    Ok(None)
}

fn record(content: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    record.extend(content);
    record
}

/// The same message in records of these sizes, the last taking the rest.
fn records(message: &[u8], sizes: &[usize]) -> Vec<u8> {
    let (mut rest, mut out) = (message, Vec::new());
    for &size in sizes {
        let (head, tail) = rest.split_at(size.min(rest.len()));
        if !head.is_empty() {
            out.extend(record(head));
        }
        rest = tail;
    }
    for chunk in rest.chunks(1 << 14) {
        out.extend(record(chunk));
    }
    out
}

fn vector16(bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    out.extend(bytes);
    out
}

fn extension(code: u16, data: &[u8]) -> Vec<u8> {
    [code.to_be_bytes().to_vec(), vector16(data)].concat()
}

fn sni(name: &[u8]) -> Vec<u8> {
    extension(0, &vector16(&[&[0][..], &vector16(name)].concat()))
}

/// A handshake message with these extensions.
fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(vector16(&[0x13, 0x01]));
    body.extend([1, 0]);
    body.extend(vector16(&extensions.concat()));
    framed(&body)
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut message = vec![1];
    message.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
    message.extend(body);
    message
}

#[test]
fn real_clients() {
    let sell = |alpn: &[&str], ech| Seen {
        name: Some("www.sell.com".into()),
        alpn: alpn.iter().map(ToString::to_string).collect(),
        ech,
    };
    assert_eq!(whole(OPENSSL), Ok(Some(sell(&["h2", "http/1.1"], false))));
    assert_eq!(whole(OPENSSL_12), Ok(Some(sell(&[], false))));
    assert_eq!(whole(CURL), Ok(Some(sell(&["h2", "http/1.1"], false))));
    // Post-quantum key share, GREASE, ECH.
    assert_eq!(whole(CHROMIUM), Ok(Some(sell(&["h2", "http/1.1"], true))));
    assert_eq!(whole(LFTP).unwrap().unwrap().name.as_deref(), Some("localhost"));
    assert_eq!(whole(OPENSSL_NO_SNI), Ok(Some(Seen { name: None, alpn: vec![], ech: false })));
}

#[test]
fn versions_suites_and_extensions_are_told() {
    let mut peek = Peek::new();
    let hello = peek.read(CURL).unwrap().unwrap();
    assert!(hello.versions().eq([0x0304, 0x0303, 0x0302, 0x0301]) || hello.versions().eq([0x0304, 0x0303]));
    assert_eq!(hello.cipher_suites().next(), Some(0x1302));
    assert!(hello.extensions().any(|(code, _)| code == ExtensionType::SERVER_NAME));
    let mut peek = Peek::new();
    assert!(peek.read(OPENSSL_12).unwrap().unwrap().versions().eq([0x0303]));
}

#[test]
fn every_two_way_split_of_segments_and_records_gives_one_answer() {
    for hello in [CHROMIUM, CURL, LFTP, OPENSSL, OPENSSL_12, OPENSSL_NO_SNI] {
        let expected = whole(hello);
        assert!(expected.as_ref().unwrap().is_some());
        let message = &hello[5..];
        for at in 1..hello.len() {
            assert_eq!(segmented(hello, [at]), expected, "segments split at {at}");
        }
        for at in 1..message.len() {
            let split = records(message, &[at]);
            assert_eq!(whole(&split), expected, "records split at {at}");
        }
    }
}

#[test]
fn every_two_way_split_of_both_at_once_gives_one_answer() {
    let message = message(&[sni(b"www.sell.com"), extension(16, &vector16(b"\x02h2"))]);
    let expected = whole(&record(&message));
    for at in 1..message.len() {
        let split = records(&message, &[at]);
        for end in 0..split.len() {
            assert_eq!(segmented(&split, [end]), expected, "records at {at}, segments at {end}");
        }
    }
}

/// A key share of X25519MLKEM768 has 1,216 bytes; with ECH and a session ticket a hello has 2 to 4 KB, as many as make
/// two or three segments, and as some clients cut into records. HAProxy's issue 3148 and tldr.fail are about these.
#[test]
fn post_quantum_hellos_are_read_in_any_fragmentation() {
    for extra in [0, 200, 1500, 3000] {
        let hybrid = [&[0x11, 0xec][..], &vector16(&[7; 1216])].concat();
        let hello = message(&[
            extension(0x0a0a, &[]),
            extension(51, &vector16(&hybrid)),
            extension(35, &vec![9; extra]),
            sni(b"www.sell.com"),
            extension(16, &vector16(b"\x02h2")),
        ]);
        let expected =
            Ok(Some(Seen { name: Some("www.sell.com".into()), alpn: vec!["h2".into()], ech: false }));
        assert_eq!(whole(&record(&hello)), expected);
        for mtu in [1, 7, 100, 536, 1220, 1448, 1460] {
            let framed = record(&hello);
            assert_eq!(segmented(&framed, (0..framed.len()).step_by(mtu)), expected, "segments of {mtu}");
            let sizes: Vec<usize> =
                (0..hello.len()).step_by(mtu).map(|at| mtu.min(hello.len() - at)).collect();
            let cut = records(&hello, &sizes);
            assert_eq!(whole(&cut), expected, "records of {mtu}");
            assert_eq!(segmented(&cut, (0..cut.len()).step_by(mtu)), expected, "both of {mtu}");
        }
    }
}

/// RFC 9849 §6.1: the name in the clear is the public one; what is inside nobody but its server can read.
#[test]
fn rfc9849_an_encrypted_hello_goes_by_its_outer_name() {
    let inner = [&[0, 0, 1, 0, 1, 42][..], &vector16(&[1; 32]), &vector16(b"secret.inside.example")].concat();
    let hello = message(&[extension(0xfe0d, &inner), sni(b"public.example")]);
    let expected = Seen { name: Some("public.example".into()), alpn: vec![], ech: true };
    assert_eq!(whole(&record(&hello)), Ok(Some(expected)));
    // Without an outer name there is none.
    let nameless = message(&[extension(0xfe0d, &inner)]);
    assert_eq!(whole(&record(&nameless)), Ok(Some(Seen { name: None, alpn: vec![], ech: true })));
}

#[test]
fn byte_by_byte_in_records_of_one_byte() {
    let message = message(&[sni(b"www.sell.com")]);
    let tiny = records(&message, &vec![1; message.len()]);
    assert_eq!(whole(&tiny), whole(&record(&message)));
    assert_eq!(segmented(&tiny, 0..tiny.len()), whole(&record(&message)));
    assert_eq!(segmented(CHROMIUM, 0..CHROMIUM.len()), whole(CHROMIUM));
}

#[test]
fn an_incomplete_hello_is_never_answered() {
    for end in 0..CHROMIUM.len() {
        assert_eq!(whole(&CHROMIUM[..end]), Ok(None), "{end} bytes");
    }
}

#[test]
fn what_follows_the_record_of_the_hello_is_not_its_concern() {
    let early = [CURL, &[20, 3, 3, 0, 1, 1][..], &[23, 3, 3, 0, 4, 1, 2, 3, 4][..]].concat();
    assert_eq!(whole(&early), whole(CURL));
}

#[test]
fn names_are_normalised_and_must_be_names() {
    let name = |name: &[u8]| whole(&record(&message(&[sni(name)]))).map(|seen| seen.unwrap().name);
    assert_eq!(name(b"WWW.Sell.COM"), Ok(Some("www.sell.com".into())));
    assert_eq!(name(b"www.sell.com."), Ok(Some("www.sell.com".into())));
    for bad in [
        &b"10.1.2.1"[..],
        b"::1",
        b"[::1]",
        b"www.sell.com:443",
        b"www\0.sell.com",
        b"a b",
        b"*.sell.com",
        b"..",
        b"\xff",
        &[b'a'; 300],
    ] {
        assert_eq!(name(bad), Err(Malformed::Name), "{bad:?}");
    }
    assert_eq!(name(b""), Err(Malformed::Length(Part::ServerName)));
}

#[test]
fn a_hello_without_extensions_or_names_has_no_name() {
    let bare = message(&[]);
    assert_eq!(whole(&record(&bare)).unwrap().unwrap().name, None);
    let ancient = framed(&bare[4..bare.len() - 2]);
    assert_eq!(whole(&record(&ancient)).unwrap().unwrap().name, None);
    // A name of another type than host_name, with the length that RFC 6066 §3 asks of types to come.
    let other = extension(0, &vector16(&[&[9][..], &vector16(b"x")].concat()));
    assert_eq!(whole(&record(&message(&[other]))).unwrap().unwrap().name, None);
}

#[test]
fn each_malformed_hello_has_its_reason_and_its_alert() {
    let good = message(&[sni(b"a.example")]);
    let two_names = [&[0][..], &vector16(b"a.example"), &[0], &vector16(b"b.example")].concat();
    let psk = extension(41, &[0; 8]);
    let many: Vec<_> = (0..40u16).map(|n| extension(0x4000 + n, b"")).collect();
    let long =
        message(&[extension(21, &vec![0; 60_000]), extension(0x5555, &vec![0; 6_000])[..].to_vec()][..1]);
    let mut too_long = long.clone();
    too_long[1..4].copy_from_slice(&[0x01, 0, 0]);
    let interleaved = [record(&good[..20]), vec![23, 3, 3, 0, 1, 0], record(&good[20..])].concat();
    let emptied = [record(&good[..20]), vec![22, 3, 1, 0, 0], record(&good[20..])].concat();
    let mut short_list = good.clone();
    *short_list.last_mut().unwrap() = b'x';
    let twice = Malformed::Twice;
    let cases: Vec<(&str, Vec<u8>, Malformed, Alert)> = vec![
        ("HTTP", b"GET / HTTP/1.1\r\n".to_vec(), Malformed::NotTls, Alert::UNEXPECTED_MESSAGE),
        ("alert", vec![21, 3, 1, 0, 2, 1, 0], Malformed::NotTls, Alert::UNEXPECTED_MESSAGE),
        ("SSLv2", vec![0x80, 0x2e, 1, 0, 2], Malformed::SslV2, Alert::PROTOCOL_VERSION),
        ("SSLv2 with 3.x", vec![0x80, 0x2e, 1, 3, 1], Malformed::SslV2, Alert::PROTOCOL_VERSION),
        ("version 2", vec![22, 2, 0, 0, 9], Malformed::Version, Alert::PROTOCOL_VERSION),
        ("empty record", vec![22, 3, 1, 0, 0], Malformed::EmptyRecord, Alert::UNEXPECTED_MESSAGE),
        ("long record", vec![22, 3, 1, 0x40, 1], Malformed::RecordOverflow, Alert::RECORD_OVERFLOW),
        ("ServerHello", record(&[2, 0, 0, 1, 0]), Malformed::NotClientHello, Alert::UNEXPECTED_MESSAGE),
        ("too long", records(&too_long, &[]), Malformed::TooLong, Alert::DECODE_ERROR),
        ("interleaved", interleaved, Malformed::Interleaved, Alert::UNEXPECTED_MESSAGE),
        ("empty between", emptied, Malformed::EmptyRecord, Alert::UNEXPECTED_MESSAGE),
        (
            "trailing",
            record(&[&good[..], &[1, 0, 0, 0]].concat()),
            Malformed::Trailing,
            Alert::UNEXPECTED_MESSAGE,
        ),
        (
            "two names",
            record(&message(&[extension(0, &vector16(&two_names))])),
            twice(Part::ServerName),
            Alert(47),
        ),
        (
            "extension twice",
            record(&message(&[sni(b"a.example"), sni(b"b.example")])),
            twice(Part::ServerName),
            Alert(47),
        ),
        (
            "rare extension twice",
            record(&message(&[extension(0x4469, b""), extension(0x4469, b"")])),
            twice(Part::Extensions),
            Alert(47),
        ),
        ("many", record(&message(&many)), Malformed::TooManyExtensions, Alert(47)),
        ("psk first", record(&message(&[psk, sni(b"a.example")])), Malformed::PskNotLast, Alert(47)),
        (
            "no names",
            record(&message(&[extension(0, &[0, 0])])),
            Malformed::Length(Part::ServerName),
            Alert(50),
        ),
        ("empty sni", record(&message(&[extension(0, b"")])), Malformed::Length(Part::ServerName), Alert(50)),
        (
            "no protocols",
            record(&message(&[extension(16, &[0, 0])])),
            Malformed::Length(Part::Alpn),
            Alert(50),
        ),
        (
            "empty protocol",
            record(&message(&[extension(16, &[0, 1, 0])])),
            Malformed::Length(Part::Alpn),
            Alert(50),
        ),
        (
            "odd versions",
            record(&message(&[extension(43, &[3, 3, 4, 3])])),
            Malformed::Length(Part::SupportedVersions),
            Alert(50),
        ),
        ("nothing", record(&framed(b"")), Malformed::Length(Part::Fixed), Alert(50)),
    ];
    for (name, bytes, why, alert) in cases {
        assert_eq!(whole(&bytes), Err(why), "{name}");
        assert_eq!(segmented(&bytes, 0..bytes.len()), Err(why), "{name}, byte by byte");
        assert_eq!(why.alert(), alert, "{name}");
        assert_eq!(why.reply(), [21, 3, 1, 0, 2, 2, alert.0], "{name}");
    }
}

#[test]
fn a_length_changed_anywhere_in_the_hello_never_gives_another_name() {
    let good =
        message(&[extension(43, &[2, 3, 4]), sni(b"www.sell.com"), extension(16, &vector16(b"\x02h2"))]);
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            if let Ok(Some(Seen { name: Some(name), .. })) = whole(&record(&bad)) {
                // The name itself may have been hit; what stands around it may not move it.
                assert_eq!(name.len(), 12, "byte {at}, bit {bit}: {name}");
            }
        }
    }
}

#[test]
fn a_hello_of_sixty_kilobytes_is_read_and_a_longer_one_refused() {
    let padded = |n: usize| message(&[extension(21, &vec![0; n]), sni(b"a.example")]);
    let fits = records(&padded(60_000), &[]);
    assert!(fits.len() <= MAX_HELLO);
    assert_eq!(whole(&fits).unwrap().unwrap().name.as_deref(), Some("a.example"));
    // Short enough by itself, too long with its record headers.
    let message = padded(60_000);
    let spread = records(&message, &vec![10; message.len() / 10]);
    assert_eq!(whole(&spread), Err(Malformed::TooLong));
    assert_eq!(segmented(&spread, (0..spread.len()).step_by(997)), Err(Malformed::TooLong));
}

#[test]
fn a_trickled_hello_is_looked_at_once() {
    // 64 KiB in records of one byte, delivered byte by byte: quadratic re-reading would be 4 * 10^9 steps.
    let message = message(&[extension(21, &vec![0; 10_000]), sni(b"a.example")]);
    let tiny = records(&message, &vec![1; message.len()]);
    let mut peek = Peek::new();
    let answers = (0..=tiny.len()).filter(|&end| peek.read(&tiny[..end]).unwrap().is_some()).count();
    assert_eq!(answers, 1);
}

proptest! {
    #[test]
    fn any_split_gives_one_answer(
        sizes in prop::collection::vec(1usize..600, 0..12),
        ends in prop::collection::vec(0usize..2100, 0..12),
        flip in prop::option::of((0usize..1947, 1u8..)),
    ) {
        let mut message = CHROMIUM[5..].to_vec();
        if let Some((at, mask)) = flip {
            message[at] ^= mask;
        }
        let bytes = records(&message, &sizes);
        let mut ends: Vec<usize> = ends.into_iter().map(|end| end.min(bytes.len())).collect();
        ends.sort_unstable();
        prop_assert_eq!(segmented(&bytes, ends), whole(&bytes));
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), sizes in prop::collection::vec(1usize..99, 0..9)) {
        let _ = whole(&bytes);
        let _ = whole(&records(&bytes, &sizes));
        let _ = ClientHello::parse(&bytes, &mut [0; 256]);
    }
}
