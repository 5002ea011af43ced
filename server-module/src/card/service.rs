//! What a card does for its customers, as the card program starts and stops it.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// How long a stopped program may take to end before it is killed.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a service is looked at whether it still runs.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Something that can be started and stopped. Both are idempotent.
pub(crate) trait Service: Send + 'static {
    /// Starts serving.
    fn start(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Stops serving; running work may finish.
    fn stop(&mut self) -> impl Future<Output = ()> + Send;

    /// Whether it serves now; a program may have ended by itself.
    fn is_running(&mut self) -> bool;
}

/// Turns a kept service on and off; a clone is another lever of the same switch.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    wanted: watch::Sender<bool>,
    running: watch::Receiver<bool>,
}

impl Switch {
    /// A switch that is on, and what it is wired to.
    pub(super) fn on() -> (Self, Wire) {
        let (wanted, wants) = watch::channel(true);
        let (runs, running) = watch::channel(false);
        (Self { wanted, running }, Wire { wants, runs })
    }

    /// Says whether the service is to run.
    pub(super) fn turn(&self, on: bool) {
        self.wanted.send_replace(on);
    }

    /// Whether the service is to run.
    pub(super) fn is_on(&self) -> bool {
        *self.wanted.borrow()
    }

    /// Whether it runs.
    pub(super) fn is_running(&self) -> bool {
        *self.running.borrow()
    }

    /// Waits until the service was started, stopped, or has ended by itself.
    pub(super) async fn turned(&mut self) {
        if self.running.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the service was started once, or could not be.
    pub(super) async fn tried(&mut self) {
        let _ = self.running.changed().await;
    }
}

/// The service's end of a [`Switch`].
#[derive(Debug)]
pub(super) struct Wire {
    wants: watch::Receiver<bool>,
    runs: watch::Sender<bool>,
}

/// Keeps a service as its switch says; one that ends by itself is started again.
pub(super) async fn keep(mut service: impl Service, mut wire: Wire) {
    let mut told = false;
    loop {
        if *wire.wants.borrow_and_update() {
            if let Err(error) = service.start().await {
                tracing::error!("cannot start the service: {error}");
            }
        } else {
            service.stop().await;
        }
        let running = service.is_running();
        let known = *wire.runs.borrow();
        // The first answer counts even when it is no.
        if !told || known != running {
            wire.runs.send_replace(running);
            told = true;
        }
        tokio::select! {
            changed = wire.wants.changed() => if changed.is_err() {
                return service.stop().await;
            },
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
    }
}

/// A program that serves while it runs: started in the card's directory, ended with SIGTERM.
#[derive(Debug)]
pub(crate) struct Program {
    command: Vec<OsString>,
    root: PathBuf,
    child: Option<Child>,
}

impl Program {
    /// A program and its arguments. Without any the card has nothing to start: what it serves is not its program's
    /// business.
    pub(crate) fn new(command: Vec<OsString>, root: PathBuf) -> Self {
        Self { command, root, child: None }
    }
}

impl Service for Program {
    async fn start(&mut self) -> io::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let [program, arguments @ ..] = self.command.as_slice() else { return Ok(()) };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null()).kill_on_drop(true);
        self.child = Some(command.spawn()?);
        Ok(())
    }

    async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // It may have ended in this moment; then the wait below returns at once.
            let _ = kill_process(id, Signal::TERM);
        }
        if tokio::time::timeout(END_TIMEOUT, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }

    fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => self.command.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_starts_in_its_root_and_ends_when_told() {
        let root = tempfile::tempdir().unwrap();
        let script = "touch here; exec sleep 60";
        let mut program =
            Program::new(["sh", "-c", script].map(OsString::from).to_vec(), root.path().to_path_buf());
        assert!(!program.is_running());
        program.start().await.unwrap();
        program.start().await.unwrap();
        for _ in 0..100 {
            if root.path().join("here").exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(program.is_running() && root.path().join("here").exists());
        program.stop().await;
        program.stop().await;
        assert!(!program.is_running());
    }
}
