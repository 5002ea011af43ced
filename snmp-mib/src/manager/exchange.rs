//! One request and what became of it.

use alloc::vec::Vec;
use core::{fmt, net::SocketAddr, time::Duration};

use crate::wire::{ErrorStatus, OidBuf, Version};

/// Names a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// An agent to be asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The version to speak.
    pub version: Version,
    /// The community.
    pub community: Vec<u8>,
}

impl Peer {
    /// An agent that speaks v2c.
    pub fn v2c(address: SocketAddr, community: &str) -> Self {
        Self { address, version: Version::V2c, community: community.into() }
    }
}

impl fmt::Debug for Peer {
    /// The community is a secret and stays out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer {{ address: {}, version: {:?} }}", self.address, self.version)
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
    /// The request-id of the message that an answer must carry.
    pub(super) wire_id: i32,
    pub(super) message: Vec<u8>,
    pub(super) tries: u32,
    pub(super) deadline: Duration,
    pub(super) kind: Kind,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// One exchange; how many bindings the answer must have.
    Once { bindings: usize },
    /// A walk below `root` that has reached `last`, over `seen` bindings.
    Walk { root: OidBuf, last: OidBuf, seen: usize },
}
