//! Other people's codecs beside ours: rasn-snmp, snmp-parser and asn1-rs read what we write, and where two readers
//! take the same bytes they find the same in them. Where they are known to disagree, a test says who does what.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::net::Ipv4Addr;

use asn1_rs::{Any, FromBer};
use proptest::prelude::*;
use rasn_snmp::{v2, v2c};
use snmp_mib::oid;
use snmp_mib::wire::asn1::Mismatch;
use snmp_mib::wire::{
    Body, ErrorStatus, Message, Oid, OidBuf, Pdu, PduType, Value, VarBind, VarBindList, VarBinds, Version,
};
use snmp_parser::{ObjectSyntax as Theirs, SnmpMessage, SnmpPdu, VarBindValue as Parsed};

/// A binding in words that every codec can be asked for.
type Said = (String, String);

fn ours(message: &Message<'_>) -> Option<(i32, Vec<Said>)> {
    let Body::Pdu(pdu) = message.body else { return None };
    let say = |binding: VarBind<'_>| {
        let value = match binding.value {
            Value::Integer(n) => format!("integer {n}"),
            Value::Octets(octets) => format!("octets {octets:02x?}"),
            Value::Null => "null".into(),
            Value::Oid(oid) => format!("oid {oid}"),
            Value::IpAddress(address) => format!("address {address}"),
            Value::Counter32(n) => format!("counter {n}"),
            Value::Gauge32(n) => format!("gauge {n}"),
            Value::TimeTicks(n) => format!("ticks {n}"),
            Value::Opaque(octets) => format!("opaque {octets:02x?}"),
            Value::Counter64(n) => format!("big {n}"),
            Value::NoSuchObject => "no object".into(),
            Value::NoSuchInstance => "no instance".into(),
            Value::EndOfMibView => "end".into(),
        };
        (binding.name.to_string(), value)
    };
    Some((pdu.request_id, pdu.varbinds.iter().map(say).collect()))
}

fn rasn(bytes: &[u8]) -> Option<(i32, Vec<Said>)> {
    let message: v2c::Message<v2::Pdus> = rasn::ber::decode(bytes).ok()?;
    let (id, bindings) = match message.data {
        v2::Pdus::GetRequest(v2::GetRequest(pdu))
        | v2::Pdus::GetNextRequest(v2::GetNextRequest(pdu))
        | v2::Pdus::Response(v2::Response(pdu))
        | v2::Pdus::SetRequest(v2::SetRequest(pdu))
        | v2::Pdus::InformRequest(v2::InformRequest(pdu))
        | v2::Pdus::Trap(v2::Trap(pdu))
        | v2::Pdus::Report(v2::Report(pdu)) => (pdu.request_id, pdu.variable_bindings),
        v2::Pdus::GetBulkRequest(v2::GetBulkRequest(pdu)) => (pdu.request_id, pdu.variable_bindings),
    };
    let dotted = |oid: &rasn::types::ObjectIdentifier| {
        oid.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
    };
    let say = |binding: &v2::VarBind| {
        use rasn_smi::v2::{ApplicationSyntax as Wide, ObjectSyntax as Syntax, SimpleSyntax as Simple};
        let value = match &binding.value {
            v2::VarBindValue::Unspecified => "null".into(),
            v2::VarBindValue::NoSuchObject => "no object".into(),
            v2::VarBindValue::NoSuchInstance => "no instance".into(),
            v2::VarBindValue::EndOfMibView => "end".into(),
            v2::VarBindValue::Value(Syntax::Simple(Simple::Integer(n))) => format!("integer {n}"),
            v2::VarBindValue::Value(Syntax::Simple(Simple::String(s))) => {
                format!("octets {:02x?}", s.as_ref())
            }
            v2::VarBindValue::Value(Syntax::Simple(Simple::ObjectId(o))) => format!("oid {}", dotted(o)),
            v2::VarBindValue::Value(Syntax::ApplicationWide(wide)) => match wide {
                Wide::Address(own) => {
                    let octets: [u8; 4] = *own.0;
                    format!("address {}", Ipv4Addr::from(octets))
                }
                Wide::Counter(n) => format!("counter {}", n.0),
                Wide::Ticks(n) => format!("ticks {}", n.0),
                Wide::Arbitrary(octets) => format!("opaque {:02x?}", octets.as_ref()),
                Wide::BigCounter(n) => format!("big {}", n.0),
                Wide::Unsigned(n) => format!("gauge {}", n.0),
            },
        };
        (dotted(&binding.name), value)
    };
    Some((id, bindings.iter().map(say).collect()))
}

