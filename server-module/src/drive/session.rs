//! Sockets around the sessions of [`sid_proxy::session`]: TLS pass-through, POP3, FTP.

use super::http::Shared;
use crate::socket::{Choose, End, HIGH_WATER, Socket, end_of};
use sid_proxy::ServiceId;
use sid_proxy::session::{Event, Input, Output, Peer, Session, Side};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

/// How long the customer may take for the last words, or for a TLS handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the sessions of one interface share.
pub struct Door<S> {
    /// Routes and pools.
    pub shared: Arc<Shared>,
    /// Begins a session with a customer.
    pub begin: Box<dyn Fn(Peer, Duration) -> S + Send + Sync>,
    /// The port on which the cards of a service serve it; the pool's own where there is none.
    pub port: Box<dyn Fn(ServiceId) -> Option<u16> + Send + Sync>,
    /// The certificates; sessions never ask for TLS without.
    pub tls: Option<Arc<Choose>>,
    /// Hears of events, with the customer's address.
    pub hear: Box<Hear>,
    /// Who takes a connection whose session hands it over instead of going on inside TLS.
    pub hand_over: Option<Box<HandOver>>,
}

/// Hears of an event of a customer's session.
pub type Hear = dyn Fn(SocketAddr, &Event) + Send + Sync;

/// Takes a connection inside TLS.
pub type HandOver =
    dyn Fn(Socket, Peer, watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// Serves a listener until `shutdown` turns true, then lets running sessions finish.
pub async fn serve<S: Session + Send + 'static>(
    listener: TcpListener,
    door: Arc<Door<S>>,
    mut shutdown: watch::Receiver<bool>,
) {
    let stop = shutdown.clone();
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let _ = stream.set_nodelay(true);
                    let local = stream.local_addr().unwrap_or(client);
                    let peer = Peer { client, local, trusted: false };
                    sessions.spawn(Conversation::new(stream, peer, Arc::clone(&door), stop.clone()).run());
                }
                // Out of descriptors, or the customer was gone already: others may still come.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            () = async { drop(shutdown.wait_for(|stop| *stop).await) } => break,
        }
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}

type Opening<T> = Option<Pin<Box<dyn Future<Output = io::Result<T>> + Send>>>;

struct Conversation<S> {
    session: S,
    door: Arc<Door<S>>,
    peer: Peer,
    ends: [End; 2],
    /// The proxy's own address on each side.
    own: [IpAddr; 2],
    connecting: Opening<TcpStream>,
    securing: Opening<Socket>,
    data: Data,
    stop: watch::Receiver<bool>,
    close: Option<(bool, Instant)>,
}

/// The data connections of a transfer.
struct Data {
    legs: [Option<JoinHandle<io::Result<Socket>>>; 2],
    carrying: Option<JoinHandle<()>>,
    news: mpsc::Sender<News>,
    heard: mpsc::Receiver<News>,
}

enum News {
    Moved(u64),
    Done(bool),
}

