//! What a session is told when it begins.

use super::inside::Inside;
use alloc::string::String;
use core::time::Duration;

/// What all sessions of a listener share.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The name under which the proxy appears in `Via` and `Proxy-Status`: a token, never a host inside. By it the proxy
    /// knows a request that passed it before, and answers 508 (RFC 9110 §7.3), so two proxies that requests pass in a
    /// row need two names; two that share customers, an active and a backup one, may have the same.
    pub pseudonym: String,
    /// The scheme by which customers reach the listener.
    pub scheme: Scheme,
    /// The version of HTTP in which customers really speak, where the driver translates: `Via` tells it.
    pub translated: Option<&'static str>,
    /// What no customer may see.
    pub inside: Inside,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// Bounds.
    pub limits: Limits,
}

/// By what scheme a customer speaks to the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Inside TLS, which the driver terminates.
    Https,
}

/// How long is waited for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a head to its end.
    pub head: Duration,
    /// Between two requests on one connection.
    pub idle: Duration,
    /// For a connection to a card.
    pub connect: Duration,
    /// From the end of a request to the head of its answer.
    pub answer: Duration,
    /// Without progress in a body or a tunnel.
    pub stall: Duration,
    /// For a customer to read the last answer before the connection goes.
    pub linger: Duration,
}

/// Bounds of one session. Its own memory is the canonical head of the running request and what is queued to be sent:
/// `2 * head_bytes` and 4 KiB, and for an answer under a stripped prefix the prefix (250 bytes at most) once more for
/// each reference in its head. The driver's buffers hold at most `head_bytes` a side that the session has not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head, and the longest trailer section.
    pub head_bytes: usize,
    /// The longest request target.
    pub target_bytes: usize,
    /// The most fields in a head; at most 128.
    pub fields: usize,
    /// The longest chunk line with its extensions.
    pub chunk_line: usize,
    /// How many cards are tried for one request.
    pub tries: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pseudonym: String::from("sid-proxy"),
            scheme: Scheme::Http,
            translated: None,
            inside: Inside::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(60),
            stall: Duration::from_secs(60),
            linger: Duration::from_secs(2),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes: 16 * 1024, target_bytes: 8 * 1024, fields: 100, chunk_line: 1024, tries: 3 }
    }
}
