//! A driver in memory: what the sockets of a real one would do, one call at a time.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use sid_proxy::acl::{Certificate, Visitor};
use sid_proxy::http::{Config, Event, Input, Output, Peer, Session, Side, Usage};
use sid_proxy::pool::{Answer, Balance, Busy, PickKey, Pool, Pools, State};
use sid_proxy::{CardId, RouteTable, ServiceId, Sid};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub const SHOP: ServiceId = ServiceId(1);
pub const FALLBACK: ServiceId = ServiceId(2);
pub const EMPTY: ServiceId = ServiceId(3);

/// `www.sell.com` on cards 1 and 2, `*.sell.com` and the default elsewhere, `closed.example` without a card.
pub fn table() -> RouteTable {
    let mut builder = RouteTable::builder(7);
    builder.add(Sid::Http("www.sell.com"), SHOP).unwrap();
    builder.add(Sid::Http("mall.example/sell"), SHOP).unwrap();
    let strip = sid_proxy::Target { service: SHOP, prefix: sid_proxy::Prefix::Strip };
    builder.add(Sid::Http("strip.example/sell"), strip).unwrap();
    builder.add(Sid::Http("mall.example"), FALLBACK).unwrap();
    builder.add(Sid::Http("*.sell.com"), FALLBACK).unwrap();
    builder.add(Sid::Http("[2001:db8::1]"), SHOP).unwrap();
    builder.add(Sid::Http("closed.example"), EMPTY).unwrap();
    builder.build().unwrap()
}

pub fn pools() -> Pools {
    let mut pools = Pools::new();
    let mut shop = Pool::new(Balance::RoundRobin);
    shop.add(CardId(1), "10.1.1.1:8000".parse().unwrap());
    shop.add(CardId(2), "10.1.1.2:8000".parse().unwrap());
    pools.insert(SHOP, shop);
    let mut fallback = Pool::new(Balance::RoundRobin);
    fallback.add(CardId(3), "10.1.1.3:8000".parse().unwrap());
    pools.insert(FALLBACK, fallback);
    pools.insert(EMPTY, Pool::new(Balance::RoundRobin));
    pools
}

pub fn peer() -> Peer {
    Peer {
        client: "192.0.2.7:4711".parse().unwrap(),
        local: "198.51.100.1:80".parse().unwrap(),
        trusted: false,
    }
}

#[derive(Clone, Default)]
pub struct End {
    pub unread: Vec<u8>,
    pub ended: bool,
    forward: u64,
}

