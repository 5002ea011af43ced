//! Puts instructions, differences and literals into frames, and compresses them.

use alloc::vec::Vec;

use crate::wire::{Encoding, FrameHead, put_varint};

/// Frames under construction.
pub(super) struct Frames {
    level: i32,
    /// Raw bytes that a frame holds at most.
    cap: usize,
    control: Vec<u8>,
    diff: Vec<u8>,
    literals: Vec<u8>,
    /// Literals that no instruction speaks of yet.
    run: usize,
    out: Vec<u8>,
}

/// The compressor failed.
pub(super) struct Failed;

/// What a frame needs beside its literals: two lengths and an instruction.
const OVERHEAD: usize = 64;

impl Frames {
    pub(super) fn new(level: i32, cap: u32) -> Self {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        Self {
            level,
            cap,
            control: Vec::new(),
            diff: Vec::new(),
            literals: Vec::new(),
            run: 0,
            out: Vec::new(),
        }
    }

    pub(super) fn literal(&mut self, mut bytes: &[u8]) -> Result<(), Failed> {
        while !bytes.is_empty() {
            let used = self.control.len().saturating_add(self.diff.len()).saturating_add(self.literals.len());
            let room = self.cap.saturating_sub(OVERHEAD).saturating_sub(used);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.literals.extend_from_slice(now);
            self.run = self.run.saturating_add(now.len());
            bytes = later;
            if !bytes.is_empty() {
                self.flush()?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, Failed> {
        self.flush()?;
        Ok(self.out)
    }

    fn end_run(&mut self) {
        if self.run > 0 {
            put_varint(&mut self.control, wide(self.run) << 1);
            self.run = 0;
        }
    }

    fn flush(&mut self) -> Result<(), Failed> {
        self.end_run();
        if self.control.is_empty() {
            return Ok(());
        }
        let mut raw = Vec::new();
        put_varint(&mut raw, wide(self.control.len()));
        put_varint(&mut raw, wide(self.diff.len()));
        raw.append(&mut self.control);
        raw.append(&mut self.diff);
        raw.append(&mut self.literals);
        let packed = zstd::bulk::compress(&raw, self.level).map_err(|_| Failed)?;
        let (encoding, stored) =
            if packed.len() < raw.len() { (Encoding::ZSTD, &packed) } else { (Encoding::STORED, &raw) };
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| Failed);
        FrameHead { encoding, stored_len: len(stored)?, raw_len: len(&raw)? }.emit(&mut self.out);
        self.out.extend_from_slice(stored);
        Ok(())
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
