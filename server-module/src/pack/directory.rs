//! A directory on Linux as the engine's storage: each effect is a few system calls, none of which follows a symbolic
//! link or leaves the directory.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;
use update_pack::engine::{Effect, Failure, Meta, Place, Time};
use update_pack::tree::{self, Kind};

/// What came of an effect, owned.
#[derive(Debug)]
pub enum Done {
    /// It is done.
    Nothing,
    /// The bytes that were read.
    Bytes(Vec<u8>),
    /// The names in a directory.
    Names(Vec<Vec<u8>>),
    /// What stands there.
    Meta(Meta),
}

/// A directory under the engine's hands, locked against every other engine.
#[derive(Debug)]
pub struct Directory {
    root: OwnedFd,
    device: u64,
    package: Option<File>,
    /// The file that was read or written last: most effects go on where the one before ended.
    open: Option<(Place, bool, OwnedFd)>,
    root_user: bool,
}

const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Directory {
    /// Opens and locks a directory.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process works on it; anything that opening can fail with.
    pub fn open(path: &Path, package: Option<File>) -> io::Result<Self> {
        let root = fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        // The lock lies on the directory itself, so that nothing is written before anything is verified.
        fs::flock(&root, fs::FlockOperation::NonBlockingLockExclusive)?;
        let device = fs::fstat(&root)?.st_dev;
        Ok(Self { root, device, package, open: None, root_user: rustix::process::geteuid().is_root() })
    }

    /// Carries an effect out.
    ///
    /// # Errors
    /// [`Failure`], after which nothing is changed.
    pub fn carry_out(&mut self, effect: &Effect) -> Result<Done, Failure> {
        self.attempt(effect).map_err(failure)
    }

    fn attempt(&mut self, effect: &Effect) -> Result<Done, Errno> {
        if !matches!(effect, Effect::Read { .. } | Effect::Write { .. } | Effect::ReadPackage { .. }) {
            self.open = None;
        }
        match effect {
            Effect::ReadPackage { offset, len } => {
                let file = self.package.as_ref().ok_or(Errno::NOENT)?;
                return read(file, *offset, *len).map(Done::Bytes);
            }
            Effect::Read { place, offset, len } => {
                return read(self.file(place, false)?, *offset, *len).map(Done::Bytes);
            }
            Effect::Write { place, offset, bytes } => write(self.file(place, true)?, *offset, bytes)?,
            Effect::Stat { place } => return self.stat(place).map(Done::Meta),
            Effect::List { place } => return self.list(place).map(Done::Names),
            Effect::ReadLink { place } => {
                let (dir, name) = self.at(place)?;
                return Ok(Done::Bytes(fs::readlinkat(&dir, &*name, Vec::new())?.into_bytes()));
            }
            Effect::MakeDir { place } => {
                let (dir, name) = self.at(place)?;
                fs::mkdirat(&dir, &*name, Mode::RWXU)?;
            }
            Effect::Create { place } => {
                let (dir, name) = self.at(place)?;
                let flags =
                    OFlags::CREATE | OFlags::TRUNC | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = fs::openat(&dir, &*name, flags, Mode::RUSR | Mode::WUSR)?;
                self.open = Some((place.clone(), true, file));
            }
            Effect::Symlink { place, target } => {
                let (dir, name) = self.at(place)?;
                fs::symlinkat(&**target, &dir, &*name)?;
            }
            Effect::Link { from, to } => {
                let (from_dir, from) = self.at(from)?;
                let (to_dir, to) = self.at(to)?;
                fs::linkat(&from_dir, &*from, &to_dir, &*to, AtFlags::empty())?;
            }
            Effect::Rename { from, to } => {
                let (from_dir, from) = self.at(from)?;
                let (to_dir, to) = self.at(to)?;
                fs::renameat(&from_dir, &*from, &to_dir, &*to)?;
            }
            Effect::Unlink { place } => {
                let (dir, name) = self.at(place)?;
                fs::unlinkat(&dir, &*name, AtFlags::empty())?;
            }
            Effect::RemoveDir { place } => {
                let (dir, name) = self.at(place)?;
                fs::unlinkat(&dir, &*name, AtFlags::REMOVEDIR)?;
            }
            Effect::SetMode { place, kind, mode } => {
                let (dir, name) = self.at(place)?;
                let found = kind_of(&fs::statat(&dir, &*name, AtFlags::SYMLINK_NOFOLLOW)?);
                if found != *kind {
                    return Err(if *kind == Kind::Dir { Errno::NOTDIR } else { Errno::ISDIR });
                }
                fs::chmodat(&dir, &*name, Mode::from_raw_mode(u32::from(mode.bits())), AtFlags::empty())?;
            }
            Effect::SetModified { place, time } => {
                let (dir, name) = self.at(place)?;
                let times = Timestamps {
                    last_access: Timespec { tv_sec: 0, tv_nsec: fs::UTIME_OMIT },
                    last_modification: Timespec { tv_sec: time.seconds, tv_nsec: i64::from(time.nanos) },
                };
                fs::utimensat(&dir, &*name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Effect::Inherit { from, to } => self.inherit(from, to)?,
            Effect::Barrier => fs::syncfs(&self.root)?,
            // Steps are programs, not storage: the driver runs them.
            Effect::Run(_) => return Err(Errno::NOSYS),
        }
        Ok(Done::Nothing)
    }

    /// The directory that holds a place, and the place's name in it.
    fn at(&self, place: &Place) -> Result<(OwnedFd, Vec<u8>), Errno> {
        let path = place.to_bytes();
        let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], &path[..]),
        };
        let name = if name.is_empty() { b".".to_vec() } else { name.to_vec() };
        Ok((self.walk(parent)?, name))
    }

    /// Opens a directory below the root, one name at a time, so that no name of the path may be a symbolic link.
    fn walk(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = LOOK | OFlags::DIRECTORY;
        let mut dir = fs::openat(&self.root, c".", flags, Mode::empty())?;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            dir = fs::openat(&dir, name, flags, Mode::empty())?;
        }
        Ok(dir)
    }

    fn file(&mut self, place: &Place, writing: bool) -> Result<&OwnedFd, Errno> {
        let ready =
            matches!(&self.open, Some((open, writable, _)) if open == place && (*writable || !writing));
        if !ready {
            let (dir, name) = self.at(place)?;
            let access = if writing { OFlags::RDWR } else { OFlags::RDONLY };
            // NONBLOCK: whatever stands there by now, opening it must not hang.
            let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = fs::openat(&dir, &*name, flags, Mode::empty())?;
            self.open = Some((place.clone(), writing, file));
        }
        self.open.as_ref().map(|(_, _, file)| file).ok_or(Errno::BADF)
    }

    fn stat(&self, place: &Place) -> Result<Meta, Errno> {
        let (dir, name) = self.at(place)?;
        let stat = fs::statat(&dir, &*name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mut meta = meta(&stat);
        if stat.st_dev != self.device {
            // A mount point cannot be renamed, and what it hides is not ours.
            meta.kind = Kind::Other;
        }
        Ok(meta)
    }

    fn list(&self, place: &Place) -> Result<Vec<Vec<u8>>, Errno> {
        let dir = self.walk(&place.to_bytes())?;
        let dir =
            fs::openat(&dir, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        names(&dir)
    }

    fn inherit(&self, from: &Place, to: &Place) -> Result<(), Errno> {
        let (from_dir, from) = self.at(from)?;
        let (to_dir, to) = self.at(to)?;
        let stat = fs::statat(&from_dir, &*from, AtFlags::SYMLINK_NOFOLLOW)?;
        if self.root_user {
            let owner = Some(rustix::process::Uid::from_raw(stat.st_uid));
            let group = Some(rustix::process::Gid::from_raw(stat.st_gid));
            fs::chownat(&to_dir, &*to, owner, group, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if !matches!(kind_of(&stat), Kind::File | Kind::Dir) {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source = fs::openat(&from_dir, &*from, flags, Mode::empty())?;
        let target = fs::openat(&to_dir, &*to, flags, Mode::empty())?;
        copy_attributes(&source, &target)
    }
}

/// Copies the extended attributes that may be set; those the system keeps to itself describe the old content.
fn copy_attributes(source: &OwnedFd, target: &OwnedFd) -> Result<(), Errno> {
    let mut names = vec![0_u8; 64 << 10];
    let len = match fs::flistxattr(source, &mut names[..]) {
        Ok(len) => len,
        Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    let mut value = vec![0_u8; 64 << 10];
    for name in names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if name == b"security.ima" || name == b"security.evm" {
            continue;
        }
        let size = fs::fgetxattr(source, name, &mut value[..])?;
        match fs::fsetxattr(target, name, &value[..size], fs::XattrFlags::empty()) {
            Ok(()) | Err(Errno::PERM | Errno::NOTSUP) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The names in an open directory.
pub(super) fn names(dir: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in fs::Dir::read_from(dir)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// What a file system's answer means.
pub(super) fn meta(stat: &fs::Stat) -> Meta {
    Meta {
        kind: kind_of(stat),
        mode: tree::Mode::from_stat(stat.st_mode),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        inode: stat.st_ino,
        links: stat.st_nlink,
        modified: Time { seconds: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) },
    }
}

fn kind_of(stat: &fs::Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Dir,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    }
}

pub(super) fn read(file: impl AsFd, mut offset: u64, len: u32) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        let count = match rustix::io::pread(&file, &mut bytes[filled..], offset) {
            Err(Errno::INTR) => continue,
            other => other?,
        };
        if count == 0 {
            break;
        }
        filled += count;
        offset += count as u64;
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn write(file: impl AsFd, mut offset: u64, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let count = match rustix::io::pwrite(&file, bytes, offset) {
            Err(Errno::INTR) => continue,
            other => other?,
        };
        offset += count as u64;
        bytes = &bytes[count..];
    }
    Ok(())
}

fn failure(errno: Errno) -> Failure {
    match errno {
        Errno::NOENT => Failure::NotFound,
        Errno::EXIST => Failure::Exists,
        // A symbolic link where a directory or file should be.
        Errno::NOTDIR | Errno::LOOP => Failure::NotDirectory,
        Errno::ISDIR => Failure::IsDirectory,
        Errno::NOTEMPTY => Failure::NotEmpty,
        Errno::ACCESS | Errno::PERM => Failure::Permission,
        Errno::NOSPC | Errno::DQUOT => Failure::Full,
        Errno::ROFS => Failure::ReadOnly,
        Errno::XDEV => Failure::CrossDevice,
        other => Failure::Other(other.raw_os_error()),
    }
}
