//! One loop a protocol, with no protocol knowledge: sockets and clocks in, effects out.

pub mod ctl;
pub mod poll;
pub mod snmp;
pub mod traps;
