//! Headers and PDUs.

use alloc::vec::Vec;

use super::bytes::{Order, ParseError, Problem, Reader, Writer};
use super::list::{Binding, List, Search};
use super::name::Name;

/// Octets of a header.
pub const HEADER: usize = 20;

/// The type of a PDU (RFC 2741 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PduType(pub u8);

#[allow(missing_docs, reason = "the names are those of RFC 2741 §6.1")]
impl PduType {
    pub const OPEN: Self = Self(1);
    pub const CLOSE: Self = Self(2);
    pub const REGISTER: Self = Self(3);
    pub const UNREGISTER: Self = Self(4);
    pub const GET: Self = Self(5);
    pub const GET_NEXT: Self = Self(6);
    pub const GET_BULK: Self = Self(7);
    pub const TEST_SET: Self = Self(8);
    pub const COMMIT_SET: Self = Self(9);
    pub const UNDO_SET: Self = Self(10);
    pub const CLEANUP_SET: Self = Self(11);
    pub const NOTIFY: Self = Self(12);
    pub const PING: Self = Self(13);
    pub const INDEX_ALLOCATE: Self = Self(14);
    pub const INDEX_DEALLOCATE: Self = Self(15);
    pub const ADD_AGENT_CAPS: Self = Self(16);
    pub const REMOVE_AGENT_CAPS: Self = Self(17);
    pub const RESPONSE: Self = Self(18);
}

/// Why a session is closed (RFC 2741 §6.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason(pub u8);

#[allow(missing_docs, reason = "the names are those of RFC 2741 §6.2.2")]
impl Reason {
    pub const OTHER: Self = Self(1);
    pub const PARSE_ERROR: Self = Self(2);
    pub const PROTOCOL_ERROR: Self = Self(3);
    pub const TIMEOUTS: Self = Self(4);
    pub const SHUTDOWN: Self = Self(5);
    pub const BY_MANAGER: Self = Self(6);
}

/// The res.error of a response: what SNMP has in a Response, up to 18, and what only AgentX has
/// (RFC 2741 §6.2.16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

#[allow(missing_docs, reason = "the names are those of RFC 2741 §6.2.16")]
impl Status {
    pub const NO_ERROR: Self = Self(0);
    pub const GEN_ERR: Self = Self(5);
    pub const OPEN_FAILED: Self = Self(256);
    pub const NOT_OPEN: Self = Self(257);
    pub const INDEX_WRONG_TYPE: Self = Self(258);
    pub const INDEX_ALREADY_ALLOCATED: Self = Self(259);
    pub const INDEX_NONE_AVAILABLE: Self = Self(260);
    pub const INDEX_NOT_ALLOCATED: Self = Self(261);
    pub const UNSUPPORTED_CONTEXT: Self = Self(262);
    pub const DUPLICATE_REGISTRATION: Self = Self(263);
    pub const UNKNOWN_REGISTRATION: Self = Self(264);
    pub const UNKNOWN_AGENT_CAPS: Self = Self(265);
    pub const PARSE_ERROR: Self = Self(266);
    pub const REQUEST_DENIED: Self = Self(267);
    pub const PROCESSING_ERROR: Self = Self(268);
}

mod flag {
    pub(super) const INSTANCE: u8 = 1;
    pub(super) const NEW_INDEX: u8 = 2;
    pub(super) const ANY_INDEX: u8 = 4;
    pub(super) const CONTEXT: u8 = 8;
    pub(super) const NETWORK_ORDER: u8 = 16;
}

/// What stands before every PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The type of the PDU.
    pub kind: PduType,
    flags: u8,
    /// The byte order of the packet.
    pub order: Order,
    /// The session; 0 before there is one.
    pub session: u32,
    /// The transaction, several PDUs of which belong to one SNMP request.
    pub transaction: u32,
    /// Matches a response to its request.
    pub packet: u32,
    /// Octets behind the header.
    pub payload: u32,
}

