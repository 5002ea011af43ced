//! snmp-mib beside its peers, in one run: `cargo bench --bench snmp_mib`.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use snmp_mib::agent::{Agent, Community, Config, Input, Limits, Output};
use snmp_mib::mib::{Counter32, Counter64, Gauge32, Mib, MibTable, Table};
use snmp_mib::middle::{self, Is, Key, Middle, Rule, When};
use snmp_mib::mibs::cabinet::{Card, CardState, CardStateChange};
use snmp_mib::notify::{Sender, Target, Trap, send};
use snmp_mib::wire::{
    Body, ErrorStatus, Message, OidBuf, Pdu, PduType, Value, VarBind, VarBindList, VarBinds, Version,
};

/// A table like ifTable and ifXTable: a string, an integer, two counters and a gauge.
#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "exTable", oid = "1.3.6.1.4.1.32473.9", index(index))]
struct Port {
    #[mib(1)]
    index: u32,
    #[mib(2)]
    descr: String,
    #[mib(3)]
    status: i32,
    #[mib(4)]
    octets: Counter32,
    #[mib(5)]
    hc_octets: Counter64,
    #[mib(6)]
    speed: Gauge32,
}

#[derive(Clone, Debug, PartialEq, Mib)]
struct Ports {
    ports: Table<Port>,
}

const TABLE: &str = "1.3.6.1.4.1.32473.9";

fn agent(rows: u32) -> Agent<Ports> {
    let ports = (1..=rows).map(|index| Port {
        index,
        descr: format!("port {index}"),
        status: 1,
        octets: Counter32(index.wrapping_mul(77_777)),
        hc_octets: Counter64(u64::from(index) << 21),
        speed: Gauge32(1_000_000_000),
    });
    let config = Config {
        communities: vec![Community::read("public")],
        limits: Limits { max_bulk: 8_192, ..Limits::default() },
        ..Config::default()
    };
    Agent::new(Duration::ZERO, config, Ports { ports: ports.collect() }).expect("one table")
}

fn request(version: Version, kind: PduType, repetitions: i32, name: &OidBuf) -> Vec<u8> {
    let list = [VarBind { name: name.as_oid(), value: Value::Null }];
    let pdu = Pdu {
        kind,
        request_id: 1_234_567,
        error_status: ErrorStatus::NO_ERROR,
        error_index: repetitions,
        varbinds: VarBinds::list(&list),
    };
    Message { version, community: b"public", body: Body::Pdu(pdu) }.to_vec()
}

fn manager() -> SocketAddr {
    ([192, 0, 2, 1], 40_000).into()
}

fn oid(text: &str) -> OidBuf {
    text.parse().expect("an identifier")
}

/// The response to a GETBULK of ten rows of five columns: 50 bindings.
fn bulk50() -> Vec<u8> {
    let mut list = VarBindList::new();
    for row in 1..=10_u32 {
        let name = |column: u32| oid("1.3.6.1.2.1.2.2.1").join(&[column, row]);
        let descr = format!("GigabitEthernet0/{row}");
        list.push(name(2).as_oid(), Value::Octets(descr.as_bytes()));
        list.push(name(8).as_oid(), Value::Integer(1));
        list.push(name(10).as_oid(), Value::Counter32(row * 123_456_789 / 2));
        list.push(name(5).as_oid(), Value::Gauge32(1_000_000_000));
        list.push(name(6).as_oid(), Value::Counter64(u64::from(row) << 33));
    }
    let pdu = Pdu {
        kind: PduType::RESPONSE,
        request_id: 1_234_567,
        error_status: ErrorStatus::NO_ERROR,
        error_index: 0,
        varbinds: list.as_varbinds(),
    };
    Message { version: Version::V2c, community: b"public", body: Body::Pdu(pdu) }.to_vec()
}

