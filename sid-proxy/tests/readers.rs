//! Whatever a customer sends, what a card gets is one message to `httparse` and the plainest deframing there is: heads of
//! the table, generated ones, and both with bytes changed. `fuzz/` asks hyper too.
#![allow(clippy::unwrap_used)]

mod cases;
mod rig;

use cases::requests;
use proptest::prelude::*;
use rig::{OK, Rig};

/// A second reader's body: `Ok(None)` if it is not whole.
fn body(rest: &[u8], length: Option<&[u8]>, coding: Option<&[u8]>) -> Result<Option<Vec<u8>>, &'static str> {
    match (length, coding) {
        (None, None) if rest.is_empty() => Ok(Some(Vec::new())),
        (None, None) => Err("bytes behind a message without a body"),
        (Some(length), None) => {
            let length: u64 = std::str::from_utf8(length).unwrap().parse().map_err(|_| "no length")?;
            match length.cmp(&(rest.len() as u64)) {
                std::cmp::Ordering::Less => Err("more than the length says"),
                std::cmp::Ordering::Equal => Ok(Some(rest.to_vec())),
                std::cmp::Ordering::Greater => Ok(None),
            }
        }
        (None, Some(b"chunked")) => chunks(rest),
        (None, Some(_)) => Err("another coding"),
        (Some(_), Some(_)) => Err("two framings"),
    }
}

fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    let mut body = Vec::new();
    loop {
        let (at, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(chunk)) => chunk,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("no chunk line"),
        };
        if rest[..at].iter().any(|b| !b.is_ascii_hexdigit() && !b"\r\n".contains(b)) {
            return Err("an extension");
        }
        let Ok(size) = usize::try_from(size) else { return Ok(None) };
        rest = &rest[at..];
        if size == 0 {
            let mut fields = [httparse::EMPTY_HEADER; 64];
            return match httparse::parse_headers(rest, &mut fields) {
                Ok(httparse::Status::Complete((len, _))) if len == rest.len() => Ok(Some(body)),
                Ok(httparse::Status::Complete(_)) => Err("bytes behind the last chunk"),
                Ok(httparse::Status::Partial) => Ok(None),
                Err(_) => Err("no trailers"),
            };
        }
        let Some(chunk) = rest.get(..size) else { return Ok(None) };
        body.extend_from_slice(chunk);
        rest = &rest[size..];
        rest = match rest.get(..2) {
            Some(b"\r\n") => &rest[2..],
            Some(_) => return Err("a chunk is not followed by CR LF"),
            None => return Ok(None),
        };
    }
}

/// Reads what one connection to a card got: one message, whole or not.
fn read(sent: &[u8]) -> Result<bool, String> {
    let say = |what: &str| format!("{what}: {}", String::from_utf8_lossy(sent));
    let mut fields = [httparse::EMPTY_HEADER; 160];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(len)) = request.parse(sent) else { return Err(say("no head")) };
    if sent[..len].windows(2).any(|two| two[1] == b'\n' && two[0] != b'\r') {
        return Err(say("a bare LF"));
    }
    let of = |name: &str| -> Vec<&[u8]> {
        request.headers.iter().filter(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value).collect()
    };
    for once in ["host", "content-length", "transfer-encoding", "connection", "x-forwarded-for", "forwarded"]
    {
        if of(once).len() > 1 {
            return Err(say("a field twice"));
        }
    }
    for never in ["keep-alive", "proxy-connection", "proxy-authorization"] {
        if !of(never).is_empty() {
            return Err(say("a field of the customer's connection"));
        }
    }
    if of("via").is_empty() || of("x-forwarded-for") != [b"192.0.2.7".as_slice()] {
        return Err(say("nobody says who asked"));
    }
    let body =
        body(&sent[len..], of("content-length").first().copied(), of("transfer-encoding").first().copied());
    Ok(body.map_err(say)?.is_some())
}

