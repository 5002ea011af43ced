//! Whatever cards say over whole FTP and POP3 sessions, no customer sees an inside address, name or address and port in
//! a reply, nor in a cookie. What passes as data (files, messages, listings of mail) is the service's own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use lab::{Lab, peer};
use proptest::prelude::*;
use sid_proxy::pool::{Sticky, Token};
use sid_proxy::session::{Input, Inside, Security, Side};
use sid_proxy::{CardId, RouteTable, ServiceId, Sid, ftp, pop3};
use std::sync::Arc;
use std::time::Duration;

/// The inside, as cards spell it.
const SECRETS: [&str; 16] = [
    "10.1.2.1",
    "10.1.2.1:21",
    "10,1,2,1,4,0",
    "010.001.002.001",
    "10.1.255.254",
    "::ffff:10.1.2.1",
    "::ffff:a01:201",
    "[::ffff:10.1.2.1]:2121",
    "fd00:1::7",
    "FD00:0001:0000::0007",
    "|1|10.1.2.1|4711|",
    "node3.cards.example",
    "NODE3.Cards.Example.",
    "cards.example:8000",
    "amy@cards.example",
    "ip-10-1-2-1",
];

fn hidden() -> Inside {
    let networks = vec![("10.1.0.0".parse().unwrap(), 16), ("fd00:1::".parse().unwrap(), 32)];
    Inside { networks, names: vec!["cards.example".into()] }
}

/// Judges text as a customer who looks for the inside would, with no help of the crate.
fn shows_the_inside(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let squeezed: String = text.replace([',', '-'], ".").replace(".0", ".").replace(".0", ".");
    text.contains("cards.example")
        || text.contains("fd00:1:")
        || text.contains("fd00:0001:")
        || text.contains("a01:201")
        || squeezed.contains("10.1.2.1")
        || squeezed.contains("10.1.255.254")
}

/// What a card says in a line: innocent words and secrets, in any order.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => prop::sample::select(SECRETS.to_vec()).prop_map(String::from),
        5 => prop::sample::select(vec!["ready", "at", "from", "(", ")", "=", "\"/pub\"", "192.0.2.9", "3.0.3", "::1", ","])
            .prop_map(String::from),
        1 => "[a-z0-9.:,-]{1,8}",
    ];
    (prop::collection::vec(word, 0..6), prop::sample::select(vec![" ", "=", "<", ";", " [", "\""]))
        .prop_map(|(words, between)| words.join(between))
}

fn table() -> RouteTable {
    let mut builder = RouteTable::builder(1);
    for sid in [Sid::Ftp("@sell.com"), Sid::Pop3("@sell.com")] {
        builder.add(sid, ServiceId(1)).unwrap();
    }
    builder.build().unwrap()
}

const FTP: [&str; 22] = [
    "SYST",
    "STAT",
    "HELP",
    "FEAT",
    "PWD",
    "CWD x",
    "NOOP",
    "SITE X",
    "PASV",
    "EPSV",
    "EPSV ALL",
    "LIST",
    "RETR a",
    "STOR b",
    "PORT 192,0,2,9,10,10",
    "EPRT |1|192.0.2.9|2570|",
    "ABOR",
    "REIN",
    "OPTS UTF8 ON",
    "AUTH TLS",
    "USER x",
    "QUIT",
];

const POP3: [&str; 8] = ["STAT", "NOOP", "RSET", "DELE 1", "CAPA", "XTND", "LAST", "QUIT"];

