//! Cards that are stopped, fail or stay silent, and what customers see of it: nothing, if it can be helped.
#![allow(clippy::unwrap_used)]

mod rig;

use rig::{GET, OK, Rig};
use sid_proxy::CardId;
use sid_proxy::http::Input;
use sid_proxy::pool::State;

#[test]
fn requests_alternate_between_two_cards() {
    let mut rig = Rig::new();
    for _ in 0..4 {
        rig.client_sends(GET).card_sends(OK);
    }
    assert_eq!(rig.picks, [1, 2, 1, 2].map(CardId));
    assert_eq!(rig.statuses(), [200; 4]);
}

#[test]
fn a_stopped_card_gets_no_new_request_and_finishes_the_running_one() {
    let mut rig = Rig::new();
    rig.client_sends(GET).state(1, State::Draining);
    assert_eq!(rig.pools.active(CardId(1)), 1);
    rig.card_sends(OK);
    for _ in 0..3 {
        rig.client_sends(GET).card_sends(OK);
    }
    assert_eq!(rig.picks, [1, 2, 2, 2].map(CardId));
    assert_eq!(rig.statuses(), [200; 4]);
    assert_eq!(rig.pools.active(CardId(1)), 0);
}

#[test]
fn no_live_card_is_503_and_an_unknown_host_404_and_the_connection_goes_on() {
    let mut rig = Rig::new();
    rig.client_sends("GET / HTTP/1.1\r\nHost: closed.example\r\n\r\n");
    rig.client_sends("GET / HTTP/1.1\r\nHost: nowhere.example\r\n\r\n");
    rig.state(1, State::Down).state(2, State::Down).client_sends(GET);
    rig.state(1, State::Up).client_sends(GET).card_sends(OK);
    assert_eq!(rig.statuses(), [503, 404, 503, 200]);
}

#[test]
fn a_card_that_refuses_is_passed_over() {
    let mut rig = Rig::new();
    rig.refusing.insert(CardId(1));
    rig.client_sends("POST / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 2\r\n\r\nhi").card_sends(OK);
    assert_eq!(rig.picks, [1, 2].map(CardId));
    assert_eq!(rig.statuses(), [200]);
    assert!(rig.card_text().ends_with("\r\n\r\nhi"));
    assert_eq!(rig.released, [(CardId(1), false), (CardId(2), true)]);
    assert_eq!(rig.pools.pool(rig::SHOP).unwrap().members()[0].failed, 1);
}

#[test]
fn a_card_that_does_not_connect_in_time_is_passed_over() {
    let mut rig = Rig::new();
    rig.silent.insert(CardId(1));
    rig.client_sends(GET);
    assert_eq!(rig.wait().as_secs(), 2);
    rig.card_sends(OK);
    assert_eq!(rig.picks, [1, 2].map(CardId));
    assert_eq!(rig.statuses(), [200]);
}

#[test]
fn when_every_card_refuses_it_is_502_and_when_every_card_is_silent_504() {
    let mut rig = Rig::new();
    rig.refusing.extend([CardId(1), CardId(2)]);
    rig.client_sends(GET);
    assert_eq!(rig.statuses(), [502]);
    let mut rig = Rig::new();
    rig.silent.extend([CardId(1), CardId(2)]);
    rig.client_sends(GET);
    rig.wait();
    rig.wait();
    assert_eq!(rig.statuses(), [504]);
}

#[test]
fn a_silent_answer_is_tried_elsewhere_if_it_may_be() {
    let mut rig = Rig::new();
    rig.client_sends(GET);
    assert_eq!(rig.wait().as_secs(), 60);
    rig.card_sends(OK);
    assert_eq!(rig.statuses(), [200]);
    let mut rig = Rig::new();
    rig.client_sends("POST / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 0\r\n\r\n");
    rig.wait();
    assert_eq!(rig.statuses(), [504]);
    assert_eq!(rig.picks.len(), 1, "a POST is not sent twice");
}

#[test]
fn an_idle_connection_that_died_is_no_fault_of_the_card() {
    let mut rig = Rig::new();
    rig.idle = true;
    rig.client_sends(GET).card_ends().card_sends(OK);
    assert_eq!(rig.statuses(), [200]);
    assert_eq!(rig.picks, [CardId(1)]);
    assert_eq!(rig.pools.pool(rig::SHOP).unwrap().members()[0].failed, 0);
}

