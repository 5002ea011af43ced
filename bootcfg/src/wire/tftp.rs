//! TFTP packets (RFC 1350, RFC 2347) and the names they ask for.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The most octets of a request (RFC 2347 §2: the options keep it within 512).
pub const MAX_REQUEST: usize = 512;

/// A packet, borrowed from a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A read request.
    Read(Request<'a>),
    /// A write request.
    Write(Request<'a>),
    /// A block of data, its number and its octets.
    Data(u16, &'a [u8]),
    /// The acknowledgement of a block.
    Ack(u16),
    /// The end of a transfer, for a reason.
    Error(ErrorCode, &'a [u8]),
    /// The options that a server accepts (RFC 2347).
    OptionAck(OptionList<'a>),
}

/// What a read or write request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The file's name, as it came.
    pub name: &'a [u8],
    /// The mode, as it came.
    pub mode: &'a [u8],
    /// The options.
    pub options: OptionList<'a>,
}

/// Option names and values, NUL after each, checked to come in pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionList<'a>(&'a [u8]);

impl<'a> OptionList<'a> {
    /// The pairs as they came. Names are compared without regard to case (RFC 2347 §2).
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (name, tail) = string(rest)?;
            let (value, tail) = string(tail)?;
            rest = tail;
            Some((name, value))
        })
    }

    /// The value of the first option called `name`.
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The value of the first option called `name`, as a number in decimal digits.
    pub fn number(&self, name: &str) -> Option<u64> {
        decimal(self.value(name)?)
    }
}

impl<'a> Packet<'a> {
    /// Reads a datagram's payload.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (opcode, rest) = bytes.split_first_chunk::<2>().ok_or(Malformed::Short)?;
        let number = || {
            rest.split_first_chunk::<2>()
                .map(|(n, tail)| (u16::from_be_bytes(*n), tail))
                .ok_or(Malformed::Short)
        };
        match u16::from_be_bytes(*opcode) {
            1 => Ok(Self::Read(request(bytes.len(), rest)?)),
            2 => Ok(Self::Write(request(bytes.len(), rest)?)),
            3 => number().map(|(block, data)| Self::Data(block, data)),
            // Trailing octets of an ACK are padding of short frames; they mean nothing.
            4 => number().map(|(block, _)| Self::Ack(block)),
            5 => {
                let (code, text) = number()?;
                // A text without its NUL is taken as it is: the code is what counts.
                Ok(Self::Error(ErrorCode(code), text.split(|byte| *byte == 0).next().unwrap_or(&[])))
            }
            6 => Ok(Self::OptionAck(options(rest)?)),
            other => Err(Malformed::Opcode(other)),
        }
    }

    /// Appends the packet to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::Read(request) => emit_request(out, 1, request),
            Self::Write(request) => emit_request(out, 2, request),
            Self::Data(block, data) => {
                emit_numbers(out, 3, *block);
                out.extend_from_slice(data);
            }
            Self::Ack(block) => emit_numbers(out, 4, *block),
            Self::Error(code, text) => {
                emit_numbers(out, 5, code.0);
                out.extend(text.iter().filter(|byte| **byte != 0));
                out.push(0);
            }
            Self::OptionAck(options) => {
                out.extend_from_slice(&[0, 6]);
                out.extend_from_slice(options.0);
            }
        }
    }
}

fn emit_numbers(out: &mut Vec<u8>, opcode: u16, number: u16) {
    out.extend_from_slice(&opcode.to_be_bytes());
    out.extend_from_slice(&number.to_be_bytes());
}

fn emit_request(out: &mut Vec<u8>, opcode: u16, request: &Request<'_>) {
    out.extend_from_slice(&opcode.to_be_bytes());
    for text in [request.name, request.mode] {
        out.extend(text.iter().filter(|byte| **byte != 0));
        out.push(0);
    }
    out.extend_from_slice(request.options.0);
}

/// Appends `name NUL value NUL`, as a request and an OACK carry options.
pub fn emit_option(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    emit_decimal(out, value);
    out.push(0);
}

impl<'a> OptionList<'a> {
    /// Takes octets that [`emit_option`] wrote.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Malformed> {
        options(bytes)
    }
}

fn emit_decimal(out: &mut Vec<u8>, value: u64) {
    let start = out.len();
    let mut rest = value;
    loop {
        let digit = u8::try_from(rest % 10).unwrap_or(0);
        out.push(b'0'.saturating_add(digit));
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(digit.into())
    })
}

