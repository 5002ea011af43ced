//! Notifications: typed structs, the engine that sends them as traps and informs, the engine that receives them,
//! and the translation between the forms of v1 and v2 (RFC 3584 §3).

mod receiver;
mod sender;
mod standard;
pub mod tables;
mod target;
mod trap;
mod typed;

pub use receiver::Receiver;
pub use sender::Sender;
pub use snmp_mib_derive::Notification;
pub use standard::{AuthenticationFailure, ColdStart, LinkDown, LinkUp, SNMP_TRAPS, WarmStart};
pub use target::Target;
pub use trap::Trap;
pub use typed::{Notification, report};

pub mod receive {
    //! What the [`Receiver`](super::Receiver) takes and gives.
    pub use super::receiver::{Config, Error, Input, Limits, Output, Stats};
}

pub mod send {
    //! What the [`Sender`](super::Sender) takes and gives.
    pub use super::sender::{Config, Error, Event, Input, Limits, Output, Stats};
}
