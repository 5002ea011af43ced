//! What no customer may see.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The names and networks inside. A reply line that has one of them is replaced by a neutral one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Networks: an address and how many of its bits count.
    pub networks: Vec<(IpAddr, u8)>,
    /// Host names, or domains under which all names are inside; case does not count.
    pub names: Vec<String>,
}

impl Inside {
    /// True if `line` has the card's address, one of a network inside, in dots, commas or colons, or a name.
    #[must_use]
    pub fn is_in(&self, line: &[u8], card: Option<IpAddr>) -> bool {
        let hidden = |ip: IpAddr| card == Some(ip) || self.networks.iter().any(|net| contains(*net, ip));
        runs(line, |b| b.is_ascii_digit() || is_between(b))
            .any(|run| quads(run).any(|ip| hidden(IpAddr::V4(ip))))
            || runs(line, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.')
                .filter_map(v6)
                .any(|ip| hidden(ip.to_canonical()))
            || self.names.iter().any(|name| has_name(line, name.as_bytes()))
    }
}

fn contains((network, bits): (IpAddr, u8), ip: IpAddr) -> bool {
    let shift = |width: u8| u32::from(width.saturating_sub(bits));
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            let differs = u32::from(network) ^ u32::from(ip);
            differs.checked_shr(shift(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => {
            let differs = u128::from(network) ^ u128::from(ip);
            differs.checked_shr(shift(128)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// The longest stretches of bytes of a kind.
fn runs(line: &[u8], kind: impl Fn(u8) -> bool + Copy) -> impl Iterator<Item = &[u8]> {
    line.split(move |&b| !kind(b)).filter(|run| run.len() > 1)
}

/// What stands between the numbers of an address: `10.1.2.1`, `10,1,2,1,4,0` in a reply to PASV, `ip-10-1-2-1` in names.
fn is_between(b: u8) -> bool {
    matches!(b, b'.' | b',' | b'-')
}

/// Every four numbers next to one another.
fn quads(run: &[u8]) -> impl Iterator<Item = Ipv4Addr> + '_ {
    let numbers = run.split(|&b| is_between(b));
    let mut last: [Option<u8>; 4] = [None; 4];
    numbers.filter_map(move |text| {
        let number = core::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        last = [last[1], last[2], last[3], number];
        let [Some(a), Some(b), Some(c), Some(d)] = last else { return None };
        Some(Ipv4Addr::new(a, b, c, d))
    })
}

/// An IPv6 address, with a `:` or `.` of the sentence around it dropped.
fn v6(run: &[u8]) -> Option<Ipv6Addr> {
    let text = core::str::from_utf8(run).ok()?;
    if !text.contains(':') {
        return None;
    }
    let text = text.trim_end_matches('.');
    text.parse()
        .or_else(|_| text.trim_end_matches(':').parse())
        .or_else(|_| text.trim_start_matches(':').parse())
        .ok()
}

/// The name, with no letter or digit next to it that would make it another.
fn has_name(line: &[u8], name: &[u8]) -> bool {
    if name.is_empty() {
        return false;
    }
    line.windows(name.len()).enumerate().any(|(at, window)| {
        let behind = line.get(at.saturating_add(name.len())).copied().unwrap_or(b' ');
        let before = at.checked_sub(1).and_then(|at| line.get(at)).copied().unwrap_or(b' ');
        let apart = |b: u8| !b.is_ascii_alphanumeric() && b != b'-';
        window.eq_ignore_ascii_case(name) && apart(behind) && apart(before)
    })
}
