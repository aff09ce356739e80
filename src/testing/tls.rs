//! TLS of the server's connections.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// The TLS configuration of a [`MockServer`](super::MockServer): TLS 1.2 or 1.3, by rustls.
///
/// ```no_run
/// use cqlwire::testing::{MockServer, ServerTls};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = ServerTls::pem(std::fs::read("server.pem")?, std::fs::read("server.key")?)?;
/// let server = MockServer::bind("127.0.0.1:0").await?.tls(tls);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerTls(Arc<ServerConfig>);

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Creates a configuration from the server's certificate chain, beginning with its own certificate,
    /// and its private key, both in PEM. Clients need no certificate.
    ///
    /// # Errors
    /// Returns an error of kind `InvalidInput` if the chain or the key is invalid, if the key is
    /// encrypted, or if it does not belong to the certificate.
    pub fn pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> io::Result<Self> {
        Self::build(chain.as_ref(), key.as_ref(), None)
    }

    /// Creates a configuration as [`pem`](Self::pem) does, and requires clients to have a certificate
    /// from one of the CAs in `client_ca`, in PEM.
    ///
    /// # Errors
    /// Returns the errors of [`pem`](Self::pem), and an error of kind `InvalidInput` if `client_ca` has
    /// no certificate or an invalid one.
    pub fn pem_with_client_ca(
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
        client_ca: impl AsRef<[u8]>,
    ) -> io::Result<Self> {
        Self::build(chain.as_ref(), key.as_ref(), Some(client_ca.as_ref()))
    }

    fn build(chain: &[u8], key: &[u8], client_ca: Option<&[u8]>) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates("certificate chain", chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| invalid("private key", &error.to_string()))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid("TLS configuration", &error.to_string()))?;
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => builder.with_client_cert_verifier(client_verifier(pem, provider)?),
        };
        let config = builder.with_single_cert(chain, key);
        let config = config.map_err(|error| invalid("certificate", &error.to_string()))?;
        Ok(Self(Arc::new(config)))
    }

    pub(super) const fn config(&self) -> &Arc<ServerConfig> {
        &self.0
    }
}

/// Uses a configuration of rustls.
#[cfg(feature = "rustls-023")]
impl From<Arc<ServerConfig>> for ServerTls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self(config)
    }
}

fn client_verifier(
    pem: &[u8],
    provider: Arc<CryptoProvider>,
) -> io::Result<Arc<dyn rustls::server::danger::ClientCertVerifier>> {
    let purpose = "CA of clients";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(purpose, pem)? {
        roots.add(certificate).map_err(|error| invalid(purpose, &error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| invalid(purpose, &error.to_string()))
}

/// Returns the certificates of a PEM file, at least one.
fn certificates(purpose: &str, pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| invalid(purpose, &error.to_string()))?;
    if certificates.is_empty() {
        return Err(invalid(purpose, "the file has no certificate in PEM"));
    }
    Ok(certificates)
}

fn invalid(purpose: &str, reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("invalid {purpose}: {reason}"))
}
