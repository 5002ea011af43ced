#![no_main]
//! The delta interpreter on arbitrary bytes, and the way there and back of arbitrary files.

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use update_pack::delta::build::{Options, diff};
use update_pack::delta::{Apply, Direction, Output, Patch, apply};

const LIMIT: u64 = 1 << 20;

#[derive(Debug, Arbitrary)]
struct Bent {
    old: Vec<u8>,
    new: Vec<u8>,
    flips: Vec<(u16, u8)>,
}

/// Reads nothing outside the files, makes what is declared or fails.
fn run(delta: &[u8], source: &[u8], direction: Direction) {
    let Ok(patch) = Patch::parse(delta, delta.len() as u64) else { return };
    let mut head = Vec::new();
    patch.emit(&mut head);
    assert_eq!(head, &delta[..head.len()], "the head has one form");
    let Ok(mut machine) = Apply::new(&patch, direction, source.len() as u64, LIMIT) else { return };
    let mut made = 0;
    loop {
        let (from, at, len) = match machine.poll() {
            Ok(Output::Patch { at, len }) => (delta, at as usize, len as usize),
            Ok(Output::Source { at, len }) => (source, at as usize, len as usize),
            Ok(Output::Write(bytes)) => {
                made += bytes.len() as u64;
                assert!(made <= patch.target_len(direction));
                continue;
            }
            Ok(Output::Done) => {
                assert_eq!(made, patch.target_len(direction));
                return;
            }
            Err(error) => {
                assert_eq!(machine.poll(), Err(error));
                return;
            }
        };
        assert!(len > 0);
        machine.give(&from[at..at + len]).expect("what was asked for");
    }
}

fuzz_target!(|data: &[u8]| {
    let source = &data[..data.len() / 2];
    run(data, source, Direction::Forward);
    // A sound head before arbitrary parts.
    let part = data.len() as u64 / 3;
    let patch = Patch {
        old_len: source.len() as u64,
        new_len: source.len() as u64,
        shared: part,
        forward: part,
        undo: Some(data.len() as u64 - 2 * part),
    };
    let mut whole = Vec::new();
    patch.emit(&mut whole);
    whole.extend_from_slice(data);
    run(&whole, source, Direction::Forward);
    run(&whole, source, Direction::Undo);

    let Ok(Bent { old, new, flips }) = Bent::arbitrary(&mut Unstructured::new(data)) else { return };
    let mut delta = diff(&old, &new, Options { undo: true }).expect("small files");
    assert_eq!(apply(&delta, Direction::Forward, &old, LIMIT).as_deref(), Ok(&new[..]));
    assert_eq!(apply(&delta, Direction::Undo, &new, LIMIT).as_deref(), Ok(&old[..]));
    for (at, flip) in flips.into_iter().take(8) {
        let at = usize::from(at) % delta.len();
        delta[at] ^= flip;
    }
    run(&delta, &old, Direction::Forward);
    run(&delta, &new, Direction::Undo);
});
