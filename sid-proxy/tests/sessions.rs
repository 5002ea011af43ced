//! TLS pass-through, and the ten laws for the three kinds of session.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod lab;

use lab::{Lab, peer};
use proptest::prelude::*;
use sid_proxy::session::{Announce, Event, Input, Output, Refusal, Security, Side};
use sid_proxy::tls::{Config, Otherwise, Session};
use sid_proxy::{CardId, Decision, Matched, Miss, RouteId, RouteTable, ServiceId, Sid, ftp, pop3, session};
use std::sync::Arc;
use std::time::Duration;

const CURL: &[u8] = include_bytes!("hellos/curl.bin");
const NO_SNI: &[u8] = include_bytes!("hellos/openssl-no-sni.bin");

fn lab(names: &[&str], config: Config) -> Lab<Session> {
    let mut builder = RouteTable::builder(1);
    for name in names {
        builder.add(Sid::Sni(name), ServiceId(1)).unwrap();
    }
    Lab::new(Session::new(Arc::new(config), peer(), Duration::ZERO), builder.build().unwrap())
}

#[test]
fn a_named_connection_passes_unopened_in_both_directions() {
    let mut lab = lab(&["*.sell.com"], Config::default());
    lab.feed(Side::Client, &CURL[..100]);
    assert!(lab.events.is_empty() && lab.got[1].is_empty());
    lab.feed(Side::Client, &CURL[100..]);
    assert_eq!(lab.got[1], CURL);
    lab.feed(Side::Card, b"server hello");
    lab.feed(Side::Client, b"finished");
    assert_eq!(lab.got[0], b"server hello");
    lab.end(Side::Client);
    assert_eq!(lab.did, ["Finish { to: Card }"]);
    lab.feed(Side::Card, b"close notify");
    lab.end(Side::Card);
    assert_eq!(lab.closed, Some(false));
    let usage = lab.usage();
    assert_eq!((usage.from_client, usage.from_card), (CURL.len() as u64 + 8, 24));
    assert_eq!(usage.refusal, None);
}

#[test]
fn without_a_route_the_driver_ends_tls_or_the_client_is_refused() {
    for hello in [CURL, NO_SNI] {
        let mut lab = lab(&["else.example"], Config::default());
        lab.feed(Side::Client, hello);
        assert_eq!(lab.did, ["Secure"]);
        assert_eq!(lab.buffer[0], hello, "the hello is the driver's");
        let refuse = Config { otherwise: Otherwise::Refuse, ..Config::default() };
        let mut lab = self::lab(&["else.example"], refuse);
        lab.feed(Side::Client, hello);
        assert_eq!(lab.got[0], [21, 3, 1, 0, 2, 2, 112]);
        assert_eq!((lab.usage().refusal, lab.closed), (Some(Refusal::NoRoute), Some(false)));
    }
}

#[test]
fn a_malformed_hello_never_reaches_the_default() {
    for bad in [&b"GET / HTTP/1.1\r\n"[..], &[0x80, 0x2e, 1, 3, 1], &[22, 3, 1, 0, 4, 1, 0, 0, 0]] {
        let mut lab = lab(&["*"], Config::default());
        lab.feed(Side::Client, bad);
        assert_eq!((lab.got[0].len(), lab.got[0][0], lab.picked), (7, 21, 0));
        assert_eq!(lab.usage().refusal, Some(Refusal::Malformed));
    }
    // A good one does, with a name and without.
    for good in [CURL, NO_SNI] {
        let mut lab = lab(&["*"], Config::default());
        lab.feed(Side::Client, good);
        assert_eq!(lab.got[1], good);
    }
}

#[test]
fn half_a_hello_is_no_hello() {
    let mut lab = lab(&["*"], Config::default());
    lab.feed(Side::Client, &CURL[..300]);
    lab.end(Side::Client);
    assert_eq!(lab.usage().refusal, Some(Refusal::Malformed));
    let mut lab = self::lab(&["*"], Config::default());
    lab.feed(Side::Client, &CURL[..300]);
    lab.wait(Duration::from_secs(10));
    assert_eq!(lab.usage().refusal, Some(Refusal::Slow));
}

#[test]
fn the_next_card_is_tried_and_a_loop_is_not() {
    let mut lab = lab(&["*"], Config::default());
    lab.dead = vec![CardId(1)];
    lab.feed(Side::Client, CURL);
    assert_eq!(lab.got[1], CURL);
    assert!(matches!(lab.events[..], [Event::CardFailed { card: CardId(1), .. }]));
    // One that does not answer at all is given up.
    let mut lab = self::lab(&["*"], Config::default());
    lab.hold_connect = true;
    lab.feed(Side::Client, CURL);
    lab.wait(Duration::from_secs(4));
    assert_eq!((lab.usage().refusal, lab.got[0][6]), (Some(Refusal::CardBroke), 80));
    let mut lab = self::lab(&["*"], Config::default());
    lab.cards = vec![(CardId(1), peer().local)];
    lab.feed(Side::Client, CURL);
    assert_eq!(lab.usage().refusal, Some(Refusal::Loop));
}

