//! What an update asks of programs: its migration steps, and whether the new version is well.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use update_pack::engine::{Call, Failure};

/// How often a program is looked after while it runs, and the pause before a health command is asked again.
const LOOK: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_secs(1);

/// Programs on this machine that an update may need.
#[derive(Debug, Default, clap::Args)]
pub struct Hands {
    /// Directory of programs for migration steps: STEP check|apply|verify|revert ARGUMENTS, exit status 0 for yes
    #[arg(long, value_name = "DIR")]
    pub steps: Option<PathBuf>,
    /// Shell command that tells whether the new version is well, asked again until it succeeds or its time is over
    #[arg(long, value_name = "COMMAND")]
    pub health: Option<String>,
}

impl Hands {
    /// Carries a migration step out, in the directory that is being updated.
    pub(super) fn step(&self, root: &Path, call: &Call) -> Result<(), Failure> {
        // A package names a program in that directory, and none elsewhere.
        let plain = !call.name.contains('/') && !call.name.starts_with('.');
        let program = self.steps.as_ref().filter(|_| plain).ok_or(Failure::NotFound)?.join(&call.name);
        let program = program.canonicalize().map_err(|_| Failure::NotFound)?;
        let mut command = Command::new(program);
        command.arg(call.verb.to_string()).arg(&call.arguments).current_dir(root);
        command.env("SERVER_MODULE_STEP_ATTEMPT", call.attempt.to_string());
        let end = Instant::now() + Duration::from_secs(u64::from(call.seconds.get()));
        match run(command, end) {
            Some(true) => Ok(()),
            Some(false) => Err(Failure::Other(0)),
            None => Err(Failure::TimedOut),
        }
    }

    /// Whether the version on trial shows until then that it is well.
    pub(super) fn well(&self, root: &Path, end: Instant) -> bool {
        let Some(health) = &self.health else { return false };
        loop {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(health).current_dir(root);
            if run(command, end) == Some(true) {
                return true;
            }
            if Instant::now() + PAUSE >= end {
                std::thread::sleep(end.saturating_duration_since(Instant::now()));
                return false;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Whether a program succeeds; `None` when it has not ended by then and was killed.
fn run(mut command: Command, end: Instant) -> Option<bool> {
    // Stdout is for answers of our own.
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let Ok(mut child) = command.spawn() else { return Some(false) };
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Err(_) => return Some(false),
            Ok(None) if Instant::now() >= end => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            Ok(None) => std::thread::sleep(LOOK),
        }
    }
}
