//! The server: every transfer of every peer, in one machine.
//!
//! ```text
//! request ─ Open ─▶ opening ─ Opened ─▶ options sent ─ ACK 0 ─▶ sending ─ last ACK ─▶ closed
//!                      │                  └── no options ─────────▲  │ ▲
//!                      │ └ OpenFailed ─▶ ERROR               Read ▼ │ ReadDone
//!                      └ Create, Opened ─▶ ACK 0 or OACK ─▶ receiving ─ last block ─▶ dallying ─▶ closed
//!                                                         Write ▼ │ Written
//! ```

mod config;
mod engine;
mod event;
mod transfer;
mod write;

pub use config::{Config, Limits};
pub use engine::{Error, Server, Stats};
pub use event::{End, Event, Input, Output, Tid, TransferId};
