//! TLS by rustls: verification of the server, and the client's certificate.

mod any_host;
mod contents;
mod error;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::environment::Socket;
use crate::protocol::CloseReason;
use any_host::AnyHostName;
use contents::{certificates, private_key};

pub use error::TlsError;
pub(super) use error::close_reason;

/// The TLS configuration of connections.
///
/// By default, the server's certificate has to be signed by a CA that the system trusts, and has to be
/// valid for the host. For a contact point, the host is its configured name or address; for other
/// nodes, it is their IP address.
///
/// The system's root certificates are used instead of a compiled-in list because most clusters have a
/// private CA. Operators install it on the system, and can revoke it without a new build.
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
    /// The trusted CAs, or `None` for the CAs that the system trusts.
    roots: Option<Arc<RootCertStore>>,
    client: Option<Arc<CertifiedKey>>,
    any_host_name: bool,
    server_name: Option<ServerName<'static>>,
    /// The configuration of rustls, built on first use. It is shared so that TLS sessions are resumed.
    config: Arc<OnceLock<Result<Arc<ClientConfig>, TlsError>>>,
    /// True if `config` was supplied as a `rustls::ClientConfig`.
    is_supplied: bool,
}

impl Tls {
    /// Creates the default configuration: TLS 1.2 or 1.3, and the CAs that the system trusts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the CA certificates in `pem` (one or more) instead of the CAs of the system. Further calls
    /// add more CAs. A single certificate may also be in DER.
    ///
    /// # Errors
    /// Returns an error if `pem` has no certificate or an invalid one, or if this configuration was
    /// made from a `rustls::ClientConfig`.
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

    /// Sets the client certificate for servers that request one: the chain, beginning with the client's
    /// own certificate, and the private key, both in PEM. Default: none.
    ///
    /// The certificate without a chain, and the key, may also be in DER. The key is in PKCS#8, PKCS#1 or
    /// SEC1, and is not encrypted.
    ///
    /// # Errors
    /// Returns an error if the chain or the key is invalid, if the key is encrypted or does not belong
    /// to the certificate, if the certificate is X.509 v1, or if this configuration was made from a
    /// `rustls::ClientConfig`. If the file has another format, the error contains the command that
    /// converts it.
    pub fn client_certificate_pem(
        mut self,
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        self.begin_change()?;
        let chain = certificates("client certificate", chain.as_ref())?;
        let key = private_key(key.as_ref())?;
        let client = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| TlsError::client_certificate(&error))?;
        self.client = Some(Arc::new(client));
        Ok(self)
    }

    /// Sets the host name or IP address that every server's certificate has to be valid for, whatever
    /// the server's address is. Default: each server's own name or address.
    ///
    /// # Errors
    /// Returns an error if `name` is neither a host name nor an IP address.
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        let parsed = ServerName::try_from(name.to_owned());
        self.server_name = Some(parsed.map_err(|_| TlsError::bad_name(name))?);
        Ok(self)
    }

    /// Accepts a certificate for any host if a trusted CA has signed the certificate. This is safe only
    /// if the CA signs no certificates except for the nodes of one cluster: the owner of any
    /// certificate from the CA can impersonate every server.
    ///
    /// Has no effect on a configuration that was made from a `rustls::ClientConfig`.
    #[must_use]
    pub fn dangerous_any_host_name(mut self) -> Self {
        if !self.is_supplied {
            self.any_host_name = true;
            self.config = Arc::default();
        }
        self
    }

    /// Performs the TLS handshake on a connected socket.
    pub(super) async fn handshake(
        &self,
        socket: Socket,
        address: SocketAddr,
        host: Option<&str>,
    ) -> Result<TlsStream<Socket>, CloseReason> {
        // On first use, this reads the system's root certificates, which blocks for milliseconds.
        let config = self.config.get_or_init(|| self.build().map(Arc::new)).clone();
        let config = config.map_err(|error| CloseReason::Tls(error.to_string()))?;
        let name = self.expected_name(address, host);
        let connected = TlsConnector::from(config).connect(name, socket).await;
        connected.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CloseReason::EndOfInput { mid_frame: false },
            _ => close_reason(&error),
        })
    }

    /// Returns the name that the server's certificate has to be valid for.
    fn expected_name(&self, address: SocketAddr, host: Option<&str>) -> ServerName<'static> {
        let host = || ServerName::try_from(host?.to_owned()).ok();
        let name = self.server_name.clone().or_else(host);
        name.unwrap_or_else(|| ServerName::IpAddress(address.ip().into()))
    }

    /// Builds the configuration of rustls.
    fn build(&self) -> Result<ClientConfig, TlsError> {
        let provider = provider();
        let roots = self.roots.clone().map_or_else(system_roots, Ok)?;
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

    /// Drops the built configuration of rustls before a change. Returns an error if the caller supplied
    /// that configuration.
    fn begin_change(&mut self) -> Result<(), TlsError> {
        if self.is_supplied {
            return Err(TlsError::has_client_config());
        }
        self.config = Arc::default();
        Ok(())
    }
}

/// Uses a configuration of rustls. Of the settings of [`Tls`], only
/// [`server_name`](Tls::server_name) still applies.
#[cfg(feature = "rustls-023")]
impl From<Arc<ClientConfig>> for Tls {
    fn from(config: Arc<ClientConfig>) -> Self {
        let config = Arc::new(OnceLock::from(Ok(config)));
        Self { config, is_supplied: true, ..Self::default() }
    }
}

/// Omits the client's key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots.as_ref().map(|roots| roots.len()))
            .field("client_certificate", &self.client.is_some())
            .field("any_host_name", &self.any_host_name)
            .field("server_name", &self.server_name)
            .field("is_supplied", &self.is_supplied)
            .finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Returns the CAs that the system trusts. Invalid certificates among them are ignored.
fn system_roots() -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(TlsError::no_roots()),
        false => Ok(Arc::new(roots)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expects_the_name_that_the_user_configured() {
        let address: SocketAddr = "10.0.0.7:9042".parse().unwrap();
        let name = |tls: &Tls, host| tls.expected_name(address, host).to_str().into_owned();
        let tls = Tls::new();
        assert_eq!(name(&tls, Some("db1.example.com")), "db1.example.com");
        assert_eq!(name(&tls, Some("10.0.0.8")), "10.0.0.8");
        // A node that is no contact point, and a host that is not a valid name.
        assert_eq!(name(&tls, None), "10.0.0.7");
        assert_eq!(name(&tls, Some("no name")), "10.0.0.7");
        let tls = tls.server_name("cluster.example.com").unwrap();
        assert_eq!(name(&tls, Some("db1.example.com")), "cluster.example.com");
        assert_eq!(name(&tls, None), "cluster.example.com");
    }

    #[test]
    fn refuses_invalid_certificates_keys_and_names() {
        let error = |tls: Result<Tls, TlsError>| tls.unwrap_err().to_string();
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let half = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        for (pem, what) in [
            ("", "no PEM certificate"),
            ("not PEM", "no PEM certificate"),
            (half, "root certificates"),
            (garbage, "root certificate "),
        ] {
            let line = error(Tls::new().root_certificates_pem(pem));
            assert!(line.contains(what), "{line}");
        }
        let key =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(error(Tls::new().client_certificate_pem(garbage, key)).contains("openssl pkey"));
        assert!(
            error(Tls::new().client_certificate_pem(garbage, "")).contains("no PEM private key")
        );
        assert!(error(Tls::new().server_name("no name")).contains("`no name`"));
    }
}
