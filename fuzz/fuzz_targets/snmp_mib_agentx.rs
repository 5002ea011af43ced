//! AgentX: packets, and a script of bytes, requests and time against an agent joined with sub-agents, and against
//! a sub-agent.
#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use snmp_mib::agent::{self, Agent, Community, Config};
use snmp_mib::agentx::master::{self, ConnectionId};
use snmp_mib::agentx::subagent::{self, Subagent};
use snmp_mib::agentx::wire::{Body, List, Name, Order, Packet, Region};
use snmp_mib::agentx::{Input, Joint, Output};
use snmp_mib::mib::{Counter64, Mib, MibTable, Table};
use snmp_mib::wire::{
    Body as Pdus, ErrorStatus, Message, OidBuf, Pdu, PduType, Value, VarBind, VarBinds, Version,
};

#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "exTable", oid = "1.3.6.1.4.1.32473.9", index(number))]
struct Row {
    #[mib(1)]
    number: u32,
    #[mib(2, read_write)]
    value: i32,
    #[mib(3)]
    big: Counter64,
}

#[derive(Clone, Debug, PartialEq, Mib)]
struct Model {
    rows: Table<Row>,
}

fn model() -> Model {
    Model { rows: (1..4).map(|number| Row { number, value: 1, big: Counter64(1) }).collect() }
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    /// Raw bytes on a stream.
    Raw(u8, &'a [u8]),
    /// Bytes of a payload behind a good header.
    Framed {
        from: u8,
        kind: u8,
        flags: u8,
        session: u8,
        packet: u8,
        payload: &'a [u8],
    },
    Register {
        from: u8,
        session: u8,
        below: Vec<u8>,
        priority: u8,
        range: Option<(u8, u32)>,
    },
    Open(u8),
    Connect(u8),
    Disconnect(u8),
    Ask {
        v1: bool,
        kind: u8,
        a: i8,
        b: i8,
        names: Vec<Vec<u8>>,
    },
    Tick(u16),
    Drain,
}

fn framed(kind: u8, flags: u8, session: u8, packet: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len() & !3];
    let mut bytes = vec![1, kind % 19, flags & 0x1f, 0];
    for number in [u32::from(session), 1, u32::from(packet), payload.len() as u32] {
        bytes.extend(if flags & 16 == 0 { number.to_le_bytes() } else { number.to_be_bytes() });
    }
    bytes.extend(payload);
    bytes
}

fn name(below: &[u8]) -> OidBuf {
    let below: Vec<u32> = below.iter().take(60).map(|arc| u32::from(*arc)).collect();
    OidBuf::from_arcs(&[1, 3, 6, 1, 4, 1, 32473]).expect("an identifier").join(&below)
}

