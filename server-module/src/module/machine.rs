//! The machine that the module runs on, as the kernel shows it: MIB-II's view of it.

use std::fs;
use std::path::Path;

use snmp_mib::mibs::linux::Device;
use snmp_mib::mibs::mib2::{Host, Texts};

/// What the kernel tells now. Files that cannot be read leave their groups empty.
pub(super) fn host() -> Host {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let files: Vec<Files> = entries.filter_map(|entry| Files::read(&entry.path())).collect();
    let devices: Vec<Device<'_>> = files.iter().map(Files::device).collect();
    let text = |name: &str| fs::read_to_string(Path::new("/proc/net").join(name)).unwrap_or_default();
    Host::read(&Texts {
        devices: &devices,
        dev: &text("dev"),
        snmp: &text("snmp"),
        arp: &text("arp"),
        tcp: &text("tcp"),
        udp: &text("udp"),
        route: &text("route"),
        fib_trie: &text("fib_trie"),
    })
}

/// The files of one interface.
struct Files {
    name: String,
    texts: [String; 7],
    bridge: bool,
}

impl Files {
    fn read(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_owned();
        let names = ["ifindex", "type", "mtu", "speed", "address", "flags", "operstate"];
        let texts = names.map(|file| fs::read_to_string(path.join(file)).unwrap_or_default());
        Some(Self { name, texts, bridge: path.join("bridge").exists() })
    }

    fn device(&self) -> Device<'_> {
        let [ifindex, kind, mtu, speed, address, flags, operstate] =
            self.texts.each_ref().map(String::as_str);
        Device { name: &self.name, ifindex, kind, mtu, speed, address, flags, operstate, bridge: self.bridge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snmp_mib::mibs::interfaces::{IfStatus, IfType};

    #[test]
    fn every_machine_has_a_loopback_that_works() {
        let host = host();
        let loopback = host.links.iter().find(|link| link.kind == IfType::SoftwareLoopback).unwrap();
        assert_eq!(loopback.oper_status, IfStatus::Up);
        assert!(loopback.in_octets.is_some() && loopback.mtu.is_some_and(|mtu| mtu > 1000));
        assert_eq!(loopback.phys_address, Vec::<u8>::new());
        assert!(host.addresses.iter().any(|address| address.ent_addr.is_loopback()));
        assert!(host.udp.values.in_datagrams.is_some());
    }
}
