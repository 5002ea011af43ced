//! FTP control connections in whole conversations.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod lab;

use lab::Lab;
use lab::ftp::*;
use proptest::prelude::*;
use sid_proxy::ServiceId;
use sid_proxy::ftp::{Config, Event, Input, Refusal, Security, Session, Side};
use std::time::Duration;

#[test]
fn user_and_pass_reach_the_card_of_the_login() {
    let mut lab = inside();
    let Event::LoggedIn(decision) = lab.events[0] else { panic!() };
    assert_eq!(decision.service, ServiceId(1));
    assert_eq!(lab.client("PWD\r\n"), "");
    assert_eq!(lab.heard(Side::Card), "PWD\r\n");
    lab.card("257 \"/\" is the current directory\r\n");
    assert_eq!(lab.heard(Side::Client), "257 \"/\" is the current directory\r\n");
    lab.client("QUIT\r\n");
    lab.card("221 Goodbye.\r\n");
    assert_eq!((lab.heard(Side::Client).as_str(), lab.closed), ("221 Goodbye.\r\n", Some(false)));
    assert_eq!(lab.usage().refusal, None);
}

#[test]
fn rfc7151_host_gives_a_login_its_domain() {
    let mut lab = lab();
    assert_eq!(lab.client("HOST Sell.COM\r\n"), "220 Ready.\r\n");
    lab.client("USER bob\r\nPASS x\r\n");
    assert_eq!(lab.card("220 hi\r\n"), "USER bob\r\n");
    lab.card("230 in\r\n");
    let Some(Event::LoggedIn(decision)) = lab.events.last() else { panic!() };
    assert_eq!(decision.service, ServiceId(2));
    assert_eq!(lab.client("HOST x\r\n"), "230 in\r\n503 HOST comes before USER.\r\n");
    let mut lab = self::lab();
    assert_eq!(lab.client("HOST a/b\r\n"), "501 Not a host name.\r\n");
    assert_eq!(
        lab.client("USER a\r\nHOST sell.com\r\n"),
        "331 Password required.\r\n503 HOST comes before USER.\r\n"
    );
}

#[test]
fn an_unknown_login_and_a_wrong_password_look_alike() {
    let mut answers = vec![];
    for known in [false, true] {
        let mut lab = lab();
        lab.client(format!("USER {}\r\nPASS x\r\n", if known { "amy@sell.com" } else { "eve" }));
        if known {
            lab.card("220 hi\r\n331 go on\r\n");
            lab.card("530 no such user amy on 10.1.2.1\r\n");
        }
        assert_eq!(lab.refusals().len(), 1);
        lab.wait(Duration::from_millis(2999));
        assert_eq!(lab.heard(Side::Client), "");
        lab.wait(Duration::from_millis(1));
        answers.push(lab.heard(Side::Client));
        assert_eq!(lab.client("USER amy@sell.com\r\n"), "331 Password required.\r\n");
    }
    assert_eq!(answers, [FAILED, FAILED]);
}

#[test]
fn before_the_login_only_the_proxy_answers() {
    for (script, answer) in [
        ("PASS x\r\n", "503 USER first.\r\n"),
        ("SYST\r\n", "530 Log in with USER and PASS.\r\n"),
        ("PASV\r\n", "530 Log in with USER and PASS.\r\n"),
        ("PORT 192,0,2,9,200,1\r\n", "530 Log in with USER and PASS.\r\n"),
        ("RETR x\r\n", "530 Log in with USER and PASS.\r\n"),
        ("NOOP\r\n", "200 OK\r\n"),
        ("REIN\r\n", "220 Ready for a new user.\r\n"),
        ("OPTS UTF8 ON\r\n", "200 UTF8 is on.\r\n"),
        ("USER\r\n", "501 Malformed command.\r\n"),
        ("USER a\rb\r\n", "501 Malformed command.\r\n"),
        ("USER a\0b\r\n", "501 Malformed command.\r\n"),
        ("AUTH TLS\r\n", "502 TLS is not available.\r\n"),
        ("PBSZ 0\r\n", "503 AUTH TLS first.\r\n"),
        ("CCC\r\n", "502 Not available here.\r\n"),
        ("FEAT\r\n", "211-Features:\r\n EPRT\r\n EPSV\r\n HOST\r\n UTF8\r\n211 End\r\n"),
    ] {
        assert_eq!(lab().client(script), answer, "{script:?}");
    }
    let mut lab = lab();
    assert_eq!(lab.client("QUIT\r\n"), "221 Goodbye.\r\n");
    assert_eq!(lab.closed, Some(false));
}

