//! What is done to the cabinet and what it complains of: update campaigns, alarms, predefined actions, and the summary
//! that tells a centre whether anything changed.

use crate::mib::{
    Counter32, DateAndTime, DisplayString, Gauge32, IndexReader, MibEnum, MibScalars, MibTable, RowStatus,
    StorageType,
};
use crate::notify::Notification;
use crate::wire::ErrorStatus;

/// The update campaigns.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "smCampaignTable", oid = "1.3.6.1.4.1.32473.1.7.1", index(name), implied, prefix = "smCampaign")]
pub struct Campaign {
    /// Its name.
    #[mib(1, range(1, 64))]
    pub name: DisplayString,
    /// The package that it brings.
    #[mib(2)]
    pub package: DisplayString,
    /// How urgent it is.
    #[mib(3)]
    pub severity: Severity,
    /// For which cards it is.
    #[mib(4)]
    pub scope: DisplayString,
    /// Where it is.
    #[mib(5)]
    pub state: CampaignState,
    /// How many cards it is for.
    #[mib(6)]
    pub selected: Gauge32,
    /// How many of them have taken it.
    #[mib(7)]
    pub done: Gauge32,
    /// How many of them have refused or undone it.
    #[mib(8)]
    pub failed: Gauge32,
    /// When it may begin.
    #[mib(9)]
    pub not_before: Option<DateAndTime>,
    /// By when it must be over.
    #[mib(10)]
    pub deadline: Option<DateAndTime>,
}

/// How urgent something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum Severity {
    /// To be known.
    Notice = 1,
    /// To be seen to.
    Minor = 2,
    /// To be seen to soon.
    Major = 3,
    /// To be seen to at once.
    Critical = 4,
}

/// Where a campaign is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum CampaignState {
    /// Its time has not come.
    Waiting = 1,
    /// Cards take it.
    Running = 2,
    /// It was halted.
    Halted = 3,
    /// Every card has taken it.
    Done = 4,
    /// It was taken back.
    Reverted = 5,
    /// It ended otherwise.
    Failed = 6,
}

/// What became of each campaign on each card.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "smUpdateTable",
    oid = "1.3.6.1.4.1.32473.1.7.2",
    index(campaign, chassis, slot),
    prefix = "smUpdate"
)]
pub struct Update {
    /// The campaign.
    #[mib(foreign = "smCampaignName")]
    pub campaign: DisplayString,
    /// The chassis of the card.
    #[mib(foreign = "smCardChassis")]
    pub chassis: u32,
    /// The slot of the card.
    #[mib(foreign = "smCardSlot")]
    pub slot: u32,
    /// Where it is.
    #[mib(1)]
    pub state: UpdateState,
    /// The version before.
    #[mib(2)]
    pub before: Option<DisplayString>,
    /// The version that it brings.
    #[mib(3)]
    pub after: Option<DisplayString>,
    /// When its state changed last.
    #[mib(4)]
    pub changed: Option<DateAndTime>,
    /// Why it is there.
    #[mib(5)]
    pub cause: Option<DisplayString>,
}

/// Where an update of a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum UpdateState {
    /// It waits.
    Waiting = 1,
    /// The package is fetched.
    Fetching = 2,
    /// It is applied.
    Applying = 3,
    /// It is applied and watched.
    Probation = 4,
    /// It has come to stay.
    Done = 5,
    /// It was undone.
    Undone = 6,
    /// It was refused.
    Refused = 7,
}

/// The alarms, those that hold and the latest that did.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "smAlarmTable", oid = "1.3.6.1.4.1.32473.1.8.1", index(number), prefix = "smAlarm")]
pub struct Alarm {
    /// Counts the alarms from 1.
    #[mib(1, range(1, 2_147_483_647))]
    pub number: u32,
    /// How urgent it is.
    #[mib(2)]
    pub severity: Severity,
    /// Whether it holds.
    #[mib(3)]
    pub state: AlarmState,
    /// What kind of alarm it is, as a word that programs may compare.
    #[mib(4)]
    pub kind: DisplayString,
    /// What it is about: a card as chassis.slot, a service, an address.
    #[mib(5)]
    pub about: DisplayString,
    /// What it says.
    #[mib(6)]
    pub text: DisplayString,
    /// When it was raised.
    #[mib(7)]
    pub raised_at: DateAndTime,
    /// When it was cleared.
    #[mib(8)]
    pub cleared_at: Option<DateAndTime>,
    /// How often it was raised while it held.
    #[mib(9)]
    pub count: Gauge32,
}

/// Whether an alarm holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum AlarmState {
    /// It holds.
    Raised = 1,
    /// It holds, and somebody has seen it.
    Acknowledged = 2,
    /// It holds no longer.
    Cleared = 3,
}

/// An alarm was raised.
#[derive(Clone, Debug, PartialEq, Eq, Notification)]
#[mib(name = "smAlarmRaised", oid = "1.3.6.1.4.1.32473.1.0.2")]
pub struct AlarmRaised {
    /// The alarm.
    #[mib(objects("smAlarmSeverity", "smAlarmKind", "smAlarmAbout", "smAlarmText"))]
    pub alarm: Alarm,
}

