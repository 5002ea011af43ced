//! The user-based security model: known keys, the order of checks, clocks, and net-snmp at every level.
#![cfg(feature = "usm")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

mod support;

use std::net::UdpSocket;
use std::time::Duration;

use snmp_mib::oid;
use snmp_mib::usm::{
    Auth, Authority, Config, Credentials, Extension, Key, Level, Peer, Privacy, Reason, Refused, RustCrypto,
    ShortPassword,
};
use snmp_mib::wire::ber::{Tag, Writer};
use snmp_mib::wire::{
    ErrorStatus, Pdu, PduType, ScopedPdu, UsmParameters, V3Data, V3Message, Value, VarBind, VarBinds,
};

const ENGINE: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const START: Duration = Duration::from_secs(1000);

const AUTHS: [(Auth, &str); 5] = [
    (Auth::Sha1, "SHA"),
    (Auth::Sha224, "SHA-224"),
    (Auth::Sha256, "SHA-256"),
    (Auth::Sha384, "SHA-384"),
    (Auth::Sha512, "SHA-512"),
];

fn ali(auth: Auth, privacy: Privacy) -> Credentials {
    Credentials::encrypted(&RustCrypto, b"ali", (auth, b"open sesame"), (privacy, b"forty thieves")).unwrap()
}

fn authority(users: &[Credentials]) -> Authority<RustCrypto> {
    let config = Config { engine: ENGINE.into(), boots: 5, salt: 77, max_size: 1472 };
    Authority::new(START, RustCrypto, config, users)
}

fn peer(user: Credentials) -> Peer<RustCrypto> {
    Peer::new(RustCrypto, user, 99, 1472)
}

fn scoped(kind: PduType, request_id: i32, varbinds: VarBinds<'_>) -> Vec<u8> {
    let pdu = Pdu { kind, request_id, error_status: ErrorStatus::NO_ERROR, error_index: 0, varbinds };
    let scoped = ScopedPdu { engine: &ENGINE, context: b"", pdu };
    let mut buffer = vec![0; scoped.room()];
    let mut out = Writer::new(&mut buffer);
    scoped.write(&mut out).unwrap();
    let start = out.start();
    buffer.split_off(start)
}

