//! A sub-agent: serves a [`Mib`](crate::mib::Mib) through a master, and connects again whenever it loses it.
//!
//! ```text
//! Waiting --tick--> Connecting --Connected--> Opening --Response--> Open: every node is registered
//!    ^                  |                        |                    |
//!    +------------------+------------------------+--------------------+
//!       timeout, disconnected, refused, Close, malformed packet: later each time, up to `retry.1`
//! ```
//!
//! The driver connects when it is told to, passes on the bytes of the stream, and tells when it broke.

mod engine;
mod io;
mod serve;

pub use engine::Subagent;
pub use io::{Config, Error, Event, Input, Limits, Lost, Output};
