//! Copies of requests: what is copied, when, and what becomes of it.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sid_proxy::CardId;
use sid_proxy::mirror::{Config, Error, Input, Limits, Output, Session};
use std::sync::Arc;
use std::time::Duration;

fn session(bytes: usize) -> Session {
    let config = Config { limits: Limits { bytes }, ..Config::default() };
    Session::new(Arc::new(config), CardId(9), "10.1.9.9:80".parse().unwrap(), Duration::ZERO)
}

fn drain(session: &mut Session) -> Vec<String> {
    let mut did = vec![];
    loop {
        let due = session.deadline();
        let Some(output) = session.poll_output() else { return did };
        assert_eq!(due, Some(Duration::ZERO), "a lost wake-up");
        did.push(match output {
            Output::Connect { card, address } => format!("connect {card} {address}"),
            Output::Send { bytes } => format!("send {}", String::from_utf8_lossy(bytes)),
            Output::Close(outcome) => format!("close {outcome:?}"),
        });
    }
}

fn tell(session: &mut Session, millis: u64, input: Input<'_>) -> Vec<String> {
    session.handle(Duration::from_millis(millis), input).unwrap();
    drain(session)
}

#[test]
fn a_copy_begins_when_the_first_card_has_answered() {
    let mut session = session(100);
    assert!(tell(&mut session, 1, Input::Sent(b"GET / HTTP/1.1\r\n")).is_empty());
    assert!(tell(&mut session, 2, Input::Sent(b"Host: a\r\n\r\n")).is_empty());
    assert_eq!(session.deadline(), None, "it waits for nothing else");
    assert_eq!(tell(&mut session, 3, Input::Done { whole: true }), ["connect 9 10.1.9.9:80"]);
    assert_eq!(tell(&mut session, 4, Input::Connected), ["send GET / HTTP/1.1\r\nHost: a\r\n\r\n"]);
    assert!(tell(&mut session, 5, Input::Discarded { len: 400 }).is_empty());
    assert!(tell(&mut session, 6, Input::Discarded { len: 100 }).is_empty());
    assert_eq!(session.deadline(), Some(Duration::from_millis(1006)));
    assert!(tell(&mut session, 1005, Input::Tick).is_empty());
    assert_eq!(tell(&mut session, 1006, Input::Tick), ["close Answered(500)"]);
    assert!(tell(&mut session, 1007, Input::Ended).is_empty());
}

#[test]
fn what_failed_or_is_too_long_is_not_copied() {
    let mut failed = session(100);
    tell(&mut failed, 1, Input::Sent(b"GET"));
    assert_eq!(tell(&mut failed, 2, Input::Done { whole: false }), ["close NotWhole"]);
    let mut long = session(5);
    assert!(tell(&mut long, 1, Input::Sent(b"12345")).is_empty());
    assert_eq!(tell(&mut long, 1, Input::Sent(b"6")), ["close TooLong"]);
    assert!(tell(&mut long, 2, Input::Sent(b"7")).is_empty());
    assert!(tell(&mut long, 2, Input::Done { whole: true }).is_empty());
}

#[test]
fn a_second_card_that_fails_or_hangs_is_left() {
    let mut refused = session(100);
    tell(&mut refused, 1, Input::Sent(b"GET"));
    tell(&mut refused, 1, Input::Done { whole: true });
    assert_eq!(refused.handle(Duration::from_millis(1), Input::Ended), Err(Error::NotAsked));
    assert_eq!(tell(&mut refused, 1, Input::Failed), ["close Failed"]);
    let mut silent = session(100);
    tell(&mut silent, 1, Input::Sent(b"GET"));
    tell(&mut silent, 1, Input::Done { whole: true });
    assert_eq!(silent.clone().deadline(), Some(Duration::from_millis(2001)));
    tell(&mut silent, 2, Input::Connected);
    assert_eq!(tell(&mut silent, 30_002, Input::Tick), ["close Failed"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any inputs in any order: one `Close` at most, no memory above the limit, no busy loop, errors change nothing.
    #[test]
    fn laws(steps in prop::collection::vec((0u8..8, 0u16..2000), 1..60)) {
        let mut session = session(50);
        let (mut now, mut closed) = (Duration::ZERO, 0);
        for (what, n) in steps {
            let bytes = vec![b'x'; usize::from(n % 30)];
            let input = match what {
                0 | 1 => Input::Sent(&bytes),
                2 => Input::Done { whole: n % 4 > 0 },
                3 => Input::Connected,
                4 => Input::Failed,
                5 => Input::Discarded { len: n.into() },
                6 => Input::Ended,
                _ => {
                    now += Duration::from_millis(n.into());
                    Input::Tick
                }
            };
            let before = session.clone();
            if session.handle(now, input).is_err() {
                prop_assert_eq!(&session, &before);
            }
            for did in drain(&mut session) {
                prop_assert!(did.len() < 100);
                closed += u32::from(did.starts_with("close"));
            }
            prop_assert!(closed <= 1);
            if what == 7 {
                prop_assert!(session.deadline().is_none_or(|due| due > now));
            }
        }
    }
}
