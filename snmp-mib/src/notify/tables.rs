//! SNMP-TARGET-MIB and SNMP-NOTIFICATION-MIB (RFC 3413 §4) as managers read them: where a sender sends what. Targets
//! are configuration, so nothing can be written, as the compliance statements allow.

use alloc::{format, string::String, vec::Vec};
use core::net::SocketAddr;

use super::sender::Config;
use super::target::Target;
use crate::mib::{Mib, MibEnum, MibTable, RowStatus, StorageType, Table};
use crate::oid;
use crate::usm::{Level, Security};
use crate::vacm::{FamilyType, Model};
use crate::wire::{Oid, OidBuf, Version};

/// Both modules' tables. To be used inside another MIB with `#[mib(flatten)]`.
#[derive(Clone, Debug, Default, PartialEq, Mib)]
pub struct Targets {
    /// snmpTargetAddrTable.
    pub addresses: Table<Address>,
    /// snmpTargetParamsTable.
    pub params: Table<Params>,
    /// snmpNotifyTable.
    pub kinds: Table<Kind>,
    /// snmpNotifyFilterProfileTable.
    pub profiles: Table<Profile>,
    /// snmpNotifyFilterTable.
    pub filters: Table<Filter>,
}

impl Targets {
    /// The tables of a sender of that configuration; `level` tells at which level a user is told.
    pub fn of(config: &Config, level: impl Fn(&[u8]) -> Level) -> Self {
        let mut tables = Self::default();
        let limits = &config.limits;
        let timeout = i32::try_from(limits.inform_timeout.as_millis() / 10).unwrap_or(i32::MAX);
        let retries = i32::try_from(limits.inform_tries.saturating_sub(1)).unwrap_or(255).min(255);
        for (position, target) in config.targets.iter().enumerate() {
            let name = format!("target-{}", position.saturating_add(1));
            let tag = if target.inform { "inform" } else { "trap" };
            tables.addresses.insert(Address::new(&name, target.to, (timeout, retries), tag));
            tables.params.insert(Params::new(&name, target, &level));
            if !target.profile.is_empty() {
                tables.profiles.insert(Profile {
                    params: name,
                    profile: target.profile.clone(),
                    storage: StorageType::ReadOnly,
                    status: RowStatus::Active,
                });
            }
        }
        tables.kinds.extend([("inform", NotifyType::Inform), ("trap", NotifyType::Trap)].map(
            |(name, kind)| Kind {
                name: name.into(),
                tag: name.into(),
                kind,
                storage: StorageType::ReadOnly,
                status: RowStatus::Active,
            },
        ));
        for (profile, families) in &config.filters {
            tables.filters.extend(families.iter().map(|family| Filter {
                profile: profile.clone(),
                subtree: family.subtree.clone(),
                mask: family.mask.clone(),
                kind: family.kind,
                storage: StorageType::ReadOnly,
                status: RowStatus::Active,
            }));
        }
        tables
    }
}

/// A row of snmpTargetAddrTable: where a manager is.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "snmpTargetAddrTable",
    oid = "1.3.6.1.6.3.12.1.2",
    index(name),
    implied,
    prefix = "snmpTargetAddr"
)]
pub struct Address {
    /// Its name here.
    #[mib(1)]
    pub name: String,
    /// By which transport it is reached.
    #[mib(2, name = "snmpTargetAddrTDomain")]
    pub domain: Oid<'static>,
    /// Its address there.
    #[mib(3, name = "snmpTargetAddrTAddress")]
    pub address: Vec<u8>,
    /// How long it may take to acknowledge, in hundredths of a second.
    #[mib(4)]
    pub timeout: i32,
    /// How often an inform is sent again.
    #[mib(5)]
    pub retry_count: i32,
    /// Which rows of snmpNotifyTable it belongs to.
    #[mib(6)]
    pub tag_list: Vec<u8>,
    /// The row of snmpTargetParamsTable that tells how it is spoken to.
    #[mib(7)]
    pub params: String,
    /// How the row is kept.
    #[mib(8, name = "snmpTargetAddrStorageType")]
    pub storage: StorageType,
    /// The state of the row.
    #[mib(9, name = "snmpTargetAddrRowStatus")]
    pub status: RowStatus,
}

impl Address {
    fn new(name: &str, to: SocketAddr, (timeout, retry_count): (i32, i32), tag: &str) -> Self {
        // snmpUDPDomain, and transportDomainUdpIpv6 (RFC 3417 §2, RFC 3419 §3).
        let (domain, mut address) = match to {
            SocketAddr::V4(to) => (oid!(1, 3, 6, 1, 6, 1, 1), to.ip().octets().to_vec()),
            SocketAddr::V6(to) => (oid!(1, 3, 6, 1, 2, 1, 100, 1, 2), to.ip().octets().to_vec()),
        };
        address.extend(to.port().to_be_bytes());
        Self {
            name: name.into(),
            domain,
            address,
            timeout,
            retry_count,
            tag_list: tag.into(),
            params: name.into(),
            storage: StorageType::ReadOnly,
            status: RowStatus::Active,
        }
    }
}

