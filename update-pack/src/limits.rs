//! How much a reader is prepared to hold.

/// How much of a package this reader holds in memory. What is larger is refused before it is read.
///
/// The worst case of an engine is `root + text + 3 * manifest + groups + 3 * frame + 1 MiB`: the manifest as bytes, as
/// entries and as the journal's record; a frame as stored, as decompressed and as the decompressor's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the root.
    pub root: u32,
    /// Bytes of the descriptive text.
    pub text: u32,
    /// Bytes of the manifest of a leg.
    pub manifest: u32,
    /// Bytes of the table of group hashes: 32 for every 8 MiB of payload.
    pub groups: u32,
    /// Bytes of a payload frame, stored or decompressed.
    pub frame: u32,
    /// Signatures.
    pub signatures: u8,
}

impl Default for Limits {
    /// 64 KiB of root, 64 KiB of text, 16 MiB of manifest, 4 MiB of group hashes (a terabyte of payload), frames of 4 MiB, 32
    /// signatures.
    fn default() -> Self {
        Self {
            root: 64 << 10,
            text: 64 << 10,
            manifest: 16 << 20,
            groups: 4 << 20,
            frame: 4 << 20,
            signatures: 32,
        }
    }
}
