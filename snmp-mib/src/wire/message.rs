//! The community messages of v1 and v2c (RFC 1157 §4, RFC 1901 §3) and their PDUs (RFC 3416 §3).

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::ber::{
    Anomalies, NoRoom, ParseError, Problem, Reader, Tag, Writer, element_len, signed_len, unsigned_len,
};
use super::oid::Oid;
use super::value::read_oid;
use super::varbind::VarBinds;

/// The version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Version {
    /// SNMPv1 (RFC 1157).
    V1 = 0,
    /// Community-based SNMPv2 (RFC 1901).
    V2c = 1,
}

impl Version {
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::V1 => 0,
            Self::V2c => 1,
        }
    }
}

/// The tag of a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PduType(pub u8);

impl PduType {
    /// GetRequest.
    pub const GET: Self = Self(0xa0);
    /// GetNextRequest.
    pub const GET_NEXT: Self = Self(0xa1);
    /// Response, GetResponse in v1.
    pub const RESPONSE: Self = Self(0xa2);
    /// SetRequest.
    pub const SET: Self = Self(0xa3);
    /// The Trap of v1, which has a form of its own.
    pub const TRAP_V1: Self = Self(0xa4);
    /// GetBulkRequest.
    pub const GET_BULK: Self = Self(0xa5);
    /// InformRequest.
    pub const INFORM: Self = Self(0xa6);
    /// SNMPv2-Trap.
    pub const TRAP: Self = Self(0xa7);
    /// Report.
    pub const REPORT: Self = Self(0xa8);
}

/// The error-status of a PDU (RFC 3416 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ErrorStatus(pub i32);

#[allow(missing_docs, reason = "the names are those of RFC 3416 §3, with its meaning")]
impl ErrorStatus {
    pub const NO_ERROR: Self = Self(0);
    pub const TOO_BIG: Self = Self(1);
    pub const NO_SUCH_NAME: Self = Self(2);
    pub const BAD_VALUE: Self = Self(3);
    pub const READ_ONLY: Self = Self(4);
    pub const GEN_ERR: Self = Self(5);
    pub const NO_ACCESS: Self = Self(6);
    pub const WRONG_TYPE: Self = Self(7);
    pub const WRONG_LENGTH: Self = Self(8);
    pub const WRONG_ENCODING: Self = Self(9);
    pub const WRONG_VALUE: Self = Self(10);
    pub const NO_CREATION: Self = Self(11);
    pub const INCONSISTENT_VALUE: Self = Self(12);
    pub const RESOURCE_UNAVAILABLE: Self = Self(13);
    pub const COMMIT_FAILED: Self = Self(14);
    pub const UNDO_FAILED: Self = Self(15);
    pub const AUTHORIZATION_ERROR: Self = Self(16);
    pub const NOT_WRITABLE: Self = Self(17);
    pub const INCONSISTENT_NAME: Self = Self(18);
}

impl ErrorStatus {
    /// The status as SNMPv1 knows it (RFC 3584 §4.4).
    #[must_use]
    pub const fn for_v1(self) -> Self {
        match self {
            Self::WRONG_VALUE
            | Self::WRONG_ENCODING
            | Self::WRONG_TYPE
            | Self::WRONG_LENGTH
            | Self::INCONSISTENT_VALUE => Self::BAD_VALUE,
            Self::NO_ACCESS
            | Self::NOT_WRITABLE
            | Self::NO_CREATION
            | Self::INCONSISTENT_NAME
            | Self::AUTHORIZATION_ERROR => Self::NO_SUCH_NAME,
            Self::RESOURCE_UNAVAILABLE | Self::COMMIT_FAILED | Self::UNDO_FAILED => Self::GEN_ERR,
            other => other,
        }
    }
}

/// A PDU in the form that all types but the v1 Trap share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdu<'a> {
    /// Its type.
    pub kind: PduType,
    /// Matches a response to its request. It is signed.
    pub request_id: i32,
    /// The error-status; in a GETBULK, non-repeaters.
    pub error_status: ErrorStatus,
    /// The error-index, counted from 1; in a GETBULK, max-repetitions.
    pub error_index: i32,
    /// The bindings.
    pub varbinds: VarBinds<'a>,
}

