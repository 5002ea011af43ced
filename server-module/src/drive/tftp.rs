//! TFTP: a socket for requests, and one for every transfer.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bootcfg::tftp::server::{Config, Event, Input, Output, Tid, TransferId};
use bootcfg::tftp::{Refusal, Server};
use futures_util::future::{AbortHandle, abortable};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::content::Reader;
use super::{alarm, segments};

pub use super::content::{Content, Source};

struct Transfer {
    socket: Arc<UdpSocket>,
    content: Reader,
    arrivals: AbortHandle,
}

/// Serves until dropped.
pub async fn serve(
    socket: UdpSocket,
    config: Config,
    content: Arc<dyn Content>,
    mut events: impl FnMut(Event) + Send,
) -> io::Result<()> {
    let epoch = Instant::now();
    let local = socket.local_addr()?.ip();
    let mut server = Server::new(config);
    let mut transfers: HashMap<TransferId, Transfer> = HashMap::new();
    let mut arrivals = FuturesUnordered::new();
    let mut request = vec![0; 2048];
    loop {
        let due = server.deadline().map(|deadline| epoch + deadline);
        tokio::select! {
            arrived = socket.recv_from(&mut request) => {
                if let Ok((len, from)) = arrived {
                    let bytes = &request[..len];
                    _ = server.handle(epoch.elapsed(), Input::Datagram { at: Tid::Listen, from, bytes });
                }
            }
            Some(arrived) = arrivals.next() => {
                if let Ok(Arrival { id, socket, bytes, from }) = arrived {
                    if let Ok((len, from)) = from {
                        let bytes = &bytes[..len];
                        _ = server.handle(epoch.elapsed(), Input::Datagram { at: Tid::Transfer(id), from, bytes });
                    }
                    if let Some(transfer) = transfers.get_mut(&id) {
                        let (arrival, handle) = abortable(receive(id, socket, bytes));
                        transfer.arrivals = handle;
                        arrivals.push(arrival);
                    }
                }
            }
            () = alarm(due) => {
                _ = server.handle(epoch.elapsed(), Input::Tick);
            }
        }
        while let Some(output) = server.poll_output() {
            match output {
                Output::Send { from, to, bytes, segment } => {
                    let socket = match from {
                        // A transfer that was refused before it had a port speaks from the well-known one.
                        Tid::Transfer(id) => transfers.get(&id).map_or(&socket, |transfer| &*transfer.socket),
                        Tid::Listen => &socket,
                    };
                    segments::send(socket, to, bytes, segment).await;
                }
                Output::Open { id, peer, name } => {
                    let opened = content.open(peer.ip(), name);
                    let input = match opened
                        .and_then(|source| Ok((source, bind(local).map_err(|_| Refusal::Busy)?)))
                    {
                        Ok((source, socket)) => {
                            let (arrival, handle) =
                                abortable(receive(id, Arc::clone(&socket), vec![0; 2048]));
                            arrivals.push(arrival);
                            let content = Reader::new(source);
                            let size = content.size();
                            transfers.insert(id, Transfer { socket, content, arrivals: handle });
                            Input::Opened { id, size }
                        }
                        Err(refusal) => Input::OpenFailed { id, refusal },
                    };
                    _ = server.handle(epoch.elapsed(), input);
                }
                // Nobody writes here: `Config::writes` is off.
                Output::Create { id, .. } | Output::Write { id, .. } => {
                    let refused = Input::OpenFailed { id, refusal: Refusal::ReadOnly };
                    _ = server.handle(epoch.elapsed(), refused);
                }
                Output::Read { id, offset, len } => {
                    let read = transfers.get_mut(&id).map(|transfer| transfer.content.read(offset, len));
                    let input = match read {
                        Some(Ok(bytes)) => Input::ReadDone { id, bytes },
                        Some(Err(_)) | None => Input::ReadFailed { id },
                    };
                    _ = server.handle(epoch.elapsed(), input);
                }
                Output::Close { id } => {
                    if let Some(transfer) = transfers.remove(&id) {
                        transfer.arrivals.abort();
                    }
                }
                Output::Event(event) => events(event),
            }
        }
    }
}

struct Arrival {
    id: TransferId,
    socket: Arc<UdpSocket>,
    bytes: Vec<u8>,
    from: io::Result<(usize, SocketAddr)>,
}

async fn receive(id: TransferId, socket: Arc<UdpSocket>, mut bytes: Vec<u8>) -> Arrival {
    let from = socket.recv_from(&mut bytes).await;
    Arrival { id, socket, bytes, from }
}

/// A port of its own for a transfer, on the address that requests come to.
fn bind(local: IpAddr) -> io::Result<Arc<UdpSocket>> {
    let socket = std::net::UdpSocket::bind((local, 0))?;
    socket.set_nonblocking(true)?;
    Ok(Arc::new(UdpSocket::from_std(socket)?))
}
