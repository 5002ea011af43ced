//! Roles, thresholds and rotations: who can replace whom, and what nobody can.
#![allow(missing_docs)]

mod common;

use std::num::{NonZeroU8, NonZeroU64};

use common::disk::Files;
use proptest::prelude::*;
use update_pack::build::{self, build};
use update_pack::trust::{EPOCH_STEP, Group, Keyset, PublicKey, Rotation, SigningKey, Trust, Unfit, admit};
use update_pack::verify::{Envelope, Reader};
use update_pack::wire::{Opening, Role, Severity, emit_end};
use update_pack::{Error, Limits, Part, Problem, Untrusted};

fn key(number: u8) -> SigningKey {
    SigningKey::new(&[number; 32])
}

fn keys(numbers: &[u8]) -> Vec<SigningKey> {
    numbers.iter().copied().map(key).collect()
}

fn group(numbers: &[u8], threshold: u8) -> Group {
    Group::new(keys(numbers).iter().map(SigningKey::public), NonZeroU8::new(threshold).unwrap()).unwrap()
}

/// Root keys 1 to 9, release keys from 20, emergency keys from 30.
fn set(version: u64, root: Group, release: &[u8]) -> Keyset {
    let version = NonZeroU64::new(version).unwrap();
    Keyset::new(version, root, group(release, 1), Some(group(&[30, 31, 32], 2))).unwrap()
}

fn record(keys_: Keyset, role: Role, by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Rotation::sign(keys_, role, &keys(by)).unwrap().emit(&mut out);
    out
}

fn first() -> Keyset {
    set(1, group(&[1, 2, 3, 4], 3), &[20])
}

#[test]
fn a_file_of_keys_is_signed_by_its_own_root() {
    assert_eq!(Keyset::open(&record(first(), Role::ROOT, &[1, 2, 3])), Ok(first()));
    let threshold = |found| Err(Error::Untrusted(Untrusted::Threshold { found, needed: 3 }));
    assert_eq!(Keyset::open(&record(first(), Role::ROOT, &[1, 2])), threshold(2));
    assert_eq!(Keyset::open(&record(first(), Role::ROOT, &[1, 2, 20])), threshold(2), "a release key");
    let emergency = Keyset::open(&record(first(), Role::EMERGENCY, &[30, 31]));
    assert_eq!(emergency, Err(Error::Untrusted(Untrusted::Overreach)));
    assert!(Keyset::open(&[]).is_err(), "nobody is trusted by default");
}

/// The five cases of rust-tuf's issue 42, with a threshold of three of four before and of two of three after, of which
/// one key stays.
mod a_rotation_is_signed_by_the_old_and_the_new_threshold {
    use super::*;

    fn rotate(by: &[u8]) -> Result<Keyset, Error> {
        let next = set(2, group(&[4, 5, 6], 2), &[21]);
        first().advance(&record(next, Role::ROOT, by))
    }

    #[test]
    fn old_and_new() {
        assert_eq!(rotate(&[1, 2, 3, 5, 6]).unwrap().version().get(), 2);
    }

    #[test]
    fn a_key_of_both_counts_for_both() {
        assert!(rotate(&[1, 2, 4, 5]).is_ok());
    }

    #[test]
    fn only_the_old() {
        let too_few = Untrusted::Threshold { found: 0, needed: 2 };
        assert_eq!(rotate(&[1, 2, 3]), Err(Error::Untrusted(too_few)));
    }

    #[test]
    fn only_the_new() {
        let too_few = Untrusted::Threshold { found: 1, needed: 3 };
        assert_eq!(rotate(&[4, 5, 6]), Err(Error::Untrusted(too_few)));
    }

    #[test]
    fn one_short_of_the_old_or_of_the_new() {
        assert!(rotate(&[1, 2, 5, 6]).is_err());
        assert!(rotate(&[1, 2, 3, 5]).is_err());
    }
}

