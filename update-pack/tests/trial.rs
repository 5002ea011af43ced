//! A new version on trial, and migration steps: attempts are bounded across restarts, and whatever is cut where, the last
//! version that was well returns, with its data.
#![allow(missing_docs)]

mod common;

use std::time::Duration;

use common::disk::{Body, Disk, Files, advance};
use common::{contents, key, outcome, status, trust, undo};
use update_pack::build::{Builder, Config as Build, Way};
use update_pack::engine::{Config, Engine, Event, Goal, Input, Outcome, Output, Reason};
use update_pack::wire::{Epochs, Format, Guard, Migration, Owned, Terms, When};

fn pair() -> (Files, Files) {
    let (mut a, mut b) = (Files::new(), Files::new());
    for (files, content) in [(&mut a, b"the old one"), (&mut b, b"the new one")] {
        files.make(b"data", Body::Dir(Default::default()), 0o755, 4).unwrap();
        files.make(b"program", Body::File(content.to_vec()), 0o755, 3).unwrap();
    }
    (a, b)
}

fn step(name: &str, arguments: &str, when: When, reversible: bool) -> Migration {
    let (name, arguments) = (name.into(), arguments.into());
    let (seconds, attempts) = (9.try_into().unwrap(), 2.try_into().unwrap());
    Migration { name, arguments, when, reversible, seconds, attempts }
}

fn guarded(steps: Vec<Migration>) -> Terms {
    let guard = Guard { seconds: 30.try_into().unwrap(), attempts: 3.try_into().unwrap() };
    let data = update_pack::tree::Path::new(b"data").unwrap();
    Terms { owned: vec![(data, Owned::Data)], steps, guard: Some(guard), ..Terms::default() }
}

fn disk(terms: Terms) -> (Disk, Files, Files) {
    let (a, b) = pair();
    let mut builder = Builder::new(Build { level: 1, undo: true, ..Build::default() });
    let (before, after) = (a.tree(), b.tree());
    builder.leg(Way { terms, ..Way::new("0", &before, &after) }, contents(&a, &b)).unwrap();
    (Disk::new(a.clone(), builder.finish::<()>(&[key()]).unwrap()), a, b)
}

fn engine(goal: Goal, watch: bool) -> Engine {
    let mut config = Config::default();
    config.watch = watch;
    Engine::new(config, goal)
}

/// Runs until the trial is watched.
fn watched(engine: &mut Engine, disk: &mut Disk) -> Option<u8> {
    let mut asked = None;
    loop {
        if let Some((id, effect)) = asked.take() {
            let given = disk.carry_out(&effect);
            common::disk::answer(engine, id, &given);
        }
        match engine.poll_output() {
            Some(Output::Storage { id, effect }) => asked = Some((id, effect.clone())),
            Some(Output::Event(Event::Trial { attempt, .. })) => return Some(*attempt),
            Some(Output::Event(Event::Finished(_))) | None => return None,
            Some(Output::Event(_)) => {}
        }
    }
}

fn end(engine: &mut Engine, disk: &mut Disk) -> Outcome {
    let mut asked = None;
    loop {
        if let common::disk::Ended::Outcome(outcome) = advance(engine, disk, &mut asked) {
            return outcome;
        }
    }
}

#[test]
fn what_is_well_stays() {
    let (mut disk, a, b) = disk(guarded(Vec::new()));
    let mut apply = engine(Goal::Apply(trust()), true);
    assert_eq!(watched(&mut apply, &mut disk), Some(1));
    assert_eq!(disk.seen.tree(), b.tree(), "it is in place while it is tried");
    assert_eq!(apply.deadline(), Some(Duration::from_secs(30)));
    apply.handle(Duration::from_secs(1), Input::Verdict { well: true }).unwrap();
    assert!(matches!(end(&mut apply, &mut disk), Outcome::Applied { .. }));
    assert_eq!(disk.seen.tree(), b.tree());
    assert!(matches!(outcome(undo(), &mut disk), Outcome::Undone { .. }));
    assert_eq!(disk.seen.everything(), a.everything());
}

