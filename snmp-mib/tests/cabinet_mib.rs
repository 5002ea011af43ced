//! SERVER-MODULE-MIB through the agent, against a model of a cabinet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{collections::BTreeMap, time::Duration};

use snmp_mib::agent::{Agent, Community, Config};
use snmp_mib::mib::{Counter32, Counter64, DateAndTime, Gauge32, Group, IndexWriter, Mib, Table, TruthValue};
use snmp_mib::mibs::cabinet::{
    Action, ActionKind, ActionState, Alarm, AlarmRaised, AlarmState, Campaign, CampaignState, Card,
    CardState, Hardware, Load, Member, MemberRole, Mirror, Mode, Part, Service, ServiceState, Severity, Sid,
    SidKind, Software, Standing, Summary, Update, UpdateState, Usage, UsageSpan,
};
use snmp_mib::notify::Notification;
use snmp_mib::wire::{ErrorStatus, Value, Version};
use support::talk::{Ask, oid, walk};

const MODULE: &str = "1.3.6.1.4.1.32473.1";

#[derive(Clone, Debug, Default, PartialEq, Mib)]
struct Cabinet {
    cards: Table<Card>,
    hardware: Table<Hardware>,
    software: Table<Software>,
    loads: Table<Load>,
    services: Table<Service>,
    sids: Table<Sid>,
    members: Table<Member>,
    usage: Table<Usage>,
    spans: Table<UsageSpan>,
    campaigns: Table<Campaign>,
    updates: Table<Update>,
    alarms: Table<Alarm>,
    actions: Table<Action>,
    summary: Group<Summary>,
}

fn date() -> DateAndTime {
    DateAndTime(vec![0x07, 0xea, 11, 23, 12, 0, 0, 0])
}

/// A cabinet of so many cards, every second of which serves one of three services.
fn cabinet(cards: u32) -> Cabinet {
    let mut cabinet = Cabinet::default();
    let place = |number: u32| (number / 14 + 1, number % 14 + 1);
    let names = ["ftp", "shop-1", "a"];
    for number in 0..cards {
        let (chassis, slot) = place(number);
        let state = if number.is_multiple_of(2) { CardState::Running } else { CardState::Available };
        cabinet.cards.insert(Card::new(chassis, slot, state));
        for (number, kind) in [(1, Part::Processor), (2, Part::Disk)] {
            let size = (kind == Part::Disk).then_some(10_240);
            cabinet.hardware.insert(Hardware {
                chassis,
                slot,
                number,
                kind,
                descr: "a part".into(),
                serial: None,
                size,
            });
        }
        let (name, version) = ("server-module".into(), "0.1.0".into());
        let running = Some(TruthValue::True);
        cabinet.software.insert(Software {
            chassis,
            slot,
            number: 1,
            name,
            version,
            running,
            installed: Some(date()),
        });
        cabinet.loads.insert(Load {
            chassis,
            slot,
            processor: Some(number % 101),
            memory: Some(128),
            memory_used: Some(100),
            disk: Some(10_240),
            disk_used: None,
            mirror: Some(if number == 3 { Mirror::Degraded } else { Mirror::Whole }),
        });
        if number.is_multiple_of(2) {
            let (role, standing) = (MemberRole::Equal, Standing::Serving);
            let address = Some([10, 1, u8::try_from(chassis).unwrap(), u8::try_from(slot).unwrap()].into());
            let service = names[number as usize / 2 % 3].into();
            cabinet.members.insert(Member { service, chassis, slot, role, standing, address, since: None });
        }
    }
    for (n, name) in (1_u32..).zip(names) {
        let serving = cabinet.members.iter().filter(|member| member.service.as_str() == name).count();
        cabinet.services.insert(Service {
            name: name.into(),
            mode: Mode::Performance,
            state: ServiceState::Serving,
            wanted: Gauge32(n),
            serving: Gauge32(u32::try_from(serving).unwrap()),
            port: Some(8000),
            user: None,
            since: None,
        });
        cabinet.sids.insert(Sid {
            service: name.into(),
            number: 1,
            kind: SidKind::Host,
            text: "www.sell.com".into(),
        });
        cabinet.usage.insert(Usage {
            service: name.into(),
            local_hits: Counter64(n.into()),
            remote_hits: Counter64(1 << 40),
            local_octets: Counter64(0),
            remote_octets: Counter64(u64::MAX),
            errors: Counter64(0),
        });
        let hits = Gauge32(n);
        let (service, began) = (name.into(), date());
        cabinet.spans.insert(UsageSpan {
            service,
            number: n,
            began,
            length: 300,
            local_hits: hits,
            remote_hits: hits,
            errors: Gauge32(0),
        });
    }
    cabinet.campaigns.insert(Campaign {
        name: "spring".into(),
        package: "web-2.upk".into(),
        severity: Severity::Major,
        scope: "profile = web".into(),
        state: CampaignState::Running,
        selected: Gauge32(cards),
        done: Gauge32(1),
        failed: Gauge32(0),
        not_before: None,
        deadline: Some(date()),
    });
    cabinet.updates.insert(Update {
        campaign: "spring".into(),
        chassis: 1,
        slot: 1,
        state: UpdateState::Probation,
        before: Some("1".into()),
        after: Some("2".into()),
        changed: Some(date()),
        cause: None,
    });
    cabinet.alarms.insert(alarm());
    let running = cabinet.cards.iter().filter(|card| card.state == CardState::Running).count();
    cabinet.summary.values = Summary {
        cards_running: Gauge32(u32::try_from(running).unwrap()),
        card_changes: Counter32(7),
        ..Summary::default()
    };
    cabinet
}

