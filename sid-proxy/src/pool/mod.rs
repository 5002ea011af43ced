//! The cards of a service as the balancer sees them.
//!
//! A pool is a pure state machine: who is a member, in what state, with how much in flight. [`Pool::pick`]
//! chooses and counts, [`Pool::finish`] gives back; whoever picks must finish exactly once. Time is passed in and
//! chance comes from a seed, so equal calls choose equally.
//!
//! Who may be picked: members that are sound (up, not found ill by a probe, not out for failing too often), not full
//! and not tried for this request already; of these the ones of the lowest rank. A [`Sticky`] cookie names one of them,
//! or the [`Balance`] chooses.
//!
//! # Waiting
//! Where all sound members are full, [`Pool::pick`] gives nothing; [`Pool::ask`] gives a [`Ticket`] instead, if the
//! policy has room for it. Whoever holds one is answered by [`Pool::next`], to be called after anything that may have
//! made room and at [`Pool::deadline`], until it gives nothing. Each client waits in a line of its own and lines are
//! served in turn, so that one client's thousand requests delay another's one by one turn.

mod balance;
mod busy;
mod hash;
mod maglev;
mod member;
mod pick;
mod policy;
mod pools;
mod queue;
mod sticky;

pub use balance::Balance;
pub use busy::{Answer, Busy};
pub use hash::client_hash;
pub(crate) use hash::siphash;
pub use member::{Health, Member, State, Terms};
pub use policy::Policy;
pub use pools::Pools;
pub use queue::Ticket;
pub use sticky::{Sticky, Token};

use crate::CardId;
use crate::acl::{Acl, Verdict, Visitor};
use crate::mirror::Mirror;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use balance::{Candidate, Chooser};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use queue::Queue;

/// The members of one service and the way in which they share its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    chooser: Chooser,
    policy: Policy,
    acl: Acl,
    budget: policy::Budget,
    members: Vec<Member>,
    /// Where each card stands among them.
    places: BTreeMap<CardId, usize>,
    /// Room for the members that may be picked.
    candidates: Vec<Candidate>,
    active: u32,
    /// What each client has in flight, where the policy bounds it.
    clients: BTreeMap<u64, u32>,
    queue: Queue,
    /// Something changed since a look at the queue: there may be room.
    stirred: bool,
    /// When the queue was looked at last.
    looked_at: Duration,
    sticky: Option<Sticky>,
    mirror: Option<Mirror>,
}

/// What a choice may depend on besides the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PickKey<'a> {
    /// Who the client is, for balancers that keep a client on a card and for its share of the service:
    /// [`client_hash`] of its address.
    pub client: u64,
    /// What the client's cookie says.
    pub sticky: Option<Token>,
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
    /// What the client's cookie should say from now on, where it says something else.
    pub set_cookie: Option<Token>,
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
            places: BTreeMap::new(),
            candidates: Vec::new(),
            active: 0,
            clients: BTreeMap::new(),
            queue: Queue::default(),
            stirred: false,
            looked_at: Duration::ZERO,
            sticky: None,
            mirror: None,
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

    /// The pool with a cookie that keeps browsers on their cards.
    #[must_use]
    pub fn with_sticky(mut self, sticky: Sticky) -> Self {
        for member in &mut self.members {
            member.token = Some(sticky.token(member.card));
        }
        self.sticky = Some(sticky);
        self
    }

    /// The pool with a share of its requests copied to a card.
    #[must_use]
    pub fn with_mirror(mut self, mirror: Mirror) -> Self {
        self.mirror = Some(mirror);
        self
    }

    /// The cookie that keeps browsers on their cards, if there is one.
    #[must_use]
    pub fn sticky(&self) -> Option<&Sticky> {
        self.sticky.as_ref()
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

    /// Judges a visit of which more than the customer's address is known.
    #[must_use]
    pub fn judge(&self, visitor: &Visitor<'_>) -> Verdict {
        self.acl.judge(visitor)
    }

    /// Adds a member that is up, on the usual terms, or gives the one with that card a new address.
    pub fn add(&mut self, card: CardId, address: SocketAddr) {
        let terms = self.member(card).map(|member| member.terms);
        self.insert(card, address, terms.unwrap_or_default());
    }

    /// Adds a member that is up; one with that card gets the address and the terms and keeps the rest.
    pub fn insert(&mut self, card: CardId, address: SocketAddr, terms: Terms) {
        self.stirred = true;
        if let Some(member) = self.member_mut(card) {
            member.address = address;
            let weight = core::mem::replace(&mut member.terms, terms).weight;
            if weight != terms.weight {
                self.chooser.maglev = None;
            }
            return;
        }
        self.chooser.maglev = None;
        let mut member = Member::new(card, address, terms);
        member.token = self.sticky.as_ref().map(|sticky| sticky.token(card));
        self.places.insert(card, self.members.len());
        self.members.push(member);
    }

    /// Forgets a member. What is running on it is not known to the pool any more.
    pub fn remove(&mut self, card: CardId) {
        self.stirred = true;
        self.chooser.maglev = None;
        self.members.retain(|member| member.card != card);
        self.places = self.members.iter().enumerate().map(|(place, member)| (member.card, place)).collect();
        self.active = self.members.iter().fold(0, |sum, member| sum.saturating_add(member.active));
    }

    /// Sets the state of a member. Anything but `Up` takes effect with the next pick.
    pub fn set_state(&mut self, card: CardId, state: State) {
        self.stirred = true;
        if let Some(member) = self.member_mut(card) {
            if state == State::Up && member.state != State::Up {
                // The next pick sees when; until then it is as good as any.
                member.up_at = None;
                member.account = 0;
            }
            member.state = state;
        }
    }

    /// Takes what a probe found of a member. One that gets well starts slowly, and what it failed before counts no more.
    pub fn set_health(&mut self, card: CardId, health: Health) {
        self.stirred = true;
        if let Some(member) = self.member_mut(card) {
            if health == Health::Well && member.health == Health::Ill {
                member.up_at = None;
                member.account = 0;
                member.forgive();
            }
            member.health = health;
        }
    }

    fn position(&self, card: CardId) -> Option<usize> {
        self.places.get(&card).copied()
    }

    fn member(&self, card: CardId) -> Option<&Member> {
        self.members.get(self.position(card)?)
    }

    fn member_mut(&mut self, card: CardId) -> Option<&mut Member> {
        let place = self.position(card)?;
        self.members.get_mut(place)
    }

    /// The members, in the order in which they were added.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }
}