impl Header {
    /// The header of the next packet on a stream; `None` until all of it is there.
    ///
    /// # Errors
    /// [`ParseError`] where the stream cannot be followed any further.
    pub fn of(stream: &[u8]) -> Result<Option<Self>, ParseError> {
        let fail = |problem, at| Err(ParseError { problem, at });
        if let Some(version @ (0 | 2..)) = stream.first() {
            return fail(Problem::Version(*version), 0);
        }
        let Some(([_, kind, flags, _], numbers)) = stream.get(..HEADER).and_then(<[u8]>::split_first_chunk)
        else {
            return Ok(None);
        };
        let order = if flags & flag::NETWORK_ORDER == 0 { Order::Little } else { Order::Big };
        let mut reader = Reader::new(numbers, 4, order);
        let (session, transaction) = (reader.u32()?, reader.u32()?);
        let (packet, payload) = (reader.u32()?, reader.u32()?);
        if payload & 3 != 0 {
            return fail(Problem::Length(payload), 16);
        }
        let kind = PduType(*kind);
        Ok(Some(Self { kind, flags: *flags, order, session, transaction, packet, payload }))
    }

    /// Octets of header and payload.
    pub fn packet_len(&self) -> usize {
        usize::try_from(self.payload).unwrap_or(usize::MAX).saturating_add(HEADER)
    }
}

/// A part of the tree (RFC 2741 §6.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region<'a> {
    /// Its root; that of the first subtree where it is a range.
    pub subtree: Name<'a>,
    /// Lower numbers come first, where several registered the same.
    pub priority: u8,
    /// Which arc of the root varies, counted from 1, and up to which value; `None` for a single subtree.
    pub range: Option<(u8, u32)>,
}

/// A PDU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Body<'a> {
    /// A sub-agent opens a session.
    Open {
        /// How long it may take to answer, in seconds; 0 leaves that to the master.
        timeout: u8,
        /// What identifies the sub-agent.
        id: Name<'a>,
        /// Its description.
        descr: &'a [u8],
    },
    /// Either side closes a session.
    Close(Reason),
    /// A sub-agent takes over a part of the tree.
    Register {
        /// Which one.
        region: Region<'a>,
        /// How long requests there may take, in seconds; 0 for the session's own.
        timeout: u8,
        /// Whether the region is a single instance.
        instance: bool,
    },
    /// A sub-agent gives a part of the tree back.
    Unregister(Region<'a>),
    /// Asks for instances.
    Get(List<'a, Search<'a>>),
    /// Asks for what follows.
    GetNext(List<'a, Search<'a>>),
    /// Asks for much of what follows.
    GetBulk {
        /// Of how many ranges one instance is wanted.
        non_repeaters: u16,
        /// How many of each of the others.
        max_repetitions: u16,
        /// Where to look.
        searches: List<'a, Search<'a>>,
    },
    /// Asks whether a SET would succeed, and prepares it.
    TestSet(List<'a, Binding<'a>>),
    /// Does what was tested.
    CommitSet,
    /// Takes back what was committed.
    UndoSet,
    /// Forgets what was tested.
    CleanupSet,
    /// A sub-agent sends a notification.
    Notify(List<'a, Binding<'a>>),
    /// A sub-agent asks whether the master is there.
    Ping,
    /// A sub-agent reserves values of an index.
    IndexAllocate {
        /// Whether values never used before are wanted.
        new: bool,
        /// Whether any free values will do.
        any: bool,
        /// The index objects, with the wanted values.
        varbinds: List<'a, Binding<'a>>,
    },
    /// A sub-agent gives values of an index back.
    IndexDeallocate(List<'a, Binding<'a>>),
    /// A sub-agent adds a row to sysORTable.
    AddAgentCaps {
        /// The capabilities.
        id: Name<'a>,
        /// Their description.
        descr: &'a [u8],
    },
    /// A sub-agent removes a row from sysORTable.
    RemoveAgentCaps(Name<'a>),
    /// Answers any other PDU.
    Response {
        /// The master's sysUpTime, in hundredths of a second.
        up_time: u32,
        /// What went wrong.
        status: Status,
        /// The position of the binding that it went wrong with, counted from 1.
        index: u16,
        /// The answer.
        varbinds: List<'a, Binding<'a>>,
    },
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Packet<'a> {
    /// The byte order.
    pub order: Order,
    /// The session; 0 before there is one.
    pub session: u32,
    /// The transaction.
    pub transaction: u32,
    /// Matches a response to its request.
    pub packet: u32,
    /// The context; `None` for the default one, and for PDUs that have none.
    pub context: Option<&'a [u8]>,
    /// The PDU.
    pub body: Body<'a>,
}

impl<'a> Packet<'a> {
    /// Reads a packet and checks all of it.
    ///
    /// # Errors
    /// [`ParseError`]: what was wrong and where.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let truncated = ParseError { problem: Problem::Truncated, at: bytes.len() };
        let header = Header::of(bytes)?.ok_or(truncated)?;
        let payload = bytes.get(HEADER..header.packet_len()).ok_or(truncated)?;
        if bytes.len() > header.packet_len() {
            return Err(ParseError { problem: Problem::Leftover, at: header.packet_len() });
        }
        let mut reader = Reader::new(payload, HEADER, header.order);
        let has_context = header.flags & flag::CONTEXT != 0;
        let context = match header.kind {
            // Those have none (RFC 2741 §6.1.1); net-snmp sets the flag all the same where a context is in play.
            PduType::OPEN
            | PduType::CLOSE
            | PduType::COMMIT_SET
            | PduType::UNDO_SET
            | PduType::CLEANUP_SET
            | PduType::RESPONSE => None,
            _ if has_context => Some(reader.octets()?),
            _ => None,
        };
        let body = Body::read(&header, &mut reader)?;
        if !reader.is_empty() {
            return Err(reader.error(Problem::Leftover));
        }
        let Header { order, session, transaction, packet, .. } = header;
        Ok(Self { order, session, transaction, packet, context, body })
    }

    /// Appends the packet to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let from = out.len();
        let (kind, mut flags) = self.body.kind();
        if self.order == Order::Big {
            flags |= flag::NETWORK_ORDER;
        }
        if self.context.is_some() {
            flags |= flag::CONTEXT;
        }
        let mut writer = Writer { out, order: self.order };
        writer.u8s(&[1, kind.0, flags, 0]);
        [self.session, self.transaction, self.packet, 0].iter().for_each(|number| writer.u32(*number));
        if let Some(context) = self.context {
            writer.octets(context);
        }
        self.body.write(&mut writer);
        let payload = writer.out.len().saturating_sub(from).saturating_sub(HEADER);
        let payload = writer.word(u32::try_from(payload).unwrap_or(u32::MAX));
        let place = from.saturating_add(16)..from.saturating_add(HEADER);
        if let Some(place) = writer.out.get_mut(place) {
            place.copy_from_slice(&payload);
        }
    }
}