/// The generic-trap of a v1 Trap (RFC 1157 §4.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generic(pub i32);

#[allow(missing_docs, reason = "the names are those of RFC 1157 §4.1.6")]
impl Generic {
    pub const COLD_START: Self = Self(0);
    pub const WARM_START: Self = Self(1);
    pub const LINK_DOWN: Self = Self(2);
    pub const LINK_UP: Self = Self(3);
    pub const AUTHENTICATION_FAILURE: Self = Self(4);
    pub const EGP_NEIGHBOR_LOSS: Self = Self(5);
    pub const ENTERPRISE_SPECIFIC: Self = Self(6);
}

/// The Trap of v1 (RFC 1157 §4.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrapV1<'a> {
    /// The sysObjectID of the sender, or the enterprise of a specific trap.
    pub enterprise: Oid<'a>,
    /// The sender's address.
    pub agent_address: Ipv4Addr,
    /// Which of the standard traps it is.
    pub generic: Generic,
    /// Which of the enterprise's traps it is, where `generic` is enterpriseSpecific.
    pub specific: i32,
    /// sysUpTime when it was sent, in hundredths of a second.
    pub time_stamp: u32,
    /// What it tells.
    pub varbinds: VarBinds<'a>,
}

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Every PDU but the v1 Trap.
    Pdu(Pdu<'a>),
    /// The v1 Trap.
    TrapV1(TrapV1<'a>),
}

/// A message of v1 or v2c.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its version.
    pub version: Version,
    /// The community, any octets.
    pub community: &'a [u8],
    /// What it carries.
    pub body: Body<'a>,
}

impl<'a> Message<'a> {
    /// Reads a datagram and checks all of it.
    ///
    /// # Errors
    /// [`ParseError`]: what was wrong and where.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_reporting(datagram).map(|(message, _)| message)
    }

    /// As [`Message::parse`], and reports which faults of the sender were tolerated.
    ///
    /// # Errors
    /// [`ParseError`]: what was wrong and where.
    pub fn parse_reporting(datagram: &'a [u8]) -> Result<(Self, Anomalies), ParseError> {
        let mut outside = Reader::new(datagram);
        let mut inside = outside.enter(Tag::SEQUENCE)?;
        let at = inside.at();
        let version = match inside.integer()? {
            0 => Version::V1,
            1 => Version::V2c,
            other => return Err(ParseError { problem: Problem::Version(other), at }),
        };
        let community = inside.octets()?;
        let body = Body::read(&mut inside, version)?;
        inside.leave(&mut outside)?;
        if !outside.is_empty() {
            outside.anomalies.insert(Anomalies::TRAILING_BYTES);
        }
        Ok((Self { version, community, body }, outside.anomalies))
    }

    /// Octets of the encoded message.
    pub fn encoded_len(&self) -> usize {
        let content = element_len(1)
            .saturating_add(element_len(self.community.len()))
            .saturating_add(element_len(self.body.content_len()));
        element_len(content)
    }

    /// Writes the message to the end of `buffer` and returns it.
    ///
    /// # Errors
    /// [`NoRoom`] where `buffer` is shorter than [`Message::encoded_len`].
    pub fn emit<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], NoRoom> {
        let mut out = Writer::new(buffer);
        self.body.write(&mut out)?;
        out.element(Tag::OCTETS, self.community)?;
        out.integer(self.version.number())?;
        out.header(Tag::SEQUENCE, 0)?;
        let start = out.start();
        buffer.get(start..).ok_or(NoRoom)
    }

    /// The encoded message in a vector of its size.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut buffer = alloc::vec![0; self.encoded_len()];
        let written = self.emit(&mut buffer).map(<[u8]>::len);
        debug_assert_eq!(written, Ok(buffer.len()));
        buffer
    }
}

