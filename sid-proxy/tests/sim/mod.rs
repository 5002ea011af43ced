//! A whole proxy in memory: table, pools with queues, probes, sessions; customers and cards around it; a seed that
//! decides what happens next.
#![allow(dead_code, unreachable_pub)]

mod conn;
mod peer;

pub use peer::Random;
use peer::{Customer, Request, Wire};
use sid_proxy::http::{Config, Input, Limits, Peer, Session, Side, Timeouts};
use sid_proxy::pool::{Balance, Policy, Pool, Pools, State, Terms, Ticket};
use sid_proxy::probe::{self, Ask, Check, ProbeId, Prober};
use sid_proxy::{CardId, RouteTable, ServiceId, Sid};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const SHOP: ServiceId = ServiceId(1);
const MALL: ServiceId = ServiceId(2);
const STABLE: ServiceId = ServiceId(3);
/// Cards 7 and 8 are the stable service's: nothing happens to them.
const CARDS: u32 = 8;
const CONNECTIONS: usize = 24;
const WAITING: usize = 8;

pub struct World {
    random: Random,
    pub now: Duration,
    config: Arc<Config>,
    tables: [RouteTable; 2],
    table: usize,
    pools: Pools,
    prober: Prober,
    probes: BTreeMap<ProbeId, CardId>,
    cards: BTreeMap<u32, Card>,
    conns: BTreeMap<u64, Conn>,
    idle: BTreeMap<u32, Vec<Wire>>,
    waiting: BTreeMap<(ServiceId, Ticket), u64>,
    /// Requests under way: to how many cards each was sent, and whether an answer began.
    fates: BTreeMap<u64, Fate>,
    next: u64,
    pub totals: Totals,
    /// A hash of all that happened.
    pub digest: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub connections: u64,
    pub requests: u64,
    pub answers: u64,
    pub refusals: u64,
    pub retries: u64,
    pub waited: u64,
    pub swaps: u64,
    pub failures: u64,
    pub aborted: u64,
}

#[derive(Clone, Copy, Default)]
struct Card {
    down: bool,
    slow: bool,
}

#[derive(Clone, Copy, Default)]
struct Fate {
    sent: u32,
    begun: bool,
}

struct Conn {
    session: Session,
    customer: Customer,
    /// What each side sent and the session did not take.
    unread: [Vec<u8>; 2],
    ended: [bool; 2],
    forward: [u64; 2],
    wire: Option<Wire>,
    picked: Option<(ServiceId, CardId)>,
    connecting: Option<CardId>,
    ticket: Option<(ServiceId, Ticket)>,
    closed: Option<bool>,
    client: u64,
}

fn address(card: u32) -> SocketAddr {
    ([10, 1, 1, card as u8], 8000).into()
}

fn table(more: bool) -> RouteTable {
    let mut builder = RouteTable::builder(3);
    builder.add(Sid::Http("stable.example"), STABLE).unwrap();
    builder.add(Sid::Http("shop.example"), if more { MALL } else { SHOP }).unwrap();
    builder.add(Sid::Http("*.mall.example"), MALL).unwrap();
    if more {
        builder.add(Sid::Http("a.mall.example/r"), SHOP).unwrap();
    }
    builder.build().unwrap()
}

