//! A stretch of a stream's content, read through its hashes and, where it is encrypted, its key.

use alloc::borrow::Cow;

use super::{Layout, Leaves, Need};
use crate::error::Error;
use crate::seal::{ROOM, StreamKey, TAG_LEN};
use crate::wire::LEAF;

/// Reads a range of a stream's content, to the byte. Holds one leaf table of 4 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    leaves: Leaves,
    key: Option<StreamKey>,
    from: u64,
    to: u64,
}

impl Stretch {
    /// The content from offset `from` to before `to`, of a stream that is encrypted under `key`, if under any.
    pub fn new(layout: Layout, key: Option<StreamKey>, from: u64, to: u64) -> Self {
        let room = room(key.is_some());
        let first = from.checked_div(room).unwrap_or(0);
        let behind = if to > from { to.div_ceil(room) } else { first };
        let stored = |leaf: u64| leaf.saturating_mul(u64::from(LEAF));
        Self { leaves: Leaves::new(layout, stored(first), stored(behind)), key, from, to }
    }

    /// What to feed next; `None` at the end.
    pub fn need(&self) -> Option<Need> {
        self.leaves.need()
    }

    /// Takes the bytes that [`need`](Self::need) asked for, and gives back the content in them that was asked for.
    ///
    /// # Errors
    /// [`Error::Malformed`] when they are not what the root vouches for, [`Error::Sealed`] when the key is another.
    pub fn feed<'a>(&mut self, groups: &[u8], bytes: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Error> {
        let leaf = self.leaves.offset().checked_div(u64::from(LEAF)).unwrap_or(0);
        let Some(verified) = self.leaves.feed(groups, bytes)? else { return Ok(None) };
        let at = leaf.saturating_mul(room(self.key.is_some()));
        let wanted = |len: usize| {
            let within =
                |offset: u64| usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX).min(len);
            within(self.from)..within(self.to)
        };
        let Some(key) = &self.key else {
            let bytes = verified.bytes();
            return Ok(bytes.get(wanted(bytes.len())).map(Cow::Borrowed));
        };
        let mut content = key.open(leaf, verified.bytes()).ok_or(Error::Sealed)?;
        let wanted = wanted(content.len());
        content.truncate(wanted.end);
        content.drain(..wanted.start);
        Ok(Some(Cow::Owned(content)))
    }
}

impl Layout {
    /// Bytes of content in a stream of that layout.
    pub fn content_len(&self, sealed: bool) -> u64 {
        let leaves = self.payload_len.div_ceil(u64::from(LEAF));
        let tags = if sealed { leaves.saturating_mul(u64::from(TAG_LEN)) } else { 0 };
        self.payload_len.saturating_sub(tags)
    }
}

/// Content in a leaf.
fn room(sealed: bool) -> u64 {
    u64::from(if sealed { ROOM } else { LEAF })
}
