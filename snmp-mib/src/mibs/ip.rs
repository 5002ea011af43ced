//! The ip, at and icmp groups of MIB-II (RFC 1213): deprecated since, and what pollers still walk.
//!
//! What a machine does not tell is `None` and is not served.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use crate::mib::{Counter32, MibEnum, MibScalars, MibTable};

/// The scalars of the ip group.
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "ip", oid = "1.3.6.1.2.1.4", prefix = "ip")]
pub struct Ip {
    /// Whether the machine forwards datagrams that are not for itself.
    #[mib(1)]
    pub forwarding: Option<Forwarding>,
    /// The time to live of datagrams where the transport gives none.
    #[mib(2, name = "ipDefaultTTL", range(1, 255))]
    pub default_ttl: Option<i32>,
    /// Datagrams received, errors included.
    #[mib(3)]
    pub in_receives: Option<Counter32>,
    /// Datagrams discarded for errors in their header.
    #[mib(4)]
    pub in_hdr_errors: Option<Counter32>,
    /// Datagrams discarded for an address that is not valid here.
    #[mib(5)]
    pub in_addr_errors: Option<Counter32>,
    /// Datagrams that were to be forwarded.
    #[mib(6)]
    pub forw_datagrams: Option<Counter32>,
    /// Datagrams of an unknown protocol.
    #[mib(7)]
    pub in_unknown_protos: Option<Counter32>,
    /// Good datagrams discarded, as for lack of room.
    #[mib(8)]
    pub in_discards: Option<Counter32>,
    /// Datagrams delivered to the protocols above.
    #[mib(9)]
    pub in_delivers: Option<Counter32>,
    /// Datagrams that the protocols above wanted sent.
    #[mib(10)]
    pub out_requests: Option<Counter32>,
    /// Good datagrams not sent, as for lack of room.
    #[mib(11)]
    pub out_discards: Option<Counter32>,
    /// Datagrams discarded because no route led there.
    #[mib(12)]
    pub out_no_routes: Option<Counter32>,
    /// Seconds that fragments are held for their others.
    #[mib(13, units = "seconds")]
    pub reasm_timeout: Option<i32>,
    /// Fragments that needed to be put together.
    #[mib(14, name = "ipReasmReqds")]
    pub reasm_reqds: Option<Counter32>,
    /// Datagrams put together from fragments.
    #[mib(15, name = "ipReasmOKs")]
    pub reasm_oks: Option<Counter32>,
    /// Failures to put fragments together.
    #[mib(16, name = "ipReasmFails")]
    pub reasm_fails: Option<Counter32>,
    /// Datagrams cut into fragments.
    #[mib(17, name = "ipFragOKs")]
    pub frag_oks: Option<Counter32>,
    /// Datagrams that could not be cut, as the sender forbade it.
    #[mib(18, name = "ipFragFails")]
    pub frag_fails: Option<Counter32>,
    /// Fragments created.
    #[mib(19, name = "ipFragCreates")]
    pub frag_creates: Option<Counter32>,
    /// Routes discarded although they were valid.
    #[mib(23)]
    pub routing_discards: Option<Counter32>,
}

/// Whether datagrams are forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MibEnum)]
pub enum Forwarding {
    /// They are.
    Forwarding = 1,
    /// They are not.
    NotForwarding = 2,
}

/// A row of ipAddrTable: an address of this machine.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "ipAddrTable", oid = "1.3.6.1.2.1.4.20", index(ent_addr), prefix = "ipAd")]
pub struct Address {
    /// The address.
    #[mib(1, read_only)]
    pub ent_addr: Ipv4Addr,
    /// ifIndex of the interface that it belongs to.
    #[mib(2)]
    pub ent_if_index: i32,
    /// The network's mask.
    #[mib(3)]
    pub ent_net_mask: Ipv4Addr,
    /// The last bit of the broadcast address: 1 as the Internet has it.
    #[mib(4)]
    pub ent_bcast_addr: i32,
    /// The largest datagram that is put together from fragments.
    #[mib(5, range(0, 65_535))]
    pub ent_reasm_max_size: Option<i32>,
}

/// A row of ipNetToMediaTable: whose hardware address is known.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "ipNetToMediaTable", oid = "1.3.6.1.2.1.4.22", index(if_index, net_address))]
pub struct Neighbour {
    /// ifIndex of the interface.
    #[mib(1, read_only)]
    pub if_index: i32,
    /// The hardware address.
    #[mib(2)]
    pub phys_address: Vec<u8>,
    /// The network address.
    #[mib(3, read_only)]
    pub net_address: Ipv4Addr,
    /// How it became known.
    #[mib(4, name = "ipNetToMediaType")]
    pub kind: NeighbourType,
}

