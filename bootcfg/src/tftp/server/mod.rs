//! The server: every transfer of every peer, in one machine.
//!
//! ```text
//! request ─ Open ─▶ opening ─ Opened ─▶ options sent ─ ACK 0 ─▶ sending ─ last ACK ─▶ closed
//!                      │                  └── no options ─────────▲  │ ▲
//!                      └ OpenFailed ─▶ ERROR                 Read ▼ │ ReadDone
//! ```

mod config;
mod engine;
mod event;
mod transfer;

pub use config::{Config, Limits};
pub use engine::{Error, Server, Stats};
pub use event::{End, Event, Input, Output, Tid, TransferId};
