//! Where entries live: `[flags][len][name...][value, u32 LE][route, u32 LE]`, one behind the other.
//!
//! The key of an entry is `(kind, scope, name)`: the scope of a path is the offset of its host's entry, kept as the first
//! four bytes of its name, so paths live in the same index as hosts.

use crate::number::index;
use alloc::vec::Vec;

/// What an entry names. The low four bits of its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind(pub(super) u8);

impl Kind {
    pub(super) const HTTP: Self = Self(1);
    pub(super) const HTTP_WILD: Self = Self(2);
    pub(super) const HTTP_PORT: Self = Self(3);
    pub(super) const HTTP_ANY: Self = Self(4);
    pub(super) const PATH: Self = Self(5);
    pub(super) const SNI: Self = Self(6);
    pub(super) const SNI_WILD: Self = Self(7);
    pub(super) const SNI_ANY: Self = Self(8);
    pub(super) const FTP: Self = Self(9);
    pub(super) const FTP_DOMAIN: Self = Self(10);
    pub(super) const FTP_ANY: Self = Self(11);
    pub(super) const POP3: Self = Self(12);
    pub(super) const POP3_DOMAIN: Self = Self(13);
    pub(super) const POP3_ANY: Self = Self(14);
    pub(super) const PORT: Self = Self(15);
}

const KIND: u8 = 0x0f;
/// The entry is a route of its own; without it, it only carries paths, or in an overlay says that there is none.
pub(super) const ROUTE: u8 = 0x10;
/// Paths hang under the entry; its value is the place of their stem.
pub(super) const PATHS: u8 = 0x20;
/// The matched prefix is removed.
pub(super) const STRIP: u8 = 0x40;

/// What an entry takes beside its name.
const FIXED: usize = 10;

/// One entry, read where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) at: u32,
    pub(super) flags: u8,
    /// The name; of a path, its scope and its prefix.
    pub(super) name: &'a [u8],
    /// The service, or the place of the stem.
    pub(super) value: u32,
    pub(super) route: u32,
}

impl<'a> Entry<'a> {
    pub(super) fn kind(&self) -> Kind {
        Kind(self.flags & KIND)
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The offset of the entry behind this one.
    pub(super) fn end(&self) -> u32 {
        let len = self.name.len().saturating_add(FIXED);
        self.at.saturating_add(u32::try_from(len).unwrap_or(u32::MAX))
    }

    /// The scope and the name within it.
    pub(super) fn split(&self) -> (u32, &'a [u8]) {
        if self.kind() == Kind::PATH
            && let Some((scope, name)) = self.name.split_first_chunk::<4>()
        {
            return (u32::from_le_bytes(*scope), name);
        }
        (0, self.name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arena(Vec<u8>);

impl Arena {
    /// The offset of the first entry. Offset 0 belongs to none, so that it can mean none.
    pub(super) const FIRST: u32 = 1;

    pub(super) fn new() -> Self {
        Self(Vec::from([0]))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// Writes an entry behind the others. `None` if the arena would pass 4 GiB or the name 255 bytes.
    pub(super) fn push(&mut self, flags: u8, scope: u32, name: &[u8], value: u32, route: u32) -> Option<u32> {
        let scoped = Kind(flags & KIND) == Kind::PATH;
        let len = u8::try_from(name.len().saturating_add(if scoped { 4 } else { 0 })).ok()?;
        let at = u32::try_from(self.0.len()).ok()?;
        at.checked_add(300)?;
        self.0.extend([flags, len]);
        if scoped {
            self.0.extend(scope.to_le_bytes());
        }
        self.0.extend_from_slice(name);
        self.0.extend(value.to_le_bytes());
        self.0.extend(route.to_le_bytes());
        Some(at)
    }

    /// Changes the flags and the value of an entry.
    pub(super) fn amend(&mut self, at: u32, flags: u8, value: u32) {
        let Some(entry) = self.entry(at) else { return };
        let start = index(at).saturating_add(2).saturating_add(entry.name.len());
        if let Some(byte) = self.0.get_mut(index(at)) {
            *byte |= flags;
        }
        if let Some(bytes) = self.0.get_mut(start..start.saturating_add(4)) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// The entry that begins at an offset.
    #[inline(always)]
    pub(super) fn entry(&self, at: u32) -> Option<Entry<'_>> {
        let [flags, len, rest @ ..] = self.0.get(index(at)..)? else { return None };
        let (name, rest) = rest.split_at_checked(usize::from(*len))?;
        let numbers = u64::from_le_bytes(*rest.first_chunk::<8>()?);
        let (value, route) = crate::number::halves(numbers);
        Some(Entry { at, flags: *flags, name, value, route })
    }

    /// The entries from one offset to another.
    pub(super) fn entries(&self, from: u32, to: u32) -> impl Iterator<Item = Entry<'_>> + use<'_> {
        let mut at = from;
        core::iter::from_fn(move || {
            let entry = self.entry(at).filter(|_| at < to)?;
            at = entry.end();
            Some(entry)
        })
    }
}
