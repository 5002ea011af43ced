//! Puts legs together into one file.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::frames::frames;
use super::{Config, Error, Sealing};
use crate::campaign::compare;
use crate::delta::build::{Options, diff};
use crate::delta::{HEAD_MAX, Patch};
use crate::engine::Plan;
use crate::seal::StreamKey;
use crate::tree::{Node, Path, Side, Tree};
use crate::trust::SigningKey;
use crate::verify::hash_payload;
use crate::wire::{
    GROUP, Header, Leg, Manifest, Payload, Root, Seal, Section, Signatures, Stream, StreamKind, Terms,
    digest, emit_end, parse_text,
};

/// One way to a version, as the builder is told of it.
#[derive(Clone, Debug)]
pub struct Way<'a> {
    /// The profile of the cards that it is for; empty for all.
    pub profile: String,
    /// The version to start from; empty for a directory in which nothing is installed.
    pub from: String,
    /// The version to arrive at; empty for that of the package.
    pub to: String,
    /// The tree to start from.
    pub before: &'a Tree,
    /// The tree to arrive at.
    pub after: &'a Tree,
    /// What else whoever applies it must know.
    pub terms: Terms,
}

impl<'a> Way<'a> {
    /// A plain way to the package's version, for cards of every profile.
    pub fn new(from: &str, before: &'a Tree, after: &'a Tree) -> Self {
        let (profile, to) = (String::new(), String::new());
        Self { profile, from: from.into(), to, before, after, terms: Terms::default() }
    }
}

/// Takes legs, and makes one file of them.
#[derive(Clone, Debug)]
pub struct Builder {
    config: Config,
    legs: Vec<(Leg, Vec<u8>)>,
    streams: Vec<(Stream, Vec<u8>)>,
}

impl Builder {
    /// A builder of an empty package.
    pub fn new(config: Config) -> Self {
        Self { config, legs: Vec::new(), streams: Vec::new() }
    }

    /// Adds a leg. `contents` reads a file of either tree. Gives back how many bytes a card that takes it reads of
    /// the payload.
    ///
    /// # Errors
    /// [`Error`] says what stands in the way; the builder is as it was.
    pub fn leg<E>(
        &mut self,
        way: Way<'_>,
        mut contents: impl FnMut(Side, &Path) -> Result<Vec<u8>, E>,
    ) -> Result<u64, Error<E>> {
        let to = if way.to.is_empty() { self.config.to_version.clone() } else { way.to };
        if !self.config.downgrade && !way.from.is_empty() && compare(&to, &way.from) == Ordering::Less {
            return Err(Error::Downgrade { from: way.from, to });
        }
        let manifest = Manifest::new(way.before, way.after).under(way.terms).map_err(Error::Terms)?;
        let bytes = manifest.emit();
        let plan = Plan::new(manifest);
        let mut read = |side: Side, index: usize| -> Result<Vec<u8>, Error<E>> {
            let Some(entry) = plan.manifest().entries().get(index) else { return Ok(Vec::new()) };
            let path = entry.path.clone();
            let content = contents(side, &path).map_err(|error| Error::Read { path: path.clone(), error })?;
            let same = matches!(side.of(entry), Some(Node::File { size, digest: known, .. })
                if usize::try_from(*size) == Ok(content.len()) && *known == digest(&content));
            if same { Ok(content) } else { Err(Error::Changed { path }) }
        };
        let mut new = Vec::new();
        for target in plan.brought() {
            new.append(&mut read(Side::After, target.index)?);
        }
        let mut old = Vec::new();
        for (index, _) in plan.contents(Side::Before) {
            old.append(&mut read(Side::Before, index)?);
        }
        let stream = self.stream(&old, &new).map_err(|_| Error::Compressor)?;
        let section =
            Section { len: u32::try_from(bytes.len()).map_err(|_| Error::TooLarge)?, digest: digest(&bytes) };
        let moved = stream.as_ref().map_or(0, |(stream, _)| stream.len.saturating_sub(stream.back));
        let stream = stream.map(|stream| self.place(stream));
        self.legs.push((Leg { profile: way.profile, from: way.from, to, manifest: section, stream }, bytes));
        Ok(moved)
    }

