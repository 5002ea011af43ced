//! A driver without sockets for sessions: it answers what they ask from a table and a list of cards, keeps both
//! sides' buffers, and collects what each side gets.

#![allow(dead_code, unreachable_pub)]

pub mod ftp;

use sid_proxy::pool::Outcome;
use sid_proxy::session::{Event, Input, Output, Peer, Refusal, Session, Side, Usage};
use sid_proxy::{CardId, RouteTable};
use std::net::SocketAddr;
use std::time::Duration;

/// A session with a world around it.
#[derive(Clone, Debug)]
pub struct Lab<S> {
    pub session: S,
    pub now: Duration,
    pub table: RouteTable,
    /// The cards of every service: they are picked in this order.
    pub cards: Vec<(CardId, SocketAddr)>,
    /// Cards that refuse connections.
    pub dead: Vec<CardId>,
    /// Answers of `Connect` wait for the test.
    pub hold_connect: bool,
    /// What each side has sent and nobody has taken.
    pub buffer: [Vec<u8>; 2],
    /// What each side got.
    pub got: [Vec<u8>; 2],
    /// Forwards that go on, and how much of them is left.
    forward: [u64; 2],
    pub events: Vec<Event>,
    /// Outputs that are neither sent, asked nor forwarded.
    pub did: Vec<String>,
    pub closed: Option<bool>,
    /// Sides that send no more.
    pub ended: [bool; 2],
    /// Picks that were not released.
    pub picked: i32,
    /// How those that were ended.
    pub outcomes: Vec<Outcome>,
}

pub fn peer() -> Peer {
    Peer {
        client: "192.0.2.9:40000".parse().unwrap(),
        local: "198.51.100.1:110".parse().unwrap(),
        trusted: false,
    }
}

pub fn index(side: Side) -> usize {
    usize::from(side == Side::Card)
}

impl<S: Session> Lab<S> {
    pub fn new(session: S, table: RouteTable) -> Self {
        let card = |n: u8| (CardId(n.into()), SocketAddr::from(([10, 1, 2, n], 9)));
        let mut lab = Self {
            session,
            now: Duration::ZERO,
            table,
            cards: vec![card(1), card(2)],
            dead: vec![],
            hold_connect: false,
            buffer: [vec![], vec![]],
            got: [vec![], vec![]],
            forward: [0; 2],
            events: vec![],
            did: vec![],
            closed: None,
            ended: [false; 2],
            picked: 0,
            outcomes: vec![],
        };
        lab.drain();
        lab
    }

    /// Tells the session something that is no data.
    #[track_caller]
    pub fn tell(&mut self, input: Input<'_>) {
        self.session.handle(self.now, input).unwrap();
        self.settle();
    }

    /// A side sends no more.
    #[track_caller]
    pub fn end(&mut self, side: Side) {
        self.ended[index(side)] = true;
        self.settle();
    }

    /// What was done besides talking since it was last asked.
    pub fn done(&mut self) -> Vec<String> {
        std::mem::take(&mut self.did)
    }

    /// Bytes come from a side.
    #[track_caller]
    pub fn feed(&mut self, side: Side, bytes: impl AsRef<[u8]>) {
        self.buffer[index(side)].extend_from_slice(bytes.as_ref());
        self.settle();
    }

    #[track_caller]
    pub fn client(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.feed(Side::Client, bytes);
        self.heard(Side::Client)
    }

    #[track_caller]
    pub fn card(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.feed(Side::Card, bytes);
        self.heard(Side::Card)
    }

