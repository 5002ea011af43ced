//! A card's head: checked, and written anew for the customer, with nothing of the inside in it.

use super::answer::reason;
use super::body::{Framing, Style};
use super::field::{Known, is_essential, known};
use super::request::{Method, Request, Text, line};
use crate::wire::head::{Field, HeadError, Response as Head};
use crate::wire::list;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// What a head from a card means for the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// 1xx: the answer is still to come.
    Interim,
    /// 101: from here on the bytes are another protocol's.
    Switch,
    /// The answer, whose body follows.
    Final {
        status: u16,
        framing: Framing,
        style: Style,
        /// The card keeps the connection.
        reusable: bool,
        /// The customer's connection goes on.
        keep_alive: bool,
    },
}

/// What the proxy knows when the head comes.
pub(super) struct Context<'a> {
    pub(super) request: &'a Request,
    pub(super) pseudonym: &'a str,
    /// The card's address as text: what the customer may not see.
    pub(super) inside: &'a [u8],
    /// The prefix that was removed from the path.
    pub(super) stripped: &'a [u8],
    /// The customer's connection may go on as far as the proxy is concerned.
    pub(super) may_keep_alive: bool,
}

/// The head is no answer to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<HeadError> for Malformed {
    fn from(_: HeadError) -> Self {
        Self
    }
}

