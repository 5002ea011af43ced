//! The three verbs of the client.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::options::{self, Agreed, Way};
use super::{Config, Error, Event, Failure, Input, Output};
use crate::queue::Queue;
use crate::tftp::backoff::Backoff;
use crate::tftp::netascii::Decoder;
use crate::tftp::receiver::{Receiver, Step};
use crate::time::part;
use crate::wire::tftp::{ErrorCode, FileName, Mode, Packet};

/// A TFTP client that reads one file.
///
/// It holds at most two blocks waiting to be drained and never the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    config: Config,
    server: SocketAddr,
    request: Vec<u8>,
    state: State,
    backoff: Backoff,
    now: Duration,
    sent_at: Duration,
    deadline: Option<Duration>,
    queue: Queue<Item>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// The request is sent.
    Requesting,
    /// The server at `peer` sends; `size` is what it promised.
    Receiving {
        peer: SocketAddr,
        receiver: Receiver,
        decoder: Decoder,
        offset: u64,
    },
    /// The file is whole; a server that missed the last acknowledgement gets it again (RFC 1350 §6).
    Dallying {
        peer: SocketAddr,
        receiver: Receiver,
    },
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    Send(SocketAddr),
    Write(u64),
    Event(Event),
}

/// Waiting outputs past which nothing is taken; a datagram gives rise to three at most.
const MAX_OUTPUTS: usize = 8;

impl Client {
    /// Begins to read `name` from the server at `server`, whose port is the well-known one. `None`: the name makes the
    /// request longer than 512 octets.
    pub fn get(config: Config, name: &FileName, server: SocketAddr, now: Duration) -> Option<Self> {
        let size = (config.tsize && config.mode == Mode::Octet).then_some(0);
        let request = options::request(&config, Way::Read, name, size)?;
        let mut client = Self {
            config,
            server,
            request,
            state: State::Requesting,
            backoff: Backoff::new(config.timeout, config.tries),
            now,
            sent_at: now,
            deadline: None,
            queue: Queue::new(),
        };
        client.send_request();
        Some(client)
    }

