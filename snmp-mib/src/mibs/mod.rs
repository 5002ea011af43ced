//! Ready-made MIBs: the interfaces group, and the cabinet's own SERVER-MODULE-MIB.

pub mod cabinet;
pub mod interfaces;