#[test]
fn tough_cve_2025_2885_a_version_that_is_not_the_next_is_refused() {
    let root = || group(&[1, 2, 3, 4], 3);
    let third = record(set(3, root(), &[21]), Role::ROOT, &[1, 2, 3]);
    let gap = Untrusted::Gap { found: 3, expected: 2 };
    assert_eq!(first().advance(&third), Err(Error::Untrusted(gap)));
    // A chain is followed link by link, and what is known already is passed over.
    let second = record(set(2, root(), &[22]), Role::ROOT, &[1, 2, 3]);
    let chain = [record(first(), Role::ROOT, &[1, 2, 3]), second.clone(), third.clone()].concat();
    assert_eq!(first().advance(&chain).unwrap().version().get(), 3);
    assert_eq!(Keyset::open(&chain).unwrap().advance(&chain).unwrap().version().get(), 3);
    let backwards = first().advance(&[third, second].concat());
    assert!(backwards.is_err());
}

#[test]
fn two_sets_of_one_version_are_a_fork() {
    let other = record(set(1, group(&[1, 2, 3, 4], 3), &[29]), Role::ROOT, &[1, 2, 3]);
    assert_eq!(first().advance(&other), Err(Error::Untrusted(Untrusted::Fork { version: 1 })));
}

#[test]
fn emergency_keys_replace_release_keys_and_nothing_else() {
    let root = || group(&[1, 2, 3, 4], 3);
    let saved = first().advance(&record(set(2, root(), &[25]), Role::EMERGENCY, &[30, 32])).unwrap();
    assert_eq!(saved.group(Role::RELEASE), Some(&group(&[25], 1)));
    let one = first().advance(&record(set(2, root(), &[25]), Role::EMERGENCY, &[30]));
    assert_eq!(one, Err(Error::Untrusted(Untrusted::Threshold { found: 1, needed: 2 })));
    let overreach = Err(Error::Untrusted(Untrusted::Overreach));
    let other_root = set(2, group(&[7], 1), &[25]);
    assert_eq!(first().advance(&record(other_root, Role::EMERGENCY, &[30, 31, 7])), overreach);
    let version = NonZeroU64::new(2).unwrap();
    let itself = Keyset::new(version, root(), group(&[25], 1), Some(group(&[33], 1))).unwrap();
    assert_eq!(first().advance(&record(itself, Role::EMERGENCY, &[30, 31])), overreach);
    // A record signed by emergency keys is no record signed by root, whatever it is called.
    let mut bytes = record(set(2, root(), &[25]), Role::EMERGENCY, &[30, 31]);
    bytes[9] = Role::ROOT.0;
    assert!(matches!(first().advance(&bytes), Err(Error::Untrusted(Untrusted::Forged { .. }))));
}

#[test]
fn go_tuf_cve_2026_23992_a_threshold_of_zero_and_an_empty_group_cannot_be_written_down() {
    let public = |number| key(number).public();
    assert!(Group::new([], NonZeroU8::MIN).is_none());
    assert!(Group::new([public(1)], NonZeroU8::new(2).unwrap()).is_none());
    assert_eq!(NonZeroU8::new(0), None);
    // On the wire: the threshold of the root keys is the byte after the version, the count and the role.
    let good = record(first(), Role::ROOT, &[1, 2, 3]);
    for (at, what) in [(12 + 10, "threshold"), (12 + 11, "count")] {
        let mut bytes = good.clone();
        bytes[at] = 0;
        assert!(matches!(Keyset::open(&bytes), Err(Error::Malformed(_))), "{what}");
    }
}

#[test]
fn tough_cve_2020_15093_one_key_counts_once() {
    let twice = Rotation::sign(first(), Role::ROOT, &keys(&[1, 1, 2]));
    assert!(twice.is_none());
    assert!(Rotation::sign(first(), Role::ROOT, &keys(&[1])).unwrap().also(&key(1)).is_none());
    assert!(Group::new([key(1).public(), key(1).public()], NonZeroU8::new(2).unwrap()).is_none());
    let version = NonZeroU64::MIN;
    let shared = Keyset::new(version, group(&[1], 1), group(&[1, 2], 1), None);
    assert_eq!(shared, Err(Unfit::TwoRoles));
}

