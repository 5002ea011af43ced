//! The three roles of DHCP as machines without IO: [`Server`], [`Client`] and [`Relay`].

pub mod client;
pub mod relay;
pub mod server;
mod transmit;

pub use client::Client;
pub use relay::Relay;
pub use server::Server;
pub use transmit::{Destination, Ports};
