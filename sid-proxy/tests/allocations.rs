//! No allocation a request in the steady state: counted, not promised.
#![allow(clippy::unwrap_used, unsafe_code)]

use sid_proxy::http::{Config, Input, Output, Peer, Session, Side};
use sid_proxy::{CardId, RouteTable, ServiceId, Sid};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// Counts what this thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; a counter beside it changes nothing of that.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.with(|asked| asked.set(asked.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED.with(|asked| asked.set(asked.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One exchange: the head, the body moved by the driver, the answer, its body. Gives the bytes that were sent.
fn exchange(session: &mut Session, table: &RouteTable, n: u64, request: &[u8], answer: &[u8]) -> usize {
    let now = Duration::from_millis(n);
    let mut sent = 0;
    let mut left = [(Side::Client, request), (Side::Card, answer)];
    loop {
        let mut moved = false;
        while let Some(output) = session.poll_output() {
            moved = true;
            let input = match output {
                Output::Route { key } => Input::Routed(table.lookup(&key)),
                // Another card each time: its address is written anew.
                Output::Pick { .. } => {
                    let last = u8::try_from(n % 200).unwrap();
                    Input::Picked { card: CardId(1), address: ([10, 1, 1, last], 8000).into() }
                }
                Output::Connect { .. } => Input::Connected { reused: true },
                Output::Send { bytes, .. } => {
                    sent += bytes.len();
                    continue;
                }
                Output::Forward { from, len } => {
                    let (_, bytes) = left.iter_mut().find(|(side, _)| *side == from).unwrap();
                    *bytes = &bytes[usize::try_from(len).unwrap()..];
                    Input::Forwarded { from, len }
                }
                _ => continue,
            };
            session.handle(now, input).unwrap();
        }
        for (side, bytes) in &mut left {
            if !bytes.is_empty() {
                let taken = session.handle(now, Input::Data { side: *side, bytes, end: false }).unwrap();
                *bytes = &bytes[taken..];
                moved |= taken > 0;
            }
        }
        if !moved {
            assert_eq!([0, 0], left.map(|(_, bytes)| bytes.len()), "everything passed");
            return sent;
        }
    }
}

#[test]
fn no_allocation_a_request_in_the_steady_state() {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Http("www.sell.com"), ServiceId(1)).unwrap();
    builder.add(Sid::Http("*.sell.com"), ServiceId(2)).unwrap();
    let strip = sid_proxy::Target { service: ServiceId(3), prefix: sid_proxy::Prefix::Strip };
    builder.add(Sid::Http("mall.example/sell"), strip).unwrap();
    let table = builder.build().unwrap();
    let requests: [&[u8]; 5] = [
        b"GET /index.html HTTP/1.1\r\nHost: www.sell.com\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
        b"GET http://OTHER.sell.com:8080/?q HTTP/1.1\r\nHost: x\r\nConnection: x-drop\r\nX-Drop: 1\r\n\r\n",
        b"POST /sell/a HTTP/1.1\r\nHost: mall.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        b"PUT / HTTP/1.1\r\nHost: www.sell.com\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n\
          3\r\nabc\r\n0\r\nX-Check: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n",
    ];
    let answers: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 302 Found\r\nLocation: http://10.1.1.7/x\r\nContent-Length: 0\r\nServer: a\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nLocation: /made\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nX-T: 1\r\n\r\n",
        b"",
    ];
    let peer = Peer {
        client: "192.0.2.7:4711".parse().unwrap(),
        local: "198.51.100.1:80".parse().unwrap(),
        trusted: false,
    };
    let mut session = Session::new(Arc::new(Config::default()), peer, Duration::ZERO);
    let mut round = |n: u64| -> usize {
        requests
            .iter()
            .zip(answers)
            .map(|(request, answer)| exchange(&mut session, &table, n, request, answer))
            .sum()
    };
    // Buffers grow to what the longest exchange needs, once; the address has its three digits.
    let warm = round(123);
    let before = ASKED.with(Cell::get);
    for n in 124..322 {
        assert!(round(n) > warm / 2);
    }
    assert_eq!(ASKED.with(Cell::get) - before, 0, "allocations in 198 rounds of five requests");
}