#[test]
fn no_inside_address_or_name_in_any_reply() {
    let mut lab = inside();
    for (command, reply, seen) in [
        ("SYST", "215 UNIX at 10.1.2.1\r\n", "215 OK.\r\n"),
        (
            "STAT",
            "211-Status:\r\n Connected to 10.1.0.1\r\n TYPE: ASCII\r\n211 End\r\n",
            "211-Status:\r\n TYPE: ASCII\r\n211 End\r\n",
        ),
        ("HELP", "214-node3.cards.example\r\n214 End\r\n", "214-\r\n214 End\r\n"),
        ("SITE X", "550 10,1,2,1 refused\r\n", "550 Failed.\r\n"),
        ("SITE Y", "450 see fd00::21, 192.0.2.1\r\n", "450 see fd00::21, 192.0.2.1\r\n"),
        ("PWD", "257 \"/192.0.2.1\"\r\n", "257 \"/192.0.2.1\"\r\n"),
    ] {
        lab.client(format!("{command}\r\n"));
        lab.card(reply);
        assert_eq!(lab.heard(Side::Client), seen, "{command}");
    }
}

#[test]
fn feat_tells_of_the_cards_features_and_our_own() {
    let mut lab = inside_with(Config { security: Security::Offered, ..config() });
    lab.client("FEAT\r\n");
    lab.card("211-Features:\r\n AUTH SSL\r\n EPSV\r\n MDTM\r\n PASV\r\n REST STREAM\r\n SIZE\r\n211 End\r\n");
    assert_eq!(
        lab.heard(Side::Client),
        "211-Features:\r\n MDTM\r\n PASV\r\n REST STREAM\r\n SIZE\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n EPRT\r\n EPSV\r\n HOST\r\n211 End\r\n"
    );
    lab.client("FEAT\r\n");
    lab.card("500 What?\r\n");
    assert_eq!(lab.heard(Side::Client), "500 What?\r\n");
}

#[test]
fn rfc4217_auth_tls_then_pbsz_and_prot() {
    let mut lab = lab_with(Config { security: Security::Required, ..config() });
    assert_eq!(lab.client("USER amy@sell.com\r\n"), "522 Use AUTH TLS first.\r\n");
    assert_eq!(lab.client("AUTH KERBEROS\r\n"), "504 Only AUTH TLS.\r\n");
    assert_eq!(lab.client("AUTH tls\r\nUSER eve\r\n"), "234 Begin TLS.\r\n");
    assert_eq!(lab.done(), ["Secure"]);
    assert_eq!(lab.buffer[0], b"USER eve\r\n", "what stands behind AUTH is the handshake's");
    lab.buffer[0].clear();
    lab.tell(Input::Secured);
    assert_eq!(lab.client("AUTH TLS\r\nPBSZ 0\r\n"), "503 Not now.\r\n200 PBSZ=0\r\n");
    log_in(&mut lab);
    lab.client("EPSV\r\n");
    assert!(lab.done().last().unwrap().ends_with("secure: false }"));
    lab.tell(Input::Listening { leg: Side::Client, address: at("198.51.100.1:50001") });
    lab.card("229 (|||6446|)\r\n");
    lab.heard(Side::Client);
    assert_eq!(lab.client("RETR a\r\n"), "521 Data connections must be private, use PROT P.\r\n");
    assert_eq!(lab.client("PROT C\r\n"), "534 Data connections must be private.\r\n");
    assert_eq!(lab.client("PROT P\r\n"), "200 Data connections are private.\r\n");
    lab.client("EPSV\r\n");
    assert!(lab.done().last().unwrap().ends_with("secure: true }"));
    lab.tell(Input::Listening { leg: Side::Client, address: at("198.51.100.1:50001") });
    lab.card("229 (|||6446|)\r\n");
    lab.heard(Side::Client);
    assert_eq!(
        lab.client("REIN\r\nCCC\r\n"),
        "502 REIN is not available under TLS.\r\n502 Not available here.\r\n"
    );
    let mut lab = lab_with(Config { security: Security::Offered, ..config() });
    lab.client("AUTH TLS\r\n");
    lab.tell(Input::SecureFailed);
    assert_eq!((lab.closed, lab.refusals()), (Some(false), vec![Refusal::NotSecure]));
}

#[test]
fn rein_returns_to_the_login_and_the_next_one_may_go_elsewhere() {
    let mut lab = inside();
    arrange(&mut lab);
    assert_eq!(lab.client("REIN\r\n"), "220 Ready for a new user.\r\n");
    assert_eq!((lab.picked, lab.done()), (0, vec!["DropData".to_owned()]));
    assert_eq!(lab.client("PWD\r\n"), "530 Log in with USER and PASS.\r\n");
    lab.client("USER anonymous\r\nPASS me@\r\n");
    lab.card("220 hi\r\n331 go on\r\n230 in\r\n");
    let Some(Event::LoggedIn(decision)) = lab.events.last() else { panic!() };
    assert_eq!(decision.service, ServiceId(3));
}

