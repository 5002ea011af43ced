//! The payload under its hashes: group table, leaf tables, leaves.

use alloc::vec::Vec;

use super::{Layout, Need, Verified};
use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::{GROUP, GROUP_LEAVES, LEAF, digest};

/// Walks through a stretch of the payload, checking each leaf table against the group table and each leaf against
/// its table. Holds one leaf table of 4 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaves {
    layout: Layout,
    /// Payload offset of the leaf that comes next.
    at: u64,
    /// Payload offset where to stop.
    end: u64,
    /// The leaf table of the group in which `at` lies, once read.
    table: Vec<u8>,
}

impl Leaves {
    /// Walks from the leaf that holds payload offset `from` to the one that holds the byte before `to`.
    pub fn new(layout: Layout, from: u64, to: u64) -> Self {
        let leaf = u64::from(LEAF);
        let at = from.saturating_sub(from.checked_rem(leaf).unwrap_or(0));
        Self { layout, at, end: to.min(layout.payload_len), table: Vec::new() }
    }

    /// The payload offset of the leaf that comes next.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// What to feed next; `None` at the end.
    pub fn need(&self) -> Option<Need> {
        if self.at >= self.end {
            return None;
        }
        let (group, within) = self.position();
        let start = self.layout.group_offset(group);
        let table_len = self.layout.table_len(group);
        if self.table.is_empty() {
            return Some(Need { offset: start, len: table_len });
        }
        let offset = start.saturating_add(u64::from(table_len)).saturating_add(within);
        Some(Need { offset, len: self.leaf_len() })
    }

    /// Takes the bytes that [`need`](Self::need) asked for, and gives back those of a leaf. `groups` is the table
    /// of group hashes.
    ///
    /// # Errors
    /// [`Problem::Digest`] when they are not what the root vouches for.
    pub fn feed<'a>(&mut self, groups: &[u8], bytes: &'a [u8]) -> Result<Option<Verified<'a>>, Error> {
        let (group, within) = self.position();
        let part = if self.table.is_empty() { Part::Leaves } else { Part::Payload };
        let broken = |problem| Malformed { part, offset: self.at, problem };
        if Some(bytes.len()) != self.need().and_then(|need| usize::try_from(need.len).ok()) {
            return Err(broken(Problem::Truncated).into());
        }
        let (table, index) = if self.table.is_empty() {
            (groups, self.layout.first_group.saturating_add(group))
        } else {
            (self.table.as_slice(), within.checked_div(u64::from(LEAF)).unwrap_or(0))
        };
        let at = usize::try_from(index).unwrap_or(usize::MAX).saturating_mul(32);
        if table.get(at..at.saturating_add(32)) != Some(&digest(bytes).0[..]) {
            return Err(broken(Problem::Digest).into());
        }
        if self.table.is_empty() {
            self.table = bytes.to_vec();
            return Ok(None);
        }
        self.at = self.at.saturating_add(u64::from(self.leaf_len()));
        if self.position().1 == 0 {
            self.table.clear();
        }
        Ok(Some(Verified(bytes)))
    }

    /// The group in which `at` lies, and the offset in it.
    fn position(&self) -> (u64, u64) {
        let group = u64::from(GROUP);
        (self.at.checked_div(group).unwrap_or(0), self.at.checked_rem(group).unwrap_or(0))
    }

    fn leaf_len(&self) -> u32 {
        let left = self.layout.payload_len.saturating_sub(self.at);
        u32::try_from(left.min(u64::from(LEAF))).unwrap_or(LEAF)
    }
}

impl Layout {
    /// Bytes of the leaf table of a group.
    fn table_len(&self, group: u64) -> u32 {
        let left = self.payload_len.saturating_sub(group.saturating_mul(u64::from(GROUP)));
        let leaves = left.div_ceil(u64::from(LEAF)).min(u64::from(GROUP_LEAVES));
        u32::try_from(leaves).unwrap_or(GROUP_LEAVES).saturating_mul(32)
    }

    /// File offset of a group: those before it are whole.
    fn group_offset(&self, group: u64) -> u64 {
        let whole = u64::from(GROUP).saturating_add(u64::from(GROUP_LEAVES).saturating_mul(32));
        self.payload_offset.saturating_add(group.saturating_mul(whole))
    }
}

/// The table of group hashes and the leaf tables of a payload, for those who build.
#[cfg(feature = "build")]
pub(crate) fn hash_payload(payload: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut groups = Vec::new();
    let mut tables = Vec::new();
    for group in payload.chunks(usize::try_from(GROUP).unwrap_or(usize::MAX)) {
        let leaf = usize::try_from(LEAF).unwrap_or(usize::MAX);
        let table: Vec<u8> = group.chunks(leaf).flat_map(|leaf| digest(leaf).0).collect();
        let hash = digest(&table).0;
        groups.extend_from_slice(&hash);
        tables.push(table);
    }
    (groups, tables)
}
