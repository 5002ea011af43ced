//! From what a cabinet is made of to rows.

use alloc::{format, string::String, vec::Vec};

use super::{
    AdminState, Class, Contains, General, OperState, Physical, Sensor, SensorScale, SensorStatus, SensorType,
    StandbyState, State, UsageState,
};
use crate::mib::{Group, Mib, Table, TimeStamp, TimeTicks, TruthValue};
use crate::mibs::cabinet::CardState;
use crate::wire::OidBuf;

/// A cabinet as its owner knows it. What is not known is `None` and makes no sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What kind of cabinet it is, as the vendor numbers them.
    pub vendor_type: OidBuf,
    /// Its chassis.
    pub chassis: Vec<ChassisPlan>,
}

/// A chassis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChassisPlan {
    /// Its number, from 1 to 200.
    pub number: u8,
    /// How many slots it has.
    pub slots: u8,
    /// Its temperature, in tenths of a degree Celsius.
    pub temperature: Option<i32>,
    /// Its fans.
    pub fans: Vec<Fan>,
    /// Its power supplies.
    pub supplies: Vec<Supply>,
    /// The cards in its slots.
    pub cards: Vec<CardPlan>,
}

/// A fan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fan {
    /// Its turns a minute.
    pub rpm: Option<i32>,
}

/// A power supply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Whether it delivers.
    pub good: Option<bool>,
}

/// A card in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPlan {
    /// Its slot, from 1.
    pub slot: u8,
    /// What it is doing.
    pub state: CardState,
    /// What it is.
    pub descr: String,
    /// Its serial number, as its hardware address.
    pub serial: String,
    /// The software that it runs.
    pub software: String,
    /// Its temperature, in tenths of a degree Celsius.
    pub temperature: Option<i32>,
}

/// entPhysicalIndex of a place: chassis, slot (0 for the chassis itself), class and number within the class.
pub fn index(chassis: u8, slot: u8, class: Class, number: u8) -> i32 {
    let kind = match class {
        Class::Chassis | Class::Container | Class::Stack => 0,
        Class::Module => 1_000,
        Class::Sensor => 2_000,
        Class::Fan => 3_000,
        Class::PowerSupply => 4_000,
        _ => 9_000,
    };
    // CCC SSSK NNN in decimal, which 2^31 leaves room for up to chassis 213.
    let chassis = i32::from(chassis.min(200));
    chassis
        .saturating_mul(10_000_000)
        .saturating_add(i32::from(slot).saturating_mul(10_000))
        .saturating_add(kind)
        .saturating_add(i32::from(number))
        .max(1)
}

/// The ENTITY MIBs of a cabinet. To be used inside another MIB with `#[mib(flatten)]`.
#[derive(Clone, Debug, Default, PartialEq, Mib)]
pub struct Entities {
    /// entPhysicalTable.
    pub physical: Table<Physical>,
    /// entPhysicalContainsTable.
    pub contains: Table<Contains>,
    /// entityGeneral.
    pub general: Group<General>,
    /// entPhySensorTable.
    pub sensors: Table<Sensor>,
    /// entStateTable.
    pub states: Table<State>,
}

/// Index of the cabinet itself.
const CABINET: i32 = 1;

impl Entities {
    /// Makes `plan` what there is, at `up_time`. Tells whether entities came, went or changed, which is the moment
    /// for [`ConfigChange`](super::ConfigChange); values of sensors and states do not count (RFC 6933 §3).
    pub fn update(&mut self, plan: &Plan, up_time: TimeTicks) -> bool {
        let mut rows = Rows { up_time, physical: Vec::new(), sensors: Vec::new(), states: Vec::new() };
        rows.cabinet(plan);
        let physical: Table<Physical> = rows.physical.into_iter().collect();
        self.sensors = rows.sensors.into_iter().collect();
        self.states = rows.states.into_iter().collect();
        if physical == self.physical {
            return false;
        }
        let held = physical.iter().filter(|entity| entity.contained_in > 0);
        self.contains =
            held.map(|entity| Contains { parent: entity.contained_in, child: entity.index }).collect();
        self.physical = physical;
        self.general.values.last_change_time = TimeStamp(up_time.0);
        true
    }
}

struct Rows {
    up_time: TimeTicks,
    physical: Vec<Physical>,
    sensors: Vec<Sensor>,
    states: Vec<State>,
}

impl Rows {
    fn cabinet(&mut self, plan: &Plan) {
        let mut cabinet = entity(CABINET, 0, Class::Stack, -1, &plan.name, "a cabinet of server cards");
        cabinet.vendor_type = plan.vendor_type.clone();
        self.physical.push(cabinet);
        plan.chassis.iter().for_each(|chassis| self.chassis(chassis));
    }

