//! The cabinet as one network element: what its SNMP agent serves, and who decides what managers write.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use snmp_mib::agent::{self, Agent, Community, Network, Overlap, Rights, Writes};
use snmp_mib::manager::Failure;
use snmp_mib::mib::{Group, IndexWriter, Mib, Row, Scalars, Table, TimeTicks, rebase};
use snmp_mib::mibs::cabinet::{self as mib, CardStateChange, ENTERPRISE, SERVER_MODULE, Summary};
use snmp_mib::mibs::entity::{ConfigChange, Entities};
use snmp_mib::mibs::mib2::Host;
use snmp_mib::notify::{AuthenticationFailure, Sender, Target, send};
use snmp_mib::oid;
use snmp_mib::usm::{Auth, Credentials, Extension, Level, Privacy, RustCrypto};
use snmp_mib::vacm::{self, Access as Grant, Family, Member, Model};
use snmp_mib::wire::{ErrorStatus, Oid, OidBuf, PduType, Value, VarBindList};

use crate::cabinet::{
    Alarm, Command, Input, Inventory, Label, Position, Refusal, Role, Transition, Via, Who,
};
use crate::config::{Access, AuthProtocol, Config, PrivacyProtocol, SnmpUser, TrapVersion};
use crate::drive::poll::Unanswered as Silence;
use crate::drive::snmp::{Notifier, Owner, Question};

use super::boots::Boots;
use super::cards::Cards;
use super::handle::{Handle, Unanswered};
use super::{machine, rows};

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

/// How often it is looked whether entities came, went or changed, and so the least time between two notifications of
/// it (RFC 6933 §3 asks for five seconds).
const ENTITIES_INTERVAL: Duration = Duration::from_secs(5);

/// What the cabinet's agent serves beside its own groups.
#[derive(Clone, Debug, Mib)]
pub(super) struct Element {
    cards: Table<mib::Card>,
    services: Table<mib::Service>,
    sids: Table<mib::Sid>,
    members: Table<mib::Member>,
    summary: Group<Summary>,
    #[mib(flatten)]
    entities: Entities,
    #[mib(flatten)]
    host: Host,
}

/// An agent of the configured communities and users.
///
/// # Errors
/// The enterprise number is one below which something else is served.
pub(super) fn agent(config: &Config, boots: Option<&Boots>) -> Result<Agent<Element>, Overlap> {
    let communities = config.snmp.communities.iter().enumerate().map(|(number, community)| {
        let name = community.name.expose();
        let own = match (&community.view, community.access) {
            (Some(_), _) => Community::views(name, &holder("community", number)),
            (None, Access::Read) => Community::read(name),
            (None, Access::Write) => Community::write(name),
        };
        own.from(community.from.iter().map(|cidr| Network::new(cidr.address(), cidr.length())))
    });
    let system = agent::System {
        descr: concat!("server-module ", env!("CARGO_PKG_VERSION"), ": a cabinet of server cards").into(),
        object_id: place(config, SERVER_MODULE),
        name: config.module.name.as_str().into(),
        ..agent::System::default()
    };
    let element = Element {
        cards: Table::at(place(config, mib::Card::TABLE.oid).as_oid()),
        services: Table::at(place(config, mib::Service::TABLE.oid).as_oid()),
        sids: Table::at(place(config, mib::Sid::TABLE.oid).as_oid()),
        members: Table::at(place(config, mib::Member::TABLE.oid).as_oid()),
        summary: Group::at(place(config, Summary::GROUP.oid).as_oid(), Summary::default()),
        entities: Entities::default(),
        host: machine::host(),
    };
    let agent = agent::Config {
        system,
        communities: communities.collect(),
        access: access(config),
        writes: Writes::Confirmed { timeout: WRITE_TIMEOUT },
        ..agent::Config::default()
    };
    let mut agent = Agent::new(Duration::ZERO, agent, element)?;
    if let Some(boots) = boots {
        let users = config.snmp.users.iter().filter_map(|user| {
            let rights = match (&user.view, user.access) {
                (Some(_), _) => Rights::Views,
                (None, Access::Read) => Rights::Read,
                (None, Access::Write) => Rights::Write,
            };
            Some((credentials(user)?, rights))
        });
        let users: Vec<_> = users.collect();
        agent.secure(Duration::ZERO, boots.config(0), &users);
    }
    Ok(agent)
}