    /// Tells the client what happened at `now`.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        if self.queue.len() >= MAX_OUTPUTS {
            return Err(Error::Full);
        }
        self.now = self.now.max(now);
        match input {
            Input::Datagram { from, bytes } => self.datagram(from, bytes),
            Input::Abort => self.fail(Failure::Aborted, Some((ErrorCode::UNDEFINED, "aborted"))),
            Input::Tick => {}
        }
        if self.deadline.is_some_and(|deadline| deadline <= self.now) && self.queue.len() < MAX_OUTPUTS {
            self.time_out();
        }
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        let (item, bytes) = self.queue.next()?;
        Some(match item {
            Item::Send(to) => Output::Send { to, bytes },
            Item::Write(offset) => Output::Write { offset, bytes },
            Item::Event(event) => Output::Event(event),
        })
    }

    /// When [`Input::Tick`] is next due; `None` when all is over, the wait for a lost last acknowledgement too.
    pub fn deadline(&self) -> Option<Duration> {
        if self.queue.is_empty() { self.deadline } else { Some(Duration::ZERO) }
    }

    fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else { return };
        match &self.state {
            // The first answer comes from a new port of the same server (RFC 1350 §4).
            State::Requesting if from.ip() == self.server.ip() => self.first(from, &packet),
            State::Receiving { peer, .. } | State::Dallying { peer, .. } if *peer == from => {
                self.next(from, &packet);
            }
            State::Receiving { .. } | State::Dallying { .. } if !matches!(packet, Packet::Error(..)) => {
                self.error(from, ErrorCode::UNKNOWN_TID, "unknown transfer");
            }
            _ => {}
        }
    }

    fn first(&mut self, peer: SocketAddr, packet: &Packet<'_>) {
        match packet {
            Packet::OptionAck(options) => match options::agreed(&self.config, self.config.tsize, options) {
                Ok(Agreed { blksize, window, size }) => {
                    let receiver = Receiver::new(blksize, window);
                    if size.is_some_and(|size| size > self.config.max_size) {
                        self.begin(peer, receiver);
                        return self.fail(Failure::TooLong, Some((ErrorCode::FULL, "file too long")));
                    }
                    self.begin(peer, receiver);
                    self.queue.push_bare(Item::Event(Event::Started { size }));
                    self.ack(peer, 0);
                }
                Err(failure) => {
                    self.begin(peer, Receiver::new(512, 1));
                    self.fail(failure, Some((ErrorCode::OPTIONS, "options not asked for")));
                }
            },
            Packet::Data(1, _) => {
                self.begin(peer, Receiver::new(512, 1));
                self.queue.push_bare(Item::Event(Event::Started { size: None }));
                self.next(peer, packet);
            }
            Packet::Error(code, _) => self.fail(Failure::Refused(*code), None),
            _ => {}
        }
    }

    fn begin(&mut self, peer: SocketAddr, receiver: Receiver) {
        self.state = State::Receiving { peer, receiver, decoder: Decoder::default(), offset: 0 };
    }

    fn next(&mut self, from: SocketAddr, packet: &Packet<'_>) {
        match packet {
            Packet::Data(number, data) => self.data(from, *number, data),
            Packet::OptionAck(_) => {
                // The acknowledgement of the options was lost.
                if let State::Receiving { receiver, .. } = &self.state
                    && !receiver.has_data()
                {
                    self.ack(from, 0);
                }
            }
            Packet::Error(code, _) => {
                if matches!(self.state, State::Receiving { .. }) {
                    self.fail(Failure::Refused(*code), None);
                }
            }
            _ => self.fail(Failure::Protocol, Some((ErrorCode::ILLEGAL, "expected data"))),
        }
    }

    fn data(&mut self, from: SocketAddr, number: u16, data: &[u8]) {
        let (receiver, writing) = match &mut self.state {
            State::Receiving { receiver, decoder, offset, .. } => (receiver, Some((decoder, offset))),
            State::Dallying { receiver, .. } => (receiver, None),
            State::Requesting | State::Over => return,
        };
        match receiver.data(number, data.len()) {
            Step::Nothing => {}
            Step::Again(last) => self.send_ack(from, last),
            Step::TooLong => self.fail(Failure::Protocol, Some((ErrorCode::ILLEGAL, "block too long"))),
            Step::Take { ack, last } => {
                let Some((decoder, offset)) = writing else { return };
                let at = *offset;
                let mut octets = self.queue.buffer();
                if self.config.mode == Mode::Netascii {
                    decoder.decode(data, &mut octets);
                    if last {
                        decoder.finish(&mut octets);
                    }
                } else {
                    octets.extend_from_slice(data);
                }
                *offset = at.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
                let (total, receiver) = (*offset, receiver.clone());
                if total > self.config.max_size {
                    self.queue.recycle(octets);
                    return self.fail(Failure::TooLong, Some((ErrorCode::FULL, "file too long")));
                }
                self.queue.push(Item::Write(at), octets);
                if let Some(number) = ack {
                    self.ack(from, number);
                } else {
                    self.arm();
                }
                if last {
                    self.queue.push_bare(Item::Event(Event::Done { octets: total }));
                    self.state = State::Dallying { peer: from, receiver };
                }
            }
        }
    }

    /// Acknowledges progress.
    fn ack(&mut self, to: SocketAddr, number: u16) {
        self.backoff.answered(self.now.saturating_sub(self.sent_at));
        self.sent_at = self.now;
        self.arm();
        self.send_ack(to, number);
    }

    fn send_ack(&mut self, to: SocketAddr, number: u16) {
        let mut packet = self.queue.buffer();
        Packet::Ack(number).emit(&mut packet);
        self.queue.push(Item::Send(to), packet);
    }

    fn send_request(&mut self) {
        let mut packet = self.queue.buffer();
        packet.extend_from_slice(&self.request);
        self.queue.push(Item::Send(self.server), packet);
        self.sent_at = self.now;
        self.arm();
    }

    fn error(&mut self, to: SocketAddr, code: ErrorCode, text: &str) {
        let mut packet = self.queue.buffer();
        Packet::Error(code, text.as_bytes()).emit(&mut packet);
        self.queue.push(Item::Send(to), packet);
    }

    fn arm(&mut self) {
        // The server retransmits too; the client waits a little longer, so that the two do not cross.
        let wait = self.backoff.interval();
        self.deadline = Some(self.now.saturating_add(wait).saturating_add(part(wait, 4)));
    }

    fn time_out(&mut self) {
        if matches!(self.state, State::Dallying { .. } | State::Over) {
            self.state = State::Over;
            self.deadline = None;
            return;
        }
        if !self.backoff.again() {
            return self.fail(Failure::Timeout, None);
        }
        match &mut self.state {
            State::Receiving { peer, receiver, .. } => {
                let (peer, number) = (*peer, receiver.retry());
                self.send_ack(peer, number);
                self.arm();
            }
            _ => self.send_request(),
        }
    }

    fn fail(&mut self, failure: Failure, tell: Option<(ErrorCode, &str)>) {
        match &self.state {
            State::Over | State::Dallying { .. } => return,
            State::Receiving { peer, .. } => {
                if let (peer, Some((code, text))) = (*peer, tell) {
                    self.error(peer, code, text);
                }
            }
            State::Requesting => {}
        }
        self.state = State::Over;
        self.deadline = None;
        self.queue.push_bare(Item::Event(Event::Failed(failure)));
    }
}
