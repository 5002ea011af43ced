//! The judgement of one message: what it is answered and what that changes. Nothing here changes anything.

use core::net::Ipv4Addr;
use core::time::Duration;

use super::cards::Spoken;
use super::client::Client;
use super::engine::Server;
use super::leases::State;
use super::networks::Wire;
use super::{Decision, Event, Reason, Rule, Swap, Unknown, Verdict};
use crate::Position;
use crate::wire::dhcp::{Dropped, Message, MessageType, Op, OptionCode, key};

/// A decision, and what follows from it.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) decision: Decision,
    pub(super) deed: Deed,
    /// Something to tell beside the decision.
    pub(super) notice: Option<Event>,
}

/// A change to the leases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Deed {
    None,
    /// Hold an offer.
    Hold(Ipv4Addr),
    /// Bind the address to the client.
    Bind(Ipv4Addr, Duration),
    /// The client gave it back.
    Release(Ipv4Addr),
    /// Someone else uses it.
    Decline(Ipv4Addr),
    /// The client chose another server.
    Drop(Ipv4Addr),
}

/// Where a client's address comes from.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: Option<Position>,
    rule: Rule,
    /// The address that is the client's, if one is.
    address: Option<Ipv4Addr>,
    /// The wire that the client is on.
    wire: Wire,
}

impl Server {
    /// Judges a message at `now`.
    pub(super) fn judge(&self, now: Duration, message: &Message<'_>, client: Client<'_>) -> Judgement {
        let kind = message.kind();
        let mut judgement = Judgement {
            decision: Decision {
                kind,
                xid: message.xid(),
                hw: client.hw,
                relay: message.giaddr(),
                position: None,
                rule: Rule::None,
                address: None,
                verdict: Verdict::Silent,
                reason: Reason::Malformed,
                dropped: Dropped::default(),
            },
            deed: Deed::None,
            notice: None,
        };
        if let Err(reason) = self.admit(message, client) {
            judgement.decision.reason = reason;
            return judgement;
        }
        if kind == Some(MessageType::LEASEQUERY) {
            self.query(now, message, client, &mut judgement);
            return judgement;
        }
        let Some(wire) = self.wire(message) else {
            judgement.decision.reason = Reason::NoSubnet;
            return judgement;
        };
        let place = self.place(message, client, wire);
        judgement.decision.position = place.position;
        judgement.decision.rule = place.rule;
        judgement.decision.address = place.address;
        match kind {
            None => self.bootp(message, client, place, &mut judgement),
            Some(MessageType::DISCOVER) => self.discover(now, message, client, place, &mut judgement),
            Some(MessageType::REQUEST) => self.request(now, message, client, place, &mut judgement),
            Some(MessageType::DECLINE) => self.decline(message, client, place, &mut judgement),
            Some(MessageType::RELEASE) => self.release(message, client, &mut judgement),
            Some(MessageType::INFORM) => inform(message, &mut judgement),
            Some(_) => judgement.silent(Reason::UnknownKind),
        }
        judgement
    }

    /// Whether the message is for a server, whole, and from a relay that is believed.
    fn admit(&self, message: &Message<'_>, client: Client<'_>) -> Result<(), Reason> {
        if message.op() != Op::REQUEST {
            return Err(Reason::NotARequest);
        }
        if message.has(OptionCode::MESSAGE_TYPE) && message.kind().is_none() {
            return Err(Reason::Malformed);
        }
        let giaddr = message.giaddr();
        let config = self.config();
        let believed = if config.relays.is_empty() {
            self.networks().wire(giaddr, config).is_some()
        } else {
            config.relays.contains(&giaddr)
        };
        if !giaddr.is_unspecified() && !believed {
            return Err(Reason::NotOurRelay);
        }
        let asks_by_address = message.kind() == Some(MessageType::LEASEQUERY);
        if client.hw.hlen() == 0 && !message.has(OptionCode::CLIENT_ID) && !asks_by_address {
            return Err(Reason::NoHardwareAddress);
        }
        // Who names a server in sname means that one (RFC 951 §3).
        if let Some(own) = &config.server_name
            && !message.sname().is_empty()
            && message.sname() != own.as_bytes()
        {
            return Err(Reason::OtherServer);
        }
        Ok(())
    }