#[test]
fn what_is_not_well_goes_at_once_and_what_says_nothing_when_its_time_is_over() {
    let (fresh, a, _) = disk(guarded(Vec::new()));
    let (mut disk, mut apply) = (fresh.clone(), engine(Goal::Apply(trust()), true));
    watched(&mut apply, &mut disk);
    apply.handle(Duration::from_secs(1), Input::Verdict { well: false }).unwrap();
    let Outcome::Refused(Reason::Unwell(unwell)) = end(&mut apply, &mut disk) else { panic!("it stays") };
    assert_eq!((unwell.attempts, unwell.to.as_str()), (1, "0"));
    assert_eq!(disk.seen.tree(), a.tree());

    let (mut disk, mut apply) = (fresh, engine(Goal::Apply(trust()), true));
    for attempt in 1..=3 {
        assert_eq!(watched(&mut apply, &mut disk), Some(attempt));
        let until = apply.deadline().unwrap();
        let before = apply.clone();
        apply.handle(until - Duration::from_nanos(1), Input::Tick).unwrap();
        assert_eq!(apply.deadline(), before.deadline(), "an early tick does nothing");
        apply.handle(until, Input::Tick).unwrap();
    }
    assert!(matches!(end(&mut apply, &mut disk), Outcome::Refused(Reason::Unwell(_))));
    assert_eq!(disk.seen.tree(), a.tree());
    // A verdict that nobody asked for is none.
    assert!(status().handle(Duration::ZERO, Input::Verdict { well: true }).is_err());
}

/// The program that applies is itself what changed: each of its starts is an attempt, also those that it does not
/// outlive.
#[test]
fn a_program_that_replaced_itself_and_crashes_is_counted_out() {
    let (mut disk, a, b) = disk(Terms { replaces_itself: true, ..guarded(Vec::new()) });
    let Outcome::Trial(trial) = end(&mut engine(Goal::Apply(trust()), true), &mut disk) else { panic!() };
    assert!(trial.restart && trial.left == 3);
    for left in [2, 1, 0] {
        // It starts, and is gone before it can say that it is well.
        assert!(watched(&mut engine(Goal::Watch, true), &mut disk).is_some());
        let Outcome::Status(found) = outcome(status(), &mut disk) else { panic!() };
        assert_eq!(found.trial.map(|trial| trial.left), Some(left));
        assert_eq!(disk.seen.tree(), b.tree());
    }
    let last = end(&mut engine(Goal::Watch, true), &mut disk);
    assert!(matches!(&last, Outcome::Refused(Reason::Unwell(unwell)) if unwell.restart), "{last:?}");
    assert_eq!(disk.seen.everything(), a.everything());
}

#[test]
fn a_trial_ends_by_confirmation_or_undo_and_lets_no_other_package_in() {
    let (fresh, a, b) = disk(guarded(Vec::new()));
    let mut on_trial = fresh.clone();
    assert!(matches!(end(&mut engine(Goal::Apply(trust()), false), &mut on_trial), Outcome::Trial(_)));
    let mut other = on_trial.clone();
    let config = Build { to_version: "other".into(), level: 1, ..Build::default() };
    other.package = common::package_of(&config, &a, &b);
    let refused = end(&mut engine(Goal::Apply(trust()), false), &mut other);
    assert!(matches!(refused, Outcome::Refused(Reason::OnTrial)), "{refused:?}");
    let mut confirmed = on_trial.clone();
    assert!(matches!(end(&mut engine(Goal::Confirm, false), &mut confirmed), Outcome::Applied { .. }));
    assert_eq!(confirmed.seen.tree(), b.tree());
    assert!(matches!(
        end(&mut engine(Goal::Confirm, false), &mut confirmed),
        Outcome::Refused(Reason::NoTrial)
    ));
    assert!(matches!(outcome(undo(), &mut on_trial), Outcome::Undone { .. }));
    assert_eq!(on_trial.seen.everything(), a.everything());
}

