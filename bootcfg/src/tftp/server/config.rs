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
    /// Every transfer on the well-known port, its peer telling whose a packet is: for clients behind address
    /// translation.
    pub single_port: bool,
    /// The limits.
    pub limits: Limits,
}

impl Default for Config {
    /// Blocks up to 1,428 octets (what fits into 1,500 with every header), windows up to 64 blocks, 1 s and 6 tries,
    /// half a minute for the driver.
    fn default() -> Self {
        Self {
            max_blksize: 1428,
            max_windowsize: 64,
            timeout: Duration::from_secs(1),
            tries: 6,
            content_timeout: Duration::from_secs(30),
            rollover: Rollover::Zero,
            single_port: false,
            limits: Limits::default(),
        }
    }
}

/// The bounds of a server's memory.
///
/// A transfer has at most `window_octets` of packets and about 400 octets of its own; `transfers` of them. A window
/// larger than `window_octets` is agreed down. At most `outputs` small packets and events wait beside them, of at most
/// 600 octets each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most transfers.
    pub transfers: usize,
    /// The most transfers of one peer address.
    pub transfers_a_peer: usize,
    /// The most octets in flight of one transfer.
    pub window_octets: usize,
    /// The most outputs waiting to be drained.
    pub outputs: usize,
}

impl Default for Limits {
    /// 1,024 transfers, 64 a peer, 64 KiB in flight, 4,096 outputs: at most 64 MiB in all, and that only while every
    /// peer has a full window.
    fn default() -> Self {
        Self { transfers: 1024, transfers_a_peer: 64, window_octets: 65_536, outputs: 4096 }
    }
}
