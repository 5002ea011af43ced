//! MIB-II from what Linux tells in `/proc/net`: text in, rows out. Reading the files is the caller's.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::interfaces::{IfStatus, IfType, Interface, InterfaceX};
use super::ip::{Address, Forwarding, Icmp, Ip, Neighbour, NeighbourType};
use super::transport::{Connection, Listener, RtoAlgorithm, Tcp, TcpState, Udp};
use crate::mib::{Counter32, Counter64, Gauge32, Table};

/// The groups that `/proc/net/snmp` has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Protocols {
    /// The ip group.
    pub ip: Ip,
    /// The icmp group.
    pub icmp: Icmp,
    /// The tcp group.
    pub tcp: Tcp,
    /// The udp group.
    pub udp: Udp,
}

impl Protocols {
    /// Reads `/proc/net/snmp`. What is not there stays absent.
    pub fn read(text: &str) -> Self {
        let ip = Fields::of(text, "Ip:");
        let icmp = Fields::of(text, "Icmp:");
        let tcp = Fields::of(text, "Tcp:");
        let udp = Fields::of(text, "Udp:");
        Self { ip: ip_group(&ip), icmp: icmp_group(&icmp), tcp: tcp_group(&tcp), udp: udp_group(&udp) }
    }
}

/// A line of names and the line of numbers under it.
struct Fields<'a> {
    names: &'a str,
    numbers: &'a str,
}

impl<'a> Fields<'a> {
    fn of(text: &'a str, label: &str) -> Self {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(label));
        Self { names: lines.next().unwrap_or_default(), numbers: lines.next().unwrap_or_default() }
    }

    fn number(&self, name: &str) -> Option<i64> {
        let mut pairs = self.names.split_whitespace().zip(self.numbers.split_whitespace());
        pairs.find(|(own, _)| *own == name).and_then(|(_, number)| number.parse().ok())
    }

    fn small(&self, name: &str) -> Option<i32> {
        self.number(name).and_then(|n| i32::try_from(n).ok())
    }

    fn counter(&self, name: &str) -> Option<Counter32> {
        self.number(name).and_then(|n| u64::try_from(n).ok()).map(wrapped)
    }

    fn gauge(&self, name: &str) -> Option<Gauge32> {
        self.number(name).map(|n| Gauge32(u32::try_from(n).unwrap_or(u32::MAX)))
    }
}

/// A count of 64 bits as Counter32 shows it.
fn wrapped(count: u64) -> Counter32 {
    Counter32(u32::try_from(count & u64::from(u32::MAX)).unwrap_or(0))
}

fn ip_group(f: &Fields<'_>) -> Ip {
    let forwarding = f.number("Forwarding").map(|n| match n {
        1 => Forwarding::Forwarding,
        _ => Forwarding::NotForwarding,
    });
    Ip {
        forwarding,
        default_ttl: f.small("DefaultTTL"),
        in_receives: f.counter("InReceives"),
        in_hdr_errors: f.counter("InHdrErrors"),
        in_addr_errors: f.counter("InAddrErrors"),
        forw_datagrams: f.counter("ForwDatagrams"),
        in_unknown_protos: f.counter("InUnknownProtos"),
        in_discards: f.counter("InDiscards"),
        in_delivers: f.counter("InDelivers"),
        out_requests: f.counter("OutRequests"),
        out_discards: f.counter("OutDiscards"),
        out_no_routes: f.counter("OutNoRoutes"),
        reasm_timeout: f.small("ReasmTimeout"),
        reasm_reqds: f.counter("ReasmReqds"),
        reasm_oks: f.counter("ReasmOKs"),
        reasm_fails: f.counter("ReasmFails"),
        frag_oks: f.counter("FragOKs"),
        frag_fails: f.counter("FragFails"),
        frag_creates: f.counter("FragCreates"),
        routing_discards: None,
    }
}

