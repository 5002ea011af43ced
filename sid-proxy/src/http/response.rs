//! A card's head: checked, and written anew for the customer, with nothing of the inside in it.

use super::answer::reason;
use super::body::{Framing, Style};
use super::field::{Known, is_essential, known};
use super::inside::Hidden;
use super::request::{Method, Request, line};
use crate::number;
use crate::wire::head::{Field, HeadError, Response as Head};
use crate::wire::list;
use alloc::vec::Vec;

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
    /// What the customer may not see.
    pub(super) hidden: Hidden<'a>,
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
        out.extend_from_slice(b"HTTP/1.1 ");
        number::decimal(head.status.into(), out);
        out.push(b' ');
        out.extend_from_slice(reason(head.status).as_bytes());
        out.extend_from_slice(b"\r\n");
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
                        out.extend_from_slice(b"Content-Length: ");
                        number::decimal(length, out);
                        out.extend_from_slice(b"\r\n");
                    }
                }
                Some(Known::Location | Known::ContentLocation | Known::Link | Known::Refresh) => {
                    self.write_reference(field.name, value, out);
                }
                Some(Known::SetCookie) => {
                    self.write_value(field.name, out, |out| {
                        self.hidden.write_cookie(value, self.stripped, out);
                    });
                }
                _ if nominated(head.fields, field.name) => {}
                _ => self.write_clean(field.name, value, out),
            }
        }
        out.extend_from_slice(if head.minor == 0 { b"Via: 1.0 " } else { b"Via: 1.1 " });
        out.extend_from_slice(self.pseudonym.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// A reference to the card becomes one to the same place as the customer knows it: without scheme and host, and
    /// under the prefix that was removed. `//host/path` is another host's.
    fn write_reference(&self, name: &str, value: &[u8], out: &mut Vec<u8>) {
        self.write_value(name, out, |out| {
            let mut rest = value;
            if !self.stripped.is_empty() {
                // Where a path may begin: at the front, behind `<` in Link and behind `url=` in Refresh.
                while let Some(at) = path_begins(rest) {
                    let (front, tail) = rest.split_at_checked(at).unwrap_or_default();
                    self.hidden.write_references(front, self.stripped, out);
                    out.extend_from_slice(self.stripped);
                    let end = tail.iter().position(|b| b"<>,;".contains(b)).unwrap_or(tail.len());
                    let (path, after) = tail.split_at_checked(end).unwrap_or_default();
                    out.extend_from_slice(path);
                    rest = after;
                }
            }
            self.hidden.write_references(rest, self.stripped, out);
        });
    }

    /// Passes a field on unless it names the inside.
    fn write_clean(&self, name: &str, value: &[u8], out: &mut Vec<u8>) {
        self.write_value(name, out, |out| out.extend_from_slice(value));
    }

    /// Appends a field whose value `write` appends, on one line, unless the inside shows in it.
    fn write_value(&self, name: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = out.len();
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        let at = out.len();
        write(out);
        if self.hidden.shows_in(out.get(begin..).unwrap_or_default()) {
            out.truncate(begin);
            return;
        }
        // The breaks of a folded line (RFC 9112 §5.2) become spaces.
        let value = out.get_mut(at..).unwrap_or_default();
        value.iter_mut().filter(|b| matches!(**b, b'\r' | b'\n')).for_each(|b| *b = b' ');
        out.extend_from_slice(b"\r\n");
    }
}

/// Where the next path reference begins in a `Location`, `Link` or `Refresh`.
fn path_begins(value: &[u8]) -> Option<usize> {
    (0..value.len()).find(|&at| {
        let (front, tail) = value.split_at_checked(at).unwrap_or_default();
        let begins = front.is_empty()
            || front.last() == Some(&b'<')
            || front
                .len()
                .checked_sub(4)
                .and_then(|at| front.get(at..))
                .is_some_and(|f| f.eq_ignore_ascii_case(b"url="));
        begins && tail.first() == Some(&b'/') && tail.get(1) != Some(&b'/')
    })
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
