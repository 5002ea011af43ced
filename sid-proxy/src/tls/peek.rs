//! From records to the hello (RFC 8446 §5.1): any records, any segments, one answer.

use super::{ClientHello, Malformed};
use crate::wire::host::Room;
use alloc::vec::Vec;
use core::ops::Range;

/// The longest hello, its record headers included: what [`Peek`] makes a driver buffer, and the most that it keeps
/// itself.
pub const MAX_HELLO: usize = 64 * 1024;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const RECORD_HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;
const MAX_RECORD: usize = 1 << 14;

/// Reads a ClientHello as it arrives.
///
/// A hello in one record, as nearly all are, is read where it lies; one in several is joined in a buffer of its own.
/// Each record is looked at once, so bytes that trickle cost no more than bytes that come at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Peek {
    /// Where the first record begins that was not looked at whole.
    next: usize,
    /// The message so far, if it spans records.
    joined: Vec<u8>,
    /// Where the whole message is, once it is.
    found: Option<Place>,
    room: Room,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// In what the caller holds, without its header.
    Caller(Range<usize>),
    /// In `joined`.
    Joined,
}

impl Default for Peek {
    fn default() -> Self {
        Self { next: 0, joined: Vec::new(), found: None, room: [0; 256] }
    }
}

impl Peek {
    /// Begins a connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the hello from `bytes`, which are all that came since the connection began; `None` while it is not whole.
    ///
    /// The answer does not depend on how the bytes were split into calls.
    pub fn read<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<ClientHello<'a>>, Malformed> {
        if self.found.is_none() {
            self.found = self.advance(bytes)?;
        }
        let body = match &self.found {
            None => return Ok(None),
            Some(Place::Caller(range)) => bytes.get(range.clone()),
            Some(Place::Joined) => self.joined.get(MESSAGE_HEADER..),
        };
        ClientHello::parse(body.unwrap_or_default(), &mut self.room).map(Some)
    }

    fn advance(&mut self, bytes: &[u8]) -> Result<Option<Place>, Malformed> {
        loop {
            let rest = bytes.get(self.next..).unwrap_or_default();
            let Some(length) = record_length(rest, self.next == 0)? else { return Ok(None) };
            let begin = self.next.saturating_add(RECORD_HEADER);
            let end = begin.saturating_add(length);
            if end > MAX_HELLO {
                return Err(Malformed::TooLong);
            }
            let content = bytes.get(begin..end.min(bytes.len())).unwrap_or_default();
            if let Some(want) = self.message_length(content)? {
                let have = self.joined.len().saturating_add(length);
                if have > want {
                    return Err(Malformed::Trailing);
                }
                if have == want && content.len() == length {
                    return Ok(Some(self.end(content, begin..end)));
                }
            }
            if content.len() < length {
                return Ok(None);
            }
            self.joined.extend_from_slice(content);
            self.next = end;
        }
    }

    /// The length of the whole message with its header, once the header is there.
    fn message_length(&self, content: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut header = self.joined.iter().chain(content).copied();
        match header.next() {
            None => return Ok(None),
            Some(CLIENT_HELLO) => {}
            Some(_) => return Err(Malformed::NotClientHello),
        }
        let (Some(high), Some(mid), Some(low)) = (header.next(), header.next(), header.next()) else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([0, high, mid, low]);
        let whole = crate::number::index(length).saturating_add(MESSAGE_HEADER);
        if whole.saturating_add(RECORD_HEADER) > MAX_HELLO {
            return Err(Malformed::TooLong);
        }
        Ok(Some(whole))
    }

    fn end(&mut self, content: &[u8], at: Range<usize>) -> Place {
        if self.joined.is_empty() {
            return Place::Caller(at.start.saturating_add(MESSAGE_HEADER)..at.end);
        }
        self.joined.extend_from_slice(content);
        Place::Joined
    }
}

/// The length of the record that begins here, once its header is whole. Each byte is judged as soon as it is there.
fn record_length(record: &[u8], first: bool) -> Result<Option<usize>, Malformed> {
    match *record {
        [] => Ok(None),
        [HANDSHAKE] => Ok(None),
        [HANDSHAKE, major, ..] if major != 3 => Err(Malformed::Version),
        [HANDSHAKE, _, _, high, low, ..] => match usize::from(u16::from_be_bytes([high, low])) {
            0 => Err(Malformed::EmptyRecord),
            length if length > MAX_RECORD => Err(Malformed::RecordOverflow),
            length => Ok(Some(length)),
        },
        [HANDSHAKE, ..] => Ok(None),
        _ if !first => Err(Malformed::Interleaved),
        // A record of two bytes of length, the high bit set, then the type (RFC 5246 §E.2).
        [length, _, CLIENT_HELLO, ..] if length & 0x80 != 0 => Err(Malformed::SslV2),
        [length] | [length, _] if length & 0x80 != 0 => Ok(None),
        _ => Err(Malformed::NotTls),
    }
}
