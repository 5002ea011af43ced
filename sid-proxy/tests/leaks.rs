//! Nothing of the inside reaches a customer, whatever a card says.
#![allow(clippy::unwrap_used)]

mod cases;
mod rig;

use cases::contains;
use proptest::prelude::*;
use rig::{GET, Rig, peer};
use sid_proxy::http::{Config, Inside};

fn config() -> Config {
    Config {
        inside: Inside {
            networks: vec![("10.1.0.0".parse().unwrap(), 16)],
            names: vec![String::from("cards.internal")],
        },
        ..Config::default()
    }
}

/// What the card answers becomes what the customer gets.
fn answered(request: &str, response: &str) -> String {
    let mut rig = Rig::with(config(), peer());
    rig.client_sends(request).card_sends(response);
    rig.client_text()
}

fn redirect(request: &str, field: &str) -> String {
    let text = answered(request, &format!("HTTP/1.1 302 Found\r\n{field}\r\nContent-Length: 0\r\n\r\n"));
    let name = field.split(':').next().unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}:")));
    line.map_or(String::new(), |line| line[name.len() + 1..].trim().to_owned())
}

#[test]
fn references_to_a_card_become_references_to_the_same_place() {
    for (field, expected) in [
        ("Location: http://10.1.1.1:8000/login?a=b#c", "/login?a=b#c"),
        ("Location: http://10.1.1.1", "/"),
        ("Location: https://card-7.cards.internal/x", "/x"),
        ("Location: http://user@10.1.200.9/x", "/x"),
        ("Location: http://www.sell.com/x", "http://www.sell.com/x"),
        ("Location: /x", "/x"),
        ("Location: x/y", "x/y"),
        ("Location: //other.example/x", "//other.example/x"),
        ("Location: //10.1.1.1/x", ""),
        ("Location: http://110.1.1.1/x", "http://110.1.1.1/x"),
        ("Location: http://10.2.1.1/x", "http://10.2.1.1/x"),
        ("Content-Location: http://10.1.1.1/z", "/z"),
        ("Refresh: 5; url=http://10.1.1.1:8000/x", "5; url=/x"),
        (
            "Link: <http://10.1.1.1/a>; rel=next, <http://cdn.example/b>",
            "</a>; rel=next, <http://cdn.example/b>",
        ),
        ("Set-Cookie: id=1; Domain=10.1.1.1; Path=/; HttpOnly", "id=1; Path=/; HttpOnly"),
        ("Set-Cookie: id=1; domain=.cards.internal", "id=1"),
        ("Set-Cookie: id=1; Domain=sell.com", "id=1; Domain=sell.com"),
        ("Set-Cookie: at=10.1.1.1", ""),
        ("Server: nginx", "nginx"),
        ("Server: nginx at 10.1.1.1", ""),
        ("X-Backend: 10.1.1.1:8000", ""),
        ("X-Backend: CARDS.internal", ""),
        ("X-10.1.1.1: hidden", ""),
        ("Alt-Svc: h3=\":443\"", ""),
        ("X-Version: 10.1.0.99.2", "10.1.0.99.2"),
    ] {
        assert_eq!(redirect(GET, field), expected, "{field}");
    }
}

#[test]
fn references_under_a_stripped_prefix_get_it_back() {
    let request = "GET /sell/a HTTP/1.1\r\nHost: strip.example\r\n\r\n";
    for (field, expected) in [
        ("Location: /login", "/sell/login"),
        ("Location: http://10.1.1.1:8000/login", "/sell/login"),
        ("Location: login", "login"),
        ("Location: http://other.example/a", "http://other.example/a"),
        ("Location: //other.example/a", "//other.example/a"),
        ("Refresh: 1; URL=/x", "1; URL=/sell/x"),
        (
            "Link: </style.css>; rel=preload, </b>; rel=next",
            "</sell/style.css>; rel=preload, </sell/b>; rel=next",
        ),
        ("Set-Cookie: a=b; Path=/", "a=b; Path=/sell"),
        ("Set-Cookie: a=b; path=/cart; Secure", "a=b; Path=/sell/cart; Secure"),
        ("Set-Cookie: a=b", "a=b"),
    ] {
        assert_eq!(redirect(request, field), expected, "{field}");
    }
}

#[test]
fn trailers_and_interim_responses_show_nothing_either() {
    let text = answered(
        "GET / HTTP/1.1\r\nHost: www.sell.com\r\nTE: trailers\r\n\r\n",
        "HTTP/1.1 103 Hints from 10.1.1.1\r\nLink: <http://10.1.1.1/a>\r\nX-At: 10.1.1.1\r\n\r\n\
         HTTP/1.1 200 Fine at 10.1.1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-At: 10.1.1.1\r\nX-T: 1\r\n\r\n",
    );
    assert!(
        !text.contains("10.1.1") && text.contains("Link: </a>") && text.ends_with("0\r\nX-T: 1\r\n\r\n"),
        "{text}"
    );
}

#[test]
fn bodies_are_the_services_own() {
    let text = answered(GET, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nI am at 10.1.1.");
    assert!(text.ends_with("\r\n\r\nI am at 10.1.1."));
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "10.1.1.1",
        "10.1.1.1:8000",
        "10.1.77.3",
        "card.cards.internal",
        "CARDS.INTERNAL",
        "http://",
        "https://",
        "//",
        "/",
        "<",
        ">",
        ";",
        ",",
        " ",
        "=",
        "url=",
        "Domain=",
        "Path=",
        "path",
        "@",
        ":",
        "?",
        "#",
        "x",
        "www.sell.com",
        "://",
        "\"",
        "\r\n ",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_field_of_any_make_shows_the_inside(
        values in prop::collection::vec((0usize..8, pieces()), 0..8),
        reason in pieces(),
        strip: bool,
        how in 0u8..4,
    ) {
        let names = ["Location", "Content-Location", "Refresh", "Link", "Set-Cookie", "Server", "X-Powered-By", "Via"];
        let fields: String = values.iter().map(|(n, value)| format!("{}: {value}\r\n", names[*n])).collect();
        let reason = reason.replace("\r\n", "");
        let host = if strip { "strip.example" } else { "www.sell.com" };
        let mut rig = Rig::with(config(), peer());
        rig.client_sends(format!("GET /sell/x HTTP/1.1\r\nHost: {host}\r\nTE: trailers\r\n\r\n"));
        let response = match how {
            0 => format!("HTTP/1.1 200 {reason}\r\n{fields}Content-Length: 0\r\n\r\n"),
            1 => format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{fields}\r\n"),
            2 => format!("HTTP/1.1 103 {reason}\r\n{fields}\r\nHTTP/1.1 302 {reason}\r\n{fields}Content-Length: 0\r\n\r\n"),
            _ => format!("HTTP/1.1 200 {reason}\r\n{fields}broken at 10.1.1.1\r\n\r\n"),
        };
        rig.card_sends(&response).card_ends();
        let text = rig.client_text().to_lowercase();
        let inside = text.split(|c: char| !c.is_ascii_digit() && c != '.').any(|run| {
            run.trim_matches('.').parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.octets().starts_with(&[10, 1]))
        });
        prop_assert!(!inside && !text.contains("cards.internal"), "{}\n became \n{}", response, text);
        prop_assert!(!contains(text.as_bytes(), b"\r\n "), "no folded line");
    }
}
