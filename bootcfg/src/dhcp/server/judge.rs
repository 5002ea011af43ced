//! The judgement of one message: what it is answered and what that changes. Nothing here changes anything.

use core::net::Ipv4Addr;
use core::time::Duration;

use super::engine::Server;
use super::leases::State;
use super::{Config, Decision, Event, Reason, Rule, Swap, Unknown, Verdict};
use crate::wire::dhcp::typed::RelayInfo;
use crate::wire::dhcp::{Dropped, Message, MessageType, Op, OptionCode, key};
use crate::{HwAddr, Position};

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

/// A client as its message shows it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) hw: HwAddr,
    name: [u8; 256],
    len: usize,
}

impl Client {
    /// The identity: option 61 where it is well formed, else type and address (RFC 2131 §4.2).
    pub(super) fn of(message: &Message<'_>, by_hw: bool) -> Self {
        let hw = message.chaddr();
        let mut client = Self { hw, name: [0; 256], len: 0 };
        match message.option_slice(OptionCode::CLIENT_ID).filter(|id| id.len() >= 2 && !by_hw) {
            Some(id) => client.write(1, &[], id),
            None => client.write(0, &[hw.htype()], hw.octets()),
        }
        client
    }

    /// The identity as octets.
    pub(super) fn name(&self) -> &[u8] {
        self.name.get(..self.len).unwrap_or(&[])
    }

    fn write(&mut self, kind: u8, prefix: &[u8], id: &[u8]) {
        let octets = core::iter::once(&kind).chain(prefix).chain(id);
        for (to, octet) in self.name.iter_mut().zip(octets) {
            *to = *octet;
            self.len = self.len.saturating_add(1);
        }
    }
}

/// Where a client's address comes from.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: Option<Position>,
    rule: Rule,
    /// The address that is the client's, if one is.
    address: Option<Ipv4Addr>,
}

