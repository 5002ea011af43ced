//! The client: every state of RFC 2131 §4.4.
//!
//! ```text
//!            start delay        OFFER            ACK          probe
//!   INIT ──────────────▶ SELECTING ─▶ REQUESTING ───▶ PROBING ────▶ BOUND ─ T1 ─▶ RENEWING ─ T2 ─▶ REBINDING
//!    ▲                       │ rapid ACK ─────────────▶ │            ▲ ◀── ACK ──────┴────── ACK ─────┘ │
//!    │                                                  │ in use     │                                  │
//!    ├◀──────────────── DECLINE, wait 10 s ─────────────┘            │                                  │
//!    ├◀──────────────── NAK, lease over, silence ────────────────────┼──────────────────────────────────┘
//!    └ INIT-REBOOT ─▶ REBOOTING ─ ACK ───────────────────────────────┘
//!
//!   Inform ─▶ INFORMING ─ ACK ─▶ stopped
//! ```

mod config;
mod engine;
mod lease;
mod message;
mod random;

pub use config::Config;
pub use engine::{Client, Error};
pub use lease::Lease;

use core::net::Ipv4Addr;

use super::Destination;

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram came to the client's port.
    Datagram(&'a [u8]),
    /// The answer to [`Output::Probe`]: whether somebody uses the address.
    Probed {
        /// The address.
        address: Ipv4Addr,
        /// Whether it is in use.
        in_use: bool,
    },
    /// The link was away: ask whether the address still holds (INIT-REBOOT).
    LinkUp,
    /// The host has this address by other means and wants parameters only (INFORM); without effect while there is a
    /// lease. A new question replaces an old one.
    Inform {
        /// The address.
        address: Ipv4Addr,
    },
    /// Give the address back and stop.
    Release,
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send from the client's port.
    Send {
        /// Where to: everyone, or the server.
        to: Destination,
        /// The address to send from; unspecified until there is one.
        from: Ipv4Addr,
        /// The payload.
        bytes: &'a [u8],
    },
    /// Ask the link whether somebody uses the address (RFC 5227), and answer [`Input::Probed`]. No answer counts as no.
    Probe {
        /// The address.
        address: Ipv4Addr,
    },
    /// Something worth telling.
    Event(Event),
}

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// There is an address, a first or another one: configure the interface.
    Configured(Lease),
    /// The parameters of a host that has its address already: nothing in it ends, and the client has stopped.
    Informed(Lease),
    /// The same address for a longer time, perhaps with other parameters.
    Renewed(Lease),
    /// The address is not ours any more: stop using it at once.
    Lost {
        /// The address.
        address: Ipv4Addr,
        /// Why.
        reason: Lost,
    },
    /// A server refused the address asked for.
    Refused,
    /// The address given is in use by someone else; it was declined.
    Declined(Ipv4Addr),
}

/// Why an address is not ours any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The lease ended and no server renewed it.
    #[error("the lease ended")]
    Expired,
    /// A server said that it is wrong.
    #[error("a server refused to renew it")]
    Refused,
    /// It was given back.
    #[error("it was given back")]
    Released,
}
