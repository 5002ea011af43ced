//! bootcfg's DHCP messages beside dhcproto's: the same options with the same octets, and where the two disagree, each
//! disagreement by name.

use std::net::Ipv4Addr;

use bootcfg::HwAddr;
use bootcfg::wire::dhcp::{Builder, Header, Message, MessageType, Op, OptionCode};
use dhcproto::{Decodable as _, Encodable as _, v4};

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

const HW: HwAddr = HwAddr::ethernet([2, 0, 0, 0, 0, 7]);

fn message(chance: &mut Chance) -> Vec<u8> {
    let mut header = Header::request(chance.below(1 << 31) as u32, HW);
    header.op = if chance.below(2) == 0 { Op::REQUEST } else { Op::REPLY };
    header.ciaddr = Ipv4Addr::from_bits(chance.below(1 << 31) as u32);
    header.secs = chance.below(1 << 16) as u16;
    let mut buffer = vec![0; 1472];
    let mut builder = Builder::new(&mut buffer, 1472, &header, None).unwrap();
    builder.kind(MessageType(1 + chance.below(8) as u8));
    let codes =
        [1, 3, 6, 12, 15, 28, 42, 50, 51, 54, 55, 57, 58, 59, 60, 61, 66, 67, 77, 93, 97, 150, 209, 210, 224];
    let mut left: Vec<u8> = codes.to_vec();
    for _ in 0..chance.below(12) {
        let code = OptionCode(left.swap_remove(chance.below(left.len())));
        // Lengths that the option's definition allows, so that both take them.
        let len = match code.0 {
            1 | 28 | 50 | 51 | 54 | 58 | 59 => 4,
            3 | 6 | 42 | 150 => 4 * (1 + chance.below(3)),
            57 => 2,
            93 => 2 * (1 + chance.below(3)),
            97 => 17,
            _ => 2 + chance.below(20),
        };
        let value: Vec<u8> = (0..len).map(|_| b'a' + chance.below(26) as u8).collect();
        builder.option(code, &value);
    }
    let (len, _) = builder.finish();
    buffer.truncate(len);
    buffer
}

/// The options in their order, neighbours of one code joined, as dhcproto's iterator has them.
fn parts(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut parts: Vec<(u8, Vec<u8>)> = Vec::new();
    for (code, value) in Message::parse(bytes).unwrap().options() {
        match parts.last_mut() {
            Some((last, joined)) if *last == code.0 => joined.extend_from_slice(value),
            _ => parts.push((code.0, value.to_vec())),
        }
    }
    parts
}

fn their_parts(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let message = v4::borrowed::Message::new(bytes).unwrap();
    message.opts().map(|option| (u8::from(option.code()), option.data().to_vec())).collect()
}

#[test]
fn what_bootcfg_writes_dhcproto_reads_as_the_same_fields_and_options() {
    let mut chance = Chance(1);
    for _ in 0..20_000 {
        let bytes = message(&mut chance);
        let ours = Message::parse(&bytes).unwrap();
        let theirs = v4::Message::from_bytes(&bytes).unwrap();
        assert_eq!(
            (ours.xid(), ours.secs(), ours.flags()),
            (theirs.xid(), theirs.secs(), u16::from(theirs.flags()))
        );
        assert_eq!(
            (ours.ciaddr(), ours.giaddr(), ours.op().0),
            (theirs.ciaddr(), theirs.giaddr(), u8::from(theirs.opcode()))
        );
        assert_eq!(ours.chaddr().octets(), theirs.chaddr());
        assert_eq!(parts(&bytes), their_parts(&bytes));
        // Its owned options end at the first that it cannot type (disagreement 5), so that they may be fewer.
        assert!(theirs.opts().iter().all(|(code, _)| ours.has(OptionCode(u8::from(*code)))));
    }
}

