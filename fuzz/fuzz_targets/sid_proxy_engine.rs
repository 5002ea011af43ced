#![no_main]
//! Whole sessions: any input, cut anywhere, keeps the laws; what is forwarded is read alike by `httparse`.

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use sid_proxy::http::{Config, Input, Output, Peer, Session, Side};
use sid_proxy::{CardId, Decision, Matched, RouteId, ServiceId};
use std::sync::Arc;
use std::time::Duration;

#[derive(Arbitrary, Debug)]
struct Script<'a> {
    client: &'a [u8],
    card: &'a [u8],
    cuts: [u8; 8],
    card_ends: bool,
    client_ends: bool,
    tick: u16,
}

#[derive(Default)]
struct End {
    unread: Vec<u8>,
    ended: bool,
    forward: u64,
}

struct Rig {
    session: Session,
    client: End,
    card: End,
    to_client: Vec<u8>,
    to_card: Vec<Vec<u8>>,
    picks: usize,
    releases: usize,
    now: Duration,
}

impl Rig {
    fn new() -> Self {
        let peer =
            Peer { client: ([192, 0, 2, 7], 4711).into(), local: ([198, 51, 100, 1], 80).into(), trusted: false };
        Self {
            session: Session::new(Arc::new(Config::default()), peer, Duration::ZERO),
            client: End::default(),
            card: End::default(),
            to_client: Vec::new(),
            to_card: Vec::new(),
            picks: 0,
            releases: 0,
            now: Duration::ZERO,
        }
    }

    fn pump(&mut self) {
        for _ in 0..100_000 {
            let drained = self.drain();
            let moved = self.offer(Side::Client) | self.offer(Side::Card);
            if !drained && !moved {
                return;
            }
        }
        panic!("the session spins");
    }

    fn drain(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.session.poll_output() {
            any = true;
            let answer = match output {
                Output::Route { .. } => Input::Routed(Ok(Decision {
                    route: RouteId(0),
                    service: ServiceId(0),
                    matched: Matched::Default,
                    prefix_len: 0,
                    strip_len: 0,
                })),
                Output::Pick { .. } => {
                    self.picks += 1;
                    Input::Picked { card: CardId(0), address: ([10, 1, 1, 1], 8000).into() }
                }
                Output::Connect { .. } => {
                    // What a card sent belongs to its connection and goes with it.
                    self.card = End::default();
                    self.to_card.push(Vec::new());
                    Input::Connected { reused: false }
                }
                Output::Send { to: Side::Client, bytes } => {
                    self.to_client.extend_from_slice(bytes);
                    continue;
                }
                Output::Send { to: Side::Card, bytes } => {
                    self.to_card.last_mut().expect("connected").extend_from_slice(bytes);
                    continue;
                }
                Output::Forward { from, len } => {
                    let end = if from == Side::Client { &mut self.client } else { &mut self.card };
                    assert_eq!(end.forward, 0);
                    end.forward = len;
                    continue;
                }
                Output::Release { .. } => {
                    self.releases += 1;
                    self.client.forward = 0;
                    self.card.forward = 0;
                    continue;
                }
                Output::Close { .. } | Output::Finish { .. } | Output::Event(_) => continue,
            };
            self.session.handle(self.now, answer).expect("an answer to its own question");
        }
        any
    }

    fn offer(&mut self, side: Side) -> bool {
        let end = if side == Side::Client { &mut self.client } else { &mut self.card };
        if end.forward > 0 && !end.unread.is_empty() {
            let len = end.unread.len().min(usize::try_from(end.forward).unwrap_or(usize::MAX));
            let moved: Vec<u8> = end.unread.drain(..len).collect();
            if end.forward != u64::MAX {
                end.forward -= len as u64;
            }
            match side {
                Side::Client => self.to_card.last_mut().expect("connected").extend(moved),
                Side::Card => self.to_client.extend(moved),
            }
            self.session.handle(self.now, Input::Forwarded { from: side, len: len as u64 }).expect("asked for");
            return true;
        }
        if end.unread.is_empty() && !end.ended {
            return false;
        }
        let input = Input::Data { side, bytes: &end.unread, end: end.ended };
        let taken = self.session.handle(self.now, input).expect("data is never misuse");
        end.unread.drain(..taken);
        taken > 0 || self.session.deadline() == Some(Duration::ZERO)
    }

    fn feed(&mut self, side: Side, bytes: &[u8], cuts: &[u8]) {
        let mut rest = bytes;
        let connections = self.to_card.len();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() || (side == Side::Card && self.to_card.len() != connections) {
                return;
            }
            let (piece, tail) = rest.split_at((usize::from(*cut) + 1).min(rest.len()));
            let end = if side == Side::Client { &mut self.client } else { &mut self.card };
            end.unread.extend_from_slice(piece);
            self.pump();
            rest = tail;
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(script) = Script::arbitrary(&mut Unstructured::new(data)) else { return };
    let mut whole = Rig::new();
    whole.feed(Side::Client, script.client, &[255]);
    let mut cut = Rig::new();
    cut.feed(Side::Client, script.client, &script.cuts);
    assert_eq!(whole.to_card, cut.to_card, "the cuts of a request make no difference");
    assert_eq!(whole.to_client, cut.to_client);
    whole.feed(Side::Card, script.card, &[255]);
    cut.feed(Side::Card, script.card, &script.cuts);
    assert_eq!(whole.to_client, cut.to_client, "the cuts of an answer make no difference");
    for sent in &cut.to_card {
        one_reading(sent);
    }
    cut.card.ended = script.card_ends;
    cut.client.ended = script.client_ends;
    cut.pump();
    cut.now += Duration::from_millis(u64::from(script.tick));
    for _ in 0..64 {
        let Some(deadline) = cut.session.deadline() else { break };
        cut.now = cut.now.max(deadline);
        cut.session.handle(cut.now, Input::Tick).expect("a tick is legal");
        cut.pump();
    }
    assert!(cut.session.is_closed(), "left alone, a session ends");
    assert_eq!(cut.picks, cut.releases, "every card that was picked is given back once");
});

/// What a card gets begins with a head that `httparse` reads, with one `Host` at most and one framing.
fn one_reading(sent: &[u8]) {
    if sent.is_empty() {
        return;
    }
    let mut fields = [httparse::EMPTY_HEADER; 160];
    let mut request = httparse::Request::new(&mut fields);
    assert!(matches!(request.parse(sent), Ok(httparse::Status::Complete(_))), "{}", String::from_utf8_lossy(sent));
    let count = |name: &str| request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
    assert!(count("host") <= 1);
    assert!(count("content-length") + count("transfer-encoding") <= 1);
    assert_eq!(count("x-forwarded-for"), 1);
    assert_eq!(count("proxy-connection") + count("keep-alive"), 0);
}
