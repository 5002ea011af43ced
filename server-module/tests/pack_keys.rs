//! Keys with roles, sets of keys that are rotated, and one file for several profiles and versions, as a user types it.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::{BINARY, Said, finish};

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// Two profiles in three versions, and keys of every kind.
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        for version in ["1.0", "1.1", "2.0"] {
            for profile in ["web", "store"] {
                let dir = place.at(version).join(profile);
                fs::create_dir_all(dir.join("var")).unwrap();
                fs::write(dir.join("program"), format!("{}{version} {profile}", "same\n".repeat(5000)))
                    .unwrap();
            }
        }
        for (name, role) in
            [("r1", "root"), ("r2", "root"), ("rel", "release"), ("rel2", "release"), ("em", "emergency")]
        {
            place.pack(&["keygen", "--out", name, "--role", role]).ok();
        }
        place.pack(&["keygen", "--out", "profile", "--role", "profile"]).ok();
        let roles =
            ["--root", "r1.pub", "--root", "r2.pub", "--root-threshold", "2", "--emergency", "em.pub"];
        let keys = ["rotate", "--release", "rel.pub", "--key", "r1", "--key", "r2", "--out", "keys.upt"];
        place.pack(&[&keys[..], &roles].concat()).ok();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn pack(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(BINARY);
        command.arg("pack").args(arguments).current_dir(self.dir.path());
        finish(command)
    }

    /// One file for both profiles, both older versions and for nothing.
    fn build(&self, more: &[&str]) -> Said {
        let from =
            ["build", "--from", "1.0", "--from-version", "1.0", "--from", "1.1", "--from-version", "1.1"];
        let to = ["--to", "2.0", "--to-version", "2.0", "--profile", "web", "--profile", "store", "--full"];
        self.pack(&[&from[..], &to, &["--out", "p.upk"], more].concat())
    }

    fn holds(&self, root: &str, version: &str, profile: &str) -> bool {
        let program = |dir: PathBuf| fs::read(dir.join("program")).unwrap();
        program(self.at(root)) == program(self.at(version).join(profile))
    }
}

#[test]
fn each_card_takes_its_leg_of_one_file_and_its_keys_follow() {
    let place = Place::new();
    fs::copy(place.at("keys.upt"), place.at("card.upt")).unwrap();
    // The release key is replaced; the package brings the rotation to the cards.
    let rotate =
        ["rotate", "--trust", "keys.upt", "--release", "rel2.pub", "--key", "r1", "--out", "keys.upt"];
    assert!(place.pack(&rotate).ok().contains("not complete yet"), "one of two root keys");
    assert_eq!(place.pack(&["verify", "nothing", "--trust", "keys.upt"]).status, 3);
    place.pack(&["sign", "keys.upt", "--key", "r2"]).ok();
    fs::write(place.at("text"), "What is new.\n").unwrap();
    fs::write(place.at("terms"), "data = [\"var\"]\n").unwrap();
    let seal = ["--seal", "profile", "--text", "text", "--terms", "terms"];
    place.build(&[&["--key", "rel2", "--rotations", "keys.upt"], &seal[..]].concat()).ok();
    for (root, version, profile) in [("a", "1.0", "web"), ("b", "1.1", "store"), ("c", "", "web")] {
        fs::create_dir(place.at(root)).unwrap();
        if !version.is_empty() {
            fs::remove_dir(place.at(root)).unwrap();
            let from = place.at(version).join(profile);
            common::run("cp", &[&"-a".into(), &from, &place.at(root)]).ok();
        }
        let apply = ["apply", "p.upk", "--root", root, "--trust", "card.upt", "--profile", profile];
        let said = place.pack(&apply);
        assert_eq!(said.status, 1, "without the key of the profile: {said:?}");
        place.pack(&[&apply[..], &["--profile-key", "profile"]].concat()).ok();
        assert!(place.holds(root, "2.0", profile));
    }
    assert_eq!(fs::read(place.at("card.upt")).unwrap(), fs::read(place.at("keys.upt")).unwrap());
    // The old release key counts no more on a card that has followed.
    place.build(&["--key", "rel"]).ok();
    assert_eq!(place.pack(&["verify", "p.upk", "--trust", "card.upt"]).status, 1);
}

#[test]
fn signatures_are_added_and_the_text_cut_out_in_place() {
    let place = Place::new();
    fs::write(place.at("text"), "What is new.\n").unwrap();
    place.build(&["--key", "rel", "--text", "text"]).ok();
    let both = ["verify", "p.upk", "--trust", "rel.pub", "--trust", "rel2.pub", "--threshold", "2"];
    assert_eq!(place.pack(&both).status, 1);
    place.pack(&["sign", "p.upk", "--key", "rel2"]).ok();
    place.pack(&both).ok();
    assert_eq!(place.pack(&["sign", "p.upk", "--key", "rel"]).status, 1, "a key counts once");
    assert!(place.pack(&["inspect", "p.upk"]).ok().contains("What is new."));
    let json = |place: &Place| -> serde_json::Value {
        serde_json::from_str(&place.pack(&["inspect", "p.upk", "--json"]).ok()).unwrap()
    };
    let before = json(&place);
    place.pack(&["strip", "p.upk"]).ok();
    place.pack(&both).ok();
    let after = json(&place);
    assert_eq!((&after["package"], after["legs"].as_array().unwrap().len()), (&before["package"], 6));
    assert!(after["text"].is_null() && !before["text"].is_null());
    assert_eq!(place.pack(&["strip", "p.upk"]).status, 1, "there is none any more");
}

#[test]
fn roles_do_what_they_are_trusted_with() {
    let place = Place::new();
    // Emergency keys sign critical packages, and replace release keys but not themselves or root.
    place.build(&["--key", "em", "--emergency"]).ok();
    place.pack(&["verify", "p.upk", "--trust", "keys.upt"]).ok();
    assert_eq!(place.pack(&["verify", "p.upk", "--trust", "em.pub"]).status, 1, "pinned as a release key");
    let rotate = |more: &[&str]| {
        let base = ["rotate", "--trust", "keys.upt", "--key", "em", "--as-emergency", "--out", "next.upt"];
        place.pack(&[&base[..], more].concat()).ok()
    };
    assert!(rotate(&["--release", "rel2.pub"]).contains("it is complete"));
    assert!(rotate(&["--root", "rel2.pub", "--root-threshold", "1"]).contains("nothing else"));
    // Root keys sign no packages.
    place.build(&["--key", "r1", "--key", "r2"]).ok();
    assert_eq!(place.pack(&["verify", "p.upk", "--trust", "keys.upt"]).status, 1);
    // A lower version is built only when that is meant.
    let down = [
        "build",
        "--from",
        "2.0",
        "--from-version",
        "2.0",
        "--to",
        "1.0",
        "--to-version",
        "1.0",
        "--key",
        "rel",
    ];
    let said = place.pack(&[&down[..], &["--out", "d.upk"]].concat());
    assert!(said.status == 2 && said.err.contains("--downgrade"), "{said:?}");
    place.pack(&[&down[..], &["--out", "d.upk", "--downgrade"]].concat()).ok();
}
