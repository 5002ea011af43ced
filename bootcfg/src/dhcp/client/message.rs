//! The messages a client sends (RFC 2131 §4.4.1, Table 5).

use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use super::Config;
use crate::wire::dhcp::{Builder, Header, MessageType, OptionCode};

/// What differs from message to message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    pub(super) kind: MessageType,
    pub(super) xid: u32,
    pub(super) secs: u16,
    /// The address the client has (RENEWING, REBINDING, RELEASE, INFORM).
    pub(super) ciaddr: Ipv4Addr,
    /// Option 50.
    pub(super) requested: Option<Ipv4Addr>,
    /// Option 54.
    pub(super) server: Option<Ipv4Addr>,
}

/// Bit 15 of `flags`.
const BROADCAST: u16 = 0x8000;

pub(super) fn write(config: &Config, sheet: &Sheet, out: &mut Vec<u8>) {
    out.resize(548, 0);
    let mut header = Header::request(sheet.xid, config.hw);
    header.secs = sheet.secs;
    header.ciaddr = sheet.ciaddr;
    // A client that has an address takes unicast (§4.1).
    if config.broadcast && sheet.ciaddr.is_unspecified() {
        header.flags = BROADCAST;
    }
    let Some(mut message) = Builder::new(out, 548, &header, None) else { return };
    message.kind(sheet.kind);
    if let Some(id) = &config.client_id {
        message.option(OptionCode::CLIENT_ID, id);
    }
    if let Some(address) = sheet.requested {
        message.address(OptionCode::REQUESTED_ADDRESS, address);
    }
    if let Some(server) = sheet.server {
        message.address(OptionCode::SERVER_ID, server);
    }
    if matches!(sheet.kind, MessageType::DISCOVER | MessageType::REQUEST | MessageType::INFORM) {
        message.option(OptionCode::MAX_MESSAGE, &config.max_message.max(576).to_be_bytes());
        if let Some(lease) = config.lease.filter(|_| sheet.kind != MessageType::INFORM) {
            message.u32(OptionCode::LEASE_TIME, u32::try_from(lease.as_secs()).unwrap_or(u32::MAX));
        }
        if let Some(class) = &config.vendor_class {
            message.option(OptionCode::VENDOR_CLASS, class.as_bytes());
        }
        if let Some(name) = &config.host_name {
            message.option(OptionCode::HOST_NAME, name.as_bytes());
        }
        if config.rapid_commit && sheet.kind == MessageType::DISCOVER {
            message.option(OptionCode::RAPID_COMMIT, &[]);
        }
        let codes: Vec<u8> = config.parameters.iter().map(|code| code.0).collect();
        if !codes.is_empty() {
            message.option(OptionCode::PARAMETERS, &codes);
        }
    }
    let (len, _) = message.finish();
    out.truncate(len);
}

/// The time since the transaction began, in whole seconds; a constant would hide how long a client waits
/// (RFC 1542 §3.2).
pub(super) fn secs(since: Duration, now: Duration) -> u16 {
    u16::try_from(now.saturating_sub(since).as_secs()).unwrap_or(u16::MAX)
}
