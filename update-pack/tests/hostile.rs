//! Packages made to hurt: none moves a byte of the tree.
#![allow(missing_docs)]

mod common;

use std::num::NonZeroUsize;

use common::disk::{Disk, Files};
use common::{apply, key, outcome, package, pair, trust};
use update_pack::engine::{Config, Engine, Goal, Outcome, Reason};
use update_pack::trust::{PublicKey, SigningKey, Trust};
use update_pack::verify::Reader;
use update_pack::wire::{Header, Manifest, Root, Section, Signature, Signatures, Stream, digest};
use update_pack::{Error, Limits, Part, Problem, Untrusted};

fn refuse(package: Vec<u8>) -> Error {
    let (a, _) = pair();
    let mut disk = Disk::new(a.clone(), package);
    let outcome = outcome(apply(), &mut disk);
    assert_eq!(disk.seen, a, "something was written");
    assert_eq!(disk.changes, 0);
    match outcome {
        Outcome::Refused(Reason::Package(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn sample() -> Vec<u8> {
    let (a, b) = pair();
    package(&a, &b)
}

/// A package whose root says `root`, signed by the trusted key, with what follows the root as it is.
fn resigned(package: &[u8], change: impl FnOnce(&mut Root)) -> Vec<u8> {
    let header = Header::parse(&package[..16]).unwrap();
    let end = 16 + header.root_len as usize;
    let mut root = Root::parse(&package[16..end]).unwrap();
    change(&mut root);
    let root = root.emit();
    let header = Header::release(root.len() as u32).emit();
    let signatures = Signatures::new(vec![key().sign(&header, &root)]).unwrap().emit();
    let rest = &package[end + 1 + 96..];
    [&header[..], &root, &signatures, rest].concat()
}

/// The length of the payload's only stream.
fn stored(root: &mut Root) -> &mut u64 {
    &mut root.payload.streams[0].len
}

/// What is wrong with a manifest's bytes.
fn problem(bytes: &[u8]) -> Problem {
    match Manifest::parse(bytes) {
        Err(Error::Malformed(why)) => why.problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_bit_flipped_is_refused_before_anything_is_touched() {
    let sample = sample();
    for bit in 0..sample.len() * 8 {
        let mut package = sample.clone();
        package[bit / 8] ^= 1 << (bit % 8);
        let mut reader = Reader::new(Limits::default(), trust());
        let mut refused = false;
        while let Some(need) = reader.need() {
            let start = (need.offset as usize).min(package.len());
            let end = (start + need.len as usize).min(package.len());
            if reader.feed(&package[start..end]).is_err() {
                refused = true;
                break;
            }
        }
        assert!(refused, "bit {bit} of {}", sample.len() * 8);
        // The engine reads through the same reader; that it then touches nothing is checked on every byte.
        if bit % 8 == 0 {
            refuse(package);
        }
    }
}

#[test]
fn truncated_at_every_byte() {
    let sample = sample();
    for len in 0..sample.len() {
        refuse(sample[..len].to_vec());
    }
}

#[test]
fn extraneous_bytes_after_the_end() {
    let mut package = sample();
    package.push(0);
    let error = refuse(package);
    assert!(matches!(error, Error::Malformed(why) if why.problem == Problem::Trailing), "{error}");
}

#[test]
fn arbitrary_installation_an_unknown_key_signs() {
    let (a, b) = pair();
    let stranger = SigningKey::new(&[9; 32]);
    let contents = common::contents(&a, &b);
    let config = update_pack::build::Config::default();
    let package = update_pack::build::build(&config, &a.tree(), &b.tree(), contents, &[stranger]).unwrap();
    let error = refuse(package);
    assert_eq!(error, Error::Untrusted(Untrusted::Threshold { found: 0, needed: 1 }));
}

#[test]
fn mix_and_match_of_two_packages() {
    let (a, b) = pair();
    let (one, two) = (package(&a, &b), package(&b, &a));
    let end = |package: &[u8]| 16 + Header::parse(&package[..16]).unwrap().root_len as usize + 97;
    let spliced = [&one[..end(&one)], &two[end(&two)..]].concat();
    refuse(spliced);
}

#[test]
fn duplicate_signer_and_threshold_zero_and_no_keys_cannot_be_written_down() {
    let signature = key().sign(b"", b"");
    assert_eq!(Signatures::new(vec![signature, signature]), None);
    assert_eq!(Signatures::new(vec![]), None);
    assert!(Trust::new([], NonZeroUsize::MIN).is_none());
    let two = NonZeroUsize::new(2).unwrap();
    assert!(Trust::new([key().public(), key().public()], two).is_none());
    // On the wire as well.
    let mut twice = vec![];
    for _ in 0..2 {
        twice.extend_from_slice(&signature.key);
        twice.extend_from_slice(&signature.signature);
    }
    assert!(matches!(Signatures::parse(2, &twice), Err(why) if why.problem == Problem::Order));
    assert!(Signatures::parse(0, &[]).is_err());
}

#[test]
fn a_threshold_of_two_needs_two() {
    let (a, b) = pair();
    let second = SigningKey::new(&[8; 32]);
    let keys = [key().public(), second.public()];
    let trust = Trust::new(keys, NonZeroUsize::new(2).unwrap()).unwrap();
    let contents = common::contents(&a, &b);
    let build = |keys: &[SigningKey]| {
        let config = update_pack::build::Config::default();
        update_pack::build::build(&config, &a.tree(), &b.tree(), &contents, keys).unwrap()
    };
    let run = |package: Vec<u8>| {
        let mut disk = Disk::new(a.clone(), package);
        outcome(Engine::new(Config::default(), Goal::Apply(trust.clone())), &mut disk)
    };
    let one = run(build(&[key()]));
    let threshold = Untrusted::Threshold { found: 1, needed: 2 };
    assert_eq!(one, Outcome::Refused(Reason::Package(Error::Untrusted(threshold))));
    assert!(matches!(run(build(&[second, key()])), Outcome::Applied { .. }));
}

#[test]
fn weak_keys_are_no_keys() {
    // The identity and the other points of small order: anything verifies under them.
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(PublicKey::new(identity).is_none());
    assert!(PublicKey::new([0; 32]).is_none());
    assert!(PublicKey::new([0xff; 32]).is_none());
}

#[test]
fn a_signature_made_for_something_else_does_not_count() {
    use update_pack::trust::SigningKey;
    let package = sample();
    let header = Header::parse(&package[..16]).unwrap();
    let root = &package[16..16 + header.root_len as usize];
    // The same bytes without the domain: sign(header, root) puts it before them, so drop it by a raw signature.
    let raw = SigningKey::new(&[7; 32]).sign(&[], &[&package[..16], root].concat());
    let whole = key().sign(&package[..16], root);
    assert_eq!(raw, whole, "header and root are one message");
    let forged =
        Signature { key: whole.key, signature: key().sign(b"update-pack/v1/notice", root).signature };
    let mut copy = package.clone();
    let at = 16 + header.root_len as usize + 1 + 32;
    copy[at..at + 64].copy_from_slice(&forged.signature);
    assert_eq!(refuse(copy), Error::Untrusted(Untrusted::Forged { index: 0 }));
}

#[test]
fn endless_data_is_refused_by_its_announced_length() {
    let package = resigned(&sample(), |root| root.legs[0].manifest.len = u32::MAX);
    assert!(matches!(refuse(package), Error::Limit { part: Part::Manifest, .. }));
    let package = resigned(&sample(), |root| *stored(root) = u64::MAX);
    assert!(matches!(refuse(package), Error::Limit { part: Part::Groups, .. }));
    // 2^63, and a sum that does not fit.
    let package = resigned(&sample(), |root| *stored(root) = 1 << 63);
    assert!(matches!(refuse(package), Error::Limit { .. }));
    let endless = Stream { len: u64::MAX, ..Stream::default() };
    let package = resigned(&sample(), |root| {
        root.payload.streams.push(endless);
        root.legs.push(root.legs[0].clone());
        root.legs[1].profile.push('p');
        root.legs[1].stream = Some(1);
    });
    assert!(matches!(refuse(package), Error::Limit { part: Part::Groups, .. }));
}

#[test]
fn a_payload_longer_than_what_is_signed_is_refused() {
    // RAUC's CVE-2026-34155: only the first bytes were covered.
    let package = resigned(&sample(), |root| *stored(root) -= 1);
    refuse(package);
    let package = resigned(&sample(), |root| *stored(root) += 1);
    refuse(package);
}

#[test]
fn rollback_below_the_floor() {
    let (a, b) = pair();
    let config = |epoch| update_pack::build::Config { epoch, ..Default::default() };
    let mut disk = Disk::new(a.clone(), common::package_of(&config(5), &a, &b));
    assert!(matches!(outcome(apply(), &mut disk), Outcome::Applied { .. }));
    // The floor outlives the undo.
    assert!(matches!(outcome(common::undo(), &mut disk), Outcome::Undone { .. }));
    disk.package = common::package_of(&config(4), &a, &b);
    let before = disk.changes;
    let refused = outcome(apply(), &mut disk);
    assert_eq!(refused, Outcome::Refused(Reason::Package(Error::BelowFloor { epoch: 4, floor: 5 })));
    assert_eq!(disk.changes, before);
    disk.package = common::package_of(&config(5), &a, &b);
    assert!(matches!(outcome(apply(), &mut disk), Outcome::Applied { .. }));
}

/// A manifest as bytes: entries of one side, each with its path, and a node.
fn manifest(entries: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![entries.len() as u8 + 1, 0, 0, 1 << 2, 1, 0o355];
    let mut last: &[u8] = &[];
    for (path, head, node) in entries {
        let shared = last.iter().zip(*path).take_while(|(a, b)| a == b).count();
        out.extend_from_slice(&[shared as u8, (path.len() - shared) as u8]);
        out.extend_from_slice(&path[shared..]);
        out.push(*head);
        out.extend_from_slice(node);
        last = path;
    }
    out
}

#[test]
fn paths_that_would_leave_the_tree_cannot_be_written_down() {
    const LINK: u8 = 3 << 2;
    let link = b"\x01x";
    assert!(Manifest::parse(&manifest(&[(b"a", LINK, link)])).is_ok());
    let hostile: [&[u8]; 12] = [
        b"..",
        b".",
        b"/etc",
        b"a/../b",
        b"a//b",
        b"a/",
        b"",
        b"a\0b",
        b".update-pack",
        b".update-pack/installed",
        b"a/./b",
        b"../../root",
    ];
    for path in hostile {
        let error = Manifest::parse(&manifest(&[(path, LINK, link)]));
        assert!(error.is_err(), "{}", path.escape_ascii());
    }
    // Through a symbolic link, through a file, into a directory that is not there.
    assert_eq!(problem(&manifest(&[(b"a", LINK, link), (b"a/b", LINK, link)])), Problem::Path);
    assert_eq!(problem(&manifest(&[(b"a/b", LINK, link)])), Problem::Path);
    // A hard link to something that is no file, or comes later.
    assert_eq!(problem(&manifest(&[(b"a", LINK, link), (b"b", 4 << 2, &[1])])), Problem::Path);
    // Out of order, twice, not in its shortest form.
    assert_eq!(problem(&manifest(&[(b"b", LINK, link), (b"a", LINK, link)])), Problem::Order);
    assert!(Manifest::parse(&manifest(&[(b"a", LINK, link), (b"a", LINK, link)])).is_err());
}

#[test]
fn a_manifest_that_lies_about_its_count_reserves_nothing() {
    let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    bytes.extend_from_slice(&[0; 8]);
    assert_eq!(problem(&bytes), Problem::Length);
}

#[test]
fn a_signed_package_with_a_broken_manifest_writes_nothing() {
    let sample = sample();
    let header = Header::parse(&sample[..16]).unwrap();
    let root = Root::parse(&sample[16..16 + header.root_len as usize]).unwrap();
    let broken = manifest(&[(b"..", 3 << 2, b"\x01x")]);
    let package = resigned(&sample, |root| {
        root.legs[0].manifest = Section { len: broken.len() as u32, digest: digest(&broken) };
    });
    let new = Header::parse(&package[..16]).unwrap();
    let start = 16 + new.root_len as usize + 97;
    let rest = &package[start + root.legs[0].manifest.len as usize..];
    let package = [&package[..start], &broken, rest].concat();
    let error = refuse(package);
    assert!(matches!(error, Error::Malformed(why) if why.problem == Problem::Path), "{error}");
}

#[test]
fn time_of_check_to_time_of_use_the_package_changes_after_it_was_verified() {
    // RAUC's CVE-2020-25860: what was checked is read again; here every leaf is checked again as well.
    let (a, b) = pair();
    let mut disk = Disk::new(a.clone(), package(&a, &b));
    let mut engine = apply();
    let mut reads = 0;
    let end = loop {
        use update_pack::engine::{Effect, Event, Output};
        let (id, effect) = match engine.poll_output() {
            Some(Output::Event(Event::Finished(outcome))) => break outcome.clone(),
            Some(Output::Storage { id, effect }) => (id, effect.clone()),
            Some(_) => continue,
            None => panic!("waits for nothing"),
        };
        if let Effect::MakeDir { .. } = effect {
            let at = disk.package.len() - 40;
            disk.package[at] ^= 1;
            reads += 1;
        }
        let given = disk.carry_out(&effect);
        common::disk::answer(&mut engine, id, &given);
        if reads == 1 {
            reads += 1;
        }
    };
    assert!(matches!(end, Outcome::Refused(Reason::Package(Error::Malformed(_)))), "{end:?}");
    assert_eq!(disk.seen.tree(), a.tree());
}

#[test]
fn a_damaged_journal_is_not_guessed_at() {
    let (a, b) = pair();
    let mut disk = Disk::new(a.clone(), package(&a, &b));
    assert!(matches!(outcome(apply(), &mut disk), Outcome::Applied { .. }));
    let journal = |files: &Files| {
        let find = files.inodes.iter().find_map(|(number, inode)| match &inode.body {
            common::disk::Body::File(bytes) if bytes.starts_with(b"UPJ2") => Some((*number, bytes.len())),
            _ => None,
        });
        find.expect("there is a journal")
    };
    let (number, len) = journal(&disk.seen);
    for at in 0..len {
        let mut disk = disk.clone();
        if let common::disk::Body::File(bytes) = &mut disk.seen.inodes.get_mut(&number).unwrap().body {
            bytes[at] ^= 0x10;
        }
        let before = disk.changes;
        let end = outcome(common::undo(), &mut disk);
        assert!(matches!(end, Outcome::Refused(Reason::Journal { .. })), "byte {at}: {end:?}");
        assert_eq!(disk.changes, before);
    }
}

#[test]
fn a_tree_that_is_not_a_is_refused_with_the_first_difference() {
    let (a, b) = pair();
    let package = package(&a, &b);
    let mut other = a.clone();
    other.make(b"stray", common::disk::Body::File(b"x".to_vec()), 0o644, 0).unwrap();
    let mut disk = Disk::new(other, package.clone());
    let end = outcome(apply(), &mut disk);
    let Outcome::Refused(Reason::Different(difference)) = end else { panic!("{end:?}") };
    assert_eq!(difference.to_string(), "stray: expected nothing, found a file");
    assert_eq!(disk.changes, 0);
    let mut disk = Disk::new(b.clone(), package);
    let end = outcome(apply(), &mut disk);
    assert!(matches!(end, Outcome::Refused(Reason::Different(_))), "{end:?}");
    assert_eq!(disk.changes, 0);
}
