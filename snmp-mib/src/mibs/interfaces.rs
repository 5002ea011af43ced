//! The interfaces group (RFC 2863): ifNumber, ifTable and ifXTable.

use crate::mib::{
    Counter32, Counter64, DisplayString, Gauge32, MibEnum, MibScalars, MibTable, Table, TimeStamp, TimeTicks,
    TruthValue,
};
use crate::oid;
use crate::wire::Oid;

use alloc::vec::Vec;

/// ifNumber.
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "interfaces", oid = "1.3.6.1.2.1.2", prefix = "if")]
pub struct Interfaces {
    /// The number of network interfaces, whatever their state.
    #[mib(1)]
    pub number: i32,
}

/// A row of ifTable. What is not known is `None`.
#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "ifTable", oid = "1.3.6.1.2.1.2.2", index(index))]
pub struct Interface {
    /// A unique value for each interface, greater than zero.
    #[mib(1, read_only, range(1, 2_147_483_647))]
    pub index: i32,
    /// Information about the interface.
    #[mib(2)]
    pub descr: DisplayString,
    /// The type of interface, as IANA numbers them.
    #[mib(3, name = "ifType")]
    pub kind: IfType,
    /// The size of the largest packet, in octets.
    #[mib(4)]
    pub mtu: Option<i32>,
    /// The present bandwidth in bits a second; 4294967295 where it is more.
    #[mib(5)]
    pub speed: Option<Gauge32>,
    /// The address at the protocol sub-layer; empty where there is none.
    #[mib(6)]
    pub phys_address: Vec<u8>,
    /// The desired state.
    #[mib(7)]
    pub admin_status: IfStatus,
    /// The present state.
    #[mib(8)]
    pub oper_status: IfStatus,
    /// The value of sysUpTime when the interface entered its present state.
    #[mib(9)]
    pub last_change: Option<TimeTicks>,
    /// Octets received, framing included.
    #[mib(10)]
    pub in_octets: Option<Counter32>,
    /// Packets to one address, delivered upwards.
    #[mib(11)]
    pub in_ucast_pkts: Option<Counter32>,
    /// Packets to many addresses, delivered upwards.
    #[mib(12, status = deprecated, name = "ifInNUcastPkts")]
    pub in_nucast_pkts: Option<Counter32>,
    /// Inbound packets discarded although they had no errors.
    #[mib(13)]
    pub in_discards: Option<Counter32>,
    /// Inbound packets with errors.
    #[mib(14)]
    pub in_errors: Option<Counter32>,
    /// Inbound packets of an unknown protocol.
    #[mib(15)]
    pub in_unknown_protos: Option<Counter32>,
    /// Octets sent, framing included.
    #[mib(16)]
    pub out_octets: Option<Counter32>,
    /// Packets sent to one address.
    #[mib(17)]
    pub out_ucast_pkts: Option<Counter32>,
    /// Packets sent to many addresses.
    #[mib(18, status = deprecated, name = "ifOutNUcastPkts")]
    pub out_nucast_pkts: Option<Counter32>,
    /// Outbound packets discarded although they had no errors.
    #[mib(19)]
    pub out_discards: Option<Counter32>,
    /// Outbound packets with errors.
    #[mib(20)]
    pub out_errors: Option<Counter32>,
    /// The length of the output queue, in packets.
    #[mib(21, name = "ifOutQLen", status = deprecated)]
    pub out_queue: Option<Gauge32>,
    /// A reference to definitions of the medium; zeroDotZero.
    #[mib(22, status = deprecated)]
    pub specific: Oid<'static>,
}

