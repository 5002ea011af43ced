//! The ClientHello message: bytes to a checked value (RFC 8446 §4.1.2).

use crate::wire::host::{Host, Room};
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16};
use nom::{IResult, Parser as _};
use thiserror::Error;

/// The most extension types without a bit of their own that one hello may carry; browsers send about six.
const MAX_RARE: usize = 32;

/// A checked ClientHello; no accessor fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    host: Option<Host<'a>>,
    alpn: &'a [u8],
    versions: &'a [u8],
    legacy_version: u16,
    cipher_suites: &'a [u8],
    extensions: &'a [u8],
    ech: bool,
}

/// The code of an extension (IANA "TLS ExtensionType Values").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionType(pub u16);

impl ExtensionType {
    /// `server_name` (RFC 6066 §3).
    pub const SERVER_NAME: Self = Self(0);
    /// `application_layer_protocol_negotiation` (RFC 7301 §3.1).
    pub const ALPN: Self = Self(16);
    /// `pre_shared_key` (RFC 8446 §4.2.11).
    pub const PRE_SHARED_KEY: Self = Self(41);
    /// `supported_versions` (RFC 8446 §4.2.1).
    pub const SUPPORTED_VERSIONS: Self = Self(43);
    /// `encrypted_client_hello` (RFC 9849 §5).
    pub const ENCRYPTED_CLIENT_HELLO: Self = Self(0xfe0d);
}

/// The code of an alert (RFC 8446 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alert(pub u8);

impl Alert {
    /// `unexpected_message`.
    pub const UNEXPECTED_MESSAGE: Self = Self(10);
    /// `record_overflow`.
    pub const RECORD_OVERFLOW: Self = Self(22);
    /// `illegal_parameter`.
    pub const ILLEGAL_PARAMETER: Self = Self(47);
    /// `decode_error`.
    pub const DECODE_ERROR: Self = Self(50);
    /// `access_denied`.
    pub const ACCESS_DENIED: Self = Self(49);
    /// `protocol_version`.
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// `internal_error`.
    pub const INTERNAL_ERROR: Self = Self(80);
    /// `unrecognized_name`.
    pub const UNRECOGNIZED_NAME: Self = Self(112);

    /// The record that tells a client of a fatal alert before any version was agreed on.
    #[must_use]
    pub fn record(self) -> [u8; 7] {
        [21, 3, 1, 0, 2, 2, self.0]
    }
}

/// A part of the hello, to say which one is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// `legacy_version` and `random`.
    Fixed,
    /// `legacy_session_id`.
    SessionId,
    /// `cipher_suites`.
    CipherSuites,
    /// `legacy_compression_methods`.
    Compression,
    /// The list of extensions, or the length of one.
    Extensions,
    /// `server_name`.
    ServerName,
    /// `application_layer_protocol_negotiation`.
    Alpn,
    /// `supported_versions`.
    SupportedVersions,
}

/// Why bytes are no ClientHello that may be routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The first byte begins no TLS record; often this is HTTP in the clear.
    #[error("not TLS")]
    NotTls,
    /// An SSLv2 ClientHello, which RFC 6176 §3 forbids.
    #[error("an SSLv2 hello")]
    SslV2,
    /// A record whose major version is not 3.
    #[error("not a version of TLS")]
    Version,
    /// A record over 2^14 bytes.
    #[error("a record over 16384 bytes")]
    RecordOverflow,
    /// A handshake record without content (RFC 8446 §5.1).
    #[error("an empty handshake record")]
    EmptyRecord,
    /// A record of another type between those of the hello (RFC 8446 §5.1).
    #[error("another record between those of the hello")]
    Interleaved,
    /// The first handshake message is not a ClientHello.
    #[error("the first message is not a ClientHello")]
    NotClientHello,
    /// The hello, records and all, is over [`super::MAX_HELLO`] bytes.
    #[error("the hello is too long")]
    TooLong,
    /// Something follows the hello in its last record.
    #[error("something follows the hello in its record")]
    Trailing,
    /// A length inside the hello does not fit its contents.
    #[error("{0:?} has a length that does not fit")]
    Length(Part),
    /// One extension twice (RFC 8446 §4.2), or two host names (RFC 6066 §3).
    #[error("{0:?} twice")]
    Twice(Part),
    /// `pre_shared_key` is not the last extension (RFC 8446 §4.2.11).
    #[error("pre_shared_key is not the last extension")]
    PskNotLast,
    /// More unusual extensions than any client sends.
    #[error("too many extensions")]
    TooManyExtensions,
    /// The name is an address literal, which RFC 6066 §3 forbids, or no host name.
    #[error("the server name is not a host name")]
    Name,
}

