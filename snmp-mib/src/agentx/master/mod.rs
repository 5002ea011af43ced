//! The master's side of AgentX: sessions, regions, indexes, capabilities, notifications, and questions to
//! sub-agents, each with its deadline.
//!
//! A sub-agent that is slow, silent or gone fails the questions it was asked and nothing else.

mod engine;
mod indexes;
mod io;
mod regions;

pub use engine::Master;
pub use io::{AskId, Config, ConnectionId, Error, Event, Input, Limits, Output, SessionId, Stretch};
