//! Sockets around the sessions of [`sid_proxy::session`]: TLS pass-through, POP3, FTP.

use crate::door::socket::{Choose, End, News, Socket, end_of};
use crate::door::way::dial;
use crate::door::{self, Arrival, Front, Lane, Shared};
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
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

/// How long the customer may take for the last words, or for a TLS handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the sessions of one interface share.
pub struct Door<S> {
    /// Where it stands.
    pub lane: Arc<Lane>,
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

impl<S> Door<S> {
    fn shared(&self) -> &Shared {
        self.lane.shared()
    }
}

/// Serves a listener until `stop` turns true, then lets running sessions finish.
pub async fn serve<S: Session + Send + 'static>(
    listener: TcpListener,
    front: Arc<Front>,
    door: Arc<Door<S>>,
    stop: watch::Receiver<bool>,
) {
    door::serve(listener, front, stop, move |arrival| Conversation::new(arrival, Arc::clone(&door)).run())
        .await;
}

type Opening<T> = Option<Pin<Box<dyn Future<Output = io::Result<T>> + Send>>>;

struct Conversation<S> {
    session: S,
    door: Arc<Door<S>>,
    peer: Peer,
    ends: [End; 2],
    /// The proxy's own address on each side.
    own: [IpAddr; 2],
    connecting: Opening<Socket>,
    service: ServiceId,
    securing: Opening<Socket>,
    data: Data,
    stop: watch::Receiver<bool>,
    close: Option<(bool, Instant)>,
}

/// The data connections of a transfer.
struct Data {
    legs: [Option<JoinHandle<io::Result<Socket>>>; 2],
    carrying: Option<JoinHandle<()>>,
    news: mpsc::Sender<Carried>,
    heard: mpsc::Receiver<Carried>,
}

enum Carried {
    Moved(u64),
    Done(bool),
}

impl<S: Session + Send + 'static> Conversation<S> {
    fn new(arrival: Arrival, door: Arc<Door<S>>) -> Self {
        let Arrival { stream, read, peer, stop } = arrival;
        let session = (door.begin)(peer, door.shared().now());
        let (news, heard) = mpsc::channel(16);
        let own = [peer.local.ip(); 2];
        let client = End::new(stream.into(), read);
        let data = Data { legs: [None, None], carrying: None, news, heard };
        let ends = [client, End::default()];
        Self {
            session,
            door,
            peer,
            ends,
            own,
            connecting: None,
            service: ServiceId::default(),
            securing: None,
            data,
            stop,
            close: None,
        }
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
            let due = self.session.deadline().map(|due| Instant::from_std(self.door.shared().began() + due));
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
        let written = client.poll_write(cx);
        card.poll_write(cx);
        let mut any = written && self.close.is_some();
        any |= card.has_room() && client.poll_read(cx);
        any |= client.has_room() && card.poll_read(cx);
        if let Some(Poll::Ready(result)) = self.connecting.as_mut().map(|opening| opening.as_mut().poll(cx)) {
            self.connecting = None;
            return Poll::Ready(Some(match result {
                Ok(stream) => {
                    self.own[1] = stream.local_addr().map_or(self.own[1], |own| own.ip());
                    self.ends[1].stream = Some(stream);
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
            Poll::Ready(Some(Carried::Moved(len))) => return Poll::Ready(Some(Input::Carrying { len })),
            Poll::Ready(Some(Carried::Done(complete))) if self.data.carrying.take().is_some() => {
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
        self.session.handle(self.door.shared().now(), input).unwrap_or(0)
    }

    /// Offers what was read and does what is asked, until nothing more comes of it or the connection is handed over.
    fn converse(&mut self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        loop {
            let mut progress = false;
            while let Some(output) = self.session.poll_output() {
                progress = true;
                let (door, shared) = (&self.door, self.door.shared());
                let [client, card] = &mut self.ends;
                let answer = match output {
                    Output::Route { key } => Input::Routed(shared.lookup(&key)),
                    Output::Pick { service, tried } => {
                        self.service = service;
                        match shared.pick(service, self.peer.client, tried, None) {
                            Input::Picked { card, mut address } => {
                                address.set_port((door.port)(service).unwrap_or(address.port()));
                                Input::Picked { card, address }
                            }
                            none => none,
                        }
                    }
                    Output::Connect { address, .. } => {
                        let way = shared.way(self.service);
                        self.connecting = Some(Box::pin(dial(way, address, Some(self.peer), false)));
                        continue;
                    }
                    Output::Release { service, card: of, outcome } => {
                        shared.finish(service, self.peer.client, of, outcome);
                        self.connecting = None;
                        client.forward = 0;
                        *card = End::default();
                        continue;
                    }
                    Output::Send { to, bytes } => {
                        end_of(client, card, to).write(bytes);
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
                    Output::Secure => {
                        let (stream, read, words) = std::mem::take(client).into_parts();
                        match (stream, &door.tls) {
                            (Some(Socket::Tcp(stream)), Some(choose)) => {
                                let opening = secure(read, words, stream, Arc::clone(choose));
                                if door.hand_over.is_some() {
                                    let (door, stop) = (Arc::clone(door), self.stop.clone());
                                    return Some(hand_over(opening, door, self.peer, stop));
                                }
                                self.securing = Some(Box::pin(opening));
                                continue;
                            }
                            _ => Input::SecureFailed,
                        }
                    }
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
    fn offer(&mut self, side: Side) -> bool {
        let now = self.door.shared().now();
        let [client, card] = &mut self.ends;
        let (end, other) = if side == Side::Client { (client, card) } else { (card, client) };
        let input = match end.news(other) {
            News::None => return false,
            News::Passed(len) => Input::Forwarded { from: side, len },
            News::Broken => Input::Broken { side },
            News::Data { bytes, end } => Input::Data { side, bytes, end },
        };
        let asked = matches!(input, Input::Data { .. });
        let taken = self.session.handle(now, input).unwrap_or(0);
        if !asked {
            return true;
        }
        end.take(taken);
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
            let _ = self.news.try_send(Carried::Done(false));
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
                    let _ = news.send(Carried::Moved(len as u64)).await;
                }
                to.shutdown().await
            };
            let complete = moved.await.is_ok();
            let _ = news.send(Carried::Done(complete)).await;
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
