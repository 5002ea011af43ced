//! Command lines, before the login and after it.

/// A command before the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    User(&'a [u8]),
    Pass(&'a [u8]),
    /// The mechanism and the initial response.
    Auth(&'a [u8], Option<&'a [u8]>),
    Apop,
    Capa,
    Stls,
    Quit,
    /// No command that is served before the login.
    Unknown,
    /// A byte that no command has: a control character could end the line for another parser.
    Malformed,
}

/// Reads a line without its end.
pub(super) fn command(line: &[u8]) -> Command<'_> {
    // PASS takes any byte but those that end lines or strings; names and mechanisms are printable ASCII (RFC 1939 §3),
    // or UTF-8 where a login is (RFC 6856 §2.1).
    if line.iter().any(|&b| matches!(b, 0 | b'\r' | b'\n')) {
        return Command::Malformed;
    }
    let (verb, argument) = split(line);
    let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
    match argument {
        Some(name) if is(b"USER") => {
            if is_login(name) {
                Command::User(name)
            } else {
                Command::Malformed
            }
        }
        Some(password) if is(b"PASS") => Command::Pass(password),
        Some(rest) if is(b"AUTH") => {
            let (mechanism, initial) = split(rest);
            Command::Auth(mechanism, initial)
        }
        Some(_) if is(b"APOP") => Command::Apop,
        None if is(b"CAPA") => Command::Capa,
        None if is(b"STLS") => Command::Stls,
        None if is(b"QUIT") => Command::Quit,
        _ => Command::Unknown,
    }
}

/// True if a login may stand in a line of its own: no spaces, no control characters, not empty.
pub(super) fn is_login(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&b| b > b' ' && b != 0x7f)
}

/// True if the reply to a command after the login has several lines when it begins with `+OK`.
pub(super) fn is_multi_line(line: &[u8]) -> bool {
    let (verb, argument) = split(line);
    let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
    match argument {
        None => is(b"LIST") || is(b"UIDL") || is(b"CAPA") || is(b"LANG"),
        Some(_) => is(b"RETR") || is(b"TOP"),
    }
}

/// True if the status line of the reply is data of the service's own: a unique identifier may look like anything.
pub(super) fn is_data(line: &[u8]) -> bool {
    split(line).0.eq_ignore_ascii_case(b"UIDL")
}

fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|&b| b == b' ') {
        None => (line, None),
        Some(at) => {
            let rest = line.get(at.saturating_add(1)..).unwrap_or_default();
            (line.get(..at).unwrap_or_default(), (!rest.is_empty()).then_some(rest))
        }
    }
}