impl Malformed {
    /// The alert that RFC 8446 §6.2 has for it.
    #[must_use]
    pub fn alert(self) -> Alert {
        match self {
            Self::NotTls | Self::EmptyRecord | Self::Interleaved | Self::NotClientHello | Self::Trailing => {
                Alert::UNEXPECTED_MESSAGE
            }
            Self::SslV2 | Self::Version => Alert::PROTOCOL_VERSION,
            Self::RecordOverflow => Alert::RECORD_OVERFLOW,
            Self::TooLong | Self::Length(_) => Alert::DECODE_ERROR,
            Self::Twice(_) | Self::PskNotLast | Self::TooManyExtensions | Self::Name => {
                Alert::ILLEGAL_PARAMETER
            }
        }
    }

    /// What goes to the client before the connection is closed.
    #[must_use]
    pub fn reply(self) -> [u8; 7] {
        self.alert().record()
    }
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a ClientHello message, without its four bytes of type and length. `room` takes the
    /// normalised name.
    pub fn parse(body: &'a [u8], room: &'a mut Room) -> Result<Self, Malformed> {
        let (rest, legacy_version) = part(be_u16(body), Part::Fixed)?;
        let (rest, _random) = part(take(32usize)(rest), Part::Fixed)?;
        let (rest, session_id) = part(short(rest), Part::SessionId)?;
        if session_id.len() > 32 {
            return Err(Malformed::Length(Part::SessionId));
        }
        let (rest, cipher_suites) = part(long(rest), Part::CipherSuites)?;
        if cipher_suites.is_empty() || !cipher_suites.len().is_multiple_of(2) {
            return Err(Malformed::Length(Part::CipherSuites));
        }
        let (rest, compression) = part(short(rest), Part::Compression)?;
        if compression.is_empty() {
            return Err(Malformed::Length(Part::Compression));
        }
        let mut hello = Self {
            host: None,
            alpn: &[],
            versions: &[],
            legacy_version,
            cipher_suites,
            extensions: &[],
            ech: false,
        };
        // A TLS 1.2 hello may end here (RFC 5246 §7.4.1.2).
        if !rest.is_empty() {
            let (rest, extensions) = part(long(rest), Part::Extensions)?;
            if !rest.is_empty() {
                return Err(Malformed::Length(Part::Extensions));
            }
            hello.extensions = extensions;
            hello.read_extensions(room)?;
        }
        Ok(hello)
    }

    /// The name that the client asks for, normalised; `None` if it named none.
    #[must_use]
    pub fn host(&self) -> Option<Host<'a>> {
        self.host
    }

    /// The application protocols that the client offers, in its order.
    #[must_use]
    pub fn alpn(&self) -> Protocols<'a> {
        Protocols { rest: self.alpn }
    }

    /// The versions that the client supports, `0x0304` for TLS 1.3, in its order, GREASE values included; the one of
    /// the hello itself where the extension is absent.
    pub fn versions(&self) -> impl Iterator<Item = u16> + use<'a> {
        let legacy = self.versions.is_empty().then_some(self.legacy_version);
        words(self.versions).chain(legacy)
    }

    /// The cipher suites that the client offers, in its order.
    pub fn cipher_suites(&self) -> impl Iterator<Item = u16> + use<'a> {
        words(self.cipher_suites)
    }

    /// Every extension, in the order of the hello.
    #[must_use]
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions { rest: self.extensions }
    }

    /// True if the client sent `encrypted_client_hello`, in earnest or as GREASE; then [`ClientHello::host`] is the
    /// outer name.
    #[must_use]
    pub fn has_ech(&self) -> bool {
        self.ech
    }

    fn read_extensions(&mut self, room: &'a mut Room) -> Result<(), Malformed> {
        let mut rest = self.extensions;
        let mut seen = Seen::default();
        let mut name = None;
        while !rest.is_empty() {
            let (after, (code, data)) = part((be_u16, long).parse(rest), Part::Extensions)?;
            seen.add(code)?;
            match ExtensionType(code) {
                ExtensionType::SERVER_NAME => name = Some(server_name(data)?),
                ExtensionType::ALPN => self.alpn = protocols(data)?,
                ExtensionType::SUPPORTED_VERSIONS => self.versions = versions(data)?,
                ExtensionType::ENCRYPTED_CLIENT_HELLO => self.ech = true,
                ExtensionType::PRE_SHARED_KEY if !after.is_empty() => return Err(Malformed::PskNotLast),
                _ => {}
            }
            rest = after;
        }
        if let Some(Some(name)) = name {
            self.host = Some(host(name, room)?);
        }
        Ok(())
    }
}

