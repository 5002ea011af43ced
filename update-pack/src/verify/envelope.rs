//! Everything of a package but its payload, and where the payload stands.

use alloc::string::String;
use alloc::vec::Vec;

use super::reader::{Need, check};
use crate::error::{Error, Part};
use crate::seal::{ProfileKey, StreamKey};
use crate::trust::PublicKey;
use crate::wire::{Digest, END_LEN, Leg, Manifest, Role, Root, Seal, Stream};

/// Where a stream of the payload stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Layout {
    /// File offset of its first leaf table.
    pub payload_offset: u64,
    /// Its stored bytes, leaf tables not counted.
    pub payload_len: u64,
    /// Its first hash group, as an index into the group table.
    pub first_group: u64,
}

/// Everything of a verified package except its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The digest by which it is known.
    pub id: Digest,
    /// The root.
    pub root: Root,
    /// The role in which it is signed.
    pub role: Role,
    /// Which trusted keys have signed.
    pub signers: Vec<PublicKey>,
    /// The rotations of keys that it carries, which whoever trusts a set of keys should keep once it is installed.
    pub rotations: Vec<u8>,
    /// The descriptive text, if the file has it still.
    pub text: Option<String>,
    /// The leg that was read for, as an index.
    pub leg: usize,
    /// Both trees of that leg, and its terms.
    pub manifest: Manifest,
    /// The table of group hashes.
    pub groups: Vec<u8>,
    /// File offset of the first manifest.
    pub manifests_at: u64,
    /// Where each stream stands.
    pub layouts: Vec<Layout>,
    /// Length of the whole file.
    pub total: u64,
}

impl Envelope {
    /// The version that the leg starts from; empty when nothing is installed there.
    pub fn from_version(&self) -> &str {
        self.leg().map_or("", |leg| &leg.from)
    }

    /// The version that the leg arrives at.
    pub fn to_version(&self) -> &str {
        self.leg().map_or("", |leg| &leg.to)
    }

    /// The stream that brings the leg's content, and where it stands.
    pub fn stream(&self) -> Option<(Stream, Layout)> {
        let stream = self.leg()?.stream?;
        Some((*self.root.payload.streams.get(stream)?, *self.layouts.get(stream)?))
    }

    /// The key of the leg's stream, if it is encrypted.
    ///
    /// # Errors
    /// [`Error::Sealed`] when none of those keys opens it.
    pub fn stream_key(&self, keys: &[ProfileKey]) -> Result<Option<StreamKey>, Error> {
        let stream = self.leg().and_then(|leg| leg.stream);
        let Some(stream) = stream.filter(|_| self.stream().is_some_and(|(stream, _)| stream.sealed)) else {
            return Ok(None);
        };
        let mut seals = self.root.seals.iter().filter(|seal| usize::try_from(seal.stream) == Ok(stream));
        let open = |seal: &Seal| keys.iter().find(|key| key.id() == seal.key)?.unwrap(seal);
        seals.find_map(open).map(Some).ok_or(Error::Sealed)
    }

    /// The leg that was read for.
    pub fn leg(&self) -> Option<&Leg> {
        self.root.legs.get(self.leg)
    }

    /// Where the manifest of a leg stands.
    pub fn manifest_at(&self, leg: usize) -> Option<Need> {
        let before = self.root.legs.get(..leg)?.iter().map(|leg| u64::from(leg.manifest.len));
        let offset = before.fold(self.manifests_at, u64::saturating_add);
        Some(Need { offset, len: self.root.legs.get(leg)?.manifest.len })
    }

    /// Reads the manifest of a leg from the bytes that stand there.
    ///
    /// # Errors
    /// [`Error`] when they are not what the root vouches for.
    pub fn manifest_of(&self, leg: usize, bytes: &[u8]) -> Result<Manifest, Error> {
        check(Part::Manifest, self.root.legs.get(leg).ok_or(Error::NoWay)?.manifest, bytes)?;
        Manifest::parse(bytes)
    }

    /// Lays everything out that stands behind the text, whose end is at file offset `at`.
    pub(super) fn lay_out(&mut self, at: u64) {
        let manifests =
            self.root.legs.iter().map(|leg| u64::from(leg.manifest.len)).fold(0, u64::saturating_add);
        let mut offset = at.saturating_add(manifests).saturating_add(self.groups_len());
        let mut first_group: u64 = 0;
        self.manifests_at = at;
        self.layouts.clear();
        for stream in &self.root.payload.streams {
            self.layouts.push(Layout { payload_offset: offset, payload_len: stream.len, first_group });
            offset = offset.saturating_add(stream.stored());
            first_group = first_group.saturating_add(stream.group_count());
        }
        self.total = offset.saturating_add(u64::from(END_LEN));
    }

    /// Length of the group table.
    pub(super) fn groups_len(&self) -> u64 {
        self.root.payload.group_count().saturating_mul(32)
    }
}
