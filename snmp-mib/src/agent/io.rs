//! What an agent takes and gives.

use core::net::SocketAddr;

use crate::wire::{ErrorStatus, Oid, ParseError, PduType, VarBinds};

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram arrived.
    Datagram {
        /// Its sender.
        from: SocketAddr,
        /// Its bytes.
        data: &'a [u8],
    },
    /// The driver sent notifications, which the snmp group counts.
    TrapsSent(u32),
    /// The owner agrees to a SET and has written down what must last: now it takes effect.
    WriteDone {
        /// Which SET.
        id: WriteId,
    },
    /// The owner refuses a SET, which then has no effect.
    WriteRefused {
        /// Which SET.
        id: WriteId,
        /// The position of the binding that it is refused for, counted from 0.
        position: usize,
        /// What is answered.
        status: ErrorStatus,
    },
    /// What [`Output::Fetch`] asked for is in the MIB now: every request that waits for it is answered, whole.
    Fetched {
        /// Which question.
        id: AskId,
    },
    /// What was answered in the other context to what [`Output::Ask`] asked.
    Answered {
        /// Which question.
        id: AskId,
        /// The error-status.
        status: ErrorStatus,
        /// The error-index, counted from 1.
        index: i32,
        /// The bindings.
        varbinds: VarBinds<'a>,
    },
    /// Nobody answers what [`Output::Fetch`] or [`Output::Ask`] asked: the requests that wait for it fail.
    Unanswered {
        /// Which question.
        id: AskId,
    },
    /// The deadline has come.
    Tick,
}

/// Names a SET that waits for the owner of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub u64);

/// Names a question to the owner of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send `data` to `to`, from the address that the request went to.
    Send {
        /// Who asked.
        to: SocketAddr,
        /// The response.
        data: &'a [u8],
    },
    /// Ask the owner of the data whether a SET that the agent has judged may take effect, and answer with
    /// [`Input::WriteDone`] or [`Input::WriteRefused`]. Only with `Writes::Confirmed`.
    Write {
        /// Which SET.
        id: WriteId,
        /// Who asks.
        from: SocketAddr,
        /// What is to be written.
        varbinds: VarBinds<'a>,
    },
    /// Bring a part of the MIB up to date that is not ready (`Node::ready`), then say [`Input::Fetched`] or
    /// [`Input::Unanswered`].
    Fetch {
        /// Which question.
        id: AskId,
        /// The root of the node.
        root: Oid<'a>,
    },
    /// Ask in another context, as an agent behind this one, and say [`Input::Answered`] or [`Input::Unanswered`].
    /// Whoever asks has the right to.
    Ask {
        /// Which question.
        id: AskId,
        /// The context.
        context: &'a [u8],
        /// GET, GETNEXT, GETBULK or SET.
        kind: PduType,
        /// non-repeaters and max-repetitions of a GETBULK.
        counts: (i32, i32),
        /// What is asked.
        varbinds: VarBinds<'a>,
    },
    /// Something that the owner of the data may want to know.
    Event(Event),
}

/// What the owner of the data may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A SET took effect: what is to survive a restart should be written down now.
    Written {
        /// Who wrote.
        from: SocketAddr,
        /// How many bindings it had.
        bindings: usize,
    },
}

/// Why a datagram was not answered. Nothing but counters has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no message of a version that this agent speaks.
    #[error("malformed message: {0}")]
    Malformed(#[from] ParseError),
    /// Nobody of that community may ask from there. Where `Agent::authentication_traps` says so, this is the
    /// moment for an authenticationFailure notification.
    #[error("unknown community, or from the wrong network")]
    Community,
    /// The security model of v3 refuses the message, and nobody is to be told.
    #[error("refused by the security model")]
    Refused,
    /// A message of v3 for another engine, or for a context that there is not.
    #[error("unknown engine or context")]
    Context,
    /// A response or a notification: nothing for an agent.
    #[error("a PDU that is no request")]
    NotARequest,
    /// As many responses or waiting requests as the limits allow are there already.
    #[error("too many responses or requests are waiting")]
    Busy,
    /// The same request came again while the first one waits: one answer serves both.
    #[error("the same request is waiting already")]
    Repeated,
    /// No SET of that name waits for the owner of the data, or no longer.
    #[error("no SET waits for that answer")]
    UnknownWrite,
    /// Nothing was asked under that name, or it is too late.
    #[error("no request waits for that answer")]
    UnknownAsk,
    /// Not even an empty response fits the limits.
    #[error("the response does not fit")]
    TooBig,
}
