//! The table and the request path beside their peers, in one run: `cargo bench --bench sid_proxy` in this folder.
//!
//! Lookups are of a random name out of all, one in ten unknown, so the caches see what a busy proxy's would.

use criterion::{Criterion, criterion_group, criterion_main};
use foldhash::fast::FixedState as Foldhash;
use sid_proxy::http::{Config, Input, Output, Peer, Session, Side};
use sid_proxy::wire::host::{Authority, Host};
use sid_proxy::{CardId, Key, RouteTable, ServiceId, Sid};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// Marsaglia's xorshift: the same questions in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// Names of three labels and about 20 bytes.
fn names(count: usize) -> Vec<String> {
    let ends = ["com", "net", "org", "example", "de", "be"];
    (0..count).map(|n| format!("www.shop{:07}.{}", n * 7919 % 9_999_991, ends[n % 6])).collect()
}

/// A million names in one buffer, so that reading the question costs no peer a cache miss.
struct Questions {
    text: String,
    ends: Vec<u32>,
    at: usize,
}

impl Questions {
    fn new(names: &[String]) -> Self {
        let mut random = Random(7);
        let (mut text, mut ends) = (String::new(), Vec::new());
        for _ in 0..1_000_000 {
            let name = &names[random.below(names.len())];
            text.push_str(&if random.below(10) == 0 { name.replace("shop", "none") } else { name.clone() });
            ends.push(text.len() as u32);
        }
        Self { text, ends, at: 0 }
    }

    fn next(&mut self) -> &str {
        self.at = if self.at + 1 < self.ends.len() { self.at + 1 } else { 1 };
        &self.text[self.ends[self.at - 1] as usize..self.ends[self.at] as usize]
    }
}

fn table(names: &[String], wild_every: usize) -> RouteTable {
    let mut builder = RouteTable::builder(0x5eed);
    for (n, name) in names.iter().enumerate() {
        let service = ServiceId((n % 240) as u32);
        if wild_every > 0 && n % wild_every == 0 {
            builder.add(Sid::Http(&format!("*.{}", &name[4..])), service).unwrap();
        } else {
            builder.add(Sid::Http(name), service).unwrap();
        }
    }
    builder.build().unwrap()
}

fn hosts(c: &mut Criterion) {
    for count in [1_000, 1_000_000] {
        let names = names(count);
        let mut questions = Questions::new(&names);
        let mut group = c.benchmark_group(format!("host among {count}"));

        let ours = table(&names, 0);
        eprintln!("sid-proxy, exact names: {:.1} bytes a route", ours.heap_bytes() as f64 / count as f64);
        group.bench_function("sid-proxy, normalised", |b| {
            b.iter(|| {
                let host = Host::from_normalised(questions.next().as_bytes());
                ours.lookup(&Key::Http { host: Some(host), path: b"/", port: 80 })
            });
        });
        drop(ours);

        let wild = table(&names, 10);
        eprintln!("sid-proxy, 10 % wildcards: {:.1} bytes a route", wild.heap_bytes() as f64 / count as f64);
        group.bench_function("sid-proxy, raw Host, 10 % wildcards", |b| {
            b.iter(|| {
                let mut room = [0; 256];
                let host = Authority::parse(questions.next().as_bytes(), &mut room).unwrap().host;
                wild.lookup(&Key::Http { host: Some(host), path: b"/", port: 80 })
            });
        });
        drop(wild);

        let mut map: hashbrown::HashMap<Box<str>, u32, Foldhash> =
            hashbrown::HashMap::with_capacity_and_hasher(count, Foldhash::with_seed(1));
        map.extend(names.iter().enumerate().map(|(n, name)| (name.clone().into_boxed_str(), (n % 240) as u32)));
        group.bench_function("hashbrown and foldhash", |b| b.iter(|| map.get(questions.next()).copied()));
        drop(map);

        let map: HashMap<String, u32> = names.iter().cloned().zip((0..240).cycle()).collect();
        group.bench_function("std HashMap", |b| b.iter(|| map.get(questions.next()).copied()));
        drop(map);

        let reversed = |name: &str| name.rsplit('.').map(|label| format!("/{label}")).collect::<String>();
        let mut router = matchit::Router::new();
        for (n, name) in names.iter().enumerate() {
            router.insert(reversed(name), n % 240).unwrap();
        }
        // matchit reads from the left; it is spared the reversing, which a proxy would have to do.
        let flipped: Vec<String> = (0..1_000_000).map(|_| reversed(questions.next())).collect();
        let mut next = flipped.iter().cycle();
        group.bench_function("matchit, labels already reversed", |b| {
            b.iter(|| router.at(next.next().unwrap()).map(|found| *found.value).ok());
        });
        group.finish();
    }
}

