//! Paths as they compare, and the refusal to guess where two readings differ.
//!
//! RFC 3986 §6.2.2 makes `/%73ell`, `/x/../sell` and `/sell` one path. Servers disagree on `%2F`, `\` and `//`:
//! some read them as segment borders, some don't, and one that stands behind another reads what that one made of
//! it. [`Readings`] gives every reading of such a path, and a table that would choose two different services for
//! them chooses none.

use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The ways in which servers may read one raw path. Usually there is only one, borrowed from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings<'a> {
    /// As RFC 3986 §6.2.2 normalises it: unreserved bytes decoded, hex in upper case, dot segments removed.
    pub strict: Cow<'a, [u8]>,
    /// As lenient servers read it, where that differs: `%2F`, `%5C` and `\` may separate, separators in a row
    /// may count once, and a second server may do so to what a first one has normalised. At most seven.
    pub others: Vec<Vec<u8>>,
}

impl<'a> Readings<'a> {
    /// Reads the path of a request target; what follows `?` is not part of it.
    #[must_use]
    pub fn of(raw: &'a [u8]) -> Self {
        if let Some(path) = plain(raw) {
            return Self { strict: Cow::Borrowed(path), others: Vec::new() };
        }
        Self::of_any(without_query(raw))
    }

    #[cold]
    fn of_any(path: &[u8]) -> Self {
        let strict = reduce(&decode(path, false), false);
        let mut others = Vec::new();
        for (separate, collapse) in [(false, false), (false, true), (true, false), (true, true)] {
            let first = reduce(&decode(path, separate), collapse);
            let second = reduce(&decode(&first, true), true);
            for reading in [first, second] {
                if reading != strict && !others.contains(&reading) {
                    others.push(reading);
                }
            }
        }
        Self { strict: Cow::Owned(strict), others }
    }
}

/// The target without its query.
#[must_use]
pub fn without_query(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|&b| b == b'?').unwrap_or(target.len());
    target.get(..end).unwrap_or_default()
}

/// Normalises a prefix for the table: strict reading, no trailing slash, `""` for the root.
/// `None` if it has more than one reading, or is not a path.
pub fn prefix(raw: &[u8]) -> Option<Vec<u8>> {
    if raw.contains(&b'?') || raw.iter().any(|&b| b <= b' ' || b >= 0x7f) {
        return None;
    }
    let readings = Readings::of(raw);
    if !readings.others.is_empty() {
        return None;
    }
    let mut path = readings.strict.into_owned();
    if path.first() != Some(&b'/') {
        return None;
    }
    while path.last() == Some(&b'/') {
        path.pop();
    }
    Some(path)
}

/// Ends of the first `depth` segments: 2 and 4 for `/a/b/c` and a depth of 2.
pub(crate) fn borders(path: &[u8], depth: u32) -> impl Iterator<Item = usize> + '_ {
    let mut at = 0usize;
    let depth = crate::number::index(depth);
    core::iter::from_fn(move || {
        let rest = path.get(at..)?.strip_prefix(b"/").filter(|rest| !rest.is_empty())?;
        let len = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
        at = at.saturating_add(1).saturating_add(len);
        Some(at)
    })
    .take(depth)
}

/// Where a prefix of `segments` segments ends in the raw path, if those raw segments read as `prefix`.
#[must_use]
pub fn raw_prefix_len(raw: &[u8], prefix: &[u8]) -> Option<usize> {
    let segments = u32::try_from(prefix.iter().filter(|&&b| b == b'/').count()).ok()?;
    let end = borders(without_query(raw), segments).last().unwrap_or(0);
    let head = raw.get(..end)?;
    (*Readings::of(head).strict == *prefix).then_some(end)
}

/// The path of a target if every server reads it alike: no escapes, backslashes, dot segments or empty segments.
#[inline]
pub(crate) fn plain(target: &[u8]) -> Option<&[u8]> {
    let (mut refused, mut end) = (ODD, target.len());
    for (at, &byte) in target.iter().enumerate() {
        let class = CLASS.get(usize::from(byte)).copied().unwrap_or(ODD);
        if class & refused != 0 {
            return None;
        }
        if class & QUERY != 0 {
            end = at;
            break;
        }
        refused = if class & SLASH != 0 { ODD | SLASH | DOT } else { ODD };
    }
    target.get(..end)
}

const SLASH: u8 = 1;
const DOT: u8 = 2;
const QUERY: u8 = 4;
/// Escapes and backslashes.
const ODD: u8 = 8;

/// What a byte means to [`plain`]. Made by the compiler, which would refuse a bad index.
#[allow(clippy::indexing_slicing, clippy::as_conversions)]
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    class[b'/' as usize] = SLASH;
    class[b'.' as usize] = DOT;
    class[b'?' as usize] = QUERY;
    class[b'%' as usize] = ODD;
    class[b'\\' as usize] = ODD;
    class
};

/// Decodes escapes of unreserved bytes and writes the others in upper case; when `separate`, escaped separators
/// become what they stand for. A `%` that begins no escape is written as one, so that what is decoded beside it
/// cannot make it begin another.
fn decode(path: &[u8], separate: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(h), Some(l)) => {
                    let value = h.wrapping_shl(4) | l;
                    rest = after;
                    if is_unreserved(value) || (separate && value == b'/') {
                        out.push(value);
                    } else if separate && value == b'\\' {
                        out.push(b'/');
                    } else {
                        out.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
                    }
                }
                _ => out.extend(*b"%25"),
            },
            (b'%', _) => out.extend(*b"%25"),
            (b'\\', _) if separate => out.push(b'/'),
            _ => out.push(byte),
        }
    }
    out
}

/// Removes dot segments (RFC 3986 §5.2.4); when `collapse`, empty segments too.
fn reduce(path: &[u8], collapse: bool) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let Some(path) = path.strip_prefix(b"/") else { return path.to_vec() };
    let mut segments = path.split(|&b| b == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    let cut = out.iter().rposition(|&b| b == b'/').unwrap_or(0);
                    out.truncate(cut);
                }
                if last {
                    out.push(b'/');
                }
            }
            b"" if collapse && !last => {}
            _ => {
                out.push(b'/');
                out.extend_from_slice(segment);
            }
        }
    }
    out
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
