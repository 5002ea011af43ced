//! What every agent serves by itself: the system group, sysORTable, the snmp group, snmpSetSerialNo (RFC 3418),
//! and what it tells of its own security (`framework.rs`).

use super::framework::{CommunityEntry, ContextStats, MpdStats};
#[cfg(feature = "usm")]
pub(super) use super::framework::{
    EngineInfo, UNKNOWN_CONTEXTS, UNKNOWN_PDU_HANDLERS, UserLock, UsmStats, UsmUser,
};
use crate::mib::{Group, Mib, Table};

use crate::mib::{
    Counter32, DisplayString, Integer, MibEnum, MibScalars, MibTable, TestAndIncr, TimeStamp, TimeTicks,
};
use crate::oid;
use crate::wire::{Oid, OidBuf};

/// The nodes that every agent brings itself.
#[derive(Clone, Debug, Default, PartialEq, Mib)]
pub(super) struct Own {
    pub(super) system: Group<System>,
    pub(super) modules: Table<OrEntry>,
    pub(super) snmp: Group<Stats>,
    pub(super) set: Group<SnmpSet>,
    pub(super) mpd: Group<MpdStats>,
    pub(super) contexts: Group<ContextStats>,
    pub(super) communities: Table<CommunityEntry>,
    #[cfg(feature = "usm")]
    pub(super) engine: Group<EngineInfo>,
    #[cfg(feature = "usm")]
    pub(super) usm: Group<UsmStats>,
    #[cfg(feature = "usm")]
    pub(super) user_lock: Group<UserLock>,
    #[cfg(feature = "usm")]
    pub(super) users: Table<UsmUser>,
}

/// The system group (RFC 3418 §2).
#[derive(Clone, Debug, PartialEq, MibScalars)]
#[mib(name = "system", oid = "1.3.6.1.2.1.1", prefix = "sys")]
pub struct System {
    /// A textual description of the entity.
    #[mib(1)]
    pub descr: DisplayString,
    /// The vendor's authoritative identification of the network management subsystem contained in the entity.
    #[mib(2, name = "sysObjectID")]
    pub object_id: OidBuf,
    /// The time since the network management portion of the system was last re-initialized.
    #[mib(3)]
    pub up_time: TimeTicks,
    /// The contact person for this managed node, with information on how to contact this person.
    #[mib(4, read_write)]
    pub contact: DisplayString,
    /// An administratively-assigned name for this managed node.
    #[mib(5, read_write)]
    pub name: DisplayString,
    /// The physical location of this node.
    #[mib(6, read_write)]
    pub location: DisplayString,
    /// The set of services that this entity offers: 2^(L-1) summed over its layers.
    #[mib(7, range(0, 127))]
    pub services: Integer,
    /// The value of sysUpTime when an instance of sysORID changed last.
    #[mib(8, name = "sysORLastChange")]
    pub or_last_change: TimeStamp,
}

impl Default for System {
    fn default() -> Self {
        Self {
            descr: DisplayString::default(),
            object_id: oid!(0, 0).to_buf(),
            up_time: TimeTicks(0),
            contact: DisplayString::default(),
            name: DisplayString::default(),
            location: DisplayString::default(),
            services: Integer(72),
            or_last_change: TimeStamp(0),
        }
    }
}

/// The MIB modules that this agent implements (RFC 3418 §2).
#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "sysORTable", oid = "1.3.6.1.2.1.1.9", index(index))]
pub struct OrEntry {
    /// The auxiliary variable that identifies the row.
    #[mib(1, range(1, 2_147_483_647))]
    pub index: i32,
    /// The identification of a capabilities statement or of a module.
    #[mib(2, name = "sysORID")]
    pub id: OidBuf,
    /// A textual description of the capabilities.
    #[mib(3)]
    pub descr: DisplayString,
    /// The value of sysUpTime when the row was last instantiated.
    #[mib(4)]
    pub up_time: TimeStamp,
}

impl OrEntry {
    /// The row of a module that is there from the start.
    pub(super) fn since_start(index: i32, id: Oid<'static>, descr: &str) -> Self {
        Self { index, id: id.to_buf(), descr: descr.into(), up_time: TimeStamp(0) }
    }
}