impl<'a> Body<'a> {
    fn read(header: &Header, reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let flagged = |flag| header.flags & flag != 0;
        Ok(match header.kind {
            PduType::OPEN => {
                let [timeout, ..] = reader.array::<4>()?;
                Self::Open { timeout, id: Name::read(reader)?.0, descr: reader.octets()? }
            }
            PduType::CLOSE => Self::Close(Reason(reader.array::<4>().map(|[reason, ..]| reason)?)),
            PduType::REGISTER => {
                let (timeout, region) = Region::read(reader)?;
                Self::Register { region, timeout, instance: flagged(flag::INSTANCE) }
            }
            PduType::UNREGISTER => Self::Unregister(Region::read(reader)?.1),
            PduType::GET => Self::Get(List::read(reader)?),
            PduType::GET_NEXT => Self::GetNext(List::read(reader)?),
            PduType::GET_BULK => Self::GetBulk {
                non_repeaters: reader.u16()?,
                max_repetitions: reader.u16()?,
                searches: List::read(reader)?,
            },
            PduType::TEST_SET => Self::TestSet(List::read(reader)?),
            PduType::COMMIT_SET => Self::CommitSet,
            PduType::UNDO_SET => Self::UndoSet,
            PduType::CLEANUP_SET => Self::CleanupSet,
            PduType::NOTIFY => Self::Notify(List::read(reader)?),
            PduType::PING => Self::Ping,
            PduType::INDEX_ALLOCATE => Self::IndexAllocate {
                new: flagged(flag::NEW_INDEX),
                any: flagged(flag::ANY_INDEX),
                varbinds: List::read(reader)?,
            },
            PduType::INDEX_DEALLOCATE => Self::IndexDeallocate(List::read(reader)?),
            PduType::ADD_AGENT_CAPS => {
                Self::AddAgentCaps { id: Name::read(reader)?.0, descr: reader.octets()? }
            }
            PduType::REMOVE_AGENT_CAPS => Self::RemoveAgentCaps(Name::read(reader)?.0),
            PduType::RESPONSE => Self::Response {
                up_time: reader.u32()?,
                status: Status(reader.u16()?),
                index: reader.u16()?,
                varbinds: List::read(reader)?,
            },
            PduType(other) => return Err(ParseError { problem: Problem::Type(other), at: 1 }),
        })
    }

