//! Ready-made MIBs: MIB-II, the ENTITY-MIBs, and the cabinet's own SERVER-MODULE-MIB.

pub mod cabinet;
pub mod entity;
pub mod interfaces;
pub mod ip;
pub mod linux;
pub mod mib2;
pub mod transport;
