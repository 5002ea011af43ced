//! Notifications: typed structs, and the engine that sends them.

mod typed;

pub use snmp_mib_derive::Notification;
pub use typed::{Notification, report};
