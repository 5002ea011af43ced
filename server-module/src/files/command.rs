//! A file made by a command.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::config::Generator;

/// The longest file that a command may write.
pub(super) const MAX_TEXT: u64 = 1 << 20;

/// How much of a failing command's complaint is kept.
const MAX_COMPLAINT: u64 = 1024;

/// Why a command made no file.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started or spoken to.
    #[error("cannot run it: {0}")]
    Io(#[from] io::Error),
    /// It took too long and was ended.
    #[error("it took longer than {0:?} and was ended")]
    TooSlow(Duration),
    /// It wrote more than a file may have.
    #[error("it wrote more than {MAX_TEXT} octets")]
    TooLong,
    /// What it wrote is no text.
    #[error("what it wrote is not UTF-8")]
    NotText,
    /// It said itself that it failed.
    #[error("{status}{}{complaint}", if complaint.is_empty() { "" } else { ": " })]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// The first line that it wrote to stderr.
        complaint: String,
    },
}

/// Runs a generator: facts in on stdin, the file out on stdout. It has no shell, no environment, its own process
/// group, and ends with it when its time is up.
pub(super) async fn run(generator: &Generator, facts: &[u8]) -> Result<String, CommandError> {
    let mut child = Command::new(&generator.program)
        .args(&generator.args)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let timeout = generator.timeout.0;
    let outcome = tokio::time::timeout(timeout, converse(&mut child, facts)).await;
    if !matches!(outcome, Ok(Ok(_)))
        && let Some(group) = group
    {
        // Whoever has ended already is not there to be ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
    outcome.map_err(|_| CommandError::TooSlow(timeout))?
}

async fn converse(child: &mut Child, facts: &[u8]) -> Result<String, CommandError> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let say = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read its facts may still make its file.
            let _ = stdin.write_all(facts).await;
        }
    };
    let (mut text, mut complaint) = (Vec::new(), Vec::new());
    let hear = async {
        match stdout {
            Some(stdout) => stdout.take(MAX_TEXT + 1).read_to_end(&mut text).await,
            None => Ok(0),
        }
    };
    let overhear = async {
        let Some(stderr) = stderr else { return };
        let mut stderr = stderr.take(MAX_COMPLAINT);
        let _ = stderr.read_to_end(&mut complaint).await;
        // The rest is read too, so that the command is not held up, and dropped.
        let _ = tokio::io::copy(&mut stderr.into_inner(), &mut tokio::io::sink()).await;
    };
    let ended = async {
        let ((), heard) = tokio::join!(say, hear);
        if heard? as u64 > MAX_TEXT {
            return Err(CommandError::TooLong);
        }
        Ok(())
    };
    let (ended, ()) = tokio::join!(ended, overhear);
    ended?;
    let status = child.wait().await?;
    if !status.success() {
        let complaint = String::from_utf8_lossy(&complaint).lines().next().unwrap_or_default().to_owned();
        return Err(CommandError::Failed { status, complaint });
    }
    String::from_utf8(text).map_err(|_| CommandError::NotText)
}
