//! Active probes: what they ask, when, what they conclude, and how that meets what the pool sees.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sid_proxy::pool::{Balance, Health, Outcome, PickKey, Policy, Pool, Pools};
use sid_proxy::probe::{Ask, BadRequest, Check, Error, Event, Input, Limits, Output, ProbeId, Prober};
use sid_proxy::{CardId, ServiceId};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const SHOP: ServiceId = ServiceId(1);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn at(card: u32) -> SocketAddr {
    ([10, 1, 1, card as u8], 8000).into()
}

fn http() -> Arc<Check> {
    let ask = Ask::http("www.sell.com", "/health", 200..=399).unwrap();
    Arc::new(Check { ask, jitter: 0, ..Check::default() })
}

fn watching(cards: u32, check: &Arc<Check>) -> Prober {
    let mut prober = Prober::new(Limits::default(), 1);
    for card in 1..=cards {
        prober.watch(Duration::ZERO, SHOP, CardId(card), at(card), check).unwrap();
    }
    prober
}

fn drain(prober: &mut Prober) -> Vec<String> {
    let mut did = vec![];
    loop {
        let due = prober.deadline();
        let Some(output) = prober.poll_output() else { return did };
        assert_eq!(due, Some(Duration::ZERO), "a lost wake-up");
        did.push(match output {
            Output::Connect { id, address } => format!("{} connect {address}", id.0),
            Output::Send { id, bytes } => format!("{} send {}", id.0, String::from_utf8_lossy(bytes)),
            Output::Close { id } => format!("{} close", id.0),
            Output::Event(Event::Found { card, health, why, .. }) => {
                format!("card {card} {health:?} {why:?}")
            }
            Output::Event(other) => panic!("{other:?}"),
        });
    }
}

/// One probe that is due, answered so.
fn probe(prober: &mut Prober, now: &mut Duration, answer: Option<&[u8]>) -> Vec<String> {
    *now = (*now).max(prober.deadline().unwrap());
    prober.handle(*now, Input::Tick).unwrap();
    let begun = drain(prober);
    let id = ProbeId(begun[0].split(' ').next().unwrap().parse().unwrap());
    match answer {
        None => prober.handle(*now, Input::Failed(id)).unwrap(),
        Some(bytes) => {
            prober.handle(*now, Input::Connected(id)).unwrap();
            prober.handle(*now, Input::Data { id, bytes }).unwrap();
        }
    }
    drain(prober).into_iter().filter(|did| did.starts_with("card")).collect()
}

#[test]
fn a_probe_asks_over_http_and_reads_the_status() {
    let mut prober = watching(1, &http());
    assert_eq!(drain(&mut prober), ["1 connect 10.1.1.1:8000"]);
    prober.handle(ms(1), Input::Connected(ProbeId(1))).unwrap();
    let request = "GET /health HTTP/1.1\r\nHost: www.sell.com\r\nUser-Agent: sid-proxy-probe\r\nConnection: close\r\n\r\n";
    assert_eq!(drain(&mut prober), [format!("1 send {request}")]);
    prober.handle(ms(2), Input::Data { id: ProbeId(1), bytes: b"HTTP/1.1 20" }).unwrap();
    assert_eq!(drain(&mut prober), [""; 0]);
    prober.handle(ms(3), Input::Data { id: ProbeId(1), bytes: b"4 No Content\r\n" }).unwrap();
    assert_eq!(drain(&mut prober), ["1 close", "card 1 Well Answered(204)"]);
    assert_eq!(prober.deadline(), Some(ms(2000)));
    assert_eq!(prober.health(SHOP, CardId(1)), Some(Health::Well));
}

#[test]
fn a_connection_is_enough_where_nothing_else_is_asked() {
    let mut prober = watching(1, &Arc::new(Check::default()));
    drain(&mut prober);
    prober.handle(ms(1), Input::Connected(ProbeId(1))).unwrap();
    assert_eq!(drain(&mut prober), ["1 close", "card 1 Well Answered(0)"]);
}