/// How a neighbour became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MibEnum)]
pub enum NeighbourType {
    /// Otherwise.
    Other = 1,
    /// It no longer holds.
    Invalid = 2,
    /// It was learnt.
    Dynamic = 3,
    /// It was configured.
    Static = 4,
}

/// A row of atTable, the older form of [`Neighbour`].
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "atTable", oid = "1.3.6.1.2.1.3.1", index(if_index, family, net_address), status = deprecated)]
pub struct Translation {
    /// ifIndex of the interface.
    #[mib(1, read_only, status = deprecated)]
    pub if_index: i32,
    /// The hardware address.
    #[mib(2, status = deprecated)]
    pub phys_address: Vec<u8>,
    /// The network address.
    #[mib(3, read_only, status = deprecated)]
    pub net_address: Ipv4Addr,
    /// The choice of NetworkAddress, 1 for internet, which is part of the index.
    #[mib(foreign = "atNetAddress")]
    family: u32,
}

impl From<&Neighbour> for Translation {
    fn from(neighbour: &Neighbour) -> Self {
        let Neighbour { if_index, phys_address, net_address, .. } = neighbour.clone();
        Self { if_index, phys_address, net_address, family: 1 }
    }
}

/// The icmp group.
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "icmp", oid = "1.3.6.1.2.1.5", prefix = "icmp")]
pub struct Icmp {
    /// Messages received.
    #[mib(1)]
    pub in_msgs: Option<Counter32>,
    /// Messages with ICMP errors received.
    #[mib(2)]
    pub in_errors: Option<Counter32>,
    /// Destination Unreachable messages received.
    #[mib(3)]
    pub in_dest_unreachs: Option<Counter32>,
    /// Time Exceeded messages received.
    #[mib(4)]
    pub in_time_excds: Option<Counter32>,
    /// Parameter Problem messages received.
    #[mib(5)]
    pub in_parm_probs: Option<Counter32>,
    /// Source Quench messages received.
    #[mib(6)]
    pub in_src_quenchs: Option<Counter32>,
    /// Redirect messages received.
    #[mib(7)]
    pub in_redirects: Option<Counter32>,
    /// Echo requests received.
    #[mib(8)]
    pub in_echos: Option<Counter32>,
    /// Echo replies received.
    #[mib(9)]
    pub in_echo_reps: Option<Counter32>,
    /// Timestamp requests received.
    #[mib(10)]
    pub in_timestamps: Option<Counter32>,
    /// Timestamp replies received.
    #[mib(11)]
    pub in_timestamp_reps: Option<Counter32>,
    /// Address Mask requests received.
    #[mib(12)]
    pub in_addr_masks: Option<Counter32>,
    /// Address Mask replies received.
    #[mib(13)]
    pub in_addr_mask_reps: Option<Counter32>,
    /// Messages sent.
    #[mib(14)]
    pub out_msgs: Option<Counter32>,
    /// Messages with ICMP errors sent.
    #[mib(15)]
    pub out_errors: Option<Counter32>,
    /// Destination Unreachable messages sent.
    #[mib(16)]
    pub out_dest_unreachs: Option<Counter32>,
    /// Time Exceeded messages sent.
    #[mib(17)]
    pub out_time_excds: Option<Counter32>,
    /// Parameter Problem messages sent.
    #[mib(18)]
    pub out_parm_probs: Option<Counter32>,
    /// Source Quench messages sent.
    #[mib(19)]
    pub out_src_quenchs: Option<Counter32>,
    /// Redirect messages sent.
    #[mib(20)]
    pub out_redirects: Option<Counter32>,
    /// Echo requests sent.
    #[mib(21)]
    pub out_echos: Option<Counter32>,
    /// Echo replies sent.
    #[mib(22)]
    pub out_echo_reps: Option<Counter32>,
    /// Timestamp requests sent.
    #[mib(23)]
    pub out_timestamps: Option<Counter32>,
    /// Timestamp replies sent.
    #[mib(24)]
    pub out_timestamp_reps: Option<Counter32>,
    /// Address Mask requests sent.
    #[mib(25)]
    pub out_addr_masks: Option<Counter32>,
    /// Address Mask replies sent.
    #[mib(26)]
    pub out_addr_mask_reps: Option<Counter32>,
}
