//! Declarations: what the agent checks and what the module text says, from one constant.

use crate::wire::{ErrorStatus, Oid, Value};

/// How a type travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of RFC 2578 §7.1")]
pub enum Base {
    Integer,
    Octets,
    Oid,
    IpAddress,
    Counter32,
    Gauge32,
    TimeTicks,
    Opaque,
    Counter64,
    Bits,
}

/// A type: how it travels, what it may hold, what the module text calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// How it travels.
    pub base: Base,
    /// Its name in a SYNTAX clause.
    pub name: &'static str,
    /// The module that defines the name; empty where ASN.1 itself does.
    pub module: &'static str,
    /// The least and the greatest value, or size in octets where the base is a string.
    pub range: Option<(i64, i64)>,
    /// Whether the range is the declaration's own, rather than that of a textual convention.
    pub refined: bool,
    /// The labels of an enumeration or of BITS, with their numbers.
    pub labels: &'static [(&'static str, i32)],
}

impl Syntax {
    /// A type without restriction.
    pub const fn new(base: Base, name: &'static str, module: &'static str) -> Self {
        Self { base, name, module, range: None, refined: false, labels: &[] }
    }

    /// An enumeration.
    pub const fn labels(labels: &'static [(&'static str, i32)]) -> Self {
        Self { base: Base::Integer, name: "INTEGER", module: "", range: None, refined: false, labels }
    }

    /// The same type within bounds: of value, or of size where it is a string.
    #[must_use]
    pub const fn within(mut self, least: i64, greatest: i64) -> Self {
        self.range = Some((least, greatest));
        self.refined = true;
        self
    }

    /// The bounds that a textual convention brings along.
    #[must_use]
    pub const fn bounded(mut self, least: i64, greatest: i64) -> Self {
        self.range = Some((least, greatest));
        self
    }

    /// Judges a value that somebody wants to write.
    ///
    /// # Errors
    /// wrongType, wrongLength, wrongValue (RFC 3416 §4.2.5).
    pub fn check(&self, value: Value<'_>) -> Result<(), ErrorStatus> {
        let (number, size) = match (self.base, value) {
            (Base::Integer, Value::Integer(n)) => (Some(i64::from(n)), None),
            (Base::Counter32, Value::Counter32(n))
            | (Base::Gauge32, Value::Gauge32(n))
            | (Base::TimeTicks, Value::TimeTicks(n)) => (Some(i64::from(n)), None),
            (Base::Octets | Base::Bits, Value::Octets(bytes)) | (Base::Opaque, Value::Opaque(bytes)) => {
                (None, i64::try_from(bytes.len()).ok())
            }
            (Base::Oid, Value::Oid(_))
            | (Base::IpAddress, Value::IpAddress(_))
            | (Base::Counter64, Value::Counter64(_)) => (None, None),
            _ => return Err(ErrorStatus::WRONG_TYPE),
        };
        let outside = |n: &i64| self.range.is_some_and(|(least, greatest)| *n < least || *n > greatest);
        if size.as_ref().is_some_and(outside) {
            return Err(ErrorStatus::WRONG_LENGTH);
        }
        let unknown =
            |n: &i64| !self.labels.is_empty() && !self.labels.iter().any(|(_, l)| i64::from(*l) == *n);
        if number.as_ref().is_some_and(|n| outside(n) || unknown(n)) {
            return Err(ErrorStatus::WRONG_VALUE);
        }
        Ok(())
    }
}

/// The MAX-ACCESS of an object (RFC 2578 §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of RFC 2578 §7.3")]
pub enum Access {
    NotAccessible,
    AccessibleForNotify,
    ReadOnly,
    ReadWrite,
    ReadCreate,
}

impl Access {
    /// Tells whether requests can read it.
    pub const fn readable(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadWrite | Self::ReadCreate)
    }

    /// Tells whether requests can write it.
    pub const fn writable(self) -> bool {
        matches!(self, Self::ReadWrite | Self::ReadCreate)
    }
}

