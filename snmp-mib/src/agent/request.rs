//! From a datagram to a request that may be answered, whatever version it came in.

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use super::config::Config;
use super::io::Error;
use super::own::Own;
use super::reply::{Around, Head};
use super::secure::{Secure, Sender};
use crate::usm::Level;
use crate::vacm::{Denied, Grant, Model, Policy};
use crate::wire::{Body, Message, Pdu, Problem, Version};

/// A request and how it is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) pdu: Pdu<'a>,
    /// Whose rules hold: v1 has its own, v2c and v3 share theirs.
    pub(super) version: Version,
    pub(super) head: Head<'a>,
    /// Which context it speaks of; empty for the agent's own.
    pub(super) context: &'a [u8],
    /// What its sender may do.
    pub(super) grant: Result<Grant, Denied>,
    /// The longest answer, in octets, around which v3 still puts its envelope.
    pub(super) limit: usize,
    /// Who is answered in v3.
    pub(super) sender: Option<Sender<'a>>,
}

/// What a request is judged by.
pub(super) struct Judge<'s> {
    pub(super) config: &'s Config,
    pub(super) policy: &'s Policy,
    pub(super) own: &'s mut Own,
    #[cfg_attr(not(feature = "usm"), allow(dead_code, reason = "without the feature there is no v3"))]
    pub(super) secure: &'s mut Secure,
    #[cfg_attr(not(feature = "usm"), allow(dead_code, reason = "without the feature there is no v3"))]
    pub(super) now: Duration,
}

#[cfg(feature = "usm")]
/// Octets that an envelope adds at the most: headers, engine, user, digest of 48 octets, salt, padding.
const ENVELOPE: usize = 256;

impl Judge<'_> {
    /// Opens a datagram. What v3 has decrypted goes to `plain`.
    pub(super) fn open<'a>(
        &mut self,
        from: IpAddr,
        data: &'a [u8],
        plain: &'a mut Vec<u8>,
    ) -> Result<Request<'a>, Error> {
        let message = match Message::parse(data) {
            Ok(message) => message,
            #[cfg(feature = "usm")]
            Err(error) if error.problem == Problem::Version(3) && self.secure.is_on() => {
                return self.sealed(data, plain);
            }
            Err(error) => {
                let stats = &mut self.own.snmp.values;
                match error.problem {
                    Problem::Version(_) => stats.in_bad_versions.add(1),
                    _ => stats.in_asn_parse_errs.add(1),
                }
                return Err(error.into());
            }
        };
        #[cfg(not(feature = "usm"))]
        let _ = plain;
        let Some((position, context)) = self.community(message.community, from) else {
            self.own.snmp.values.in_bad_community_names.add(1);
            return Err(Error::Community);
        };
        let Body::Pdu(pdu) = message.body else {
            self.own.snmp.values.in_traps.add(1);
            return Err(Error::NotARequest);
        };
        let Message { version, community, .. } = message;
        let model = if version == Version::V1 { Model::V1 } else { Model::V2C };
        let name = self.config.communities.get(position).map_or(&[][..], |own| own.stands_for().as_bytes());
        let grant = self.policy.grant(model, name, Level::Open, context);
        if grant == Err(Denied::NoSuchContext) {
            self.own.contexts.values.unknown_contexts.add(1);
            return Err(Error::Context);
        }
        Ok(Request {
            pdu,
            version,
            head: Head { request_id: pdu.request_id, around: Around::Community { version, community } },
            context,
            grant,
            limit: self.config.limits.max_message,
            sender: None,
        })
    }

    /// The configured community of that name, and the context that stands behind an `@`, where the agent has other
    /// contexts than its own.
    fn community<'a>(&self, name: &'a [u8], from: IpAddr) -> Option<(usize, &'a [u8])> {
        let communities = &self.config.communities;
        let known = |name: &[u8]| communities.iter().position(|own| own.admits(name, from));
        if let Some(position) = known(name) {
            return Some((position, &[]));
        }
        let at = name.iter().rposition(|octet| *octet == b'@')?;
        let (name, context) = (name.get(..at)?, name.get(at.saturating_add(1)..)?);
        Some((known(name)?, context))
    }

    #[cfg(feature = "usm")]
    fn sealed<'a>(&mut self, data: &'a [u8], plain: &'a mut Vec<u8>) -> Result<Request<'a>, Error> {
        use super::own::{UNKNOWN_CONTEXTS, UNKNOWN_PDU_HANDLERS};

        let (sender, scoped) = self.secure.open(self.own, self.now, data, plain)?;
        let (pdu, id) = (scoped.pdu, scoped.pdu.request_id);
        // RFC 3412 §7.2 step 13b: nobody is registered for another engine's PDUs.
        if !self.secure.is_engine(scoped.engine) {
            let count = &mut self.own.mpd.values.unknown_pdu_handlers;
            count.add(1);
            self.secure.tell(self.now, &sender, (UNKNOWN_PDU_HANDLERS, *count), id);
            return Err(Error::Context);
        }
        let (model, name, level) = super::secure::identity(&sender);
        let grant = self.policy.grant(model, name, level, scoped.context);
        if grant == Err(Denied::NoSuchContext) {
            let count = &mut self.own.contexts.values.unknown_contexts;
            count.add(1);
            self.secure.tell(self.now, &sender, (UNKNOWN_CONTEXTS, *count), id);
            return Err(Error::Context);
        }
        let largest = usize::try_from(sender.max_size).unwrap_or(0);
        Ok(Request {
            pdu,
            version: Version::V2c,
            head: Head {
                request_id: id,
                around: Around::Scope { engine: scoped.engine, context: scoped.context },
            },
            context: scoped.context,
            grant,
            limit: largest.min(self.config.limits.max_message).saturating_sub(ENVELOPE),
            sender: Some(sender),
        })
    }
}