impl Context<'_> {
    /// Reads a head and appends what the customer gets of it.
    pub(super) fn rewrite(&self, head: &Head<'_>, out: &mut Vec<u8>) -> Result<Meaning, Malformed> {
        let framing = self.framing(head)?;
        let interim = head.status < 200;
        if head.status == 101 {
            let upgrade = head.fields.iter().find(|field| known(field.name) == Some(Known::Upgrade));
            let upgrade = upgrade.filter(|_| self.request.upgrade).ok_or(Malformed)?;
            self.write_start(head, out);
            self.write_fields(head, framing, out);
            line(out, "Connection", b"upgrade");
            line(out, "Upgrade", list::trim(upgrade.value));
            out.extend_from_slice(b"\r\n");
            return Ok(Meaning::Switch);
        }
        if interim {
            // HTTP/1.0 knows no interim responses (RFC 9110 §15.2).
            if !self.request.old {
                self.write_start(head, out);
                self.write_fields(head, framing, out);
                out.extend_from_slice(b"\r\n");
            }
            return Ok(Meaning::Interim);
        }
        let close = head
            .fields
            .iter()
            .any(|field| known(field.name) == Some(Known::Connection) && list::has(field.value, b"close"));
        let coded_with_length = framing == Framing::Chunked && count(head.fields, Known::ContentLength) > 0;
        let reusable = head.minor == 1 && !close && framing != Framing::UntilEnd && !coded_with_length;
        let style = match (self.request.old, self.request.trailers) {
            (true, _) => Style::Plain,
            (false, true) => Style::ChunksAndTrailers,
            (false, false) => Style::Chunks,
        };
        let keep_alive = self.may_keep_alive && self.request.keep_alive && framing != Framing::UntilEnd;
        self.write_start(head, out);
        self.write_fields(head, framing, out);
        if framing == Framing::Chunked && style != Style::Plain {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        if !keep_alive {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Ok(Meaning::Final { status: head.status, framing, style, reusable, keep_alive })
    }

    /// RFC 9112 §6.3, for a response.
    fn framing(&self, head: &Head<'_>) -> Result<Framing, Malformed> {
        let bodiless = self.request.method == Method::Head || matches!(head.status, 100..=199 | 204 | 304);
        let length = length(head.fields)?;
        let mut codings =
            head.fields.iter().filter(|field| known(field.name) == Some(Known::TransferEncoding));
        let coding = codings.next().map(|field| list::trim(field.value));
        if codings.next().is_some() {
            return Err(Malformed);
        }
        match coding {
            _ if bodiless => Ok(Framing::None),
            // RFC 9112 §6.1: a coding wins over a length, and none exists in HTTP/1.0.
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") && head.minor == 1 => {
                Ok(Framing::Chunked)
            }
            Some(_) => Err(Malformed),
            None => Ok(length.map_or(Framing::UntilEnd, Framing::Length)),
        }
    }

    fn write_start(&self, head: &Head<'_>, out: &mut Vec<u8>) {
        let _ = write!(Text(out), "HTTP/1.1 {} {}\r\n", head.status, reason(head.status));
    }

    fn write_fields(&self, head: &Head<'_>, framing: Framing, out: &mut Vec<u8>) {
        for field in head.fields {
            let value = list::trim(field.value);
            match known(field.name) {
                Some(
                    Known::Connection
                    | Known::KeepAlive
                    | Known::ProxyConnection
                    | Known::ProxyAuth
                    | Known::TransferEncoding
                    | Known::Te
                    | Known::Upgrade
                    // It would lead customers around the proxy.
                    | Known::AltSvc,
                ) => {}
                Some(Known::Trailer) if !self.request.trailers => {}
                Some(Known::ContentLength) => {
                    // Without a body it is what a GET would get; interim ones and 204 have none (RFC 9110 §8.6).
                    let tells = head.status == 304 || self.request.method == Method::Head;
                    let keep = matches!(framing, Framing::Length(_)) || (tells && framing == Framing::None);
                    if keep && head.status >= 200 && head.status != 204 {
                        let length = list::decimal(value).unwrap_or(0);
                        let _ = write!(Text(out), "Content-Length: {length}\r\n");
                    }
                }
                Some(Known::Location | Known::ContentLocation) => self.write_location(field.name, value, out),
                _ if nominated(head.fields, field.name) => {}
                _ => self.write_clean(field.name, value, out),
            }
        }
        let _ = write!(Text(out), "Via: 1.{} {}\r\n", head.minor, self.pseudonym);
    }

    /// A reference to the card itself becomes one to the same place as the customer knows it: without scheme
    /// and host, and under the prefix that was removed.
    fn write_location(&self, name: &str, value: &[u8], out: &mut Vec<u8>) {
        let path = self.inside_path(value).or_else(|| {
            // Not `//host/path`, which is another host.
            (value.first() == Some(&b'/') && value.get(1) != Some(&b'/')).then_some(value)
        });
        let Some(path) = path else { return self.write_clean(name, value, out) };
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(self.stripped);
        if path.first() != Some(&b'/') {
            out.push(b'/');
        }
        out.extend_from_slice(path);
        out.extend_from_slice(b"\r\n");
    }

    /// The path of an absolute reference to the card.
    fn inside_path<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        let at = value.windows(3).position(|three| three == b"://")?;
        let rest = value.get(at.checked_add(3)?..)?;
        let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        self.names_inside(authority).then_some(path)
    }

    /// Passes a field on unless it names the card.
    fn write_clean(&self, name: &str, value: &[u8], out: &mut Vec<u8>) {
        if self.names_inside(value) {
            return;
        }
        if value.iter().any(|&b| b == b'\r' || b == b'\n') {
            // A folded line (RFC 9112 §5.2): its break becomes spaces.
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend(value.iter().map(|&b| if b == b'\r' || b == b'\n' { b' ' } else { b }));
            out.extend_from_slice(b"\r\n");
        } else {
            line(out, name, value);
        }
    }

    fn names_inside(&self, value: &[u8]) -> bool {
        let part_of_more = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
        (0..value.len().saturating_sub(self.inside.len()).saturating_add(1)).any(|at| {
            let (before, rest) = value.split_at_checked(at).unwrap_or_default();
            rest.strip_prefix(self.inside)
                .is_some_and(|after| !part_of_more(before.last()) && !part_of_more(after.first()))
        })
    }
}

/// The one length of a head; equal copies count as one, as RFC 9112 §6.3 allows for responses.
fn length(fields: &[Field<'_>]) -> Result<Option<u64>, Malformed> {
    let mut length = None;
    for field in fields.iter().filter(|field| known(field.name) == Some(Known::ContentLength)) {
        let this = list::decimal(list::trim(field.value)).filter(|&n| n != u64::MAX).ok_or(Malformed)?;
        if length.is_some_and(|other| other != this) {
            return Err(Malformed);
        }
        length = Some(this);
    }
    Ok(length)
}

fn count(fields: &[Field<'_>], which: Known) -> usize {
    fields.iter().filter(|field| known(field.name) == Some(which)).count()
}

fn nominated(fields: &[Field<'_>], name: &str) -> bool {
    let mut connections = fields.iter().filter(|field| known(field.name) == Some(Known::Connection));
    connections.any(|field| list::has(field.value, name.as_bytes())) && !is_essential(name)
}
