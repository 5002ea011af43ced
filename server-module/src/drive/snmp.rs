//! The managers' door, and the way out for notifications: sockets around [`snmp_mib::agent::Agent`] and
//! [`snmp_mib::notify::Sender`].

use snmp_mib::agent::{Agent, Error, Input, Output, WriteId};
use snmp_mib::mib::Mib;
use snmp_mib::notify::{Notification, Sender, send};
use snmp_mib::wire::{ErrorStatus, VarBindList};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// The longest datagram.
const DATAGRAM: usize = 65_535;
/// Datagrams of all sockets that wait for the agent.
const BACKLOG: usize = 256;

/// What an agent serves and who decides about it.
pub trait Owner<M>: Send + 'static {
    /// Brings what the agent serves up to date, before a request is answered.
    fn refresh(&mut self, agent: &mut Agent<M>);

    /// Decides whether a SET may take effect, and writes down what must last.
    ///
    /// # Errors
    /// The position of the binding that it is refused for, counted from 0, and what is answered.
    fn write(
        &mut self,
        from: SocketAddr,
        varbinds: VarBindList,
    ) -> impl Future<Output = Result<(), (usize, ErrorStatus)>> + Send + 'static;

    /// Hears of a message whose community is not known there; `trap` tells whether managers want to know.
    fn stranger(&mut self, from: IpAddr, trap: bool);
}

/// Answers managers on `sockets` until one of them fails. `began` is the zero of the agent's time.
pub async fn serve<M, O>(
    sockets: Vec<UdpSocket>,
    mut agent: Agent<M>,
    mut owner: O,
    began: Instant,
) -> io::Result<()>
where
    M: Mib + Send + 'static,
    O: Owner<M>,
{
    let (arrived, mut datagrams) = mpsc::channel(BACKLOG);
    let mut readers = JoinSet::new();
    for socket in sockets {
        readers.spawn(read(Arc::new(socket), arrived.clone()));
    }
    drop(arrived);
    let mut decisions = JoinSet::new();
    // The socket that a SET came in by, while its owner decides.
    let mut writer: Option<Arc<UdpSocket>> = None;
    loop {
        let deadline = agent.deadline();
        tokio::select! {
            datagram = datagrams.recv() => {
                let Some((socket, from, data)) = datagram else {
                    return ended(&mut readers).await;
                };
                owner.refresh(&mut agent);
                match agent.handle(began.elapsed(), Input::Datagram { from, data: &data }) {
                    Ok(()) => {}
                    Err(Error::Community) => owner.stranger(from.ip(), agent.authentication_traps()),
                    Err(error) => tracing::debug!(%from, %error, "an SNMP message was not answered"),
                }
                if drain(&mut agent, &mut owner, &socket, &mut decisions) {
                    writer = Some(socket);
                }
            }
            Some(Ok((id, decision))) = decisions.join_next() => {
                let input = match decision {
                    Ok(()) => Input::WriteDone { id },
                    Err((position, status)) => Input::WriteRefused { id, position, status },
                };
                settle(&mut agent, &mut owner, began, input, &mut writer, &mut decisions);
            }
            () = until(began, deadline) => {
                settle(&mut agent, &mut owner, began, Input::Tick, &mut writer, &mut decisions);
            }
        }
    }
}

/// One socket's reader: whatever arrives, with the socket that it came by.
async fn read(
    socket: Arc<UdpSocket>,
    to: mpsc::Sender<(Arc<UdpSocket>, SocketAddr, Vec<u8>)>,
) -> io::Result<()> {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let data = buffer.get(..length).unwrap_or_default().to_vec();
                if to.send((Arc::clone(&socket), from, data)).await.is_err() {
                    return Ok(());
                }
            }
            // Linux reports an earlier answer's ICMP error here; the socket is as good as before.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        }
    }
}

async fn ended(readers: &mut JoinSet<io::Result<()>>) -> io::Result<()> {
    while let Some(end) = readers.join_next().await {
        end.map_err(io::Error::other)??;
    }
    Ok(())
}

