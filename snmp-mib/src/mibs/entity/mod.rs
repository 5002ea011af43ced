//! What a cabinet consists of, as stock network management reads it: ENTITY-MIB (RFC 6933), ENTITY-SENSOR-MIB
//! (RFC 3433) and ENTITY-STATE-MIB (RFC 4268).
//!
//! ```text
//! cabinet (stack) -> chassis -+-> slot (container) -> card (module) -> temperature (sensor)
//!                             +-> fan -> speed (sensor)
//!                             +-> power supply
//!                             '-> temperature (sensor)
//! ```
//!
//! Indexes follow from the place alone ([`index`]), so they stay the same over restarts and hot swaps.

mod plan;

pub use plan::{CardPlan, ChassisPlan, Entities, Fan, Plan, Supply, index};

use alloc::string::String;

use crate::mib::{DateAndTime, MibEnum, MibScalars, MibTable, TimeStamp, TruthValue};
use crate::notify::Notification;
use crate::wire::OidBuf;

/// A row of entPhysicalTable.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "entPhysicalTable", oid = "1.3.6.1.2.1.47.1.1.1", index(index))]
pub struct Physical {
    /// The index for this entry.
    #[mib(1, range(1, 2_147_483_647))]
    pub index: i32,
    /// A textual description.
    #[mib(2)]
    pub descr: String,
    /// An indication of the vendor-specific hardware type; zeroDotZero where it is unknown.
    #[mib(3)]
    pub vendor_type: OidBuf,
    /// The entity that contains this one; 0 for none.
    #[mib(4, range(0, 2_147_483_647))]
    pub contained_in: i32,
    /// The general hardware type.
    #[mib(5)]
    pub class: Class,
    /// The position among those that the same entity contains; -1 where that has no meaning.
    #[mib(6, range(-1, 2_147_483_647))]
    pub parent_rel_pos: i32,
    /// The textual name, as an operator finds it on the console or on the hardware.
    #[mib(7)]
    pub name: String,
    /// The hardware revision.
    #[mib(8)]
    pub hardware_rev: String,
    /// The firmware revision.
    #[mib(9)]
    pub firmware_rev: String,
    /// The software revision.
    #[mib(10)]
    pub software_rev: String,
    /// The serial number.
    #[mib(11)]
    pub serial_num: String,
    /// The manufacturer.
    #[mib(12)]
    pub mfg_name: String,
    /// The model.
    #[mib(13)]
    pub model_name: String,
    /// A name that a manager gave.
    #[mib(14)]
    pub alias: String,
    /// A user's tracking number.
    #[mib(15, name = "entPhysicalAssetID")]
    pub asset_id: String,
    /// Whether it can be replaced in the field.
    #[mib(16, name = "entPhysicalIsFRU")]
    pub is_fru: TruthValue,
}

/// The general hardware type (IANA-ENTITY-MIB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
#[allow(missing_docs, reason = "the names are those of IANA-ENTITY-MIB")]
pub enum Class {
    Other = 1,
    Unknown = 2,
    Chassis = 3,
    Backplane = 4,
    Container = 5,
    PowerSupply = 6,
    Fan = 7,
    Sensor = 8,
    Module = 9,
    Port = 10,
    Stack = 11,
    Cpu = 12,
}

/// A row of entPhysicalContainsTable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "entPhysicalContainsTable",
    oid = "1.3.6.1.2.1.47.1.3.3",
    index(parent, child),
    prefix = "entPhysical"
)]
pub struct Contains {
    /// The entity that contains.
    #[mib(foreign = "entPhysicalIndex")]
    pub parent: i32,
    /// The entity that is contained.
    #[mib(1, read_only, name = "entPhysicalChildIndex", range(1, 2_147_483_647))]
    pub child: i32,
}

/// The entityGeneral group.
#[derive(Clone, Debug, Default, PartialEq, Eq, MibScalars)]
#[mib(name = "entityGeneral", oid = "1.3.6.1.2.1.47.1.4", prefix = "ent")]
pub struct General {
    /// The value of sysUpTime when an entity came, went or changed.
    #[mib(1)]
    pub last_change_time: TimeStamp,
}

