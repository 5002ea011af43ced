//! POP3 sessions in whole conversations.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod lab;

use lab::{Lab, peer};
use proptest::prelude::*;
use sid_proxy::pop3::{Config, Event, Input, Inside, Refusal, Security, Session, Side};
use sid_proxy::{RouteTable, ServiceId, Sid};
use std::sync::Arc;
use std::time::Duration;

const FAILED: &str = "-ERR [AUTH] Authentication failed\r\n";

fn table() -> RouteTable {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Pop3("@sell.com"), ServiceId(1)).unwrap();
    builder.add(Sid::Pop3("bob@sell.com"), ServiceId(2)).unwrap();
    builder.build().unwrap()
}

fn lab_with(config: Config) -> Lab<Session> {
    Lab::new(Session::new(Arc::new(config), peer(), Duration::ZERO), table())
}

fn lab() -> Lab<Session> {
    lab_with(Config::default())
}

/// A session that is logged in.
fn inside() -> Lab<Session> {
    let networks = vec![("10.1.0.0".parse().unwrap(), 16)];
    let inside = Inside { networks, names: vec!["cards.example".into()] };
    let mut lab = lab_with(Config { inside, ..Config::default() });
    lab.client("USER amy@sell.com\r\nPASS secret\r\n");
    assert_eq!(lab.card("+OK Dovecot at 10.1.2.1 ready\r\n"), "USER amy@sell.com\r\n");
    assert_eq!(lab.card("+OK\r\n"), "PASS secret\r\n");
    assert_eq!(lab.card("+OK Logged in to node3.cards.example\r\n"), "");
    assert_eq!(lab.heard(Side::Client), "+OK Logged in\r\n");
    lab
}

#[test]
fn rfc1939_user_and_pass_reach_the_card_of_the_login() {
    let mut lab = inside();
    assert_eq!(lab.events.len(), 1);
    let Event::LoggedIn(decision) = lab.events[0] else { panic!() };
    assert_eq!(decision.service, ServiceId(1));
    lab.client("QUIT\r\n");
    assert_eq!(lab.heard(Side::Card), "QUIT\r\n");
    lab.card("+OK Logging out.\r\n");
    assert_eq!(lab.heard(Side::Client), "+OK Logging out.\r\n");
    lab.end(Side::Card);
    assert_eq!(lab.closed, Some(false));
    assert_eq!(lab.usage().refusal, None);
}

#[test]
fn an_exact_login_wins_over_its_domain() {
    let mut lab = lab();
    lab.client("USER bob@SELL.com\r\nPASS x\r\n");
    lab.card("+OK\r\n");
    lab.card("+OK\r\n");
    lab.card("+OK\r\n");
    let Some(Event::LoggedIn(decision)) = lab.events.last() else { panic!() };
    assert_eq!(decision.service, ServiceId(2));
}

#[test]
fn rfc2449_capa_tells_what_is_there() {
    let mut lab = lab();
    lab.heard(Side::Client);
    let capa = lab.client("capa\r\n");
    let lines: Vec<&str> = capa.split("\r\n").collect();
    assert_eq!(lines[0], "+OK");
    assert!(
        ["USER", "SASL PLAIN LOGIN", "PIPELINING", "RESP-CODES", "TOP", "UIDL"]
            .iter()
            .all(|c| lines.contains(c))
    );
    assert!(!lines.contains(&"STLS"));
    assert!(capa.ends_with("\r\n.\r\n"));
}

#[test]
fn rfc5034_auth_plain_and_login_with_and_without_initial_response() {
    // "\0amy@sell.com\0secret"
    let plain = "AGFteUBzZWxsLmNvbQBzZWNyZXQ=";
    for (script, answers) in [
        (format!("AUTH PLAIN {plain}\r\n"), ""),
        (format!("AUTH PLAIN\r\n{plain}\r\n"), "+ \r\n"),
        ("AUTH LOGIN\r\nYW15QHNlbGwuY29t\r\nc2VjcmV0\r\n".into(), "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n"),
        ("auth login YW15QHNlbGwuY29t\r\nc2VjcmV0\r\n".into(), "+ UGFzc3dvcmQ6\r\n"),
    ] {
        let mut lab = lab();
        lab.heard(Side::Client);
        assert_eq!(lab.client(&script), answers, "{script}");
        assert_eq!(lab.card("+OK\r\n"), "USER amy@sell.com\r\n", "{script}");
        assert_eq!(lab.card("+OK\r\n"), "PASS secret\r\n");
    }
}

