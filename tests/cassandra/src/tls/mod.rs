//! TLS between clients and nodes: who signs, and what a node has of it.

mod certificates;
mod keystores;

pub use certificates::{Certificates, Identity};
pub(crate) use keystores::{Keystores, PASSWORD};

use std::sync::Arc;

use crate::error::Error;

/// How clients reach the nodes by TLS. Plain connections are refused.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The CA that signs the nodes' certificates, and that the nodes trust to sign for clients. The
    /// nodes' certificates are for `localhost` and the nodes' addresses.
    pub certificates: Arc<Certificates>,
    /// Whether clients must have a certificate. Off by default.
    pub client_certificates: bool,
}

impl Tls {
    /// TLS with a CA of its own, for clients without a certificate.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, Error> {
        let certificates = Arc::new(Certificates::new()?);
        Ok(Self { certificates, client_certificates: false })
    }

    /// Sets whether clients must have a certificate.
    #[must_use]
    pub fn client_certificates(mut self, required: bool) -> Self {
        self.client_certificates = required;
        self
    }
}
