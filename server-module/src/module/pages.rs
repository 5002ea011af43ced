//! The admin pages' accounts and certificate.

use std::io;
use std::net::SocketAddr;

use crate::admin::{Accounts, Identity};
use crate::config::Config;

/// The configuration's accounts; where it has none, an operator whose password is in the state directory.
pub(super) fn accounts(config: &Config) -> io::Result<Accounts> {
    if !config.admin.users.is_empty() {
        return Ok(Accounts::new(&config.admin.users));
    }
    let (accounts, path) = Accounts::first(&config.module.state)?;
    tracing::warn!("no [admin] users: log in as operator with the password in {}", path.display());
    Ok(accounts)
}

/// The configuration's certificate, or the module's own for the names and addresses that it has.
pub(super) fn identity(config: &Config) -> io::Result<Identity> {
    if let Some(files) = &config.admin.tls {
        return Identity::load(files);
    }
    let addresses =
        config.listen.admin.iter().map(SocketAddr::ip).filter(|address| !address.is_unspecified());
    let mut hosts: Vec<String> = addresses.map(|address| address.to_string()).collect();
    hosts.extend([
        "localhost".to_owned(),
        config.module.name.to_string(),
        config.network.address.to_string(),
    ]);
    hosts.dedup();
    let identity = Identity::own(&config.module.state, "admin", hosts)?;
    tracing::info!(fingerprint = identity.fingerprint, "the admin pages have a certificate of their own");
    Ok(identity)
}
