//! The interfaces of the machine that the module runs on, as the kernel shows them.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use snmp_mib::mib::{Counter32, Gauge32, Table};
use snmp_mib::mibs::interfaces::{IfStatus, IfType, Interface};

/// Every interface of the machine.
pub(super) fn interfaces() -> Table<Interface> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    entries.filter_map(|entry| interface(&entry.path())).collect()
}

fn interface(path: &Path) -> Option<Interface> {
    let name = path.file_name()?.to_str()?;
    let text = |file: &str| fs::read_to_string(path.join(file)).ok();
    let kind = match number::<u32>(text("type")) {
        Some(1) if path.join("bridge").exists() => IfType::Bridge,
        Some(1) => IfType::EthernetCsmacd,
        Some(512) => IfType::Ppp,
        Some(768 | 769 | 776 | 778) => IfType::Tunnel,
        Some(772) => IfType::SoftwareLoopback,
        _ => IfType::Other,
    };
    let counter = |file: &str| {
        let value: u64 = number(text(&format!("statistics/{file}")))?;
        // A Counter32 is the low half of a longer count (RFC 2578 §7.1.6).
        Some(Counter32(u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX)))
    };
    let up = number_of_flags(text("flags")).is_some_and(|flags| flags & 1 != 0);
    Some(Interface {
        mtu: number(text("mtu")),
        // The kernel speaks of megabits a second, and of -1 where it does not know.
        speed: number::<i64>(text("speed"))
            .and_then(|megabits| u64::try_from(megabits).ok())
            .map(|megabits| Gauge32(u32::try_from(megabits.saturating_mul(1_000_000)).unwrap_or(u32::MAX))),
        phys_address: text("address").map_or_else(Vec::new, |address| octets(address.trim())),
        admin_status: if up { IfStatus::Up } else { IfStatus::Down },
        oper_status: match text("operstate").as_deref().map(str::trim) {
            Some("up") => IfStatus::Up,
            Some("down") => IfStatus::Down,
            Some("testing") => IfStatus::Testing,
            Some("dormant") => IfStatus::Dormant,
            Some("notpresent") => IfStatus::NotPresent,
            Some("lowerlayerdown") => IfStatus::LowerLayerDown,
            // A loopback is never asked for its carrier; it works as long as it is up.
            _ if kind == IfType::SoftwareLoopback && up => IfStatus::Up,
            _ => IfStatus::Unknown,
        },
        in_octets: counter("rx_bytes"),
        in_ucast_pkts: counter("rx_packets"),
        in_discards: counter("rx_dropped"),
        in_errors: counter("rx_errors"),
        out_octets: counter("tx_bytes"),
        out_ucast_pkts: counter("tx_packets"),
        out_discards: counter("tx_dropped"),
        out_errors: counter("tx_errors"),
        ..Interface::new(number(text("ifindex"))?, name, kind)
    })
}

fn number<N: FromStr>(text: Option<String>) -> Option<N> {
    text?.trim().parse().ok()
}

fn number_of_flags(text: Option<String>) -> Option<u32> {
    u32::from_str_radix(text?.trim().strip_prefix("0x")?, 16).ok()
}

/// The octets of a hardware address; none where it is all zeros, as a loopback's is.
fn octets(text: &str) -> Vec<u8> {
    let octets: Option<Vec<u8>> = text.split(':').map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
    octets.filter(|octets| octets.iter().any(|&octet| octet != 0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_a_loopback_that_works() {
        let table = interfaces();
        let loopback = table.iter().find(|interface| interface.kind == IfType::SoftwareLoopback).unwrap();
        assert_eq!(loopback.oper_status, IfStatus::Up);
        assert!(loopback.in_octets.is_some() && loopback.mtu.is_some_and(|mtu| mtu > 1000));
        assert_eq!(loopback.phys_address, Vec::<u8>::new());
    }

    #[test]
    fn a_hardware_address_is_six_octets() {
        assert_eq!(octets("52:54:00:00:02:01"), [0x52, 0x54, 0, 0, 2, 1]);
        assert_eq!(octets("nonsense"), Vec::<u8>::new());
    }
}
