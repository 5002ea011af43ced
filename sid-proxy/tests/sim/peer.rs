//! The two ends: customers that write requests and check answers, cards that check requests and write answers. What
//! each should see follows from the number of the request.

use sid_proxy::http::Usage;
use std::collections::VecDeque;

/// Marsaglia's xorshift.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// One request, by its number.
#[derive(Clone, Copy, Debug)]
pub struct Request(pub u64);

impl Request {
    fn draw(self, salt: u64, n: u64) -> u64 {
        let mut random = Random(self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt | 1);
        random.below(97);
        random.below(n)
    }

    pub fn method(self) -> &'static str {
        ["GET", "GET", "GET", "POST", "PUT", "DELETE"][self.draw(1, 6) as usize]
    }

    /// True if it may be sent to a second card after the first got it.
    pub fn may_repeat(self) -> bool {
        matches!(self.method(), "GET" | "DELETE")
    }

    pub fn host(self) -> &'static str {
        match self.draw(2, 12) {
            0..=4 => "shop.example",
            5..=7 => "a.mall.example",
            8..=10 => "stable.example",
            _ => "nowhere.example",
        }
    }

    pub fn is_stable(self) -> bool {
        self.host() == "stable.example"
    }

    fn body(self) -> Vec<u8> {
        let len = if self.may_repeat() { 0 } else { self.draw(3, 3000) };
        (0..len).map(|at| (self.0 * 31 + at * 7) as u8).collect()
    }

    fn answer(self) -> Vec<u8> {
        (0..self.draw(4, 4000)).map(|at| (self.0 * 17 + at * 3) as u8).collect()
    }

    /// What the customer writes.
    pub fn bytes(self) -> Vec<u8> {
        let (method, host, body) = (self.method(), self.host(), self.body());
        let mut bytes = format!("{method} /r/{} HTTP/1.1\r\nHost: {host}\r\n", self.0).into_bytes();
        if self.may_repeat() {
            bytes.extend_from_slice(b"\r\n");
        } else if self.draw(5, 2) == 0 {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(&body);
        } else {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            write_chunks(&body, &mut bytes);
        }
        bytes
    }

    /// What the card writes; true if it then closes.
    fn answer_bytes(self) -> (Vec<u8>, bool) {
        let body = self.answer();
        let mut bytes = format!("HTTP/1.1 200 OK\r\nX-Id: {}\r\n", self.0).into_bytes();
        let how = self.draw(6, 6);
        match how {
            0 => bytes.extend_from_slice(b"\r\n"),
            1 | 2 => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                write_chunks(&body, &mut bytes);
            }
            _ => bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes()),
        }
        if !matches!(how, 1 | 2) {
            bytes.extend_from_slice(&body);
        }
        (bytes, how == 0)
    }
}

fn write_chunks(body: &[u8], into: &mut Vec<u8>) {
    for chunk in body.chunks(700) {
        into.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        into.extend_from_slice(chunk);
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(b"0\r\n\r\n");
}

/// A whole message at the front of a buffer.
pub struct Message {
    /// The request's target, or the answer's status.
    pub start: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub len: usize,
}

impl Message {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Reads a message if it is whole; `end` says that nothing follows.
    pub fn read(bytes: &[u8], answer: bool, end: bool) -> Option<Self> {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let (head, start) = if answer {
            let mut head = httparse::Response::new(&mut fields);
            let len = match head.parse(bytes).expect("an answer that a customer can read") {
                httparse::Status::Complete(len) => len,
                httparse::Status::Partial => return None,
            };
            (len, head.code.unwrap().to_string())
        } else {
            let mut head = httparse::Request::new(&mut fields);
            let len = match head.parse(bytes).expect("a request that a card can read") {
                httparse::Status::Complete(len) => len,
                httparse::Status::Partial => return None,
            };
            (len, head.path.unwrap().to_string())
        };
        let fields: Vec<(String, String)> = fields
            .iter()
            .take_while(|field| !field.name.is_empty())
            .map(|field| (field.name.into(), String::from_utf8(field.value.into()).unwrap()))
            .collect();
        let mut message = Self { start, fields, body: vec![], len: head };
        let rest = &bytes[head..];
        if message.field("transfer-encoding").is_some() {
            let (body, len) = read_chunks(rest)?;
            (message.body, message.len) = (body, head + len);
        } else if let Some(len) = message.field("content-length") {
            let len: usize = len.parse().unwrap();
            message.body = rest.get(..len)?.to_vec();
            message.len += len;
        } else if answer {
            if !end {
                return None;
            }
            message.body = rest.to_vec();
            message.len = bytes.len();
        }
        Some(message)
    }
}

fn read_chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (vec![], 0);
    loop {
        let end = at + bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let len = usize::from_str_radix(std::str::from_utf8(&bytes[at..end]).unwrap(), 16).unwrap();
        at = end + 2;
        let chunk = bytes.get(at..at + len + 2)?;
        assert_eq!(&chunk[len..], b"\r\n");
        at += len + 2;
        if len == 0 {
            return Some((body, at));
        }
        body.extend_from_slice(&chunk[..len]);
    }
}

