//! The table of leases: by address, by client, by hardware address, by the time that something ends.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use super::client::{Client, Named, hw_tag};
use crate::HwAddr;
use crate::table::{Id, Index, Runs, Slab, Timers, hash};

/// One address and who has it: 80 octets, and an allocation where the client's identifier is not made of its hardware
/// address, or option 82 is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Binding {
    pub(super) address: Ipv4Addr,
    pub(super) hw: HwAddr,
    pub(super) named: Named,
    pub(super) group: Group,
    pub(super) state: State,
    /// When the client spoke last, in whole seconds of the server's time.
    pub(super) spoke_at: u32,
    /// The length of the identifier if there is one to note, the identifier, and the relay's last option 82.
    notes: Box<[u8]>,
}

impl Binding {
    /// The identifier where it is not made of the hardware address.
    pub(super) fn noted_id(&self) -> &[u8] {
        let noted = self.notes.split_first().and_then(|(len, rest)| rest.get(..usize::from(*len)));
        noted.unwrap_or(&[])
    }

    /// Option 61 as the client sent it, if it is known by that.
    pub(super) fn id<'a>(&'a self, typed_hw: &'a mut [u8; 17]) -> Option<&'a [u8]> {
        match self.named {
            Named::Hw => None,
            Named::Id => Some(self.noted_id()),
            Named::TypedHw => {
                let [htype, octets @ ..] = typed_hw;
                *htype = self.hw.htype();
                *octets = *self.hw.chaddr();
                typed_hw.get(..usize::from(self.hw.hlen()).saturating_add(1))
            }
        }
    }

    /// What a relay said last of the client's circuit, if such is kept.
    pub(super) fn relay_info(&self) -> Option<&[u8]> {
        let (len, rest) = self.notes.split_first()?;
        rest.get(usize::from(*len)..).filter(|info| !info.is_empty())
    }

    fn tag(&self, key: u64) -> u32 {
        Client::new(key, self.hw, self.id(&mut [0; 17])).tag
    }
}

/// Which addresses may stand in for one another: those of one pool's network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group(pub(super) u16);

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
    /// When it ends by itself.
    fn until(self) -> Option<Duration> {
        match self {
            Self::Offered { until, .. } | Self::Bound { until } | Self::Declined { until } => {
                Some(until).filter(|until| *until != Duration::MAX)
            }
            Self::Idle { .. } => None,
        }
    }
}

/// A binding to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) address: Ipv4Addr,
    pub(super) group: Group,
    pub(super) state: State,
    pub(super) now: Duration,
    /// Option 82 to keep beside it.
    pub(super) relay_info: Option<&'a [u8]>,
}

/// Addresses that a client may be given one of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool<'a> {
    pub(super) group: Group,
    pub(super) ranges: &'a [RangeInclusive<u32>],
}

