//! Patent row K7: positions, addresses, and the eight files of a card.

mod common;

use std::net::Ipv4Addr;

use bootcfg::card::{Change, Description, Entry, File, Manifest, Service, User, digest, render};
use bootcfg::{Plan, PlanError, Position};
use common::*;

fn description<'a>(services: &'a [Service<'a>]) -> Description<'a> {
    Description {
        position: at("2.1"),
        address: Ipv4Addr::new(10, 1, 2, 1),
        prefix: 16,
        router: Some(SERVER),
        dns: &[SERVER],
        domain: Some("cabinet.example"),
        module_name: "pop-antwerp-1",
        module_address: SERVER,
        snmp_read: "r3ad",
        snmp_write: "s3cret",
        traps: Some("10.1.0.1:162".parse().unwrap()),
        services,
    }
}

const USERS: [User<'_>; 1] = [User { name: "shop", id: 1000, password_hash: Some("$6$salt$hash") }];
const MEMBERS: [(Position, Ipv4Addr); 2] = match (Position::new(2, 1), Position::new(2, 2)) {
    (Ok(one), Ok(two)) => [(one, Ipv4Addr::new(10, 1, 2, 1)), (two, Ipv4Addr::new(10, 1, 2, 2))],
    _ => panic!(),
};

fn shop() -> Service<'static> {
    Service {
        name: "shop-1",
        sids: &["www.sell.com", "*.sell.com", "mall.example/sell"],
        port: Some(8000),
        members: &MEMBERS,
        users: &USERS,
        quota: Some(1 << 30),
    }
}

#[test]
fn patent_k7_card_2_1_is_10_1_2_1_and_the_plan_is_a_function_both_ways() {
    let plan = plan();
    assert_eq!(plan.address(at("2.1")), Some(Ipv4Addr::new(10, 1, 2, 1)));
    assert_eq!(plan.positions().count(), plan.capacity());
    for position in plan.positions() {
        assert_eq!(plan.position(plan.address(position).unwrap()), Some(position));
    }
    for other in [[10, 1, 0, 1], [10, 1, 2, 0], [10, 1, 2, 15], [10, 1, 21, 1], [10, 2, 2, 1], [11, 1, 2, 1]]
    {
        assert_eq!(plan.position(other.into()), None, "{other:?}");
    }
    assert_eq!(plan.address(at("21.1")), None);
    assert_eq!((plan.netmask(), plan.broadcast()), ([255, 255, 0, 0].into(), [10, 1, 255, 255].into()));
}

#[test]
fn a_plan_that_cannot_give_every_position_an_address_is_refused() {
    let plan = |network: [u8; 4], prefix, chassis, slots| Plan::new(network.into(), prefix, chassis, slots);
    assert!(plan([10, 1, 0, 0], 16, 254, 254).is_ok());
    assert_eq!(plan([10, 1, 0, 1], 16, 1, 1), Err(PlanError::HostBits(Ipv4Addr::new(10, 1, 0, 1))));
    assert_eq!(plan([10, 1, 0, 0], 24, 1, 1), Err(PlanError::Room { chassis: 1, slots: 1, prefix: 24 }));
    assert_eq!(plan([10, 1, 0, 0], 0, 1, 1), Err(PlanError::Prefix(0)));
    assert_eq!(plan([10, 1, 0, 0], 16, 1, 255), Err(PlanError::Slots));
}

#[test]
fn a_position_has_one_spelling() {
    for wrong in ["", "2", "2.", ".1", "0.1", "1.0", "02.1", "2.01", "+2.1", "2.1.1", "256.1", "2 .1", "２.1"]
    {
        assert!(wrong.parse::<Position>().is_err(), "{wrong}");
    }
    assert_eq!(at("20.14").to_string(), "20.14");
}

#[test]
fn patent_k7_the_eight_files_are_rendered_from_the_services() {
    let services = [shop()];
    let card = description(&services);
    let text = |file| render(file, &card);
    assert_eq!(
        text(File::Hosts),
        "# Hosts of card 2.1, from pop-antwerp-1\n127.0.0.1\tlocalhost\n10.1.0.1\tpop-antwerp-1\n\
         10.1.2.1\tcard-2-1 www.sell.com mall.example\n10.1.2.2\tcard-2-2\n"
    );
    assert!(text(File::Passwd).contains("\nshop:x:1000:1000:shop-1:/srv/shop-1:/bin/sh\n"));
    assert!(text(File::Shadow).contains("\nshop:$6$salt$hash:::::::\n"));
    assert!(text(File::Snmpconf).contains("\nrwcommunity s3cret 10.1.0.1\ntrap2sink 10.1.0.1:162\n"));
    assert!(text(File::Apacheconf).contains("Listen 10.1.2.1:8000\n<VirtualHost 10.1.2.1:8000>\n    ServerName www.sell.com\n    ServerAlias *.sell.com\n"));
    assert!(text(File::Squidconf).contains("\nacl shop-1 dstdomain www.sell.com .sell.com mall.example\n"));
    assert!(
        text(File::NetworkConf)
            .contains("\nAddress=10.1.2.1/16\nGateway=10.1.0.1\nDNS=10.1.0.1\nDomains=cabinet.example\n")
    );
    assert!(text(File::Quotasconf).contains("\nshop-1 shop 1073741824\n"));
    for file in File::ALL {
        assert_eq!(render(file, &card), render(file, &card), "deterministic");
        assert!(!render(file, &description(&[])).is_empty());
        for name in [file.name().to_lowercase(), file.name().to_uppercase()] {
            assert_eq!(File::by_name(&name), Some(file), "found without regard to case");
        }
    }
    assert_eq!(File::by_name("manifest"), None);
}

#[test]
fn no_name_adds_a_line_to_a_file() {
    let users = [User { name: "x\nroot", id: 0, password_hash: Some("a:b\nroot:") }];
    let evil = "a\nrwcommunity public\r\0";
    let services =
        [Service { name: evil, sids: &[evil], port: Some(1), users: &users, quota: Some(1), members: &[] }];
    let calm_users = [User { name: "xroot", id: 0, password_hash: Some("abroot") }];
    let calm = [Service {
        name: "arwcommunitypublic",
        sids: &["arwcommunitypublic"],
        port: Some(1),
        users: &calm_users,
        quota: Some(1),
        members: &[],
    }];
    let evil = Description {
        module_name: evil,
        snmp_write: evil,
        snmp_read: evil,
        domain: Some(evil),
        ..description(&services)
    };
    for file in File::ALL {
        let lines = |card| render(file, card).lines().count();
        assert_eq!(lines(&evil), lines(&description(&calm)), "{file:?}");
    }
}

#[test]
fn a_manifest_is_written_and_read_back() {
    let mut manifest = Manifest::default();
    manifest.add_file("Hosts", b"abc").unwrap();
    assert!(manifest.add_file("two words", b"").is_err() && manifest.add_file("", b"").is_err());
    let text = manifest.to_string();
    assert_eq!(text, "file Hosts 3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
    assert_eq!(Manifest::parse(&text), Ok(manifest));
    assert_eq!(digest(b"abc")[..2], [0xba, 0x78]);
}

#[test]
fn two_manifests_differ_by_what_was_added_changed_and_removed() {
    let manifest = |files: &[(&str, &str)], wants: &[(&str, &str)]| {
        let mut manifest = Manifest::default();
        for (name, content) in files {
            manifest.add_file(name, content.as_bytes()).unwrap();
        }
        for (package, version) in wants {
            let (package, version) = (package.to_string(), version.to_string());
            manifest.entries.push(Entry::Want { package, sha256: digest(version.as_bytes()), version });
        }
        manifest
    };
    let old = manifest(
        &[("Hosts", "a"), ("Passwd", "p"), ("Old", "o")],
        &[("web", "1"), ("mail", "2"), ("db", "3")],
    );
    let new = manifest(
        &[("Passwd", "p"), ("New", "n"), ("Hosts", "b")],
        &[("cache", "1"), ("web", "2"), ("mail", "2")],
    );
    let changes = [
        Change::FileAdded("New"),
        Change::FileChanged("Hosts"),
        Change::FileRemoved("Old"),
        Change::WantAdded("cache", "1"),
        Change::WantChanged("web", "1", "2"),
        Change::WantRemoved("db", "3"),
    ];
    assert_eq!(old.changes(&new), changes);
    assert_eq!(old.changes(&old), []);
    assert_eq!(changes[4].to_string(), "package web 1 becomes 2");
    // The order of the lines is no difference.
    let shuffled = Manifest { entries: old.entries.iter().rev().cloned().collect() };
    assert_eq!(old.changes(&shuffled), []);
}
