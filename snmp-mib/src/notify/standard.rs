//! The notifications that every agent knows (RFC 3418 §2, RFC 2863 §6).

use super::Notification;
use crate::mibs::interfaces::Interface;
use crate::oid;
use crate::wire::Oid;

/// snmpTraps, above the standard notifications.
pub const SNMP_TRAPS: Oid<'static> = oid!(1, 3, 6, 1, 6, 3, 1, 1, 5);

/// The entity started, and its configuration may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Notification)]
#[mib(oid = "1.3.6.1.6.3.1.1.5.1")]
pub struct ColdStart;

/// The entity started again with the same configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Notification)]
#[mib(oid = "1.3.6.1.6.3.1.1.5.2")]
pub struct WarmStart;

/// An interface is about to leave the up state.
#[derive(Clone, Debug, PartialEq, Notification)]
#[mib(oid = "1.3.6.1.6.3.1.1.5.3")]
pub struct LinkDown {
    /// The interface as it is now.
    #[mib(objects("ifIndex", "ifAdminStatus", "ifOperStatus"))]
    pub interface: Interface,
}

/// An interface has left the down state.
#[derive(Clone, Debug, PartialEq, Notification)]
#[mib(oid = "1.3.6.1.6.3.1.1.5.4")]
pub struct LinkUp {
    /// The interface as it is now.
    #[mib(objects("ifIndex", "ifAdminStatus", "ifOperStatus"))]
    pub interface: Interface,
}

/// A message arrived that nobody known had sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Notification)]
#[mib(oid = "1.3.6.1.6.3.1.1.5.5")]
pub struct AuthenticationFailure;
