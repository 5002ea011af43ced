//! FTP data connections: who connects to whom, what each end is told, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod lab;

use lab::Lab;
use lab::ftp::*;
use sid_proxy::CardId;
use sid_proxy::ftp::{CardData, Config, Input, Refusal, Session, Side};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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
