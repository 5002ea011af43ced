//! What parses is written back as it was, and what is written parses.
#![allow(missing_docs)]

mod common;

use common::{files, key};
use proptest::prelude::*;
use update_pack::campaign::Scope;
use update_pack::tree::{Mode, Node, Path, Tree};
use update_pack::trust::{PublicKey, SigningKey};
use update_pack::wire::{
    Digest, Epochs, Format, FrameHead, Guard, Header, KeyId, Leg, Manifest, Migration, Owned, Payload, Root,
    Seal, Section, Severity, Signatures, Stream, StreamKind, Terms, When,
};
use update_pack::{Error, Problem};

/// A root that uses everything there is.
fn root() -> Root {
    let section = Section { len: 9, digest: Digest([1; 32]) };
    let leg = |profile: &str, from: &str, to: &str, stream| Leg {
        profile: profile.into(),
        from: from.into(),
        to: to.into(),
        manifest: section,
        stream,
    };
    let stream = |kind, sealed, back| Stream { kind, sealed, len: 100, back };
    Root {
        to_version: "1.1".into(),
        legs: vec![
            leg("", "", "1.1", Some(0)),
            leg("", "0.9", "1.0", Some(1)),
            leg("", "1.0", "1.1", Some(2)),
            leg("web", "1.0", "1.1", Some(1)),
            leg("web", "2.0", "1.1", None),
        ],
        epoch: 3,
        scope: Scope::parse("chassis <= 3").unwrap(),
        severity: Severity::HIGH,
        downgrade: true,
        payload: Payload {
            streams: vec![
                stream(StreamKind::FRAMES, false, 0),
                stream(StreamKind::DELTA_BOTH, true, 40),
                stream(StreamKind::DELTA, false, 0),
            ],
            groups: Digest([2; 32]),
        },
        rotations: Some(Digest([3; 32])),
        text: Some(section),
        seals: vec![Seal { stream: 1, key: KeyId([4; 8]), nonce: [5; 24], wrapped: [6; 48] }],
        extensions: vec![],
    }
}

fn terms() -> Terms {
    let step = |name: &str, arguments: &str, when, reversible| Migration {
        name: name.into(),
        arguments: arguments.into(),
        when,
        reversible,
        seconds: 30.try_into().unwrap(),
        attempts: 3.try_into().unwrap(),
    };
    let epochs = |oldest, newest| Epochs { oldest, newest, writes: newest };
    let format = |component: &str, before, after| Format { component: component.into(), before, after };
    Terms {
        owned: vec![
            (Path::new(b"etc/app.conf").unwrap(), Owned::Config),
            (Path::new(b"var").unwrap(), Owned::Data),
        ],
        steps: vec![step("stop", "", When::Before, false), step("db", "--to 4", When::After, true)],
        formats: vec![
            format("db", Some(epochs(1, 3)), Some(epochs(2, 4))),
            format("queue", None, Some(epochs(0, 0))),
        ],
        guard: Some(Guard { seconds: 60.try_into().unwrap(), attempts: 2.try_into().unwrap() }),
        replaces_itself: true,
        extensions: vec![(0x55, vec![]), (0x56, b"later".to_vec())],
    }
}

/// Trees with a file to merge and a directory of the device.
fn managed() -> (Tree, Tree) {
    let mut before = Tree::new(Mode::new(0o755).unwrap());
    let dir = Node::Dir { mode: Mode::new(0o755).unwrap() };
    let file = |byte| Node::File { mode: Mode::new(0o644).unwrap(), size: 1, digest: Digest([byte; 32]) };
    before.insert(Path::new(b"etc").unwrap(), dir.clone()).unwrap();
    before.insert(Path::new(b"var").unwrap(), dir).unwrap();
    let mut after = before.clone();
    before.insert(Path::new(b"etc/app.conf").unwrap(), file(1)).unwrap();
    after.insert(Path::new(b"etc/app.conf").unwrap(), file(2)).unwrap();
    (before, after)
}

