//! The middle agent: rules, buckets, windows, and that everything is counted exactly once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::{net::IpAddr, time::Duration};

use proptest::prelude::*;
use snmp_mib::mibs::cabinet::{Card, CardState, CardStateChange};
use snmp_mib::middle::{Action, Config, Dropped, Input, Is, Key, Limits, Middle, Output, Rule, When};
use snmp_mib::notify::{Sender, Target, Trap, send};
use snmp_mib::wire::{Message, OidBuf, Value};

const SECOND: Duration = Duration::from_secs(1);

fn oid(text: &str) -> OidBuf {
    text.parse().unwrap()
}

fn card(slot: u8) -> IpAddr {
    [10, 1, 2, slot].into()
}

/// The notification of a card's change, as it comes from the wire.
fn change(slot: u32, state: CardState) -> Vec<u8> {
    let targets = vec![Target::v2c("192.0.2.1:162".parse().unwrap(), "public")];
    let mut sender = Sender::new(Duration::ZERO, send::Config { targets, ..send::Config::default() }, 1);
    sender.notify(Duration::ZERO, &CardStateChange { card: Card::new(2, slot, state) });
    let Some(send::Output::Send { data, .. }) = sender.poll_output() else { panic!("a trap") };
    data.to_vec()
}

const STATE: &str = "1.3.6.1.4.1.32473.1.2.1.1.3";

fn failed() -> Rule {
    Rule::new("failed", When::Trap(oid("1.3.6.1.4.1.32473.1.0.1")))
        .where_object(oid(STATE), Is::OneOf(vec![5]))
        .keyed([Key::Source, Key::Object(oid(STATE))])
        .for_window(10 * SECOND)
        .doing(Action::Do(1))
        .escalating(2, Action::Do(2))
}

fn tell(middle: &mut Middle, at: Duration, from: IpAddr, state: CardState) -> Result<(), Dropped> {
    let bytes = change(1, state);
    let trap = Trap::read(&Message::parse(&bytes).unwrap()).unwrap();
    middle.handle(at, Input::Trap { from, trap: &trap })
}

fn drain(middle: &mut Middle) -> Vec<Output> {
    std::iter::from_fn(|| middle.poll_output()).collect()
}

fn actions(outputs: &[Output]) -> Vec<Action> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Act { action, .. } => Some(*action),
            Output::Summary { .. } => None,
        })
        .collect()
}

#[test]
fn the_first_is_acted_upon_the_same_is_summed_up_and_what_goes_on_escalates() {
    let mut middle = Middle::new(Config { rules: vec![failed()], ..Config::default() });
    assert_eq!(tell(&mut middle, SECOND, card(1), CardState::Failed), Ok(()));
    assert_eq!(tell(&mut middle, SECOND, card(1), CardState::Running), Err(Dropped::Unmatched));
    assert_eq!(tell(&mut middle, SECOND, card(2), CardState::Failed), Ok(()));
    assert_eq!(actions(&drain(&mut middle)), [Action::Do(1), Action::Do(1)]);
    for second in 2..40 {
        assert_eq!(tell(&mut middle, second * SECOND, card(1), CardState::Failed), Err(Dropped::Suppressed));
    }
    let outputs = drain(&mut middle);
    let suppressed: Vec<u64> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Summary { suppressed, from, .. } if *from == card(1) => Some(*suppressed),
            _ => None,
        })
        .collect();
    // 2 to 10, 11 to 20, 21 to 30: card 2 was quiet and needs no summary.
    assert_eq!(suppressed, [9, 10, 10]);
    assert_eq!(actions(&outputs), [Action::Do(2)]);
    // Once it is quiet for a window it is forgotten, and the next one is acted upon again.
    middle.handle(100 * SECOND, Input::Tick).unwrap();
    drain(&mut middle);
    assert_eq!(middle.deadline(), None);
    assert_eq!(tell(&mut middle, 101 * SECOND, card(1), CardState::Failed), Ok(()));
}

#[test]
fn a_rate_must_be_reached_within_its_span() {
    let rule = failed().at_rate(3, 5 * SECOND);
    let mut middle = Middle::new(Config { rules: vec![rule], ..Config::default() });
    let mut at = |seconds| tell(&mut middle, seconds * SECOND, card(1), CardState::Failed);
    assert_eq!((at(1), at(3)), (Err(Dropped::BelowRate), Err(Dropped::BelowRate)));
    // The span that began at 1 has ended.
    assert_eq!((at(7), at(8), at(9)), (Err(Dropped::BelowRate), Err(Dropped::BelowRate), Ok(())));
    assert_eq!(at(10), Err(Dropped::Suppressed));
    assert!(matches!(middle.poll_output(), Some(Output::Act { count: 3, .. })));
}

