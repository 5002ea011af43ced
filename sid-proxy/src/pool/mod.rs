//! The cards of a service as the balancer sees them.
//!
//! A pool is a pure state machine: who is a member, in what state, with how much in flight. [`Pool::pick`]
//! chooses and counts, [`Pool::finish`] gives back; whoever picks must finish exactly once.

mod balance;
mod member;

pub use balance::Balance;
pub use member::{Member, State};

use crate::{CardId, ServiceId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

/// The members of one service and the way in which they share its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    balance: Balance,
    members: Vec<Member>,
}

/// The pools of a table's services.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pools {
    pools: BTreeMap<ServiceId, Pool>,
}

/// What a choice may depend on besides the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PickKey<'a> {
    /// A hash of the client, for balancers that keep a client on a card.
    pub client: u64,
    /// Cards that failed this request already.
    pub tried: &'a [CardId],
}

/// A chosen card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// The card.
    pub card: CardId,
    /// Where it serves.
    pub address: SocketAddr,
}

/// How what a card was picked for ended, as far as the card is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The card answered, its first byte after this long.
    Answered {
        /// From the pick to the first byte of the answer.
        first_byte_after: Duration,
        /// The status, where the protocol has one.
        status: u16,
    },
    /// The card could not be reached, closed early or let a time-out pass.
    Failed,
    /// The customer went away or was at fault; nothing is known of the card.
    Unknown,
}

impl Pool {
    /// Makes a pool without members.
    #[must_use]
    pub fn new(balance: Balance) -> Self {
        Self { balance, members: Vec::new() }
    }

    /// Adds a member that is up, or gives the one with that card a new address.
    pub fn add(&mut self, card: CardId, address: SocketAddr) {
        match self.member_mut(card) {
            Some(member) => member.address = address,
            None => self.members.push(Member::new(card, address)),
        }
    }

    /// Forgets a member. What is running on it is not known to the pool any more.
    pub fn remove(&mut self, card: CardId) {
        self.members.retain(|member| member.card != card);
    }

    /// Sets the state of a member. Anything but `Up` takes effect with the next pick.
    pub fn set_state(&mut self, card: CardId, state: State) {
        if let Some(member) = self.member_mut(card) {
            member.state = state;
        }
    }

    /// The members, in the order in which they were added.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Chooses a member that is up and was not tried, and counts one more in flight on it.
    pub fn pick(&mut self, _now: Duration, key: &PickKey<'_>) -> Option<Pick> {
        let chosen = self.balance.choose(&self.members, key)?;
        let member = self.members.get_mut(chosen)?;
        member.active = member.active.saturating_add(1);
        member.picked = member.picked.saturating_add(1);
        Some(Pick { card: member.card, address: member.address })
    }

    /// Gives back what [`Pool::pick`] gave.
    pub fn finish(&mut self, _now: Duration, card: CardId, outcome: Outcome) {
        if let Some(member) = self.member_mut(card) {
            member.active = member.active.saturating_sub(1);
            if outcome == Outcome::Failed {
                member.failed = member.failed.saturating_add(1);
            }
        }
    }

    fn member_mut(&mut self, card: CardId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.card == card)
    }
}

impl Pools {
    /// Makes an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the pool of a service in place of the one it had.
    pub fn insert(&mut self, service: ServiceId, pool: Pool) {
        self.pools.insert(service, pool);
    }

    /// Removes the pool of a service.
    pub fn remove(&mut self, service: ServiceId) -> Option<Pool> {
        self.pools.remove(&service)
    }

    /// The pool of a service.
    #[must_use]
    pub fn pool(&self, service: ServiceId) -> Option<&Pool> {
        self.pools.get(&service)
    }

    /// The pool of a service, to change it.
    pub fn pool_mut(&mut self, service: ServiceId) -> Option<&mut Pool> {
        self.pools.get_mut(&service)
    }

    /// Sets the state of a card in every pool that has it.
    pub fn set_state(&mut self, card: CardId, state: State) {
        for pool in self.pools.values_mut() {
            pool.set_state(card, state);
        }
    }

    /// How many requests and sessions a card has in flight, over all services.
    #[must_use]
    pub fn active(&self, card: CardId) -> u32 {
        self.pools
            .values()
            .flat_map(Pool::members)
            .filter(|member| member.card == card)
            .fold(0, |sum, member| sum.saturating_add(member.active))
    }

    /// Every pool with its service.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, &Pool)> {
        self.pools.iter().map(|(service, pool)| (*service, pool))
    }
}
