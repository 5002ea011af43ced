//! The three verbs of the server.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::transfer::{Asked, State, Transfer};
use super::{Config, End, Event, Input, Output, Tid, TransferId};
use crate::queue::Queue;
use crate::tftp::Refusal;
use crate::tftp::backoff::Backoff;
use crate::tftp::sender::{Acked, Sender};
use crate::wire::tftp::{ErrorCode, FileName, Mode, Packet, Request};

/// A TFTP server.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    pub(super) config: Config,
    pub(super) now: Duration,
    next: u64,
    pub(super) transfers: BTreeMap<TransferId, Transfer>,
    by_peer: BTreeMap<SocketAddr, TransferId>,
    peers: BTreeMap<IpAddr, Load>,
    /// The octets that may be in flight now.
    reserved: usize,
    timers: BTreeSet<(Duration, TransferId)>,
    pub(super) queue: Queue<Item>,
    stats: Stats,
}

/// What one peer address has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Load {
    transfers: usize,
    octets: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Open(TransferId),
    /// A block to be written: where, and whether it is the last.
    Write(TransferId, u64, bool),
    Read(TransferId, u64, usize),
    /// The packets of a transfer's window, lent from where they are.
    Window(TransferId),
    Packet(Tid, SocketAddr),
    Close(TransferId),
    Event(Event),
}

/// The most outputs that one input gives rise to: an ERROR, a close, an event, a read.
const OUTPUTS_AN_INPUT: usize = 4;

