//! Who is where: the names of positions, and their addresses.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::{Config, ConfigError, Names, Rule, Unknown};
use crate::table::hash;
use crate::wire::dhcp::typed::RelayInfo;
use crate::wire::dhcp::{Message, OptionCode};
use crate::{HwAddr, Plan, Position};

/// The tables made of a configuration's cards, checked to contradict nowhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cards {
    plan: Plan,
    circuit_is_position: bool,
    key: u64,
    /// Which sets of names occur, those that say where a client is first, of these the larger first.
    kinds: Vec<u8>,
    by_names: BTreeMap<u32, Vec<(Names, Position)>>,
    /// Every card of the configuration, with its address where it is not the plan's.
    known: BTreeMap<Position, Option<Ipv4Addr>>,
    by_address: BTreeMap<Ipv4Addr, Position>,
}

/// What a message says of who sent it and where that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoken<'a> {
    pub(super) hw: HwAddr,
    client_id: Option<&'a [u8]>,
    relay: Option<Ipv4Addr>,
    info: Option<&'a [u8]>,
}

impl<'a> Spoken<'a> {
    /// Option 82 counts only behind a relay, which was admitted before (RFC 3046 §2.1).
    pub(super) fn of(message: &Message<'a>) -> Self {
        let relay = Some(message.giaddr()).filter(|giaddr| !giaddr.is_unspecified());
        let info = relay.and_then(|_| message.option_slice(OptionCode::RELAY_INFO));
        Self {
            hw: message.chaddr(),
            client_id: message.option_slice(OptionCode::CLIENT_ID),
            relay,
            info: info.filter(|info| RelayInfo::is_well_formed(info)),
        }
    }

    fn sub(&self, code: u8) -> Option<&'a [u8]> {
        RelayInfo::find(self.info?, code)
    }

    /// The circuit-id.
    pub(super) fn circuit(&self) -> Option<&'a [u8]> {
        self.sub(RelayInfo::CIRCUIT_ID)
    }

    /// Who speaks, for counting how often: the circuit where a relay tells it, which no client chooses; else the
    /// hardware address.
    pub(super) fn talker(&self, key: u64) -> u32 {
        match (self.relay, self.circuit()) {
            (Some(relay), Some(circuit)) => hash(key ^ u64::from(relay.to_bits()), circuit),
            _ => hash(!key, self.hw.octets()),
        }
    }

    /// The hash of the names of `kind`, or `None` where one is missing.
    fn tag(&self, key: u64, kind: u8) -> Option<u32> {
        let mut tag = u32::from(kind);
        let mut add = |octets: &[u8]| tag = tag.rotate_left(5) ^ hash(key ^ u64::from(tag), octets);
        for part in Names::PARTS {
            if kind & part != 0 {
                match part {
                    Names::MAC => add(self.hw.octets()),
                    Names::CLIENT_ID => add(self.client_id?),
                    Names::CIRCUIT => add(self.circuit()?),
                    Names::REMOTE => add(self.sub(RelayInfo::REMOTE_ID)?),
                    Names::SUBSCRIBER => add(self.sub(RelayInfo::SUBSCRIBER_ID)?),
                    _ => add(&self.relay?.octets()),
                }
            }
        }
        Some(tag)
    }

    /// Whether every name of `names` is spoken.
    fn fits(&self, names: &Names) -> bool {
        let octets = |own: &Option<_>, said: Option<&[u8]>| {
            own.as_deref().is_none_or(|own: &[u8]| said.is_some_and(|said| said == own))
        };
        names.mac.is_none_or(|mac| mac == self.hw)
            && octets(&names.client_id, self.client_id)
            && octets(&names.circuit_id, self.circuit())
            && octets(&names.remote_id, self.sub(RelayInfo::REMOTE_ID))
            && octets(&names.subscriber_id, self.sub(RelayInfo::SUBSCRIBER_ID))
            && names.relay.is_none_or(|relay| self.relay == Some(relay))
    }
}