#[test]
fn what_user_and_pass_cannot_say_goes_to_the_card_by_plain() {
    // Acting as "root", a password with a line end: neither fits a line.
    for plain in ["cm9vdABhbXlAc2VsbC5jb20Ac2VjcmV0", "AGFteUBzZWxsLmNvbQBhDQpERUxFIDE="] {
        let mut lab = lab();
        lab.client(format!("AUTH PLAIN {plain}\r\n"));
        assert_eq!(lab.card("+OK\r\n"), "AUTH PLAIN\r\n");
        assert_eq!(lab.card("+ \r\n"), format!("{plain}\r\n"));
        lab.card("+OK\r\n");
        assert!(lab.heard(Side::Client).ends_with("+OK Logged in\r\n"));
    }
}

#[test]
fn malformed_sasl_is_refused_and_cancelling_works() {
    for (script, answer) in [
        ("AUTH PLAIN =\r\n", "-ERR Malformed response\r\n"),
        ("AUTH PLAIN AGFteUBzZWxsLmNvbQBzZWNyZXR=\r\n", "-ERR Malformed response\r\n"),
        ("AUTH PLAIN AGFt\r\n", "-ERR Malformed response\r\n"),
        ("AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR Cancelled\r\n"),
        ("AUTH CRAM-MD5\r\n", "-ERR Unknown mechanism\r\n"),
        ("AUTH\r\n", "-ERR Unknown command\r\n"),
        ("PASS x\r\n", "-ERR USER first\r\n"),
        ("STAT\r\n", "-ERR Unknown command\r\n"),
        ("USER\r\n", "-ERR Unknown command\r\n"),
        ("USER a b\r\n", "-ERR Malformed command\r\n"),
        ("USER a\rb\r\n", "-ERR Malformed command\r\n"),
        ("USER a\0b\r\n", "-ERR Malformed command\r\n"),
        ("STLS\r\n", "-ERR STLS is not available\r\n"),
    ] {
        let mut lab = lab();
        lab.heard(Side::Client);
        assert_eq!(lab.client(script), answer, "{script:?}");
        assert_eq!(lab.picked, 0);
    }
}

#[test]
fn rfc1939_7_no_challenge_in_the_greeting_and_apop_is_refused() {
    let mut lab = lab();
    assert!(!lab.heard(Side::Client).contains('<'));
    assert!(lab.client("APOP amy@sell.com c4c9334bac560ecc979e58001b3e22fb\r\n").starts_with("-ERR APOP"));
}

#[test]
fn an_unknown_login_and_a_wrong_password_look_alike() {
    let unknown = {
        let mut lab = lab();
        lab.heard(Side::Client);
        lab.client("USER eve@nowhere.example\r\nPASS x\r\n");
        assert_eq!(lab.refusals(), [Refusal::NoRoute]);
        lab.wait(Duration::from_millis(2999));
        assert_eq!(lab.heard(Side::Client), "");
        lab.wait(Duration::from_millis(1));
        lab.heard(Side::Client)
    };
    let wrong = {
        let mut lab = lab();
        lab.heard(Side::Client);
        lab.client("USER amy@sell.com\r\nPASS x\r\n");
        lab.card("+OK\r\n");
        lab.card("+OK\r\n");
        lab.card("-ERR [AUTH] no such user amy on node3 (10.1.2.1)\r\n");
        assert_eq!(lab.refusals(), [Refusal::Login]);
        lab.wait(Duration::from_millis(2999));
        assert_eq!(lab.heard(Side::Client), "");
        lab.wait(Duration::from_millis(1));
        lab.heard(Side::Client)
    };
    assert_eq!(unknown, FAILED);
    assert_eq!(wrong, unknown);
}

