//! What an agent tells of its own security: SNMP-FRAMEWORK-MIB (RFC 3411 §5), SNMP-MPD-MIB (RFC 3412 §9), the
//! statistics and users of SNMP-USER-BASED-SM-MIB (RFC 3414 §5), snmpCommunityTable (RFC 3584 §5.2) and the context
//! counters of SNMP-TARGET-MIB (RFC 3413 §4.1). All of it is configuration and cannot be written, as the
//! compliance statements allow.

use alloc::{string::String, vec::Vec};

use super::config::Community;
use crate::mib::{Counter32, MibScalars, MibTable, RowStatus, StorageType};
#[cfg(feature = "usm")]
use crate::{
    mib::TestAndIncr,
    oid,
    usm::{Auth, Credentials, Privacy},
    wire::{Oid, OidBuf},
};

/// The instance of snmpUnknownPDUHandlers.
#[cfg(feature = "usm")]
pub(in crate::agent) const UNKNOWN_PDU_HANDLERS: Oid<'static> = oid!(1, 3, 6, 1, 6, 3, 11, 2, 1, 3, 0);
/// The instance of snmpUnknownContexts.
#[cfg(feature = "usm")]
pub(in crate::agent) const UNKNOWN_CONTEXTS: Oid<'static> = oid!(1, 3, 6, 1, 6, 3, 12, 1, 5, 0);

/// The snmpMPDStats group.
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "snmpMPDStats", oid = "1.3.6.1.6.3.11.2.1", prefix = "snmp")]
pub(in crate::agent) struct MpdStats {
    /// Messages of a security model that is not supported.
    #[mib(1)]
    pub(in crate::agent) unknown_security_models: Counter32,
    /// Messages that contradict themselves.
    #[mib(2)]
    pub(in crate::agent) invalid_msgs: Counter32,
    /// PDUs that nobody here takes.
    #[mib(3, name = "snmpUnknownPDUHandlers")]
    pub(in crate::agent) unknown_pdu_handlers: Counter32,
}

/// The context counters of snmpTargetObjects.
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "snmpTargetObjects", oid = "1.3.6.1.6.3.12.1", prefix = "snmp")]
pub(in crate::agent) struct ContextStats {
    /// Messages for a context that is there and could not be had.
    #[mib(4)]
    pub(in crate::agent) unavailable_contexts: Counter32,
    /// Messages for a context that is not there.
    #[mib(5)]
    pub(in crate::agent) unknown_contexts: Counter32,
}

/// A row of snmpCommunityTable.
#[derive(Clone, PartialEq, MibTable)]
#[mib(
    name = "snmpCommunityTable",
    oid = "1.3.6.1.6.3.18.1.1",
    index(index),
    implied,
    prefix = "snmpCommunity"
)]
pub(in crate::agent) struct CommunityEntry {
    /// The name of the row.
    #[mib(1)]
    pub(in crate::agent) index: String,
    /// The community.
    #[mib(2)]
    pub(in crate::agent) name: Vec<u8>,
    /// Whom it stands for.
    #[mib(3)]
    pub(in crate::agent) security_name: String,
    /// The engine whose context it opens.
    #[mib(4, name = "snmpCommunityContextEngineID")]
    pub(in crate::agent) context_engine: Vec<u8>,
    /// The context that it opens.
    #[mib(5)]
    pub(in crate::agent) context_name: String,
    /// From which transport addresses it may come.
    #[mib(6)]
    pub(in crate::agent) transport_tag: Vec<u8>,
    /// How the row is kept.
    #[mib(7)]
    pub(in crate::agent) storage_type: StorageType,
    /// The state of the row.
    #[mib(8)]
    pub(in crate::agent) status: RowStatus,
}

impl core::fmt::Debug for CommunityEntry {
    /// The name is a secret and stays out.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CommunityEntry").field("index", &self.index).finish_non_exhaustive()
    }
}

impl CommunityEntry {
    /// The row of the community at `position`.
    pub(in crate::agent) fn new(position: usize, community: &Community) -> Self {
        Self {
            index: alloc::format!("community-{}", position.saturating_add(1)),
            name: community.name.clone(),
            security_name: community.stands_for().into(),
            context_engine: Vec::new(),
            context_name: String::new(),
            transport_tag: Vec::new(),
            storage_type: StorageType::ReadOnly,
            status: RowStatus::Active,
        }
    }
}

/// The snmpEngine group; absent without v3.
#[cfg(feature = "usm")]
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "snmpEngine", oid = "1.3.6.1.6.3.10.2.1", prefix = "snmpEngine")]
pub(in crate::agent) struct EngineInfo {
    /// The engine's identity.
    #[mib(1, name = "snmpEngineID", range(5, 32))]
    pub(in crate::agent) id: Option<Vec<u8>>,
    /// How often it started since its identity was given.
    #[mib(2, range(1, 2_147_483_647))]
    pub(in crate::agent) boots: Option<i32>,
    /// The seconds since it started last.
    #[mib(3, range(0, 2_147_483_647), units = "seconds")]
    pub(in crate::agent) time: Option<i32>,
    /// The largest message that it takes.
    #[mib(4, range(484, 2_147_483_647))]
    pub(in crate::agent) max_message_size: Option<i32>,
}

