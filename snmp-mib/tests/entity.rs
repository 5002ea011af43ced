//! The ENTITY MIBs as network management reads them: what LibreNMS's discovery asks for, and stable indexes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{collections::BTreeMap, time::Duration};

use snmp_mib::agent::{Agent, Community, Config};
use snmp_mib::mib::TimeTicks;
use snmp_mib::mibs::cabinet::CardState;
use snmp_mib::mibs::entity::{CardPlan, ChassisPlan, Class, Entities, Fan, Plan, Supply, index};
use snmp_mib::wire::{Value, Version};
use support::talk::{Ask, walk};

fn card(slot: u8) -> CardPlan {
    CardPlan {
        slot,
        state: CardState::Running,
        descr: "two cores, 2 GiB".into(),
        serial: format!("52:54:00:00:00:{slot:02x}"),
        software: "server-module card 0.1.0".into(),
        temperature: Some(400 + i32::from(slot)),
    }
}

/// A full cabinet: 20 chassis of 14 cards.
fn plan() -> Plan {
    let chassis = |number| ChassisPlan {
        number,
        slots: 14,
        temperature: Some(305),
        fans: vec![Fan { rpm: Some(4_200) }, Fan { rpm: None }],
        supplies: vec![Supply { good: Some(true) }, Supply { good: Some(false) }],
        cards: (1..=14).map(card).collect(),
    };
    Plan { name: "pop-antwerp-1".into(), chassis: (1..=20).map(chassis).collect(), ..Plan::default() }
}

fn agent(entities: Entities) -> Agent<Entities> {
    let config = Config { communities: vec![Community::read("public")], ..Config::default() };
    Agent::new(Duration::ZERO, config, entities).unwrap()
}

fn entities(plan: &Plan) -> Entities {
    let mut entities = Entities::default();
    assert!(entities.update(plan, TimeTicks(7)));
    entities
}

#[test]
fn every_entity_is_contained_in_one_that_is_there() {
    let entities = entities(&plan());
    let by_index: BTreeMap<i32, _> = entities.physical.iter().map(|entity| (entity.index, entity)).collect();
    assert_eq!(by_index.len(), entities.physical.len(), "no index twice");
    for entity in entities.physical.iter() {
        let mut at = entity;
        for _ in 0..6 {
            if at.contained_in == 0 {
                break;
            }
            at = by_index[&at.contained_in];
        }
        assert_eq!(at.class, Class::Stack, "{}", entity.name);
        assert!(!entity.name.is_empty() && !entity.descr.is_empty());
    }
    let count = |class| entities.physical.iter().filter(|entity| entity.class == class).count();
    assert_eq!(count(Class::Module), 280);
    // A sensor a card, one a chassis, one a fan that tells its speed; none for the fan that does not.
    assert_eq!((count(Class::Sensor), entities.sensors.len()), (280 + 20 + 20, 320));
    assert_eq!(entities.contains.len(), entities.physical.len() - 1);
}

#[test]
fn indexes_stay_when_cards_come_and_go() {
    let whole = entities(&plan());
    let mut less = plan();
    less.chassis[6].cards.remove(2);
    less.chassis.remove(3);
    let mut entities = whole.clone();
    assert!(entities.update(&less, TimeTicks(99)));
    assert_eq!(entities.general.values.last_change_time.0, 99);
    let names: BTreeMap<i32, &str> = whole.physical.iter().map(|e| (e.index, e.name.as_str())).collect();
    for entity in entities.physical.iter() {
        assert_eq!(names[&entity.index], entity.name);
    }
    assert!(entities.update(&plan(), TimeTicks(100)));
    assert_eq!(entities.physical, whole.physical);
}

#[test]
fn a_changed_value_is_no_changed_configuration() {
    let mut entities = entities(&plan());
    let mut warmer = plan();
    warmer.chassis[0].cards[0].temperature = Some(700);
    warmer.chassis[0].cards[1].state = CardState::Failed;
    assert!(!entities.update(&warmer, TimeTicks(50)));
    assert_eq!(entities.general.values.last_change_time.0, 7);
    let sensor = index(1, 1, Class::Sensor, 1);
    assert!(entities.sensors.iter().any(|row| row.index == sensor && row.value == 700 && row.precision == 1));
}

#[test]
fn a_failed_card_is_disabled_and_critical() {
    let mut plan = plan();
    plan.chassis[1].cards[4].state = CardState::Failed;
    let mut agent = agent(entities(&plan));
    let at = index(2, 5, Class::Module, 0);
    let get = |agent: &mut Agent<Entities>, column: u32| {
        Ask::get(&[&format!("1.3.6.1.2.1.131.1.1.1.{column}.{at}")]).of(agent).bindings
    };
    assert_eq!(get(&mut agent, 3).iter().next().unwrap().value, Value::Integer(2));
    assert_eq!(get(&mut agent, 5).iter().next().unwrap().value, Value::Octets(&[0x20]));
}

#[test]
fn the_whole_cabinet_is_walked_in_order() {
    let seen = walk(&mut agent(entities(&plan())), Version::V2c);
    assert!(seen.len() > 280 * 20);
    let temperature = format!("1.3.6.1.2.1.99.1.1.1.4.{}", index(20, 14, Class::Sensor, 1));
    assert!(seen.iter().any(|(name, value)| name.to_string() == temperature && value == "Integer(414)"));
}