#[test]
fn after_a_refusal_another_login_may_come_and_three_are_enough() {
    let mut lab = lab();
    for _ in 0..3 {
        lab.heard(Side::Client);
        lab.client("USER eve\r\nPASS x\r\n");
        lab.wait(Duration::from_secs(3));
        assert!(lab.heard(Side::Client).ends_with(FAILED));
    }
    assert_eq!(lab.closed, Some(false));
    lab.usage();
}

#[test]
fn codes_that_mail_programs_act_on_pass_and_texts_do_not() {
    for (card, customer) in [
        ("-ERR [IN-USE] locked by node3\r\n", "-ERR [IN-USE] The mailbox is in use\r\n"),
        (
            "-ERR [SYS/TEMP] db at 10.1.0.9 down\r\n",
            "-ERR [SYS/TEMP] Temporarily unavailable, try again later\r\n",
        ),
        ("-ERR [SYS/PERM] gone\r\n", "-ERR [SYS/PERM] Unavailable\r\n"),
        ("-ERR [LOGIN-DELAY] wait\r\n", "-ERR [LOGIN-DELAY] Logged in too recently\r\n"),
        ("gibberish\r\n", FAILED),
    ] {
        let mut lab = lab();
        lab.client("USER amy@sell.com\r\nPASS x\r\n");
        lab.card("+OK\r\n");
        lab.card("+OK\r\n");
        lab.heard(Side::Client);
        lab.card(card);
        lab.wait(Duration::from_secs(3));
        assert_eq!(lab.heard(Side::Client), customer);
    }
}

#[test]
fn a_dead_card_gives_way_to_the_next_and_none_is_an_outage() {
    let mut lab = lab();
    lab.dead = vec![lab.cards[0].0];
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    assert_eq!(lab.card("+OK\r\n"), "USER amy@sell.com\r\n");
    assert!(matches!(lab.events[..], [Event::CardFailed { .. }]));
    // One that greets with -ERR is tried no further either.
    let mut lab = self::lab();
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    assert_eq!(lab.card("-ERR too many connections from 10.1.0.1\r\n"), "");
    assert_eq!(lab.card("+OK\r\n"), "USER amy@sell.com\r\n");
    let mut lab = self::lab();
    lab.cards.clear();
    lab.heard(Side::Client);
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    lab.wait(Duration::from_secs(3));
    assert!(
        lab.heard(Side::Client).ends_with("-ERR [SYS/TEMP] Temporarily unavailable, try again later\r\n")
    );
}

#[test]
fn a_card_that_never_answers_is_an_outage() {
    let mut lab = lab();
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    lab.heard(Side::Client);
    lab.wait(Duration::from_secs(100));
    assert!(lab.heard(Side::Client).starts_with("-ERR [SYS/TEMP]"));
    lab.hold_connect = true;
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    lab.wait(Duration::from_secs(100));
    assert!(
        lab.heard(Side::Client).ends_with("-ERR [SYS/TEMP] Temporarily unavailable, try again later\r\n")
    );
}

#[test]
fn a_card_that_is_the_proxy_itself_ends_the_loop() {
    let mut lab = lab();
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    assert_eq!(lab.card("+OK sid-proxy POP3 ready\r\n"), "");
    assert_eq!(lab.refusals(), [Refusal::Loop]);
    let mut lab = self::lab();
    lab.cards = vec![(sid_proxy::CardId(1), peer().local)];
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    assert_eq!(lab.refusals(), [Refusal::Loop]);
}

