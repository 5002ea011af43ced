//! The admin pages' certificate: the operator's own, or one that the module signs itself and keeps.

use crate::cabinet::Certificate;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

/// A TLS identity ready to serve.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The configuration of a server with this certificate.
    pub server: Arc<ServerConfig>,
    /// The certificate's SHA-256, as browsers show it: pairs of digits with colons.
    pub fingerprint: String,
}

impl Identity {
    /// The same for customers who may choose among these protocols (RFC 7301).
    #[must_use]
    pub fn speaking(&self, protocols: &[&[u8]]) -> Arc<ServerConfig> {
        let mut server = ServerConfig::clone(&self.server);
        server.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(server)
    }

    /// The operator's own certificate.
    ///
    /// # Errors
    /// The files cannot be read, or are no certificate and its key.
    pub fn load(files: &Certificate) -> io::Result<Self> {
        let broken = |path: &Path, error: String| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
        };
        let chain = CertificateDer::pem_file_iter(&files.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| broken(&files.cert, error.to_string()))?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|error| broken(&files.key, error.to_string()))?;
        let first = chain.first().ok_or_else(|| broken(&files.cert, "no certificate in it".into()))?;
        let digest = Sha256::digest(first);
        let fingerprint = digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| broken(&files.cert, error.to_string()))?;
        Ok(Self { server: Arc::new(server), fingerprint })
    }

    /// The module's own certificate, made on first use and kept in the state directory: `NAME.pem` and `NAME.key`
    /// (mode 0600).
    ///
    /// # Errors
    /// The state directory cannot be used, or its files are no certificate and its key.
    pub fn own(state: &Path, name: &str, hosts: Vec<String>) -> io::Result<Self> {
        let files =
            Certificate { cert: state.join(format!("{name}.pem")), key: state.join(format!("{name}.key")) };
        if !(files.cert.exists() && files.key.exists()) {
            let made = rcgen::generate_simple_self_signed(hosts).map_err(io::Error::other)?;
            fs::create_dir_all(state)?;
            write_private(&files.key, made.signing_key.serialize_pem().as_bytes())?;
            fs::write(&files.cert, made.cert.pem())?;
        }
        Self::load(&files)
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub(super) fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let temporary = path.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(temporary, path)
}
