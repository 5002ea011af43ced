//! The subset of BER that SNMP uses (RFC 3417 §8): definite lengths, single-octet tags.
//!
//! [`Reader`] walks a slice and knows the offset of every failure in the datagram; [`Writer`] fills a slice from
//! its end. What real devices send although the standard forbids it is read and reported in [`Anomalies`].

use core::fmt;

/// A tag octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(pub u8);

impl Tag {
    /// INTEGER.
    pub const INTEGER: Self = Self(0x02);
    /// OCTET STRING.
    pub const OCTETS: Self = Self(0x04);
    /// NULL.
    pub const NULL: Self = Self(0x05);
    /// OBJECT IDENTIFIER.
    pub const OID: Self = Self(0x06);
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: Self = Self(0x30);
    /// IpAddress (RFC 2578 §7.1.5).
    pub const IP_ADDRESS: Self = Self(0x40);
    /// Counter32.
    pub const COUNTER32: Self = Self(0x41);
    /// Gauge32 and Unsigned32.
    pub const GAUGE32: Self = Self(0x42);
    /// TimeTicks.
    pub const TIME_TICKS: Self = Self(0x43);
    /// Opaque.
    pub const OPAQUE: Self = Self(0x44);
    /// Counter64.
    pub const COUNTER64: Self = Self(0x46);
    /// UInteger32 of RFC 1442: read as Gauge32, never written.
    pub const UINTEGER32: Self = Self(0x47);
    /// noSuchObject (RFC 3416 §3).
    pub const NO_SUCH_OBJECT: Self = Self(0x80);
    /// noSuchInstance.
    pub const NO_SUCH_INSTANCE: Self = Self(0x81);
    /// endOfMibView.
    pub const END_OF_MIB_VIEW: Self = Self(0x82);
}

/// What was wrong with a datagram, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct ParseError {
    /// What was wrong.
    pub problem: Problem,
    /// The offset of the offending element in the datagram.
    pub at: usize,
}

/// The ways in which a datagram can be malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// An element reaches past the end of what holds it.
    #[error("truncated element")]
    Truncated,
    /// Another tag was expected here.
    #[error("unexpected tag 0x{0:02x}")]
    Tag(u8),
    /// An indefinite length, which SNMP forbids (RFC 3417 §8), or one of more than eight octets.
    #[error("forbidden form of length")]
    Length,
    /// A constructed element is longer than what stands in it.
    #[error("unused bytes inside an element")]
    Leftover,
    /// An integer of no octets, or one that does not fit its type.
    #[error("integer out of range")]
    Integer,
    /// An object identifier with an unfinished or padded arc, an arc over 2^32-1 or more than 128 arcs.
    #[error("malformed object identifier")]
    Oid,
    /// A value whose size its type does not allow.
    #[error("wrong size of a value")]
    Size,
    /// A version other than 0 (v1), 1 (v2c) or 3.
    #[error("unsupported version {0}")]
    Version(i32),
    /// An exception value in a request, or a PDU type that this version does not have.
    #[error("not allowed in this version or PDU")]
    Forbidden,
}

/// Faults of the sender that were read all the same, as a set of flags.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Anomalies(u8);

impl Anomalies {
    /// A length in more octets than it needs (`30 82 00 35`), as several vendors send.
    pub const LONG_LENGTH: Self = Self(1);
    /// Bytes after the message.
    pub const TRAILING_BYTES: Self = Self(2);
    /// An integer in more octets than it needs.
    pub const PADDED_INTEGER: Self = Self(4);
    /// An unsigned value whose leading zero octet is missing.
    pub const UNPADDED_UNSIGNED: Self = Self(8);
    /// An object identifier of no octets.
    pub const EMPTY_OID: Self = Self(16);
    /// The obsolete tag UInteger32, read as Gauge32.
    pub const UINTEGER32: Self = Self(32);