#[test]
fn steps_run_in_order_and_back_in_the_opposite_one() {
    let steps = vec![step("one", "", When::Before, true), step("two", "", When::After, true)];
    let (mut disk, a, _) = disk(Terms { guard: None, ..guarded(steps) });
    assert!(matches!(end(&mut engine(Goal::Apply(trust()), false), &mut disk), Outcome::Applied { .. }));
    let words = |ran: &[&str]| ran.iter().map(ToString::to_string).collect::<Vec<_>>();
    let forward = ["check one", "check two", "apply one", "verify one", "apply two", "verify two"];
    assert_eq!(disk.ran, words(&forward));
    disk.ran.clear();
    assert!(matches!(outcome(undo(), &mut disk), Outcome::Undone { .. }));
    assert_eq!(disk.ran, words(&["revert two", "revert one"]));
    assert_eq!(disk.seen.tree(), a.tree());
}

#[test]
fn a_step_that_cannot_be_done_leaves_nothing_behind() {
    let cannot = vec![step("one", "", When::Before, true), step("two", "impossible", When::After, true)];
    let (mut touched_nothing, a, _) = disk(guarded(cannot));
    let end_of = |disk: &mut Disk| end(&mut engine(Goal::Apply(trust()), false), disk);
    assert!(matches!(end_of(&mut touched_nothing), Outcome::Refused(Reason::Step { .. })));
    assert_eq!(touched_nothing.ran, ["check one", "check two"]);
    assert_eq!(touched_nothing.seen.tree(), a.tree());
    let fails = vec![step("one", "", When::Before, true), step("two", "fails", When::After, true)];
    let (mut disk, a, _) = disk(guarded(fails));
    assert!(matches!(end_of(&mut disk), Outcome::Refused(Reason::Step { .. })));
    assert_eq!(disk.ran.iter().filter(|ran| *ran == "apply two").count(), 2, "as often as it may");
    assert_eq!(disk.seen.everything().keys().collect::<Vec<_>>(), a.everything().keys().collect::<Vec<_>>());
    assert_eq!(disk.seen.tree(), a.tree());
}

#[test]
fn an_undo_that_would_strand_data_is_refused() {
    let epochs = |newest| Some(Epochs { oldest: 1, newest, writes: newest });
    let format = Format { component: "mail".into(), before: epochs(1), after: epochs(2) };
    let strands = |steps| Terms { formats: vec![format.clone()], guard: None, ..guarded(steps) };
    let (mut stranded, _, b) = disk(strands(Vec::new()));
    assert!(matches!(end(&mut engine(Goal::Apply(trust()), false), &mut stranded), Outcome::Applied { .. }));
    let refused = outcome(undo(), &mut stranded);
    assert!(matches!(&refused, Outcome::Refused(Reason::Stranded { component }) if component == "mail"));
    assert_eq!(stranded.seen.tree(), b.tree());
    let (mut brought_back, a, _) = disk(strands(vec![step("one", "", When::After, true)]));
    end(&mut engine(Goal::Apply(trust()), false), &mut brought_back);
    assert!(matches!(outcome(undo(), &mut brought_back), Outcome::Undone { .. }));
    assert_eq!(brought_back.seen.tree(), a.tree());
}

/// A step that never answers has failed when its time is over.
#[test]
fn a_step_that_hangs_has_failed() {
    let (mut disk, a, _) = disk(guarded(vec![step("one", "", When::Before, true)]));
    let mut apply = engine(Goal::Apply(trust()), false);
    let mut asked = None;
    while !matches!(&asked, Some((_, update_pack::engine::Effect::Run(_)))) {
        advance(&mut apply, &mut disk, &mut asked);
    }
    assert_eq!(apply.deadline(), Some(Duration::from_secs(9)));
    apply.handle(Duration::from_secs(9), Input::Tick).unwrap();
    assert!(matches!(end(&mut apply, &mut disk), Outcome::Refused(Reason::Step { .. })));
    assert_eq!(disk.seen.tree(), a.tree());
}

