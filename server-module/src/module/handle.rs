//! The async front of the one task that owns the cabinet core.
//!
//! ```text
//!  ctl, admin, SNMP --command--> Handle --mpsc--> Keeper (owns the Cabinet) --effects--> drives
//!  drives ----------report-----> Handle                    |
//!  readers <--------snapshot----------- watch <------------+--> broadcast of events
//! ```
//!
//! Reading never asks the task: [`Handle::snapshot`] is the latest inventory, shared.

use super::store::Keeping;
use crate::cabinet::{Cabinet, Command, Event, Input, Inventory, Output, Refusal, Reply, Who};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Commands and reports that wait before their senders do.
const BACKLOG: usize = 1024;

/// Events that a slow watcher may be behind before it loses the oldest.
const EVENTS: usize = 4096;

/// What everybody else has of the cabinet: commands it, reports to it, reads it, watches it.
#[derive(Clone, Debug)]
pub struct Handle {
    asks: mpsc::Sender<Ask>,
    snapshot: watch::Receiver<Arc<Inventory>>,
    events: broadcast::Sender<Event>,
    clock: Clock,
    keeping: Keeping,
}

/// The cabinet's time: a monotonic duration since the module started, and the calendar beside it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    calendar: SystemTime,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now(), calendar: SystemTime::now() }
    }

    /// The time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The calendar time of a point of the cabinet's time.
    pub fn calendar(&self, at: Duration) -> SystemTime {
        self.calendar + at
    }

    /// The monotonic instant of a point of the cabinet's time.
    pub fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }
}

/// The module is stopping: the task that owns the cabinet is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the module is stopping")]
pub struct Gone;

/// Why a command did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The cabinet refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no cabinet to ask any more.
    #[error(transparent)]
    Gone(#[from] Gone),
}

type Look = Box<dyn FnOnce(&Cabinet) + Send>;

enum Ask {
    Command(Who, Command, oneshot::Sender<Result<Reply, Refusal>>),
    Report(Input),
    Look(Look),
}

impl Handle {
    /// Gives a command and waits for its answer.
    ///
    /// # Errors
    /// The cabinet's refusal, or that the module is stopping.
    pub async fn command(&self, who: Who, command: Command) -> Result<Reply, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Command(who, command, answer)).await.map_err(|_| Gone)?;
        let reply = answered.await.map_err(|_| Gone)??;
        // What the answer promises outlives a power cut.
        self.keeping.settled().await;
        Ok(reply)
    }

    /// Reports what a drive has seen. A full backlog makes the drive wait; a stopping module takes nothing.
    pub async fn report(&self, input: Input) {
        let _ = self.asks.send(Ask::Report(input)).await;
    }

    /// Reports from where nothing may wait; false when the backlog is full and the report is lost.
    pub fn try_report(&self, input: Input) -> bool {
        self.asks.try_send(Ask::Report(input)).is_ok()
    }

    /// The latest inventory. It follows an answered command at once.
    pub fn snapshot(&self) -> Arc<Inventory> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// Waits until the inventory has changed, then gives it.
    ///
    /// # Errors
    /// The module is stopping.
    pub async fn changed(&mut self) -> Result<Arc<Inventory>, Gone> {
        self.snapshot.changed().await.map_err(|_| Gone)?;
        Ok(Arc::clone(&self.snapshot.borrow_and_update()))
    }

    /// Asks for what the snapshot does not have: the log, the alarms, the counters.
    ///
    /// # Errors
    /// The module is stopping.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Cabinet) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (answer, answered) = oneshot::channel();
        let look: Look = Box::new(move |cabinet| drop(answer.send(look(cabinet))));
        self.asks.send(Ask::Look(look)).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }

    /// The events from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The cabinet's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

/// The task that owns the cabinet.
pub struct Keeper {
    cabinet: Cabinet,
    asks: mpsc::Receiver<Ask>,
    snapshot: watch::Sender<Arc<Inventory>>,
    events: broadcast::Sender<Event>,
    clock: Clock,
}

impl Keeper {
    /// Gives the cabinet to a task, and the handle to everybody else. `clock` is the one that `cabinet` was made by;
    /// answers to commands wait for `keeping`.
    pub fn new(cabinet: Cabinet, clock: Clock, keeping: Keeping) -> (Self, Handle) {
        let (asks_in, asks) = mpsc::channel(BACKLOG);
        let (snapshot, latest) = watch::channel(Arc::clone(cabinet.inventory()));
        let (events, _) = broadcast::channel(EVENTS);
        let handle = Handle { asks: asks_in, snapshot: latest, events: events.clone(), clock, keeping };
        (Self { cabinet, asks, snapshot, events, clock }, handle)
    }

    /// Runs the cabinet until every [`Handle`] is gone. `effect` carries each output out or passes it to the drive
    /// that does; it must not wait, because everything waits for it. Events go to the watchers as well.
    ///
    /// `effect` sees the inventory that the output speaks of.
    pub async fn run(mut self, mut effect: impl FnMut(Output, &Arc<Inventory>)) {
        loop {
            self.drain(&mut effect);
            let tick = async {
                match self.cabinet.deadline() {
                    Some(at) => tokio::time::sleep_until(self.clock.instant(at).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.take(ask, &mut effect),
                    None => return,
                },
                () = tick => {
                    // A tick cannot be wrong.
                    let _ = self.cabinet.handle(self.clock.now(), Input::Tick);
                }
            }
        }
    }

    fn take(&mut self, ask: Ask, effect: &mut impl FnMut(Output, &Arc<Inventory>)) {
        let now = self.clock.now();
        match ask {
            Ask::Command(who, command, answer) => {
                let reply = self.cabinet.command(now, &who, command);
                // What the answer promises is in the snapshot, and on its way to the drives, before the answer is.
                self.drain(effect);
                let _ = answer.send(reply);
            }
            Ask::Report(input) => {
                if let Err(error) = self.cabinet.handle(now, input) {
                    tracing::debug!(%error, "a report that means nothing here");
                }
            }
            Ask::Look(look) => look(&self.cabinet),
        }
    }

    fn drain(&mut self, effect: &mut impl FnMut(Output, &Arc<Inventory>)) {
        let latest = self.cabinet.inventory();
        self.snapshot.send_if_modified(|known| {
            let changed = !Arc::ptr_eq(known, latest);
            if changed {
                *known = Arc::clone(latest);
            }
            changed
        });
        while let Some(output) = self.cabinet.poll_output() {
            if let Output::Event(event) = &output {
                let _ = self.events.send(event.clone());
            }
            effect(output, self.cabinet.inventory());
        }
    }
}
