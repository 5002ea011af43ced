//! One transfer.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::{Config, TransferId};
use crate::tftp::backoff::Backoff;
use crate::tftp::netascii::Decoder;
use crate::tftp::receiver::Receiver;
use crate::tftp::sender::Sender;
use crate::wire::tftp::{FileName, Mode, OptionList, emit_option};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transfer {
    pub(super) id: TransferId,
    pub(super) peer: SocketAddr,
    pub(super) name: FileName,
    pub(super) mode: Mode,
    pub(super) asked: Asked,
    /// Whether the peer writes.
    pub(super) writes: bool,
    /// The octets that its window may have in flight.
    pub(super) reserved: usize,
    pub(super) state: State,
    pub(super) backoff: Backoff,
    pub(super) sent_at: Duration,
    pub(super) deadline: Option<Duration>,
    pub(super) retransmits: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// The driver looks for the file.
    Opening,
    /// The options are sent, and not yet acknowledged.
    Offered { oack: Vec<u8>, sender: Sender },
    /// The peer's blocks are awaited.
    Receiving(Box<Receiving>),
    /// Blocks are on their way; `reading` octets are being read; `send` says that packets are to be sent.
    Sending { sender: Sender, reading: Option<usize>, send: bool },
}

/// A file on its way in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Receiving {
    pub(super) receiver: Receiver,
    pub(super) decoder: Decoder,
    /// What says that the first block may come: an OACK, or the acknowledgement of block 0.
    pub(super) hello: Vec<u8>,
    /// Where in the file the next octets go.
    pub(super) offset: u64,
    /// Blocks that the driver is writing.
    pub(super) writing: u32,
    /// What is acknowledged once they are written.
    pub(super) ack: Option<u16>,
    /// The last block has come.
    pub(super) whole: bool,
}

/// What both sides keep to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreed {
    pub(super) blksize: usize,
    pub(super) window: u64,
}

/// The options of a request, as numbers; those that are none are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    blksize: Option<u64>,
    timeout: Option<u64>,
    tsize: Option<u64>,
    windowsize: Option<u64>,
}

impl Asked {
    pub(super) fn read(options: &OptionList<'_>) -> Self {
        Self {
            blksize: options.number("blksize").filter(|size| (8..=65_464).contains(size)),
            timeout: options.number("timeout").filter(|seconds| (1..=255).contains(seconds)),
            tsize: options.number("tsize"),
            windowsize: options.number("windowsize").filter(|size| (1..=65_535).contains(size)),
        }
    }

    pub(super) const fn size(&self) -> Option<u64> {
        self.tsize
    }
}

impl Transfer {
    /// Agrees on the options asked for, within `room` octets in flight: what both keep to, and the OACK if any option
    /// stands (RFC 2347 §3).
    pub(super) fn negotiate(
        &mut self,
        config: &Config,
        size: Option<u64>,
        room: usize,
    ) -> (Agreed, Option<Vec<u8>>) {
        let mut oack = alloc::vec![0, 6];
        let mut blksize = 512_usize;
        if let Some(asked) = self.asked.blksize {
            let agreed = asked.min(config.max_blksize.max(512).into());
            blksize = usize::try_from(agreed).unwrap_or(512);
            emit_option(&mut oack, "blksize", agreed);
        }
        // Who writes is told its own word back; who reads, the size as it is.
        let size = if self.writes { self.asked.tsize } else { size.filter(|_| self.mode == Mode::Octet) };
        if let Some(size) = size.filter(|_| self.asked.tsize.is_some()) {
            emit_option(&mut oack, "tsize", size);
        }
        if let Some(seconds) = self.asked.timeout {
            self.backoff.fix(Duration::from_secs(seconds));
            emit_option(&mut oack, "timeout", seconds);
        }
        let segment = blksize.saturating_add(4);
        let mut window = 1;
        if let Some(asked) = self.asked.windowsize {
            let room = room.min(config.limits.window_octets);
            let fits = u64::try_from(room.checked_div(segment).unwrap_or(1)).unwrap_or(1);
            window = asked.min(config.max_windowsize.into()).min(fits).max(1);
            emit_option(&mut oack, "windowsize", window);
        }
        self.reserved = segment.saturating_mul(usize::try_from(window).unwrap_or(1));
        (Agreed { blksize, window }, (oack.len() > 2).then_some(oack))
    }

    pub(super) fn octets(&self) -> u64 {
        match &self.state {
            State::Opening => 0,
            State::Receiving(receiving) => receiving.offset,
            State::Offered { sender, .. } | State::Sending { sender, .. } => sender.octets_read(),
        }
    }

    /// Whether it is the driver that is waited for.
    pub(super) fn waits_for_content(&self) -> bool {
        match &self.state {
            State::Opening | State::Sending { reading: Some(_), .. } => true,
            State::Receiving(receiving) => receiving.writing > 0,
            State::Offered { .. } | State::Sending { .. } => false,
        }
    }

    /// Something was sent at `now` that wants an answer.
    pub(super) fn sent(&mut self, now: Duration) {
        self.sent_at = now;
        self.deadline = Some(now.saturating_add(self.backoff.interval()));
    }
}