fn decode(c: &mut Criterion) {
    let bytes = bulk50();
    let mut group = c.benchmark_group("decode a response of 50 bindings");
    group.throughput(Throughput::Elements(50));
    group.bench_function("snmp-mib", |b| {
        b.iter(|| {
            let message = Message::parse(black_box(&bytes)).expect("a message");
            let Body::Pdu(pdu) = message.body else { unreachable!() };
            pdu.varbinds.iter().for_each(|binding| drop(black_box(binding)));
        });
    });
    group.bench_function("snmp2", |b| {
        b.iter(|| {
            let pdu = snmp2::Pdu::from_bytes(black_box(&bytes)).expect("a message");
            pdu.varbinds.for_each(|binding| drop(black_box(binding)));
        });
    });
    group.bench_function("snmp-parser", |b| {
        b.iter(|| drop(black_box(snmp_parser::parse_snmp_v2c(black_box(&bytes)))));
    });
    group.bench_function("rasn-snmp", |b| {
        b.iter(|| {
            let message: rasn_snmp::v2c::Message<rasn_snmp::v2::Pdus> =
                rasn::ber::decode(black_box(&bytes)).expect("a message");
            black_box(message)
        });
    });
    let shared = bytes::Bytes::from(bytes.clone());
    group.bench_function("async-snmp", |b| {
        b.iter(|| {
            let config = async_snmp::DecodeConfig::default();
            black_box(async_snmp::message::CommunityMessage::decode(black_box(shared.clone()), config)).is_ok()
        });
    });
    group.finish();
}

fn encode(c: &mut Criterion) {
    let bytes = bulk50();
    let message = Message::parse(&bytes).expect("a message");
    let Body::Pdu(pdu) = message.body else { unreachable!() };
    let list: Vec<VarBind<'_>> = pdu.varbinds.iter().collect();
    let mut group = c.benchmark_group("encode a response of 50 bindings");
    group.throughput(Throughput::Elements(50));
    group.bench_function("snmp-mib", |b| {
        let mut buffer = [0; 2_048];
        let message = Message { body: Body::Pdu(Pdu { varbinds: VarBinds::list(&list), ..pdu }), ..message };
        b.iter(|| black_box(black_box(&message).emit(&mut buffer).map(<[u8]>::len)));
    });
    let theirs: rasn_snmp::v2c::Message<rasn_snmp::v2::Pdus> = rasn::ber::decode(&bytes).expect("a message");
    group.bench_function("rasn-snmp", |b| b.iter(|| black_box(rasn::ber::encode(black_box(&theirs))).is_ok()));
    let theirs = snmp2::Pdu::from_bytes(&bytes).expect("a message");
    group.bench_function("snmp2", |b| b.iter(|| black_box(black_box(&theirs).to_bytes()).is_ok()));
    group.finish();
}

/// Hands a datagram to the agent and looks at its answer.
fn ask<'a>(agent: &'a mut Agent<Ports>, data: &[u8]) -> &'a [u8] {
    agent.handle(Duration::ZERO, Input::Datagram { from: manager(), data }).expect("an answer");
    match agent.poll_output() {
        Some(Output::Send { data, .. }) => data,
        other => unreachable!("{other:?}"),
    }
}

