//! One file for several profiles of cards and several versions: each card takes the way that reads the fewest bytes.
#![allow(missing_docs)]

mod common;

use common::disk::{Body, Disk, Files};
use common::{contents, key, outcome, trust};
use proptest::prelude::*;
use update_pack::build::{self, Builder, Way};
use update_pack::campaign::{Position, Scope};
use update_pack::engine::{Config, Engine, Goal, Outcome, Reason};
use update_pack::verify::{Device, Means, Reader};
use update_pack::wire::{Leg, Root, Section, Stream, StreamKind};
use update_pack::{Error, Limits};

fn device(profile: &str, version: Option<&str>) -> Device {
    Device { profile: Some(profile.into()), version: version.map(Into::into), ..Device::default() }
}

/// A release of a product: much that stays, something that every version has of its own.
fn release(profile: u8, version: u8) -> Files {
    let mut files = Files::new();
    let shared: Vec<u8> =
        (0..6000_u32).flat_map(|at| (at.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
    let mut own = shared;
    for at in 0..usize::from(version) {
        own[at * 1000] ^= 0x55;
    }
    own[7] = profile;
    files.make(b"program", Body::File(own), 0o755, 0).unwrap();
    files.make(b"version", Body::File(vec![b'0' + version]), 0o644, 0).unwrap();
    files
}

/// Four versions and two profiles in one file; the oldest goes over a chain, whoever has nothing gets it whole.
fn package(undo: bool) -> Vec<u8> {
    let config = build::Config { to_version: "4".into(), level: 3, undo, ..Default::default() };
    let mut builder = Builder::new(config);
    for (name, profile) in [("store", 1), ("web", 2)] {
        let mut add = |from: &Files, from_version: &str, to: u8, to_version: &str| {
            let (before, to) = (from.tree(), release(profile, to));
            let after = to.tree();
            let way = Way {
                profile: name.into(),
                to: to_version.into(),
                ..Way::new(from_version, &before, &after)
            };
            builder.leg(way, contents(from, &to)).unwrap()
        };
        add(&Files::new(), "", 4, "");
        add(&release(profile, 1), "1", 2, "2");
        add(&release(profile, 2), "2", 4, "");
        add(&release(profile, 3), "3", 4, "");
    }
    builder.finish::<()>(&[key()]).unwrap()
}

fn read(package: &[u8], device: Device) -> Result<update_pack::verify::Envelope, Error> {
    let mut reader = Reader::new(Limits::default(), trust()).on(device);
    while let Some(need) = reader.need() {
        let start = (need.offset as usize).min(package.len());
        let end = (start + need.len as usize).min(package.len());
        reader.feed(&package[start..end])?;
    }
    Ok(reader.finish().unwrap())
}

fn apply(device: Device, files: &Files, package: &[u8]) -> (Outcome, Disk) {
    let mut config = Config::default();
    config.device = device;
    let mut disk = Disk::new(files.clone(), package.to_vec());
    (outcome(Engine::new(config, Goal::Apply(trust())), &mut disk), disk)
}

#[test]
fn six_cards_of_two_profiles_and_four_versions_take_one_file() {
    let package = package(true);
    for (name, profile) in [("store", 1), ("web", 2)] {
        for (version, means) in
            [(1, Means::Chain), (2, Means::Delta), (3, Means::Delta), (4, Means::Nothing), (0, Means::Full)]
        {
            let has = if version == 0 { String::new() } else { version.to_string() };
            let device = device(name, Some(&has));
            let root = read(&package, device.clone()).unwrap().root;
            let route = device.route(&root).unwrap();
            assert_eq!(route.means, means, "{name} {version}: {route}");
            if version == 4 {
                continue;
            }
            let files = if version == 0 { Files::new() } else { release(profile, version) };
            // The card need not even know its version: the directory tells.
            for known in [device, self::device(name, None)] {
                let (end, disk) = apply(known, &files, &package);
                let Outcome::Applied { from, to, .. } = &end else { panic!("{name} {version}: {end:?}") };
                assert_eq!((from.as_str(), to.as_str()), (has.as_str(), "4"));
                assert_eq!(disk.seen.tree(), release(profile, 4).tree());
            }
        }
    }
}

#[test]
fn a_card_of_another_profile_or_version_is_told_so_and_nothing_is_touched() {
    let package = package(false);
    let (end, disk) = apply(device("other", None), &release(1, 2), &package);
    assert_eq!((end, disk.changes), (Outcome::Refused(Reason::Package(Error::NoWay)), 0));
    // The store's file for a web card: the trees differ, whatever the card says its version is.
    let (end, disk) = apply(device("web", Some("2")), &release(1, 2), &package);
    let Outcome::Refused(Reason::Different(difference)) = end else { panic!("{end:?}") };
    assert_eq!((difference.path.to_string().as_str(), disk.changes), ("program", 0));
}

#[test]
fn the_scope_is_asked_about_a_card_that_stands_somewhere() {
    let (a, b) = common::pair();
    let scope = Scope::parse("chassis <= 3 and hardware = blade*").unwrap();
    let config = build::Config { scope, level: 3, ..Default::default() };
    let package = common::package_of(&config, &a, &b);
    let device = |chassis, hardware: Option<&str>| Device {
        position: Some(Position { chassis, slot: 1 }),
        hardware: hardware.map(Into::into),
        ..Device::default()
    };
    for outside in [device(4, Some("blade-2")), device(1, Some("disk")), device(1, None)] {
        let (end, disk) = apply(outside, &a, &package);
        assert_eq!((end, disk.changes), (Outcome::Refused(Reason::Package(Error::OutOfScope)), 0));
    }
    let (end, _) = apply(device(3, Some("blade-2")), &a, &package);
    assert!(matches!(end, Outcome::Applied { .. }), "{end:?}");
    let (end, _) = apply(Device::default(), &a, &package);
    assert!(matches!(end, Outcome::Applied { .. }), "the campaign was asked before: {end:?}");
}

#[test]
fn a_file_whose_legs_bring_the_same_content_holds_it_once() {
    let (a, b, c) = (release(1, 1), release(1, 2), release(1, 3));
    let size = |legs: &[(&str, &str, &Files)]| {
        let mut builder =
            Builder::new(build::Config { to_version: "9".into(), level: 3, ..Default::default() });
        for (profile, from, before) in legs {
            let (before_tree, after) = (before.tree(), c.tree());
            let way = Way { profile: (*profile).into(), ..Way::new(from, &before_tree, &after) };
            builder.leg(way, contents(before, &c)).unwrap();
        }
        builder.finish::<()>(&[key()]).unwrap().len()
    };
    let empty = Files::new();
    let (one, two) = (size(&[("", "", &empty)]), size(&[("a", "", &empty), ("b", "", &empty)]));
    assert!(two < one + 400, "{one} and {two}");
    assert!(size(&[("", "1", &a), ("", "2", &b)]) < one, "deltas are smaller still");
}

#[test]
fn two_legs_from_one_version_are_no_package() {
    let empty = Files::new();
    let tree = empty.tree();
    let mut builder = Builder::new(build::Config { to_version: "2".into(), ..Default::default() });
    for _ in 0..2 {
        builder.leg(Way::new("1", &tree, &tree), contents(&empty, &empty)).unwrap();
    }
    assert_eq!(builder.finish::<()>(&[key()]), Err(build::Error::Legs));
    let none = Builder::new(build::Config::default()).finish::<()>(&[key()]);
    assert_eq!(none, Err(build::Error::Legs));
}

/// The fewest bytes from a version to "9", by trying every way.
fn brute(root: &Root, at: &str, seen: &mut Vec<String>) -> Option<u64> {
    if at == "9" {
        return Some(0);
    }
    let mut best = None;
    for leg in root.legs.iter().filter(|leg| leg.from == at) {
        if seen.contains(&leg.to) {
            continue;
        }
        seen.push(leg.to.clone());
        let rest = brute(root, &leg.to, seen);
        seen.pop();
        let stream = &root.payload.streams[leg.stream.unwrap()];
        let forward = stream.len - stream.back;
        let here = forward + forward.div_ceil(65536) * 32 + u64::from(leg.manifest.len);
        best = best.into_iter().chain(rest.map(|rest| rest + here)).min();
    }
    best
}

proptest! {
    #[test]
    fn no_way_reads_fewer_bytes(legs in prop::collection::btree_map((0u8..6, 1u8..10), (1u64..300_000, 0u64..5), 1..14)) {
        let mut root = Root { to_version: "9".into(), ..Root::default() };
        let name = |version: u8| if version == 0 { String::new() } else { version.to_string() };
        for ((from, to), (len, back)) in legs.iter().filter(|((from, to), _)| from != to) {
            let manifest = Section { len: 100, ..Section::default() };
            let stream = Some(root.payload.streams.len());
            root.legs.push(Leg { from: name(*from), to: name(*to), manifest, stream, ..Leg::default() });
            let kind = if *back > 0 { StreamKind::DELTA_BOTH } else { StreamKind::DELTA };
            let back = (*back).min(*len);
            root.payload.streams.push(Stream { kind, len: *len, back, sealed: false });
        }
        for version in 0..6 {
            let version = name(version);
            let device = Device { version: Some(version.clone()), ..Device::default() };
            let route = device.route(&root);
            prop_assert_eq!(route.as_ref().map(|route| route.bytes), brute(&root, &version, &mut vec![version.clone()]));
            if let Some(route) = route {
                let mut at = version;
                for leg in route.legs {
                    prop_assert_eq!(&root.legs[leg].from, &at);
                    at = root.legs[leg].to.clone();
                }
                prop_assert_eq!(at, "9");
            }
        }
    }
}
