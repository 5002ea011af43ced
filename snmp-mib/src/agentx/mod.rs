//! AgentX (RFC 2741): one SNMP agent, the master, and sub-agents that serve parts of its tree over streams.
//!
//! - [`wire`]: the packets, in both byte orders.
//! - [`Joint`]: an agent of ours and its sub-agents as one; [`master`] is the sub-agents' side of it.
//! - [`subagent`]: plugs a [`Mib`](crate::mib::Mib) into somebody's master, such as net-snmp's `snmpd`.

mod inbox;
mod joint;
pub mod master;
pub mod subagent;
pub mod wire;

pub use joint::{Error, Input, Joint, Output};

/// TCP's port of a master (RFC 2741 §8.1.1). On one machine the Unix socket `/var/agentx/master` is usual.
pub const PORT: u16 = 705;
