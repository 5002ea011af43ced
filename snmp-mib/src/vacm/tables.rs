//! The rows of SNMP-VIEW-BASED-ACM-MIB (RFC 3415 §4), which are the model's configuration as well.

use alloc::{string::String, vec::Vec};

use crate::mib::{
    Base, Group, IndexReader, IndexType, IndexWriter, Mib, MibEnum, MibScalars, MibTable, RowStatus,
    StorageType, Syntax, Table, TestAndIncr, Type,
};
use crate::usm::Level;
use crate::wire::{Oid, OidBuf, Value};

/// Who vouches for a name (SnmpSecurityModel, RFC 3411 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model(pub i32);

impl Model {
    /// Any of them; only in [`Access`].
    pub const ANY: Self = Self(0);
    /// The community of v1.
    pub const V1: Self = Self(1);
    /// The community of v2c.
    pub const V2C: Self = Self(2);
    /// The user-based security model of v3.
    pub const USM: Self = Self(3);
}

impl Type for Model {
    const SYNTAX: Syntax =
        Syntax::new(Base::Integer, "SnmpSecurityModel", "SNMP-FRAMEWORK-MIB").bounded(0, 2_147_483_647);

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Integer(self.0))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        i32::from_value(value).map(Self)
    }
}

impl IndexType for Model {
    fn write_index(&self, out: &mut IndexWriter) {
        self.0.write_index(out);
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        i32::read_index(from).map(Self)
    }
}

impl Type for Level {
    const SYNTAX: Syntax = Syntax {
        labels: &[("noAuthNoPriv", 1), ("authNoPriv", 2), ("authPriv", 3)],
        ..Syntax::new(Base::Integer, "SnmpSecurityLevel", "SNMP-FRAMEWORK-MIB")
    };

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Integer(match self {
            Self::Open => 1,
            Self::Authenticated => 2,
            Self::Encrypted => 3,
        }))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(1) => Some(Self::Open),
            Value::Integer(2) => Some(Self::Authenticated),
            Value::Integer(3) => Some(Self::Encrypted),
            _ => None,
        }
    }
}

impl IndexType for Level {
    fn write_index(&self, out: &mut IndexWriter) {
        if let Some(Value::Integer(number)) = self.value() {
            number.write_index(out);
        }
    }

    fn read_index(from: &mut IndexReader<'_>) -> Option<Self> {
        Self::from_value(Value::Integer(i32::read_index(from)?))
    }
}

/// A row of vacmContextTable: a collection of management information that can be asked for by its name.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "vacmContextTable", oid = "1.3.6.1.6.3.16.1.1", index(name))]
pub struct Context {
    /// Its name; empty for the default one.
    #[mib(1, read_only)]
    pub name: String,
}

/// A row of vacmSecurityToGroupTable: who belongs to which group.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "vacmSecurityToGroupTable",
    oid = "1.3.6.1.6.3.16.1.2",
    index(model, name),
    entry = "vacmSecurityToGroupEntry",
    prefix = "vacm"
)]
pub struct Member {
    /// Who vouches for the name.
    #[mib(1, name = "vacmSecurityModel")]
    pub model: Model,
    /// The name: of a user, or that stands for a community.
    #[mib(2, name = "vacmSecurityName")]
    pub name: String,
    /// The group.
    #[mib(3, name = "vacmGroupName")]
    pub group: String,
    /// How the row is kept.
    #[mib(4, name = "vacmSecurityToGroupStorageType")]
    pub storage: StorageType,
    /// The state of the row.
    #[mib(5, name = "vacmSecurityToGroupStatus")]
    pub status: RowStatus,
}

impl Member {
    /// A member that the configuration names.
    pub fn new(model: Model, name: &str, group: &str) -> Self {
        let (storage, status) = (StorageType::ReadOnly, RowStatus::Active);
        Self { model, name: name.into(), group: group.into(), storage, status }
    }
}

/// A row of vacmAccessTable: which views a group has.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "vacmAccessTable", oid = "1.3.6.1.6.3.16.1.4", index(group, prefix, model, level))]
pub struct Access {
    /// The group.
    #[mib(foreign = "vacmGroupName")]
    pub group: String,
    /// The context, or how its name begins.
    #[mib(1, name = "vacmAccessContextPrefix")]
    pub prefix: String,
    /// By which model its member came.
    #[mib(2, name = "vacmAccessSecurityModel")]
    pub model: Model,
    /// What must at least have been done to the message.
    #[mib(3, name = "vacmAccessSecurityLevel")]
    pub level: Level,
    /// Whether the context must be named in full.
    #[mib(4)]
    pub context_match: ContextMatch,
    /// The view for reading; empty for none.
    #[mib(5, name = "vacmAccessReadViewName")]
    pub read: String,
    /// The view for writing; empty for none.
    #[mib(6, name = "vacmAccessWriteViewName")]
    pub write: String,
    /// The view for notifications; empty for none.
    #[mib(7, name = "vacmAccessNotifyViewName")]
    pub notify: String,
    /// How the row is kept.
    #[mib(8, name = "vacmAccessStorageType")]
    pub storage: StorageType,
    /// The state of the row.
    #[mib(9, name = "vacmAccessStatus")]
    pub status: RowStatus,
}

