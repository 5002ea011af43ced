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

pub mod acl;
pub mod ftp;
pub mod http;
mod id;
pub mod mirror;
mod number;
pub mod pair;
pub mod pool;
pub mod pop3;
pub mod probe;
pub mod proxy_protocol;
pub mod session;
pub mod stats;
pub mod table;
pub mod tls;
pub mod wire;

pub use id::{CardId, RouteId, ServiceId};
pub use table::{Decision, Key, Matched, Miss, Prefix, RouteTable, Sid, Target};