#[test]
fn the_card_is_told_of_the_customer_before_the_first_byte() {
    let mut lab = lab(&["*"], Config { announce: Announce::V1, ..Config::default() });
    lab.feed(Side::Client, CURL);
    let line = b"PROXY TCP4 192.0.2.9 198.51.100.1 40000 110\r\n";
    assert_eq!(lab.got[1], [&line[..], CURL].concat());
}

#[test]
fn a_silent_connection_ends() {
    let mut lab = lab(&["*"], Config::default());
    lab.feed(Side::Client, CURL);
    lab.wait(Duration::from_secs(599));
    lab.feed(Side::Card, b"x");
    lab.wait(Duration::from_secs(599));
    assert_eq!(lab.closed, None);
    lab.wait(Duration::from_secs(1));
    assert_eq!(lab.closed, Some(true));
}

/// Anything that can happen to a session.
#[derive(Clone, Debug)]
enum Step {
    Data(Side, Vec<u8>, bool),
    Broken(Side),
    Forwarded(Side, u64),
    Routed(bool),
    Picked(u8),
    Tell(u8),
    Listening(Side),
    DataFailed(Side),
    Carrying(u64),
    Carried(bool),
    Tick(u64),
    Poll,
    Drain,
    /// Lets the lab answer everything, so that the far states are reached.
    Help,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = prop::sample::select(vec![
        &b"USER amy@sell.com\r\nPASS x\r\n"[..],
        b"AUTH PLAIN AGFteUBzZWxsLmNvbQBzZWNyZXQ=\r\n",
        b"PASV\r\n",
        b"EPSV\r\n",
        b"PORT 192,0,2,9,23,112\r\n",
        b"RETR 1\r\n",
        b"STOR 1\r\n",
        b"ABOR\r\n",
        b"REIN\r\n",
        b"STLS\r\n",
        b"AUTH TLS\r\n",
        b"LIST\r\n",
        b"QUIT\r\n",
        b"FEAT\r\n",
        b"half",
        b"\0\r\n",
        CURL,
        &CURL[..99],
    ]);
    let card = prop::sample::select(vec![
        &b"+OK\r\n"[..],
        b"-ERR [IN-USE] x\r\n",
        b"body\r\n.\r\n",
        b"220 hi\r\n331 go\r\n230 in\r\n",
        b"229 (|||6000|)\r\n",
        b"227 (10,1,2,1,9,9)\r\n",
        b"150 go\r\n",
        b"226 done\r\n",
        b"550 no\r\n",
        b"211-a\r\n",
        b"421 bye\r\n",
        b"half",
    ]);
    let side = prop::sample::select(vec![Side::Client, Side::Card]);
    let step = prop_oneof![
        6 => (client, prop::bool::weighted(0.05)).prop_map(|(bytes, end)| Step::Data(Side::Client, bytes.to_vec(), end)),
        6 => (card, prop::bool::weighted(0.05)).prop_map(|(bytes, end)| Step::Data(Side::Card, bytes.to_vec(), end)),
        1 => (side.clone(), prop::collection::vec(any::<u8>(), 0..9)).prop_map(|(side, bytes)| Step::Data(side, bytes, false)),
        1 => side.clone().prop_map(Step::Broken),
        1 => (side.clone(), 0u64..99).prop_map(|(side, len)| Step::Forwarded(side, len)),
        1 => any::<bool>().prop_map(Step::Routed),
        1 => (0u8..4).prop_map(Step::Picked),
        2 => (0u8..6).prop_map(Step::Tell),
        2 => side.clone().prop_map(Step::Listening),
        1 => side.prop_map(Step::DataFailed),
        1 => (0u64..99).prop_map(Step::Carrying),
        1 => any::<bool>().prop_map(Step::Carried),
        2 => (0u64..400).prop_map(Step::Tick),
        3 => Just(Step::Poll),
        2 => Just(Step::Drain),
        6 => Just(Step::Help),
    ];
    prop::collection::vec(step, 0..60)
}

fn table() -> RouteTable {
    let mut builder = RouteTable::builder(1);
    for sid in [Sid::Ftp("@sell.com"), Sid::Pop3("@sell.com"), Sid::Sni("*")] {
        builder.add(sid, ServiceId(1)).unwrap();
    }
    builder.build().unwrap()
}

