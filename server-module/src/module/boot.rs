//! From the configuration to the DHCP server's, and from its decisions to what the cabinet is told.

use std::net::IpAddr;

use bootcfg::dhcp::Ports;
use bootcfg::dhcp::server::{self, BootFile, Event, Mode, Reason, Swap, Unknown, Verdict};
use bootcfg::wire::dhcp::Arch;
use bootcfg::{HwAddr, Plan};

use crate::cabinet::{Alarm, Input, Mac, Position};
use crate::config::{self, Config, DhcpListen, DhcpMode};

use super::handle::Handle;

/// The server's configuration.
///
/// # Errors
/// The cabinet does not fit into its internal network.
pub(super) fn server(config: &Config) -> Result<server::Config, String> {
    let internal = config.network.internal;
    let IpAddr::V4(network) = internal.address() else {
        return Err(format!("network.internal: {internal} is not IPv4, which cards boot with"));
    };
    let plan = Plan::new(network, internal.length(), config.module.chassis, config.module.slots)
        .map_err(|error| format!("network.internal: {error}"))?;
    let own = config.network.address;
    let mut server = server::Config::new(own, plan);
    server.mode = match config.dhcp.mode {
        DhcpMode::Serve => Mode::Serve,
        DhcpMode::Observe => Mode::Observe,
    };
    server.unknown = match (config.dhcp.unknown, config.dhcp.pool) {
        (config::Unknown::Enrol, _) => Unknown::Enrol,
        (config::Unknown::Quarantine, Some(pool)) => Unknown::Quarantine(pool.first..=pool.last),
        (config::Unknown::Quarantine, None) | (config::Unknown::Ignore, _) => Unknown::Ignore,
    };
    // A server away from port 67 has its clients on the port after its own, as 68 follows 67.
    if let Some(DhcpListen::Address(address)) = config.listen.dhcp
        && address.port() != Ports::STANDARD.server
    {
        server.ports = Ports { server: address.port(), client: address.port().wrapping_add(1) };
    }
    server.lease = config.dhcp.lease.0;
    server.routers = vec![config.network.router.unwrap_or(own)];
    server.dns.clone_from(&config.network.dns);
    server.swap = match config.dhcp.swap {
        config::Swap::Preempt => Swap::Preempt,
        config::Swap::Wait => Swap::Wait,
        config::Swap::Refuse => Swap::Refuse,
    };
    server.boot = config
        .dhcp
        .boot
        .iter()
        .map(|boot| BootFile { arch: boot.arch.0.map(Arch), ipxe: boot.ipxe, file: boot.file.clone() })
        .collect();
    server.cards = config.cards.iter().filter_map(card).collect();
    Ok(server)
}

fn card(card: &config::Card) -> Option<server::Card> {
    Some(server::Card {
        position: inside(card.position)?,
        mac: card.mac.map(|Mac(octets)| HwAddr::ethernet(octets)),
        circuit_id: card.circuit_id.as_ref().map(|id| id.as_bytes().into()),
        address: card.address.and_then(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }),
        any_of: Vec::new(),
    })
}

/// A position as the boot library knows it.
pub(crate) fn inside(position: Position) -> Option<bootcfg::Position> {
    bootcfg::Position::new(position.chassis, position.slot).ok()
}

/// A position as the cabinet knows it.
pub(crate) const fn outside(position: bootcfg::Position) -> Position {
    Position::new(position.chassis(), position.slot())
}

/// Tells the cabinet what concerns it of a server's event, and the log the rest.
pub(super) fn tell(handle: &Handle, event: &Event) {
    let input = match event {
        Event::Decided(decision) => {
            tracing::debug!("dhcp: {decision}");
            match (decision.verdict, decision.reason, decision.position, mac(&decision.hw)) {
                (Verdict::Ack | Verdict::Bootp, _, Some(position), Some(mac)) => {
                    Some(Input::Leased { card: outside(position), mac })
                }
                (_, Reason::NoPosition, _, Some(mac)) => Some(Input::Alarm(Alarm::UnknownMac { mac })),
                _ => None,
            }
        }
        event => {
            tracing::warn!("dhcp: {event:?}");
            None
        }
    };
    if let Some(input) = input
        && !handle.try_report(input)
    {
        tracing::warn!("dhcp: the cabinet does not keep up; a lease went unnoticed");
    }
}

/// The Ethernet address, where it is one.
fn mac(hw: &HwAddr) -> Option<Mac> {
    hw.octets().try_into().ok().map(Mac)
}
