//! What is counted, and what is told of attacks.
#![allow(clippy::unwrap_used)]

mod rig;

use proptest::prelude::*;
use rig::{GET, OK, Rig, SHOP};
use sid_proxy::stats::{Counters, Limits, Reason, Sample, Signal, Stats, Watch};
use sid_proxy::{CardId, ServiceId};
use std::net::IpAddr;
use std::time::Duration;

const LOCAL: &str = "192.0.2.7";
const REMOTE: &str = "203.0.113.9";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn stats() -> Stats {
    let mut stats = Stats::new(vec![(address("192.0.2.0"), 24)]);
    stats.add_service(SHOP);
    stats.add_card(CardId(1));
    stats.add_card(CardId(2));
    stats
}

#[test]
fn a_service_and_a_card_take_96_bytes_at_most() {
    assert!(size_of::<Counters>() <= 96, "{}", size_of::<Counters>());
}

#[test]
fn nothing_is_kept_for_a_name_that_is_not_configured() {
    let mut stats = stats();
    for n in 0..10_000 {
        let sample =
            Sample { service: Some(ServiceId(n + 100)), card: Some(CardId(n + 100)), ..Sample::default() };
        stats.record(Duration::ZERO, address(REMOTE), &sample);
    }
    assert_eq!((stats.services().count(), stats.cards().count()), (1, 2));
    assert_eq!(stats.nowhere().remote, 10_000);
}

/// Conversations, and for each what the driver moved to the card and to the customer of bodies.
#[test]
fn bytes_are_those_that_the_driver_moved() {
    let mut stats = stats();
    let mut moved = (0u64, 0u64);
    let post =
        "POST /a HTTP/1.1\r\nHost: www.sell.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi";
    for (request, answer, up, down, cut_off) in
        [(GET, OK, 0, 2, false), (post, OK, 5, 2, false), (post, cut, 5, 2, true)]
    {
        let mut rig = Rig::new();
        rig.client_sends(request).card_sends(answer);
        if cut_off {
            rig.card_ends();
        }
        let usage = rig.done[0];
        stats.record(Duration::from_secs(1), address(LOCAL), &Sample::from(&usage));
        moved = (moved.0 + up, moved.1 + down);
    }
    let shop = stats.service(SHOP).unwrap();
    assert_eq!((shop.up, shop.down), moved);
    assert_eq!((shop.local, shop.remote, shop.total()), (3, 0, 3));
    assert_eq!(shop.statuses, [3, 0, 0, 0]);
    assert_eq!(shop.refused(Reason::CardFailed), 1);
    assert_eq!(stats.card(CardId(1)).unwrap().total() + stats.card(CardId(2)).unwrap().total(), 2);
}

#[test]
fn refusals_are_counted_by_reason() {
    let mut stats = stats();
    for (request, reason) in [
        ("GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n", Reason::NoRoute),
        ("GET / HTTP/1.1\r\nHost: closed.example\r\n\r\n", Reason::NoCard),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Reason::Ambiguous),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Reason::Ambiguous,
        ),
        ("GET /sell%2Fx HTTP/1.1\r\nHost: strip.example\r\n\r\n", Reason::Ambiguous),
        ("GET / HTTP/1.1\r\n\r\n", Reason::Malformed),
    ] {
        let mut rig = Rig::new();
        rig.client_sends(request);
        let sample = Sample::from(&rig.done[0]);
        assert_eq!(sample.refused, Some(reason), "{request}");
        stats.record(Duration::ZERO, address(REMOTE), &sample);
    }
    assert_eq!(stats.nowhere().refused(Reason::Ambiguous), 3);
    assert_eq!(stats.nowhere().refused(Reason::NoRoute), 1);
    assert_eq!(stats.nowhere().statuses, [0, 0, 5, 1]);
}

