//! Campaigns: scopes, versions, windows, waves, and what a whole cabinet does until it is done.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use proptest::prelude::*;
use update_pack::campaign::{
    Card, Daily, Fault, Hold, Moment, Notice, Position, Progress, Reason, Rule, Scope, Situation, Stopped,
    UnixTime, Verdict, Void, Waves, Window, compare, decide, wave,
};
use update_pack::trust::{SigningKey, Trust};
use update_pack::wire::{Digest, Severity};
use update_pack::{Error, Part, Problem, Untrusted};

const START: UnixTime = UnixTime(1_795_400_000);
const HOUR: Duration = Duration::from_secs(3600);

fn notice() -> Notice {
    Notice {
        sequence: 8,
        expires_at: START.after(100 * HOUR),
        package: Digest([7; 32]),
        size: 50_000_000,
        software: "nginx".into(),
        version: "1.24.1".into(),
        scope: Scope::All,
        severity: Severity::NORMAL,
        window: Window {
            not_before: START,
            not_after: START.after(50 * HOUR),
            daily: None,
            moment: Moment::Forced,
        },
        waves: Waves { tolerated: 10, ..Waves::AT_ONCE },
    }
}

const OLD: &[(&str, &str)] = &[("nginx", "1.22.1"), ("linux", "6.1.176")];
const NEW: &[(&str, &str)] = &[("nginx", "1.24.1"), ("linux", "6.1.176")];

fn card(chassis: u8, slot: u8) -> Card<'static> {
    Card {
        position: Position { chassis, slot },
        profile: Some("web"),
        hardware: Some("card-3 rev B"),
        software: OLD,
        powering_up: false,
        service: None,
        serving: true,
        progress: Progress::Untouched,
    }
}

fn situation<'a>(now: UnixTime, services: &'a [Rule]) -> Situation<'a> {
    Situation { now, minute: 180, module: "pop-antwerp-1", in_flight: 1000, services }
}

fn verdict<'n>(notice: &'n Notice, now: UnixTime, card: Card<'_>) -> Verdict<'n> {
    decide(notice, &situation(now, &[]), &[card]).unwrap()[0].verdict
}

#[test]
fn versions_compare_as_people_mean_them() {
    let ascending = [
        "",
        "0",
        "1.0~rc1",
        "1.0",
        "1.0a",
        "1.0-1",
        "1.9",
        "1.10",
        "1.10.1",
        "2",
        "10",
        "99999999999999999999998",
        "99999999999999999999999",
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(compare(a, b), i.cmp(&j), "{a:?} {b:?}");
        }
    }
    assert_eq!(compare("1.007", "1.7"), Ordering::Equal);
}

#[test]
fn scopes_cover_what_they_say() {
    for (text, covered) in [
        ("*", true),
        ("profile = web", true),
        ("profile != web", false),
        ("profile = w*b", true),
        ("hardware = \"card-3 rev *\"", true),
        ("chassis = 2 and slot <= 7", true),
        ("chassis > 2 or slot = 7", true),
        ("not (chassis > 2 or slot = 7)", false),
        ("card = 2.7", true),
        ("card = 2.*", true),
        ("card = 3.*", false),
        ("software.nginx < 1.24", true),
        ("software.nginx >= 1.22.1", true),
        // What is not known of a card never brings it an update, but it is not equal to anything either.
        ("software.apache < 9", false),
        ("software.apache != 9", true),
    ] {
        assert_eq!(Scope::parse(text).unwrap().covers(&card(2, 7)), covered, "{text}");
    }
    let unknown = Card { profile: None, ..card(2, 7) };
    assert!(!Scope::parse("profile = *").unwrap().covers(&unknown));
    assert!(Scope::parse("profile != db").unwrap().covers(&unknown));
}

#[test]
fn and_binds_closer_than_or() {
    let scope = Scope::parse("card = 9.9 and profile = db or card = 2.7").unwrap();
    assert!(scope.covers(&card(2, 7)));
    assert_eq!(scope.to_string(), "(card = 9.9 and profile = db) or card = 2.7");
}

