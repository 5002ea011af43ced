//! A model disk: a file system in memory whose unflushed effects a crash may keep, lose, tear or reorder.

use std::collections::BTreeMap;

use update_pack::engine::{
    Answer, Call, Effect, Engine, Event, Failure, Input, Meta, Outcome, Output, Place, Time, Verb,
};
use update_pack::tree::{Kind, Mode, Node, Path, Tree};
use update_pack::wire::digest;

/// What an inode holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Body {
    Dir(BTreeMap<Vec<u8>, u64>),
    File(Vec<u8>),
    Symlink(Vec<u8>),
}

/// An inode with what a package does not carry, too: times, and an owner that stands for owner and attributes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inode {
    pub body: Body,
    pub mode: Mode,
    pub modified: Time,
    pub owner: u32,
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Files {
    pub inodes: BTreeMap<u64, Inode>,
    next: u64,
    clock: i64,
}

const ROOT: u64 = 1;

pub fn mode(bits: u16) -> Mode {
    Mode::new(bits).unwrap()
}

impl Files {
    pub fn new() -> Self {
        let root = Inode { body: Body::Dir(BTreeMap::new()), mode: mode(0o755), modified: time(1), owner: 7 };
        Self { inodes: BTreeMap::from([(ROOT, root)]), next: 2, clock: 100 }
    }

