//! The ten laws, for the cabinet core.
#![allow(clippy::unwrap_used, missing_docs)]

mod bench;

use bench::{card, definition, operator};
use proptest::prelude::*;
use server_module::cabinet::*;
use std::time::Duration;

/// One step of a script.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Back(u64),
    Drain,
    Lease(Position),
    Report(Position),
    Silent(Position),
    Probed(u64, bool),
    Suspect(Position),
    Drained(Position),
    Alarm(u8),
    Stop(Position),
    Start(Position),
    Fail(Position),
    StopService(bool),
    StartService,
    Used(Position),
    Reload(bool),
    Describe(String),
}

fn position() -> impl Strategy<Value = Position> {
    // 4.1 is outside the cabinet.
    (1..=4_u8, 1..=3_u8).prop_map(|(chassis, slot)| Position::new(chassis, slot))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5_000_u64).prop_map(Step::Wait),
        (0..60_000_u64).prop_map(Step::Back),
        Just(Step::Drain),
        position().prop_map(Step::Lease),
        position().prop_map(Step::Report),
        position().prop_map(Step::Silent),
        (0..200_u64, any::<bool>()).prop_map(|(id, up)| Step::Probed(id, up)),
        position().prop_map(Step::Suspect),
        position().prop_map(Step::Drained),
        any::<u8>().prop_map(Step::Alarm),
        position().prop_map(Step::Stop),
        position().prop_map(Step::Start),
        position().prop_map(Step::Fail),
        any::<bool>().prop_map(Step::StopService),
        Just(Step::StartService),
        position().prop_map(Step::Used),
        any::<bool>().prop_map(Step::Reload),
        "[a-z\u{7}]{0,300}".prop_map(Step::Describe),
    ]
}

fn small() -> Definition {
    definition(3, 3, &[("a", &["1.1", "1.2", "2.1"]), ("b", &["1.1", "3.3"])])
}

fn other() -> Definition {
    definition(3, 2, &[("b", &["1.1"]), ("c", &["2.2", "1.2"])])
}

fn limits() -> Limits {
    Limits { log: 16, notices: 32, alarms: 8, ..Limits::default() }
}

fn new() -> Cabinet {
    Cabinet::new(Duration::ZERO, &small(), [], limits()).unwrap()
}

/// What the core holds, apart from the audit of refused commands.
fn essence(cabinet: &Cabinet) -> (Inventory, usize) {
    (Inventory::clone(cabinet.inventory()), cabinet.alarms().count())
}

fn play(cabinet: &mut Cabinet, now: &mut Duration, step: &Step) {
    let at = *now;
    let before = cabinet.clone();
    let input = match step.clone() {
        Step::Wait(ms) => {
            *now += Duration::from_millis(ms);
            Input::Tick
        }
        Step::Back(ms) => {
            let _ = cabinet.handle(at.saturating_sub(Duration::from_millis(ms)), Input::Tick);
            assert_eq!(cabinet.now(), before.now(), "law 6: time never runs back");
            return;
        }
        Step::Drain => {
            while cabinet.poll_output().is_some() {}
            return;
        }
        Step::Lease(card) => Input::Leased { card, mac: Mac([1; 6]) },
        Step::Report(card) => {
            Input::Reported { card, report: Report { up_time: Some(Duration::MAX), ..Report::default() } }
        }
        Step::Silent(card) => Input::Silent { card },
        Step::Probed(id, up) => Input::Probed { id: ProbeId(id), up },
        Step::Suspect(card) => Input::Suspect { card },
        Step::Drained(card) => Input::Drained { card },
        Step::Used(card) => {
            let used = Used { requests: u64::MAX, ..Used::default() };
            Input::Used(vec![Share { service: "a".parse().unwrap(), card: Some(card), used }; 2])
        }
        Step::Alarm(mac) => Input::Alarm(Alarm::UnknownMac { mac: Mac([mac; 6]) }),
        command => {
            let command = match command {
                Step::Stop(card) => Command::StopCard(card),
                Step::Start(card) => Command::StartCard(card),
                Step::Fail(card) => Command::FailCard(card),
                Step::StopService(true) => Command::StopService("b".parse().unwrap()),
                Step::StopService(false) => Command::StopService("nobody".parse().unwrap()),
                Step::StartService => Command::StartService("b".parse().unwrap()),
                Step::Reload(true) => Command::Reload(Box::new(small())),
                Step::Reload(false) => Command::Reload(Box::new(other())),
                Step::Describe(text) => Command::Describe(Label::Name, text),
                _ => unreachable!("all inputs are above"),
            };
            if cabinet.command(at, &operator(), command).is_err() {
                assert_eq!(essence(cabinet), essence(&before), "law 7: a refusal changes nothing");
            }
            return;
        }
    };
    let at = *now;
    if cabinet.handle(at, input).is_err() {
        assert_eq!(*cabinet, before, "law 7: an error leaves the state as it was");
    }
}

