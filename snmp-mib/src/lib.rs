#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::as_conversions
    )
)]

extern crate alloc;
// The derive macros speak of `::snmp_mib`, in here as well.
extern crate self as snmp_mib;

pub mod agent;
pub mod agentx;
pub mod manager;
pub mod mib;
pub mod mibs;
pub mod middle;
pub mod notify;
mod outbox;
#[cfg(feature = "smi")]
pub mod smi;
pub mod usm;
pub mod vacm;
pub mod wire;