type Decisions = JoinSet<(WriteId, Result<(), (usize, ErrorStatus)>)>;

/// Tells the agent how a SET ended, and answers it where it came in.
fn settle<M: Mib, O: Owner<M>>(
    agent: &mut Agent<M>,
    owner: &mut O,
    began: Instant,
    input: Input<'_>,
    writer: &mut Option<Arc<UdpSocket>>,
    decisions: &mut Decisions,
) {
    if let Err(error) = agent.handle(began.elapsed(), input) {
        tracing::debug!(%error, "a decision came too late");
    }
    if let Some(socket) = writer.take() {
        drain(agent, owner, &socket, decisions);
    }
}

/// Carries out what the agent wants done; tells whether a SET now waits for its owner.
fn drain<M: Mib, O: Owner<M>>(
    agent: &mut Agent<M>,
    owner: &mut O,
    socket: &UdpSocket,
    decisions: &mut Decisions,
) -> bool {
    let mut asked = false;
    while let Some(output) = agent.poll_output() {
        match output {
            Output::Send { to, data } => {
                // A full buffer loses the answer, as the network may: the manager asks again.
                if let Err(error) = socket.try_send_to(data, to) {
                    tracing::debug!(%to, %error, "an SNMP answer was not sent");
                }
            }
            Output::Write { id, from, varbinds } => {
                asked = true;
                let decision = owner.write(from, varbinds.iter().collect());
                decisions.spawn(async move { (id, decision.await) });
            }
            // Nothing that is served is fetched first, and there is no context but the agent's own.
            Output::Fetch { .. } | Output::Ask { .. } => {}
            Output::Event(event) => tracing::debug!(?event, "SNMP"),
        }
    }
    asked
}

async fn until(began: Instant, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => sleep_until((began + deadline).into()).await,
        None => std::future::pending().await,
    }
}

type Notice = Box<dyn FnOnce(&mut Sender, Duration) + Send>;

/// Where notifications are handed in.
#[derive(Clone, Debug)]
pub struct Notifier(mpsc::Sender<Notice>);

impl Notifier {
    /// Queues a notification for every target; tells whether there was room.
    pub fn notify<N: Notification + Send + 'static>(&self, notification: N) -> bool {
        let notice: Notice = Box::new(move |sender, now| sender.notify(now, &notification));
        self.0.try_send(notice).is_ok()
    }
}

/// A notifier, and the loop that sends what it is handed and ends when the last notifier is gone.
pub fn notifier(
    socket: UdpSocket,
    sender: Sender,
    began: Instant,
) -> (Notifier, impl Future<Output = io::Result<()>> + Send) {
    let (notify, notices) = mpsc::channel(BACKLOG);
    (Notifier(notify), notifications(socket, sender, began, notices))
}

async fn notifications(
    socket: UdpSocket,
    mut sender: Sender,
    began: Instant,
    mut notices: mpsc::Receiver<Notice>,
) -> io::Result<()> {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        while let Some(output) = sender.poll_output() {
            match output {
                send::Output::Send { to, data } => {
                    if let Err(error) = socket.send_to(data, to).await {
                        tracing::warn!(%to, %error, "a notification was not sent");
                    }
                }
                send::Output::Event(event) => tracing::debug!(?event, "notification"),
            }
        }
        let deadline = sender.deadline();
        tokio::select! {
            notice = notices.recv() => match notice {
                Some(notice) => notice(&mut sender, began.elapsed()),
                None => return Ok(()),
            },
            arrived = socket.recv_from(&mut buffer) => {
                // An ICMP error of an earlier message says only that nobody listens there.
                let Ok((length, from)) = arrived else { continue };
                let data = buffer.get(..length).unwrap_or_default();
                if let Err(error) = sender.handle(began.elapsed(), send::Input::Datagram { from, data }) {
                    tracing::debug!(%from, %error, "an SNMP message was not taken");
                }
            }
            () = until(began, deadline) => {
                let _ = sender.handle(began.elapsed(), send::Input::Tick);
            }
        }
    }
}
