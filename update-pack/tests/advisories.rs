//! Holes that others had, each as an attack on this crate: advisories by number, threats of TUF, RFC 9124 and Uptane
//! by name. Those that concern keys stand in trust.rs, those that concern bytes of every kind in hostile.rs.
#![allow(missing_docs)]

mod common;

use common::disk::{Body, Disk, Files};
use common::{apply, key, outcome, package_of, pair, trust};
use update_pack::build;
use update_pack::engine::{Effect, Outcome, Place, Reason};
use update_pack::verify::Reader;
use update_pack::wire::{
    Encoding, FrameHead, Header, Leg, Manifest, Payload, Root, Section, Signatures, Stream, StreamKind,
    digest, emit_end,
};
use update_pack::{Error, Limits, Part, Problem};

/// Trees with one file, of that content afterwards.
fn trees(content: &[u8]) -> (Files, Files) {
    let mut after = Files::new();
    after.make(b"f", Body::File(content.to_vec()), 0o644, 0).unwrap();
    (Files::new(), after)
}

/// A package of one leg and one stream of less than a leaf, signed whatever it holds.
fn crafted(after: &Files, stream: &[u8], change: impl FnOnce(&mut Root)) -> Vec<u8> {
    assert!(stream.len() <= 65536);
    let manifest = Manifest::new(&Files::new().tree(), &after.tree()).emit();
    let table = digest(stream).0;
    let groups = digest(&table).0;
    let mut root = Root {
        to_version: "1".into(),
        legs: vec![Leg {
            from: "0".into(),
            to: "1".into(),
            manifest: Section { len: manifest.len() as u32, digest: digest(&manifest) },
            stream: Some(0),
            ..Leg::default()
        }],
        payload: Payload {
            streams: vec![Stream { kind: StreamKind::FRAMES, len: stream.len() as u64, ..Stream::default() }],
            groups: digest(&groups),
        },
        ..Root::default()
    };
    change(&mut root);
    let root = root.emit();
    let header = Header::release(root.len() as u32).emit();
    let signatures = Signatures::new(vec![key().sign(&header, &root)]).unwrap().emit();
    let mut file = [&header[..], &root, &signatures, &manifest, &groups, &table, stream].concat();
    file.extend_from_slice(&emit_end(file.len() as u64 + 16));
    file
}

fn frame(encoding: Encoding, raw_len: u32, stored: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    FrameHead { encoding, stored_len: stored.len() as u32, raw_len }.emit(&mut out);
    out.extend_from_slice(stored);
    out
}

