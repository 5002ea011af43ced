//! Tagged fields: a tag of two octets, a length of four, a value; the tags ascend strictly.

use alloc::vec::Vec;

use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::Cursor;

/// Marks a field that a reader must know to understand what it reads.
pub(crate) const CRITICAL: u16 = 0x8000;

/// The fields of a part, in order.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    fields: Vec<(u16, Cursor<'a>)>,
    unknown: Vec<(u16, &'a [u8])>,
    end: Cursor<'a>,
}

impl<'a> Fields<'a> {
    /// Reads all fields. One that is not `known` is kept as it is, unless it is critical.
    pub(crate) fn parse(part: Part, bytes: &'a [u8], known: &[u16]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(part, bytes);
        let (mut fields, mut unknown) = (Vec::new(), Vec::new());
        let mut last = 0;
        while !cursor.is_empty() {
            let tag = cursor.u16()?;
            if tag & !CRITICAL <= last {
                return Err(cursor.malformed(Problem::Order).into());
            }
            last = tag & !CRITICAL;
            let len = cursor.u32()?;
            let len = usize::try_from(len).map_err(|_| cursor.malformed(Problem::Range))?;
            let mut value = cursor.part(len)?;
            if known.contains(&tag) {
                fields.push((tag, value));
            } else if tag & CRITICAL != 0 || known.contains(&(tag | CRITICAL)) {
                return Err(Error::Unsupported { part, code: u32::from(tag) });
            } else {
                unknown.push((tag, value.take(len)?));
            }
        }
        Ok(Self { fields, unknown, end: cursor })
    }

    /// The fields that are not known, in order.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        self.unknown.iter().copied()
    }

    /// Reads a field that may be missing, to its last octet.
    pub(crate) fn find<T>(
        &self,
        tag: u16,
        read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        let Some((_, field)) = self.fields.iter().find(|(known, _)| *known == tag) else { return Ok(None) };
        let mut field = field.clone();
        let value = read(&mut field)?;
        field.finish()?;
        Ok(Some(value))
    }

    /// Reads a field that must be there, to its last octet.
    pub(crate) fn need<T>(
        &self,
        tag: u16,
        read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.find(tag, read)?.ok_or_else(|| self.end.malformed(Problem::Missing(tag & !CRITICAL)))
    }
}

/// Appends a field.
pub(crate) fn put_field(out: &mut Vec<u8>, tag: u16, value: &[u8]) {
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(value);
}
