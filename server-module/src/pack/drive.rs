//! Runs an engine on a directory until it is finished.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use update_pack::engine::{Answer, Effect, Engine, Event, Input, Outcome, Output, Work};

use super::directory::{Directory, Done};
use super::hands::Hands;

/// Carries out what the engine asks for until it has finished.
///
/// Migration steps run in `root`, under `hands`, which also tell whether a version on trial is well.
pub(super) fn drive(
    engine: &mut Engine,
    directory: &mut Directory,
    (root, hands): (&Path, &Hands),
) -> Outcome {
    let start = Instant::now();
    let mut progress = Progress::new();
    loop {
        let (id, result) = match engine.poll_output() {
            Some(Output::Event(Event::Finished(outcome))) => {
                let outcome = outcome.clone();
                progress.clear();
                return outcome;
            }
            Some(Output::Event(Event::Progress { work, done, total })) => {
                progress.show(*work, *done, *total);
                continue;
            }
            Some(Output::Event(_)) => continue,
            Some(Output::Storage { id, effect: Effect::Run(call) }) => {
                (id, hands.step(root, call).map(|()| Done::Nothing))
            }
            Some(Output::Storage { id, effect }) => (id, directory.carry_out(effect)),
            // Nothing is asked for while a version is on trial.
            None => {
                progress.clear();
                let until = engine.deadline().unwrap_or_default();
                let well = hands.well(root, start + until);
                let input = if well { Input::Verdict { well } } else { Input::Tick };
                let moved = engine.handle(start.elapsed().max(until), input);
                debug_assert_eq!(moved, Ok(()), "a trial is watched");
                continue;
            }
        };
        let answered = match &result {
            Ok(Done::Nothing) => engine.handle(start.elapsed(), Input::Done { id, answer: Answer::Done }),
            Ok(Done::Bytes(bytes)) => {
                engine.handle(start.elapsed(), Input::Done { id, answer: Answer::Bytes(bytes) })
            }
            Ok(Done::Names(names)) => {
                let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
                engine.handle(start.elapsed(), Input::Done { id, answer: Answer::Names(&names) })
            }
            Ok(Done::Meta(meta)) => {
                engine.handle(start.elapsed(), Input::Done { id, answer: Answer::Meta(*meta) })
            }
            Err(failure) => engine.handle(start.elapsed(), Input::Failed { id, failure: *failure }),
        };
        debug_assert_eq!(answered, Ok(()), "the answer to what was asked for");
    }
}

/// A line on a terminal that says how far the work is.
struct Progress {
    terminal: bool,
    shown: Option<(Work, u64)>,
}

impl Progress {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), shown: None }
    }

    fn show(&mut self, work: Work, done: u64, total: u64) {
        let percent = (u128::from(done) * 100 / u128::from(total.max(1))).min(100) as u64;
        if !self.terminal || self.shown == Some((work, percent)) {
            return;
        }
        self.shown = Some((work, percent));
        let what = match work {
            Work::Verify => "verifying the package",
            Work::Compare => "comparing the directory",
            Work::Stage => "writing the new files",
            Work::Switch => "putting them in place",
            Work::Migrate => "migration steps",
        };
        let _ = write!(std::io::stderr(), "\r\x1b[K{what} {percent}%");
    }

    fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
