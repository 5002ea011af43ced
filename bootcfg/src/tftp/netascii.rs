//! Text as lines end on the wire (RFC 764): LF as CR LF, CR as CR NUL.

use alloc::vec::Vec;

/// Appends `text` in netascii.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'\n' => out.extend_from_slice(b"\r\n"),
            b'\r' => out.extend_from_slice(b"\r\0"),
            other => out.push(*other),
        }
    }
}

/// The way back, across the borders of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Decoder {
    after_cr: bool,
}

impl Decoder {
    /// Appends what `bytes` means.
    pub(super) fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            match (core::mem::take(&mut self.after_cr), byte) {
                (true, b'\n') => out.push(b'\n'),
                (true, 0) => out.push(b'\r'),
                (after_cr, byte) => {
                    if after_cr {
                        // A bare CR is what it is.
                        out.push(b'\r');
                    }
                    if *byte == b'\r' {
                        self.after_cr = true;
                    } else {
                        out.push(*byte);
                    }
                }
            }
        }
    }

    /// Appends what the end of the file leaves over.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.after_cr) {
            out.push(b'\r');
        }
    }
}