fn icmp_group(f: &Fields<'_>) -> Icmp {
    Icmp {
        in_msgs: f.counter("InMsgs"),
        in_errors: f.counter("InErrors"),
        in_dest_unreachs: f.counter("InDestUnreachs"),
        in_time_excds: f.counter("InTimeExcds"),
        in_parm_probs: f.counter("InParmProbs"),
        in_src_quenchs: f.counter("InSrcQuenchs"),
        in_redirects: f.counter("InRedirects"),
        in_echos: f.counter("InEchos"),
        in_echo_reps: f.counter("InEchoReps"),
        in_timestamps: f.counter("InTimestamps"),
        in_timestamp_reps: f.counter("InTimestampReps"),
        in_addr_masks: f.counter("InAddrMasks"),
        in_addr_mask_reps: f.counter("InAddrMaskReps"),
        out_msgs: f.counter("OutMsgs"),
        out_errors: f.counter("OutErrors"),
        out_dest_unreachs: f.counter("OutDestUnreachs"),
        out_time_excds: f.counter("OutTimeExcds"),
        out_parm_probs: f.counter("OutParmProbs"),
        out_src_quenchs: f.counter("OutSrcQuenchs"),
        out_redirects: f.counter("OutRedirects"),
        out_echos: f.counter("OutEchos"),
        out_echo_reps: f.counter("OutEchoReps"),
        out_timestamps: f.counter("OutTimestamps"),
        out_timestamp_reps: f.counter("OutTimestampReps"),
        out_addr_masks: f.counter("OutAddrMasks"),
        out_addr_mask_reps: f.counter("OutAddrMaskReps"),
    }
}

fn tcp_group(f: &Fields<'_>) -> Tcp {
    let algorithm = f.number("RtoAlgorithm").map(|n| match n {
        2 => RtoAlgorithm::Constant,
        3 => RtoAlgorithm::Rsre,
        4 => RtoAlgorithm::Vanj,
        5 => RtoAlgorithm::Rfc2988,
        _ => RtoAlgorithm::Other,
    });
    Tcp {
        rto_algorithm: algorithm,
        rto_min: f.small("RtoMin"),
        rto_max: f.small("RtoMax"),
        max_conn: f.small("MaxConn"),
        active_opens: f.counter("ActiveOpens"),
        passive_opens: f.counter("PassiveOpens"),
        attempt_fails: f.counter("AttemptFails"),
        estab_resets: f.counter("EstabResets"),
        curr_estab: f.gauge("CurrEstab"),
        in_segs: f.counter("InSegs"),
        out_segs: f.counter("OutSegs"),
        retrans_segs: f.counter("RetransSegs"),
        in_errs: f.counter("InErrs"),
        out_rsts: f.counter("OutRsts"),
    }
}

fn udp_group(f: &Fields<'_>) -> Udp {
    Udp {
        in_datagrams: f.counter("InDatagrams"),
        no_ports: f.counter("NoPorts"),
        in_errors: f.counter("InErrors"),
        out_datagrams: f.counter("OutDatagrams"),
    }
}

/// What the files under `/sys/class/net/NAME/` tell about one interface, as text; empty where one is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device<'a> {
    /// The interface's name.
    pub name: &'a str,
    /// `ifindex`.
    pub ifindex: &'a str,
    /// `type`.
    pub kind: &'a str,
    /// `mtu`.
    pub mtu: &'a str,
    /// `speed`, in millions of bits a second.
    pub speed: &'a str,
    /// `address`.
    pub address: &'a str,
    /// `flags`.
    pub flags: &'a str,
    /// `operstate`.
    pub operstate: &'a str,
    /// Whether there is a directory `bridge`.
    pub bridge: bool,
}