/// A customer's side of a connection.
#[derive(Default)]
pub struct Customer {
    /// Bytes that were not given to the proxy.
    pub unsent: VecDeque<u8>,
    /// The requests to be answered, and how many bytes are to be sent until each is whole.
    pub open: VecDeque<(Request, u64)>,
    pub sent: u64,
    pub written: u64,
    pub got: Vec<u8>,
    /// What the proxy said that each request used.
    pub usages: VecDeque<Usage>,
    /// It takes its time, and may be cut off for it.
    pub slow: bool,
    /// The proxy was told to take no more of it.
    pub drained: bool,
    /// The last answer said that the connection closes.
    pub last: bool,
    /// Answers of cards, answers of the proxy.
    pub answered: [u64; 2],
}

impl Customer {
    pub fn asks(&mut self, request: Request) {
        let bytes = request.bytes();
        self.written += bytes.len() as u64;
        self.unsent.extend(bytes);
        self.open.push_back((request, self.written));
    }

    pub fn takes(&mut self, len: usize) -> Vec<u8> {
        let len = len.min(self.unsent.len());
        self.sent += len as u64;
        self.unsent.drain(..len).collect()
    }

    /// Reads and judges whole answers.
    pub fn read(&mut self, end: bool) {
        while !self.got.is_empty() {
            let Some(answer) = Message::read(&self.got, true, end) else { return };
            assert!(!self.last, "an answer behind the last one");
            let (request, _) = self.open.pop_front().expect("an answer without a request");
            self.last = answer.field("connection").is_some_and(|value| value.contains("close"));
            let usage = self.usages.pop_front().expect("an answer of which nothing was told");
            match answer.field("x-id") {
                Some(id) => {
                    assert_eq!(id, request.0.to_string(), "an answer to another request");
                    assert!(answer.body == request.answer(), "bytes of request {id}");
                    assert_eq!(usage.response_bytes, answer.body.len() as u64, "counted for {id}");
                    assert_eq!(usage.request_bytes, request.body().len() as u64, "counted for {id}");
                    assert!(usage.complete && usage.refusal.is_none());
                    self.answered[0] += 1;
                }
                None => {
                    assert!(answer.field("proxy-status").is_some(), "an answer of nobody's");
                    let expected = if self.slow { "408" } else { "" };
                    assert!(
                        !request.is_stable() || answer.start == expected,
                        "request {} is not concerned by anything, but got {}",
                        request.0,
                        String::from_utf8_lossy(&self.got[..answer.len])
                    );
                    assert_eq!(
                        request.host() == "nowhere.example",
                        answer.start == "404" && request.host() == "nowhere.example"
                    );
                    self.answered[1] += 1;
                }
            }
            self.got.drain(..answer.len);
        }
    }

    /// The connection is over: nothing may be missing without a sign.
    pub fn ends(&mut self, abort: bool) {
        self.read(!abort);
        if abort {
            return;
        }
        assert!(self.got.is_empty(), "an answer was cut and the customer cannot tell");
        let whole = self.open.iter().filter(|(_, until)| *until <= self.sent).count();
        assert!(whole == 0 || self.last || self.drained, "{whole} requests were lost without a sign");
    }
}

/// A card's side of a connection.
#[derive(Default)]
pub struct Wire {
    pub card: u32,
    pub got: Vec<u8>,
    /// Bytes that were not given to the proxy.
    pub unsent: VecDeque<u8>,
    /// It ends when all is sent.
    pub ends: bool,
    pub served: u64,
}

impl Wire {
    /// Reads requests that are whole, and answers them.
    pub fn work(&mut self) {
        while !self.ends && !self.got.is_empty() {
            let Some(message) = Message::read(&self.got, false, false) else { return };
            let id = message.start.strip_prefix("/r/").expect("the path").parse().unwrap();
            assert_eq!(message.body, Request(id).body(), "the body of request {id}");
            assert!(message.field("via").is_some());
            self.got.drain(..message.len);
            let (bytes, ends) = Request(id).answer_bytes();
            self.unsent.extend(bytes);
            self.ends = ends;
            self.served += 1;
        }
    }
}