    fn find(&self, path: &[u8]) -> Result<u64, Failure> {
        let mut at = ROOT;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            at = *self.dir(at)?.get(name).ok_or(Failure::NotFound)?;
        }
        Ok(at)
    }

    fn dir(&self, inode: u64) -> Result<&BTreeMap<Vec<u8>, u64>, Failure> {
        match &self.inodes[&inode].body {
            Body::Dir(names) => Ok(names),
            _ => Err(Failure::NotDirectory),
        }
    }

    /// The directory that holds a path, and the path's name in it.
    fn parent<'p>(&self, path: &'p [u8]) -> Result<(u64, &'p [u8]), Failure> {
        let (dir, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&path[..0], path),
        };
        let dir = self.find(dir)?;
        self.dir(dir)?;
        Ok((dir, name))
    }

    fn names(&mut self, dir: u64) -> &mut BTreeMap<Vec<u8>, u64> {
        self.clock += 1;
        let now = time(self.clock);
        let inode = self.inodes.get_mut(&dir).unwrap();
        inode.modified = now;
        match &mut inode.body {
            Body::Dir(names) => names,
            _ => panic!("checked before"),
        }
    }

    pub fn make(&mut self, path: &[u8], body: Body, bits: u16, owner: u32) -> Result<(), Failure> {
        let (dir, name) = self.parent(path)?;
        if self.dir(dir)?.contains_key(name) {
            return Err(Failure::Exists);
        }
        let number = self.next;
        self.next += 1;
        self.clock += 1;
        self.inodes.insert(number, Inode { body, mode: mode(bits), modified: time(self.clock), owner });
        self.names(dir).insert(name.to_vec(), number);
        Ok(())
    }

    pub fn link(&mut self, from: &[u8], to: &[u8]) -> Result<(), Failure> {
        let number = self.find(from)?;
        if matches!(self.inodes[&number].body, Body::Dir(_)) {
            return Err(Failure::Permission);
        }
        let (dir, name) = self.parent(to)?;
        if self.dir(dir)?.contains_key(name) {
            return Err(Failure::Exists);
        }
        self.names(dir).insert(name.to_vec(), number);
        Ok(())
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), Failure> {
        let number = self.find(from)?;
        let (from_dir, from_name) = self.parent(from)?;
        let (to_dir, to_name) = self.parent(to)?;
        if let Some(there) = self.dir(to_dir)?.get(to_name).copied() {
            if there == number {
                return Ok(());
            }
            let is_dir = |number| matches!(self.inodes[&number].body, Body::Dir(_));
            match (is_dir(number), is_dir(there)) {
                (true, false) => return Err(Failure::NotDirectory),
                (false, true) => return Err(Failure::IsDirectory),
                (true, true) if !self.dir(there)?.is_empty() => return Err(Failure::NotEmpty),
                _ => {}
            }
        }
        self.names(from_dir).remove(from_name);
        self.names(to_dir).insert(to_name.to_vec(), number);
        Ok(())
    }

    fn unlink(&mut self, path: &[u8], dir_wanted: bool) -> Result<(), Failure> {
        let number = self.find(path)?;
        match (&self.inodes[&number].body, dir_wanted) {
            (Body::Dir(names), true) if !names.is_empty() => return Err(Failure::NotEmpty),
            (Body::Dir(_), true) | (Body::File(_) | Body::Symlink(_), false) => {}
            (Body::Dir(_), false) => return Err(Failure::IsDirectory),
            (_, true) => return Err(Failure::NotDirectory),
        }
        let (dir, name) = self.parent(path)?;
        self.names(dir).remove(name);
        Ok(())
    }

    fn meta(&self, number: u64) -> Meta {
        let inode = &self.inodes[&number];
        let links = self.inodes.values().map(|inode| match &inode.body {
            Body::Dir(names) => names.values().filter(|name| **name == number).count() as u64,
            _ => 0,
        });
        let (kind, size) = match &inode.body {
            Body::Dir(_) => (Kind::Dir, 0),
            Body::File(bytes) => (Kind::File, bytes.len() as u64),
            Body::Symlink(target) => (Kind::Symlink, target.len() as u64),
        };
        Meta { kind, mode: inode.mode, size, inode: number, links: links.sum(), modified: inode.modified }
    }

    /// Changes the files; what only reads is answered elsewhere.
    pub fn change(&mut self, effect: &Effect) -> Result<(), Failure> {
        match effect {
            Effect::MakeDir { place } => self.make(&place.to_bytes(), Body::Dir(BTreeMap::new()), 0o700, 0),
            Effect::Create { place } => match self.find(&place.to_bytes()) {
                Ok(number) => self.body(number).map(Vec::clear),
                Err(_) => self.make(&place.to_bytes(), Body::File(Vec::new()), 0o600, 0),
            },
            Effect::Write { place, offset, bytes } => {
                let number = self.find(&place.to_bytes())?;
                let file = self.body(number)?;
                let start = usize::try_from(*offset).unwrap();
                file.resize(file.len().max(start + bytes.len()), 0);
                file[start..start + bytes.len()].copy_from_slice(bytes);
                Ok(())
            }
            Effect::Symlink { place, target } => {
                self.make(&place.to_bytes(), Body::Symlink(target.to_vec()), 0o777, 0)
            }
            Effect::Link { from, to } => self.link(&from.to_bytes(), &to.to_bytes()),
            Effect::Rename { from, to } => self.rename(&from.to_bytes(), &to.to_bytes()),
            Effect::Unlink { place } => self.unlink(&place.to_bytes(), false),
            Effect::RemoveDir { place } => self.unlink(&place.to_bytes(), true),
            Effect::SetMode { place, kind, mode } => {
                let number = self.find(&place.to_bytes())?;
                if self.meta(number).kind != *kind {
                    return Err(if *kind == Kind::Dir {
                        Failure::NotDirectory
                    } else {
                        Failure::IsDirectory
                    });
                }
                self.inodes.get_mut(&number).unwrap().mode = *mode;
                Ok(())
            }
            Effect::SetModified { place, time } => {
                let number = self.find(&place.to_bytes())?;
                self.inodes.get_mut(&number).unwrap().modified = *time;
                Ok(())
            }
            Effect::Inherit { from, to } => {
                let owner = self.inodes[&self.find(&from.to_bytes())?].owner;
                let number = self.find(&to.to_bytes())?;
                self.inodes.get_mut(&number).unwrap().owner = owner;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn body(&mut self, number: u64) -> Result<&mut Vec<u8>, Failure> {
        match &mut self.inodes.get_mut(&number).unwrap().body {
            Body::File(bytes) => Ok(bytes),
            Body::Dir(_) => Err(Failure::IsDirectory),
            Body::Symlink(_) => Err(Failure::NotDirectory),
        }
    }

    /// The tree that a package would see, without the engine's own directory.
    pub fn tree(&self) -> Tree {
        let mut tree = Tree::new(self.inodes[&ROOT].mode);
        let mut firsts: BTreeMap<u64, Path> = BTreeMap::new();
        for (path, number) in self.paths() {
            let inode = &self.inodes[&number];
            let node = match &inode.body {
                Body::Dir(_) => Node::Dir { mode: inode.mode },
                Body::Symlink(target) => Node::Symlink { target: target.clone().into() },
                Body::File(_) if firsts.contains_key(&number) => {
                    Node::Hardlink { first: firsts[&number].clone() }
                }
                Body::File(bytes) => {
                    firsts.insert(number, path.clone());
                    Node::File { mode: inode.mode, size: bytes.len() as u64, digest: digest(bytes) }
                }
            };
            tree.insert(path, node).unwrap();
        }
        tree
    }

    /// Everything that can be seen at each path of the tree: content, links, modes, times and owners.
    pub fn everything(&self) -> BTreeMap<Vec<u8>, (Inode, Vec<Vec<u8>>)> {
        let paths = self.paths();
        let mut seen = BTreeMap::new();
        for (path, number) in paths.iter().chain([&(Path::root(), ROOT)]) {
            let mut inode = self.inodes[number].clone();
            if let Body::Dir(names) = &mut inode.body {
                names.remove(&b".update-pack"[..]);
                names.values_mut().for_each(|number| *number = 0);
            }
            let others = paths.iter().filter(|(_, other)| other == number);
            let others = others.map(|(other, _)| other.as_bytes().to_vec()).collect();
            seen.insert(path.as_bytes().to_vec(), (inode, others));
        }
        seen
    }

    pub fn content(&self, path: &Path) -> Vec<u8> {
        match &self.inodes[&self.find(path.as_bytes()).unwrap()].body {
            Body::File(bytes) => bytes.clone(),
            _ => panic!("not a file"),
        }
    }

    fn paths(&self) -> Vec<(Path, u64)> {
        let mut found = BTreeMap::new();
        let mut open = vec![(Path::root(), ROOT)];
        while let Some((at, number)) = open.pop() {
            if let Body::Dir(names) = &self.inodes[&number].body {
                for (name, number) in names {
                    if at.is_root() && Path::is_own(name) {
                        continue;
                    }
                    let path = at.join(name).unwrap();
                    open.push((path.clone(), *number));
                    found.insert(path, *number);
                }
            }
        }
        found.into_iter().collect()
    }
}

pub fn time(seconds: i64) -> Time {
    Time { seconds, nanos: 5 }
}

/// What a crash does to the effects that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// All are kept.
    Kept,
    /// All are lost.
    Lost,
    /// Of the last one, a write, so many sectors are kept; a write shorter than a sector is kept in its first half.
    Torn(usize),
    /// Of that one, a write, the first sector is kept and the rest is garbage.
    Garbage(usize),
    /// That one is lost although those after it are kept.
    Without(usize),
    /// Only these are kept, in whatever order the others were meant to come.
    Only(u64),
    /// Every second one is lost, so far as the others can do without.
    Holes,
    /// The others.
    OtherHoles,
}

const SECTOR: usize = 512;

/// A disk: what is durable, what is seen, and what lies between.
#[derive(Clone, Debug)]
pub struct Disk {
    pub seen: Files,
    durable: Files,
    volatile: Vec<Effect>,
    pub package: Vec<u8>,
    /// Which barriers are ignored, counted from zero over the disk's life: a mutation.
    pub ignored_barrier: Option<usize>,
    pub barriers: usize,
    /// Effects that change something, carried out so far.
    pub changes: usize,
    /// Bytes of new content written.
    pub staged: usize,
    /// Migration steps that were asked for.
    pub ran: Vec<String>,
    /// Whether a change to anything but the engine's own directory was asked for.
    pub touched: bool,
}

/// An answer with its bytes.
pub enum Given {
    Done,
    Bytes(Vec<u8>),
    Names(Vec<Vec<u8>>),
    Meta(Meta),
}

impl Disk {
    pub fn new(files: Files, package: Vec<u8>) -> Self {
        Self {
            seen: files.clone(),
            durable: files,
            volatile: Vec::new(),
            package,
            ignored_barrier: None,
            barriers: 0,
            changes: 0,
            staged: 0,
            ran: Vec::new(),
            touched: false,
        }
    }

    pub fn carry_out(&mut self, effect: &Effect) -> Result<Given, Failure> {
        let range = |bytes: &[u8], offset: u64, len: u32| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            bytes[start..start.saturating_add(len as usize).min(bytes.len())].to_vec()
        };
        Ok(match effect {
            Effect::ReadPackage { offset, len } => Given::Bytes(range(&self.package, *offset, *len)),
            Effect::Read { place, offset, len } => {
                let number = self.seen.find(&place.to_bytes())?;
                Given::Bytes(range(self.seen.body(number)?, *offset, *len))
            }
            Effect::Stat { place } => Given::Meta(self.seen.meta(self.seen.find(&place.to_bytes())?)),
            Effect::List { place } => {
                let number = self.seen.find(&place.to_bytes())?;
                Given::Names(self.seen.dir(number)?.keys().cloned().collect())
            }
            Effect::ReadLink { place } => match &self.seen.inodes[&self.seen.find(&place.to_bytes())?].body {
                Body::Symlink(target) => Given::Bytes(target.clone()),
                _ => return Err(Failure::Other(22)),
            },
            Effect::Barrier => {
                if self.ignored_barrier != Some(self.barriers) {
                    self.durable = self.seen.clone();
                    self.volatile.clear();
                }
                self.barriers += 1;
                Given::Done
            }
            Effect::Run(call) => self.run(call)?,
            change => {
                self.seen.change(change)?;
                self.volatile.push(change.clone());
                self.changes += 1;
                if let Effect::Write { place: Place::New(..), bytes, .. } = change {
                    self.staged += bytes.len();
                }
                self.touched |= !format!("{change:?}").contains("Update(")
                    && !matches!(
                        change,
                        Effect::Create { .. } | Effect::Write { .. } | Effect::MakeDir { .. }
                    );
                Given::Done
            }
        })
    }

    /// A migration step, for a driver that knows one kind: it makes a file of its name in the device's data.
    fn run(&mut self, call: &Call) -> Result<Given, Failure> {
        self.ran.push(format!("{} {}", call.verb, call.name));
        let place = Place::Tree(Path::new(format!("data/{}", call.name).as_bytes()).unwrap());
        let there = self.seen.find(&place.to_bytes()).is_ok();
        let change = match call.verb {
            Verb::Check if call.arguments == "impossible" => return Err(Failure::Other(1)),
            Verb::Apply if call.arguments == "fails" => return Err(Failure::Other(1)),
            Verb::Verify if !there => return Err(Failure::NotFound),
            Verb::Check | Verb::Verify => return Ok(Given::Done),
            Verb::Apply if there => return Ok(Given::Done),
            Verb::Revert if !there => return Ok(Given::Done),
            Verb::Apply => Effect::Create { place },
            Verb::Revert => Effect::Unlink { place },
        };
        self.carry_out(&change)
    }

    /// What a loss of power may do now: one kind of damage each, or every one there is, with each sector at which the
    /// last write may tear, each effect that may be lost alone, and every subset of the last six.
    pub fn crashes(&self, every: bool) -> Vec<Crash> {
        let count = self.volatile.len();
        let last = count.saturating_sub(1);
        let mut crashes =
            vec![Crash::Kept, Crash::Lost, Crash::Holes, Crash::OtherHoles, Crash::Garbage(last)];
        if let Some(Effect::Write { bytes, .. }) = self.volatile.last() {
            let sectors = if every { bytes.len() / SECTOR } else { 0 };
            crashes.extend((0..=sectors).map(Crash::Torn));
        }
        if every {
            crashes.extend((0..count).flat_map(|index| [Crash::Without(index), Crash::Garbage(index)]));
            let loose = count.min(6);
            let base = (1_u64 << (count - loose).min(63)) - 1;
            if count < 64 {
                crashes.extend((0..1_u64 << loose).map(|set| Crash::Only(base | set << (count - loose))));
            }
        }
        crashes
    }

    /// The disk after a loss of power.
    pub fn crash(&self, crash: Crash) -> Self {
        let mut files = self.durable.clone();
        let last = self.volatile.len().saturating_sub(1);
        for (index, effect) in self.volatile.iter().enumerate() {
            let kept = match (crash, effect) {
                (Crash::Lost, _) => None,
                (Crash::Holes, _) if index % 2 == 0 => None,
                (Crash::OtherHoles, _) if index % 2 == 1 => None,
                (Crash::Without(lost), _) if index == lost => None,
                (Crash::Only(set), _) if set >> index & 1 == 0 => None,
                (Crash::Torn(sectors), Effect::Write { place, offset, bytes }) if index == last => {
                    let kept = if bytes.len() < SECTOR { bytes.len() / 2 } else { sectors * SECTOR };
                    let bytes = bytes[..kept].to_vec();
                    Some(Effect::Write { place: place.clone(), offset: *offset, bytes })
                }
                (Crash::Garbage(torn), Effect::Write { place, offset, bytes }) if index == torn => {
                    let mut bytes = bytes.clone();
                    let whole = if bytes.len() <= SECTOR { 0 } else { SECTOR };
                    bytes.iter_mut().skip(whole).for_each(|byte| *byte = 0xa5);
                    Some(Effect::Write { place: place.clone(), offset: *offset, bytes })
                }
                _ => Some(effect.clone()),
            };
            // What needs something that was lost is lost with it.
            if let Some(effect) = kept {
                let _ = files.change(&effect);
            }
        }
        let mut after = Self::new(files, self.package.clone());
        after.ignored_barrier = None;
        after
    }
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    Outcome(Outcome),
    /// Power was lost before the change of that number.
    Cut,
}

