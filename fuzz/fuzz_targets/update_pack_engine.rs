//! A script of answers, right and wrong, to what the engine asks for on a package that the fuzzer has changed behind
//! its signature: the laws hold, and nothing panics.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use update_pack::build::{self, build};
use update_pack::engine::{Answer, Config, Effect, Engine, Failure, Goal, Input, Meta, Output, Time};
use update_pack::tree::{Kind, Mode, Node, Path, Side, Tree};
use update_pack::trust::{SigningKey, Trust};
use update_pack::wire::digest;

#[derive(Arbitrary, Debug)]
struct Script {
    goal: u8,
    dry_run: bool,
    answers: Vec<Given>,
}

#[derive(Arbitrary, Debug)]
enum Given {
    /// What a disk that holds the old tree and keeps nothing would say.
    Right,
    Done,
    Bytes(Vec<u8>),
    Names(Vec<Vec<u8>>),
    Meta { kind: u8, mode: u16, size: u64, inode: u8, links: u8 },
    Failed(u8),
    Tick,
    Verdict(bool),
    WrongId(u64),
}

const OLD: &[u8] = b"the old content";

fn package() -> &'static (Vec<u8>, Trust) {
    static PACKAGE: OnceLock<(Vec<u8>, Trust)> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let mode = |bits| Mode::new(bits).unwrap();
        let file = |bytes: &[u8]| Node::File { mode: mode(0o644), size: bytes.len() as u64, digest: digest(bytes) };
        let (mut a, mut b) = (Tree::new(mode(0o755)), Tree::new(mode(0o755)));
        let new = vec![b'n'; 100_000];
        a.insert(Path::new(b"f").unwrap(), file(OLD)).unwrap();
        b.insert(Path::new(b"f").unwrap(), file(&new)).unwrap();
        b.insert(Path::new(b"g").unwrap(), Node::Hardlink { first: Path::new(b"f").unwrap() }).unwrap();
        a.insert(Path::new(b"d").unwrap(), Node::Dir { mode: mode(0o555) }).unwrap();
        b.insert(Path::new(b"d").unwrap(), Node::Symlink { target: b"f".as_slice().into() }).unwrap();
        let key = SigningKey::new(&[7; 32]);
        let contents = |side, _: &Path| Ok::<_, ()>(if side == Side::Before { OLD.to_vec() } else { new.clone() });
        let config = build::Config { level: 1, ..Default::default() };
        (build(&config, &a, &b, contents, &[key.clone()]).unwrap(), Trust::one(key.public()))
    })
}

fuzz_target!(|script: Script| {
    let (package, trust) = package();
    let mut config = Config::default();
    config.dry_run = script.dry_run;
    let goal = match script.goal % 5 {
        0 => Goal::Apply(trust.clone()),
        1 => Goal::Undo,
        2 => Goal::Watch,
        3 => Goal::Confirm,
        _ => Goal::Status,
    };
    let mut engine = Engine::new(config, goal);
    let mut asked: Option<(u64, Effect)> = None;
    let mut last = None;
    for given in script.answers {
        loop {
            let pending = engine.deadline() == Some(Duration::ZERO);
            match engine.poll_output() {
                Some(Output::Storage { id, effect }) => asked = Some((id, effect.clone())),
                Some(Output::Event(_)) => {}
                None => {
                    assert!(!pending, "a wake-up for nothing");
                    break;
                }
            }
            assert!(pending, "a lost wake-up");
        }
        let Some((id, effect)) = &asked else { break };
        // The same content is read again until its end.
        let again = last.as_ref() == Some(effect);
        let input = answer(*id, effect, &given, package, again);
        let before = engine.clone();
        let moved = match &input {
            Owned::Names(names) => {
                let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
                engine.handle(Duration::ZERO, Input::Done { id: *id, answer: Answer::Names(&names) })
            }
            Owned::Bytes(bytes) => engine.handle(Duration::ZERO, Input::Done { id: *id, answer: Answer::Bytes(bytes) }),
            Owned::Input(input) => engine.handle(Duration::ZERO, *input),
        };
        match moved {
            Err(_) => assert_eq!(engine, before, "an error leaves the state as it was"),
            Ok(()) if matches!(given, Given::Tick | Given::Verdict(_)) => {}
            Ok(()) => last = asked.take().map(|(_, effect)| effect),
        }
        if engine.is_finished() {
            break;
        }
    }
});

enum Owned {
    Bytes(Vec<u8>),
    Names(Vec<Vec<u8>>),
    Input(Input<'static>),
}

fn answer(id: u64, effect: &Effect, given: &Given, package: &[u8], again: bool) -> Owned {
    let done = |answer| Owned::Input(Input::Done { id, answer });
    let failed = |failure| Owned::Input(Input::Failed { id, failure });
    match given {
        Given::Done => done(Answer::Done),
        Given::Bytes(bytes) => Owned::Bytes(bytes.clone()),
        Given::Names(names) => Owned::Names(names.clone()),
        Given::Meta { kind, mode, size, inode, links } => done(Answer::Meta(Meta {
            kind: [Kind::Dir, Kind::File, Kind::Symlink, Kind::Other][usize::from(kind % 4)],
            mode: Mode::from_stat(u32::from(*mode)),
            size: *size,
            inode: u64::from(*inode),
            links: u64::from(*links),
            modified: Time::default(),
        })),
        Given::Failed(kind) => failed(match kind % 5 {
            0 => Failure::NotFound,
            1 => Failure::Exists,
            2 => Failure::NotDirectory,
            3 => Failure::IsDirectory,
            _ => Failure::Full,
        }),
        Given::Tick => Owned::Input(Input::Tick),
        Given::Verdict(well) => Owned::Input(Input::Verdict { well: *well }),
        Given::WrongId(id) => Owned::Input(Input::Failed { id: *id, failure: Failure::Full }),
        Given::Right => match effect {
            Effect::ReadPackage { offset, len } => {
                let start = usize::try_from(*offset).unwrap_or(usize::MAX).min(package.len());
                Owned::Bytes(package[start..start.saturating_add(*len as usize).min(package.len())].to_vec())
            }
            Effect::Read { offset, len, .. } if !again && *offset == 0 => {
                Owned::Bytes(OLD[..OLD.len().min(*len as usize)].to_vec())
            }
            Effect::Read { .. } => Owned::Bytes(Vec::new()),
            Effect::Stat { place } => {
                let path = place.to_bytes();
                let dir = path.is_empty() || path == b"d";
                done(Answer::Meta(Meta {
                    kind: if dir { Kind::Dir } else { Kind::File },
                    mode: Mode::from_stat(if path.is_empty() { 0o755 } else if dir { 0o555 } else { 0o644 }),
                    size: OLD.len() as u64,
                    inode: path.len() as u64,
                    links: 1,
                    modified: Time::default(),
                }))
            }
            Effect::List { place } => match place.to_bytes().as_slice() {
                b"" => Owned::Names(vec![b"f".to_vec(), b"d".to_vec()]),
                b"d" => Owned::Names(Vec::new()),
                _ => failed(Failure::NotFound),
            },
            Effect::ReadLink { .. } => Owned::Bytes(b"f".to_vec()),
            _ => done(Answer::Done),
        },
    }
}