/// Runs a script and asserts the laws at each step; gives a trace for the law of equal outputs.
fn keeps_the_laws<S: session::Session>(session: S, steps: &[Step]) -> Vec<String> {
    let mut trace = vec![];
    let mut lab = Lab::new(session, table());
    for step in steps {
        let before = lab.session.clone();
        let answer = match step.clone() {
            Step::Data(side, bytes, end) => {
                let taken = lab.session.handle(lab.now, Input::Data { side, bytes: &bytes, end });
                assert!(taken.unwrap() <= bytes.len(), "no more is taken than there is");
                taken
            }
            Step::Broken(side) => lab.session.handle(lab.now, Input::Broken { side }),
            Step::Forwarded(from, len) => lab.session.handle(lab.now, Input::Forwarded { from, len }),
            Step::Routed(found) => {
                let decision = Decision {
                    route: RouteId(0),
                    service: ServiceId(1),
                    matched: Matched::Exact,
                    prefix_len: 0,
                    strip_len: 0,
                };
                lab.session.handle(lab.now, Input::Routed(found.then_some(decision).ok_or(Miss::NoRoute)))
            }
            Step::Picked(n) => {
                let address = ([10, 1, 2, n], 9).into();
                lab.session.handle(lab.now, Input::Picked { card: CardId(n.into()), address })
            }
            Step::Tell(n) => {
                let inputs = [
                    Input::NoCard,
                    Input::Connected { reused: false },
                    Input::ConnectFailed,
                    Input::Secured,
                    Input::SecureFailed,
                    Input::Drain,
                ];
                lab.session.handle(lab.now, inputs[usize::from(n)])
            }
            Step::Listening(leg) => {
                let address = ([198, 51, 100, 1], 7000).into();
                lab.session.handle(lab.now, Input::Listening { leg, address })
            }
            Step::DataFailed(leg) => lab.session.handle(lab.now, Input::DataFailed { leg }),
            Step::Carrying(len) => lab.session.handle(lab.now, Input::Carrying { len }),
            Step::Carried(complete) => lab.session.handle(lab.now, Input::Carried { complete }),
            Step::Tick(seconds) => {
                // An early tick does nothing.
                let early = lab.session.deadline().is_none_or(|due| due > lab.now);
                let mut copy = lab.session.clone();
                copy.handle(lab.now, Input::Tick).unwrap();
                assert!(!early || copy == lab.session, "an early tick did something");
                lab.now += Duration::from_secs(seconds);
                let ticked = lab.session.handle(lab.now, Input::Tick);
                let mut copy = lab.session.clone();
                while copy.poll_output().is_some() {}
                assert!(copy.deadline().is_none_or(|due| due > lab.now), "a busy loop: {copy:?}");
                ticked
            }
            Step::Poll => {
                trace.push(format!("{:?}", lab.session.poll_output()));
                Ok(0)
            }
            Step::Drain => {
                while let Some(output) = lab.session.poll_output() {
                    trace.push(format!("{output:?}"));
                }
                Ok(0)
            }
            Step::Help => {
                // Answers what is open as far as the script has not.
                while let Some(output) = lab.session.poll_output() {
                    trace.push(format!("{output:?}"));
                    let answer = match output {
                        Output::Route { key } => Input::Routed(table().lookup(&key)),
                        Output::Pick { tried, .. } => {
                            let n = u8::try_from(tried.len()).unwrap();
                            Input::Picked { card: CardId(n.into()), address: ([10, 1, 2, n], 9).into() }
                        }
                        Output::Connect { .. } => Input::Connected { reused: false },
                        Output::Secure => Input::Secured,
                        Output::Listen { leg, .. } => {
                            Input::Listening { leg, address: ([198, 51, 100, 1], 7000).into() }
                        }
                        _ => continue,
                    };
                    // The script may have answered already.
                    let _ = lab.session.handle(lab.now, answer);
                }
                Ok(0)
            }
        };
        if let Err(error) = answer {
            trace.push(format!("{error:?}"));
            assert_eq!(lab.session, before, "an error changed the state");
        }
        let mut earlier = lab.session.clone();
        let told = !matches!(step, Step::Poll | Step::Drain | Step::Help) && answer.is_ok();
        if let (true, Some(past)) = (told, lab.now.checked_sub(Duration::from_nanos(1))) {
            assert!(earlier.handle(past, Input::Tick).is_err(), "time ran back");
        }
        let mut drained = lab.session.clone();
        if drained.poll_output().is_some() {
            assert_eq!(lab.session.deadline(), Some(Duration::ZERO), "a lost wake-up");
        }
        while drained.poll_output().is_some() {}
        assert!(format!("{:?}", lab.session).len() < 100_000, "memory is not bounded");
    }
    trace
}

fn tls() -> Session {
    Session::new(Arc::new(Config::default()), peer(), Duration::ZERO)
}

fn pop3() -> pop3::Session {
    let config = pop3::Config { security: Security::Offered, ..pop3::Config::default() };
    pop3::Session::new(Arc::new(config), peer(), Duration::ZERO)
}

fn ftp(card_data: ftp::CardData) -> ftp::Session {
    let config = ftp::Config { security: Security::Offered, card_data, ..ftp::Config::default() };
    ftp::Session::new(Arc::new(config), peer(), Duration::ZERO)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_laws_hold_for_tls(steps in steps()) {
        prop_assert_eq!(keeps_the_laws(tls(), &steps), keeps_the_laws(tls(), &steps));
    }

    #[test]
    fn the_laws_hold_for_pop3(steps in steps()) {
        prop_assert_eq!(keeps_the_laws(pop3(), &steps), keeps_the_laws(pop3(), &steps));
    }

    #[test]
    fn the_laws_hold_for_ftp(steps in steps(), active: bool) {
        let how = if active { ftp::CardData::Port } else { ftp::CardData::Epsv };
        prop_assert_eq!(keeps_the_laws(ftp(how), &steps), keeps_the_laws(ftp(how), &steps));
    }
}