impl Access {
    /// What `group` may do from `level` up in every context, by whatever model: nothing yet.
    pub fn new(group: &str, level: Level) -> Self {
        Self {
            group: group.into(),
            prefix: String::new(),
            model: Model::ANY,
            level,
            context_match: ContextMatch::Prefix,
            read: String::new(),
            write: String::new(),
            notify: String::new(),
            storage: StorageType::ReadOnly,
            status: RowStatus::Active,
        }
    }

    /// The same in the one context of that name.
    #[must_use]
    pub fn within(self, context: &str) -> Self {
        Self { prefix: context.into(), context_match: ContextMatch::Exact, ..self }
    }

    /// The same with a view for reading.
    #[must_use]
    pub fn reading(self, view: &str) -> Self {
        Self { read: view.into(), ..self }
    }

    /// The same with a view for writing.
    #[must_use]
    pub fn writing(self, view: &str) -> Self {
        Self { write: view.into(), ..self }
    }

    /// The same with a view for notifications.
    #[must_use]
    pub fn notified(self, view: &str) -> Self {
        Self { notify: view.into(), ..self }
    }
}

/// Whether a context must be named in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, MibEnum)]
pub enum ContextMatch {
    /// In full.
    Exact = 1,
    /// Its beginning is enough.
    Prefix = 2,
}

/// The scalar beside vacmViewTreeFamilyTable.
#[derive(Clone, Debug, Default, PartialEq, Eq, MibScalars)]
#[mib(name = "vacmMIBViews", oid = "1.3.6.1.6.3.16.1.5", prefix = "vacm")]
pub struct ViewLock {
    /// An advisory lock for those who change views. Views are configuration here, so nobody can take it.
    #[mib(1, name = "vacmViewSpinLock")]
    pub lock: TestAndIncr,
}

/// A row of vacmViewTreeFamilyTable: a family of subtrees that a view has in, or out.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "vacmViewTreeFamilyTable",
    oid = "1.3.6.1.6.3.16.1.5.2",
    index(view, subtree),
    prefix = "vacmViewTreeFamily"
)]
pub struct Family {
    /// The view.
    #[mib(1, name = "vacmViewTreeFamilyViewName")]
    pub view: String,
    /// The subtree, some arcs of which the mask may leave open.
    #[mib(2)]
    pub subtree: OidBuf,
    /// A bit for each arc, the first one highest: 0 leaves it open. Bits that are not there are 1.
    #[mib(3)]
    pub mask: Vec<u8>,
    /// Whether the view has it in or out.
    #[mib(4, name = "vacmViewTreeFamilyType")]
    pub kind: FamilyType,
    /// How the row is kept.
    #[mib(5, name = "vacmViewTreeFamilyStorageType")]
    pub storage: StorageType,
    /// The state of the row.
    #[mib(6)]
    pub status: RowStatus,
}

impl Family {
    /// A subtree that the view has in.
    pub fn included(view: &str, subtree: Oid<'_>) -> Self {
        Self {
            view: view.into(),
            subtree: subtree.to_buf(),
            mask: Vec::new(),
            kind: FamilyType::Included,
            storage: StorageType::ReadOnly,
            status: RowStatus::Active,
        }
    }

    /// A subtree that the view has out.
    pub fn excluded(view: &str, subtree: Oid<'_>) -> Self {
        Self { kind: FamilyType::Excluded, ..Self::included(view, subtree) }
    }

    /// The same with a mask.
    #[must_use]
    pub fn masked(self, mask: &[u8]) -> Self {
        Self { mask: mask.to_vec(), ..self }
    }
}

/// Whether a view has a family in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, MibEnum)]
pub enum FamilyType {
    /// In.
    Included = 1,
    /// Out.
    Excluded = 2,
}

/// SNMP-VIEW-BASED-ACM-MIB as managers read it.
#[derive(Clone, Debug, Default, PartialEq, Mib)]
pub struct Tables {
    /// vacmContextTable.
    pub contexts: Table<Context>,
    /// vacmSecurityToGroupTable.
    pub members: Table<Member>,
    /// vacmAccessTable.
    pub access: Table<Access>,
    /// vacmViewSpinLock.
    pub lock: Group<ViewLock>,
    /// vacmViewTreeFamilyTable.
    pub families: Table<Family>,
}
