//! A received notification, whatever version it came in, and the way between the versions (RFC 3584 §3).

use core::net::Ipv4Addr;

use super::standard::SNMP_TRAPS;
use crate::oid;
use crate::wire::{Body, Generic, Message, Oid, OidBuf, PduType, TrapV1, Value, VarBind, VarBinds};

/// sysUpTime.0, the first binding of every v2 notification.
pub(super) const SYS_UP_TIME: Oid<'static> = oid!(1, 3, 6, 1, 2, 1, 1, 3, 0);
/// snmpTrapOID.0, the second one.
pub(super) const SNMP_TRAP_OID: Oid<'static> = oid!(1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0);
/// snmpTrapEnterprise.0, which a translated v1 Trap carries last.
pub(super) const SNMP_TRAP_ENTERPRISE: Oid<'static> = oid!(1, 3, 6, 1, 6, 3, 1, 1, 4, 3, 0);
/// snmpTrapAddress.0, which a proxy appends.
pub(super) const SNMP_TRAP_ADDRESS: Oid<'static> = oid!(1, 3, 6, 1, 6, 3, 18, 1, 3, 0);

/// A notification as one reads it, in the terms of SNMPv2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap<'a> {
    /// Which notification it is: the value of snmpTrapOID.
    pub name: OidBuf,
    /// The sender's sysUpTime, in hundredths of a second.
    pub up_time: u32,
    /// Which enterprise sent it, where that is told.
    pub enterprise: Option<Oid<'a>>,
    /// The address that a v1 sender gave itself, or that a proxy noted.
    pub agent_address: Option<Ipv4Addr>,
    /// Every binding behind the first two of v2; all bindings of v1.
    bindings: VarBinds<'a>,
    skip: usize,
}

impl<'a> Trap<'a> {
    /// Reads the notification that a message carries; `None` where it carries none, or lacks sysUpTime or
    /// snmpTrapOID (RFC 3416 §4.2.6).
    pub fn read(message: &Message<'a>) -> Option<Self> {
        match message.body {
            Body::TrapV1(trap) => Some(Self::from_v1(&trap)),
            Body::Pdu(pdu) if matches!(pdu.kind, PduType::TRAP | PduType::INFORM) => Self::of(pdu.varbinds),
            Body::Pdu(_) => None,
        }
    }

    /// Reads the notification that the bindings of v2c or v3 tell; `None` where they lack sysUpTime or snmpTrapOID.
    pub fn of(bindings: VarBinds<'a>) -> Option<Self> {
        let mut first = bindings.iter();
        let up_time = match first.next()? {
            VarBind { name, value: Value::TimeTicks(ticks) } if name == SYS_UP_TIME => ticks,
            _ => return None,
        };
        let name = match first.next()? {
            VarBind { name, value: Value::Oid(oid) } if name == SNMP_TRAP_OID => oid.to_buf(),
            _ => return None,
        };
        let (mut enterprise, mut agent_address) = (None, None);
        for VarBind { name, value } in first {
            match value {
                Value::Oid(oid) if name == SNMP_TRAP_ENTERPRISE => enterprise = Some(oid),
                Value::IpAddress(address) if name == SNMP_TRAP_ADDRESS => agent_address = Some(address),
                _ => {}
            }
        }
        Some(Self { name, up_time, enterprise, agent_address, bindings, skip: 2 })
    }

    /// RFC 3584 §3.1: a standard trap has its place below snmpTraps, one of an enterprise below `enterprise.0`.
    fn from_v1(trap: &TrapV1<'a>) -> Self {
        let name = match trap.generic {
            Generic(generic @ 0..=5) => {
                SNMP_TRAPS.to_buf().join(&[u32::try_from(generic).unwrap_or(0).saturating_add(1)])
            }
            Generic(_) => trap.enterprise.to_buf().join(&[0, trap.specific.cast_unsigned()]),
        };
        Self {
            name,
            up_time: trap.time_stamp,
            enterprise: Some(trap.enterprise),
            agent_address: (!trap.agent_address.is_unspecified()).then_some(trap.agent_address),
            bindings: trap.varbinds,
            skip: 0,
        }
    }

    /// What it tells, without sysUpTime and snmpTrapOID.
    pub fn objects(&self) -> impl Iterator<Item = VarBind<'a>> + use<'a> {
        self.bindings.iter().skip(self.skip)
    }

    /// The value of the first object whose name is `column` or below it.
    pub fn object(&self, column: Oid<'_>) -> Option<Value<'a>> {
        self.objects().find(|binding| binding.name.starts_with(column)).map(|binding| binding.value)
    }

    /// How v1 says it (RFC 3584 §3.2): enterprise, generic and specific; `None` where an object is a Counter64,
    /// which v1 cannot carry. `own` is the enterprise of a standard trap that does not tell one.
    pub fn to_v1(&self, own: Oid<'_>) -> Option<(OidBuf, Generic, i32)> {
        if self.objects().any(|binding| matches!(binding.value, Value::Counter64(_))) {
            return None;
        }
        Some(v1_name(self.name.as_oid(), self.enterprise.unwrap_or_default(), own))
    }
}

/// The enterprise, generic-trap and specific-trap of a notification (RFC 3584 §3.2).
pub(super) fn v1_name(name: Oid<'_>, enterprise: Oid<'_>, own: Oid<'_>) -> (OidBuf, Generic, i32) {
    if let Some(mut below) = name.strip_prefix(SNMP_TRAPS)
        && let (Some(number @ 1..=6), true) = (below.next(), below.is_empty())
    {
        let enterprise = if enterprise.is_empty() { own } else { enterprise };
        let generic = i32::try_from(number.saturating_sub(1)).unwrap_or(0);
        return (enterprise.to_buf(), Generic(generic), 0);
    }
    let arcs: alloc::vec::Vec<u32> = name.arcs().collect();
    let (above, specific) = match arcs.as_slice() {
        [above @ .., 0, last] | [above @ .., last] => (above, *last),
        [] => (&[][..], 0),
    };
    (OidBuf::from_arcs(above).unwrap_or_default(), Generic::ENTERPRISE_SPECIFIC, specific.cast_signed())
}