/// One conversation and everything that came out of it.
#[derive(Clone)]
pub struct Rig {
    pub session: Session,
    pub table: RouteTable,
    pub pools: Pools,
    pub now: Duration,
    pub client: End,
    pub card: End,
    pub to_client: Vec<u8>,
    pub to_card: Vec<u8>,
    /// Cards that refuse connections, and cards that let them time out.
    pub refusing: BTreeSet<CardId>,
    pub silent: BTreeSet<CardId>,
    pub idle: bool,
    pub certificate: Option<Certificate<'static>>,
    pub picks: Vec<CardId>,
    pub released: Vec<(CardId, bool)>,
    pub done: Vec<Usage>,
    pub closed: Option<bool>,
    pub finished: Vec<Side>,
    /// Every action as text, bytes of one kind in a row joined: what any split must give alike.
    pub actions: Vec<String>,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(Config::default(), peer())
    }

    pub fn with(config: Config, peer: Peer) -> Self {
        Self {
            session: Session::new(Arc::new(config), peer, Duration::ZERO),
            table: table(),
            pools: pools(),
            now: Duration::ZERO,
            client: End::default(),
            card: End::default(),
            to_client: Vec::new(),
            to_card: Vec::new(),
            refusing: BTreeSet::new(),
            silent: BTreeSet::new(),
            idle: false,
            certificate: None,
            picks: Vec::new(),
            released: Vec::new(),
            done: Vec::new(),
            closed: None,
            finished: Vec::new(),
            actions: Vec::new(),
        }
    }

    pub fn client_sends(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.client.unread.extend_from_slice(bytes.as_ref());
        self.pump()
    }

    pub fn card_sends(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.card.unread.extend_from_slice(bytes.as_ref());
        self.pump()
    }

    pub fn client_ends(&mut self) -> &mut Self {
        self.client.ended = true;
        self.pump()
    }

    pub fn card_ends(&mut self) -> &mut Self {
        self.card.ended = true;
        self.pump()
    }

    pub fn breaks(&mut self, side: Side) -> &mut Self {
        self.session.handle(self.now, Input::Broken { side }).unwrap();
        self.pump()
    }

    /// Lets time pass to the next deadline, and tells how long that was.
    pub fn wait(&mut self) -> Duration {
        let deadline = self.session.deadline().expect("a deadline to wait for");
        let before = self.now;
        self.now = self.now.max(deadline);
        self.session.handle(self.now, Input::Tick).unwrap();
        self.pump();
        self.now - before
    }

    pub fn pump(&mut self) -> &mut Self {
        loop {
            let drained = self.drain();
            let client = self.offer(Side::Client);
            let card = self.offer(Side::Card);
            if !drained && !client && !card {
                return self;
            }
        }
    }

    fn note(&mut self, text: String) {
        self.actions.push(text);
    }

    pub fn drain(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.session.poll_output() {
            any = true;
            let answer = match output {
                Output::Route { key } => Some(Input::Routed(self.table.lookup(&key))),
                Output::Pick { service, tried, request, fields } => {
                    let pool = self.pools.pool_mut(service).unwrap();
                    let cookie = pool.sticky().cloned();
                    let sticky = cookie.as_ref().and_then(|cookie| cookie.read_fields(fields));
                    let pick = pool.ask(self.now, &PickKey { client: 1, tried, sticky });
                    let visitor = Visitor {
                        client: peer().client.ip(),
                        request: Some(request),
                        certificate: self.certificate,
                    };
                    let verdict = self.pools.pool(service).map(|pool| pool.judge(&visitor));
                    let denied = verdict.filter(|verdict| !verdict.allowed);
                    Some(match (denied, pick) {
                        (Some(verdict), _) => Input::Denied { rule: verdict.rule },
                        (None, Answer::Picked(pick)) => {
                            self.picks.push(pick.card);
                            if let Some(cookie) = cookie {
                                let set_cookie = pick.set_cookie.map(|token| cookie.set_cookie(token));
                                let hide = cookie.hidden.then_some(cookie.name());
                                let stick = Input::Stick { set_cookie: set_cookie.as_deref(), hide };
                                self.session.handle(self.now, stick).unwrap();
                            }
                            Input::Picked { card: pick.card, address: pick.address }
                        }
                        (None, Answer::Refused(Busy::NoCard)) => Input::NoCard,
                        (None, Answer::Refused(busy)) => Input::Busy(busy),
                        (None, Answer::Wait(_)) => panic!("the rig has no queue"),
                    })
                }
                Output::Connect { card, fresh, .. } => {
                    self.card = End::default();
                    if self.silent.contains(&card) {
                        None
                    } else if self.refusing.contains(&card) {
                        Some(Input::ConnectFailed)
                    } else {
                        Some(Input::Connected { reused: self.idle && !fresh })
                    }
                }
                Output::Send { to, bytes } => {
                    let bytes = bytes.to_vec();
                    self.write(to, &bytes);
                    None
                }
                Output::Forward { from, len } => {
                    let end = if from == Side::Client { &mut self.client } else { &mut self.card };
                    assert_eq!(end.forward, 0, "two Forwards of one side at once");
                    end.forward = len;
                    self.note(format!("forward {from:?} {len}"));
                    None
                }
                Output::Release { service, card, outcome, reusable } => {
                    self.pools.pool_mut(service).unwrap().finish(self.now, 1, card, outcome);
                    self.released.push((card, reusable));
                    self.client.forward = 0;
                    self.card = End::default();
                    self.note(format!("release {card} {outcome:?} {reusable}"));
                    None
                }
                Output::Close { abort } => {
                    assert_eq!(self.closed, None, "closed twice");
                    self.closed = Some(abort);
                    self.note(format!("close {abort}"));
                    None
                }
                Output::Finish { to } => {
                    self.finished.push(to);
                    self.note(format!("finish {to:?}"));
                    None
                }
                Output::Event(Event::Done(usage)) => {
                    self.done.push(usage);
                    self.note(format!("done {usage:?}"));
                    None
                }
                Output::Event(event) => {
                    self.note(format!("{event:?}"));
                    None
                }
            };
            if let Some(answer) = answer {
                self.actions.push(format!("{answer:?}"));
                self.session.handle(self.now, answer).unwrap();
            }
        }
        any
    }

    fn write(&mut self, to: Side, bytes: &[u8]) {
        let (stream, name) = match to {
            Side::Client => (&mut self.to_client, "client"),
            Side::Card => (&mut self.to_card, "card"),
        };
        stream.extend_from_slice(bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        // How the bytes of one direction are cut is the network's business.
        let front = format!("to {name} ");
        match self.actions.last_mut() {
            Some(last) if last.starts_with(&front) => last.push_str(&text),
            _ => self.actions.push(front + &text),
        }
    }

    pub fn offer(&mut self, side: Side) -> bool {
        let end = if side == Side::Client { &mut self.client } else { &mut self.card };
        if end.forward > 0 && !end.unread.is_empty() {
            let len = end.unread.len().min(usize::try_from(end.forward).unwrap_or(usize::MAX));
            let moved: Vec<u8> = end.unread.drain(..len).collect();
            if end.forward != u64::MAX {
                end.forward -= len as u64;
            }
            self.write(side.other(), &moved);
            self.session.handle(self.now, Input::Forwarded { from: side, len: len as u64 }).unwrap();
            return true;
        }
        if end.unread.is_empty() && !end.ended {
            return false;
        }
        let input = Input::Data { side, bytes: &end.unread, end: end.ended };
        let taken = self.session.handle(self.now, input).unwrap();
        end.unread.drain(..taken);
        taken > 0 || self.session.deadline() == Some(Duration::ZERO)
    }

    /// The statuses that the customer saw.
    pub fn statuses(&self) -> Vec<u16> {
        statuses(&self.to_client)
    }

    pub fn client_text(&self) -> String {
        String::from_utf8_lossy(&self.to_client).into_owned()
    }

    pub fn card_text(&self) -> String {
        String::from_utf8_lossy(&self.to_card).into_owned()
    }

    pub fn state(&mut self, card: u32, state: State) -> &mut Self {
        self.pools.set_state(CardId(card), state);
        self
    }
}

pub fn statuses(bytes: &[u8]) -> Vec<u16> {
    String::from_utf8_lossy(bytes)
        .match_indices("HTTP/1.1 ")
        .filter_map(|(at, front)| {
            let text = String::from_utf8_lossy(bytes);
            text.get(at + front.len()..at + front.len() + 3)?.parse().ok()
        })
        .collect()
}

pub const GET: &str = "GET / HTTP/1.1\r\nHost: www.sell.com\r\n\r\n";
pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
