//! FTP sessions in whole conversations.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod lab;

use lab::{Lab, peer};
use proptest::prelude::*;
use sid_proxy::ftp::{CardData, Config, Event, Input, Inside, Refusal, Security, Session, Side};
use sid_proxy::{CardId, RouteTable, ServiceId, Sid};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const FAILED: &str = "530 Login incorrect.\r\n";
const UNAVAILABLE: &str = "421 Service not available, try again later.\r\n";

fn table() -> RouteTable {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Ftp("@sell.com"), ServiceId(1)).unwrap();
    builder.add(Sid::Ftp("bob@sell.com"), ServiceId(2)).unwrap();
    builder.add(Sid::Ftp("anonymous"), ServiceId(3)).unwrap();
    builder.build().unwrap()
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn config() -> Config {
    let networks = vec![("10.1.0.0".parse().unwrap(), 16)];
    Config { inside: Inside { networks, names: vec!["cards.example".into()] }, ..Config::default() }
}

fn lab_with(config: Config) -> Lab<Session> {
    let mut lab = Lab::new(Session::new(Arc::new(config), peer(), Duration::ZERO), table());
    assert_eq!(lab.heard(Side::Client), "220 sid-proxy FTP ready.\r\n");
    lab
}

fn lab() -> Lab<Session> {
    lab_with(config())
}

/// A session that is logged in.
fn inside_with(config: Config) -> Lab<Session> {
    let mut lab = lab_with(config);
    log_in(&mut lab);
    lab
}

fn log_in(lab: &mut Lab<Session>) {
    assert_eq!(lab.client("USER amy@sell.com\r\nPASS secret\r\n"), "331 Password required.\r\n");
    assert_eq!(
        lab.card("220-Welcome to node3 at 10.1.2.1\r\n220 (vsFTPd 3.0.3)\r\n"),
        "USER amy@sell.com\r\n"
    );
    assert_eq!(lab.card("331 Please specify the password.\r\n"), "PASS secret\r\n");
    lab.card("230-Hello\r\n230 Login successful.\r\n");
    assert_eq!(lab.heard(Side::Client), "230-Hello\r\n230 Login successful.\r\n");
}

fn inside() -> Lab<Session> {
    inside_with(config())
}

