//! Authentication by the client's TLS certificate.

use super::authenticator::SaslSession;

/// The authenticator that requires a client certificate (Cassandra 5.0 and later).
pub(super) const MUTUAL_TLS: &str = "org.apache.cassandra.auth.MutualTlsAuthenticator";

/// The authenticator that requires a password of clients without a certificate.
pub(super) const MUTUAL_TLS_OR_PASSWORD: &str =
    "org.apache.cassandra.auth.MutualTlsWithPasswordFallbackAuthenticator";

/// A session for a server that has already identified the client by its certificate. Cassandra 5.0
/// sends AUTHENTICATE nevertheless, and ignores the token. Cassandra 6.0 sends READY.
pub(super) struct ByCertificate;

impl SaslSession for ByCertificate {
    fn initial_response(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(Some(Vec::new()))
    }

    fn challenge(&mut self, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Err("the server did not accept the client's certificate; set a user name and a password, or \
             another client certificate"
            .to_owned())
    }
}