/// Law 8 in numbers, whatever was done and not drained.
fn assert_bounded(cabinet: &Cabinet) {
    assert!(cabinet.log().count() <= limits().log);
    assert!(cabinet.alarms().count() <= limits().alarms);
    let mut copy = cabinet.clone();
    let (mut outputs, mut notices) = (0, 0);
    while let Some(output) = copy.poll_output() {
        outputs += 1;
        notices += usize::from(matches!(output, Output::Trap(_) | Output::Event(_)));
    }
    assert!(notices <= limits().notices);
    // Besides notices: what is kept, members, actions, files and probes, at most one of each a card or member.
    assert!(outputs <= limits().notices + 100, "{outputs} outputs");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_2_6_7_8_10_any_script_is_legal_and_bounded(script in prop::collection::vec(step(), 1..200)) {
        let (mut cabinet, mut now) = (new(), Duration::ZERO);
        for step in &script {
            play(&mut cabinet, &mut now, step);
        }
        assert_bounded(&cabinet);
    }

    #[test]
    fn law_1_draining_is_pure(script in prop::collection::vec(step(), 1..80)) {
        let (mut cabinet, mut now) = (new(), Duration::ZERO);
        for step in &script {
            play(&mut cabinet, &mut now, step);
        }
        let before = (essence(&cabinet), cabinet.stats(), cabinet.now());
        while cabinet.poll_output().is_some() {}
        prop_assert_eq!((essence(&cabinet), cabinet.stats(), cabinet.now()), before);
    }

    #[test]
    fn laws_3_4_5_deadlines(script in prop::collection::vec(step(), 1..120)) {
        let (mut cabinet, mut now) = (new(), Duration::ZERO);
        for step in &script {
            play(&mut cabinet, &mut now, step);
            let pending = cabinet.clone().poll_output().is_some();
            prop_assert_eq!(cabinet.deadline() == Some(Duration::ZERO), pending, "law 3: no lost wake-up");
        }
        while cabinet.poll_output().is_some() {}
        if let Some(deadline) = cabinet.deadline() {
            if deadline > cabinet.now() {
                let early = deadline - Duration::from_nanos(1);
                let mut copy = cabinet.clone();
                copy.handle(early.max(cabinet.now()), Input::Tick).unwrap();
                prop_assert_eq!(essence(&copy), essence(&cabinet), "law 5: an early tick does nothing");
                prop_assert!(copy.poll_output().is_none());
            }
            cabinet.handle(deadline, Input::Tick).unwrap();
            while cabinet.poll_output().is_some() {}
            let next = cabinet.deadline();
            prop_assert!(next.is_none_or(|next| next > deadline.max(cabinet.now())), "law 4: no busy loop");
        }
    }

    #[test]
    fn law_9_same_inputs_give_the_same(script in prop::collection::vec(step(), 1..120)) {
        let run = || {
            let (mut cabinet, mut now, mut outputs) = (new(), Duration::ZERO, Vec::new());
            for step in &script {
                play(&mut cabinet, &mut now, step);
                outputs.extend(std::iter::from_fn(|| cabinet.poll_output()));
            }
            (cabinet, outputs)
        };
        prop_assert_eq!(run(), run());
    }

    /// The table of the card's states, and one trap for each change, whatever happens.
    #[test]
    fn every_change_of_state_is_told_exactly_once(script in prop::collection::vec(step(), 1..150)) {
        let (mut cabinet, mut now) = (new(), Duration::ZERO);
        let state = |cabinet: &Cabinet| -> std::collections::BTreeMap<Position, State> {
            cabinet.inventory().cards.values().map(|card| (card.position, card.state)).collect()
        };
        let mut known = state(&cabinet);
        for step in &script {
            play(&mut cabinet, &mut now, step);
            while let Some(output) = cabinet.poll_output() {
                if let Output::Trap(t) = output {
                    prop_assert_ne!(t.from, t.to);
                    prop_assert_eq!(known.insert(t.card, t.to).unwrap_or(State::Off), t.from);
                }
            }
            // A card that a reload took away is forgotten; when it comes back it begins anew.
            known.retain(|position, _| cabinet.inventory().card(*position).is_some());
            for (position, state) in state(&cabinet) {
                prop_assert_eq!(known.get(&position).copied().unwrap_or(State::Off), state);
            }
        }
        for active in &cabinet.inventory().services {
            for member in active.members.iter().filter(|member| member.standing == Standing::Serving) {
                let card = cabinet.inventory().card(member.card).unwrap();
                prop_assert_eq!((card.order, card.state), (Order::Run, State::Running));
            }
            prop_assert!(active.serving() <= active.members.len());
        }
    }
}

#[test]
fn law_5_a_late_tick_fires_all_that_is_due_in_order() {
    let mut cabinet = new();
    while let Some(output) = cabinet.poll_output() {
        if let Output::Probe(probe) = output {
            cabinet.handle(Duration::ZERO, Input::Probed { id: probe.id, up: true }).unwrap();
        }
    }
    cabinet.command(Duration::from_secs(2), &operator(), Command::StopCard(card("2.1"))).unwrap();
    cabinet.command(Duration::from_secs(1), &operator(), Command::StopCard(card("1.2"))).unwrap();
    while cabinet.poll_output().is_some() {}
    cabinet.handle(Duration::from_secs(300), Input::Tick).unwrap();
    let traps: Vec<_> = std::iter::from_fn(|| cabinet.poll_output())
        .filter_map(|output| match output {
            Output::Trap(transition) => Some((transition.card, transition.to)),
            _ => None,
        })
        .collect();
    assert_eq!(traps, [(card("1.2"), State::Off), (card("2.1"), State::Off)]);
}

/// The core does no IO and knows no runtime: a word search, so that a review is not needed.
#[test]
fn the_core_has_no_io() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cabinet");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for word in
            ["tokio", "std::fs", "std::net", "std::time::Instant", "SystemTime", "std::thread", "HashMap"]
        {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}
