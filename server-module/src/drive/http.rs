//! The customers' door: sockets around [`sid_proxy::http::Session`].

use crate::socket::{End, HIGH_WATER, Socket, end_of};
use sid_proxy::http::{Config, Event, Input, Output, Peer, Session, Side, Usage};
use sid_proxy::pool::{Outcome, Pick, PickKey, Pools, State};
use sid_proxy::{CardId, RouteTable, ServiceId};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep_until};

/// Idle connections kept to one card.
const IDLE_EACH: usize = 64;
/// How long a customer may take to read the last answer once nothing else is to be done.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// Hears of each request that is over, with the customer's address.
type Hearer = dyn Fn(SocketAddr, &Usage) + Send + Sync;

/// What all doors of a cabinet share: the routes, the pools, the idle connections to cards.
pub struct Shared {
    config: Arc<Config>,
    table: RwLock<RouteTable>,
    pools: Mutex<Pools>,
    idle: Mutex<HashMap<SocketAddr, Vec<TcpStream>>>,
    usage: Box<Hearer>,
    hasher: RandomState,
    began: Instant,
}

impl Shared {
    /// Begins with a table and its pools; `usage` hears of each request that is over, with the customer's
    /// address.
    pub fn new(
        config: Config,
        table: RouteTable,
        pools: Pools,
        usage: impl Fn(SocketAddr, &Usage) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            config: Arc::new(config),
            table: RwLock::new(table),
            pools: Mutex::new(pools),
            idle: Mutex::default(),
            usage: Box::new(usage),
            hasher: RandomState::new(),
            began: Instant::now(),
        })
    }

    /// The table in use.
    pub fn table(&self) -> RouteTable {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another table in use; running requests keep the decision they got.
    pub fn set_table(&self, table: RouteTable) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Looks at or changes the pools. New picks follow at once; running requests finish.
    pub fn with_pools<R>(&self, change: impl FnOnce(&mut Pools) -> R) -> R {
        change(&mut self.pools.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the state of a card in every pool that has it.
    pub fn set_card(&self, card: CardId, state: State) {
        self.with_pools(|pools| pools.set_state(card, state));
    }

    /// The time since the cabinet's doors opened.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// When that was.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// How requests are treated, whatever they came through.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Picks a card of a service for a customer; none for one whom the service does not admit.
    pub fn pick(&self, service: ServiceId, client: SocketAddr, tried: &[CardId]) -> Option<Pick> {
        let (now, address) = (self.now(), client.ip());
        let client = self.hasher.hash_one(address);
        let key = PickKey { client, tried };
        self.with_pools(|pools| pools.pool_mut(service).filter(|pool| pool.admits(address))?.pick(now, &key))
    }

    /// Gives a picked card back.
    pub fn finish(&self, service: ServiceId, card: CardId, outcome: Outcome) {
        let now = self.now();
        self.with_pools(|pools| pools.pool_mut(service).map(|pool| pool.finish(now, card, outcome)));
    }

    /// An idle connection that is still silent: whatever it had to say meanwhile makes it useless.
    fn idle(&self, address: SocketAddr) -> Option<TcpStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = idle.get_mut(&address)?;
        while let Some(stream) = streams.pop() {
            if matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                return Some(stream);
            }
        }
        None
    }

    fn keep(&self, address: SocketAddr, stream: TcpStream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = idle.entry(address).or_default();
        if streams.len() < IDLE_EACH {
            streams.push(stream);
        }
    }
}

/// Serves a listener until `shutdown` turns true, then lets running requests finish.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, mut shutdown: watch::Receiver<bool>) {
    let stop = shutdown.clone();
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let _ = stream.set_nodelay(true);
                    let local = stream.local_addr().unwrap_or(client);
                    let peer = Peer { client, local, trusted: false };
                    let (config, shared) = (Arc::clone(&shared.config), Arc::clone(&shared));
                    conversations.spawn(converse(stream.into(), config, peer, shared, stop.clone()));
                }
                // Out of descriptors, or the customer was gone already: others may still come.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = conversations.join_next(), if !conversations.is_empty() => {}
            () = async { drop(shutdown.wait_for(|stop| *stop).await) } => break,
        }
    }
    drop(listener);
    while conversations.join_next().await.is_some() {}
}

