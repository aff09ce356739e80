//! Who the client is.

use std::fmt;

/// A user name and a password, sent as SASL PLAIN (RFC 4616) to a server that asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// The credentials of `username`.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into() }
    }

    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The token of AUTH_RESPONSE: an empty authorization id, the user name and the password.
    pub(crate) fn token(&self) -> Vec<u8> {
        format!("\0{}\0{}", self.username, self.password).into_bytes()
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
    fn the_password_is_sent_but_not_shown() {
        let credentials = Credentials::new("ada", "s3cret");
        assert_eq!(credentials.token(), b"\0ada\0s3cret");
        assert!(!format!("{credentials:?}").contains("s3cret"));
    }
}