impl Cards {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut cards = Self {
            plan: config.plan,
            circuit_is_position: config.circuit_is_position,
            key: config.seed,
            kinds: Vec::new(),
            by_names: BTreeMap::new(),
            known: BTreeMap::new(),
            by_address: BTreeMap::new(),
        };
        for card in &config.cards {
            let position = card.position;
            if !config.plan.contains(position) {
                return Err(ConfigError::NoSuchPosition(position));
            }
            if cards.known.insert(position, card.address).is_some() {
                return Err(ConfigError::Position(position));
            }
            let mac = card.mac.map(|mac| Names { mac: Some(mac), ..Names::default() });
            let circuit = card.circuit_id.clone();
            let circuit = circuit.map(|circuit| Names { circuit_id: Some(circuit), ..Names::default() });
            for names in mac.into_iter().chain(circuit).chain(card.any_of.iter().cloned()) {
                let (kind, mac) = (names.kind(), names.mac);
                cards.name(names, position).map_err(|other| match (other, kind, mac) {
                    (None, ..) => ConfigError::NoNames(position),
                    (Some(other), Names::MAC, Some(mac)) => ConfigError::Mac(other, position, mac),
                    (Some(other), Names::CIRCUIT, _) => ConfigError::Circuit(other, position),
                    (Some(other), ..) => ConfigError::Names(other, position),
                })?;
            }
            if let Some(address) = card.address
                && let Some(other) = cards.by_address.insert(address, position)
            {
                return Err(ConfigError::Address(other, position, address));
            }
        }
        cards
            .kinds
            .sort_by_key(|kind| (kind & Names::PLACE == 0, core::cmp::Reverse(kind.count_ones()), *kind));
        for (address, position) in &cards.by_address {
            // An address of one's own may be the plan's of the same card, not of a card that keeps to the plan.
            let planned =
                cards.plan.position(*address).filter(|other| cards.address(*other) == Some(*address));
            if let Some(other) = planned.filter(|other| other != position) {
                return Err(ConfigError::Address(other, *position, *address));
            }
        }
        let quarantine = match &config.unknown {
            Unknown::Quarantine(pool) => Some(pool),
            Unknown::Ignore | Unknown::Enrol => None,
        };
        let pools = || quarantine.into_iter().chain(config.subnets.iter().flat_map(|subnet| &subnet.pools));
        let explicit = cards.by_address.iter().map(|(address, position)| (*address, *position));
        let planned =
            cards.plan.positions().filter_map(|position| Some((cards.plan.address(position)?, position)));
        if let Some((address, position)) =
            explicit.chain(planned).find(|(address, _)| pools().any(|pool| pool.contains(address)))
        {
            return Err(ConfigError::Pool(position, address));
        }
        Ok(cards)
    }

    /// Gives a position a name, or says which other has it; none: nobody can speak such a name.
    fn name(&mut self, names: Names, position: Position) -> Result<(), Option<Position>> {
        let kind = names.kind();
        let tag = names.spoken(|spoken| spoken.tag(self.key, kind)).filter(|_| kind != 0).ok_or(None)?;
        let of_tag = self.by_names.entry(tag).or_default();
        if let Some((_, other)) = of_tag.iter().find(|(other, _)| *other == names) {
            return Err(Some(*other));
        }
        of_tag.push((names, position));
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        Ok(())
    }

    /// The address of a position.
    pub(super) fn address(&self, position: Position) -> Option<Ipv4Addr> {
        self.known.get(&position).copied().flatten().or_else(|| self.plan.address(position))
    }

    /// The position that owns an address.
    pub(super) fn position(&self, address: Ipv4Addr) -> Option<Position> {
        let planned =
            || self.plan.position(address).filter(|position| self.address(*position) == Some(address));
        self.by_address.get(&address).copied().or_else(planned)
    }

    /// The position of who speaks: by names that tell the place, by a circuit-id that is one, by the others.
    pub(super) fn place(&self, spoken: &Spoken<'_>) -> Option<(Position, Rule)> {
        let (places, others) =
            self.kinds.split_at(self.kinds.partition_point(|kind| kind & Names::PLACE != 0));
        self.named(places, spoken).or_else(|| self.by_text(spoken)).or_else(|| self.named(others, spoken))
    }

    fn named(&self, kinds: &[u8], spoken: &Spoken<'_>) -> Option<(Position, Rule)> {
        kinds.iter().find_map(|kind| {
            let of_tag = self.by_names.get(&spoken.tag(self.key, *kind)?)?;
            let (_, position) =
                of_tag.iter().find(|(names, _)| names.kind() == *kind && spoken.fits(names))?;
            let rule = match *kind {
                Names::MAC => Rule::Mac,
                Names::CIRCUIT => Rule::Circuit,
                // Who is named is the operator's word; who is only placed may be another card in the same slot.
                kind if kind & (Names::MAC | Names::CLIENT_ID) != 0 => Rule::Named,
                _ => Rule::Placed,
            };
            Some((*position, rule))
        })
    }

    fn by_text(&self, spoken: &Spoken<'_>) -> Option<(Position, Rule)> {
        let circuit = spoken.circuit().filter(|_| self.circuit_is_position)?;
        let position = Position::from_bytes(circuit).ok().filter(|position| self.plan.contains(*position))?;
        Some((position, Rule::CircuitText))
    }

    /// Positions without a card in the configuration, from 1.1 on.
    pub(super) fn vacant(&self) -> impl Iterator<Item = Position> + '_ {
        self.plan.positions().filter(|position| !self.known.contains_key(position))
    }
}

