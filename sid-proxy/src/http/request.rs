//! A request's head: checked, and written anew in one canonical form.
//!
//! What a customer sent is read once and never passed on as it came. The card gets one request line in origin
//! form, one `Host`, one framing field, no field that belongs to the customer's connection, and the fields by
//! which the proxy says who asked.

use super::Peer;
use super::config::{Config, Scheme};
use super::field::{Known, is_essential, known};
use super::{Refusal, body::Framing};
use crate::wire::head::{HeadError, Request as Head};
use crate::wire::host::Authority;
use crate::wire::list;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::net::IpAddr;
use core::ops::Range;

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

const fn refused(status: u16, refusal: Refusal) -> Refused {
    Refused { status, refusal, understood: false }
}

impl From<HeadError> for Refused {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::TooManyFields => refused(431, Refusal::TooLarge),
            HeadError::Version => refused(505, Refusal::Unsupported),
            HeadError::Malformed | HeadError::LineEnd => malformed(),
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

    /// The target in origin form.
    pub(super) fn target(&self) -> &[u8] {
        self.text.get(self.target.clone()).unwrap_or_default()
    }

    /// Appends the head for the card, the first `strip` bytes of the target left out.
    pub(super) fn write(&self, strip: usize, out: &mut Vec<u8>) {
        let Range { start, .. } = self.target;
        if strip == 0 {
            out.extend_from_slice(&self.text);
            return;
        }
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
    pub(super) fn read(&mut self, head: &Head<'_>, config: &Config, peer: &Peer) -> Result<(), Refused> {
        self.method = Method::of(head.method);
        self.old = head.minor == 0;
        self.keep_alive = false;
        if head.target.len() > config.limits.target_bytes {
            return Err(refused(414, Refusal::TooLarge));
        }
        let seen = Seen::gather(head)?;
        self.framing = seen.framing(self.old)?;
        self.trailers = seen.te.is_some_and(|te| list::has(te, b"trailers"));
        self.upgrade = seen.upgrades() && !self.old && self.framing == Framing::None;
        let connection_close = seen.connection.iter().any(|value| list::has(value, b"close"));
        self.text.clear();
        let (authority, path) = target(head, self.method)?;
        self.write_line(head.method, path, authority, &seen)?;
        match self.method {
            // Nobody tunnels through here, and what TRACE reflects is not the customer's to see.
            Method::Connect => return Err(refused(501, Refusal::Method)),
            Method::Trace => return Err(refused(405, Refusal::Method)),
            _ => {}
        }
        self.write_fields(head, &seen, config, peer)?;
        // HTTP/1.0 has no persistence that intermediaries can rely on (RFC 9112 §9.3, §C.2.2).
        self.keep_alive = !self.old && !connection_close;
        Ok(())
    }

    fn write_line(
        &mut self,
        method: &str,
        path: &[u8],
        authority: Option<&[u8]>,
        seen: &Seen<'_>,
    ) -> Result<(), Refused> {
        let text = &mut self.text;
        text.extend_from_slice(method.as_bytes());
        text.push(b' ');
        let start = text.len();
        if path.first() == Some(&b'?') {
            text.push(b'/');
        }
        text.extend_from_slice(path);
        self.target = start..text.len();
        text.extend_from_slice(b" HTTP/1.1\r\n");
        // RFC 9112 §3.2: no Host in 1.1, two of them, or an invalid one are answered with 400. An absolute
        // target wins over Host (§3.2.2), which still must be a valid one.
        let mut room = [0; 256];
        let named = match seen.host {
            Some(host) => Some(Authority::parse(host, &mut room).map_err(|_| malformed())?),
            None if self.old => None,
            None => return Err(malformed()),
        };
        let mut room = [0; 256];
        let chosen = match authority {
            Some(raw) => Some(Authority::parse(raw, &mut room).map_err(|_| malformed())?),
            None => named,
        };
        self.host = 0..0;
        if let Some(Authority { host, port }) = chosen {
            text.extend_from_slice(b"Host: ");
            let start = text.len();
            text.extend_from_slice(host.as_bytes());
            self.host = start..text.len();
            if let Some(port) = port {
                let _ = write!(Text(text), ":{port}");
            }
            text.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn write_fields(
        &mut self,
        head: &Head<'_>,
        seen: &Seen<'_>,
        config: &Config,
        peer: &Peer,
    ) -> Result<(), Refused> {
        let text = &mut self.text;
        let (mut forwarded_for, mut forwarded) = (Prior::default(), Prior::default());
        for field in head.fields {
            let value = list::trim(field.value);
            match known(field.name) {
                Some(Known::Via) => {
                    if passed_here(value, &config.pseudonym) {
                        return Err(Refused { understood: true, ..refused(508, Refusal::Loop) });
                    }
                    line(text, field.name, value);
                }
                Some(Known::MaxForwards) if self.method == Method::Options => {
                    let hops = list::decimal(value).ok_or(malformed())?;
                    let Some(left) = hops.checked_sub(1) else {
                        return Err(Refused { understood: true, ..refused(200, Refusal::Own) });
                    };
                    let _ = write!(Text(text), "Max-Forwards: {left}\r\n");
                }
                Some(Known::Expect) => {
                    // RFC 9110 §10.1.1: 100-continue is the only one there is, and HTTP/1.0 has none.
                    if !self.old && !value.eq_ignore_ascii_case(b"100-continue") {
                        return Err(refused(417, Refusal::Unsupported));
                    }
                    if !self.old {
                        line(text, field.name, value);
                    }
                }
                Some(Known::XForwardedFor) => forwarded_for.take(peer.trusted, value),
                Some(Known::Forwarded) => forwarded.take(peer.trusted, value),
                Some(Known::XForwarded) if !peer.trusted => {}
                Some(
                    Known::Host
                    | Known::Connection
                    | Known::ContentLength
                    | Known::TransferEncoding
                    | Known::KeepAlive
                    | Known::ProxyConnection
                    | Known::ProxyAuth
                    | Known::Te
                    | Known::Upgrade,
                ) => {}
                _ if seen.nominates(field.name) => {}
                _ => line(text, field.name, value),
            }
        }
        match self.framing {
            Framing::Length(length) => {
                let _ = write!(Text(text), "Content-Length: {length}\r\n");
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
        let version = if self.old { "1.0" } else { "1.1" };
        let _ = write!(Text(text), "Via: {version} {}\r\n", config.pseudonym);
        self.write_forwarding(peer, config.scheme, &forwarded_for, &forwarded);
        Ok(())
    }

    /// Tells the card who asked (RFC 7239 and the older `X-` fields), behind what a trusted peer told.
    fn write_forwarding(
        &mut self,
        peer: &Peer,
        scheme: Scheme,
        forwarded_for: &Prior<'_>,
        forwarded: &Prior<'_>,
    ) {
        let host = self.host.clone();
        let text = &mut self.text;
        let client = peer.client.ip().to_canonical();
        text.extend_from_slice(b"X-Forwarded-For: ");
        forwarded_for.write(text);
        let _ = write!(Text(text), "{client}\r\n");
        text.extend_from_slice(b"Forwarded: ");
        forwarded.write(text);
        let _ = match client {
            IpAddr::V4(_) => write!(Text(text), "for={client}"),
            IpAddr::V6(_) => write!(Text(text), "for=\"[{client}]\""),
        };
        if !host.is_empty() {
            text.extend_from_slice(b";host=\"");
            text.extend_from_within(host.clone());
            text.push(b'"');
        }
        let _ = write!(Text(text), ";proto={scheme}\r\n");
        if !peer.trusted {
            if !host.is_empty() {
                text.extend_from_slice(b"X-Forwarded-Host: ");
                text.extend_from_within(host);
                text.extend_from_slice(b"\r\n");
            }
            let _ = write!(Text(text), "X-Forwarded-Proto: {scheme}\r\n");
        }
        text.extend_from_slice(b"\r\n");
    }
}

/// The fields that decide how the request is to be read.
#[derive(Default)]
struct Seen<'a> {
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    coding: Option<&'a [u8]>,
    te: Option<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    /// The first few `Connection` fields; more than that is no honest request.
    connection: [&'a [u8]; 4],
    connections: usize,
    nominations: bool,
}

impl<'a> Seen<'a> {
    fn gather(head: &Head<'a>) -> Result<Self, Refused> {
        let mut seen = Self::default();
        for field in head.fields {
            let value = list::trim(field.value);
            let once = match known(field.name) {
                Some(Known::Host) => &mut seen.host,
                Some(Known::ContentLength) => &mut seen.length,
                Some(Known::TransferEncoding) => &mut seen.coding,
                Some(Known::Upgrade) => &mut seen.upgrade,
                Some(Known::Te) => {
                    seen.te = seen.te.filter(|te| list::has(te, b"trailers")).or(Some(value));
                    continue;
                }
                Some(Known::Connection) => {
                    *seen.connection.get_mut(seen.connections).ok_or(malformed())? = value;
                    seen.connections = seen.connections.saturating_add(1);
                    seen.nominations |= list::elements(value).any(|token| {
                        !token.eq_ignore_ascii_case(b"close") && !token.eq_ignore_ascii_case(b"keep-alive")
                    });
                    continue;
                }
                _ => continue,
            };
            if once.replace(value).is_some() {
                return Err(malformed());
            }
        }
        if list::elements(seen.connection.first().copied().unwrap_or_default()).nth(32).is_some() {
            return Err(malformed());
        }
        Ok(seen)
    }

    /// RFC 9112 §6.3, with every doubt refused: both fields at once, a list of lengths, a coding that is not
    /// exactly `chunked`, any coding in HTTP/1.0.
    fn framing(&self, old: bool) -> Result<Framing, Refused> {
        match (self.coding, self.length) {
            (None, None) => Ok(Framing::None),
            (None, Some(digits)) => match list::decimal(digits).ok_or(malformed())? {
                // `u64::MAX` is how an unbounded Forward is written.
                u64::MAX => Err(malformed()),
                0 => Ok(Framing::Length(0)),
                length => Ok(Framing::Length(length)),
            },
            (Some(_), Some(_)) => Err(malformed()),
            (Some(_), None) if old => Err(malformed()),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (Some(coding), None) => {
                let last = list::elements(coding).last().unwrap_or_default();
                let chunks = list::elements(coding).filter(|c| c.eq_ignore_ascii_case(b"chunked")).count();
                // A coding before a final chunked is legal and not understood; the rest is malformed.
                if chunks == 1 && last.eq_ignore_ascii_case(b"chunked") && list::elements(coding).count() > 1
                {
                    Err(refused(501, Refusal::Unsupported))
                } else {
                    Err(malformed())
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

/// What a trusted peer told in the fields of one name.
#[derive(Default)]
struct Prior<'a> {
    values: [&'a [u8]; 4],
    count: usize,
}

impl<'a> Prior<'a> {
    fn take(&mut self, trusted: bool, value: &'a [u8]) {
        if trusted
            && !value.is_empty()
            && let Some(slot) = self.values.get_mut(self.count)
        {
            *slot = value;
            self.count = self.count.saturating_add(1);
        }
    }

    fn write(&self, text: &mut Vec<u8>) {
        for value in self.values.iter().take(self.count) {
            text.extend_from_slice(value);
            text.extend_from_slice(b", ");
        }
    }
}

/// Appends one field.
pub(super) fn line(text: &mut Vec<u8>, name: &str, value: &[u8]) {
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}

/// Lets `write!` append to bytes.
pub(super) struct Text<'a>(pub(super) &'a mut Vec<u8>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}
