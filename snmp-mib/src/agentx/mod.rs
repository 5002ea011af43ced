//! AgentX (RFC 2741): one SNMP agent, the master, and sub-agents that serve parts of its tree over streams.
//!
//! - [`wire`]: the packets, in both byte orders.
//! - [`subagent`]: plugs a [`Mib`](crate::mib::Mib) into somebody's master, such as net-snmp's `snmpd`.

mod inbox;
pub mod master;
pub mod subagent;
pub mod wire;

/// TCP's port of a master (RFC 2741 §8.1.1). On one machine the Unix socket `/var/agentx/master` is usual.
pub const PORT: u16 = 705;
