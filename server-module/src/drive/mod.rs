//! One loop a protocol, with no protocol knowledge: sockets and clocks in, effects out.

pub mod boot;
pub mod ctl;
pub mod dhcp;
pub mod http;
pub mod poll;
pub mod snmp;
pub mod tftp;
pub mod traps;
