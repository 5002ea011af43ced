//! Picking, waiting and giving back.

use super::balance::{self, Balance};
use super::queue::Room;
use super::{Answer, Busy, Member, Outcome, Pick, PickKey, Pool, Ticket};
use crate::CardId;
use core::time::Duration;

impl Pool {
    /// Chooses a member and counts one more in flight on it and for the client; `None` where [`Pool::ask`] would let
    /// wait or refuse.
    pub fn pick(&mut self, now: Duration, key: &PickKey<'_>) -> Option<Pick> {
        self.try_pick(now, key).ok()
    }

    /// As [`Pool::pick`], but gives a ticket to wait with if there will be a card, or says why not.
    pub fn ask(&mut self, now: Duration, key: &PickKey<'_>) -> Answer {
        // Nobody overtakes whoever waits for the same.
        let overtakes = self.queue.fronts().any(|waiting| !self.is_client_full(waiting.client));
        let busy = match if overtakes { Err(Busy::Full) } else { self.try_pick(now, key) } {
            Ok(pick) => return Answer::Picked(pick),
            Err(busy) => busy,
        };
        if !matches!(busy, Busy::Full | Busy::Client) || self.policy.queue == 0 {
            return Answer::Refused(busy);
        }
        let until = now.saturating_add(self.policy.queue_for);
        let room = Room { all: self.policy.queue, each: self.policy.queue_per_client, until };
        self.queue.join(key, room).map_or_else(Answer::Refused, Answer::Wait)
    }

    /// The next answer for one who waits: a card, or why there is none any more.
    pub fn next(&mut self, now: Duration) -> Option<(Ticket, Result<Pick, Busy>)> {
        self.looked_at = now;
        if let Some(ticket) = self.queue.lapse(now) {
            return Some((ticket, Err(Busy::Late)));
        }
        self.stirred = false;
        if self.queue.is_empty() {
            return None;
        }
        let mut queue = core::mem::take(&mut self.queue);
        let answer = queue.fronts().find_map(|waiting| {
            let key = PickKey { client: waiting.client, sticky: waiting.sticky, tried: &waiting.tried };
            match self.try_pick(now, &key) {
                Err(Busy::Full | Busy::Client) => None,
                answer => Some((waiting.client, answer)),
            }
        });
        let served = answer.and_then(|(client, answer)| Some((queue.serve(client)?.ticket, answer)));
        self.queue = queue;
        self.stirred = served.is_some();
        served
    }