/// Applies a package to an empty directory, which must be empty afterwards.
fn refuse(package: Vec<u8>) -> Error {
    let mut disk = Disk::new(Files::new(), package);
    let end = outcome(apply(), &mut disk);
    assert_eq!(disk.seen.tree(), Files::new().tree(), "the tree was touched");
    match end {
        Outcome::Refused(Reason::Package(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Malformed(why) => why.problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_package_crafted_by_hand_applies() {
    let (_, after) = trees(b"hello");
    let package = crafted(&after, &frame(Encoding::STORED, 5, b"hello"), |_| {});
    let mut disk = Disk::new(Files::new(), package);
    let end = outcome(apply(), &mut disk);
    assert!(matches!(end, Outcome::Applied { .. }), "so that what follows fails for its own reason: {end:?}");
}

#[test]
fn mender_cve_2025_67903_content_that_nothing_names() {
    let (_, after) = trees(b"hello");
    let good = frame(Encoding::STORED, 5, b"hello");
    // Behind the last file, and before the first.
    let more = frame(Encoding::STORED, 4, b"evil");
    assert_eq!(problem(refuse(crafted(&after, &[&good[..], &more].concat(), |_| {}))), Problem::Trailing);
    assert_eq!(problem(refuse(crafted(&after, &[&more[..], &good].concat(), |_| {}))), Problem::Digest);
    // A stream that no leg names.
    let unnamed = crafted(&after, &good, |root| root.payload.streams.push(root.payload.streams[0]));
    assert_eq!(problem(refuse(unnamed)), Problem::Length);
}

#[test]
fn mender_cve_2025_67903_a_digest_that_is_empty_is_not_one_that_is_skipped() {
    let (_, mut after) = trees(b"hello");
    let good = frame(Encoding::STORED, 5, b"hello");
    let package = crafted(&after, &good, |root| root.legs[0].manifest.digest.0 = [0; 32]);
    assert_eq!(problem(refuse(package)), Problem::Digest);
    let package = crafted(&after, &good, |root| root.payload.groups.0 = [0; 32]);
    assert_eq!(problem(refuse(package)), Problem::Digest);
    after.make(b"g", Body::File(Vec::new()), 0o644, 0).unwrap();
    assert!(Manifest::parse(&[]).is_err(), "a manifest of nothing");
}

#[test]
fn mender_men_1412_what_stands_before_the_payload_is_covered() {
    let (a, b) = pair();
    let package = package_of(&build::Config { text: "x".into(), level: 3, ..Default::default() }, &a, &b);
    let mut reader = Reader::new(Limits::default(), trust());
    // Signatures, text, manifest, group table: each is refused before the next is asked for.
    let mut refused_at = Vec::new();
    while let Some(need) = reader.need() {
        let start = (need.offset as usize).min(package.len());
        let end = (start + need.len as usize).min(package.len());
        let mut piece = package[start..end].to_vec();
        if let Some(last) = piece.last_mut() {
            *last ^= 1;
            if reader.clone().feed(&piece).is_err() {
                refused_at.push(need.offset);
            }
        }
        reader.feed(&package[start..end]).unwrap();
    }
    // The header's and the root's own reads end before their signatures were read: only these two may pass.
    assert!(refused_at.len() >= 6, "{refused_at:?}");
}

#[test]
fn fwupd_cve_2020_10759_and_jetkvm_1262_no_signature_is_no_package() {
    let (a, b) = pair();
    let package = package_of(&build::Config { level: 3, ..Default::default() }, &a, &b);
    let at = 16 + Header::parse(&package[..16]).unwrap().root_len as usize;
    let mut none = package.clone();
    none[at] = 0;
    none.drain(at + 1..at + 97);
    let mut reader = Reader::new(Limits::default(), trust());
    let mut feed = || -> Result<(), Error> {
        while let Some(need) = reader.need() {
            let start = (need.offset as usize).min(none.len());
            reader.feed(&none[start..(start + need.len as usize).min(none.len())])?;
        }
        Ok(())
    };
    assert_eq!(problem(feed().unwrap_err()), Problem::Range);
}

#[test]
fn sparkle_cve_2025_0509_nothing_is_unpacked_before_it_is_verified() {
    // The payload is swapped for a bomb: it is refused by its hash, and never reaches the decompressor.
    let (_, after) = trees(b"hello");
    let good = frame(Encoding::STORED, 5, b"hello");
    let mut package = crafted(&after, &good, |_| {});
    let at = package.len() - 16 - good.len();
    package[at] = Encoding::ZSTD.0;
    let error = refuse(package);
    assert!(
        matches!(error, Error::Malformed(why) if why.part == Part::Payload && why.problem == Problem::Digest)
    );
}

#[test]
fn decompression_bombs_are_signed_and_still_refused() {
    let zeros = zstd::bulk::compress(&vec![0; 3 << 20], 19).unwrap();
    let (_, after) = trees(&[0; 10]);
    // It says 10 and becomes three million.
    let lying = frame(Encoding::ZSTD, zeros.len() as u32 + 1, &zeros);
    assert!(matches!(
        problem(refuse(crafted(&after, &lying, |_| {}))),
        Problem::Compression | Problem::Length
    ));
    // It says more than the reader holds.
    let huge = frame(Encoding::ZSTD, u32::MAX, &zeros);
    assert!(matches!(refuse(crafted(&after, &huge, |_| {})), Error::Limit { part: Part::Frame, .. }));
    // It says what it becomes, and its file is shorter: the rest would be for nobody.
    let honest = frame(Encoding::ZSTD, 3 << 20, &zeros);
    let error = refuse(crafted(&after, &honest, |_| {}));
    assert!(matches!(problem(error), Problem::Trailing | Problem::Digest), "{error}");
    // Two zstd frames in one of ours.
    let small = zstd::bulk::compress(&[0; 5], 3).unwrap();
    let twice = frame(Encoding::ZSTD, 100, &[&small[..], &small].concat());
    assert!(matches!(
        problem(refuse(crafted(&after, &twice, |_| {}))),
        Problem::Length | Problem::Compression
    ));
}

#[test]
fn threat_img_extra_two_packages_end_to_end() {
    let (_, after) = trees(b"hello");
    let package = crafted(&after, &frame(Encoding::STORED, 5, b"hello"), |_| {});
    assert_eq!(problem(refuse([&package[..], &package].concat())), Problem::Trailing);
}

#[test]
fn threat_upd_wrong_precursor_the_old_file_rots_while_it_is_read() {
    let mut state = 7_u32;
    let mut noise = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let old: Vec<u8> = (0..40_000).map(&mut noise).collect();
    let mut new = old.clone();
    new.rotate_left(100);
    let (mut a, mut b) = (Files::new(), Files::new());
    a.make(b"f", Body::File(old), 0o644, 0).unwrap();
    b.make(b"f", Body::File(new), 0o644, 0).unwrap();
    let package = package_of(&build::Config { level: 3, ..Default::default() }, &a, &b);
    let mut disk = Disk::new(a, package);
    let mut engine = apply();
    let end = loop {
        use update_pack::engine::{Event, Output};
        let (id, effect) = match engine.poll_output() {
            Some(Output::Event(Event::Finished(outcome))) => break outcome.clone(),
            Some(Output::Storage { id, effect }) => (id, effect.clone()),
            Some(_) => continue,
            None => panic!("waits for nothing"),
        };
        // It was compared, and changes when the first new file is about to be written.
        if matches!(effect, Effect::Create { .. }) {
            let rotten = disk.seen.inodes.values_mut().find_map(|inode| match &mut inode.body {
                Body::File(bytes) if bytes.len() == 40_000 => Some(bytes),
                _ => None,
            });
            rotten.unwrap()[20_000] ^= 1;
        }
        let given = disk.carry_out(&effect);
        common::disk::answer(&mut engine, id, &given);
    };
    assert!(matches!(end, Outcome::Refused(Reason::Package(Error::Malformed(_)))), "{end:?}");
}

#[test]
fn go_tuf_cve_2022_29173_a_floor_that_is_not_there_is_not_zero() {
    let (a, b) = pair();
    let config = |epoch| build::Config { epoch, level: 3, ..Default::default() };
    let mut disk = Disk::new(a.clone(), package_of(&config(5), &a, &b));
    assert!(matches!(outcome(apply(), &mut disk), Outcome::Applied { .. }));
    // Somebody removes the file that says what is installed: the journal says it again.
    disk.seen.change(&Effect::Unlink { place: Place::Installed }).unwrap();
    disk.package = package_of(&config(4), &b, &a);
    let end = outcome(apply(), &mut disk);
    assert_eq!(end, Outcome::Refused(Reason::Package(Error::BelowFloor { epoch: 4, floor: 5 })));
}

#[test]
fn tar_rustsec_2026_0068_and_cve_2025_62518_no_length_is_told_twice() {
    // Whatever a frame's lengths say, they must agree with what stands there.
    let (_, after) = trees(b"hello");
    for (stored, raw) in [(5, 6), (6, 6), (4, 4), (0, 0), (u32::MAX, u32::MAX)] {
        let mut head = Vec::new();
        FrameHead { encoding: Encoding::STORED, stored_len: stored, raw_len: raw }.emit(&mut head);
        head.extend_from_slice(b"hello");
        refuse(crafted(&after, &head, |_| {}));
    }
}

#[test]
fn threats_of_offsets_at_the_edges_of_integers() {
    let (_, after) = trees(b"hello");
    let good = frame(Encoding::STORED, 5, b"hello");
    for len in [1 << 31, (1 << 31) - 1, 1 << 32, 1 << 63, u64::MAX, u64::MAX - 15, 15] {
        refuse(crafted(&after, &good, |root| root.payload.streams[0].len = len));
    }
    for len in [1 << 31, u32::MAX, 0] {
        refuse(crafted(&after, &good, |root| root.legs[0].manifest.len = len));
    }
}
