//! Attacks by name.
#![allow(clippy::unwrap_used)]

mod rig;

use rig::{GET, OK, Rig};
use sid_proxy::http::{Refusal, Side};

#[test]
fn a_flood_of_fields_is_431() {
    let mut rig = Rig::new();
    rig.client_sends(format!("GET / HTTP/1.1\r\nHost: www.sell.com\r\n{}\r\n", "a: b\r\n".repeat(200)));
    assert_eq!(rig.statuses(), [431]);
}

#[test]
fn an_endless_head_is_431_without_being_kept() {
    let mut rig = Rig::new();
    rig.client_sends("GET / HTTP/1.1\r\nA: ");
    for _ in 0..40 {
        rig.client_sends("a".repeat(1000));
    }
    assert_eq!(rig.statuses(), [431]);
}

#[test]
fn slowloris_is_408() {
    let mut rig = Rig::new();
    rig.client_sends("GET / HTTP/1.1\r\nHost:");
    assert_eq!(rig.wait().as_secs(), 10);
    assert_eq!(rig.statuses(), [408]);
    assert_eq!(rig.done[0].refusal, Some(Refusal::Slow));
}

#[test]
fn a_tls_hello_on_the_wrong_port_is_refused_at_its_first_byte() {
    let mut rig = Rig::new();
    rig.client_sends(b"\x16\x03\x01");
    assert_eq!(rig.statuses(), [400]);
}

#[test]
fn h2c_upgrades_do_not_smuggle_an_unchecked_tunnel() {
    let mut rig = Rig::new();
    rig.client_sends("GET / HTTP/1.1\r\nHost: www.sell.com\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n");
    let text = rig.card_text().to_lowercase();
    assert!(!text.contains("upgrade") && !text.contains("http2-settings"), "{text}");
    rig.card_sends("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n");
    assert_eq!(rig.statuses(), [502]);
}

#[test]
fn bytes_behind_an_upgrade_request_are_no_tunnel_before_the_101() {
    let mut rig = Rig::new();
    let upgrade =
        "GET /ws HTTP/1.1\r\nHost: www.sell.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    rig.client_sends(format!("{upgrade}{}", GET.replace("/ ", "/admin ")));
    assert!(!rig.card_text().contains("/admin"));
    rig.card_sends(OK);
    assert!(
        rig.card_text().contains("GET /admin HTTP/1.1\r\nHost: www.sell.com\r\nVia"),
        "parsed, not tunnelled"
    );
}

#[test]
fn connection_cannot_take_essential_fields_away() {
    let mut rig = Rig::new();
    rig.client_sends(
        "GET / HTTP/1.1\r\nHost: www.sell.com\r\nConnection: close, Authorization, X-Forwarded-For, Foo, Cookie\r\n\
         Authorization: Basic x\r\nFoo: 1\r\nCookie: a=b\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n\r\n",
    );
    let text = rig.card_text();
    assert!(text.contains("Authorization: Basic x") && text.contains("Cookie: a=b"), "{text}");
    assert!(!text.contains("Foo") && !text.contains("Keep-Alive") && !text.contains("Connection"), "{text}");
    assert!(text.contains("X-Forwarded-For: 192.0.2.7\r\n"), "{text}");
}

#[test]
fn forged_forwarding_fields_are_replaced() {
    let mut rig = Rig::new();
    rig.client_sends(
        "GET / HTTP/1.1\r\nHost: www.sell.com\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n\
         X-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 10.0.0.1\r\n\r\n",
    );
    let text = rig.card_text();
    assert!(!text.contains("10.0.0.1") && !text.contains("evil") && !text.contains("https"), "{text}");
    assert!(text.contains("Forwarded: for=192.0.2.7;host=\"www.sell.com\";proto=http\r\n"), "{text}");
}

#[test]
fn a_request_that_passed_here_before_is_508() {
    let mut rig = Rig::new();
    rig.client_sends("GET / HTTP/1.1\r\nHost: www.sell.com\r\nVia: 1.1 other, 1.1 sid-proxy\r\n\r\n");
    assert_eq!(rig.statuses(), [508]);
}

#[test]
fn two_proxies_in_a_row_need_two_names() {
    let named = |name: &str| {
        let config = sid_proxy::http::Config { pseudonym: name.into(), ..Default::default() };
        Rig::with(config, rig::peer())
    };
    for (second, status) in [("cabinet-a", 508), ("CABINET-A", 508), ("cabinet-b", 200)] {
        let mut outer = named("cabinet-a");
        outer.client_sends(GET);
        let mut inner = named(second);
        inner.client_sends(&outer.to_card);
        if status == 200 {
            inner.card_sends(OK);
            assert!(inner.card_text().contains("Via: 1.1 cabinet-a\r\n"), "{}", inner.card_text());
            assert!(inner.card_text().contains("Via: 1.1 cabinet-b\r\n"));
        }
        assert_eq!(inner.statuses(), [status], "{second}");
        outer.card_sends(&inner.to_client);
        assert_eq!(outer.statuses(), [status]);
    }
}

