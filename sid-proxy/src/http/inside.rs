//! What no customer may see: addresses and names of the inside.

use crate::acl::contains;
use crate::wire::list::trim;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// The inside as a configuration names it. The address of the card that serves a request is part of it anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Networks: an address and the bits that count.
    pub networks: Vec<(IpAddr, u8)>,
    /// Names, sought without regard to case.
    pub names: Vec<String>,
}

/// The inside during one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hidden<'a> {
    pub(super) inside: &'a Inside,
    /// The card's address as text; empty before one is picked.
    pub(super) card: &'a [u8],
}

impl Hidden<'_> {
    /// True if a value names the inside anywhere.
    pub(super) fn shows_in(&self, value: &[u8]) -> bool {
        // No IPv4 address has fewer than three dots.
        let dotted = dots(value) >= 3;
        ((dotted || dots(self.card) == 0) && self.names_card(value))
            || self.inside.names.iter().any(|name| contains_folded(value, name.as_bytes()))
            || (dotted && !self.inside.networks.is_empty() && self.has_network_address(value))
    }

    /// Appends a value with references to the inside cut down to their paths, these put behind `prefix`. What
    /// is no reference stays as it is.
    pub(super) fn write_references(&self, value: &[u8], prefix: &[u8], out: &mut Vec<u8>) {
        let mut rest = value;
        while let Some(at) = rest.windows(3).position(|three| three == b"://") {
            let (front, tail) = rest.split_at_checked(at).unwrap_or_default();
            let authority_on = tail.get(3..).unwrap_or_default();
            let len =
                authority_on.iter().position(|b| b"/?#<>\"'; ,\t".contains(b)).unwrap_or(authority_on.len());
            let (authority, after) = authority_on.split_at_checked(len).unwrap_or_default();
            if self.shows_in(authority) {
                let scheme = front.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count();
                out.extend_from_slice(front.get(..front.len().saturating_sub(scheme)).unwrap_or_default());
                out.extend_from_slice(prefix);
                if after.first() != Some(&b'/') {
                    out.push(b'/');
                }
            } else {
                out.extend_from_slice(front);
                out.extend_from_slice(b"://");
                out.extend_from_slice(authority);
            }
            rest = after;
        }
        out.extend_from_slice(rest);
    }

    /// Appends a cookie without a `Domain` of the inside, and with its `Path` behind `prefix` (RFC 6265 §5.2).
    pub(super) fn write_cookie(&self, value: &[u8], prefix: &[u8], out: &mut Vec<u8>) {
        for (n, part) in value.split(|&b| b == b';').enumerate() {
            if n == 0 {
                out.extend_from_slice(part);
                continue;
            }
            let part = trim(part);
            let at = part.iter().position(|&b| b == b'=').unwrap_or(part.len());
            let (name, value) = part.split_at_checked(at).unwrap_or_default();
            let value = trim(value.get(1..).unwrap_or_default());
            if trim(name).eq_ignore_ascii_case(b"domain") && self.shows_in(value) {
                continue;
            }
            out.extend_from_slice(b"; ");
            if trim(name).eq_ignore_ascii_case(b"path") && value.first() == Some(&b'/') && !prefix.is_empty()
            {
                out.extend_from_slice(b"Path=");
                out.extend_from_slice(prefix);
                out.extend_from_slice(if value == b"/" { b"" } else { value });
            } else {
                out.extend_from_slice(part);
            }
        }
    }

    fn names_card(&self, value: &[u8]) -> bool {
        if self.card.is_empty() || value.len() < self.card.len() {
            return false;
        }
        let part_of_more = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        value.windows(self.card.len()).enumerate().any(|(at, window)| {
            window.eq_ignore_ascii_case(self.card)
                && !part_of_more(at.checked_sub(1).and_then(|before| value.get(before)))
                && !part_of_more(value.get(at.saturating_add(self.card.len())))
        })
    }

    /// Looks at each run of digits and dots that could be an IPv4 address.
    fn has_network_address(&self, value: &[u8]) -> bool {
        value.split(|b| !b.is_ascii_digit() && *b != b'.').filter(|run| run.len() >= 7).any(|run| {
            let text = core::str::from_utf8(run).unwrap_or_default().trim_matches('.');
            text.parse::<Ipv4Addr>().is_ok_and(|address| {
                self.inside.networks.iter().any(|network| contains(*network, address.into()))
            })
        })
    }
}

fn dots(value: &[u8]) -> usize {
    value.iter().filter(|&&b| b == b'.').count()
}

fn contains_folded(value: &[u8], name: &[u8]) -> bool {
    !name.is_empty() && value.windows(name.len()).any(|window| window.eq_ignore_ascii_case(name))
}
