//! MIB-II whole, fed by a machine: interfaces, at, ip, icmp, tcp and udp. The system and snmp groups are the
//! agent's own.

use super::interfaces::{Interface, InterfaceX, Interfaces};
use super::ip::{Address, Icmp, Ip, Neighbour, Translation};
use super::linux;
use super::transport::{Connection, Listener, Tcp, Udp};
use crate::mib::{Group, Mib, Table};

use alloc::vec::Vec;

/// What a machine tells of itself. To be used inside another MIB with `#[mib(flatten)]`.
#[derive(Clone, Debug, Default, PartialEq, Mib)]
pub struct Host {
    /// ifNumber.
    pub interfaces: Group<Interfaces>,
    /// ifTable.
    pub links: Table<Interface>,
    /// ifXTable.
    pub links_x: Table<InterfaceX>,
    /// atTable.
    pub translations: Table<Translation>,
    /// The scalars of the ip group.
    pub ip: Group<Ip>,
    /// ipAddrTable.
    pub addresses: Table<Address>,
    /// ipNetToMediaTable.
    pub neighbours: Table<Neighbour>,
    /// The icmp group.
    pub icmp: Group<Icmp>,
    /// The scalars of the tcp group.
    pub tcp: Group<Tcp>,
    /// tcpConnTable.
    pub connections: Table<Connection>,
    /// The scalars of the udp group.
    pub udp: Group<Udp>,
    /// udpTable.
    pub listeners: Table<Listener>,
}

/// What Linux tells in its files, as text; empty where one cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texts<'a> {
    /// `/sys/class/net/*`, each in a few files.
    pub devices: &'a [linux::Device<'a>],
    /// `/proc/net/dev`.
    pub dev: &'a str,
    /// `/proc/net/snmp`.
    pub snmp: &'a str,
    /// `/proc/net/arp`.
    pub arp: &'a str,
    /// `/proc/net/tcp`.
    pub tcp: &'a str,
    /// `/proc/net/udp`.
    pub udp: &'a str,
    /// `/proc/net/route`.
    pub route: &'a str,
    /// `/proc/net/fib_trie`.
    pub fib_trie: &'a str,
}

impl Host {
    /// Reads what Linux tells.
    pub fn read(texts: &Texts<'_>) -> Self {
        let (links, links_x): (Vec<Interface>, Vec<InterfaceX>) =
            texts.devices.iter().filter_map(|device| device.rows(texts.dev)).unzip();
        let links: Table<Interface> = links.into_iter().collect();
        let index = |name: &str| links.iter().find(|link| link.descr.as_str() == name).map(|link| link.index);
        let neighbours = linux::neighbours(texts.arp, index);
        let addresses = linux::addresses(texts.fib_trie, texts.route, index);
        let protocols = linux::Protocols::read(texts.snmp);
        Self {
            interfaces: Interfaces::of(&links).into(),
            links_x: links_x.into_iter().collect(),
            translations: neighbours.iter().map(Translation::from).collect(),
            ip: protocols.ip.into(),
            addresses,
            neighbours,
            links,
            icmp: protocols.icmp.into(),
            tcp: protocols.tcp.into(),
            connections: linux::connections(texts.tcp),
            udp: protocols.udp.into(),
            listeners: linux::listeners(texts.udp),
        }
    }
}
