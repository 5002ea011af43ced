//! DHCP: the server's socket, and the relays of a simulated chassis.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bootcfg::dhcp::relay::{self, PortId};
use bootcfg::dhcp::server::{self, Config, Event, Input, Lease, Output};
use bootcfg::dhcp::{Destination, Relay, Server};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::Instant;

use super::alarm;

/// The most datagrams taken before their replies go out.
const BATCH: usize = 64;

/// The time between two syncs of the journal. A card alone has its answer at once; when many come, the replies of
/// this time wait for one sync together.
const SYNC_GAP: Duration = Duration::from_millis(20);

/// The most replies that wait for a sync.
const HELD: usize = 1024;

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    socket: UdpSocket,
    broadcasts: bool,
}

/// Binds `listen`: an interface's name, to serve its link by broadcast from port 67, or `IP:PORT` for clients that
/// come by unicast or through a relay.
pub fn bind(listen: &str) -> io::Result<Listener> {
    let (socket, broadcasts) = match listen.parse::<SocketAddr>() {
        Ok(address) => (open(address, None)?, address.ip().is_unspecified()),
        Err(_) => (open((Ipv4Addr::UNSPECIFIED, 67).into(), Some(listen))?, true),
    };
    Ok(Listener { socket, broadcasts })
}

/// A UDP socket that may broadcast, on one interface only where one is named.
pub(crate) fn open(address: SocketAddr, interface: Option<&str>) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if let Some(interface) = interface {
        socket.set_reuse_address(true)?;
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    // A whole cabinet that powers on at once finds its DISCOVERs in here; the system may grant less.
    _ = socket.set_recv_buffer_size(4 << 20);
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

impl Listener {
    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends a reply. A client that has no address yet is reached by broadcast: a frame of its own would need
    /// CAP_NET_RAW, and every client must take a broadcast (RFC 2131 §4.1).
    async fn send(&self, to: Destination, bytes: &[u8]) {
        let to = match to {
            Destination::Relay(to) | Destination::Unicast(to) => to,
            Destination::Link { to, .. } if !self.broadcasts => to,
            Destination::Broadcast(port) => SocketAddrV4::new(Ipv4Addr::BROADCAST, port),
            Destination::Link { to, .. } => SocketAddrV4::new(Ipv4Addr::BROADCAST, to.port()),
        };
        if let Err(error) = self.socket.send_to(bytes, to).await {
            tracing::debug!(%to, %error, "a DHCP reply could not be sent");
        }
    }
}

/// Where leases are kept so that a power cut does not reach them.
pub trait Journal: Send {
    /// Notes a lease; it counts once [`Journal::sync`] returned.
    fn append(&mut self, lease: &Lease, client: &[u8]) -> io::Result<()>;
    /// Makes everything noted safe.
    fn sync(&mut self) -> io::Result<()>;
}

/// Leases that live as long as the process: positions own their addresses without a lease.
impl Journal for () {
    fn append(&mut self, _: &Lease, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Serves until dropped. Another configuration takes effect at once and keeps the leases.
pub async fn serve(
    listener: Listener,
    server: Server,
    configs: watch::Receiver<Option<Config>>,
    events: impl FnMut(Event) + Send,
) -> io::Result<()> {
    serve_with(listener, server, Duration::ZERO, configs, events, ()).await
}

/// Serves with leases kept in `journal`. The server's time is `now` at this call, so that kept leases mean the same
/// after a restart: the time since 1970, for instance.
pub async fn serve_with(
    listener: Listener,
    mut server: Server,
    now: Duration,
    mut configs: watch::Receiver<Option<Config>>,
    mut events: impl FnMut(Event) + Send,
    mut journal: impl Journal + 'static,
) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    let began = Instant::now();
    let clock = || now + began.elapsed();
    let mut held = Held { replies: Vec::new(), not_before: began };
    loop {
        // A deadline that no clock reaches is none.
        let due = server.deadline().and_then(|deadline| began.checked_add(deadline.saturating_sub(now)));
        tokio::select! {
            arrived = listener.socket.recv_from(&mut buffer) => {
                let mut arrived = arrived;
                for _ in 0..BATCH {
                    // An ICMP error of an earlier reply is reported here; it concerns one client.
                    if let Ok((len, SocketAddr::V4(from))) = arrived {
                        _ = server.handle(clock(), Input::Datagram { from, bytes: &buffer[..len] });
                    }
                    arrived = listener.socket.try_recv_from(&mut buffer);
                    if arrived.is_err() {
                        break;
                    }
                }
            }
            () = alarm(due) => {
                _ = server.handle(clock(), Input::Tick);
            }
            () = alarm(held.due()) => {}
            Ok(()) = configs.changed() => {
                let config = configs.borrow_and_update().clone();
                if let Some(Err(error)) = config.map(|config| server.configure(config)) {
                    tracing::warn!(%error, "the DHCP configuration contradicts itself; the old one stays");
                }
            }
        }
        while let Some(output) = server.poll_output() {
            match output {
                Output::Persist { lease, client, .. } => journal.append(&lease, client)?,
                Output::Send { to, bytes, after: Some(_) } => held.replies.push((to, bytes.to_vec())),
                Output::Send { to, bytes, after: None } => listener.send(to, bytes).await,
                Output::Event(event) => events(event),
            }
        }
        if held.due().is_some_and(|due| due <= Instant::now()) {
            journal = held.release(&listener, journal).await?;
        }
    }
}

/// Replies that tell of leases which are not yet safe.
struct Held {
    replies: Vec<(Destination, Vec<u8>)>,
    not_before: Instant,
}

impl Held {
    /// When they are to go out, if there are any.
    fn due(&self) -> Option<Instant> {
        match self.replies.len() {
            0 => None,
            HELD.. => Some(Instant::now()),
            _ => Some(self.not_before),
        }
    }

    /// Makes the leases safe, then sends the replies. The disk has a thread of its own, so that only DHCP waits for it.
    async fn release<J: Journal + 'static>(&mut self, listener: &Listener, mut journal: J) -> io::Result<J> {
        let synced = tokio::task::spawn_blocking(move || journal.sync().map(|()| journal));
        let journal = synced.await.map_err(io::Error::other)??;
        self.not_before = Instant::now() + SYNC_GAP;
        for (to, bytes) in self.replies.drain(..) {
            listener.send(to, &bytes).await;
        }
        Ok(journal)
    }
}

/// Relays between `ports`, one socket for each port of a switch, and the servers that `uplink` reaches.
///
/// The client of a port is reached where it last spoke from: there is one card in a slot.
pub async fn relay(
    mut relay: Relay,
    uplink: UdpSocket,
    ports: Vec<UdpSocket>,
    mut events: impl FnMut(relay::Event) + Send,
) -> io::Result<()> {
    let mut clients: BTreeMap<PortId, SocketAddr> = BTreeMap::new();
    let mut buffer = vec![0; 65_536];
    let mut arrivals: FuturesUnordered<_> =
        ports.iter().enumerate().map(|(index, socket)| receive(index, socket)).collect();
    loop {
        tokio::select! {
            arrived = uplink.recv_from(&mut buffer) => {
                if let Ok((len, _)) = arrived {
                    _ = relay.handle(Duration::ZERO, relay::Input::FromServer { bytes: &buffer[..len] });
                }
            }
            Some((index, arrived)) = arrivals.next() => {
                arrivals.push(receive(index, &ports[index]));
                if let Ok((bytes, from)) = arrived {
                    let port = PortId(u32::try_from(index).unwrap_or(u32::MAX));
                    clients.insert(port, from);
                    _ = relay.handle(Duration::ZERO, relay::Input::FromClient { port, bytes: &bytes });
                }
            }
        }
        while let Some(output) = relay.poll_output() {
            // What cannot be sent is lost, as on a wire; the client asks again.
            match output {
                relay::Output::ToServer { to, bytes } => _ = uplink.send_to(bytes, to).await,
                relay::Output::ToClient { port, bytes, .. } => {
                    let socket = usize::try_from(port.0).ok().and_then(|index| ports.get(index));
                    if let (Some(socket), Some(client)) = (socket, clients.get(&port)) {
                        _ = socket.send_to(bytes, client).await;
                    }
                }
                relay::Output::Event(event) => events(event),
            }
        }
    }
}

async fn receive(index: usize, socket: &UdpSocket) -> (usize, io::Result<(Vec<u8>, SocketAddr)>) {
    let mut bytes = vec![0; 1500];
    let arrived = socket.recv_from(&mut bytes).await;
    (
        index,
        arrived.map(|(len, from)| {
            bytes.truncate(len);
            (bytes, from)
        }),
    )
}

/// The server's own address for a configuration: where it listens, if that is one address.
pub fn server_id(listener: &Listener) -> Option<Ipv4Addr> {
    match listener.local_addr().ok()?.ip() {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        _ => None,
    }
}

/// A server that is built and bound; contradictions in its configuration come as errors of `InvalidInput`.
pub fn server(config: Config) -> io::Result<Server> {
    Server::new(config)
        .map_err(|error: server::ConfigError| io::Error::new(io::ErrorKind::InvalidInput, error))
}
