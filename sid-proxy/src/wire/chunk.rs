//! Chunk lines and trailer sections (RFC 9112 §7.1).

use super::list::trim;
use thiserror::Error;

/// Why bytes are no chunk line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// The size is no hexadecimal number of at most 15 digits.
    #[error("the chunk size is no hexadecimal number")]
    Size,
    /// The line does not end in CR LF, or holds a control character.
    #[error("the chunk line does not end in CR LF")]
    LineEnd,
    /// The chunk is not followed by CR LF.
    #[error("the chunk is not followed by CR LF")]
    ChunkEnd,
    /// The line is longer than allowed.
    #[error("the chunk line is too long")]
    TooLong,
}

/// Reads a chunk line: the size and the length of the line; `None` until it is whole. Extensions are skipped
/// (RFC 9112 §7.1.1: a recipient ignores those that it does not know). Bare LF is refused: chunk framing has
/// no licence for it (RFC 9112 §2.2 has one for start lines and fields only).
pub fn line(bytes: &[u8], longest: usize) -> Result<Option<(u64, usize)>, ChunkError> {
    let Some(end) = bytes.iter().take(longest).position(|&b| b == b'\n') else {
        return if bytes.len() >= longest { Err(ChunkError::TooLong) } else { Ok(None) };
    };
    let Some([line @ .., b'\r']) = bytes.get(..end) else { return Err(ChunkError::LineEnd) };
    if line.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f) {
        return Err(ChunkError::LineEnd);
    }
    let size = match line.iter().position(|&b| b == b';') {
        // RFC 9112 §7.1.1 lets white space stand before the semicolon, which is bad whitespace elsewhere.
        Some(extension) => trim_end(line.get(..extension).unwrap_or_default()),
        None => line,
    };
    Ok(Some((hexadecimal(size).ok_or(ChunkError::Size)?, end.saturating_add(1))))
}

/// Reads the CR LF behind a chunk; `false` until it is whole.
pub fn end(bytes: &[u8]) -> Result<bool, ChunkError> {
    match bytes {
        [b'\r', b'\n', ..] => Ok(true),
        [] | [b'\r'] => Ok(false),
        _ => Err(ChunkError::ChunkEnd),
    }
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// 15 digits are 2^60: no size overflows, and none is close to it in honest traffic.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        sum.checked_shl(4)?.checked_add(u64::from(digit))
    })
}

/// True if a name may stand in a trailer that is passed on: no framing, routing, authentication, control or
/// caching (RFC 9110 §6.5.1).
#[must_use]
pub fn may_trail(name: &str) -> bool {
    const NEVER: &[&str] = &[
        "age",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "date",
        "expect",
        "expires",
        "forwarded",
        "host",
        "keep-alive",
        "location",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "retry-after",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "via",
        "www-authenticate",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    let name = trim(name.as_bytes());
    !NEVER.iter().any(|never| never.as_bytes().eq_ignore_ascii_case(name))
}
