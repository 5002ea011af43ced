//! What parses is written back as it was, and what is written parses.
#![allow(missing_docs)]

mod common;

use common::{files, key};
use proptest::prelude::*;
use update_pack::Error;
use update_pack::trust::{PublicKey, SigningKey};
use update_pack::wire::{Digest, FrameHead, Header, Manifest, Payload, Root, Section, Severity, Signatures};

fn root() -> Root {
    Root {
        from_version: "1.0".into(),
        to_version: "1.1".into(),
        epoch: 3,
        scope: "*".into(),
        severity: Severity::HIGH,
        manifest: Section { len: 9, digest: Digest([1; 32]) },
        payload: Payload { frames: 100, delta: 0, groups: Digest([2; 32]) },
        extensions: vec![],
    }
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
