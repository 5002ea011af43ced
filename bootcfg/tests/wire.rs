//! The DHCP wire: RFC 951, 2132, 3004, 3046, 3396, 3397, 3442, 4578, 4702, and the builder's promises.

mod common;

use std::borrow::Cow;
use std::net::Ipv4Addr;

use bootcfg::HwAddr;
use bootcfg::wire::dhcp::typed::{ClientFqdn, Route, encapsulated};
use bootcfg::wire::dhcp::{
    Arch, Builder, Error, Header, MIN_MESSAGE, Message, MessageType, Op, OptionCode, key,
};
use common::*;
use proptest::prelude::*;

/// A message whose options field is `options`, with these `file` and `sname` fields.
fn raw(options: &[u8], file: &[u8], sname: &[u8]) -> Vec<u8> {
    let mut bytes = Ask::bootp(mac(1)).bytes();
    bytes[44..44 + sname.len()].copy_from_slice(sname);
    bytes[108..108 + file.len()].copy_from_slice(file);
    bytes.truncate(236);
    bytes.extend_from_slice(&[99, 130, 83, 99]);
    bytes.extend_from_slice(options);
    bytes
}

fn with_option<T>(code: u8, value: &[u8], read: impl FnOnce(&Message<'_>) -> T) -> T {
    let len = u8::try_from(value.len()).unwrap();
    let bytes = raw(&[&[code, len], value, &[255]].concat(), &[], &[]);
    read(&Message::parse(&bytes).unwrap())
}

#[test]
fn rfc951_s3_a_message_without_the_cookie_is_bootp_with_an_opaque_vendor_field() {
    let mut bytes = Ask::bootp(mac(1)).bytes();
    bytes[236..240].copy_from_slice(b"\x63\x82\x53\x64");
    bytes[240..].fill(53);
    let message = Message::parse(&bytes).unwrap();
    assert!(!message.is_dhcp());
    assert_eq!((message.kind(), message.options().count()), (None, 0));
}

#[test]
fn rfc2131_s2_a_hardware_address_longer_than_its_field_is_refused() {
    let mut bytes = Ask::discover(mac(1)).bytes();
    for hlen in 0..=255 {
        bytes[2] = hlen;
        match Message::parse(&bytes) {
            Ok(message) => assert_eq!(message.chaddr().octets().len(), usize::from(hlen)),
            Err(error) => assert_eq!((error, hlen > 16), (Error::HardwareLength { hlen }, true)),
        }
    }
}

#[test]
fn rfc2132_s2_trailing_nuls_of_text_are_dropped() {
    let file = with_option(67, b"boot.ipxe\0\0", |message| {
        message.get(key::BOOT_FILE).unwrap().unwrap().into_owned()
    });
    assert_eq!(file, b"boot.ipxe");
}

#[test]
fn rfc2132_a_wrong_length_hurts_one_option_only() {
    let bytes = raw(&[1, 3, 255, 255, 0, 54, 4, 10, 1, 0, 1, 53, 1, 1, 255], &[], &[]);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.get(key::SUBNET_MASK).unwrap_err().code, OptionCode::SUBNET_MASK);
    assert_eq!(message.get(key::SERVER_ID).unwrap(), Some(SERVER));
    assert_eq!(message.kind(), Some(MessageType::DISCOVER));
}

#[test]
fn rfc2132_lists_of_addresses_are_multiples_of_four_and_not_empty() {
    assert_eq!(
        with_option(3, &[10, 1, 0, 1, 10, 1, 0, 2], |m| m.get(key::ROUTER).unwrap().unwrap().len()),
        2
    );
    for wrong in [&[][..], &[1, 2, 3], &[1, 2, 3, 4, 5]] {
        assert!(with_option(3, wrong, |message| message.get(key::ROUTER).is_err()), "{wrong:?}");
    }
    assert!(with_option(61, &[1], |message| message.get(key::CLIENT_ID).is_err()));
}

#[test]
fn rfc2132_s3_2_nothing_counts_behind_end_and_end_may_be_missing() {
    let bytes = raw(&[53, 1, 1, 255, 53, 1, 3, 1, 200], &[], &[]);
    assert_eq!(Message::parse(&bytes).unwrap().kind(), Some(MessageType::DISCOVER));
    let bytes = raw(&[53, 1, 1], &[], &[]);
    assert_eq!(Message::parse(&bytes).unwrap().kind(), Some(MessageType::DISCOVER));
}

