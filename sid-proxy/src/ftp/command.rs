//! Command lines, and the addresses in them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A command that the proxy has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    User(&'a [u8]),
    Pass(&'a [u8]),
    Auth(&'a [u8]),
    Pbsz,
    Prot(&'a [u8]),
    Host(&'a [u8]),
    Feat,
    Rein,
    Quit,
    Abor,
    Pasv,
    /// The network protocol asked for, or `ALL`.
    Epsv(&'a [u8]),
    Port(&'a [u8]),
    Eprt(&'a [u8]),
    /// A transfer from the card: `RETR`, listings.
    Fetch,
    /// A transfer to the card: `STOR` and its like.
    Store,
    /// Harmless before the login.
    Noop,
    Opts(&'a [u8]),
    /// What would make data connections or security behind the proxy's back.
    Forbidden,
    /// The card's own business.
    Other,
    /// A byte that no command has.
    Malformed,
}

const TABLE: &[(&[u8], Command<'static>)] = &[
    (b"PBSZ", Command::Pbsz),
    (b"FEAT", Command::Feat),
    (b"REIN", Command::Rein),
    (b"QUIT", Command::Quit),
    (b"ABOR", Command::Abor),
    (b"PASV", Command::Pasv),
    (b"RETR", Command::Fetch),
    (b"LIST", Command::Fetch),
    (b"NLST", Command::Fetch),
    (b"MLSD", Command::Fetch),
    (b"STOR", Command::Store),
    (b"STOU", Command::Store),
    (b"APPE", Command::Store),
    (b"NOOP", Command::Noop),
    (b"CLNT", Command::Noop),
    (b"ACCT", Command::Forbidden),
    (b"CCC", Command::Forbidden),
    (b"MIC", Command::Forbidden),
    (b"CONF", Command::Forbidden),
    (b"ENC", Command::Forbidden),
    (b"ADAT", Command::Forbidden),
    (b"LPRT", Command::Forbidden),
    (b"LPSV", Command::Forbidden),
    (b"SPSV", Command::Forbidden),
    (b"CPSV", Command::Forbidden),
    (b"SSCN", Command::Forbidden),
];

/// Reads a line without its end and without Telnet commands in front of it.
pub(super) fn command(line: &[u8]) -> Command<'_> {
    if line.iter().any(|&b| matches!(b, 0 | b'\r' | b'\n')) {
        return Command::Malformed;
    }
    let (verb, argument) = match line.iter().position(|&b| b == b' ') {
        None => (line, &[][..]),
        Some(at) => {
            (line.get(..at).unwrap_or_default(), line.get(at.saturating_add(1)..).unwrap_or_default())
        }
    };
    let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
    if let Some((_, command)) = TABLE.iter().find(|(name, _)| is(name)) {
        return *command;
    }
    match () {
        () if is(b"USER") && is_login(argument) => Command::User(argument),
        () if is(b"USER") => Command::Malformed,
        () if is(b"PASS") => Command::Pass(argument),
        () if is(b"AUTH") => Command::Auth(argument),
        () if is(b"PROT") => Command::Prot(argument),
        () if is(b"HOST") => Command::Host(argument),
        () if is(b"EPSV") => Command::Epsv(argument),
        () if is(b"PORT") => Command::Port(argument),
        () if is(b"EPRT") => Command::Eprt(argument),
        () if is(b"OPTS") => Command::Opts(argument),
        () => Command::Other,
    }
}

/// Drops the Telnet commands with which clients announce `ABOR` (RFC 959 §4.1.3): `IAC IP IAC DM`, of which TCP may
/// have taken the last byte as urgent data.
pub(super) fn strip_telnet(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(&[0xff]) {
        line = match rest {
            [code, rest @ ..] if *code >= 0xf0 => rest,
            rest => rest,
        };
    }
    line
}

/// A login is one word or several, without control characters.
fn is_login(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&b| b >= b' ' && b != 0x7f)
}

/// Reads `h1,h2,h3,h4,p1,p2` (RFC 959 §4.1.2).
pub(super) fn host_port(text: &[u8]) -> Option<SocketAddr> {
    let mut numbers = text.split(|&b| b == b',').map(decimal::<u8>);
    let mut next = || numbers.next().flatten();
    let ip = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    let port = u16::from_be_bytes([next()?, next()?]);
    numbers.next().is_none().then_some(SocketAddr::new(IpAddr::V4(ip), port))
}

/// Reads `|1|132.235.1.2|6275|` or `|2|1080::8:800:200C:417A|5282|` (RFC 2428 §2). The inner result tells a network
/// protocol that is not 1 or 2 from what is malformed.
pub(super) fn extended_port(text: &[u8]) -> Option<Result<SocketAddr, ()>> {
    let (&delimiter, rest) = text.split_first()?;
    if !(33..=126).contains(&delimiter) {
        return None;
    }
    let mut parts = rest.split(|&b| b == delimiter);
    let (protocol, address, port, end) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !end.is_empty() || parts.next().is_some() {
        return None;
    }
    let address = core::str::from_utf8(address).ok()?;
    let ip = match protocol {
        b"1" => IpAddr::V4(address.parse::<Ipv4Addr>().ok()?),
        b"2" => IpAddr::V6(address.parse::<Ipv6Addr>().ok()?),
        _ => return Some(Err(())),
    };
    Some(Ok(SocketAddr::new(ip, decimal(port)?)))
}

/// Digits and nothing else.
pub(super) fn decimal<T: core::str::FromStr>(text: &[u8]) -> Option<T> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}