/// Arranges data connections by PASV with the customer and EPSV with the card.
fn arrange(lab: &mut Lab<Session>) {
    lab.client("PASV\r\n");
    lab.tell(Input::Listening { leg: Side::Client, address: at("198.51.100.1:50001") });
    assert_eq!(lab.heard(Side::Card), "EPSV\r\n");
    lab.card("229 Entering Extended Passive Mode (|||6446|)\r\n");
    assert_eq!(lab.heard(Side::Client), "227 Entering Passive Mode (198,51,100,1,195,81).\r\n");
    lab.done();
}

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
fn every_pair_of_data_connections_with_ipv4_and_ipv6() {
    let v4 = (at("192.0.2.9:40000"), at("198.51.100.1:21"), at("198.51.100.1:50001"));
    let v6 = (at("[2001:db8::9]:40000"), at("[2001:db8::1]:21"), at("[2001:db8::1]:50001"));
    let cards = [at("10.1.2.1:21"), at("[fd00::21]:21")];
    for (client, local, listening) in [v4, v6] {
        let active = if client.is_ipv4() { "EPRT |1|192.0.2.9|6000|" } else { "EPRT |2|2001:db8::9|6000|" };
        let mut wanted = vec![
            ("EPSV", "229 Entering Extended Passive Mode (|||50001|)\r\n"),
            (active, "200 Data connection arranged\r\n"),
        ];
        if client.is_ipv4() {
            wanted.push(("PASV", "227 Entering Passive Mode (198,51,100,1,195,81).\r\n"));
            wanted.push(("PORT 192,0,2,9,23,112", "200 Data connection arranged\r\n"));
        }
        for (command, reply) in wanted {
            for card in cards {
                for how in [CardData::Epsv, CardData::Pasv, CardData::Eprt, CardData::Port] {
                    let config = Config { card_data: how, ..Config::default() };
                    let peer = sid_proxy::session::Peer { client, local, trusted: false };
                    let mut lab = Lab::new(Session::new(Arc::new(config), peer, Duration::ZERO), table());
                    lab.cards = vec![(CardId(1), card)];
                    lab.client("USER amy@sell.com\r\nPASS x\r\n");
                    lab.card("220 hi\r\n331 go on\r\n230 in\r\n");
                    lab.heard(Side::Card);
                    lab.heard(Side::Client);
                    let case = format!("{command} with {how:?} at {card}");
                    // The customer's side.
                    lab.client(format!("{command}\r\n"));
                    let passive = command.ends_with("SV");
                    if passive {
                        let listen =
                            format!("Listen {{ leg: Client, peer: {}, secure: false }}", client.ip());
                        assert_eq!(lab.done(), ["DropData".to_owned(), listen], "{case}");
                        lab.tell(Input::Listening { leg: Side::Client, address: listening });
                    }
                    // The card's side.
                    let six = card.is_ipv6();
                    let own = if six { at("[fd00::1]:7000") } else { at("10.1.0.1:7000") };
                    if matches!(how, CardData::Eprt | CardData::Port) {
                        let did = lab.done();
                        assert!(did.last().unwrap().starts_with("Listen { leg: Card"), "{case}: {did:?}");
                        lab.tell(Input::Listening { leg: Side::Card, address: own });
                    }
                    let (asked, answer) = match how {
                        CardData::Pasv if !six => {
                            ("PASV\r\n", "227 Entering Passive Mode (203,0,113,5,23,113)\r\n")
                        }
                        CardData::Epsv | CardData::Pasv => {
                            ("EPSV\r\n", "229 Entering Extended Passive Mode (|||6001|)\r\n")
                        }
                        CardData::Port if !six => {
                            ("PORT 10,1,0,1,27,88\r\n", "200 PORT command successful\r\n")
                        }
                        CardData::Eprt | CardData::Port if six => ("EPRT |2|fd00::1|7000|\r\n", "200 ok\r\n"),
                        _ => ("EPRT |1|10.1.0.1|7000|\r\n", "200 ok\r\n"),
                    };
                    assert_eq!(lab.heard(Side::Card), asked, "{case}");
                    lab.card(answer);
                    assert_eq!(lab.heard(Side::Client), reply, "{case}");
                    if matches!(how, CardData::Epsv | CardData::Pasv) {
                        // The card's own address, whatever its reply said.
                        let to = SocketAddr::new(card.ip(), 6001);
                        let did = lab.done();
                        assert_eq!(
                            did.last().unwrap(),
                            &format!("Dial {{ leg: Card, address: {to}, secure: false }}")
                        );
                    }
                    lab.done();
                    // The transfer.
                    lab.client("RETR a\r\n");
                    assert_eq!(lab.heard(Side::Card), "RETR a\r\n");
                    let dial = format!(
                        "Dial {{ leg: Client, address: {}, secure: false }}",
                        SocketAddr::new(client.ip(), 6000)
                    );
                    assert_eq!(lab.done(), if passive { vec![] } else { vec![dial] }, "{case}");
                    lab.card("150 Opening data connection\r\n");
                    assert_eq!(lab.done(), ["Carry { from: Card }"]);
                    lab.card("226 Transfer complete\r\n");
                    assert_eq!(lab.heard(Side::Client), "150 Opening data connection\r\n", "{case}");
                    lab.tell(Input::Carrying { len: 7 });
                    lab.tell(Input::Carried { complete: true });
                    assert_eq!(lab.heard(Side::Client), "226 Transfer complete\r\n", "{case}");
                }
            }
        }
    }
}

#[test]
fn an_old_card_that_knows_no_epsv_is_asked_for_pasv() {
    let mut lab = inside();
    lab.client("EPSV\r\n");
    lab.tell(Input::Listening { leg: Side::Client, address: at("198.51.100.1:50001") });
    assert_eq!(lab.card("500 EPSV not understood\r\n"), "EPSV\r\nPASV\r\n");
    lab.card("227 ok (10,1,2,1,25,46)\r\n");
    assert_eq!(lab.heard(Side::Client), "229 Entering Extended Passive Mode (|||50001|)\r\n");
}