#[test]
fn a_storm_of_one_source_does_not_touch_another() {
    let limits = Limits { interval: SECOND, burst: 5, ..Limits::default() };
    let every = Rule::new("every", When::Trap(oid("1.3")));
    let mut middle = Middle::new(Config { rules: vec![every], limits, ..Config::default() });
    let storm = (0..1_000).filter(|_| tell(&mut middle, SECOND, card(1), CardState::Failed).is_ok()).count();
    assert_eq!((storm, tell(&mut middle, SECOND, card(2), CardState::Failed)), (5, Ok(())));
    assert_eq!(middle.stats().limited, 995);
    // A place is free again after a second.
    assert_eq!(tell(&mut middle, 2 * SECOND, card(1), CardState::Failed), Ok(()));
    assert_eq!(tell(&mut middle, 2 * SECOND, card(1), CardState::Failed), Err(Dropped::Limited));
}

#[test]
fn too_many_sources_share_a_bucket_and_too_many_things_are_dropped() {
    let limits = Limits { interval: SECOND, burst: 1, sources: 2, keys: 2, outputs: 1 };
    let mut middle = Middle::new(Config { rules: vec![failed()], limits, ..Config::default() });
    let mut from = |slot| tell(&mut middle, SECOND, card(slot), CardState::Failed);
    assert_eq!((from(1), from(2)), (Ok(()), Ok(())));
    assert_eq!((from(3), from(4)), (Err(Dropped::Crowded), Err(Dropped::Limited)));
    assert_eq!((middle.stats().outputs_dropped, drain(&mut middle).len()), (1, 1));
}

#[test]
fn a_polled_value_is_judged_as_a_trap_is() {
    let hot =
        Rule::new("hot", When::Value(oid("1.3.6.1.4.1.32473.1.2.1.1.6"))).above(700).doing(Action::Forward);
    let known = Rule::new("known", When::Value(oid("1.3.6.1.4"))).doing(Action::Ignore);
    let mut middle = Middle::new(Config { rules: vec![hot, known], ..Config::default() });
    let mut value = |name: &str, value| {
        middle.handle(SECOND, Input::Value { from: card(1), name: oid(name).as_oid(), value })
    };
    value("1.3.6.1.4.1.32473.1.2.1.1.6.2.1", Value::Integer(700)).unwrap();
    value("1.3.6.1.4.1.32473.1.2.1.1.6.2.1", Value::Gauge32(701)).unwrap();
    assert_eq!(value("1.3.6.1.2.1.1.3.0", Value::TimeTicks(1)), Err(Dropped::Unmatched));
    assert_eq!(actions(&drain(&mut middle)), [Action::Forward]);
}

#[test]
fn law_3_4_it_wakes_when_a_window_ends_and_not_before() {
    let mut middle = Middle::new(Config { rules: vec![failed()], ..Config::default() });
    tell(&mut middle, SECOND, card(1), CardState::Failed).unwrap();
    let _ = tell(&mut middle, 2 * SECOND, card(1), CardState::Failed);
    assert_eq!(middle.deadline(), Some(Duration::ZERO));
    drain(&mut middle);
    let mut ticks = 0;
    while let Some(deadline) = middle.deadline() {
        let before = middle.clone();
        middle.handle(deadline - Duration::from_millis(1), Input::Tick).unwrap();
        assert_eq!(middle.poll_output(), None, "an early tick does nothing");
        drop(before);
        middle.handle(deadline, Input::Tick).unwrap();
        drain(&mut middle);
        ticks += 1;
        assert!(ticks < 5 && middle.deadline().is_none_or(|next| next > deadline));
    }
    assert_eq!(ticks, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Law 8 and exact counters: whatever comes is in one counter, each summary tells what was suppressed, and
    /// nothing grows beyond the limits.
    #[test]
    fn everything_is_counted_in_one_place(
        script in proptest::collection::vec((0..3_000_u64, 1..6_u8, 1..6_i32), 1..300),
        keys in 1..5_usize,
    ) {
        let limits = Limits { interval: Duration::from_millis(100), burst: 3, sources: 3, keys, outputs: 10_000 };
        let rules = vec![failed(), Rule::new("rate", When::Value(oid("1.3.6"))).above(3).keyed([Key::Source]).at_rate(2, SECOND)];
        let mut middle = Middle::new(Config { rules, limits, ..Config::default() });
        let (mut now, mut told, mut acted) = (Duration::ZERO, 0, 0);
        for (n, (ms, slot, value)) in script.iter().enumerate() {
            now += Duration::from_millis(*ms / 10);
            let outcome = if n % 2 == 0 {
                tell(&mut middle, now, card(*slot), if *value == 5 { CardState::Failed } else { CardState::Off })
            } else {
                let name = oid("1.3.6.1.1");
                middle.handle(now, Input::Value { from: card(*slot), name: name.as_oid(), value: Value::Integer(*value) })
            };
            acted += u64::from(outcome.is_ok());
        }
        middle.handle(now + 1_000 * SECOND, Input::Tick).unwrap();
        for output in drain(&mut middle) {
            if let Output::Summary { suppressed, .. } = output {
                told += suppressed;
            }
        }
        let stats = middle.stats();
        prop_assert_eq!(stats.received, u64::try_from(script.len()).unwrap());
        let sum = stats.limited + stats.unmatched + stats.below_rate + stats.suppressed + stats.crowded + stats.acted;
        prop_assert_eq!((sum, stats.acted, told), (stats.received, acted, stats.suppressed));
        prop_assert_eq!(middle.deadline(), None);
    }
}
