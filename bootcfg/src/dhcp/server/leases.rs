//! The table of leases: by address, by client, by the time that something ends.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use core::net::Ipv4Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::HwAddr;

/// One address and who has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Binding {
    pub(super) hw: HwAddr,
    /// The client's name in [`Leases::by_client`].
    pub(super) client: Arc<[u8]>,
    pub(super) state: State,
}

/// What a binding is. Offers and declined addresses lapse; a bound lease that ends becomes idle and stays the
/// client's first choice until someone else needs the address (RFC 2131 §4.3.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    Offered { until: Duration, relay: Ipv4Addr },
    Bound { until: Duration },
    Idle { since: Duration },
    Declined { until: Duration },
}

impl State {
    const fn until(self) -> Option<Duration> {
        match self {
            Self::Offered { until, .. } | Self::Bound { until } | Self::Declined { until } => Some(until),
            Self::Idle { .. } => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Leases {
    by_address: BTreeMap<Ipv4Addr, Binding>,
    by_client: BTreeMap<Arc<[u8]>, Ipv4Addr>,
    timers: BTreeSet<(Duration, Ipv4Addr)>,
    idle: BTreeSet<(Duration, Ipv4Addr)>,
    offers: BTreeMap<Ipv4Addr, usize>,
}

impl Leases {
    pub(super) fn get(&self, address: Ipv4Addr) -> Option<&Binding> {
        self.by_address.get(&address)
    }

    pub(super) fn len(&self) -> usize {
        self.by_address.len()
    }

    pub(super) fn of_client(&self, client: &[u8]) -> Option<(Ipv4Addr, &Binding)> {
        let address = *self.by_client.get(client)?;
        Some((address, self.by_address.get(&address)?))
    }

    /// The offers held for clients behind `relay`.
    pub(super) fn offers(&self, relay: Ipv4Addr) -> usize {
        self.offers.get(&relay).copied().unwrap_or(0)
    }

    /// Whether a new binding fits, if need be in the place of an idle one.
    pub(super) fn has_room(&self, address: Ipv4Addr, limit: usize) -> bool {
        self.by_address.len() < limit || self.by_address.contains_key(&address) || !self.idle.is_empty()
    }

    /// Makes `address` the client's, in `state`; whoever had it, and whatever the client had, is forgotten.
    pub(super) fn set(&mut self, address: Ipv4Addr, hw: HwAddr, client: &[u8], state: State, limit: usize) {
        if let Some(binding) = self.by_address.get(&address)
            && *binding.client == *client
        {
            self.change(address, hw, state);
            return;
        }
        if let Some(previous) = self.by_client.get(client).copied() {
            self.remove(previous);
        }
        self.remove(address);
        if self.by_address.len() >= limit
            && let Some((_, oldest)) = self.idle.first().copied()
        {
            self.remove(oldest);
        }
        let client: Arc<[u8]> = Arc::from(client);
        self.by_client.insert(client.clone(), address);
        self.index(address, state);
        self.by_address.insert(address, Binding { hw, client, state });
    }

    /// Puts a binding into another state.
    pub(super) fn change(&mut self, address: Ipv4Addr, hw: HwAddr, state: State) {
        let Some(binding) = self.by_address.get_mut(&address) else { return };
        let old = core::mem::replace(&mut binding.state, state);
        binding.hw = hw;
        if old != state {
            self.unindex(address, old);
            self.index(address, state);
        }
    }

    pub(super) fn remove(&mut self, address: Ipv4Addr) {
        if let Some(binding) = self.by_address.remove(&address) {
            self.by_client.remove(&binding.client);
            self.unindex(address, binding.state);
        }
    }

    /// The next time that something ends.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.timers.first().map(|(until, _)| *until)
    }

    /// Ends what is due first, if anything is: the address and what it was.
    pub(super) fn lapse(&mut self, now: Duration) -> Option<(Ipv4Addr, Binding)> {
        let (until, address) = self.timers.first().copied().filter(|(until, _)| *until <= now)?;
        let binding = self.by_address.get(&address)?.clone();
        if matches!(binding.state, State::Bound { .. }) {
            self.change(address, binding.hw, State::Idle { since: until });
        } else {
            self.remove(address);
        }
        Some((address, binding))
    }

    /// Whether `address` may be given to `client`: its own, nobody's, or idle.
    pub(super) fn is_free_for(&self, address: Ipv4Addr, client: &[u8]) -> bool {
        self.by_address.get(&address).is_none_or(|binding| match binding.state {
            State::Idle { .. } => true,
            State::Declined { .. } => false,
            State::Offered { .. } | State::Bound { .. } => *binding.client == *client,
        })
    }

    /// An address of `pool` for `client`: the one it has or had, the one it wishes, a fresh one, the longest idle.
    pub(super) fn choose(
        &self,
        pool: &RangeInclusive<Ipv4Addr>,
        client: &[u8],
        wish: Option<Ipv4Addr>,
    ) -> Option<Ipv4Addr> {
        let own = self.by_client.get(client).copied();
        let mut named = [own, wish].into_iter().flatten();
        let named = named.find(|address| pool.contains(address) && self.is_free_for(*address, client));
        named.or_else(|| self.fresh(pool)).or_else(|| {
            let idle = self.idle.iter().map(|(_, address)| *address);
            idle.into_iter().find(|address| pool.contains(address))
        })
    }

    /// The lowest address of `pool` behind which nobody has one, found by walking the gaps of the table.
    fn fresh(&self, pool: &RangeInclusive<Ipv4Addr>) -> Option<Ipv4Addr> {
        let last = self.by_address.range(pool.clone()).next_back().map(|(address, _)| address.to_bits());
        let next = last.map_or(Some(pool.start().to_bits()), |last| last.checked_add(1))?;
        let next = Ipv4Addr::from_bits(next);
        if pool.contains(&next) {
            return Some(next);
        }
        let mut expected = pool.start().to_bits();
        for taken in self.by_address.range(pool.clone()).map(|(address, _)| address.to_bits()) {
            if taken != expected {
                return Some(Ipv4Addr::from_bits(expected));
            }
            expected = taken.checked_add(1)?;
        }
        None
    }

    fn index(&mut self, address: Ipv4Addr, state: State) {
        match state {
            State::Idle { since } => _ = self.idle.insert((since, address)),
            _ => {
                if let Some(until) = state.until().filter(|until| *until != Duration::MAX) {
                    self.timers.insert((until, address));
                }
            }
        }
        if let State::Offered { relay, .. } = state {
            let count = self.offers.entry(relay).or_insert(0);
            *count = count.saturating_add(1);
        }
    }

    fn unindex(&mut self, address: Ipv4Addr, state: State) {
        match state {
            State::Idle { since } => _ = self.idle.remove(&(since, address)),
            _ => {
                if let Some(until) = state.until() {
                    self.timers.remove(&(until, address));
                }
            }
        }
        if let State::Offered { relay, .. } = state
            && let Some(count) = self.offers.get_mut(&relay)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.offers.remove(&relay);
            }
        }
    }
}
