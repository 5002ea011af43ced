//! The message of SNMPv3 (RFC 3412 §6) and the security parameters of the user-based model (RFC 3414 §2.4).

use super::ber::{NoRoom, ParseError, Problem, Reader, Tag, Writer};
use super::message::{Body, Pdu, Version};

/// The user-based security model (RFC 3411 §3.4.4).
pub const USM: i32 = 3;
/// The smallest msgMaxSize that a message may state (RFC 3412 §6.1), in octets.
pub(super) const MIN_MAX_SIZE: i32 = 484;

/// The msgFlags (RFC 3412 §6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// The message is authenticated.
    pub const AUTH: Self = Self(1);
    /// The scoped PDU is encrypted.
    pub const PRIV: Self = Self(2);
    /// A Report may answer the message.
    pub const REPORTABLE: Self = Self(4);

    /// Tells whether all of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A message of v3 as it came: the scoped PDU may still be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V3Message<'a> {
    /// Matches a response to its request; 0 to 2^31-1.
    pub id: i32,
    /// The largest message that the sender accepts, in octets; at least 484.
    pub max_size: i32,
    /// What is done to the message.
    pub flags: Flags,
    /// Who reads [`V3Message::security`]; [`USM`] is the one model in use.
    pub model: i32,
    /// The security parameters, encoded as the model wants them.
    pub security: &'a [u8],
    /// Where `security` begins in the datagram.
    pub security_at: usize,
    /// What the message carries.
    pub data: V3Data<'a>,
    /// Octets of the datagram that are the message; what stands behind it is none of it.
    pub len: usize,
}

/// The msgData of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum V3Data<'a> {
    /// In clear: the encoded scoped PDU, read by [`ScopedPdu::parse`] once it may be trusted.
    Plain(&'a [u8]),
    /// Encrypted.
    Encrypted(&'a [u8]),
}

impl<'a> V3Message<'a> {
    /// Reads a datagram down to the security parameters and the scoped PDU, which stay encoded.
    ///
    /// # Errors
    /// [`ParseError`]; privacy without authentication is [`Problem::Forbidden`] (RFC 3412 §7.2 step 5d).
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let mut outside = Reader::new(datagram);
        let mut inside = outside.enter(Tag::SEQUENCE)?;
        let at = inside.at();
        match inside.integer()? {
            3 => {}
            other => return Err(ParseError { problem: Problem::Version(other), at }),
        }
        let mut header = inside.enter(Tag::SEQUENCE)?;
        let id = natural(&mut header, 0)?;
        let max_size = natural(&mut header, MIN_MAX_SIZE)?;
        let at = header.at();
        let [flags] = *header.octets()? else {
            return Err(ParseError { problem: Problem::Size, at });
        };
        let flags = Flags(flags);
        if flags.contains(Flags::PRIV) && !flags.contains(Flags::AUTH) {
            return Err(ParseError { problem: Problem::Forbidden, at });
        }
        let model = natural(&mut header, 1)?;
        header.leave(&mut inside)?;
        let security = inside.octets()?;
        let security_at = inside.at().saturating_sub(security.len());
        let data = if flags.contains(Flags::PRIV) {
            V3Data::Encrypted(inside.octets()?)
        } else {
            let whole = inside.rest();
            inside.expect(Tag::SEQUENCE)?;
            let taken = whole.len().saturating_sub(inside.rest().len());
            V3Data::Plain(whole.get(..taken).unwrap_or(whole))
        };
        inside.leave(&mut outside)?;
        Ok(Self { id, max_size, flags, model, security, security_at, data, len: outside.at() })
    }

    /// Writes the message around what `out` already holds: the encoded scoped PDU, or the octets of the
    /// encrypted one. Returns where the security parameters end, counted from the end of the message.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub(crate) fn write_around(
        out: &mut Writer<'_>,
        header: (i32, i32, Flags),
        security: &UsmParameters<'_>,
    ) -> Result<usize, NoRoom> {
        let (id, max_size, flags) = header;
        if flags.contains(Flags::PRIV) {
            out.header(Tag::OCTETS, 0)?;
        }
        let after = out.len();
        security.write(out)?;
        out.header(Tag::OCTETS, after)?;
        let mark = out.len();
        out.integer(USM)?;
        out.element(Tag::OCTETS, &[flags.0])?;
        out.integer(max_size)?;
        out.integer(id)?;
        out.header(Tag::SEQUENCE, mark)?;
        out.integer(3)?;
        out.header(Tag::SEQUENCE, 0)?;
        Ok(after)
    }
}

/// A PDU and the context it speaks of (RFC 3412 §6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopedPdu<'a> {
    /// Whose context it is.
    pub engine: &'a [u8],
    /// Which context; empty for the default one.
    pub context: &'a [u8],
    /// The PDU.
    pub pdu: Pdu<'a>,
}

