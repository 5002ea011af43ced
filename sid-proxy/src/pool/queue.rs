//! Who waits for a card: a line for each client, served in turn.

use super::Busy;
use crate::CardId;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

/// A place in a pool's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// The requests that wait for a card of a pool.
///
/// One client with a thousand requests waits in one line and delays another's first request by one turn, not by a
/// thousand (fair queueing, as RFC 970 has it).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Queue {
    /// The clients that wait, the next one to be served first.
    turns: VecDeque<u64>,
    lines: BTreeMap<u64, VecDeque<Waiting>>,
    /// Every ticket by the time at which it lapses, with its client.
    lapses: BTreeSet<(Duration, Ticket, u64)>,
    last: u64,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waiting {
    pub(super) ticket: Ticket,
    pub(super) client: u64,
    pub(super) sticky: Option<super::Token>,
    pub(super) tried: Vec<CardId>,
    until: Duration,
}

/// How many may wait, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) all: usize,
    pub(super) each: usize,
    pub(super) until: Duration,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.lapses.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.lapses.len()
    }

    /// Joins the end of the client's line.
    pub(super) fn join(&mut self, key: &super::PickKey<'_>, room: Room) -> Result<Ticket, Busy> {
        let client = key.client;
        if self.len() >= room.all {
            return Err(Busy::Full);
        }
        let line = self.lines.entry(client).or_default();
        if line.is_empty() {
            if room.each == 0 {
                self.lines.remove(&client);
                return Err(Busy::Client);
            }
            self.turns.push_back(client);
        } else if line.len() >= room.each {
            return Err(Busy::Client);
        }
        self.last = self.last.saturating_add(1);
        let ticket = Ticket(self.last);
        let (sticky, tried) = (key.sticky, key.tried.to_vec());
        line.push_back(Waiting { ticket, client, sticky, tried, until: room.until });
        self.lapses.insert((room.until, ticket, client));
        Ok(ticket)
    }

    /// The first of each client that waits, in the order of their turns.
    pub(super) fn fronts(&self) -> impl Iterator<Item = &Waiting> {
        self.turns.iter().filter_map(|client| self.lines.get(client)?.front())
    }

    /// Takes the first of a client's line out; the client's next turn comes after everyone else's.
    pub(super) fn serve(&mut self, client: u64) -> Option<Waiting> {
        let line = self.lines.get_mut(&client)?;
        let waiting = line.pop_front()?;
        let rest = !line.is_empty();
        self.lapses.remove(&(waiting.until, waiting.ticket, client));
        self.turns.retain(|turn| *turn != client);
        if rest {
            self.turns.push_back(client);
        } else {
            self.lines.remove(&client);
        }
        Some(waiting)
    }

    /// Takes a ticket out of wherever it stands; false if it stands nowhere.
    pub(super) fn leave(&mut self, ticket: Ticket) -> bool {
        let Some(&(until, _, client)) = self.lapses.iter().find(|(_, other, _)| *other == ticket) else {
            return false;
        };
        self.lapses.remove(&(until, ticket, client));
        if let Some(line) = self.lines.get_mut(&client) {
            line.retain(|waiting| waiting.ticket != ticket);
            if line.is_empty() {
                self.lines.remove(&client);
                self.turns.retain(|turn| *turn != client);
            }
        }
        true
    }

    /// Takes a ticket out whose time is over.
    pub(super) fn lapse(&mut self, now: Duration) -> Option<Ticket> {
        let &(until, ticket, _) = self.lapses.first()?;
        (now >= until && self.leave(ticket)).then_some(ticket)
    }

    /// When the next ticket lapses.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.lapses.first().map(|(until, ..)| *until)
    }
}