#[test]
fn every_bit_of_a_file_of_keys_matters() {
    let next = set(2, group(&[4, 5, 6], 2), &[21]);
    let file = [record(first(), Role::ROOT, &[1, 2, 3]), record(next, Role::ROOT, &[1, 2, 3, 5, 6])].concat();
    assert!(Keyset::open(&file).is_ok());
    for bit in 0..file.len() * 8 {
        let mut file = file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        assert!(Keyset::open(&file).is_err(), "bit {bit}");
    }
    for len in (0..file.len()).filter(|len| *len != record(first(), Role::ROOT, &[1, 2, 3]).len()) {
        assert!(Keyset::open(&file[..len]).is_err(), "cut at {len}");
    }
}

fn package(role: Role, severity: Severity, rotations: Vec<u8>, by: &[u8]) -> Vec<u8> {
    let config = build::Config { role, severity, rotations, level: 1, ..Default::default() };
    let empty = Files::new();
    build(&config, &empty.tree(), &empty.tree(), common::contents(&empty, &empty), &keys(by)).unwrap()
}

fn read(trust: &Trust, package: &[u8]) -> Result<Envelope, Error> {
    let mut reader = Reader::new(Limits::default(), trust.clone());
    while let Some(need) = reader.need() {
        let start = (need.offset as usize).min(package.len());
        let end = (start + need.len as usize).min(package.len());
        reader.feed(&package[start..end])?;
    }
    Ok(reader.finish().unwrap())
}

#[test]
fn a_package_brings_the_rotations_that_lead_to_its_keys() {
    let trust = Trust::keys(first());
    let normal = Severity::NORMAL;
    assert!(read(&trust, &package(Role::RELEASE, normal, vec![], &[20])).is_ok());
    let by_21 = |rotations| package(Role::RELEASE, normal, rotations, &[21]);
    let stranger = Err(Error::Untrusted(Untrusted::Threshold { found: 0, needed: 1 }));
    assert_eq!(read(&trust, &by_21(vec![])).map(drop), stranger);
    let rotation = record(set(2, group(&[4, 5, 6], 2), &[21]), Role::ROOT, &[1, 2, 4, 5]);
    let rotated = by_21(rotation.clone());
    let envelope = read(&trust, &rotated).unwrap();
    assert_eq!(trust.advance(&envelope.rotations).unwrap().keyset().unwrap().version().get(), 2);
    // The old release key is out, from that version on.
    let later = trust.advance(&rotation).unwrap();
    assert_eq!(read(&later, &package(Role::RELEASE, normal, vec![], &[20])).map(drop), stranger);
    assert_eq!(read(&trust, &package(Role::RELEASE, normal, rotation, &[20])).map(drop), stranger);
    // Whoever has pinned the key needs no rotation, and is not misled by one.
    assert!(read(&Trust::one(key(21).public()), &rotated).is_ok());
    for bit in 0..rotated.len() * 8 {
        let mut flipped = rotated.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&trust, &flipped).is_err(), "bit {bit}");
        if bit % 8 == 0 {
            assert!(read(&Trust::one(key(21).public()), &flipped).is_err(), "bit {bit}, pinned");
        }
    }
}

