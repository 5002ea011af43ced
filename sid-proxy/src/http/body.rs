//! How a message's body is framed, and how far it got.
//!
//! ```text
//! Length(n) --Forward n--> Done                    UntilEnd --Forward all--> Done at the end
//! ChunkLine --line--> Chunk --Forward n--> ChunkEnd --CRLF--> ChunkLine ... --0--> Trailers --> Done
//! ```
//! One machine serves both directions. Chunks are passed on as chunks, their lines written anew without
//! extensions; to an HTTP/1.0 customer only their data passes.

use super::inside::Hidden;
use super::request::line;
use crate::number::Text;
use crate::wire::chunk::{self, ChunkError, may_trail};
use crate::wire::head::{self, HeadError};
use crate::wire::list;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is no body.
    #[default]
    None,
    /// By its length.
    Length(u64),
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    UntilEnd,
}

/// A body that is being passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body {
    state: State,
    style: Style,
    /// Bytes of content passed on so far.
    pub(super) passed: u64,
}

/// How chunks are written to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As chunks, trailers dropped.
    Chunks,
    /// As chunks with trailers.
    ChunksAndTrailers,
    /// Their data only.
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Forwarding { left: u64 },
    ChunkLine { first: bool },
    Chunk { left: u64 },
    ChunkEnd,
    Trailers { scanned: usize },
    Done,
}

/// What a step of the body asks for, besides the bytes that it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed.
    Wait,
    /// This many bytes were taken, and the step is made.
    Took(usize),
    /// This many bytes were taken, and the next `forward` bytes are to be moved.
    Forward { took: usize, forward: u64 },
}

/// The body is not what its framing says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl From<ChunkError> for Broken {
    fn from(_: ChunkError) -> Self {
        Self
    }
}

impl From<HeadError> for Broken {
    fn from(_: HeadError) -> Self {
        Self
    }
}

impl Body {
    /// Begins a body; gives what is to be forwarded at once.
    pub(super) fn begin(framing: Framing, style: Style) -> (Self, Option<u64>) {
        let (state, forward) = match framing {
            Framing::None | Framing::Length(0) => (State::Done, None),
            Framing::Length(left) => (State::Forwarding { left }, Some(left)),
            Framing::UntilEnd => (State::Forwarding { left: u64::MAX }, Some(u64::MAX)),
            Framing::Chunked => (State::ChunkLine { first: true }, None),
        };
        (Self { state, style, passed: 0 }, forward)
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The driver moved bytes; `None` if they are more than were to be moved.
    pub(super) fn forwarded(&mut self, len: u64) -> Option<()> {
        let (State::Forwarding { left } | State::Chunk { left }) = &mut self.state else { return None };
        if *left != u64::MAX {
            *left = left.checked_sub(len)?;
        }
        self.passed = self.passed.saturating_add(len);
        match self.state {
            State::Forwarding { left: 0 } => self.state = State::Done,
            State::Chunk { left: 0 } => self.state = State::ChunkEnd,
            _ => {}
        }
        Some(())
    }

    /// The sender sends no more. True if the body ends with that.
    pub(super) fn end(&mut self) -> bool {
        if self.state == (State::Forwarding { left: u64::MAX }) {
            self.state = State::Done;
        }
        self.is_done()
    }

    /// Reads what stands between the bytes to be moved. What the other side is to get is appended to `out`.
    pub(super) fn step(
        &mut self,
        bytes: &[u8],
        longest_line: usize,
        longest_trailers: usize,
        hidden: Hidden<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Broken> {
        match self.state {
            State::ChunkLine { first } => self.chunk_line(bytes, first, longest_line, out),
            State::ChunkEnd => {
                if !chunk::end(bytes)? {
                    return Ok(Step::Wait);
                }
                self.state = State::ChunkLine { first: false };
                Ok(Step::Took(2))
            }
            State::Trailers { scanned } => self.trailers(bytes, scanned, longest_trailers, hidden, out),
            State::Forwarding { .. } | State::Chunk { .. } | State::Done => Ok(Step::Wait),
        }
    }

    fn chunk_line(
        &mut self,
        bytes: &[u8],
        first: bool,
        longest: usize,
        out: &mut Vec<u8>,
    ) -> Result<Step, Broken> {
        let Some((size, took)) = chunk::line(bytes, longest)? else { return Ok(Step::Wait) };
        if self.style != Style::Plain {
            // The CR LF behind the chunk before is written together with the next line.
            let before = if first { "" } else { "\r\n" };
            let _ = write!(Text(out), "{before}{size:x}\r\n");
        }
        if size == 0 {
            self.state = State::Trailers { scanned: 0 };
            return Ok(Step::Took(took));
        }
        self.state = State::Chunk { left: size };
        Ok(Step::Forward { took, forward: size })
    }

    fn trailers(
        &mut self,
        bytes: &[u8],
        scanned: usize,
        longest: usize,
        hidden: Hidden<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Broken> {
        let whole = bytes.starts_with(b"\r\n") || head::end(bytes, scanned).is_some();
        if !whole {
            self.state = State::Trailers { scanned: bytes.len() };
            // A section that begins with an empty line which is no CR LF never becomes whole.
            let hopeless = bytes.len() >= longest || matches!(bytes, [b'\n', ..] | [b'\r', _, ..]);
            return if hopeless { Err(Broken) } else { Ok(Step::Wait) };
        }
        let mut room = [httparse::EMPTY_HEADER; 32];
        let (took, fields) = head::trailers(bytes, &mut room)?.ok_or(Broken)?;
        if took > longest {
            return Err(Broken);
        }
        if self.style == Style::ChunksAndTrailers {
            for field in fields.iter().filter(|field| may_trail(field.name)) {
                if !hidden.shows_in(field.name.as_bytes()) && !hidden.shows_in(field.value) {
                    line(out, field.name, list::trim(field.value));
                }
            }
        }
        if self.style != Style::Plain {
            out.extend_from_slice(b"\r\n");
        }
        self.state = State::Done;
        Ok(Step::Took(took))
    }
}
