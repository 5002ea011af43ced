//! One transfer.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::{Config, TransferId};
use crate::tftp::backoff::Backoff;
use crate::tftp::sender::Sender;
use crate::wire::tftp::{FileName, Mode, OptionList, emit_option};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transfer {
    pub(super) id: TransferId,
    pub(super) peer: SocketAddr,
    pub(super) name: FileName,
    pub(super) mode: Mode,
    pub(super) asked: Asked,
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
    /// Blocks are on their way; `reading` octets are being read; `send` says that packets are to be sent.
    Sending { sender: Sender, reading: Option<usize>, send: bool },
}

/// The options of a request, as numbers; those that are none are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    blksize: Option<u64>,
    timeout: Option<u64>,
    tsize: bool,
    windowsize: Option<u64>,
}

impl Asked {
    pub(super) fn read(options: &OptionList<'_>) -> Self {
        Self {
            blksize: options.number("blksize").filter(|size| (8..=65_464).contains(size)),
            timeout: options.number("timeout").filter(|seconds| (1..=255).contains(seconds)),
            tsize: options.value("tsize").is_some(),
            windowsize: options.number("windowsize").filter(|size| (1..=65_535).contains(size)),
        }
    }

    pub(super) const fn size_only(&self) -> bool {
        self.tsize
    }
}

impl Transfer {
    /// Agrees on the options asked for: the sender, and the OACK if any option stands (RFC 2347 §3).
    pub(super) fn negotiate(&mut self, config: &Config, size: Option<u64>) -> (Sender, Option<Vec<u8>>) {
        let mut oack = alloc::vec![0, 6];
        let mut blksize = 512_usize;
        if let Some(asked) = self.asked.blksize {
            let agreed = asked.min(config.max_blksize.max(512).into());
            blksize = usize::try_from(agreed).unwrap_or(512);
            emit_option(&mut oack, "blksize", agreed);
        }
        if let Some(size) = size.filter(|_| self.asked.tsize && self.mode == Mode::Octet) {
            emit_option(&mut oack, "tsize", size);
        }
        if let Some(seconds) = self.asked.timeout {
            self.backoff.fix(Duration::from_secs(seconds));
            emit_option(&mut oack, "timeout", seconds);
        }
        let mut window = 1;
        if let Some(asked) = self.asked.windowsize {
            let fits = config.limits.window_octets.checked_div(blksize.saturating_add(4)).unwrap_or(1).max(1);
            window = asked.min(config.max_windowsize.max(1).into()).min(u64::try_from(fits).unwrap_or(1));
            emit_option(&mut oack, "windowsize", window);
        }
        let sender = Sender::new(self.mode, blksize, window, config.rollover);
        (sender, (oack.len() > 2).then_some(oack))
    }

    pub(super) fn octets(&self) -> u64 {
        match &self.state {
            State::Opening => 0,
            State::Offered { sender, .. } | State::Sending { sender, .. } => sender.octets_read(),
        }
    }

    /// Something was sent at `now` that wants an answer.
    pub(super) fn sent(&mut self, now: Duration) {
        self.sent_at = now;
        self.deadline = Some(now.saturating_add(self.backoff.interval()));
    }
}
