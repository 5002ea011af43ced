//! Lists of bindings and of search ranges, read from a packet or to be written into one.

use core::{fmt, net::Ipv4Addr};

use super::bytes::{Order, ParseError, Problem, Reader, Writer};
use super::name::Name;
use crate::wire::{OidBuf, Value, VarBind, VarBindList};

/// A value of a packet. As [`Value`], but for identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// An identifier.
    Name(Name<'a>),
    /// Any other value; never [`Value::Oid`].
    Plain(Value<'a>),
}

impl<'a> From<Value<'a>> for Data<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Oid(oid) => Self::Name(oid.into()),
            other => Self::Plain(other),
        }
    }
}

impl<'a> Data<'a> {
    fn read(code: u16, reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let fail = |problem| reader.error(problem);
        let (unknown, size) = (fail(Problem::Value(code)), fail(Problem::Size));
        Ok(Self::Plain(match code {
            2 => Value::Integer(reader.u32()?.cast_signed()),
            4 => Value::Octets(reader.octets()?),
            5 => Value::Null,
            6 => return Name::read(reader).map(|(name, _)| Self::Name(name)),
            64 => match *reader.octets()? {
                [a, b, c, d] => Value::IpAddress(Ipv4Addr::new(a, b, c, d)),
                _ => return Err(size),
            },
            65 => Value::Counter32(reader.u32()?),
            66 => Value::Gauge32(reader.u32()?),
            67 => Value::TimeTicks(reader.u32()?),
            68 => Value::Opaque(reader.octets()?),
            70 => Value::Counter64(reader.u64()?),
            128 => Value::NoSuchObject,
            129 => Value::NoSuchInstance,
            130 => Value::EndOfMibView,
            _ => return Err(unknown),
        }))
    }

    const fn code(&self) -> u16 {
        match self {
            Self::Name(_) | Self::Plain(Value::Oid(_)) => 6,
            Self::Plain(Value::Integer(_)) => 2,
            Self::Plain(Value::Octets(_)) => 4,
            Self::Plain(Value::Null) => 5,
            Self::Plain(Value::IpAddress(_)) => 64,
            Self::Plain(Value::Counter32(_)) => 65,
            Self::Plain(Value::Gauge32(_)) => 66,
            Self::Plain(Value::TimeTicks(_)) => 67,
            Self::Plain(Value::Opaque(_)) => 68,
            Self::Plain(Value::Counter64(_)) => 70,
            Self::Plain(Value::NoSuchObject) => 128,
            Self::Plain(Value::NoSuchInstance) => 129,
            Self::Plain(Value::EndOfMibView) => 130,
        }
    }

    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::Name(name) => name.write(false, out),
            Self::Plain(value) => match value {
                Value::Integer(n) => out.u32(n.cast_unsigned()),
                Value::Octets(octets) | Value::Opaque(octets) => out.octets(octets),
                Value::IpAddress(address) => out.octets(&address.octets()),
                Value::Counter32(n) | Value::Gauge32(n) | Value::TimeTicks(n) => out.u32(*n),
                Value::Counter64(n) => out.u64(*n),
                Value::Oid(oid) => Name::from(*oid).write(false, out),
                Value::Null | Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => {}
            },
        }
    }

    /// The value as SNMP has it; an identifier is put into `scratch`. A null identifier is 0.0 (RFC 2741 §5.1).
    pub fn value<'b>(&self, scratch: &'b mut OidBuf) -> Value<'b>
    where
        'a: 'b,
    {
        match self {
            Self::Name(name) if name.is_null() => Value::Oid(crate::oid!(0, 0)),
            Self::Name(name) => Value::Oid(name.to_oid(scratch)),
            Self::Plain(value) => *value,
        }
    }
}

/// A name and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The name.
    pub name: Name<'a>,
    /// The value.
    pub data: Data<'a>,
}

impl<'a> From<VarBind<'a>> for Binding<'a> {
    fn from(binding: VarBind<'a>) -> Self {
        Self { name: binding.name.into(), data: binding.value.into() }
    }
}

/// Where to look: from `start` up to and without `end` (RFC 2741 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search<'a> {
    /// Where the search begins.
    pub start: Name<'a>,
    /// Whether the start itself may be found.
    pub include: bool,
    /// Where it ends; null where it does not.
    pub end: Name<'a>,
}

/// The bindings as SNMP has them.
pub(in crate::agentx) fn owned(bindings: List<'_, Binding<'_>>) -> VarBindList {
    let (mut name, mut scratch, mut list) = (OidBuf::new(), OidBuf::new(), VarBindList::new());
    for Binding { name: own, data } in bindings.iter() {
        let value = match data {
            Data::Plain(value) => value,
            Data::Name(_) => data.value(&mut scratch),
        };
        list.push(own.to_oid(&mut name), value);
    }
    list
}

/// An element of a list.
pub trait Element<'a>: Copy + Sized + PartialEq + fmt::Debug + sealed::Sealed {
    #[doc(hidden)]
    fn take(reader: &mut Reader<'a>) -> Result<Self, ParseError>;
    #[doc(hidden)]
    fn put(&self, out: &mut Writer<'_>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Binding<'_> {}
    impl Sealed for super::Search<'_> {}
}

impl<'a> Element<'a> for Binding<'a> {
    fn take(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let code = reader.u16()?;
        reader.u16()?;
        let (name, _) = Name::read(reader)?;
        Ok(Self { name, data: Data::read(code, reader)? })
    }

    fn put(&self, out: &mut Writer<'_>) {
        out.u16(self.data.code());
        out.u16(0);
        self.name.write(false, out);
        self.data.write(out);
    }
}

impl<'a> Element<'a> for Search<'a> {
    fn take(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let (start, include) = Name::read(reader)?;
        let (end, _) = Name::read(reader)?;
        Ok(Self { start, include, end })
    }

    fn put(&self, out: &mut Writer<'_>) {
        self.start.write(self.include, out);
        self.end.write(false, out);
    }
}

/// A list that was read and checked, or one that is to be written.
#[derive(Clone, Copy)]
pub struct List<'a, T>(Form<'a, T>);

#[derive(Clone, Copy)]
enum Form<'a, T> {
    Wire { content: &'a [u8], order: Order, count: usize },
    Items(&'a [T]),
}

impl<'a, T: Element<'a>> List<'a, T> {
    /// Nothing.
    pub const EMPTY: Self = Self(Form::Items(&[]));

    /// A list to be written.
    pub const fn of(items: &'a [T]) -> Self {
        Self(Form::Items(items))
    }

    /// Reads everything that is left as a list.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let (content, order) = (reader.rest(), reader.order());
        let mut count = 0_usize;
        while !reader.is_empty() {
            T::take(reader)?;
            count = count.saturating_add(1);
        }
        Ok(Self(Form::Wire { content, order, count }))
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) {
        self.iter().for_each(|item| item.put(out));
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        match self.0 {
            Form::Wire { count, .. } => count,
            Form::Items(items) => items.len(),
        }
    }

    /// Tells whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + Clone + use<'a, T> {
        let (content, order, items) = match self.0 {
            Form::Wire { content, order, .. } => (content, order, [].as_slice()),
            Form::Items(items) => ([].as_slice(), Order::Big, items),
        };
        let mut reader = Reader::new(content, 0, order);
        // It was checked when it was read, so it ends where the content does.
        core::iter::from_fn(move || T::take(&mut reader).ok()).chain(items.iter().copied())
    }
}

impl<'a, T: Element<'a>> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<'a, T: Element<'a>> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
