//! The tcp and udp groups of MIB-II (RFC 1213, RFC 4022, RFC 4113).

use core::net::Ipv4Addr;

use crate::mib::{Counter32, Gauge32, MibEnum, MibScalars, MibTable};

/// The scalars of the tcp group.
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "tcp", oid = "1.3.6.1.2.1.6", prefix = "tcp")]
pub struct Tcp {
    /// How the retransmission timeout is found.
    #[mib(1)]
    pub rto_algorithm: Option<RtoAlgorithm>,
    /// The least retransmission timeout.
    #[mib(2, units = "milliseconds")]
    pub rto_min: Option<i32>,
    /// The greatest retransmission timeout.
    #[mib(3, units = "milliseconds")]
    pub rto_max: Option<i32>,
    /// The most connections; -1 where there is no fixed number.
    #[mib(4)]
    pub max_conn: Option<i32>,
    /// Connections that this machine opened.
    #[mib(5)]
    pub active_opens: Option<Counter32>,
    /// Connections that others opened.
    #[mib(6)]
    pub passive_opens: Option<Counter32>,
    /// Connections that never came about.
    #[mib(7)]
    pub attempt_fails: Option<Counter32>,
    /// Connections that were reset.
    #[mib(8)]
    pub estab_resets: Option<Counter32>,
    /// Connections that are established now.
    #[mib(9)]
    pub curr_estab: Option<Gauge32>,
    /// Segments received.
    #[mib(10)]
    pub in_segs: Option<Counter32>,
    /// Segments sent, without repeated ones.
    #[mib(11)]
    pub out_segs: Option<Counter32>,
    /// Segments sent again.
    #[mib(12)]
    pub retrans_segs: Option<Counter32>,
    /// Segments received with errors.
    #[mib(14)]
    pub in_errs: Option<Counter32>,
    /// Segments sent with the RST flag.
    #[mib(15)]
    pub out_rsts: Option<Counter32>,
}

/// How the retransmission timeout is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 4022")]
pub enum RtoAlgorithm {
    Other = 1,
    Constant = 2,
    Rsre = 3,
    Vanj = 4,
    Rfc2988 = 5,
}

/// A row of tcpConnTable: a connection over IPv4, or a listener.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "tcpConnTable",
    oid = "1.3.6.1.2.1.6.13",
    index(local_address, local_port, rem_address, rem_port)
)]
pub struct Connection {
    /// Its state.
    #[mib(1)]
    pub state: TcpState,
    /// The address at this end.
    #[mib(2, read_only)]
    pub local_address: Ipv4Addr,
    /// The port at this end.
    #[mib(3, read_only, range(0, 65_535))]
    pub local_port: i32,
    /// The address at the other end.
    #[mib(4, read_only)]
    pub rem_address: Ipv4Addr,
    /// The port at the other end.
    #[mib(5, read_only, range(0, 65_535))]
    pub rem_port: i32,
}

/// The state of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 793")]
pub enum TcpState {
    Closed = 1,
    Listen = 2,
    SynSent = 3,
    SynReceived = 4,
    Established = 5,
    FinWait1 = 6,
    FinWait2 = 7,
    CloseWait = 8,
    LastAck = 9,
    Closing = 10,
    TimeWait = 11,
    #[mib(label = "deleteTCB")]
    DeleteTcb = 12,
}

/// The scalars of the udp group.
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "udp", oid = "1.3.6.1.2.1.7", prefix = "udp")]
pub struct Udp {
    /// Datagrams delivered.
    #[mib(1)]
    pub in_datagrams: Option<Counter32>,
    /// Datagrams to ports where nobody listened.
    #[mib(2)]
    pub no_ports: Option<Counter32>,
    /// Datagrams not delivered for other reasons.
    #[mib(3)]
    pub in_errors: Option<Counter32>,
    /// Datagrams sent.
    #[mib(4)]
    pub out_datagrams: Option<Counter32>,
}

/// A row of udpTable: a socket over IPv4.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "udpTable", oid = "1.3.6.1.2.1.7.5", index(local_address, local_port), prefix = "udp")]
pub struct Listener {
    /// The address that it listens on.
    #[mib(1, read_only)]
    pub local_address: Ipv4Addr,
    /// The port that it listens on.
    #[mib(2, read_only, range(0, 65_535))]
    pub local_port: i32,
}
