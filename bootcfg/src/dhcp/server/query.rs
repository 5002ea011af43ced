//! Leasequery: a relay asks who has an address (RFC 4388).

use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;

use super::client::Client;
use super::engine::Server;
use super::judge::Judgement;
use super::leases::{Binding, State};
use super::{Decision, Reason, Verdict};
use crate::dhcp::Destination;
use crate::wire::dhcp::{Builder, Dropped, Header, Message, MessageType, Op, OptionCode};

impl Server {
    /// Judges a question: by address, by hardware address or by identifier, exactly one of them (§6.3).
    pub(super) fn query(&self, now: Duration, message: &Message<'_>, client: Client<'_>, to: &mut Judgement) {
        if !self.config().leasequery.contains(&message.giaddr()) {
            // An answer goes to giaddr, so that a question without one has none (§6.3).
            return to.silent(Reason::NotAllowedToAsk);
        }
        let address = Some(message.ciaddr()).filter(|address| !address.is_unspecified());
        let id = message.option_slice(OptionCode::CLIENT_ID);
        let by_hw = client.hw.hlen() > 0;
        let found = match (address, by_hw, id) {
            (Some(address), false, None) => {
                to.decision.address = Some(address);
                let managed = self.cards().position(address).is_some()
                    || self.networks().is_managed(address)
                    || self.leases().get(address).is_some();
                if !managed {
                    return to.answer(Verdict::LeaseUnknown, Reason::Queried);
                }
                self.leases().get(address).filter(|binding| is_active(binding, now))
            }
            (None, true, None) => self.latest(self.leases().of_hw(client.hw), now),
            (None, false, Some(id)) => {
                let named = Client::new(self.config().seed, client.hw, Some(id));
                self.latest(self.leases().of_client(named).into_iter(), now)
            }
            _ => return to.silent(Reason::Malformed),
        };
        match (found, address) {
            (Some(binding), _) => {
                to.decision.address = Some(binding.address);
                to.decision.position = self.cards().position(binding.address);
                to.answer(Verdict::LeaseActive, Reason::Queried);
            }
            (None, Some(_)) => to.answer(Verdict::LeaseUnassigned, Reason::Queried),
            (None, None) => to.answer(Verdict::LeaseUnknown, Reason::Queried),
        }
    }

    /// The binding of the client that spoke last, of two at once the lower address (§6.4.1).
    fn latest<'a>(&self, bindings: impl Iterator<Item = &'a Binding>, now: Duration) -> Option<&'a Binding> {
        let active = bindings.filter(|binding| is_active(binding, now));
        active.max_by_key(|binding| (binding.spoke_at, core::cmp::Reverse(binding.address)))
    }

    /// Writes the answer, with what was asked for of what is known (§6.4.2).
    pub(super) fn query_reply(
        &self,
        now: Duration,
        message: &Message<'_>,
        decision: &Decision,
        buf: &mut [u8],
    ) -> Option<(Destination, usize, Dropped)> {
        let config = self.config();
        let binding = decision.address.and_then(|address| self.leases().get(address));
        let binding = binding.filter(|_| decision.verdict == Verdict::LeaseActive);
        let kind = match decision.verdict {
            Verdict::LeaseActive => MessageType::LEASEACTIVE,
            Verdict::LeaseUnassigned => MessageType::LEASEUNASSIGNED,
            _ => MessageType::LEASEUNKNOWN,
        };
        let header = Header {
            op: Op::REPLY,
            ciaddr: decision.address.unwrap_or(Ipv4Addr::UNSPECIFIED),
            giaddr: message.giaddr(),
            ..Header::request(message.xid(), binding.map_or(message.chaddr(), |binding| binding.hw))
        };
        let asked = message.option_slice(OptionCode::PARAMETERS).unwrap_or(&[]);
        let wants = |code: OptionCode| asked.contains(&code.0);
        // Option 82 here is what is known of the client, not an echo; it stands last all the same.
        let info = binding.and_then(Binding::relay_info).filter(|_| wants(OptionCode::RELAY_INFO));
        let limit = buf.len();
        let mut reply = Builder::new(buf, limit, &header, info)?;
        reply.kind(kind);
        reply.address(OptionCode::SERVER_ID, config.server_id);
        if let Some(binding) = binding {
            if let Some(id) = binding.id(&mut [0; 17]) {
                reply.option(OptionCode::CLIENT_ID, id);
            }
            self.times(now, binding, wants, &mut reply);
            if wants(OptionCode::ASSOCIATED) && message.ciaddr().is_unspecified() {
                let mut others = [0; 252];
                let mut len = 0_usize;
                let of_hw = self.leases().of_hw(binding.hw).filter(|other| is_active(other, now));
                for (to, other) in others.chunks_exact_mut(4).zip(of_hw) {
                    to.copy_from_slice(&other.address.octets());
                    len = len.saturating_add(4);
                }
                // The client's only address needs no list.
                if let Some(list) = others.get_mut(..len).filter(|list| list.len() > 4) {
                    sort_addresses(list);
                    reply.option(OptionCode::ASSOCIATED, list);
                }
            }
        }
        let (len, dropped) = reply.finish();
        let to = Destination::Relay(SocketAddrV4::new(message.giaddr(), config.ports.server));
        Some((to, len, dropped))
    }

    /// What is left of the lease's times, and how long ago its client spoke.
    fn times(
        &self,
        now: Duration,
        binding: &Binding,
        wants: impl Fn(OptionCode) -> bool,
        reply: &mut Builder<'_, '_>,
    ) {
        let State::Bound { until } = binding.state else { return };
        let lease = self.networks().parameters(binding.address, self.config()).lease;
        let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        let left = until.saturating_sub(now);
        let spoke = u64::from(binding.spoke_at);
        if wants(OptionCode::LEASE_TIME) {
            reply.u32(OptionCode::LEASE_TIME, if until == Duration::MAX { u32::MAX } else { seconds(left) });
        }
        // Renewal is due after half of the lease and rebinding after seven eighths; what is past is left out.
        let due = [(OptionCode::RENEWAL, 2, 1), (OptionCode::REBINDING, 8, 7)];
        for (code, parts, nth) in due {
            let after = lease.checked_div(parts).unwrap_or_default().saturating_mul(nth);
            let passed = lease.saturating_sub(left);
            if wants(code) && until != Duration::MAX && after > passed {
                reply.u32(code, seconds(after.saturating_sub(passed)));
            }
        }
        if wants(OptionCode::LAST_TRANSACTION) {
            let ago = now.as_secs().saturating_sub(spoke);
            reply.u32(OptionCode::LAST_TRANSACTION, u32::try_from(ago).unwrap_or(u32::MAX));
        }
    }
}

fn is_active(binding: &Binding, now: Duration) -> bool {
    matches!(binding.state, State::Bound { until } if until > now)
}

/// Puts addresses in their order, so that no table's order reaches the wire.
fn sort_addresses(list: &mut [u8]) {
    let (chunks, _) = list.as_chunks_mut::<4>();
    chunks.sort_unstable();
}