#[test]
fn rfc2132_s9_3_options_stand_in_file_and_sname_where_option_52_says_so() {
    let (file, sname) = ([3, 4, 10, 1, 0, 1, 255], [15, 3, b'o', b'r', b'g', 255]);
    for overload in 1..=3 {
        let bytes = raw(&[52, 1, overload, 53, 1, 1, 255], &file, &sname);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.has(OptionCode::ROUTER), overload & 1 != 0);
        assert_eq!(message.has(OptionCode::DOMAIN_NAME), overload & 2 != 0);
        assert_eq!(message.file().is_empty(), overload & 1 != 0, "an overloaded field is no name");
        assert_eq!(message.sname().is_empty(), overload & 2 != 0);
    }
    for wrong in [&[52, 1, 0, 255][..], &[52, 1, 4, 255], &[52, 2, 1, 1, 255], &[52, 0, 255]] {
        assert_eq!(Message::parse(&raw(wrong, &file, &sname)), Err(Error::Overload { offset: 240 }));
    }
}

#[test]
fn rfc2132_s9_3_option_52_inside_file_means_nothing_more() {
    let bytes = raw(&[52, 1, 1, 255], &[52, 1, 3, 255], &[15, 200]);
    assert!(Message::parse(&bytes).is_ok(), "sname is not read");
}

#[test]
fn rfc3396_s5_parts_are_joined_across_fields_in_their_order() {
    let bytes = raw(
        &[67, 2, b'a', b'b', 52, 1, 3, 53, 1, 1, 67, 1, b'c', 255],
        &[67, 1, b'd', 255],
        &[67, 1, b'e', 255],
    );
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.option(OptionCode::BOOT_FILE), Some(Cow::Owned(b"abcde".to_vec())));
    assert_eq!(message.option_slice(OptionCode::BOOT_FILE), None);
}

#[test]
fn rfc3396_s4_a_long_option_is_split_and_comes_back_whole() {
    let long: Vec<u8> = (0..600_u16).map(|n| n as u8).collect();
    let mut buffer = vec![0; 1472];
    let mut builder = Builder::new(&mut buffer, 1472, &Header::request(1, mac(1)), None).unwrap();
    assert!(builder.option(OptionCode::VENDOR, &long));
    let (len, dropped) = builder.finish();
    assert!(dropped.is_empty());
    let message = Message::parse(&buffer[..len]).unwrap();
    assert_eq!(message.option(OptionCode::VENDOR).unwrap(), long);
    assert_eq!(message.options().count(), 3);
}

#[test]
fn rfc3046_s2_2_option_82_is_echoed_last_and_never_in_file_or_sname() {
    let info = [&[1, 3][..], b"2.1", &[2, 2, 0, 255]].concat();
    let mut buffer = vec![0; 1472];
    for fill in 0..700 {
        let mut builder = Builder::new(&mut buffer, 548, &Header::request(1, mac(1)), Some(&info)).unwrap();
        for _ in 0..fill / 50 {
            builder.option(OptionCode::VENDOR, &[7; 48]);
        }
        builder.option(OptionCode::DOMAIN_NAME, &vec![b'x'; fill % 50]);
        let (len, _) = builder.finish();
        let message = Message::parse(&buffer[..len]).unwrap();
        assert_eq!(message.option_slice(OptionCode::RELAY_INFO), Some(&info[..]));
        let in_options = bootcfg::wire::dhcp::Message::options(&message).filter(|(code, _)| code.0 == 82);
        assert_eq!(in_options.count(), 1);
        let end = buffer[..len].iter().rposition(|byte| *byte == 255).unwrap();
        assert_eq!(buffer[end - info.len()..end], info, "last before END");
    }
}

#[test]
fn rfc3046_suboptions_are_bounded_and_circuit_and_remote_are_found() {
    let info = [1, 3, b'2', b'.', b'1', 2, 2, 9, 9, 5, 4, 10, 1, 2, 0, 11, 4, 10, 1, 0, 9];
    with_option(82, &info, |message| {
        let info = message.get(key::RELAY_INFO).unwrap().unwrap();
        assert_eq!(info.circuit_id(), Some(&b"2.1"[..]));
        assert_eq!(info.remote_id(), Some(&[9, 9][..]));
        assert_eq!(info.link_selection(), Some(Ipv4Addr::new(10, 1, 2, 0)));
        assert_eq!(info.server_id_override(), Some(Ipv4Addr::new(10, 1, 0, 9)));
    });
    for wrong in [&[][..], &[1], &[1, 2, 0], &[1, 1, 0, 2]] {
        assert!(with_option(82, wrong, |message| message.get(key::RELAY_INFO).is_err()), "{wrong:?}");
    }
}

