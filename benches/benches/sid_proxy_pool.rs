//! A pick among 240 cards beside maglev-hash, in one run: `cargo bench --bench sid_proxy_pool` in this folder.
//!
//! Ours counts what is in flight and looks at the card's state, its load and its health; the peer looks a slot up.

use criterion::{Criterion, criterion_group, criterion_main};
use maglev_hash::MaglevTable;
use sid_proxy::CardId;
use sid_proxy::pool::{Balance, Outcome, PickKey, Pool, Sticky, client_hash};
use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

const NOW: Duration = Duration::from_secs(100);

fn pool(balance: Balance) -> Pool {
    let mut pool = Pool::new(balance);
    for card in 0..240u32 {
        pool.add(CardId(card), ([10, 1, (card / 14) as u8, (card % 14) as u8], 8000).into());
    }
    // The first pick fills the table.
    pool.pick(NOW, &PickKey::default());
    pool
}

/// Addresses of customers, another for each pick.
struct Clients(u32);

impl Clients {
    fn next(&mut self) -> IpAddr {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0.to_be_bytes().into()
    }
}

fn picks(c: &mut Criterion) {
    let mut group = c.benchmark_group("pick among 240 cards");
    let mut clients = Clients(1);
    let mut maglev = pool(Balance::HashClient { bound: 0 });
    group.bench_function("sid-proxy, Maglev, by a client's hash", |b| {
        b.iter(|| {
            clients.0 = clients.0.wrapping_add(0x9e37_79b9);
            let key = PickKey { client: u64::from(clients.0) << 16, ..PickKey::default() };
            black_box(maglev.pick(NOW, &key))
        });
    });
    group.bench_function("sid-proxy, Maglev, by a client's address", |b| {
        b.iter(|| {
            let key = PickKey { client: client_hash(clients.next()), ..PickKey::default() };
            black_box(maglev.pick(NOW, &key))
        });
    });
    let peer = MaglevTable::new((0..240u32).collect::<Vec<_>>());
    group.bench_function("maglev-hash, by a number", |b| {
        b.iter(|| {
            clients.0 = clients.0.wrapping_add(0x9e37_79b9);
            black_box(peer.get(&(u64::from(clients.0) << 16)))
        });
    });
    group.bench_function("maglev-hash, by a client's address", |b| b.iter(|| black_box(peer.get(&clients.next()))));
    for (name, balance) in [
        ("Maglev", Balance::HashClient { bound: 0 }),
        ("Maglev with bounded load", Balance::HashClient { bound: 125 }),
        ("round robin", Balance::RoundRobin),
        ("least connections", Balance::LeastConnections),
        ("two choices", Balance::TwoChoices),
        ("latency", Balance::Latency),
        ("rendezvous", Balance::Rendezvous),
    ] {
        let mut pool = pool(balance);
        group.bench_function(format!("sid-proxy, {name}, picked and given back"), |b| {
            b.iter(|| {
                let client = client_hash(clients.next());
                let pick = pool.pick(NOW, &PickKey { client, ..PickKey::default() }).unwrap();
                pool.finish(NOW, client, pick.card, Outcome::Unknown);
            });
        });
    }
    let sticky = Sticky::new("card", sid_proxy::ServiceId(1), [7; 16]).unwrap();
    let mut kept = pool(Balance::RoundRobin).with_sticky(sticky.clone());
    let token = sticky.token(CardId(120));
    group.bench_function("sid-proxy, kept by a cookie", |b| {
        b.iter(|| black_box(kept.pick(NOW, &PickKey { sticky: Some(token), ..PickKey::default() })));
    });
    group.finish();
}

criterion_group!(benches, picks);
criterion_main!(benches);