impl World {
    pub fn new(seed: u64) -> Self {
        let pool = |balance, cards: std::ops::RangeInclusive<u32>, each, policy: Policy| {
            let mut pool = Pool::new(balance).with_seed(seed).with_policy(policy);
            for card in cards {
                let rank = u8::from(card == 4);
                let terms = Terms { max_active: each, rank, ..Terms::default() };
                pool.insert(CardId(card), address(card), terms);
            }
            pool
        };
        let queue = Policy { queue: WAITING, queue_per_client: 3, max_per_client: 6, ..Policy::default() };
        let mut pools = Pools::new();
        pools.insert(SHOP, pool(Balance::LeastConnections, 1..=4, 2, queue));
        let open = Policy { fail_open: true, eject_after: 2, ..Policy::default() };
        pools.insert(MALL, pool(Balance::HashClient { bound: 125 }, 5..=6, u32::MAX, open));
        pools.insert(STABLE, pool(Balance::TwoChoices, 7..=8, u32::MAX, Policy::default()));
        let mut prober = Prober::new(probe::Limits::default(), seed);
        let ask = Ask::http("probe.example", "/", 200..=399).unwrap();
        let check = Arc::new(Check { ask, ..Check::default() });
        for card in 1..=CARDS {
            prober.watch(Duration::ZERO, service(card), CardId(card), address(card), &check).unwrap();
        }
        let timeouts = Timeouts {
            head: Duration::from_secs(5),
            idle: Duration::from_secs(8),
            answer: Duration::from_secs(3),
            stall: Duration::from_secs(5),
            ..Timeouts::default()
        };
        let limits = Limits { head_bytes: 4096, ..Limits::default() };
        Self {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            now: Duration::ZERO,
            config: Arc::new(Config { timeouts, limits, ..Config::default() }),
            tables: [table(false), table(true)],
            table: 0,
            pools,
            prober,
            probes: BTreeMap::new(),
            cards: (1..=CARDS).map(|card| (card, Card::default())).collect(),
            conns: BTreeMap::new(),
            idle: BTreeMap::new(),
            waiting: BTreeMap::new(),
            fates: BTreeMap::new(),
            next: 0,
            totals: Totals::default(),
            digest: 0,
        }
    }

    /// Does one thing that chance decides.
    pub fn step(&mut self) {
        let what = self.random.below(1000);
        match what {
            0..=39 => self.open(),
            40..=49 => self.disturb(),
            50..=99 => self.pass_time(),
            100..=102 => {
                self.table = 1 - self.table;
                self.totals.swaps += 1;
            }
            _ => {
                let count = self.conns.len() as u64;
                if count == 0 {
                    return self.open();
                }
                let nth = self.random.below(count) as usize;
                let id = *self.conns.keys().nth(nth).unwrap();
                self.act(id);
            }
        }
        self.serve_queue();
        self.check();
    }

    /// Everything heals and every customer leaves; then nothing may be left of any of them.
    pub fn finish(&mut self) {
        self.cards.values_mut().for_each(|card| *card = Card::default());
        (1..=CARDS).for_each(|card| self.pools.set_state(CardId(card), State::Up));
        for _ in 0..10_000 {
            let ids: Vec<u64> = self.conns.keys().copied().collect();
            if ids.is_empty() {
                break;
            }
            for id in ids {
                if let Some(mut conn) = self.conns.remove(&id) {
                    let all = conn.customer.takes(usize::MAX);
                    conn.unread[0].extend(all);
                    conn.ended[0] = true;
                    self.pump(id, &mut conn);
                    self.deliver(id, &mut conn, usize::MAX);
                    self.keep(id, conn);
                }
            }
            self.pass_time();
            self.serve_queue();
        }
        assert!(self.conns.is_empty(), "a connection that never ends");
        for (_, pool) in self.pools.iter() {
            assert_eq!(pool.waiting(), 0);
            assert!(pool.members().iter().all(|member| member.active == 0), "{pool:?}");
        }
    }

    fn open(&mut self) {
        if self.conns.len() >= CONNECTIONS {
            return;
        }
        self.totals.connections += 1;
        let id = self.totals.connections;
        let client = self.random.below(6);
        let peer = Peer {
            client: ([192, 0, 2, client as u8], 4000).into(),
            local: "198.51.100.1:80".parse().unwrap(),
            trusted: false,
        };
        let conn = Conn {
            session: Session::new(Arc::clone(&self.config), peer, self.now),
            customer: Customer { slow: self.random.chance(10), ..Customer::default() },
            unread: [vec![], vec![]],
            ended: [false; 2],
            forward: [0; 2],
            wire: None,
            picked: None,
            connecting: None,
            ticket: None,
            closed: None,
            client,
        };
        self.conns.insert(id, conn);
    }

