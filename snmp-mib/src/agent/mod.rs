//! The agent: answers GET, GETNEXT, GETBULK and SET for managers (RFC 1157, RFC 3416).
//!
//! ```text
//! datagram -> parse -> community -> GET | GETNEXT | GETBULK -> read -+-> one response, counted
//!                                   SET -> prepare, commit, undo ----+
//! ```
//!
//! An [`Agent`] owns the [`Mib`](crate::mib::Mib) it serves and brings the system group, sysORTable, the snmp
//! group and snmpSetSerialNo itself, and tells of its engine, users, communities and views in the MIBs of SNMPv3.
//! Who may see and write what is a [`Policy`](crate::vacm::Policy); a request that cannot be answered at once waits
//! and is answered when its owner has found what it needs.

mod access;
mod config;
mod elsewhere;
mod engine;
mod far;
mod framework;
mod io;
mod outcome;
mod own;
mod parked;
mod read;
mod registry;
mod reply;
mod request;
mod secure;
mod set;
mod tree;

pub use config::{Community, Config, Limits, Network, Rights, Writes};
pub use engine::Agent;
pub(crate) use far::{Kind, Question, Server, Share, Want};
pub use io::{AskId, Error, Event, Input, Output, WriteId};
pub use own::{OrEntry, Stats, System};
pub use registry::Overlap;
pub(crate) use registry::Registry;
