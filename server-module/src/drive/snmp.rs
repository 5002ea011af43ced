//! The managers' door, and the way out for notifications: sockets around [`snmp_mib::agent::Agent`] and
//! [`snmp_mib::notify::Sender`].

use snmp_mib::agent::{Agent, AskId, Error, Input, Output, WriteId};
use snmp_mib::mib::Mib;
use snmp_mib::notify::{Notification, Sender, send};
use snmp_mib::wire::{ErrorStatus, PduType, VarBindList, VarBinds};
use std::collections::HashMap;
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

    /// Asks in another context, as an agent behind this one.
    ///
    /// # Errors
    /// What it refuses; `None` where it does not answer.
    fn ask(
        &mut self,
        _question: Question,
    ) -> impl Future<Output = Result<VarBindList, Option<(ErrorStatus, i32)>>> + Send + 'static {
        std::future::ready(Err(None))
    }

    /// Hears of a message whose community is not known there; `trap` tells whether managers want to know.
    fn stranger(&mut self, from: IpAddr, trap: bool);
}

/// What is asked in another context.
#[derive(Clone, Debug)]
pub struct Question {
    /// The context.
    pub context: Vec<u8>,
    /// GET, GETNEXT, GETBULK or SET.
    pub kind: PduType,
    /// non-repeaters and max-repetitions of a GETBULK.
    pub counts: (i32, i32),
    /// What is asked.
    pub varbinds: VarBindList,
}

/// What the owner has found or decided.
enum Found {
    Write(WriteId, Result<(), (usize, ErrorStatus)>),
    Answer(AskId, Result<VarBindList, Option<(ErrorStatus, i32)>>),
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
    let mut pending = JoinSet::new();
    // By which socket each manager asks who waits for an answer.
    let mut ways: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
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
                if pending.is_empty() {
                    ways.clear();
                }
                ways.insert(from, socket);
            }
            Some(Ok(found)) = pending.join_next() => {
                let now = began.elapsed();
                let taken = match &found {
                    Found::Write(id, Ok(())) => agent.handle(now, Input::WriteDone { id: *id }),
                    Found::Write(id, Err((position, status))) => {
                        agent.handle(now, Input::WriteRefused { id: *id, position: *position, status: *status })
                    }
                    Found::Answer(id, Ok(answer)) => {
                        let (status, index, varbinds) = (ErrorStatus::NO_ERROR, 0, answer.as_varbinds());
                        agent.handle(now, Input::Answered { id: *id, status, index, varbinds })
                    }
                    Found::Answer(id, Err(Some((status, index)))) => {
                        let (status, index, varbinds) = (*status, *index, VarBinds::EMPTY);
                        agent.handle(now, Input::Answered { id: *id, status, index, varbinds })
                    }
                    Found::Answer(id, Err(None)) => agent.handle(now, Input::Unanswered { id: *id }),
                };
                if let Err(error) = taken {
                    tracing::debug!(%error, "an answer came too late");
                }
            }
            () = until(began, deadline) => {
                let _ = agent.handle(began.elapsed(), Input::Tick);
            }
        }
        drain(&mut agent, &mut owner, &ways, &mut pending);
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

/// Carries out what the agent wants done.
fn drain<M: Mib, O: Owner<M>>(
    agent: &mut Agent<M>,
    owner: &mut O,
    ways: &HashMap<SocketAddr, Arc<UdpSocket>>,
    pending: &mut JoinSet<Found>,
) {
    while let Some(output) = agent.poll_output() {
        match output {
            Output::Send { to, data } => {
                // A full buffer loses the answer, as the network may: the manager asks again.
                if let Some(socket) = ways.get(&to)
                    && let Err(error) = socket.try_send_to(data, to)
                {
                    tracing::debug!(%to, %error, "an SNMP answer was not sent");
                }
            }
            Output::Write { id, from, varbinds } => {
                let decision = owner.write(from, varbinds.to_list());
                pending.spawn(async move { Found::Write(id, decision.await) });
            }
            Output::Ask { id, context, kind, counts, varbinds } => {
                let question =
                    Question { context: context.to_vec(), kind, counts, varbinds: varbinds.to_list() };
                let answer = owner.ask(question);
                pending.spawn(async move { Found::Answer(id, answer.await) });
            }
            // Every node is ready at any time: `Owner::refresh` keeps them so.
            Output::Fetch { id, .. } => {
                pending.spawn(std::future::ready(Found::Answer(id, Err(None))));
            }
            Output::Event(event) => tracing::debug!(?event, "SNMP"),
        }
    }
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
