//! What the proxy adds to each request: by which way it came and who asks (RFC 9110 §7.6.3, RFC 7239 and the older
//! `X-` fields). A connection has one customer, so all but the host is written once, when it begins.

use super::Peer;
use super::config::{Config, Scheme};
use crate::number;
use alloc::vec::Vec;
use core::ops::Range;

/// The fields of one customer, with cuts where a request's own words come between.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Introduction {
    /// ` pseudonym`, line end, `X-Forwarded-For: `, cut, the customer's address, line end, `Forwarded: `, cut, `for=`
    /// and the customer's address.
    text: Vec<u8>,
    cuts: [usize; 2],
    /// `;proto=` and what follows it up to `X-Forwarded-Host: ` or the end.
    back: &'static [u8],
    /// True if what the peer told of the customer's own words is kept.
    trusted: bool,
    /// The version that the customer speaks, where it is not the one that is read.
    translated: Option<&'static str>,
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
        let mut text = [b" ", config.pseudonym.as_bytes(), b"\r\nX-Forwarded-For: "].concat();
        let before_address = text.len();
        number::address(client, &mut text);
        text.extend_from_slice(b"\r\nForwarded: ");
        let before_node = text.len();
        text.extend_from_slice(if client.is_ipv4() { b"for=".as_slice() } else { b"for=\"[" });
        number::address(client, &mut text);
        text.extend_from_slice(if client.is_ipv4() { b"".as_slice() } else { b"]\"" });
        let back: &[u8] = match (config.scheme, peer.trusted) {
            (Scheme::Http, true) => b";proto=http\r\n",
            (Scheme::Https, true) => b";proto=https\r\n",
            (Scheme::Http, false) => b";proto=http\r\nX-Forwarded-Proto: http\r\n",
            (Scheme::Https, false) => b";proto=https\r\nX-Forwarded-Proto: https\r\n",
        };
        Self {
            text,
            cuts: [before_address, before_node],
            back,
            trusted: peer.trusted,
            translated: config.translated,
        }
    }

    /// The most bytes that [`Introduction::write`] appends for a host of this length and nothing prior.
    pub(super) fn room(&self, host: usize) -> usize {
        const WORDS: usize = 64;
        let own = self.text.len().saturating_add(self.back.len());
        own.saturating_add(host.saturating_mul(2)).saturating_add(WORDS)
    }

    /// Appends the fields, and the empty line that ends the head. The host stands in the text already.
    pub(super) fn write(
        &self,
        old: bool,
        host: Range<usize>,
        forwarded_for: &Prior<'_>,
        forwarded: &Prior<'_>,
        text: &mut Vec<u8>,
    ) {
        text.extend_from_slice(b"Via: ");
        text.extend_from_slice(self.translated.unwrap_or(if old { "1.0" } else { "1.1" }).as_bytes());
        if forwarded_for.count == 0 && forwarded.count == 0 {
            text.extend_from_slice(&self.text);
        } else {
            let [address, node] = self.cuts;
            text.extend_from_slice(self.text.get(..address).unwrap_or_default());
            forwarded_for.write(text);
            text.extend_from_slice(self.text.get(address..node).unwrap_or_default());
            forwarded.write(text);
            text.extend_from_slice(self.text.get(node..).unwrap_or_default());
        }
        if !host.is_empty() {
            text.extend_from_slice(b";host=\"");
            text.extend_from_within(host.clone());
            text.push(b'"');
        }
        text.extend_from_slice(self.back);
        if !self.trusted && !host.is_empty() {
            text.extend_from_slice(b"X-Forwarded-Host: ");
            text.extend_from_within(host);
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