fn parser(bytes: &[u8]) -> Option<(u32, Vec<Said>)> {
    let (_, message) = SnmpMessage::from_ber(bytes).ok()?;
    let id = match &message.pdu {
        SnmpPdu::Generic(pdu) => pdu.req_id,
        SnmpPdu::Bulk(pdu) => pdu.req_id,
        SnmpPdu::TrapV1(_) => return None,
    };
    let say = |binding: &snmp_parser::SnmpVariable<'_>| {
        let value = match &binding.val {
            Parsed::Unspecified => "null".into(),
            Parsed::NoSuchObject => "no object".into(),
            Parsed::NoSuchInstance => "no instance".into(),
            Parsed::EndOfMibView => "end".into(),
            Parsed::Value(Theirs::Number(n)) => format!("integer {n}"),
            Parsed::Value(Theirs::String(octets)) => format!("octets {octets:02x?}"),
            Parsed::Value(Theirs::Object(oid)) => format!("oid {}", oid.to_id_string()),
            Parsed::Value(Theirs::IpAddress(snmp_parser::NetworkAddress::IPv4(own))) => {
                format!("address {own}")
            }
            Parsed::Value(Theirs::Counter32(n)) => format!("counter {n}"),
            Parsed::Value(Theirs::Gauge32(n)) => format!("gauge {n}"),
            Parsed::Value(Theirs::TimeTicks(n)) => format!("ticks {n}"),
            Parsed::Value(Theirs::Opaque(octets)) => format!("opaque {octets:02x?}"),
            Parsed::Value(Theirs::Counter64(n)) => format!("big {n}"),
            // It takes a string of no octets, of whichever type, for nothing at all; see below.
            Parsed::Value(Theirs::Empty) => "octets []".into(),
            Parsed::Value(other) => format!("{other:?}"),
        };
        (binding.oid.to_id_string(), value)
    };
    Some((id, message.vars_iter().map(say).collect()))
}

fn any_oid() -> impl Strategy<Value = OidBuf> {
    // Below 1.3, where everybody reads the first two arcs alike.
    proptest::collection::vec(prop_oneof![0..300_u32, any::<u32>()], 1..12)
        .prop_map(|below| OidBuf::from_arcs(&[vec![1, 3], below].concat()).unwrap())
}

fn any_binding() -> impl Strategy<Value = (OidBuf, u8, u64, Vec<u8>, OidBuf)> {
    let octets = proptest::collection::vec(any::<u8>(), 0..200);
    (any_oid(), 0..13_u8, prop_oneof![any::<u64>(), 0..70_000_u64], octets, any_oid())
}

fn value<'a>(kind: u8, number: u64, octets: &'a [u8], oid: &'a OidBuf) -> Value<'a> {
    let short = u32::try_from(number & 0xffff_ffff).unwrap();
    match kind {
        0 => Value::Integer(short.cast_signed()),
        1 => Value::Octets(octets),
        2 => Value::Null,
        3 => Value::Oid(oid.as_oid()),
        4 => Value::IpAddress(short.into()),
        5 => Value::Counter32(short),
        6 => Value::Gauge32(short),
        7 => Value::TimeTicks(short),
        8 => Value::Opaque(octets),
        9 => Value::Counter64(number),
        10 => Value::NoSuchObject,
        11 => Value::NoSuchInstance,
        _ => Value::EndOfMibView,
    }
}

fn message(id: i32, bindings: &[(OidBuf, u8, u64, Vec<u8>, OidBuf)]) -> Vec<u8> {
    let list: VarBindList = bindings
        .iter()
        .map(|(name, kind, number, octets, oid)| VarBind {
            name: name.as_oid(),
            value: value(*kind, *number, octets, oid),
        })
        .collect();
    response(id, list.as_varbinds())
}

fn response(request_id: i32, varbinds: VarBinds<'_>) -> Vec<u8> {
    let (kind, error_status) = (PduType::RESPONSE, ErrorStatus::NO_ERROR);
    let pdu = Pdu { kind, request_id, error_status, error_index: 0, varbinds };
    Message { version: Version::V2c, community: b"public", body: Body::Pdu(pdu) }.to_vec()
}

proptest! {
    #[test]
    fn others_read_what_we_write(id in 0..i32::MAX, bindings in proptest::collection::vec(any_binding(), 0..6)) {
        let bytes = message(id, &bindings);
        let own = ours(&Message::parse(&bytes).unwrap()).unwrap();
        prop_assert_eq!(rasn(&bytes), Some(own.clone()));
        prop_assert_eq!(parser(&bytes), Some((id.cast_unsigned(), own.1)));
    }

    #[test]
    fn who_takes_the_same_bytes_finds_the_same_in_them(
        id in any::<i32>(),
        bindings in proptest::collection::vec(any_binding(), 0..4),
        flips in proptest::collection::vec((any::<usize>(), 1..=255_u8), 0..3),
    ) {
        let mut bytes = message(id, &bindings);
        for (at, with) in flips {
            let at = at % bytes.len();
            bytes[at] ^= with;
        }
        let Some(own) = Message::parse(&bytes).ok().as_ref().and_then(ours) else { return Ok(()) };
        if let Some(theirs) = rasn(&bytes) {
            prop_assert!(alike(&own.1, &theirs.1), "{:?} and rasn {:?}", own, theirs);
        }
        if let Some(theirs) = parser(&bytes) {
            prop_assert!(alike(&own.1, &theirs.1), "{:?} and snmp-parser {:?}", own, theirs);
        }
    }

    #[test]
    fn values_pass_through_asn1_rs(binding in any_binding()) {
        let (_, kind, number, octets, oid) = &binding;
        let own = value(*kind, *number, octets, oid);
        let mut content = Vec::new();
        let any = own.to_any(&mut content).unwrap();
        prop_assert_eq!(Value::try_from(&any).unwrap(), own);
        if let Value::Oid(oid) = own {
            let theirs = asn1_rs::Oid::try_from(oid).unwrap();
            prop_assert_eq!(theirs.to_id_string(), oid.to_string());
            prop_assert_eq!(Oid::try_from(&theirs).unwrap(), oid);
        }
        if let Value::Integer(n) = own {
            prop_assert_eq!(any.as_i32().unwrap(), n);
        }
    }
}

