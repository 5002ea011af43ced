//! The view-based access control model (RFC 3415): who may see, write and be told what.
//!
//! ```text
//! (model, name) -> group ---.
//! context, level -----------+-> access -> read, write, notify view -> is the name in it?
//! ```
//!
//! A [`Policy`] is made once from rows that are also what managers read in SNMP-VIEW-BASED-ACM-MIB. Asking it
//! allocates nothing. A [`View`] also tells where its next visible part begins, so that a search passes over what is
//! hidden instead of walking through it.
//!
//! ```
//! use snmp_mib::oid;
//! use snmp_mib::usm::Level;
//! use snmp_mib::vacm::{Access, Config, Family, Member, Model, Policy};
//!
//! let policy = Policy::new(Config {
//!     members: vec![Member::new(Model::USM, "ali", "guests")],
//!     access: vec![Access::new("guests", Level::Encrypted).reading("system")],
//!     families: vec![Family::included("system", oid!(1, 3, 6, 1, 2, 1, 1))],
//!     ..Config::default()
//! });
//! let grant = policy.grant(Model::USM, b"ali", Level::Encrypted, b"").unwrap();
//! let view = policy.view(grant.read).unwrap();
//! assert!(view.contains(oid!(1, 3, 6, 1, 2, 1, 1, 5, 0)));
//! assert!(!view.contains(oid!(1, 3, 6, 1, 2, 1, 2, 1, 0)));
//! assert!(policy.view(grant.write).is_none());
//! ```

mod policy;
mod tables;
mod view;

pub use policy::{Config, Denied, Grant, Policy, ViewId};
pub use tables::{Access, Context, ContextMatch, Family, FamilyType, Member, Model, Tables, ViewLock};
pub use view::{Judgement, View};
