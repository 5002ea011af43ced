//! The root: the small part that is signed and from which everything else hangs.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::campaign::{Scope, compare};
use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::{
    CRITICAL, Cursor, Digest, Fields, Leg, Payload, Seal, Section, Severity, Stream, put_field,
};

/// The root of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The version it arrives at.
    pub to_version: String,
    /// The ways to it, in ascending order of profile, first and last version.
    pub legs: Vec<Leg>,
    /// Security epoch: once applied, no package of a lower one installs.
    pub epoch: u64,
    /// Which cards it is for.
    pub scope: Scope,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it is meant to lead to a lower version.
    pub downgrade: bool,
    /// The payload.
    pub payload: Payload,
    /// Digest of the rotations of keys, if there are any.
    pub rotations: Option<Digest>,
    /// The descriptive text, which the file may have lost.
    pub text: Option<Section>,
    /// The keys of encrypted streams, wrapped, in ascending order of stream and key.
    pub seals: Vec<Seal>,
    /// Uncritical fields that this reader does not know, as tag and value in ascending order.
    pub extensions: Vec<(u16, Vec<u8>)>,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            to_version: String::new(),
            legs: Vec::new(),
            epoch: 0,
            scope: Scope::All,
            severity: Severity::NORMAL,
            downgrade: false,
            payload: Payload::default(),
            rotations: None,
            text: None,
            seals: Vec::new(),
            extensions: Vec::new(),
        }
    }
}

const TO: u16 = CRITICAL | 1;
const LEGS: u16 = CRITICAL | 2;
const EPOCH: u16 = CRITICAL | 3;
const SCOPE: u16 = CRITICAL | 4;
const SEVERITY: u16 = 5;
const DOWNGRADE: u16 = CRITICAL | 6;
const PAYLOAD: u16 = CRITICAL | 7;
const ROTATIONS: u16 = CRITICAL | 8;
const TEXT: u16 = CRITICAL | 9;
const SEALS: u16 = CRITICAL | 10;
const KNOWN: [u16; 10] = [TO, LEGS, EPOCH, SCOPE, SEVERITY, DOWNGRADE, PAYLOAD, ROTATIONS, TEXT, SEALS];

/// Longest version.
const VERSION_MAX: usize = 64;
/// Longest scope expression.
const SCOPE_MAX: usize = 4096;

