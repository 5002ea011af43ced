//! What the proxy adds to each request: by which way it came and who asks (RFC 9110 §7.6.3, RFC 7239 and the older
//! `X-` fields). A connection has one customer, so all but the host is written once, when it begins.

use super::config::{Config, Peer, Scheme};
use crate::number;
use alloc::vec::Vec;
use core::net::IpAddr;

/// The fields of one customer, cut where a request's own words come between.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Introduction {
    /// ` pseudonym`, line end, `X-Forwarded-For: `.
    front: Vec<u8>,
    /// The customer's address, line end, `Forwarded: `.
    middle: Vec<u8>,
    /// `for=` and the customer's address.
    node: Vec<u8>,
    /// `;proto=` and what follows it up to `X-Forwarded-Host: ` or the end.
    back: &'static [u8],
    /// True if what the peer told of the customer's own words is kept.
    trusted: bool,
}

/// What a trusted peer told in the fields of one name.
#[derive(Default)]
pub(super) struct Prior<'a> {
    values: [&'a [u8]; 4],
    count: usize,
}

impl Introduction {
    pub(super) fn new(config: &Config, peer: &Peer) -> Self {
        let client = peer.client.ip().to_canonical();
        let front = [b" ", config.pseudonym.as_bytes(), b"\r\nX-Forwarded-For: "].concat();
        let (mut middle, mut node) = (Vec::new(), Vec::from(b"for="));
        number::address(client, &mut middle);
        match client {
            IpAddr::V4(_) => node.extend_from_slice(&middle),
            IpAddr::V6(_) => node.extend([b"\"[", middle.as_slice(), b"]\""].concat()),
        }
        middle.extend_from_slice(b"\r\nForwarded: ");
        let back: &[u8] = match (config.scheme, peer.trusted) {
            (Scheme::Http, true) => b";proto=http\r\n",
            (Scheme::Https, true) => b";proto=https\r\n",
            (Scheme::Http, false) => b";proto=http\r\nX-Forwarded-Proto: http\r\n",
            (Scheme::Https, false) => b";proto=https\r\nX-Forwarded-Proto: https\r\n",
        };
        Self { front, middle, node, back, trusted: peer.trusted }
    }

    /// The most bytes that [`Introduction::write`] appends for a host of this length and nothing prior.
    pub(super) fn room(&self, host: usize) -> usize {
        const WORDS: usize = 64;
        let own = self.front.len().saturating_add(self.middle.len()).saturating_add(self.node.len());
        own.saturating_add(self.back.len()).saturating_add(host.saturating_mul(2)).saturating_add(WORDS)
    }

    /// Appends the fields, and the empty line that ends the head.
    pub(super) fn write(
        &self,
        old: bool,
        host: &[u8],
        forwarded_for: &Prior<'_>,
        forwarded: &Prior<'_>,
        text: &mut Vec<u8>,
    ) {
        text.extend_from_slice(if old { b"Via: 1.0" } else { b"Via: 1.1" });
        text.extend_from_slice(&self.front);
        forwarded_for.write(text);
        text.extend_from_slice(&self.middle);
        forwarded.write(text);
        text.extend_from_slice(&self.node);
        if !host.is_empty() {
            text.extend_from_slice(b";host=\"");
            text.extend_from_slice(host);
            text.push(b'"');
        }
        text.extend_from_slice(self.back);
        if !self.trusted && !host.is_empty() {
            text.extend_from_slice(b"X-Forwarded-Host: ");
            text.extend_from_slice(host);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
    }
}

impl<'a> Prior<'a> {
    pub(super) fn take(&mut self, trusted: bool, value: &'a [u8]) {
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