impl Server {
    /// Builds a server.
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            now: Duration::ZERO,
            next: 1,
            transfers: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            peers: BTreeMap::new(),
            reserved: 0,
            timers: BTreeSet::new(),
            queue: Queue::new(),
            stats: Stats { requests: 0, refused: 0, complete: 0, failed: 0, octets: 0, retransmits: 0 },
        }
    }

    /// Tells the server what happened at `now`. Inputs about transfers that are over mean nothing.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        if self.queue.len().saturating_add(OUTPUTS_AN_INPUT) > self.config.limits.outputs {
            return Err(Error::Full);
        }
        self.now = self.now.max(now);
        match input {
            Input::Datagram { at, from, bytes } => self.datagram(at, from, bytes),
            Input::Opened { id, size } => self.opened(id, size),
            Input::OpenFailed { id, refusal } => self.open_failed(id, refusal),
            Input::ReadDone { id, bytes } => self.read_done(id, bytes),
            Input::ReadFailed { id } => self.read_failed(id),
            Input::Written { id } => self.written(id),
            Input::WriteFailed { id, refusal } => self.write_failed(id, refusal),
            Input::Tick => {}
        }
        self.time_out();
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        while self.queue.peek().is_some_and(|item| self.is_stale(item)) {
            _ = self.queue.next();
        }
        let single_port = self.config.single_port;
        let (item, bytes) = self.queue.next()?;
        Some(match item {
            Item::Open(id) => {
                let Transfer { peer, name, writes, asked, .. } = self.transfers.get(&id)?;
                let (peer, size) = (*peer, asked.size());
                if *writes {
                    Output::Create { id, peer, name, size }
                } else {
                    Output::Open { id, peer, name }
                }
            }
            Item::Write(id, offset, last) => Output::Write { id, offset, bytes, last },
            Item::Read(id, offset, len) => Output::Read { id, offset, len },
            Item::Window(id) => {
                let transfer = self.transfers.get_mut(&id)?;
                let State::Sending { sender, send, .. } = &mut transfer.state else { return None };
                *send = false;
                let from = if single_port { Tid::Listen } else { Tid::Transfer(id) };
                let bytes = sender.packets(0..sender.waiting());
                Output::Send { from, to: transfer.peer, bytes, segment: sender.segment() }
            }
            Item::Packet(from, to) => Output::Send { from, to, bytes, segment: bytes.len() },
            Item::Close(id) => Output::Close { id },
            Item::Event(event) => Output::Event(event),
        })
    }

    /// When [`Input::Tick`] is next due.
    pub fn deadline(&self) -> Option<Duration> {
        if !self.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        self.timers.first().map(|(deadline, _)| *deadline)
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The transfers that run.
    pub fn transfers(&self) -> usize {
        self.transfers.len()
    }

    /// Whether what was to be done is overtaken: the transfer is over, or does not want it any more.
    fn is_stale(&self, item: &Item) -> bool {
        let (Item::Open(id) | Item::Read(id, ..) | Item::Write(id, ..) | Item::Window(id)) = item else {
            return false;
        };
        let Some(transfer) = self.transfers.get(id) else { return true };
        !match (item, &transfer.state) {
            (Item::Open(_), State::Opening) => true,
            (Item::Read(..), State::Sending { reading, .. }) => reading.is_some(),
            (Item::Window(_), State::Sending { send, .. }) => *send,
            (Item::Write(..), State::Receiving(_)) => true,
            _ => false,
        }
    }

    fn datagram(&mut self, at: Tid, from: SocketAddr, bytes: &[u8]) {
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            Err(error) => {
                if at == Tid::Listen {
                    self.tell(Event::Malformed { peer: from, error });
                }
                return;
            }
        };
        match (at, packet) {
            (_, Packet::Read(request)) => self.request(from, &request, false),
            (_, Packet::Write(request)) => self.request(from, &request, true),
            (Tid::Transfer(id), packet) => self.packet(id, from, &packet),
            (Tid::Listen, packet) => {
                if let Some(id) = self.by_peer.get(&from).copied().filter(|_| self.config.single_port) {
                    self.packet(id, from, &packet);
                } else if !matches!(packet, Packet::Error(..)) {
                    self.error(Tid::Listen, from, ErrorCode::UNKNOWN_TID, "unknown transfer");
                }
            }
        }
    }

    fn request(&mut self, peer: SocketAddr, request: &Request<'_>, writes: bool) {
        if self.by_peer.contains_key(&peer) {
            // The same request again: its first answer is on the way, or will be sent again by its timer.
            return;
        }
        self.stats.requests = self.stats.requests.saturating_add(1);
        let name = match FileName::parse(request.name) {
            Ok(name) => name,
            Err(error) => return self.refuse(peer, None, Refusal::Name(error)),
        };
        let Some(mode) = Mode::parse(request.mode) else {
            return self.refuse(peer, Some(name), Refusal::Mode);
        };
        let limits = &self.config.limits;
        let asked = Asked::read(&request.options);
        if writes && !self.config.writes {
            return self.refuse(peer, Some(name), Refusal::ReadOnly);
        }
        if writes && asked.size().is_some_and(|size| size > limits.written_octets) {
            return self.refuse(peer, Some(name), Refusal::TooLong);
        }
        let of_peer = self.peers.get(&peer.ip()).copied().unwrap_or_default().transfers;
        if self.transfers.len() >= limits.transfers || of_peer >= limits.transfers_a_peer {
            return self.refuse(peer, Some(name), Refusal::Busy);
        }
        let id = TransferId(self.next);
        self.next = self.next.saturating_add(1);
        let deadline = self.now.saturating_add(self.config.content_timeout);
        let transfer = Transfer {
            id,
            peer,
            name,
            mode,
            asked,
            writes,
            reserved: 0,
            state: State::Opening,
            backoff: Backoff::new(self.config.timeout, self.config.tries),
            sent_at: self.now,
            deadline: Some(deadline),
            retransmits: 0,
        };
        self.timers.insert((deadline, id));
        self.transfers.insert(id, transfer);
        self.by_peer.insert(peer, id);
        self.peers.entry(peer.ip()).or_default().transfers = of_peer.saturating_add(1);
        self.queue.push_bare(Item::Open(id));
    }

    fn opened(&mut self, id: TransferId, size: Option<u64>) {
        let Some(transfer) = self.transfers.get_mut(&id).filter(|transfer| transfer.state == State::Opening)
        else {
            return;
        };
        let limits = &self.config.limits;
        let load = self.peers.entry(transfer.peer.ip()).or_default();
        let room = limits.octets.saturating_sub(self.reserved);
        let room = room.min(limits.octets_a_peer.saturating_sub(load.octets));
        let (agreed, oack) = transfer.negotiate(&self.config, size, room);
        load.octets = load.octets.saturating_add(transfer.reserved);
        self.reserved = self.reserved.saturating_add(transfer.reserved);
        if transfer.writes {
            return self.receive(id, agreed, oack);
        }
        let sender = Sender::new(transfer.mode, agreed.blksize, agreed.window, self.config.rollover);
        match oack {
            Some(oack) => {
                transfer.state = State::Offered { oack, sender };
                self.send_options(id);
            }
            None => {
                transfer.state = State::Sending { sender, reading: None, send: false };
                self.advance(id);
            }
        }
    }

    fn open_failed(&mut self, id: TransferId, refusal: Refusal) {
        let Some(transfer) = self.transfers.get(&id).filter(|transfer| transfer.state == State::Opening)
        else {
            return;
        };
        let (peer, name) = (transfer.peer, transfer.name.clone());
        let (code, text) = refusal.reply();
        self.error(self.tid(id), peer, code, text);
        self.forget(id);
        self.stats.refused = self.stats.refused.saturating_add(1);
        self.tell(Event::Refused { peer, name: Some(name), refusal });
    }

    fn read_done(&mut self, id: TransferId, bytes: &[u8]) {
        let Some(Transfer { state: State::Sending { sender, reading, .. }, .. }) =
            self.transfers.get_mut(&id)
        else {
            return;
        };
        let Some(asked) = reading.take() else { return };
        sender.fill(bytes, asked);
        self.advance(id);
    }

    fn packet(&mut self, id: TransferId, from: SocketAddr, packet: &Packet<'_>) {
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        if transfer.peer != from {
            // Told to the stranger alone; the transfer goes on (RFC 1350 §4).
            if !matches!(packet, Packet::Error(..)) {
                self.error(self.tid(id), from, ErrorCode::UNKNOWN_TID, "unknown transfer");
            }
            return;
        }
        match packet {
            Packet::Data(number, data) if transfer.writes => self.data(id, *number, data),
            Packet::Ack(number) if !transfer.writes => self.acknowledged(id, *number),
            Packet::Error(code, _) => {
                let probed =
                    matches!(transfer.state, State::Offered { .. }) && transfer.asked.size().is_some();
                let refused_options = *code == ErrorCode::OPTIONS || *code == ErrorCode::UNDEFINED;
                let end = if probed && refused_options { End::Probed } else { End::PeerError(*code) };
                self.end(id, end);
            }
            _ => {
                let expected = if transfer.writes { "expected data" } else { "expected an acknowledgement" };
                self.error(self.tid(id), from, ErrorCode::ILLEGAL, expected);
                self.end(id, End::PeerError(ErrorCode::ILLEGAL));
            }
        }
    }

    fn acknowledged(&mut self, id: TransferId, number: u16) {
        let now = self.now;
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        let round_trip = now.saturating_sub(transfer.sent_at);
        match &mut transfer.state {
            State::Opening | State::Receiving(_) => {}
            State::Offered { sender, .. } if number == 0 => {
                transfer.backoff.answered(round_trip);
                transfer.state = State::Sending { sender: sender.clone(), reading: None, send: false };
                self.advance(id);
            }
            State::Offered { .. } => {}
            State::Sending { sender, reading, .. } => {
                // While octets are being read nothing is outstanding that could be acknowledged anew.
                match if reading.is_some() { Acked::Nothing } else { sender.ack(number) } {
                    Acked::Nothing => {}
                    Acked::Done => self.end(id, End::Complete),
                    Acked::Send => {
                        transfer.backoff.answered(round_trip);
                        self.advance(id);
                    }
                }
            }
        }
    }

    /// Reads what the window has room for; once that is there, sends the window.
    fn advance(&mut self, id: TransferId) {
        let now = self.now;
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        let State::Sending { sender, reading, send } = &mut transfer.state else { return };
        let old = transfer.deadline;
        if let Some((offset, len)) = sender.wants() {
            *reading = Some(len);
            transfer.deadline = Some(now.saturating_add(self.config.content_timeout));
            self.queue.push_bare(Item::Read(id, offset, len));
        } else {
            if !core::mem::replace(send, true) {
                self.queue.push_bare(Item::Window(id));
            }
            transfer.sent(now);
        }
        let new = transfer.deadline;
        self.rearm(id, old, new);
    }

    fn send_options(&mut self, id: TransferId) {
        let (tid, now) = (self.tid(id), self.now);
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        let State::Offered { oack, .. } = &transfer.state else { return };
        let mut packet = self.queue.buffer();
        packet.extend_from_slice(oack);
        self.queue.push(Item::Packet(tid, transfer.peer), packet);
        let old = transfer.deadline;
        transfer.sent(now);
        let new = transfer.deadline;
        self.rearm(id, old, new);
    }

    pub(super) fn rearm(&mut self, id: TransferId, old: Option<Duration>, new: Option<Duration>) {
        if let Some(old) = old {
            self.timers.remove(&(old, id));
        }
        if let Some(new) = new {
            self.timers.insert((new, id));
        }
    }

    /// Sends again what was not answered, while outputs have room.
    fn time_out(&mut self) {
        while self.queue.len().saturating_add(OUTPUTS_AN_INPUT) <= self.config.limits.outputs {
            let Some((_, id)) = self.timers.first().copied().filter(|(deadline, _)| *deadline <= self.now)
            else {
                return;
            };
            let Some(transfer) = self.transfers.get_mut(&id) else { return };
            if let State::Receiving(receiving) = &transfer.state
                && receiving.whole
                && receiving.writing == 0
            {
                // The peer is silent: it has the last acknowledgement (RFC 1350 §6).
                self.end(id, End::Complete);
                continue;
            }
            if transfer.waits_for_content() {
                self.broken(id);
                continue;
            }
            if !transfer.backoff.again() {
                self.end(id, End::Timeout);
                continue;
            }
            transfer.retransmits = transfer.retransmits.saturating_add(1);
            self.stats.retransmits = self.stats.retransmits.saturating_add(1);
            match &mut transfer.state {
                State::Sending { sender, .. } => {
                    sender.retry();
                    self.advance(id);
                }
                State::Receiving(_) => self.ask_again(id),
                _ => self.send_options(id),
            }
        }
    }

    fn read_failed(&mut self, id: TransferId) {
        if let Some(Transfer { state: State::Sending { reading: Some(_), .. }, .. }) = self.transfers.get(&id)
        {
            self.broken(id);
        }
    }

    /// The content is not to be had, or not in time.
    pub(super) fn broken(&mut self, id: TransferId) {
        let Some(peer) = self.transfers.get(&id).map(|transfer| transfer.peer) else { return };
        let (code, text) = Refusal::Broken.reply();
        self.error(self.tid(id), peer, code, text);
        self.end(id, End::Broken);
    }

    pub(super) fn end(&mut self, id: TransferId, end: End) {
        let Some(transfer) = self.forget(id) else { return };
        let octets = transfer.octets();
        let counter = if end == End::Complete { &mut self.stats.complete } else { &mut self.stats.failed };
        *counter = counter.saturating_add(u64::from(end != End::Probed));
        self.stats.octets = self.stats.octets.saturating_add(octets);
        let Transfer { peer, name, retransmits, .. } = transfer;
        self.tell(Event::Ended { peer, name, octets, retransmits, end });
    }

    fn forget(&mut self, id: TransferId) -> Option<Transfer> {
        let transfer = self.transfers.remove(&id)?;
        self.by_peer.remove(&transfer.peer);
        self.reserved = self.reserved.saturating_sub(transfer.reserved);
        if let Some(load) = self.peers.get_mut(&transfer.peer.ip()) {
            load.transfers = load.transfers.saturating_sub(1);
            load.octets = load.octets.saturating_sub(transfer.reserved);
            if load.transfers == 0 {
                self.peers.remove(&transfer.peer.ip());
            }
        }
        self.rearm(id, transfer.deadline, None);
        self.queue.push_bare(Item::Close(id));
        Some(transfer)
    }

    fn refuse(&mut self, peer: SocketAddr, name: Option<FileName>, refusal: Refusal) {
        let (code, text) = refusal.reply();
        self.error(Tid::Listen, peer, code, text);
        self.stats.refused = self.stats.refused.saturating_add(1);
        self.tell(Event::Refused { peer, name, refusal });
    }

    pub(super) fn error(&mut self, from: Tid, to: SocketAddr, code: ErrorCode, text: &str) {
        let mut packet: Vec<u8> = self.queue.buffer();
        Packet::Error(code, text.as_bytes()).emit(&mut packet);
        self.queue.push(Item::Packet(from, to), packet);
    }

    fn tell(&mut self, event: Event) {
        self.queue.push_bare(Item::Event(event));
    }

    pub(super) const fn tid(&self, id: TransferId) -> Tid {
        if self.config.single_port { Tid::Listen } else { Tid::Transfer(id) }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests, repeated ones not counted.
    pub requests: u64,
    /// Requests refused.
    pub refused: u64,
    /// Transfers completed.
    pub complete: u64,
    /// Transfers that failed.
    pub failed: u64,
    /// Octets of files read for transfers that ended.
    pub octets: u64,
    /// Packets or windows sent again.
    pub retransmits: u64,
}

/// Why an input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too many outputs wait: the input was not looked at. Drain first.
    #[error("too many outputs wait to be drained")]
    Full,
}
