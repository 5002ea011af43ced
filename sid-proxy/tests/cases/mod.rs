//! Reads the tables of cases.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

/// One request and what becomes of it.
pub struct Case {
    pub name: String,
    pub expected: Expected,
    pub request: Vec<u8>,
    /// What the card's copy must have.
    pub has: Vec<Vec<u8>>,
    /// What it must not have.
    pub lacks: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A card gets it.
    Card,
    /// A card gets its head, the customer 400.
    BadChunk,
    /// No card gets anything, the customer this status.
    Status(u16),
}

/// The cases of `requests.txt`.
pub fn requests() -> Vec<Case> {
    include_str!("requests.txt").lines().filter(|line| !line.starts_with('#')).map(case).collect()
}

fn case(line: &str) -> Case {
    let mut parts = line.split(" | ");
    let (expected, name) = parts.next().unwrap().split_once(' ').unwrap();
    let request = unescape(parts.next().unwrap());
    let expected = match expected {
        "card" => Expected::Card,
        "chunk" => Expected::BadChunk,
        status => Expected::Status(status.parse().unwrap()),
    };
    let (mut has, mut lacks) = (Vec::new(), Vec::new());
    for check in parts {
        match check.strip_prefix('!') {
            Some(check) => lacks.push(unescape(check)),
            None => has.push(unescape(check)),
        }
    }
    Case { name: name.to_owned(), expected, request, has, lacks }
}

/// `\r`, `\n`, `\t`, `\0`, `\\`, `\x7f`, and `\{a*300}` for 300 times `a`.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let (code, after) = rest.split_at(1);
        rest = after;
        match code {
            "r" => out.push(b'\r'),
            "n" => out.push(b'\n'),
            "t" => out.push(b'\t'),
            "0" => out.push(0),
            "\\" => out.push(b'\\'),
            "x" => {
                out.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                rest = &rest[2..];
            }
            "{" => {
                let end = rest.find('}').unwrap();
                let (what, times) = rest[..end].split_once('*').unwrap();
                out.extend(what.repeat(times.parse().unwrap()).bytes());
                rest = &rest[end + 1..];
            }
            other => panic!("\\{other} in {text}"),
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// Everything that is wrong with what came of a case.
pub fn judge(case: &Case, statuses: &[u16], to_card: &[u8], failures: &mut Vec<String>) {
    let mut fail = |what: String| failures.push(format!("{}: {what}", case.name));
    let sent = String::from_utf8_lossy(to_card);
    match case.expected {
        Expected::Card if to_card.is_empty() => fail(format!("no card got it, the answer was {statuses:?}")),
        Expected::Card => {
            for has in case.has.iter().filter(|has| !contains(to_card, has)) {
                fail(format!("the card's copy lacks {:?}: {sent}", String::from_utf8_lossy(has)));
            }
            for lacks in case.lacks.iter().filter(|lacks| contains(to_card, lacks)) {
                fail(format!("the card's copy has {:?}: {sent}", String::from_utf8_lossy(lacks)));
            }
        }
        Expected::BadChunk if statuses != [400] => fail(format!("answered with {statuses:?}")),
        Expected::BadChunk if to_card.ends_with(b"0\r\n\r\n") => {
            fail(format!("the card took it for whole: {sent}"));
        }
        Expected::BadChunk => {}
        Expected::Status(status) => {
            if statuses != [status] {
                fail(format!("answered with {statuses:?}, not {status}"));
            }
            if !to_card.is_empty() {
                fail(format!("a card got {sent}"));
            }
        }
    }
}

pub fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
