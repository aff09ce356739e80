//! TLS between clients and nodes: the certificate authority, and the nodes' keystores.

mod certificates;
mod keystores;

pub use certificates::{Certificates, Identity};
pub(crate) use keystores::{Keystores, PASSWORD};

use std::sync::Arc;

use crate::error::Error;

/// The TLS settings of the nodes. Nodes with TLS refuse plain connections.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The CA that issues the nodes' certificates, and that the nodes trust for client certificates.
    /// The nodes' certificates are valid for `localhost` and the nodes' addresses.
    pub certificates: Arc<Certificates>,
    /// True if clients must have a certificate. False by default.
    pub client_certificates: bool,
}

impl Tls {
    /// Returns settings with a new CA, for clients without a certificate.
    ///
    /// # Errors
    /// Returns an error if the system cannot generate a key.
    pub fn new() -> Result<Self, Error> {
        let certificates = Arc::new(Certificates::new()?);
        Ok(Self { certificates, client_certificates: false })
    }

    /// Sets whether clients must have a certificate. Default: false.
    #[must_use]
    pub fn client_certificates(mut self, required: bool) -> Self {
        self.client_certificates = required;
        self
    }
}