    /// The type and the flags that the PDU itself asks for.
    const fn kind(&self) -> (PduType, u8) {
        match self {
            Self::Open { .. } => (PduType::OPEN, 0),
            Self::Close(_) => (PduType::CLOSE, 0),
            Self::Register { instance, .. } => {
                (PduType::REGISTER, if *instance { flag::INSTANCE } else { 0 })
            }
            Self::Unregister(_) => (PduType::UNREGISTER, 0),
            Self::Get(_) => (PduType::GET, 0),
            Self::GetNext(_) => (PduType::GET_NEXT, 0),
            Self::GetBulk { .. } => (PduType::GET_BULK, 0),
            Self::TestSet(_) => (PduType::TEST_SET, 0),
            Self::CommitSet => (PduType::COMMIT_SET, 0),
            Self::UndoSet => (PduType::UNDO_SET, 0),
            Self::CleanupSet => (PduType::CLEANUP_SET, 0),
            Self::Notify(_) => (PduType::NOTIFY, 0),
            Self::Ping => (PduType::PING, 0),
            Self::IndexAllocate { new, any, .. } => {
                let new = if *new { flag::NEW_INDEX } else { 0 };
                (PduType::INDEX_ALLOCATE, new | if *any { flag::ANY_INDEX } else { 0 })
            }
            Self::IndexDeallocate(_) => (PduType::INDEX_DEALLOCATE, 0),
            Self::AddAgentCaps { .. } => (PduType::ADD_AGENT_CAPS, 0),
            Self::RemoveAgentCaps(_) => (PduType::REMOVE_AGENT_CAPS, 0),
            Self::Response { .. } => (PduType::RESPONSE, 0),
        }
    }

    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::Open { timeout, id, descr } => {
                out.u8s(&[*timeout, 0, 0, 0]);
                id.write(false, out);
                out.octets(descr);
            }
            Self::Close(reason) => out.u8s(&[reason.0, 0, 0, 0]),
            Self::Register { region, timeout, .. } => region.write(*timeout, out),
            Self::Unregister(region) => region.write(0, out),
            Self::Get(searches) | Self::GetNext(searches) => searches.write(out),
            Self::GetBulk { non_repeaters, max_repetitions, searches } => {
                out.u16(*non_repeaters);
                out.u16(*max_repetitions);
                searches.write(out);
            }
            Self::TestSet(varbinds)
            | Self::Notify(varbinds)
            | Self::IndexAllocate { varbinds, .. }
            | Self::IndexDeallocate(varbinds) => varbinds.write(out),
            Self::CommitSet | Self::UndoSet | Self::CleanupSet | Self::Ping => {}
            Self::AddAgentCaps { id, descr } => {
                id.write(false, out);
                out.octets(descr);
            }
            Self::RemoveAgentCaps(id) => id.write(false, out),
            Self::Response { up_time, status, index, varbinds } => {
                out.u32(*up_time);
                out.u16(status.0);
                out.u16(*index);
                varbinds.write(out);
            }
        }
    }
}

impl<'a> Region<'a> {
    /// Takes a region and the timeout before it.
    fn read(reader: &mut Reader<'a>) -> Result<(u8, Self), ParseError> {
        let [timeout, priority, range, _] = reader.array()?;
        let (subtree, _) = Name::read(reader)?;
        let bad = reader.error(Problem::Oid);
        let range = match range {
            0 => None,
            // The arc that varies is one of the root's.
            position if usize::from(position) > subtree.arcs().count() => return Err(bad),
            position => Some((position, reader.u32()?)),
        };
        Ok((timeout, Self { subtree, priority, range }))
    }

    fn write(&self, timeout: u8, out: &mut Writer<'_>) {
        out.u8s(&[timeout, self.priority, self.range.map_or(0, |(position, _)| position), 0]);
        self.subtree.write(false, out);
        if let Some((_, upper)) = self.range {
            out.u32(upper);
        }
    }
}
