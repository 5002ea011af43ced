//! The reader of a whole package.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Device, Envelope, Leaves, Verified};
use crate::error::{Error, Malformed, Part, Problem};
use crate::limits::Limits;
use crate::trust::{PublicKey, Trust, carried, entitled, package_id};
use crate::wire::{
    END_LEN, HEADER_LEN, Header, Manifest, Root, SIGNATURE_LEN, Section, Signatures, digest, parse_end,
    parse_text,
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

/// Reads a package from its first to its last byte. Holds what [`Limits`] allows for root, text, manifest and group
/// table, and no payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    limits: Limits,
    trust: Trust,
    pick: Pick,
    /// File offset of what comes next, but for the payload, whose leaves know theirs.
    at: u64,
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
    /// Whether the text is still there.
    Severed(Box<Envelope>, Section),
    Text(Box<Envelope>, Section),
    /// The manifest of a leg.
    Manifest(Box<Envelope>, usize),
    Groups(Box<Envelope>),
    /// A stream, as an index.
    Payload(Box<Envelope>, usize, Leaves),
    End(Box<Envelope>),
    /// The file must not go on behind its end.
    Behind(Box<Envelope>),
    Done(Box<Envelope>),
    Failed(Error),
}

/// Which leg is read for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pick {
    Leg(usize),
    Card(Device),
}

impl Reader {
    /// A reader that believes `trust`, for the first leg of the package.
    pub fn new(limits: Limits, trust: Trust) -> Self {
        Self { limits, trust, pick: Pick::Leg(0), at: 0, state: State::Header }
    }

    /// Reads for another leg: all are checked, and its manifest is the one that is kept.
    pub fn leg(mut self, leg: usize) -> Self {
        self.pick = Pick::Leg(leg);
        self
    }

    /// Reads for a card: refuses what is not for it, and keeps the manifest of the leg that it would take first.
    pub fn on(mut self, device: Device) -> Self {
        self.pick = Pick::Card(device);
        self
    }

    /// What to feed next; `None` when there is nothing more to read. The last range lies behind the end of the file:
    /// feed the empty slice that reading it gives.
    pub fn need(&self) -> Option<Need> {
        let len = match &self.state {
            State::Header => HEADER_LEN,
            State::Root { header } => header.root_len.saturating_add(1),
            State::Signatures { header, count, .. } => {
                let signatures = u32::from(*count).saturating_mul(SIGNATURE_LEN);
                signatures.saturating_add(u32::from(header.rotations_len))
            }
            State::Severed(..) | State::Behind(_) => 1,
            State::Text(_, text) => text.len,
            State::Manifest(envelope, leg) => envelope.root.legs.get(*leg)?.manifest.len,
            State::Groups(envelope) => u32::try_from(envelope.groups_len()).unwrap_or(u32::MAX),
            State::Payload(_, _, leaves) => return leaves.need(),
            State::End(_) => END_LEN,
            State::Done(_) | State::Failed(_) => return None,
        };
        Some(Need { offset: self.at, len })
    }

