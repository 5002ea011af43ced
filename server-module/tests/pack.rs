//! Update packages on real directories: the `pack` commands as a user types them, killed at random moments.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Said, finish, has, run};

/// What is told apart about a path: kind, mode, what it holds, and the first of its names.
#[derive(Debug, PartialEq, Eq)]
struct Thing {
    mode: u32,
    holds: Vec<u8>,
    first: Option<PathBuf>,
}

/// A directory as a package sees it, without the engine's own state.
fn tree(root: &Path) -> BTreeMap<PathBuf, Thing> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_path_buf();
            if name == Path::new(".update-pack") {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            let holds = if meta.is_dir() {
                open.push(path);
                b"directory".to_vec()
            } else if meta.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            let inode = (!meta.is_dir()).then_some(meta.ino());
            found.insert(name, (meta.mode(), holds, inode));
        }
    }
    let first = |inode: Option<u64>| {
        let named = |(_, (_, _, other)): &(&PathBuf, &(u32, Vec<u8>, Option<u64>))| *other == inode;
        inode.and_then(|_| found.iter().find(named)).map(|(name, _)| name.clone())
    };
    let things = found.iter().map(|(name, (mode, holds, inode))| {
        (name.clone(), Thing { mode: *mode, holds: holds.clone(), first: first(*inode) })
    });
    things.collect()
}

/// A place with two trees, a key, and a package that leads from the one to the other.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(place.at("a")).unwrap();
        fs::create_dir(place.at("b")).unwrap();
        place
    }

    /// Two trees in which everything happens.
    fn sample() -> Self {
        let place = Self::new();
        for (root, version) in [("a", 1_u8), ("b", 2)] {
            let at = |name: &str| place.at(root).join(name);
            fs::create_dir_all(at("lib/deep")).unwrap();
            for number in 0..40_u8 {
                // A third stays, a third changes, a third is another one.
                let (name, content) = match number % 3 {
                    0 => (format!("lib/same-{number}"), vec![number; 30_000]),
                    1 => (format!("lib/deep/changes-{number}"), vec![number ^ version; 50_000]),
                    _ => (format!("lib/{version}-{number}"), vec![number; 20_000]),
                };
                fs::write(at(&name), content).unwrap();
            }
            fs::set_permissions(at("lib/same-0"), fs::Permissions::from_mode(0o600 | u32::from(version)))
                .unwrap();
            fs::write(at(&format!("{version}-tool")), b"#!/bin/sh\n").unwrap();
            fs::set_permissions(at(&format!("{version}-tool")), fs::Permissions::from_mode(0o4755)).unwrap();
            symlink(format!("{version}-tool"), at("tool")).unwrap();
            fs::hard_link(at("lib/same-3"), at(&format!("{version}-hard"))).unwrap();
            fs::create_dir(at(&format!("{version}-empty"))).unwrap();
        }
        fs::write(place.at("a/swap"), b"a file").unwrap();
        fs::create_dir(place.at("b/swap")).unwrap();
        place.build();
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

    fn build(&self) {
        self.pack(&["keygen", "--out", "key"]).ok();
        let versions = ["--from-version", "1.0", "--to-version", "1.1"];
        let files = ["build", "--from", "a", "--to", "b", "--key", "key", "--out", "p.upk"];
        self.pack(&[&files[..], &versions[..]].concat()).ok();
    }

    /// A fresh copy of the first tree, with everything that a copy can keep.
    fn copy(&self, name: &str) -> PathBuf {
        let (from, to) = (self.at("a"), self.at(name));
        run("cp", &[&"-a".into(), &from, &to]).ok();
        to
    }

    fn apply(&self, root: &str) -> Said {
        self.pack(&["apply", "p.upk", "--root", root, "--trust", "key.pub"])
    }

    /// Kills `apply` and `undo` at random moments, and lets the next command bring things in order.
    fn kill(&self, times: u32) {
        let (a, b) = (tree(&self.at("a")), tree(&self.at("b")));
        self.copy("timed");
        let start = Instant::now();
        self.apply("timed").ok();
        let span = start.elapsed();
        let mut random: u64 = 0x9e37_79b9_7f4a_7c15 ^ u64::from(std::process::id());
        let (mut olds, mut news) = (0, 0);
        for time in 0..times {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let root = self.copy("d");
            let undoing = time % 3 == 2;
            if undoing {
                self.apply("d").ok();
            }
            let mut command = Command::new(BINARY);
            command.current_dir(self.dir.path()).arg("pack");
            if undoing {
                command.args(["undo", "--root", "d"]);
            } else {
                command.args(["apply", "p.upk", "--root", "d", "--trust", "key.pub"]);
            }
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // A little beyond its end as well.
            std::thread::sleep(span.mul_f64((random % 1100) as f64 / 1000.0));
            child.kill().ok();
            child.wait().unwrap();
            let next = match time % 4 {
                0 => self.apply("d"),
                1 => self.pack(&["undo", "--root", "d"]),
                _ => self.pack(&["status", "--root", "d", "--json"]),
            };
            assert!(next.status <= 1, "{next:?}");
            let now = tree(&root);
            match (now == a, now == b) {
                (true, _) => olds += 1,
                (_, true) => news += 1,
                _ => panic!("neither the one tree nor the other after {time} ({random}): {next:?}"),
            }
            let said = self.pack(&["status", "--root", "d", "--json"]).ok();
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert_eq!(said["state"] == "applied", now == b, "{said}");
            assert_eq!(
                said["recovered"],
                serde_json::Value::Null,
                "the command before has settled everything"
            );
            fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
            fs::remove_dir_all(&root).unwrap();
        }
        println!("{times} kills: {olds} times the old tree, {news} times the new one");
    }
}

