//! A user name and a password.

use std::fmt;
use std::net::SocketAddr;

use super::{Authenticator, SaslSession};

/// A user name and a password, sent as SASL PLAIN (RFC 4616) to a server that asks.
///
/// PLAIN is what its name says, so it is sent only to authenticators that are known to want it: those
/// of Cassandra, DSE, ScyllaDB and of services that run them. Others have to be
/// [allowed](Self::allow_class). On a network that others read, TLS is needed as well.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
    allowed: Vec<String>,
}

/// Authenticators that are known to want a user name and a password.
const KNOWN: [&str; 11] = [
    "org.apache.cassandra.auth.PasswordAuthenticator",
    "org.apache.cassandra.auth.MutualTlsWithPasswordFallbackAuthenticator",
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

/// DSE wants the mechanism's name first, and asks for the rest by a challenge.
const DSE: &str = "com.datastax.bdp.cassandra.auth.DseAuthenticator";

impl Credentials {
    /// The credentials of `username`.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into(), allowed: Vec::new() }
    }

    /// Sends the password to servers of this authenticator, too: a Java class, with its package.
    #[must_use]
    pub fn allow_class(mut self, class: impl Into<String>) -> Self {
        self.allowed.push(class.into());
        self
    }

    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The token of PLAIN: an empty authorization id, the user name and the password.
    pub(crate) fn token(&self) -> Vec<u8> {
        format!("\0{}\0{}", self.username, self.password).into_bytes()
    }

    fn is_allowed(&self, class: &str) -> bool {
        KNOWN.contains(&class) || self.allowed.iter().any(|allowed| allowed == class)
    }
}

impl Authenticator for Credentials {
    fn start(&self, class: &str, _: Option<SocketAddr>) -> Result<Box<dyn SaslSession>, String> {
        if !self.is_allowed(class) {
            return Err(format!(
                "the server asks by `{class}`, which is not known to want a password, so none was \
                 sent; allow that class if it is yours"
            ));
        }
        if self.username.contains('\0') || self.password.contains('\0') {
            return Err("a user name or a password cannot contain the character 0".to_owned());
        }
        Ok(Box::new(Plain { token: self.token(), names_mechanism: class == DSE }))
    }
}

/// The mechanism PLAIN, which has one answer to whatever is asked.
struct Plain {
    token: Vec<u8>,
    names_mechanism: bool,
}

impl SaslSession for Plain {
    fn initial_response(&mut self) -> Result<Option<Vec<u8>>, String> {
        match self.names_mechanism {
            true => Ok(Some(b"PLAIN".to_vec())),
            false => Ok(Some(self.token.clone())),
        }
    }

    fn challenge(&mut self, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(Some(self.token.clone()))
    }
}

/// The password is not shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_goes_to_those_who_are_known_or_allowed() {
        let credentials = Credentials::new("ada", "s3cret");
        let first = |credentials: &Credentials, class: &str| {
            let mut session = credentials.start(class, None)?;
            session.initial_response()
        };
        let token = Ok(Some(b"\0ada\0s3cret".to_vec()));
        assert_eq!(first(&credentials, KNOWN[0]), token);
        for unknown in ["", "PasswordAuthenticator", "org.example.PasswordAuthenticator"] {
            let why = first(&credentials, unknown).unwrap_err();
            assert!(why.contains(&format!("`{unknown}`")), "{why}");
            let allowed = credentials.clone().allow_class(unknown);
            assert_eq!(first(&allowed, unknown), token);
        }
    }

    #[test]
    fn dse_hears_the_mechanism_first() {
        let mut session = Credentials::new("ada", "s3cret").start(DSE, None).unwrap();
        assert_eq!(session.initial_response(), Ok(Some(b"PLAIN".to_vec())));
        assert_eq!(session.challenge(b"PLAIN-START"), Ok(Some(b"\0ada\0s3cret".to_vec())));
    }

    #[test]
    fn a_zero_would_end_the_name_early() {
        for (username, password) in [("ada\0eve", "s3cret"), ("ada", "s3\0cret")] {
            let credentials = Credentials::new(username, password);
            assert!(credentials.start(KNOWN[0], None).is_err());
        }
    }
}
