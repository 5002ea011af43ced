//! MIB-II from the texts of Linux: fixed ones, and those of the machine that runs the test beside snmpd's view.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{fs, path::Path, time::Duration};

use snmp_mib::agent::{Agent, Community, Config};
use snmp_mib::mibs::linux::Device;
use snmp_mib::mibs::mib2::{Host, Texts};
use snmp_mib::wire::{Value, Version};
use support::talk::{Ask, walk};

const DEV: &str = "Inter-|   Receive                                                |  Transmit\n \
    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0\n  \
    eth0: 5000000000  70    1    2    0     0          0         9 6000000000  80    3    4    0     0       0          0\n";
const SNMP: &str = "Ip: Forwarding DefaultTTL InReceives InHdrErrors\nIp: 2 64 4294967300 0\n\
    Icmp: InMsgs InErrors InCsumErrors InDestUnreachs\nIcmp: 17 1 0 12\n\
    Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens CurrEstab\nTcp: 1 200 120000 -1 99 3\n\
    Udp: InDatagrams NoPorts InErrors OutDatagrams\nUdp: 10 20 30 40\n";
const ARP: &str = "IP address       HW type     Flags       HW address            Mask     Device\n\
    192.0.2.1        0x1         0x2         52:54:00:00:02:01     *        eth0\n\
    192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0\n";
const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
    0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n   \
    1: 020200C0:0016 010200C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n";
const UDP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n  \
    10: 00000000:00A1 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0\n";
const ROUTE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
    eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
    eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
const FIB: &str = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.2\n        /32 host LOCAL\n     \
    |-- 192.0.2.255\n        /32 link BROADCAST\n";

fn host() -> Host {
    let lo = Device {
        name: "lo",
        ifindex: "1\n",
        kind: "772\n",
        mtu: "65536\n",
        flags: "0x9\n",
        ..Device::default()
    };
    let eth0 = Device {
        name: "eth0",
        ifindex: "2\n",
        kind: "1\n",
        mtu: "1500\n",
        speed: "10000\n",
        address: "52:54:00:00:02:02\n",
        flags: "0x1003\n",
        operstate: "up\n",
        bridge: false,
    };
    let devices = [lo, eth0];
    let (dev, snmp, arp, tcp, udp, route, fib_trie) = (DEV, SNMP, ARP, TCP, UDP, ROUTE, FIB);
    Host::read(&Texts { devices: &devices, dev, snmp, arp, tcp, udp, route, fib_trie })
}

fn agent(host: Host) -> Agent<Host> {
    let config = Config { communities: vec![Community::read("public")], ..Config::default() };
    Agent::new(Duration::ZERO, config, host).unwrap()
}

#[test]
fn every_group_says_what_linux_says() {
    let mut agent = agent(host());
    let cases: [(&str, Value<'_>); 21] = [
        ("2.1.0", Value::Integer(2)),
        ("2.2.1.3.1", Value::Integer(24)),
        ("2.2.1.5.2", Value::Gauge32(u32::MAX)),
        ("2.2.1.6.2", Value::Octets(&[0x52, 0x54, 0, 0, 2, 2])),
        ("2.2.1.8.1", Value::Integer(1)),
        // A Counter32 is the low half of a longer count.
        ("2.2.1.10.2", Value::Counter32(705_032_704)),
        ("2.2.1.13.2", Value::Counter32(2)),
        ("31.1.1.1.6.2", Value::Counter64(5_000_000_000)),
        ("31.1.1.1.15.2", Value::Gauge32(10_000)),
        ("31.1.1.1.15.1", Value::NoSuchInstance),
        ("3.1.1.2.2.1.192.0.2.1", Value::Octets(&[0x52, 0x54, 0, 0, 2, 1])),
        ("4.1.0", Value::Integer(2)),
        ("4.3.0", Value::Counter32(4)),
        ("4.20.1.3.192.0.2.2", Value::IpAddress([255, 255, 255, 0].into())),
        ("4.20.1.2.127.0.0.1", Value::Integer(1)),
        ("4.22.1.4.2.192.0.2.1", Value::Integer(3)),
        ("5.3.0", Value::Counter32(12)),
        ("6.4.0", Value::Integer(-1)),
        ("6.13.1.1.192.0.2.2.22.192.0.2.1.50000", Value::Integer(5)),
        ("7.5.1.2.0.0.0.0.161", Value::Integer(161)),
        ("7.9.0", Value::NoSuchObject),
    ];
    for (name, value) in cases {
        let name = format!("1.3.6.1.2.1.{name}");
        assert_eq!(Ask::get(&[&name]).of(&mut agent).good().value(0), value, "{name}");
    }
    // 192.0.2.2 in the ARP table is incomplete, 192.0.2.255 no address of ours.
    assert_eq!((agent.mib().neighbours.len(), agent.mib().addresses.len()), (1, 2));
    assert!(walk(&mut agent, Version::V2c).len() > 80);
}

#[test]
fn texts_that_make_no_sense_make_no_rows() {
    let texts =
        ["", "\n\n", "Ip:\nIp:\n", "x: y z\n", &DEV[..200], "|-- \n/32 host LOCAL\n", "\u{1F980}:::::"];
    for text in texts {
        let device = Device { name: text, ifindex: text, address: text, ..Device::default() };
        let devices = [device];
        let (dev, snmp, arp, tcp, udp, route, fib_trie) = (text, text, text, text, text, text, text);
        let host = Host::read(&Texts { devices: &devices, dev, snmp, arp, tcp, udp, route, fib_trie });
        assert_eq!((host.links.len(), host.connections.len(), host.addresses.len()), (0, 0, 0));
    }
}

#[test]
fn this_machine_has_a_loopback_and_counts_its_datagrams() {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (snmp, dev) = (text("/proc/net/snmp"), text("/proc/net/dev"));
    if snmp.is_empty() || !Path::new("/sys/class/net/lo").exists() {
        return support::skip("Linux");
    }
    let field = |file: &str| text(&format!("/sys/class/net/lo/{file}"));
    let (ifindex, kind, mtu, flags) = (field("ifindex"), field("type"), field("mtu"), field("flags"));
    let lo =
        Device { name: "lo", ifindex: &ifindex, kind: &kind, mtu: &mtu, flags: &flags, ..Device::default() };
    let route = text("/proc/net/route");
    let fib_trie = text("/proc/net/fib_trie");
    let devices = [lo];
    let texts = Texts {
        devices: &devices,
        dev: &dev,
        snmp: &snmp,
        route: &route,
        fib_trie: &fib_trie,
        ..Texts::default()
    };
    let host = Host::read(&texts);
    assert!(host.udp.values.in_datagrams.is_some() && host.tcp.values.in_segs.is_some());
    let loopback = host.addresses.iter().find(|address| address.ent_addr.is_loopback()).unwrap();
    assert_eq!(loopback.ent_net_mask, std::net::Ipv4Addr::new(255, 0, 0, 0));
}
