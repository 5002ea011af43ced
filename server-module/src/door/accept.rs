//! Taking connections in, and learning from the balancer in front whose they are.

use crate::cabinet::Cidr;
use sid_proxy::http::Peer;
use sid_proxy::proxy_protocol::Header;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// How long a balancer may take for its header.
const PATIENCE: Duration = Duration::from_secs(5);
/// After the descriptors ran out: others may still come.
const PAUSE: Duration = Duration::from_millis(20);

/// A customer's connection that was taken in.
pub struct Arrival {
    /// The connection.
    pub stream: TcpStream,
    /// What was read of it already.
    pub read: Vec<u8>,
    /// Whose it is.
    pub peer: Peer,
    /// Turns true when no new work is to be begun.
    pub stop: watch::Receiver<bool>,
}

/// The balancers in front of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// Their networks.
    pub trusted: Vec<Cidr>,
    /// Their connections begin with a PROXY header, version 1 or 2.
    pub introduced: bool,
}

impl Front {
    /// True for a balancer.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Learns whose connection it is. A balancer's connection begins with a header where one is expected, or is
    /// refused; nobody else's is looked at for one. So there is nothing to guess, as the specification demands.
    async fn meet(&self, stream: &mut TcpStream, client: SocketAddr) -> io::Result<(Peer, Vec<u8>)> {
        let local = stream.local_addr()?;
        let trusted = self.trusts(client.ip());
        let direct = Peer { client, local, trusted };
        if !trusted || !self.introduced {
            return Ok((direct, Vec::new()));
        }
        let mut read = Vec::with_capacity(512);
        loop {
            if stream.read_buf(&mut read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let header = Header::parse(&read).map_err(io::Error::other)?;
            let Some((header, len)) = header else { continue };
            let peer = header.endpoints().map_or(direct, |(client, local)| Peer {
                client,
                local,
                trusted: self.trusts(client.ip()),
            });
            read.drain(..len);
            return Ok((peer, read));
        }
    }
}

/// Serves a listener until `stop` turns true, then lets what runs finish.
pub async fn serve<F>(
    listener: TcpListener,
    front: Arc<Front>,
    mut stop: watch::Receiver<bool>,
    begin: impl Fn(Arrival) -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let stopping = stop.clone();
    // Closed when the last conversation has ended.
    let (running, mut ended) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = async { drop(stop.wait_for(|stop| *stop).await) } => break,
        };
        let Ok((mut stream, client)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (begin, stop, running) = (begin.clone(), stopping.clone(), running.clone());
        let front = Arc::clone(&front);
        tokio::spawn(async move {
            match timeout(PATIENCE, front.meet(&mut stream, client)).await {
                Ok(Ok((peer, read))) => begin(Arrival { stream, read, peer, stop }).await,
                Ok(Err(error)) => tracing::info!(%client, "no PROXY header from a balancer: {error}"),
                Err(_) => tracing::info!(%client, "no PROXY header from a balancer in time"),
            }
            drop(running);
        });
    }
    drop((listener, running));
    let _ = ended.recv().await;
}