/// Lets the peer learn who the authority is and what time it has there.
fn acquaint(
    now: Duration,
    authority: &mut Authority<RustCrypto>,
    peer: &mut Peer<RustCrypto>,
) -> Vec<Reason> {
    let (mut out, mut answer, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    let mut reasons = Vec::new();
    while !peer.is_known() {
        assert!(reasons.len() < 3, "no end to the discovery: {reasons:?}");
        let question = peer.discover(now, 1, &mut out).unwrap();
        let refused = authority.open(now, question, &mut plain).unwrap_err();
        let report = authority.report(now, &refused, &mut answer).unwrap();
        let mut plain = Vec::new();
        let opened = peer.open(now, report, &mut plain).unwrap();
        reasons.push(Reason::of(&opened.scoped.pdu.varbinds).unwrap());
    }
    reasons
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn rfc3414_a_3_2_password_to_key_and_localization_with_sha() {
    let key = Key::from_password(&RustCrypto, Auth::Sha1, b"maplesyrup").unwrap();
    assert_eq!(key.as_bytes(), hex("9fb5cc0381497b3793528939ff788d5d79145211"));
    let local = key.localize(&RustCrypto, Auth::Sha1, &ENGINE);
    assert_eq!(local.as_bytes(), hex("6695febc9288e36282235fc7151f128497b38f3f"));
}

#[test]
fn rfc3414_11_2_a_short_password_is_refused() {
    assert_eq!(Key::from_password(&RustCrypto, Auth::Sha1, b"seven 7"), Err(ShortPassword));
}

#[test]
fn key_extensions_keep_the_localized_key_in_front_and_differ() {
    let local = Key::from_password(&RustCrypto, Auth::Sha1, b"maplesyrup").unwrap().localize(
        &RustCrypto,
        Auth::Sha1,
        &ENGINE,
    );
    let [blumenthal, reeder] = [Extension::Blumenthal, Extension::Reeder]
        .map(|extension| local.for_privacy(&RustCrypto, Auth::Sha1, Privacy::Aes256(extension), &ENGINE));
    for key in [&blumenthal, &reeder] {
        assert_eq!(key.as_bytes().len(), 32);
        assert_eq!(&key.as_bytes()[..20], local.as_bytes());
    }
    assert_ne!(blumenthal, reeder);
}

#[test]
fn keys_are_not_printed() {
    let user = ali(Auth::Sha256, Privacy::Aes128);
    let shown = format!("{user:?} {:?}", user.localize(&RustCrypto, &ENGINE));
    assert!(shown.contains("Key(32 octets)"), "{shown}");
    assert!(!shown.contains("sesame") && !shown.contains("0x") && !shown.contains("octets:"), "{shown}");
}

#[test]
fn rfc3414_4_discovery_then_time_then_the_request_at_every_level() {
    let every = AUTHS.iter().flat_map(|(auth, _)| {
        [
            ali(*auth, Privacy::Aes128),
            ali(*auth, Privacy::Aes192(Extension::Blumenthal)),
            ali(*auth, Privacy::Aes256(Extension::Reeder)),
            Credentials::authenticated(&RustCrypto, b"ali", (*auth, b"open sesame")).unwrap(),
        ]
    });
    for user in every.chain([Credentials::open(b"ali")]) {
        let (mut authority, mut peer) = (authority(std::slice::from_ref(&user)), peer(user.clone()));
        let reasons = acquaint(START, &mut authority, &mut peer);
        if user.level() == Level::Open {
            assert_eq!(reasons, [Reason::UnknownEngine]);
        } else {
            assert_eq!(reasons, [Reason::UnknownEngine, Reason::NotInTimeWindow]);
        }
        let name = [VarBind { name: oid!(1, 3, 6, 1, 2, 1, 1, 5, 0), value: Value::Null }];
        let (mut out, mut answer) = (Vec::new(), Vec::new());
        let (mut seen, mut told) = (Vec::new(), Vec::new());
        let request =
            peer.seal(START, 42, &scoped(PduType::GET, 7, VarBinds::list(&name)), &mut out).unwrap();
        let opened = authority.open(START, request, &mut seen).unwrap();
        assert_eq!((opened.sender.id, opened.sender.level), (42, user.level()));
        assert_eq!(opened.scoped.pdu.request_id, 7);
        let sender = opened.sender;
        let value = [VarBind { value: Value::Octets(b"cave"), ..name[0] }];
        let response = scoped(PduType::RESPONSE, 7, VarBinds::list(&value));
        let response = authority.seal(START, &sender, &response, &mut answer).unwrap();
        if user.level() == Level::Encrypted {
            assert!(!response.windows(4).any(|window| window == b"cave"), "the answer is in clear");
        }
        let opened = peer.open(START, response, &mut told).unwrap();
        assert_eq!(opened.scoped.pdu.varbinds.nth(0), Some(value[0]));
    }
}

/// A request that a known peer sends at `now`.
fn request(peer: &mut Peer<RustCrypto>, now: Duration) -> Vec<u8> {
    let mut out = Vec::new();
    peer.seal(now, 42, &scoped(PduType::GET, 7, VarBinds::EMPTY), &mut out).unwrap().to_vec()
}

fn reason(authority: &mut Authority<RustCrypto>, now: Duration, datagram: &[u8]) -> Option<Reason> {
    match authority.open(now, datagram, &mut Vec::new()) {
        Ok(_) => None,
        Err(Refused::Reason { reason, .. }) => Some(reason),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn rfc3414_3_2_each_refusal_is_counted_and_told() {
    let user = ali(Auth::Sha256, Privacy::Aes128);
    let mut cave = authority(std::slice::from_ref(&user));
    let mut known = peer(user);
    acquaint(START, &mut cave, &mut known);
    let before = *cave.stats();

    let mut stranger = peer(Credentials::open(b"cassim"));
    acquaint(START, &mut cave, &mut stranger);
    assert_eq!(reason(&mut cave, START, &request(&mut stranger, START)), Some(Reason::UnknownUser));

    let mut wrong =
        peer(Credentials::authenticated(&RustCrypto, b"ali", (Auth::Sha256, b"open barley")).unwrap());
    let mut out = Vec::new();
    let question = wrong.discover(START, 1, &mut out).unwrap().to_vec();
    let refused = cave.open(START, &question, &mut out).unwrap_err();
    let (mut answer, mut plain) = (Vec::new(), Vec::new());
    let report = cave.report(START, &refused, &mut answer).unwrap();
    wrong.open(START, report, &mut plain).unwrap();
    assert_eq!(reason(&mut cave, START, &request(&mut wrong, START)), Some(Reason::WrongDigest));

    let late = START + Duration::from_secs(151);
    let old = request(&mut known, START);
    assert_eq!(reason(&mut cave, late, &old), Some(Reason::NotInTimeWindow));
    assert_eq!(reason(&mut cave, START + Duration::from_secs(150), &old), None, "the window is 150 s");

    let only = Credentials::authenticated(&RustCrypto, b"ali", (Auth::Sha256, b"open sesame")).unwrap();
    let mut open = authority(std::slice::from_ref(&only));
    assert_eq!(reason(&mut open, START, &request(&mut known, START)), Some(Reason::UnsupportedLevel));

    let after = cave.stats();
    assert_eq!(after.unknown_users, before.unknown_users + 1);
    assert_eq!(after.wrong_digests, before.wrong_digests + 1);
    assert_eq!(after.not_in_time_windows, before.not_in_time_windows + 1);
    assert_eq!(open.stats().unsupported_levels, 1);
}

/// The message with another digest in it, and every length around it right.
fn with_digest(datagram: &[u8], digest: &[u8]) -> Vec<u8> {
    let message = V3Message::parse(datagram).unwrap();
    let (parameters, _) = UsmParameters::parse(&message).unwrap();
    let V3Data::Encrypted(data) = message.data else { panic!("an encrypted message is needed") };
    let mut buffer = vec![0; datagram.len() + digest.len()];
    let mut out = Writer::new(&mut buffer);
    out.element(Tag::OCTETS, data).unwrap();
    let security = out.len();
    for octets in [parameters.salt, digest, parameters.user] {
        out.element(Tag::OCTETS, octets).unwrap();
    }
    out.integer(parameters.time).unwrap();
    out.integer(parameters.boots).unwrap();
    out.element(Tag::OCTETS, parameters.engine).unwrap();
    out.header(Tag::SEQUENCE, security).unwrap();
    out.header(Tag::OCTETS, security).unwrap();
    let header = out.len();
    out.integer(message.model).unwrap();
    out.element(Tag::OCTETS, &[message.flags.0]).unwrap();
    out.integer(message.max_size).unwrap();
    out.integer(message.id).unwrap();
    out.header(Tag::SEQUENCE, header).unwrap();
    out.integer(3).unwrap();
    out.header(Tag::SEQUENCE, 0).unwrap();
    let start = out.start();
    buffer.split_off(start)
}

#[test]
fn cve_2008_0960_a_short_digest_is_no_digest() {
    let user = ali(Auth::Sha1, Privacy::Aes128);
    let mut cave = authority(std::slice::from_ref(&user));
    let mut known = peer(user);
    acquaint(START, &mut cave, &mut known);
    let good = request(&mut known, START);
    let message = V3Message::parse(&good).unwrap();
    let digest = UsmParameters::parse(&message).unwrap().0.digest;
    assert_eq!(with_digest(&good, digest), good);
    assert_eq!(reason(&mut cave, START, &good), None);
    for len in (0..digest.len()).chain([13]) {
        let other: Vec<u8> = digest.iter().copied().chain([0]).take(len).collect();
        let bad = with_digest(&good, &other);
        assert_eq!(reason(&mut cave, START, &bad), Some(Reason::WrongDigest), "{len} octets");
    }
}

#[test]
fn every_flipped_bit_of_an_authenticated_message_is_noticed() {
    let user = ali(Auth::Sha256, Privacy::Aes128);
    let mut cave = authority(std::slice::from_ref(&user));
    let mut known = peer(user);
    acquaint(START, &mut cave, &mut known);
    let good = request(&mut known, START);
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let mut plain = Vec::new();
        assert!(cave.open(START, &bad, &mut plain).is_err(), "bit {bit} made no difference");
    }
}

#[test]
fn rfc3414_2_2_2_boots_go_on_when_time_ends_and_stay_at_their_end() {
    let cave = authority(&[]);
    assert_eq!(cave.clock(START + Duration::from_secs(9)), (5, 9));
    assert_eq!(cave.clock(START + Duration::from_secs((1 << 31) + 3)), (6, 3));
    let config = Config { engine: ENGINE.into(), boots: i32::MAX, salt: 0, max_size: 1472 };
    let user = ali(Auth::Sha1, Privacy::Aes128);
    let mut latched = Authority::new(START, RustCrypto, config, std::slice::from_ref(&user));
    let mut known = peer(user);
    let mut out = Vec::new();
    let question = known.discover(START, 1, &mut out).unwrap().to_vec();
    let refused = latched.open(START, &question, &mut out).unwrap_err();
    let (mut answer, mut plain) = (Vec::new(), Vec::new());
    let report = latched.report(START, &refused, &mut answer).unwrap();
    known.open(START, report, &mut plain).unwrap();
    assert_eq!(reason(&mut latched, START, &request(&mut known, START)), Some(Reason::NotInTimeWindow));
}

#[test]
fn rfc3414_3_2_7_b_a_replayed_answer_is_refused() {
    let user = ali(Auth::Sha256, Privacy::Aes128);
    let mut cave = authority(std::slice::from_ref(&user));
    let mut known = peer(user);
    acquaint(START, &mut cave, &mut known);
    let asked = request(&mut known, START);
    let (mut plain, mut answer) = (Vec::new(), Vec::new());
    let sender = cave.open(START, &asked, &mut plain).unwrap().sender;
    let response = scoped(PduType::RESPONSE, 7, VarBinds::EMPTY);
    let old = cave.seal(START, &sender, &response, &mut answer).unwrap().to_vec();
    let mut plain = Vec::new();
    assert!(known.open(START, &old, &mut plain).is_ok());
    assert!(known.open(START + Duration::from_secs(151), &old, &mut plain).is_err());
}

#[test]
fn an_open_answer_to_an_encrypted_question_is_refused() {
    let user = ali(Auth::Sha256, Privacy::Aes128);
    let mut cave = authority(&[user.clone(), Credentials::open(b"cassim")]);
    let mut known = peer(user);
    acquaint(START, &mut cave, &mut known);
    let mut forger = peer(Credentials::open(b"ali"));
    acquaint(START, &mut cave, &mut forger);
    let mut out = Vec::new();
    let forged = forger.seal(START, 42, &scoped(PduType::RESPONSE, 7, VarBinds::EMPTY), &mut out).unwrap();
    assert!(known.open(START, forged, &mut Vec::new()).is_err());
}

/// An authority on a socket that answers `count` GETs of sysName.
fn serve(users: Vec<Credentials>, count: usize) -> (String, std::thread::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let mut authority = authority(&users);
        let (mut buffer, mut plain, mut out, mut answered) = ([0; 65_535], Vec::new(), Vec::new(), 0);
        while answered < count {
            let Ok((len, from)) = socket.recv_from(&mut buffer) else { return };
            let message = match authority.open(START, &buffer[..len], &mut plain) {
                Ok(opened) => {
                    answered += 1;
                    let asked = opened.scoped.pdu.varbinds.nth(0).unwrap();
                    let value = [VarBind { name: asked.name, value: Value::Octets(b"cave") }];
                    let pdu = Pdu {
                        kind: PduType::RESPONSE,
                        varbinds: VarBinds::list(&value),
                        ..opened.scoped.pdu
                    };
                    let reply = ScopedPdu { pdu, ..opened.scoped };
                    let mut encoded = vec![0; reply.room()];
                    let mut writer = Writer::new(&mut encoded);
                    reply.write(&mut writer).unwrap();
                    let start = writer.start();
                    let sender = opened.sender;
                    authority.seal(START, &sender, &encoded[start..], &mut out).unwrap()
                }
                Err(refused) => match authority.report(START, &refused, &mut out) {
                    Some(report) => report,
                    None => continue,
                },
            };
            socket.send_to(message, from).unwrap();
        }
    });
    (address, thread)
}

#[test]
fn net_snmp_is_answered_at_every_level() {
    if !support::needs("snmpget") {
        return;
    }
    let open: &[&str] = &["-l", "noAuthNoPriv"];
    ask(Credentials::open(b"ali"), open);
    for (auth, name) in AUTHS {
        let authenticated = Credentials::authenticated(&RustCrypto, b"ali", (auth, b"open sesame")).unwrap();
        ask(authenticated, &["-l", "authNoPriv", "-a", name, "-A", "open sesame"]);
        for (privacy, cipher) in [
            (Privacy::Aes128, "AES"),
            (Privacy::Aes192(Extension::Blumenthal), "AES-192"),
            (Privacy::Aes256(Extension::Blumenthal), "AES-256"),
            (Privacy::Aes192(Extension::Reeder), "AES-192-C"),
            (Privacy::Aes256(Extension::Reeder), "AES-256-C"),
        ] {
            let options =
                ["-l", "authPriv", "-a", name, "-A", "open sesame", "-x", cipher, "-X", "forty thieves"];
            ask(ali(auth, privacy), &options);
        }
    }
}

fn ask(user: Credentials, options: &[&str]) {
    let (address, thread) = serve(vec![user], 1);
    let mut arguments = vec!["-v3", "-u", "ali", "-On", "-t", "2", "-r", "1"];
    arguments.extend(options);
    arguments.extend([address.as_str(), "1.3.6.1.2.1.1.5.0"]);
    let (good, out) = support::run("snmpget", &arguments);
    assert!(good && out.contains("STRING: \"cave\""), "{options:?}: {out}");
    thread.join().unwrap();
}