    /// Tells whether nothing was tolerated.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Tells whether all of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other` to the set.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Anomalies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Anomalies, &str); 6] = [
            (Anomalies::LONG_LENGTH, "LONG_LENGTH"),
            (Anomalies::TRAILING_BYTES, "TRAILING_BYTES"),
            (Anomalies::PADDED_INTEGER, "PADDED_INTEGER"),
            (Anomalies::UNPADDED_UNSIGNED, "UNPADDED_UNSIGNED"),
            (Anomalies::EMPTY_OID, "EMPTY_OID"),
            (Anomalies::UINTEGER32, "UINTEGER32"),
        ];
        f.debug_set().entries(NAMES.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, n)| n)).finish()
    }
}

/// Reads elements from a slice of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of the end of `rest` in the datagram.
    end: usize,
    /// What was tolerated so far.
    pub anomalies: Anomalies,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of a datagram.
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, end: datagram.len(), anomalies: Anomalies(0) }
    }

    /// The offset in the datagram of what is read next.
    pub const fn at(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Tells whether everything has been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A failure at the place of what is read next.
    pub const fn error(&self, problem: Problem) -> ParseError {
        ParseError { problem, at: self.at() }
    }

    /// Looks at the next tag without taking it.
    pub fn peek(&self) -> Option<Tag> {
        self.rest.first().map(|t| Tag(*t))
    }

    /// Takes the next element.
    ///
    /// # Errors
    /// [`Problem::Truncated`] and [`Problem::Length`].
    #[inline]
    pub fn element(&mut self) -> Result<(Tag, &'a [u8]), ParseError> {
        if let [tag, len @ 0..=0x7f, rest @ ..] = self.rest {
            let Some((content, rest)) = rest.split_at_checked(usize::from(*len)) else {
                return Err(self.error(Problem::Truncated));
            };
            self.rest = rest;
            return Ok((Tag(*tag), content));
        }
        self.long_element()
    }

    fn long_element(&mut self) -> Result<(Tag, &'a [u8]), ParseError> {
        let [tag, first, rest @ ..] = self.rest else {
            return Err(self.error(Problem::Truncated));
        };
        let octets = usize::from(first & 0x7f);
        if octets == 0 || octets > 8 {
            return Err(self.error(Problem::Length));
        }
        let Some((length, rest)) = rest.split_at_checked(octets) else {
            return Err(self.error(Problem::Truncated));
        };
        let value = length.iter().fold(0_u64, |n, b| (n << 8) | u64::from(*b));
        if value < 0x80 || length.first() == Some(&0) {
            self.anomalies.insert(Anomalies::LONG_LENGTH);
        }
        let taken = usize::try_from(value).ok().and_then(|n| rest.split_at_checked(n));
        let Some((content, rest)) = taken else {
            return Err(self.error(Problem::Truncated));
        };
        self.rest = rest;
        Ok((Tag(*tag), content))
    }

    /// Takes the next element, which must carry `tag`, and returns its content.
    ///
    /// # Errors
    /// [`Problem::Tag`] and those of [`Reader::element`].
    #[inline]
    pub fn expect(&mut self, tag: Tag) -> Result<&'a [u8], ParseError> {
        if let Some(found) = self.peek()
            && found != tag
        {
            return Err(self.error(Problem::Tag(found.0)));
        }
        Ok(self.element()?.1)
    }

    /// Takes the next element, which must carry `tag`, and returns a reader of its content.
    ///
    /// # Errors
    /// As [`Reader::expect`].
    #[inline]
    pub fn enter(&mut self, tag: Tag) -> Result<Reader<'a>, ParseError> {
        let content = self.expect(tag)?;
        Ok(Reader { rest: content, end: self.at(), anomalies: Anomalies(0) })
    }

    /// Checks that everything was read and hands the anomalies to the reader outside.
    ///
    /// # Errors
    /// [`Problem::Leftover`].
    #[inline]
    pub fn leave(self, outer: &mut Reader<'_>) -> Result<(), ParseError> {
        if !self.is_empty() {
            return Err(self.error(Problem::Leftover));
        }
        outer.anomalies.insert(self.anomalies);
        Ok(())
    }

    /// Takes an INTEGER of 32 bits.
    ///
    /// # Errors
    /// [`Problem::Integer`] and those of [`Reader::expect`].
    #[inline]
    pub fn integer(&mut self) -> Result<i32, ParseError> {
        let at = self.at();
        let content = self.expect(Tag::INTEGER)?;
        self.signed(content).ok_or(ParseError { problem: Problem::Integer, at })
    }

    /// Takes an OCTET STRING.
    ///
    /// # Errors
    /// Those of [`Reader::expect`].
    #[inline]
    pub fn octets(&mut self) -> Result<&'a [u8], ParseError> {
        self.expect(Tag::OCTETS)
    }

    /// Reads the content of a signed integer of 32 bits.
    #[inline]
    pub(crate) fn signed(&mut self, content: &[u8]) -> Option<i32> {
        let value = match *content {
            [a] => return Some(i32::from(i8::from_be_bytes([a]))),
            [a, b] => i32::from(i16::from_be_bytes([a, b])),
            [a, b, c] => i32::from_be_bytes([a, b, c, 0]) >> 8,
            [a, b, c, d] => i32::from_be_bytes([a, b, c, d]),
            _ => return self.odd_signed(content),
        };
        if signed_len(value) == content.len() { Some(value) } else { self.odd_signed(content) }
    }

    /// As [`Reader::signed`], of any length and padding.
    fn odd_signed(&mut self, content: &[u8]) -> Option<i32> {
        let (first, rest) = content.split_first()?;
        let fill: i64 = if *first & 0x80 == 0 { 0 } else { -1 };
        if content.len() > 9 {
            return None;
        }
        if let Some(second) = rest.first()
            && ((*first == 0 && second & 0x80 == 0) || (*first == 0xff && second & 0x80 != 0))
        {
            self.anomalies.insert(Anomalies::PADDED_INTEGER);
            if content.len() > 8 {
                return self.odd_signed(rest);
            }
        }
        let value = content.iter().fold(fill, |n, b| (n << 8) | i64::from(*b));
        i32::try_from(value).ok()
    }

    /// Reads the content of an unsigned integer of at most that many octets.
    #[inline]
    pub(crate) fn unsigned(&mut self, content: &[u8], octets: usize) -> Option<u64> {
        match *content {
            [a @ 0..=0x7f] => Some(u64::from(a)),
            [a @ 1..=0x7f, b] => Some(u64::from(u16::from_be_bytes([a, b]))),
            [0, a @ 0x80..=0xff] => Some(u64::from(a)),
            [a @ 1..=0x7f, b, c] => Some(u64::from(u32::from_be_bytes([0, a, b, c]))),
            [a @ 1..=0x7f, b, c, d] | [0, a @ 0x80..=0xff, b, c, d] => {
                Some(u64::from(u32::from_be_bytes([a, b, c, d])))
            }
            _ => self.long_unsigned(content, octets),
        }
    }

    /// As [`Reader::unsigned`], of any length and padding.
    fn long_unsigned(&mut self, content: &[u8], octets: usize) -> Option<u64> {
        let (first, rest) = content.split_first()?;
        if *first == 0 {
            if rest.first().is_some_and(|b| b & 0x80 == 0) {
                self.anomalies.insert(Anomalies::PADDED_INTEGER);
            }
        } else if *first & 0x80 != 0 {
            // A counter of four octets with its top bit set: the sender forgot the zero before it. A shorter
            // one is a negative number and has no unsigned reading.
            if content.len() != octets {
                return None;
            }
            self.anomalies.insert(Anomalies::UNPADDED_UNSIGNED);
        }
        let significant = content.iter().position(|b| *b != 0).unwrap_or(content.len());
        let digits = content.get(significant..)?;
        if digits.len() > octets || content.len() > 9 {
            return None;
        }
        Some(digits.iter().fold(0_u64, |n, b| (n << 8) | u64::from(*b)))
    }
}