    fn chassis(&mut self, chassis: &ChassisPlan) {
        let c = chassis.number;
        let own = index(c, 0, Class::Chassis, 0);
        self.physical.push(entity(
            own,
            CABINET,
            Class::Chassis,
            c.into(),
            &format!("chassis {c}"),
            "a chassis",
        ));
        self.temperature(
            own,
            index(c, 0, Class::Sensor, 1),
            &format!("chassis {c} temperature"),
            chassis.temperature,
        );
        for (n, fan) in (1..).zip(&chassis.fans) {
            let (at, name) = (index(c, 0, Class::Fan, n), format!("chassis {c} fan {n}"));
            self.physical.push(entity(at, own, Class::Fan, n.into(), &name, "a fan"));
            let speed = index(c, 0, Class::Sensor, n.saturating_add(100));
            self.sensor(at, speed, &format!("{name} speed"), SensorType::Rpm, fan.rpm);
        }
        for (n, supply) in (1..).zip(&chassis.supplies) {
            let (at, name) = (index(c, 0, Class::PowerSupply, n), format!("chassis {c} power supply {n}"));
            self.physical.push(entity(at, own, Class::PowerSupply, n.into(), &name, "a power supply"));
            let oper = match supply.good {
                Some(true) => OperState::Enabled,
                Some(false) => OperState::Disabled,
                None => OperState::Unknown,
            };
            self.state(at, AdminState::Unlocked, oper, UsageState::Unknown, supply.good == Some(false));
        }
        for slot in 1..=chassis.slots {
            let at = index(c, slot, Class::Container, 0);
            let name = format!("slot {c}.{slot}");
            self.physical.push(entity(
                at,
                own,
                Class::Container,
                slot.into(),
                &name,
                "a slot for a server card",
            ));
        }
        chassis.cards.iter().for_each(|card| self.card(c, card));
    }

    fn card(&mut self, c: u8, card: &CardPlan) {
        let slot = card.slot;
        let (at, name) = (index(c, slot, Class::Module, 0), format!("card {c}.{slot}"));
        let descr = if card.descr.is_empty() { "a server card" } else { &card.descr };
        let mut row = entity(at, index(c, slot, Class::Container, 0), Class::Module, 1, &name, descr);
        row.serial_num.clone_from(&card.serial);
        row.software_rev.clone_from(&card.software);
        row.is_fru = TruthValue::True;
        self.physical.push(row);
        let (admin, oper, usage) = match card.state {
            CardState::Off => (AdminState::Locked, OperState::Disabled, UsageState::Idle),
            CardState::Available => (AdminState::Unlocked, OperState::Enabled, UsageState::Idle),
            CardState::Assigned => (AdminState::Unlocked, OperState::Enabled, UsageState::Active),
            CardState::Running => (AdminState::Unlocked, OperState::Enabled, UsageState::Busy),
            CardState::Failed => (AdminState::Unlocked, OperState::Disabled, UsageState::Active),
        };
        self.state(at, admin, oper, usage, card.state == CardState::Failed);
        let sensor = index(c, slot, Class::Sensor, 1);
        self.temperature(at, sensor, &format!("{name} temperature"), card.temperature);
    }

    fn temperature(&mut self, of: i32, at: i32, name: &str, value: Option<i32>) {
        self.sensor(of, at, name, SensorType::Celsius, value);
    }

    /// A sensor and its value, where there is one.
    fn sensor(&mut self, of: i32, at: i32, name: &str, kind: SensorType, value: Option<i32>) {
        let Some(value) = value else {
            return;
        };
        let (precision, units) = match kind {
            SensorType::Celsius => (1, "degrees Celsius"),
            _ => (0, "rpm"),
        };
        self.physical.push(entity(at, of, Class::Sensor, 1, name, name));
        self.sensors.push(Sensor {
            index: at,
            kind,
            scale: SensorScale::Units,
            precision,
            value,
            oper_status: SensorStatus::Ok,
            units_display: units.into(),
            value_time_stamp: TimeStamp(self.up_time.0),
            value_update_rate: 0,
        });
    }

    fn state(&mut self, index: i32, admin: AdminState, oper: OperState, usage: UsageState, critical: bool) {
        self.states.push(State {
            index,
            last_changed: None,
            admin,
            oper,
            usage,
            alarm: [if critical { 0x20 } else { 0 }],
            standby: if usage == UsageState::Unknown {
                StandbyState::Unknown
            } else {
                StandbyState::ProvidingService
            },
        });
    }
}

fn entity(index: i32, contained_in: i32, class: Class, position: i32, name: &str, descr: &str) -> Physical {
    Physical {
        index,
        descr: descr.into(),
        vendor_type: crate::oid!(0, 0).to_buf(),
        contained_in,
        class,
        parent_rel_pos: position,
        name: name.into(),
        hardware_rev: String::new(),
        firmware_rev: String::new(),
        software_rev: String::new(),
        serial_num: String::new(),
        mfg_name: String::new(),
        model_name: String::new(),
        alias: String::new(),
        asset_id: String::new(),
        is_fru: TruthValue::False,
    }
}