#[test]
fn a_scope_error_says_where_and_why() {
    for (text, at, fault) in [
        ("", 0, Fault::Test),
        ("profile = web and", 17, Fault::Test),
        ("colour = red", 0, Fault::Key),
        ("software. = 1", 0, Fault::Key),
        ("profile web", 8, Fault::Operator),
        ("profile < web", 8, Fault::Unordered),
        ("chassis = ", 10, Fault::Value),
        ("chassis = two", 10, Fault::Number),
        ("slot = 0", 7, Fault::Number),
        ("hardware = \"card", 11, Fault::Quote),
        ("(chassis = 1", 12, Fault::Parenthesis),
        ("chassis = 1 slot = 2", 12, Fault::Trailing),
    ] {
        let error = Scope::parse(text).unwrap_err();
        assert_eq!((error.at, error.fault), (at, fault), "{text:?}");
    }
    let deep = "(".repeat(40);
    assert_eq!(Scope::parse(&deep).unwrap_err().fault, Fault::Depth);
    let deep = "not ".repeat(1000);
    assert_eq!(Scope::parse(&deep).unwrap_err().fault, Fault::Depth);
}

fn scopes() -> impl Strategy<Value = String> {
    let test = prop_oneof![
        Just("*".to_owned()),
        "(profile|hardware|card) (=|!=) [a-z0-9.*]{1,6}",
        "(chassis|slot) (=|!=|<|<=|>|>=) [1-9][0-9]?",
        "software[.][a-z]{1,4} (=|!=|<|<=|>|>=) [0-9]{1,2}([.][0-9]{1,2}){0,2}",
        "hardware = \"[a-z (]{0,6}\"",
    ];
    test.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn a_written_scope_reads_as_the_same(text in scopes()) {
        let scope = Scope::parse(&text).unwrap();
        prop_assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[ a-z=<>!()\"*.0-9é]{0,60}") {
        let _ = Scope::parse(&text);
    }

    #[test]
    fn the_obstacle_is_a_part_that_does_not_cover(text in scopes(), chassis in 1u8..9, slot in 1u8..9) {
        let (scope, card) = (Scope::parse(&text).unwrap(), card(chassis, slot));
        prop_assert_eq!(scope.obstacle(&card).is_none(), scope.covers(&card));
        prop_assert!(scope.obstacle(&card).is_none_or(|part| !part.covers(&card)));
    }
}

#[test]
fn a_notice_played_again_or_out_of_date_is_void() {
    let notice = notice();
    assert_eq!(notice.admit(START, 7), Ok(()));
    assert_eq!(notice.admit(START, 8), Err(Void::Replayed { sequence: 8, seen: 8 }));
    assert_eq!(notice.admit(START, u64::MAX), Err(Void::Replayed { sequence: 8, seen: u64::MAX }));
    let late = notice.expires_at.after(Duration::from_secs(1));
    assert_eq!(notice.admit(late, 7), Err(Void::Expired { at: notice.expires_at }));
    let stopped = decide(&notice, &situation(late, &[]), &[card(1, 1)]);
    assert_eq!(stopped, Err(Stopped::Void(Void::Expired { at: notice.expires_at })));
}

#[test]
fn the_window_is_kept() {
    let mut notice = notice();
    let early = UnixTime(START.0 - 1);
    assert_eq!(verdict(&notice, early, card(1, 1)), Verdict::Wait(Hold::NotBefore(START)));
    assert_eq!(verdict(&notice, START, card(1, 1)), Verdict::Stage);
    let late = notice.window.not_after.after(Duration::from_secs(1));
    let too_late = Verdict::Leave(Reason::TooLate(notice.window.not_after));
    assert_eq!(verdict(&notice, late, card(1, 1)), too_late);

    notice.window.daily = Daily::new(23 * 60, 60);
    assert_eq!(verdict(&notice, START, card(1, 1)), Verdict::Wait(Hold::Hours(20 * 60)));
    notice.severity = Severity::CRITICAL;
    assert_eq!(verdict(&notice, START, card(1, 1)), Verdict::Stage, "critical updates do not wait for hours");

    notice.window.moment = Moment::PowerUp;
    assert_eq!(verdict(&notice, START, card(1, 1)), Verdict::Wait(Hold::PowerUp));
    let fresh = Card { powering_up: true, serving: false, ..card(1, 1) };
    assert_eq!(verdict(&notice, START, fresh), Verdict::Stage);
}

#[test]
fn hours_may_go_past_midnight() {
    let night = Daily::new(23 * 60, 5 * 60).unwrap();
    for (minute, wait) in [(23 * 60, 0), (0, 0), (5 * 60 - 1, 0), (5 * 60, 18 * 60), (22 * 60 + 59, 1)] {
        assert_eq!(night.wait(minute), wait, "minute {minute}");
    }
    let noon = Daily::new(12 * 60, 13 * 60).unwrap();
    assert_eq!((noon.wait(12 * 60), noon.wait(13 * 60), noon.wait(0)), (0, 23 * 60, 12 * 60));
    assert_eq!(Daily::new(60, 60), None);
    assert_eq!(Daily::new(0, 1440), None);
    assert_eq!(night.to_string(), "23:00-05:00");
}

#[test]
fn calendar_time_is_shown_as_rfc_3339_has_it() {
    for (seconds, shown) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_000_000_000, "2001-09-09T01:46:40Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ] {
        assert_eq!(UnixTime(seconds).to_string(), shown);
    }
}