    /// Gives a ticket back unused; false if it has been answered.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        self.stirred = true;
        self.queue.leave(ticket)
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// When [`Pool::next`] is due: at once where there may be room, when the first ticket lapses, when a card is back.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.queue.is_empty() {
            return None;
        }
        if self.stirred {
            return Some(Duration::ZERO);
        }
        let back = self.members.iter().filter_map(Member::ejected_until).filter(|at| *at > self.looked_at);
        back.chain(self.queue.deadline()).min()
    }

    /// Gives back what [`Pool::pick`], [`Pool::ask`] or [`Pool::next`] gave to a client, and tells how it went.
    pub fn finish(&mut self, now: Duration, client: u64, card: CardId, outcome: Outcome) {
        if let Some(active) = self.clients.get_mut(&client) {
            *active = active.saturating_sub(1);
            if *active == 0 {
                self.clients.remove(&client);
            }
        }
        self.give_back(now, card, outcome);
    }

    /// The card to which the request of this number is copied, if it is. The copy is in flight on it until
    /// [`Pool::finish_copy`]; a card that is not sound or full gets none.
    pub fn copy(&mut self, now: Duration, number: u64) -> Option<Pick> {
        let mirror = self.mirror.filter(|mirror| mirror.copies(number))?;
        let index = self.position(mirror.card)?;
        let member = self.members.get_mut(index)?;
        if !member.is_sound(now) || member.active >= member.terms.max_active {
            return None;
        }
        member.active = member.active.saturating_add(1);
        self.active = self.active.saturating_add(1);
        Some(Pick { card: member.card, address: member.address, set_cookie: None })
    }

    /// Gives a copy back. How it went says nothing about serving customers.
    pub fn finish_copy(&mut self, now: Duration, card: CardId) {
        self.give_back(now, card, Outcome::Unknown);
    }

    fn give_back(&mut self, now: Duration, card: CardId, outcome: Outcome) {
        self.stirred = true;
        let Some(index) = self.position(card) else { return };
        let Some(member) = self.members.get_mut(index) else { return };
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
                if member.fail(self.policy.eject_after) {
                    self.eject(now, index);
                }
            }
            Outcome::Unknown => {}
        }
    }

    /// Takes a member out for a while, unless too many are out already.
    fn eject(&mut self, now: Duration, index: usize) {
        let ejected = self.members.iter().filter(|member| member.is_ejected(now)).count();
        let most = self.members.len().saturating_mul(usize::from(self.policy.eject_percent));
        if ejected.saturating_add(1).saturating_mul(100) <= most
            && let Some(member) = self.members.get_mut(index)
        {
            member.eject(now, self.policy.eject_for);
        }
    }

    fn try_pick(&mut self, now: Duration, key: &PickKey<'_>) -> Result<Pick, Busy> {
        let retry = !key.tried.is_empty();
        if retry && !self.budget.may_retry() {
            return Err(Busy::Retries);
        }
        if self.is_client_full(key.client) {
            return Err(Busy::Client);
        }
        if self.active >= self.policy.max_active {
            return Err(Busy::Full);
        }
        let chosen = self
            .stuck_to(now, key)
            .or_else(|| self.first_choice(now, key))
            .or_else(|| self.choose(now, key))
            .ok_or_else(|| self.why_none(now, key))?;
        let member = self.members.get_mut(chosen).ok_or(Busy::NoCard)?;
        member.active = member.active.saturating_add(1);
        member.picked = member.picked.saturating_add(1);
        self.active = self.active.saturating_add(1);
        if self.policy.max_per_client < u32::MAX {
            let active = self.clients.entry(key.client).or_default();
            *active = active.saturating_add(1);
        }
        self.budget.picked(retry, self.policy.retry_percent);
        let set_cookie = member.token.filter(|token| key.sticky != Some(*token));
        Ok(Pick { card: member.card, address: member.address, set_cookie })
    }

    fn is_client_full(&self, client: u64) -> bool {
        self.clients.get(&client).is_some_and(|active| *active >= self.policy.max_per_client)
            || self.policy.max_per_client == 0
    }

    /// True if nothing sound is left to try and the policy then takes what is doubtful.
    fn fails_open(&self, now: Duration, key: &PickKey<'_>) -> bool {
        self.policy.fail_open && !self.has(key, |member| member.is_sound(now))
    }

    /// True if there is a member of a kind that serves and was not tried, however full it is.
    fn has(&self, key: &PickKey<'_>, kind: impl Fn(&Member) -> bool) -> bool {
        self.members
            .iter()
            .any(|member| kind(member) && member.terms.weight > 0 && !key.tried.contains(&member.card))
    }

    fn why_none(&self, now: Duration, key: &PickKey<'_>) -> Busy {
        let sound = self.has(key, |member| member.is_sound(now));
        if sound || (self.policy.fail_open && self.has(key, Member::is_doubtful)) {
            Busy::Full
        } else {
            Busy::NoCard
        }
    }

    /// The card that the client's cookie names, if nothing speaks against it.
    fn stuck_to(&self, now: Duration, key: &PickKey<'_>) -> Option<usize> {
        let token = key.sticky?;
        let index = self.members.iter().position(|member| member.token == Some(token))?;
        let member = self.members.get(index)?;
        (member.is_sound(now) && self.has_room(member, key.tried)).then_some(index)
    }

    /// What needs no look at all members: the card that a client's hash names, or the better of two that chance names,
    /// if nothing speaks against them.
    fn first_choice(&mut self, now: Duration, key: &PickKey<'_>) -> Option<usize> {
        match self.chooser.balance {
            Balance::HashClient { bound: 0 } => {
                let index = self.chooser.maglev.as_ref()?.first(key.client)?;
                self.is_first_rate(index, now, key).then_some(index)
            }
            Balance::TwoChoices | Balance::Latency => {
                let [first, second] = self.chooser.two_of(self.members.len())?;
                let fit = self.is_first_rate(first, now, key) && self.is_first_rate(second, now, key);
                let (slow, latency) = (self.policy.slow_start, self.chooser.balance == Balance::Latency);
                let mut score = |index: usize| {
                    let member = self.members.get_mut(index).filter(|_| fit)?;
                    member.up_at.get_or_insert(now);
                    let share = member.share(now, slow);
                    Some(if latency { member.expected(now, share) } else { member.load(share).into() })
                };
                let (of_first, of_second) = (score(first)?, score(second)?);
                Some(if of_second < of_first { second } else { first })
            }
            _ => None,
        }
    }

    /// True for a member that may be picked whatever the others are: none can be of a lower rank.
    fn is_first_rate(&self, index: usize, now: Duration, key: &PickKey<'_>) -> bool {
        self.members.get(index).is_some_and(|member| {
            member.terms.rank == 0 && member.is_sound(now) && self.has_room(member, key.tried)
        })
    }

    fn choose(&mut self, now: Duration, key: &PickKey<'_>) -> Option<usize> {
        for member in self.members.iter_mut().filter(|member| member.is_sound(now)) {
            member.up_at.get_or_insert(now);
        }
        let mut candidates = core::mem::take(&mut self.candidates);
        let share = |member: &Member| member.share(now, self.policy.slow_start);
        balance::candidates(
            &self.members,
            |member| member.is_sound(now) && self.has_room(member, key.tried),
            share,
            &mut candidates,
        );
        if candidates.is_empty() && self.fails_open(now, key) {
            // Better a doubtful card than none.
            balance::candidates(
                &self.members,
                |member| member.is_doubtful() && self.has_room(member, key.tried),
                share,
                &mut candidates,
            );
        }
        let chosen = self.chooser.choose(&mut self.members, &candidates, key.client, now);
        self.candidates = candidates;
        chosen
    }

    fn has_room(&self, member: &Member, tried: &[CardId]) -> bool {
        member.terms.weight > 0 && member.active < member.terms.max_active && !tried.contains(&member.card)
    }
}
