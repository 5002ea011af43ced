//! Conversions to and from the types of the crate `asn1-rs` 0.7, for programs that use both.
//!
//! Those that come in are checked as if they had come in a datagram. Those that go out are refused where `asn1-rs`
//! would read them as something else.

use alloc::vec::Vec;

use ::asn1_rs::{Any, Class, Header, Integer, Length, OctetString};

use super::ber::{ParseError, Problem, Reader, Tag};
use super::oid::{Oid, OidBuf};
use super::value::Value;

/// Why a value has no counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// A relative identifier, which stands for none by itself.
    #[error("a relative object identifier")]
    Relative,
    /// No value that SNMP knows, or malformed.
    #[error("no value of SNMP: {0}")]
    Value(#[from] ParseError),
    /// `asn1-rs` reads other arcs from the same octets: it takes 2.999 for 3.16.55, and 0.0 for 0.
    #[error("asn1-rs would read another identifier")]
    Misread,
}

impl Mismatch {
    const fn of(problem: Problem) -> Self {
        Self::Value(ParseError { problem, at: 0 })
    }
}

impl<'a> TryFrom<&'a ::asn1_rs::Oid<'_>> for Oid<'a> {
    type Error = Mismatch;

    fn try_from(oid: &'a ::asn1_rs::Oid<'_>) -> Result<Self, Mismatch> {
        // Only this comparison tells whether it is.
        if *oid != ::asn1_rs::Oid::new(oid.as_bytes().into()) {
            return Err(Mismatch::Relative);
        }
        Self::from_content(oid.as_bytes()).map_err(|_| Mismatch::of(Problem::Oid))
    }
}

impl TryFrom<&::asn1_rs::Oid<'_>> for OidBuf {
    type Error = Mismatch;

    fn try_from(oid: &::asn1_rs::Oid<'_>) -> Result<Self, Mismatch> {
        Oid::try_from(oid).map(Oid::to_buf)
    }
}

impl<'a> TryFrom<Oid<'a>> for ::asn1_rs::Oid<'a> {
    type Error = Mismatch;

    fn try_from(oid: Oid<'a>) -> Result<Self, Mismatch> {
        let theirs = Self::new(oid.as_bytes().into());
        let same = theirs.iter().is_some_and(|arcs| arcs.eq(oid.arcs().map(u64::from)));
        if same { Ok(theirs) } else { Err(Mismatch::Misread) }
    }
}

impl<'a> TryFrom<&Any<'a>> for Value<'a> {
    type Error = Mismatch;

    /// Takes any value of a binding: those of ASN.1, of the SMI (class APPLICATION), and the exceptions.
    fn try_from(any: &Any<'a>) -> Result<Self, Mismatch> {
        let class: u8 = match any.class() {
            Class::Universal => 0,
            Class::Application => 0x40,
            Class::ContextSpecific => 0x80,
            Class::Private => 0xc0,
        };
        let number = u8::try_from(any.tag().0).ok().filter(|number| *number < 31);
        let tag = number.map(|number| class | number).filter(|_| !any.header.constructed());
        let tag = tag.ok_or(Mismatch::of(Problem::Tag(class)))?;
        let mut reader = Reader::new(any.data);
        Ok(Value::of(&mut reader, Tag(tag), any.data, 0)?)
    }
}

impl Value<'_> {
    /// The same as an element of `asn1-rs`, whose content is put into `content`.
    ///
    /// # Errors
    /// [`Mismatch::Misread`] for an identifier that `asn1-rs` does not read.
    pub fn to_any<'b>(&self, content: &'b mut Vec<u8>) -> Result<Any<'b>, Mismatch> {
        if let Self::Oid(oid) = self {
            ::asn1_rs::Oid::try_from(*oid)?;
        }
        let mut scratch = [0; 9];
        let (Tag(tag), octets) = self.content(&mut scratch);
        content.clear();
        content.extend_from_slice(octets);
        let class = match tag >> 6 {
            0 => Class::Universal,
            1 => Class::Application,
            2 => Class::ContextSpecific,
            _ => Class::Private,
        };
        let number = ::asn1_rs::Tag(u32::from(tag & 0x1f));
        Ok(Any::new(Header::new(class, false, number, Length::Definite(content.len())), content))
    }
}

impl TryFrom<&Integer<'_>> for Value<'_> {
    type Error = Mismatch;

    fn try_from(integer: &Integer<'_>) -> Result<Self, Mismatch> {
        // An INTEGER of no octets, which asn1-rs takes for 0, is malformed.
        let value = Reader::new(&[]).signed(integer.as_ref());
        value.map(Self::Integer).ok_or(Mismatch::of(Problem::Integer))
    }
}

impl<'a> From<&'a OctetString<'_>> for Value<'a> {
    fn from(octets: &'a OctetString<'_>) -> Self {
        Self::Octets(octets.as_ref())
    }
}