impl Device<'_> {
    /// The rows of ifTable and ifXTable, with counters from the text of `/proc/net/dev`; `None` without an index.
    pub fn rows(&self, dev: &str) -> Option<(Interface, InterfaceX)> {
        let index = self.ifindex.trim().parse().ok()?;
        let kind = match self.kind.trim() {
            "1" if self.bridge => IfType::Bridge,
            "1" => IfType::EthernetCsmacd,
            "772" => IfType::SoftwareLoopback,
            "512" => IfType::Ppp,
            "768" | "769" | "776" | "778" => IfType::Tunnel,
            _ => IfType::Other,
        };
        let up = u32::from_str_radix(self.flags.trim().trim_start_matches("0x"), 16).ok().map(|f| f & 1 == 1);
        let admin = up.map_or(IfStatus::Unknown, |up| if up { IfStatus::Up } else { IfStatus::Down });
        let oper = match self.operstate.trim() {
            "up" => IfStatus::Up,
            "down" => IfStatus::Down,
            "testing" => IfStatus::Testing,
            "dormant" => IfStatus::Dormant,
            "notpresent" => IfStatus::NotPresent,
            "lowerlayerdown" => IfStatus::LowerLayerDown,
            // Linux does not know the state of a loopback; being switched on is all there is.
            _ if kind == IfType::SoftwareLoopback => admin,
            _ => IfStatus::Unknown,
        };
        // A speed of -1 means that the driver does not know.
        let megabits = self.speed.trim().parse::<u32>().ok();
        let counts = Counts::of(dev, self.name);
        let count = |column: usize| counts.as_ref().and_then(|counts| counts.0.get(column).copied());
        let short = |column| count(column).map(wrapped);
        let long = |column| count(column).map(Counter64);
        let row = Interface {
            mtu: self.mtu.trim().parse().ok(),
            speed: megabits.map(|n| Gauge32(n.saturating_mul(1_000_000))),
            phys_address: hardware(self.address.trim()).unwrap_or_default(),
            admin_status: admin,
            oper_status: oper,
            in_octets: short(0),
            in_ucast_pkts: short(1),
            in_errors: short(2),
            in_discards: short(3),
            out_octets: short(8),
            out_ucast_pkts: short(9),
            out_errors: short(10),
            out_discards: short(11),
            ..Interface::new(index, self.name, kind)
        };
        let extended = InterfaceX {
            hc_in_octets: long(0),
            hc_in_ucast_pkts: long(1),
            in_multicast_pkts: short(7),
            hc_in_multicast_pkts: long(7),
            hc_out_octets: long(8),
            hc_out_ucast_pkts: long(9),
            high_speed: megabits.map(Gauge32),
            connector_present: (kind == IfType::EthernetCsmacd).into(),
            ..InterfaceX::new(index, self.name)
        };
        Some((row, extended))
    }
}

/// One interface's numbers in `/proc/net/dev`.
struct Counts(Vec<u64>);

impl Counts {
    fn of(dev: &str, name: &str) -> Option<Self> {
        let mut lines = dev.lines().filter_map(|line| line.trim_start().split_once(':'));
        let (_, numbers) = lines.find(|(own, _)| *own == name)?;
        Some(Self(numbers.split_whitespace().filter_map(|n| n.parse().ok()).collect()))
    }
}

/// Reads `/proc/net/arp`; `index` tells an interface's ifIndex by its name.
pub fn neighbours(text: &str, index: impl Fn(&str) -> Option<i32>) -> Table<Neighbour> {
    let rows = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, flags, hardware_address, _, device] = fields.as_slice() else {
            return None;
        };
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok()?;
        let kind = match flags {
            f if f & 4 != 0 => NeighbourType::Static,
            f if f & 2 != 0 => NeighbourType::Dynamic,
            _ => return None,
        };
        let phys_address = hardware(hardware_address)?;
        Some(Neighbour { if_index: index(device)?, phys_address, net_address: address.parse().ok()?, kind })
    });
    rows.collect()
}

