//! The reader of a whole package.

use alloc::vec::Vec;

use super::{Leaves, Verified};
use crate::error::{Error, Malformed, Part, Problem};
use crate::limits::Limits;
use crate::trust::{PublicKey, Trust, package_id};
use crate::wire::{
    Digest, END_LEN, HEADER_LEN, Header, Manifest, Root, SIGNATURE_LEN, Section, Signatures, digest,
    parse_end,
};

/// A range of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub len: u32,
}

/// What feeding a piece has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Nothing to act upon yet.
    More,
    /// Some of the payload.
    Payload(Verified<'a>),
    /// The end: every byte of the file is what the root vouches for.
    End,
}

/// Where the payload stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// File offset of the first leaf table.
    pub payload_offset: u64,
    /// Stored bytes of the payload, leaf tables not counted.
    pub payload_len: u64,
}

/// Everything of a verified package except its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The digest by which it is known.
    pub id: Digest,
    /// The root.
    pub root: Root,
    /// Which trusted keys have signed.
    pub signers: Vec<PublicKey>,
    /// Both trees.
    pub manifest: Manifest,
    /// The table of group hashes.
    pub groups: Vec<u8>,
    /// Where the payload stands.
    pub layout: Layout,
    /// Length of the whole file.
    pub total: u64,
}

/// Reads a package from its first to its last byte. Holds what [`Limits`] allows for root, manifest and group table,
/// and no payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    limits: Limits,
    trust: Trust,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Header,
    Root {
        header: Header,
    },
    Signatures {
        header: Header,
        root: Vec<u8>,
        count: u8,
    },
    Manifest(Envelope),
    Groups(Envelope),
    Payload(Envelope, Leaves),
    End(Envelope),
    /// The file must not go on behind its end.
    Behind(Envelope),
    Done(Envelope),
    Failed(Error),
}

impl Reader {
    /// A reader that believes `trust`.
    pub fn new(limits: Limits, trust: Trust) -> Self {
        Self { limits, trust, state: State::Header }
    }

    /// What to feed next; `None` when there is nothing more to read. The last range lies behind the end of the file:
    /// feed the empty slice that reading it gives.
    pub fn need(&self) -> Option<Need> {
        let manifest_offset = |envelope: &Envelope| {
            let groups = u64::try_from(envelope.groups.len()).unwrap_or(u64::MAX);
            envelope
                .layout
                .payload_offset
                .saturating_sub(groups)
                .saturating_sub(u64::from(envelope.root.manifest.len))
        };
        Some(match &self.state {
            State::Header => Need { offset: 0, len: HEADER_LEN },
            State::Root { header } => {
                Need { offset: u64::from(HEADER_LEN), len: header.root_len.saturating_add(1) }
            }
            State::Signatures { header, count, .. } => {
                Need { offset: signatures_at(header), len: u32::from(*count).saturating_mul(SIGNATURE_LEN) }
            }
            State::Manifest(envelope) => {
                Need { offset: manifest_offset(envelope), len: envelope.root.manifest.len }
            }
            State::Groups(envelope) => {
                let len = u32::try_from(envelope.groups.len()).unwrap_or(u32::MAX);
                Need { offset: envelope.layout.payload_offset.saturating_sub(u64::from(len)), len }
            }
            State::Payload(_, leaves) => return leaves.need(),
            State::End(envelope) => {
                Need { offset: envelope.total.saturating_sub(u64::from(END_LEN)), len: END_LEN }
            }
            State::Behind(envelope) => Need { offset: envelope.total, len: 1 },
            State::Done(_) | State::Failed(_) => return None,
        })
    }