/// A row of entPhySensorTable.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "entPhySensorTable", oid = "1.3.6.1.2.1.99.1.1", index(index))]
pub struct Sensor {
    /// entPhysicalIndex of the sensor.
    #[mib(foreign = "entPhysicalIndex")]
    pub index: i32,
    /// What it measures.
    #[mib(1, name = "entPhySensorType")]
    pub kind: SensorType,
    /// The power of ten of the unit.
    #[mib(2)]
    pub scale: SensorScale,
    /// How many digits of the value stand behind the point.
    #[mib(3, range(-8, 9))]
    pub precision: i32,
    /// The value.
    #[mib(4, range(-1_000_000_000, 1_000_000_000))]
    pub value: i32,
    /// Whether the value can be had.
    #[mib(5)]
    pub oper_status: SensorStatus,
    /// The unit as text.
    #[mib(6)]
    pub units_display: String,
    /// The value of sysUpTime when the value was read.
    #[mib(7)]
    pub value_time_stamp: TimeStamp,
    /// How often the value is read; 0 where it is read on demand.
    #[mib(8, units = "milliseconds")]
    pub value_update_rate: u32,
}

/// What a sensor measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 3433")]
pub enum SensorType {
    Other = 1,
    Unknown = 2,
    #[mib(label = "voltsAC")]
    VoltsAc = 3,
    #[mib(label = "voltsDC")]
    VoltsDc = 4,
    Amperes = 5,
    Watts = 6,
    Hertz = 7,
    Celsius = 8,
    #[mib(label = "percentRH")]
    PercentRh = 9,
    Rpm = 10,
    Cmm = 11,
    Truthvalue = 12,
}

/// The power of ten of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 3433")]
pub enum SensorScale {
    Micro = 7,
    Milli = 8,
    Units = 9,
    Kilo = 10,
    Mega = 11,
}

/// Whether a sensor's value can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 3433")]
pub enum SensorStatus {
    Ok = 1,
    Unavailable = 2,
    Nonoperational = 3,
}

/// A row of entStateTable.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "entStateTable", oid = "1.3.6.1.2.1.131.1.1", index(index), prefix = "entState")]
pub struct State {
    /// entPhysicalIndex of the entity.
    #[mib(foreign = "entPhysicalIndex")]
    pub index: i32,
    /// When any of the states changed last.
    #[mib(1)]
    pub last_changed: Option<DateAndTime>,
    /// Whether it is allowed to work.
    #[mib(2)]
    pub admin: AdminState,
    /// Whether it works.
    #[mib(3)]
    pub oper: OperState,
    /// Whether it is in use.
    #[mib(4)]
    pub usage: UsageState,
    /// Which alarms hold, as BITS: critical(2) is 0x20.
    #[mib(5)]
    pub alarm: [u8; 1],
    /// Whether it stands by for another.
    #[mib(6)]
    pub standby: StandbyState,
}

/// Whether an entity is allowed to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 4268")]
pub enum AdminState {
    Unknown = 1,
    Locked = 2,
    ShuttingDown = 3,
    Unlocked = 4,
}

/// Whether an entity works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 4268")]
pub enum OperState {
    Unknown = 1,
    Disabled = 2,
    Enabled = 3,
    Testing = 4,
}

/// Whether an entity is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 4268")]
pub enum UsageState {
    Unknown = 1,
    Idle = 2,
    Active = 3,
    Busy = 4,
}

/// Whether an entity stands by for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
#[allow(missing_docs, reason = "the names are those of RFC 4268")]
pub enum StandbyState {
    Unknown = 1,
    HotStandby = 2,
    ColdStandby = 3,
    ProvidingService = 4,
}

/// Entities came, went or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Notification)]
#[mib(name = "entConfigChange", oid = "1.3.6.1.2.1.47.2.0.1")]
pub struct ConfigChange;

/// An entity works again.
#[derive(Clone, Debug, PartialEq, Eq, Notification)]
#[mib(name = "entStateOperEnabled", oid = "1.3.6.1.2.1.131.0.1")]
pub struct OperEnabled {
    /// The entity as it is now.
    #[mib(objects("entStateAdmin", "entStateAlarm"))]
    pub state: State,
}

/// An entity works no longer.
#[derive(Clone, Debug, PartialEq, Eq, Notification)]
#[mib(name = "entStateOperDisabled", oid = "1.3.6.1.2.1.131.0.2")]
pub struct OperDisabled {
    /// The entity as it is now.
    #[mib(objects("entStateAdmin", "entStateAlarm"))]
    pub state: State,
}
