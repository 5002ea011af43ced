//! Reading the configuration again: whole or not at all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcfg::dhcp::server;
use tokio::sync::watch;

use crate::admin::Accounts;
use crate::cabinet::{Command, Position, Reply, Who};
use crate::config::Config;
use crate::files::{Plugins, Workshop};
use crate::module::shell::Reread;

use super::boot;
use super::handle::Handle;

/// What reads the configuration again and puts it in force.
#[derive(Clone)]
pub(crate) struct Reloader {
    pub(super) file: PathBuf,
    pub(super) handle: Handle,
    pub(super) config: watch::Sender<Arc<Config>>,
    pub(super) dhcp: watch::Sender<Option<server::Config>>,
    pub(super) accounts: Accounts,
    pub(super) workshop: Workshop,
}

impl Reloader {
    /// Itself, as the control socket calls it.
    pub(super) fn reread(self) -> Reread {
        Arc::new(move |who| {
            let reloader = self.clone();
            Box::pin(async move { reloader.reload(who).await })
        })
    }

    /// Reads the file and puts it in force.
    ///
    /// # Errors
    /// Everything that is wrong with the file, or what of it needs a restart; then nothing has changed.
    pub(crate) async fn reload(&self, who: Who) -> Result<Reply, String> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || read(&file)).await;
        let (config, plugins) = read.map_err(|error| error.to_string())??;
        let fixed = fixed(&self.config.borrow(), &config);
        if !fixed.is_empty() {
            return Err(format!("a change of {} needs a restart", fixed.join(", ")));
        }
        let dhcp = boot::server(&config)?;
        let command = Command::Reload(Box::new(config.definition()));
        let reply = self.handle.command(who, command).await.map_err(|error| error.to_string())?;
        // Without accounts in the file the one of the first password stays.
        if !config.admin.users.is_empty() {
            self.accounts.replace(&config.admin.users);
        }
        self.dhcp.send_replace(Some(dhcp));
        self.config.send_replace(Arc::new(config));
        self.workshop.replace(plugins);
        Ok(reply)
    }
}

fn read(file: &Path) -> Result<(Config, Plugins), String> {
    let config = Config::load(file).map_err(|error| error.to_string())?;
    let plugins = Plugins::of(&config).map_err(|error| error.to_string())?;
    Ok((config, plugins))
}

fn bindings(config: &Config) -> BTreeMap<Position, SocketAddr> {
    config.cards.iter().filter_map(|card| Some((card.position, card.public?))).collect()
}

/// The sections that differ and cannot change while the module runs.
fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
    let differs = [
        ("[module]", old.module != new.module),
        ("[network]", old.network != new.network),
        ("[listen]", old.listen != new.listen),
        ("[balancer]", old.balancer != new.balancer),
        ("[[card]] public", bindings(old) != bindings(new)),
        ("[admin] tls", old.admin.tls != new.admin.tls),
        ("[snmp]", old.snmp != new.snmp),
        ("[tls]", old.tls != new.tls),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(section, _)| section).collect()
}
