//! The Rust types of objects: SMI base types (RFC 2578 §7.1) and textual conventions (RFC 2579).

use alloc::{string::String, vec::Vec};
use core::{net::Ipv4Addr, time::Duration};

use super::def::{Base, Syntax};
use super::index::{IndexReader, IndexType, IndexWriter};
use crate::wire::{ErrorStatus, Oid, OidBuf, Value};

/// A Rust type that an object can have.
///
/// `Option<T>` is an object that may be absent: what is unknown is not answered, rather than answered as zero.
pub trait Type: Sized {
    /// The declared type.
    const SYNTAX: Syntax;

    /// The value as it travels; `None` where the instance does not exist.
    fn value(&self) -> Option<Value<'_>>;

    /// Takes a value that [`Syntax::check`] let pass; `None` where the type itself knows better.
    fn from_value(value: Value<'_>) -> Option<Self>;

    /// Takes a written value.
    ///
    /// # Errors
    /// wrongValue where [`Type::from_value`] declines; what the textual convention says.
    fn write(&mut self, value: Value<'_>) -> Result<(), ErrorStatus> {
        *self = Self::from_value(value).ok_or(ErrorStatus::WRONG_VALUE)?;
        Ok(())
    }
}

impl<T: Type> Type for Option<T> {
    const SYNTAX: Syntax = T::SYNTAX;

    fn value(&self) -> Option<Value<'_>> {
        self.as_ref().and_then(T::value)
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        T::from_value(value).map(Some)
    }
}

/// Declares a newtype around a number that travels under a tag of its own.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $variant:ident, $syntax:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl Type for $name {
            const SYNTAX: Syntax = $syntax;

            fn value(&self) -> Option<Value<'_>> {
                Some(Value::$variant(self.0))
            }

            fn from_value(value: Value<'_>) -> Option<Self> {
                match value {
                    Value::$variant(n) => Some(Self(n)),
                    _ => None,
                }
            }
        }
    };
}

const SMI: &str = "SNMPv2-SMI";
const TC: &str = "SNMPv2-TC";

number! {
    /// A count that only rises and wraps at 2^32.
    Counter32(u32), Counter32, Syntax::new(Base::Counter32, "Counter32", SMI)
}
number! {
    /// A count that only rises and wraps at 2^64. SNMPv1 cannot see it.
    Counter64(u64), Counter64, Syntax::new(Base::Counter64, "Counter64", SMI)
}
number! {
    /// A level that rises and falls and stays at its greatest value when it would exceed it.
    Gauge32(u32), Gauge32, Syntax::new(Base::Gauge32, "Gauge32", SMI)
}
number! {
    /// A span in hundredths of a second.
    TimeTicks(u32), TimeTicks, Syntax::new(Base::TimeTicks, "TimeTicks", SMI)
}
number! {
    /// The value of sysUpTime when something happened.
    TimeStamp(u32), TimeTicks, Syntax::new(Base::TimeTicks, "TimeStamp", TC)
}
number! {
    /// INTEGER with the range of the declaration, where Integer32 is not what the module says.
    Integer(i32), Integer, Syntax::new(Base::Integer, "INTEGER", "")
}

/// A lock for cooperating managers (RFC 2579 §2): a write must carry the present value and makes it one more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TestAndIncr(pub i32);

impl Type for TestAndIncr {
    const SYNTAX: Syntax = Syntax::new(Base::Integer, "TestAndIncr", TC).bounded(0, 2_147_483_647);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Integer(self.0))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        i32::from_value(value).map(Self)
    }

    fn write(&mut self, value: Value<'_>) -> Result<(), ErrorStatus> {
        if value != Value::Integer(self.0) {
            return Err(ErrorStatus::INCONSISTENT_VALUE);
        }
        self.0 = self.0.checked_add(1).unwrap_or(0);
        Ok(())
    }
}

impl Counter32 {
    /// Adds `n`, wrapping.
    pub const fn add(&mut self, n: u32) {
        self.0 = self.0.wrapping_add(n);
    }
}

impl From<Duration> for TimeTicks {
    /// Hundredths of a second, wrapping after 497 days as RFC 2578 §7.1.8 has it.
    fn from(span: Duration) -> Self {
        let ticks = span.as_millis() / 10 % (1 << 32);
        Self(u32::try_from(ticks).unwrap_or(u32::MAX))
    }
}

impl Type for i32 {
    const SYNTAX: Syntax = Syntax::new(Base::Integer, "Integer32", SMI);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Integer(*self))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(n) => Some(n),
            _ => None,
        }
    }
}

impl Type for u32 {
    const SYNTAX: Syntax = Syntax::new(Base::Gauge32, "Unsigned32", SMI);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Gauge32(*self))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Gauge32(n) => Some(n),
            _ => None,
        }
    }
}

impl Type for Ipv4Addr {
    const SYNTAX: Syntax = Syntax::new(Base::IpAddress, "IpAddress", SMI);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::IpAddress(*self))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::IpAddress(address) => Some(address),
            _ => None,
        }
    }
}