/// The usmStats group.
#[cfg(feature = "usm")]
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "usmStats", oid = "1.3.6.1.6.3.15.1.1")]
pub(in crate::agent) struct UsmStats {
    /// Messages at a level for which the user has no keys.
    #[mib(1)]
    pub(in crate::agent) unsupported_sec_levels: Counter32,
    /// Messages outside the time window.
    #[mib(2)]
    pub(in crate::agent) not_in_time_windows: Counter32,
    /// Messages of unknown users.
    #[mib(3)]
    pub(in crate::agent) unknown_user_names: Counter32,
    /// Messages for unknown engines.
    #[mib(4, name = "usmStatsUnknownEngineIDs")]
    pub(in crate::agent) unknown_engine_ids: Counter32,
    /// Messages with a digest that is not the user's.
    #[mib(5)]
    pub(in crate::agent) wrong_digests: Counter32,
    /// Messages that could not be decrypted.
    #[mib(6)]
    pub(in crate::agent) decryption_errors: Counter32,
}

#[cfg(feature = "usm")]
impl From<&crate::usm::Stats> for UsmStats {
    fn from(stats: &crate::usm::Stats) -> Self {
        Self {
            unsupported_sec_levels: Counter32(stats.unsupported_levels),
            not_in_time_windows: Counter32(stats.not_in_time_windows),
            unknown_user_names: Counter32(stats.unknown_users),
            unknown_engine_ids: Counter32(stats.unknown_engines),
            wrong_digests: Counter32(stats.wrong_digests),
            decryption_errors: Counter32(stats.decryption_errors),
        }
    }
}

/// The scalar beside usmUserTable.
#[cfg(feature = "usm")]
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "usmUser", oid = "1.3.6.1.6.3.15.1.2")]
pub(in crate::agent) struct UserLock {
    /// An advisory lock for those who change users. Users are configuration here, so nobody can take it.
    #[mib(1)]
    pub(in crate::agent) spin_lock: TestAndIncr,
}

/// A row of usmUserTable. What would change a key reads as an empty string.
#[cfg(feature = "usm")]
#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "usmUserTable", oid = "1.3.6.1.6.3.15.1.2.2", index(engine, name), prefix = "usmUser")]
pub(in crate::agent) struct UsmUser {
    /// The engine that the row's keys hold for.
    #[mib(1, name = "usmUserEngineID")]
    pub(in crate::agent) engine: Vec<u8>,
    /// The user's name.
    #[mib(2)]
    pub(in crate::agent) name: String,
    /// The same in the terms of every security model.
    #[mib(3)]
    pub(in crate::agent) security_name: String,
    /// Whom the row was cloned from.
    #[mib(4)]
    pub(in crate::agent) clone_from: Oid<'static>,
    /// How messages are authenticated.
    #[mib(5)]
    pub(in crate::agent) auth_protocol: OidBuf,
    /// Always empty.
    #[mib(6)]
    pub(in crate::agent) auth_key_change: Vec<u8>,
    /// Always empty.
    #[mib(7)]
    pub(in crate::agent) own_auth_key_change: Vec<u8>,
    /// How messages are encrypted.
    #[mib(8)]
    pub(in crate::agent) priv_protocol: OidBuf,
    /// Always empty.
    #[mib(9)]
    pub(in crate::agent) priv_key_change: Vec<u8>,
    /// Always empty.
    #[mib(10)]
    pub(in crate::agent) own_priv_key_change: Vec<u8>,
    /// Always empty.
    #[mib(11)]
    pub(in crate::agent) public: Vec<u8>,
    /// How the row is kept.
    #[mib(12)]
    pub(in crate::agent) storage_type: StorageType,
    /// The state of the row.
    #[mib(13)]
    pub(in crate::agent) status: RowStatus,
}

#[cfg(feature = "usm")]
impl UsmUser {
    pub(in crate::agent) fn new(engine: &[u8], user: &Credentials) -> Self {
        let name = String::from_utf8_lossy(user.name()).into_owned();
        let (auth, privacy) = user.protocols();
        let no_auth = oid!(1, 3, 6, 1, 6, 3, 10, 1, 1, 1);
        let no_privacy = oid!(1, 3, 6, 1, 6, 3, 10, 1, 2, 1);
        Self {
            engine: engine.into(),
            security_name: name.clone(),
            name,
            clone_from: oid!(0, 0),
            auth_protocol: auth.map_or(no_auth, Auth::registration).to_buf(),
            auth_key_change: Vec::new(),
            own_auth_key_change: Vec::new(),
            priv_protocol: privacy.map_or(no_privacy, Privacy::registration).to_buf(),
            priv_key_change: Vec::new(),
            own_priv_key_change: Vec::new(),
            public: Vec::new(),
            storage_type: StorageType::ReadOnly,
            status: RowStatus::Active,
        }
    }
}
