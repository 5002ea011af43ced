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

#[cfg(feature = "build")]
pub mod build;
pub mod campaign;
pub mod delta;
pub mod engine;
mod error;
mod limits;
pub mod seal;
pub mod tree;
pub mod trust;
pub mod verify;
pub mod wire;

pub use error::{Error, Malformed, Part, Problem, Untrusted};
pub use limits::Limits;
