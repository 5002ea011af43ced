//! From the configuration to the DHCP server's, and from its decisions to what the cabinet is told.

use std::net::IpAddr;

use bootcfg::dhcp::server::{self, BootFile, Event, Mode, Reason, Swap, Unknown, Verdict};
use bootcfg::dhcp::{Ports, Server};
use bootcfg::wire::dhcp::Arch;
use bootcfg::{HwAddr, Plan};

use crate::cabinet::{Alarm, Input, Mac, Position};
use crate::config::{self, Config, DhcpListen, DhcpMode};

use super::handle::Handle;

/// The server's configuration, which a server has been built from once.
///
/// # Errors
/// The cabinet does not fit into its internal network, or what is configured contradicts itself.
pub(crate) fn server(config: &Config) -> Result<server::Config, String> {
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
    server.seed = seed();
    server.lease = config.dhcp.lease.0;
    server.routers = vec![config.network.router.unwrap_or(own)];
    server.dns.clone_from(&config.network.dns);
    server.swap = match config.dhcp.swap {
        config::Swap::Preempt => Swap::Preempt,
        config::Swap::Wait => Swap::Wait,
        config::Swap::Refuse => Swap::Refuse,
    };
    server.relays.clone_from(&config.dhcp.relays);
    server.leasequery.clone_from(&config.dhcp.leasequery);
    server.subnets = config.dhcp.subnets.iter().filter_map(subnet).collect();
    server.boot = config
        .dhcp
        .boot
        .iter()
        .map(|boot| BootFile { arch: boot.arch.0.map(Arch), ipxe: boot.ipxe, file: boot.file.clone() })
        .collect();
    server.cards = config.cards.iter().filter_map(card).collect();
    Server::new(server.clone()).map_err(|error| format!("dhcp: {error}"))?;
    Ok(server)
}

/// What nobody outside knows, so that no names can be chosen whose hashes meet.
fn seed() -> u64 {
    let mut octets = [0; 8];
    // Without chance the tables work all the same.
    let _ = getrandom::fill(&mut octets);
    u64::from_ne_bytes(octets)
}

fn card(card: &config::Card) -> Option<server::Card> {
    Some(server::Card {
        position: inside(card.position)?,
        mac: card.mac.map(|Mac(octets)| HwAddr::ethernet(octets)),
        circuit_id: card.circuit_id.as_deref().map(octets),
        address: card.address.and_then(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }),
        any_of: card.any_of.iter().map(names).collect(),
    })
}

fn names(names: &config::Names) -> server::Names {
    let id = |text: &Option<String>| text.as_deref().map(octets);
    server::Names {
        mac: names.mac.map(|Mac(octets)| HwAddr::ethernet(octets)),
        client_id: id(&names.client_id),
        circuit_id: id(&names.circuit_id),
        remote_id: id(&names.remote_id),
        subscriber_id: id(&names.subscriber_id),
        relay: names.relay,
    }
}

/// The octets of an identifier: those of its text, or those that it writes in hexadecimal behind `0x`.
fn octets(text: &str) -> Box<[u8]> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let hex = text.strip_prefix("0x").filter(|hex| hex.len().is_multiple_of(2) && !hex.is_empty());
    hex.and_then(|hex| hex.as_bytes().chunks(2).map(pair).collect()).unwrap_or_else(|| text.as_bytes().into())
}

fn subnet(subnet: &config::Subnet) -> Option<server::Subnet> {
    let IpAddr::V4(network) = subnet.network.address() else { return None };
    Some(server::Subnet {
        network,
        prefix: subnet.network.length(),
        shares: subnet.shares,
        pools: subnet.pool.iter().map(|pool| pool.first..=pool.last).collect(),
        routers: subnet.routers.clone(),
        dns: subnet.dns.clone(),
        domain: subnet.domain.clone(),
        lease: subnet.lease.map(|lease| lease.0),
        options: Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Result<server::Config, String> {
        let text = format!(
            "[module]\nname = \"m\"\n{more}\n[[card]]\nposition = \"2.1\"\n\
            any_of = [{{ remote_id = \"switch-7\", circuit_id = \"0x0003\" }}, {{ client_id = \"0xzz\" }}]\n"
        );
        server(&Config::parse(&text, None).map_err(|error| error.to_string())?)
    }

    #[test]
    fn names_are_text_or_hexadecimal() {
        let server = config("").unwrap();
        let [both, client] = &server.cards[0].any_of[..] else { panic!("two names") };
        assert_eq!(both.remote_id.as_deref(), Some(&b"switch-7"[..]));
        assert_eq!(both.circuit_id.as_deref(), Some(&[0, 3][..]));
        assert_eq!(client.client_id.as_deref(), Some(&b"0xzz"[..]), "no hexadecimal digits: text");
    }

    #[test]
    fn networks_that_contradict_each_other_are_refused_before_anything_starts() {
        let subnet = |network: &str| {
            format!("[dhcp]\nsubnets = [{{ network = \"{network}\", pool = \"10.9.0.10-10.9.0.20\" }}]")
        };
        assert_eq!(config(&subnet("10.9.0.0/24")).unwrap().subnets.len(), 1);
        assert!(config(&subnet("10.8.0.0/24")).unwrap_err().starts_with("dhcp: "), "the pool lies elsewhere");
    }
}