/// Serves one connection of a customer, whatever it came through.
pub async fn converse(
    stream: Socket,
    config: Arc<Config>,
    peer: Peer,
    shared: Arc<Shared>,
    shutdown: watch::Receiver<bool>,
) {
    Conversation::new(stream, &config, peer, shared, shutdown).run().await;
}

/// One customer's connection, the card's if there is one, and the session between them.
struct Conversation {
    session: Session,
    shared: Arc<Shared>,
    shutdown: watch::Receiver<bool>,
    peer: Peer,
    client: End,
    card: End,
    card_address: Option<SocketAddr>,
    connecting: Option<Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>>,
    /// Whether to reset, and since when only the last words are left to write.
    close: Option<(bool, Duration)>,
}

impl Conversation {
    fn new(
        stream: Socket,
        config: &Arc<Config>,
        peer: Peer,
        shared: Arc<Shared>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let session = Session::new(Arc::clone(config), peer, shared.now());
        let client = End { stream: Some(stream), ..End::default() };
        Self {
            session,
            shared,
            shutdown,
            peer,
            client,
            card: End::default(),
            card_address: None,
            connecting: None,
            close: None,
        }
    }

    async fn run(mut self) {
        let mut timer: Pin<Box<Sleep>> =
            Box::pin(sleep_until((Instant::now() + Duration::from_secs(60)).into()));
        let mut shutdown = self.shutdown.clone();
        let mut stopped = Box::pin(async move { shutdown.wait_for(|stop| *stop).await.is_ok() });
        let mut draining = false;
        loop {
            self.converse();
            if let Some((abort, since)) = self.close
                && (abort || self.client.is_written() || self.shared.now() > since + LAST_WORDS)
            {
                break;
            }
            let at = self.session.deadline().map(|deadline| self.shared.began + deadline);
            // A timer that rings early costs less than one that is set anew for each request.
            if let Some(at) = at
                && at < timer.deadline().into_std()
            {
                timer.as_mut().reset(at.into());
            }
            let tick = poll_fn(|cx| {
                let mut ready = self.client.poll(cx, self.card.output.len() < HIGH_WATER);
                ready |= self.card.poll(cx, self.client.output.len() < HIGH_WATER);
                if let Some(connecting) = &mut self.connecting
                    && let Poll::Ready(result) = connecting.as_mut().poll(cx)
                {
                    self.connecting = None;
                    self.connected(result);
                    ready = true;
                }
                if !draining && stopped.as_mut().poll(cx).is_ready() {
                    draining = true;
                    let _ = self.session.handle(self.shared.now(), Input::Drain);
                    ready = true;
                }
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(true);
                }
                if ready { Poll::Ready(false) } else { Poll::Pending }
            })
            .await;
            if tick {
                let now = self.shared.now();
                let _ = self.session.handle(now, Input::Tick);
                let next = self.session.deadline().map_or(now + Duration::from_secs(60), |at| at.max(now));
                timer.as_mut().reset((self.shared.began + next).into());
            }
        }
        self.client.close(matches!(self.close, Some((true, _)))).await;
    }

    /// Offers what was read and does what is asked, until nothing more comes of it.
    fn converse(&mut self) {
        loop {
            let mut progress = self.drain();
            for side in [Side::Client, Side::Card] {
                progress |= self.offer(side);
            }
            if !progress {
                return;
            }
        }
    }

    /// Does what the session asks for.
    fn drain(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.session.poll_output() {
            any = true;
            let now = self.shared.now();
            let answer = match output {
                Output::Route { key } => Input::Routed(self.shared.table().lookup(&key)),
                Output::Pick { service, tried } => {
                    let client = self.shared.hasher.hash_one(self.peer.client.ip());
                    let key = PickKey { client, tried };
                    self.shared.with_pools(|pools| match pools.pool_mut(service) {
                        Some(pool) if !pool.admits(self.peer.client.ip()) => Input::Denied,
                        Some(pool) => pool.pick(now, &key).map_or(Input::NoCard, |pick| Input::Picked {
                            card: pick.card,
                            address: pick.address,
                        }),
                        None => Input::NoCard,
                    })
                }
                Output::Connect { address, fresh, .. } => {
                    self.card = End::default();
                    self.card_address = Some(address);
                    match self.shared.idle(address).filter(|_| !fresh) {
                        Some(stream) => {
                            self.card.stream = Some(stream.into());
                            Input::Connected { reused: true }
                        }
                        None => {
                            self.connecting = Some(Box::pin(TcpStream::connect(address)));
                            continue;
                        }
                    }
                }
                Output::Send { to, bytes } => {
                    end_of(&mut self.client, &mut self.card, to).output.extend_from_slice(bytes);
                    continue;
                }
                Output::Forward { from, len } => {
                    end_of(&mut self.client, &mut self.card, from).forward = len;
                    continue;
                }
                Output::Release { service, card, outcome, reusable } => {
                    self.shared.finish(service, card, outcome);
                    self.connecting = None;
                    self.client.forward = 0;
                    let end = std::mem::take(&mut self.card);
                    let clean =
                        end.used == end.input.len() && !end.ended && !end.broken && end.output.is_empty();
                    if let (true, true, Some(Socket::Tcp(stream)), Some(address)) =
                        (reusable, clean, end.stream, self.card_address)
                    {
                        self.shared.keep(address, stream);
                    }
                    continue;
                }
                Output::Close { abort } => {
                    self.close = Some((abort, now));
                    continue;
                }
                Output::Finish { to } => {
                    end_of(&mut self.client, &mut self.card, to).finish = true;
                    continue;
                }
                Output::Event(Event::Done(usage)) => {
                    (self.shared.usage)(self.peer.client, &usage);
                    continue;
                }
                Output::Event(_) => continue,
            };
            if let Err(error) = self.session.handle(now, answer) {
                debug_assert!(false, "an answer to the session's own question: {error}");
            }
        }
        any
    }

    /// Moves or offers what one end has sent.
    fn offer(&mut self, side: Side) -> bool {
        let now = self.shared.now();
        let (end, other) = match side {
            Side::Client => (&mut self.client, &mut self.card),
            Side::Card => (&mut self.card, &mut self.client),
        };
        let mut bytes = end.input.get(end.used..).unwrap_or_default();
        if end.forward > 0 && !bytes.is_empty() {
            let len = bytes.len().min(usize::try_from(end.forward).unwrap_or(usize::MAX));
            other.output.extend_from_slice(&bytes[..len]);
            end.used += len;
            if end.forward != u64::MAX {
                end.forward -= len as u64;
            }
            end.tidy();
            let _ = self.session.handle(now, Input::Forwarded { from: side, len: len as u64 });
            return true;
        }
        if end.broken {
            end.broken = false;
            end.ended = true;
            let _ = self.session.handle(now, Input::Broken { side });
            return true;
        }
        if end.forward > 0 {
            bytes = &[];
        }
        if bytes.is_empty() && !end.ended {
            return false;
        }
        let taken = self.session.handle(now, Input::Data { side, bytes, end: end.ended }).unwrap_or(0);
        end.used += taken;
        end.tidy();
        taken > 0 || self.session.deadline() == Some(Duration::ZERO)
    }

    fn connected(&mut self, result: io::Result<TcpStream>) {
        let answer = match result {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                self.card.stream = Some(stream.into());
                Input::Connected { reused: false }
            }
            Err(_) => Input::ConnectFailed,
        };
        let _ = self.session.handle(self.shared.now(), answer);
    }
}
