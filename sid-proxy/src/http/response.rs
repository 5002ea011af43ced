//! A card's head: checked, and written anew for the customer, with nothing of the inside in it.

use super::answer::reason;
use super::body::{Framing, Style};
use super::field::{Known, is_essential, known};
use super::inside::Hidden;
use super::request::{Method, Request, line};
use crate::number;
use crate::wire::head::{Field, HeadError, MAX_FIELDS, Response as Head};
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
    /// The proxy's own `Set-Cookie`; empty where it has none.
    pub(super) set_cookie: &'a [u8],
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
        let mut seen = Seen::new();
        seen.gather(head)?;
        let framing = self.framing(head, &seen)?;
        let interim = head.status < 200;
        if head.status == 101 {
            let upgrade = seen.upgrade.filter(|_| self.request.upgrade).ok_or(Malformed)?;
            write_start(head, out);
            self.write_fields(head, &seen, framing, out);
            line(out, "Connection", b"upgrade");
            line(out, "Upgrade", upgrade);
            out.extend_from_slice(b"\r\n");
            return Ok(Meaning::Switch);
        }
        if interim {
            // HTTP/1.0 knows no interim responses (RFC 9110 §15.2).
            if !self.request.old {
                write_start(head, out);
                self.write_fields(head, &seen, framing, out);
                out.extend_from_slice(b"\r\n");
            }
            return Ok(Meaning::Interim);
        }
        let coded_with_length = framing == Framing::Chunked && seen.length.is_some();
        let reusable = head.minor == 1 && !seen.close && framing != Framing::UntilEnd && !coded_with_length;
        let style = match (self.request.old, self.request.trailers) {
            (true, _) => Style::Plain,
            (false, true) => Style::ChunksAndTrailers,
            (false, false) => Style::Chunks,
        };
        let keep_alive = self.may_keep_alive && self.request.keep_alive && framing != Framing::UntilEnd;
        write_start(head, out);
        self.write_fields(head, &seen, framing, out);
        if !self.set_cookie.is_empty() {
            line(out, "Set-Cookie", self.set_cookie);
        }
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
    fn framing(&self, head: &Head<'_>, seen: &Seen<'_>) -> Result<Framing, Malformed> {
        let bodiless = self.request.method == Method::Head || matches!(head.status, 100..=199 | 204 | 304);
        match seen.coding {
            _ if bodiless => Ok(Framing::None),
            // RFC 9112 §6.1: a coding wins over a length, and none exists in HTTP/1.0.
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") && head.minor == 1 => {
                Ok(Framing::Chunked)
            }
            Some(_) => Err(Malformed),
            None => Ok(seen.length.map_or(Framing::UntilEnd, Framing::Length)),
        }
    }

    /// Appends the card's fields and the proxy's own. Where the inside shows nowhere in the head and no prefix is to be
    /// put back, lines that are canonical already are copied in runs.
    fn write_fields(&self, head: &Head<'_>, seen: &Seen<'_>, framing: Framing, out: &mut Vec<u8>) {
        let bytes = head.lines.slice(0..head.len);
        let clean = self.stripped.is_empty() && !self.hidden.shows_in(bytes);
        let mut run = 0..0;
        for (field, known) in head.fields.iter().zip(&seen.known) {
            let value = list::trim(field.value);
            match known {
                None => {}
                Some(Known::ContentLength) => {
                    // Without a body it is what a GET would get; interim ones and 204 have none (RFC 9110 §8.6).
                    let tells = head.status == 304 || self.request.method == Method::Head;
                    let keep = matches!(framing, Framing::Length(_)) || (tells && framing == Framing::None);
                    if keep && head.status >= 200 && head.status != 204 {
                        out.extend_from_slice(head.lines.slice(core::mem::take(&mut run)));
                        out.extend_from_slice(b"Content-Length: ");
                        number::decimal(seen.length.unwrap_or(0), out);
                        out.extend_from_slice(b"\r\n");
                    }
                    continue;
                }
                Some(Known::Trailer) if !self.request.trailers => continue,
                // Alt-Svc would lead customers around the proxy.
                Some(Known::AltSvc) => continue,
                Some(known) if known.is_hop_by_hop() => continue,
                Some(_) => {}
            }
            if seen.nominations && nominated(head.fields, field.name) {
                continue;
            }
            let canonical = if clean { head.lines.canonical(field, value) } else { None };
            match canonical.filter(|_| !value.contains(&b'\n')) {
                Some(line) if line.start == run.end => run.end = line.end,
                Some(line) => {
                    out.extend_from_slice(head.lines.slice(run));
                    run = line;
                }
                None => {
                    out.extend_from_slice(head.lines.slice(core::mem::take(&mut run)));
                    self.write_field(field.name, value, *known, out);
                }
            }
        }
        out.extend_from_slice(head.lines.slice(run));
        out.extend_from_slice(if head.minor == 0 { b"Via: 1.0 " } else { b"Via: 1.1 " });
        out.extend_from_slice(self.pseudonym.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    fn write_field(&self, name: &str, value: &[u8], known: Option<Known>, out: &mut Vec<u8>) {
        match known {
            Some(Known::Location | Known::ContentLocation | Known::Link | Known::Refresh) => {
                self.write_reference(name, value, out);
            }
            Some(Known::SetCookie) => {
                self.write_value(name, out, |out| self.hidden.write_cookie(value, self.stripped, out));
            }
            _ => self.write_value(name, out, |out| out.extend_from_slice(value)),
        }
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

/// The fields that decide how the response is to be read.
struct Seen<'a> {
    /// What the proxy knows of each field, in their order.
    known: [Option<Known>; MAX_FIELDS],
    length: Option<u64>,
    coding: Option<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    /// `Connection` says that the connection ends.
    close: bool,
    /// `Connection` names fields.
    nominations: bool,
}

impl<'a> Seen<'a> {
    fn new() -> Self {
        Self {
            known: [None; MAX_FIELDS],
            length: None,
            coding: None,
            upgrade: None,
            close: false,
            nominations: false,
        }
    }

    #[inline]
    fn gather(&mut self, head: &Head<'a>) -> Result<(), Malformed> {
        for (field, slot) in head.fields.iter().zip(&mut self.known) {
            let Some(known) = known(field.name) else { continue };
            *slot = Some(known);
            let value = list::trim(field.value);
            match known {
                // Equal copies count as one, as RFC 9112 §6.3 allows for responses.
                Known::ContentLength => {
                    let length = list::decimal(value).filter(|&n| n != u64::MAX).ok_or(Malformed)?;
                    if self.length.replace(length).is_some_and(|other| other != length) {
                        return Err(Malformed);
                    }
                }
                Known::TransferEncoding => {
                    let before = self.coding.replace(value);
                    if before.is_some() {
                        return Err(Malformed);
                    }
                }
                Known::Upgrade => self.upgrade = self.upgrade.or(Some(value)),
                Known::Connection => {
                    for token in list::elements(value) {
                        let close = token.eq_ignore_ascii_case(b"close");
                        self.close |= close;
                        self.nominations |= !close && !token.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn write_start(head: &Head<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    number::decimal(head.status.into(), out);
    out.push(b' ');
    out.extend_from_slice(reason(head.status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn nominated(fields: &[Field<'_>], name: &str) -> bool {
    let mut connections = fields.iter().filter(|field| known(field.name) == Some(Known::Connection));
    connections.any(|field| list::has(field.value, name.as_bytes())) && !is_essential(name)
}
