//! The cabinet as one network element: what its SNMP agent serves, and who decides what managers write.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use snmp_mib::agent::{self, Agent, Community, Network, Overlap, Writes};
use snmp_mib::mib::{IndexWriter, Mib, Row, Table, TimeTicks, rebase};
use snmp_mib::mibs::cabinet::{self as mib, CardState, CardStateChange, ENTERPRISE, SERVER_MODULE};
use snmp_mib::mibs::mib2::Host;
use snmp_mib::notify::{AuthenticationFailure, Sender, Target, send};
use snmp_mib::oid;
use snmp_mib::wire::{ErrorStatus, Oid, OidBuf, Value, VarBindList};

use crate::cabinet::{
    Alarm, Card, Command, Input, Inventory, Label, Refusal, Role, State, Transition, Via, Who,
};
use crate::config::{Access, Config, TrapVersion};
use crate::drive::snmp::{Notifier, Owner};

use super::handle::{Handle, Unanswered};
use super::machine;

/// How long a manager's SET may take to be decided.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// How old the machine's counters may be.
const HOST_AGE: Duration = Duration::from_secs(1);

/// sysContact.0, sysName.0 and sysLocation.0.
const LABELS: [(Oid<'static>, Label); 3] = [
    (oid!(1, 3, 6, 1, 2, 1, 1, 4, 0), Label::Contact),
    (oid!(1, 3, 6, 1, 2, 1, 1, 5, 0), Label::Name),
    (oid!(1, 3, 6, 1, 2, 1, 1, 6, 0), Label::Location),
];

/// What the cabinet's agent serves beside its own groups.
#[derive(Clone, Debug, Mib)]
pub(super) struct Element {
    cards: Table<mib::Card>,
    #[mib(flatten)]
    host: Host,
}

/// An agent of the configured communities.
///
/// # Errors
/// The enterprise number is one below which something else is served.
pub(super) fn agent(config: &Config) -> Result<Agent<Element>, Overlap> {
    let communities = config.snmp.communities.iter().map(|community| {
        let name = community.name.expose();
        let own = match community.access {
            Access::Read => Community::read(name),
            Access::Write => Community::write(name),
        };
        own.from(community.from.iter().map(|cidr| Network::new(cidr.address(), cidr.length())))
    });
    let system = agent::System {
        descr: concat!("server-module ", env!("CARGO_PKG_VERSION"), ": a cabinet of server cards").into(),
        object_id: place(config, SERVER_MODULE),
        name: config.module.name.as_str().into(),
        ..agent::System::default()
    };
    let element =
        Element { host: machine::host(), cards: Table::at(place(config, mib::Card::TABLE.oid).as_oid()) };
    let writes = Writes::Confirmed { timeout: WRITE_TIMEOUT };
    let config =
        agent::Config { system, communities: communities.collect(), writes, ..agent::Config::default() };
    Agent::new(Duration::ZERO, config, element)
}

/// A sender to the configured managers.
pub(super) fn sender(config: &Config) -> Sender {
    let target = |sink: &crate::config::TrapSink| match sink.version {
        TrapVersion::V1 => Target::v1(sink.to, sink.community.expose()),
        TrapVersion::V2c => Target::v2c(sink.to, sink.community.expose()),
    };
    let send = send::Config {
        targets: config.snmp.traps.iter().map(target).collect(),
        object_id: place(config, SERVER_MODULE),
        rebase: Some((ENTERPRISE.to_buf(), place(config, ENTERPRISE))),
        ..send::Config::default()
    };
    Sender::new(Duration::ZERO, send, 1)
}

/// The notification of a card's change.
pub(super) fn changed(
    transition: &Transition,
    inventory: &Inventory,
    now: Duration,
) -> Option<CardStateChange> {
    let mut card = row(inventory.card(transition.card)?, now);
    // What the trap tells is this change, even where the next one has come already.
    card.state = state(transition.to);
    Some(CardStateChange { card })
}

/// An identifier below the enterprise number that the operator has set.
fn place(config: &Config, oid: Oid<'static>) -> OidBuf {
    match OidBuf::from_arcs(&config.snmp.enterprise.0) {
        Ok(own) => rebase(oid, ENTERPRISE, own.as_oid()),
        Err(_) => oid.to_buf(),
    }
}

fn row(card: &Card, now: Duration) -> mib::Card {
    mib::Card {
        chassis: card.position.chassis.into(),
        slot: card.position.slot.into(),
        state: state(card.state),
        address: match card.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        },
        up_time: card.up_time(now).map(TimeTicks::from),
        temperature: card.temperature(),
    }
}

