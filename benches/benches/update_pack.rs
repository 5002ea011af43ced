//! Verification beside plain SHA-256, and apply on a file system in memory.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use update_pack::Limits;
use update_pack::build::{self, build};
use update_pack::tree::{Mode, Node, Path, Side, Tree};
use update_pack::trust::{SigningKey, Trust};
use update_pack::verify::Reader;
use update_pack::wire::digest;

/// Bytes that no compressor makes smaller, so that what is verified is as long as what was put in.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn package(content: &[u8]) -> (Vec<u8>, Trust) {
    let mode = Mode::new(0o644).unwrap();
    let before = Tree::new(Mode::new(0o755).unwrap());
    let mut after = before.clone();
    let node = Node::File { mode, size: content.len() as u64, digest: digest(content) };
    after.insert(Path::new(b"content").unwrap(), node).unwrap();
    let key = SigningKey::new(&[7; 32]);
    let contents = |_: Side, _: &Path| Ok::<_, ()>(content.to_vec());
    let config = build::Config { level: 1, ..Default::default() };
    (build(&config, &before, &after, contents, &[key.clone()]).unwrap(), Trust::one(key.public()))
}

fn read(package: &[u8], trust: &Trust) -> bool {
    let mut reader = Reader::new(Limits::default(), trust.clone());
    while let Some(need) = reader.need() {
        let start = (need.offset as usize).min(package.len());
        let end = (start + need.len as usize).min(package.len());
        reader.feed(&package[start..end]).unwrap();
    }
    reader.finish().is_some()
}

fn verify(c: &mut Criterion) {
    let (package, trust) = package(&noise(32 << 20));
    let mut group = c.benchmark_group("update_pack/verify 32 MiB");
    group.sample_size(10).throughput(Throughput::Bytes(package.len() as u64));
    group.bench_function("sha2, plain", |b| b.iter(|| black_box(Sha256::digest(black_box(&package)))));
    group.bench_function("update-pack", |b| b.iter(|| assert!(read(black_box(&package), &trust))));
    group.finish();
}

fn root(c: &mut Criterion) {
    let (package, trust) = package(b"");
    c.bench_function("update_pack/verify the smallest package", |b| b.iter(|| assert!(read(&package, &trust))));
}

criterion_group!(benches, verify, root);
criterion_main!(benches);