fn kills() -> u32 {
    if std::env::var("SERVER_MODULE_TESTS").as_deref() == Ok("all") { 200 } else { 20 }
}

#[test]
fn apply_arrives_and_undo_returns_to_the_byte() {
    let place = Place::sample();
    let d = place.copy("d");
    let times = |root: &Path| {
        let stamp = |name: &str| {
            let meta = fs::symlink_metadata(root.join(name)).unwrap();
            (meta.mtime(), meta.mtime_nsec(), meta.uid(), meta.nlink())
        };
        ["", "lib", "lib/deep", "lib/same-3", "lib/deep/changes-1", "tool", "1-empty", "swap"].map(stamp)
    };
    let before = times(&d);
    let said = place.apply("d").ok();
    assert!(said.contains("1.0 to 1.1"), "{said}");
    assert_eq!(tree(&d), tree(&place.at("b")));
    let status = place.pack(&["status", "--root", "d", "--json"]).ok();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["version"], &status["undo"]), (&"1.1".into(), &"1.0".into()));
    place.pack(&["undo", "--root", "d"]).ok();
    assert_eq!(tree(&d), tree(&place.at("a")));
    let mut after = times(&d);
    // The engine's own directory is a name in the root.
    after[0].3 -= 1;
    assert_eq!(after, before);
    assert_eq!(place.pack(&["undo", "--root", "d"]).status, 1, "there is nothing left to undo");
}

#[test]
fn extended_attributes_outlive_an_update_and_its_undo() {
    let place = Place::sample();
    let d = place.copy("d");
    let name = "user.update-pack-test";
    for path in ["lib/deep/changes-1", "1-tool"] {
        if rustix::fs::setxattr(d.join(path), name, b"kept", rustix::fs::XattrFlags::empty()).is_err() {
            println!("skipped: needs a file system with extended attributes");
            return;
        }
    }
    let value = |path: &str| {
        let mut buffer = [0; 16];
        let len = rustix::fs::getxattr(d.join(path), name, &mut buffer[..]).unwrap();
        buffer[..len].to_vec()
    };
    place.apply("d").ok();
    assert_eq!(value("lib/deep/changes-1"), b"kept");
    place.pack(&["undo", "--root", "d"]).ok();
    assert_eq!(value("lib/deep/changes-1"), b"kept");
    assert_eq!(value("1-tool"), b"kept");
}

