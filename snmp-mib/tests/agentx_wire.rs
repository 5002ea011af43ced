//! AgentX packets: what is written is read back in both byte orders, and no bytes harm.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use snmp_mib::agentx::wire::{
    Binding, Body, Data, Header, List, Name, Order, Packet, Problem, Reason, Region, Search, Status,
};
use snmp_mib::wire::{OidBuf, Value};

fn any_oid() -> impl Strategy<Value = OidBuf> {
    let below = proptest::collection::vec(prop_oneof![0..300_u32, any::<u32>()], 0..12);
    let begin = prop_oneof![
        Just(vec![1, 3, 6, 1]),
        Just(vec![1, 3, 6, 1, 0]),
        Just(vec![1, 3, 6, 1, 255]),
        Just(vec![1, 3, 6, 1, 256]),
        Just(vec![0, 0]),
        Just(vec![2, 999]),
    ];
    (begin, below).prop_map(|(begin, below)| OidBuf::from_arcs(&[begin, below].concat()).unwrap())
}

fn any_data() -> impl Strategy<Value = (u8, u64, Vec<u8>, OidBuf)> {
    (0..13_u8, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..9), any_oid())
}

fn data<'a>((kind, number, octets, oid): &'a (u8, u64, Vec<u8>, OidBuf)) -> Data<'a> {
    let short = u32::try_from(number >> 32).unwrap();
    Data::from(match kind {
        0 => Value::Integer(short.cast_signed()),
        1 => Value::Octets(octets),
        2 => Value::Null,
        3 => Value::Oid(oid.as_oid()),
        4 => Value::IpAddress(short.into()),
        5 => Value::Counter32(short),
        6 => Value::Gauge32(short),
        7 => Value::TimeTicks(short),
        8 => Value::Opaque(octets),
        9 => Value::Counter64(*number),
        10 => Value::NoSuchObject,
        11 => Value::NoSuchInstance,
        _ => Value::EndOfMibView,
    })
}

fn emit(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    bytes
}

proptest! {
    #[test]
    fn section_6_a_written_pdu_is_read_back(
        kind in 0..18_u8,
        little in any::<bool>(),
        numbers in any::<(u32, u32, u32, u16, u16, u8)>(),
        context in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)),
        names in proptest::collection::vec((any_oid(), any::<bool>(), any_oid()), 1..4),
        values in proptest::collection::vec((any_oid(), any_data()), 0..5),
    ) {
        let (session, transaction, packet, a, b, c) = numbers;
        let bindings: Vec<Binding<'_>> =
            values.iter().map(|(name, value)| Binding { name: name.as_oid().into(), data: data(value) }).collect();
        let searches: Vec<Search<'_>> = names
            .iter()
            .map(|(start, include, end)| Search { start: start.as_oid().into(), include: *include, end: end.as_oid().into() })
            .collect();
        let (varbinds, searches) = (List::of(&bindings), List::of(&searches));
        let name = Name::from(names[0].0.as_oid());
        let descr = b"what it is".as_slice();
        let range = (c % 3 == 1).then_some((1 + c % 2, transaction));
        let region = Region { subtree: name, priority: c, range };
        let body = match kind {
            0 => Body::Open { timeout: c, id: name, descr },
            1 => Body::Close(Reason(c)),
            2 => Body::Register { region, timeout: c, instance: little },
            3 => Body::Unregister(region),
            4 => Body::Get(searches),
            5 => Body::GetNext(searches),
            6 => Body::GetBulk { non_repeaters: a, max_repetitions: b, searches },
            7 => Body::TestSet(varbinds),
            8 => Body::CommitSet,
            9 => Body::UndoSet,
            10 => Body::CleanupSet,
            11 => Body::Notify(varbinds),
            12 => Body::Ping,
            13 => Body::IndexAllocate { new: a % 2 == 0, any: b % 2 == 0, varbinds },
            14 => Body::IndexDeallocate(varbinds),
            15 => Body::AddAgentCaps { id: name, descr },
            16 => Body::RemoveAgentCaps(name),
            _ => Body::Response { up_time: transaction, status: Status(a), index: b, varbinds },
        };
        let without = matches!(kind, 0 | 1 | 8..=10 | 17);
        let context = context.as_deref().filter(|_| !without);
        let order = if little { Order::Little } else { Order::Big };
        let written = Packet { order, session, transaction, packet, context, body };
        let bytes = emit(&written);
        prop_assert_eq!(Header::of(&bytes).unwrap().unwrap().packet_len(), bytes.len());
        let read = Packet::parse(&bytes).unwrap();
        prop_assert_eq!(&read, &written);
        // What is written again is the same, octet by octet.
        prop_assert_eq!(emit(&read), bytes.clone());
        // Cut anywhere it is no packet.
        for cut in 0..bytes.len() {
            prop_assert!(Packet::parse(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn no_bytes_panic(mut data in proptest::collection::vec(any::<u8>(), 0..120), kind in 1..19_u8) {
        if let [version, own, flags, _, ..] = data.as_mut_slice() {
            (*version, *own, *flags) = (1, kind, *flags & 0x1f);
        }
        if data.len() >= 20 {
            let payload = u32::try_from(data.len() - 20).unwrap() & !3;
            let octets = if data[2] & 16 == 0 { payload.to_le_bytes() } else { payload.to_be_bytes() };
            data[16..20].copy_from_slice(&octets);
            data.truncate(20 + usize::try_from(payload).unwrap());
        }
        if let Ok(packet) = Packet::parse(&data) {
            let again = emit(&packet);
            let read = Packet::parse(&again).unwrap();
            prop_assert_eq!(&read, &packet);
            prop_assert_eq!(emit(&read), again);
        }
    }
}

#[test]
fn section_5_1_an_identifier_is_abbreviated_and_null_is_four_zeros() {
    let written = |oid: &str| {
        let oid: OidBuf = oid.parse().unwrap();
        let body = Body::RemoveAgentCaps(oid.as_oid().into());
        emit(&Packet { order: Order::Big, session: 0, transaction: 0, packet: 0, context: None, body })[20..]
            .to_vec()
    };
    // The example of RFC 2741 §5.1: sysDescr.0.
    assert_eq!(written("1.3.6.1.2.1.1.1.0"), [4, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    let null = Body::RemoveAgentCaps(Name::NULL);
    let packet =
        Packet { order: Order::Big, session: 0, transaction: 0, packet: 0, context: None, body: null };
    assert_eq!(emit(&packet)[20..], [0; 4]);
}

#[test]
fn section_7_1_a_header_tells_how_long_the_packet_is_or_that_there_is_none() {
    let body = Body::Ping;
    let bytes =
        emit(&Packet { order: Order::Little, session: 1, transaction: 2, packet: 3, context: None, body });
    assert_eq!(Header::of(&bytes[..19]), Ok(None));
    assert_eq!(Header::of(&bytes).unwrap().unwrap().packet_len(), 20);
    let problem = |at: usize, with: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = with;
        Packet::parse(&bytes).unwrap_err().problem
    };
    assert_eq!(problem(0, 2), Problem::Version(2));
    assert_eq!(problem(1, 19), Problem::Type(19));
    assert_eq!(problem(16, 6), Problem::Length(6));
    assert_eq!(problem(16, 8), Problem::Truncated);
}