/// Does what the session asked for besides talking. It may be over by then.
fn assist<S: sid_proxy::session::Session>(lab: &mut Lab<S>) {
    for did in lab.done() {
        let input = match did.as_str() {
            did if did.starts_with("Listen") => {
                let leg = if did.contains("leg: Client") { Side::Client } else { Side::Card };
                Input::Listening { leg, address: "198.51.100.1:50001".parse().unwrap() }
            }
            did if did.starts_with("Carry") => Input::Carried { complete: true },
            "Secure" => Input::Secured,
            _ => continue,
        };
        let _ = lab.session.handle(lab.now, input);
        lab.settle();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_ftp_session_shows_the_inside(
        login in prop::collection::vec((prop::sample::select(vec![120u16, 220, 331, 230, 202, 421, 500, 530]), words(), any::<bool>()), 0..5),
        talk in prop::collection::vec((0..FTP.len(), 100u16..560, words(), words(), 0u8..4), 0..25),
        card_data in prop::sample::select(vec![ftp::CardData::Epsv, ftp::CardData::Pasv, ftp::CardData::Eprt, ftp::CardData::Port]),
        stranger in any::<bool>(),
    ) {
        let config = ftp::Config {
            name: "ftp.mall.example".into(),
            security: Security::Offered,
            inside: if stranger { Inside::default() } else { hidden() },
            card_data,
            ..ftp::Config::default()
        };
        let mut lab = Lab::new(ftp::Session::new(Arc::new(config), peer(), Duration::ZERO), table());
        lab.cards.truncate(if stranger { 1 } else { 2 });
        lab.client("USER amy@sell.com\r\nPASS secret\r\n");
        for (code, text, long) in login {
            let first = if long { format!("{code}-{text}\r\n {text}\r\n") } else { String::new() };
            lab.card(format!("{first}{code} {text}\r\n"));
        }
        // Well or badly, it goes on.
        for reply in ["220 ok\r\n", "331 ok\r\n", "230 ok\r\n"] {
            lab.card(reply);
        }
        for (command, code, text, more, how) in talk {
            lab.client(format!("{}\r\n", FTP[command]));
            assist(&mut lab);
            let reply = match how {
                0 => format!("{code} {text}\r\n"),
                1 => format!("{code}-{text}\r\n {more}\r\n{code}-{more}\r\n{code} {text}\r\n"),
                2 => format!("150 {text}\r\n226 {more}\r\n"),
                _ => "229 ok (|||1025|)\r\n227 ok (10,1,2,1,4,1)\r\n200 ok\r\n".into(),
            };
            lab.card(reply);
            assist(&mut lab);
            lab.wait(Duration::from_secs(1));
        }
        lab.wait(Duration::from_secs(4000));
        let seen = String::from_utf8_lossy(&lab.got[0]).into_owned();
        if stranger {
            // Where nobody told what is inside, the card's own address is known all the same.
            prop_assert!(!seen.replace(',', ".").contains("10.1.2.1"), "{seen}");
        } else {
            prop_assert!(!shows_the_inside(&seen), "{seen}");
        }
    }

    #[test]
    fn no_pop3_session_shows_the_inside(
        login in prop::collection::vec((any::<bool>(), words()), 0..4),
        talk in prop::collection::vec((0..POP3.len(), any::<bool>(), words()), 0..25),
    ) {
        let config = pop3::Config { name: "pop3.mall.example".into(), inside: hidden(), ..pop3::Config::default() };
        let mut lab = Lab::new(pop3::Session::new(Arc::new(config), peer(), Duration::ZERO), table());
        lab.client("CAPA\r\nUSER amy@sell.com\r\nPASS secret\r\n");
        for (ok, text) in login {
            lab.card(format!("{} {text}\r\n", if ok { "+OK" } else { "-ERR" }));
        }
        for reply in ["+OK\r\n", "+OK\r\n", "+OK\r\n"] {
            lab.card(reply);
        }
        for (command, ok, text) in talk {
            lab.client(format!("{}\r\n", POP3[command]));
            let body = if ok && POP3[command] == "CAPA" { "TOP\r\n.\r\n" } else { "" };
            lab.card(format!("{} {text}\r\n{body}", if ok { "+OK" } else { "-ERR" }));
            lab.wait(Duration::from_secs(1));
        }
        lab.wait(Duration::from_secs(4000));
        let seen: String = String::from_utf8_lossy(&lab.got[0]).into_owned();
        prop_assert!(!shows_the_inside(&seen), "{seen}");
    }

    #[test]
    fn no_cookie_shows_the_inside(secret: [u8; 16], service: u32, card: u32, token: u64) {
        let sticky = Sticky::new("at", ServiceId(service), secret).unwrap();
        let cookie = sticky.set_cookie(sticky.token(CardId(card)));
        prop_assert!(!shows_the_inside(&cookie));
        // The card's number is in it by no more than chance: another secret gives another value.
        let mut other = secret;
        other[0] ^= 1;
        let other = Sticky::new("at", ServiceId(service), other).unwrap();
        prop_assert_ne!(sticky.token(CardId(card)), other.token(CardId(card)));
        let value = sticky.set_cookie(Token(token));
        prop_assert_eq!(sticky.read([value.split("; ").next().unwrap().as_bytes()]), Some(Token(token)));
    }
}
