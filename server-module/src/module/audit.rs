//! The audit: every event as one line of JSON in STATE/audit.log, for whoever asks next year who did what.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tokio::sync::broadcast::error::RecvError;

use crate::view::EventRow;

use super::handle::Handle;

/// Beyond this the file is put aside as `audit.log.1`, in the place of the one before.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Writes events down until the module ends.
///
/// # Errors
/// The file cannot be written: an audit that is silently missing is worse than none.
pub(super) async fn write(state: &Path, handle: Handle) -> io::Result<()> {
    let path = state.join("audit.log");
    let (mut events, clock) = (handle.subscribe(), handle.clock());
    // The handle would keep the cabinet's task alive.
    drop(handle);
    let mut file = open(&path)?;
    loop {
        let line = match events.recv().await {
            Ok(event) => serde_json::to_string(&EventRow::of(&event, clock))?,
            Err(RecvError::Lagged(lost)) => format!("{{\"lost\":{lost}}}"),
            Err(RecvError::Closed) => return Ok(()),
        };
        writeln!(file, "{line}")?;
        if file.metadata()?.len() > LONGEST {
            std::fs::rename(&path, path.with_extension("log.1"))?;
            file = open(&path)?;
        }
    }
}

fn open(path: &Path) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::cabinet::{Cabinet, Command, Limits, Who};
    use crate::config::Config;
    use crate::module::handle::{Clock, Keeper};
    use crate::module::store::Keeping;

    #[tokio::test]
    async fn who_did_what_is_in_the_file() {
        let directory = std::env::temp_dir().join(format!("audit-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let config = Config::parse("[[card]]\nposition = \"1.1\"\n", None).unwrap();
        let clock = Clock::start();
        let cabinet = Cabinet::new(clock.now(), &config.definition(), [], Limits::default()).unwrap();
        let (keeper, handle) = Keeper::new(cabinet, clock, Keeping::nothing());
        let keeping = tokio::spawn(keeper.run(|_, _| ()));
        let (at, witness) = (directory.clone(), handle.clone());
        let writing = tokio::spawn(async move { write(&at, witness).await });
        tokio::task::yield_now().await;
        for card in ["1.1", "9.9"] {
            let _ = handle.command(Who::module(), Command::StopCard(card.parse().unwrap())).await;
        }
        drop(handle);
        keeping.await.unwrap();
        writing.await.unwrap().unwrap();
        let text = std::fs::read_to_string(directory.join("audit.log")).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["text"], "module (operator, module): stop card 1.1");
        assert_eq!((&lines[1]["wrong"], &lines[1]["event"]), (&true.into(), &"command".into()));
    }
}
