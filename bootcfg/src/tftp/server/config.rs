//! What a server is told.

use core::time::Duration;

use crate::tftp::Rollover;

/// The configuration of a [`Server`](super::Server).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The largest block agreed to, in octets, at least 512 (RFC 2348). Larger than the path's MTU means fragments,
    /// which boot ROMs do not join.
    pub max_blksize: u16,
    /// The largest window agreed to, in blocks (RFC 7440).
    pub max_windowsize: u16,
    /// How long the first answer is waited for; the round trips measured take over.
    pub timeout: Duration,
    /// How often a packet is sent before the transfer is given up.
    pub tries: u32,
    /// How long the driver may take to open or read a file.
    pub content_timeout: Duration,
    /// What follows block 65535.
    pub rollover: Rollover,
    /// Whether peers may write files at all; which, the driver decides by [`Output::Create`](super::Output::Create).
    pub writes: bool,
    /// Every transfer on the well-known port, its peer telling whose a packet is: for clients behind address
    /// translation.
    pub single_port: bool,
    /// The limits.
    pub limits: Limits,
}

impl Default for Config {
    /// Blocks up to 1,428 octets (what fits into 1,500 with every header), windows up to 64 blocks, 1 s and 6 tries,
    /// half a minute for the driver, no
    /// writing.
    fn default() -> Self {
        Self {
            max_blksize: 1428,
            max_windowsize: 64,
            timeout: Duration::from_secs(1),
            tries: 6,
            content_timeout: Duration::from_secs(30),
            rollover: Rollover::Zero,
            writes: false,
            single_port: false,
            limits: Limits::default(),
        }
    }
}

/// The bounds of a server's memory.
///
/// The windows of all transfers together have at most `octets`, and one block each beyond that; a transfer has about
/// 500 octets of its own. A window past `window_octets`, or past what its peer or all peers have left, is agreed down.
/// At most `outputs` events and small packets wait beside them, of at most 600 octets each, and blocks written, of one
/// block each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most transfers.
    pub transfers: usize,
    /// The most transfers of one peer address.
    pub transfers_a_peer: usize,
    /// The most octets in flight of one transfer.
    pub window_octets: usize,
    /// The most octets in flight of one peer address.
    pub octets_a_peer: usize,
    /// The most octets in flight of all.
    pub octets: usize,
    /// The longest file that a peer may write, in octets.
    pub written_octets: u64,
    /// The most outputs waiting to be drained.
    pub outputs: usize,
}

impl Default for Limits {
    /// 1,024 transfers, 64 a peer; 64 KiB in flight each, 1 MiB a peer and 16 MiB in all; files written up to 64 MiB;
    /// 4,096 outputs.
    fn default() -> Self {
        Self {
            transfers: 1024,
            transfers_a_peer: 64,
            window_octets: 65_536,
            octets_a_peer: 1 << 20,
            octets: 16 << 20,
            written_octets: 64 << 20,
            outputs: 4096,
        }
    }
}
