//! Power lost at every change, with every kind of damage to what was not flushed: never anything but one of the two
//! trees after the next command.
#![allow(missing_docs)]

mod common;

use common::disk::{Crash, Disk, Ended, Files, run};
use common::{apply, files, outcome, package, pair, status, undo};
use proptest::prelude::*;
use update_pack::engine::{Engine, Outcome};

type Verdict = Result<(), String>;

/// Cuts `engine` at every change, and hands each disk that a crash may leave to `check`, once: what comes after a crash
/// depends on the disk alone. Says how many cuts there were.
fn cuts(
    disk: &Disk,
    engine: &Engine,
    mut check: impl FnMut(usize, Crash, Disk) -> Verdict,
) -> Result<usize, String> {
    let mut seen: Vec<Files> = Vec::new();
    for cut in 0.. {
        let (mut disk, mut engine) = (disk.clone(), engine.clone());
        let end = run(&mut engine, &mut disk, Some(cut));
        for crash in Crash::ALL {
            let after = disk.crash(crash);
            if seen.contains(&after.seen) {
                continue;
            }
            seen.push(after.seen.clone());
            check(cut, crash, after).map_err(|why| format!("cut at {cut}, {crash:?}: {why}"))?;
        }
        if let Ended::Outcome(_) = end {
            return Ok(cut);
        }
    }
    unreachable!()
}

/// Lets the next command bring things in order, and says whether the tree is the new one; it must be one of the two.
fn settled(disk: &mut Disk, a: &Files, b: &Files) -> Result<bool, String> {
    let found = outcome(status(), disk);
    let Outcome::Status(found) = found else { return Err(format!("{found:?}")) };
    let tree = disk.seen.tree();
    let new = tree == b.tree();
    if !new && tree != a.tree() {
        return Err(format!("mixed: {tree:#?}"));
    }
    // What is said must be so.
    match found.installed {
        _ if a.tree() == b.tree() => Ok(new),
        Some(installed) if installed.undone == new => Err(format!("says {installed:?}")),
        None if new => Err("says nothing".into()),
        _ => Ok(new),
    }
}

fn expect(what: bool, or: impl FnOnce() -> String) -> Verdict {
    if what { Ok(()) } else { Err(or()) }
}

#[test]
fn an_update_cut_anywhere_ends_in_one_of_the_two_states() {
    let (a, b) = pair();
    let disk = Disk::new(a.clone(), package(&a, &b));
    let count = cuts(&disk, &apply(), |_, _, after| {
        let mut disk = after.clone();
        // And from there everything is possible again.
        if settled(&mut disk, &a, &b)? {
            let undone = outcome(undo(), &mut disk);
            expect(matches!(undone, Outcome::Undone { .. }), || format!("{undone:?}"))?;
            expect(disk.seen.tree() == a.tree(), || "undo is not A".into())?;
        }
        let applied = outcome(apply(), &mut disk);
        expect(matches!(applied, Outcome::Applied { .. }), || format!("{applied:?}"))?;
        expect(disk.seen.tree() == b.tree(), || "apply is not B".into())?;
        // The same package applied again finishes what was begun.
        let mut disk = after;
        let again = outcome(apply(), &mut disk);
        expect(matches!(again, Outcome::Applied { .. } | Outcome::Refused(_)), || format!("{again:?}"))?;
        expect(disk.seen.tree() == b.tree(), || "apply again is not B".into())
    });
    let count = count.unwrap();
    assert!(count > 50, "{count} changes");
}

#[test]
fn an_undo_cut_anywhere_ends_in_one_of_the_two_states() {
    let (a, b) = pair();
    let mut disk = Disk::new(a.clone(), package(&a, &b));
    outcome(apply(), &mut disk);
    let count = cuts(&disk, &undo(), |_, _, mut after| {
        settled(&mut after, &a, &b)?;
        outcome(undo(), &mut after);
        expect(after.seen.everything() == a.everything(), || "undo is not A to the byte".into())
    });
    let count = count.unwrap();
    assert!(count > 25, "{count} changes");
}

/// Two deep: the recovery after the first crash is cut at every change as well.
#[test]
fn a_recovery_cut_anywhere_ends_in_one_of_the_two_states() {
    let (a, b) = pair();
    let fresh = Disk::new(a.clone(), package(&a, &b));
    let mut applied = fresh.clone();
    outcome(apply(), &mut applied);
    let mut nested = 0;
    for (disk, engine) in [(fresh, apply()), (applied, undo())] {
        cuts(&disk, &engine, |_, _, after| {
            cuts(&after, &status(), |_, _, mut after| {
                nested += 1;
                settled(&mut after, &a, &b).map(drop)
            })
            .map(drop)
        })
        .unwrap();
    }
    println!("{nested} nested crashes");
    assert!(nested > 1000, "{nested} nested crashes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_two_trees_cut_anywhere(a in files(), b in files()) {
        let disk = Disk::new(a.clone(), package(&a, &b));
        let verdict = cuts(&disk, &apply(), |_, _, mut after| {
            let new = settled(&mut after, &a, &b)?;
            if new && a.tree() != b.tree() {
                outcome(undo(), &mut after);
                expect(after.seen.tree() == a.tree(), || "undo is not A".into())?;
            }
            Ok(())
        });
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err());
    }
}

/// A barrier that can be left out without being missed is not needed, or not tested.
#[test]
fn every_barrier_is_missed() {
    let (a, b) = pair();
    let fresh = Disk::new(a.clone(), package(&a, &b));
    let mut applied = fresh.clone();
    outcome(apply(), &mut applied);
    applied.barriers = 0;
    for (engine, disk, wanted) in [(apply(), fresh, b.tree()), (undo(), applied, a.tree())] {
        let mut whole = disk.clone();
        outcome(engine.clone(), &mut whole);
        assert!((4..=6).contains(&whole.barriers), "{} barriers", whole.barriers);
        for barrier in 0..whole.barriers {
            let mut mutant = disk.clone();
            mutant.ignored_barrier = Some(barrier);
            let verdict = cuts(&mutant, &engine, |_, _, mut after| settled(&mut after, &a, &b).map(drop));
            // What was reported as done must be there after a crash.
            let mut done = mutant.clone();
            outcome(engine.clone(), &mut done);
            let lost = Crash::ALL.into_iter().any(|crash| {
                let mut after = done.crash(crash);
                settled(&mut after, &a, &b).is_err() || after.seen.tree() != wanted
            });
            assert!(verdict.is_err() || lost, "nobody misses barrier {barrier}");
        }
    }
}