fn paths(c: &mut Criterion) {
    let mut group = c.benchmark_group("path among 100");
    let prefixes: Vec<String> = (0..100).map(|n| format!("/area{}/part{n}", n % 7)).collect();
    let mut builder = RouteTable::builder(1);
    let mut router = matchit::Router::new();
    for (n, prefix) in prefixes.iter().enumerate() {
        builder.add(Sid::Http(&format!("mall.example{prefix}")), ServiceId(n as u32)).unwrap();
        router.insert(format!("{prefix}/{{*rest}}"), n).unwrap();
    }
    let table = builder.build().unwrap();
    let asked: Vec<String> = prefixes.iter().map(|prefix| format!("{prefix}/item/7")).collect();
    let mut next = asked.iter().cycle();
    group.bench_function("sid-proxy, with the host", |b| {
        let host = Host::from_normalised(b"mall.example");
        b.iter(|| {
            table.lookup(&Key::Http { host: Some(host), path: next.next().unwrap().as_bytes(), port: 80 })
        });
    });
    group.bench_function("matchit, path alone", |b| {
        b.iter(|| router.at(next.next().unwrap()).map(|found| *found.value).ok());
    });
    group.finish();
}

fn building(c: &mut Criterion) {
    let names = names(1_000_000);
    let mut group = c.benchmark_group("build");
    group.sample_size(10);
    group.bench_function("sid-proxy, a million hosts", |b| b.iter(|| table(&names, 0)));
    group.finish();
}

/// 97 bytes and three fields.
const HEAD: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: www.sell.com\r\nUser-Agent: curl/7.88.1-x64\r\nAccept: */*; q=0.8\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";

fn heads(c: &mut Criterion) {
    assert_eq!(HEAD.len(), 97);
    let mut group = c.benchmark_group("request head of 97 bytes");
    group.bench_function("httparse alone", |b| {
        b.iter(|| {
            let mut fields = [httparse::EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut fields);
            request.parse(black_box(HEAD)).unwrap();
            request.headers.len()
        });
    });
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Http("www.sell.com"), ServiceId(1)).unwrap();
    let table = builder.build().unwrap();
    let peer = Peer {
        client: "192.0.2.7:4711".parse().unwrap(),
        local: "198.51.100.1:80".parse().unwrap(),
        trusted: false,
    };
    let mut session = Session::new(Arc::new(Config::default()), peer, Duration::ZERO);
    let address = "10.1.1.1:8000".parse().unwrap();
    let request = |session: &mut Session| {
        let now = Duration::ZERO;
        let mut sent = 0;
        session.handle(now, Input::Data { side: Side::Client, bytes: black_box(HEAD), end: false }).unwrap();
        while let Some(output) = session.poll_output() {
            let answer = match output {
                Output::Route { key } => Input::Routed(table.lookup(&key)),
                Output::Pick { .. } => Input::Picked { card: CardId(1), address },
                Output::Connect { .. } => Input::Connected { reused: true },
                Output::Send { bytes, .. } => {
                    sent += bytes.len();
                    continue;
                }
                _ => continue,
            };
            session.handle(now, answer).unwrap();
        }
        sent
    };
    let answer = |session: &mut Session| {
        let input = Input::Data { side: Side::Card, bytes: black_box(OK), end: false };
        session.handle(Duration::ZERO, input).unwrap();
        let mut sent = 0;
        while let Some(output) = session.poll_output() {
            if let Output::Send { bytes, .. } = output {
                sent += bytes.len();
            }
        }
        sent
    };
    // The answer brings the session back to where the next request begins; it is timed by itself below.
    group.bench_function("sid-proxy: parsed, checked, routed, rewritten, written", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times.div_ceil(64) {
                let mut sessions: Vec<Session> = (0..64).map(|_| session.clone()).collect();
                // Warm: the second request of a connection finds its buffers.
                for session in &mut sessions {
                    request(session);
                    answer(session);
                }
                let begin = std::time::Instant::now();
                for session in &mut sessions {
                    black_box(request(session));
                }
                spent += begin.elapsed();
            }
            spent * u32::try_from(times).unwrap_or(u32::MAX) / (64 * u32::try_from(times.div_ceil(64)).unwrap())
        });
    });
    group.bench_function("sid-proxy: the request and its answer", |b| {
        b.iter(|| request(&mut session) + answer(&mut session));
    });
    group.finish();
}

criterion_group!(benches, heads, paths, hosts, building);
criterion_main!(benches);
