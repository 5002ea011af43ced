//! The way to the cards of a service: in the clear or inside TLS, the customer introduced or not.

use super::socket::Socket;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use sid_proxy::http::Peer;
use sid_proxy::proxy_protocol::Header;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How the cards of a service are reached where it is not simply by TCP.
#[derive(Debug)]
pub struct Way {
    number: u64,
    tls: Option<(Arc<ClientConfig>, Option<ServerName<'static>>)>,
    introduce: Option<Introduce>,
}

/// By which version of the PROXY protocol a card is told whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introduce {
    /// A line.
    V1,
    /// Binary, with a checksum.
    V2,
}

/// Which cards are believed to be what they say.
#[derive(Clone, Debug)]
pub enum Trust<'a> {
    /// Those with a certificate of this authority, for this name or, without one, for the card's address.
    Authority {
        /// The authority's certificates, PEM.
        file: &'a Path,
        /// The name in the cards' certificates.
        name: Option<&'a str>,
    },
    /// Those whose certificate has one of these SHA-256 digests.
    Pinned(Vec<[u8; 32]>),
}

impl Way {
    /// A way of its own: its connections are not taken for those of another.
    ///
    /// # Errors
    /// The authority's file cannot be read, or the name is none.
    pub fn new(trust: Option<&Trust<'_>>, introduce: Option<Introduce>) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { number, tls: trust.map(client).transpose()?, introduce })
    }

    /// Tells ways apart.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// True if a connection may serve one customer after another.
    pub(crate) const fn is_shared(&self) -> bool {
        self.introduce.is_none()
    }
}

/// Opens a connection to a card: for HTTP with whatever the service asks for, for sessions that bring or choose their
/// own TLS without any. A health probe has no customer.
pub(crate) async fn dial(
    way: Option<Arc<Way>>,
    address: SocketAddr,
    customer: Option<Peer>,
    http: bool,
) -> io::Result<Socket> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let Some(way) = way else { return Ok(stream.into()) };
    if let Some(introduce) = way.introduce {
        let header = customer.map_or_else(Header::local, |peer| Header::tcp(peer.client, peer.local));
        let mut bytes = Vec::with_capacity(128);
        match introduce {
            Introduce::V1 => header.emit_v1(&mut bytes),
            Introduce::V2 => header.emit_v2(&[], &mut bytes).map_err(io::Error::other)?,
        }
        stream.write_all(&bytes).await?;
    }
    match &way.tls {
        Some((config, name)) if http => {
            let name = name.clone().unwrap_or_else(|| ServerName::from(address.ip()));
            let connector = TlsConnector::from(Arc::clone(config));
            Ok(Socket::Card(Box::new(connector.connect(name, stream).await?)))
        }
        _ => Ok(stream.into()),
    }
}

fn client(trust: &Trust<'_>) -> io::Result<(Arc<ClientConfig>, Option<ServerName<'static>>)> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous();
    let (verifier, name): (Arc<dyn ServerCertVerifier>, _) = match trust {
        Trust::Authority { file, name } => {
            let broken = |error: String| io::Error::other(format!("{}: {error}", file.display()));
            let mut roots = RootCertStore::empty();
            for root in CertificateDer::pem_file_iter(file).map_err(|error| broken(error.to_string()))? {
                let root = root.map_err(|error| broken(error.to_string()))?;
                roots.add(root).map_err(|error| broken(error.to_string()))?;
            }
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let name = name.map(|name| ServerName::try_from(name.to_owned()));
            (
                verifier.map_err(|error| broken(error.to_string()))?,
                name.transpose().map_err(io::Error::other)?,
            )
        }
        Trust::Pinned(pins) => (Arc::new(Pins { pins: pins.clone(), provider }), None),
    };
    let config = builder.with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok((Arc::new(config), name))
}

/// Believes certificates by their digest alone: what they say of names and dates does not matter.
#[derive(Debug)]
struct Pins {
    pins: Vec<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pins {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let digest: [u8; 32] = Sha256::digest(certificate).into();
        if self.pins.contains(&digest) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