    /// Signs the legs that were added, and writes the file.
    ///
    /// # Errors
    /// [`Error`] says what stands in the way.
    pub fn finish<E>(self, keys: &[SigningKey]) -> Result<Vec<u8>, Error<E>> {
        let Self { config, mut legs, streams } = self;
        legs.sort_by(|(a, _), (b, _)| (&a.profile, &a.from, &a.to).cmp(&(&b.profile, &b.from, &b.to)));
        let (mut streams, mut payloads) = number(&mut legs, streams);
        let seals = match &config.seal {
            Some(sealing) => encrypt(sealing, &legs, &mut streams, &mut payloads).ok_or(Error::Unreadable)?,
            None => Vec::new(),
        };
        let hashed: Vec<_> = payloads.iter().map(|payload| hash_payload(payload)).collect();
        let groups: Vec<u8> = hashed.iter().flat_map(|(groups, _)| groups.iter().copied()).collect();
        let text = config.text.as_bytes();
        parse_text(text).map_err(|why| Error::Text(why.problem))?;
        let text_len = u32::try_from(text.len()).map_err(|_| Error::TooLarge)?;
        let root = Root {
            to_version: config.to_version,
            legs: legs.iter().map(|(leg, _)| leg.clone()).collect(),
            epoch: config.epoch,
            scope: config.scope,
            severity: config.severity,
            downgrade: config.downgrade,
            payload: match streams.is_empty() {
                true => Payload::default(),
                false => Payload { streams, groups: digest(&groups) },
            },
            rotations: (!config.rotations.is_empty()).then(|| digest(&config.rotations)),
            text: (text_len > 0).then(|| Section { len: text_len, digest: digest(text) }),
            seals,
            ..Root::default()
        };
        root.check().map_err(Error::Text)?;
        let bytes = root.emit();
        if Root::parse(&bytes).as_ref() != Ok(&root) {
            return Err(Error::Legs);
        }
        let root_len = u32::try_from(bytes.len()).map_err(|_| Error::TooLarge)?;
        let rotations_len = u16::try_from(config.rotations.len()).map_err(|_| Error::TooLarge)?;
        let header = Header { role: config.role, rotations_len, root_len }.emit();
        let signatures = keys.iter().map(|key| key.sign(&header, &bytes)).collect();
        let signatures = Signatures::new(signatures).ok_or(Error::Keys)?;
        let mut file = [&header[..], &bytes, &signatures.emit(), &config.rotations].concat();
        if text_len > 0 {
            file.push(1);
            file.extend_from_slice(text);
        }
        legs.iter().for_each(|(_, manifest)| file.extend_from_slice(manifest));
        file.extend_from_slice(&groups);
        let group = usize::try_from(GROUP).map_err(|_| Error::TooLarge)?;
        for (payload, (_, tables)) in payloads.iter().zip(&hashed) {
            for (table, group) in tables.iter().zip(payload.chunks(group)) {
                file.extend_from_slice(table);
                file.extend_from_slice(group);
            }
        }
        let end = emit_end(wide(file.len()).saturating_add(16));
        file.extend_from_slice(&end);
        Ok(file)
    }

    /// The smaller of a delta and the whole; what cannot be indexed goes whole.
    fn stream(&self, old: &[u8], new: &[u8]) -> Result<Option<(Stream, Vec<u8>)>, super::frames::Failed> {
        if new.is_empty() {
            return Ok(None);
        }
        let Config { level, frame, undo, .. } = self.config;
        let delta = delta(old, new, undo);
        // What only the way back needs is no reason to send everything whole.
        let forward = |stream: &Stream| stream.len.saturating_sub(stream.back);
        let clear = match &delta {
            // Where a fast compression stays far behind, a thorough one would not win either.
            Some((stream, _)) => forward(stream).saturating_mul(8) < wide(frames(new, 1, frame)?.len()),
            None => false,
        };
        if clear {
            return Ok(delta);
        }
        let whole = frames(new, level, frame)?;
        let delta = delta.filter(|(stream, _)| forward(stream) < wide(whole.len()));
        let frames = Stream { kind: StreamKind::FRAMES, sealed: false, len: wide(whole.len()), back: 0 };
        Ok(delta.or(Some((frames, whole))))
    }

    /// The index of a stream, which may be there already.
    fn place(&mut self, stream: (Stream, Vec<u8>)) -> usize {
        if let Some(known) = self.streams.iter().position(|known| *known == stream) {
            return known;
        }
        self.streams.push(stream);
        self.streams.len().saturating_sub(1)
    }
}

/// The delta between two contents, if there is one.
fn delta(old: &[u8], new: &[u8], undo: bool) -> Option<(Stream, Vec<u8>)> {
    let delta = if old.is_empty() { None } else { diff(old, new, Options { undo }) }?;
    let len = wide(delta.len());
    let back = Patch::parse(delta.get(..HEAD_MAX.min(delta.len()))?, len).ok()?.undo;
    let kind = if back.is_some() { StreamKind::DELTA_BOTH } else { StreamKind::DELTA };
    Some((Stream { kind, sealed: false, len, back: back.unwrap_or(0) }, delta))
}

/// Numbers streams in the order in which legs first name them.
fn number(legs: &mut [(Leg, Vec<u8>)], streams: Vec<(Stream, Vec<u8>)>) -> (Vec<Stream>, Vec<Vec<u8>>) {
    let mut order: Vec<usize> = Vec::new();
    for (leg, _) in legs {
        let Some(stream) = leg.stream else { continue };
        let known = order.iter().position(|known| *known == stream);
        leg.stream = Some(known.unwrap_or(order.len()));
        if known.is_none() {
            order.push(stream);
        }
    }
    let mut streams: Vec<Option<_>> = streams.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| streams.get_mut(at)?.take()).unzip()
}

/// Encrypts every stream for the profiles of the legs that name it. `None` when there is one that nobody could read.
fn encrypt(
    sealing: &Sealing,
    legs: &[(Leg, Vec<u8>)],
    streams: &mut [Stream],
    payloads: &mut [Vec<u8>],
) -> Option<Vec<Seal>> {
    let mut seals = Vec::new();
    for (index, (stream, payload)) in streams.iter_mut().zip(payloads).enumerate() {
        let key = StreamKey::of(&sealing.secret, payload);
        *payload = key.seal(payload);
        (stream.sealed, stream.len) = (true, wide(payload.len()));
        let number = u32::try_from(index).ok()?;
        for (leg, _) in legs.iter().filter(|(leg, _)| leg.stream == Some(index)) {
            let for_leg =
                |profile: &str| profile.is_empty() || leg.profile.is_empty() || profile == leg.profile;
            let keys = sealing.keys.iter().filter(|(profile, _)| for_leg(profile));
            let before = seals.len();
            seals.extend(keys.map(|(_, profile)| profile.wrap(number, &key)));
            if seals.len() == before {
                return None;
            }
        }
    }
    seals.sort_by_key(|seal| (seal.stream, seal.key));
    seals.dedup();
    Some(seals)
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
