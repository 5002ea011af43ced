//! Versions on trial and migration steps, as a user meets them: programs that say yes and no.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{BINARY, Said, finish};

struct Place(tempfile::TempDir);

impl Place {
    /// A service of two versions, whose package is guarded and migrates the data between them.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (root, version) in [("a", "1"), ("b", "2")] {
            fs::create_dir_all(place.at(root).join("data")).unwrap();
            fs::write(place.at(root).join("version"), version).unwrap();
        }
        fs::create_dir(place.at("steps")).unwrap();
        let step = "#!/bin/sh\ncase $1 in\ncheck) test -d data;;\napply) echo \"$2\" >data/format;;\n\
                    verify) test -f data/format;;\nrevert) rm -f data/format;;\nesac\n";
        fs::write(place.at("steps/to-format"), step).unwrap();
        fs::set_permissions(place.at("steps/to-format"), fs::Permissions::from_mode(0o755)).unwrap();
        let terms = "data = ['data']\nguard = { seconds = 1, attempts = 2 }\n\
                     [[step]]\nname = 'to-format'\narguments = '2'\nreversible = true\nseconds = 9\n";
        fs::write(place.at("terms.toml"), terms).unwrap();
        place.pack(&["keygen", "--out", "key"]).ok();
        let build =
            "build --from a --to b --from-version 1 --to-version 2 --key key --terms terms.toml --out p.upk";
        place.pack(&build.split(' ').collect::<Vec<_>>()).ok();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn pack(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(BINARY);
        command.arg("pack").args(arguments).current_dir(self.0.path());
        finish(command)
    }

    fn apply(&self, more: &[&str]) -> Said {
        self.pack(
            &[&["apply", "p.upk", "--root", "a", "--trust", "key.pub", "--steps", "steps"], more].concat(),
        )
    }

    fn version(&self) -> String {
        fs::read_to_string(self.at("a/version")).unwrap()
    }

    fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.pack(&["status", "--root", "a", "--json"]).ok()).unwrap()
    }

    fn migrated(&self) -> bool {
        Path::new(&self.at("a/data/format")).exists()
    }
}

#[test]
fn what_is_well_stays_and_goes_back_with_its_data() {
    let place = Place::new();
    place.apply(&["--health", "grep -q 2 version data/format"]).ok();
    assert_eq!((place.version().as_str(), place.migrated()), ("2", true));
    assert_eq!(place.status()["state"], "applied");
    place.pack(&["undo", "--root", "a", "--steps", "steps"]).ok();
    assert_eq!((place.version().as_str(), place.migrated()), ("1", false));
}

#[test]
fn what_is_not_well_goes_back_when_its_attempts_are_over() {
    let place = Place::new();
    let said = place.apply(&["--health", "false"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.err.contains("in 2 of its attempts; 1 is back"), "{}", said.err);
    assert_eq!((place.version().as_str(), place.migrated()), ("1", false));
    assert_eq!(place.status()["state"], "undone");
}

#[test]
fn a_trial_waits_for_whoever_watches_or_confirms_it() {
    let place = Place::new();
    place.apply(&[]).ok();
    let status = place.status();
    assert_eq!((&status["state"], &status["trial"]["left"]), (&"trial".into(), &2.into()));
    assert_eq!(place.version(), "2");
    place.pack(&["watch", "--root", "a", "--health", "true"]).ok();
    assert_eq!(place.status()["state"], "applied");
    assert_eq!(place.pack(&["confirm", "--root", "a"]).status, 1, "nothing is on trial any more");
}

#[test]
fn a_step_without_its_program_stops_before_anything_is_touched() {
    let place = Place::new();
    fs::remove_file(place.at("steps/to-format")).unwrap();
    let said = place.apply(&["--health", "true"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.err.contains("step to-format: check"), "{}", said.err);
    assert_eq!((place.version().as_str(), place.migrated()), ("1", false));
}
