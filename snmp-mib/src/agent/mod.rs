//! The agent: answers GET, GETNEXT, GETBULK and SET for managers (RFC 1157, RFC 3416).
//!
//! ```text
//! datagram -> parse -> community -> GET | GETNEXT | GETBULK -> read -+-> one response, counted
//!                                   SET -> prepare, commit, undo ----+
//! ```
//!
//! An [`Agent`] owns the [`Mib`](crate::mib::Mib) it serves and brings the system group, sysORTable, the snmp
//! group and snmpSetSerialNo itself.

mod config;
mod engine;
mod own;
mod read;
mod registry;
mod reply;
mod request;
mod secure;
mod set;

pub use config::{Community, Config, Limits, Network, Rights, Writes};
pub use engine::{Agent, Error, Event, Input, Output, WriteId};
pub use own::{OrEntry, Stats, System};
pub use registry::Overlap;
pub(crate) use registry::Registry;
