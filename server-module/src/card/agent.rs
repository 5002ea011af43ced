//! The card's SNMP agent: one row of smCardTable, and the switch by which the cabinet starts and stops the service.
//!
//! It answers its cabinet alone: reading and writing need the communities of the card's own `Snmpconf`, and come
//! from the cabinet's address or not at all. It introduces itself with an inform that the cabinet acknowledges, and
//! tells of its own accord when the service comes up or goes down (patent row M10).

use std::future::{Future, ready};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use snmp_mib::agent::{Agent, Community, Config, Network, Rights, System, Writes};
use snmp_mib::mib::{Group, Mib, Table, TimeTicks};
use snmp_mib::mibs::cabinet::{Card, CardAgent, CardState, CardStateChange, SERVER_MODULE, ServiceSwitch};
use snmp_mib::notify::{ColdStart, Sender, Target, send};
use snmp_mib::oid;
use snmp_mib::wire::{ErrorStatus, Oid, Value, VarBindList};
use tokio::net::UdpSocket;

use crate::cabinet::Position;
use crate::drive::snmp::{self, Notifier, Owner};

use super::sensor::Sensors;
use super::service::Switch;

/// smAgentService.0, the switch of the card's service.
pub(crate) const SERVICE: Oid<'static> = oid!(1, 3, 6, 1, 4, 1, 32473, 1, 4, 1, 0);

/// How often a card tells again what its cabinet does not acknowledge, each time after a second more.
const TRIES: u32 = 60;

/// What the agent is told about its card.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) position: Position,
    pub(super) address: Ipv4Addr,
    /// The only one who may ask.
    pub(super) cabinet: IpAddr,
    pub(super) read: String,
    pub(super) write: String,
    /// Who hears of what happens on the card.
    pub(super) told: Option<SocketAddr>,
}

/// What a card's agent serves.
#[derive(Clone, Debug, Mib)]
pub(super) struct CardMib {
    card: Table<Card>,
    agent: Group<CardAgent>,
}

/// The card behind its agent.
struct Behind {
    row: Card,
    sensors: Sensors,
    switch: Switch,
}

/// Introduces the card, then answers and tells until a socket fails.
///
/// # Errors
/// `address` is taken or not the card's, or a socket has failed.
pub(super) async fn run(
    identity: &Identity,
    address: SocketAddr,
    sensors: Sensors,
    mut switch: Switch,
) -> io::Result<()> {
    let socket = UdpSocket::bind(address).await?;
    let informs = UdpSocket::bind((identity.address, 0)).await?;
    let began = Instant::now();
    switch.tried().await;

    let mut behind = Behind { row: row(identity), sensors, switch: switch.clone() };
    behind.read();
    let (notifier, telling) = snmp::notifier(informs, sender(identity), began);
    notifier.notify(ColdStart);
    let watching = watch(behind.row.clone(), switch, notifier);
    let answering = snmp::serve(vec![socket], agent(identity, &behind), behind, began);
    tokio::select! {
        result = answering => result,
        result = telling => result,
        () = watching => Ok(()),
    }
}

/// Tells of every change of the service.
async fn watch(mut row: Card, mut switch: Switch, notifier: Notifier) {
    loop {
        switch.turned().await;
        let state = state(&switch);
        if row.state != state {
            row.state = state;
            notifier.notify(CardStateChange { card: row.clone() });
        }
    }
}

fn state(switch: &Switch) -> CardState {
    match (switch.is_on(), switch.is_running()) {
        (false, _) => CardState::Off,
        (true, true) => CardState::Running,
        (true, false) => CardState::Failed,
    }
}

fn row(identity: &Identity) -> Card {
    let Position { chassis, slot } = identity.position;
    Card { address: Some(identity.address), ..Card::new(chassis.into(), slot.into(), CardState::Assigned) }
}

fn agent(identity: &Identity, behind: &Behind) -> Agent<CardMib> {
    let from = Network::new(identity.cabinet, 128);
    let community = |name: &str, rights| Community { rights, ..Community::read(name) }.from([from]);
    let config = Config {
        system: System {
            descr: concat!("server-module card ", env!("CARGO_PKG_VERSION")).into(),
            object_id: SERVER_MODULE.to_buf(),
            name: format!("card-{}", identity.position).as_str().into(),
            ..System::default()
        },
        communities: vec![community(&identity.write, Rights::Write), community(&identity.read, Rights::Read)],
        // The owner only turns a switch, and does so at once.
        writes: Writes::Confirmed { timeout: Duration::from_secs(1) },
        ..Config::default()
    };
    let own = CardAgent {
        service: ServiceSwitch::Started,
        software: Some(concat!("server-module ", env!("CARGO_PKG_VERSION")).into()),
        hardware: behind.sensors.hardware().map(|text| text.as_str().into()),
    };
    let mib = CardMib { card: [behind.row.clone()].into_iter().collect(), agent: own.into() };
    Agent::new(Duration::ZERO, config, mib).expect("the groups of a card do not overlap")
}

fn sender(identity: &Identity) -> Sender {
    let target = |to| Target::v2c(to, &identity.read).informed();
    let config = send::Config {
        targets: identity.told.into_iter().map(target).collect(),
        object_id: SERVER_MODULE.to_buf(),
        limits: send::Limits { inform_tries: TRIES, ..send::Limits::default() },
        ..send::Config::default()
    };
    let mut first = [0; 4];
    // Without chance the ids begin at the same number in each run, which only confuses an eavesdropper less.
    let _ = getrandom::fill(&mut first);
    Sender::new(Duration::ZERO, config, i32::from_ne_bytes(first) & i32::MAX)
}

impl Behind {
    /// Brings the row up to date. What no sensor tells stays absent.
    fn read(&mut self) {
        self.row.up_time = self.sensors.up_time().map(TimeTicks::from);
        self.row.temperature = self.sensors.temperature();
        self.row.state = state(&self.switch);
    }
}

impl Owner<CardMib> for Behind {
    fn refresh(&mut self, agent: &mut Agent<CardMib>) {
        self.read();
        let mib = agent.mib_mut();
        mib.card.insert(self.row.clone());
        mib.agent.values.service =
            if self.switch.is_on() { ServiceSwitch::Started } else { ServiceSwitch::Stopped };
    }

    fn write(
        &mut self,
        from: SocketAddr,
        varbinds: VarBindList,
    ) -> impl Future<Output = Result<(), (usize, ErrorStatus)>> + Send + 'static {
        for binding in varbinds.iter().filter(|binding| binding.name == SERVICE) {
            let on = binding.value == Value::Integer(ServiceSwitch::Started as i32);
            tracing::info!(card = %self.position(), %from, on, "the service is switched");
            self.switch.turn(on);
        }
        ready(Ok(()))
    }

    fn stranger(&mut self, from: IpAddr, _trap: bool) {
        tracing::warn!(card = %self.position(), %from, "an SNMP community that is not known, or not from there");
    }
}

impl Behind {
    fn position(&self) -> String {
        format!("{}.{}", self.row.chassis, self.row.slot)
    }
}
