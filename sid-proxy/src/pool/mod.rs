//! The cards of a service as the balancer sees them.
//!
//! A pool is a pure state machine: who is a member, in what state, with how much in flight. [`Pool::pick`]
//! chooses and counts, [`Pool::finish`] gives back; whoever picks must finish exactly once. Time is passed in and
//! chance comes from a seed, so equal calls choose equally.
//!
//! Who may be picked: members that are up, not ejected, not full and not tried for this request already; of these
//! the ones of the lowest rank. The [`Balance`] chooses among them.

mod balance;
mod maglev;
mod member;
mod policy;

pub use balance::Balance;
pub use member::{Member, State, Terms};
pub use policy::Policy;

use crate::acl::Acl;
use crate::{CardId, ServiceId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use balance::{Candidate, Chooser};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// The members of one service and the way in which they share its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    chooser: Chooser,
    policy: Policy,
    acl: Acl,
    budget: policy::Budget,
    members: Vec<Member>,
    /// Room for the members that may be picked.
    candidates: Vec<Candidate>,
    active: u32,
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
        Self {
            chooser: Chooser { balance, random: 0, maglev: None },
            policy: Policy::default(),
            acl: Acl::default(),
            budget: policy::Budget::default(),
            members: Vec::new(),
            candidates: Vec::new(),
            active: 0,
        }
    }

    /// The pool with another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The pool with another seed for what is left to chance.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.chooser.random = seed;
        self
    }

    /// Changes the balance; what is running and what was seen of the members stays.
    pub fn set_balance(&mut self, balance: Balance) {
        self.chooser.balance = balance;
    }

    /// Changes who may use the service; what is running goes on.
    pub fn set_acl(&mut self, acl: Acl) {
        self.acl = acl;
    }

    /// Whether a customer may use the service. To be asked before each pick for one.
    #[must_use]
    pub fn admits(&self, client: IpAddr) -> bool {
        self.acl.allows(client)
    }

    /// Adds a member that is up, on the usual terms, or gives the one with that card a new address.
    pub fn add(&mut self, card: CardId, address: SocketAddr) {
        let terms = self.members.iter().find(|member| member.card == card).map(|member| member.terms);
        self.insert(card, address, terms.unwrap_or_default());
    }

    /// Adds a member that is up; one with that card gets the address and the terms and keeps the rest.
    pub fn insert(&mut self, card: CardId, address: SocketAddr, terms: Terms) {
        match self.members.iter_mut().find(|member| member.card == card) {
            Some(member) => {
                if member.terms.weight != terms.weight {
                    self.chooser.maglev = None;
                }
                member.address = address;
                member.terms = terms;
            }
            None => {
                self.chooser.maglev = None;
                self.members.push(Member::new(card, address, terms));
            }
        }
    }

    /// Forgets a member. What is running on it is not known to the pool any more.
    pub fn remove(&mut self, card: CardId) {
        self.chooser.maglev = None;
        self.members.retain(|member| member.card != card);
        self.active = self.members.iter().fold(0, |sum, member| sum.saturating_add(member.active));
    }

    /// Sets the state of a member. Anything but `Up` takes effect with the next pick.
    pub fn set_state(&mut self, card: CardId, state: State) {
        if let Some(member) = self.members.iter_mut().find(|member| member.card == card) {
            if state == State::Up && member.state != State::Up {
                // The next pick sees when; until then it is as good as any.
                member.up_at = None;
                member.account = 0;
            }
            member.state = state;
        }
    }

    /// The members, in the order in which they were added.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Chooses a member and counts one more in flight on it.
    pub fn pick(&mut self, now: Duration, key: &PickKey<'_>) -> Option<Pick> {
        let retry = !key.tried.is_empty();
        if self.active >= self.policy.max_active || (retry && !self.budget.may_retry()) {
            return None;
        }
        let chosen = self.first_choice(now, key).or_else(|| self.choose(now, key))?;
        let member = self.members.get_mut(chosen)?;
        member.active = member.active.saturating_add(1);
        member.picked = member.picked.saturating_add(1);
        self.active = self.active.saturating_add(1);
        self.budget.picked(retry, self.policy.retry_percent);
        Some(Pick { card: member.card, address: member.address })
    }

    /// Gives back what [`Pool::pick`] gave, and tells how it went.
    pub fn finish(&mut self, now: Duration, card: CardId, outcome: Outcome) {
        let ejected = self.members.iter().filter(|member| member.is_ejected(now)).count();
        let may_eject = ejected.saturating_add(1).saturating_mul(100)
            <= self.members.len().saturating_mul(usize::from(self.policy.eject_percent));
        let Some(member) = self.members.iter_mut().find(|member| member.card == card) else { return };
        member.active = member.active.saturating_sub(1);
        self.active = self.active.saturating_sub(1);
        match outcome {
            Outcome::Answered { first_byte_after, status } => {
                let busy = matches!(status, 429 | 503);
                member.observe(
                    now,
                    if busy { first_byte_after.max(self.policy.penalty) } else { first_byte_after },
                );
                member.succeeded();
            }
            Outcome::Failed => {
                member.observe(now, self.policy.penalty);
                if member.fail(self.policy.eject_after) && may_eject {
                    member.eject(now, self.policy.eject_for);
                }
            }
            Outcome::Unknown => {}
        }
    }

    /// The card that a client's hash names, if nothing speaks against it: no look at the others.
    fn first_choice(&self, now: Duration, key: &PickKey<'_>) -> Option<usize> {
        let (Balance::HashClient { bound: 0 }, Some(maglev)) = (self.chooser.balance, &self.chooser.maglev)
        else {
            return None;
        };
        let index = maglev.walk(key.client).next()?;
        let member = self.members.get(index)?;
        let fits = member.terms.rank == 0 && self.may_be_picked(member, State::Up, now, key.tried);
        fits.then_some(index)
    }

    fn choose(&mut self, now: Duration, key: &PickKey<'_>) -> Option<usize> {
        for member in self.members.iter_mut().filter(|member| member.state == State::Up) {
            member.up_at.get_or_insert(now);
        }
        let mut candidates = core::mem::take(&mut self.candidates);
        let share = |member: &Member| member.share(now, self.policy.slow_start);
        balance::candidates(
            &self.members,
            |member| self.may_be_picked(member, State::Up, now, key.tried),
            share,
            &mut candidates,
        );
        if candidates.is_empty() && self.policy.fail_open {
            // Better a doubtful card than none.
            balance::candidates(
                &self.members,
                |member| self.may_be_picked(member, State::Failing, now, key.tried),
                share,
                &mut candidates,
            );
        }
        let chosen = self.chooser.choose(&mut self.members, &candidates, key.client, now);
        self.candidates = candidates;
        chosen
    }

    fn may_be_picked(&self, member: &Member, state: State, now: Duration, tried: &[CardId]) -> bool {
        member.state == state
            && member.terms.weight > 0
            && member.active < member.terms.max_active
            && !member.is_ejected(now)
            && !tried.contains(&member.card)
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