#[test]
fn counters_go_on_where_a_configuration_changes() {
    let mut stats = stats();
    let sample = Sample { service: Some(SHOP), card: Some(CardId(1)), up: 7, ..Sample::default() };
    stats.record(Duration::ZERO, address(LOCAL), &sample);
    stats.add_service(SHOP);
    stats.add_service(ServiceId(9));
    stats.retain(|service| service == SHOP, |card| card == CardId(1));
    assert_eq!(stats.service(SHOP).unwrap().up, 7);
    assert_eq!((stats.services().count(), stats.cards().count()), (1, 1));
}

#[test]
fn a_rate_is_of_the_last_minute() {
    let mut stats = stats();
    let sample = Sample { service: Some(SHOP), latency: Some(Duration::from_millis(8)), ..Sample::default() };
    for second in 0..60 {
        stats.record(Duration::from_secs(second), address(LOCAL), &sample);
    }
    let shop = stats.service(SHOP).unwrap();
    assert_eq!(shop.rate(Duration::from_secs(59)), 60);
    assert_eq!(shop.rate(Duration::from_secs(90)), 30);
    assert_eq!(shop.rate(Duration::from_secs(120)), 0);
    assert_eq!(shop.rate(Duration::from_secs(100_000)), 0);
    assert_eq!(shop.latency(), Duration::from_millis(8));
}

#[test]
fn each_sign_of_an_attack_is_told_once_a_window() {
    let limits = Limits { scan: 3, noise: 2, flood: 8, ..Limits::default() };
    let mut watch = Watch::new(limits, 7);
    let (one, two) = (address(REMOTE), address("::ffff:198.51.100.1"));
    let two_plain = address("198.51.100.1");
    let mut heard = |at: u64, client, reason| watch.hear(Duration::from_secs(at), client, reason);
    assert_eq!(heard(0, one, Reason::Ambiguous), Some(Signal::Ambiguity { client: one }));
    assert_eq!(heard(0, one, Reason::Ambiguous), None);
    assert_eq!(heard(1, two, Reason::NoRoute), None);
    assert_eq!(heard(1, two, Reason::Denied), None);
    assert_eq!(heard(1, two, Reason::NoRoute), Some(Signal::Scan { client: two_plain, misses: 3 }));
    assert_eq!(heard(1, two, Reason::NoRoute), None);
    assert_eq!(heard(2, one, Reason::Malformed), None);
    assert_eq!(heard(2, one, Reason::Malformed), Some(Signal::Noise { client: one, faults: 2 }));
    for n in 5..8 {
        assert_eq!(heard(3, address(&format!("10.0.0.{n}")), Reason::NoRoute), None);
    }
    assert_eq!(heard(3, address("10.0.0.8"), Reason::NoRoute), Some(Signal::Flood { misses: 8 }));
    assert_eq!(heard(3, one, Reason::CardFailed), None, "that is no customer's doing");
    assert_eq!(heard(61, one, Reason::Ambiguous), Some(Signal::Ambiguity { client: one }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, from however many addresses: no more signals than allowed, no more memory than at the beginning.
    #[test]
    fn signals_are_bounded(
        heard in prop::collection::vec((0u64..200, any::<u32>(), 0usize..6), 0..400),
        signals in 0u32..5,
    ) {
        let limits = Limits { scan: 1, noise: 1, flood: 2, signals, clients: 4, ..Limits::default() };
        let mut watch = Watch::new(limits, 1);
        let reasons = [
            Reason::Malformed, Reason::Ambiguous, Reason::NoRoute, Reason::Denied, Reason::NoCard, Reason::CardFailed,
        ];
        let mut heard = heard;
        heard.sort_unstable();
        let mut told: Vec<(u64, Signal)> = Vec::new();
        for (at, client, reason) in heard {
            let client = IpAddr::from(client.to_be_bytes());
            told.extend(watch.hear(Duration::from_secs(at), client, reasons[reason]).map(|signal| (at, signal)));
        }
        for (at, _) in &told {
            let within = told.iter().filter(|(other, _)| (*at..*at + 30).contains(other)).count();
            prop_assert!(within <= 2 * signals as usize);
        }
    }
}