const fn state(state: State) -> CardState {
    match state {
        State::Off => CardState::Off,
        State::Available => CardState::Available,
        State::Assigned => CardState::Assigned,
        State::Running => CardState::Running,
        State::Failed => CardState::Failed,
    }
}

/// Keeps the agent up to date with the cabinet, and takes what managers write to it.
pub(super) struct Steward {
    handle: Handle,
    notifier: Notifier,
    known: Option<Arc<Inventory>>,
    host_at: Instant,
}

impl Steward {
    pub(super) fn new(handle: Handle, notifier: Notifier) -> Self {
        Self { handle, notifier, known: None, host_at: Instant::now() }
    }
}

impl Owner<Element> for Steward {
    fn refresh(&mut self, agent: &mut Agent<Element>) {
        let (latest, now) = (self.handle.snapshot(), self.handle.clock().now());
        if self.known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &latest)) {
            agent.mib_mut().cards.replace(latest.cards.values().map(|card| row(card, now)));
            for (_, label) in LABELS {
                let Some(text) = latest.labels.get(&label) else { continue };
                let system = agent.system_mut();
                match label {
                    Label::Contact => system.contact = text.as_str().into(),
                    Label::Name => system.name = text.as_str().into(),
                    Label::Location => system.location = text.as_str().into(),
                }
            }
            self.known = Some(latest);
        } else {
            // Nothing has changed but the time.
            for card in latest.cards.values() {
                let Some(up_time) = card.up_time(now) else { continue };
                let (chassis, slot) = (u32::from(card.position.chassis), u32::from(card.position.slot));
                let index = |out: &mut IndexWriter| {
                    out.part(&chassis).part(&slot);
                };
                if let Some(row) = agent.mib_mut().cards.get_mut(index) {
                    row.up_time = Some(TimeTicks::from(up_time));
                }
            }
        }
        if self.host_at.elapsed() >= HOST_AGE {
            self.host_at = Instant::now();
            agent.mib_mut().host = machine::host();
        }
    }

    fn write(
        &mut self,
        from: SocketAddr,
        varbinds: VarBindList,
    ) -> impl Future<Output = Result<(), (usize, ErrorStatus)>> + Send + 'static {
        let handle = self.handle.clone();
        async move {
            for (position, command) in commands(&varbinds) {
                let who = Who::new(from.ip().to_string(), Role::Operator, Via::Snmp);
                match handle.command(who, command).await {
                    Ok(_) => {}
                    Err(Unanswered::Refused(Refusal::BadText)) => {
                        return Err((position, ErrorStatus::WRONG_VALUE));
                    }
                    Err(Unanswered::Refused(_)) => return Err((position, ErrorStatus::NO_ACCESS)),
                    Err(Unanswered::Gone(_)) => return Err((position, ErrorStatus::RESOURCE_UNAVAILABLE)),
                }
            }
            Ok(())
        }
    }

    fn stranger(&mut self, from: IpAddr, trap: bool) {
        self.handle.try_report(Input::Alarm(Alarm::BadCommunity { from }));
        if trap {
            self.notifier.notify(AuthenticationFailure);
        }
    }
}

/// The commands that a SET amounts to, each with the position of its binding.
fn commands(varbinds: &VarBindList) -> Vec<(usize, Command)> {
    let command = |(position, binding): (usize, snmp_mib::wire::VarBind<'_>)| {
        let (_, label) = LABELS.into_iter().find(|(name, _)| *name == binding.name)?;
        let Value::Octets(text) = binding.value else { return None };
        Some((position, Command::Describe(label, String::from_utf8_lossy(text).into_owned())))
    };
    varbinds.iter().enumerate().filter_map(command).collect()
}
