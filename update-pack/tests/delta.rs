//! Deltas: made, applied, undone, in one canonical form.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

use proptest::prelude::*;
use update_pack::delta::build::{Options, diff};
use update_pack::delta::{Apply, Direction, Error, HEAD_MAX, Output, Patch, Problem, apply};

const BOTH: Options = Options { undo: true };
const FORWARD: Options = Options { undo: false };
const LIMIT: u64 = 1 << 30;

fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed.wrapping_mul(2) + 1;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    })
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    numbers(seed).map(|number| (number >> 8) as u8).take(len).collect()
}

/// Something like machine code: instructions, one in four of which holds a relative address.
fn code(len: usize, moved: impl Fn(u32) -> u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut random = numbers(7);
    let mut next = || random.next().unwrap();
    while out.len() < len {
        let number = next();
        match number % 4 {
            0 => {
                out.push(0xe8);
                let to = (next() % 1_000_000) as u32;
                out.extend_from_slice(&moved(to).to_le_bytes());
            }
            kind => out.extend_from_slice(&number.to_le_bytes()[..kind as usize + 1]),
        }
    }
    out.truncate(len);
    out
}

fn check(old: &[u8], new: &[u8]) -> Vec<u8> {
    let delta = diff(old, new, BOTH).unwrap();
    assert!(apply(&delta, Direction::Forward, old, LIMIT).unwrap() == new);
    assert!(apply(&delta, Direction::Undo, new, LIMIT).unwrap() == old);
    delta
}

#[test]
fn goes_forward_and_back() {
    let old = code(300_000, |to| to);
    let mut new = code(300_000, |to| if to > 400_000 { to + 0x140 } else { to });
    new.splice(1000..1000, noise(3, 5000));
    new.drain(200_000..207_000);
    let delta = check(&old, &new);
    // What is new, what is gone, and a little for addresses that moved.
    assert!(delta.len() < 5000 + 7000 + 20_000, "{}", delta.len());
    let forward = diff(&old, &new, FORWARD).unwrap();
    assert!(forward.len() < delta.len());
    assert!(apply(&forward, Direction::Forward, &old, LIMIT).unwrap() == new);
    assert_eq!(apply(&forward, Direction::Undo, &new, LIMIT), Err(Error::NoUndo));
}

#[test]
fn small_and_empty_files() {
    for (old, new) in [
        (&b""[..], &b""[..]),
        (b"", b"a"),
        (b"a", b""),
        (b"a", b"a"),
        (b"abc", b"abd"),
        (b"a short text", b"another short text"),
    ] {
        check(old, new);
    }
    check(&[], &noise(1, 100_000));
    check(&noise(1, 100_000), &[]);
    check(&[0; 100_000], &[0; 70_000]);
    check(&noise(1, 100_000), &noise(2, 100_000));
}

#[test]
fn an_equal_file_costs_next_to_nothing() {
    let file = noise(9, 1 << 20);
    assert!(check(&file, &file).len() < 64);
}

#[test]
fn what_is_random_is_stored_as_it_is() {
    let (old, new) = (noise(1, 1000), noise(2, 1 << 20));
    let delta = diff(&old, &new, FORWARD).unwrap();
    assert!(delta.len() < new.len() + new.len() / 500, "{}", delta.len());
}

#[test]
fn moved_pieces_are_copied() {
    let old = noise(4, 600_000);
    let new = [&old[400_000..], &old[100_000..400_000], &old[..100_000]].concat();
    let forward = diff(&old, &new, FORWARD).unwrap();
    assert!(forward.len() < 100, "{}", forward.len());
    assert!(check(&old, &new).len() < 200);
}

#[test]
fn repetitions_among_new_bytes_are_found() {
    let line = b"a line of text that comes again and again, with a number: ";
    let lines = numbers(5).take(5000).flat_map(|n| [line, &n.to_string().into_bytes()[..]].concat());
    let new: Vec<u8> = lines.collect();
    let delta = diff(b"nothing alike", &new, FORWARD).unwrap();
    assert!(delta.len() < new.len() / 6, "{} of {}", delta.len(), new.len());
    check(b"nothing alike", &new);
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let (old, new) = (code(100_000, |to| to), code(100_000, |to| to + 16));
    assert_eq!(diff(&old, &new, BOTH), diff(&old, &new, BOTH));
    // Pinned: a change of the format or of the matcher shows here, and is to be meant.
    let delta = diff(b"The quick brown fox jumps.", b"The quick brown dog jumps!", BOTH).unwrap();
    let hex: String = delta.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN);
}

const GOLDEN: &str = "55504401011a1a120a0a0d021780b5786d1c9800ec997ba79c1ac8ec0300800042000000020003008000\
    5c0000000200";