impl<S: Session + Send + 'static> Conversation<S> {
    fn new(stream: TcpStream, peer: Peer, door: Arc<Door<S>>, stop: watch::Receiver<bool>) -> Self {
        let session = (door.begin)(peer, door.shared.now());
        let (news, heard) = mpsc::channel(16);
        let own = [peer.local.ip(); 2];
        let client = End { stream: Some(stream.into()), ..End::default() };
        let data = Data { legs: [None, None], carrying: None, news, heard };
        let ends = [client, End::default()];
        Self { session, door, peer, ends, own, connecting: None, securing: None, data, stop, close: None }
    }

    async fn run(mut self) {
        let mut stop = self.stop.clone();
        let mut stopped = Some(Box::pin(async move { drop(stop.wait_for(|stop| *stop).await) }));
        loop {
            if let Some(handed) = self.converse() {
                return handed.await;
            }
            if let Some((abort, until)) = self.close
                && (abort || self.ends[0].is_written() || Instant::now() >= until)
            {
                break;
            }
            let due = self.session.deadline().map(|due| Instant::from_std(self.door.shared.began() + due));
            let due = [due, self.close.map(|(_, until)| until)].into_iter().flatten().min();
            let mut timer = Box::pin(sleep_until(due.unwrap_or_else(|| Instant::now() + PATIENCE)));
            let input = poll_fn(|cx| self.poll(cx, &mut stopped, &mut timer)).await;
            if let Some(input) = input {
                self.tell(input);
            }
        }
        self.data.drop_all();
        let [client, _card] = self.ends;
        client.close(matches!(self.close, Some((true, _)))).await;
    }

    /// Moves what can be moved; gives what happened besides.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stopped: &mut Option<Pin<Box<impl Future<Output = ()>>>>,
        timer: &mut Pin<Box<tokio::time::Sleep>>,
    ) -> Poll<Option<Input<'static>>> {
        let [client, card] = &mut self.ends;
        let mut any = client.poll(cx, card.output.len() < HIGH_WATER);
        any |= card.poll(cx, client.output.len() < HIGH_WATER);
        if let Some(Poll::Ready(result)) = self.connecting.as_mut().map(|opening| opening.as_mut().poll(cx)) {
            self.connecting = None;
            return Poll::Ready(Some(match result {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    self.own[1] = stream.local_addr().map_or(self.own[1], |own| own.ip());
                    self.ends[1].stream = Some(stream.into());
                    Input::Connected { reused: false }
                }
                Err(_) => Input::ConnectFailed,
            }));
        }
        if let Some(Poll::Ready(result)) = self.securing.as_mut().map(|opening| opening.as_mut().poll(cx)) {
            self.securing = None;
            self.ends[0].stream = result.ok();
            let done = self.ends[0].stream.is_some();
            return Poll::Ready(Some(if done { Input::Secured } else { Input::SecureFailed }));
        }
        match self.data.heard.poll_recv(cx) {
            Poll::Ready(Some(News::Moved(len))) => return Poll::Ready(Some(Input::Carrying { len })),
            Poll::Ready(Some(News::Done(complete))) if self.data.carrying.take().is_some() => {
                return Poll::Ready(Some(Input::Carried { complete }));
            }
            _ => {}
        }
        if stopped.as_mut().is_some_and(|stopped| stopped.as_mut().poll(cx).is_ready()) {
            *stopped = None;
            return Poll::Ready(Some(Input::Drain));
        }
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Input::Tick));
        }
        if any { Poll::Ready(None) } else { Poll::Pending }
    }

    fn tell(&mut self, input: Input<'_>) -> usize {
        self.session.handle(self.door.shared.now(), input).unwrap_or(0)
    }

    /// Offers what was read and does what is asked, until nothing more comes of it or the connection is handed over.
    fn converse(&mut self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        loop {
            let mut progress = false;
            while let Some(output) = self.session.poll_output() {
                progress = true;
                let (door, shared) = (&self.door, &self.door.shared);
                let [client, card] = &mut self.ends;
                let answer = match output {
                    Output::Route { key } => Input::Routed(shared.table().lookup(&key)),
                    Output::Pick { service, tried } => {
                        shared.pick(service, self.peer.client, tried).map_or(Input::NoCard, |pick| {
                            let port = (door.port)(service).unwrap_or(pick.address.port());
                            Input::Picked {
                                card: pick.card,
                                address: SocketAddr::new(pick.address.ip(), port),
                            }
                        })
                    }
                    Output::Connect { address, .. } => {
                        self.connecting = Some(Box::pin(TcpStream::connect(address)));
                        continue;
                    }
                    Output::Release { service, card: of, outcome } => {
                        shared.finish(service, of, outcome);
                        self.connecting = None;
                        client.forward = 0;
                        *card = End::default();
                        continue;
                    }
                    Output::Send { to, bytes } => {
                        end_of(client, card, to).output.extend_from_slice(bytes);
                        continue;
                    }
                    Output::Forward { from, len } => {
                        end_of(client, card, from).forward = len;
                        continue;
                    }
                    Output::Finish { to } => {
                        end_of(client, card, to).finish = true;
                        continue;
                    }
                    Output::Close { abort } => {
                        self.close = Some((abort, Instant::now() + PATIENCE));
                        continue;
                    }
                    Output::Event(event) => {
                        (door.hear)(self.peer.client, &event);
                        continue;
                    }
                    Output::Secure => match (client.stream.take(), &door.tls) {
                        (Some(Socket::Tcp(stream)), Some(choose)) => {
                            let (choose, end) = (Arc::clone(choose), std::mem::take(client));
                            let (read, words) =
                                (end.input[end.used..].to_vec(), end.output[end.written..].to_vec());
                            let opening = secure(read, words, stream, choose);
                            if door.hand_over.is_some() {
                                return Some(hand_over(
                                    opening,
                                    Arc::clone(door),
                                    self.peer,
                                    self.stop.clone(),
                                ));
                            }
                            self.securing = Some(Box::pin(opening));
                            continue;
                        }
                        _ => Input::SecureFailed,
                    },
                    Output::Listen { leg, peer, secure } => {
                        let tls = door.tls.clone().filter(|_| secure);
                        match self.data.listen(leg, self.own[side(leg)], peer, tls) {
                            Ok(address) => Input::Listening { leg, address },
                            Err(_) => Input::DataFailed { leg },
                        }
                    }
                    Output::Dial { leg, address, secure } => {
                        self.data.dial(leg, address, door.tls.clone().filter(|_| secure));
                        continue;
                    }
                    Output::Carry { from } => {
                        self.data.carry(from);
                        continue;
                    }
                    Output::DropData if self.data.drop_all() => Input::Carried { complete: false },
                    Output::DropData => continue,
                };
                self.tell(answer);
            }
            progress |= self.offer(Side::Client);
            progress |= self.offer(Side::Card);
            if !progress {
                return None;
            }
        }
    }

    /// Moves or offers what one end has sent.
    fn offer(&mut self, from: Side) -> bool {
        let now = self.door.shared.now();
        let [client, card] = &mut self.ends;
        let (end, other) = if from == Side::Client { (client, card) } else { (card, client) };
        let mut bytes = end.input.get(end.used..).unwrap_or_default();
        if end.forward > 0 && !bytes.is_empty() {
            let len = bytes.len().min(usize::try_from(end.forward).unwrap_or(usize::MAX));
            other.output.extend_from_slice(&bytes[..len]);
            end.used += len;
            if end.forward != u64::MAX {
                end.forward -= len as u64;
            }
            end.tidy();
            let _ = self.session.handle(now, Input::Forwarded { from, len: len as u64 });
            return true;
        }
        if std::mem::take(&mut end.broken) {
            end.ended = true;
            let _ = self.session.handle(now, Input::Broken { side: from });
            return true;
        }
        if end.forward > 0 {
            bytes = &[];
        }
        if bytes.is_empty() && !end.ended {
            return false;
        }
        let taken = self.session.handle(now, Input::Data { side: from, bytes, end: end.ended }).unwrap_or(0);
        end.used += taken;
        end.tidy();
        taken > 0 || self.session.deadline() == Some(Duration::ZERO)
    }
}