#[test]
fn a_signature_counts_in_the_role_it_was_made_for() {
    let trust = Trust::keys(first());
    let critical = Severity::CRITICAL;
    assert!(read(&trust, &package(Role::EMERGENCY, critical, vec![], &[30, 31])).is_ok());
    let quiet = read(&trust, &package(Role::EMERGENCY, Severity::HIGH, vec![], &[30, 31]));
    assert_eq!(quiet.map(drop), Err(Error::Untrusted(Untrusted::Overreach)));
    // Release keys in the emergency role, emergency keys in the release role, root keys in either.
    for (role, by) in [
        (Role::EMERGENCY, &[20][..]),
        (Role::RELEASE, &[30, 31]),
        (Role::RELEASE, &[1, 2, 3]),
        (Role::EMERGENCY, &[1, 2, 3]),
    ] {
        let refused = read(&trust, &package(role, critical, vec![], by));
        assert!(matches!(refused, Err(Error::Untrusted(Untrusted::Threshold { .. }))), "{role} {by:?}");
    }
    // The role stands in the signed bytes.
    let mut package = package(Role::EMERGENCY, critical, vec![], &[30, 31]);
    package[9] = Role::RELEASE.0;
    let refused = read(&trust, &package).map(drop);
    assert_eq!(refused, Err(Error::Untrusted(Untrusted::Forged { index: 0 })));
    let pinned = Trust::one(key(30).public());
    let refused = read(&pinned, &self::package(Role::EMERGENCY, critical, vec![], &[30])).map(drop);
    assert_eq!(refused, Err(Error::Untrusted(Untrusted::Role { role: Role::EMERGENCY })));
}

#[test]
fn fast_forward_cannot_use_up_the_epochs() {
    assert_eq!(admit(5, 5), Ok(()));
    assert_eq!(admit(4, 5), Err(Error::BelowFloor { epoch: 4, floor: 5 }));
    assert_eq!(admit(20_261_123, 0), Ok(()), "a date is an epoch");
    let found = u64::MAX;
    let limit = 5 + EPOCH_STEP;
    assert_eq!(admit(found, 5), Err(Error::Limit { part: Part::Epoch, found, limit }));
}

#[test]
fn rauc_min_bundle_version_a_good_old_release_comes_back_under_its_own_name() {
    // RAUC's documented dead end: after 1.3.0 raised the limit, 1.2.9 can only be shipped again as 1.3.1. Here the
    // floor is another number than the version.
    let empty = Files::new();
    let config = |epoch, downgrade| build::Config {
        from_version: "1.3.0".into(),
        to_version: "1.2.9".into(),
        epoch,
        downgrade,
        ..Default::default()
    };
    let build =
        |config| build(&config, &empty.tree(), &empty.tree(), common::contents(&empty, &empty), &keys(&[20]));
    let unasked = build(config(7, false));
    assert!(matches!(unasked, Err(build::Error::Downgrade { .. })), "{unasked:?}");
    let envelope = read(&Trust::keys(first()), &build(config(7, true)).unwrap()).unwrap();
    assert_eq!((envelope.to_version(), admit(envelope.root.epoch, 7)), ("1.2.9", Ok(())));
    // The 1.2.9 that was shipped before the floor was raised stays out.
    let old = read(&Trust::keys(first()), &build(config(6, true)).unwrap()).unwrap();
    assert!(admit(old.root.epoch, 7).is_err());
}

