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

#[cfg(feature = "boot")]
pub mod boot;
pub mod card;
pub mod dhcp;
mod hw;
mod position;
mod queue;
mod table;
pub mod tftp;
mod time;
pub mod transcript;
pub mod wire;

pub use hw::HwAddr;
pub use position::{Plan, PlanError, Position, PositionError};
