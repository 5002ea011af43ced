//! From a datagram to a request that may be answered, whatever version it came in.

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use super::config::{Config, Rights};
use super::engine::Error;
use super::own::Stats;
use super::reply::{Around, Head};
use super::secure::Secure;
use crate::wire::{Body, Message, Pdu, Problem, Version};

/// A request and how it is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) pdu: Pdu<'a>,
    /// Whose rules hold: v1 has its own, v2c and v3 share theirs.
    pub(super) version: Version,
    pub(super) head: Head<'a>,
    /// What its sender may do; nothing where a user has no rights at all.
    pub(super) rights: Option<Rights>,
    /// The longest answer, in octets, around which v3 still puts its envelope.
    pub(super) limit: usize,
    /// Who is answered in v3.
    pub(super) sender: Option<super::secure::Sender<'a>>,
}

impl<'a> Request<'a> {
    /// Opens a datagram. What v3 has decrypted goes to `plain`.
    pub(super) fn open(
        config: &Config,
        secure: &mut Secure,
        stats: &mut Stats,
        now: Duration,
        from: IpAddr,
        data: &'a [u8],
        plain: &'a mut Vec<u8>,
    ) -> Result<Self, Error> {
        let message = match Message::parse(data) {
            Ok(message) => message,
            Err(error) if error.problem == Problem::Version(3) && secure.is_on() => {
                return secure.open(config, stats, now, data, plain);
            }
            Err(error) => {
                match error.problem {
                    Problem::Version(_) => stats.in_bad_versions.add(1),
                    _ => stats.in_asn_parse_errs.add(1),
                }
                return Err(error.into());
            }
        };
        let own = config.communities.iter().find(|own| own.admits(message.community, from));
        let Some(own) = own else {
            stats.in_bad_community_names.add(1);
            return Err(Error::Community);
        };
        let Body::Pdu(pdu) = message.body else {
            stats.in_traps.add(1);
            return Err(Error::NotARequest);
        };
        let Message { version, community, .. } = message;
        Ok(Self {
            pdu,
            version,
            head: Head { request_id: pdu.request_id, around: Around::Community { version, community } },
            rights: Some(own.rights),
            limit: config.limits.max_message,
            sender: None,
        })
    }
}
