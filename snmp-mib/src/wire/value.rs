//! The values a variable binding can hold (RFC 2578 §7.1, RFC 3416 §3).

use core::net::Ipv4Addr;

use super::ber::{
    Anomalies, NoRoom, ParseError, Problem, Reader, Tag, Writer, element_len, signed_len, unsigned_len,
};
use super::oid::Oid;

/// A value, borrowed from a datagram or from a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// INTEGER, Integer32 and enumerations.
    Integer(i32),
    /// OCTET STRING and BITS.
    Octets(&'a [u8]),
    /// NULL, the value of a request's bindings.
    Null,
    /// OBJECT IDENTIFIER.
    Oid(Oid<'a>),
    /// IpAddress.
    IpAddress(Ipv4Addr),
    /// Counter32.
    Counter32(u32),
    /// Gauge32 and Unsigned32.
    Gauge32(u32),
    /// TimeTicks, hundredths of a second.
    TimeTicks(u32),
    /// Opaque.
    Opaque(&'a [u8]),
    /// Counter64, which SNMPv1 does not have.
    Counter64(u64),
    /// No object of that type is implemented, or the view hides it.
    NoSuchObject,
    /// The object is implemented and has no such instance.
    NoSuchInstance,
    /// Nothing comes after this name.
    EndOfMibView,
}

impl<'a> Value<'a> {
    /// Takes the next element of `reader` as a value.
    ///
    /// # Errors
    /// [`ParseError`].
    #[inline]
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let at = reader.at();
        let (tag, content) = reader.element()?;
        Self::of(reader, tag, content, at)
    }

    /// Reads the content of an element that stands at `at`.
    #[inline]
    pub(super) fn of(
        reader: &mut Reader<'a>,
        tag: Tag,
        content: &'a [u8],
        at: usize,
    ) -> Result<Self, ParseError> {
        let fail = |problem| ParseError { problem, at };
        let short = |reader: &mut Reader<'a>| {
            let value = reader.unsigned(content, 4).and_then(|n| u32::try_from(n).ok());
            value.ok_or(fail(Problem::Integer))
        };
        let nothing = |value| if content.is_empty() { Ok(value) } else { Err(fail(Problem::Size)) };
        Ok(match tag {
            Tag::INTEGER => Self::Integer(reader.signed(content).ok_or(fail(Problem::Integer))?),
            Tag::OCTETS => Self::Octets(content),
            Tag::OID => Self::Oid(read_oid(reader, content, at)?),
            Tag::COUNTER32 => Self::Counter32(short(reader)?),
            Tag::GAUGE32 => Self::Gauge32(short(reader)?),
            Tag::TIME_TICKS => Self::TimeTicks(short(reader)?),
            Tag::COUNTER64 => Self::Counter64(reader.unsigned(content, 8).ok_or(fail(Problem::Integer))?),
            Tag::NULL => nothing(Self::Null)?,
            Tag::IP_ADDRESS => match *content {
                [a, b, c, d] => Self::IpAddress(Ipv4Addr::new(a, b, c, d)),
                _ => return Err(fail(Problem::Size)),
            },
            Tag::OPAQUE => Self::Opaque(content),
            Tag::UINTEGER32 => {
                reader.anomalies.insert(Anomalies::UINTEGER32);
                Self::Gauge32(short(reader)?)
            }
            Tag::NO_SUCH_OBJECT => nothing(Self::NoSuchObject)?,
            Tag::NO_SUCH_INSTANCE => nothing(Self::NoSuchInstance)?,
            Tag::END_OF_MIB_VIEW => nothing(Self::EndOfMibView)?,
            Tag(other) => return Err(fail(Problem::Tag(other))),
        })
    }

    /// Takes a value that was checked before.
    #[inline]
    pub(super) fn reread(reader: &mut Reader<'a>) -> Option<Self> {
        match reader.peek()? {
            Tag::OID => Some(Self::Oid(Oid::from_const(reader.element().ok()?.1))),
            _ => Self::read(reader).ok(),
        }
    }

    /// Octets of the encoded element.
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        element_len(match self {
            Self::Integer(n) => signed_len(*n),
            Self::Octets(bytes) | Self::Opaque(bytes) => bytes.len(),
            Self::Oid(oid) => oid.as_bytes().len(),
            Self::IpAddress(_) => 4,
            Self::Counter32(n) | Self::Gauge32(n) | Self::TimeTicks(n) => unsigned_len(widen(*n)),
            Self::Counter64(n) => unsigned_len(*n),
            Self::Null | Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfMibView => 0,
        })
    }

    /// Writes the element before what stands in `out`.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn write(&self, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        match self {
            Self::Integer(n) => out.integer(*n),
            Self::Octets(bytes) => out.element(Tag::OCTETS, bytes),
            Self::Null => out.bytes(&[Tag::NULL.0, 0]),
            Self::Oid(oid) => out.element(Tag::OID, oid.as_bytes()),
            Self::IpAddress(address) => out.element(Tag::IP_ADDRESS, &address.octets()),
            Self::Counter32(n) => out.unsigned(Tag::COUNTER32, u64::from(*n)),
            Self::Gauge32(n) => out.unsigned(Tag::GAUGE32, u64::from(*n)),
            Self::TimeTicks(n) => out.unsigned(Tag::TIME_TICKS, u64::from(*n)),
            Self::Opaque(bytes) => out.element(Tag::OPAQUE, bytes),
            Self::Counter64(n) => out.unsigned(Tag::COUNTER64, *n),
            Self::NoSuchObject => out.bytes(&[Tag::NO_SUCH_OBJECT.0, 0]),
            Self::NoSuchInstance => out.bytes(&[Tag::NO_SUCH_INSTANCE.0, 0]),
            Self::EndOfMibView => out.bytes(&[Tag::END_OF_MIB_VIEW.0, 0]),
        }
    }

    /// The tag and the content octets; those of a number are put into `scratch`.
    #[inline]
    pub(super) fn content<'s>(&self, scratch: &'s mut [u8; 9]) -> (Tag, &'s [u8])
    where
        'a: 's,
    {
        let short = |n: u32| (u64::from(n).to_be_bytes(), unsigned_len(u64::from(n)));
        let (tag, (octets, length)) = match self {
            Self::Octets(bytes) => return (Tag::OCTETS, bytes),
            Self::Opaque(bytes) => return (Tag::OPAQUE, bytes),
            Self::Oid(oid) => return (Tag::OID, oid.as_bytes()),
            Self::Null => return (Tag::NULL, &[]),
            Self::NoSuchObject => return (Tag::NO_SUCH_OBJECT, &[]),
            Self::NoSuchInstance => return (Tag::NO_SUCH_INSTANCE, &[]),
            Self::EndOfMibView => return (Tag::END_OF_MIB_VIEW, &[]),
            Self::Integer(n) => (Tag::INTEGER, (i64::from(*n).to_be_bytes(), signed_len(*n))),
            Self::IpAddress(address) => (Tag::IP_ADDRESS, (u64::from(address.to_bits()).to_be_bytes(), 4)),
            Self::Counter32(n) => (Tag::COUNTER32, short(*n)),
            Self::Gauge32(n) => (Tag::GAUGE32, short(*n)),
            Self::TimeTicks(n) => (Tag::TIME_TICKS, short(*n)),
            Self::Counter64(n) => (Tag::COUNTER64, (n.to_be_bytes(), unsigned_len(*n))),
        };
        let [a, b, c, d, e, f, g, h] = octets;
        *scratch = [0, a, b, c, d, e, f, g, h];
        (tag, scratch.get(9_usize.saturating_sub(length)..).unwrap_or(&[]))
    }

    /// Tells whether it is one of the three exceptions of RFC 3416 §3.
    pub const fn is_exception(&self) -> bool {
        matches!(self, Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfMibView)
    }
}

/// Reads the content of an object identifier.
#[inline]
pub(super) fn read_oid<'a>(
    reader: &mut Reader<'a>,
    content: &'a [u8],
    at: usize,
) -> Result<Oid<'a>, ParseError> {
    if content.is_empty() {
        reader.anomalies.insert(Anomalies::EMPTY_OID);
    }
    Oid::from_content(content).map_err(|_| ParseError { problem: Problem::Oid, at })
}

#[allow(clippy::as_conversions, reason = "widening, where From is not const")]
const fn widen(n: u32) -> u64 {
    n as u64
}
