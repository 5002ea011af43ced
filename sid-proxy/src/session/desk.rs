//! What every session keeps, whatever it speaks: whom it serves, the search for a card, what waits to be said, and
//! the account at the end.

use super::{Announce, Error, Event, Outbox, Output, Peer, Refusal, Seek, Side, Usage};
use crate::Key;
use alloc::vec::Vec;
use core::time::Duration;

/// The desk at which a session works.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Desk {
    pub(crate) peer: Peer,
    pub(crate) seek: Seek,
    pub(crate) out: Outbox,
    pub(crate) from_client: u64,
    pub(crate) from_card: u64,
    refusal: Option<Refusal>,
    pub(crate) deadline: Option<Duration>,
    began_at: Duration,
    now: Duration,
}

impl Desk {
    /// Begins at `now`; the first thing is awaited for `timeout`, and `tries` cards may be tried.
    pub(crate) fn new(peer: Peer, tries: usize, now: Duration, timeout: Duration) -> Self {
        Self {
            seek: Seek::new(peer.local, tries),
            peer,
            out: Outbox::default(),
            from_client: 0,
            from_card: 0,
            refusal: None,
            deadline: Some(now.saturating_add(timeout)),
            began_at: now,
            now,
        }
    }

    /// Refuses a time before the last one.
    pub(crate) fn judge(&self, now: Duration) -> Result<(), Error> {
        if now < self.now { Err(Error::TimeRanBack) } else { Ok(()) }
    }

    /// Notes the time of an input that was taken.
    pub(crate) fn note(&mut self, now: Duration) {
        self.now = now;
    }

    /// The next thing to do; `key` is what the table is asked.
    pub(crate) fn poll<'a>(&'a mut self, key: Key<'a>) -> Option<Output<'a>> {
        self.out.poll(key, &self.seek.tried)
    }

    /// When a tick is due; zero while outputs wait.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        if self.out.is_empty() { self.deadline } else { Some(Duration::ZERO) }
    }

    /// True once what is awaited should have come.
    pub(crate) fn is_late(&self, now: Duration) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Awaits the next thing.
    pub(crate) fn wait(&mut self, now: Duration, timeout: Duration) {
        self.deadline = Some(now.saturating_add(timeout));
    }

    /// Says something to the customer.
    pub(crate) fn say(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.send(Side::Client, &[text.as_bytes()]);
        }
    }

    /// Tells the card that was just connected of the customer.
    pub(crate) fn announce(&mut self, announce: Announce) {
        let mut header = Vec::new();
        announce.write(&self.peer, &mut header);
        if !header.is_empty() {
            self.out.send(Side::Card, &[&header]);
        }
    }

    /// Notes and tells why the customer is refused.
    pub(crate) fn refused(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
        self.out.event(Event::Refused(refusal));
    }

    /// The customer may try again.
    pub(crate) fn forgive(&mut self) {
        self.refusal = None;
    }

    /// Gives the card back, closes, and renders the account.
    pub(crate) fn close(&mut self, now: Duration, abort: bool) {
        self.seek.release(&mut self.out, false);
        self.out.push(Output::Close { abort });
        self.out.event(Event::Done(Usage {
            decision: self.seek.decision,
            card: self.seek.last,
            refusal: self.refusal,
            from_client: self.from_client,
            from_card: self.from_card,
            began_at: self.began_at,
            took: now.saturating_sub(self.began_at),
        }));
        self.deadline = None;
    }
}
