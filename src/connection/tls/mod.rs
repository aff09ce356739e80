//! TLS by rustls: who the server must be, and who the client is.

mod any_host;
mod error;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::protocol::CloseReason;
use any_host::AnyHostName;

pub use error::TlsError;
pub(super) use error::reason;

/// How connections are kept secret, and who the server must be.
///
/// By default the server's certificate has to be signed by a CA that this system trusts, and to
/// name the host: the one that was given as contact point, be it a name or an address; for nodes that
/// the cluster names, their address.
///
/// The system's roots and not a list that is compiled in: clusters mostly have a CA of their house,
/// which its operators install there, and what they withdraw is gone without a new build.
///
/// ```no_run
/// use cqlwire::connection::Tls;
/// use cqlwire::session::Session;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = Tls::new()
///     .root_certificates_pem(std::fs::read("ca.pem")?)?
///     .client_certificate_pem(std::fs::read("client.pem")?, std::fs::read("client.key")?)?;
/// let session = Session::builder().contact_points(["db1.example.com"]).tls(tls).connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    /// Who is trusted to sign; those that the system trusts, if nobody is named.
    roots: Option<Arc<RootCertStore>>,
    client: Option<Arc<CertifiedKey>>,
    any_host_name: bool,
    server_name: Option<ServerName<'static>>,
    /// Made when it is needed first, and shared from then on, so that sessions are resumed.
    config: Arc<OnceLock<Result<Arc<ClientConfig>, TlsError>>>,
    is_given: bool,
}

impl Tls {
    /// TLS 1.2 or 1.3, with a server whose certificate the system trusts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts only these CAs, and those of further calls, in place of the system's: one or more
    /// certificates in PEM.
    ///
    /// # Errors
    /// The text holds no certificate, or one that cannot be read.
    pub fn root_certificates_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        self.begin_change()?;
        let mut roots =
            self.roots.take().map(Arc::unwrap_or_clone).unwrap_or(RootCertStore::empty());
        for certificate in certificates("root certificates", pem.as_ref())? {
            roots
                .add(certificate)
                .map_err(|error| TlsError::unusable("root certificate", &error))?;
        }
        self.roots = Some(Arc::new(roots));
        Ok(self)
    }

    /// Shows this certificate to servers that ask for one: its chain, the client's own first, and
    /// its private key, both in PEM.
    ///
    /// # Errors
    /// One of the texts cannot be read, the key is encrypted, or it is not that of the certificate.
    pub fn client_certificate_pem(
        mut self,
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        self.begin_change()?;
        let chain = certificates("client certificate", chain.as_ref())?;
        let key = private_key(key.as_ref())?;
        let client = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| TlsError::unusable("client certificate", &error))?;
        self.client = Some(Arc::new(client));
        Ok(self)
    }

    /// The name or the address that every server's certificate must have, whatever the way to it.
    ///
    /// # Errors
    /// It is neither.
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        let parsed = ServerName::try_from(name.to_owned());
        self.server_name = Some(parsed.map_err(|_| TlsError::bad_name(name))?);
        Ok(self)
    }

    /// Accepts a certificate for any host, as long as a CA has signed it that is trusted: whoever
    /// has one of those can then pretend to be any server. For CAs that sign for one cluster only.
    ///
    /// This changes nothing about a `rustls::ClientConfig` that was given.
    #[must_use]
    pub fn dangerous_any_host_name(mut self) -> Self {
        if !self.is_given {
            self.any_host_name = true;
            self.config = Arc::default();
        }
        self
    }

    /// Agrees with the server on the keys.
    pub(super) async fn handshake(
        &self,
        socket: TcpStream,
        address: SocketAddr,
        host: Option<&str>,
    ) -> Result<TlsStream<TcpStream>, CloseReason> {
        // The system's roots are read from its disk, once and for some milliseconds.
        let config = self.config.get_or_init(|| self.make().map(Arc::new)).clone();
        let config = config.map_err(|error| CloseReason::Tls(error.to_string()))?;
        let name = self.name(address, host);
        let connected = TlsConnector::from(config).connect(name, socket).await;
        connected.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CloseReason::EndOfInput { mid_frame: false },
            _ => reason(&error),
        })
    }

    /// Who the server must be.
    fn name(&self, address: SocketAddr, host: Option<&str>) -> ServerName<'static> {
        let host = || ServerName::try_from(host?.to_owned()).ok();
        let named = self.server_name.clone().or_else(host);
        named.unwrap_or_else(|| ServerName::IpAddress(address.ip().into()))
    }

    fn make(&self) -> Result<ClientConfig, TlsError> {
        let provider = provider();
        let roots = self.roots.clone().map_or_else(roots_of_the_system, Ok)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::unusable("cryptography", &error))?;
        let builder = match self.any_host_name {
            true => {
                let verifier = Arc::new(AnyHostName::new(roots, &provider));
                builder.dangerous().with_custom_certificate_verifier(verifier)
            }
            false => builder.with_root_certificates(roots),
        };
        Ok(match &self.client {
            Some(client) => {
                let client = SingleCertAndKey::from(Arc::clone(client));
                builder.with_client_cert_resolver(Arc::new(client))
            }
            None => builder.with_no_client_auth(),
        })
    }

    fn begin_change(&mut self) -> Result<(), TlsError> {
        if self.is_given {
            return Err(TlsError::given());
        }
        self.config = Arc::default();
        Ok(())
    }
}