fn engine(c: &mut Criterion) {
    let mut group = c.benchmark_group("agent");
    let mut small = agent(1_000);
    let get = request(Version::V2c, PduType::GET, 0, &oid("1.3.6.1.2.1.1.5.0"));
    group.bench_function("GET a scalar", |b| b.iter(|| black_box(ask(&mut small, black_box(&get))).len()));
    let get = request(Version::V2c, PduType::GET, 0, &oid(&format!("{TABLE}.1.4.500")));
    group.bench_function("GET a cell of 1,000 rows", |b| b.iter(|| black_box(ask(&mut small, black_box(&get))).len()));

    let mut wide = agent(20_000);
    let skip = request(Version::V1, PduType::GET_NEXT, 0, &oid(&format!("{TABLE}.1.4.20000")));
    group.bench_function("v1 GETNEXT over 20,000 Counter64 rows", |b| {
        b.iter(|| black_box(ask(&mut wide, black_box(&skip))).len());
    });
    let plain = request(Version::V1, PduType::GET_NEXT, 0, &oid(&format!("{TABLE}.1.4.10000")));
    group.bench_function("v1 GETNEXT to the next row", |b| {
        b.iter(|| black_box(ask(&mut wide, black_box(&plain))).len());
    });
    group.finish();

    let mut group = c.benchmark_group("walk 100,000 instances in process, client included");
    group.sample_size(10).throughput(Throughput::Elements(100_000));
    for repetitions in [1, 10, 50] {
        group.bench_function(format!("{repetitions} a request"), |b| b.iter(|| walk(&mut wide, repetitions)));
    }
    group.finish();
}

/// Walks the table with a client that builds and reads every message.
fn walk(agent: &mut Agent<Ports>, repetitions: i32) {
    let root = oid(TABLE);
    let (mut at, mut seen) = (root.clone(), 0);
    'walk: loop {
        let data = request(Version::V2c, PduType::GET_BULK, repetitions, &at);
        let Ok(Message { body: Body::Pdu(pdu), .. }) = Message::parse(ask(agent, &data)) else { unreachable!() };
        for binding in pdu.varbinds.iter() {
            if !binding.name.starts_with(root.as_oid()) || binding.value == Value::EndOfMibView {
                break 'walk;
            }
            seen += 1;
            at.assign(binding.name);
        }
    }
    assert_eq!(seen, 100_000);
}

fn traps(c: &mut Criterion) {
    let target = Target::v2c(manager(), "public");
    let config = send::Config { targets: vec![target], ..send::Config::default() };
    let mut sender = Sender::new(Duration::ZERO, config, 1);
    let card = Card { address: Some([10, 1, 2, 1].into()), ..Card::new(2, 1, CardState::Failed) };
    sender.notify(Duration::ZERO, &CardStateChange { card });
    let Some(send::Output::Send { data, .. }) = sender.poll_output() else { unreachable!() };
    let data = data.to_vec();
    let mut group = c.benchmark_group("notifications");
    group.bench_function("read a v2c trap", |b| {
        b.iter_batched(
            || (),
            |()| {
                let message = Message::parse(black_box(&data)).expect("a message");
                let trap = Trap::read(&message).expect("a trap");
                black_box(trap.objects().count())
            },
            BatchSize::SmallInput,
        );
    });
    // 280 cards tell of failures in turn: from the datagram to the window that holds the same back.
    let limits = middle::Limits { interval: Duration::from_nanos(1), ..middle::Limits::default() };
    let state: OidBuf = oid("1.3.6.1.4.1.32473.1.2.1.1.3");
    let rule = Rule::new("failed", When::Trap(oid("1.3.6.1.4.1.32473.1.0.1")))
        .where_object(state.clone(), Is::OneOf(vec![5]))
        .keyed([Key::Source, Key::Object(state)])
        .for_window(Duration::from_secs(60));
    let mut middle = Middle::new(middle::Config { rules: vec![rule], limits, ..middle::Config::default() });
    let mut told = 0_u32;
    group.throughput(Throughput::Elements(1));
    group.bench_function("from datagram to dedup, 280 sources", |b| {
        b.iter(|| {
            told = told.wrapping_add(1);
            let from = [10, 1, (told % 20) as u8 + 1, (told / 20 % 14) as u8 + 1].into();
            let message = Message::parse(black_box(&data)).expect("a message");
            let trap = Trap::read(&message).expect("a trap");
            let now = Duration::from_nanos(u64::from(told) * 1_000);
            let outcome = middle.handle(now, middle::Input::Trap { from, trap: &trap });
            while let Some(output) = middle.poll_output() {
                black_box(output);
            }
            outcome
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = decode, encode, engine, traps
}
criterion_main!(benches);