    /// Takes the bytes that [`need`](Self::need) asked for; fewer mean that the file ends there.
    ///
    /// # Errors
    /// [`Error`] says what is wrong; the reader then stays failed.
    pub fn feed<'a>(&mut self, bytes: &'a [u8]) -> Result<Progress<'a>, Error> {
        let need = self.need();
        let state = core::mem::replace(&mut self.state, State::Header);
        match self.step(state, need, bytes) {
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
        if let State::Done(envelope) = self.state { Some(*envelope) } else { None }
    }

    /// What the root says, once its signatures are checked.
    pub fn envelope(&self) -> Option<&Envelope> {
        match &self.state {
            State::Severed(envelope, _)
            | State::Text(envelope, _)
            | State::Manifest(envelope, _)
            | State::Groups(envelope)
            | State::Payload(envelope, _, _)
            | State::End(envelope)
            | State::Behind(envelope)
            | State::Done(envelope) => Some(envelope),
            _ => None,
        }
    }

    fn step<'a>(
        &mut self,
        state: State,
        need: Option<Need>,
        bytes: &'a [u8],
    ) -> Result<(State, Progress<'a>), Error> {
        let Need { offset, len } = need.unwrap_or(Need { offset: self.at, len: 0 });
        self.at = offset.saturating_add(u64::from(len));
        let whole = usize::try_from(len) == Ok(bytes.len());
        let next = match state {
            State::Header => {
                let header = Header::parse(bytes)?;
                within(Part::Root, u64::from(header.root_len), u64::from(self.limits.root))?;
                State::Root { header }
            }
            State::Root { header } => {
                let Some((count, root)) = bytes.split_last().filter(|_| whole) else {
                    return Err(truncated(Part::Root));
                };
                within(Part::Signatures, u64::from(*count), u64::from(self.limits.signatures))?;
                State::Signatures { header, root: root.to_vec(), count: *count }
            }
            State::Signatures { header, root, count } => {
                let signatures =
                    usize::from(count).saturating_mul(usize::try_from(SIGNATURE_LEN).unwrap_or(0));
                let Some((signatures, rotations)) = bytes.split_at_checked(signatures).filter(|_| whole)
                else {
                    return Err(truncated(Part::Signatures));
                };
                let signatures = Signatures::parse(count, signatures)?;
                // Nothing of the root is looked at before somebody trusted has vouched for it.
                let trust = self.trust.advance(rotations)?;
                let signers = trust.check(&header, &root, &signatures)?;
                let envelope = self.envelope_of(&header, &root, rotations, signers)?;
                match envelope.root.text {
                    Some(text) => State::Severed(envelope, text),
                    None => self.behind_text(envelope),
                }
            }
            State::Severed(envelope, text) => match bytes {
                [0] => self.behind_text(envelope),
                [1] => State::Text(envelope, text),
                [] => return Err(truncated(Part::Text)),
                _ => return Err(malformed(Part::Text, Problem::Range).into()),
            },
            State::Text(mut envelope, text) => {
                check(Part::Text, text, bytes)?;
                envelope.text = Some(parse_text(bytes)?);
                self.behind_text(envelope)
            }
            State::Manifest(mut envelope, leg) => {
                let section = envelope.root.legs.get(leg).map(|leg| leg.manifest).unwrap_or_default();
                check(Part::Manifest, section, bytes)?;
                let manifest = Manifest::parse(bytes)?;
                if leg == envelope.leg {
                    envelope.manifest = manifest;
                }
                let next = leg.saturating_add(1);
                if next < envelope.root.legs.len() {
                    State::Manifest(envelope, next)
                } else if envelope.root.payload.is_empty() {
                    State::End(envelope)
                } else {
                    State::Groups(envelope)
                }
            }
            State::Groups(mut envelope) => {
                if !whole {
                    return Err(truncated(Part::Groups));
                }
                if digest(bytes) != envelope.root.payload.groups {
                    return Err(malformed(Part::Groups, Problem::Digest).into());
                }
                envelope.groups = bytes.to_vec();
                self.stream(envelope, 0)
            }
            State::Payload(envelope, stream, mut leaves) => {
                let verified = leaves.feed(&envelope.groups, bytes)?;
                let progress = verified.map_or(Progress::More, Progress::Payload);
                if leaves.need().is_some() {
                    return Ok((State::Payload(envelope, stream, leaves), progress));
                }
                return Ok((self.stream(envelope, stream.saturating_add(1)), progress));
            }
            State::End(envelope) => {
                parse_end(bytes, envelope.total)?;
                State::Behind(envelope)
            }
            State::Behind(envelope) => {
                if !bytes.is_empty() {
                    let offset = envelope.total;
                    return Err(Malformed { part: Part::File, offset, problem: Problem::Trailing }.into());
                }
                return Ok((State::Done(envelope), Progress::End));
            }
            State::Done(envelope) => return Ok((State::Done(envelope), Progress::End)),
            State::Failed(error) => return Err(error),
        };
        Ok((next, Progress::More))
    }

    /// Goes on to a stream of the payload, or to the end.
    fn stream(&mut self, envelope: Box<Envelope>, stream: usize) -> State {
        match envelope.layouts.get(stream).copied() {
            Some(layout) => {
                let leaves = Leaves::new(layout, 0, layout.payload_len);
                State::Payload(envelope, stream, leaves)
            }
            None => {
                self.at = envelope.total.saturating_sub(u64::from(END_LEN));
                State::End(envelope)
            }
        }
    }

    /// Goes on to the manifests, now that it is known where they stand.
    fn behind_text(&self, mut envelope: Box<Envelope>) -> State {
        envelope.lay_out(self.at);
        State::Manifest(envelope, 0)
    }

    fn envelope_of(
        &self,
        header: &Header,
        bytes: &[u8],
        rotations: &[u8],
        signers: Vec<PublicKey>,
    ) -> Result<Box<Envelope>, Error> {
        let root = Root::parse(bytes)?;
        carried(rotations, root.rotations)?;
        entitled(header.role, root.severity)?;
        for leg in &root.legs {
            within(Part::Manifest, u64::from(leg.manifest.len), u64::from(self.limits.manifest))?;
        }
        let leg = match &self.pick {
            Pick::Leg(leg) => *leg,
            Pick::Card(device) => {
                device.check(&root.scope)?;
                device.candidates(&root).first().copied().ok_or(Error::NoWay)?
            }
        };
        let text = root.text.map_or(0, |text| text.len);
        within(Part::Text, u64::from(text), u64::from(self.limits.text))?;
        let envelope = Envelope {
            id: package_id(&header.emit(), bytes),
            leg,
            root,
            role: header.role,
            signers,
            rotations: rotations.to_vec(),
            text: None,
            manifest: Manifest::default(),
            groups: Vec::new(),
            manifests_at: 0,
            layouts: Vec::new(),
            total: 0,
        };
        within(Part::Groups, envelope.groups_len(), u64::from(self.limits.groups))?;
        if envelope.leg().is_none() {
            return Err(Error::NoWay);
        }
        Ok(Box::new(envelope))
    }
}

fn within(part: Part, found: u64, limit: u64) -> Result<(), Error> {
    if found > limit { Err(Error::Limit { part, found, limit }) } else { Ok(()) }
}

fn malformed(part: Part, problem: Problem) -> Malformed {
    Malformed { part, offset: 0, problem }
}

fn truncated(part: Part) -> Error {
    malformed(part, Problem::Truncated).into()
}

pub(super) fn check(part: Part, section: Section, bytes: &[u8]) -> Result<(), Error> {
    if usize::try_from(section.len) != Ok(bytes.len()) {
        return Err(truncated(part));
    }
    if digest(bytes) != section.digest {
        return Err(malformed(part, Problem::Digest).into());
    }
    Ok(())
}