fn alarm() -> Alarm {
    Alarm {
        number: 1,
        severity: Severity::Critical,
        state: AlarmState::Raised,
        kind: "card-failed".into(),
        about: "1.4".into(),
        text: "its disks are not mirrored".into(),
        raised_at: date(),
        cleared_at: None,
        count: Gauge32(3),
    }
}

fn agent(cards: u32) -> Agent<Cabinet> {
    let communities = vec![Community::read("public"), Community::write("private")];
    Agent::new(Duration::ZERO, Config { communities, ..Config::default() }, cabinet(cards)).unwrap()
}

#[test]
fn a_walk_shows_every_cell_of_the_model_once() {
    let mut agent = agent(280);
    let mut columns: BTreeMap<String, usize> = BTreeMap::new();
    for (name, _) in walk(&mut agent, Version::V2c) {
        let Some(below) = name.as_oid().strip_prefix(oid(MODULE).as_oid()) else { continue };
        let arcs: Vec<u32> = below.take(4).collect();
        if arcs[0] != 10 {
            *columns.entry(format!("{}.{}", arcs[0], arcs[1])).or_default() += 1;
        }
    }
    let expected = [
        ("2.1", 280), // the state; neither address nor up-time nor temperature is known
        ("2.2", 280 * 2 * 2 + 280),
        ("2.3", 280 * 4),
        ("2.4", 280 * 5),
        ("5.1", 3 * 5),
        ("5.2", 3 * 2),
        ("5.3", 140 * 3),
        ("6.1", 3 * 5),
        ("6.2", 3 * 5),
        ("7.1", 8),
        ("7.2", 4),
        ("8.1", 7),
    ];
    assert_eq!(columns, expected.map(|(table, cells)| (table.to_owned(), cells)).into());
    let summary =
        Ask::get(&[&format!("{MODULE}.10.4.0"), &format!("{MODULE}.10.10.0"), &format!("{MODULE}.10.17.0")]);
    let answer = summary.of(&mut agent);
    assert_eq!((answer.value(0), answer.value(1)), (Value::Gauge32(140), Value::Counter32(7)));
    assert_eq!(answer.value(2), Value::NoSuchInstance);
}

#[test]
fn names_are_indexes_implied_where_nothing_follows() {
    let mut agent = agent(4);
    let next = Ask::next(&[&format!("{MODULE}.5.1.1.3")]).of(&mut agent);
    // "a" alone comes first: without its length, shorter names come before longer ones only where they are equal.
    assert_eq!(next.names(), [format!("{MODULE}.5.1.1.3.97")]);
    let sid = Ask::next(&[&format!("{MODULE}.5.2.1.3")]).of(&mut agent);
    assert_eq!(sid.names(), [format!("{MODULE}.5.2.1.3.1.97.1")]);
}

#[test]
fn an_action_is_a_row_that_a_manager_makes_once() {
    let mut agent = agent(14);
    let at = |column: u32, number: u32| format!("{MODULE}.9.1.1.{column}.{number}");
    let (kind, chassis, slot, status) = (at(2, 5), at(3, 5), at(4, 5), at(9, 5));
    // Without a card it is not whole, whatever the order.
    let half = [(status.as_str(), Value::Integer(4)), (kind.as_str(), Value::Integer(3))];
    Ask::set(&half).of(&mut agent).failed(ErrorStatus::INCONSISTENT_VALUE, 1);
    let whole = [
        (status.as_str(), Value::Integer(4)),
        (slot.as_str(), Value::Gauge32(1)),
        (kind.as_str(), Value::Integer(3)),
        (chassis.as_str(), Value::Gauge32(1)),
    ];
    Ask::set(&whole).of(&mut agent).good();
    let row = agent.mib().actions.iter().next().unwrap().clone();
    assert_eq!((row.number, row.kind, row.state), (5, Some(ActionKind::Restart), ActionState::Idle));
    // No action that is not predefined, no result by a manager, no card of chassis 0.
    Ask::set(&[(&kind, Value::Integer(6))]).of(&mut agent).failed(ErrorStatus::WRONG_VALUE, 1);
    Ask::set(&[(&at(5, 5), Value::Integer(3))]).of(&mut agent).failed(ErrorStatus::NOT_WRITABLE, 1);
    Ask::set(&[(&chassis, Value::Gauge32(0))]).of(&mut agent).failed(ErrorStatus::WRONG_VALUE, 1);
    // What was told is not changed any more, and can be destroyed.
    let fifth = |out: &mut IndexWriter| {
        out.part(&5_u32);
    };
    agent.mib_mut().actions.get_mut(fifth).unwrap().state = ActionState::Told;
    Ask::set(&[(&slot, Value::Gauge32(2))]).of(&mut agent).failed(ErrorStatus::INCONSISTENT_VALUE, 1);
    Ask::set(&[(&status, Value::Integer(6))]).of(&mut agent).good();
    assert!(agent.mib().actions.is_empty());
}

#[test]
fn an_alarm_is_told_with_what_it_is_about() {
    let mut told = Vec::new();
    let raised = AlarmRaised { alarm: alarm() };
    raised.objects(&mut |name, value| told.push((name.to_string(), format!("{value:?}"))));
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    let column = |column| format!("{MODULE}.8.1.1.{column}.1");
    assert_eq!(names, [column(2), column(4), column(5), column(6)]);
}
