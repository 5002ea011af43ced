//! Replies of a card, line by line (RFC 959 §4.2).

use super::command::{decimal, host_port};

/// Follows replies of one and of several lines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Replies {
    /// The code of the reply whose last line has not come.
    open: Option<u16>,
}

/// One line of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplyLine {
    /// The code of the reply.
    pub(super) code: u16,
    /// It is the only or last line.
    pub(super) last: bool,
    /// It begins with the code.
    pub(super) coded: bool,
}

impl Replies {
    /// Judges a line; `None` for one that belongs to no reply.
    pub(super) fn read(&mut self, line: &[u8]) -> Option<ReplyLine> {
        let code = line.get(..3).and_then(decimal::<u16>).filter(|code| (100..600).contains(code));
        let dash = line.get(3) == Some(&b'-');
        let end = matches!(line.get(3), None | Some(b' '));
        match (self.open, code) {
            (Some(open), code) => {
                let own = code == Some(open);
                let last = own && end;
                if last {
                    self.open = None;
                }
                Some(ReplyLine { code: open, last, coded: own && (end || dash) })
            }
            (None, Some(code)) if dash => {
                self.open = Some(code);
                Some(ReplyLine { code, last: false, coded: true })
            }
            (None, Some(code)) if end => Some(ReplyLine { code, last: true, coded: true }),
            _ => None,
        }
    }
}

/// The port in a reply to `PASV`; its address is not to be believed (RFC 1123 §4.1.2.6 says how to find it).
pub(super) fn passive_port(line: &[u8]) -> Option<u16> {
    let text = line.get(4..)?;
    let begin = text.iter().position(u8::is_ascii_digit)?;
    let rest = text.get(begin..)?;
    let end = rest.iter().position(|b| !b.is_ascii_digit() && *b != b',').unwrap_or(rest.len());
    host_port(rest.get(..end)?).map(|address| address.port()).filter(|&port| port != 0)
}

/// The port in a reply to `EPSV`: `229 Entering Extended Passive Mode (|||6446|)` (RFC 2428 §3).
pub(super) fn extended_passive_port(line: &[u8]) -> Option<u16> {
    let begin = line.iter().position(|&b| b == b'(')?;
    let inside = line.get(begin.saturating_add(1)..)?;
    let inside = inside.get(..inside.iter().position(|&b| b == b')')?)?;
    let (&delimiter, _) = inside.split_first()?;
    let mut parts = inside.split(|&b| b == delimiter);
    let mut next = || parts.next();
    match (next()?, next()?, next()?, next()?, next()?, next()) {
        (b"", b"", b"", port, b"", None) => decimal::<u16>(port).filter(|&port| port != 0),
        _ => None,
    }
}