/// The caller's buffer is smaller than the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the buffer is too small")]
pub struct NoRoom;

/// Fills a buffer from its end towards its beginning.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    start: usize,
}

impl<'b> Writer<'b> {
    /// Starts at the end of `buffer`.
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        let start = buffer.len();
        Self { buffer, start }
    }

    /// Goes on before what stands at `start` and behind it.
    pub(crate) const fn resume(buffer: &'b mut [u8], start: usize) -> Self {
        Self { buffer, start }
    }

    /// The offset of the first written byte.
    pub const fn start(&self) -> usize {
        self.start
    }

    /// How many bytes have been written.
    pub const fn len(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    /// Tells whether nothing has been written.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes `bytes` before what stands there.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let start = self.start.checked_sub(bytes.len()).ok_or(NoRoom)?;
        self.buffer.get_mut(start..self.start).ok_or(NoRoom)?.copy_from_slice(bytes);
        self.start = start;
        Ok(())
    }

    /// Takes the `len` octets before what stands there, to be filled by the caller.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub(crate) fn reserve(&mut self, len: usize) -> Result<&mut [u8], NoRoom> {
        let start = self.start.checked_sub(len).ok_or(NoRoom)?;
        let slot = self.buffer.get_mut(start..self.start).ok_or(NoRoom)?;
        self.start = start;
        Ok(slot)
    }

    /// Writes the tag and the length of the content that was written since [`Writer::len`] was `mark`.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn header(&mut self, tag: Tag, mark: usize) -> Result<(), NoRoom> {
        self.header_of(tag, self.len().saturating_sub(mark))
    }

    /// Writes the tag and the length of a content of `length` octets.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn header_of(&mut self, tag: Tag, length: usize) -> Result<(), NoRoom> {
        match u8::try_from(length) {
            Ok(short @ 0..=0x7f) => self.bytes(&[tag.0, short]),
            Ok(byte) => self.bytes(&[tag.0, 0x81, byte]),
            Err(_) => match u16::try_from(length) {
                Ok(word) => {
                    let [high, low] = word.to_be_bytes();
                    self.bytes(&[tag.0, 0x82, high, low])
                }
                Err(_) => {
                    let [a, b, c, d] = u32::try_from(length).map_err(|_| NoRoom)?.to_be_bytes();
                    self.bytes(&[tag.0, 0x84, a, b, c, d])
                }
            },
        }
    }

    /// Writes one element whose content is at hand.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn element(&mut self, tag: Tag, content: &[u8]) -> Result<(), NoRoom> {
        let mark = self.len();
        self.bytes(content)?;
        self.header(tag, mark)
    }

    /// Writes a signed integer in as few octets as it needs.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn integer(&mut self, value: i32) -> Result<(), NoRoom> {
        let octets = value.to_be_bytes();
        let skip = octets.len().saturating_sub(signed_len(value));
        self.element(Tag::INTEGER, octets.get(skip..).unwrap_or(&octets))
    }

    /// Writes an unsigned integer under `tag` in as few octets as it needs.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn unsigned(&mut self, tag: Tag, value: u64) -> Result<(), NoRoom> {
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        let octets = [0, a, b, c, d, e, f, g, h];
        let skip = octets.len().saturating_sub(unsigned_len(value));
        self.element(tag, octets.get(skip..).unwrap_or(&octets))
    }
}

/// Octets of the content of a signed integer.
pub(crate) const fn signed_len(value: i32) -> usize {
    let spare = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    match 32_u32.saturating_sub(spare) {
        0..=7 => 1,
        8..=15 => 2,
        16..=23 => 3,
        _ => 4,
    }
}

/// Octets of the content of an unsigned integer, with the zero before a set top bit.
pub(crate) const fn unsigned_len(value: u64) -> usize {
    match 64_u32.saturating_sub(value.leading_zeros()) {
        0..=7 => 1,
        8..=15 => 2,
        16..=23 => 3,
        24..=31 => 4,
        32..=39 => 5,
        40..=47 => 6,
        48..=55 => 7,
        56..=63 => 8,
        _ => 9,
    }
}

/// Octets of an element whose content has `content` octets.
pub(crate) const fn element_len(content: usize) -> usize {
    let header = match content {
        0..=0x7f => 2,
        0x80..=0xff => 3,
        0x100..=0xffff => 4,
        _ => 6,
    };
    content.saturating_add(header)
}
