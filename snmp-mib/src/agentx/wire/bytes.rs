//! Reading and writing in either byte order, everything in units of four octets (RFC 2741 §5).

use alloc::vec::Vec;

/// Which octet of a number comes first. A sender chooses, packet by packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Network byte order.
    #[default]
    Big,
    /// The other one, which little machines send.
    Little,
}

/// What was wrong with a packet, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct ParseError {
    /// What was wrong.
    pub problem: Problem,
    /// The offset in the packet.
    pub at: usize,
}

/// The ways in which a packet can be malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Something reaches past the end of the packet.
    #[error("truncated packet")]
    Truncated,
    /// The packet has more octets than its PDU.
    #[error("unused bytes")]
    Leftover,
    /// A version other than 1.
    #[error("unsupported version {0}")]
    Version(u8),
    /// A PDU of no known type.
    #[error("unknown type of PDU {0}")]
    Type(u8),
    /// A payload that is no multiple of four octets, or longer than the limit.
    #[error("payload of {0} octets")]
    Length(u32),
    /// More than 128 arcs, or a first or second arc that no identifier has.
    #[error("malformed object identifier")]
    Oid,
    /// A value of no known type.
    #[error("unknown type of value {0}")]
    Value(u16),
    /// An IpAddress of another size than four octets.
    #[error("wrong size of a value")]
    Size,
    /// A context where the PDU has none.
    #[error("this PDU has no context")]
    Context,
}

/// Reads from a packet.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    end: usize,
    order: Order,
}

impl<'a> Reader<'a> {
    /// Starts at the offset `at` of the packet.
    pub(super) const fn new(rest: &'a [u8], at: usize, order: Order) -> Self {
        Self { rest, end: at.saturating_add(rest.len()), order }
    }

    pub(super) const fn order(&self) -> Order {
        self.order
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn error(&self, problem: Problem) -> ParseError {
        ParseError { problem, at: self.end.saturating_sub(self.rest.len()) }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], ParseError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.error(Problem::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.error(Problem::Truncated))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u16(&mut self) -> Result<u16, ParseError> {
        self.array().map(|octets| match self.order {
            Order::Big => u16::from_be_bytes(octets),
            Order::Little => u16::from_le_bytes(octets),
        })
    }

    pub(super) fn u32(&mut self) -> Result<u32, ParseError> {
        self.array().map(|octets| word(octets, self.order))
    }

    pub(super) fn u64(&mut self) -> Result<u64, ParseError> {
        self.array().map(|octets| match self.order {
            Order::Big => u64::from_be_bytes(octets),
            Order::Little => u64::from_le_bytes(octets),
        })
    }

    /// Takes an Octet String (RFC 2741 §5.3) with what pads it.
    pub(super) fn octets(&mut self) -> Result<&'a [u8], ParseError> {
        let length = usize::try_from(self.u32()?).map_err(|_| self.error(Problem::Truncated))?;
        let octets = self.take(length)?;
        self.take(padding(length))?;
        Ok(octets)
    }
}

/// Reads four octets as a number.
pub(super) const fn word(octets: [u8; 4], order: Order) -> u32 {
    match order {
        Order::Big => u32::from_be_bytes(octets),
        Order::Little => u32::from_le_bytes(octets),
    }
}

/// Octets that fill up to the next multiple of four.
const fn padding(length: usize) -> usize {
    length.wrapping_neg() & 3
}

/// Appends to a packet.
#[derive(Debug)]
pub struct Writer<'b> {
    pub(super) out: &'b mut Vec<u8>,
    pub(super) order: Order,
}

impl Writer<'_> {
    pub(super) fn u8s(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.u8s(&match self.order {
            Order::Big => value.to_be_bytes(),
            Order::Little => value.to_le_bytes(),
        });
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.u8s(&self.word(value));
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.u8s(&match self.order {
            Order::Big => value.to_be_bytes(),
            Order::Little => value.to_le_bytes(),
        });
    }

    pub(super) const fn word(&self, value: u32) -> [u8; 4] {
        match self.order {
            Order::Big => value.to_be_bytes(),
            Order::Little => value.to_le_bytes(),
        }
    }

    /// Writes an Octet String with what pads it.
    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.u32(u32::try_from(octets.len()).unwrap_or(u32::MAX));
        self.u8s(octets);
        self.u8s([0; 3].get(..padding(octets.len())).unwrap_or(&[]));
    }
}
