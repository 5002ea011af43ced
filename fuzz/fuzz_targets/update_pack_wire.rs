//! Whatever parses is written back as it was; nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use update_pack::Limits;
use update_pack::engine::{Installed, Record};
use update_pack::trust::{Keyset, PublicKey, Rotation, SigningKey, Trust};
use update_pack::verify::Reader;
use update_pack::wire::{FrameHead, Header, Manifest, Root, Signatures};

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 9 {
        0 => {
            if let Ok(root) = Root::parse(bytes) {
                assert_eq!(root.emit(), bytes);
            }
        }
        1 => {
            if let Ok(manifest) = Manifest::parse(bytes) {
                assert_eq!(manifest.emit(), bytes);
                let plan = update_pack::engine::Plan::new(manifest);
                let _ = plan.summary();
                plan.explain().for_each(|change| drop(change.to_string()));
            }
        }
        2 => {
            if let Ok(header) = Header::parse(bytes) {
                assert_eq!(&header.emit()[..], bytes);
            }
        }
        3 => {
            if let Some((count, list)) = bytes.split_first()
                && let Ok(signatures) = Signatures::parse(*count, list)
            {
                assert_eq!(signatures.emit(), bytes);
            }
        }
        4 => {
            if let Ok(head) = FrameHead::parse(bytes) {
                let mut out = Vec::new();
                head.emit(&mut out);
                assert_eq!(out, bytes);
            }
        }
        5 => {
            // A record's digest is not secret: a fuzzer that had to guess it would stop there.
            let sealed = [bytes, &update_pack::wire::digest(bytes).0].concat();
            if let Ok(record) = Record::parse(&sealed) {
                let _ = record.emit();
            }
            if let Ok(installed) = Installed::parse(&sealed) {
                assert_eq!(installed.emit(), sealed);
            }
        }
        8 => {
            if let Ok(records) = Rotation::parse_all(bytes) {
                let mut out = Vec::new();
                records.iter().for_each(|record| record.emit(&mut out));
                assert_eq!(out, bytes);
            }
            let _ = Keyset::open(bytes);
        }
        6 => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                let _ = PublicKey::from_pem(text);
                let _ = SigningKey::from_pem(text);
            }
        }
        _ => whole(bytes),
    }
});

/// A root as the fuzzer wants it, signed by a key that is trusted, and whatever follows.
fn whole(bytes: &[u8]) {
    let Some((len, bytes)) = bytes.split_first() else { return };
    let (root, rest) = bytes.split_at(bytes.len().min(usize::from(*len) * 4));
    let key = SigningKey::new(&[7; 32]);
    let header = Header::release(root.len() as u32).emit();
    let signatures = Signatures::new(vec![key.sign(&header, root)]).unwrap().emit();
    let file = [&header[..], root, &signatures, rest].concat();
    let mut reader = Reader::new(Limits::default(), Trust::one(key.public()));
    while let Some(need) = reader.need() {
        let start = usize::try_from(need.offset).unwrap_or(usize::MAX).min(file.len());
        let end = start.saturating_add(need.len as usize).min(file.len());
        if reader.feed(&file[start..end]).is_err() {
            return;
        }
    }
}