    /// The wire that the client is on; none: a network was asked for that is none of ours.
    ///
    /// What the relay selects (RFC 3527) goes before what the client does (RFC 3011), then the relay's own address,
    /// then the client's. A relay outside every network, admitted by the configuration, stands on the plan's.
    fn wire(&self, message: &Message<'_>) -> Option<Wire> {
        let (config, networks) = (self.config(), self.networks());
        if config.subnets.is_empty() {
            return Some(Wire::PLAN);
        }
        let giaddr = Some(message.giaddr()).filter(|giaddr| !giaddr.is_unspecified());
        let info = giaddr.and_then(|_| message.get(key::RELAY_INFO).ok().flatten());
        let client_selects = || message.get(key::SUBNET_SELECTION).ok().flatten();
        if let Some(selected) = info.and_then(|info| info.link_selection()).or_else(client_selects) {
            return networks.wire(selected, config);
        }
        let address = giaddr.or(Some(message.ciaddr()).filter(|ciaddr| !ciaddr.is_unspecified()));
        Some(address.and_then(|address| networks.wire(address, config)).unwrap_or(Wire::PLAN))
    }

    fn place(&self, message: &Message<'_>, client: Client<'_>, wire: Wire) -> Place {
        let spoken = Spoken::of(message);
        let found = self.cards().place(&spoken).or_else(|| self.by_lease(message, client));
        let on_wire = |address: Ipv4Addr| self.networks().is_on(address, wire, self.config());
        if let Some((position, rule)) = found {
            let address = self.cards().address(position);
            // A card whose address is of another network is, on this one, like any client.
            if self.config().subnets.is_empty() || address.is_none_or(on_wire) {
                return Place { position: Some(position), rule, address, wire };
            }
        }
        let wish = message.get(key::REQUESTED_ADDRESS).ok().flatten();
        let pools = self.networks().pools(wire);
        if pools.clone().next().is_some() {
            let address = self.leases().choose(&pools, client, wish);
            return Place { position: None, rule: Rule::Subnet, address, wire };
        }
        let unknown = if wire == Wire::PLAN { &self.config().unknown } else { &Unknown::Ignore };
        let (position, rule, address) = match unknown {
            Unknown::Ignore => (None, Rule::None, None),
            Unknown::Quarantine(_) => {
                (None, Rule::Pool, self.leases().choose(&self.networks().quarantine(), client, wish))
            }
            Unknown::Enrol => {
                let own = self.leases().of_client(client).and_then(|own| self.cards().position(own.address));
                let free = |position: &Position| {
                    self.cards().address(*position).is_some_and(|a| self.leases().is_free_for(a, client))
                };
                let position = own.or_else(|| self.cards().vacant().find(free));
                (position, Rule::Enrolled, position.and_then(|position| self.cards().address(position)))
            }
        };
        Place { position, rule, address, wire }
    }

    /// A client that has an address is known by it: its unicast renewals come without a circuit-id.
    fn by_lease(&self, message: &Message<'_>, client: Client<'_>) -> Option<(Position, Rule)> {
        let declined = || message.get(key::REQUESTED_ADDRESS).ok().flatten();
        let claimed = match message.kind()? {
            MessageType::REQUEST | MessageType::RELEASE | MessageType::INFORM => message.ciaddr(),
            MessageType::DECLINE => declined()?,
            _ => return None,
        };
        let binding = self.leases().get(claimed).filter(|binding| binding.hw == client.hw)?;
        matches!(binding.state, State::Bound { .. } | State::Idle { .. })
            .then(|| self.cards().position(claimed))
            .flatten()
            .map(|position| (position, Rule::Lease))
    }

    fn discover(
        &self,
        now: Duration,
        message: &Message<'_>,
        client: Client<'_>,
        place: Place,
        to: &mut Judgement,
    ) {
        let Some(address) = place.address else { return to.silent(self.no_address(place)) };
        if let Err(reason) = self.may_have(address, message, client, place, to) {
            return to.silent(reason);
        }
        if self.config().rapid_commit && message.has(OptionCode::RAPID_COMMIT) {
            to.deed = Deed::Bind(address, self.lease_end(now, address));
            return to.answer(Verdict::Ack, Reason::RapidCommit);
        }
        // A position's address is nobody else's, so that only addresses of the many are held.
        if place.rule.is_pooled() || place.rule == Rule::Enrolled {
            to.deed = Deed::Hold(address);
        }
        to.answer(Verdict::Offer, Reason::NewClient);
    }