    /// Something happens to a card that is not of the stable service.
    fn disturb(&mut self) {
        let card = 1 + self.random.below(6) as u32;
        self.totals.failures += 1;
        match self.random.below(8) {
            0 => {
                self.cards.get_mut(&card).unwrap().down = true;
                self.idle.remove(&card);
                let ids: Vec<u64> = self.conns.keys().copied().collect();
                for id in ids {
                    self.break_card(id, |wire| wire.card == card);
                }
            }
            1 | 2 => *self.cards.get_mut(&card).unwrap() = Card::default(),
            3 => self.cards.get_mut(&card).unwrap().slow = true,
            4 => self.pools.set_state(CardId(card), State::Draining),
            5 => self.pools.set_state(CardId(card), State::Down),
            _ => self.pools.set_state(CardId(card), State::Up),
        }
    }

    fn break_card(&mut self, id: u64, which: impl Fn(&Wire) -> bool) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        if conn.wire.as_ref().is_some_and(which) {
            // An end may be orderly, but where it is what ends an answer: there it would be no cut.
            if conn.wire.as_ref().is_some_and(|wire| wire.ends) || self.random.chance(50) {
                conn.unread[1].clear();
                conn.ended[1] = true;
                self.tell(id, &mut conn, Input::Broken { side: Side::Card });
            } else {
                conn.ended[1] = true;
            }
            self.pump(id, &mut conn);
        }
        self.keep(id, conn);
    }

    /// Time goes on; who is prompt has done all by then.
    fn pass_time(&mut self) {
        let ids: Vec<u64> = self.conns.keys().copied().collect();
        for id in &ids {
            let Some(mut conn) = self.conns.remove(id) else { continue };
            if !conn.customer.slow {
                let bytes = conn.customer.takes(usize::MAX);
                conn.unread[0].extend(bytes);
                self.pump(*id, &mut conn);
            }
            if conn.wire.as_ref().is_some_and(|wire| wire.card > 6) {
                self.deliver(*id, &mut conn, usize::MAX);
            }
            self.keep(*id, conn);
        }
        self.now += Duration::from_millis(self.random.below(300));
        for id in ids {
            let Some(mut conn) = self.conns.remove(&id) else { continue };
            if conn.session.deadline().is_some_and(|due| due <= self.now) {
                self.tell(id, &mut conn, Input::Tick);
                self.pump(id, &mut conn);
                assert!(conn.session.deadline().is_none_or(|due| due > self.now), "a busy loop");
            }
            self.keep(id, conn);
        }
        self.prober.handle(self.now, probe::Input::Tick).unwrap();
        self.probe();
    }

    fn probe(&mut self) {
        loop {
            let mut answers = vec![];
            while let Some(output) = self.prober.poll_output() {
                match output {
                    probe::Output::Connect { id, address } => {
                        let IpCard(card) = address.into();
                        self.probes.insert(id, CardId(card));
                        answers.push((id, false));
                    }
                    probe::Output::Send { id, .. } => answers.push((id, true)),
                    probe::Output::Close { id } => assert!(self.probes.remove(&id).is_some()),
                    probe::Output::Event(probe::Event::Found { service, card, health, .. }) => {
                        self.pools.set_health(service, card, health);
                    }
                    probe::Output::Event(_) => {}
                }
            }
            if answers.is_empty() {
                return;
            }
            for (id, sent) in answers {
                let Some(card) = self.probes.get(&id) else { continue };
                let Card { down, slow } = self.cards[&card.0];
                let input = match (down, slow, sent) {
                    (true, ..) => probe::Input::Failed(id),
                    (_, true, true) => continue,
                    (_, _, false) => probe::Input::Connected(id),
                    (_, _, true) => probe::Input::Data { id, bytes: b"HTTP/1.1 200 OK\r\n" },
                };
                self.prober.handle(self.now, input).unwrap();
            }
        }
    }

    /// One of the things that a connection's ends do.
    fn act(&mut self, id: u64) {
        let mut conn = self.conns.remove(&id).unwrap();
        match self.random.below(100) {
            0..=24 if conn.customer.open.len() < 4 && !conn.ended[0] => {
                self.next += 1;
                self.totals.requests += 1;
                conn.customer.asks(Request(self.next));
            }
            0..=59 => {
                // Not more than a driver would buffer.
                if conn.unread[0].len() < 8192 {
                    let slice = self.random.below(900) as usize + 1;
                    let bytes = conn.customer.takes(slice);
                    conn.unread[0].extend(bytes);
                }
            }
            60..=95 => {
                let slice = self.random.below(900) as usize + 1;
                self.deliver(id, &mut conn, slice);
            }
            96 => conn.ended[0] |= conn.customer.unsent.is_empty(),
            97 => {
                if self.random.chance(20) {
                    self.tell(id, &mut conn, Input::Broken { side: Side::Client });
                    conn.customer.open.clear();
                    conn.customer.got.clear();
                }
            }
            98 => {
                if self.random.chance(20) {
                    conn.customer.drained = true;
                    self.tell(id, &mut conn, Input::Drain);
                }
            }
            _ => {
                let cut = self.random.chance(30);
                self.conns.insert(id, conn);
                return self.break_card(id, |wire| cut && wire.card <= 6);
            }
        }
        self.pump(id, &mut conn);
        self.keep(id, conn);
    }

    /// The card works, and sends some of what it has to say.
    fn serve_queue(&mut self) {
        loop {
            let before = self.pools.clone();
            let Some((service, ticket, answer)) = self.pools.next(self.now) else { return };
            let id = self.waiting.remove(&(service, ticket)).expect("a ticket of somebody's");
            let mut conn = self.conns.remove(&id).expect("who waits is there");
            conn.ticket = None;
            let input = match answer {
                Ok(pick) => self.picked(&mut conn, service, pick, before.pool(service).unwrap(), &[]),
                Err(_) => Input::NoCard,
            };
            self.tell(id, &mut conn, input);
            self.pump(id, &mut conn);
            self.keep(id, conn);
        }
    }

    /// Puts a connection back, or buries it.
    fn keep(&mut self, id: u64, mut conn: Conn) {
        conn.customer.read(false);
        if let Some(abort) = conn.closed {
            assert_eq!(conn.picked, None, "closed with a card");
            if let Some((service, ticket)) = conn.ticket {
                self.waiting.remove(&(service, ticket));
                assert!(self.pools.pool_mut(service).unwrap().leave(ticket));
            }
            conn.customer.ends(abort);
            self.totals.aborted += u64::from(abort);
            let [answers, refusals] = conn.customer.answered;
            self.totals.answers += answers;
            self.totals.refusals += refusals;
            return;
        }
        assert!(conn.unread[0].len() < 64 * 1024);
        self.conns.insert(id, conn);
    }

    /// What must hold between any two steps.
    fn check(&mut self) {
        let mut active = BTreeMap::new();
        for conn in self.conns.values() {
            if let Some(picked) = conn.picked {
                *active.entry(picked).or_insert(0) += 1;
            }
        }
        for (service, pool) in self.pools.iter() {
            assert!(pool.waiting() <= WAITING);
            for member in pool.members() {
                let here = active.get(&(service, member.card)).copied().unwrap_or(0);
                assert_eq!(member.active, here, "{service} {member:?}");
                assert!(member.active <= member.terms.max_active);
            }
        }
        if self.fates.len() > 4096 {
            let open: BTreeSet<u64> = self
                .conns
                .values()
                .flat_map(|conn| conn.customer.open.iter().map(|(request, _)| request.0))
                .collect();
            self.fates.retain(|id, _| open.contains(id));
        }
    }
}

struct IpCard(u32);

impl From<SocketAddr> for IpCard {
    fn from(address: SocketAddr) -> Self {
        match address.ip() {
            std::net::IpAddr::V4(ip) => Self(ip.octets()[3].into()),
            std::net::IpAddr::V6(_) => unreachable!("cards are 10.1.1.x"),
        }
    }
}

fn service(card: u32) -> ServiceId {
    match card {
        1..=4 => SHOP,
        5 | 6 => MALL,
        _ => STABLE,
    }
}
