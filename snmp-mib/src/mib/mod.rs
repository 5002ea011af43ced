//! What a MIB is made of: declarations ([`TableDef`], [`GroupDef`], [`NotificationDef`], [`ModuleDef`]) and the
//! rows and scalars that live under them ([`Table`], [`Scalars`]).
//!
//! A table is declared once, by deriving [`Row`] for its row type. The agent serves it, orders it and checks what
//! is written to it from that declaration, and [`text`] writes the SMIv2 module from it.
//!
//! Data reaches the agent by ownership: the agent holds a [`Mib`], usually a struct of [`Table`]s, and whoever
//! knows the rows updates them between two calls of `handle`. Nothing is copied when a request is answered. A
//! type that computes its instances on the fly implements [`Node`] itself.

mod change;
mod def;
mod group;
mod index;
mod key;
mod node;
mod table;
pub mod text;
mod types;

pub use def::{
    Access, Base, ColumnDef, Compliance, GroupDef, IndexDef, ModuleDef, NotificationDef, ScalarDef, Status,
    Syntax, TableDef,
};
pub use group::{Group, Scalars};
pub use index::{IndexReader, IndexType, IndexWriter};
pub use node::{Absent, Cursor, Edit, Mib, Node, Place, Refusal, Skip};
pub use table::{Row, Table};
pub use types::{
    Counter32, Counter64, DateAndTime, DisplayString, Gauge32, Integer, MacAddress, RowStatus, StorageType,
    TestAndIncr, TimeStamp, TimeTicks, TruthValue, Type,
};

pub use snmp_mib_derive::{Mib, MibEnum, MibScalars, MibTable};

use crate::wire::{Oid, OidBuf};

/// Moves `oid` from below `from` to the same place below `to`; an identifier elsewhere stays as it is.
pub fn rebase(oid: Oid<'_>, from: Oid<'_>, to: Oid<'_>) -> OidBuf {
    let Some(below) = oid.strip_prefix(from) else {
        return oid.to_buf();
    };
    let mut moved = to.to_buf();
    moved.append_content(below.as_bytes());
    moved
}
