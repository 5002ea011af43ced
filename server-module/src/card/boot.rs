//! A card's side of booting: its DHCP client and its downloads.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bootcfg::boot::{Boot, Config, Download, Event, Input, Output};
use bootcfg::dhcp::{Destination, client};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::drive::{alarm, dhcp};

/// How the card hangs on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// By an interface, which is configured with `ip` (iproute2) as the lease says; needs CAP_NET_ADMIN.
    Interface(String),
    /// By a wire of its own to a relay: what a simulated card has. Its address is the machine's already.
    Relayed {
        /// Where the card speaks from until it has an address.
        local: IpAddr,
        /// The relay's end of the wire.
        relay: SocketAddr,
    },
}

/// What a running card is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Look whether files or versions have changed.
    Refresh,
    /// The link was away.
    LinkUp,
    /// Give the address back and end.
    Release,
}

/// Boots a card and keeps its lease, until it is released or dropped. `progress` sees every event with the machine as
/// it then is: at [`Event::Ready`] the files are all there.
pub async fn run(
    link: Link,
    config: Config,
    mut commands: mpsc::Receiver<Command>,
    mut progress: impl FnMut(&Boot, Event) + Send,
) -> io::Result<()> {
    let ports = config.dhcp.ports;
    let wire = match &link {
        Link::Interface(name) => dhcp::open((Ipv4Addr::UNSPECIFIED, ports.client).into(), Some(name))?,
        Link::Relayed { local, .. } => UdpSocket::bind((*local, 0)).await?,
    };
    let epoch = Instant::now();
    let mut boot = Boot::new(config, epoch.elapsed());
    let mut leased: Option<UdpSocket> = None;
    let mut downloads: BTreeMap<Download, Arc<UdpSocket>> = BTreeMap::new();
    let mut arrivals = FuturesUnordered::new();
    let (mut at_wire, mut at_lease) = (vec![0; 4096], vec![0; 4096]);
    let mut released = false;
    loop {
        while let Some(output) = boot.poll_output() {
            match output {
                Output::SendDhcp { to, from, bytes } => {
                    let (socket, to) = route(&link, &wire, leased.as_ref(), to, from);
                    // What cannot be sent is lost, as on a wire; the client asks again.
                    _ = socket.send_to(bytes, to).await;
                }
                // Finding out whether somebody answers ARP for an address needs raw frames; no answer counts as free.
                Output::Probe { .. } => {}
                Output::SendTftp { download, to, bytes } => {
                    if let std::collections::btree_map::Entry::Vacant(free) = downloads.entry(download) {
                        let address = leased.as_ref().and_then(|socket| socket.local_addr().ok());
                        let local = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
                        let socket = Arc::new(UdpSocket::bind((local, 0)).await?);
                        arrivals.push(receive(download, Arc::clone(free.insert(socket))));
                    }
                    if let Some(socket) = downloads.get(&download) {
                        _ = socket.send_to(bytes, to).await;
                    }
                }
                Output::Close(download) => _ = downloads.remove(&download),
                Output::Event(event) => {
                    if let Event::Dhcp(event) = &event {
                        configure(&link, event, ports.client, &mut leased).await?;
                    }
                    progress(&boot, event);
                }
            }
        }
        if released {
            return Ok(());
        }
        let due = boot.deadline().map(|deadline| epoch + deadline);
        tokio::select! {
            Ok((len, _)) = wire.recv_from(&mut at_wire) => {
                _ = boot.handle(epoch.elapsed(), Input::Dhcp(&at_wire[..len]));
            }
            Ok((len, _)) = receive_leased(leased.as_ref(), &mut at_lease) => {
                _ = boot.handle(epoch.elapsed(), Input::Dhcp(&at_lease[..len]));
            }
            Some((download, socket, arrived)) = arrivals.next() => {
                if let Ok((bytes, from)) = arrived {
                    _ = boot.handle(epoch.elapsed(), Input::Tftp { download, from, bytes: &bytes });
                }
                if downloads.contains_key(&download) {
                    arrivals.push(receive(download, socket));
                }
            }
            Some(command) = commands.recv() => {
                released = command == Command::Release;
                let input = match command {
                    Command::Refresh => Input::Refresh,
                    Command::LinkUp => Input::LinkUp,
                    Command::Release => Input::Release,
                };
                _ = boot.handle(epoch.elapsed(), input);
            }
            () = alarm(due) => {
                _ = boot.handle(epoch.elapsed(), Input::Tick);
            }
        }
    }
}

/// The socket and the receiver of a message: before there is an address everything goes over the wire.
fn route<'a>(
    link: &Link,
    wire: &'a UdpSocket,
    leased: Option<&'a UdpSocket>,
    to: Destination,
    from: Ipv4Addr,
) -> (&'a UdpSocket, SocketAddr) {
    let to = match to {
        Destination::Unicast(to) | Destination::Relay(to) | Destination::Link { to, .. } => to.into(),
        Destination::Broadcast(port) => match link {
            Link::Interface(_) => return (wire, (Ipv4Addr::BROADCAST, port).into()),
            Link::Relayed { relay, .. } => return (wire, *relay),
        },
    };
    (leased.filter(|_| !from.is_unspecified()).unwrap_or(wire), to)
}

/// Follows the lease: the interface's address, and the socket that speaks from it.
async fn configure(
    link: &Link,
    event: &client::Event,
    port: u16,
    leased: &mut Option<UdpSocket>,
) -> io::Result<()> {
    match event {
        client::Event::Configured(lease) => {
            if let Link::Interface(name) = link {
                let prefix = lease.netmask.to_bits().leading_ones();
                ip(&["address", "replace", &format!("{}/{prefix}", lease.address), "dev", name]).await?;
                if let Some(router) = lease.routers.first() {
                    ip(&["route", "replace", "default", "via", &router.to_string(), "dev", name]).await?;
                }
            }
            // With an interface the wire's own socket has the port, and hears for every address.
            *leased = match link {
                Link::Interface(_) => None,
                Link::Relayed { .. } => Some(UdpSocket::bind((lease.address, port)).await?),
            };
        }
        client::Event::Lost { address, .. } => {
            if let Link::Interface(name) = link {
                // The address stops being used at once (RFC 2131 §4.4.5), whatever else fails.
                _ = ip(&["address", "flush", "to", &address.to_string(), "dev", name]).await;
            }
            *leased = None;
        }
        _ => {}
    }
    Ok(())
}

async fn ip(arguments: &[&str]) -> io::Result<()> {
    let status = tokio::process::Command::new("ip").args(arguments).status().await?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("`ip {}` failed: CAP_NET_ADMIN is needed", arguments.join(" "))))
}

async fn receive(
    download: Download,
    socket: Arc<UdpSocket>,
) -> (Download, Arc<UdpSocket>, io::Result<(Vec<u8>, SocketAddr)>) {
    let mut bytes = vec![0; 65_536];
    let arrived = socket.recv_from(&mut bytes).await;
    (
        download,
        socket,
        arrived.map(|(len, from)| {
            bytes.truncate(len);
            (bytes, from)
        }),
    )
}

async fn receive_leased(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(buffer).await,
        None => std::future::pending().await,
    }
}