/// A row of ifXTable: what 64 bits and a name add to [`Interface`].
#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "ifXTable", oid = "1.3.6.1.2.1.31.1.1", index(index), prefix = "if", augments = "ifEntry")]
pub struct InterfaceX {
    /// ifIndex of the interface.
    #[mib(foreign = "ifIndex")]
    pub index: i32,
    /// The textual name of the interface.
    #[mib(1)]
    pub name: DisplayString,
    /// Packets to a multicast address, delivered upwards.
    #[mib(2)]
    pub in_multicast_pkts: Option<Counter32>,
    /// Packets to the broadcast address, delivered upwards.
    #[mib(3)]
    pub in_broadcast_pkts: Option<Counter32>,
    /// Packets sent to a multicast address.
    #[mib(4)]
    pub out_multicast_pkts: Option<Counter32>,
    /// Packets sent to the broadcast address.
    #[mib(5)]
    pub out_broadcast_pkts: Option<Counter32>,
    /// Octets received, framing included.
    #[mib(6, name = "ifHCInOctets")]
    pub hc_in_octets: Option<Counter64>,
    /// Packets to one address, delivered upwards.
    #[mib(7, name = "ifHCInUcastPkts")]
    pub hc_in_ucast_pkts: Option<Counter64>,
    /// Packets to a multicast address, delivered upwards.
    #[mib(8, name = "ifHCInMulticastPkts")]
    pub hc_in_multicast_pkts: Option<Counter64>,
    /// Octets sent, framing included.
    #[mib(10, name = "ifHCOutOctets")]
    pub hc_out_octets: Option<Counter64>,
    /// Packets sent to one address.
    #[mib(11, name = "ifHCOutUcastPkts")]
    pub hc_out_ucast_pkts: Option<Counter64>,
    /// Whether linkUp and linkDown are sent.
    #[mib(14)]
    pub link_up_down_trap_enable: TrapEnable,
    /// The present bandwidth in millions of bits a second.
    #[mib(15)]
    pub high_speed: Option<Gauge32>,
    /// Whether everything on the medium is accepted.
    #[mib(16)]
    pub promiscuous_mode: TruthValue,
    /// Whether there is a connector.
    #[mib(17)]
    pub connector_present: TruthValue,
    /// A name that a manager gave.
    #[mib(18)]
    pub alias: DisplayString,
    /// The value of sysUpTime when a counter started anew.
    #[mib(19)]
    pub counter_discontinuity_time: TimeStamp,
}

/// Whether linkUp and linkDown are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MibEnum)]
pub enum TrapEnable {
    /// They are.
    Enabled = 1,
    /// They are not.
    Disabled = 2,
}

impl InterfaceX {
    /// An interface of which nothing but its name is known.
    pub fn new(index: i32, name: &str) -> Self {
        Self {
            index,
            name: name.into(),
            in_multicast_pkts: None,
            in_broadcast_pkts: None,
            out_multicast_pkts: None,
            out_broadcast_pkts: None,
            hc_in_octets: None,
            hc_in_ucast_pkts: None,
            hc_in_multicast_pkts: None,
            hc_out_octets: None,
            hc_out_ucast_pkts: None,
            link_up_down_trap_enable: TrapEnable::Disabled,
            high_speed: None,
            promiscuous_mode: TruthValue::False,
            connector_present: TruthValue::False,
            alias: DisplayString::default(),
            counter_discontinuity_time: TimeStamp(0),
        }
    }
}

/// The types of interface that machines have, of the list kept by IANA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MibEnum)]
#[allow(missing_docs, reason = "the names are those of IANAifType-MIB")]
pub enum IfType {
    Other = 1,
    EthernetCsmacd = 6,
    Ppp = 23,
    SoftwareLoopback = 24,
    Tunnel = 131,
    L2vlan = 135,
    Ieee8023adLag = 161,
    Bridge = 209,
}

/// The state of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 2863 §6")]
pub enum IfStatus {
    Up = 1,
    Down = 2,
    Testing = 3,
    Unknown = 4,
    Dormant = 5,
    NotPresent = 6,
    LowerLayerDown = 7,
}

impl Interface {
    /// An interface of which nothing but its name and type is known.
    pub fn new(index: i32, descr: &str, kind: IfType) -> Self {
        Self {
            index,
            descr: descr.into(),
            kind,
            mtu: None,
            speed: None,
            phys_address: Vec::new(),
            admin_status: IfStatus::Unknown,
            oper_status: IfStatus::Unknown,
            last_change: None,
            in_octets: None,
            in_ucast_pkts: None,
            in_nucast_pkts: None,
            in_discards: None,
            in_errors: None,
            in_unknown_protos: None,
            out_octets: None,
            out_ucast_pkts: None,
            out_nucast_pkts: None,
            out_discards: None,
            out_errors: None,
            out_queue: None,
            specific: oid!(0, 0),
        }
    }
}

impl Interfaces {
    /// ifNumber of that table.
    pub fn of(table: &Table<Interface>) -> Self {
        Self { number: i32::try_from(table.len()).unwrap_or(i32::MAX) }
    }
}
