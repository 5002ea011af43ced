//! What a card may read by TFTP: its own eight files and manifest, rendered when asked for, and the common root.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use bootcfg::card::{self, Description, Manifest, Place};
use bootcfg::tftp::Refusal;
use bootcfg::wire::tftp::FileName;
use bytes::Bytes;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use tokio::sync::watch;

use crate::cabinet::{self, Active, Alarm, Input, Inventory};
use crate::config::Config;
use crate::drive::tftp::{Content, Source};

use super::boot;
use super::handle::Handle;
use super::secret::CardSecret;

/// The cabinet's files as its cards see them.
pub(super) struct Files {
    handle: Handle,
    config: watch::Receiver<Arc<Config>>,
    secret: CardSecret,
}

impl Files {
    pub(super) fn new(handle: Handle, config: watch::Receiver<Arc<Config>>, secret: CardSecret) -> Self {
        Self { handle, config, secret }
    }

    fn own(&self, inventory: &Inventory, owner: bootcfg::Position, path: &str) -> Result<Source, Refusal> {
        let card = inventory.card(boot::outside(owner)).ok_or(Refusal::NotFound)?;
        let render = |file| rendered(file, card, inventory, &self.config.borrow(), &self.secret);
        if path.eq_ignore_ascii_case("manifest") {
            let mut manifest = Manifest::default();
            for file in card::File::ALL {
                manifest.add_file(file.name(), render(file).as_bytes()).map_err(|_| Refusal::Broken)?;
            }
            return Ok(Source::Bytes(Bytes::from(manifest.to_string())));
        }
        let file = card::File::by_name(path).ok_or(Refusal::NotFound)?;
        Ok(Source::Bytes(Bytes::from(render(file))))
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

fn rendered(
    file: card::File,
    card: &cabinet::Card,
    inventory: &Inventory,
    config: &Config,
    secret: &CardSecret,
) -> String {
    let v4 = |address: IpAddr| match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    let Some(position) = boot::inside(card.position) else { return String::new() };
    let actives: Vec<&Active> = inventory.services_of(card.position).collect();
    let sids: Vec<Vec<&str>> =
        actives.iter().map(|active| active.service.sid.iter().map(cabinet::Sid::as_str).collect()).collect();
    let members: Vec<Vec<_>> = actives
        .iter()
        .map(|active| {
            let members = active.members.iter();
            members.filter_map(|member| Some((boot::inside(member.card)?, v4(member.address)))).collect()
        })
        .collect();
    let services: Vec<card::Service<'_>> = actives
        .iter()
        .zip(sids.iter().zip(&members))
        .map(|(active, (sids, members))| card::Service {
            name: active.service.name.as_str(),
            sids,
            port: Some(active.service.port),
            members,
            ..card::Service::default()
        })
        .collect();
    let write = secret.community(card.position);
    card::render(
        file,
        &Description {
            position,
            address: v4(card.address),
            prefix: config.network.internal.length(),
            router: config.network.router,
            dns: &config.network.dns,
            domain: None,
            module_name: inventory.name.as_str(),
            module_address: config.network.address,
            snmp_read: &write,
            snmp_write: &write,
            traps: config.listen.traps.first().copied(),
            services: &services,
        },
    )
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
