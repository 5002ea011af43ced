//! The manager's side: asks agents, with retries as timer state.
//!
//! ```text
//! get, get_next, set      one exchange                           -> Answer, Done
//! walk                    GETBULK (GETNEXT in v1) until it leaves -> Answer for every response, Done
//!                         the subtree, ends or fails
//! ```

mod client;
mod exchange;

pub use client::{Client, Config, Error, Input, Limits, Output, Stats};
pub use exchange::{Failure, Peer, RequestId};
