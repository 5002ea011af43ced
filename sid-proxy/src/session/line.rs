//! Lines of a text protocol.

/// What stands at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A whole line: without its end, and how many bytes it takes with it.
    Whole(&'a [u8], usize),
    /// Not whole yet.
    Partial,
    /// Longer than the limit, its end included.
    TooLong,
}

/// Splits a line off that ends with LF, or CR and LF; a CR anywhere else stays in the line and is the caller's to
/// refuse.
pub(crate) fn line(bytes: &[u8], limit: usize) -> Line<'_> {
    let window = bytes.get(..limit.min(bytes.len())).unwrap_or_default();
    match window.iter().position(|&b| b == b'\n') {
        Some(end) => {
            let line = window.get(..end).unwrap_or_default();
            Line::Whole(line.strip_suffix(b"\r").unwrap_or(line), end.saturating_add(1))
        }
        None if bytes.len() >= limit => Line::TooLong,
        None => Line::Partial,
    }
}
