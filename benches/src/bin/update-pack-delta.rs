//! Measures deltas on pairs of files, beside the figures of other tools: see `update_pack_delta/corpus.sh`.
//!
//! `update-pack-delta DIR...`: each directory holds `old`, `new`, and what the script measured in `peers`, lines of
//! `name number`. Times are processor time, so that a busy machine does not change what they say.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use update_pack::delta::build::{Options, diff};
use update_pack::delta::{Apply, Direction, Output, Patch};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(HELD.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        MOST.fetch_max(HELD.fetch_add(size, Relaxed) + size - layout.size(), Relaxed);
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most heap that `work` holds beyond what was held before.
fn heap<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Relaxed);
    MOST.store(before, Relaxed);
    let made = work();
    (made, MOST.load(Relaxed) - before)
}

/// Processor time of this process and of the programs it ran, in seconds.
fn spent() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .skip(1)
        .map_while(|f| f.parse().ok())
        .collect();
    ((fields[10] + fields[11]) / 100.0, (fields[12] + fields[13]) / 100.0)
}

/// Seconds of one run of `work`, by `which` clock, over half a second of runs.
fn time(which: impl Fn((f64, f64)) -> f64, mut work: impl FnMut()) -> f64 {
    let start = which(spent());
    let mut runs = 0.0;
    loop {
        work();
        runs += 1.0;
        let took = which(spent()) - start;
        if took >= 0.5 {
            return took / runs;
        }
    }
}

/// Applies from memory to memory, without checking and without allocating for what is made.
fn apply(delta: &[u8], direction: Direction, source: &[u8], made: &mut Vec<u8>) {
    made.clear();
    let patch = Patch::parse(delta, delta.len() as u64).expect("our own delta");
    let mut machine = Apply::new(&patch, direction, source.len() as u64, u64::MAX).expect("our own delta");
    loop {
        let (from, at, len) = match machine.poll().expect("our own delta") {
            Output::Patch { at, len } => (delta, at as usize, len as usize),
            Output::Source { at, len } => (source, at as usize, len as usize),
            Output::Write(bytes) => {
                made.extend_from_slice(bytes);
                continue;
            }
            Output::Done => return,
        };
        machine.give(&from[at..at + len]).expect("what was asked for");
    }
}

fn main() {
    println!(
        "| pair | new | bsdiff | xdelta3 -9 | zstd -19 | ours | /bsdiff | /zstd | /xdelta3 | both ways | /(there + back) | undo/backup | apply ms | x bspatch | heap KiB | build s | /bsdiff | memory/(old+new) |"
    );
    println!("|{}", "---|".repeat(18));
    let mut sums: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
    for dir in std::env::args().skip(1) {
        let dir = Path::new(&dir);
        let read = |name: &str| {
            std::fs::read(dir.join(name)).unwrap_or_else(|error| panic!("{dir:?}/{name}: {error}"))
        };
        let (old, new) = (read("old"), read("new"));
        let peers = String::from_utf8(read("peers")).expect("text");
        let peer = |name: &str| -> f64 {
            let line = peers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|number| number.trim().parse().ok()).unwrap_or(f64::NAN)
        };

        let start = spent().0;
        let (forward, memory) = heap(|| diff(&old, &new, Options { undo: false }).expect("below 2 GiB"));
        let build = spent().0 - start;
        let both = diff(&old, &new, Options { undo: true }).expect("below 2 GiB");
        let back = diff(&new, &old, Options { undo: false }).expect("below 2 GiB");
        let undo = Patch::parse(&both, both.len() as u64).expect("our own delta").undo.unwrap_or(0);

        let mut made = Vec::with_capacity(old.len().max(new.len()));
        let ((), most) = heap(|| apply(&both, Direction::Undo, &new, &mut made));
        assert!(made == old, "undo of {dir:?}");
        let ((), other) = heap(|| apply(&forward, Direction::Forward, &old, &mut made));
        let most = most.max(other);
        assert!(made == new, "apply of {dir:?}");
        let ours = time(|(own, _)| own, || apply(&forward, Direction::Forward, &old, &mut made));
        let bspatch = time(
            |(_, others)| others,
            || {
                let paths = [dir.join("old"), dir.join("out"), dir.join("bsdiff")];
                assert!(Command::new("bspatch").args(paths).status().expect("bspatch").success());
            },
        );
        let _ = std::fs::remove_file(dir.join("out"));

        let size = forward.len() as f64;
        let row = [
            ("/bsdiff", size / peer("bsdiff")),
            ("/zstd", size / peer("zstd")),
            ("/xdelta3", size / peer("xdelta3")),
            ("/(there + back)", both.len() as f64 / (size + back.len() as f64)),
            ("undo/backup", undo as f64 / peer("backup")),
            ("x bspatch", bspatch / ours),
            ("build/bsdiff", build / peer("bsdiff_seconds")),
            ("memory/(old+new)", (memory + old.len() + new.len()) as f64 / (old.len() + new.len()) as f64),
            ("heap KiB", most as f64 / 1024.0),
        ];
        for (name, value) in row {
            let (logs, count, worst) = sums.entry(name).or_default();
            *logs += value.ln();
            *count += 1.0;
            *worst = if name == "x bspatch" && *count > 1.0 { worst.min(value) } else { worst.max(value) };
        }
        let of =
            |name: &str| row.iter().find(|(other, _)| *other == name).map_or(f64::NAN, |(_, value)| *value);
        println!(
            "| {} | {} | {} | {} | {} | {} | {:.3} | {:.3} | {:.3} | {} | {:.3} | {:.4} | {:.1} | {:.1} | {:.0} | {:.2} | {:.3} | {:.2} |",
            dir.file_name().unwrap_or_default().to_string_lossy(),
            new.len(),
            peer("bsdiff"),
            peer("xdelta3"),
            peer("zstd"),
            forward.len(),
            of("/bsdiff"),
            of("/zstd"),
            of("/xdelta3"),
            both.len(),
            of("/(there + back)"),
            of("undo/backup"),
            ours * 1e3,
            of("x bspatch"),
            of("heap KiB"),
            build,
            of("build/bsdiff"),
            of("memory/(old+new)"),
        );
    }
    println!();
    for (name, (logs, count, worst)) in sums {
        println!("{name}: geomean {:.3}, worst {worst:.3}", (logs / count).exp());
    }
}