/// Says `bytes` to a proxy whose cards answer each request once nothing more comes of it.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut rig = Rig::new();
    rig.client_sends(bytes);
    for _ in 0..64 {
        if rig.to_card.is_empty() {
            break;
        }
        let sent = std::mem::take(&mut rig.to_card);
        let whole = read(&sent).map_err(TestCaseError::fail)?;
        rig.card_sends(OK);
        prop_assert!(whole || rig.to_card.is_empty(), "nothing follows a message that is not whole");
    }
    Ok(())
}

fn heads() -> impl Strategy<Value = Vec<u8>> {
    let method = prop::sample::select(&["GET", "POST", "PUT", "OPTIONS", "HEAD", "x!"][..]);
    let target = prop::sample::select(
        &[
            "/",
            "/sell/a?b",
            "*",
            "http://www.sell.com",
            "http://www.sell.com:8000?x",
            "/%2e%2e/",
            "//",
            "/\"<>",
        ][..],
    );
    let version = prop::sample::select(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"][..]);
    let host = prop::sample::select(&["www.sell.com", "WWW.SELL.COM.:80", "a.sell.com", "[2001:DB8::1]"][..]);
    let field = prop::sample::select(
        &[
            "Accept: */*\r\n",
            "Connection: close\r\n",
            "Connection: keep-alive, X-A, Host\r\n",
            "connection:te\r\n",
            "X-A:  two  \r\n",
            "X-A:\r\n",
            "TE: trailers, gzip\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: 0\r\n",
            "Content-Length: 5, 5\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Expect: 100-continue\r\n",
            "Upgrade: websocket\r\n",
            "Connection: upgrade\r\n",
            "Forwarded: for=1.2.3.4\r\n",
            "X-Forwarded-For: 1.2.3.4\r\n",
            "Via: 1.1 other\r\n",
            "Max-Forwards: 4\r\n",
            "Proxy-Connection: close\r\n",
            "Trailer: X-T\r\n",
            "Proxy-Authorization: Basic eDp5\r\n",
            " folded\r\n",
            "X-B: a\r\n\tb\r\n",
            "X-C: \u{e9}\r\n",
        ][..],
    );
    let content = prop::sample::select(
        &[
            "",
            "hello",
            "5\r\nhello\r\n0\r\n\r\n",
            "5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "hel",
        ][..],
    );
    let one = (method, target, version, host, prop::collection::vec(field, 0..6), content).prop_map(
        |(method, target, version, host, fields, content)| {
            format!("{method} {target} {version}\r\nHost: {host}\r\n{}\r\n{content}", fields.concat())
                .into_bytes()
        },
    );
    prop::collection::vec(one, 1..4).prop_map(|all| all.concat())
}

fn mutated(bytes: Vec<u8>, changes: &[(usize, usize, u8)]) -> Vec<u8> {
    let mut bytes = bytes;
    for &(kind, at, byte) in changes {
        let at = at % (bytes.len() + 1);
        match kind {
            0 if at < bytes.len() => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.splice(at..at, *b"\r\n").for_each(drop),
            4 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

#[test]
fn what_a_card_gets_of_the_table_is_one_message() {
    for case in requests() {
        check(&case.request).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_card_gets_of_generated_heads_is_one_message(bytes in heads()) {
        check(&bytes)?;
    }

    #[test]
    fn what_a_card_gets_of_mutated_heads_is_one_message(
        bytes in heads(),
        changes in prop::collection::vec(
            (0usize..5, any::<usize>(), prop_oneof![Just(b'\n'), Just(b'\r'), Just(b' '), Just(b':'), Just(b'0'), any::<u8>()]),
            1..6,
        ),
    ) {
        check(&mutated(bytes, &changes))?;
    }

    #[test]
    fn what_a_card_gets_of_the_mutated_table_is_one_message(
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec((0usize..5, any::<usize>(), any::<u8>()), 1..5),
    ) {
        let cases = requests();
        check(&mutated(cases[at.index(cases.len())].request.clone(), &changes))?;
    }
}
