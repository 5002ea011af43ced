//! Power lost at every change, with every kind of damage to what was not flushed: never anything but one of the two
//! trees after the next command.
#![allow(missing_docs)]

mod common;

use std::collections::BTreeSet;

use common::disk::{Body, Crash, Disk, Ended, Files, advance, run};
use common::{apply, files, outcome, package, package_of, pair, status, undo};
use proptest::prelude::*;
use update_pack::build;
use update_pack::engine::{Config, Effect, Engine, Goal, Outcome, Place};
use update_pack::tree::Path;

type Verdict = Result<(), String>;

/// Cuts `engine` at every change, and hands each disk that a crash may leave to `check`, once: what comes after a crash
/// depends on the disk alone. Says how many cuts there were.
fn cuts(
    (disk, engine): (&Disk, &Engine),
    every: bool,
    mut check: impl FnMut(usize, Crash, Disk) -> Verdict,
) -> Result<usize, String> {
    let mut seen: BTreeSet<Files> = BTreeSet::new();
    let (mut disk, mut engine, mut asked) = (disk.clone(), engine.clone(), None);
    for cut in 0.. {
        let end = advance(&mut engine, &mut disk, &mut asked);
        for crash in disk.crashes(every) {
            let after = disk.crash(crash);
            if !seen.insert(after.seen.clone()) {
                continue;
            }
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

/// Everything there is, but for the time of the root, which a crash may leave as making the engine's directory has made
/// it.
fn things(files: &Files) -> impl PartialEq + use<> {
    let mut things = files.everything();
    if let Some((root, _)) = things.get_mut(&b""[..]) {
        root.modified = Default::default();
    }
    things
}

fn expect(what: bool, or: impl FnOnce() -> String) -> Verdict {
    if what { Ok(()) } else { Err(or()) }
}

#[test]
fn an_update_cut_anywhere_ends_in_one_of_the_two_states() {
    let (a, b) = pair();
    let disk = Disk::new(a.clone(), package(&a, &b));
    let count = cuts((&disk, &apply()), true, |_, _, after| {
        let mut disk = after.clone();
        // And from there everything is possible again.
        if settled(&mut disk, &a, &b)? {
            let undone = outcome(undo(), &mut disk);
            expect(matches!(undone, Outcome::Undone { .. }), || format!("{undone:?}"))?;
            expect(things(&disk.seen) == things(&a), || "undo is not A to the byte".into())?;
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
    let count = cuts((&disk, &undo()), true, |_, _, mut after| {
        settled(&mut after, &a, &b)?;
        outcome(undo(), &mut after);
        expect(after.seen.everything() == a.everything(), || "undo is not A to the byte".into())
    });
    let count = count.unwrap();
    assert!(count > 25, "{count} changes");
}

/// Two deep: whatever comes after the first crash is cut at every change as well.
#[test]
fn a_recovery_cut_anywhere_ends_in_one_of_the_two_states() {
    let (a, b) = pair();
    let fresh = Disk::new(a.clone(), package(&a, &b));
    let mut applied = fresh.clone();
    outcome(apply(), &mut applied);
    let mut met = BTreeSet::new();
    for (disk, engine) in [(fresh, apply()), (applied, undo())] {
        cuts((&disk, &engine), false, |_, _, after| {
            for next in [apply(), undo(), status()] {
                cuts((&after, &next), false, |_, _, mut after| {
                    // Many ways lead to the same disk, and what comes then depends on the disk alone.
                    if met.insert(after.seen.clone()) {
                        settled(&mut after, &a, &b).map(drop)
                    } else {
                        Ok(())
                    }
                })?;
            }
            Ok(())
        })
        .unwrap();
    }
    println!("{} different disks after two crashes", met.len());
    assert!(met.len() > 1000, "{} different disks", met.len());
}

/// A frame as small as a builder makes it, and what stands for one where a delta needs none.
const FRAMES: [usize; 2] = [64 << 10, 4 << 10];

/// Files of several frames, and small ones between them; the second pair differs in little, so that a delta pays.
fn long(delta: bool) -> (Files, Files, Vec<u8>) {
    let (mut a, mut b) = (Files::new(), Files::new());
    let mut state = 7_u64;
    let mut noise = |len: usize| -> Vec<u8> {
        let random = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(random).collect()
    };
    for (name, len) in [("a", 150), ("b", 30), ("c", 0), ("d", 90), ("e", 40)] {
        let new = noise(len * FRAMES[usize::from(delta)] / 64);
        let mut old = if delta { new.clone() } else { noise(100) };
        old.iter_mut().step_by(1009).for_each(|byte| *byte ^= 1);
        old.push(1);
        a.make(name.as_bytes(), Body::File(old), 0o444, 3).unwrap();
        b.make(name.as_bytes(), Body::File(new), 0o444, 3).unwrap();
    }
    let config = build::Config { level: 1, frame: 64 << 10, ..build::Config::default() };
    let package = package_of(&config, &a, &b);
    assert_eq!(package.len() < 10_000, delta);
    (a, b, package)
}

/// An engine whose frames are as small as those of [`long`].
fn apply_long(frame: usize) -> Engine {
    let mut config = Config::default();
    config.limits.frame = u32::try_from(frame).unwrap();
    Engine::new(config, Goal::Apply(common::trust()))
}

/// How much new content is written, more than there is, when power is lost at some change and the package is applied
/// again.
/// Looks no further once it is more than a frame.
fn done_again(disk: &Disk, b: &Files, frame: usize) -> Result<usize, String> {
    let total: usize = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|name| b.content(&Path::new(name.as_bytes()).unwrap()).len())
        .sum();
    let mut most = 0;
    let (mut disk, mut engine, mut asked) = (disk.clone(), apply_long(frame), None);
    for cut in 0.. {
        if let Ended::Outcome(_) = advance(&mut engine, &mut disk, &mut asked) {
            return Ok(most);
        }
        for crash in disk.crashes(false) {
            let mut after = disk.crash(crash);
            let applied = outcome(apply_long(frame), &mut after);
            expect(matches!(applied, Outcome::Applied { .. } | Outcome::Refused(_)), || {
                format!("{applied:?}")
            })?;
            expect(after.seen.tree() == b.tree(), || format!("cut at {cut}, {crash:?}: not B"))?;
            most = most.max((disk.staged + after.staged).saturating_sub(total));
            if most > frame {
                return Ok(most);
            }
        }
    }
    unreachable!()
}

#[test]
fn at_most_one_frame_is_done_again_after_any_cut() {
    for delta in [false, true] {
        let (a, b, package) = long(delta);
        let frame = FRAMES[usize::from(delta)];
        let disk = Disk::new(a, package);
        let most = done_again(&disk, &b, frame).unwrap();
        assert!(most > 0 && most <= frame, "{most} bytes were written again");
        // And every flush on the way is needed for that.
        let mut whole = disk.clone();
        outcome(apply_long(frame), &mut whole);
        for barrier in 0..whole.barriers - 5 {
            let mut mutant = disk.clone();
            mutant.ignored_barrier = Some(barrier);
            let most = done_again(&mutant, &b, frame).unwrap();
            assert!(most > frame, "nobody misses barrier {barrier}");
        }
    }
}

#[test]
fn what_was_staged_is_gone_on_with_only_if_it_is_what_it_should_be() {
    let (a, b, package) = long(false);
    let frame = FRAMES[0];
    let mut disk = Disk::new(a.clone(), package);
    assert!(matches!(run(&mut apply_long(frame), &mut disk, Some(9)), Ended::Cut));
    // Status leaves it and says so, an undo gives it up, another package goes its own way.
    let Outcome::Status(found) = outcome(status(), &mut disk) else { panic!("no status") };
    assert!(found.staging && found.recovered.is_none() && found.installed.is_none());
    let mut given_up = disk.clone();
    assert!(matches!(outcome(undo(), &mut given_up), Outcome::Undone { from: None, .. }));
    assert_eq!(given_up.seen.everything(), a.everything());
    let mut other = disk.clone();
    let config =
        build::Config { level: 1, frame: 64 << 10, to_version: "other".into(), ..build::Config::default() };
    other.package = package_of(&config, &a, &b);
    assert!(matches!(outcome(apply_long(frame), &mut other), Outcome::Applied { resumed: false, .. }));
    assert_eq!(other.seen.tree(), b.tree());
    // A storage that lost what it had promised to keep is found out by the digests.
    let mut rotten = disk.clone();
    let rot = Effect::Write { place: Place::New(1, 1), offset: 0, bytes: vec![0xa5; 1000] };
    rotten.seen.change(&rot).unwrap();
    assert!(matches!(outcome(apply_long(frame), &mut rotten), Outcome::Applied { resumed: false, .. }));
    assert_eq!(rotten.seen.tree(), b.tree());
    assert!(matches!(outcome(apply_long(frame), &mut disk), Outcome::Applied { resumed: true, .. }));
    assert_eq!(disk.seen.tree(), b.tree());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_two_trees_cut_anywhere(a in files(), b in files()) {
        let disk = Disk::new(a.clone(), package(&a, &b));
        let verdict = cuts((&disk, &apply()), true, |_, _, mut after| {
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
        assert!((4..=7).contains(&whole.barriers), "{} barriers", whole.barriers);
        for barrier in 0..whole.barriers {
            let mut mutant = disk.clone();
            mutant.ignored_barrier = Some(barrier);
            let told = |every| {
                cuts((&mutant, &engine), every, |_, _, mut after| {
                    settled(&mut after, &a, &b)?;
                    // From wherever it ends, the way back leads to what was there, with times and owners.
                    outcome(undo(), &mut after);
                    expect(things(&after.seen) == things(&a), || "undo is not A to the byte".into())
                })
            };
            // Most are missed already by a few kinds of damage.
            let verdict = told(false).and_then(|_| told(true));
            // What was reported as done must be there after a crash.
            let mut done = mutant.clone();
            outcome(engine.clone(), &mut done);
            let lost = done.crashes(true).into_iter().any(|crash| {
                let mut after = done.crash(crash);
                settled(&mut after, &a, &b).is_err() || after.seen.tree() != wanted
            });
            assert!(verdict.is_err() || lost, "nobody misses barrier {barrier}");
        }
    }
}
