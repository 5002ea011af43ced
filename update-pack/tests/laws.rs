//! The ten laws, and the two of this crate: apply arrives, and undo is its inverse.
#![allow(missing_docs)]

mod common;

use std::time::Duration;

use common::disk::{Disk, Ended, run};
use common::{apply, files, outcome, package, pair, status, undo};
use proptest::prelude::*;
use update_pack::engine::{Answer, Engine, Event, Failure, Input, Outcome, Output};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn apply_arrives_and_undo_is_its_inverse(a in files(), b in files()) {
        let mut disk = Disk::new(a.clone(), package(&a, &b));
        let applied = outcome(apply(), &mut disk);
        prop_assert!(matches!(applied, Outcome::Applied { .. }), "{applied:?}");
        prop_assert_eq!(disk.seen.tree(), b.tree());
        let undone = outcome(undo(), &mut disk);
        let is_undone = matches!(undone, Outcome::Undone { .. });
        prop_assert!(is_undone, "{undone:?}");
        // To the byte, and what the package does not carry too: times, owners, which names are one file.
        prop_assert_eq!(disk.seen.everything(), a.everything());
    }

    #[test]
    fn building_is_deterministic(a in files(), b in files()) {
        prop_assert_eq!(package(&a, &b), package(&a, &b));
    }

    #[test]
    fn any_answer_is_survived(script in prop::collection::vec((any::<u8>(), any::<u8>(), any::<bool>()), 0..200)) {
        let (a, b) = pair();
        let mut engine = apply();
        let mut disk = Disk::new(a.clone(), package(&a, &b));
        for (kind, id, right) in script {
            let shown = match engine.poll_output() {
                Some(Output::Storage { id, effect }) => Some((id, effect.clone())),
                _ => None,
            };
            match shown {
                Some((id, effect)) if right => {
                    let given = disk.carry_out(&effect);
                    common::disk::answer(&mut engine, id, &given);
                }
                shown => {
                    let id = shown.map_or(u64::from(id), |(shown, _)| shown);
                    let input = match kind % 5 {
                        0 => Input::Done { id, answer: Answer::Done },
                        1 => Input::Done { id, answer: Answer::Bytes(b"?") },
                        2 => Input::Done { id, answer: Answer::Names(&[b"x", b"1", b"installed"]) },
                        3 => Input::Failed { id, failure: Failure::NotFound },
                        _ => Input::Failed { id, failure: Failure::Full },
                    };
                    let before = engine.clone();
                    if engine.handle(Duration::ZERO, input).is_err() {
                        // Law 7: an error leaves the state as it was.
                        prop_assert_eq!(&engine, &before);
                    }
                }
            }
        }
    }
}

fn step(engine: &mut Engine, disk: &mut Disk) -> bool {
    let (id, effect) = match engine.poll_output() {
        Some(Output::Storage { id, effect }) => (id, effect.clone()),
        Some(Output::Event(Event::Finished(_))) | None => return false,
        Some(Output::Event(_)) => return true,
    };
    let given = disk.carry_out(&effect);
    common::disk::answer(engine, id, &given);
    true
}

#[test]
fn law_1_draining_is_pure_and_law_3_no_wake_up_is_lost() {
    let (a, b) = pair();
    let (mut engine, mut disk) = (apply(), Disk::new(a.clone(), package(&a, &b)));
    loop {
        let mut drained = engine.clone();
        while drained.poll_output().is_some() {
            assert_eq!(engine.deadline(), Some(Duration::ZERO), "outputs are pending");
        }
        assert_eq!(drained.deadline(), None, "everything is drained: only an answer moves it");
        assert_eq!(drained.stats(), engine.stats());
        assert_eq!(drained.is_finished(), engine.is_finished());
        if !step(&mut engine, &mut disk) {
            break;
        }
    }
    assert!(engine.is_finished());
    assert_eq!(engine.poll_output(), None, "nothing comes after the end");
}

#[test]
fn laws_4_5_and_6_a_tick_does_nothing_and_time_never_runs_back() {
    let (a, b) = pair();
    let (mut engine, mut disk) = (apply(), Disk::new(a.clone(), package(&a, &b)));
    loop {
        let mut ticked = engine.clone();
        ticked.handle(Duration::ZERO, Input::Tick).unwrap();
        assert_eq!(ticked, engine);
        if !step(&mut engine, &mut disk) {
            break;
        }
    }
    let mut late = status();
    late.handle(Duration::from_secs(9), Input::Tick).unwrap();
    let at = late.clone();
    late.handle(Duration::from_secs(3), Input::Tick).unwrap();
    assert_eq!(late, at);
}

#[test]
fn law_9_same_inputs_same_outputs() {
    let (a, b) = pair();
    let transcript = || {
        let (mut engine, mut disk) = (apply(), Disk::new(a.clone(), package(&a, &b)));
        let mut seen = Vec::new();
        while {
            seen.push(format!("{:?}", engine.clone().poll_output()));
            step(&mut engine, &mut disk)
        } {}
        seen
    };
    assert_eq!(transcript(), transcript());
}

#[test]
fn law_8_one_effect_at_a_time_and_answers_are_no_longer_than_asked_for() {
    let mut engine = apply();
    let Some(Output::Storage { id, .. }) = engine.poll_output() else { panic!("it begins at once") };
    assert_eq!(engine.poll_output(), None);
    engine.handle(Duration::ZERO, Input::Failed { id, failure: Failure::NotFound }).unwrap();
    let Some(Output::Storage { id, .. }) = engine.poll_output() else { panic!("it goes on") };
    let long = [0; 17];
    let input = Input::Done { id, answer: Answer::Bytes(&long) };
    assert!(matches!(engine.handle(Duration::ZERO, input), Err(update_pack::engine::Error::TooLong { .. })));
}

#[test]
fn every_prefix_of_an_update_can_be_undone() {
    let (a, b) = pair();
    let whole = Disk::new(a.clone(), package(&a, &b));
    for cut in 0.. {
        let mut disk = whole.clone();
        if let Ended::Outcome(_) = run(&mut apply(), &mut disk, Some(cut)) {
            assert!(cut > 40, "only {cut} changes");
            return;
        }
        let undone = outcome(undo(), &mut disk);
        assert!(
            matches!(
                undone,
                Outcome::Undone { .. } | Outcome::Refused(update_pack::engine::Reason::NothingToUndo)
            ),
            "{undone:?}"
        );
        // The root's own time is lost if the cut comes between making the engine's directory and putting it back.
        assert_eq!(disk.seen.tree(), a.tree(), "cut at {cut}");
        if cut > 1 {
            assert_eq!(disk.seen.everything(), a.everything(), "cut at {cut}");
        }
    }
}