#[test]
fn owners_outlive_an_update_and_its_undo() {
    if !has(&["root"]) {
        return;
    }
    let place = Place::sample();
    let d = place.copy("d");
    for path in ["lib/deep/changes-1", "1-tool", "1-empty", "tool"] {
        std::os::unix::fs::lchown(d.join(path), Some(1234), Some(4321)).unwrap();
    }
    let owner = |path: &str| fs::symlink_metadata(d.join(path)).map(|meta| (meta.uid(), meta.gid())).unwrap();
    // Changing the owner takes the set-user-id bit away.
    fs::set_permissions(d.join("1-tool"), fs::Permissions::from_mode(0o4755)).unwrap();
    place.apply("d").ok();
    assert_eq!([owner("lib/deep/changes-1"), owner("tool")], [(1234, 4321); 2]);
    place.pack(&["undo", "--root", "d"]).ok();
    for path in ["lib/deep/changes-1", "1-tool", "1-empty", "tool"] {
        assert_eq!(owner(path), (1234, 4321), "{path}");
    }
    assert_eq!(tree(&d), tree(&place.at("a")));
}

#[test]
fn killed_at_random_moments_it_ends_in_one_of_the_two_states() {
    Place::sample().kill(kills());
}

#[test]
fn two_versions_of_a_debian_package() {
    if !has(&["apt-get", "apt-cache", "dpkg-deb"]) {
        return;
    }
    let place = Place::new();
    let versions = ["openssh-server", "sudo", "xz-utils", "curl"].into_iter().find_map(|package| {
        let list = run("apt-cache", &["madison", package]).out;
        let mut versions: Vec<String> = list
            .lines()
            .filter_map(|line| line.split('|').nth(1))
            .map(|version| version.trim().into())
            .collect();
        versions.sort();
        versions.dedup();
        (versions.len() >= 2).then(|| (package, [versions[0].clone(), versions[1].clone()]))
    });
    let fetched = versions.and_then(|(package, versions)| {
        for (root, version) in ["a", "b"].into_iter().zip(&versions) {
            let mut fetch = Command::new("apt-get");
            fetch.args(["download", "-q", &format!("{package}={version}")]).current_dir(place.dir.path());
            if finish(fetch).status != 0 {
                return None;
            }
            let file = fs::read_dir(place.dir.path()).unwrap().map(|entry| entry.unwrap().path());
            let file =
                file.into_iter().find(|path| path.extension().is_some_and(|suffix| suffix == "deb"))?;
            run("dpkg-deb", &[&"-x".into(), &file, &place.at(root)]).ok();
            fs::remove_file(file).unwrap();
        }
        Some((package, versions))
    });
    let Some((package, [from, to])) = fetched else {
        assert!(!has(&["two versions of a Debian package in the archive"]), "just found missing");
        return;
    };
    place.build();
    println!("{package} {from} to {to}: {} bytes", fs::metadata(place.at("p.upk")).unwrap().len());
    let d = place.copy("d");
    place.apply("d").ok();
    assert_eq!(tree(&d), tree(&place.at("b")));
    place.pack(&["undo", "--root", "d"]).ok();
    assert_eq!(tree(&d), tree(&place.at("a")));
    fs::remove_dir_all(&d).unwrap();
    place.kill(kills());
}

#[test]
fn a_flipped_bit_anywhere_is_refused_before_the_tree_is_touched() {
    let place = Place::sample();
    place.copy("d");
    let package = fs::read(place.at("p.upk")).unwrap();
    let whole = tree(&place.at("d"));
    let step = (package.len() / 60).max(1);
    for at in (0..package.len()).step_by(step).chain([package.len() - 1]) {
        let mut flipped = package.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(place.at("p.upk"), &flipped).unwrap();
        let said = place.apply("d");
        assert_eq!(said.status, 1, "byte {at}: {said:?}");
        assert!(said.err.contains("next:"), "{said:?}");
    }
    assert!(!place.at("d/.update-pack").exists(), "something was written");
    assert_eq!(tree(&place.at("d")), whole);
}