/// The counters of the snmp group (RFC 3418 §2, and those of RFC 1213 that pollers still read).
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "snmp", oid = "1.3.6.1.2.1.11")]
pub struct Stats {
    /// Messages delivered to the entity by the transport.
    #[mib(1)]
    pub in_pkts: Counter32,
    /// Messages passed from the entity to the transport.
    #[mib(2, status = obsolete)]
    pub out_pkts: Counter32,
    /// Messages of a version that is not supported.
    #[mib(3)]
    pub in_bad_versions: Counter32,
    /// Messages with a community that is not known here.
    #[mib(4)]
    pub in_bad_community_names: Counter32,
    /// Messages with an operation that their community does not allow.
    #[mib(5)]
    pub in_bad_community_uses: Counter32,
    /// Messages that could not be decoded.
    #[mib(6, name = "snmpInASNParseErrs")]
    pub in_asn_parse_errs: Counter32,
    /// PDUs received with tooBig.
    #[mib(8, status = obsolete)]
    pub in_too_bigs: Counter32,
    /// PDUs received with noSuchName.
    #[mib(9, status = obsolete)]
    pub in_no_such_names: Counter32,
    /// PDUs received with badValue.
    #[mib(10, status = obsolete)]
    pub in_bad_values: Counter32,
    /// PDUs received with readOnly.
    #[mib(11, status = obsolete)]
    pub in_read_onlys: Counter32,
    /// PDUs received with genErr.
    #[mib(12, status = obsolete)]
    pub in_gen_errs: Counter32,
    /// Objects read by valid requests.
    #[mib(13, status = obsolete)]
    pub in_total_req_vars: Counter32,
    /// Objects written by valid requests.
    #[mib(14, status = obsolete)]
    pub in_total_set_vars: Counter32,
    /// GetRequest PDUs accepted.
    #[mib(15, status = obsolete)]
    pub in_get_requests: Counter32,
    /// GetNextRequest PDUs accepted.
    #[mib(16, status = obsolete)]
    pub in_get_nexts: Counter32,
    /// SetRequest PDUs accepted.
    #[mib(17, status = obsolete)]
    pub in_set_requests: Counter32,
    /// GetResponse PDUs received.
    #[mib(18, status = obsolete)]
    pub in_get_responses: Counter32,
    /// Trap PDUs received.
    #[mib(19, status = obsolete)]
    pub in_traps: Counter32,
    /// PDUs sent with tooBig.
    #[mib(20, status = obsolete)]
    pub out_too_bigs: Counter32,
    /// PDUs sent with noSuchName.
    #[mib(21, status = obsolete)]
    pub out_no_such_names: Counter32,
    /// PDUs sent with badValue.
    #[mib(22, status = obsolete)]
    pub out_bad_values: Counter32,
    /// PDUs sent with genErr.
    #[mib(24, status = obsolete)]
    pub out_gen_errs: Counter32,
    /// GetRequest PDUs sent.
    #[mib(25, status = obsolete)]
    pub out_get_requests: Counter32,
    /// GetNextRequest PDUs sent.
    #[mib(26, status = obsolete)]
    pub out_get_nexts: Counter32,
    /// SetRequest PDUs sent.
    #[mib(27, status = obsolete)]
    pub out_set_requests: Counter32,
    /// GetResponse PDUs sent.
    #[mib(28, status = obsolete)]
    pub out_get_responses: Counter32,
    /// Trap PDUs sent.
    #[mib(29, status = obsolete)]
    pub out_traps: Counter32,
    /// Whether authenticationFailure notifications are sent.
    #[mib(30, read_write)]
    pub enable_authen_traps: AuthenTraps,
    /// Confirmed requests dropped because not even an empty response fitted.
    #[mib(31)]
    pub silent_drops: Counter32,
    /// Confirmed requests dropped because the proxy target did not answer.
    #[mib(32)]
    pub proxy_drops: Counter32,
}

/// Whether authenticationFailure notifications are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MibEnum)]
pub enum AuthenTraps {
    /// They are sent.
    Enabled = 1,
    /// They are not.
    #[default]
    Disabled = 2,
}

/// The snmpSet group (RFC 3418 §2).
#[derive(Clone, Debug, Default, PartialEq, MibScalars)]
#[mib(name = "snmpSet", oid = "1.3.6.1.6.3.1.1.6")]
pub(super) struct SnmpSet {
    /// An advisory lock that lets cooperating managers coordinate their SETs.
    #[mib(1, read_write)]
    pub serial_no: TestAndIncr,
}
