//! Deltas made to harm: nothing panics, nothing is read outside the source, nothing is made beyond what the head
//! declares, and memory stays bounded.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use update_pack::delta::build::{Options, diff};
use update_pack::delta::{Apply, Direction, Error, Output, Patch, Problem, apply};

struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

/// The most heap that `work` holds at any moment.
fn heap(work: impl FnOnce()) -> isize {
    let before = HELD.get();
    MOST.set(before);
    work();
    MOST.get() - before
}

fn sample() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut state = 1u32;
    let old: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(6000)
    .collect();
    let mut new = old.clone();
    for at in (100..5000).step_by(97) {
        new[at] = new[at].wrapping_add(16);
    }
    new.splice(3000..3010, *b"something entirely new, something entirely new");
    new.drain(4000..4100);
    let moved: Vec<u8> = new.drain(200..600).collect();
    new.extend_from_slice(&moved);
    let delta = diff(&old, &new, Options { undo: true }).unwrap();
    (old, new, delta)
}

/// Applies a delta and judges what it asks for and what it makes.
fn run(delta: &[u8], source: &[u8], direction: Direction) -> Result<(), Error> {
    let patch = Patch::parse(delta, delta.len() as u64)?;
    let mut machine = Apply::new(&patch, direction, source.len() as u64, 1 << 20)?;
    let mut made = 0;
    loop {
        let (from, at, len) = match machine.poll()? {
            Output::Patch { at, len } => (delta, at as usize, len as usize),
            Output::Source { at, len } => (source, at as usize, len as usize),
            Output::Write(bytes) => {
                made += bytes.len() as u64;
                assert!(made <= patch.target_len(direction), "more is made than declared");
                continue;
            }
            Output::Done => {
                assert_eq!(made, patch.target_len(direction));
                return Ok(());
            }
        };
        assert!(len > 0 && at + len <= from.len(), "read outside the file");
        machine.give(&from[at..at + len])?;
    }
}

#[test]
fn every_truncation_is_refused() {
    let (old, _, delta) = sample();
    for len in 0..delta.len() {
        assert!(run(&delta[..len], &old, Direction::Forward).is_err(), "{len}");
    }
    let mut longer = delta;
    longer.push(0);
    assert_eq!(run(&longer, &old, Direction::Forward), Err(Error::Malformed(Problem::Length)));
}

#[test]
fn every_flipped_bit_is_survived() {
    let (old, new, delta) = sample();
    let mut bent = delta.clone();
    // All bits of the head and of the first block's own head, then one of each byte.
    for bit in (0..delta.len() * 8).filter(|bit| *bit < 48 * 8 || bit % 8 == bit / 8 % 8) {
        bent[bit / 8] ^= 1 << (bit % 8);
        let _ = run(&bent, &old, Direction::Forward);
        let _ = run(&bent, &new, Direction::Undo);
        bent[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn parts_that_overlap_or_overflow_are_refused() {
    let (_, _, delta) = sample();
    let patch = Patch::parse(&delta, delta.len() as u64).unwrap();
    let large = u64::MAX >> 8;
    for (shared, forward) in [(large, large), (patch.shared + 1, patch.forward), (0, large)] {
        let mut head = Vec::new();
        Patch { shared, forward, ..patch }.emit(&mut head);
        let whole = [&head[..], &delta[delta.len() / 2..]].concat();
        assert!(Patch::parse(&whole, whole.len() as u64).is_err());
    }
}

#[test]
fn a_huge_declared_size_reserves_nothing() {
    let mut delta = Vec::new();
    Patch { old_len: 4, new_len: 1 << 50, shared: 8, forward: 8, undo: None }.emit(&mut delta);
    delta.extend_from_slice(&[0x55; 16]);
    let most = heap(|| assert!(apply(&delta, Direction::Forward, b"1234", u64::MAX).is_err()));
    assert!(most < 8 << 20, "{most}");
    assert!(matches!(apply(&delta, Direction::Forward, b"1234", 1 << 20), Err(Error::Limit { .. })));
}

/// The most heap that applying and undoing hold for files of this length.
fn big(len: usize) -> isize {
    let small: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut changed = small.clone();
    for at in (0..changed.len()).step_by(50) {
        changed[at] ^= 0x10;
    }
    let old = small.repeat(len / small.len());
    let mut new = changed.repeat(len / small.len());
    // More literals than a repetition reaches.
    let mut state = 1u64;
    new.extend(
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(1_200_000),
    );
    let delta = diff(&old, &new, Options { undo: true }).unwrap();
    let mut most = 0;
    for (direction, source, target) in [(Direction::Forward, &old, &new), (Direction::Undo, &new, &old)] {
        most = most.max(heap(|| {
            let patch = Patch::parse(&delta, delta.len() as u64).unwrap();
            let mut machine = Apply::new(&patch, direction, source.len() as u64, u64::MAX).unwrap();
            let mut made = 0;
            loop {
                let (from, at, len) = match machine.poll().unwrap() {
                    Output::Patch { at, len } => (&delta, at as usize, len as usize),
                    Output::Source { at, len } => (source, at as usize, len as usize),
                    Output::Write(bytes) => {
                        assert!(bytes == &target[made..made + bytes.len()]);
                        made += bytes.len();
                        continue;
                    }
                    Output::Done => break,
                };
                machine.give(&from[at..at + len]).unwrap();
            }
        }));
    }
    most
}

#[test]
fn the_heap_of_applying_is_small_and_does_not_grow_with_the_files() {
    let (small, large) = (big(1_000_000), big(4_000_000));
    assert!(large < 8 << 20, "{large}");
    assert!(large < small + (1 << 20), "{small} {large}");
}