proptest! {
    #[test]
    fn a_manifest_of_any_two_trees_comes_back(a in files(), b in files()) {
        let manifest = Manifest::new(&a.tree(), &b.tree());
        prop_assert_eq!(Manifest::parse(&manifest.emit()).unwrap(), manifest);
    }

    #[test]
    fn whatever_parses_is_canonical(a in files(), b in files(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = Manifest::new(&a.tree(), &b.tree()).emit();
        *at.get_mut(&mut bytes) = byte;
        if let Ok(manifest) = Manifest::parse(&bytes) {
            prop_assert_eq!(manifest.emit(), bytes);
        }
        let mut bytes = root().emit();
        *at.get_mut(&mut bytes) = byte;
        if let Ok(root) = Root::parse(&bytes) {
            prop_assert_eq!(root.emit(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let _ = Header::parse(&bytes);
        let _ = Root::parse(&bytes);
        let _ = Manifest::parse(&bytes);
        let _ = FrameHead::parse(&bytes);
        let _ = Signatures::parse(1, &bytes);
    }
}

#[test]
fn an_unknown_field_is_kept_and_an_unknown_critical_one_is_refused() {
    let known = root();
    let mut extended = known.clone();
    extended.extensions.push((0x0123, b"later".to_vec()));
    assert_eq!(Root::parse(&extended.emit()).unwrap(), extended);
    extended.extensions[0].0 |= 0x8000;
    assert!(matches!(Root::parse(&extended.emit()), Err(Error::Unsupported { code: 0x8123, .. })));
    // A known field without its critical bit is not that field.
    let mut bytes = known.emit();
    bytes[0] &= 0x7f;
    assert!(Root::parse(&bytes).is_err());
    // The terms of a manifest grow in the same way.
    let (before, after) = managed();
    let mut terms = terms();
    let manifest = Manifest::new(&before, &after).under(terms.clone()).unwrap();
    assert_eq!(Manifest::parse(&manifest.emit()).unwrap(), manifest);
    terms.extensions[1].0 |= 0x8000;
    assert!(Manifest::new(&before, &after).under(terms).is_err());
}

#[test]
fn every_bit_of_a_root_and_of_a_manifest_is_canonical() {
    let (before, after) = managed();
    let manifest = Manifest::new(&before, &after).under(terms()).unwrap();
    let (manifest, root) = (manifest.emit(), root().emit());
    for bit in 0..manifest.len().max(root.len()) * 8 {
        let flipped = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            bytes
        };
        let bytes = flipped(&manifest);
        if let Ok(manifest) = Manifest::parse(&bytes) {
            assert_eq!(manifest.emit(), bytes, "bit {bit}");
        }
        let bytes = flipped(&root);
        if let Ok(root) = Root::parse(&bytes) {
            assert_eq!(root.emit(), bytes, "bit {bit}");
        }
    }
    for len in 0..root.len() {
        assert!(Root::parse(&root[..len]).is_err(), "{len}");
    }
}

#[test]
fn the_device_owns_only_what_the_trees_leave_to_it() {
    let (before, after) = managed();
    let under = |owned: &[(&str, Owned)]| {
        let owned = owned.iter().map(|(path, owned)| (Path::new(path.as_bytes()).unwrap(), *owned)).collect();
        Manifest::new(&before, &after).under(Terms { owned, ..Terms::default() }).map(drop)
    };
    assert_eq!(under(&[("etc/app.conf", Owned::Config), ("var", Owned::Data)]), Ok(()));
    assert_eq!(under(&[("srv/db", Owned::Data)]), Ok(()), "what no tree holds");
    assert_eq!(under(&[("etc", Owned::Data)]), Err(Problem::Path), "a tree holds something below");
    assert_eq!(under(&[("etc/app.conf", Owned::Data)]), Err(Problem::Path), "a file of the vendor");
    assert_eq!(under(&[("etc/other.conf", Owned::Config)]), Err(Problem::Path), "nothing to merge");
    assert_eq!(under(&[("var", Owned::Config)]), Err(Problem::Path), "a directory is not merged");
    assert_eq!(under(&[("var", Owned::Data), ("srv", Owned::Data)]), Err(Problem::Order));
    let nested = [("srv", Owned::Data), ("srv-2", Owned::Data), ("srv/db", Owned::Data)];
    assert_eq!(under(&nested), Err(Problem::Order), "one within another");
}

#[test]
fn a_rollback_that_would_strand_data_is_told() {
    let strands = |terms: &Terms| terms.strands().map(|format| format.component.clone());
    let mut terms = terms();
    assert_eq!(strands(&terms), Some("db".into()), "the old version reads 1 to 3, the new one writes 4");
    terms.formats[0].after = Some(Epochs { oldest: 2, newest: 4, writes: 3 });
    assert_eq!(strands(&terms), None);
}

#[test]
fn a_root_that_leads_down_must_say_so() {
    let mut down = root();
    assert!(down.leads_down());
    down.downgrade = false;
    assert_eq!(Root::parse(&down.emit()), Err(Error::Downgrade));
}

#[test]
fn legs_and_streams_have_one_order() {
    let refused = |change: fn(&mut Root)| {
        let mut root = root();
        change(&mut root);
        assert!(matches!(Root::parse(&root.emit()), Err(Error::Malformed(_))));
    };
    refused(|root| root.legs.swap(0, 1));
    refused(|root| root.legs[1] = root.legs[0].clone());
    refused(|root| root.legs[2].stream = Some(1));
    refused(|root| root.legs[0].stream = Some(1));
    refused(|root| root.legs[3].from = "1.1".into());
    refused(|root| root.payload.streams.truncate(2));
    refused(|root| root.payload.streams[0].len = 0);
    refused(|root| root.payload.streams[1].back = 101);
    refused(|root| root.payload.streams[1].sealed = false);
    refused(|root| root.seals[0].stream = 0);
    refused(|root| root.seals.push(root.seals[0]));
    refused(|root| root.text = Some(Section::default()));
}

#[test]
fn keys_come_back_from_pem_as_openssl_writes_it() {
    let key = key();
    assert_eq!(SigningKey::from_pem(&key.to_pem()).unwrap(), key);
    assert_eq!(PublicKey::from_pem(&key.public().to_pem()).unwrap(), key.public());
    // RFC 8410 §10.1 and §10.3, as printed.
    let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                  -----END PUBLIC KEY-----\n";
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
    let key = SigningKey::from_pem(private).unwrap();
    assert_eq!(key.public(), PublicKey::from_pem(public).unwrap());
    assert_eq!(key.public().to_pem(), public);
    assert_eq!(key.to_pem(), private);
    // Version 2 carries attributes and the public key.
    let version2 = "-----BEGIN PRIVATE KEY-----\nMHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                    oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\nZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                    -----END PRIVATE KEY-----\n";
    assert_eq!(SigningKey::from_pem(version2).unwrap(), key);
    for broken in [
        "",
        "-----BEGIN PUBLIC KEY-----",
        &public.replace('M', "?"),
        &public.replace("MCow", "MCox"),
        private,
    ] {
        assert!(PublicKey::from_pem(broken).is_err(), "{broken}");
    }
    assert!(!format!("{key:?}").contains("d4ee72"), "a secret is never shown");
}

#[test]
fn the_smallest_package_is_at_most_600_bytes() {
    let empty = common::disk::Files::new();
    let package = common::package(&empty, &empty);
    assert!(package.len() <= 600, "{}", package.len());
    println!("smallest package: {} bytes", package.len());
}