#[test]
fn rfc3004_user_classes_are_lists_and_ipxes_bare_string_is_taken() {
    let classes =
        |value: &[u8]| with_option(77, value, |message| message.get(key::USER_CLASS).unwrap().unwrap());
    assert_eq!(classes(b"\x02ab\x01c"), [b"ab".to_vec(), b"c".to_vec()]);
    assert_eq!(classes(b"iPXE"), [b"iPXE".to_vec()]);
}

#[test]
fn rfc3397_names_are_read_with_pointers_that_go_back() {
    let search = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
    let names = with_option(119, search, |message| message.get(key::DOMAIN_SEARCH).unwrap().unwrap());
    assert_eq!(names, ["eng.apple.com", "marketing.apple.com"]);
    for loop_ in
        [&b"\xc0\x00"[..], b"\x01a\xc0\x00", b"\xc0\x02\xc0\x00", b"\x01a", b"\x40", b"", b"\x03a.b\x00"]
    {
        assert!(with_option(119, loop_, |message| message.get(key::DOMAIN_SEARCH).is_err()), "{loop_:?}");
    }
}

#[test]
fn rfc3442_routes_are_read_and_bits_behind_the_prefix_dropped() {
    let value = [0, 10, 1, 0, 1, 17, 129, 210, 255, 10, 1, 0, 2, 32, 10, 9, 8, 7, 0, 0, 0, 0];
    let routes = with_option(121, &value, |message| message.get(key::CLASSLESS_ROUTES).unwrap().unwrap());
    let route = |network: [u8; 4], prefix, router: [u8; 4]| Route {
        network: network.into(),
        prefix,
        router: router.into(),
    };
    assert_eq!(
        routes,
        [
            route([0, 0, 0, 0], 0, [10, 1, 0, 1]),
            route([129, 210, 128, 0], 17, [10, 1, 0, 2]),
            route([10, 9, 8, 7], 32, [0, 0, 0, 0]),
        ]
    );
    for wrong in [&[33, 1, 2, 3, 4, 5, 1, 2, 3, 4][..], &[8, 10, 1, 2, 3], &[]] {
        assert!(with_option(121, wrong, |message| message.get(key::CLASSLESS_ROUTES).is_err()));
    }
}

#[test]
fn rfc4578_architectures_are_listed_and_7_and_9_are_one() {
    let archs = with_option(93, &[0, 9, 0, 16], |message| message.get(key::CLIENT_ARCH).unwrap().unwrap());
    assert_eq!(archs, [Arch::EBC, Arch::X64_HTTP]);
    assert_eq!(Arch::EBC.folded(), Arch::X64_UEFI);
    assert!(with_option(93, &[0, 9, 0], |message| message.get(key::CLIENT_ARCH).is_err()));
    assert!(with_option(97, &[1; 17], |message| message.get(key::CLIENT_UUID).is_err()), "type 0 only");
}

#[test]
fn rfc4702_a_name_is_read_in_canonical_and_in_ascii_form() {
    let read = |value: &[u8]| with_option(81, value, |message| message.get(key::CLIENT_FQDN).ok().flatten());
    let name = |flags, name: &str| Some(ClientFqdn { flags, name: name.into() });
    assert_eq!(read(b"\x04\0\0\x03www\x07example"), name(4, "www.example"));
    assert_eq!(read(b"\x00\0\0www.example."), name(0, "www.example"));
    assert_eq!(read(b"\x04\0\0\x3fshort"), None);
    assert_eq!(read(b"\x00\0"), None);
}

#[test]
fn encapsulated_options_are_bounded() {
    assert_eq!(encapsulated(&[1, 1, 7, 2, 0, 255]), Some(vec![(1, &[7][..]), (2, &[])]));
    assert_eq!(encapsulated(&[1, 2, 7]), None);
}

