//! The rack: a relay a chassis with a wire to each slot, and a card in each slot that is filled.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bootcfg::HwAddr;
use bootcfg::dhcp::{Ports, Relay, client, relay};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::cabinet::Position;
use crate::card::boot::Link;
use crate::card::{Card, Sensors, Service, Start};
use crate::drive;

use super::plan::Plan;
use super::site::Site;

/// The last number of a relay's address: no slot has it.
const RELAY: u8 = 254;

/// Everything in the rack. It ends when dropped.
#[derive(Debug)]
pub(super) struct Rack {
    _tasks: JoinSet<()>,
}

impl Rack {
    /// Wires the rack and switches every card on.
    ///
    /// # Errors
    /// A socket cannot be had.
    pub(super) async fn start(plan: &Plan, directory: &Path) -> io::Result<Self> {
        let mut tasks = JoinSet::new();
        for chassis in plan.chassis() {
            let address = Plan::address(Position::new(chassis, RELAY));
            let uplink = UdpSocket::bind((address, 0)).await?;
            let mut config =
                relay::Config { own_source_port: true, ..relay::Config::new(address, plan.dhcp()) };
            let (mut sockets, mut circuits) = (Vec::new(), BTreeMap::new());
            for &position in plan.positions.iter().filter(|position| position.chassis == chassis) {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let card =
                    card(plan, position, socket.local_addr()?, directory.join(format!("cards/{position}")));
                let port = relay::PortId(u32::try_from(sockets.len()).unwrap_or(u32::MAX));
                circuits.insert(port, position.to_string().into_bytes().into());
                sockets.push(socket);
                tasks.spawn(async move {
                    if let Err(trouble) = card.live(std::future::pending()).await {
                        tracing::error!(card = %position, "{trouble}");
                    }
                });
            }
            config.circuits = circuits;
            tasks.spawn(async move {
                let told = |event| tracing::debug!(?event, "relay");
                if let Err(error) = drive::dhcp::relay(Relay::new(config), uplink, sockets, told).await {
                    tracing::error!(chassis, "the relay has ended: {error}");
                }
            });
        }
        Ok(Self { _tasks: tasks })
    }
}

/// The card program in a slot, with simulated sensors and a web site.
fn card(plan: &Plan, position: Position, wire: SocketAddr, root: PathBuf) -> Card<Site> {
    let octets = Plan::mac(position);
    let seed = u64::from_be_bytes([0, 0, octets[0], octets[1], octets[2], octets[3], octets[4], octets[5]]);
    let mut dhcp = client::Config::new(HwAddr::ethernet(octets), seed);
    // Nobody else is on the wire: no need to come late, nor to ask whether the address is taken.
    dhcp.start_delay = Duration::ZERO..=Duration::ZERO;
    dhcp.probe_timeout = Duration::ZERO;
    dhcp.retransmit = Duration::from_secs(1);
    dhcp.ports = Ports { server: plan.ports.dhcp, client: plan.ports.dhcp + 1 };
    let mut config = bootcfg::boot::Config::new(dhcp);
    config.tftp_port = plan.ports.tftp;
    let link = Link::Relayed { local: IpAddr::V4(Ipv4Addr::LOCALHOST), relay: wire };
    let own = SocketAddr::new(Plan::address(position).into(), plan.ports.card_http);
    let site = Site::new(position, plan.service_of(position), own);
    Card {
        start: Start::Boot { link, config: Box::new(config) },
        cabinet: Plan::cabinet(0).ip(),
        root,
        agent_port: plan.ports.card_agent,
        sensors: Sensors::Simulated { position, on_at: Instant::now() },
        service: if plan.has_login(position) {
            let at = |port| SocketAddr::new(own.ip(), port);
            site.with_files_and_mail(at(plan.ports.card_ftp), at(plan.ports.card_pop3))
        } else {
            site
        },
    }
}

impl Service for Site {
    async fn start(&mut self) -> io::Result<()> {
        self.listen()
    }

    async fn stop(&mut self) {
        self.close().await;
    }

    fn is_running(&mut self) -> bool {
        self.is_open()
    }
}