/// A row of snmpTargetParamsTable: how a manager is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "snmpTargetParamsTable",
    oid = "1.3.6.1.6.3.12.1.3",
    index(name),
    implied,
    entry = "snmpTargetParamsEntry",
    prefix = "snmpTargetParams"
)]
pub struct Params {
    /// The name of the row.
    #[mib(1)]
    pub name: String,
    /// The version: 0 for v1, 1 for v2c, 3 for v3.
    #[mib(2, name = "snmpTargetParamsMPModel")]
    pub version: i32,
    /// Who vouches for the name.
    #[mib(3, name = "snmpTargetParamsSecurityModel")]
    pub model: Model,
    /// On whose behalf it is told.
    #[mib(4, name = "snmpTargetParamsSecurityName")]
    pub security_name: String,
    /// What is done to the messages.
    #[mib(5, name = "snmpTargetParamsSecurityLevel")]
    pub level: Level,
    /// How the row is kept.
    #[mib(6, name = "snmpTargetParamsStorageType")]
    pub storage: StorageType,
    /// The state of the row.
    #[mib(7, name = "snmpTargetParamsRowStatus")]
    pub status: RowStatus,
}

impl Params {
    fn new(name: &str, target: &Target, level: impl Fn(&[u8]) -> Level) -> Self {
        let (version, level) = match &target.security {
            Security::Community { version: Version::V1, .. } => (0, Level::Open),
            Security::Community { .. } => (1, Level::Open),
            Security::User { name, .. } => (3, level(name)),
        };
        Self {
            name: name.into(),
            version,
            model: target.model(),
            security_name: target.security_name.clone(),
            level,
            storage: StorageType::ReadOnly,
            status: RowStatus::Active,
        }
    }
}

/// A row of snmpNotifyTable: those of a tag are told in that way.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(name = "snmpNotifyTable", oid = "1.3.6.1.6.3.13.1.1", index(name), implied, prefix = "snmpNotify")]
pub struct Kind {
    /// The name of the row.
    #[mib(1)]
    pub name: String,
    /// The tag.
    #[mib(2)]
    pub tag: Vec<u8>,
    /// The way.
    #[mib(3, name = "snmpNotifyType")]
    pub kind: NotifyType,
    /// How the row is kept.
    #[mib(4, name = "snmpNotifyStorageType")]
    pub storage: StorageType,
    /// The state of the row.
    #[mib(5, name = "snmpNotifyRowStatus")]
    pub status: RowStatus,
}

/// How managers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, MibEnum)]
pub enum NotifyType {
    /// Once.
    Trap = 1,
    /// Until it is acknowledged.
    Inform = 2,
}

/// A row of snmpNotifyFilterProfileTable: which filter holds for those spoken to in that way.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "snmpNotifyFilterProfileTable",
    oid = "1.3.6.1.6.3.13.1.2",
    index(params),
    implied,
    prefix = "snmpNotifyFilterProfile"
)]
pub struct Profile {
    /// The row of snmpTargetParamsTable.
    #[mib(foreign = "snmpTargetParamsName")]
    pub params: String,
    /// The filter.
    #[mib(1, name = "snmpNotifyFilterProfileName")]
    pub profile: String,
    /// How the row is kept.
    #[mib(2, name = "snmpNotifyFilterProfileStorType")]
    pub storage: StorageType,
    /// The state of the row.
    #[mib(3, name = "snmpNotifyFilterProfileRowStatus")]
    pub status: RowStatus,
}

/// A row of snmpNotifyFilterTable: a family of subtrees that a filter has in, or out.
#[derive(Clone, Debug, PartialEq, Eq, MibTable)]
#[mib(
    name = "snmpNotifyFilterTable",
    oid = "1.3.6.1.6.3.13.1.3",
    index(profile, subtree),
    implied,
    prefix = "snmpNotifyFilter"
)]
pub struct Filter {
    /// The filter.
    #[mib(foreign = "snmpNotifyFilterProfileName")]
    pub profile: String,
    /// The subtree, some arcs of which the mask may leave open.
    #[mib(1)]
    pub subtree: OidBuf,
    /// A bit for each arc, as in a view.
    #[mib(2)]
    pub mask: Vec<u8>,
    /// Whether the filter has it in or out.
    #[mib(3, name = "snmpNotifyFilterType")]
    pub kind: FamilyType,
    /// How the row is kept.
    #[mib(4, name = "snmpNotifyFilterStorageType")]
    pub storage: StorageType,
    /// The state of the row.
    #[mib(5, name = "snmpNotifyFilterRowStatus")]
    pub status: RowStatus,
}
