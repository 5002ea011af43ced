//! The reply to a message: which fields and options, in which order, and where it goes.

use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;

use super::engine::Server;
use super::networks::Parameters;
use super::{Config, Decision, Reason, Rule, Unknown, Verdict};
use crate::Position;
use crate::dhcp::Destination;
use crate::wire::dhcp::typed::RelayInfo;
use crate::wire::dhcp::{
    Arch, Builder, DEFAULT_DATAGRAM, Dropped, Header, IP_UDP_HEADERS, Message, MessageType, Op, OptionCode,
    key,
};

/// Bit 15 of `flags`.
const BROADCAST: u16 = 0x8000;

impl Server {
    /// Writes the reply that `decision` means into `buf`, and says where it goes.
    pub(super) fn reply(
        &self,
        message: &Message<'_>,
        from: SocketAddrV4,
        decision: &Decision,
        buf: &mut Vec<u8>,
    ) -> Option<(Destination, usize, Dropped)> {
        let config = self.config();
        let limit = size_limit(message, config);
        // What stood in the buffer before is overwritten or lies behind the reply.
        if buf.len() < limit {
            buf.resize(limit, 0);
        }
        let buf = buf.get_mut(..limit)?;
        if matches!(decision.verdict, Verdict::LeaseActive | Verdict::LeaseUnassigned | Verdict::LeaseUnknown)
        {
            return self.query_reply(self.time(), message, decision, buf);
        }
        let nak = decision.verdict == Verdict::Nak;
        let header = self.header(message, decision);
        let relay_info = message.option(OptionCode::RELAY_INFO);
        let mut reply = Builder::new(buf, limit, &header, relay_info.as_deref())?;
        let kind = match decision.verdict {
            Verdict::Offer => Some(MessageType::OFFER),
            Verdict::Ack => Some(MessageType::ACK),
            Verdict::Nak => Some(MessageType::NAK),
            _ => None,
        };
        if let Some(kind) = kind {
            reply.kind(kind);
            let own_id = self.server_id_override(message).unwrap_or(config.server_id);
            reply.address(OptionCode::SERVER_ID, own_id);
        }
        if let Some(id) = message.option(OptionCode::CLIENT_ID).filter(|_| kind.is_some()) {
            // Whatever the client sent, unaltered (RFC 6842 §3).
            reply.option(OptionCode::CLIENT_ID, &id);
        }
        if nak {
            let mut text = Text::<64>::new();
            _ = write!(text, "{}", decision.reason);
            reply.option(OptionCode::MESSAGE, text.as_bytes());
        } else {
            self.parameters(message, decision, &mut reply);
        }
        let (len, dropped) = reply.finish();
        Some((self.destination(message, from, decision), len, dropped))
    }

    fn header(&self, message: &Message<'_>, decision: &Decision) -> Header {
        let nak = decision.verdict == Verdict::Nak;
        let informed = decision.reason == Reason::Informed;
        let relayed = !message.giaddr().is_unspecified();
        let given = decision.address.filter(|_| !nak && !informed).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let ciaddr = if matches!(decision.verdict, Verdict::Ack | Verdict::Bootp) {
            message.ciaddr()
        } else {
            Ipv4Addr::UNSPECIFIED
        };
        let boots = !nak && decision.rule != Rule::Pool;
        let siaddr = self.config().next_server.unwrap_or(self.config().server_id);
        Header {
            op: Op::REPLY,
            hops: 0,
            xid: message.xid(),
            secs: 0,
            // The relay then broadcasts to a client whose address is wrong (§4.3.2).
            flags: if nak && relayed { message.flags() | BROADCAST } else { message.flags() },
            ciaddr,
            yiaddr: given,
            siaddr: if boots { siaddr } else { Ipv4Addr::UNSPECIFIED },
            giaddr: message.giaddr(),
            chaddr: message.chaddr(),
        }
    }

    /// The parameters: those that a lease is made of, then those asked for in the order asked.
    fn parameters(&self, message: &Message<'_>, decision: &Decision, reply: &mut Builder<'_, '_>) {
        let address = decision.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let network = self.networks().parameters(address, self.config());
        let dhcp = decision.verdict != Verdict::Bootp;
        if dhcp && decision.reason != Reason::Informed {
            let lease = seconds(network.lease);
            reply.u32(OptionCode::LEASE_TIME, lease);
            if lease != u32::MAX {
                reply.u32(OptionCode::RENEWAL, lease / 2);
                reply.u32(
                    OptionCode::REBINDING,
                    u32::try_from(u64::from(lease).saturating_mul(7) / 8).unwrap_or(lease),
                );
            }
            if decision.reason == Reason::RapidCommit {
                reply.option(OptionCode::RAPID_COMMIT, &[]);
            }
        }
        // The mask comes before the routers (RFC 2132 §3.3), asked for or not.
        reply.address(OptionCode::SUBNET_MASK, network.netmask);
        self.boot_file(message, decision, reply);
        if dhcp {
            self.selected(message, reply);
            fqdn(message, reply);
        }
        let asked = message.option(OptionCode::PARAMETERS);
        let usual = [OptionCode::ROUTER.0, OptionCode::DNS.0, OptionCode::DOMAIN_NAME.0];
        let mut sent = [false; 256];
        for code in asked.as_deref().unwrap_or(&usual) {
            if let Some(sent) = sent.get_mut(usize::from(*code))
                && !core::mem::replace(sent, true)
            {
                self.parameter(OptionCode(*code), decision, &network, reply);
            }
        }
    }

