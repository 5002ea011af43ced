//! The bytes of a notice: header, fields, signatures. FORMAT.md has the layout.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::num::NonZeroU8;
use core::time::Duration;

use super::notice::{Notice, Waves};
use super::scope::Scope;
use super::window::{Daily, Moment, UnixTime, Window};
use crate::error::{Error, Malformed, Part, Problem};
use crate::trust::{SigningKey, Trust};
use crate::wire::{CRITICAL, Cursor, Digest, Fields, Severity, Signatures, put_field};

const MAGIC: [u8; 8] = *b"\x89UPN\r\n\x1a\n";
const MAJOR: u16 = 1;
/// Longest notice, without its header and signatures.
const LEN_MAX: u32 = 16 << 10;
/// Longest name of what is updated, and longest version.
const NAME_MAX: usize = 64;
/// Longest scope expression.
const SCOPE_MAX: usize = 4096;

const SEQUENCE: u16 = CRITICAL | 1;
const EXPIRES: u16 = CRITICAL | 2;
const PACKAGE: u16 = CRITICAL | 3;
const SIZE: u16 = CRITICAL | 4;
const SOFTWARE: u16 = CRITICAL | 5;
const VERSION: u16 = CRITICAL | 6;
const SCOPE: u16 = CRITICAL | 7;
const SEVERITY: u16 = CRITICAL | 8;
const NOT_BEFORE: u16 = CRITICAL | 9;
const NOT_AFTER: u16 = CRITICAL | 10;
const DAILY: u16 = CRITICAL | 11;
const MOMENT: u16 = CRITICAL | 12;
const WAVES: u16 = CRITICAL | 13;
const KNOWN: [u16; 13] = [
    SEQUENCE, EXPIRES, PACKAGE, SIZE, SOFTWARE, VERSION, SCOPE, SEVERITY, NOT_BEFORE, NOT_AFTER, DAILY,
    MOMENT, WAVES,
];

impl Notice {
    /// Writes and signs the notice. `None` where no key or the same key twice is given, or where the notice holds
    /// what no cabinet would read: an empty name, a share over 100 percent, a scope of over 4096 octets.
    pub fn seal(&self, keys: &[SigningKey]) -> Option<Vec<u8>> {
        let body = self.emit();
        Self::parse(&body).ok().filter(|read| read == self)?;
        let header = header(u32::try_from(body.len()).ok().filter(|len| *len <= LEN_MAX)?);
        let signatures = keys.iter().map(|key| key.sign_notice(&header, &body)).collect();
        let signatures = Signatures::new(signatures)?;
        Some([&header[..], &body, &signatures.emit()].concat())
    }

    /// Checks who signed a notice, then reads it.
    ///
    /// # Errors
    /// [`Error`]; no field is looked at before enough trusted keys are known to have signed them all.
    pub fn open(bytes: &[u8], trust: &Trust) -> Result<Self, Error> {
        let mut cursor = Cursor::new(Part::Notice, bytes);
        if cursor.array()? != MAGIC {
            return Err(Malformed { part: Part::Notice, offset: 0, problem: Problem::Magic }.into());
        }
        let major = cursor.u16()?;
        if major != MAJOR {
            return Err(Error::Unsupported { part: Part::Notice, code: u32::from(major) });
        }
        let len = cursor.u32()?;
        if len > LEN_MAX {
            let (found, limit) = (u64::from(len), u64::from(LEN_MAX));
            return Err(Error::Limit { part: Part::Notice, found, limit });
        }
        let body = cursor.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        let count = cursor.u8()?;
        let signatures = Signatures::parse(count, cursor.take(cursor.remaining())?)?;
        trust.check_notice(&header(len), body, &signatures)?;
        Self::parse(body)
    }

    fn emit(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |tag, value: &[u8]| put_field(&mut out, tag, value);
        put(SEQUENCE, &self.sequence.to_be_bytes());
        put(EXPIRES, &self.expires_at.0.to_be_bytes());
        put(PACKAGE, &self.package.0);
        put(SIZE, &self.size.to_be_bytes());
        put(SOFTWARE, self.software.as_bytes());
        put(VERSION, self.version.as_bytes());
        put(SCOPE, self.scope.to_string().as_bytes());
        put(SEVERITY, &[self.severity.0]);
        put(NOT_BEFORE, &self.window.not_before.0.to_be_bytes());
        put(NOT_AFTER, &self.window.not_after.0.to_be_bytes());
        if let Some(daily) = self.window.daily {
            put(DAILY, &[daily.begin().to_be_bytes(), daily.end().to_be_bytes()].concat());
        }
        put(MOMENT, &[u8::from(self.window.moment == Moment::Forced)]);
        let Waves { count, interval, tolerated, attempts } = self.waves;
        let interval = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX).to_be_bytes();
        put(WAVES, &[&[count.get()][..], &interval, &[tolerated, attempts.get()]].concat());
        out
    }

    fn parse(body: &[u8]) -> Result<Self, Error> {
        let fields = Fields::parse(Part::Notice, body, &KNOWN)?;
        let time = |tag| fields.need(tag, Cursor::u64).map(UnixTime);
        Ok(Self {
            sequence: fields.need(SEQUENCE, Cursor::u64)?,
            expires_at: time(EXPIRES)?,
            package: Digest(fields.need(PACKAGE, Cursor::array)?),
            size: fields.need(SIZE, Cursor::u64)?,
            software: fields.need(SOFTWARE, |field| field.text(NAME_MAX))?,
            version: fields.need(VERSION, |field| field.text(NAME_MAX))?,
            scope: fields.need(SCOPE, scope)?,
            severity: Severity(fields.need(SEVERITY, Cursor::u8)?),
            window: Window {
                not_before: time(NOT_BEFORE)?,
                not_after: time(NOT_AFTER)?,
                daily: fields.find(DAILY, daily)?,
                moment: fields.need(MOMENT, moment)?,
            },
            waves: fields.need(WAVES, waves)?,
        })
    }
}

fn header(len: u32) -> [u8; 14] {
    let mut header = [0; 14];
    let parts = MAGIC.into_iter().chain(MAJOR.to_be_bytes()).chain(len.to_be_bytes());
    header.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = byte);
    header
}

fn scope(field: &mut Cursor<'_>) -> Result<Scope, Malformed> {
    let start = field.clone();
    let text = field.text(SCOPE_MAX)?;
    let scope = Scope::parse(&text).map_err(|error| start.malformed(Problem::Scope(error)))?;
    if scope.to_string() == text { Ok(scope) } else { Err(start.malformed(Problem::NotCanonical)) }
}

fn daily(field: &mut Cursor<'_>) -> Result<Daily, Malformed> {
    let start = field.clone();
    Daily::new(field.u16()?, field.u16()?).ok_or_else(|| start.malformed(Problem::Range))
}

fn moment(field: &mut Cursor<'_>) -> Result<Moment, Malformed> {
    let start = field.clone();
    match field.u8()? {
        0 => Ok(Moment::PowerUp),
        1 => Ok(Moment::Forced),
        _ => Err(start.malformed(Problem::Range)),
    }
}

fn waves(field: &mut Cursor<'_>) -> Result<Waves, Malformed> {
    let start = field.clone();
    let (count, interval) = (field.u8()?, Duration::from_secs(u64::from(field.u32()?)));
    let (tolerated, attempts) = (field.u8()?, field.u8()?);
    match (NonZeroU8::new(count), NonZeroU8::new(attempts), tolerated) {
        (Some(count), Some(attempts), 0..=100) => Ok(Waves { count, interval, tolerated, attempts }),
        _ => Err(start.malformed(Problem::Range)),
    }
}