#[test]
fn waves_share_the_cards_and_open_in_turn() {
    let mut notice = notice();
    notice.waves = Waves { count: NonZeroU8::new(4).unwrap(), interval: HOUR, ..notice.waves };
    let cards: Vec<Card<'_>> = (1..=20).flat_map(|c| (1..=14).map(move |s| card(c, s))).collect();
    let mut shares = [0; 4];
    for card in &cards {
        let number = wave(&notice, "pop-antwerp-1", card.position);
        shares[usize::from(number)] += 1;
        let opens_at = START.after(HOUR * u32::from(number));
        let before = UnixTime(opens_at.0 - 1);
        if number > 0 {
            assert_eq!(verdict(&notice, before, *card), Verdict::Wait(Hold::Wave { number, opens_at }));
        }
        assert_eq!(verdict(&notice, opens_at, *card), Verdict::Stage);
    }
    assert!(shares.iter().all(|share| (40..100).contains(share)), "{shares:?}");
    let other = Notice { package: Digest([8; 32]), ..notice.clone() };
    let differ = |card: &&Card<'_>| wave(&notice, "a", card.position) != wave(&other, "a", card.position);
    assert!(cards.iter().filter(differ).count() > 100, "every campaign has other first cards");
}

#[test]
fn a_card_that_has_the_version_or_gave_up_is_left_alone() {
    let notice = Notice { waves: Waves { tolerated: 100, ..Waves::AT_ONCE }, ..notice() };
    let current = Card { software: NEW, ..card(1, 1) };
    assert_eq!(verdict(&notice, START, current), Verdict::Leave(Reason::Current));
    let failed = Card { progress: Progress::Failed { attempts: 1 }, ..card(1, 1) };
    assert_eq!(verdict(&notice, START, failed), Verdict::Leave(Reason::GaveUp { attempts: 1 }));
    let patient = Notice { waves: Waves { attempts: NonZeroU8::new(3).unwrap(), ..notice.waves }, ..notice };
    assert_eq!(verdict(&patient, START, failed), Verdict::Stage);
}

#[test]
fn too_many_failures_stop_everything() {
    let notice = notice();
    let mut cards: Vec<Card<'_>> = (1..=20).map(|slot| card(1, slot)).collect();
    for card in &mut cards[..10] {
        card.progress = Progress::Done;
    }
    cards[10].progress = Progress::Failed { attempts: 1 };
    assert!(decide(&notice, &situation(START, &[]), &cards).is_ok(), "1 of 11 is within 10 %");
    cards[11].progress = Progress::Failed { attempts: 1 };
    let stopped = decide(&notice, &situation(START, &[]), &cards).unwrap_err();
    assert_eq!(stopped, Stopped::Failures { failed: 2, tried: 12, tolerated: 10 });
}

#[test]
fn every_verdict_says_why() {
    let notice = Notice { scope: Scope::parse("profile = db and chassis = 1").unwrap(), ..notice() };
    assert_eq!(verdict(&notice, START, card(1, 1)).to_string(), "left alone: not covered by `profile = db`");
}

/// Carries the decisions out, round after round, until nothing moves, and holds every round against the law.
fn run(
    notice: &Notice,
    rules: &[Rule],
    in_flight: usize,
    mut cards: Vec<Card<'static>>,
) -> Vec<Card<'static>> {
    let least = |service: u32, members: usize| {
        let asked = rules.iter().find(|rule| rule.service == service).map_or(1, |rule| rule.serving);
        let asked = if notice.severity >= Severity::CRITICAL { 1 } else { asked };
        asked.min(members - 1)
    };
    for _ in 0..1000 {
        let situation = Situation { in_flight, ..situation(START, rules) };
        let decisions = decide(notice, &situation, &cards).unwrap();
        let busy = decisions.iter().filter(|d| matches!(d.verdict, Verdict::Stage | Verdict::Commit)).count();
        assert!(busy <= in_flight, "{busy} cards at it");
        if busy == 0 {
            return cards;
        }
        let mut down: BTreeMap<u32, usize> = BTreeMap::new();
        for (card, decision) in cards.iter_mut().zip(&decisions) {
            match decision.verdict {
                Verdict::Stage => card.progress = Progress::Staged,
                Verdict::Commit => {
                    card.progress = Progress::Done;
                    card.software = NEW;
                    if let Some(service) = card.service.filter(|_| card.serving) {
                        *down.entry(service).or_default() += 1;
                    }
                }
                Verdict::Wait(_) | Verdict::Leave(_) => {}
            }
        }
        for (service, down) in down {
            let members = || cards.iter().filter(|card| card.service == Some(service));
            let up = members().filter(|card| card.serving).count() - down;
            assert!(up >= least(service, members().count()), "service {service} has {up} cards left");
            if rules.iter().any(|rule| rule.service == service && rule.together) {
                let ready = |card: &Card<'_>| matches!(card.progress, Progress::Staged | Progress::Done);
                assert!(members().all(ready), "service {service} mixes versions too early");
            }
        }
    }
    panic!("the campaign does not end");
}