    /// Takes the bytes that [`need`](Self::need) asked for; fewer mean that the file ends there.
    ///
    /// # Errors
    /// [`Error`] says what is wrong; the reader then stays failed.
    pub fn feed<'a>(&mut self, bytes: &'a [u8]) -> Result<Progress<'a>, Error> {
        let state = core::mem::replace(&mut self.state, State::Header);
        match self.step(state, bytes) {
            Ok((state, progress)) => {
                self.state = state;
                Ok(progress)
            }
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    /// What was read, once everything is verified.
    pub fn finish(self) -> Option<Envelope> {
        if let State::Done(envelope) = self.state { Some(envelope) } else { None }
    }

    /// What the root says, once its signatures are checked.
    pub fn envelope(&self) -> Option<&Envelope> {
        match &self.state {
            State::Manifest(envelope)
            | State::Groups(envelope)
            | State::Payload(envelope, _)
            | State::End(envelope)
            | State::Behind(envelope)
            | State::Done(envelope) => Some(envelope),
            _ => None,
        }
    }

    fn step<'a>(&self, state: State, bytes: &'a [u8]) -> Result<(State, Progress<'a>), Error> {
        let next = match state {
            State::Header => {
                let header = Header::parse(bytes)?;
                within(Part::Root, u64::from(header.root_len), u64::from(self.limits.root))?;
                State::Root { header }
            }
            State::Root { header } => {
                let exact = usize::try_from(header.root_len).unwrap_or(usize::MAX).saturating_add(1);
                let Some((count, root)) = bytes.split_last().filter(|_| bytes.len() == exact) else {
                    return Err(truncated(Part::Root));
                };
                within(Part::Signatures, u64::from(*count), u64::from(self.limits.signatures))?;
                State::Signatures { header, root: root.to_vec(), count: *count }
            }
            State::Signatures { header, root, count } => {
                let signatures = Signatures::parse(count, bytes)?;
                // Nothing of the root is looked at before somebody trusted has vouched for it.
                let signers = self.trust.check(&header, &root, &signatures)?;
                State::Manifest(self.envelope_of(&header, &root, count, signers)?)
            }
            State::Manifest(mut envelope) => {
                check(Part::Manifest, envelope.root.manifest, bytes)?;
                envelope.manifest = Manifest::parse(bytes)?;
                State::Groups(envelope)
            }
            State::Groups(mut envelope) => {
                if bytes.len() != envelope.groups.len() || digest(bytes) != envelope.root.payload.groups {
                    return Err(Malformed { part: Part::Groups, offset: 0, problem: Problem::Digest }.into());
                }
                envelope.groups = bytes.to_vec();
                let leaves = Leaves::new(envelope.layout, 0, envelope.layout.payload_len);
                after_leaf(envelope, leaves)
            }
            State::Payload(envelope, mut leaves) => {
                let verified = leaves.feed(&envelope.groups, bytes)?;
                let progress = verified.map_or(Progress::More, Progress::Payload);
                return Ok((after_leaf(envelope, leaves), progress));
            }
            State::End(envelope) => {
                parse_end(bytes, envelope.total)?;
                State::Behind(envelope)
            }
            State::Behind(envelope) => {
                if !bytes.is_empty() {
                    return Err(Malformed {
                        part: Part::File,
                        offset: envelope.total,
                        problem: Problem::Trailing,
                    }
                    .into());
                }
                return Ok((State::Done(envelope), Progress::End));
            }
            State::Done(envelope) => return Ok((State::Done(envelope), Progress::End)),
            State::Failed(error) => return Err(error),
        };
        Ok((next, Progress::More))
    }

    fn envelope_of(
        &self,
        header: &Header,
        bytes: &[u8],
        count: u8,
        signers: Vec<PublicKey>,
    ) -> Result<Envelope, Error> {
        let root = Root::parse(bytes)?;
        within(Part::Manifest, u64::from(root.manifest.len), u64::from(self.limits.manifest))?;
        let groups = root.payload.group_count().saturating_mul(32);
        within(Part::Groups, groups, u64::from(self.limits.groups))?;
        let payload_offset = signatures_at(header)
            .saturating_add(u64::from(count).saturating_mul(u64::from(SIGNATURE_LEN)))
            .saturating_add(u64::from(root.manifest.len))
            .saturating_add(groups);
        let layout = Layout { payload_offset, payload_len: root.payload.len() };
        let total = payload_offset.saturating_add(layout.payload_stored()).saturating_add(u64::from(END_LEN));
        Ok(Envelope {
            id: package_id(&header.emit(), bytes),
            root,
            signers,
            manifest: Manifest::default(),
            groups: alloc::vec![0; usize::try_from(groups).unwrap_or(0)],
            layout,
            total,
        })
    }
}

fn after_leaf(envelope: Envelope, leaves: Leaves) -> State {
    if leaves.need().is_some() { State::Payload(envelope, leaves) } else { State::End(envelope) }
}

fn signatures_at(header: &Header) -> u64 {
    u64::from(HEADER_LEN).saturating_add(u64::from(header.root_len)).saturating_add(1)
}

fn within(part: Part, found: u64, limit: u64) -> Result<(), Error> {
    if found > limit { Err(Error::Limit { part, found, limit }) } else { Ok(()) }
}

fn truncated(part: Part) -> Error {
    Malformed { part, offset: 0, problem: Problem::Truncated }.into()
}

fn check(part: Part, section: Section, bytes: &[u8]) -> Result<(), Error> {
    if usize::try_from(section.len) != Ok(bytes.len()) {
        return Err(truncated(part));
    }
    if digest(bytes) != section.digest {
        return Err(Malformed { part, offset: 0, problem: Problem::Digest }.into());
    }
    Ok(())
}
