//! DHCP messages beside dhcproto, the engines alone, and a whole cabinet in virtual time.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bootcfg::dhcp::server::{Config, Input, Output, Server, Unknown};
use bootcfg::wire::dhcp::{Builder, Header, Message, MessageType, Op, OptionCode};
use bootcfg::{HwAddr, Plan, tftp};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dhcproto::{Decodable as _, Encodable as _, v4};

#[path = "../../bootcfg/tests/cabinet.rs"]
#[allow(dead_code, unused_imports)]
mod cabinet;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 254);

fn mac(n: u32) -> HwAddr {
    let [a, b, c, d] = n.to_be_bytes();
    HwAddr::ethernet([2, 0, a, b, c, d])
}

/// A message of 300 octets with 53, 61, 57, 55, 60 and, relayed, 82.
fn ask(kind: MessageType, hw: HwAddr, circuit: Option<&str>, address: Option<Ipv4Addr>) -> Vec<u8> {
    let mut header = Header::request(0x1234_5678, hw);
    let mut info = Vec::new();
    if let Some(circuit) = circuit {
        header.giaddr = RELAY;
        info.extend_from_slice(&[1, circuit.len() as u8]);
        info.extend_from_slice(circuit.as_bytes());
    }
    let mut buffer = vec![0; 1472];
    let mut builder = Builder::new(&mut buffer, 1472, &header, circuit.map(|_| &info[..])).unwrap();
    builder.kind(kind);
    builder.option(OptionCode::CLIENT_ID, &[&[1][..], hw.octets()].concat());
    builder.option(OptionCode::MAX_MESSAGE, &[5, 192]);
    builder.option(OptionCode::PARAMETERS, &[1, 3, 6, 15, 28, 210]);
    builder.option(OptionCode::VENDOR_CLASS, b"udhcp 1.35.0");
    if let Some(address) = address {
        builder.address(OptionCode::REQUESTED_ADDRESS, address);
        builder.address(OptionCode::SERVER_ID, SERVER);
    }
    let (len, _) = builder.finish();
    buffer.truncate(len);
    buffer
}

fn offer(buffer: &mut [u8]) -> usize {
    let mut header = Header::request(0x1234_5678, mac(1));
    header.op = Op::REPLY;
    header.yiaddr = Ipv4Addr::new(10, 1, 2, 1);
    header.siaddr = SERVER;
    header.giaddr = RELAY;
    let mut builder = Builder::new(buffer, 548, &header, Some(b"\x01\x032.1")).unwrap();
    builder.kind(MessageType::OFFER);
    builder.address(OptionCode::SERVER_ID, SERVER);
    builder.option(OptionCode::CLIENT_ID, &[1, 2, 0, 0, 0, 0, 1]);
    builder.u32(OptionCode::LEASE_TIME, 3600);
    builder.u32(OptionCode::RENEWAL, 1800);
    builder.u32(OptionCode::REBINDING, 3150);
    builder.address(OptionCode::SUBNET_MASK, Ipv4Addr::new(255, 255, 0, 0));
    builder.address(OptionCode::ROUTER, SERVER);
    builder.address(OptionCode::DNS, SERVER);
    builder.option(OptionCode::DOMAIN_NAME, b"cabinet.example");
    builder.finish().0
}

fn wire(c: &mut Criterion) {
    let discover = ask(MessageType::DISCOVER, mac(1), Some("2.1"), None);
    let mut group = c.benchmark_group("parse and visit every option");
    group.bench_function("bootcfg", |b| {
        b.iter(|| {
            let message = Message::parse(black_box(&discover)).unwrap();
            message.options().fold(0_usize, |sum, (code, value)| sum + usize::from(code.0) + value.len())
        });
    });
    group.bench_function("dhcproto borrowed", |b| {
        b.iter(|| {
            let message = v4::borrowed::Message::new(black_box(&discover)).unwrap();
            message.opts().fold(0_usize, |sum, option| sum + usize::from(u8::from(option.code())) + option.data().len())
        });
    });
    group.bench_function("dhcproto owned", |b| {
        b.iter(|| v4::Message::from_bytes(black_box(&discover)).unwrap().opts().iter().count());
    });
    group.finish();

    let mut buffer = [0; 1472];
    let len = offer(&mut buffer);
    let owned = v4::Message::from_bytes(&buffer[..len]).unwrap();
    let mut group = c.benchmark_group("write an OFFER of 11 options");
    group.bench_function("bootcfg", |b| b.iter(|| offer(black_box(&mut buffer))));
    group.bench_function("dhcproto", |b| {
        let mut out = Vec::with_capacity(1472);
        b.iter(|| {
            out.clear();
            owned.encode(&mut dhcproto::Encoder::new(&mut out)).unwrap();
            out.len()
        });
    });
    group.finish();
}

fn plan() -> Plan {
    Plan::new(Ipv4Addr::new(10, 1, 0, 0), 16, 20, 14).unwrap()
}

fn drain(server: &mut Server) -> usize {
    let mut octets = 0;
    while let Some(output) = server.poll_output() {
        if let Output::Send { bytes, .. } = output {
            octets += bytes.len();
        }
    }
    octets
}

fn exchange(server: &mut Server, now: Duration, messages: &[Vec<u8>; 2]) -> usize {
    let from = SocketAddrV4::new(RELAY, 67);
    messages.iter().fold(0, |octets, bytes| {
        server.handle(now, Input::Datagram { from, bytes }).unwrap();
        octets + drain(server)
    })
}

