//! The customers' door: sockets around [`sid_proxy::http::Session`].

use crate::door::socket::{End, News, Socket, end_of};
use crate::door::way::dial;
use crate::door::{self, Arrival, Bond, Customer, Front, Lane, Way};
use sid_proxy::ServiceId;
use sid_proxy::http::{Config, Event, Input, Output, Peer, Session, Side};
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep_until;

/// How long a customer may take to read the last answer once nothing else is to be done.
const LAST_WORDS: Duration = Duration::from_secs(60);
/// How often a conversation without a deadline looks up.
const PAUSE: Duration = Duration::from_secs(60);

/// Serves a listener until `stop` turns true, then lets running requests finish.
pub async fn serve(
    listener: TcpListener,
    front: Arc<Front>,
    bond: Bond,
    lane: Arc<Lane>,
    stop: watch::Receiver<bool>,
) {
    let config = Arc::clone(lane.shared().config());
    door::serve(listener, front, stop, move |arrival| {
        let Arrival { stream, read, peer, stop } = arrival;
        let customer = Customer::new(stream, read, peer, bond.clone());
        converse(customer, Arc::clone(&config), Arc::clone(&lane), stop)
    })
    .await;
}

/// Serves one connection of a customer, whatever it came through.
pub async fn converse(customer: Customer, config: Arc<Config>, lane: Arc<Lane>, stop: watch::Receiver<bool>) {
    let now = lane.shared().now();
    let Customer { end: client, peer, bond } = customer;
    let session = Session::new(config, peer, now);
    let conversation = Conversation {
        session,
        lane,
        peer,
        bond,
        now,
        client,
        card: End::default(),
        service: ServiceId::default(),
        place: None,
        connecting: None,
        close: None,
    };
    conversation.run(stop).await;
}

/// One customer's connection, the card's if there is one, and the session between them.
struct Conversation {
    session: Session,
    lane: Arc<Lane>,
    peer: Peer,
    bond: Bond,
    /// When the last thing happened.
    now: Duration,
    client: End,
    card: End,
    /// For which one a card was picked last.
    service: ServiceId,
    /// Where the card's connection leads.
    place: Option<(Option<Arc<Way>>, SocketAddr)>,
    connecting: Option<Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>>,
    /// Whether to reset, and since when only the last words are left to write.
    close: Option<(bool, Duration)>,
}

impl Conversation {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let began = self.lane.shared().began();
        let mut timer = pin!(sleep_until((began + self.now + PAUSE).into()));
        let mut stopped = pin!(async move { stop.wait_for(|stop| *stop).await.is_ok() });
        let mut draining = false;
        loop {
            self.converse();
            if let Some((abort, since)) = self.close
                && (abort || self.client.is_written() || self.now > since + LAST_WORDS)
            {
                break;
            }
            let at = self.session.deadline().map(|deadline| began + deadline);
            // A timer that rings early costs less than one that is set anew for each request.
            if let Some(at) = at
                && at < timer.deadline().into_std()
            {
                timer.as_mut().reset(at.into());
            }
            let tick = poll_fn(|cx| {
                let mut ready = self.poll(cx);
                if !draining && stopped.as_mut().poll(cx).is_ready() {
                    draining = true;
                    let _ = self.session.handle(self.now, Input::Drain);
                    ready = true;
                }
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(true);
                }
                if ready { Poll::Ready(false) } else { Poll::Pending }
            })
            .await;
            if tick {
                self.now = self.lane.shared().now();
                let _ = self.session.handle(self.now, Input::Tick);
                let next = self.session.deadline().map_or(self.now + PAUSE, |at| at.max(self.now));
                timer.as_mut().reset((began + next).into());
            }
        }
        self.client.close(matches!(self.close, Some((true, _)))).await;
    }

    /// Moves what can be moved; true if there is something to talk about.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        // Writing first makes room for what is read.
        let written = self.client.poll_write(cx);
        self.card.poll_write(cx);
        let mut ready = written && self.close.is_some();
        ready |= self.card.has_room() && self.client.poll_read(cx);
        ready |= self.client.has_room() && self.card.poll_read(cx);
        if let Some(connecting) = &mut self.connecting
            && let Poll::Ready(result) = connecting.as_mut().poll(cx)
        {
            self.connecting = None;
            self.now = self.lane.shared().now();
            self.connected(result);
            ready = true;
        }
        ready
    }

    /// Offers what was read and does what is asked, until nothing more comes of it.
    fn converse(&mut self) {
        self.now = self.lane.shared().now();
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
        let shared = self.lane.shared();
        while let Some(output) = self.session.poll_output() {
            any = true;
            let answer = match output {
                Output::Route { key } => self.bond.route(shared, &key),
                Output::Pick { service, tried, request, .. } => {
                    self.service = service;
                    shared.pick(service, self.peer.client, tried, Some(request))
                }
                Output::Connect { address, fresh, .. } => {
                    self.card = End::default();
                    let way = shared.way(self.service);
                    let idle = if fresh { None } else { self.lane.take(way.as_deref(), address) };
                    let (way, _) = self.place.insert((way, address));
                    let Some(stream) = idle else {
                        self.connecting = Some(Box::pin(dial(way.clone(), address, Some(self.peer), true)));
                        continue;
                    };
                    self.card.stream = Some(stream);
                    Input::Connected { reused: true }
                }
                Output::Send { to, bytes } => {
                    end_of(&mut self.client, &mut self.card, to).write(bytes);
                    continue;
                }
                Output::Forward { from, len } => {
                    end_of(&mut self.client, &mut self.card, from).forward = len;
                    continue;
                }
                Output::Release { service, card, outcome, reusable } => {
                    shared.finish(service, self.peer.client, card, outcome);
                    self.connecting = None;
                    self.client.forward = 0;
                    let end = std::mem::take(&mut self.card);
                    if let (true, Some(stream), Some((way, address))) =
                        (reusable, end.into_unused(), self.place.take())
                    {
                        self.lane.keep(way.as_deref(), address, stream);
                    }
                    continue;
                }
                Output::Close { abort } => {
                    self.close = Some((abort, self.now));
                    continue;
                }
                Output::Finish { to } => {
                    end_of(&mut self.client, &mut self.card, to).finish = true;
                    continue;
                }
                Output::Event(Event::Done(usage)) => {
                    shared.used(self.peer.client, &usage);
                    continue;
                }
                Output::Event(_) => continue,
            };
            if let Err(error) = self.session.handle(self.now, answer) {
                debug_assert!(false, "an answer to the session's own question: {error}");
            }
        }
        any
    }

    /// Moves or offers what one end has sent.
    fn offer(&mut self, side: Side) -> bool {
        let (end, other) = match side {
            Side::Client => (&mut self.client, &mut self.card),
            Side::Card => (&mut self.card, &mut self.client),
        };
        let input = match end.news(other) {
            News::None => return false,
            News::Passed(len) => Input::Forwarded { from: side, len },
            News::Broken => Input::Broken { side },
            News::Data { bytes, end } => Input::Data { side, bytes, end },
        };
        let asked = matches!(input, Input::Data { .. });
        let taken = self.session.handle(self.now, input).unwrap_or(0);
        if !asked {
            return true;
        }
        end.take(taken);
        taken > 0 || self.session.deadline() == Some(Duration::ZERO)
    }

    fn connected(&mut self, result: io::Result<Socket>) {
        let answer = match result {
            Ok(stream) => {
                self.card.stream = Some(stream);
                Input::Connected { reused: false }
            }
            Err(_) => Input::ConnectFailed,
        };
        let _ = self.session.handle(self.now, answer);
    }
}