fn request(v1: bool, kind: u8, a: i8, b: i8, names: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<OidBuf> = names.iter().take(20).map(|below| name(below)).collect();
    let list: Vec<VarBind<'_>> =
        names.iter().map(|name| VarBind { name: name.as_oid(), value: Value::Integer(1) }).collect();
    let kind = [PduType::GET, PduType::GET_NEXT, PduType::GET_BULK, PduType::SET][usize::from(kind % 4)];
    let pdu = Pdu {
        kind: if v1 && kind == PduType::GET_BULK { PduType::GET } else { kind },
        request_id: i32::from(a),
        error_status: ErrorStatus(a.into()),
        error_index: b.into(),
        varbinds: VarBinds::list(&list),
    };
    let version = if v1 { Version::V1 } else { Version::V2c };
    Message { version, community: b"", body: Pdus::Pdu(pdu) }.to_vec()
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let config = Config { communities: vec![Community::write("")], ..Config::default() };
    let agent = Agent::new(Duration::ZERO, config, model()).expect("one table");
    let limits = master::Limits { connections: 4, events: 64, questions: 64, ..master::Limits::default() };
    let config = master::Config { limits, timeouts: 2, ..master::Config::default() };
    let mut joint = Joint::new(Duration::ZERO, agent, config);
    let mut sub = Subagent::new(Duration::ZERO, subagent::Config::default(), model()).expect("one table");
    let _ = sub.handle(Duration::ZERO, subagent::Input::Connected);
    let from: SocketAddr = ([192, 0, 2, 1], 1).into();
    let mut now = Duration::ZERO;
    for step in steps {
        if let Step::Tick(ms) = &step {
            now += Duration::from_millis((*ms).into());
        }
        let (mut twin, mut other) = (joint.clone(), sub.clone());
        for (joint, sub) in [(&mut joint, &mut sub), (&mut twin, &mut other)] {
            let mut bytes = Vec::new();
            let mut stream = 0;
            match &step {
                Step::Raw(from, raw) => {
                    bytes.extend_from_slice(raw);
                    stream = *from;
                }
                Step::Framed { from, kind, flags, session, packet, payload } => {
                    bytes = framed(*kind, *flags, *session, *packet, payload);
                    if let Ok(packet) = Packet::parse(&bytes) {
                        let mut again = Vec::new();
                        packet.emit(&mut again);
                        assert_eq!(Packet::parse(&again).as_ref(), Ok(&packet));
                    }
                    stream = *from;
                }
                Step::Register { from, session, below, priority, range } => {
                    let subtree = name(below);
                    let region =
                        Region { subtree: subtree.as_oid().into(), priority: *priority, range: *range };
                    let body = Body::Register { region, timeout: 0, instance: false };
                    let session = (*session).into();
                    Packet { order: Order::Big, session, transaction: 0, packet: 1, context: None, body }
                        .emit(&mut bytes);
                    stream = *from;
                }
                Step::Open(from) => {
                    let body = Body::Open { timeout: 0, id: Name::NULL, descr: b"" };
                    Packet { order: Order::Big, session: 0, transaction: 0, packet: 1, context: None, body }
                        .emit(&mut bytes);
                    let open = Body::Response {
                        up_time: 0,
                        status: Default::default(),
                        index: 0,
                        varbinds: List::EMPTY,
                    };
                    let mut answer = Vec::new();
                    Packet {
                        order: Order::Big,
                        session: 1,
                        transaction: 0,
                        packet: 1,
                        context: None,
                        body: open,
                    }
                    .emit(&mut answer);
                    let _ = sub.handle(now, subagent::Input::Data(&answer));
                    stream = *from;
                }
                Step::Connect(id) => {
                    let id = ConnectionId((id % 6).into());
                    let _ = joint.handle(now, Input::Subagents(master::Input::Connected(id)));
                    let _ = sub.handle(now, subagent::Input::Connected);
                }
                Step::Disconnect(id) => {
                    let id = ConnectionId((id % 6).into());
                    let _ = joint.handle(now, Input::Subagents(master::Input::Disconnected(id)));
                    let _ = sub.handle(now, subagent::Input::Disconnected);
                }
                Step::Ask { v1, kind, a, b, names } => {
                    let data = request(*v1, *kind, *a, *b, names);
                    let _ = joint.handle(now, Input::Agent(agent::Input::Datagram { from, data: &data }));
                }
                Step::Tick(_) => {
                    let _ = joint.handle(now, Input::Tick);
                    let _ = sub.handle(now, subagent::Input::Tick);
                }
                Step::Drain => {
                    while joint.poll_output().is_some() {}
                    while sub.poll_output().is_some() {}
                }
            }
            if !bytes.is_empty() {
                let input = master::Input::Data { from: ConnectionId((stream % 6).into()), bytes: &bytes };
                let _ = joint.handle(now, Input::Subagents(input));
                let _ = sub.handle(now, subagent::Input::Data(&bytes));
            }
        }
        assert_eq!(joint, twin, "equal inputs, equal states");
        assert_eq!(sub, other, "equal inputs, equal states");
        assert_eq!(twin.poll_output().is_some(), joint.deadline() == Some(Duration::ZERO), "no lost wake-up");
        assert_eq!(other.poll_output().is_some(), sub.deadline() == Some(Duration::ZERO), "no lost wake-up");
    }
    // Silence ends every request, and what is sent to managers is a message.
    for _ in 0..8 {
        while let Some(output) = joint.poll_output() {
            if let Output::Agent(agent::Output::Send { data, .. }) = output {
                Message::parse(data).expect("an answer is a message");
            }
        }
        if let Some(deadline) = joint.deadline() {
            now = now.max(deadline);
            let _ = joint.handle(now, Input::Tick);
        }
    }
});