impl Root {
    /// Reads a root.
    ///
    /// # Errors
    /// [`Malformed`] with the offset; [`Error::Unsupported`] for a critical field that is not known;
    /// [`Error::Downgrade`] when it leads to a lower version and does not say that this is meant.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields = Fields::parse(Part::Root, bytes, &KNOWN)?;
        let to_version = fields.need(TO, |field| field.text(VERSION_MAX))?;
        let root = Self {
            legs: fields.need(LEGS, |field| Leg::read_all(field, &to_version))?,
            to_version,
            epoch: fields.need(EPOCH, Cursor::u64)?,
            scope: fields.find(SCOPE, scope)?.unwrap_or(Scope::All),
            severity: Severity(fields.need(SEVERITY, Cursor::u8)?),
            downgrade: fields.find(DOWNGRADE, |_| Ok(()))?.is_some(),
            payload: fields.find(PAYLOAD, Payload::read)?.unwrap_or_default(),
            rotations: fields.find(ROTATIONS, |field| field.array().map(Digest))?,
            text: fields.find(TEXT, text_section)?,
            seals: fields.find(SEALS, Seal::read_all)?.unwrap_or_default(),
            extensions: fields.unknown().map(|(tag, value)| (tag, value.to_vec())).collect(),
        };
        root.consistent().map_err(|problem| Malformed { part: Part::Root, offset: 0, problem })?;
        match root.leads_down() && !root.downgrade {
            true => Err(Error::Downgrade),
            false => Ok(root),
        }
    }

    /// Writes the root.
    pub fn emit(&self) -> Vec<u8> {
        let mut fields: Vec<(u16, Vec<u8>)> = alloc::vec![
            (TO, self.to_version.as_bytes().to_vec()),
            (LEGS, Leg::emit_all(&self.legs, &self.to_version)),
            (EPOCH, self.epoch.to_be_bytes().to_vec()),
            (SEVERITY, alloc::vec![self.severity.0]),
        ];
        let mut put = |tag: u16, there: bool, value: &dyn Fn() -> Vec<u8>| {
            if there {
                fields.push((tag, value()));
            }
        };
        put(SCOPE, self.scope != Scope::All, &|| self.scope.to_string().into_bytes());
        put(DOWNGRADE, self.downgrade, &Vec::new);
        put(PAYLOAD, !self.payload.is_empty(), &|| self.payload.emit());
        put(ROTATIONS, self.rotations.is_some(), &|| self.rotations.unwrap_or_default().0.to_vec());
        put(TEXT, self.text.is_some(), &|| self.text.unwrap_or_default().emit().to_vec());
        put(SEALS, !self.seals.is_empty(), &|| Seal::emit_all(&self.seals));
        fields.extend(self.extensions.iter().cloned());
        fields.sort_by_key(|(tag, _)| tag & !CRITICAL);
        let mut out = Vec::new();
        for (tag, value) in fields {
            put_field(&mut out, tag, &value);
        }
        out
    }

    /// Whether it is one that a package can carry.
    ///
    /// # Errors
    /// [`Problem::Text`] or [`Problem::Range`] for a version, profile or scope that is empty, too long or not plain.
    pub fn check(&self) -> Result<(), Problem> {
        text(self.to_version.as_bytes(), VERSION_MAX)?;
        text(self.scope.to_string().as_bytes(), SCOPE_MAX)?;
        self.legs.iter().try_for_each(Leg::check)?;
        self.consistent()
    }

    /// Whether any of its legs leads to a lower version.
    pub fn leads_down(&self) -> bool {
        self.legs.iter().any(|leg| !leg.from.is_empty() && compare(&leg.to, &leg.from) == Ordering::Less)
    }

    /// The stream of a leg.
    pub fn stream(&self, leg: &Leg) -> Option<&Stream> {
        self.payload.streams.get(leg.stream?)
    }

    /// Every stream is used by a leg, and every encrypted one, and no other, has a key.
    fn consistent(&self) -> Result<(), Problem> {
        let used =
            self.legs.iter().filter_map(|leg| leg.stream).max().map_or(0, |last| last.saturating_add(1));
        if used != self.payload.streams.len() {
            return Err(Problem::Length);
        }
        let has_key =
            |stream: usize| self.seals.iter().any(|seal| usize::try_from(seal.stream) == Ok(stream));
        let sealed = self.payload.streams.iter().enumerate().all(|(at, stream)| stream.sealed == has_key(at));
        let known = self.seals.iter().all(|seal| usize::try_from(seal.stream).is_ok_and(|at| at < used));
        if sealed && known { Ok(()) } else { Err(Problem::Range) }
    }
}

/// A scope in its canonical form; every card is told by leaving it out.
fn scope(field: &mut Cursor<'_>) -> Result<Scope, Malformed> {
    let start = field.clone();
    let text = field.text(SCOPE_MAX)?;
    let scope = Scope::parse(&text).map_err(|error| start.malformed(Problem::Scope(error)))?;
    let canonical = scope != Scope::All && scope.to_string() == text;
    if canonical { Ok(scope) } else { Err(start.malformed(Problem::NotCanonical)) }
}

fn text_section(field: &mut Cursor<'_>) -> Result<Section, Malformed> {
    let start = field.clone();
    let section = Section::read(field)?;
    if section.len == 0 { Err(start.malformed(Problem::Range)) } else { Ok(section) }
}

/// Text that is shown to people: control characters could forge what a terminal shows.
pub(super) fn text(bytes: &[u8], max: usize) -> Result<String, Problem> {
    if bytes.is_empty() || bytes.len() > max {
        return Err(Problem::Range);
    }
    let text = core::str::from_utf8(bytes).map_err(|_| Problem::Text)?;
    if text.chars().any(char::is_control) {
        return Err(Problem::Text);
    }
    Ok(text.to_string())
}

/// Reads a descriptive text: lines of plain UTF-8.
///
/// # Errors
/// [`Problem::Text`] when it is none.
pub fn parse_text(bytes: &[u8]) -> Result<String, Malformed> {
    let wrong = Malformed { part: Part::Text, offset: 0, problem: Problem::Text };
    let text = core::str::from_utf8(bytes).map_err(|_| wrong)?;
    let plain = text.chars().all(|character| character == '\n' || !character.is_control());
    if plain { Ok(text.to_string()) } else { Err(wrong) }
}
