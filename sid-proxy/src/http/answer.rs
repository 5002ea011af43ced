//! Answers that the proxy makes itself.

use super::Refusal;
use crate::number::{self, Text};
use alloc::vec::Vec;
use core::fmt::Write as _;

/// An answer of the proxy's own.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) refusal: Refusal,
    pub(super) pseudonym: &'a str,
    /// The connection ends with it.
    pub(super) close: bool,
    /// It answers `HEAD`.
    pub(super) headless: bool,
    /// When to ask again, in seconds.
    pub(super) retry_after: u64,
}

impl Answer<'_> {
    /// Appends the answer: plain text, no inside name, and why in `Proxy-Status` (RFC 9209).
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self { status, refusal, pseudonym, .. } = *self;
        let sentence = refusal.sentence();
        let reason = reason(status);
        // "404 Not Found: ", the sentence, a line end.
        let len = reason.len().saturating_add(sentence.len()).saturating_add(7);
        let _ = write!(Text(out), "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\n");
        let _ = write!(Text(out), "Content-Length: {len}\r\nCache-Control: no-store\r\n");
        let _ = write!(Text(out), "Proxy-Status: {pseudonym}");
        if let Some(error) = refusal.proxy_error() {
            let _ = write!(Text(out), "; error={error}");
        }
        out.extend_from_slice(b"\r\n");
        match status {
            // RFC 9110 §15.5.6 wants to know what is allowed; the card knows better, this is what passes.
            405 | 200 => out.extend_from_slice(b"Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"),
            429 | 503 => {
                out.extend_from_slice(b"Retry-After: ");
                number::decimal(self.retry_after, out);
                out.extend_from_slice(b"\r\n");
            }
            _ => {}
        }
        if self.close {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        if !self.headless {
            let _ = writeln!(Text(out), "{status} {reason}: {sentence}");
        }
    }
}

impl Refusal {
    /// The status of a request that no card served.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::CardBroke | Self::CardMalformed => 502,
            Self::CardSlow => 504,
            _ => 503,
        }
    }

    /// For people.
    fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "the request is malformed",
            Self::Framing => "the request can be read in two ways",
            Self::Path => "the path of the request can be read in two ways",
            Self::TooLarge => "the head of the request is too large",
            Self::Slow => "the request did not come in time",
            Self::Method => "this method is not served here",
            Self::Unsupported => "the request asks for what is not served here",
            Self::NoRoute => "no service has this name here",
            Self::Misdirected => "this connection was made for another name",
            Self::Denied => "the service is not for you",
            Self::NoCard => "the service is not available now",
            Self::Busy => "too much is under way, ask again",
            Self::CardBroke => "the service broke off",
            Self::CardMalformed => "the service gave no valid answer",
            Self::CardSlow => "the service did not answer in time",
            Self::Loop => "the request passed here before",
            Self::Own => "this is the proxy itself",
        }
    }

    /// RFC 9209 §2.3, where it has a type.
    fn proxy_error(self) -> Option<&'static str> {
        Some(match self {
            Self::Malformed
            | Self::Framing
            | Self::Path
            | Self::TooLarge
            | Self::Method
            | Self::Unsupported => "http_request_error",
            Self::NoRoute | Self::Misdirected => "destination_not_found",
            Self::Denied => "http_request_denied",
            Self::NoCard => "destination_unavailable",
            Self::Busy => "connection_limit_reached",
            Self::CardBroke => "connection_terminated",
            Self::CardMalformed => "http_protocol_error",
            Self::CardSlow => "http_response_timeout",
            Self::Loop => "proxy_loop_detected",
            Self::Slow | Self::Own => return None,
        })
    }
}

/// The reason phrase of a status (RFC 9110 §15): the card's own may say too much.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        _ => "",
    }
}
