//! Request and response heads, by `httparse`, with the line ends and the limits that it leaves to its users.

use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ops::Range;
use thiserror::Error;

/// The most fields that a head may have.
pub const MAX_FIELDS: usize = 128;

/// Room for the fields of one head; the caller's stack lends it.
pub type Room<'a> = [MaybeUninit<httparse::Header<'a>>; MAX_FIELDS];

/// Fresh room.
#[must_use]
pub fn room<'a>() -> Room<'a> {
    [const { MaybeUninit::uninit() }; MAX_FIELDS]
}

/// One field: its name, a token, and its value, without white space around it.
pub type Field<'a> = httparse::Header<'a>;

/// The head of a request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method, a token.
    pub method: &'a str,
    /// The target, visible ASCII.
    pub target: &'a str,
    /// The minor version: 0 or 1.
    pub minor: u8,
    /// The fields in their order.
    pub fields: &'a [Field<'a>],
    /// Bytes of the head, its empty line included.
    pub len: usize,
    pub(crate) lines: Lines<'a>,
}

/// The head of a response.
#[derive(Debug)]
pub struct Response<'a> {
    /// The status, 100 to 999.
    pub status: u16,
    /// The minor version: 0 or 1.
    pub minor: u8,
    /// The fields in their order.
    pub fields: &'a [Field<'a>],
    /// Bytes of the head, its empty line included.
    pub len: usize,
    pub(crate) lines: Lines<'a>,
}

/// Why bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeadError {
    /// The start line or a field is malformed.
    #[error("the head is malformed")]
    Malformed,
    /// A line does not end in CR LF.
    #[error("a line does not end in CR LF")]
    LineEnd,
    /// The major version is not 1.
    #[error("the HTTP version is not 1.0 or 1.1")]
    Version,
    /// There are more fields than allowed.
    #[error("too many fields")]
    TooManyFields,
}

/// Octets of the empty lines at the front that are whole (RFC 9112 §2.2).
#[must_use]
pub fn empty_lines(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..] = rest {
        rest = tail;
    }
    bytes.len().saturating_sub(rest.len())
}

/// Finds where a head ends, which is behind its first empty line. `from` says how many bytes an earlier call
/// looked at in vain, so that a head fed byte by byte costs no more than one fed whole.
#[must_use]
pub fn end(bytes: &[u8], from: usize) -> Option<usize> {
    // Empty lines in front of a request line are not its end (RFC 9112 §2.2).
    let start = bytes.iter().position(|&b| b != b'\r' && b != b'\n')?.max(from.saturating_sub(3));
    let mut at = start;
    loop {
        let rest = bytes.get(at..)?;
        let feed = rest.iter().position(|&b| b == b'\n')?;
        at = at.saturating_add(feed).saturating_add(1);
        match bytes.get(at..) {
            Some([b'\n', ..]) => return Some(at.saturating_add(1)),
            Some([b'\r', b'\n', ..]) => return Some(at.saturating_add(2)),
            _ => {}
        }
    }
}

impl<'a> Request<'a> {
    /// Reads a head of which [`end`] found the end; `None` if it is not whole after all.
    pub fn parse(bytes: &'a [u8], room: &'a mut Room<'a>, fields: usize) -> Result<Option<Self>, HeadError> {
        let mut request = httparse::Request::new(&mut []);
        let room = room.get_mut(..fields.min(MAX_FIELDS)).unwrap_or_default();
        let len = match request.parse_with_uninit_headers(bytes, room) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(HeadError::of_request(error, bytes)),
        };
        let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
        else {
            return Err(HeadError::Malformed);
        };
        if target.bytes().fold(false, |bad, b| bad | (b <= b' ') | (b >= 0x7f) | (b == b'#')) {
            return Err(HeadError::Malformed);
        }
        let fields: &'a [Field<'a>] = request.headers;
        check_line_ends(bytes, fields, len)?;
        Ok(Some(Self { method, target, minor, fields, len, lines: Lines(bytes) }))
    }

    /// The request line with its line end, if it is `method SP target SP HTTP/1.1` in just these bytes.
    pub(crate) fn line(&self) -> Option<&'a [u8]> {
        const END: &[u8] = b" HTTP/1.1\r\n";
        let begin = self.lines.offset(self.method);
        let target = self.lines.offset(self.target);
        let line =
            self.lines.slice(begin..target.saturating_add(self.target.len()).saturating_add(END.len()));
        let one_space = begin.saturating_add(self.method.len()).saturating_add(1) == target;
        (one_space && line.ends_with(END)).then_some(line)
    }
}