    fn parameter(
        &self,
        code: OptionCode,
        decision: &Decision,
        network: &Parameters<'_>,
        reply: &mut Builder<'_, '_>,
    ) {
        let config = self.config();
        match code {
            OptionCode::ROUTER => addresses(reply, code, network.routers),
            OptionCode::DNS => addresses(reply, code, network.dns),
            OptionCode::DOMAIN_NAME => {
                if let Some(domain) = network.domain {
                    reply.option(code, domain.as_bytes());
                }
            }
            OptionCode::BROADCAST => _ = reply.address(code, network.broadcast),
            OptionCode::TFTP_SERVERS if decision.rule != Rule::Pool => {
                reply.address(code, config.next_server.unwrap_or(config.server_id));
            }
            OptionCode::PATH_PREFIX => {
                if let (Some(prefix), Some(position)) = (&config.path_prefix, decision.position) {
                    let mut path = Text::<255>::new();
                    if path.position(prefix, position).is_ok() {
                        reply.option(code, path.as_bytes());
                    }
                }
            }
            _ => {
                let of_code = |options: &&(OptionCode, Vec<u8>)| options.0 == code;
                let (of_network, of_all) = (network.options.iter(), config.options.iter());
                let own = of_network.clone().any(|option| of_code(&option));
                for (_, value) in of_network.chain(of_all.filter(|_| !own)).filter(of_code) {
                    reply.option(code, value);
                }
            }
        }
    }

    /// The boot file of the client's architecture, in `file` or, too long for it, in option 67.
    fn boot_file(&self, message: &Message<'_>, decision: &Decision, reply: &mut Builder<'_, '_>) {
        if decision.rule == Rule::Pool && matches!(self.config().unknown, Unknown::Quarantine(_)) {
            return;
        }
        if let Some(name) = &self.config().server_name
            && !reply.sname(name.as_bytes())
        {
            reply.option(OptionCode::TFTP_SERVER, name.as_bytes());
        }
        if self.config().boot.is_empty() {
            return;
        }
        let arch = architecture(message);
        let ipxe = speaks_ipxe(message);
        let fits = |boot: &&super::BootFile| {
            let arch_fits = boot.arch.is_none_or(|wanted| arch == Some(wanted.folded()));
            arch_fits && boot.ipxe.is_none_or(|wanted| wanted == ipxe)
        };
        let Some(boot) = self.config().boot.iter().find(fits) else { return };
        if arch.is_some_and(Arch::boots_by_http) {
            // An HTTP boot client takes only offers that say so (UEFI 2.10 §24.7.2).
            reply.option(OptionCode::VENDOR_CLASS, b"HTTPClient");
        }
        if !reply.file(boot.file.as_bytes()) {
            reply.option(OptionCode::BOOT_FILE, boot.file.as_bytes());
        }
    }

    /// The network that the client selected, told back (RFC 3011).
    fn selected(&self, message: &Message<'_>, reply: &mut Builder<'_, '_>) {
        if let Ok(Some(selected)) = message.get(key::SUBNET_SELECTION)
            && !self.config().subnets.is_empty()
        {
            reply.address(OptionCode::SUBNET_SELECTION, selected);
        }
    }

    /// The address that the relay wants the server to call itself by (RFC 5107).
    pub(super) fn server_id_override(&self, message: &Message<'_>) -> Option<Ipv4Addr> {
        relay_info(message)?.server_id_override()
    }

    /// Where a reply goes (RFC 2131 §4.1).
    fn destination(&self, message: &Message<'_>, from: SocketAddrV4, decision: &Decision) -> Destination {
        let ports = self.config().ports;
        let giaddr = message.giaddr();
        if !giaddr.is_unspecified() {
            let own_port = relay_info(message).is_some_and(|info| info.sub(RelayInfo::SOURCE_PORT).is_some());
            let port = if own_port { from.port() } else { ports.server };
            return Destination::Relay(SocketAddrV4::new(giaddr, port));
        }
        if decision.verdict == Verdict::Nak {
            return Destination::Broadcast(ports.client);
        }
        if !message.ciaddr().is_unspecified() {
            return Destination::Unicast(SocketAddrV4::new(message.ciaddr(), ports.client));
        }
        match decision.address {
            Some(address) if !message.broadcast() => {
                Destination::Link { hw: message.chaddr(), to: SocketAddrV4::new(address, ports.client) }
            }
            _ => Destination::Broadcast(ports.client),
        }
    }
}