impl<'a> ScopedPdu<'a> {
    /// Reads an encoded scoped PDU. What a block cipher may have padded it with is passed over.
    ///
    /// # Errors
    /// [`ParseError`], with offsets from the start of `encoded`.
    pub fn parse(encoded: &'a [u8]) -> Result<Self, ParseError> {
        let mut outside = Reader::new(encoded);
        let mut inside = outside.enter(Tag::SEQUENCE)?;
        let engine = inside.octets()?;
        let context = inside.octets()?;
        let at = inside.at();
        let Body::Pdu(pdu) = Body::read(&mut inside, Version::V2c)? else {
            return Err(ParseError { problem: Problem::Forbidden, at });
        };
        inside.leave(&mut outside)?;
        Ok(Self { engine, context, pdu })
    }

    /// Writes the scoped PDU before what `out` holds.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(&self, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        let mark = out.len();
        Body::Pdu(self.pdu).write(out)?;
        out.element(Tag::OCTETS, self.context)?;
        out.element(Tag::OCTETS, self.engine)?;
        out.header(Tag::SEQUENCE, mark)
    }

    /// Octets that [`ScopedPdu::write`] needs at the most.
    pub fn room(&self) -> usize {
        let names = self.engine.len().saturating_add(self.context.len());
        Body::Pdu(self.pdu).encoded_len().saturating_add(names).saturating_add(3 * 6)
    }
}

/// The security parameters of the user-based model (RFC 3414 §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsmParameters<'a> {
    /// The authoritative engine; empty in a discovery.
    pub engine: &'a [u8],
    /// Its snmpEngineBoots; what devices send beyond 0 to 2^31-1 is kept as it came.
    pub boots: i32,
    /// Its snmpEngineTime, in seconds.
    pub time: i32,
    /// On whose behalf the message is; 32 octets at the most.
    pub user: &'a [u8],
    /// The digest, over the message with zeros in its place.
    pub digest: &'a [u8],
    /// The salt of the encryption.
    pub salt: &'a [u8],
}

impl<'a> UsmParameters<'a> {
    /// Reads the security parameters of `message`, and tells where in the datagram the digest begins.
    ///
    /// # Errors
    /// [`ParseError`], with offsets in the datagram.
    pub fn parse(message: &V3Message<'a>) -> Result<(Self, usize), ParseError> {
        let shift =
            |error: ParseError| ParseError { at: error.at.saturating_add(message.security_at), ..error };
        Self::read(message.security)
            .map(|(parameters, at)| (parameters, at.saturating_add(message.security_at)))
            .map_err(shift)
    }

    fn read(encoded: &'a [u8]) -> Result<(Self, usize), ParseError> {
        let mut outside = Reader::new(encoded);
        let mut inside = outside.enter(Tag::SEQUENCE)?;
        let engine = inside.octets()?;
        let boots = inside.integer()?;
        let time = inside.integer()?;
        let at = inside.at();
        let user = inside.octets()?;
        if user.len() > 32 || engine.len() > 32 {
            return Err(ParseError { problem: Problem::Size, at });
        }
        let digest = inside.octets()?;
        let digest_at = inside.at().saturating_sub(digest.len());
        let salt = inside.octets()?;
        inside.leave(&mut outside)?;
        if !outside.is_empty() {
            return Err(outside.error(Problem::Leftover));
        }
        Ok((Self { engine, boots, time, user, digest, salt }, digest_at))
    }

    /// Writes the parameters before what `out` holds.
    fn write(&self, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        let mark = out.len();
        out.element(Tag::OCTETS, self.salt)?;
        out.element(Tag::OCTETS, self.digest)?;
        out.element(Tag::OCTETS, self.user)?;
        out.integer(self.time)?;
        out.integer(self.boots)?;
        out.element(Tag::OCTETS, self.engine)?;
        out.header(Tag::SEQUENCE, mark)
    }

    /// Octets of the salt and its header, which stand behind the digest.
    pub(crate) fn behind_digest(&self) -> usize {
        super::ber::element_len(self.salt.len())
    }

    /// Octets that the whole message needs around its scoped PDU at the most.
    pub(crate) fn room(&self) -> usize {
        let names = self.engine.len().saturating_add(self.user.len());
        names.saturating_add(self.digest.len()).saturating_add(self.salt.len()).saturating_add(80)
    }
}

/// An integer that must not be below `least`.
fn natural(reader: &mut Reader<'_>, least: i32) -> Result<i32, ParseError> {
    let at = reader.at();
    match reader.integer()? {
        value if value >= least => Ok(value),
        _ => Err(ParseError { problem: Problem::Integer, at }),
    }
}
