//! Encrypted packages: who may read them, and that nothing is written for those who may not.
#![allow(missing_docs)]

mod common;

use common::disk::{Body, Disk, Files};
use common::{key, outcome, package_of, pair, trust};
use update_pack::build::{self, Builder, Sealing, Way};
use update_pack::engine::{Config, Engine, Goal, Outcome, Reason};
use update_pack::seal::{ProfileKey, Secret};
use update_pack::verify::{Envelope, Reader};
use update_pack::{Error, Limits};

fn profile(byte: u8) -> ProfileKey {
    ProfileKey::new([byte; 32])
}

fn config(keys: &[(&str, u8)]) -> build::Config {
    let keys = keys.iter().map(|(name, byte)| ((*name).into(), profile(*byte))).collect();
    let seal = Some(Sealing { secret: Secret::new([5; 32]), keys });
    build::Config { seal, level: 3, ..Default::default() }
}

fn apply_with(keys: &[ProfileKey], files: &Files, package: &[u8]) -> (Outcome, Disk) {
    let mut config = Config::default();
    config.keys = keys.to_vec();
    let mut disk = Disk::new(files.clone(), package.to_vec());
    (outcome(Engine::new(config, Goal::Apply(trust())), &mut disk), disk)
}

fn read(package: &[u8]) -> Result<Envelope, Error> {
    let mut reader = Reader::new(Limits::default(), trust());
    while let Some(need) = reader.need() {
        let start = (need.offset as usize).min(package.len());
        let end = (start + need.len as usize).min(package.len());
        reader.feed(&package[start..end])?;
    }
    Ok(reader.finish().unwrap())
}

/// Trees with files of several leaves, once so that a delta is smaller, once so that frames are.
fn large(delta: bool) -> (Files, Files) {
    let mut state = 1_u64;
    let mut noise = |len: usize| -> Vec<u8> {
        let byte = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(byte).collect()
    };
    let (mut a, mut b) = (Files::new(), Files::new());
    let old = noise(140_000);
    let mut new = if delta { old.clone() } else { noise(140_000) };
    new.extend_from_slice(&noise(60_000));
    a.make(b"f", Body::File(old), 0o644, 0).unwrap();
    b.make(b"f", Body::File(new), 0o644, 0).unwrap();
    (a, b)
}

#[test]
fn whoever_has_the_key_applies_it_and_others_write_nothing() {
    for (a, b) in [pair(), large(false), large(true)] {
        let package = package_of(&config(&[("", 1)]), &a, &b);
        let envelope = read(&package).expect("its hashes are those of what is stored");
        assert!(envelope.stream().unwrap().0.sealed);
        let (end, disk) = apply_with(&[profile(2), profile(1)], &a, &package);
        assert!(matches!(end, Outcome::Applied { .. }), "{end:?}");
        assert_eq!(disk.seen.tree(), b.tree());
        for keys in [&[][..], &[profile(2)]] {
            let (end, disk) = apply_with(keys, &a, &package);
            assert_eq!(end, Outcome::Refused(Reason::Package(Error::Sealed)));
            assert_eq!(disk.changes, 0, "something was written");
        }
    }
}

#[test]
fn nothing_of_the_content_is_there_to_be_read() {
    let (mut a, mut b) = (Files::new(), Files::new());
    a.make(b"f", Body::File(b"x".to_vec()), 0o644, 0).unwrap();
    b.make(b"f", Body::File(b"a secret that nobody sees".to_vec()), 0o644, 0).unwrap();
    let has = |package: &[u8]| package.windows(8).any(|window| window == b"a secret");
    assert!(has(&common::package(&a, &b)), "so it would stand there");
    assert!(!has(&package_of(&config(&[("", 1)]), &a, &b)));
}

#[test]
fn every_bit_flipped_is_refused_before_it_is_decrypted() {
    let (a, b) = pair();
    let package = package_of(&config(&[("", 1)]), &a, &b);
    for bit in 0..package.len() * 8 {
        let mut package = package.clone();
        package[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&package).is_err(), "bit {bit}");
    }
}

#[test]
fn a_nonce_and_a_key_never_encrypt_two_things() {
    let (a, b) = large(false);
    let (_, c) = large(true);
    let config = config(&[("", 1)]);
    let of = |files: &Files| read(&package_of(&config, &a, files)).unwrap().root.seals[0];
    let (one, two) = (of(&b), of(&c));
    assert_eq!(one, of(&b), "the same inputs give the same bytes");
    assert_ne!(one.nonce, two.nonce);
    let (one, two) = (profile(1).unwrap(&one).unwrap(), profile(1).unwrap(&two).unwrap());
    assert!(one != two, "another content has another key, so that leaf 0 may have nonce 0 in both");
}

#[test]
fn a_seal_is_bound_to_its_stream_and_its_key() {
    let (a, b) = pair();
    let mut seal = read(&package_of(&config(&[("", 1)]), &a, &b)).unwrap().root.seals[0];
    assert!(profile(1).unwrap(&seal).is_some());
    assert!(profile(2).unwrap(&seal).is_none());
    seal.stream = 1;
    assert!(profile(1).unwrap(&seal).is_none());
    seal.stream = 0;
    seal.wrapped[0] ^= 1;
    assert!(profile(1).unwrap(&seal).is_none());
    let shown = format!("{:?} {:?}", profile(1), Secret::new([7; 32]));
    assert!(!shown.contains("0101") && !shown.contains("77"), "{shown}");
}

#[test]
fn each_profile_reads_its_own_legs() {
    let ((a, b), (_, c)) = (large(true), large(false));
    let config = config(&[("web", 1), ("store", 2)]);
    let mut builder = Builder::new(config.clone());
    let (before, web, store) = (a.tree(), b.tree(), c.tree());
    for (profile, after, files) in [("web", &web, &b), ("store", &store, &c)] {
        let way = Way { profile: profile.into(), ..Way::new("0", &before, after) };
        builder.leg(way, common::contents(&a, files)).unwrap();
    }
    let package = builder.finish::<()>(&[key()]).unwrap();
    let root = read(&package).unwrap().root;
    let readers: Vec<_> = root.seals.iter().map(|seal| (seal.stream, seal.key)).collect();
    // Legs ascend by profile: the store's stream is the first.
    assert_eq!(readers, [(0, profile(2).id()), (1, profile(1).id())]);
    let mut nobody = Builder::new(build::Config { seal: None, ..config.clone() });
    nobody.leg(Way::new("0", &before, &web), common::contents(&a, &b)).unwrap();
    let only_web = Sealing { keys: vec![("web".into(), profile(1))], ..config.seal.clone().unwrap() };
    let mut builder = Builder::new(build::Config { seal: Some(only_web), ..config });
    let way = Way { profile: "store".into(), ..Way::new("0", &before, &store) };
    builder.leg(way, common::contents(&a, &c)).unwrap();
    assert_eq!(builder.finish::<()>(&[key()]), Err(build::Error::Unreadable));
}