impl Server {
    /// Judges a message at `now`.
    pub(super) fn judge(&self, now: Duration, message: &Message<'_>, client: &Client) -> Judgement {
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
        let place = self.place(message, client);
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
    fn admit(&self, message: &Message<'_>, client: &Client) -> Result<(), Reason> {
        if message.op() != Op::REQUEST {
            return Err(Reason::NotARequest);
        }
        if message.has(OptionCode::MESSAGE_TYPE) && message.kind().is_none() {
            return Err(Reason::Malformed);
        }
        let giaddr = message.giaddr();
        let config = self.config();
        let believed = if config.relays.is_empty() {
            config.plan.covers(giaddr)
        } else {
            config.relays.contains(&giaddr)
        };
        if !giaddr.is_unspecified() && !believed {
            return Err(Reason::NotOurRelay);
        }
        if client.hw.hlen() == 0 && !message.has(OptionCode::CLIENT_ID) {
            return Err(Reason::NoHardwareAddress);
        }
        Ok(())
    }

    fn place(&self, message: &Message<'_>, client: &Client) -> Place {
        let found = self.by_circuit(message).or_else(|| {
            let configured = self.cards().mac(client.hw).map(|position| (position, Rule::Mac));
            configured.or_else(|| self.by_lease(message, client))
        });
        if let Some((position, rule)) = found {
            return Place { position: Some(position), rule, address: self.cards().address(position) };
        }
        match &self.config().unknown {
            Unknown::Ignore => Place { position: None, rule: Rule::None, address: None },
            Unknown::Quarantine(pool) => {
                let wish = message.get(key::REQUESTED_ADDRESS).ok().flatten();
                let address = self.leases().choose(pool, client.name(), wish);
                Place { position: None, rule: Rule::Pool, address }
            }
            Unknown::Enrol => {
                let own = self
                    .leases()
                    .of_client(client.name())
                    .and_then(|(address, _)| self.cards().position(address));
                let free = |position: &Position| {
                    self.cards()
                        .address(*position)
                        .is_some_and(|a| self.leases().is_free_for(a, client.name()))
                };
                let position = own.or_else(|| self.cards().vacant().find(free));
                let address = position.and_then(|position| self.cards().address(position));
                Place { position, rule: Rule::Enrolled, address }
            }
        }
    }

    /// Option 82 counts only behind a relay that was admitted (RFC 3046 §2.1).
    fn by_circuit(&self, message: &Message<'_>) -> Option<(Position, Rule)> {
        if message.giaddr().is_unspecified() {
            return None;
        }
        let info: RelayInfo<'_> = message.get(key::RELAY_INFO).ok()??;
        self.cards().circuit(info.circuit_id()?)
    }

    /// A client that has an address is known by it: its unicast renewals come without a circuit-id.
    fn by_lease(&self, message: &Message<'_>, client: &Client) -> Option<(Position, Rule)> {
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
        client: &Client,
        place: Place,
        to: &mut Judgement,
    ) {
        let Some(address) = place.address else { return to.silent(self.no_address(place)) };
        if let Err(reason) = self.may_have(address, message, client, place, to) {
            return to.silent(reason);
        }
        if self.config().rapid_commit && message.has(OptionCode::RAPID_COMMIT) {
            to.deed = Deed::Bind(address, self.lease_end(now));
            return to.answer(Verdict::Ack, Reason::RapidCommit);
        }
        // A position's address is nobody else's, so that only addresses of the many are held.
        if matches!(place.rule, Rule::Pool | Rule::Enrolled) {
            to.deed = Deed::Hold(address);
        }
        to.answer(Verdict::Offer, Reason::NewClient);
    }

    fn request(
        &self,
        now: Duration,
        message: &Message<'_>,
        client: &Client,
        place: Place,
        to: &mut Judgement,
    ) {
        let (Ok(server), Ok(wanted)) = (message.get(key::SERVER_ID), message.get(key::REQUESTED_ADDRESS))
        else {
            return to.silent(Reason::Malformed);
        };
        if server.is_some_and(|server| !self.is_own_id(server, message)) {
            if let Some((address, binding)) = self.leases().of_client(client.name())
                && matches!(binding.state, State::Offered { .. })
            {
                to.deed = Deed::Drop(address);
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
            Rule::Pool | Rule::Enrolled => {
                self.leases().of_client(client.name()).is_some_and(|(address, binding)| {
                    Some(address) == place.address
                        && !matches!(binding.state, State::Idle { .. } if reason == Reason::OfferTaken)
                })
            }
            _ => true,
        };
        if !recorded {
            return self.unrecorded(asked, client, server.is_some(), to);
        }
        if place.address != Some(asked) {
            to.decision.address = Some(asked);
            return to.answer(Verdict::Nak, Reason::WrongAddress);
        }
        match self.may_have(asked, message, client, place, to) {
            Ok(()) => {
                to.deed = Deed::Bind(asked, self.lease_end(now));
                to.answer(Verdict::Ack, reason);
            }
            Err(Reason::PositionTaken) => to.answer(Verdict::Nak, Reason::PositionTaken),
            Err(reason) => to.silent(reason),
        }
    }

    /// A request of a client that the server has no record of: it stays silent unless it knows better (§4.3.2).
    fn unrecorded(&self, asked: Ipv4Addr, client: &Client, chosen: bool, to: &mut Judgement) {
        to.decision.address = Some(asked);
        let config = self.config();
        let other = self.leases().get(asked).is_some_and(|binding| {
            binding.hw != client.hw && matches!(binding.state, State::Bound { .. } | State::Offered { .. })
        });
        let (verdict, reason) = if !config.authoritative {
            (Verdict::Silent, Reason::LeaseUnknown)
        } else if !config.plan.covers(asked) && !in_pool(config, asked) {
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

    fn decline(&self, message: &Message<'_>, client: &Client, place: Place, to: &mut Judgement) {
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
        to.deed = if place.rule == Rule::Pool { Deed::Decline(address) } else { Deed::Release(address) };
        to.notice = Some(Event::Declined { address, hw: client.hw });
        to.answer(Verdict::Noted, Reason::AddressInUse);
    }

    fn release(&self, message: &Message<'_>, client: &Client, to: &mut Judgement) {
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

    fn bootp(&self, message: &Message<'_>, client: &Client, place: Place, to: &mut Judgement) {
        let Some(address) = place.address.filter(|_| place.rule != Rule::Pool) else {
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
        client: &Client,
        place: Place,
        to: &mut Judgement,
    ) -> Result<(), Reason> {
        let config = self.config();
        if !self.leases().has_room(address, self.room(place.rule == Rule::Pool)) {
            return Err(Reason::TooManyLeases);
        }
        if matches!(place.rule, Rule::Pool | Rule::Enrolled) {
            let outstanding = self.leases().offers(message.giaddr());
            let held = self.leases().of_client(client.name()).is_some_and(|(own, _)| own == address);
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
                // A MAC of the configuration is the operator's word.
                Swap::Wait | Swap::Refuse => place.rule == Rule::Mac,
            };
            to.notice = Some(Event::Swapped { position, old: binding.hw, new: client.hw, admitted });
            return if admitted { Ok(()) } else { Err(Reason::PositionTaken) };
        }
        if let Some(binding) = self.leases().get(address)
            && binding.hw != client.hw
            && config.swap == Swap::Refuse
            && place.rule != Rule::Mac
        {
            let (old, new) = (binding.hw, client.hw);
            to.notice = Some(Event::Swapped { position, old, new, admitted: false });
            return Err(Reason::PositionTaken);
        }
        let elsewhere = self.leases().of_client(client.name()).filter(|(own, _)| *own != address);
        if let Some(from) = elsewhere.and_then(|(own, _)| self.cards().position(own)) {
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
            Rule::Pool => Reason::PoolEmpty,
            Rule::Enrolled => Reason::PositionsFull,
            _ => Reason::NoPosition,
        }
    }

    fn is_own_id(&self, server: Ipv4Addr, message: &Message<'_>) -> bool {
        server == self.config().server_id || Some(server) == self.server_id_override(message)
    }

    fn lease_end(&self, now: Duration) -> Duration {
        now.checked_add(self.config().lease).unwrap_or(Duration::MAX)
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

fn in_pool(config: &Config, address: Ipv4Addr) -> bool {
    matches!(&config.unknown, Unknown::Quarantine(pool) if pool.contains(&address))
}

impl Judgement {
    fn silent(&mut self, reason: Reason) {
        self.answer(Verdict::Silent, reason);
    }

    fn answer(&mut self, verdict: Verdict, reason: Reason) {
        self.decision.verdict = verdict;
        self.decision.reason = reason;
    }
}
