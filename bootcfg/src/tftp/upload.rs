//! The client that writes: one file to one server.
//!
//! ```text
//! requesting ─ OACK, or ACK 0 ─▶ sending ─ last ACK ─▶ over (Done)
//!      └ timeouts, ERROR ─▶ over (Failed)   │ ▲
//!                                     Read  ▼ │  ReadDone
//! ```

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::backoff::Backoff;
use super::client::options::{self, Agreed, Way};
use super::client::{Config, Error, Event, Failure};
use super::sender::{Acked, Sender};
use crate::queue::Queue;
use crate::tftp::Rollover;
use crate::wire::tftp::{ErrorCode, FileName, Packet};

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram came to the client's port.
    Datagram {
        /// Who sent it.
        from: SocketAddr,
        /// The payload.
        bytes: &'a [u8],
    },
    /// The octets read; fewer than asked for are the file's end.
    ReadDone(&'a [u8]),
    /// They could not be read, or nobody wants the file sent any more.
    Abort,
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send `bytes` from the client's port as datagrams of `segment` octets, the last one possibly shorter.
    Send {
        /// Who gets it.
        to: SocketAddr,
        /// The datagrams, one after another.
        bytes: &'a [u8],
        /// The length of each but the last.
        segment: usize,
    },
    /// Read `len` octets of the file at `offset`, and answer [`Input::ReadDone`].
    Read {
        /// Where.
        offset: u64,
        /// How many.
        len: usize,
    },
    /// Something worth telling.
    Event(Event),
}

/// A TFTP client that writes one file.
///
/// It holds one window of packets, `windowsize × (blksize + 4)` octets, and never the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
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
    Requesting,
    /// `reading` octets are being read; `send` says that the window is to be sent.
    Sending {
        peer: SocketAddr,
        sender: Sender,
        reading: Option<usize>,
        send: bool,
    },
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    Packet(SocketAddr),
    Window,
    Read(u64, usize),
    Event(Event),
}

/// Waiting outputs past which nothing is taken; one input gives rise to three at most.
const MAX_OUTPUTS: usize = 8;

impl Upload {
    /// Begins to write `name` to the server at `server`, whose port is the well-known one; `size` is told beforehand
    /// where it is known (RFC 2349). `None`: the name makes the request longer than 512 octets.
    pub fn put(
        config: Config,
        name: &FileName,
        size: Option<u64>,
        server: SocketAddr,
        now: Duration,
    ) -> Option<Self> {
        let request = options::request(&config, Way::Write, name, size.filter(|_| config.tsize))?;
        let mut upload = Self {
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
        upload.send_request();
        Some(upload)
    }

    /// Tells the client what happened at `now`.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        if self.queue.len() >= MAX_OUTPUTS {
            return Err(Error::Full);
        }
        self.now = self.now.max(now);
        match input {
            Input::Datagram { from, bytes } => self.datagram(from, bytes),
            Input::ReadDone(bytes) => self.read_done(bytes),
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
        while self.queue.peek().is_some_and(|item| self.is_stale(item)) {
            _ = self.queue.next();
        }
        let (item, bytes) = self.queue.next()?;
        Some(match item {
            Item::Packet(to) => Output::Send { to, bytes, segment: bytes.len() },
            Item::Window => {
                let State::Sending { peer, sender, send, .. } = &mut self.state else { return None };
                *send = false;
                Output::Send {
                    to: *peer,
                    bytes: sender.packets(0..sender.waiting()),
                    segment: sender.segment(),
                }
            }
            Item::Read(offset, len) => Output::Read { offset, len },
            Item::Event(event) => Output::Event(event),
        })
    }

    /// When [`Input::Tick`] is next due; `None` when all is over, or the driver is to read.
    pub fn deadline(&self) -> Option<Duration> {
        if self.queue.is_empty() { self.deadline } else { Some(Duration::ZERO) }
    }

    /// Whether what was to be done is overtaken.
    fn is_stale(&self, item: &Item) -> bool {
        match (item, &self.state) {
            (Item::Window, State::Sending { send, .. }) => !*send,
            (Item::Read(..), State::Sending { reading, .. }) => reading.is_none(),
            (Item::Window | Item::Read(..), _) => true,
            _ => false,
        }
    }

    fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else { return };
        match &self.state {
            // The first answer comes from a new port of the same server (RFC 1350 §4).
            State::Requesting if from.ip() == self.server.ip() => self.first(from, &packet),
            State::Sending { peer, .. } if *peer == from => self.next(&packet),
            State::Sending { .. } if !matches!(packet, Packet::Error(..)) => {
                self.error(from, ErrorCode::UNKNOWN_TID, "unknown transfer");
            }
            _ => {}
        }
    }

    fn first(&mut self, peer: SocketAddr, packet: &Packet<'_>) {
        let agreed = match packet {
            Packet::OptionAck(options) => options::agreed(&self.config, self.config.tsize, options),
            Packet::Ack(0) => Ok(Agreed::PLAIN),
            Packet::Error(code, _) => return self.fail(Failure::Refused(*code), None),
            _ => return,
        };
        let Agreed { blksize, window, size } = agreed.unwrap_or(Agreed::PLAIN);
        let sender = Sender::new(self.config.mode, blksize, window, Rollover::Zero);
        self.state = State::Sending { peer, sender, reading: None, send: false };
        if let Err(failure) = agreed {
            return self.fail(failure, Some((ErrorCode::OPTIONS, "options not asked for")));
        }
        self.backoff.answered(self.now.saturating_sub(self.sent_at));
        self.queue.push_bare(Item::Event(Event::Started { size }));
        self.advance();
    }

    fn next(&mut self, packet: &Packet<'_>) {
        let State::Sending { sender, reading, .. } = &mut self.state else { return };
        match packet {
            Packet::Ack(number) => match if reading.is_some() { Acked::Nothing } else { sender.ack(*number) }
            {
                Acked::Nothing => {}
                Acked::Done => {
                    let octets = sender.octets_read();
                    self.over(Event::Done { octets });
                }
                Acked::Send => {
                    self.backoff.answered(self.now.saturating_sub(self.sent_at));
                    self.advance();
                }
            },
            Packet::Error(code, _) => self.fail(Failure::Refused(*code), None),
            // The OACK again: the first block crossed it, and its timer sends that again.
            Packet::OptionAck(_) => {}
            _ => self.fail(Failure::Protocol, Some((ErrorCode::ILLEGAL, "expected an acknowledgement"))),
        }
    }

    fn read_done(&mut self, bytes: &[u8]) {
        let State::Sending { sender, reading, .. } = &mut self.state else { return };
        let Some(asked) = reading.take() else { return };
        sender.fill(bytes, asked);
        self.advance();
    }

    /// Reads what the window has room for; once that is there, sends the window.
    fn advance(&mut self) {
        let State::Sending { sender, reading, send, .. } = &mut self.state else { return };
        if let Some((offset, len)) = sender.wants() {
            *reading = Some(len);
            self.deadline = None;
            self.queue.push_bare(Item::Read(offset, len));
            return;
        }
        if !core::mem::replace(send, true) {
            self.queue.push_bare(Item::Window);
        }
        self.arm();
    }

    fn send_request(&mut self) {
        let mut packet = self.queue.buffer();
        packet.extend_from_slice(&self.request);
        self.queue.push(Item::Packet(self.server), packet);
        self.arm();
    }

    fn arm(&mut self) {
        self.sent_at = self.now;
        self.deadline = Some(self.now.saturating_add(self.backoff.interval()));
    }

    fn time_out(&mut self) {
        if !self.backoff.again() {
            return self.fail(Failure::Timeout, None);
        }
        match &mut self.state {
            State::Requesting => self.send_request(),
            State::Sending { sender, .. } => {
                sender.retry();
                self.advance();
            }
            State::Over => self.deadline = None,
        }
    }

    fn error(&mut self, to: SocketAddr, code: ErrorCode, text: &str) {
        let mut packet = self.queue.buffer();
        Packet::Error(code, text.as_bytes()).emit(&mut packet);
        self.queue.push(Item::Packet(to), packet);
    }

    fn fail(&mut self, failure: Failure, tell: Option<(ErrorCode, &str)>) {
        match &self.state {
            State::Over => return,
            State::Sending { peer, .. } => {
                if let (peer, Some((code, text))) = (*peer, tell) {
                    self.error(peer, code, text);
                }
            }
            State::Requesting => {}
        }
        self.over(Event::Failed(failure));
    }

    fn over(&mut self, event: Event) {
        self.state = State::Over;
        self.deadline = None;
        self.queue.push_bare(Item::Event(event));
    }
}