impl<'a> Body<'a> {
    /// Reads the PDU, which must be the next element of `reader`.
    ///
    /// # Errors
    /// [`ParseError`].
    pub(crate) fn read(reader: &mut Reader<'a>, version: Version) -> Result<Self, ParseError> {
        let Some(tag) = reader.peek() else {
            return Err(reader.error(Problem::Truncated));
        };
        let kind = PduType(tag.0);
        match kind {
            PduType::GET | PduType::GET_NEXT | PduType::RESPONSE | PduType::SET => {}
            PduType::TRAP_V1 if version == Version::V1 => return TrapV1::read(reader).map(Body::TrapV1),
            PduType::GET_BULK | PduType::INFORM | PduType::TRAP | PduType::REPORT
                if version != Version::V1 => {}
            PduType(0xa4..=0xa8) => return Err(reader.error(Problem::Forbidden)),
            PduType(other) => return Err(reader.error(Problem::Tag(other))),
        }
        let mut inside = reader.enter(tag)?;
        let request_id = inside.integer()?;
        let error_status = ErrorStatus(inside.integer()?);
        let error_index = inside.integer()?;
        let varbinds = VarBinds::read(&mut inside)?;
        inside.leave(reader)?;
        Ok(Self::Pdu(Pdu { kind, request_id, error_status, error_index, varbinds }))
    }

    /// Octets of the encoded PDU.
    pub(crate) fn encoded_len(&self) -> usize {
        element_len(self.content_len())
    }

    fn content_len(&self) -> usize {
        match self {
            Self::Pdu(pdu) => [pdu.request_id, pdu.error_status.0, pdu.error_index]
                .iter()
                .fold(element_len(pdu.varbinds.content_len()), |sum, n| {
                    sum.saturating_add(element_len(signed_len(*n)))
                }),
            Self::TrapV1(trap) => element_len(trap.varbinds.content_len())
                .saturating_add(element_len(trap.enterprise.as_bytes().len()))
                .saturating_add(element_len(4))
                .saturating_add(element_len(signed_len(trap.generic.0)))
                .saturating_add(element_len(signed_len(trap.specific)))
                .saturating_add(element_len(unsigned_len(u64::from(trap.time_stamp)))),
        }
    }

    pub(crate) fn write(&self, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        let mark = out.len();
        match self {
            Self::Pdu(pdu) => {
                pdu.varbinds.write(out)?;
                out.integer(pdu.error_index)?;
                out.integer(pdu.error_status.0)?;
                out.integer(pdu.request_id)?;
                out.header(Tag(pdu.kind.0), mark)
            }
            Self::TrapV1(trap) => {
                trap.varbinds.write(out)?;
                out.unsigned(Tag::TIME_TICKS, u64::from(trap.time_stamp))?;
                out.integer(trap.specific)?;
                out.integer(trap.generic.0)?;
                out.element(Tag::IP_ADDRESS, &trap.agent_address.octets())?;
                out.element(Tag::OID, trap.enterprise.as_bytes())?;
                out.header(Tag(PduType::TRAP_V1.0), mark)
            }
        }
    }
}

impl<'a> TrapV1<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut inside = reader.enter(Tag(PduType::TRAP_V1.0))?;
        let at = inside.at();
        let content = inside.expect(Tag::OID)?;
        let enterprise = read_oid(&mut inside, content, at)?;
        let at = inside.at();
        let agent_address = match *inside.expect(Tag::IP_ADDRESS)? {
            [a, b, c, d] => Ipv4Addr::new(a, b, c, d),
            _ => return Err(ParseError { problem: Problem::Size, at }),
        };
        let generic = Generic(inside.integer()?);
        let specific = inside.integer()?;
        let at = inside.at();
        let content = inside.expect(Tag::TIME_TICKS)?;
        let ticks = inside.unsigned(content, 4).and_then(|n| u32::try_from(n).ok());
        let time_stamp = ticks.ok_or(ParseError { problem: Problem::Integer, at })?;
        let varbinds = VarBinds::read(&mut inside)?;
        inside.leave(reader)?;
        Ok(Self { enterprise, agent_address, generic, specific, time_stamp, varbinds })
    }
}