/// The name of a group for the one community or user that is held to a view.
fn holder(kind: &str, number: usize) -> String {
    format!("{kind}-{}", number + 1)
}

/// A group for each community and user that is held to a view.
fn access(config: &Config) -> vacm::Config {
    let mut access = vacm::Config::default();
    let grant = |group: &str, level, view: &str, rights| {
        let grant = Grant::new(group, level).reading(view).notified(view);
        if rights == Access::Write { grant.writing(view) } else { grant }
    };
    for (number, community) in config.snmp.communities.iter().enumerate() {
        let Some(view) = &community.view else { continue };
        let group = holder("community", number);
        access.access.push(grant(&group, Level::Open, view, community.access));
        access.members.extend([Model::V1, Model::V2C].map(|model| Member::new(model, &group, &group)));
    }
    for (number, user) in config.snmp.users.iter().enumerate() {
        let Some(view) = &user.view else { continue };
        let level = if user.privacy_password.is_some() { Level::Encrypted } else { Level::Authenticated };
        let group = holder("user", number);
        access.access.push(grant(&group, level, view, user.access));
        access.members.push(Member::new(Model::USM, user.name.as_str(), &group));
    }
    for view in &config.snmp.views {
        let oids = |list: &[crate::config::Oid]| -> Vec<OidBuf> {
            list.iter().filter_map(|oid| OidBuf::from_arcs(&oid.0).ok()).collect()
        };
        access
            .families
            .extend(oids(&view.include).iter().map(|oid| Family::included(&view.name, oid.as_oid())));
        access
            .families
            .extend(oids(&view.exclude).iter().map(|oid| Family::excluded(&view.name, oid.as_oid())));
    }
    access
}

/// A user's keys, stretched here once; `None` where a password is too short, which the configuration's check tells.
fn credentials(user: &SnmpUser) -> Option<Credentials> {
    let auth = match user.auth {
        AuthProtocol::Sha => Auth::Sha1,
        AuthProtocol::Sha224 => Auth::Sha224,
        AuthProtocol::Sha256 => Auth::Sha256,
        AuthProtocol::Sha384 => Auth::Sha384,
        AuthProtocol::Sha512 => Auth::Sha512,
    };
    let privacy = match user.privacy {
        PrivacyProtocol::Aes128 => Privacy::Aes128,
        PrivacyProtocol::Aes192 => Privacy::Aes192(Extension::Blumenthal),
        PrivacyProtocol::Aes256 => Privacy::Aes256(Extension::Blumenthal),
        PrivacyProtocol::Aes192C => Privacy::Aes192(Extension::Reeder),
        PrivacyProtocol::Aes256C => Privacy::Aes256(Extension::Reeder),
    };
    let (name, auth) = (user.name.as_str().as_bytes(), (auth, user.auth_password.expose().as_bytes()));
    match &user.privacy_password {
        Some(password) => {
            Credentials::encrypted(&RustCrypto, name, auth, (privacy, password.expose().as_bytes())).ok()
        }
        None => Credentials::authenticated(&RustCrypto, name, auth).ok(),
    }
}

/// A sender to the configured managers.
pub(super) fn sender(config: &Config, boots: Option<&Boots>) -> Sender {
    let target = |sink: &crate::config::TrapSink| {
        let target = match (sink.version, &sink.user) {
            (TrapVersion::V1, _) => Target::v1(sink.to, sink.community.expose()),
            (TrapVersion::V3, Some(user)) => Target::v3(sink.to, user.as_str()),
            _ => Target::v2c(sink.to, sink.community.expose()),
        };
        Target { inform: sink.inform && sink.version != TrapVersion::V1, ..target }
    };
    let send = send::Config {
        targets: config.snmp.traps.iter().map(target).collect(),
        object_id: place(config, SERVER_MODULE),
        rebase: Some((ENTERPRISE.to_buf(), place(config, ENTERPRISE))),
        ..send::Config::default()
    };
    let mut sender = Sender::new(Duration::ZERO, send, 1);
    if let Some(boots) = boots {
        let users: Vec<Credentials> = config.snmp.users.iter().filter_map(credentials).collect();
        sender.secure(Duration::ZERO, boots.config(1), &users);
    }
    sender
}