/// Runs an engine until it has finished, or until it has changed the disk `cut` times.
pub fn run(engine: &mut Engine, disk: &mut Disk, cut: Option<usize>) -> Ended {
    let mut asked = None;
    for _ in 0..=cut.unwrap_or(usize::MAX - 1) {
        if let Ended::Outcome(outcome) = advance(engine, disk, &mut asked) {
            return Ended::Outcome(outcome);
        }
    }
    Ended::Cut
}

/// Carries out the change that was asked for last, and goes on to before the next one.
pub fn advance(engine: &mut Engine, disk: &mut Disk, asked: &mut Option<(u64, Effect)>) -> Ended {
    for _ in 0..1_000_000 {
        if let Some((id, effect)) = asked.take() {
            let result = disk.carry_out(&effect);
            answer(engine, id, &result);
        }
        match engine.poll_output() {
            Some(Output::Event(Event::Finished(outcome))) => return Ended::Outcome(outcome.clone()),
            Some(Output::Event(_)) => {}
            Some(Output::Storage { id, effect }) => {
                *asked = Some((id, effect.clone()));
                if !reads(effect) {
                    return Ended::Cut;
                }
            }
            None => panic!("an engine that is not finished asks for something"),
        }
    }
    panic!("the engine does not come to an end");
}

pub fn reads(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::ReadPackage { .. }
            | Effect::Read { .. }
            | Effect::Stat { .. }
            | Effect::List { .. }
            | Effect::ReadLink { .. }
    )
}

pub fn answer(engine: &mut Engine, id: u64, result: &Result<Given, Failure>) {
    let now = std::time::Duration::ZERO;
    let names: Vec<&[u8]>;
    let input = match result {
        Ok(Given::Done) => Input::Done { id, answer: Answer::Done },
        Ok(Given::Bytes(bytes)) => Input::Done { id, answer: Answer::Bytes(bytes) },
        Ok(Given::Names(list)) => {
            names = list.iter().map(Vec::as_slice).collect();
            Input::Done { id, answer: Answer::Names(&names) }
        }
        Ok(Given::Meta(meta)) => Input::Done { id, answer: Answer::Meta(*meta) },
        Err(failure) => Input::Failed { id, failure: *failure },
    };
    engine.handle(now, input).unwrap();
}