    fn request(
        &self,
        now: Duration,
        message: &Message<'_>,
        client: Client<'_>,
        place: Place,
        to: &mut Judgement,
    ) {
        let (Ok(server), Ok(wanted)) = (message.get(key::SERVER_ID), message.get(key::REQUESTED_ADDRESS))
        else {
            return to.silent(Reason::Malformed);
        };
        if server.is_some_and(|server| !self.is_own_id(server, message)) {
            if let Some(binding) = self.leases().of_client(client)
                && matches!(binding.state, State::Offered { .. })
            {
                to.deed = Deed::Drop(binding.address);
            }
            return to.silent(Reason::OtherServer);
        }
        let ciaddr = Some(message.ciaddr()).filter(|address| !address.is_unspecified());
        // SELECTING and INIT-REBOOT name the address in option 50, RENEWING and REBINDING in ciaddr (§4.3.2).
        let Some(asked) = (if server.is_some() { wanted.or(ciaddr) } else { ciaddr.or(wanted) }) else {
            return to.silent(Reason::NoAddress);
        };
        let reason = match (server, ciaddr) {
            (Some(_), _) => Reason::OfferTaken,
            (None, None) => Reason::Rebooted,
            (None, Some(_)) => Reason::Renewed,
        };
        let recorded = match place.rule {
            Rule::None => false,
            Rule::Pool | Rule::Enrolled | Rule::Subnet => {
                self.leases().of_client(client).is_some_and(|binding| {
                    Some(binding.address) == place.address
                        && !matches!(binding.state, State::Idle { .. } if reason == Reason::OfferTaken)
                })
            }
            _ => true,
        };
        if !recorded {
            return self.unrecorded(asked, client, place.wire, server.is_some(), to);
        }
        if place.address != Some(asked) {
            to.decision.address = Some(asked);
            return to.answer(Verdict::Nak, Reason::WrongAddress);
        }
        match self.may_have(asked, message, client, place, to) {
            Ok(()) => {
                to.deed = Deed::Bind(asked, self.lease_end(now, asked));
                to.answer(Verdict::Ack, reason);
            }
            Err(Reason::PositionTaken) => to.answer(Verdict::Nak, Reason::PositionTaken),
            Err(reason) => to.silent(reason),
        }
    }

    /// A request of a client that the server has no record of: it stays silent unless it knows better (§4.3.2).
    fn unrecorded(&self, asked: Ipv4Addr, client: Client<'_>, wire: Wire, chosen: bool, to: &mut Judgement) {
        to.decision.address = Some(asked);
        let config = self.config();
        let other = self.leases().get(asked).is_some_and(|binding| {
            binding.hw != client.hw && matches!(binding.state, State::Bound { .. } | State::Offered { .. })
        });
        let (verdict, reason) = if !config.authoritative {
            (Verdict::Silent, Reason::LeaseUnknown)
        } else if !self.networks().is_on(asked, wire, config) {
            (Verdict::Nak, Reason::WrongNetwork)
        } else if other {
            (Verdict::Nak, Reason::PositionTaken)
        } else if chosen {
            (Verdict::Nak, Reason::LeaseUnknown)
        } else {
            (Verdict::Silent, Reason::LeaseUnknown)
        };
        to.answer(verdict, reason);
    }

    fn decline(&self, message: &Message<'_>, client: Client<'_>, place: Place, to: &mut Judgement) {
        let (Ok(server), Ok(Some(address))) =
            (message.get(key::SERVER_ID), message.get(key::REQUESTED_ADDRESS))
        else {
            return to.silent(Reason::NoAddress);
        };
        if !server.is_some_and(|server| self.is_own_id(server, message)) {
            return to.silent(Reason::OtherServer);
        }
        to.decision.address = Some(address);
        // Who declines must be who holds: a forged DECLINE would empty the pool.
        let holds = self.leases().get(address).is_some_and(|binding| {
            binding.hw == client.hw && matches!(binding.state, State::Offered { .. } | State::Bound { .. })
        });
        if !holds {
            return to.silent(Reason::WrongAddress);
        }
        to.deed = if place.rule.is_pooled() { Deed::Decline(address) } else { Deed::Release(address) };
        to.notice = Some(Event::Declined { address, hw: client.hw });
        to.answer(Verdict::Noted, Reason::AddressInUse);
    }

    fn release(&self, message: &Message<'_>, client: Client<'_>, to: &mut Judgement) {
        let server = message.get(key::SERVER_ID).ok().flatten();
        if server.is_some_and(|server| !self.is_own_id(server, message)) {
            return to.silent(Reason::OtherServer);
        }
        let address = message.ciaddr();
        to.decision.address = Some(address);
        let holds = self
            .leases()
            .get(address)
            .is_some_and(|binding| binding.hw == client.hw && matches!(binding.state, State::Bound { .. }));
        if !holds {
            return to.silent(Reason::WrongAddress);
        }
        to.deed = Deed::Release(address);
        to.answer(Verdict::Noted, Reason::Released);
    }

