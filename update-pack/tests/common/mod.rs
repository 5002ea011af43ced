//! What the tests share.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod disk;

use disk::{Body, Disk, Ended, Files, mode, run};
use proptest::prelude::*;
use update_pack::build::{self, build};
use update_pack::engine::{Config, Engine, Goal, Outcome};
use update_pack::tree::{Path, Side};
use update_pack::trust::{SigningKey, Trust};

pub fn key() -> SigningKey {
    SigningKey::new(&[7; 32])
}

pub fn trust() -> Trust {
    Trust::one(key().public())
}

pub fn package(before: &Files, after: &Files) -> Vec<u8> {
    package_of(&build::Config { level: 3, undo: true, ..build::Config::default() }, before, after)
}

pub fn package_of(config: &build::Config, before: &Files, after: &Files) -> Vec<u8> {
    build(config, &before.tree(), &after.tree(), contents(before, after), &[key()]).unwrap()
}

/// Reads the files of two trees, for the builder.
pub fn contents<'a>(before: &'a Files, after: &'a Files) -> impl Fn(Side, &Path) -> Result<Vec<u8>, ()> + 'a {
    |side, path| Ok(if side == Side::Before { before.content(path) } else { after.content(path) })
}

pub fn apply() -> Engine {
    Engine::new(Config::default(), Goal::Apply(trust()))
}

pub fn undo() -> Engine {
    Engine::new(Config::default(), Goal::Undo)
}

pub fn status() -> Engine {
    Engine::new(Config::default(), Goal::Status)
}

/// Runs a goal to its end.
pub fn outcome(mut engine: Engine, disk: &mut Disk) -> Outcome {
    match run(&mut engine, disk, None) {
        Ended::Outcome(outcome) => outcome,
        Ended::Cut => unreachable!(),
    }
}

/// A small pair in which everything happens: files, links and directories that appear, change, swap kind and go.
pub fn pair() -> (Files, Files) {
    let (mut a, mut b) = (Files::new(), Files::new());
    let file = |files: &mut Files, path: &str, content: &[u8], bits: u16| {
        files.make(path.as_bytes(), Body::File(content.to_vec()), bits, 3).unwrap();
    };
    let dir = |files: &mut Files, path: &str, bits: u16| {
        files.make(path.as_bytes(), Body::Dir(Default::default()), bits, 4).unwrap();
    };
    let link = |files: &mut Files, path: &str, target: &[u8]| {
        files.make(path.as_bytes(), Body::Symlink(target.to_vec()), 0o777, 5).unwrap();
    };
    file(&mut a, "same", b"as it was", 0o644);
    file(&mut b, "same", b"as it was", 0o644);
    file(&mut a, "grows", b"one", 0o644);
    file(&mut b, "grows", &[b'x'; 3000], 0o4755);
    // Enough that a delta pays, so that the undo is made from it.
    let noise =
        |seed: u64| (0..3000_u64).map(|at| ((at * at * 31 + at / 7 * seed) >> 3) as u8).collect::<Vec<u8>>();
    file(&mut a, "long", &noise(1), 0o640);
    file(&mut b, "long", &[noise(1), b"and more".to_vec()].concat(), 0o640);
    file(&mut a, "long2", &noise(5), 0o604);
    a.link(b"long2", b"long3").unwrap();
    file(&mut b, "long4", &noise(5), 0o604);
    file(&mut a, "mode", b"m", 0o600);
    file(&mut b, "mode", b"m", 0o755);
    dir(&mut a, "d", 0o555);
    dir(&mut b, "d", 0o750);
    file(&mut a, "d/gone", b"gone", 0o400);
    link(&mut b, "d/new", b"nowhere");
    file(&mut a, "hard", b"linked", 0o644);
    a.link(b"hard", b"hard2").unwrap();
    a.link(b"hard", b"hard3").unwrap();
    file(&mut b, "hard", b"linked", 0o644);
    file(&mut b, "hard2", b"alone now", 0o644);
    b.link(b"hard", b"hard4").unwrap();
    dir(&mut a, "swap", 0o700);
    dir(&mut a, "swap/in", 0o000);
    file(&mut b, "swap", b"a file now", 0o644);
    link(&mut a, "swap2", b"same");
    dir(&mut b, "swap2", 0o1777);
    file(&mut b, "swap2/f", b"", 0o644);
    (a, b)
}

/// A tree of a few names, so that two random ones meet often.
pub fn files() -> impl Strategy<Value = Files> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "c\n", "\u{e9}"]), 1..4);
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (any::<u8>(), 0usize..200_000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    let kind = prop_oneof![
        (Just(0u8), content.clone()),
        (Just(1u8), Just(Vec::new())),
        (Just(2u8), Just(b"target".to_vec())),
        (Just(3u8), Just(Vec::new()))
    ];
    let bits = prop::sample::select(vec![0o644u16, 0o755, 0o000, 0o4711, 0o2555, 0o1777]);
    prop::collection::vec((path, kind, bits, 0u32..3, any::<prop::sample::Index>()), 0..14).prop_map(
        |things| {
            let mut files = Files::new();
            let mut regular: Vec<Vec<u8>> = Vec::new();
            for (path, (kind, content), bits, owner, pick) in things {
                let path = path.join("/").into_bytes();
                let made = match kind {
                    0 => files.make(&path, Body::File(content), bits, owner),
                    1 => files.make(&path, Body::Dir(Default::default()), bits, owner),
                    2 => files.make(&path, Body::Symlink(content), 0o777, owner),
                    _ if regular.is_empty() => continue,
                    _ => files.link(pick.get(&regular[..]).as_slice(), &path),
                };
                if made.is_ok() && kind == 0 {
                    regular.push(path);
                }
            }
            let _ = mode(0);
            files
        },
    )
}