#[test]
fn a_post_on_a_connection_that_died_is_not_sent_twice() {
    let mut rig = Rig::new();
    rig.idle = true;
    rig.client_sends("POST / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 2\r\n\r\nhi").card_ends();
    assert_eq!(rig.statuses(), [502]);
    assert_eq!(rig.picks.len(), 1);
}

#[test]
fn draining_finishes_the_running_request_and_takes_no_other() {
    let mut rig = Rig::new();
    rig.client_sends(GET);
    rig.session.handle(rig.now, Input::Drain).unwrap();
    rig.card_sends(OK);
    assert!(rig.client_text().contains("Connection: close\r\n"));
    rig.client_sends(GET);
    assert_eq!(rig.statuses(), [200]);
    let mut idle = Rig::new();
    idle.session.handle(idle.now, Input::Drain).unwrap();
    idle.pump();
    assert_eq!(idle.closed, Some(false));
}

#[test]
fn a_tunnel_passes_both_ways_only_after_101() {
    let mut rig = Rig::new();
    rig.client_sends(
        "GET /ws HTTP/1.1\r\nHost: www.sell.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    assert!(rig.card_text().contains("Connection: upgrade\r\nUpgrade: websocket\r\n"));
    rig.card_sends(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfrom card",
    );
    rig.client_sends("from customer");
    assert!(rig.client_text().ends_with("\r\n\r\nfrom card"));
    assert!(rig.card_text().ends_with("from customer"));
    rig.client_ends().card_ends();
    assert_eq!(rig.closed, Some(false));
    assert_eq!((rig.done[0].status, rig.done[0].request_bytes, rig.done[0].response_bytes), (101, 13, 9));
}

#[test]
fn a_stripped_prefix_is_gone_for_the_card_and_back_for_the_customer() {
    let mut rig = Rig::new();
    rig.client_sends("GET /sell?q HTTP/1.1\r\nHost: strip.example\r\n\r\n");
    let text = rig.card_text();
    assert!(
        text.starts_with("GET /?q HTTP/1.1\r\n") && text.contains("X-Forwarded-Prefix: /sell\r\n\r\n"),
        "{text}"
    );
    rig.card_sends("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
    assert!(rig.client_text().contains("Location: /sell/login\r\n"), "{}", rig.client_text());
}

#[test]
fn expect_reaches_the_card_and_its_100_the_customer() {
    let mut rig = Rig::new();
    rig.client_sends(
        "PUT / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    );
    assert!(rig.card_text().contains("Expect: 100-continue\r\n"));
    rig.card_sends("HTTP/1.1 100 Continue\r\n\r\n");
    rig.client_sends("hi").card_sends(OK);
    assert_eq!(rig.statuses(), [100, 200]);
}

#[test]
fn the_proxys_own_answers_say_why() {
    for (host, why) in
        [("nowhere.example", "destination_not_found"), ("closed.example", "destination_unavailable")]
    {
        let mut rig = Rig::new();
        rig.client_sends(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(
            rig.client_text().contains(&format!("\r\nProxy-Status: sid-proxy; error={why}\r\n")),
            "{}",
            rig.client_text()
        );
    }
}

#[test]
fn who_may_not_use_a_service_gets_403_and_no_card() {
    use sid_proxy::acl::{Acl, Rule};
    let rule = |allow: bool, network: &str, bits: u8| {
        Rule::for_networks(allow, vec![(network.parse().unwrap(), bits)])
    };
    for (rules, status) in [
        (vec![], 200),
        (vec![rule(true, "192.0.2.0", 24)], 200),
        (vec![rule(true, "198.51.100.0", 24)], 403),
        (vec![rule(false, "192.0.2.7", 32), rule(true, "0.0.0.0", 0)], 403),
        (vec![rule(true, "0.0.0.0", 0), rule(false, "192.0.2.7", 32)], 200),
        (vec![rule(true, "::", 0)], 403),
    ] {
        let acl = Acl { rules };
        assert_eq!(
            acl.allows("::ffff:192.0.2.7".parse().unwrap()),
            status == 200,
            "an IPv4 address inside IPv6"
        );
        let mut rig = Rig::new();
        rig.pools.pool_mut(rig::SHOP).unwrap().set_acl(acl);
        rig.client_sends(GET).card_sends(OK);
        assert_eq!(rig.statuses(), [status]);
        assert_eq!(rig.to_card.is_empty(), status == 403);
    }
}

#[test]
fn access_rules_ask_for_method_path_and_certificate() {
    use sid_proxy::acl::{Acl, Certificate, Holder, Rule};
    let all = || Rule::for_networks(true, vec![("0.0.0.0".parse().unwrap(), 0)]);
    let deny = || Rule { allow: false, ..all() };
    let ada = Certificate { subject: "CN=ada", fingerprint: [7; 32] };
    let admin = || vec!["/admin/".to_owned()];
    type Case = (&'static str, Vec<Rule>, Option<Certificate<'static>>, &'static str, Option<u16>);
    let cases: [Case; 16] = [
        ("a method", vec![Rule { methods: vec!["GET".into()], ..all() }], None, "GET /", None),
        (
            "another method",
            vec![Rule { methods: vec!["GET".into()], ..all() }],
            None,
            "PUT /",
            Some(u16::MAX),
        ),
        (
            "a method in another case",
            vec![Rule { methods: vec!["GET".into()], ..all() }],
            None,
            "get /",
            Some(u16::MAX),
        ),
        ("below a path", vec![Rule { paths: admin(), ..deny() }, all()], None, "GET /admin/x?y", Some(0)),
        ("the path", vec![Rule { paths: admin(), ..deny() }, all()], None, "GET /admin", Some(0)),
        (
            "beside the path",
            vec![Rule { paths: admin(), ..deny() }, all()],
            None,
            "GET /administration",
            None,
        ),
        (
            "an escaped letter",
            vec![Rule { paths: admin(), ..deny() }, all()],
            None,
            "GET /%61dmin/x",
            Some(0),
        ),
        ("dot segments", vec![Rule { paths: admin(), ..deny() }, all()], None, "GET /a/../admin/x", Some(0)),
        ("two slashes", vec![Rule { paths: admin(), ..deny() }, all()], None, "GET //admin/x", Some(0)),
        (
            "an escaped slash",
            vec![Rule { paths: admin(), ..deny() }, all()],
            None,
            "GET /x%2F..%2Fadmin",
            Some(0),
        ),
        (
            "out of what is allowed",
            vec![Rule { paths: admin(), ..all() }],
            None,
            "GET /admin/..%2fx",
            Some(u16::MAX),
        ),
        ("no certificate", vec![Rule { holders: vec![Holder::Any], ..all() }], None, "GET /", Some(u16::MAX)),
        ("a certificate", vec![Rule { holders: vec![Holder::Any], ..all() }], Some(ada), "GET /", None),
        (
            "its subject",
            vec![Rule { holders: vec![Holder::Subject("CN=ada".into())], ..deny() }, all()],
            Some(ada),
            "GET /",
            Some(0),
        ),
        (
            "its fingerprint",
            vec![Rule { holders: vec![Holder::Fingerprint([7; 32])], ..all() }],
            Some(ada),
            "GET /",
            None,
        ),
        ("another's", vec![all(), deny()], Some(ada), "GET /", None),
    ];
    for (name, rules, certificate, line, denied_by) in cases {
        let mut rig = Rig::new();
        rig.certificate = certificate;
        rig.pools.pool_mut(rig::SHOP).unwrap().set_acl(Acl { rules });
        rig.client_sends(format!("{line} HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 0\r\n\r\n"));
        if denied_by.is_some() {
            assert_eq!(rig.statuses(), [403], "{name}");
            assert!(
                rig.client_text().contains("Proxy-Status: sid-proxy; error=http_request_denied"),
                "{name}"
            );
            assert!(rig.to_card.is_empty(), "{name}");
            // MAX stands here for: no rule names the visit.
            assert_eq!(rig.done[0].denied_by, denied_by.filter(|rule| *rule != u16::MAX), "{name}");
            assert_eq!(rig.done[0].refusal, Some(sid_proxy::http::Refusal::Denied), "{name}");
        } else {
            rig.card_sends(OK);
            assert_eq!(rig.statuses(), [200], "{name}");
            assert_eq!(rig.done[0].denied_by, None, "{name}");
        }
    }
}
