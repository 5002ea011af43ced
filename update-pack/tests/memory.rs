//! What an apply holds in memory, counted by the allocator: it depends on the limits, not on the package.
// Counting is the one thing that cannot be done without an allocator of one's own.
#![allow(missing_docs, unsafe_code)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::apply;
use update_pack::build::{self, build};
use update_pack::engine::{Answer, Effect, Event, Failure, Input, Meta, Output, Time};
use update_pack::tree::{Kind, Mode, Node, Path, Side, Tree};
use update_pack::wire::digest;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes in which every 4 KiB differ, and half of which a compressor can do without.
fn content(len: usize, version: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let changed = if state.is_multiple_of(509) { version } else { 0 };
        bytes.extend_from_slice(&(state ^ changed).to_le_bytes()[..4]);
        bytes.extend_from_slice(b"....");
    }
    bytes.truncate(len);
    bytes
}

/// Applies a package from one file to another, with the contents lent by the test, and says what the engine held.
fn peak(old: &[u8], new: &[u8]) -> usize {
    let mode = |bits| Mode::new(bits).unwrap();
    let tree = |bytes: &[u8]| {
        let mut tree = Tree::new(mode(0o755));
        let node = Node::File { mode: mode(0o644), size: bytes.len() as u64, digest: digest(bytes) };
        tree.insert(Path::new(b"f").unwrap(), node).unwrap();
        tree
    };
    let contents =
        |side, _: &Path| Ok::<_, ()>(if side == Side::Before { old.to_vec() } else { new.to_vec() });
    let config = build::Config { level: 1, ..Default::default() };
    let package = build(&config, &tree(old), &tree(new), contents, &[common::key()]).unwrap();
    let meta = |kind, size: usize| Meta {
        kind,
        mode: mode(if kind == Kind::Dir { 0o755 } else { 0o644 }),
        size: size as u64,
        inode: 1,
        links: 1,
        modified: Time::default(),
    };
    let base = HELD.load(Ordering::Relaxed);
    PEAK.store(base, Ordering::Relaxed);
    let mut engine = apply();
    let mut switched = false;
    loop {
        let (id, effect) = match engine.poll_output() {
            Some(Output::Event(Event::Finished(outcome))) => {
                panic!("it ended before the switch: {outcome:?}");
            }
            Some(Output::Event(_)) => continue,
            Some(Output::Storage { id, effect }) => (id, effect),
            None => panic!("waits for nothing"),
        };
        let range = |bytes: &'_ [u8], offset: u64, len: u32| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            start..start.saturating_add(len as usize).min(bytes.len())
        };
        let answer = match effect {
            Effect::ReadPackage { offset, len } => Answer::Bytes(&package[range(&package, *offset, *len)]),
            // What was staged is what should have been staged: its digest is not what is tested here.
            Effect::Read { place, offset, len } if place.to_bytes() == b"f" => {
                Answer::Bytes(&old[range(old, *offset, *len)])
            }
            Effect::Read { offset, len, .. } => Answer::Bytes(&new[range(new, *offset, *len)]),
            Effect::Stat { place } if place.to_bytes().is_empty() => Answer::Meta(meta(Kind::Dir, 0)),
            Effect::Stat { .. } => {
                Answer::Meta(meta(Kind::File, if switched { new.len() } else { old.len() }))
            }
            Effect::List { place } if place.to_bytes().is_empty() => Answer::Names(&[b"f"]),
            Effect::List { .. } => {
                let input = Input::Failed { id, failure: Failure::NotFound };
                engine.handle(std::time::Duration::ZERO, input).unwrap();
                continue;
            }
            Effect::Rename { to, .. } => {
                switched |= to.to_bytes() == b"f";
                Answer::Done
            }
            _ => Answer::Done,
        };
        engine.handle(std::time::Duration::ZERO, Input::Done { id, answer }).unwrap();
        // Nothing of the engine's state is kept by this disk: after the switch, there is no more to see.
        if switched && engine.stats().barriers >= 3 {
            break;
        }
    }
    PEAK.load(Ordering::Relaxed) - base
}

/// The heap of an apply of content whole and by delta, for files of 8 MiB and of more.
fn stays_flat(large: usize) {
    for (what, delta) in [("whole", false), ("delta", true)] {
        let of = |len| {
            let old = if delta { content(len, 0) } else { vec![] };
            peak(&old, &content(len, 0x0101_0101))
        };
        let (small, large_peak) = (of(8 << 20), of(large));
        println!(
            "{what}: {} KiB of heap for 8 MiB, {} KiB for {} MiB",
            small >> 10,
            large_peak >> 10,
            large >> 20
        );
        assert!(large_peak <= 8 << 20, "{what}: {large_peak} bytes");
        // A delta's models are made when they are first used: a larger file uses a few more of them.
        assert!(
            large_peak <= small + small / 20 + (64 << 10),
            "{what} grows with the package: {small} and {large_peak}"
        );
    }
}

#[test]
fn an_apply_holds_at_most_8_mib_whatever_the_package() {
    stays_flat(64 << 20);
}

/// `cargo test --release -p update-pack --test memory -- --ignored --nocapture`; wants 8 GB of memory to build.
#[test]
#[ignore = "takes minutes and 8 GB of memory"]
fn an_apply_of_a_gigabyte_holds_as_little() {
    stays_flat(1 << 30);
}
