//! A script of datagrams, decisions and time against an agent whose tables have every kind of index.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use snmp_mib::agent::{Agent, Community, Config, Input, Limits, Output, WriteId, Writes};
use snmp_mib::mib::{Counter64, IndexReader, MacAddress, Mib, MibTable, Table};
use snmp_mib::wire::{
    Body, ErrorStatus, Message, OidBuf, Pdu, PduType, Value, VarBind, VarBinds, Version,
};

#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "exTable", oid = "1.3.6.1.4.1.32473.9", index(number, mac, address, text), create = Row::of)]
struct Row {
    #[mib(1)]
    number: u32,
    #[mib(2)]
    mac: MacAddress,
    #[mib(3)]
    address: Ipv4Addr,
    #[mib(4)]
    text: String,
    #[mib(5, read_create)]
    value: i32,
    #[mib(6)]
    big: Counter64,
}

impl Row {
    fn of(mut index: IndexReader<'_>) -> Option<Self> {
        let row = Self {
            number: index.part()?,
            mac: index.part()?,
            address: index.part()?,
            text: index.part()?,
            value: 0,
            big: Counter64(1),
        };
        index.is_empty().then_some(row)
    }
}

#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "exNameTable", oid = "1.3.6.1.4.1.32473.10", index(place, name), implied, create = Named::of)]
struct Named {
    #[mib(1)]
    place: OidBuf,
    #[mib(2)]
    name: Vec<u8>,
    #[mib(3, read_create)]
    value: String,
}

impl Named {
    fn of(mut index: IndexReader<'_>) -> Option<Self> {
        let row = Self { place: index.part()?, name: index.implied()?, value: String::new() };
        index.is_empty().then_some(row)
    }
}

#[derive(Clone, Debug, PartialEq, Mib)]
struct Model {
    rows: Table<Row>,
    names: Table<Named>,
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Raw(&'a [u8]),
    Ask { v1: bool, kind: u8, a: i32, b: i32, names: Vec<(u8, Vec<u32>)>, value: i32 },
    Tick(u16),
    Decide(u8, bool),
    Drain,
}

const ROOTS: [&[u32]; 6] = [
    &[1, 3, 6, 1, 4, 1, 32473, 9, 1, 5],
    &[1, 3, 6, 1, 4, 1, 32473, 10, 1, 3],
    &[1, 3, 6, 1, 4, 1, 32473, 9],
    &[1, 3, 6, 1, 2, 1, 1],
    &[1, 3],
    &[2, 999],
];

fuzz_target!(|input: (bool, Vec<Step<'_>>)| {
    let (confirmed, steps) = input;
    let writes = if confirmed { Writes::Confirmed { timeout: Duration::from_secs(3) } } else { Writes::AtOnce };
    let config = Config {
        communities: vec![Community::write("")],
        writes,
        limits: Limits { outbox: 4, ..Limits::default() },
        ..Config::default()
    };
    let model = Model { rows: Table::new(), names: Table::new() };
    let mut agent = Agent::new(Duration::ZERO, config, model).expect("two places");
    let from: SocketAddr = ([192, 0, 2, 1], 1).into();
    let mut now = Duration::ZERO;
    for step in steps {
        let mut twin = agent.clone();
        for agent in [&mut agent, &mut twin] {
            match &step {
                Step::Raw(data) => drop(agent.handle(now, Input::Datagram { from, data })),
                Step::Ask { v1, kind, a, b, names, value } => {
                    let data = request(*v1, *kind, *a, *b, names, *value);
                    let _ = agent.handle(now, Input::Datagram { from, data: &data });
                }
                Step::Tick(ms) => {
                    let _ = agent.handle(now + Duration::from_millis((*ms).into()), Input::Tick);
                }
                Step::Decide(id, true) => drop(agent.handle(now, Input::WriteDone { id: WriteId((*id).into()) })),
                Step::Decide(id, false) => {
                    let (id, status) = (WriteId((*id).into()), ErrorStatus::INCONSISTENT_VALUE);
                    let _ = agent.handle(now, Input::WriteRefused { id, position: 0, status });
                }
                Step::Drain => while agent.poll_output().is_some() {},
            }
        }
        if let Step::Tick(ms) = &step {
            now += Duration::from_millis((*ms).into());
        }
        assert_eq!(agent, twin, "equal inputs, equal states");
        let pending = twin.poll_output().is_some();
        assert_eq!(pending, agent.deadline() == Some(Duration::ZERO), "no lost wake-up");
    }
    while let Some(output) = agent.poll_output() {
        if let Output::Send { data, .. } = output {
            assert!(data.len() <= Limits::default().max_message);
            Message::parse(data).expect("an answer is a message");
        }
    }
    rises(&mut agent, now + Duration::from_secs(10));
});

/// Walks everything: names rise strictly to the end.
fn rises(agent: &mut Agent<Model>, now: Duration) {
    let _ = agent.handle(now, Input::Tick);
    while agent.poll_output().is_some() {}
    let from: SocketAddr = ([192, 0, 2, 1], 2).into();
    let mut at = OidBuf::from_arcs(&[1, 3]).expect("an identifier");
    for _ in 0..10_000 {
        let list = [VarBind { name: at.as_oid(), value: Value::Null }];
        let data = message(Version::V2c, PduType::GET_NEXT, 0, 0, VarBinds::list(&list));
        agent.handle(now, Input::Datagram { from, data: &data }).expect("an answer");
        let Some(Output::Send { data, .. }) = agent.poll_output() else { panic!("an answer") };
        let Ok(Message { body: Body::Pdu(pdu), .. }) = Message::parse(data) else { panic!("a response") };
        assert_eq!(pdu.error_status, ErrorStatus::NO_ERROR);
        let next = pdu.varbinds.nth(0).expect("a binding");
        if next.value == Value::EndOfMibView {
            return;
        }
        assert!(next.name > at.as_oid());
        at = next.name.to_buf();
    }
    panic!("the walk does not end");
}

fn request(v1: bool, kind: u8, a: i32, b: i32, names: &[(u8, Vec<u32>)], value: i32) -> Vec<u8> {
    let names: Vec<OidBuf> = names
        .iter()
        .map(|(root, below)| {
            let root = ROOTS[usize::from(*root) % ROOTS.len()];
            let arcs: Vec<u32> = root.iter().chain(below).copied().take(128).collect();
            OidBuf::from_arcs(&arcs).expect("at most 128 arcs")
        })
        .collect();
    let list: Vec<VarBind<'_>> =
        names.iter().map(|name| VarBind { name: name.as_oid(), value: Value::Integer(value) }).collect();
    let kind = [PduType::GET, PduType::GET_NEXT, PduType::GET_BULK, PduType::SET][usize::from(kind % 4)];
    message(if v1 { Version::V1 } else { Version::V2c }, kind, a, b, VarBinds::list(&list))
}

fn message(version: Version, kind: PduType, a: i32, b: i32, varbinds: VarBinds<'_>) -> Vec<u8> {
    let pdu = Pdu { kind, request_id: 1, error_status: ErrorStatus(a), error_index: b, varbinds };
    Message { version, community: b"", body: Body::Pdu(pdu) }.to_vec()
}
