#![no_main]
//! What a card gets, read by two others: `httparse` with the plainest deframing there is, and hyper's server. Whatever a
//! customer sends, each message that is forwarded is one message to both, with the same method, target, fields and body.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use libfuzzer_sys::fuzz_target;
use sid_proxy::http::{Config, Input, Limits, Output, Peer, Session, Side};
use sid_proxy::{CardId, Decision, Matched, RouteId, ServiceId};
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// One message, as a reader sees it. The body is `None` if it is not whole.
#[derive(Debug, PartialEq)]
struct Message {
    method: String,
    target: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

/// Lets a customer say `bytes`, a card answer each request at once, and gives what each connection to a card got.
fn forwarded(bytes: &[u8]) -> Vec<Vec<u8>> {
    let peer = Peer { client: ([192, 0, 2, 7], 4711).into(), local: ([198, 51, 100, 1], 80).into(), trusted: false };
    let limits = Limits { fields: 80, ..Limits::default() };
    let mut session = Session::new(Arc::new(Config { limits, ..Config::default() }), peer, Duration::ZERO);
    let now = Duration::ZERO;
    let mut sent: Vec<Vec<u8>> = Vec::new();
    let (mut client, mut card, mut owed) = (bytes, &[][..], 0u64);
    loop {
        let mut moved = false;
        while let Some(output) = session.poll_output() {
            moved = true;
            let input = match output {
                Output::Route { .. } => Input::Routed(Ok(Decision {
                    route: RouteId(0),
                    service: ServiceId(0),
                    matched: Matched::Default,
                    prefix_len: 0,
                    strip_len: 0,
                })),
                Output::Pick { .. } => Input::Picked { card: CardId(0), address: ([10, 1, 1, 1], 80).into() },
                Output::Connect { .. } => {
                    sent.push(Vec::new());
                    card = &[];
                    Input::Connected { reused: false }
                }
                Output::Send { to: Side::Card, bytes } => {
                    sent.last_mut().expect("connected").extend_from_slice(bytes);
                    continue;
                }
                Output::Forward { from: Side::Client, len } => {
                    owed = len;
                    continue;
                }
                Output::Release { .. } => {
                    owed = 0;
                    continue;
                }
                _ => continue,
            };
            session.handle(now, input).expect("an answer to its own question");
        }
        if owed > 0 && !client.is_empty() {
            let len = client.len().min(usize::try_from(owed).unwrap_or(usize::MAX));
            sent.last_mut().expect("connected").extend_from_slice(&client[..len]);
            (client, owed) = (&client[len..], owed - len as u64);
            session.handle(now, Input::Forwarded { from: Side::Client, len: len as u64 }).expect("asked for");
            continue;
        }
        if owed == 0 && !client.is_empty() {
            let input = Input::Data { side: Side::Client, bytes: client, end: false };
            let taken = session.handle(now, input).expect("data is never misuse");
            client = &client[taken..];
            moved |= taken > 0;
        }
        if !moved && card.is_empty() && !sent.is_empty() {
            // Nothing more comes of the request: it is answered.
            card = OK;
            let taken = session.handle(now, Input::Data { side: Side::Card, bytes: card, end: false });
            moved = taken.expect("data is never misuse") > 0;
        }
        if !moved {
            return sent;
        }
    }
}

fn by_httparse(bytes: &[u8]) -> Message {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(len)) = request.parse(bytes) else {
        panic!("no head: {}", String::from_utf8_lossy(bytes))
    };
    let rest = &bytes[len..];
    let field = |name: &str| {
        let mut all = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        let value = all.next().map(|field| field.value);
        assert!(all.next().is_none(), "two of {name}");
        value
    };
    let body = match (field("content-length"), field("transfer-encoding")) {
        (None, None) => {
            assert!(rest.is_empty(), "bytes behind a message without a body");
            Some(Vec::new())
        }
        (Some(length), None) => {
            let length: usize = std::str::from_utf8(length).expect("digits").parse().unwrap_or(usize::MAX);
            assert!(rest.len() <= length, "more than the length says");
            (rest.len() == length).then(|| rest.to_vec())
        }
        (None, Some(coding)) => {
            assert_eq!(coding, b"chunked");
            dechunked(rest)
        }
        (Some(_), Some(_)) => panic!("two framings"),
    };
    Message {
        method: request.method.expect("whole").to_owned(),
        target: request.path.expect("whole").to_owned(),
        fields: request.headers.iter().map(|f| (f.name.to_ascii_lowercase(), f.value.to_vec())).collect(),
        body,
    }
}

fn dechunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((at, size))) = httparse::parse_chunk_size(rest) else { return None };
        let size = usize::try_from(size).ok()?;
        rest = &rest[at..];
        if size == 0 {
            let mut fields = [httparse::EMPTY_HEADER; 64];
            let Ok(httparse::Status::Complete((len, _))) = httparse::parse_headers(rest, &mut fields) else {
                return None;
            };
            assert_eq!(len, rest.len(), "bytes behind the last chunk");
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
}

/// Bytes to read, and nowhere to write.
struct Wire<'a>(&'a [u8]);

impl Read for Wire<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, mut to: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let len = self.0.len().min(to.remaining());
        let (front, rest) = self.0.split_at(len);
        to.put_slice(front);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn by_hyper(bytes: &[u8]) -> Vec<Message> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = Rc::clone(&seen);
        async move {
            let (head, body) = request.into_parts();
            let mut fields: Vec<_> =
                head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
            fields.sort();
            let at = seen.borrow().len();
            let (method, target) = (head.method.to_string(), head.uri.to_string());
            seen.borrow_mut().push(Message { method, target, fields, body: None });
            let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
            seen.borrow_mut()[at].body = body;
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    {
        let mut connection = pin!(http1::Builder::new().half_close(true).serve_connection(Wire(bytes), service));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10_000 {
            if connection.as_mut().poll(&mut context).is_ready() {
                break;
            }
        }
    }
    Rc::try_unwrap(seen).expect("the connection is gone").into_inner()
}

fuzz_target!(|data: &[u8]| {
    for sent in forwarded(data).iter().filter(|sent| !sent.is_empty()) {
        let mut one = by_httparse(sent);
        one.fields.sort();
        let mut others = by_hyper(sent);
        // hyper's URIs have fewer characters than RFC 9112 lets servers take: what it refuses it does not misread.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
        if others.is_empty() {
            assert!(!one.target.bytes().all(plain), "hyper refuses {}", String::from_utf8_lossy(sent));
            continue;
        }
        assert_eq!(others.len(), 1, "one message and no more: {}", String::from_utf8_lossy(sent));
        others[0].fields.sort();
        assert_eq!(others[0], one, "{}", String::from_utf8_lossy(sent));
    }
});
