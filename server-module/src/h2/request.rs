//! A request's head, from HTTP/2 to HTTP/1.1 (RFC 9113 §8.3.1). What is wrong with it the engine says: nothing is mended
//! here.

use http::header::{COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, Method};

/// How the body of a request is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// By its length, or there is none.
    Plain,
    /// In chunks.
    Chunks,
}

/// Writes a head. `ended` says that no body follows.
pub(super) fn write(parts: &Parts, ended: bool) -> (Vec<u8>, Body) {
    let mut out = Vec::with_capacity(512);
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b' ');
    match parts.uri.path_and_query() {
        _ if parts.method == Method::CONNECT => out.extend_from_slice(authority.unwrap_or_default()),
        Some(target) => out.extend_from_slice(target.as_str().as_bytes()),
        None => out.push(b'/'),
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    if let Some(authority) = authority {
        line(&mut out, b"host", authority);
    }
    for (name, value) in &parts.headers {
        let value = value.as_bytes();
        // Host says what `:authority` says; one that says something else makes two, which the engine refuses.
        let again = name == HOST && authority.is_some_and(|authority| authority.eq_ignore_ascii_case(value));
        if !again && name != COOKIE {
            line(&mut out, name.as_str().as_bytes(), value);
        }
    }
    cookies(&mut out, &parts.headers);
    let chunks = !ended && !parts.headers.contains_key(http::header::CONTENT_LENGTH);
    if chunks {
        line(&mut out, b"transfer-encoding", b"chunked");
    }
    out.extend_from_slice(b"connection: close\r\n\r\n");
    (out, if chunks { Body::Chunks } else { Body::Plain })
}

/// Crumbs of a cookie are one field in HTTP/1.1 (RFC 9113 §8.2.3).
fn cookies(out: &mut Vec<u8>, fields: &HeaderMap) {
    for (index, crumb) in fields.get_all(COOKIE).iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"cookie: " } else { b"; " });
        out.extend_from_slice(crumb.as_bytes());
    }
    if fields.contains_key(COOKIE) {
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes the end of chunks.
pub(super) fn end(trailers: Option<&HeaderMap>) -> Vec<u8> {
    let mut out = b"0\r\n".to_vec();
    for (name, value) in trailers.into_iter().flatten() {
        line(&mut out, name.as_str().as_bytes(), value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    // Neither can hold a line end: the `http` crate's types allow none.
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn written(request: http::request::Builder, ended: bool) -> String {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        String::from_utf8(write(&parts, ended).0).unwrap()
    }

    #[test]
    fn rfc9113_8_3_1_pseudo_fields_become_a_request_line_and_a_host() {
        let request = Request::get("https://www.sell.com/a?b").header("x", "y");
        let text = "GET /a?b HTTP/1.1\r\nhost: www.sell.com\r\nx: y\r\nconnection: close\r\n\r\n";
        assert_eq!(written(request, true), text);
        let connect = Request::builder().method("CONNECT").uri("inside:22");
        assert!(written(connect, true).starts_with("CONNECT inside:22 HTTP/1.1\r\n"));
    }

    #[test]
    fn a_host_that_says_something_else_than_the_authority_makes_two() {
        let same = Request::get("https://www.sell.com/").header("host", "WWW.sell.com");
        assert_eq!(written(same, true).matches("host: ").count(), 1);
        let other = Request::get("https://www.sell.com/").header("host", "other.example");
        assert_eq!(written(other, true).matches("host: ").count(), 2);
    }

    #[test]
    fn rfc9113_8_2_3_crumbs_become_one_cookie() {
        let request = Request::get("https://a/").header("cookie", "a=1").header("cookie", "b=2");
        assert!(written(request, true).contains("cookie: a=1; b=2\r\n"));
    }

    #[test]
    fn a_body_without_length_comes_in_chunks() {
        assert!(written(Request::post("https://a/"), false).contains("transfer-encoding: chunked\r\n"));
        let length = Request::post("https://a/").header("content-length", "3");
        assert!(!written(length, false).contains("chunked"));
    }
}
