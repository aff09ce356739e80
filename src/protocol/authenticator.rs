//! How a client says who it is: SASL, one step of the server and one of the client at a time.

use std::fmt;
use std::net::SocketAddr;

/// Says who the client is, to servers that ask.
///
/// [`Credentials`](super::Credentials) is one, for servers that want a user name and a password.
/// `Debug` must show no secrets: it goes into logs.
///
/// ```
/// use std::net::SocketAddr;
/// use cqlwire::protocol::{Authenticator, SaslSession};
///
/// /// Sends a token of its own kind, once.
/// struct Token(String);
///
/// impl std::fmt::Debug for Token {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str("Token")
///     }
/// }
///
/// impl Authenticator for Token {
///     fn start(
///         &self,
///         class: &str,
///         _server: Option<SocketAddr>,
///     ) -> Result<Box<dyn SaslSession>, String> {
///         match class {
///             "org.example.TokenAuthenticator" => Ok(Box::new(Token(self.0.clone()))),
///             other => Err(format!("the server asks by {other}, which takes no tokens")),
///         }
///     }
/// }
///
/// impl SaslSession for Token {
///     fn initial_response(&mut self) -> Result<Option<Vec<u8>>, String> {
///         Ok(Some(self.0.clone().into_bytes()))
///     }
///
///     fn challenge(&mut self, _challenge: &[u8]) -> Result<Option<Vec<u8>>, String> {
///         Err("the server does not take the token".to_owned())
///     }
/// }
/// ```
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Begins to log in to the server at `server`, as far as that is known, which asks by the
    /// authenticator `class`, a Java class. Every connection begins anew.
    ///
    /// # Errors
    /// Nothing is to be said to that server: why not, in one line and without secrets. The
    /// connection ends with it.
    fn start(
        &self,
        class: &str,
        server: Option<SocketAddr>,
    ) -> Result<Box<dyn SaslSession>, String>;
}

/// One connection's way through an authentication.
///
/// Every method may end the connection by an error: one line, without secrets.
pub trait SaslSession: Send {
    /// What the first AUTH_RESPONSE says; `None` is sent as null.
    ///
    /// # Errors
    /// There is nothing to be said.
    fn initial_response(&mut self) -> Result<Option<Vec<u8>>, String>;

    /// The answer to an AUTH_CHALLENGE, which is empty if the server sent null; `None` is sent as
    /// null.
    ///
    /// # Errors
    /// The challenge is not as it should be.
    fn challenge(&mut self, challenge: &[u8]) -> Result<Option<Vec<u8>>, String>;

    /// Looks at what the server says in its AUTH_SUCCESS, empty if that is null. Default: believes it.
    ///
    /// # Errors
    /// The server is not who it should be.
    fn success(&mut self, _token: &[u8]) -> Result<(), String> {
        Ok(())
    }
}
