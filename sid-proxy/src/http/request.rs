//! A request's head: checked, and written anew in one canonical form.
//!
//! What a customer sent is read once and never passed on as it came. The card gets one request line in origin
//! form, one `Host`, one framing field, no field that belongs to the customer's connection, and the fields by
//! which the proxy says who asked.

use super::Peer;
use super::config::Config;
use super::field::{Known, is_essential, known};
use super::introduction::{Introduction, Prior};
use super::{Refusal, body::Framing};
use crate::number;
use crate::wire::head::{HeadError, MAX_FIELDS, Request as Head};
use crate::wire::host::Authority;
use crate::wire::{cookie, list};
use alloc::vec::Vec;
use core::ops::Range;

/// How many tokens one `Connection` field may have.
const MAX_NOMINATIONS: usize = 32;

/// The running request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Request {
    /// The canonical head, its empty line included.
    text: Vec<u8>,
    target: Range<usize>,
    host: Range<usize>,
    pub(super) method: Method,
    /// The customer speaks HTTP/1.0.
    pub(super) old: bool,
    /// The customer wants the connection to go on.
    pub(super) keep_alive: bool,
    /// The customer offered to change the protocol.
    pub(super) upgrade: bool,
    /// The customer reads trailers.
    pub(super) trailers: bool,
    pub(super) framing: Framing,
}

/// What of the method matters to the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Method {
    Head,
    Connect,
    Trace,
    Options,
    /// `GET`, `PUT`, `DELETE`: safe to send twice (RFC 9110 §9.2.2).
    Idempotent,
    #[default]
    Other,
}

/// A request that the proxy answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) refusal: Refusal,
    /// The request was understood, so that the connection may go on.
    pub(super) understood: bool,
}

pub(super) const fn malformed() -> Refused {
    Refused { status: 400, refusal: Refusal::Malformed, understood: false }
}

/// The request says in two ways where it ends or whom it is for.
const fn ambiguous() -> Refused {
    Refused { status: 400, refusal: Refusal::Framing, understood: false }
}

const fn refused(status: u16, refusal: Refusal) -> Refused {
    Refused { status, refusal, understood: false }
}

impl From<HeadError> for Refused {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::TooManyFields => refused(431, Refusal::TooLarge),
            HeadError::Version => refused(505, Refusal::Unsupported),
            HeadError::Malformed => malformed(),
            HeadError::LineEnd => ambiguous(),
        }
    }
}

impl Method {
    fn of(name: &str) -> Self {
        match name {
            "GET" | "PUT" | "DELETE" => Self::Idempotent,
            "HEAD" => Self::Head,
            "OPTIONS" => Self::Options,
            "CONNECT" => Self::Connect,
            "TRACE" => Self::Trace,
            _ => Self::Other,
        }
    }

    /// RFC 9110 §9.2.2.
    pub(super) fn is_idempotent(self) -> bool {
        matches!(self, Self::Idempotent | Self::Head | Self::Options | Self::Trace)
    }
}

impl Request {
    /// The normalised host; empty if an HTTP/1.0 request has none.
    pub(super) fn host(&self) -> &[u8] {
        self.text.get(self.host.clone()).unwrap_or_default()
    }

    /// The method and the target.
    pub(super) fn line(&self) -> (&str, &[u8]) {
        let method = self.text.get(..self.target.start.saturating_sub(1)).unwrap_or_default();
        (core::str::from_utf8(method).unwrap_or_default(), self.target())
    }

    /// The lines of the fields.
    pub(super) fn fields(&self) -> &[u8] {
        let line = self.target.end.saturating_add(b" HTTP/1.1\r\n".len());
        self.text.get(line..).unwrap_or_default()
    }

    /// Takes the cookies of a name out of the head. Target and host stand before all fields that may have one.
    pub(super) fn hide_cookie(&mut self, name: &str) {
        if cookie::find(name, cookie::fields(self.fields())).is_none() {
            return;
        }
        let mut text = Vec::with_capacity(self.text.len());
        for line in self.text.split_inclusive(|&b| b == b'\n') {
            let begin = text.len();
            let kept = match cookie::field(line) {
                None => {
                    text.extend_from_slice(line);
                    true
                }
                Some(value) => {
                    text.extend_from_slice(b"Cookie: ");
                    let any = cookie::without(name, value, &mut text);
                    text.extend_from_slice(b"\r\n");
                    any
                }
            };
            if !kept {
                text.truncate(begin);
            }
        }
        self.text = text;
    }