impl Pool<'_> {
    fn contains(&self, address: Ipv4Addr) -> bool {
        self.ranges.iter().any(|range| range.contains(&address.to_bits()))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Leases {
    key: u64,
    entries: Slab<Binding>,
    by_address: Index,
    by_client: Index,
    by_hw: Index,
    timers: Timers,
    idle: BTreeSet<(Group, Duration, Ipv4Addr)>,
    taken: Runs,
    /// The offers held, by relay.
    offers: BTreeMap<Ipv4Addr, usize>,
}

impl Leases {
    /// An empty table whose hashes are made with `key`.
    pub(super) fn new(key: u64) -> Self {
        Self { key, ..Self::default() }
    }

    pub(super) fn get(&self, address: Ipv4Addr) -> Option<&Binding> {
        self.entries.get(self.find(address)?)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn of_client(&self, client: Client<'_>) -> Option<&Binding> {
        self.entries.get(self.find_client(client)?)
    }

    /// Every binding of a hardware address, whatever identifiers it used.
    pub(super) fn of_hw(&self, hw: HwAddr) -> impl Iterator<Item = &Binding> {
        let of_tag = self.by_hw.of(hw_tag(self.key, hw)).filter_map(|id| self.entries.get(id));
        of_tag.filter(move |binding| binding.hw == hw)
    }

    /// The offers held for clients behind `relay`.
    pub(super) fn offers(&self, relay: Ipv4Addr) -> usize {
        self.offers.get(&relay).copied().unwrap_or(0)
    }

    /// Whether a new binding fits, if need be in the place of an idle one.
    pub(super) fn has_room(&self, address: Ipv4Addr, limit: usize) -> bool {
        self.entries.len() < limit || !self.idle.is_empty() || self.find(address).is_some()
    }

    /// Makes an address the client's; whoever had it, and whatever the client had, is forgotten.
    pub(super) fn set(&mut self, client: Client<'_>, entry: Entry<'_>, limit: usize) {
        let found = self.find(entry.address);
        if let Some(id) = found
            && self.entries.get(id).is_some_and(|binding| client.has(binding))
        {
            self.alter(id, client.hw, entry.state, entry.now);
            if let (Some(info), Some(binding)) = (entry.relay_info, self.entries.get_mut(id))
                && binding.relay_info() != Some(info)
            {
                binding.notes = notes(&client, Some(info));
            }
            return;
        }
        if let Some(previous) = self.find_client(client) {
            self.delete(previous);
        }
        if let Some(id) = found {
            self.delete(id);
        }
        if self.entries.len() >= limit
            && let Some(oldest) = self.oldest_idle()
        {
            self.remove(oldest);
        }
        let binding = Binding {
            address: entry.address,
            hw: client.hw,
            named: client.named(),
            group: entry.group,
            state: entry.state,
            spoke_at: whole_seconds(entry.now),
            notes: notes(&client, entry.relay_info),
        };
        let Some(id) = self.entries.insert(binding) else { return };
        self.by_address.insert(self.address_tag(entry.address), id);
        self.by_client.insert(client.tag, id);
        self.by_hw.insert(hw_tag(self.key, client.hw), id);
        self.taken.insert(entry.address.to_bits());
        self.enter(id, entry.group, entry.address, entry.state);
    }

    /// Puts a binding into another state.
    pub(super) fn change(&mut self, address: Ipv4Addr, hw: HwAddr, state: State, now: Duration) {
        if let Some(id) = self.find(address) {
            self.alter(id, hw, state, now);
        }
    }

    pub(super) fn remove(&mut self, address: Ipv4Addr) {
        if let Some(id) = self.find(address) {
            self.delete(id);
        }
    }

    /// The next time that something ends.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.timers.first().map(|(until, _)| until)
    }

    /// Ends what is due first, if anything is, and says what it was.
    pub(super) fn lapse(&mut self, now: Duration) -> Option<Binding> {
        let (until, id) = self.timers.first().filter(|(until, _)| *until <= now)?;
        let binding = self.entries.get(id)?.clone();
        if matches!(binding.state, State::Bound { .. }) {
            self.enter_anew(id, State::Idle { since: until });
        } else {
            self.delete(id);
        }
        Some(binding)
    }

    /// Whether `address` may be given to `client`: its own, nobody's, or idle.
    pub(super) fn is_free_for(&self, address: Ipv4Addr, client: Client<'_>) -> bool {
        self.get(address).is_none_or(|binding| is_free_for(binding, client))
    }

    /// An address of `pools` for `client`: the one it has or had, the one it wishes, the lowest that nobody ever had,
    /// the longest idle.
    pub(super) fn choose<'p>(
        &self,
        pools: &(impl Iterator<Item = Pool<'p>> + Clone),
        client: Client<'_>,
        wish: Option<Ipv4Addr>,
    ) -> Option<Ipv4Addr> {
        let inside = |address: Ipv4Addr| pools.clone().any(|pool| pool.contains(address));
        if let Some(own) = self.of_client(client)
            && inside(own.address)
            && is_free_for(own, client)
        {
            return Some(own.address);
        }
        if let Some(wish) = wish.filter(|wish| inside(*wish) && self.is_free_for(*wish, client)) {
            return Some(wish);
        }
        let mut ranges = pools.clone().flat_map(|pool| pool.ranges);
        let fresh = ranges.find_map(|range| self.taken.lowest_gap(range)).map(Ipv4Addr::from_bits);
        fresh.or_else(|| {
            let idle = pools.clone().filter_map(|pool| {
                let mut of_group = self.idle.range((pool.group, Duration::ZERO, Ipv4Addr::UNSPECIFIED)..);
                of_group
                    .find(|(group, _, address)| *group != pool.group || pool.contains(*address))
                    .filter(|(group, ..)| *group == pool.group)
            });
            idle.map(|(_, since, address)| (*since, *address)).min().map(|(_, address)| address)
        })
    }

    /// Tells anew which group each binding belongs to, after the networks have changed.
    pub(super) fn regroup(&mut self, group_of: impl Fn(Ipv4Addr) -> Group) {
        let idle = core::mem::take(&mut self.idle);
        self.idle = idle.into_iter().map(|(_, since, address)| (group_of(address), since, address)).collect();
        for binding in self.entries.iter_mut() {
            binding.group = group_of(binding.address);
        }
    }

    fn address_tag(&self, address: Ipv4Addr) -> u32 {
        hash(self.key, &address.octets())
    }

    fn find(&self, address: Ipv4Addr) -> Option<Id> {
        let is = |id| self.entries.get(id).is_some_and(|binding| binding.address == address);
        self.by_address.find(self.address_tag(address), is)
    }

    fn find_client(&self, client: Client<'_>) -> Option<Id> {
        let is = |id| self.entries.get(id).is_some_and(|binding| client.has(binding));
        self.by_client.find(client.tag, is)
    }

    /// The address that has been idle for longest.
    fn oldest_idle(&self) -> Option<Ipv4Addr> {
        let mut oldest: Option<(Duration, Ipv4Addr)> = None;
        let mut next = self.idle.first();
        while let Some((group, since, address)) = next {
            oldest = Some(oldest.map_or((*since, *address), |oldest| oldest.min((*since, *address))));
            let Some(after) = group.0.checked_add(1) else { break };
            next = self.idle.range((Group(after), Duration::ZERO, Ipv4Addr::UNSPECIFIED)..).next();
        }
        oldest.map(|(_, address)| address)
    }

    fn alter(&mut self, id: Id, hw: HwAddr, state: State, now: Duration) {
        let Some(binding) = self.entries.get_mut(id) else { return };
        binding.spoke_at = whole_seconds(now);
        if binding.hw != hw {
            // The same identifier from other hardware: it is made of that no longer.
            let before = binding.clone();
            if let Some(own) = before.id(&mut [0; 17]) {
                let client = Client::new(self.key, hw, Some(own));
                (binding.named, binding.notes) = (client.named(), notes(&client, before.relay_info()));
            }
            binding.hw = hw;
            let (old_tag, new_tag) = (before.tag(self.key), binding.tag(self.key));
            if old_tag != new_tag {
                self.by_client.remove(old_tag, id);
                self.by_client.insert(new_tag, id);
            }
            self.by_hw.remove(hw_tag(self.key, before.hw), id);
            self.by_hw.insert(hw_tag(self.key, hw), id);
        }
        self.enter_anew(id, state);
    }

    /// Puts an entry into another state, and into the tables of that state.
    fn enter_anew(&mut self, id: Id, state: State) {
        let Some(binding) = self.entries.get_mut(id) else { return };
        let (group, address) = (binding.group, binding.address);
        let old = core::mem::replace(&mut binding.state, state);
        self.leave(group, address, old);
        self.enter(id, group, address, state);
    }

    fn delete(&mut self, id: Id) {
        let Some(binding) = self.entries.remove(id) else { return };
        self.by_address.remove(self.address_tag(binding.address), id);
        self.by_client.remove(binding.tag(self.key), id);
        self.by_hw.remove(hw_tag(self.key, binding.hw), id);
        self.taken.remove(binding.address.to_bits());
        self.timers.set(id, None);
        self.leave(binding.group, binding.address, binding.state);
    }

    fn enter(&mut self, id: Id, group: Group, address: Ipv4Addr, state: State) {
        self.timers.set(id, state.until());
        match state {
            State::Idle { since } => _ = self.idle.insert((group, since, address)),
            State::Offered { relay, .. } => {
                let count = self.offers.entry(relay).or_insert(0);
                *count = count.saturating_add(1);
            }
            State::Bound { .. } | State::Declined { .. } => {}
        }
    }

    fn leave(&mut self, group: Group, address: Ipv4Addr, state: State) {
        match state {
            State::Idle { since } => _ = self.idle.remove(&(group, since, address)),
            State::Offered { relay, .. } => {
                if let Some(count) = self.offers.get_mut(&relay) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.offers.remove(&relay);
                    }
                }
            }
            State::Bound { .. } | State::Declined { .. } => {}
        }
    }
}

fn is_free_for(binding: &Binding, client: Client<'_>) -> bool {
    match binding.state {
        State::Idle { .. } => true,
        State::Declined { .. } => false,
        State::Offered { .. } | State::Bound { .. } => client.has(binding),
    }
}

fn notes(client: &Client<'_>, relay_info: Option<&[u8]>) -> Box<[u8]> {
    let id = client.id.filter(|_| client.named() == Named::Id).unwrap_or(&[]);
    let info = relay_info.unwrap_or(&[]);
    let Ok(len) = u8::try_from(id.len()) else { return Box::default() };
    if id.is_empty() && info.is_empty() {
        return Box::default();
    }
    let mut notes = Vec::with_capacity(id.len().saturating_add(info.len()).saturating_add(1));
    notes.push(len);
    notes.extend_from_slice(id);
    notes.extend_from_slice(info);
    notes.into_boxed_slice()
}

fn whole_seconds(now: Duration) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}