/// Iterates over the extensions of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (ExtensionType, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (rest, (code, data)) = (be_u16::<_, ()>, long).parse(self.rest).ok()?;
        self.rest = rest;
        Some((ExtensionType(code), data))
    }
}

/// Iterates over the protocol names of an ALPN extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Protocols<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let (rest, name) = short(self.rest).ok()?;
        self.rest = rest;
        Some(name)
    }
}

/// Which extensions were seen: a bit for each of the first 64 types, a short list of the others.
#[derive(Default)]
struct Seen {
    common: u64,
    rare: [u16; MAX_RARE],
    count: usize,
}

impl Seen {
    fn add(&mut self, code: u16) -> Result<(), Malformed> {
        let twice = Malformed::Twice(match ExtensionType(code) {
            ExtensionType::SERVER_NAME => Part::ServerName,
            ExtensionType::ALPN => Part::Alpn,
            ExtensionType::SUPPORTED_VERSIONS => Part::SupportedVersions,
            _ => Part::Extensions,
        });
        if let Some(bit) = 1u64.checked_shl(u32::from(code)) {
            if self.common & bit != 0 {
                return Err(twice);
            }
            self.common |= bit;
            return Ok(());
        }
        if self.rare.iter().take(self.count).any(|&other| other == code) {
            return Err(twice);
        }
        *self.rare.get_mut(self.count).ok_or(Malformed::TooManyExtensions)? = code;
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

/// `ServerNameList` (RFC 6066 §3). Names of other types are passed over, and must say their length as that section
/// asks of types to come.
fn server_name(data: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let (rest, mut list) = part(long(data), Part::ServerName)?;
    if !rest.is_empty() || list.is_empty() {
        return Err(Malformed::Length(Part::ServerName));
    }
    let mut found = None;
    while !list.is_empty() {
        let (rest, (kind, name)) = part((be_u8, long).parse(list), Part::ServerName)?;
        if name.is_empty() {
            return Err(Malformed::Length(Part::ServerName));
        }
        if kind == 0 && found.replace(name).is_some() {
            return Err(Malformed::Twice(Part::ServerName));
        }
        list = rest;
    }
    Ok(found)
}

/// `ProtocolNameList` (RFC 7301 §3.1), checked to be a list of names that are not empty.
fn protocols(data: &[u8]) -> Result<&[u8], Malformed> {
    let (rest, list) = part(long(data), Part::Alpn)?;
    if !rest.is_empty() || list.is_empty() {
        return Err(Malformed::Length(Part::Alpn));
    }
    let mut names = list;
    while !names.is_empty() {
        let (rest, name) = part(short(names), Part::Alpn)?;
        if name.is_empty() {
            return Err(Malformed::Length(Part::Alpn));
        }
        names = rest;
    }
    Ok(list)
}

/// `SupportedVersions` (RFC 8446 §4.2.1).
fn versions(data: &[u8]) -> Result<&[u8], Malformed> {
    let (rest, list) = part(short(data), Part::SupportedVersions)?;
    if !rest.is_empty() || list.is_empty() || !list.len().is_multiple_of(2) {
        return Err(Malformed::Length(Part::SupportedVersions));
    }
    Ok(list)
}

/// A `HostName`: a DNS name, no address literal. A trailing dot, which RFC 6066 §3 does not want but clients send, is
/// dropped.
fn host<'a>(name: &[u8], room: &'a mut Room) -> Result<Host<'a>, Malformed> {
    let host = Host::parse(name, room).map_err(|_| Malformed::Name)?;
    let text = host.as_str();
    let literal = text.starts_with('[')
        || (text.ends_with(|last: char| last.is_ascii_digit())
            && text.parse::<core::net::Ipv4Addr>().is_ok());
    if literal { Err(Malformed::Name) } else { Ok(host) }
}

/// Bytes after a length of one byte.
fn short(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    nom::multi::length_data(be_u8).parse(input)
}

/// Bytes after a length of two bytes.
fn long(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    nom::multi::length_data(be_u16).parse(input)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u16> + use<'_> {
    bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
}

/// Names the part of the hello in which a parser failed.
fn part<T>(parsed: IResult<&[u8], T, ()>, part: Part) -> Result<(&[u8], T), Malformed> {
    parsed.map_err(|_| Malformed::Length(part))
}