    /// What a side got since it was last asked.
    pub fn heard(&mut self, side: Side) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.got[index(side)])).into_owned()
    }

    /// Lets time pass and ticks at each deadline on the way.
    pub fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.session.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.session.handle(self.now, Input::Tick).unwrap();
            self.drain();
            assert!(self.session.deadline().is_none_or(|next| next > due), "a busy loop at {due:?}");
            self.settle();
        }
        self.now = end;
    }

    pub fn refusals(&self) -> Vec<Refusal> {
        self.events
            .iter()
            .filter_map(|event| if let Event::Refused(why) = event { Some(*why) } else { None })
            .collect()
    }

    /// What the session used; panics unless it is over exactly once.
    #[track_caller]
    pub fn usage(&self) -> Usage {
        let done: Vec<_> = self
            .events
            .iter()
            .filter_map(|event| if let Event::Done(usage) = event { Some(*usage) } else { None })
            .collect();
        assert_eq!(done.len(), 1, "{:?}", self.events);
        assert_eq!(self.picked, 0, "picks that were not released");
        done[0]
    }

    /// Offers and forwards until nothing moves.
    #[track_caller]
    pub fn settle(&mut self) {
        self.drain();
        for _ in 0..10_000 {
            if self.closed.is_some() {
                return;
            }
            let mut moved = false;
            for side in [Side::Client, Side::Card] {
                let this = index(side);
                if self.forward[this] > 0 {
                    let len = self.buffer[this]
                        .len()
                        .min(usize::try_from(self.forward[this]).unwrap_or(usize::MAX));
                    let bytes: Vec<u8> = self.buffer[this].drain(..len).collect();
                    self.got[1 - this].extend(bytes);
                    if self.forward[this] != u64::MAX {
                        self.forward[this] -= len as u64;
                    }
                    if len > 0 {
                        self.session
                            .handle(self.now, Input::Forwarded { from: side, len: len as u64 })
                            .unwrap();
                        moved = true;
                    }
                }
                let bytes =
                    if self.forward[this] > 0 { vec![] } else { std::mem::take(&mut self.buffer[this]) };
                if !bytes.is_empty() || self.ended[this] {
                    let data = Input::Data { side, bytes: &bytes, end: self.ended[this] };
                    let taken = self.session.handle(self.now, data).unwrap();
                    self.buffer[this] = bytes[taken..].to_vec();
                    moved |= taken > 0 || self.session.deadline() == Some(Duration::ZERO);
                }
                self.drain();
            }
            if !moved {
                return;
            }
        }
        panic!("it never settles");
    }

    pub fn drain(&mut self) {
        enum Answer {
            No,
            Routed(Result<sid_proxy::Decision, sid_proxy::Miss>),
            Pick(Vec<CardId>),
            Connect(CardId),
        }
        loop {
            let answer = match self.session.poll_output() {
                None => break,
                Some(Output::Route { key }) => Answer::Routed(self.table.lookup(&key)),
                Some(Output::Pick { tried, .. }) => Answer::Pick(tried.to_vec()),
                Some(Output::Connect { card, .. }) => Answer::Connect(card),
                Some(Output::Send { to, bytes }) => {
                    assert!(
                        self.forward[1 - index(to)] == 0 || to == Side::Card,
                        "sent to {to:?} while forwarding to it"
                    );
                    self.got[index(to)].extend_from_slice(bytes);
                    Answer::No
                }
                Some(Output::Forward { from, len }) => {
                    assert_eq!(self.forward[index(from)], 0);
                    self.forward[index(from)] = len;
                    Answer::No
                }
                Some(Output::Event(event)) => {
                    self.events.push(event);
                    Answer::No
                }
                Some(Output::Release { outcome, .. }) => {
                    self.picked -= 1;
                    self.buffer[1].clear();
                    self.forward = [0; 2];
                    self.ended[1] = false;
                    self.outcomes.push(outcome);
                    Answer::No
                }
                Some(Output::Close { abort }) => {
                    assert_eq!(self.closed, None);
                    self.closed = Some(abort);
                    Answer::No
                }
                Some(other) => {
                    self.did.push(format!("{other:?}"));
                    Answer::No
                }
            };
            let now = self.now;
            match answer {
                Answer::No => {}
                Answer::Routed(decision) => {
                    self.session.handle(now, Input::Routed(decision)).unwrap();
                }
                Answer::Pick(tried) => match self.cards.iter().find(|(card, _)| !tried.contains(card)) {
                    Some(&(card, address)) => {
                        self.picked += 1;
                        self.session.handle(now, Input::Picked { card, address }).unwrap();
                    }
                    None => {
                        self.session.handle(now, Input::NoCard).unwrap();
                    }
                },
                Answer::Connect(_) if self.hold_connect => {}
                Answer::Connect(card) => {
                    let up = if self.dead.contains(&card) {
                        Input::ConnectFailed
                    } else {
                        Input::Connected { reused: false }
                    };
                    self.session.handle(now, up).unwrap();
                }
            }
        }
    }
}