    /// The target in origin form.
    pub(super) fn target(&self) -> &[u8] {
        self.text.get(self.target.clone()).unwrap_or_default()
    }

    /// The head for the card.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Appends the head for the card, the first `strip` bytes of the target left out.
    pub(super) fn write_stripped(&self, strip: usize, out: &mut Vec<u8>) {
        let Range { start, .. } = self.target;
        let prefix = self.target().get(..strip).unwrap_or_default();
        let rest = self.text.get(start.saturating_add(prefix.len())..).unwrap_or_default();
        out.extend_from_slice(self.text.get(..start).unwrap_or_default());
        if rest.first() != Some(&b'/') {
            out.push(b'/');
        }
        // The prefix that is gone is told in front of the empty line.
        out.extend_from_slice(rest.strip_suffix(b"\r\n").unwrap_or(rest));
        out.extend_from_slice(b"X-Forwarded-Prefix: ");
        out.extend_from_slice(prefix);
        out.extend_from_slice(b"\r\n\r\n");
    }

    /// Reads a head into `self`. On an error `self` holds nothing worth reading but `method`, `old` and
    /// `keep_alive`.
    pub(super) fn read(
        &mut self,
        head: &Head<'_>,
        config: &Config,
        peer: &Peer,
        introduction: &Introduction,
    ) -> Result<(), Refused> {
        self.method = Method::of(head.method);
        self.old = head.minor == 0;
        self.keep_alive = false;
        if head.target.len() > config.limits.target_bytes {
            return Err(refused(414, Refusal::TooLarge));
        }
        let mut seen = Seen::new();
        seen.gather(head)?;
        self.framing = seen.framing(self.old)?;
        self.trailers = seen.te.is_some_and(|te| list::has(te, b"trailers"));
        self.upgrade = seen.upgrades() && !self.old && self.framing == Framing::None;
        let (authority, path) = target(head, self.method)?;
        self.text.clear();
        self.write_line(head, path, authority, &seen)?;
        match self.method {
            // Nobody tunnels through here, and what TRACE reflects is not the customer's to see.
            Method::Connect => return Err(refused(501, Refusal::Method)),
            Method::Trace => return Err(refused(405, Refusal::Method)),
            _ => {}
        }
        self.text.reserve(head.len.saturating_add(introduction.room(self.host.len())));
        let (mut forwarded_for, mut forwarded) = (Prior::default(), Prior::default());
        self.write_fields(head, &seen, config, peer, [&mut forwarded_for, &mut forwarded])?;
        self.write_framing(&seen);
        introduction.write(self.old, self.host.clone(), &forwarded_for, &forwarded, &mut self.text);
        // HTTP/1.0 has no persistence that intermediaries can rely on (RFC 9112 §9.3, §C.2.2).
        self.keep_alive = !self.old && !seen.close;
        Ok(())
    }

    fn write_line(
        &mut self,
        head: &Head<'_>,
        path: &[u8],
        authority: Option<&[u8]>,
        seen: &Seen<'_>,
    ) -> Result<(), Refused> {
        let text = &mut self.text;
        let start = head.method.len().saturating_add(1);
        match head.line().filter(|_| authority.is_none()) {
            Some(line) => {
                text.extend_from_slice(line);
                self.target = start..start.saturating_add(path.len());
            }
            None => {
                text.extend_from_slice(head.method.as_bytes());
                text.push(b' ');
                if path.first() == Some(&b'?') {
                    text.push(b'/');
                }
                text.extend_from_slice(path);
                self.target = start..text.len();
                text.extend_from_slice(b" HTTP/1.1\r\n");
            }
        }
        // RFC 9112 §3.2: no Host in 1.1, two of them, or an invalid one are answered with 400. An absolute
        // target wins over Host (§3.2.2), which still must be a valid one.
        let mut room = [0; 256];
        let named = match seen.host {
            Some(host) => Some(Authority::parse(host, &mut room).map_err(|_| malformed())?),
            None if self.old => None,
            None => return Err(malformed()),
        };
        self.host = 0..0;
        match authority {
            Some(raw) => {
                let mut room = [0; 256];
                let chosen = Authority::parse(raw, &mut room).map_err(|_| malformed())?;
                self.write_host(&chosen);
            }
            None => {
                if let Some(named) = &named {
                    self.write_host(named);
                }
            }
        }
        Ok(())
    }

    fn write_host(&mut self, Authority { host, port }: &Authority<'_>) {
        let text = &mut self.text;
        text.extend_from_slice(b"Host: ");
        let start = text.len();
        text.extend_from_slice(host.as_bytes());
        self.host = start..text.len();
        if let Some(port) = *port {
            text.push(b':');
            number::decimal(port.into(), text);
        }
        text.extend_from_slice(b"\r\n");
    }