#[test]
fn a_head_cut_at_every_byte_reaches_no_card() {
    let request = "POST /a HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 3\r\n\r\n";
    for cut in 0..request.len() {
        let mut rig = Rig::new();
        rig.client_sends(&request[..cut]).client_ends();
        assert_eq!(rig.card_text(), "", "cut at {cut}");
        assert!(rig.closed.is_some(), "cut at {cut}");
    }
}

#[test]
fn an_answer_cut_at_every_byte_is_never_taken_for_whole() {
    for cut in 0..OK.len() {
        let mut rig = Rig::new();
        rig.client_sends(GET).card_sends(&OK[..cut]).card_ends();
        if rig.picks.len() > 1 {
            // Nothing had come of it, and GET may be sent again.
            continue;
        }
        assert!(rig.statuses() == [502] || rig.closed == Some(true), "cut at {cut}: {}", rig.client_text());
    }
}

#[test]
fn line_ends_before_a_request_are_judged_alike_however_they_are_cut() {
    for (before, status) in [("\r\n\r\n\n", 200), ("\r", 400), ("\n\r\r\n\r\r", 400), ("\r\n\r", 400)] {
        let request = format!("{before}{GET}");
        let mut whole = Rig::new();
        whole.client_sends(&request).card_sends(OK);
        let mut cut = Rig::new();
        for byte in request.as_bytes() {
            cut.client_sends([*byte]);
        }
        cut.card_sends(OK);
        assert_eq!((whole.statuses(), cut.statuses()), (vec![status], vec![status]), "{before:?}");
    }
}

#[test]
fn every_bit_flip_of_a_request_is_forwarded_whole_or_refused() {
    let request = "POST /a HTTP/1.1\r\nHost: www.sell.com\r\nTransfer-Encoding: chunked\r\nConnection: x\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for bit in 0..request.len() * 8 {
        let mut bytes = request.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut rig = Rig::new();
        rig.client_sends(&bytes);
        let text = rig.card_text();
        assert!(text.matches(" HTTP/1.1\r\n").count() <= 2, "bit {bit}: {text}");
        assert!(text.matches("\r\nHost: ").count() <= 2, "bit {bit}: {text}");
        assert!(!text.contains('\0'), "bit {bit}");
    }
}

#[test]
fn a_card_that_never_stops_saying_100_is_cut_off() {
    let mut rig = Rig::new();
    rig.client_sends(GET).card_sends("HTTP/1.1 100 Continue\r\n\r\n".repeat(50));
    assert_eq!(rig.statuses().last(), Some(&502));
    assert!(rig.statuses().len() < 20);
}

#[test]
fn a_customer_that_goes_away_frees_its_card() {
    let mut rig = Rig::new();
    rig.client_sends(GET).breaks(Side::Client);
    assert_eq!(rig.released.len(), 1);
    assert_eq!(rig.closed, Some(true));
    assert_eq!(rig.pools.active(rig.picks[0]), 0);
}

#[test]
fn an_answer_before_the_end_of_a_body_ends_the_connection_after_it() {
    let mut rig = Rig::new();
    rig.client_sends("POST / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 1000\r\n\r\nabc");
    rig.card_sends("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(rig.statuses(), [413]);
    assert!(rig.client_text().contains("Connection: close\r\n"));
    assert_eq!(rig.released, [(rig.picks[0], false)]);
    // The rest of the body is no request.
    rig.client_sends(GET);
    assert_eq!(rig.statuses(), [413]);
}

#[test]
fn no_inside_address_in_anything_a_card_says() {
    let mut rig = Rig::new();
    rig.client_sends(GET).card_sends(
        "HTTP/1.1 302 see 10.1.1.1\r\nLocation: http://10.1.1.1:8000/x?y\r\nContent-Location: http://10.1.1.1/z\r\n\
         X-Backend: 10.1.1.1:8000\r\nServer: card (10.1.1.1)\r\nAlt-Svc: h2=\":8000\"\r\nContent-Length: 0\r\n\r\n",
    );
    let text = rig.client_text();
    assert!(!text.contains("10.1.1.1") && !text.contains("Alt-Svc"), "{text}");
    assert!(text.contains("Location: /x?y\r\n") && text.contains("Content-Location: /z\r\n"), "{text}");
}
