//! TLS between clients and nodes: the certificate authority, and the nodes' keystores.

mod certificates;
mod keystores;

pub use certificates::{Certificates, Identity};
pub(crate) use keystores::{Keystores, PASSWORD};

use std::sync::Arc;

use crate::error::Error;

/// The requirement of a node for the certificates of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// The node requests none.
    Ignored,
    /// The node refuses clients without a certificate over TLS, and also accepts plain connections.
    /// Cassandra 5.0 has no other way to accept both kinds of clients.
    RequiredByTls,
    /// The node refuses clients without a certificate.
    Required,
}

impl ClientCertificates {
    /// Returns the options `optional` and `require_client_auth` of `cassandra.yaml`.
    pub(crate) const fn yaml(self) -> &'static str {
        match self {
            Self::Ignored => "optional: false, require_client_auth: false",
            Self::RequiredByTls => "optional: true, require_client_auth: true",
            Self::Required => "optional: false, require_client_auth: true",
        }
    }
}

/// The TLS settings of the nodes. Nodes with TLS refuse plain connections, unless
/// [`ClientCertificates::RequiredByTls`] is set.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The CA that issues the nodes' certificates, and that the nodes trust for client certificates.
    /// The nodes' certificates are valid for `localhost` and the nodes' addresses.
    pub certificates: Arc<Certificates>,
    /// The requirement for the certificates of clients. [`ClientCertificates::Ignored`] by default.
    pub client_certificates: ClientCertificates,
}

impl Tls {
    /// Returns settings with a new CA, for clients without a certificate.
    ///
    /// # Errors
    /// Returns an error if the system cannot generate a key.
    pub fn new() -> Result<Self, Error> {
        let certificates = Arc::new(Certificates::new()?);
        Ok(Self { certificates, client_certificates: ClientCertificates::Ignored })
    }

    /// Sets whether clients have certificates. Default: [`ClientCertificates::Ignored`].
    #[must_use]
    pub fn client_certificates(mut self, certificates: ClientCertificates) -> Self {
        self.client_certificates = certificates;
        self
    }
}