#[test]
fn rfc2595_stls_begins_tls_and_forgets_what_was_said_in_the_clear() {
    let mut lab = lab_with(Config { security: Security::Offered, ..Config::default() });
    lab.heard(Side::Client);
    assert!(lab.client("CAPA\r\n").contains("STLS\r\n"));
    // What an attacker puts behind STLS belongs to the handshake and is never taken as a command.
    assert_eq!(lab.client("USER amy@sell.com\r\nSTLS\r\nUSER eve\r\n"), "+OK\r\n+OK Begin TLS\r\n");
    assert_eq!(lab.did, ["Secure"]);
    assert_eq!(lab.buffer[0], b"USER eve\r\n");
    lab.buffer[0].clear();
    lab.tell(Input::Secured);
    assert_eq!(lab.client("PASS x\r\n"), "-ERR USER first\r\n");
    assert!(!lab.client("CAPA\r\n").contains("STLS"));
    assert_eq!(lab.client("STLS\r\n"), "-ERR STLS is not available\r\n");
}

#[test]
fn rfc2595_no_login_in_the_clear_where_tls_is_required() {
    let mut lab = lab_with(Config { security: Security::Required, ..Config::default() });
    lab.heard(Side::Client);
    assert!(!lab.client("CAPA\r\n").contains("USER"));
    for line in ["USER amy@sell.com\r\n", "PASS x\r\n", "AUTH PLAIN\r\n"] {
        assert_eq!(lab.client(line), "-ERR Use STLS first\r\n");
    }
    lab.client("STLS\r\n");
    lab.tell(Input::Secured);
    assert_eq!(lab.client("USER amy@sell.com\r\n"), "+OK\r\n");
}

#[test]
fn pipelined_commands_wait_for_the_login_and_follow_it_in_order() {
    let mut lab = lab();
    lab.client("USER amy@sell.com\r\nPASS x\r\nSTAT\r\nLIST\r\nRETR 1\r\nQUIT\r\n");
    assert_eq!(lab.card("+OK\r\n"), "USER amy@sell.com\r\n");
    assert_eq!(lab.card("+OK\r\n"), "PASS x\r\n");
    assert_eq!(lab.card("+OK\r\n"), "STAT\r\nLIST\r\nRETR 1\r\nQUIT\r\n");
    lab.heard(Side::Client);
    let replies = "+OK 1 9\r\n+OK\r\n1 9\r\n.\r\n+OK\r\nA: b\r\n\r\n..dot\r\n.\r\n+OK bye\r\n";
    lab.card(replies);
    assert_eq!(lab.heard(Side::Client), replies);
}

#[test]
fn no_inside_address_or_name_in_any_status_line() {
    let mut lab = inside();
    for (command, reply, seen) in [
        ("DELE 1", "-ERR node3.cards.example is read-only\r\n", "-ERR\r\n"),
        ("NOOP", "+OK from 10.1.77.3\r\n", "+OK\r\n"),
        ("RSET", "+OK [10.1.2.1]:110\r\n", "+OK\r\n"),
        ("NOOP", "+OK 192.0.2.77\r\n", "+OK 192.0.2.77\r\n"),
        ("UIDL 1", "+OK 1 10.1.2.1-4711\r\n", "+OK 1 10.1.2.1-4711\r\n"),
        ("UIDL 9", "-ERR 10.1.2.1: no such message\r\n", "-ERR\r\n"),
    ] {
        lab.client(format!("{command}\r\n"));
        lab.card(reply);
        assert_eq!(lab.heard(Side::Client), seen, "{command}");
    }
    // A message is the service's own.
    let message = "+OK 99 octets\r\nReceived: from node3.cards.example [10.1.2.1]\r\n.\r\n";
    lab.client("RETR 1\r\n");
    lab.card(message);
    assert_eq!(lab.heard(Side::Client), message);
}

#[test]
fn limits_and_time_outs() {
    let mut lab = lab();
    assert!(lab.client("x".repeat(5000)).ends_with("-ERR Line too long\r\n") && lab.closed == Some(false));

    let mut lab = self::lab();
    for _ in 0..51 {
        lab.client("USER a\r\n");
    }
    assert_eq!(lab.refusals(), [Refusal::TooMany]);

    let mut lab = self::lab();
    lab.client("US");
    lab.wait(Duration::from_secs(61));
    assert_eq!(lab.refusals(), [Refusal::Slow]);

    let mut lab = self::lab();
    lab.wait(Duration::from_secs(599));
    assert_eq!(lab.closed, None);
    lab.wait(Duration::from_secs(1));
    assert_eq!(lab.closed, Some(false));

    let mut lab = inside();
    lab.wait(Duration::from_secs(600));
    assert_eq!(lab.closed, Some(false));
    lab.usage();
}

