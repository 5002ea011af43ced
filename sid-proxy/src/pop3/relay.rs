//! After the login: which bytes of the card are status lines and which are the body of a reply.

use super::command::{is_data, is_multi_line};
use super::config::Limits;
use crate::session::{Inside, Line, Outbox, Side, line};
use alloc::collections::VecDeque;
use core::net::IpAddr;

/// Follows the conversation between customer and card.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Relay {
    /// Commands whose replies have not begun.
    waiting: VecDeque<Waiting>,
    /// Where the reply stands whose body is passing, if one is.
    body: Option<Body>,
    /// Bytes that are being forwarded to the customer.
    forwarding: u64,
    /// The last range ends the body.
    ends: bool,
    /// The customer sends no more.
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Waiting {
    multi_line: bool,
    data: bool,
}

/// Where in a line of a body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Body {
    Start,
    Dot,
    DotReturn,
    Within,
}

/// A line longer than a line may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Relay {
    /// Passes one command line of the customer on and gives its length; 0 while there is none or too many wait.
    pub(super) fn client_data(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        out: &mut Outbox,
    ) -> Result<usize, TooLong> {
        if self.waiting.len() >= limits.pipeline {
            return Ok(0);
        }
        match line(bytes, limits.line) {
            Line::Whole(command, taken) => {
                self.waiting
                    .push_back(Waiting { multi_line: is_multi_line(command), data: is_data(command) });
                out.send(Side::Card, &[command, b"\r\n"]);
                Ok(taken)
            }
            Line::Partial => Ok(0),
            Line::TooLong => Err(TooLong),
        }
    }

    /// Passes one status line of the card on, or asks for a range of a body to be forwarded, and gives how many bytes
    /// were taken: none of a range.
    pub(super) fn card_data(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        inside: &Inside,
        card: Option<IpAddr>,
        out: &mut Outbox,
    ) -> Result<usize, TooLong> {
        if self.forwarding > 0 || bytes.is_empty() {
            return Ok(0);
        }
        if self.body.is_some() {
            self.forwarding = crate::number::long(self.scan(bytes));
            out.forward(Side::Card, self.forwarding);
            return Ok(0);
        }
        let (status, taken) = match line(bytes, limits.line) {
            Line::Whole(status, taken) => (status, taken),
            Line::Partial => return Ok(0),
            Line::TooLong => return Err(TooLong),
        };
        let waiting = self.waiting.pop_front().unwrap_or(Waiting { multi_line: false, data: false });
        let ok = status.starts_with(b"+OK");
        if waiting.multi_line && ok {
            self.body = Some(Body::Start);
        }
        let bare = if ok { &b"+OK"[..] } else { b"-ERR" };
        let hidden = !(waiting.data && ok) && inside.is_in(status, card);
        out.send(Side::Client, &[if hidden { bare } else { status }, b"\r\n"]);
        Ok(taken)
    }

    /// Counts what was forwarded; false if it is more than was asked for.
    pub(super) fn forwarded(&mut self, len: u64) -> bool {
        let Some(left) = self.forwarding.checked_sub(len) else { return false };
        self.forwarding = left;
        if left == 0 && core::mem::take(&mut self.ends) {
            self.body = None;
        }
        true
    }

    /// Notes that the customer sends no more; true the first time.
    pub(super) fn client_ended(&mut self) -> bool {
        !core::mem::replace(&mut self.ended, true)
    }

    /// True if a reply is not complete: an end now is a loss.
    pub(super) fn is_cut(&self) -> bool {
        self.body.is_some()
    }

    /// How many of these bytes belong to the body, its last line with the single dot included.
    fn scan(&mut self, bytes: &[u8]) -> usize {
        let mut at = self.body.unwrap_or(Body::Start);
        for (index, &byte) in bytes.iter().enumerate() {
            at = match (at, byte) {
                (Body::Dot | Body::DotReturn, b'\n') => {
                    self.ends = true;
                    return index.saturating_add(1);
                }
                (_, b'\n') => Body::Start,
                (Body::Start, b'.') => Body::Dot,
                (Body::Dot, b'\r') => Body::DotReturn,
                _ => Body::Within,
            };
        }
        self.body = Some(at);
        bytes.len()
    }
}
