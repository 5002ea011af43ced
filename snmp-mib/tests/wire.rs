//! The codec: what is written is read back, and what was read is written alike.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::net::Ipv4Addr;

use proptest::prelude::*;
use snmp_mib::oid;
use snmp_mib::wire::{
    Body, ErrorStatus, Generic, Message, Oid, OidBuf, Pdu, PduType, TrapV1, Value, VarBind, VarBindList,
    Version,
};

fn any_oid() -> impl Strategy<Value = OidBuf> {
    let arc = prop_oneof![
        0..200_u32,
        any::<u32>(),
        Just(u32::MAX),
        Just(127),
        Just(128),
        Just(16_383),
        Just(16_384)
    ];
    let first = prop_oneof![(0..2_u32, 0..40_u32), (Just(2), 0..1_000_u32)];
    (first, proptest::collection::vec(arc, 0..20))
        .prop_map(|((root, second), rest)| OidBuf::from_arcs(&[vec![root, second], rest].concat()).unwrap())
}

#[derive(Clone, Debug)]
enum Owned {
    Number(i32),
    Bytes(Vec<u8>),
    Oid(OidBuf),
    Unsigned(u8, u32),
    Big(u64),
    Plain(u8),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Number(n) => Value::Integer(*n),
            Self::Bytes(bytes) => Value::Octets(bytes),
            Self::Oid(oid) => Value::Oid(oid.as_oid()),
            Self::Unsigned(0, n) => Value::Counter32(*n),
            Self::Unsigned(1, n) => Value::Gauge32(*n),
            Self::Unsigned(2, n) => Value::IpAddress(Ipv4Addr::from_bits(*n)),
            Self::Unsigned(_, n) => Value::TimeTicks(*n),
            Self::Big(n) => Value::Counter64(*n),
            Self::Plain(0) => Value::Null,
            Self::Plain(1) => Value::NoSuchObject,
            Self::Plain(2) => Value::NoSuchInstance,
            Self::Plain(_) => Value::EndOfMibView,
        }
    }
}

fn any_value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<i32>().prop_map(Owned::Number),
        (-300..300_i32).prop_map(Owned::Number),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Owned::Bytes),
        any_oid().prop_map(Owned::Oid),
        (0..4_u8, any::<u32>()).prop_map(|(kind, n)| Owned::Unsigned(kind, n)),
        any::<u64>().prop_map(Owned::Big),
        (0..4_u8).prop_map(Owned::Plain),
    ]
}

fn any_bindings() -> impl Strategy<Value = VarBindList> {
    proptest::collection::vec((any_oid(), any_value()), 0..12).prop_map(|bindings| {
        bindings.iter().map(|(name, value)| VarBind { name: name.as_oid(), value: value.value() }).collect()
    })
}

/// Reads arcs one by one, as X.690 §8.19 writes them.
fn spells_arcs(mut content: &[u8]) -> bool {
    while let Some(first) = content.first() {
        let Some(last) = content.iter().position(|byte| byte & 0x80 == 0) else {
            return false;
        };
        let arc = content[..=last].iter().fold(0_u128, |arc, byte| (arc << 7) | u128::from(byte & 0x7f));
        if *first == 0x80 || arc > u128::from(u32::MAX) {
            return false;
        }
        content = &content[last + 1..];
    }
    true
}