impl Names {
    const MAC: u8 = 1;
    const CLIENT_ID: u8 = 2;
    const CIRCUIT: u8 = 4;
    const REMOTE: u8 = 8;
    const SUBSCRIBER: u8 = 16;
    const RELAY: u8 = 32;
    const PARTS: [u8; 6] =
        [Self::MAC, Self::CLIENT_ID, Self::CIRCUIT, Self::REMOTE, Self::SUBSCRIBER, Self::RELAY];
    /// The names that say where a client is.
    const PLACE: u8 = Self::CIRCUIT | Self::REMOTE | Self::SUBSCRIBER;

    /// Which names there are, a bit each.
    fn kind(&self) -> u8 {
        let bit = |there: bool, bit| if there { bit } else { 0 };
        bit(self.mac.is_some(), Self::MAC)
            | bit(self.client_id.is_some(), Self::CLIENT_ID)
            | bit(self.circuit_id.is_some(), Self::CIRCUIT)
            | bit(self.remote_id.is_some(), Self::REMOTE)
            | bit(self.subscriber_id.is_some(), Self::SUBSCRIBER)
            | bit(self.relay.is_some(), Self::RELAY)
    }

    /// Reads the names as if a message had spoken them.
    fn spoken<T>(&self, read: impl FnOnce(&Spoken<'_>) -> Option<T>) -> Option<T> {
        let mut info = Vec::new();
        let subs = [
            (RelayInfo::CIRCUIT_ID, &self.circuit_id),
            (RelayInfo::REMOTE_ID, &self.remote_id),
            (RelayInfo::SUBSCRIBER_ID, &self.subscriber_id),
        ];
        for (code, value) in subs {
            if let Some(value) = value {
                info.extend_from_slice(&[code, u8::try_from(value.len()).ok()?]);
                info.extend_from_slice(value);
            }
        }
        read(&Spoken {
            hw: self.mac.unwrap_or(HwAddr::ethernet([0; 6])),
            client_id: self.client_id.as_deref(),
            relay: self.relay,
            info: Some(&info),
        })
    }
}