    fn bootp(&self, message: &Message<'_>, client: Client<'_>, place: Place, to: &mut Judgement) {
        let Some(address) = place.address.filter(|_| !place.rule.is_pooled()) else {
            return to.silent(Reason::NoPosition);
        };
        if let Err(reason) = self.may_have(address, message, client, place, to) {
            return to.silent(reason);
        }
        // A BOOTP client never renews, so that its binding has no end (RFC 1534 §2).
        to.deed = Deed::Bind(address, Duration::MAX);
        to.answer(Verdict::Bootp, Reason::Bootp);
    }

    /// Whether the client may have `address`; says by a notice when it is a swapped or moved card.
    fn may_have(
        &self,
        address: Ipv4Addr,
        message: &Message<'_>,
        client: Client<'_>,
        place: Place,
        to: &mut Judgement,
    ) -> Result<(), Reason> {
        let config = self.config();
        if !self.leases().has_room(address, self.room(place.rule.is_pooled())) {
            return Err(Reason::TooManyLeases);
        }
        if place.rule.is_pooled() || place.rule == Rule::Enrolled {
            let outstanding = self.leases().offers(message.giaddr());
            let held = self.leases().of_client(client).is_some_and(|own| own.address == address);
            let over = outstanding >= config.limits.offers_a_relay && !held;
            return if over { Err(Reason::TooManyOffers) } else { Ok(()) };
        }
        let Some(position) = place.position else { return Ok(()) };
        if let Some(binding) = self.leases().get(address)
            && binding.hw != client.hw
            && matches!(binding.state, State::Bound { .. })
        {
            let admitted = match config.swap {
                Swap::Preempt => true,
                // Who is named in the configuration is there by the operator's word.
                Swap::Wait | Swap::Refuse => place.rule.names_the_client(),
            };
            to.notice = Some(Event::Swapped { position, old: binding.hw, new: client.hw, admitted });
            return if admitted { Ok(()) } else { Err(Reason::PositionTaken) };
        }
        if let Some(binding) = self.leases().get(address)
            && binding.hw != client.hw
            && config.swap == Swap::Refuse
            && !place.rule.names_the_client()
        {
            let (old, new) = (binding.hw, client.hw);
            to.notice = Some(Event::Swapped { position, old, new, admitted: false });
            return Err(Reason::PositionTaken);
        }
        let elsewhere = self.leases().of_client(client).filter(|own| own.address != address);
        if let Some(from) = elsewhere.and_then(|own| self.cards().position(own.address)) {
            to.notice = Some(Event::Moved { hw: client.hw, from, to: position });
        }
        Ok(())
    }

    /// The bindings that there may be when another is made: the pool never takes the room of a position.
    pub(super) fn room(&self, pooled: bool) -> usize {
        let (leases, positions) = (self.config().limits.leases, self.config().plan.capacity());
        if pooled { leases.saturating_sub(positions) } else { leases.max(positions) }
    }

    fn no_address(&self, place: Place) -> Reason {
        match place.rule {
            Rule::Pool | Rule::Subnet => Reason::PoolEmpty,
            Rule::Enrolled => Reason::PositionsFull,
            _ => Reason::NoPosition,
        }
    }

    pub(super) fn is_own_id(&self, server: Ipv4Addr, message: &Message<'_>) -> bool {
        server == self.config().server_id || Some(server) == self.server_id_override(message)
    }

    fn lease_end(&self, now: Duration, address: Ipv4Addr) -> Duration {
        let lease = self.networks().parameters(address, self.config()).lease;
        now.checked_add(lease).unwrap_or(Duration::MAX)
    }
}

fn inform(message: &Message<'_>, to: &mut Judgement) {
    let address = message.ciaddr();
    if address.is_unspecified() {
        return to.silent(Reason::NoAddress);
    }
    to.decision.address = Some(address);
    to.answer(Verdict::Ack, Reason::Informed);
}

impl Judgement {
    pub(super) fn silent(&mut self, reason: Reason) {
        self.answer(Verdict::Silent, reason);
    }

    pub(super) fn answer(&mut self, verdict: Verdict, reason: Reason) {
        self.decision.verdict = verdict;
        self.decision.reason = reason;
    }
}