#[test]
fn rfc2577_bounce_is_refused() {
    for command in [
        "PORT 192,0,2,10,200,1",
        "PORT 10,1,2,1,200,1",
        "PORT 127,0,0,1,200,1",
        "PORT 192,0,2,9,0,25",
        "PORT 192,0,2,9,3,255",
        "EPRT |1|192.0.2.10|5000|",
        "EPRT |1|192.0.2.9|80|",
    ] {
        let mut lab = inside();
        lab.done();
        assert_eq!(
            lab.client(format!("{command}\r\n")),
            "504 Only your own address, and ports from 1024.\r\n"
        );
        assert_eq!(lab.refusals(), [Refusal::Bounce]);
        assert_eq!((lab.done(), lab.heard(Side::Card)), (vec![], String::new()), "{command}");
    }
}

#[test]
fn malformed_addresses_and_other_protocols_are_refused() {
    for (command, answer) in [
        ("PORT 1,2,3", "501"),
        ("PORT 192,0,2,9,200,1,1", "501"),
        ("PORT 192,0,2,9,256,1", "501"),
        ("PORT 192,0,2,9,+1,1", "501"),
        ("PORT ", "501"),
        ("EPRT |1|192.0.2.9|5000", "501"),
        ("EPRT |1|x|5000|", "501"),
        ("EPRT |1|192.0.2.9|70000|", "501"),
        ("EPRT |3|192.0.2.9|5000|", "522"),
        ("EPRT |2|2001:db8::9|5000|", "522"),
        ("EPSV 2", "522"),
        ("EPSV 9", "522"),
        ("LPRT 4,4,1,1,1,1,2,1,1", "502"),
        ("CPSV", "502"),
    ] {
        let mut lab = inside();
        let got = lab.client(format!("{command}\r\n"));
        assert!(got.starts_with(answer), "{command}: {got}");
        assert_eq!(lab.heard(Side::Card), "", "{command}");
    }
}

#[test]
fn rfc2428_epsv_all_leaves_only_epsv() {
    let mut lab = inside();
    assert_eq!(lab.client("EPSV ALL\r\n"), "200 EPSV ALL.\r\n");
    for command in ["PASV", "PORT 192,0,2,9,200,1", "EPRT |1|192.0.2.9|5000|"] {
        assert_eq!(lab.client(format!("{command}\r\n")), "503 Only EPSV after EPSV ALL.\r\n");
    }
    lab.client("EPSV 1\r\n");
    assert!(lab.done().last().unwrap().starts_with("Listen"));
}

#[test]
fn no_transfer_without_a_data_connection() {
    let mut lab = inside();
    assert_eq!(lab.client("RETR a\r\n"), "425 Use PASV, EPSV, PORT or EPRT first.\r\n");
    arrange(&mut lab);
    lab.client("RETR a\r\n");
    lab.card("550 Failed to open file.\r\n");
    assert_eq!(lab.heard(Side::Client), "550 Failed to open file.\r\n");
    assert_eq!(lab.done(), ["DropData"]);
    assert_eq!(lab.client("RETR a\r\n"), "425 Use PASV, EPSV, PORT or EPRT first.\r\n");
    // The proxy cannot open a port, or the card has none.
    lab.client("EPSV\r\n");
    lab.tell(Input::DataFailed { leg: Side::Client });
    assert_eq!(lab.heard(Side::Client), "425 Cannot open a data connection.\r\n");
    lab.client("EPSV\r\n");
    lab.tell(Input::Listening { leg: Side::Client, address: at("198.51.100.1:50001") });
    lab.card("425 no\r\n");
    assert_eq!(lab.heard(Side::Client), "425 Cannot open a data connection.\r\n");
}