#[test]
fn a_tree_that_is_not_the_one_to_start_from_is_refused_with_its_first_difference() {
    let place = Place::sample();
    let d = place.copy("d");
    fs::write(d.join("lib/same-0"), b"changed").unwrap();
    let said = place.apply("d");
    assert_eq!(said.status, 1);
    assert!(said.err.contains("lib/same-0: expected 30000 bytes, found 7 bytes"), "{}", said.err);
    assert!(!d.join(".update-pack").exists());
    // After an update, it is the other tree.
    let d = place.copy("e");
    place.apply("e").ok();
    assert_eq!(place.apply("e").status, 1);
    assert_eq!(tree(&d), tree(&place.at("b")));
}

#[test]
fn keys_and_statuses_are_what_openssl_and_scripts_expect() {
    let place = Place::sample();
    assert_eq!(fs::metadata(place.at("key")).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(place.pack(&["keygen", "--out", "key"]).status, 3, "a key is never overwritten");
    place.pack(&["verify", "p.upk", "--trust", "key.pub"]).ok();
    place.pack(&["keygen", "--out", "other"]).ok();
    let said = place.pack(&["verify", "p.upk", "--trust", "other.pub"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert_eq!(
        place.pack(&["verify", "p.upk", "--trust", "key"]).status,
        2,
        "a private key is no public one"
    );
    assert_eq!(place.pack(&["verify", "nothing.upk", "--trust", "key.pub"]).status, 3);
    assert_eq!(place.pack(&["apply", "p.upk"]).status, 2);
    let inspected = place.pack(&["inspect", "p.upk", "--json"]).ok();
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&inspected["from"], &inspected["to"]), (&"1.0".into(), &"1.1".into()));
    place.copy("d");
    let said = place.pack(&["apply", "p.upk", "--root", "d", "--trust", "key.pub", "--dry-run"]).ok();
    assert!(said.contains("nothing was touched"), "{said}");
    assert!(!place.at("d/.update-pack").exists());
    if !has(&["openssl"]) {
        return;
    }
    let openssl = |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(place.dir.path());
        finish(command).ok()
    };
    // Ours is read and written the same by OpenSSL, and its keys sign for us.
    assert_eq!(openssl(&["pkey", "-in", "key"]), fs::read_to_string(place.at("key")).unwrap());
    assert_eq!(openssl(&["pkey", "-in", "key", "-pubout"]), fs::read_to_string(place.at("key.pub")).unwrap());
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ossl"]);
    openssl(&["pkey", "-in", "ossl", "-pubout", "-out", "ossl.pub"]);
    let build = ["build", "--from", "a", "--to", "b", "--from-version", "1", "--to-version", "2"];
    place.pack(&[&build[..], &["--key", "ossl", "--out", "o.upk"]].concat()).ok();
    place.pack(&["verify", "o.upk", "--trust", "ossl.pub"]).ok();
}

#[test]
fn what_a_package_cannot_carry_is_named() {
    let place = Place::sample();
    let socket = std::os::unix::net::UnixListener::bind(place.at("b/socket"));
    let said = place.pack(&[
        "build",
        "--from",
        "a",
        "--to",
        "b",
        "--from-version",
        "1",
        "--to-version",
        "2",
        "--key",
        "key",
        "--out",
        "x",
    ]);
    drop(socket);
    assert_eq!(said.status, 2, "{said:?}");
    assert!(said.err.contains("b/socket"), "{}", said.err);
}

#[test]
fn two_at_once_do_not_meet() {
    let place = Place::sample();
    let d = place.copy("d");
    let dir = fs::File::open(&d).unwrap();
    rustix::fs::flock(&dir, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let said = place.apply("d");
    assert_eq!(said.status, 3, "{said:?}");
    assert!(said.err.contains("another update"), "{}", said.err);
    drop(dir);
    std::thread::sleep(Duration::from_millis(1));
    place.apply("d").ok();
}
