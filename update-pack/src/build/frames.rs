//! Cuts content into frames and compresses them.

use alloc::vec::Vec;

use crate::wire::{Encoding, FrameHead};

/// The compressor failed.
pub(super) struct Failed;

/// Content as frames of `raw` bytes, each compressed if that makes it smaller.
pub(super) fn frames(content: &[u8], level: i32, raw: u32) -> Result<Vec<u8>, Failed> {
    let mut out = Vec::new();
    let raw = usize::try_from(raw.clamp(64 << 10, 4 << 20)).map_err(|_| Failed)?;
    for frame in content.chunks(raw) {
        let packed = zstd::bulk::compress(frame, level).map_err(|_| Failed)?;
        let (encoding, stored) = if packed.len() < frame.len() {
            (Encoding::ZSTD, packed.as_slice())
        } else {
            (Encoding::STORED, frame)
        };
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| Failed);
        FrameHead { encoding, stored_len: len(stored)?, raw_len: len(frame)? }.emit(&mut out);
        out.extend_from_slice(stored);
    }
    Ok(out)
}