#[test]
fn a_dead_card_gives_way_and_a_loop_ends() {
    let mut lab = lab();
    lab.dead = vec![lab.cards[0].0];
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    assert_eq!(lab.card("120 wait\r\n220 hi\r\n"), "USER amy@sell.com\r\n");
    let mut lab = self::lab();
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    assert_eq!(lab.card("421 too many connections\r\n"), "");
    assert_eq!(lab.card("220 hi\r\n"), "USER amy@sell.com\r\n");
    let mut lab = self::lab();
    lab.client("USER amy@sell.com\r\nPASS x\r\n");
    assert_eq!(lab.card("220 sid-proxy FTP ready.\r\n"), "");
    assert_eq!(lab.refusals(), [Refusal::Loop]);
    lab.wait(Duration::from_secs(3));
    assert_eq!((lab.heard(Side::Client).as_str(), lab.closed), (UNAVAILABLE, Some(false)));
}

#[test]
fn ends_and_time_outs() {
    let mut lab = inside();
    lab.end(Side::Card);
    assert_eq!((lab.heard(Side::Client).as_str(), lab.closed), (UNAVAILABLE, Some(false)));
    lab.usage();
    let mut lab = inside();
    lab.end(Side::Client);
    assert_eq!(lab.closed, Some(false));
    let mut lab = inside();
    lab.wait(Duration::from_secs(300));
    assert_eq!((lab.heard(Side::Client).as_str(), lab.closed), ("421 Idle too long.\r\n", Some(false)));
    let mut lab = inside();
    lab.client("SITE SLOW\r\n");
    lab.wait(Duration::from_secs(300));
    assert_eq!((lab.heard(Side::Client).as_str(), lab.closed), (UNAVAILABLE, Some(false)));
    let mut lab = inside();
    lab.card("421 Timeout.\r\n");
    assert_eq!((lab.heard(Side::Client).as_str(), lab.closed), ("421 Timeout.\r\n", Some(false)));
    let mut lab = self::lab();
    lab.client("US");
    lab.wait(Duration::from_secs(60));
    assert_eq!(lab.refusals(), [Refusal::Slow]);
    let mut lab = self::lab();
    lab.client("x".repeat(4096));
    assert_eq!(lab.refusals(), [Refusal::TooLarge]);
    let mut lab = inside();
    lab.client("PWD\r\n");
    lab.card("what is this\r\n");
    assert_eq!(lab.refusals(), [Refusal::CardMalformed]);
}

#[test]
fn half_a_line_waiting_for_a_transfer_is_not_too_slow() {
    let mut lab = inside();
    arrange(&mut lab);
    lab.client("RETR a\r\nPW");
    lab.card("150 Ok\r\n");
    lab.client("D\r\n");
    lab.tell(Input::Carrying { len: 1 });
    lab.wait(Duration::from_secs(200));
    assert_eq!(lab.closed, None);
}

/// A whole conversation in pieces.
fn conversation(client_cuts: &[usize], card_cuts: &[usize]) -> (String, String, Vec<Event>) {
    let client =
        "FEAT\r\nUSER amy@sell.com\r\nPASS x y\r\nTYPE I\r\nPORT 192,0,2,9,23,112\r\nRETR a\r\nQUIT\r\n";
    let card = [
        "220 hi\r\n",
        "331 go\r\n",
        "230-in\r\n yes\r\n230 in\r\n",
        "200 I\r\n",
        "229 (|||6000|)\r\n",
        "150 go\r\n",
        "226-a\r\n226 b\r\n",
        "221 bye\r\n",
    ];
    let mut lab = lab();
    let feed = |lab: &mut Lab<Session>, side, text: &str, cuts: &[usize]| {
        let mut at = 0;
        for &cut in cuts {
            let cut = cut.clamp(at, text.len());
            lab.feed(side, &text[at..cut]);
            at = cut;
        }
        lab.feed(side, &text[at..]);
    };
    feed(&mut lab, Side::Client, client, client_cuts);
    for reply in card {
        feed(&mut lab, Side::Card, reply, card_cuts);
        if reply.starts_with("150") {
            lab.tell(Input::Carried { complete: true });
        }
    }
    (lab.heard(Side::Client), lab.heard(Side::Card), lab.events)
}

#[test]
fn every_split_of_a_conversation_gives_the_same_bytes() {
    let whole = conversation(&[], &[]);
    assert!(
        whole.0.ends_with(
            "230 in\r\n200 I\r\n200 Data connection arranged\r\n150 go\r\n226-a\r\n226 b\r\n221 bye\r\n"
        ),
        "{whole:?}"
    );
    for cut in 0..110 {
        assert_eq!(conversation(&[cut], &[]), whole, "client {cut}");
        assert_eq!(conversation(&[], &[cut]), whole, "card {cut}");
    }
    let each: Vec<usize> = (0..110).collect();
    assert_eq!(conversation(&each, &each), whole);
}

proptest! {
    #[test]
    fn any_split_of_a_conversation_gives_the_same_bytes(
        mut client in prop::collection::vec(0usize..110, 0..9),
        mut card in prop::collection::vec(0usize..40, 0..9),
    ) {
        client.sort_unstable();
        card.sort_unstable();
        prop_assert_eq!(conversation(&client, &card), conversation(&[], &[]));
    }
}
