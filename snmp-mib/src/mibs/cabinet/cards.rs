//! What is known of each card beside its state: hardware, software, load (patent row M11).

use crate::mib::{DateAndTime, DisplayString, MibEnum, MibTable, TruthValue};

/// The hardware that each card found when it started.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "smHardwareTable",
    oid = "1.3.6.1.4.1.32473.1.2.2",
    index(chassis, slot, number),
    prefix = "smHardware"
)]
pub struct Hardware {
    /// The chassis of the card.
    #[mib(foreign = "smCardChassis")]
    pub chassis: u32,
    /// The slot of the card.
    #[mib(foreign = "smCardSlot")]
    pub slot: u32,
    /// Counts the parts of the card from 1.
    #[mib(1, range(1, 65535))]
    pub number: u32,
    /// What kind of part it is.
    #[mib(2)]
    pub kind: Part,
    /// What it is.
    #[mib(3)]
    pub descr: DisplayString,
    /// Its serial number.
    #[mib(4)]
    pub serial: Option<DisplayString>,
    /// How much it holds, where it is memory or a disk.
    #[mib(5, units = "mebibytes")]
    pub size: Option<u32>,
}

/// A kind of hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum Part {
    /// None of the others.
    Other = 1,
    /// A processor.
    Processor = 2,
    /// Memory.
    Memory = 3,
    /// A disk.
    Disk = 4,
    /// A network interface.
    Interface = 5,
}

/// The software that is on each card, and whether it runs.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "smSoftwareTable",
    oid = "1.3.6.1.4.1.32473.1.2.3",
    index(chassis, slot, number),
    prefix = "smSoftware"
)]
pub struct Software {
    /// The chassis of the card.
    #[mib(foreign = "smCardChassis")]
    pub chassis: u32,
    /// The slot of the card.
    #[mib(foreign = "smCardSlot")]
    pub slot: u32,
    /// Counts the software of the card from 1.
    #[mib(1, range(1, 65535))]
    pub number: u32,
    /// Its name.
    #[mib(2)]
    pub name: DisplayString,
    /// Its version.
    #[mib(3)]
    pub version: DisplayString,
    /// Whether it runs.
    #[mib(4)]
    pub running: Option<TruthValue>,
    /// When it was installed.
    #[mib(5)]
    pub installed: Option<DateAndTime>,
}

/// How much of each card is in use.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "smLoadTable", oid = "1.3.6.1.4.1.32473.1.2.4", index(chassis, slot), prefix = "smLoad")]
pub struct Load {
    /// The chassis of the card.
    #[mib(foreign = "smCardChassis")]
    pub chassis: u32,
    /// The slot of the card.
    #[mib(foreign = "smCardSlot")]
    pub slot: u32,
    /// How busy its processors are.
    #[mib(1, units = "percent", range(0, 100))]
    pub processor: Option<u32>,
    /// Its memory.
    #[mib(2, units = "mebibytes")]
    pub memory: Option<u32>,
    /// The memory in use.
    #[mib(3, units = "mebibytes")]
    pub memory_used: Option<u32>,
    /// Its disks.
    #[mib(4, units = "mebibytes")]
    pub disk: Option<u32>,
    /// What is stored on them.
    #[mib(5, units = "mebibytes")]
    pub disk_used: Option<u32>,
    /// Whether both disks hold the same.
    #[mib(6)]
    pub mirror: Option<Mirror>,
}

/// Whether both disks of a card hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum Mirror {
    /// They do.
    Whole = 1,
    /// One is missing or has failed.
    Degraded = 2,
    /// One is being filled from the other.
    Rebuilding = 3,
}