/// What rustls itself was told, in place of all but [`server_name`](Tls::server_name).
#[cfg(feature = "rustls-023")]
impl From<Arc<ClientConfig>> for Tls {
    fn from(config: Arc<ClientConfig>) -> Self {
        let config = Arc::new(OnceLock::from(Ok(config)));
        Self { config, is_given: true, ..Self::default() }
    }
}

/// The client's key is not shown.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots.as_ref().map(|roots| roots.len()))
            .field("client_certificate", &self.client.is_some())
            .field("any_host_name", &self.any_host_name)
            .field("server_name", &self.server_name)
            .field("is_given", &self.is_given)
            .finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Whom the system trusts. A certificate there that cannot be read is nobody's problem here.
fn roots_of_the_system() -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(TlsError::no_roots()),
        false => Ok(Arc::new(roots)),
    }
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(TlsError::no_certificate(what)),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsError::unusable(what, &error)),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        let is_encrypted = String::from_utf8_lossy(pem).contains("ENCRYPTED");
        TlsError::bad_key(is_encrypted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_counts_is_the_one_that_the_user_wrote() {
        let address: SocketAddr = "10.0.0.7:9042".parse().unwrap();
        let name = |tls: &Tls, host| tls.name(address, host).to_str().into_owned();
        let tls = Tls::new();
        assert_eq!(name(&tls, Some("db1.example.com")), "db1.example.com");
        assert_eq!(name(&tls, Some("10.0.0.8")), "10.0.0.8");
        // Found by asking a node, or a name that none can be.
        assert_eq!(name(&tls, None), "10.0.0.7");
        assert_eq!(name(&tls, Some("no name")), "10.0.0.7");
        let tls = tls.server_name("cluster.example.com").unwrap();
        assert_eq!(name(&tls, Some("db1.example.com")), "cluster.example.com");
        assert_eq!(name(&tls, None), "cluster.example.com");
    }

    #[test]
    fn what_cannot_be_used_is_refused_at_once() {
        let said = |tls: Result<Tls, TlsError>| tls.unwrap_err().to_string();
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let half = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        for (pem, what) in [
            ("", "no certificate in PEM"),
            ("not PEM", "no certificate in PEM"),
            (half, "root certificates"),
            (garbage, "root certificate "),
        ] {
            let line = said(Tls::new().root_certificates_pem(pem));
            assert!(line.contains(what), "{line}");
        }
        let key =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(said(Tls::new().client_certificate_pem(garbage, key)).contains("openssl pkey"));
        assert!(said(Tls::new().client_certificate_pem(garbage, "")).contains("no private key"));
        assert!(said(Tls::new().server_name("no name")).contains("`no name`"));
    }
}
