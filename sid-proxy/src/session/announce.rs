//! Telling a card of the customer.

use super::Peer;
use crate::proxy_protocol::Header;
use alloc::vec::Vec;

/// Whether a card is told of the customer's address, by the PROXY protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Announce {
    /// It is not.
    #[default]
    No,
    /// By version 1.
    V1,
    /// By version 2.
    V2,
}

impl Announce {
    /// Appends the header for a customer.
    pub(crate) fn write(self, peer: &Peer, into: &mut Vec<u8>) {
        let header = Header::tcp(peer.client, peer.local);
        match self {
            Self::No => {}
            Self::V1 => header.emit_v1(into),
            // Two addresses and a checksum are never too long.
            Self::V2 => header.emit_v2(&[], into).unwrap_or_default(),
        }
    }
}
