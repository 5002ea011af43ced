//! Rows' names: an index as arcs and back (RFC 2578 §7.7).

use alloc::{string::String, vec::Vec};
use core::net::Ipv4Addr;

use crate::wire::{Arcs, OidBuf};

/// Writes the arcs of an index.
#[derive(Debug, Default)]
pub struct IndexWriter {
    arcs: OidBuf,
    /// Whether the next part leaves its length out.
    implied: bool,
}

impl IndexWriter {
    /// Starts an index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one part.
    pub fn part<T: IndexType>(&mut self, part: &T) -> &mut Self {
        self.implied = false;
        part.write_index(self);
        self
    }

    /// Appends the last part without its length, as IMPLIED says.
    pub fn implied<T: IndexType>(&mut self, part: &T) -> &mut Self {
        self.implied = true;
        part.write_index(self);
        self
    }

    /// Appends one arc.
    pub fn arc(&mut self, arc: u32) {
        self.arcs.push(arc);
    }

    /// Appends the length of a part of varying size, unless it is implied.
    pub fn length(&mut self, length: usize) {
        if !self.implied {
            self.arcs.push(u32::try_from(length).unwrap_or(u32::MAX));
        }
    }

    /// The encoded arcs.
    pub fn as_bytes(&self) -> &[u8] {
        self.arcs.as_oid().as_bytes()
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.arcs.truncate(0);
    }
}

/// Reads an index from the arcs of a name.
#[derive(Clone, Copy, Debug)]
pub struct IndexReader<'a> {
    arcs: Arcs<'a>,
    implied: bool,
}

impl<'a> IndexReader<'a> {
    /// Starts at the first arc of the index.
    pub const fn new(arcs: Arcs<'a>) -> Self {
        Self { arcs, implied: false }
    }

    /// Takes one part; `None` where the arcs do not spell one.
    pub fn part<T: IndexType>(&mut self) -> Option<T> {
        self.implied = false;
        T::read_index(self)
    }

    /// Takes the last part, whose length is implied.
    pub fn implied<T: IndexType>(&mut self) -> Option<T> {
        self.implied = true;
        T::read_index(self)
    }

    /// Takes one arc.
    pub fn arc(&mut self) -> Option<u32> {
        self.arcs.next()
    }

    /// Takes the length of a part of varying size: what stands there, or all that is left where it is implied.
    pub fn length(&mut self) -> Option<usize> {
        if self.implied {
            return Some(self.arcs.count());
        }
        self.arcs.next().and_then(|n| usize::try_from(n).ok())
    }

    /// Takes `count` arcs of one octet each.
    pub fn octets(&mut self, count: usize) -> Option<Vec<u8>> {
        // Every arc takes at least one byte, so a length that lies is found before anything is allocated.
        if count > self.arcs.as_bytes().len() {
            return None;
        }
        (0..count).map(|_| self.arcs.next().and_then(|arc| u8::try_from(arc).ok())).collect()
    }

    /// Tells whether every arc was taken.
    pub const fn is_empty(&self) -> bool {
        self.arcs.is_empty()
    }
}

/// A type that can be part of an index.
pub trait IndexType: Sized {
    /// Appends the arcs of this part.
    fn write_index(&self, out: &mut IndexWriter);

    /// Takes a part; `None` where the arcs do not spell one.
    fn read_index(from: &mut IndexReader<'_>) -> Option<Self>;
}

impl IndexType for u32 {
    fn write_index(&self, out: &mut IndexWriter) {
        out.arc(*self);
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        from.arc()
    }
}

impl IndexType for i32 {
    /// A negative number cannot be part of an index (RFC 2578 §7.7); it is written as 0.
    fn write_index(&self, out: &mut IndexWriter) {
        out.arc(u32::try_from(*self).unwrap_or(0));
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        from.arc().and_then(|arc| Self::try_from(arc).ok())
    }
}

impl IndexType for Ipv4Addr {
    fn write_index(&self, out: &mut IndexWriter) {
        self.octets().iter().for_each(|octet| out.arc(u32::from(*octet)));
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        <[u8; 4]>::try_from(from.octets(4)?).ok().map(Self::from)
    }
}

impl<const N: usize> IndexType for [u8; N] {
    /// A string of fixed size carries no length.
    fn write_index(&self, out: &mut IndexWriter) {
        self.iter().for_each(|octet| out.arc(u32::from(*octet)));
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        Self::try_from(from.octets(N)?).ok()
    }
}

impl IndexType for Vec<u8> {
    fn write_index(&self, out: &mut IndexWriter) {
        out.length(self.len());
        self.iter().for_each(|octet| out.arc(u32::from(*octet)));
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        let length = from.length()?;
        from.octets(length)
    }
}

impl IndexType for String {
    fn write_index(&self, out: &mut IndexWriter) {
        out.length(self.len());
        self.bytes().for_each(|octet| out.arc(u32::from(octet)));
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        Self::from_utf8(Vec::read_index(from)?).ok()
    }
}

impl IndexType for OidBuf {
    fn write_index(&self, out: &mut IndexWriter) {
        out.length(self.as_oid().arcs().count());
        self.as_oid().arcs().for_each(|arc| out.arc(arc));
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        let length = from.length()?;
        // BER has no identifier of a single arc, so no row has one as its index.
        if length == 1 || length > crate::wire::MAX_ARCS {
            return None;
        }
        let arcs: Option<Vec<u32>> = (0..length).map(|_| from.arc()).collect();
        Self::from_arcs(&arcs?).ok()
    }
}