    /// Appends the customer's fields but those to which the proxy adds itself, which are put aside. Lines in a row that
    /// are canonical already are copied in one piece.
    fn write_fields<'a>(
        &mut self,
        head: &Head<'a>,
        seen: &Seen<'a>,
        config: &Config,
        peer: &Peer,
        [forwarded_for, forwarded]: [&mut Prior<'a>; 2],
    ) -> Result<(), Refused> {
        let text = &mut self.text;
        let mut run = 0..0;
        for (field, known) in head.fields.iter().zip(&seen.known) {
            let value = list::trim(field.value);
            match known {
                None if !seen.nominates(field.name) => {}
                Some(Known::Via) if passed_here(value, &config.pseudonym) => {
                    return Err(Refused { understood: true, ..refused(508, Refusal::Loop) });
                }
                Some(Known::Via) => {}
                Some(Known::MaxForwards) if self.method == Method::Options => {
                    let hops = list::decimal(value).ok_or(malformed())?;
                    let Some(left) = hops.checked_sub(1) else {
                        return Err(Refused { understood: true, ..refused(200, Refusal::Own) });
                    };
                    text.extend_from_slice(b"Max-Forwards: ");
                    number::decimal(left, text);
                    text.extend_from_slice(b"\r\n");
                    continue;
                }
                Some(Known::Expect) => {
                    // RFC 9110 §10.1.1: 100-continue is the only one there is, and HTTP/1.0 has none.
                    if self.old {
                        continue;
                    }
                    if !value.eq_ignore_ascii_case(b"100-continue") {
                        return Err(refused(417, Refusal::Unsupported));
                    }
                }
                Some(Known::XForwardedFor) => {
                    forwarded_for.take(peer.trusted, value);
                    continue;
                }
                Some(Known::Forwarded) => {
                    forwarded.take(peer.trusted, value);
                    continue;
                }
                Some(Known::XForwarded) if !peer.trusted => continue,
                Some(known) if known.is_hop_by_hop() => continue,
                _ if seen.nominates(field.name) => continue,
                _ => {}
            }
            match head.lines.canonical(field, value) {
                Some(line) if line.start == run.end => run.end = line.end,
                Some(line) => {
                    text.extend_from_slice(head.lines.slice(run));
                    run = line;
                }
                None => {
                    text.extend_from_slice(head.lines.slice(core::mem::take(&mut run)));
                    line(text, field.name, value);
                }
            }
        }
        text.extend_from_slice(head.lines.slice(run));
        Ok(())
    }

    fn write_framing(&mut self, seen: &Seen<'_>) {
        let text = &mut self.text;
        match self.framing {
            Framing::Length(length) => {
                text.extend_from_slice(b"Content-Length: ");
                number::decimal(length, text);
                text.extend_from_slice(b"\r\n");
            }
            Framing::Chunked => text.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            Framing::None | Framing::UntilEnd => {}
        }
        if self.upgrade {
            line(text, "Connection", b"upgrade");
            line(text, "Upgrade", seen.upgrade.unwrap_or_default());
        } else if self.trailers {
            text.extend_from_slice(b"Connection: te\r\nTE: trailers\r\n");
        }
    }
}

/// The fields that decide how the request is to be read.
struct Seen<'a> {
    /// What the proxy knows of each field, in their order.
    known: [Option<Known>; MAX_FIELDS],
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    coding: Option<&'a [u8]>,
    te: Option<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    /// The first few `Connection` fields; more than that is no honest request.
    connection: [&'a [u8]; 4],
    connections: usize,
    /// `Connection` says that the connection ends.
    close: bool,
    /// `Connection` names fields.
    nominations: bool,
}

impl<'a> Seen<'a> {
    fn new() -> Self {
        Self {
            known: [None; MAX_FIELDS],
            host: None,
            length: None,
            coding: None,
            te: None,
            upgrade: None,
            connection: [&[]; 4],
            connections: 0,
            close: false,
            nominations: false,
        }
    }