#[test]
fn what_dhcproto_writes_bootcfg_reads_as_the_same_options() {
    let mut chance = Chance(2);
    for _ in 0..20_000 {
        let theirs = v4::Message::from_bytes(&message(&mut chance)).unwrap();
        let mut bytes = Vec::new();
        theirs.encode(&mut dhcproto::Encoder::new(&mut bytes)).unwrap();
        let ours = Message::parse(&bytes).unwrap();
        assert_eq!((ours.xid(), ours.ciaddr()), (theirs.xid(), theirs.ciaddr()));
        assert_eq!(parts(&bytes), their_parts(&bytes));
        assert_eq!(ours.options().count(), theirs.opts().iter().count());
    }
}

#[test]
fn octets_of_chance_are_read_alike_or_disagreed_about_by_name() {
    let mut chance = Chance(3);
    let mut agreed = 0;
    for _ in 0..50_000 {
        let mut bytes = message(&mut chance);
        for _ in 0..1 + chance.below(3) {
            let at = chance.below(bytes.len());
            bytes[at] = chance.below(256) as u8;
        }
        let Ok(ours) = Message::parse(&bytes) else {
            // Disagreements 1 and 5: hlen, and an option that runs past the end.
            continue;
        };
        // Disagreement 4: without the cookie there are no options for us.
        // Disagreement 2: option 52 leads us on into file and sname.
        if !ours.is_dhcp() || ours.has(OptionCode::OVERLOAD) {
            continue;
        }
        assert_eq!(parts(&bytes), their_parts(&bytes));
        agreed += 1;
    }
    assert!(agreed > 30_000, "{agreed}");
}

/// A head, the cookie, and these options.
fn raw(options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 240];
    bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
    bytes[236..240].copy_from_slice(&[99, 130, 83, 99]);
    bytes.extend_from_slice(options);
    bytes
}

#[test]
fn disagreement_1_dhcproto_panics_on_a_hardware_length_past_its_field() {
    let mut bytes = raw(&[53, 1, 1, 255]);
    bytes[2] = 200;
    assert!(Message::parse(&bytes).is_err());
    let theirs = v4::Message::from_bytes(&bytes).unwrap();
    assert!(std::panic::catch_unwind(|| theirs.chaddr().len()).is_err());
}

#[test]
fn disagreement_2_dhcproto_does_not_follow_option_overload() {
    let mut bytes = raw(&[53, 1, 1, 52, 1, 1, 255]);
    bytes[108..114].copy_from_slice(&[12, 3, b'a', b'b', b'c', 255]);
    assert_eq!(Message::parse(&bytes).unwrap().option(OptionCode::HOST_NAME).as_deref(), Some(&b"abc"[..]));
    assert!(v4::Message::from_bytes(&bytes).unwrap().opts().get(v4::OptionCode::Hostname).is_none());
}

#[test]
fn disagreement_3_dhcproto_loses_parts_that_are_not_neighbours() {
    let bytes = raw(&[12, 1, b'a', 53, 1, 1, 12, 1, b'b', 255]);
    assert_eq!(Message::parse(&bytes).unwrap().option(OptionCode::HOST_NAME).as_deref(), Some(&b"ab"[..]));
    let theirs = v4::Message::from_bytes(&bytes).unwrap();
    assert_ne!(theirs.opts().get(v4::OptionCode::Hostname), Some(&v4::DhcpOption::Hostname("ab".into())));
}

#[test]
fn disagreement_4_dhcproto_takes_any_magic_cookie() {
    let mut bytes = raw(&[53, 1, 1, 255]);
    bytes[236] = 0;
    assert!(!Message::parse(&bytes).unwrap().is_dhcp());
    assert!(v4::Message::from_bytes(&bytes).is_ok_and(|theirs| theirs.opts().iter().count() == 1));
}

#[test]
fn disagreement_5_dhcproto_stops_in_silence_at_an_option_that_runs_past_the_end() {
    let bytes = raw(&[53, 1, 1, 12, 200, b'a']);
    assert!(Message::parse(&bytes).is_err());
    assert!(v4::Message::from_bytes(&bytes).is_ok_and(|theirs| theirs.opts().iter().count() == 1));
}
