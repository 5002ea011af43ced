//! CONFORMANCE.md may only name files and tests that exist, and every row that says "done" names a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace folder").to_path_buf()
}

/// Gathers the Rust files below `folder` and the names of all functions in them.
fn functions(folder: &Path, files: &mut Vec<PathBuf>, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("an entry").path())
    {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if entry.is_dir() {
            if !name.starts_with('.') && name != "target" {
                functions(&entry, files, names);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&entry).expect("UTF-8 source");
            let identifier = |rest: &str| {
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
            };
            names.extend(text.split("fn ").skip(1).map(identifier));
            files.push(entry);
        }
    }
}

/// The cells of a Markdown table row; `\|` is a bar inside a cell.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\u{1}");
    row.split('|').map(|cell| cell.replace('\u{1}', "|").trim().to_owned()).collect()
}

#[test]
fn every_file_and_test_named_in_conformance_exists() {
    let (mut files, mut known) = (Vec::new(), BTreeSet::new());
    functions(&root(), &mut files, &mut known);
    let text = fs::read_to_string(root().join("CONFORMANCE.md")).expect("CONFORMANCE.md");
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let cells = cells(line);
        let [_, status, .., tests] = cells.as_slice() else { continue };
        if status == "status" || status.starts_with("--") {
            continue;
        }
        let quoted = tests.split('`').skip(1).step_by(2);
        let named: Vec<&str> = quoted.map(|test| test.rsplit("::").next().unwrap_or(test)).collect();
        if status.starts_with("done") && named.is_empty() {
            faults.push(format!("CONFORMANCE.md:{}: done, but names no test", number + 1));
        }
        let places =
            cells.get(2).filter(|_| cells.len() > 3).into_iter().flat_map(|cell| cell.split(['`', ' ', ',']));
        for place in places.filter(|place| place.ends_with(".rs")) {
            if !files.iter().any(|file| file.ends_with(place)) {
                faults.push(format!("CONFORMANCE.md:{}: there is no file {place}", number + 1));
            }
        }
        for test in named.into_iter().filter(|test| !known.contains(*test)) {
            faults.push(format!("CONFORMANCE.md:{}: there is no test {test}", number + 1));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