    #[inline]
    fn gather(&mut self, head: &Head<'a>) -> Result<(), Refused> {
        for (field, slot) in head.fields.iter().zip(&mut self.known) {
            let Some(known) = known(field.name) else { continue };
            *slot = Some(known);
            let value = list::trim(field.value);
            let once = match known {
                Known::Host => &mut self.host,
                Known::ContentLength => &mut self.length,
                Known::TransferEncoding => &mut self.coding,
                Known::Upgrade => &mut self.upgrade,
                Known::Te => {
                    self.te = self.te.filter(|te| list::has(te, b"trailers")).or(Some(value));
                    continue;
                }
                Known::Connection => {
                    *self.connection.get_mut(self.connections).ok_or(malformed())? = value;
                    self.connections = self.connections.saturating_add(1);
                    for (n, token) in list::elements(value).enumerate() {
                        if n >= MAX_NOMINATIONS {
                            return Err(malformed());
                        }
                        let close = token.eq_ignore_ascii_case(b"close");
                        self.close |= close;
                        self.nominations |= !close && !token.eq_ignore_ascii_case(b"keep-alive");
                    }
                    continue;
                }
                _ => continue,
            };
            if once.replace(value).is_some() {
                return Err(ambiguous());
            }
        }
        Ok(())
    }

    /// RFC 9112 §6.3, with every doubt refused: both fields at once, a list of lengths, a coding that is not
    /// exactly `chunked`, any coding in HTTP/1.0.
    fn framing(&self, old: bool) -> Result<Framing, Refused> {
        match (self.coding, self.length) {
            (None, None) => Ok(Framing::None),
            (None, Some(digits)) => match list::decimal(digits).ok_or(ambiguous())? {
                // `u64::MAX` is how an unbounded Forward is written.
                u64::MAX => Err(malformed()),
                0 => Ok(Framing::Length(0)),
                length => Ok(Framing::Length(length)),
            },
            (Some(_), Some(_)) => Err(ambiguous()),
            (Some(_), None) if old => Err(ambiguous()),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (Some(coding), None) => {
                let last = list::elements(coding).last().unwrap_or_default();
                let chunks = list::elements(coding).filter(|c| c.eq_ignore_ascii_case(b"chunked")).count();
                // A coding before a final chunked is legal and not understood; the rest is malformed.
                if chunks == 1 && last.eq_ignore_ascii_case(b"chunked") && list::elements(coding).count() > 1
                {
                    Err(refused(501, Refusal::Unsupported))
                } else {
                    Err(ambiguous())
                }
            }
        }
    }

    /// The customer asks for another protocol, and not for HTTP/2 in the clear, inside which nothing would be
    /// routed or checked.
    fn upgrades(&self) -> bool {
        let Some(upgrade) = self.upgrade else { return false };
        let asks = self.connection.iter().any(|value| list::has(value, b"upgrade"));
        asks && list::elements(upgrade)
            .all(|protocol| !protocol.get(..2).is_some_and(|name| name.eq_ignore_ascii_case(b"h2")))
    }

    fn nominates(&self, name: &str) -> bool {
        self.nominations
            && self.connection.iter().any(|value| list::has(value, name.as_bytes()))
            && !is_essential(name)
    }
}

/// Splits a target into its authority, if it is in absolute form, and its path and query (RFC 9112 §3.2).
fn target<'a>(head: &Head<'a>, method: Method) -> Result<(Option<&'a [u8]>, &'a [u8]), Refused> {
    let raw = head.target.as_bytes();
    if method == Method::Connect {
        return Ok((None, raw));
    }
    if raw == b"*" {
        return if method == Method::Options { Ok((None, raw)) } else { Err(malformed()) };
    }
    if raw.first() == Some(&b'/') {
        return Ok((None, raw));
    }
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let (front, rest) = raw.split_at_checked(scheme.len())?;
        front.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
    });
    let rest = rest.ok_or(malformed())?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(malformed())?;
    // User information in a request is an error (RFC 9110 §4.2.4); no host has an `@`, so none passes.
    let path: &[u8] = match path {
        // RFC 9112 §3.2.4: the last proxy turns an empty path of OPTIONS into `*`.
        b"" if method == Method::Options => b"*",
        b"" => b"/",
        path => path,
    };
    Ok((Some(authority), path))
}

/// True if the proxy's own name is in a `Via` value (RFC 9110 §7.3: a gateway must not forward to itself).
fn passed_here(value: &[u8], pseudonym: &str) -> bool {
    list::elements(value).any(|hop| {
        let by = hop.split(|&b| b == b' ' || b == b'\t').filter(|word| !word.is_empty()).nth(1);
        by.is_some_and(|by| by.eq_ignore_ascii_case(pseudonym.as_bytes()))
    })
}

/// Appends one field.
pub(super) fn line(text: &mut Vec<u8>, name: &str, value: &[u8]) {
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}