#[test]
fn every_other_answer_is_a_failure_with_its_reason() {
    for (answer, why) in [
        (Some(&b"HTTP/1.1 503 Busy\r\n"[..]), "Status(503)"),
        (Some(b"HTTP/1.0 404 Not"), "Status(404)"),
        (Some(b"HTTP/1.1 2000 OK"), "Malformed"),
        (Some(b"HTTP/2 200"), "Malformed"),
        (Some(b"SSH-2.0-OpenSSH"), "Malformed"),
        (Some(b"HTTP/1.1 099 x"), "Malformed"),
        (None, "Refused"),
    ] {
        let mut prober = Prober::new(Limits::default(), 1);
        prober.watch(Duration::ZERO, SHOP, CardId(1), at(1), &http()).unwrap();
        let found = probe(&mut prober, &mut Duration::ZERO.clone(), answer);
        assert_eq!(found, [format!("card 1 Ill {why}")]);
    }
    let mut late = watching(1, &http());
    drain(&mut late);
    assert_eq!(late.deadline(), Some(ms(1000)));
    late.handle(ms(999), Input::Tick).unwrap();
    assert_eq!(drain(&mut late), [""; 0], "an early tick does nothing");
    late.handle(ms(5000), Input::Tick).unwrap();
    let did = drain(&mut late);
    assert_eq!(
        did,
        ["1 close", "card 1 Ill Late", "2 connect 10.1.1.1:8000"],
        "a late one does all that is due"
    );
}

