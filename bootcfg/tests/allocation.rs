//! What the server holds, and what it takes from the heap for a message, counted by the allocator.
// Counting is the one thing that cannot be done without an allocator of one's own.
#![allow(missing_docs, unsafe_code)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bootcfg::dhcp::server::{Config, Input, Limits, Output, Server, Unknown};
use bootcfg::wire::dhcp::OptionCode;
use bootcfg::{HwAddr, tftp};
use common::*;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// The counters are everyone's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn serve(server: &mut Server, now: std::time::Duration, bytes: &[u8]) -> usize {
    server.handle(now, Input::Datagram { from: SocketAddrV4::new(RELAY, 67), bytes }).unwrap();
    let mut sent = 0;
    while let Some(output) = server.poll_output() {
        sent += usize::from(matches!(output, Output::Send { .. }));
    }
    sent
}

#[test]
fn an_offer_and_a_renewal_among_280_positions_take_nothing_from_the_heap() {
    let _alone = ALONE.lock().unwrap();
    let mut server = server();
    let hw = |n: usize| HwAddr::ethernet([2, 0, 0, 0, (n >> 8) as u8, n as u8]);
    let asks: Vec<_> = plan()
        .positions()
        .enumerate()
        .map(|(n, position)| {
            let circuit = position.to_string();
            let discover = Ask::discover(hw(n)).option(OptionCode::PARAMETERS, [1, 3, 6, 15, 28, 210]);
            let request = Ask::request(hw(n)).server(SERVER).wants(plan().address(position).unwrap());
            [discover.relayed(RELAY, &circuit).bytes(), request.relayed(RELAY, &circuit).bytes()]
        })
        .collect();
    assert_eq!(asks.len(), 280);
    // The buffers of replies grow to their size once.
    for bytes in asks.iter().chain(&asks).flatten() {
        serve(&mut server, ZERO, bytes);
    }
    let before = CALLS.load(Ordering::Relaxed);
    for bytes in asks.iter().flatten() {
        assert_eq!(serve(&mut server, secs(1), bytes), 1);
    }
    assert_eq!(CALLS.load(Ordering::Relaxed) - before, 0);
}

#[test]
fn a_lease_costs_at_most_200_octets() {
    let _alone = ALONE.lock().unwrap();
    const LEASES: u32 = 1 << 16;
    let first = Ipv4Addr::new(10, 16, 0, 0);
    let pool = first..=Ipv4Addr::from_bits(first.to_bits() + LEASES - 1);
    let limits = Limits { leases: 1 << 20, ..Limits::default() };
    // The worst moment of the tables is the one after they grew: just past three quarters of a power of two.
    for leases in [LEASES, LEASES / 4 * 3 + 1] {
        let unknown = Unknown::Quarantine(pool.clone());
        let mut server = Server::new(Config { unknown, limits, ..config() }).unwrap();
        let before = HELD.load(Ordering::Relaxed);
        for n in 0..leases {
            let [a, b, c, d] = n.to_be_bytes();
            let hw = HwAddr::ethernet([2, 0, a, b, c, d]);
            let id = [&[1][..], hw.octets()].concat();
            let ask = |ask: Ask| ask.option(OptionCode::CLIENT_ID, &id).bytes();
            serve(&mut server, ZERO, &ask(Ask::discover(hw)));
            let address = Ipv4Addr::from_bits(first.to_bits() + n);
            serve(&mut server, ZERO, &ask(Ask::request(hw).server(SERVER).wants(address)));
        }
        assert_eq!((server.stats().acks, server.stats().leases), (leases.into(), leases.into()));
        let octets = (HELD.load(Ordering::Relaxed) - before) / usize::try_from(leases).unwrap();
        println!("{octets} octets a lease of {leases}, each with a client identifier of seven octets");
        assert!(octets <= 200, "{octets}");
    }
}

#[test]
fn a_transfer_at_window_8_costs_at_most_16_kb() {
    const TRANSFERS: usize = 200;
    let _alone = ALONE.lock().unwrap();
    let limits =
        tftp::server::Limits { transfers_a_peer: TRANSFERS, octets_a_peer: 16 << 20, ..Default::default() };
    let mut server = tftp::Server::new(tftp::server::Config { limits, ..Default::default() });
    let content = vec![7; 100_000];
    let request = rrq("file", "octet", &[("blksize", "1428"), ("windowsize", "8")]);
    let before = HELD.load(Ordering::Relaxed);
    for n in 0..TRANSFERS {
        let (at, from) = (tftp::server::Tid::Listen, peer(2000 + n as u16));
        server.handle(ZERO, tftp::server::Input::Datagram { at, from, bytes: &request }).unwrap();
        drop(serve_tftp(&mut server, ZERO, &content));
        let at = tftp::server::Tid::Transfer(tftp::server::TransferId(1 + n as u64));
        server.handle(ZERO, tftp::server::Input::Datagram { at, from, bytes: &ack(0) }).unwrap();
        let sent = serve_tftp(&mut server, ZERO, &content);
        assert!(matches!(&sent[..], [Want::Send(_, _, bytes, 1432)] if bytes.len() == 8 * 1432));
    }
    let octets = (HELD.load(Ordering::Relaxed) - before) / TRANSFERS;
    println!("{octets} octets a transfer whose window of 8 blocks of 1,428 octets is in flight");
    assert!(octets <= 16_384, "{octets}");
}
