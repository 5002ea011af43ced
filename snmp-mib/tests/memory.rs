//! What is allocated, counted: nothing for a message that is read, written or answered, little beside a row.
// Counting is the one thing that cannot be done without an allocator of one's own.
#![allow(missing_docs, unsafe_code, clippy::unwrap_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use snmp_mib::agent::{Agent, Community, Config, Input, Output};
use snmp_mib::mib::{Counter32, Counter64, Gauge32, Mib, MibTable, Table};
use snmp_mib::wire::{
    Body, ErrorStatus, Message, OidBuf, Pdu, PduType, Value, VarBind, VarBindList, VarBinds, Version,
};

struct Counting;

thread_local! {
    // A test counts its own thread.
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn count(calls: usize, octets: isize) {
    let _ = CALLS.try_with(|own| own.set(own.get() + calls));
    let _ = HELD.try_with(|own| own.set(own.get() + octets));
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size().cast_signed());
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, -layout.size().cast_signed());
        // SAFETY: the caller's promises are the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates.
fn allocations<T>(work: impl FnOnce() -> T) -> usize {
    let before = CALLS.get();
    let _kept = std::hint::black_box(work());
    CALLS.get() - before
}

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

fn ports(rows: u32) -> Table<Port> {
    let row = |index| Port {
        index,
        descr: String::new(),
        status: 1,
        octets: Counter32(index),
        hc_octets: Counter64(u64::from(index) << 33),
        speed: Gauge32(1_000_000_000),
    };
    (1..=rows).map(row).collect()
}

fn request(kind: PduType, repetitions: i32, name: &str) -> Vec<u8> {
    let name: OidBuf = name.parse().unwrap();
    let list = [VarBind { name: name.as_oid(), value: Value::Null }];
    let (error_status, varbinds) = (ErrorStatus::NO_ERROR, VarBinds::list(&list));
    let pdu = Pdu { kind, request_id: 7, error_status, error_index: repetitions, varbinds };
    Message { version: Version::V2c, community: b"public", body: Body::Pdu(pdu) }.to_vec()
}

fn ask(agent: &mut Agent<Ports>, data: &[u8]) -> usize {
    let from = ([192, 0, 2, 1], 40_000).into();
    agent.handle(Duration::ZERO, Input::Datagram { from, data }).unwrap();
    let Some(Output::Send { data, .. }) = agent.poll_output() else { panic!("an answer") };
    data.len()
}

#[test]
fn an_answered_request_allocates_nothing() {
    let config = Config { communities: vec![Community::read("public")], ..Config::default() };
    let mut agent = Agent::new(Duration::ZERO, config, Ports { ports: ports(1_000) }).unwrap();
    let requests = [
        request(PduType::GET, 0, "1.3.6.1.2.1.1.5.0"),
        request(PduType::GET, 0, "1.3.6.1.4.1.32473.9.1.4.500"),
        request(PduType::GET_NEXT, 0, "1.3.6.1.4.1.32473.9.1.4.500"),
        request(PduType::GET_BULK, 50, "1.3.6.1.4.1.32473.9"),
    ];
    for data in &requests {
        // The first answers make the buffers, which stay.
        ask(&mut agent, data);
        ask(&mut agent, data);
    }
    for data in &requests {
        assert_eq!(allocations(|| ask(&mut agent, data)), 0);
    }
}

#[test]
fn reading_and_writing_a_message_allocates_nothing() {
    let mut list = VarBindList::new();
    for row in 1..=50_u32 {
        let name = format!("1.3.6.1.2.1.2.2.1.2.{row}").parse::<OidBuf>().unwrap();
        list.push(name.as_oid(), Value::Octets(b"GigabitEthernet"));
        list.push(name.as_oid(), Value::Counter64(u64::from(row) << 40_u32));
    }
    let (error_status, varbinds) = (ErrorStatus::NO_ERROR, list.as_varbinds());
    let pdu = Pdu { kind: PduType::RESPONSE, request_id: 7, error_status, error_index: 0, varbinds };
    let data = Message { version: Version::V2c, community: b"public", body: Body::Pdu(pdu) }.to_vec();
    let mut buffer = [0; 8_192];
    let work = || {
        let message = Message::parse(&data).unwrap();
        let Body::Pdu(pdu) = message.body else { panic!("a PDU") };
        let seen = pdu.varbinds.iter().filter(|binding| binding.value != Value::Null).count();
        (seen, message.emit(&mut buffer).unwrap().len())
    };
    assert_eq!(allocations(work), 0);
}

#[test]
fn a_row_costs_at_most_100_octets_beside_its_data() {
    let rows = 100_000;
    let before = HELD.get();
    let table = ports(rows);
    let held = (HELD.get() - before).unsigned_abs();
    let each = held / table.len();
    let beside = each - size_of::<Port>();
    println!("{beside} octets beside a row of {}", size_of::<Port>());
    assert!(beside <= 100, "{beside} octets");
}
