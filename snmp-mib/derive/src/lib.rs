//! The derive macros of `snmp-mib-engine`: a table, a group of scalars, an enumeration or a notification is
//! declared once, as a Rust type.
//!
//! ```ignore
//! /// The cards of the cabinet, one row a slot.
//! #[derive(Clone, MibTable)]
//! #[mib(name = "smCardTable", oid = "1.3.6.1.4.1.32473.1.2.1", index(chassis, slot))]
//! struct Card {
//!     /// The chassis, counted from 1.
//!     #[mib(1, range(1, 20))]
//!     chassis: u32,
//!     /// The slot in the chassis, counted from 1.
//!     #[mib(2, range(1, 14))]
//!     slot: u32,
//!     /// Tenths of a degree Celsius; absent where nothing measures it.
//!     #[mib(6, units = "tenths of degrees Celsius")]
//!     temperature: Option<i32>,
//! }
//! ```
//!
//! On the type, `#[mib(..)]` takes `name`, `oid`, `index(field, ..)` (`implied` after the last one), `prefix`,
//! `entry`, `augments`, `status`, `create = path`, `complete = path`, `check = path`. On a field it takes the arc, then any of
//! `name`, `units`, `range(least, greatest)`, `status`, `read_only`, `read_write`, `read_create`,
//! `not_accessible`, `notify`, and `syntax = EXPR` where the type's own is not what the module says. A field with
//! `foreign = "ifIndex"` and no arc is an index part that another table declares. Doc comments become
//! DESCRIPTION clauses.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod attr;
mod enumeration;
mod mib;
mod notification;
mod objects;

/// Declares a table: implements `snmp_mib::mib::Row` for a struct of columns.
#[proc_macro_derive(MibTable, attributes(mib))]
pub fn table(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), objects::table)
}

/// Declares a group of scalars: implements `snmp_mib::mib::Scalars` for a struct.
#[proc_macro_derive(MibScalars, attributes(mib))]
pub fn scalars(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), objects::scalars)
}

/// Declares an enumeration: implements `snmp_mib::mib::Type` for an enum with a number for each variant.
#[proc_macro_derive(MibEnum, attributes(mib))]
pub fn enumeration(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), enumeration::derive)
}

/// Declares a notification: implements `snmp_mib::notify::Notification` for a struct of rows.
#[proc_macro_derive(Notification, attributes(mib))]
pub fn notification(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), notification::derive)
}

/// Gathers nodes: implements `snmp_mib::mib::Mib` for a struct whose fields are tables and groups, or, marked
/// `#[mib(flatten)]`, such structs themselves.
#[proc_macro_derive(Mib, attributes(mib))]
pub fn mib(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), mib::derive)
}

fn expand(
    input: &DeriveInput,
    derive: fn(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    derive(input).unwrap_or_else(|error| error.to_compile_error()).into()
}