#[test]
fn it_takes_fall_failures_and_rise_successes_in_a_row() {
    const OK: Option<&[u8]> = Some(b"HTTP/1.1 200 \r\n");
    let mut prober = watching(1, &http());
    let mut now = Duration::ZERO;
    // The first of all decides at once.
    prober.handle(now, Input::Tick).unwrap();
    drain(&mut prober);
    prober.handle(now, Input::Connected(ProbeId(1))).unwrap();
    prober.handle(now, Input::Data { id: ProbeId(1), bytes: OK.unwrap() }).unwrap();
    assert_eq!(drain(&mut prober).last().unwrap(), "card 1 Well Answered(200)");
    let told: Vec<_> = [None, None, OK, None, None, None, OK, None, OK, OK]
        .into_iter()
        .map(|answer| probe(&mut prober, &mut now, answer).len())
        .collect();
    assert_eq!(told, [0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(prober.stats().begun, 11);
}

#[test]
fn a_suspected_card_is_asked_soon_and_not_too_often() {
    let mut prober = watching(1, &http());
    let mut now = Duration::ZERO;
    drain(&mut prober);
    prober.handle(now, Input::Failed(ProbeId(1))).unwrap();
    drain(&mut prober);
    for _ in 0..1000 {
        prober.suspect(now, SHOP, CardId(1)).unwrap();
    }
    assert_eq!(prober.deadline(), Some(ms(500)), "a quarter of the interval after the last");
    now = ms(1000);
    prober.suspect(now, SHOP, CardId(1)).unwrap();
    assert_eq!(drain(&mut prober).len(), 1, "at once where that has passed");
    // Suspected while it is being asked: the next probe is soon.
    prober.suspect(now, SHOP, CardId(1)).unwrap();
    prober.handle(now, Input::Failed(ProbeId(2))).unwrap();
    drain(&mut prober);
    assert_eq!(prober.deadline(), Some(ms(1500)));
    prober.suspect(now, SHOP, CardId(77)).unwrap();
}

#[test]
fn only_so_many_probes_run_at_once_and_all_get_their_turn() {
    let limits = Limits { running: 4, watched: 10 };
    let mut prober = Prober::new(limits, 1);
    for card in 1..=10 {
        prober.watch(Duration::ZERO, SHOP, CardId(card), at(card), &http()).unwrap();
    }
    assert_eq!(prober.watch(ms(0), SHOP, CardId(11), at(11), &http()), Err(Error::TooMany));
    assert_eq!(drain(&mut prober).len(), 4);
    assert_eq!(prober.deadline(), Some(ms(1000)), "no busy loop while there is no room");
    let mut began = 4;
    for id in 1..=10 {
        prober.handle(ms(1), Input::Failed(ProbeId(id))).unwrap();
        began += drain(&mut prober).iter().filter(|did| did.contains("connect")).count();
    }
    assert_eq!(began, 10);
}

#[test]
fn what_is_told_of_a_probe_that_is_over_changes_nothing() {
    let mut prober = watching(2, &http());
    drain(&mut prober);
    prober.forget(ms(1), SHOP, CardId(1)).unwrap();
    assert_eq!(drain(&mut prober), ["1 close"]);
    let before = prober.clone();
    for input in [
        Input::Connected(ProbeId(1)),
        Input::Failed(ProbeId(1)),
        Input::Data { id: ProbeId(1), bytes: b"HTTP/1.1 200 " },
        Input::Failed(ProbeId(99)),
    ] {
        prober.handle(ms(1), input).unwrap();
        assert_eq!(prober, before);
    }
    assert_eq!(prober.handle(ms(0), Input::Tick), Err(Error::TimeRanBack));
    assert_eq!(
        (prober.health(SHOP, CardId(1)), prober.health(SHOP, CardId(2))),
        (None, Some(Health::Unknown))
    );
    // At another address it is another card; with another check the same.
    prober.handle(ms(2), Input::Failed(ProbeId(2))).unwrap();
    drain(&mut prober);
    prober.watch(ms(2), SHOP, CardId(2), at(2), &Arc::new(Check::default())).unwrap();
    assert_eq!(prober.health(SHOP, CardId(2)), Some(Health::Ill));
    prober.watch(ms(2), SHOP, CardId(2), at(3), &http()).unwrap();
    assert_eq!(prober.health(SHOP, CardId(2)), Some(Health::Unknown));
    assert_eq!(drain(&mut prober), ["3 connect 10.1.1.3:8000"]);
}

#[test]
fn what_no_request_can_have_is_refused() {
    let http = |host, path| Ask::http(host, path, 200..=299);
    for path in ["", "health", "/a b", "/a\r\nX: y", "/\u{e9}"] {
        assert_eq!(http("a.example", path), Err(BadRequest::Path), "{path:?}");
    }
    for host in ["", "a b", "a\r\nX: y", "a/b"] {
        assert_eq!(http(host, "/"), Err(BadRequest::Host), "{host:?}");
    }
    http("a.example:8080", "/x?y=z").unwrap();
}

#[test]
fn jitter_spreads_and_a_seed_repeats_it() {
    let run = |seed| {
        let check = Arc::new(Check { jitter: 50, ..Check::default() });
        let mut prober = Prober::new(Limits::default(), seed);
        for card in 1..=50 {
            prober.watch(Duration::ZERO, SHOP, CardId(card), at(card), &check).unwrap();
        }
        drain(&mut prober);
        let mut due = BTreeSet::new();
        for id in 1..=50 {
            prober.handle(Duration::ZERO, Input::Failed(ProbeId(id))).unwrap();
        }
        drain(&mut prober);
        while let Some(at) = prober.deadline().filter(|at| *at <= ms(2000)) {
            due.insert(at);
            prober.handle(at, Input::Tick).unwrap();
            drain(&mut prober);
        }
        due
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let due = run(1);
    assert!(due.len() >= 45 && *due.first().unwrap() >= ms(1000), "{due:?}");
}

#[test]
fn probes_and_requests_judge_a_card_together() {
    let policy = Policy { eject_after: 2, eject_percent: 100, ..Policy::default() };
    let mut pool = Pool::new(Balance::RoundRobin).with_policy(policy);
    (1..=2).for_each(|card| pool.add(CardId(card), at(card)));
    let mut pools = Pools::new();
    pools.insert(SHOP, pool);
    let mut prober = watching(2, &http());
    drain(&mut prober);
    for id in [1, 2] {
        prober.handle(ms(0), Input::Data { id: ProbeId(id), bytes: b"HTTP/1.1 200 " }).unwrap();
    }
    drain(&mut prober);
    // Requests fail: the pool takes the card out, and the prober is told to look.
    let pool = pools.pool_mut(SHOP).unwrap();
    for _ in 0..2 {
        pool.finish(ms(600), 0, CardId(1), Outcome::Failed);
        prober.suspect(ms(600), SHOP, CardId(1)).unwrap();
    }
    assert!(pool.members()[0].is_ejected(ms(600)));
    let mut now = ms(600);
    assert_eq!(drain(&mut prober), ["3 connect 10.1.1.1:8000"], "a quarter of the interval had passed");
    prober.handle(now, Input::Failed(ProbeId(3))).unwrap();
    drain(&mut prober);
    for _ in 0..3 {
        probe(&mut prober, &mut now, None);
    }
    // Whatever the ejection's time, an ill card stays out until probes say that it is well.
    let long = now + Duration::from_secs(3600);
    pools.set_health(SHOP, CardId(1), prober.health(SHOP, CardId(1)).unwrap());
    assert_eq!(prober.health(SHOP, CardId(1)), Some(Health::Ill));
    let pool = pools.pool_mut(SHOP).unwrap();
    (0..4).for_each(|_| assert_eq!(pool.pick(long, &PickKey::default()).unwrap().card, CardId(2)));
    pool.set_health(CardId(1), Health::Well);
    assert_eq!(pool.pick(long, &PickKey::default()).unwrap().card, CardId(1));
}

#[derive(Clone, Debug)]
enum Step {
    Watch(u32, u8),
    Forget(u32),
    Suspect(u32),
    Connected(u64),
    Failed(u64),
    Data(u64, Vec<u8>),
    Wait(u16),
    Sleep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u32..6, 0u8..3).prop_map(|(card, at)| Step::Watch(card, at)),
        (0u32..6).prop_map(Step::Forget),
        (0u32..6).prop_map(Step::Suspect),
        (0u64..40).prop_map(Step::Connected),
        (0u64..40).prop_map(Step::Failed),
        (0u64..40, prop::sample::select(vec!["HTTP/1.1 200 ", "HTTP/1.1 5", "00 ", "x"]))
            .prop_map(|(id, bytes)| Step::Data(id, bytes.into())),
        (0u16..3000).prop_map(Step::Wait),
        Just(Step::Sleep),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The laws of every engine, and: each connection is closed exactly once, probes that run are bounded, and the
    /// events told add up to the health that is known.
    #[test]
    fn laws(steps in steps()) {
        let limits = Limits { running: 3, watched: 5 };
        let mut prober = Prober::new(limits, 9);
        let mut twin = prober.clone();
        let mut now = Duration::ZERO;
        let mut open = BTreeSet::new();
        let checks = [http(), Arc::new(Check::default()), Arc::new(Check {
            every: Duration::ZERO, timeout: Duration::ZERO, rise: 0, fall: 0, jitter: 255, ..Check::default()
        })];
        for step in steps {
            match step {
                Step::Wait(span) => now += ms(span.into()),
                Step::Sleep => now = now.max(prober.deadline().unwrap_or(now)),
                _ => {}
            }
            let mut results = vec![];
            for prober in [&mut prober, &mut twin] {
                let before = prober.clone();
                let result = match &step {
                    Step::Watch(card, n) => {
                        prober.watch(now, SHOP, CardId(*card), at(u32::from(*n)), &checks[usize::from(*n)])
                    }
                    Step::Forget(card) => prober.forget(now, SHOP, CardId(*card)),
                    Step::Suspect(card) => prober.suspect(now, SHOP, CardId(*card)),
                    Step::Connected(id) => prober.handle(now, Input::Connected(ProbeId(*id))),
                    Step::Failed(id) => prober.handle(now, Input::Failed(ProbeId(*id))),
                    Step::Data(id, bytes) => prober.handle(now, Input::Data { id: ProbeId(*id), bytes }),
                    Step::Wait(_) | Step::Sleep => prober.handle(now, Input::Tick),
                };
                if result.is_err() {
                    // Law 7, but for the time.
                    prop_assert_eq!(prober.clone(), before);
                }
                results.push(result);
            }
            prop_assert_eq!(results[0], results[1]);
            loop {
                let due = prober.deadline();
                let Some(output) = prober.poll_output() else { break };
                prop_assert_eq!(due, Some(Duration::ZERO));
                match output {
                    Output::Connect { id, .. } => prop_assert!(open.insert(id)),
                    Output::Close { id } => prop_assert!(open.remove(&id)),
                    Output::Send { id, .. } => prop_assert!(open.contains(&id)),
                    Output::Event(_) => {}
                }
            }
            while twin.poll_output().is_some() {}
            prop_assert!(open.len() <= 3);
            if matches!(step, Step::Sleep) {
                prop_assert!(prober.deadline().is_none_or(|due| due > now), "a busy loop");
            }
        }
        prop_assert_eq!(prober.stats(), twin.stats());
    }
}
