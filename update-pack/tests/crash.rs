//! Power lost at every change, with every kind of damage to what was not flushed: never anything but one of the two
//! trees after the next command.
#![allow(missing_docs)]

mod common;

use common::disk::{Crash, Disk, Ended, Files, run};
use common::{apply, outcome, package, pair, status, undo};
use update_pack::engine::{Engine, Outcome};

/// Cuts `engine` at every change, and hands each disk that a crash may leave to `check`.
fn cuts(disk: &Disk, engine: &Engine, mut check: impl FnMut(usize, Crash, Disk)) -> usize {
    for cut in 0.. {
        let (mut disk, mut engine) = (disk.clone(), engine.clone());
        let end = run(&mut engine, &mut disk, Some(cut));
        for crash in Crash::ALL {
            check(cut, crash, disk.crash(crash));
        }
        if let Ended::Outcome(_) = end {
            return cut;
        }
    }
    unreachable!()
}

fn is_one_of(disk: &Disk, a: &Files, b: &Files, what: &str) -> bool {
    let tree = disk.seen.tree();
    let (old, new) = (tree == a.tree(), tree == b.tree());
    assert!(old || new, "{what}: mixed\n{tree:#?}");
    new
}

#[test]
fn an_update_cut_anywhere_ends_in_one_of_the_two_states() {
    let (a, b) = pair();
    let disk = Disk::new(a.clone(), package(&a, &b));
    let count = cuts(&disk, &apply(), |cut, crash, after| {
        let what = format!("cut at {cut}, {crash:?}");
        let mut disk = after.clone();
        let found = outcome(status(), &mut disk);
        assert!(matches!(found, Outcome::Status(_)), "{what}: {found:?}");
        let new = is_one_of(&disk, &a, &b, &what);
        // And from there everything is possible again.
        if new {
            assert!(matches!(outcome(undo(), &mut disk), Outcome::Undone { .. }), "{what}");
            assert_eq!(disk.seen.tree(), a.tree(), "{what}");
        }
        let applied = outcome(apply(), &mut disk);
        assert!(matches!(applied, Outcome::Applied { .. }), "{what}: {applied:?}");
        assert_eq!(disk.seen.tree(), b.tree(), "{what}");
        // The same package applied again finishes what was begun.
        let mut disk = after;
        let again = outcome(apply(), &mut disk);
        let finished = matches!(again, Outcome::Applied { .. } | Outcome::Refused(_));
        assert!(finished, "{what}: {again:?}");
        assert_eq!(disk.seen.tree(), b.tree(), "{what}");
    });
    assert!(count > 60, "{count} changes");
}

#[test]
fn an_undo_cut_anywhere_ends_in_one_of_the_two_states() {
    let (a, b) = pair();
    let mut disk = Disk::new(a.clone(), package(&a, &b));
    outcome(apply(), &mut disk);
    let count = cuts(&disk, &undo(), |cut, crash, mut after| {
        let what = format!("cut at {cut}, {crash:?}");
        let found = outcome(status(), &mut after);
        assert!(matches!(found, Outcome::Status(_)), "{what}: {found:?}");
        is_one_of(&after, &a, &b, &what);
        outcome(undo(), &mut after);
        assert_eq!(after.seen.everything(), a.everything(), "{what}");
    });
    assert!(count > 30, "{count} changes");
}

#[test]
fn a_recovery_cut_anywhere_ends_in_one_of_the_two_states() {
    let (a, b) = pair();
    let disk = Disk::new(a.clone(), package(&a, &b));
    let mut nested = 0;
    cuts(&disk, &apply(), |outer, first, after| {
        cuts(&after, &status(), |inner, second, mut after| {
            nested += 1;
            let what = format!("cut at {outer}, {first:?}, then at {inner}, {second:?}");
            outcome(status(), &mut after);
            is_one_of(&after, &a, &b, &what);
        });
    });
    assert!(nested > 5000, "{nested} nested cuts");
}

/// A barrier that is left out must be seen: otherwise nobody knows that it is there.
#[test]
fn every_barrier_is_needed() {
    let (a, b) = pair();
    let count = |engine: Engine, disk: &Disk| {
        let mut disk = disk.clone();
        outcome(engine, &mut disk);
        disk.barriers
    };
    let fresh = Disk::new(a.clone(), package(&a, &b));
    let mut applied = fresh.clone();
    outcome(apply(), &mut applied);
    applied.barriers = 0;
    for (name, engine, disk) in [("apply", apply(), fresh), ("undo", undo(), applied)] {
        for barrier in 0..count(engine.clone(), &disk) {
            let mut mutant = disk.clone();
            mutant.ignored_barrier = Some(barrier);
            let caught = std::panic::catch_unwind(|| {
                cuts(&mutant, &engine, |cut, crash, mut after| {
                    let what = format!("cut at {cut}, {crash:?}");
                    outcome(status(), &mut after);
                    is_one_of(&after, &a, &b, &what);
                });
                // What was reported as done must be there after a crash.
                let mut disk = mutant.clone();
                outcome(engine.clone(), &mut disk);
                for crash in Crash::ALL {
                    let mut after = disk.crash(crash);
                    let wanted = if name == "apply" { b.tree() } else { a.tree() };
                    outcome(status(), &mut after);
                    assert_eq!(after.seen.tree(), wanted, "{crash:?}");
                }
            });
            println!("{name}, without barrier {barrier}: {}", if caught.is_err() { "caught" } else { "NOT caught" });
        }
    }
}