/// The STATUS of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of RFC 2578 §7.4")]
pub enum Status {
    #[default]
    Current,
    Deprecated,
    Obsolete,
}

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its arc below the entry.
    pub arc: u32,
    /// Its descriptor.
    pub name: &'static str,
    /// Its type.
    pub syntax: Syntax,
    /// What may be done with it.
    pub access: Access,
    /// Whether it is still in use.
    pub status: Status,
    /// Its unit of measure; empty for none.
    pub units: &'static str,
    /// What it means.
    pub description: &'static str,
}

/// One part of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexDef {
    /// The column that it is, of this table or of another.
    pub name: &'static str,
    /// Whether the length is left out because nothing follows (RFC 2578 §7.7).
    pub implied: bool,
}

/// A conceptual table (RFC 2578 §7.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableDef {
    /// Its descriptor, ending in `Table`.
    pub name: &'static str,
    /// The descriptor of its rows, ending in `Entry`.
    pub entry: &'static str,
    /// Where it stands.
    pub oid: Oid<'static>,
    /// What it lists.
    pub description: &'static str,
    /// Its columns by rising arc.
    pub columns: &'static [ColumnDef],
    /// The parts of its index.
    pub index: &'static [IndexDef],
    /// The entry whose rows these ones extend; empty for none.
    pub augments: &'static str,
    /// Whether it is still in use.
    pub status: Status,
}

/// One scalar of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalarDef {
    /// Its arc below the group.
    pub arc: u32,
    /// Its descriptor.
    pub name: &'static str,
    /// Its type.
    pub syntax: Syntax,
    /// What may be done with it.
    pub access: Access,
    /// Whether it is still in use.
    pub status: Status,
    /// Its unit of measure; empty for none.
    pub units: &'static str,
    /// What it means.
    pub description: &'static str,
}

/// Scalars that stand side by side below one identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupDef {
    /// The descriptor of the identifier.
    pub name: &'static str,
    /// Where it stands.
    pub oid: Oid<'static>,
    /// Its scalars by rising arc.
    pub scalars: &'static [ScalarDef],
}

/// A notification (RFC 2578 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationDef {
    /// Its descriptor.
    pub name: &'static str,
    /// Where it stands; the arc before the last is 0, so that v1 can carry it (RFC 2578 §8.5).
    pub oid: Oid<'static>,
    /// The descriptors of the objects it carries, in order.
    pub objects: &'static [&'static str],
    /// What it tells.
    pub description: &'static str,
}

/// The arcs below the module's identity under which conformance statements stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compliance {
    /// The descriptor of the branch, ending in `Conformance`.
    pub name: &'static str,
    /// Where the branch stands.
    pub oid: Oid<'static>,
}

/// A MIB module: what its text is written from.
#[derive(Clone, Copy, Debug)]
pub struct ModuleDef {
    /// Its name, in capitals.
    pub name: &'static str,
    /// The descriptor of its MODULE-IDENTITY.
    pub identity: &'static str,
    /// Where the identity stands.
    pub oid: Oid<'static>,
    /// What stands before its descriptors, as `sm`.
    pub prefix: &'static str,
    /// When it changed last: `YYYYMMDDHHMMZ`.
    pub last_updated: &'static str,
    /// Who answers for it.
    pub organization: &'static str,
    /// How to reach them.
    pub contact: &'static str,
    /// What it is about.
    pub description: &'static str,
    /// What the only revision brought.
    pub revision: &'static str,
    /// Identifiers between the identity and its objects: descriptor and place.
    pub nodes: &'static [(&'static str, Oid<'static>)],
    /// Its tables.
    pub tables: &'static [&'static TableDef],
    /// Its groups of scalars.
    pub groups: &'static [&'static GroupDef],
    /// Its notifications.
    pub notifications: &'static [&'static NotificationDef],
    /// Where its conformance statements stand.
    pub compliance: Compliance,
}
