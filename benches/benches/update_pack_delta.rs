//! Deltas beside qbsdiff, from memory to memory, on two files like machine code: 8 MiB, of which one address in three
//! moved. The table on real releases is made by `update_pack_delta/corpus.sh`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use update_pack::delta::build::{Options, diff};
use update_pack::delta::{Direction, apply};

/// Instructions, one in four of which holds a relative address.
fn code(len: usize, moved: impl Fn(u32) -> u32) -> Vec<u8> {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        let number = next();
        match number % 4 {
            0 => {
                out.push(0xe8);
                out.extend_from_slice(&moved((next() % 3_000_000) as u32).to_le_bytes());
            }
            kind => out.extend_from_slice(&number.to_le_bytes()[..kind as usize + 1]),
        }
    }
    out.truncate(len);
    out
}

fn deltas(criterion: &mut Criterion) {
    const LEN: usize = 8 << 20;
    let old = code(LEN, |to| to);
    let new = code(LEN, |to| if to > 2_000_000 { to + 0x140 } else { to });
    let delta = diff(&old, &new, Options { undo: true }).expect("below 2 GiB");
    let mut peer = Vec::new();
    qbsdiff::Bsdiff::new(&old, &new).compare(std::io::Cursor::new(&mut peer)).expect("memory");
    println!("ours, both ways: {} bytes; qbsdiff, one way: {} bytes", delta.len(), peer.len());

    let mut group = criterion.benchmark_group("delta apply");
    group.throughput(Throughput::Bytes(LEN as u64)).sample_size(10);
    group.bench_function("ours", |bencher| {
        bencher.iter(|| apply(black_box(&delta), Direction::Forward, black_box(&old), u64::MAX));
    });
    group.bench_function("ours, undo", |bencher| {
        bencher.iter(|| apply(black_box(&delta), Direction::Undo, black_box(&new), u64::MAX));
    });
    group.bench_function("qbsdiff", |bencher| {
        bencher.iter(|| {
            let patch = qbsdiff::Bspatch::new(black_box(&peer)).expect("its own patch");
            let mut made = Vec::with_capacity(LEN);
            patch.apply(black_box(&old), &mut made).map(|_| made)
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("delta build");
    group.throughput(Throughput::Bytes(LEN as u64)).sample_size(10);
    group.bench_function("ours", |bencher| {
        bencher.iter(|| diff(black_box(&old), black_box(&new), Options { undo: false }));
    });
    group.bench_function("qbsdiff", |bencher| {
        bencher.iter(|| {
            let mut made = Vec::new();
            qbsdiff::Bsdiff::new(black_box(&old), black_box(&new))
                .parallel_scheme(qbsdiff::ParallelScheme::Never)
                .compare(std::io::Cursor::new(&mut made))
                .map(|_| made)
        });
    });
    group.finish();
}

criterion_group!(benches, deltas);
criterion_main!(benches);
