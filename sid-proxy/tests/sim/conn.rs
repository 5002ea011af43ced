//! One connection's driver: what the sockets of a real one would do, one call at a time.

use super::peer::{Request, Wire};
use super::{Card, Conn, MALL, World};
use sid_proxy::http::{Event, Input, Output, Side};
use sid_proxy::pool::{Answer, Health, Pick, PickKey, Pool, State};
use sid_proxy::{CardId, ServiceId};
use std::time::Duration;

impl World {
    pub(super) fn deliver(&mut self, id: u64, conn: &mut Conn, slice: usize) {
        if let Some(wire) = &mut conn.wire {
            let card = self.cards[&wire.card];
            if !card.slow && !card.down {
                wire.work();
            }
            let len = slice.min(wire.unsent.len());
            conn.unread[1].extend(wire.unsent.drain(..len));
            conn.ended[1] |= wire.ends && wire.unsent.is_empty();
        }
        self.pump(id, conn);
    }

    pub(super) fn tell(&mut self, id: u64, conn: &mut Conn, input: Input<'_>) -> usize {
        let taken = conn.session.handle(self.now, input).unwrap();
        self.drain(id, conn);
        taken
    }

    /// Offers and forwards until nothing moves.
    pub(super) fn pump(&mut self, id: u64, conn: &mut Conn) {
        self.drain(id, conn);
        for _ in 0..100_000 {
            let mut moved = false;
            for side in [Side::Client, Side::Card] {
                if conn.closed.is_some() {
                    return;
                }
                moved |= self.offer(id, conn, side);
            }
            if !moved {
                return;
            }
        }
        panic!("connection {id} never settles");
    }

    pub(super) fn offer(&mut self, id: u64, conn: &mut Conn, side: Side) -> bool {
        let this = usize::from(side == Side::Card);
        let len = conn.unread[this].len().min(usize::try_from(conn.forward[this]).unwrap_or(usize::MAX));
        if len > 0 {
            let bytes: Vec<u8> = conn.unread[this].drain(..len).collect();
            if conn.forward[this] != u64::MAX {
                conn.forward[this] -= len as u64;
            }
            self.write(conn, side.other(), &bytes);
            self.tell(id, conn, Input::Forwarded { from: side, len: len as u64 });
            return true;
        }
        let bytes = std::mem::take(&mut conn.unread[this]);
        if bytes.is_empty() && !conn.ended[this] {
            return false;
        }
        let released = conn.picked;
        let end = conn.ended[this];
        let taken = conn.session.handle(self.now, Input::Data { side, bytes: &bytes, end }).unwrap();
        conn.unread[this] = bytes[taken..].to_vec();
        let pending = conn.session.deadline() == Some(Duration::ZERO);
        self.drain(id, conn);
        if side == Side::Card && conn.picked != released {
            // What a card that was given back had still to say is nobody's.
            conn.unread[1].clear();
        }
        taken > 0 || pending
    }