/// The bytes of a head, by which fields that need no other form are copied as they stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    /// Where a field stands, up to the end of its line, if it is `name: value` with one space and none behind.
    #[inline]
    pub(crate) fn canonical(self, field: &Field<'_>, value: &[u8]) -> Option<Range<usize>> {
        let begin = self.offset(field.name);
        let colon = begin.saturating_add(field.name.len());
        let end = colon.saturating_add(2).saturating_add(value.len());
        let between = self.0.get(colon..)?.first_chunk::<2>()?;
        let behind = self.0.get(end..)?.first_chunk::<2>()?;
        (between == b": " && behind == b"\r\n").then_some(begin..end.saturating_add(2))
    }

    /// Bytes of the head by where they stand.
    #[inline]
    pub(crate) fn slice(self, range: Range<usize>) -> &'a [u8] {
        self.0.get(range).unwrap_or_default()
    }

    fn offset(self, part: &str) -> usize {
        part.as_ptr().addr().saturating_sub(self.0.as_ptr().addr())
    }
}

impl<'a> Response<'a> {
    /// Reads a head; `None` until it is whole. Bare LF, white space before a colon and folded lines are read
    /// as a lenient recipient does (RFC 9112 §2.2, §5.1, §5.2): what is passed on is written anew.
    pub fn parse(bytes: &'a [u8], room: &'a mut Room<'a>, fields: usize) -> Result<Option<Self>, HeadError> {
        let mut response = httparse::Response::new(&mut []);
        let room = room.get_mut(..fields.min(MAX_FIELDS)).unwrap_or_default();
        let mut config = httparse::ParserConfig::default();
        config.allow_spaces_after_header_name_in_responses(true);
        config.allow_obsolete_multiline_headers_in_responses(true);
        let len = match config.parse_response_with_uninit_headers(&mut response, bytes, room) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooManyFields),
            Err(httparse::Error::Version) => return Err(HeadError::Version),
            Err(_) => return Err(HeadError::Malformed),
        };
        let (Some(status), Some(minor)) = (response.code, response.version) else {
            return Err(HeadError::Malformed);
        };
        if status < 100 {
            return Err(HeadError::Malformed);
        }
        Ok(Some(Self { status, minor, fields: response.headers, len, lines: Lines(bytes) }))
    }
}

/// Reads a trailer section, which ends in an empty line; `None` until it is whole.
pub fn trailers<'a, 'r>(
    bytes: &'a [u8],
    room: &'r mut [Field<'a>],
) -> Result<Option<(usize, &'r [Field<'a>])>, HeadError> {
    match httparse::parse_headers(bytes, room) {
        Ok(httparse::Status::Complete((len, fields))) => {
            check_line_ends(bytes, fields, len)?;
            Ok(Some((len, fields)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
        Err(_) => Err(HeadError::Malformed),
    }
}

/// Bare LF as a line end is what smuggling is made of: `httparse` takes it, RFC 9112 §2.2 lets us refuse it.
/// A name begins where its line does, so looking at the two bytes before each name is enough.
fn check_line_ends(bytes: &[u8], fields: &[Field<'_>], len: usize) -> Result<(), HeadError> {
    let base = bytes.as_ptr().addr();
    let mut first = true;
    for field in fields {
        let at = field.name.as_ptr().addr().saturating_sub(base);
        let before = bytes.get(..at).unwrap_or_default();
        let begins = before.ends_with(b"\r\n") || (first && before.is_empty());
        if !begins {
            return Err(HeadError::LineEnd);
        }
        first = false;
    }
    let head = bytes.get(..len).unwrap_or_default();
    if head.ends_with(b"\r\n\r\n") || head == b"\r\n" { Ok(()) } else { Err(HeadError::LineEnd) }
}

impl HeadError {
    fn of_request(error: httparse::Error, bytes: &[u8]) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Self::TooManyFields,
            // `httparse` says the same of `HTTP/2.0` and of `HTPP/1.1`; only the first is a version.
            httparse::Error::Version if names_other_version(bytes) => Self::Version,
            _ => Self::Malformed,
        }
    }
}

/// The head with `HTTP/1.1` in the place of a higher minor version, as which it is to be read (RFC 9110 §2.5); `None` if
/// it has none. Nobody sends one yet, so the copy costs nobody anything.
#[must_use]
pub fn as_1_1(head: &[u8]) -> Option<Vec<u8>> {
    let end = head.iter().position(|&b| b == b'\r')?;
    let line = head.get(..end)?;
    let (minor, before) = line.split_last()?;
    if !before.ends_with(b" HTTP/1.") || !(b'2'..=b'9').contains(minor) {
        return None;
    }
    let mut copy = head.to_vec();
    *copy.get_mut(before.len())? = b'1';
    Some(copy)
}

fn names_other_version(bytes: &[u8]) -> bool {
    let line = bytes.split(|&b| b == b'\r' || b == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
    let version = line.rsplit(|&b| b == b' ').next().unwrap_or_default();
    let is_version = matches!(version, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit());
    is_version && version != b"HTTP/1.1" && version != b"HTTP/1.0"
}