/// Power lost at every change of a self-update with steps, and again at every change of what comes after it.
#[test]
fn a_guarded_self_update_cut_anywhere_twice_ends_in_one_of_the_two_states() {
    let steps = vec![step("one", "", When::Before, true), step("two", "", When::After, true)];
    let (fresh, a, b) = disk(Terms { replaces_itself: true, ..guarded(steps) });
    let mut on_trial = fresh.clone();
    end(&mut engine(Goal::Apply(trust()), true), &mut on_trial);
    let mut met = std::collections::BTreeSet::new();
    let goals = [Goal::Apply(trust()), Goal::Watch, Goal::Confirm, Goal::Undo];
    for (disk, goal) in [(&fresh, 0), (&on_trial, 1), (&on_trial, 2), (&on_trial, 3)] {
        each_cut(disk, &goals[goal], &mut |after| {
            for next in &goals {
                each_cut(&after, next, &mut |mut after| {
                    if met.insert(after.seen.clone()) {
                        settles(&mut after, &a, &b);
                    }
                });
            }
        });
    }
    assert!(met.len() > 500, "{} different disks", met.len());
}

fn each_cut(disk: &Disk, goal: &Goal, check: &mut dyn FnMut(Disk)) {
    let mut seen = std::collections::BTreeSet::new();
    let (mut disk, mut engine, mut asked) = (disk.clone(), engine(goal.clone(), false), None);
    loop {
        let ended = advance_or_watch(&mut engine, &mut disk, &mut asked);
        for crash in disk.crashes(false) {
            let after = disk.crash(crash);
            if seen.insert(after.seen.clone()) {
                check(after);
            }
        }
        if ended {
            return;
        }
    }
}

/// As `advance`, but a trial is an end, too: whoever watches it is cut off. Says whether it is one.
fn advance_or_watch(
    engine: &mut Engine,
    disk: &mut Disk,
    asked: &mut Option<(u64, update_pack::engine::Effect)>,
) -> bool {
    if let Some((id, effect)) = asked.take() {
        let given = disk.carry_out(&effect);
        common::disk::answer(engine, id, &given);
    }
    loop {
        match engine.poll_output() {
            Some(Output::Event(Event::Finished(_))) | None => return true,
            Some(Output::Event(_)) => {}
            Some(Output::Storage { id, effect }) => {
                let effect = effect.clone();
                if common::disk::reads(&effect) {
                    let given = disk.carry_out(&effect);
                    common::disk::answer(engine, id, &given);
                } else {
                    *asked = Some((id, effect));
                    return false;
                }
            }
        }
    }
}

/// One of the two trees, and steps done where it is the new one; from a trial, the way back is open.
fn settles(disk: &mut Disk, a: &Files, b: &Files) {
    let mut found = outcome(status(), disk);
    // A step that was cut off as often as it may be tried is given up; that is said once.
    if matches!(found, Outcome::Refused(Reason::Step { .. })) {
        found = outcome(status(), disk);
    }
    let Outcome::Status(found) = found else { panic!("{found:?}") };
    let data = |disk: &Disk| disk.seen.everything().keys().filter(|path| path.starts_with(b"data/")).count();
    let program = |files: &Files| files.content(&update_pack::tree::Path::new(b"program").unwrap());
    let new = program(&disk.seen) == program(b);
    assert!(new || program(&disk.seen) == program(a), "mixed");
    assert_eq!(data(disk), if new { 2 } else { 0 }, "{found:?}");
    let applied = found.installed.is_some_and(|installed| !installed.undone);
    assert_eq!(applied || found.trial.is_some(), new, "what is said must be so");
    if new {
        let undone = outcome(undo(), disk);
        assert!(matches!(undone, Outcome::Undone { .. }), "{undone:?}");
        assert_eq!((program(&disk.seen), data(disk)), (program(a), 0));
    }
}
