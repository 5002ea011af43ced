//! The `Cookie` field (RFC 6265 §4.2): one cookie found, or taken out.

use alloc::vec::Vec;

/// The value of the first cookie of a name among the values of `Cookie` fields, quotes left out.
#[must_use]
pub fn find<'a>(name: &str, fields: impl IntoIterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    fields.into_iter().flat_map(pairs).find_map(|pair| value(name, pair))
}

/// Appends the value of a `Cookie` field without the cookies of a name; false if nothing is left of it.
pub fn without(name: &str, field: &[u8], into: &mut Vec<u8>) -> bool {
    let mut any = false;
    for pair in pairs(field).filter(|pair| value(name, pair).is_none()) {
        if any {
            into.extend_from_slice(b"; ");
        }
        into.extend_from_slice(pair);
        any = true;
    }
    any
}

/// The values of the `Cookie` fields in the lines of a head.
pub fn fields(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines.split(|&b| b == b'\n').filter_map(|line| field(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The value, if a line is a `Cookie` field.
pub(crate) fn field(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at_checked(7)?;
    name.eq_ignore_ascii_case(b"cookie:").then(|| value.trim_ascii())
}

/// The cookies of a field, whatever stands between them.
fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|&b| b == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

fn value<'a>(name: &str, pair: &'a [u8]) -> Option<&'a [u8]> {
    let rest = pair.strip_prefix(name.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
    Some(rest.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(rest))
}
