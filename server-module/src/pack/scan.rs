//! Reads a directory as a tree, for the builder.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path as OsPath;

use sha2::{Digest as _, Sha256};
use update_pack::tree::{Mode, Node, Path, Tree};
use update_pack::wire::Digest;

use crate::cli::Exit;

/// Reads a directory, but for what is to be skipped. What a package cannot carry is an error that names it.
pub(super) fn scan(dir: &OsPath, skip: &dyn Fn(&Path) -> bool) -> Result<Tree, Exit> {
    let root = std::fs::symlink_metadata(dir).map_err(|error| unreadable(dir, &error))?;
    if !root.is_dir() {
        return Err(Exit::usage(format!("{}: expected a directory", dir.display())));
    }
    let mut found = BTreeMap::new();
    collect(dir, &Path::root(), skip, &mut found)?;
    let mut tree = Tree::new(Mode::from_stat(root.mode()));
    let mut firsts: HashMap<(u64, u64), Path> = HashMap::new();
    for (path, meta) in found {
        let full = os_path(dir, &path);
        let mode = Mode::from_stat(meta.mode());
        let kind = meta.file_type();
        let node = if kind.is_dir() {
            Node::Dir { mode }
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&full).map_err(|error| unreadable(&full, &error))?;
            Node::Symlink { target: target.into_os_string().into_vec().into() }
        } else if let Some(first) = firsts.get(&(meta.dev(), meta.ino())) {
            Node::Hardlink { first: first.clone() }
        } else {
            firsts.insert((meta.dev(), meta.ino()), path.clone());
            let (size, digest) = hash(&full).map_err(|error| unreadable(&full, &error))?;
            Node::File { mode, size, digest }
        };
        tree.insert(path, node).map_err(|problem| Exit::usage(format!("{}: {problem}", full.display())))?;
    }
    Ok(tree)
}

/// Where a path of a tree lies.
pub(super) fn os_path(dir: &OsPath, path: &Path) -> std::path::PathBuf {
    dir.join(std::ffi::OsStr::from_bytes(path.as_bytes()))
}

fn collect(
    dir: &OsPath,
    at: &Path,
    skip: &dyn Fn(&Path) -> bool,
    found: &mut BTreeMap<Path, std::fs::Metadata>,
) -> Result<(), Exit> {
    let here = os_path(dir, at);
    for entry in std::fs::read_dir(&here).map_err(|error| unreadable(&here, &error))? {
        let entry = entry.map_err(|error| unreadable(&here, &error))?;
        let name = entry.file_name();
        if at.is_root() && Path::is_own(name.as_bytes()) {
            continue;
        }
        let full = entry.path();
        let path = at.join(name.as_bytes()).map_err(|problem| {
            Exit::usage(format!("{}: {problem}", full.display()))
                .next("rename it: a package cannot carry that name")
        })?;
        if skip(&path) {
            continue;
        }
        let meta = std::fs::symlink_metadata(&full).map_err(|error| unreadable(&full, &error))?;
        let kind = meta.file_type();
        if kind.is_dir() {
            collect(dir, &path, skip, found)?;
        } else if !kind.is_file() && !kind.is_symlink() {
            return Err(Exit::usage(format!(
                "{}: expected files, directories and links, found a socket, pipe or device",
                full.display()
            ))
            .next("remove it: a package carries none of these"));
        }
        found.insert(path, meta);
    }
    Ok(())
}

fn hash(path: &OsPath) -> io::Result<(u64, Digest)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((size, Digest(hasher.finalize().into())));
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
}

fn unreadable(path: &OsPath, error: &io::Error) -> Exit {
    Exit::cannot(format!("{}: {error}", path.display()))
}
