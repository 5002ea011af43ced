//! Building a response: bindings are appended in order behind room for the headers, which come last.
//!
//! So a response is cut from its end by not appending, nothing is moved, and the size is known at every step.

use alloc::vec::Vec;

use crate::wire::ber::{NoRoom, Tag, Writer, element_len, signed_len};
use crate::wire::{ErrorStatus, Oid, PduType, Value, Version, append};

/// What the headers of a response say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) request_id: i32,
    pub(super) around: Around<'a>,
}

/// What stands around the PDU.
#[derive(Clone, Copy, Debug)]
pub(super) enum Around<'a> {
    /// A message of v1 or v2c.
    Community { version: Version, community: &'a [u8] },
    /// A scoped PDU of v3, which is sealed afterwards.
    #[cfg_attr(not(feature = "usm"), allow(dead_code, reason = "without the feature there is no v3"))]
    Scope { engine: &'a [u8], context: &'a [u8] },
}

impl Head<'_> {
    /// Octets before the bindings at the most: headers, integers and names.
    fn room(&self) -> usize {
        let names = match self.around {
            Around::Community { community, .. } => community.len(),
            Around::Scope { engine, context } => engine.len().saturating_add(context.len()),
        };
        names.saturating_add(64)
    }

    /// Octets of the whole around `bindings` octets, with the given error fields.
    fn message_len(&self, bindings: usize, status: ErrorStatus, index: i32) -> usize {
        let pdu = element_len(bindings)
            .saturating_add(element_len(signed_len(self.request_id)))
            .saturating_add(element_len(signed_len(status.0)))
            .saturating_add(element_len(signed_len(index)));
        let names = match self.around {
            Around::Community { community, .. } => {
                element_len(1).saturating_add(element_len(community.len()))
            }
            Around::Scope { engine, context } => {
                element_len(engine.len()).saturating_add(element_len(context.len()))
            }
        };
        element_len(element_len(pdu).saturating_add(names))
    }
}

/// A response under construction.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    head: Head<'a>,
    buffer: Vec<u8>,
    room: usize,
}

impl<'a> Reply<'a> {
    /// Starts in an empty `buffer`.
    pub(super) fn new(head: Head<'a>, mut buffer: Vec<u8>) -> Self {
        let room = head.room();
        buffer.clear();
        buffer.resize(room, 0);
        Self { head, buffer, room }
    }

    /// Octets of the bindings so far.
    pub(super) fn bindings_len(&self) -> usize {
        self.buffer.len().saturating_sub(self.room)
    }

    /// Appends a binding, unless the message then is longer than `limit`.
    #[inline]
    pub(super) fn push(&mut self, name: Oid<'_>, value: &Value<'_>, limit: usize) -> Result<(), NoRoom> {
        let before = self.buffer.len();
        append(name, value, &mut self.buffer);
        // The room for the headers is more than they take, so most bindings need no closer look.
        if self.buffer.len() > limit
            && self.head.message_len(self.bindings_len(), ErrorStatus::NO_ERROR, 0) > limit
        {
            self.buffer.truncate(before);
            return Err(NoRoom);
        }
        Ok(())
    }

    /// Makes `content` the bindings, as they came in a request.
    pub(super) fn echo(&mut self, content: &[u8]) {
        self.buffer.truncate(self.room);
        self.buffer.extend_from_slice(content);
    }

    /// Drops the bindings.
    pub(super) fn clear(&mut self) {
        self.buffer.truncate(self.room);
    }

    /// Tells whether the message with these error fields is within `limit`.
    pub(super) fn fits(&self, status: ErrorStatus, index: i32, limit: usize) -> bool {
        self.head.message_len(self.bindings_len(), status, index) <= limit
    }

    /// Writes the headers and hands the buffer back, with the offset of the message in it.
    pub(super) fn finish(mut self, status: ErrorStatus, index: i32) -> Result<(Vec<u8>, usize), NoRoom> {
        let bindings = self.bindings_len();
        let mut out = Writer::new(self.buffer.get_mut(..self.room).ok_or(NoRoom)?);
        out.header_of(Tag::SEQUENCE, bindings)?;
        let inner = |out: &Writer<'_>| out.len().saturating_add(bindings);
        out.integer(index)?;
        out.integer(status.0)?;
        out.integer(self.head.request_id)?;
        let pdu = inner(&out);
        out.header_of(Tag(PduType::RESPONSE.0), pdu)?;
        match self.head.around {
            Around::Community { version, community } => {
                out.element(Tag::OCTETS, community)?;
                out.integer(version.number())?;
            }
            Around::Scope { engine, context } => {
                out.element(Tag::OCTETS, context)?;
                out.element(Tag::OCTETS, engine)?;
            }
        }
        let message = inner(&out);
        out.header_of(Tag::SEQUENCE, message)?;
        let start = out.start();
        Ok((self.buffer, start))
    }

    /// Hands the buffer back unused.
    pub(super) fn abandon(self) -> Vec<u8> {
        self.buffer
    }
}