#[test]
fn what_the_customer_is_told_waits_for_the_data() {
    // Uploads as downloads, replies of several lines too; a loss on the way makes a 226 a 426.
    for (complete, last) in [
        (true, "226-File received\r\n226 0.1 s\r\n"),
        (false, "426 Connection closed, transfer aborted.\r\n"),
    ] {
        let mut lab = inside();
        arrange(&mut lab);
        lab.client("STOR b\r\n");
        lab.card("150 Ok\r\n");
        assert_eq!(lab.done(), ["Carry { from: Client }"]);
        lab.card("226-File received\r\n226 0.1 s\r\n");
        assert_eq!(lab.heard(Side::Client), "150 Ok\r\n");
        lab.tell(Input::Carrying { len: 5 });
        lab.tell(Input::Carried { complete });
        assert_eq!(lab.heard(Side::Client), last);
        lab.client("QUIT\r\n");
        lab.card("221 bye\r\n");
        assert!(lab.usage().from_client >= 5);
    }
    // The card gives up in the middle: its word passes once the data is gone.
    let mut lab = inside();
    arrange(&mut lab);
    lab.client("STOR b\r\n");
    lab.card("150 Ok\r\n452 Disk full on /data.\r\n");
    assert_eq!(lab.done(), ["Carry { from: Client }", "DropData"]);
    lab.tell(Input::Carried { complete: false });
    assert_eq!(lab.heard(Side::Client), "150 Ok\r\n452 Disk full on /data.\r\n");
}

#[test]
fn a_customer_that_never_connects_is_told_so() {
    let mut lab = inside();
    arrange(&mut lab);
    lab.client("RETR a\r\n");
    lab.card("150 Ok\r\n226 Sent into the socket buffer\r\n");
    lab.done();
    lab.wait(Duration::from_secs(30));
    assert_eq!(lab.done(), ["DropData"]);
    lab.tell(Input::Carried { complete: false });
    assert_eq!(lab.heard(Side::Client), "150 Ok\r\n426 Connection closed, transfer aborted.\r\n");
    // And a transfer that stands still.
    arrange(&mut lab);
    lab.client("RETR a\r\n");
    lab.card("150 Ok\r\n");
    lab.tell(Input::Carrying { len: 1 });
    lab.done();
    lab.wait(Duration::from_secs(299));
    assert!(lab.done().is_empty());
    lab.wait(Duration::from_secs(1));
    assert_eq!(lab.done(), ["DropData"]);
}

#[test]
fn abor_ends_a_transfer_and_may_come_as_telnet() {
    for abort in [&b"ABOR\r\n"[..], b"\xff\xf4\xff\xf2ABOR\r\n", b"\xff\xf4\xffABOR\r\n"] {
        let mut lab = inside();
        arrange(&mut lab);
        lab.client("RETR big\r\n");
        lab.card("150 Ok\r\n");
        lab.heard(Side::Card);
        lab.heard(Side::Client);
        lab.done();
        lab.client(abort);
        assert_eq!((lab.heard(Side::Card).as_str(), lab.done()), ("ABOR\r\n", vec!["DropData".to_owned()]));
        lab.tell(Input::Carried { complete: false });
        lab.card("426 Failure writing network stream.\r\n226 ABOR successful.\r\n");
        assert_eq!(
            lab.heard(Side::Client),
            "426 Failure writing network stream.\r\n226 ABOR successful.\r\n"
        );
        lab.client("NOOP\r\n");
        assert_eq!(lab.heard(Side::Card), "NOOP\r\n");
    }
    // A card that answers once.
    let mut lab = inside();
    arrange(&mut lab);
    lab.client("RETR big\r\n");
    lab.card("150 Ok\r\n");
    lab.client("ABOR\r\nNOOP\r\n");
    lab.tell(Input::Carried { complete: false });
    lab.card("426 Aborted.\r\n");
    lab.wait(Duration::from_secs(5));
    assert_eq!(lab.heard(Side::Card), "NOOP\r\n");
}

#[test]
fn commands_are_passed_one_at_a_time_and_in_order() {
    let mut lab = inside();
    lab.client("TYPE I\r\nCWD a\r\nPWD\r\n");
    assert_eq!(lab.heard(Side::Card), "TYPE I\r\n");
    assert_eq!(lab.card("200 ok\r\n"), "CWD a\r\n");
    assert_eq!(lab.card("250 ok\r\n"), "PWD\r\n");
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