fn side(leg: Side) -> usize {
    usize::from(leg == Side::Card)
}

/// Writes the last words in the clear, then ends TLS.
async fn secure(
    read: Vec<u8>,
    words: Vec<u8>,
    mut stream: TcpStream,
    choose: Arc<Choose>,
) -> io::Result<Socket> {
    timeout(PATIENCE, async {
        stream.write_all(&words).await?;
        Socket::secure(read, stream, &*choose).await
    })
    .await?
}

fn hand_over<S: Session + Send + 'static>(
    opening: impl Future<Output = io::Result<Socket>> + Send + 'static,
    door: Arc<Door<S>>,
    peer: Peer,
    stop: watch::Receiver<bool>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if let (Ok(stream), Some(take)) = (opening.await, &door.hand_over) {
            take(stream, peer, stop).await;
        }
    })
}

impl Data {
    fn listen(
        &mut self,
        leg: Side,
        own: IpAddr,
        peer: IpAddr,
        tls: Option<Arc<Choose>>,
    ) -> io::Result<SocketAddr> {
        let listener = std::net::TcpListener::bind((own, 0))?;
        listener.set_nonblocking(true)?;
        let (address, listener) = (listener.local_addr()?, TcpListener::from_std(listener)?);
        self.open(leg, async move {
            loop {
                let (stream, from) = listener.accept().await?;
                if from.ip().to_canonical() == peer.to_canonical() {
                    return dress(stream, tls).await;
                }
            }
        });
        Ok(address)
    }

    fn dial(&mut self, leg: Side, address: SocketAddr, tls: Option<Arc<Choose>>) {
        self.open(leg, async move { dress(TcpStream::connect(address).await?, tls).await });
    }

    fn open(&mut self, leg: Side, opening: impl Future<Output = io::Result<Socket>> + Send + 'static) {
        if let Some(old) = self.legs[side(leg)].replace(tokio::spawn(opening)) {
            old.abort();
        }
    }

    fn carry(&mut self, from: Side) {
        let [client, card] = std::mem::take(&mut self.legs);
        let (Some(client), Some(card)) = (client, card) else {
            let _ = self.news.try_send(News::Done(false));
            self.carrying = Some(tokio::spawn(async {}));
            return;
        };
        let (news, legs) = (self.news.clone(), AbortLegs([client.abort_handle(), card.abort_handle()]));
        self.carrying = Some(tokio::spawn(async move {
            let moved = async {
                let (client, card) = (client.await??, card.await??);
                drop(legs);
                let (mut from, mut to) = if from == Side::Client { (client, card) } else { (card, client) };
                let mut bytes = vec![0; 64 * 1024];
                loop {
                    let len = from.read(&mut bytes).await?;
                    if len == 0 {
                        break;
                    }
                    to.write_all(&bytes[..len]).await?;
                    let _ = news.send(News::Moved(len as u64)).await;
                }
                to.shutdown().await
            };
            let complete = moved.await.is_ok();
            let _ = news.send(News::Done(complete)).await;
        }));
    }

    /// Closes everything; true if bytes were being carried.
    fn drop_all(&mut self) -> bool {
        self.legs.iter_mut().filter_map(Option::take).for_each(|leg| leg.abort());
        let carrying = self.carrying.take();
        if let Some(carrying) = &carrying {
            carrying.abort();
            let (news, heard) = mpsc::channel(16);
            (self.news, self.heard) = (news, heard);
        }
        carrying.is_some()
    }
}

/// Ends connections that are still being opened when the transfer is given up.
struct AbortLegs([tokio::task::AbortHandle; 2]);

impl Drop for AbortLegs {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

async fn dress(stream: TcpStream, tls: Option<Arc<Choose>>) -> io::Result<Socket> {
    match tls {
        Some(choose) => timeout(PATIENCE, Socket::secure(Vec::new(), stream, &*choose)).await?,
        None => Ok(stream.into()),
    }
}