#[test]
fn ends_in_the_middle_are_told_from_orderly_ones() {
    let mut lab = inside();
    lab.client("RETR 1\r\n");
    lab.card("+OK\r\nhalf a mess");
    lab.end(Side::Card);
    assert_eq!(lab.closed, Some(true));

    let mut lab = inside();
    lab.end(Side::Client);
    lab.settle();
    assert_eq!(lab.did, ["Finish { to: Card }"]);
    lab.wait(Duration::from_secs(10));
    assert_eq!(lab.closed, Some(false));

    let mut lab = self::lab();
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    lab.card("+OK\r\n");
    lab.tell(Input::Broken { side: Side::Client });
    assert_eq!(lab.closed, Some(true));
    lab.usage();
}

#[test]
fn a_draining_proxy_takes_no_new_login() {
    let mut lab = lab();
    lab.tell(Input::Drain);
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    lab.wait(Duration::from_secs(3));
    assert!(lab.heard(Side::Client).contains("-ERR [SYS/TEMP]"));
    assert_eq!(lab.closed, Some(false));
}

#[test]
fn a_password_is_not_in_debug_output() {
    let mut lab = lab();
    lab.hold_connect = true;
    lab.client("USER amy@sell.com\r\nPASS hunter2\r\n");
    assert!(!format!("{:?}", lab.session).contains("hunter2"));
}

/// A whole conversation, the card's part given, in pieces.
fn conversation(client_cuts: &[usize], card_cuts: &[usize]) -> (String, String, Vec<Event>) {
    let client = "CAPA\r\nUSER amy@sell.com\r\nPASS x y\r\nLIST\r\nTOP 1 0\r\nNOOP\r\nQUIT\r\n";
    let card: [&str; 5] = [
        "+OK hi\r\n",
        "+OK\r\n",
        "+OK in\r\n",
        "+OK\r\n1 2\r\n.\r\n+OK\r\n.a\r\n..\r\n.b.\r\n.\r\n-ERR 10.1.2.1\r\n",
        "+OK\r\n",
    ];
    let mut lab = lab();
    let mut at = 0;
    for &cut in client_cuts {
        let cut = cut.clamp(at, client.len());
        lab.feed(Side::Client, &client[at..cut]);
        at = cut;
    }
    lab.feed(Side::Client, &client[at..]);
    for reply in card {
        let mut at = 0;
        for &cut in card_cuts {
            let cut = cut.clamp(at, reply.len());
            lab.feed(Side::Card, &reply[at..cut]);
            at = cut;
        }
        lab.feed(Side::Card, &reply[at..]);
    }
    (lab.heard(Side::Client), lab.heard(Side::Card), lab.events)
}

#[test]
fn every_split_of_a_conversation_gives_the_same_bytes() {
    let whole = conversation(&[], &[]);
    assert!(whole.0.ends_with("+OK\r\n.a\r\n..\r\n.b.\r\n.\r\n-ERR\r\n+OK\r\n"), "{whole:?}");
    for cut in 0..80 {
        assert_eq!(conversation(&[cut], &[]), whole, "client {cut}");
        assert_eq!(conversation(&[], &[cut]), whole, "card {cut}");
    }
    let each: Vec<usize> = (0..80).collect();
    assert_eq!(conversation(&each, &each), whole);
}

proptest! {
    #[test]
    fn any_split_of_a_conversation_gives_the_same_bytes(
        mut client in prop::collection::vec(0usize..90, 0..9),
        mut card in prop::collection::vec(0usize..70, 0..9),
    ) {
        client.sort_unstable();
        card.sort_unstable();
        prop_assert_eq!(conversation(&client, &card), conversation(&[], &[]));
    }
}