fn request(len: usize, rest: &[u8]) -> Result<Request<'_>, Malformed> {
    if len > MAX_REQUEST {
        return Err(Malformed::Long(len));
    }
    let (name, rest) = string(rest).ok_or(Malformed::Unterminated)?;
    let (mode, rest) = string(rest).ok_or(Malformed::Unterminated)?;
    Ok(Request { name, mode, options: options(rest)? })
}

/// Checks that option names and values come in pairs, each with its NUL.
fn options(bytes: &[u8]) -> Result<OptionList<'_>, Malformed> {
    let strings = bytes.iter().filter(|byte| **byte == 0).count();
    if bytes.last().is_some_and(|last| *last != 0) || strings % 2 != 0 {
        return Err(Malformed::Unterminated);
    }
    Ok(OptionList(bytes))
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end.checked_add(1)?..)?))
}

/// Why a transfer ended (RFC 1350 §5, RFC 2347 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// Not defined: see the text.
    pub const UNDEFINED: Self = Self(0);
    /// File not found.
    pub const NOT_FOUND: Self = Self(1);
    /// Access violation.
    pub const ACCESS: Self = Self(2);
    /// Disk full or allocation exceeded.
    pub const FULL: Self = Self(3);
    /// Illegal TFTP operation.
    pub const ILLEGAL: Self = Self(4);
    /// Unknown transfer identifier.
    pub const UNKNOWN_TID: Self = Self(5);
    /// The file is there already.
    pub const EXISTS: Self = Self(6);
    /// No such user.
    pub const NO_USER: Self = Self(7);
    /// The options are refused (RFC 2347).
    pub const OPTIONS: Self = Self(8);
}

/// A datagram that is no TFTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It ends within its fixed part.
    #[error("the packet ends within its header")]
    Short,
    /// A request past 512 octets.
    #[error("a request of {0} octets: at most 512 are allowed")]
    Long(usize),
    /// A string without its NUL, or an option name without a value.
    #[error("a string is not terminated, or an option has no value")]
    Unterminated,
    /// An operation that TFTP does not know.
    #[error("opcode {0}: expected 1 to 6")]
    Opcode(u16),
}

/// How octets are carried (RFC 1350 §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// As they stand.
    Octet,
    /// As lines of text: LF as CR LF, CR as CR NUL.
    Netascii,
}

impl Mode {
    /// Reads a mode without regard to case; `mail` is obsolete and, like any other, `None`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.eq_ignore_ascii_case(b"octet") {
            Some(Self::Octet)
        } else if text.eq_ignore_ascii_case(b"netascii") {
            Some(Self::Netascii)
        } else {
            None
        }
    }

    /// The mode's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Octet => "octet",
            Self::Netascii => "netascii",
        }
    }
}

/// A file name made of components that cannot leave a directory.
///
/// One leading `/` is dropped. Empty components (`//`), `.`, `..`, backslashes, control characters, drive letters
/// and anything but UTF-8 are refused, so that whoever opens it handles names, never a path string.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

impl FileName {
    /// Checks a name as it came in a request.
    pub fn parse(name: &[u8]) -> Result<Self, NameError> {
        let text = core::str::from_utf8(name).map_err(|_| NameError::Character)?;
        let text = text.strip_prefix('/').unwrap_or(text);
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.contains(|c: char| c == '\\' || c.is_control()) {
            return Err(NameError::Character);
        }
        for (index, part) in text.split('/').enumerate() {
            match part {
                "" | "." | ".." => return Err(NameError::Component),
                _ if index == 0 && part.as_bytes().get(1) == Some(&b':') => return Err(NameError::Drive),
                _ => {}
            }
        }
        Ok(Self(String::from(text)))
    }

    /// The components, none of them empty, `.` or `..`.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The name without a leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A file name that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    #[error("an empty file name")]
    Empty,
    /// It has an empty component, `.` or `..`.
    #[error("a file name with an empty component, . or ..")]
    Component,
    /// It has a backslash, a control character or is not UTF-8.
    #[error("a file name with a backslash, a control character or bytes that are not UTF-8")]
    Character,
    /// It begins with a drive letter.
    #[error("a file name with a drive letter")]
    Drive,
}