fn relay_info<'a>(message: &Message<'a>) -> Option<RelayInfo<'a>> {
    if message.giaddr().is_unspecified() {
        return None;
    }
    message.get(key::RELAY_INFO).ok().flatten()
}

/// The client's name told back where it gave one: this server writes no DNS records, and says so by N (RFC 4702 §4).
fn fqdn(message: &Message<'_>, reply: &mut Builder<'_, '_>) {
    const S: u8 = 1;
    const O: u8 = 2;
    const E: u8 = 4;
    const N: u8 = 8;
    let Some([flags, _, _, name @ ..]) = message.option_slice(OptionCode::CLIENT_FQDN) else { return };
    let mut value = [0; 255];
    // What the client wanted of the server (S) is overridden (O); both result codes are 255 (§2.2).
    let overridden = if flags & S != 0 { O } else { 0 };
    let head = [flags & E | N | overridden, 255, 255];
    for (to, from) in value.iter_mut().zip(head.iter().chain(name)) {
        *to = *from;
    }
    if let Some(value) = value.get(..name.len().saturating_add(head.len())) {
        reply.option(OptionCode::CLIENT_FQDN, value);
    }
}

/// The largest message for this client: what it says, else 576, and never more than the link carries.
fn size_limit(message: &Message<'_>, config: &Config) -> usize {
    let says = message.get(key::MAX_MESSAGE).ok().flatten().map(usize::from);
    let datagram = says.unwrap_or(DEFAULT_DATAGRAM).max(DEFAULT_DATAGRAM).min(config.mtu.into());
    datagram.saturating_sub(IP_UDP_HEADERS)
}

/// A lease in the seconds of option 51; what does not fit is for ever (RFC 2131 §3.3).
fn seconds(lease: Duration) -> u32 {
    u32::try_from(lease.as_secs()).unwrap_or(u32::MAX)
}

fn addresses(reply: &mut Builder<'_, '_>, code: OptionCode, list: &[Ipv4Addr]) {
    let mut octets = [0; 252];
    let mut len = 0_usize;
    for (to, address) in octets.chunks_exact_mut(4).zip(list) {
        to.copy_from_slice(&address.octets());
        len = len.saturating_add(4);
    }
    if let Some(value) = octets.get(..len).filter(|value| !value.is_empty()) {
        reply.option(code, value);
    }
}

/// The client's architecture: option 93, or what its class says where 93 is missing.
fn architecture(message: &Message<'_>) -> Option<Arch> {
    let listed = message.option_slice(OptionCode::CLIENT_ARCH).and_then(|octets| octets.first_chunk::<2>());
    if let Some(arch) = listed {
        return Some(Arch(u16::from_be_bytes(*arch)).folded());
    }
    let class = message.option_slice(OptionCode::VENDOR_CLASS)?;
    let tail = class.strip_prefix(b"PXEClient:Arch:").or_else(|| class.strip_prefix(b"HTTPClient:Arch:"))?;
    core::str::from_utf8(tail.get(..5)?).ok()?.parse().ok().map(|arch| Arch(arch).folded())
}

/// iPXE names itself in option 77, and sends option 175 with its features.
fn speaks_ipxe(message: &Message<'_>) -> bool {
    message.option_slice(OptionCode::USER_CLASS).is_some_and(|class| class == b"iPXE" || class == b"\x04iPXE")
        || message.has(OptionCode::IPXE)
}

/// Text without a heap.
struct Text<const N: usize> {
    octets: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    const fn new() -> Self {
        Self { octets: [0; N], len: 0 }
    }

    fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or(&[])
    }

    /// Writes `prefix` and `C.S/`.
    fn position(&mut self, prefix: &str, position: Position) -> core::fmt::Result {
        self.write_str(prefix)?;
        self.number(position.chassis())?;
        self.write_str(".")?;
        self.number(position.slot())?;
        self.write_str("/")
    }

    /// Writes a number in decimal digits, without the machinery of formatting.
    fn number(&mut self, number: u8) -> core::fmt::Result {
        let digits = [number / 100, number / 10 % 10, number % 10].map(|digit| b'0'.saturating_add(digit));
        let first = usize::from(number < 100).saturating_add(usize::from(number < 10));
        let digits = digits.get(first..).and_then(|digits| core::str::from_utf8(digits).ok());
        self.write_str(digits.ok_or(core::fmt::Error)?)
    }
}

impl<const N: usize> core::fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.len.saturating_add(text.len());
        let to = self.octets.get_mut(self.len..end).ok_or(core::fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