/// An alarm was cleared.
#[derive(Clone, Debug, PartialEq, Eq, Notification)]
#[mib(name = "smAlarmCleared", oid = "1.3.6.1.4.1.32473.1.0.3")]
pub struct AlarmCleared {
    /// The alarm.
    #[mib(objects("smAlarmSeverity", "smAlarmKind", "smAlarmAbout"))]
    pub alarm: Alarm,
}

/// The predefined actions (patent row M10). A manager makes a row and so has the action done once, as soon as the row
/// is active; what came of it stays until the row is destroyed.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "smActionTable",
    oid = "1.3.6.1.4.1.32473.1.9.1",
    index(number),
    create = Action::of,
    check = Action::consistent,
    complete = Action::whole,
    prefix = "smAction"
)]
pub struct Action {
    /// Its number, of the manager's choice.
    #[mib(1, range(1, 2_147_483_647))]
    pub number: u32,
    /// What is done.
    #[mib(2, read_create)]
    pub kind: Option<ActionKind>,
    /// The chassis of the card that it is done to.
    #[mib(3, read_create, range(1, 255))]
    pub chassis: Option<u32>,
    /// The slot of the card that it is done to.
    #[mib(4, read_create, range(1, 255))]
    pub slot: Option<u32>,
    /// What has become of it.
    #[mib(5)]
    pub state: ActionState,
    /// What it said.
    #[mib(6)]
    pub result: Option<DisplayString>,
    /// When its state changed last.
    #[mib(7)]
    pub changed: Option<DateAndTime>,
    /// How the row is kept.
    #[mib(8, read_create)]
    pub storage_type: StorageType,
    /// The state of the row.
    #[mib(9, read_create)]
    pub row_status: RowStatus,
}

/// A predefined action. There are no others: what a card may be told to do is not for a manager to invent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum ActionKind {
    /// The card's services are started.
    StartServices = 1,
    /// The card's services are drained and stopped.
    StopServices = 2,
    /// The card is started anew.
    Restart = 3,
    /// The card introduces itself again.
    Introduce = 4,
    /// The card's lamp blinks, so that it is found.
    Locate = 5,
}

/// What has become of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MibEnum)]
pub enum ActionState {
    /// The row is not active.
    Idle = 1,
    /// The card was told.
    Told = 2,
    /// It is done.
    Done = 3,
    /// It could not be done.
    Failed = 4,
}

impl Action {
    /// A row that nothing has been written to.
    pub const fn new(number: u32) -> Self {
        Self {
            number,
            kind: None,
            chassis: None,
            slot: None,
            state: ActionState::Idle,
            result: None,
            changed: None,
            storage_type: StorageType::Volatile,
            row_status: RowStatus::NotReady,
        }
    }

    fn of(mut index: IndexReader<'_>) -> Option<Self> {
        let number = index.part().filter(|number| (1..=2_147_483_647).contains(number))?;
        index.is_empty().then(|| Self::new(number))
    }

    const fn whole(&self) -> bool {
        self.kind.is_some() && self.chassis.is_some() && self.slot.is_some()
    }

    /// What is being done or was done is not changed any more.
    fn consistent(&self, before: Option<&Self>) -> Result<(), ErrorStatus> {
        match before {
            Some(before)
                if before.state != ActionState::Idle
                    && (before.kind, before.chassis, before.slot) != (self.kind, self.chassis, self.slot) =>
            {
                Err(ErrorStatus::INCONSISTENT_VALUE)
            }
            _ => Ok(()),
        }
    }
}

/// What a centre asks first: how the cabinet is, and which tables have changed since it last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, MibScalars)]
#[mib(name = "smSummary", oid = "1.3.6.1.4.1.32473.1.10")]
pub struct Summary {
    /// Cards that do not answer or were stopped.
    #[mib(1)]
    pub cards_off: Gauge32,
    /// Cards that could be given to a service.
    #[mib(2)]
    pub cards_available: Gauge32,
    /// Cards that were given to a service and do not serve yet.
    #[mib(3)]
    pub cards_assigned: Gauge32,
    /// Cards that serve.
    #[mib(4)]
    pub cards_running: Gauge32,
    /// Cards that should serve and do not.
    #[mib(5)]
    pub cards_failed: Gauge32,
    /// Services that have every card they are to have.
    #[mib(6)]
    pub services_serving: Gauge32,
    /// Services that serve with fewer cards.
    #[mib(7)]
    pub services_degraded: Gauge32,
    /// Services that should serve and do not.
    #[mib(8)]
    pub services_down: Gauge32,
    /// Alarms that hold.
    #[mib(9)]
    pub alarms_raised: Option<Gauge32>,
    /// Changes of smCardTable, but for times and temperatures.
    #[mib(10)]
    pub card_changes: Counter32,
    /// Changes of smHardwareTable.
    #[mib(11)]
    pub hardware_changes: Option<Counter32>,
    /// Changes of smSoftwareTable.
    #[mib(12)]
    pub software_changes: Option<Counter32>,
    /// Changes of smServiceTable and smSidTable.
    #[mib(13)]
    pub service_changes: Counter32,
    /// Changes of smMemberTable.
    #[mib(14)]
    pub member_changes: Counter32,
    /// Changes of smCampaignTable and smUpdateTable.
    #[mib(15)]
    pub campaign_changes: Option<Counter32>,
    /// Changes of smAlarmTable.
    #[mib(16)]
    pub alarm_changes: Option<Counter32>,
    /// Changes of smActionTable.
    #[mib(17)]
    pub action_changes: Option<Counter32>,
}