proptest! {
    #[test]
    fn a_campaign_ends_with_every_card_done_and_no_service_too_small(
        sizes in prop::collection::vec((1usize..6, 0usize..6, any::<bool>()), 1..8),
        in_flight in 1usize..5,
        critical in any::<bool>(),
    ) {
        let severity = if critical { Severity::CRITICAL } else { Severity::NORMAL };
        let notice = Notice { severity, ..notice() };
        let mut cards = Vec::new();
        let mut rules = Vec::new();
        for (service, (members, serving, together)) in (0u32..).zip(&sizes) {
            rules.push(Rule { service, serving: *serving, together: *together });
            for slot in 0..*members {
                cards.push(Card { service: Some(service), ..card(service as u8 + 1, slot as u8 + 1) });
            }
        }
        let cards = run(&notice, &rules, in_flight, cards);
        prop_assert!(cards.iter().all(|card| card.progress == Progress::Done));
    }
}

fn signed() -> (Vec<u8>, Trust) {
    let key = SigningKey::new(&[3; 32]);
    let notice = Notice {
        scope: Scope::parse("profile = web and software.nginx < 1.24.1").unwrap(),
        window: Window { daily: Daily::new(60, 300), ..notice().window },
        ..notice()
    };
    let bytes = notice.seal(std::slice::from_ref(&key)).unwrap();
    let trust = Trust::one(key.public());
    assert_eq!(Notice::open(&bytes, &trust), Ok(notice));
    (bytes, trust)
}

#[test]
fn every_flipped_bit_of_a_notice_is_refused() {
    let (bytes, trust) = signed();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(Notice::open(&bad, &trust).is_err(), "bit {bit}");
    }
    for len in 0..bytes.len() {
        assert!(Notice::open(&bytes[..len], &trust).is_err(), "cut at {len}");
    }
    assert!(Notice::open(&[&bytes[..], &[0]].concat(), &trust).is_err(), "a byte behind the end");
}

#[test]
fn a_notice_of_a_stranger_is_not_read() {
    let (bytes, _) = signed();
    let stranger = Trust::one(SigningKey::new(&[4; 32]).public());
    let refused = Notice::open(&bytes, &stranger).unwrap_err();
    assert_eq!(refused, Error::Untrusted(Untrusted::Threshold { found: 0, needed: 1 }));
}

#[test]
fn the_signature_of_a_root_is_none_of_a_notice() {
    // The same key over the same bytes in the other domain (cross-protocol reuse).
    let (mut bytes, trust) = signed();
    let key = SigningKey::new(&[3; 32]);
    let at = bytes.len() - 64;
    let body = bytes.len() - 64 - 32 - 1;
    let signature = key.sign(&bytes[..14], &bytes[14..body]).signature;
    bytes[at..].copy_from_slice(&signature);
    assert_eq!(Notice::open(&bytes, &trust), Err(Error::Untrusted(Untrusted::Forged { index: 0 })));
}

#[test]
fn what_no_cabinet_would_read_is_not_signed() {
    let key = [SigningKey::new(&[3; 32])];
    let nameless = Notice { software: String::new(), ..notice() };
    let excessive = Notice { waves: Waves { tolerated: 101, ..Waves::AT_ONCE }, ..notice() };
    let odd = Notice { version: "1\n2".into(), ..notice() };
    for bad in [nameless, excessive, odd] {
        assert_eq!(bad.seal(&key), None);
    }
    assert_eq!(notice().seal(&[]), None, "without a key");
}

#[test]
fn the_errors_of_a_notice_say_where() {
    let (bytes, trust) = signed();
    let mut other = bytes.clone();
    other[0] = b'X';
    let Err(Error::Malformed(malformed)) = Notice::open(&other, &trust) else {
        panic!("no magic is malformed")
    };
    assert_eq!((malformed.part, malformed.offset, malformed.problem), (Part::Notice, 0, Problem::Magic));
}
