//! What a server tells: outputs, and a decision for every datagram.

use core::fmt;
use core::net::Ipv4Addr;
use core::time::Duration;

use crate::dhcp::Destination;
use crate::wire::dhcp::{Dropped, MessageType};
use crate::{HwAddr, Position};

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram came to the server's port.
    Datagram {
        /// Who sent it.
        from: core::net::SocketAddrV4,
        /// Its payload.
        bytes: &'a [u8],
    },
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<'a> {
    /// Keep `lease` where a power cut does not reach it. Replies whose `after` is `commit` or later wait for this.
    Persist {
        /// Names this change; later changes have greater ids.
        commit: CommitId,
        /// The lease as it is now.
        lease: Lease,
        /// The client's name, for [`Server::restore`](super::Server::restore).
        client: &'a [u8],
    },
    /// Send a datagram from the server's port.
    Send {
        /// Where to, and how.
        to: Destination,
        /// The payload.
        bytes: &'a [u8],
        /// The change that must be kept before this is sent (RFC 2131 §4.3.1); none: send at once.
        after: Option<CommitId>,
    },
    /// Something worth telling.
    Event(Event),
}

/// The identity of a change to the leases, in the order of the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub u64);

/// A binding as it is kept across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// Who has it, or had it last.
    pub hw: HwAddr,
    /// When it ends, in the server's time; [`Duration::MAX`]: never; in the past: it was given back.
    pub expires_at: Duration,
}

/// What is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A datagram was judged.
    Decided(Decision),
    /// Another card answers from a position.
    Swapped {
        /// The position.
        position: Position,
        /// The card that was there.
        old: HwAddr,
        /// The card that is there now, or wants to be.
        new: HwAddr,
        /// Whether it was let in.
        admitted: bool,
    },
    /// A card that was bound at one position speaks from another: moved, or a duplicate MAC.
    Moved {
        /// The card.
        hw: HwAddr,
        /// Where it was.
        from: Position,
        /// Where it is.
        to: Position,
    },
    /// A client found its address in use by someone else.
    Declined {
        /// The address, not offered for a while if it is the pool's.
        address: Ipv4Addr,
        /// Who told.
        hw: HwAddr,
    },
    /// A lease ended without being renewed.
    Expired {
        /// The address.
        address: Ipv4Addr,
        /// Its position.
        position: Option<Position>,
        /// Who had it.
        hw: HwAddr,
    },
}

/// What was decided about one datagram: by which rule, for what reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the client said; none: BOOTP or no message at all.
    pub kind: Option<MessageType>,
    /// The transaction.
    pub xid: u32,
    /// The client.
    pub hw: HwAddr,
    /// The relay, or unspecified.
    pub relay: Ipv4Addr,
    /// The position it was found to be at.
    pub position: Option<Position>,
    /// What the position was told by.
    pub rule: Rule,
    /// The address in question.
    pub address: Option<Ipv4Addr>,
    /// What was answered.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Options that did not fit into the reply.
    pub dropped: Dropped,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "{kind}")?,
            None => f.write_str("BOOTP")?,
        }
        write!(f, " from {}", self.hw)?;
        if !self.relay.is_unspecified() {
            write!(f, " via {}", self.relay)?;
        }
        if let Some(position) = self.position {
            write!(f, ", card {position} by {}", self.rule)?;
        }
        write!(f, ": {}", self.verdict)?;
        if let Some(address) = self.address {
            write!(f, " {address}")?;
        }
        write!(f, ", {}", self.reason)
    }
}

/// What a position was told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// Nothing.
    None,
    /// The circuit-id of a card's configuration.
    Circuit,
    /// A circuit-id that reads C.S.
    CircuitText,
    /// The MAC of a card's configuration.
    Mac,
    /// Several names of a card's configuration, the client's own among them.
    Named,
    /// Names of a card's configuration that say where it is.
    Placed,
    /// The lease that the client has: a renewal comes without circuit-id.
    Lease,
    /// The range for unknown clients.
    Pool,
    /// The next free position.
    Enrolled,
    /// A subnet's pool.
    Subnet,
}

impl Rule {
    /// Whether the address comes from a pool, so that its client holds nothing beforehand.
    pub(super) const fn is_pooled(self) -> bool {
        matches!(self, Self::Pool | Self::Subnet)
    }

    /// Whether the client is named by the operator, not only its place.
    pub(super) const fn names_the_client(self) -> bool {
        matches!(self, Self::Mac | Self::Named)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no rule",
            Self::Circuit => "circuit-id",
            Self::CircuitText => "circuit-id text",
            Self::Mac => "MAC",
            Self::Named => "names",
            Self::Placed => "place",
            Self::Lease => "lease",
            Self::Pool => "pool",
            Self::Enrolled => "enrolment",
            Self::Subnet => "subnet",
        })
    }
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// An OFFER.
    Offer,
    /// An ACK.
    Ack,
    /// A NAK.
    Nak,
    /// A BOOTP reply.
    Bootp,
    /// The answer to a relay's question (RFC 4388): who has an address.
    LeaseActive,
    /// The answer that nobody has it.
    LeaseUnassigned,
    /// The answer that the server does not know.
    LeaseUnknown,
    /// Noted, and nothing to answer (RELEASE, DECLINE).
    Noted,
    /// Silence.
    Silent,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offer => "OFFER",
            Self::Ack => "ACK",
            Self::Nak => "NAK",
            Self::Bootp => "BOOTP reply",
            Self::LeaseActive => "LEASEACTIVE",
            Self::LeaseUnassigned => "LEASEUNASSIGNED",
            Self::LeaseUnknown => "LEASEUNKNOWN",
            Self::Noted => "noted",
            Self::Silent => "no answer",
        })
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a datagram was answered as it was.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = $text] $(#[$doc])* $name,)*
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }
    };
}

reasons! {
    NewClient = "a client looks for its address",
    OfferTaken = "the client took the offer",
    Rebooted = "the client comes back with its address",
    Renewed = "the client renews its lease",
    RapidCommit = "the client asked for an answer at once",
    Informed = "the client has an address and asked for parameters",
    Bootp = "the client speaks BOOTP",
    Released = "the client gave its address back",
    AddressInUse = "the client found the address in use",
    NotARequest = "it is not a request",
    Malformed = "the message is malformed",
    NoHardwareAddress = "the client has neither hardware address nor identifier",
    UnknownKind = "the message type is not one for servers",
    OtherServer = "the client chose another server",
    NotOurRelay = "the relay is not one of ours",
    NoPosition = "the client is at no known position",
    PoolEmpty = "the pool has no free address",
    PositionsFull = "every position has a card",
    TooManyOffers = "the relay has too many offers outstanding",
    TooManyLeases = "the table of leases is full",
    PositionTaken = "another card has this position",
    WrongAddress = "the address is not the client's",
    WrongNetwork = "the address is not of the client's network",
    LeaseUnknown = "the server has no record of the client",
    NoAddress = "the request names no address",
    NoSubnet = "the network it asks for is none of ours",
    TooFast = "the client speaks too often",
    Queried = "a relay asks who has an address",
    NotAllowedToAsk = "the relay may not ask for leases",
}
