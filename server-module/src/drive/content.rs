//! What TFTP gives out: texts from memory, files read a little ahead.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::FileExt as _;

use bootcfg::tftp::Refusal;
use bootcfg::wire::tftp::FileName;
use bytes::Bytes;

/// How much of a file is read at once: many small blocks need one system call.
const AHEAD: usize = 16 * 1024;

/// Where files come from.
pub trait Content: Send + Sync + 'static {
    /// The content of `name` for the peer at this address. It is called on the loop: it must not wait for a network.
    fn open(&self, peer: IpAddr, name: &FileName) -> Result<Source, Refusal>;
}

/// The content of a file.
#[derive(Debug)]
pub enum Source {
    /// Rendered, in memory.
    Bytes(Bytes),
    /// An open file.
    File(File),
}

/// An open content, and the part of it that was read last.
#[derive(Debug)]
pub(super) struct Reader {
    source: Source,
    part: Vec<u8>,
    /// Where the part begins.
    at: u64,
}

impl Reader {
    pub(super) fn new(source: Source) -> Self {
        Self { source, part: Vec::new(), at: 0 }
    }

    pub(super) fn size(&self) -> Option<u64> {
        match &self.source {
            Source::Bytes(bytes) => u64::try_from(bytes.len()).ok(),
            Source::File(file) => file.metadata().ok().map(|metadata| metadata.len()),
        }
    }

    /// Reads up to `len` octets at `offset`; fewer are the end.
    pub(super) fn read(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let file = match &self.source {
            Source::Bytes(bytes) => return Ok(cut(bytes, offset, len)),
            Source::File(file) => file,
        };
        let inside = offset
            .checked_sub(self.at)
            .filter(|skip| skip.saturating_add(len as u64) <= self.part.len() as u64);
        if inside.is_none() {
            self.part.resize(len.max(AHEAD), 0);
            self.at = offset;
            let filled = fill(file, offset, &mut self.part);
            self.part.truncate(*filled.as_ref().unwrap_or(&0));
            filled?;
        }
        Ok(cut(&self.part, offset - self.at, len))
    }
}

fn cut(bytes: &[u8], offset: u64, len: usize) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    &bytes[start..bytes.len().min(start.saturating_add(len))]
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_file_reads_the_same_in_any_order() {
        let text: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&text).unwrap();
        let mut reader = Reader::new(Source::File(file));
        assert_eq!(reader.size(), Some(40_000));
        for (offset, len) in
            [(0, 512), (512, 512), (0, 512), (16_300, 512), (39_900, 512), (40_000, 512), (7, 20_000)]
        {
            let expected = &text[offset.min(40_000)..(offset + len).min(40_000)];
            assert_eq!(reader.read(offset as u64, len).unwrap(), expected, "{offset}");
        }
    }
}