impl Type for OidBuf {
    const SYNTAX: Syntax = Syntax::new(Base::Oid, "OBJECT IDENTIFIER", "");

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Oid(self.as_oid()))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Oid(oid) => Some(oid.to_buf()),
            _ => None,
        }
    }
}

impl Type for Oid<'static> {
    const SYNTAX: Syntax = Syntax::new(Base::Oid, "OBJECT IDENTIFIER", "");

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Oid(*self))
    }

    /// A constant cannot be written.
    fn from_value(_: Value<'_>) -> Option<Self> {
        None
    }
}

impl Type for Vec<u8> {
    const SYNTAX: Syntax = Syntax::new(Base::Octets, "OCTET STRING", "");

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Octets(self))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Octets(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl<const N: usize> Type for [u8; N] {
    #[allow(clippy::as_conversions, reason = "a size in octets, in a constant")]
    const SYNTAX: Syntax = Syntax::new(Base::Octets, "OCTET STRING", "").within(N as i64, N as i64);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Octets(self))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Octets(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl Type for String {
    /// Text in UTF-8 (RFC 3411 §5).
    const SYNTAX: Syntax = Syntax::new(Base::Octets, "SnmpAdminString", "SNMP-FRAMEWORK-MIB").bounded(0, 255);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Octets(self.as_bytes()))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Octets(bytes) => core::str::from_utf8(bytes).ok().map(Self::from),
            _ => None,
        }
    }
}

/// Text in ASCII (RFC 2579 §2).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayString(String);

impl DisplayString {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for DisplayString {
    /// Keeps the ASCII characters, 255 at most.
    fn from(text: &str) -> Self {
        Self(text.chars().filter(char::is_ascii).take(255).collect())
    }
}

impl Type for DisplayString {
    const SYNTAX: Syntax = Syntax::new(Base::Octets, "DisplayString", TC).bounded(0, 255);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Octets(self.0.as_bytes()))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        String::from_value(value).filter(|text| text.is_ascii()).map(Self)
    }
}

impl IndexType for DisplayString {
    fn write_index(&self, out: &mut IndexWriter) {
        self.0.write_index(out);
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        String::read_index(from).filter(|text| text.is_ascii()).map(Self)
    }
}

/// An IEEE 802 address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl Type for MacAddress {
    const SYNTAX: Syntax = Syntax::new(Base::Octets, "MacAddress", TC).bounded(6, 6);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Octets(&self.0))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        <[u8; 6]>::from_value(value).map(Self)
    }
}

impl IndexType for MacAddress {
    fn write_index(&self, out: &mut IndexWriter) {
        self.0.write_index(out);
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        <[u8; 6]>::read_index(from).map(Self)
    }
}

/// A date and a time of 8 octets, or 11 with the offset from UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DateAndTime(pub Vec<u8>);

impl Type for DateAndTime {
    const SYNTAX: Syntax = Syntax::new(Base::Octets, "DateAndTime", TC).bounded(8, 11);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Octets(&self.0))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        Vec::from_value(value).filter(|bytes| matches!(bytes.len(), 8 | 11)).map(Self)
    }
}

/// Declares an enumeration with its labels.
macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident, $text:literal, $($(#[$vdoc:meta])* $variant:ident $label:literal $number:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant = $number,)+
        }

        impl Type for $name {
            const SYNTAX: Syntax = Syntax {
                labels: &[$(($label, $number)),+],
                ..Syntax::new(Base::Integer, $text, TC)
            };

            fn value(&self) -> Option<Value<'_>> {
                Some(Value::Integer(match self {
                    $(Self::$variant => $number,)+
                }))
            }

            fn from_value(value: Value<'_>) -> Option<Self> {
                match value {
                    $(Value::Integer($number) => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

enumeration! {
    /// True or false, as numbers.
    TruthValue, "TruthValue",
    /// 1.
    True "true" 1,
    /// 2.
    False "false" 2,
}
enumeration! {
    /// How rows come to be and go away (RFC 2579 §2).
    RowStatus, "RowStatus",
    /// The row is in use.
    Active "active" 1,
    /// The row is complete and not in use.
    NotInService "notInService" 2,
    /// The row lacks something.
    NotReady "notReady" 3,
    /// Written only: create the row and use it.
    CreateAndGo "createAndGo" 4,
    /// Written only: create the row and wait.
    CreateAndWait "createAndWait" 5,
    /// Written only: delete the row.
    Destroy "destroy" 6,
}
enumeration! {
    /// How a row is kept (RFC 2579 §2).
    StorageType, "StorageType",
    /// Otherwise.
    Other "other" 1,
    /// Lost when the agent restarts.
    Volatile "volatile" 2,
    /// Kept over restarts.
    NonVolatile "nonVolatile" 3,
    /// May be changed, not deleted.
    Permanent "permanent" 4,
    /// May be neither changed nor deleted.
    ReadOnly "readOnly" 5,
}

impl From<bool> for TruthValue {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}
