//! How a datagram is to be sent.

use core::net::{Ipv4Addr, SocketAddrV4};

use crate::HwAddr;

/// Where a reply goes, and how (RFC 2131 §4.1, RFC 1542 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the relay that the request came through.
    Relay(SocketAddrV4),
    /// To the client at an address that it has.
    Unicast(SocketAddrV4),
    /// To everyone on the link: 255.255.255.255 and this port.
    Broadcast(u16),
    /// To a client that does not yet answer ARP for `to`: a frame to `hw`, without asking. A driver that cannot send
    /// frames broadcasts instead, which every client must take (RFC 2131 §4.1).
    Link {
        /// The client's hardware address.
        hw: HwAddr,
        /// The address being given and the client's port.
        to: SocketAddrV4,
    },
}

/// The address that stands in the datagram, however it is brought there.
impl From<Destination> for SocketAddrV4 {
    fn from(to: Destination) -> Self {
        match to {
            Destination::Relay(to) | Destination::Unicast(to) | Destination::Link { to, .. } => to,
            Destination::Broadcast(port) => Self::new(Ipv4Addr::BROADCAST, port),
        }
    }
}

/// The UDP ports of DHCP; others than 67 and 68 serve tests and networks without privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The port of servers and relays.
    pub server: u16,
    /// The port of clients.
    pub client: u16,
}

impl Ports {
    /// The registered ports 67 and 68.
    pub const STANDARD: Self = Self { server: 67, client: 68 };
}

impl Default for Ports {
    fn default() -> Self {
        Self::STANDARD
    }
}
