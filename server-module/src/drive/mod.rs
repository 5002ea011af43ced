//! One loop a protocol, with no protocol knowledge: sockets and clocks in, effects out.

mod content;
pub mod ctl;
pub mod dhcp;
pub mod http;
pub mod metrics;
pub mod poll;
mod segments;
pub mod session;
pub mod snmp;
pub mod tftp;
pub mod traps;

/// Rings at `due`; never, where nothing is due.
pub(crate) async fn alarm(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