/// Tells managers when entities came, went or changed, once in five seconds at the most.
pub(super) async fn watch_entities(handle: Handle, notifier: Notifier) {
    let mut entities = Entities::default();
    let mut known: Option<Arc<Inventory>> = None;
    let mut interval = tokio::time::interval(ENTITIES_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let latest = handle.snapshot();
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, &latest)) {
            continue;
        }
        let changed = entities.update(&rows::plan(&latest, OidBuf::default()), TimeTicks(0));
        // What is there at the start has not changed.
        if known.is_some() && changed {
            notifier.notify(ConfigChange);
        }
        known = Some(latest);
    }
}

/// The notification of a card's change.
pub(super) fn changed(
    transition: &Transition,
    inventory: &Inventory,
    now: Duration,
) -> Option<CardStateChange> {
    let mut card = rows::card(inventory.card(transition.card)?, now);
    // What the trap tells is this change, even where the next one has come already.
    card.state = rows::state(transition.to);
    Some(CardStateChange { card })
}

/// An identifier below the enterprise number that the operator has set.
fn place(config: &Config, oid: Oid<'static>) -> OidBuf {
    match OidBuf::from_arcs(&config.snmp.enterprise.0) {
        Ok(own) => rebase(oid, ENTERPRISE, own.as_oid()),
        Err(_) => oid.to_buf(),
    }
}

/// Keeps the agent up to date with the cabinet, and takes what managers write to it.
pub(super) struct Steward {
    handle: Handle,
    notifier: Notifier,
    cards: Cards,
    known: Option<Arc<Inventory>>,
    host_at: Instant,
}

impl Steward {
    pub(super) fn new(handle: Handle, notifier: Notifier, cards: Cards) -> Self {
        Self { handle, notifier, cards, known: None, host_at: Instant::now() }
    }

    /// Makes the inventory what the agent serves.
    fn show(&self, agent: &mut Agent<Element>, latest: &Inventory, now: Duration) {
        let (up_time, vendor_type) = (agent.system().up_time, agent.system().object_id.clone());
        let before = (agent.mib().cards.clone(), agent.mib().services.clone(), agent.mib().members.clone());
        let sids = agent.mib().sids.clone();
        let mib = agent.mib_mut();
        mib.cards.replace(latest.cards.values().map(|card| rows::card(card, now)));
        mib.services.replace(latest.services.iter().map(rows::service));
        mib.sids.replace(latest.services.iter().flat_map(rows::sids));
        mib.members.replace(latest.services.iter().flat_map(rows::members));
        let still = |card: &mib::Card| (card.chassis, card.slot, card.state, card.address);
        let changed = [
            !mib.cards.iter().map(still).eq(before.0.iter().map(still)),
            mib.services != before.1 || mib.sids != sids,
            mib.members != before.2,
        ];
        mib.summary.values = rows::summary(latest, &mib.summary.values, changed);
        mib.entities.update(&rows::plan(latest, vendor_type), up_time);
        agent.set_contexts(latest.cards.keys().map(ToString::to_string));
    }
}

impl Owner<Element> for Steward {
    fn refresh(&mut self, agent: &mut Agent<Element>) {
        let (latest, now) = (self.handle.snapshot(), self.handle.clock().now());
        if self.known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &latest)) {
            self.show(agent, &latest, now);
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

    /// A context is a card, named by its position: its own agent is asked. What changes a card is a command to the
    /// cabinet, so nothing is written there.
    fn ask(
        &mut self,
        question: Question,
    ) -> impl Future<Output = Result<VarBindList, Option<(ErrorStatus, i32)>>> + Send + 'static {
        let cards = self.cards.clone();
        async move {
            if question.kind == PduType::SET {
                return Err(Some((ErrorStatus::NO_ACCESS, 1)));
            }
            let position = std::str::from_utf8(&question.context).ok();
            let card = position.and_then(|text| text.parse::<Position>().ok()).ok_or(None)?;
            match cards.relay(card, question.kind, question.counts, question.varbinds).await {
                Ok(answer) => Ok(answer),
                Err(Silence::Failed(Failure::Refused { status, index })) => Err(Some((status, index))),
                Err(_) => Err(None),
            }
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
