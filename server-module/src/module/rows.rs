//! From the inventory to the rows of the MIBs: cards, services, members, the summary, and the entities that stock
//! network management shows.

use std::net::IpAddr;
use std::time::Duration;

use snmp_mib::mib::{Counter32, Gauge32, TimeTicks};
use snmp_mib::mibs::cabinet::{self as mib, CardState, MemberRole, ServiceState, SidKind, Summary};
use snmp_mib::mibs::entity::{CardPlan, ChassisPlan, Plan};
use snmp_mib::wire::OidBuf;

use crate::cabinet::{Active, Card, Contact, Inventory, Mode, Order, Standing, State};

pub(super) fn card(card: &Card, now: Duration) -> mib::Card {
    mib::Card {
        chassis: card.position.chassis.into(),
        slot: card.position.slot.into(),
        state: state(card.state),
        address: v4(card.address),
        up_time: card.up_time(now).map(TimeTicks::from),
        temperature: card.temperature(),
    }
}

pub(super) const fn state(state: State) -> CardState {
    match state {
        State::Off => CardState::Off,
        State::Available => CardState::Available,
        State::Assigned => CardState::Assigned,
        State::Running => CardState::Running,
        State::Failed => CardState::Failed,
    }
}

const fn v4(address: IpAddr) -> Option<std::net::Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

pub(super) fn service(active: &Active) -> mib::Service {
    let count = |n: usize| Gauge32(u32::try_from(n).unwrap_or(u32::MAX));
    let (members, serving) = (active.members.len(), active.serving());
    let own = &active.service;
    mib::Service {
        name: own.name.as_str().into(),
        mode: match own.mode {
            Mode::Performance => mib::Mode::Performance,
            Mode::Reliability => mib::Mode::Reliability,
        },
        state: match active.order {
            Order::Stop | Order::Fail => ServiceState::Stopped,
            Order::Drain { .. } => ServiceState::Draining,
            Order::Run if serving == 0 => ServiceState::Down,
            Order::Run if serving < members => ServiceState::Degraded,
            Order::Run => ServiceState::Serving,
        },
        wanted: count(own.count.map_or(members, usize::from)),
        serving: count(serving),
        port: Some(own.port.into()),
        user: active.owner().map(Into::into),
        since: None,
    }
}

pub(super) fn sids(active: &Active) -> impl Iterator<Item = mib::Sid> {
    let own = &active.service;
    let hosts = own.sid.iter().map(|sid| (SidKind::Host, sid.to_string()));
    let names = own.sni.iter().map(|sid| (SidKind::Sni, sid.to_string()));
    let logins = own.login.iter().map(|login| (SidKind::Login, login.clone()));
    let service = own.name.as_str();
    hosts.chain(names).chain(logins).zip(1..).map(move |((kind, text), number)| mib::Sid {
        service: service.into(),
        number,
        kind,
        text: text.as_str().into(),
    })
}

pub(super) fn members(active: &Active) -> impl Iterator<Item = mib::Member> {
    let reliable = active.service.mode == Mode::Reliability;
    let first = active.members.iter().position(|member| member.standing == Standing::Serving);
    active.members.iter().enumerate().map(move |(at, member)| mib::Member {
        service: active.service.name.as_str().into(),
        chassis: member.card.chassis.into(),
        slot: member.card.slot.into(),
        role: match (reliable, first == Some(at)) {
            (false, _) => MemberRole::Equal,
            (true, true) => MemberRole::Active,
            (true, false) => MemberRole::Backup,
        },
        standing: match member.standing {
            Standing::Serving => mib::Standing::Serving,
            Standing::Draining => mib::Standing::Draining,
            Standing::Down => mib::Standing::Out,
        },
        address: v4(member.address),
        since: None,
    })
}

/// The counts of the summary; its change counters go on from `before`, one for each table that `changed` tells.
pub(super) fn summary(inventory: &Inventory, before: &Summary, changed: [bool; 3]) -> Summary {
    let cards = |wanted| {
        let found = inventory.counts().into_iter().find(|(state, _)| *state == wanted);
        Gauge32(found.map_or(0, |(_, count)| u32::try_from(count).unwrap_or(u32::MAX)))
    };
    let services = |wanted| {
        let found = inventory.services.iter().filter(|active| service(active).state == wanted).count();
        Gauge32(u32::try_from(found).unwrap_or(u32::MAX))
    };
    let count = |counter: Counter32, changed| Counter32(counter.0.wrapping_add(u32::from(changed)));
    let [card_changed, service_changed, member_changed] = changed;
    Summary {
        cards_off: cards(State::Off),
        cards_available: cards(State::Available),
        cards_assigned: cards(State::Assigned),
        cards_running: cards(State::Running),
        cards_failed: cards(State::Failed),
        services_serving: services(ServiceState::Serving),
        services_degraded: services(ServiceState::Degraded),
        services_down: services(ServiceState::Down),
        card_changes: count(before.card_changes, card_changed),
        service_changes: count(before.service_changes, service_changed),
        member_changes: count(before.member_changes, member_changed),
        ..Summary::default()
    }
}

/// What the cabinet consists of. A card is in its slot once it has been heard of.
pub(super) fn plan(inventory: &Inventory, vendor_type: OidBuf) -> Plan {
    let chassis = |number: u8| ChassisPlan {
        number,
        slots: inventory.slots,
        cards: inventory
            .cards
            .values()
            .filter(|card| card.position.chassis == number && card.contact != Contact::Never)
            .map(entity)
            .collect(),
        ..ChassisPlan::default()
    };
    Plan {
        name: inventory.name.to_string(),
        vendor_type,
        chassis: (1..=inventory.chassis).map(chassis).collect(),
    }
}

fn entity(card: &Card) -> CardPlan {
    let told = |text: Option<&String>| text.cloned().unwrap_or_default();
    let report = card.report.as_ref();
    CardPlan {
        slot: card.position.slot,
        state: state(card.state),
        descr: told(report.and_then(|report| report.hardware.as_ref())),
        serial: card.mac.map(|mac| mac.to_string()).unwrap_or_default(),
        software: told(report.and_then(|report| report.software.as_ref())),
        temperature: card.temperature(),
    }
}