    pub(super) fn write(&mut self, conn: &mut Conn, to: Side, bytes: &[u8]) {
        self.digest = bytes
            .iter()
            .fold(self.digest, |hash, byte| hash.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte));
        match to {
            Side::Client => {
                if let (Some((request, _)), true) = (conn.customer.open.front(), conn.picked.is_some()) {
                    self.fates.entry(request.0).or_default().begun = true;
                }
                conn.customer.got.extend_from_slice(bytes);
            }
            Side::Card => {
                let wire = conn.wire.as_mut().expect("a card to write to");
                if wire.got.is_empty()
                    && let Some(rest) =
                        bytes.split(|b| *b == b' ').nth(1).and_then(|path| path.strip_prefix(b"/r/"))
                {
                    let request: u64 = std::str::from_utf8(rest).unwrap().parse().unwrap();
                    let fate = self.fates.entry(request).or_default();
                    assert!(!fate.begun, "request {request} was sent again after its answer had begun");
                    fate.sent += 1;
                    self.totals.retries += u64::from(fate.sent > 1);
                    let most = if Request(request).may_repeat() { 4 } else { 1 };
                    assert!(fate.sent <= most, "request {request} was sent {} times", fate.sent);
                }
                wire.got.extend_from_slice(bytes);
            }
        }
    }

    pub(super) fn drain(&mut self, id: u64, conn: &mut Conn) {
        enum Do {
            Nothing,
            Pick(ServiceId, Vec<CardId>),
            Connect(CardId, bool),
            Write(Side, Vec<u8>),
        }
        loop {
            let Some(output) = conn.session.poll_output() else { return };
            let mut answer = None;
            let what = match output {
                Output::Route { key } => {
                    answer = Some(Input::Routed(self.tables[self.table].lookup(&key)));
                    Do::Nothing
                }
                Output::Pick { service, tried, .. } => Do::Pick(service, tried.to_vec()),
                Output::Connect { card, fresh, .. } => Do::Connect(card, fresh),
                Output::Send { to, bytes } => Do::Write(to, bytes.to_vec()),
                Output::Forward { from, len } => {
                    let this = usize::from(from == Side::Card);
                    assert_eq!(conn.forward[this], 0);
                    conn.forward[this] = len;
                    Do::Nothing
                }
                Output::Release { service, card, outcome, reusable } => {
                    assert_eq!(conn.picked.take(), Some((service, card)), "released what was not picked");
                    self.pools.pool_mut(service).unwrap().finish(self.now, conn.client, card, outcome);
                    conn.forward = [0; 2];
                    let clean = conn.unread[1].is_empty() && !conn.ended[1];
                    conn.unread[1].clear();
                    conn.ended[1] = false;
                    conn.connecting = None;
                    if let Some(wire) = conn.wire.take()
                        && reusable
                        && clean
                        && wire.unsent.is_empty()
                        && wire.got.is_empty()
                    {
                        self.idle.entry(wire.card).or_default().push(wire);
                    }
                    Do::Nothing
                }
                Output::Close { abort } => {
                    assert_eq!(conn.closed.replace(abort), None);
                    Do::Nothing
                }
                Output::Event(Event::Done(usage)) => {
                    conn.customer.usages.push_back(usage);
                    Do::Nothing
                }
                Output::Event(Event::CardFailed { service, card }) => {
                    self.prober.suspect(self.now, service, card).unwrap();
                    Do::Nothing
                }
                Output::Event(_) | Output::Finish { .. } => Do::Nothing,
            };
            match what {
                Do::Nothing => {}
                Do::Write(to, bytes) => self.write(conn, to, &bytes),
                Do::Pick(service, tried) => {
                    let key = PickKey { client: conn.client, tried: &tried, sticky: None };
                    let before = self.pools.pool(service).unwrap().clone();
                    answer = match self.pools.pool_mut(service).unwrap().ask(self.now, &key) {
                        Answer::Picked(pick) => Some(self.picked(conn, service, pick, &before, &tried)),
                        Answer::Wait(ticket) => {
                            self.totals.waited += 1;
                            self.waiting.insert((service, ticket), id);
                            conn.ticket = Some((service, ticket));
                            None
                        }
                        Answer::Refused(_) => Some(Input::NoCard),
                    };
                }
                Do::Connect(card, fresh) => {
                    let kept = if fresh { None } else { self.idle.get_mut(&card.0).and_then(Vec::pop) };
                    let Card { down, slow } = self.cards[&card.0];
                    let reused = kept.is_some();
                    answer = match (kept, down, slow) {
                        (None, true, _) => Some(Input::ConnectFailed),
                        // It accepts nothing and refuses nothing.
                        (None, _, true) if self.random.chance(30) => None,
                        (kept, ..) => {
                            conn.wire = Some(kept.unwrap_or(Wire { card: card.0, ..Wire::default() }));
                            Some(Input::Connected { reused })
                        }
                    };
                }
            }
            if let Some(answer) = answer {
                conn.session.handle(self.now, answer).unwrap();
            }
        }
    }

    /// A card was picked: it must be one that may be.
    pub(super) fn picked(
        &self,
        conn: &mut Conn,
        service: ServiceId,
        pick: Pick,
        before: &Pool,
        tried: &[CardId],
    ) -> Input<'static> {
        let sound = |card: CardId| {
            before.members().iter().any(|member| {
                let well = member.state == State::Up && member.health != Health::Ill;
                member.card == card && well && !member.is_ejected(self.now)
            })
        };
        assert!(!tried.contains(&pick.card), "tried before");
        let none = before.members().iter().all(|member| !sound(member.card) || tried.contains(&member.card));
        let open = service == MALL && none;
        let up = before.members().iter().any(|member| member.card == pick.card && member.state == State::Up);
        assert!(sound(pick.card) || (open && up), "{pick:?} of {:?}", before.members());
        assert_eq!(conn.picked.replace((service, pick.card)), None, "two cards for one request");
        Input::Picked { card: pick.card, address: pick.address }
    }
}
