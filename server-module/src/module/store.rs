//! What was commanded, on disk: the embedded store of the state directory.
//!
//! The core says what to keep ([`Output::Persist`](crate::cabinet::Output::Persist)); one task writes it, as many
//! changes in one transaction as have gathered, and the answer to a command waits for the transaction that has it. What
//! is again as the configuration says is forgotten, so the file stays as small as what was commanded.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use tokio::sync::{mpsc, watch};

use crate::cabinet::Kept;

/// What is kept, by what it is of.
const COMMANDED: TableDefinition<'_, &str, &str> = TableDefinition::new("commanded");

/// The file of the store.
pub(super) struct Store(Database);

impl Store {
    /// Opens the store of a state directory, or begins it; gives what was kept.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Kept>)> {
        let database = Database::create(path).map_err(io::Error::other)?;
        let begin = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            transaction.open_table(COMMANDED)?;
            Ok(transaction.commit()?)
        };
        begin().map_err(io::Error::other)?;
        let store = Self(database);
        let kept = store.read().map_err(io::Error::other)?;
        let parse = |text: &String| serde_json::from_str(text).map_err(io::Error::from);
        let kept = kept.iter().map(parse).collect::<io::Result<_>>()?;
        Ok((store, kept))
    }

    fn read(&self) -> Result<Vec<String>, redb::Error> {
        let table = self.0.begin_read()?.open_table(COMMANDED)?;
        table.iter()?.map(|entry| Ok(entry?.1.value().to_owned())).collect()
    }

    /// Writes changes in one transaction; they are on disk when it returns.
    fn write(&self, changes: &[Kept]) -> Result<(), redb::Error> {
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(COMMANDED)?;
            for kept in changes {
                let key = key(kept);
                // Text, numbers and yes or no: nothing in it can fail to be JSON.
                let text = serde_json::to_string(kept).unwrap_or_default();
                if is_default(kept) {
                    table.remove(key.as_str())?
                } else {
                    table.insert(key.as_str(), text.as_str())?
                };
            }
        }
        Ok(transaction.commit()?)
    }
}

/// What a change is of: the latest change of a thing is all that is kept of it.
fn key(kept: &Kept) -> String {
    match kept {
        Kept::Stopped { card, .. } => format!("card {card}"),
        Kept::ServiceStopped { service, .. } => format!("service {service}"),
        Kept::Label { label, .. } => format!("label {label:?}"),
    }
}

/// Whether things are again as the configuration says.
fn is_default(kept: &Kept) -> bool {
    match kept {
        Kept::Stopped { stopped, .. } | Kept::ServiceStopped { stopped, .. } => !stopped,
        Kept::Label { .. } => false,
    }
}

/// Where changes go that are to be kept, and where their safe arrival is told. Clones are the same keeping.
#[derive(Clone, Debug)]
pub struct Keeping {
    changes: mpsc::UnboundedSender<Kept>,
    /// How many changes were given.
    given: Arc<AtomicU64>,
    /// How many of them are on disk, or lost with an error that was told.
    settled: watch::Receiver<u64>,
}

impl Keeping {
    /// A keeping that keeps nothing: of a cabinet without a disk.
    pub fn nothing() -> Self {
        let (changes, _) = mpsc::unbounded_channel();
        let (_, settled) = watch::channel(u64::MAX);
        Self { changes, given: Arc::default(), settled }
    }

    /// Gives a change.
    pub(super) fn keep(&self, kept: Kept) {
        if self.changes.send(kept).is_ok() {
            self.given.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was given so far is on disk.
    pub(super) async fn settled(&self) {
        let given = self.given.load(Ordering::Relaxed);
        // A task that is gone settles nothing more; the module is ending.
        let _ = self.settled.clone().wait_for(|settled| *settled >= given).await;
    }
}

/// A keeping of a store, and the task that writes. `failed` hears what could not be written.
pub(super) fn keep(
    store: Store,
    mut failed: impl FnMut(redb::Error) + Send,
) -> (Keeping, impl Future<Output = ()> + Send) {
    let (changes, mut arriving) = mpsc::unbounded_channel();
    let (settle, settled) = watch::channel(0);
    let store = Arc::new(store);
    let writing = async move {
        let mut batch = Vec::new();
        while arriving.recv_many(&mut batch, 256).await > 0 {
            let (store, changes) = (Arc::clone(&store), std::mem::take(&mut batch));
            let count = changes.len() as u64;
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || store.write(&changes)).await {
                failed(error);
            }
            settle.send_modify(|settled| *settled += count);
        }
    };
    (Keeping { changes, given: Arc::default(), settled }, writing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cabinet::{Label, Position};

    fn stopped(slot: u8, stopped: bool) -> Kept {
        Kept::Stopped { card: Position::new(1, slot), stopped }
    }

    #[tokio::test]
    async fn the_latest_of_each_thing_comes_back() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("store");
        let (store, kept) = Store::open(&path).unwrap();
        assert_eq!(kept, []);
        let (keeping, writing) = keep(store, |error| panic!("{error}"));
        let label = |text: &str| Kept::Label { label: Label::Contact, text: text.into() };
        for kept in [stopped(1, true), stopped(2, true), label("one"), stopped(1, false), label("two")] {
            keeping.keep(kept);
        }
        tokio::select! {
            () = writing => unreachable!("it writes as long as there is a keeping"),
            () = keeping.settled() => {}
        }
        drop(keeping);
        let (_, kept) = Store::open(&path).unwrap();
        assert_eq!(kept, [stopped(2, true), label("two")]);
    }

    #[tokio::test]
    async fn without_a_disk_nothing_is_waited_for() {
        let keeping = Keeping::nothing();
        keeping.keep(stopped(1, true));
        keeping.settled().await;
    }

    #[test]
    fn a_file_that_is_no_store_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("store");
        std::fs::write(&path, "something else entirely").unwrap();
        assert!(Store::open(&path).is_err());
    }
}
