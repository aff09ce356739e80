//! Opens further sessions like the first one.

use super::connect_failure::connect_failure_text;
use crate::cli::{ConnectArgs, with_keyspace};
use crate::session::{Session, SessionBuilder};

/// The way to open further sessions like the first one.
#[derive(Debug, Clone)]
pub(super) enum Connector {
    /// The arguments with which the session was opened.
    Arguments(Box<ConnectArgs>),
    /// The builder of a session whose user cannot change.
    Builder(Box<SessionBuilder>),
}

impl From<ConnectArgs> for Connector {
    fn from(connect: ConnectArgs) -> Self {
        Self::Arguments(Box::new(connect))
    }
}

impl Connector {
    /// Opens a session, to `keyspace` if one is given.
    ///
    /// # Errors
    /// Returns the reason, in cqlsh's words, if that fails.
    pub(super) async fn connect(&mut self, keyspace: Option<&str>) -> Result<Session, String> {
        match self {
            Self::Arguments(connect) => {
                let connected = connect.connect_to(keyspace).await;
                connected.map_err(|failure| {
                    let (address, timeout) = (connect.first_host(), connect.connect_timeout());
                    connect_failure_text(&failure, &address, timeout)
                })
            }
            Self::Builder(builder) => {
                let connected = with_keyspace(builder.as_ref().clone(), keyspace).connect().await;
                connected.map_err(|error| error.to_string())
            }
        }
    }

    /// Returns the first host to connect to, with its port. `None` for a builder.
    pub(super) fn first_host(&self) -> Option<String> {
        match self {
            Self::Arguments(connect) => Some(connect.first_host()),
            Self::Builder(_) => None,
        }
    }
}
