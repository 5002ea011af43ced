//! One request and what became of it.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use crate::usm::{Reason, Security};
use crate::wire::{ErrorStatus, OidBuf, PduType, VarBindList, Version};

/// Names a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// An agent to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// How it is spoken to.
    pub security: Security,
}

impl Peer {
    /// An agent that speaks v1.
    pub fn v1(address: SocketAddr, community: &str) -> Self {
        Self { address, security: Security::Community { version: Version::V1, community: community.into() } }
    }

    /// An agent that speaks v2c.
    pub fn v2c(address: SocketAddr, community: &str) -> Self {
        Self { address, security: Security::Community { version: Version::V2c, community: community.into() } }
    }

    /// An agent that speaks v3, asked as that user, whose credentials `Client::secure` was given.
    pub fn v3(address: SocketAddr, user: &str) -> Self {
        Self { address, security: Security::User { name: user.into(), context: Vec::new() } }
    }

    /// The same agent, asked in that context: by the contextName of v3, or by `community@context`.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        match &mut self.security {
            Security::User { context, .. } => *context = name.into(),
            Security::Community { community, .. } => {
                community.push(b'@');
                community.extend(name.as_bytes());
            }
        }
        self
    }
}

/// Why a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No answer, after every retry.
    #[error("no answer")]
    Timeout,
    /// The agent refused.
    #[error("error-status {} at binding {index}", status.0)]
    Refused {
        /// Its error-status.
        status: ErrorStatus,
        /// Its error-index, counted from 1.
        index: i32,
    },
    /// The engine refuses the user, or who made the message is not known here.
    #[error("refused by the security model: {0}")]
    Security(Reason),
    /// A walk met a name that does not rise: going on would never end.
    #[error("the agent's names do not rise")]
    NotRising,
    /// The answer's bindings do not belong to the request.
    #[error("an answer with other bindings than were asked for")]
    Mismatch,
    /// A walk went over more bindings than the limits allow.
    #[error("the walk is too long")]
    TooLong,
}

/// A request under way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exchange {
    pub(super) id: RequestId,
    pub(super) peer: Peer,
    /// The request-id that an answer must carry; in v3 the msgID as well.
    pub(super) wire_id: i32,
    pub(super) pdu: PduType,
    /// non-repeaters and max-repetitions of a GETBULK.
    pub(super) counts: (i32, i32),
    pub(super) bindings: VarBindList,
    pub(super) tries: u32,
    /// How often the engine has taught its identity or its clock since this was asked.
    pub(super) lessons: u32,
    pub(super) deadline: Duration,
    pub(super) kind: Kind,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// One exchange; how many bindings the answer must have.
    Once { bindings: usize },
    /// One GETBULK.
    Bulk,
    /// A walk below `root` that has reached `last`, over `seen` bindings.
    Walk { root: OidBuf, last: OidBuf, seen: usize },
}