#[test]
fn a_reply_overloads_file_and_sname_before_it_drops_and_tells_what_it_dropped() {
    let mut buffer = vec![0; 1472];
    let mut builder = Builder::new(&mut buffer, 300, &Header::request(1, mac(1)), None).unwrap();
    builder.kind(MessageType::OFFER);
    let codes = [43, 66, 67, 128];
    let fits: Vec<bool> = codes.iter().map(|code| builder.option(OptionCode(*code), &[7; 45])).collect();
    assert_eq!(fits, [true, true, true, true], "options, file, file, sname");
    assert!(!builder.option(OptionCode(129), &[7; 200]));
    let (len, dropped) = builder.finish();
    assert_eq!(dropped.iter().map(|code| code.0).collect::<Vec<_>>(), [129]);
    let message = Message::parse(&buffer[..len]).unwrap();
    assert_eq!(message.get(key::MESSAGE_TYPE).unwrap(), Some(2));
    assert!(codes.iter().all(|code| message.option(OptionCode(*code)).as_deref() == Some(&[7; 45])));
    assert_eq!(message.option_slice(OptionCode::OVERLOAD), Some(&[3][..]));
}

#[test]
fn a_boot_file_in_its_field_is_not_overloaded() {
    let mut buffer = vec![0; 1472];
    let mut builder = Builder::new(&mut buffer, 300, &Header::request(1, mac(1)), None).unwrap();
    assert!(builder.file(b"boot.ipxe") && !builder.file(b"twice"));
    builder.option(OptionCode::VENDOR, &[7; 54]);
    builder.option(OptionCode::ROOT_PATH, &[7; 55]);
    let (len, _) = builder.finish();
    let message = Message::parse(&buffer[..len]).unwrap();
    assert_eq!(message.file(), b"boot.ipxe");
    assert_eq!(message.option_slice(OptionCode::OVERLOAD), Some(&[2][..]));
}

proptest! {
    #[test]
    fn no_reply_is_longer_than_its_limit_nor_loses_what_it_says_it_took(
        limit in 0_usize..1500,
        info in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..400)),
        file in proptest::collection::vec(any::<u8>(), 0..200),
        options in proptest::collection::vec((1_u8..255, proptest::collection::vec(any::<u8>(), 0..400)), 0..12),
    ) {
        let mut buffer = vec![0xaa; 1400];
        let mut builder = Builder::new(&mut buffer, limit, &Header::request(1, mac(1)), info.as_deref()).unwrap();
        let named = builder.file(&file);
        let mut expected = std::collections::BTreeMap::<u8, Vec<u8>>::new();
        for (code, value) in options.iter().filter(|(code, _)| ![52, 82].contains(code)) {
            // One of a kind, or parts would join.
            if !expected.contains_key(code) && builder.option(OptionCode(*code), value) {
                expected.insert(*code, value.clone());
            }
        }
        let (len, dropped) = builder.finish();
        prop_assert!(len >= MIN_MESSAGE && len <= limit.clamp(MIN_MESSAGE, 1400));
        let message = Message::parse(&buffer[..len]).unwrap();
        for (code, value) in &expected {
            let found = message.option(OptionCode(*code));
            prop_assert_eq!(found.as_deref(), Some(&value[..]));
        }
        if named {
            prop_assert_eq!(message.file(), &file[..]);
        }
        if let Some(info) = &info {
            let found = message.option(OptionCode::RELAY_INFO);
            prop_assert_eq!(found.is_none(), dropped.contains(OptionCode::RELAY_INFO));
            prop_assert!(found.is_none_or(|found| found[..] == info[..]));
        }
    }

    #[test]
    fn any_octets_are_read_or_refused_and_what_is_read_can_be_visited(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        if let Ok(message) = Message::parse(&bytes) {
            for (code, _) in message.options() {
                prop_assert!(message.option(code).is_some());
            }
            let _ = (message.op() == Op::REQUEST, message.chaddr(), message.kind(), message.file(), message.sname());
        }
    }
}

#[test]
fn hardware_addresses_are_read_and_written() {
    let hw: HwAddr = "52:54:00:00:02:0a".parse().unwrap();
    assert_eq!(hw.to_string(), "52:54:00:00:02:0a");
    assert_eq!("52-54-00-00-02-0A".parse(), Ok(hw));
    for wrong in [
        "",
        "52:54:00:00:02",
        "52:54:00:00:02:0a:01",
        "52:54:00:00:02:g0",
        "5:54:00:00:02:0a",
        "525400000201",
    ] {
        assert!(wrong.parse::<HwAddr>().is_err(), "{wrong}");
    }
}
