//! What goes in and comes out of a server.

use core::net::SocketAddr;

use crate::tftp::Refusal;
use crate::wire::tftp::{ErrorCode, FileName, Malformed};

/// A transfer, named by the server from 1 on; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u64);

/// The local end of a datagram (RFC 1350 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tid {
    /// The well-known port.
    Listen,
    /// The port that the driver gave this transfer.
    Transfer(TransferId),
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram came to the well-known port or to a transfer's.
    Datagram {
        /// The port it came to.
        at: Tid,
        /// Who sent it.
        from: SocketAddr,
        /// The payload.
        bytes: &'a [u8],
    },
    /// The file is there: its size in octets, if that is known before it is read.
    Opened {
        /// The transfer.
        id: TransferId,
        /// The size.
        size: Option<u64>,
    },
    /// The file is not to be had.
    OpenFailed {
        /// The transfer.
        id: TransferId,
        /// Why.
        refusal: Refusal,
    },
    /// The octets read; fewer than asked for are the file's end.
    ReadDone {
        /// The transfer.
        id: TransferId,
        /// The octets.
        bytes: &'a [u8],
    },
    /// They could not be read.
    ReadFailed {
        /// The transfer.
        id: TransferId,
    },
    /// A block is written.
    Written {
        /// The transfer.
        id: TransferId,
    },
    /// It could not be: the disk is full, for instance.
    WriteFailed {
        /// The transfer.
        id: TransferId,
        /// Why.
        refusal: Refusal,
    },
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Find the file for the peer and answer `Opened` or `OpenFailed`. The driver gives the transfer a port of its own,
    /// unless all share one.
    Open {
        /// The transfer.
        id: TransferId,
        /// Who asks.
        peer: SocketAddr,
        /// The file.
        name: &'a FileName,
    },
    /// Make room for a file of the peer's and answer `Opened` or `OpenFailed`; only where
    /// [`Config::writes`](super::Config::writes) allows it. The driver gives the transfer a port of its own, unless all
    /// share one.
    Create {
        /// The transfer.
        id: TransferId,
        /// Who writes.
        peer: SocketAddr,
        /// The file.
        name: &'a FileName,
        /// How long the peer says it is, in octets.
        size: Option<u64>,
    },
    /// Write a block and answer `Written` or `WriteFailed`. The last one makes the file whole; a transfer closed before
    /// it leaves a torn one, which the driver drops.
    Write {
        /// The transfer.
        id: TransferId,
        /// Where in the file.
        offset: u64,
        /// The octets, none where the file ends with a full block.
        bytes: &'a [u8],
        /// Whether the file ends here.
        last: bool,
    },
    /// Read `len` octets at `offset` and answer `ReadDone` or `ReadFailed`.
    Read {
        /// The transfer.
        id: TransferId,
        /// Where.
        offset: u64,
        /// How many.
        len: usize,
    },
    /// Send `bytes` as datagrams of `segment` octets, the last one possibly shorter: one system call where the system
    /// segments.
    Send {
        /// The port to send from.
        from: Tid,
        /// Who gets it.
        to: SocketAddr,
        /// The datagrams, one after another.
        bytes: &'a [u8],
        /// The length of each but the last.
        segment: usize,
    },
    /// The transfer is over: forget its port and its file.
    Close {
        /// The transfer.
        id: TransferId,
    },
    /// Something worth telling.
    Event(Event),
}

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A request was refused.
    Refused {
        /// Who asked.
        peer: SocketAddr,
        /// For what; none: the name could not be read.
        name: Option<FileName>,
        /// Why.
        refusal: Refusal,
    },
    /// A transfer ended.
    Ended {
        /// Who asked.
        peer: SocketAddr,
        /// For what.
        name: FileName,
        /// The octets of the file read or written.
        octets: u64,
        /// Packets sent again because no answer came.
        retransmits: u64,
        /// How it ended.
        end: End,
    },
    /// A datagram that is no packet came to the well-known port.
    Malformed {
        /// Who sent it.
        peer: SocketAddr,
        /// What is wrong.
        error: Malformed,
    },
}

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The whole file has arrived.
    Complete,
    /// The peer asked for the size and went away, as UEFI firmware does before it downloads.
    Probed,
    /// The peer ended it.
    PeerError(ErrorCode),
    /// The peer fell silent.
    Timeout,
    /// The content could not be read or written.
    Broken,
}