proptest! {
    #[test]
    fn a_written_pdu_is_read_back(
        v1 in any::<bool>(),
        community in proptest::collection::vec(any::<u8>(), 0..40),
        kind in prop_oneof![Just(PduType::GET), Just(PduType::GET_NEXT), Just(PduType::RESPONSE), Just(PduType::SET)],
        (request_id, status, error_index) in any::<(i32, i32, i32)>(),
        bindings in any_bindings(),
    ) {
        let version = if v1 { Version::V1 } else { Version::V2c };
        let error_status = ErrorStatus(status);
        let list: Vec<VarBind<'_>> = bindings.iter().collect();
        let varbinds = snmp_mib::wire::VarBinds::list(&list);
        let pdu = Pdu { kind, request_id, error_status, error_index, varbinds };
        let message = Message { version, community: &community, body: Body::Pdu(pdu) };
        let bytes = message.to_vec();
        prop_assert_eq!(bytes.len(), message.encoded_len());
        let (read, anomalies) = Message::parse_reporting(&bytes).unwrap();
        prop_assert_eq!(read, message);
        prop_assert!(anomalies.is_empty());
        prop_assert_eq!(read.to_vec(), bytes);
    }

    #[test]
    fn a_written_v1_trap_is_read_back(
        enterprise in any_oid(),
        address in any::<u32>(),
        (generic, specific) in any::<(i32, i32)>(),
        time_stamp in any::<u32>(),
        bindings in any_bindings(),
    ) {
        let trap = TrapV1 {
            enterprise: enterprise.as_oid(),
            agent_address: Ipv4Addr::from_bits(address),
            generic: Generic(generic),
            specific,
            time_stamp,
            varbinds: bindings.as_varbinds(),
        };
        let message = Message { version: Version::V1, community: b"public", body: Body::TrapV1(trap) };
        let bytes = message.to_vec();
        prop_assert_eq!(Message::parse(&bytes).unwrap(), message);
        prop_assert_eq!(message.encoded_len(), bytes.len());
    }

    #[test]
    fn identifiers_order_as_their_arcs_do(one in any_oid(), two in any_oid(), cut in 0..10_usize) {
        let arcs = |oid: &OidBuf| oid.as_oid().arcs().collect::<Vec<u32>>();
        prop_assert_eq!(one.cmp(&two), arcs(&one).cmp(&arcs(&two)));
        // Neighbours share a beginning.
        let mut near = arcs(&one);
        near.truncate(2 + cut);
        if let Some(last) = near.get_mut(2 + cut.saturating_sub(1)) {
            *last = last.wrapping_add(1);
        }
        let near = OidBuf::from_arcs(&near).unwrap();
        prop_assert_eq!(one.cmp(&near), arcs(&one).cmp(&arcs(&near)));
        prop_assert_eq!(one.as_oid().starts_with(near.as_oid()), arcs(&one).starts_with(&arcs(&near)));
    }

    #[test]
    fn identifiers_as_text_are_read_back(oid in any_oid()) {
        prop_assert_eq!(oid.to_string().parse::<OidBuf>().unwrap(), oid);
    }

    #[test]
    fn an_identifier_is_what_its_arcs_say(
        content in proptest::collection::vec(prop_oneof![0..4_u8, 0x7e..0x82_u8, Just(0x8f), Just(0x90), Just(0xff)], 0..26),
    ) {
        prop_assert_eq!(Oid::from_content(&content).is_ok(), spells_arcs(&content));
    }

    #[test]
    fn no_bytes_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::parse(&data) {
            let again = message.to_vec();
            prop_assert_eq!(Message::parse(&again).unwrap(), message);
        }
    }
}

#[test]
fn identifiers_known_when_the_program_is_built_are_those_of_their_arcs() {
    assert_eq!(oid!(1, 3, 6, 1, 4, 1, 32473, 1).to_string(), "1.3.6.1.4.1.32473.1");
    assert_eq!(oid!(0, 0).to_string(), "0.0");
    assert_eq!(oid!(1, 3, 4_294_967_295, 128, 127).to_string(), "1.3.4294967295.128.127");
    assert_eq!("2.999.1".parse::<OidBuf>().unwrap().as_oid().as_bytes(), b"\x88\x37\x01");
    for wrong in ["", "1..3", "3.1", "1.40", "1.3.x", "1.3.4294967296"] {
        assert!(wrong.parse::<OidBuf>().is_err(), "{wrong}");
    }
}
