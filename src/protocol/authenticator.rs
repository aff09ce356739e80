//! Authentication by SASL, in which the server's challenges and the client's responses alternate.

use std::fmt;
use std::net::SocketAddr;

/// The client's side of the authentication, for servers that require it.
///
/// [`Credentials`](super::Credentials) is an authenticator for a user name and a password. The
/// `Debug` output goes into logs, so it must not show secrets.
///
/// ```
/// use std::net::SocketAddr;
/// use cqlwire::protocol::{Authenticator, SaslSession};
///
/// /// Sends a token.
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
///             other => Err(format!("the server's authenticator {other} accepts no tokens")),
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
///         Err("the server did not accept the token".to_owned())
///     }
/// }
/// ```
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Begins the authentication of one connection. `class` is the Java class of the server's
    /// authenticator, from its AUTHENTICATE (v4 §4.2.3). `server` is the server's address, or `None` if
    /// the address is not known.
    ///
    /// # Errors
    /// Returns an error message if the client must not authenticate to this server. The message is
    /// one line without secrets, and becomes the connection's close reason.
    fn start(
        &self,
        class: &str,
        server: Option<SocketAddr>,
    ) -> Result<Box<dyn SaslSession>, String>;
}

/// The authentication of one connection.
///
/// If a method returns an error message, the connection ends. The message must be one line without
/// secrets. The connection also ends if the server sends more than 32 challenges.
pub trait SaslSession: Send {
    /// Returns the token of the first AUTH_RESPONSE; `None` is sent as null.
    ///
    /// # Errors
    /// Returns an error if the token cannot be created.
    fn initial_response(&mut self) -> Result<Option<Vec<u8>>, String>;

    /// Returns the token of the AUTH_RESPONSE to an AUTH_CHALLENGE; `None` is sent as null. The
    /// challenge is empty if the server sent null.
    ///
    /// # Errors
    /// Returns an error if the challenge is invalid.
    fn challenge(&mut self, challenge: &[u8]) -> Result<Option<Vec<u8>>, String>;

    /// Verifies the token of AUTH_SUCCESS, which is empty if the server sent null. Default: accepts
    /// every token.
    ///
    /// # Errors
    /// Returns an error if the token does not prove the server's identity.
    fn success(&mut self, _token: &[u8]) -> Result<(), String> {
        Ok(())
    }
}