#[test]
fn the_head_is_canonical() {
    let delta = diff(&code(5000, |to| to), &code(5000, |to| to + 8), BOTH).unwrap();
    let len = delta.len() as u64;
    let patch = Patch::parse(&delta[..HEAD_MAX.min(delta.len())], len).unwrap();
    let mut head = Vec::new();
    patch.emit(&mut head);
    assert!(head.len() <= HEAD_MAX);
    assert_eq!(head, &delta[..head.len()]);
    assert_eq!(Patch::parse(&delta, len + 1), Err(Error::Malformed(Problem::Length)));
    assert_eq!(Patch::parse(&delta, len - 1), Err(Error::Malformed(Problem::Length)));
    assert_eq!(Patch::parse(b"UPD", 3), Err(Error::Malformed(Problem::Truncated)));
    assert_eq!(Patch::parse(b"BSDIFF40", 8), Err(Error::Malformed(Problem::Magic)));
    // A number in more bytes than it needs, an unknown flag, a number too large.
    assert_eq!(Patch::parse(b"UPD\x01\x80\x00\0\0\0\0", 10), Err(Error::Malformed(Problem::NotCanonical)));
    assert_eq!(Patch::parse(b"UPD\x01\x02\0\0\0\0", 9), Err(Error::Malformed(Problem::Symbol)));
    let large = b"UPD\x01\0\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    assert_eq!(Patch::parse(large, 14), Err(Error::Malformed(Problem::Length)));
}

#[test]
fn the_source_and_the_limit_are_judged_before_anything_is_made() {
    let delta = diff(b"one two three", b"one two four", FORWARD).unwrap();
    let patch = Patch::parse(&delta, delta.len() as u64).unwrap();
    let start = |source, limit| Apply::new(&patch, Direction::Forward, source, limit).map(|_| ());
    assert_eq!(start(13, 12), Ok(()));
    assert_eq!(start(12, 12), Err(Error::WrongSource { found: 12, expected: 13 }));
    assert_eq!(start(13, 11), Err(Error::Limit { found: 12, limit: 11 }));
}

#[test]
fn polling_again_asks_for_the_same() {
    let (old, new) = (code(200_000, |to| to), code(200_000, |to| to + 8));
    let delta = diff(&old, &new, FORWARD).unwrap();
    let patch = Patch::parse(&delta, delta.len() as u64).unwrap();
    let mut machine = Apply::new(&patch, Direction::Forward, old.len() as u64, LIMIT).unwrap();
    let mut made = Vec::new();
    assert_eq!(machine.give(b"unasked"), Err(Error::Misuse { given: 7, wanted: 0 }));
    loop {
        let (from, at, len) = match machine.poll().unwrap() {
            Output::Patch { at, len } => (&delta, at as usize, len as usize),
            Output::Source { at, len } => (&old, at as usize, len as usize),
            Output::Write(bytes) => {
                made.extend_from_slice(bytes);
                continue;
            }
            Output::Done => break,
        };
        let before = machine.clone();
        let again = match machine.poll().unwrap() {
            Output::Patch { at, len } | Output::Source { at, len } => (at as usize, len as usize),
            other => panic!("{other:?}"),
        };
        assert_eq!(again, (at, len));
        assert!(machine == before);
        assert_eq!(machine.give(&from[at..at + len - 1]), Err(Error::Misuse { given: len - 1, wanted: len }));
        assert!(machine == before);
        machine.give(&from[at..at + len]).unwrap();
    }
    assert!(made == new);
    assert_eq!(machine.progress(), (new.len() as u64, new.len() as u64));
    assert_eq!(machine.poll(), Ok(Output::Done));
}

#[test]
fn a_failure_stays_a_failure() {
    let (old, new) = (noise(1, 50_000), noise(2, 50_000));
    let whole = diff(&old, &new, FORWARD).unwrap();
    let patch = Patch::parse(&whole, whole.len() as u64).unwrap();
    // One byte more is declared than the parts make.
    let mut delta = Vec::new();
    Patch { new_len: patch.new_len + 1, ..patch }.emit(&mut delta);
    delta.extend_from_slice(&whole[delta.len()..]);
    let patch = Patch::parse(&delta, delta.len() as u64).unwrap();
    let mut machine = Apply::new(&patch, Direction::Forward, 50_000, LIMIT).unwrap();
    let error = loop {
        match machine.poll() {
            Ok(Output::Patch { at, len }) => {
                let at = at as usize;
                machine.give(&delta[at..at + len as usize]).unwrap();
            }
            Ok(Output::Source { at, len }) => {
                let at = at as usize;
                machine.give(&old[at..at + len as usize]).unwrap();
            }
            Ok(Output::Write(_)) => {}
            Ok(Output::Done) => panic!("a broken delta went through"),
            Err(error) => break error,
        }
    };
    assert_eq!(machine.poll(), Err(error));
    assert_eq!(machine.poll(), Err(error));
}

/// Two texts, each made of pieces of a common stock, with some bytes changed.
fn texts() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let piece = (0usize..39_000, 1usize..1000, any::<u8>(), 1usize..200);
    let text = proptest::collection::vec(piece, 0..40).prop_map(|pieces| {
        let stock = code(40_000, |to| to);
        let mut out = Vec::new();
        for (at, len, change, every) in pieces {
            let from = out.len();
            out.extend_from_slice(&stock[at..at + len]);
            for byte in out[from..].iter_mut().step_by(every * 7) {
                *byte = byte.wrapping_add(change);
            }
        }
        out
    });
    (text.clone(), text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn applied_and_undone_is_the_identity((old, new) in texts()) {
        check(&old, &new);
    }

    #[test]
    fn any_bytes_go_both_ways(
        old in proptest::collection::vec(0u8..4, 0..300),
        new in proptest::collection::vec(0u8..4, 0..300),
    ) {
        check(&old, &new);
    }
}
