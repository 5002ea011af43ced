//! One runtime a core, each with a listener of its own: what arrives on a core stays there.

use super::socket::Socket;
use super::{Shared, Way};
use socket2::{Domain, Protocol, Type};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Idle connections kept to one card.
const IDLE_EACH: usize = 64;
/// How long one is kept: shorter than servers keep theirs, so that a request seldom meets one that just closes.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// Connections that wait to be taken in; the kernel allows no more than `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// What one core's conversations share: besides what all share, its idle connections to cards.
pub struct Lane {
    shared: Arc<Shared>,
    idle: Mutex<HashMap<Place, Vec<Idle>>>,
}

/// Where a connection leads: by which way, 0 being plain TCP, and to what address.
type Place = (u64, SocketAddr);

struct Idle {
    since: Instant,
    stream: Socket,
}

impl Lane {
    /// A lane without connections.
    pub fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { shared, idle: Mutex::default() })
    }

    /// Routes and pools.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// An idle connection that is still silent: whatever it had to say meanwhile makes it useless.
    pub(crate) fn take(&self, way: Option<&Way>, address: SocketAddr) -> Option<Socket> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = idle.get_mut(&(way.map_or(0, Way::number), address))?;
        while let Some(Idle { mut stream, .. }) = streams.pop() {
            if stream.is_silent() {
                return Some(stream);
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, way: Option<&Way>, address: SocketAddr, stream: Socket) {
        if way.is_some_and(|way| !way.is_shared()) {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = idle.entry((way.map_or(0, Way::number), address)).or_default();
        if streams.len() < IDLE_EACH {
            streams.push(Idle { since: Instant::now(), stream });
        }
    }

    /// Closes what has been idle for too long, or was closed by the card.
    fn sweep(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, streams| {
            streams.retain_mut(|idle| idle.since.elapsed() < IDLE_FOR && idle.stream.is_silent());
            !streams.is_empty()
        });
    }
}

type Job = Box<dyn FnOnce(Arc<Lane>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// As many listeners for an address as there are lanes, among which the kernel shares out what arrives.
///
/// # Errors
/// Somebody else has the address, though it be another cabinet of the same user: the first listener is bound for itself
/// alone, and joined only then.
pub(crate) fn bind(address: SocketAddr, lanes: usize) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for first in (0..lanes).map(|lane| lane == 0) {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(!first)?;
        let port = listeners.first().map_or(Ok(address.port()), |first| Ok(first.local_addr()?.port()));
        socket.bind(&SocketAddr::new(address.ip(), port.map_err(|error: io::Error| error)?).into())?;
        socket.set_reuse_port(true)?;
        socket.listen(BACKLOG)?;
        listeners.push(socket.into());
    }
    Ok(listeners)
}

/// The lanes of a cabinet. Dropped, they end with all they do.
pub struct Lanes {
    jobs: Vec<mpsc::UnboundedSender<Job>>,
    /// Closed once all lanes have ended.
    ended: mpsc::Receiver<()>,
    /// Closed when they are to end.
    _end: watch::Sender<()>,
}

impl Lanes {
    /// Starts them.
    ///
    /// # Errors
    /// A thread or its runtime cannot be had.
    pub fn start(count: usize, shared: &Arc<Shared>) -> io::Result<Self> {
        let (alive, ended) = mpsc::channel(1);
        let (end, ending) = watch::channel(());
        let start = |number| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (jobs, todo) = mpsc::unbounded_channel();
            let (lane, alive, ending) = (Lane::new(Arc::clone(shared)), alive.clone(), ending.clone());
            thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
                runtime.block_on(work(lane, todo, ending));
                drop((runtime, alive));
            })?;
            Ok(jobs)
        };
        let jobs = (0..count).map(start).collect::<io::Result<_>>()?;
        Ok(Self { jobs, ended, _end: end })
    }

    /// How many there should be: one for each core that the process may use.
    pub fn cores() -> usize {
        thread::available_parallelism().map_or(1, NonZero::get)
    }

    /// Lets a lane do something, until it is done by itself or the lanes end.
    pub fn spawn<F>(&self, lane: usize, job: impl FnOnce(Arc<Lane>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(jobs) = self.jobs.get(lane) {
            // A lane that is gone takes no more.
            let _ = jobs.send(Box::new(|lane| Box::pin(job(lane))));
        }
    }

    /// Waits until everything is done.
    pub async fn done(&mut self) {
        self.jobs.clear();
        let _ = self.ended.recv().await;
    }
}

/// Does jobs until there are no more and all are done.
async fn work(lane: Arc<Lane>, mut todo: mpsc::UnboundedReceiver<Job>, mut ending: watch::Receiver<()>) {
    let mut jobs = tokio::task::JoinSet::new();
    let mut sweep = tokio::time::interval(IDLE_FOR / 2);
    let mut more = true;
    while more || !jobs.is_empty() {
        tokio::select! {
            job = todo.recv(), if more => match job {
                Some(job) => drop(jobs.spawn(job(Arc::clone(&lane)))),
                None => more = false,
            },
            Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
            _ = sweep.tick() => lane.sweep(),
            _ = ending.changed() => return,
        }
    }
}