proptest! {
    #[test]
    fn a_set_of_keys_comes_back(version in 1u64.., a in 1usize..5, b in 1usize..5, c in 0usize..4, m in 1u8..5) {
        let numbers = |from: u8, count: usize| (from..).take(count).collect::<Vec<u8>>();
        let fit = |count: usize| m.min(count as u8);
        let emergency = (c > 0).then(|| group(&numbers(30, c), fit(c)));
        let (root, release) = (group(&numbers(1, a), fit(a)), group(&numbers(20, b), fit(b)));
        let set = Keyset::new(NonZeroU64::new(version).unwrap(), root, release, emergency).unwrap();
        let bytes = record(set.clone(), Role::ROOT, &numbers(1, a));
        let read = Rotation::parse_all(&bytes).unwrap();
        prop_assert_eq!(read[0].keys(), &set);
        let mut again = Vec::new();
        read[0].emit(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let _ = Rotation::parse_all(&bytes);
        let _ = Keyset::open(&bytes);
        let _ = first().advance(&bytes);
    }
}

#[test]
fn a_key_has_one_way_to_be_written() {
    // The points of small order, in their canonical and other encodings: under such a key anything verifies.
    let p = |low: u8, top: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (low, top);
        bytes
    };
    let order8 = |first: &str| -> [u8; 32] {
        let byte = |at: usize| u8::from_str_radix(&first[at * 2..at * 2 + 2], 16).unwrap();
        std::array::from_fn(byte)
    };
    let mut weak = vec![
        [0; 32],
        p(0xec, 0x7f),
        p(0xed, 0x7f),
        p(0xee, 0x7f),
        p(0xec, 0xff),
        p(0xee, 0xff),
        p(0xed, 0xff),
    ];
    for (byte, sign) in [(1u8, 0u8), (1, 0x80), (0, 0x80)] {
        let mut bytes = [0; 32];
        (bytes[0], bytes[31]) = (byte, sign);
        weak.push(bytes);
    }
    for eight in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        let mut bytes = order8(eight);
        weak.push(bytes);
        bytes[31] |= 0x80;
        weak.push(bytes);
    }
    assert_eq!(weak.len(), 14, "all encodings of the eight points");
    for bytes in weak {
        assert!(PublicKey::new(bytes).is_none(), "{bytes:02x?}");
    }
}

#[test]
fn nothing_of_a_bad_record_is_kept() {
    // tough's CVE-2025-2888: what was rejected had been kept, and nothing was accepted afterwards.
    let good = record(set(2, group(&[1, 2, 3, 4], 3), &[21]), Role::ROOT, &[1, 2, 3]);
    let bad = record(set(3, group(&[7], 1), &[22]), Role::ROOT, &[7]);
    let trust = Trust::keys(first());
    assert!(trust.advance(&[good.clone(), bad].concat()).is_err());
    assert_eq!(trust, Trust::keys(first()));
    assert_eq!(trust.advance(&good).unwrap().keyset().unwrap().version().get(), 2);
    let trailing = [&good[..], &[0]].concat();
    assert!(
        matches!(trust.advance(&trailing), Err(Error::Malformed(why)) if why.problem == Problem::Truncated)
    );
}

#[test]
fn a_signature_is_added_and_the_text_cut_out_without_touching_the_rest() {
    let empty = Files::new();
    let config =
        build::Config { text: "Closes two holes.\nSee the advisory.".into(), level: 1, ..Default::default() };
    let whole =
        build(&config, &empty.tree(), &empty.tree(), common::contents(&empty, &empty), &keys(&[20])).unwrap();
    let (opening, at) = Opening::parse(&whole).unwrap();
    assert_eq!(opening.emit(), whole[..at as usize]);
    let rest = &whole[at as usize..whole.len() - 16];
    let file = |opening: &Opening| {
        let mut file = [&opening.emit()[..], rest].concat();
        let total = file.len() as u64 + 16;
        file.extend_from_slice(&emit_end(total));
        file
    };
    let both = Trust::new(keys(&[20, 21]).iter().map(SigningKey::public), 2.try_into().unwrap()).unwrap();
    assert!(read(&both, &whole).is_err());
    let second = key(21).sign(&opening.header().emit(), opening.root());
    let signed = opening.signed(second).unwrap();
    let read_back = read(&both, &file(&signed)).unwrap();
    assert_eq!(read_back.text.as_deref(), Some("Closes two holes.\nSee the advisory."));
    assert!(signed.signed(second).is_none(), "a key signs once");
    let severed = signed.severed().unwrap();
    let stripped = read(&both, &file(&severed)).unwrap();
    assert_eq!((stripped.text, stripped.id), (None, read_back.id), "the same package");
    assert!(severed.severed().is_none());
    // Nor can the text be replaced by another.
    let mut forged = file(&signed);
    let text = forged.windows(6).position(|window| window == b"Closes").unwrap();
    forged[text] = b'c';
    assert!(read(&both, &forged).is_err());
}
