//! What a client was given.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use super::random::Random;
use crate::wire::dhcp::typed::{self, Route};
use crate::wire::dhcp::{Key, Message, OptionCode, key};

/// An address and what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// The subnet mask; where the server sent none, that of the address's class (RFC 1122 §3.3.6).
    pub netmask: Ipv4Addr,
    /// The routers, best first.
    pub routers: Vec<Ipv4Addr>,
    /// Routes by prefix; where there are any, `routers` do not count (RFC 3442).
    pub routes: Vec<Route>,
    /// The name servers, best first.
    pub dns: Vec<Ipv4Addr>,
    /// The domain; a name with other characters than a host's is left out (CVE-2011-0997).
    pub domain: Option<String>,
    /// The server that gave it.
    pub server: Ipv4Addr,
    /// The server to boot from (`siaddr`); unspecified where none was named.
    pub next_server: Ipv4Addr,
    /// The boot file, from `file` or option 67.
    pub boot_file: Option<String>,
    /// The prefix of every path (option 210).
    pub path_prefix: Option<String>,
    /// When to ask the server for more time (T1).
    pub renew_at: Duration,
    /// When to ask any server (T2).
    pub rebind_at: Duration,
    /// When it ends; [`Duration::MAX`]: never.
    pub expires_at: Duration,
    /// The whole ACK, for options that are not above.
    pub reply: Vec<u8>,
}

impl Lease {
    /// Reads an ACK to something sent at `sent_at`: a lease runs from then on (RFC 2131 §4.4.5).
    pub(super) fn read(
        message: &Message<'_>,
        server: Ipv4Addr,
        sent_at: Duration,
        random: &mut Random,
    ) -> Option<Self> {
        let address = message.yiaddr();
        if address.is_unspecified() || address.is_broadcast() || address.is_multicast() {
            return None;
        }
        let time = message.get(key::LEASE_TIME).ok()??;
        let expires_at = at(sent_at, time);
        // T1 and T2 where they make sense: T1 < T2 < lease; blurred so that clients do not renew together.
        let t2 =
            message.get(key::REBINDING).ok().flatten().filter(|t2| *t2 < time).unwrap_or(eighths(time, 7));
        let t1 = message
            .get(key::RENEWAL)
            .ok()
            .flatten()
            .filter(|t1| *t1 < t2)
            .unwrap_or(eighths(time, 4).min(t2));
        let (mut renew_at, rebind_at) = (at(sent_at, t1), at(sent_at, t2));
        if renew_at != Duration::MAX {
            let early = Duration::from_secs(u64::from(t1) / 32);
            renew_at = renew_at.saturating_sub(random.within(&(Duration::ZERO..=early)));
        }
        if time == u32::MAX {
            renew_at = Duration::MAX;
        }
        let rebind_at = if time == u32::MAX { Duration::MAX } else { rebind_at };
        Some(Self::of(message, server, address, [renew_at, rebind_at, expires_at]))
    }

    /// Reads an ACK to an INFORM of the host at `address`: parameters that no time ends (§4.4.3).
    pub(super) fn informed(message: &Message<'_>, server: Ipv4Addr, address: Ipv4Addr) -> Self {
        Self::of(message, server, address, [Duration::MAX; 3])
    }

    fn of(message: &Message<'_>, server: Ipv4Addr, address: Ipv4Addr, times: [Duration; 3]) -> Self {
        let [renew_at, rebind_at, expires_at] = times;
        let text =
            |key: Key<typed::Text>| message.get(key).ok().flatten().and_then(|octets| readable(&octets));
        let addresses = |key: Key<typed::Addresses>| message.get(key).ok().flatten().unwrap_or_default();
        let boot_file =
            readable(message.file()).filter(|file| !file.is_empty()).or_else(|| text(key::BOOT_FILE));
        let netmask = message.get(key::SUBNET_MASK).ok().flatten().unwrap_or(class_mask(address));
        Self {
            address,
            netmask,
            routers: addresses(key::ROUTER),
            routes: message.get(key::CLASSLESS_ROUTES).ok().flatten().unwrap_or_default(),
            dns: addresses(key::DNS),
            domain: text(key::DOMAIN_NAME).filter(|name| is_host_name(name)),
            server,
            next_server: message.siaddr(),
            boot_file,
            path_prefix: text(key::PATH_PREFIX),
            renew_at,
            rebind_at,
            expires_at,
            reply: message.as_bytes().to_vec(),
        }
    }

    /// The octets of an option of the ACK.
    pub fn option(&self, code: OptionCode) -> Option<Vec<u8>> {
        Message::parse(&self.reply).ok()?.option(code).map(alloc::borrow::Cow::into_owned)
    }
}

/// `start` and `seconds` later; all ones are for ever (RFC 2131 §3.3).
fn at(start: Duration, seconds: u32) -> Duration {
    if seconds == u32::MAX {
        Duration::MAX
    } else {
        start.saturating_add(Duration::from_secs(seconds.into()))
    }
}

fn eighths(seconds: u32, count: u64) -> u32 {
    u32::try_from(u64::from(seconds).saturating_mul(count) / 8).unwrap_or(seconds)
}

/// Text from the network: UTF-8 without control characters, or nothing (CVE-2011-0997's class).
fn readable(octets: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(octets).ok()?;
    (!text.contains(char::is_control)).then(|| text.into())
}

/// A name that may stand in a file or on a command line: letters, digits, dots, hyphens and underscores, and no hyphen
/// first.
fn is_host_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(allowed)
}

fn class_mask(address: Ipv4Addr) -> Ipv4Addr {
    match address.octets()[0] {
        0..=127 => Ipv4Addr::new(255, 0, 0, 0),
        128..=191 => Ipv4Addr::new(255, 255, 0, 0),
        _ => Ipv4Addr::new(255, 255, 255, 0),
    }
}