fn dhcp(c: &mut Criterion) {
    let mut server = Server::new(Config::new(SERVER, plan())).unwrap();
    let cards: Vec<[Vec<u8>; 2]> = plan()
        .positions()
        .enumerate()
        .map(|(n, position)| {
            let (hw, circuit) = (mac(n as u32), position.to_string());
            let address = plan().address(position);
            [
                ask(MessageType::DISCOVER, hw, Some(&circuit), None),
                ask(MessageType::REQUEST, hw, Some(&circuit), address),
            ]
        })
        .collect();
    let mut group = c.benchmark_group("server engine");
    let from = SocketAddrV4::new(RELAY, 67);
    let mut n = 0;
    group.bench_function("DISCOVER to OFFER by circuit-id, 280 positions", |b| {
        b.iter(|| {
            n = (n + 1) % cards.len();
            server.handle(Duration::ZERO, Input::Datagram { from, bytes: &cards[n][0] }).unwrap();
            drain(&mut server)
        });
    });
    let mut now = Duration::ZERO;
    group.bench_function("four-way exchange, 280 positions", |b| {
        b.iter(|| {
            n = (n + 1) % cards.len();
            now += Duration::from_micros(1);
            exchange(&mut server, now, &cards[n])
        });
    });

    // A pool of a million, all bound; the clients come again in an order that no cache foresees.
    const MILLION: u32 = 1 << 20;
    let pool = Ipv4Addr::new(10, 16, 0, 0)..=Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(10, 16, 0, 0)) + MILLION - 1);
    let limits = bootcfg::dhcp::server::Limits { leases: 1 << 21, ..Default::default() };
    let mut server = Server::new(Config { unknown: Unknown::Quarantine(pool), limits, ..Config::new(SERVER, plan()) }).unwrap();
    let address = |n: u32| Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(10, 16, 0, 0)) + n);
    let messages = |n: u32| {
        [ask(MessageType::DISCOVER, mac(n), Some("x"), None), ask(MessageType::REQUEST, mac(n), Some("x"), Some(address(n)))]
    };
    for n in 0..MILLION {
        exchange(&mut server, Duration::from_micros(n.into()), &messages(n));
    }
    assert_eq!(server.stats().acks, u64::from(MILLION));
    let again: Vec<_> = (0..4096_u32).map(|n| messages(n.wrapping_mul(2_654_435_761) % MILLION)).collect();
    let mut n = 0;
    let mut now = Duration::from_secs(100);
    group.bench_function("four-way exchange, a million leases", |b| {
        b.iter(|| {
            n = (n + 1) % again.len();
            now += Duration::from_micros(1);
            exchange(&mut server, now, &again[n])
        });
    });
    assert_eq!(server.stats().naks, 0);
    group.finish();
}

fn tftp_engine(c: &mut Criterion) {
    use tftp::server::{Input, Output, Tid, TransferId};
    let content = vec![7; 1428];
    let peer: SocketAddr = "10.1.2.1:2000".parse().unwrap();
    let mut group = c.benchmark_group("TFTP server engine");
    for window in [1_u16, 32] {
        let mut server = tftp::Server::new(tftp::server::Config::default());
        let window_text = window.to_string();
        let request = [&b"\0\x01file\0octet\0blksize\x001428\0windowsize\0"[..], window_text.as_bytes(), b"\0"].concat();
        server.handle(Duration::ZERO, Input::Datagram { at: Tid::Listen, from: peer, bytes: &request }).unwrap();
        while server.poll_output().is_some() {}
        let id = TransferId(1);
        server.handle(Duration::ZERO, Input::Opened { id, size: Some(1 << 40) }).unwrap();
        while server.poll_output().is_some() {}
        let content = content.repeat(window.into());
        let mut block = 0_u16;
        let mut serve = |block: u16| {
            let [high, low] = block.to_be_bytes();
            let bytes = [0, 4, high, low];
            server.handle(Duration::ZERO, Input::Datagram { at: Tid::Transfer(id), from: peer, bytes: &bytes }).unwrap();
            let mut octets = 0;
            loop {
                let read = match server.poll_output() {
                    Some(Output::Read { len, .. }) => len,
                    Some(Output::Send { bytes, .. }) => {
                        octets += bytes.len();
                        continue;
                    }
                    Some(_) => continue,
                    None => break,
                };
                server.handle(Duration::ZERO, Input::ReadDone { id, bytes: &content[..read] }).unwrap();
            }
            assert_eq!(octets, usize::from(window) * 1432);
        };
        group.bench_function(format!("ACK to DATA, window {window}"), |b| {
            b.iter(|| {
                serve(block);
                block = block.wrapping_add(window);
            });
        });
    }
    group.finish();
}

fn whole_cabinet(c: &mut Criterion) {
    let mut group = c.benchmark_group("whole cabinet");
    group.sample_size(10);
    let weather = cabinet::Weather { loss: 1, ..cabinet::FAIR };
    group.bench_function("280 cards boot, 9 files each, 1 % loss", |b| {
        b.iter_batched(
            || cabinet::World::new(2, weather, 280),
            |mut world| world.run(Duration::from_secs(120)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, wire, dhcp, tftp_engine, whole_cabinet);
criterion_main!(benches);
