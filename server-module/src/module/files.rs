//! What a card may read by TFTP: its own files and manifest, made by plug-ins, and the common root.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bootcfg::card::{self, Place};
use bootcfg::tftp::Refusal;
use bootcfg::wire::tftp::FileName;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use tokio::sync::watch;

use crate::cabinet::{self, Alarm, Input, Inventory};
use crate::config::Config;
use crate::drive::tftp::{Content, Source};
use crate::files::{Facts, Unmade, Workshop};

use super::boot;
use super::handle::Handle;
use super::secret::CardSecret;

/// How long changes are gathered before commands run.
const GATHER: Duration = Duration::from_millis(100);

/// When a command that failed is tried again, though nothing has changed.
const AGAIN: Duration = Duration::from_secs(60);

/// The cabinet's files as its cards see them.
pub(super) struct Files {
    handle: Handle,
    config: watch::Receiver<Arc<Config>>,
    secret: CardSecret,
    workshop: Workshop,
}

impl Files {
    pub(super) fn new(
        handle: Handle,
        config: watch::Receiver<Arc<Config>>,
        secret: CardSecret,
        workshop: Workshop,
    ) -> Self {
        Self { handle, config, secret, workshop }
    }

    fn facts(&self, card: &cabinet::Card, inventory: &Inventory) -> Facts {
        Facts::of(card, inventory, &self.config.borrow(), &self.secret.community(card.position))
    }

    fn own(&self, inventory: &Inventory, owner: bootcfg::Position, path: &str) -> Result<Source, Refusal> {
        let card = inventory.card(boot::outside(owner)).ok_or(Refusal::NotFound)?;
        let made = self.workshop.text(path, &self.facts(card, inventory));
        made.map(Source::Bytes).map_err(|why| match why {
            Unmade::Unknown => Refusal::NotFound,
            Unmade::NotYet => Refusal::NotYet,
            Unmade::Failed => Refusal::Broken,
            Unmade::Template(error) => {
                tracing::warn!("a file of card {}: {error}", card.position);
                let alarm = Alarm::FileNotMade { card: card.position, file: path.to_owned() };
                self.handle.try_report(Input::Alarm(alarm));
                Refusal::Broken
            }
        })
    }

    fn common(&self, path: &str) -> Result<Source, Refusal> {
        let root = self.config.borrow().tftp.root.clone().ok_or(Refusal::NotFound)?;
        beneath(&root, path).map(Source::File).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Refusal::NotFound,
            _ => Refusal::Access,
        })
    }
}

impl Content for Files {
    fn open(&self, peer: IpAddr, name: &FileName) -> Result<Source, Refusal> {
        let inventory = self.handle.snapshot();
        let asker = inventory.card_at(peer).map(|card| card.position);
        match card::locate(name, asker.and_then(boot::inside)) {
            Place::Own(owner, path) => self.own(&inventory, owner, path),
            Place::Common(path) => self.common(path),
            Place::Nowhere => Err(Refusal::NotFound),
            Place::Other(owner) => {
                let alarm = match asker {
                    Some(card) => Alarm::ForeignRead { card, of: boot::outside(owner) },
                    None => Alarm::StrangeRead { from: peer },
                };
                self.handle.try_report(Input::Alarm(alarm));
                Err(Refusal::OtherCard(owner))
            }
        }
    }
}

/// Opens a regular file below `root` without leaving it: no `..`, no link that points outside.
fn beneath(root: &Path, path: &str) -> io::Result<File> {
    let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Runs the commands that make files: whenever cards or services change, when other plug-ins are in force, and once
/// a minute those that failed.
pub(super) async fn keep(files: Arc<Files>) {
    let (mut handle, mut plugins) = (files.handle.clone(), files.workshop.plugins());
    loop {
        if plugins.borrow_and_update().commands().next().is_some() {
            let inventory = handle.snapshot();
            let cards: Vec<_> = inventory.cards.values().map(|card| files.facts(card, &inventory)).collect();
            files.workshop.forget_all_but(&cards);
            for (card, file, error) in files.workshop.work(&cards).await {
                tracing::warn!("the command that makes {file} of card {card}: {error}");
                handle.report(Input::Alarm(Alarm::FileNotMade { card, file })).await;
            }
        }
        tokio::select! {
            inventory = handle.changed() => if inventory.is_err() { return },
            other = plugins.changed() => if other.is_err() { return },
            () = tokio::time::sleep(AGAIN) => {}
        }
        tokio::time::sleep(GATHER).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_the_common_root() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(root.path().join("boot.ipxe"), "#!ipxe").unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        std::fs::create_dir(root.path().join("directory")).unwrap();
        std::os::unix::fs::symlink("boot.ipxe", root.path().join("inside")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), root.path().join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("away")).unwrap();
        assert!(beneath(root.path(), "boot.ipxe").is_ok());
        assert!(beneath(root.path(), "inside").is_ok());
        for name in ["out", "away/secret", "../x", "directory", "nothing", "/etc/passwd"] {
            assert!(beneath(root.path(), name).is_err(), "{name}");
        }
    }
}
