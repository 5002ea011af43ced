//! Files of packages and keys: read whole, written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cli::{Done, Exit};

/// Opens a file to read.
pub(super) fn open(path: &Path) -> Result<File, Exit> {
    File::open(path).map_err(|error| Exit::cannot(format!("{}: {error}", path.display())))
}

/// The bytes of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Exit> {
    std::fs::read(path).map_err(|error| Exit::cannot(format!("{}: {error}", path.display())))
}

/// The text of a file.
pub(super) fn text(path: &Path) -> Result<String, Exit> {
    std::fs::read_to_string(path).map_err(|error| Exit::cannot(format!("{}: {error}", path.display())))
}

/// Writes a file where none stands.
pub(super) fn create(path: &Path, mode: u32, bytes: &[u8]) -> Done {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        let exit = Exit::cannot(format!("{}: {error}", path.display()));
        if error.kind() == io::ErrorKind::AlreadyExists {
            exit.next("choose another name, or move it away")
        } else {
            exit
        }
    })
}

/// Writes a file whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Done {
    replace_with(path, |file| file.write_all(bytes))
}

/// Writes a file of a new beginning, what follows `skip` bytes of an old one but its last `tail`, and a new end.
pub(super) fn splice(path: &Path, old: &mut File, (head, skip): (&[u8], u64), end: &[u8]) -> Done {
    replace_with(path, |file| {
        let len = old.metadata()?.len().saturating_sub(end.len() as u64).saturating_sub(skip);
        old.seek(io::SeekFrom::Start(skip))?;
        file.write_all(head)?;
        io::copy(&mut old.take(len), file)?;
        file.write_all(end)
    })
}

fn replace_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Done {
    let mut draft = path.as_os_str().to_os_string();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = File::create(&draft).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&draft);
        Exit::cannot(format!("{}: {error}", path.display()))
    })
}