/// Reads `/proc/net/tcp`.
pub fn connections(text: &str) -> Table<Connection> {
    let rows = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local_address, local_port) = endpoint(fields.next()?)?;
        let (rem_address, rem_port) = endpoint(fields.next()?)?;
        let state = match fields.next()? {
            "01" => TcpState::Established,
            "02" => TcpState::SynSent,
            "03" | "0C" => TcpState::SynReceived,
            "04" => TcpState::FinWait1,
            "05" => TcpState::FinWait2,
            "06" => TcpState::TimeWait,
            "07" => TcpState::Closed,
            "08" => TcpState::CloseWait,
            "09" => TcpState::LastAck,
            "0A" => TcpState::Listen,
            "0B" => TcpState::Closing,
            _ => return None,
        };
        Some(Connection { state, local_address, local_port, rem_address, rem_port })
    });
    rows.collect()
}

/// Reads `/proc/net/udp`.
pub fn listeners(text: &str) -> Table<Listener> {
    let rows = text.lines().skip(1).filter_map(|line| {
        let (local_address, local_port) = endpoint(line.split_whitespace().nth(1)?)?;
        Some(Listener { local_address, local_port })
    });
    rows.collect()
}

/// This machine's addresses, from `/proc/net/fib_trie`, each on the interface whose network in `/proc/net/route`
/// holds it; `index` tells an interface's ifIndex by its name.
pub fn addresses(fib_trie: &str, route: &str, index: impl Fn(&str) -> Option<i32>) -> Table<Address> {
    let networks: Vec<(&str, u32, u32)> = route.lines().skip(1).filter_map(network).collect();
    let mut own: Vec<Ipv4Addr> = Vec::new();
    let mut last: Option<Ipv4Addr> = None;
    for line in fib_trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line.ends_with("host LOCAL") {
            own.extend(last);
        }
    }
    let rows = own.into_iter().filter_map(|ent_addr: Ipv4Addr| {
        let bits = ent_addr.to_bits();
        // Networks without a route of their own: the loopback's, and addresses that stand alone.
        let found =
            networks.iter().filter(|(_, net, mask)| bits & mask == *net).max_by_key(|(_, _, mask)| *mask);
        let (name, mask) = match found {
            Some((name, _, mask)) => (*name, *mask),
            None if ent_addr.is_loopback() => ("lo", 0xff00_0000),
            None => return None,
        };
        let ent_net_mask = Ipv4Addr::from_bits(mask);
        let ent_if_index = index(name)?;
        Some(Address {
            ent_addr,
            ent_if_index,
            ent_net_mask,
            ent_bcast_addr: 1,
            ent_reasm_max_size: Some(65_535),
        })
    });
    rows.collect()
}

/// One line of `/proc/net/route`: the interface, and a network that is reached without a gateway.
fn network(line: &str) -> Option<(&str, u32, u32)> {
    let mut fields = line.split_whitespace();
    let (name, net, gateway) = (fields.next()?, fields.next()?, fields.next()?);
    let mask = fields.nth(4)?;
    let number = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
    (number(gateway)? == 0).then_some((name, number(net)?, number(mask)?))
}

/// `0100007F:0277`: an address in the machine's own order, which `/proc` takes for little endian, and a port.
fn endpoint(text: &str) -> Option<(Ipv4Addr, i32)> {
    let (address, port) = text.split_once(':')?;
    let address = u32::from_str_radix(address, 16).ok().filter(|_| address.len() == 8)?;
    Some((Ipv4Addr::from(address.to_le_bytes()), i32::from_str_radix(port, 16).ok()?))
}

/// `52:54:00:00:02:01`.
fn hardware(text: &str) -> Option<Vec<u8>> {
    let octets: Option<Vec<u8>> = text.split(':').map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
    // All zeros, as a loopback has them, is no address.
    octets.map(|octets| if octets.iter().all(|octet| *octet == 0) { Vec::new() } else { octets })
}