/// Compares what two codecs say, but for identifiers that begin as others misread them.
fn alike(own: &[Said], theirs: &[Said]) -> bool {
    let odd = |said: &str| {
        let oid = said.strip_prefix("oid ").unwrap_or(said);
        // Empty, 0.0 alone, or 2.40 and above: see the tests below.
        !(oid.starts_with("1.") || oid.starts_with("0.")) || oid == "0.0"
    };
    own.len() == theirs.len()
        && own.iter().zip(theirs).all(|(own, theirs)| {
            let value =
                if own.1.starts_with("oid ") { odd(&own.1) || own.1 == theirs.1 } else { own.1 == theirs.1 };
            value && (odd(&own.0) || own.0 == theirs.0)
        })
}

#[test]
fn disagreement_asn1_rs_reads_other_arcs_than_those_of_2_40_and_above_and_of_0_0() {
    for (oid, theirs) in [(oid!(0, 0), "0"), (Oid::from_content(&[0x88, 0x37]).unwrap(), "3.16.55")] {
        assert_eq!(asn1_rs::Oid::new(oid.as_bytes().into()).to_id_string(), theirs);
        assert_eq!(asn1_rs::Oid::try_from(oid), Err(Mismatch::Misread));
    }
    assert_eq!(Oid::from_content(&[0x88, 0x37]).unwrap().to_string(), "2.999");
}

#[test]
fn disagreement_asn1_rs_takes_identifiers_that_are_none() {
    for content in [&[0x2b, 0x86][..], &[0x2b, 0x80, 0x01], &[0x2b, 0x90, 0x80, 0x80, 0x80, 0x00]] {
        let theirs = asn1_rs::Oid::new(content.into());
        assert!(matches!(Oid::try_from(&theirs), Err(Mismatch::Value(_))), "{content:02x?}");
    }
    let relative = asn1_rs::Oid::from_relative(&[6, 1]).unwrap();
    assert_eq!(OidBuf::try_from(&relative), Err(Mismatch::Relative));
}

#[test]
fn disagreement_asn1_rs_reads_an_integer_of_no_octets_as_zero() {
    let (_, any) = Any::from_ber(&[2, 0]).unwrap();
    assert_eq!(any.as_i32(), Ok(0));
    assert!(matches!(Value::try_from(&any), Err(Mismatch::Value(_))));
}

#[test]
fn disagreement_asn1_rs_takes_indefinite_lengths_which_snmp_forbids() {
    // RFC 3417 §8.
    let bytes = [0x24, 0x80, 0x04, 0x01, 0x41, 0x00, 0x00];
    let (_, any) = Any::from_ber(&bytes).unwrap();
    assert!(matches!(Value::try_from(&any), Err(Mismatch::Value(_))));
}

#[test]
fn disagreement_snmp_parser_refuses_negative_request_ids() {
    let bytes = response(-1, VarBinds::EMPTY);
    assert!(Message::parse(&bytes).is_ok() && rasn(&bytes).is_some());
    assert_eq!(parser(&bytes), None);
}

#[test]
fn disagreement_snmp_parser_refuses_communities_that_are_no_text() {
    let pdu = Pdu {
        kind: PduType::GET,
        request_id: 1,
        error_status: ErrorStatus::NO_ERROR,
        error_index: 0,
        varbinds: VarBinds::EMPTY,
    };
    let bytes = Message { version: Version::V2c, community: &[0xff], body: Body::Pdu(pdu) }.to_vec();
    assert!(Message::parse(&bytes).is_ok() && rasn(&bytes).is_some());
    assert_eq!(parser(&bytes), None);
}

#[test]
fn disagreement_snmp_parser_takes_an_empty_string_for_nothing() {
    let list = [VarBind { name: oid!(1, 3, 6, 1), value: Value::Octets(b"") }];
    let bytes = response(1, VarBinds::list(&list));
    let (_, message) = SnmpMessage::from_ber(&bytes).unwrap();
    assert_eq!(message.vars_iter().next().unwrap().val, Parsed::Value(Theirs::Empty));
}
