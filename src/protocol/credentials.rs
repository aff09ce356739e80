//! Authentication by user name and password.

use std::fmt;
use std::net::SocketAddr;

use super::authenticator::{Authenticator, SaslSession};
use super::certificate::{ByCertificate, MUTUAL_TLS, MUTUAL_TLS_OR_PASSWORD};

/// A user name and a password, sent by SASL PLAIN (RFC 4616) to servers that require them.
///
/// PLAIN sends the password as plain text. The password is therefore sent only to authenticators that
/// are known to require a password: those of Cassandra, DSE, ScyllaDB, and services that run these. It
/// is not sent to `MutualTlsAuthenticator`, which identifies the client by its certificate.
/// [Allow](Self::allow_class) any other class explicitly. Use TLS on networks that are not trusted.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
    allowed: Vec<String>,
}

/// Classes of authenticators that require a user name and a password.
const PASSWORD_CLASSES: [&str; 11] = [
    "org.apache.cassandra.auth.PasswordAuthenticator",
    MUTUAL_TLS_OR_PASSWORD,
    DSE,
    "com.scylladb.auth.SaslauthdAuthenticator",
    "com.scylladb.auth.TransitionalAuthenticator",
    "com.amazon.helenus.auth.HelenusAuthenticator",
    "com.ericsson.bss.cassandra.ecaudit.auth.AuditAuthenticator",
    "com.ericsson.bss.cassandra.ecaudit.auth.AuditPasswordAuthenticator",
    "com.instaclustr.cassandra.auth.InstaclustrPasswordAuthenticator",
    "com.instaclustr.cassandra.auth.SharedSecretAuthenticator",
    "io.aiven.cassandra.auth.AivenAuthenticator",
];

/// The authenticator of DSE. It expects the name of the mechanism in the first AUTH_RESPONSE, and
/// requests the token with an AUTH_CHALLENGE.
const DSE: &str = "com.datastax.bdp.cassandra.auth.DseAuthenticator";

impl Credentials {
    /// Creates credentials from a user name and a password. If either is empty, the client does not
    /// log in to servers that require them.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into(), allowed: Vec::new() }
    }

    /// Allows the password to be sent to servers whose authenticator is `class`, a Java class name with
    /// its package.
    #[must_use]
    pub fn allow_class(mut self, class: impl Into<String>) -> Self {
        self.allowed.push(class.into());
        self
    }

    /// Returns the user name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Returns the token of PLAIN: an empty authorization id, the user name and the password.
    pub(crate) fn token(&self) -> Vec<u8> {
        format!("\0{}\0{}", self.username, self.password).into_bytes()
    }

    fn is_allowed(&self, class: &str) -> bool {
        PASSWORD_CLASSES.contains(&class) || self.allowed.iter().any(|allowed| allowed == class)
    }
}

impl Authenticator for Credentials {
    fn start(&self, class: &str, _: Option<SocketAddr>) -> Result<Box<dyn SaslSession>, String> {
        if class == MUTUAL_TLS && !self.is_allowed(class) {
            return Ok(Box::new(ByCertificate));
        }
        if !self.is_allowed(class) {
            return Err(format!(
                "the password was not sent: the server's authenticator `{class}` is not known to \
                 require a password; allow this class if you trust it"
            ));
        }
        // PLAIN requires at least one character of each (RFC 4616 §2).
        if self.username.is_empty() || self.password.is_empty() {
            let empty = if self.username.is_empty() { "user name" } else { "password" };
            return Err(format!("the {empty} is empty: set both in the credentials"));
        }
        if self.username.contains('\0') || self.password.contains('\0') {
            return Err(
                "the user name and the password must not contain the character NUL".to_owned()
            );
        }
        let sends_mechanism = class == DSE;
        Ok(Box::new(Plain { class: class.to_owned(), token: Some(self.token()), sends_mechanism }))
    }
}

/// A session of the mechanism PLAIN, which sends its token once.
struct Plain {
    /// The Java class of the server's authenticator.
    class: String,
    /// The token, or `None` once it was sent.
    token: Option<Vec<u8>>,
    /// True if the first response is the name of the mechanism.
    sends_mechanism: bool,
}

impl SaslSession for Plain {
    fn initial_response(&mut self) -> Result<Option<Vec<u8>>, String> {
        match self.sends_mechanism {
            true => Ok(Some(b"PLAIN".to_vec())),
            false => Ok(self.token.take()),
        }
    }

    fn challenge(&mut self, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        match self.token.take() {
            Some(token) => Ok(Some(token)),
            // PLAIN has a single message. A server that requires another one uses another mechanism.
            None => Err(format!(
                "the server's authenticator `{}` neither accepted nor rejected the password, but \
                 requires further steps; use an `Authenticator` that implements its mechanism",
                self.class
            )),
        }
    }
}

/// Omits the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_the_password_only_to_known_and_allowed_classes() {
        let credentials = Credentials::new("ada", "s3cret");
        let first = |credentials: &Credentials, class: &str| {
            let mut session = credentials.start(class, None)?;
            session.initial_response()
        };
        let token = Ok(Some(b"\0ada\0s3cret".to_vec()));
        assert_eq!(first(&credentials, PASSWORD_CLASSES[0]), token);
        for unknown in ["", "PasswordAuthenticator", "org.example.PasswordAuthenticator"] {
            let error = first(&credentials, unknown).unwrap_err();
            assert!(error.contains(&format!("`{unknown}`")), "{error}");
            let allowed = credentials.clone().allow_class(unknown);
            assert_eq!(first(&allowed, unknown), token);
        }
    }

    #[test]
    fn sends_the_mechanism_first_to_dse() {
        let mut session = Credentials::new("ada", "s3cret").start(DSE, None).unwrap();
        assert_eq!(session.initial_response(), Ok(Some(b"PLAIN".to_vec())));
        assert_eq!(session.challenge(b"PLAIN-START"), Ok(Some(b"\0ada\0s3cret".to_vec())));
        assert!(session.challenge(b"PLAIN-START").is_err(), "the password was sent again");
    }

    #[test]
    fn sends_the_password_once() {
        let mut session =
            Credentials::new("ada", "s3cret").start(PASSWORD_CLASSES[0], None).unwrap();
        assert_eq!(session.initial_response(), Ok(Some(b"\0ada\0s3cret".to_vec())));
        let error = session.challenge(b"").unwrap_err();
        assert!(error.contains(PASSWORD_CLASSES[0]) && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn refuses_nul_characters_and_empty_texts() {
        for (username, password, problem) in [
            ("ada\0eve", "s3cret", "NUL"),
            ("ada", "s3\0cret", "NUL"),
            ("", "s3cret", "the user name is empty"),
            ("ada", "", "the password is empty"),
        ] {
            let credentials = Credentials::new(username, password);
            let error = credentials.start(PASSWORD_CLASSES[0], None).err().unwrap();
            assert!(error.contains(problem), "{error}");
        }
    }
}
