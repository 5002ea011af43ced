//! Asking agents: a socket around [`snmp_mib::manager::Client`].

use snmp_mib::manager::{Client, Error, Failure, Input, Output, Peer, RequestId};
use snmp_mib::wire::{Oid, OidBuf, PduType, VarBind, VarBindList};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

/// Questions that wait before those who ask do.
const BACKLOG: usize = 1024;

/// Where agents are asked.
#[derive(Clone, Debug)]
pub struct Manager(mpsc::Sender<Ask>);

#[derive(Debug)]
struct Ask {
    peer: Peer,
    what: What,
    answer: oneshot::Sender<Result<VarBindList, Unanswered>>,
}

#[derive(Debug)]
enum What {
    Get(Vec<OidBuf>),
    Next(Vec<OidBuf>),
    Bulk((i32, i32), Vec<OidBuf>),
    Walk(OidBuf),
    Set(VarBindList),
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The agent did not answer, or refused.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Too much is being asked already.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The module is stopping.
    #[error("the module is stopping")]
    Gone,
}

impl Manager {
    /// The values of `names`.
    pub async fn get(&self, peer: Peer, names: &[Oid<'_>]) -> Result<VarBindList, Unanswered> {
        self.ask(peer, What::Get(names.iter().map(|name| name.to_buf()).collect())).await
    }

    /// Asks on what another manager asked: one request of that kind, with its counts, and one answer.
    pub async fn relay(
        &self,
        peer: Peer,
        kind: PduType,
        counts: (i32, i32),
        bindings: VarBindList,
    ) -> Result<VarBindList, Unanswered> {
        let names = bindings.iter().map(|binding| binding.name.to_buf()).collect();
        let what = match kind {
            PduType::SET => What::Set(bindings),
            PduType::GET_NEXT => What::Next(names),
            PduType::GET_BULK => What::Bulk(counts, names),
            _ => What::Get(names),
        };
        self.ask(peer, what).await
    }

    /// Every instance below `root`.
    pub async fn walk(&self, peer: Peer, root: Oid<'_>) -> Result<VarBindList, Unanswered> {
        self.ask(peer, What::Walk(root.to_buf())).await
    }

    /// Writes values.
    pub async fn set(&self, peer: Peer, bindings: VarBindList) -> Result<VarBindList, Unanswered> {
        self.ask(peer, What::Set(bindings)).await
    }

    async fn ask(&self, peer: Peer, what: What) -> Result<VarBindList, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Ask { peer, what, answer }).await.map_err(|_| Unanswered::Gone)?;
        answered.await.map_err(|_| Unanswered::Gone)?
    }
}

/// A manager, and the loop that asks for it and ends when the last manager is gone.
pub fn manager(
    socket: UdpSocket,
    client: Client,
    began: Instant,
) -> (Manager, impl Future<Output = io::Result<()>> + Send) {
    let (ask, asks) = mpsc::channel(BACKLOG);
    (Manager(ask), run(socket, client, began, asks))
}

/// What came so far of one answer, and who waits for it.
struct Waiting {
    so_far: VarBindList,
    answer: oneshot::Sender<Result<VarBindList, Unanswered>>,
}

async fn run(
    socket: UdpSocket,
    mut client: Client,
    began: Instant,
    mut asks: mpsc::Receiver<Ask>,
) -> io::Result<()> {
    let mut waiting: HashMap<RequestId, Waiting> = HashMap::new();
    let mut buffer = vec![0; 65_535];
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Send { to, data } => {
                    // What is not sent is not answered, and is sent again when its time comes.
                    if let Err(error) = socket.send_to(data, to).await {
                        tracing::debug!(%to, %error, "a question was not sent");
                    }
                }
                Output::Answer { id, varbinds } => {
                    if let Some(waiting) = waiting.get_mut(&id) {
                        waiting.so_far.extend(varbinds.iter());
                    }
                }
                Output::Done { id, outcome } => {
                    if let Some(Waiting { so_far, answer }) = waiting.remove(&id) {
                        let _ = answer.send(outcome.map(|()| so_far).map_err(Unanswered::from));
                    }
                }
            }
        }
        let deadline = client.deadline();
        tokio::select! {
            ask = asks.recv() => match ask {
                Some(ask) => begin(&mut client, began.elapsed(), ask, &mut waiting),
                None => return Ok(()),
            },
            arrived = socket.recv_from(&mut buffer) => {
                // An ICMP error of an earlier question says only that nobody listens there.
                let Ok((length, from)) = arrived else { continue };
                let data = buffer.get(..length).unwrap_or_default();
                if let Err(error) = client.handle(began.elapsed(), Input::Datagram { from, data }) {
                    tracing::debug!(%from, %error, "an SNMP answer was not taken");
                }
            }
            () = until(began, deadline) => {
                let _ = client.handle(began.elapsed(), Input::Tick);
            }
        }
    }
}

fn begin(client: &mut Client, now: Duration, ask: Ask, waiting: &mut HashMap<RequestId, Waiting>) {
    let Ask { peer, what, answer } = ask;
    let begun = match &what {
        What::Get(names) => client.get(now, &peer, &borrowed(names)),
        What::Next(names) => client.get_next(now, &peer, &borrowed(names)),
        What::Bulk(counts, names) => client.get_bulk(now, &peer, *counts, &borrowed(names)),
        What::Walk(root) => client.walk(now, &peer, root.as_oid()),
        What::Set(bindings) => {
            let bindings: Vec<VarBind<'_>> = bindings.iter().collect();
            client.set(now, &peer, &bindings)
        }
    };
    match begun {
        Ok(id) => drop(waiting.insert(id, Waiting { so_far: VarBindList::new(), answer })),
        Err(error) => drop(answer.send(Err(error.into()))),
    }
}

fn borrowed(names: &[OidBuf]) -> Vec<Oid<'_>> {
    names.iter().map(OidBuf::as_oid).collect()
}

async fn until(began: Instant, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => sleep_until((began + deadline).into()).await,
        None => std::future::pending().await,
    }
}
