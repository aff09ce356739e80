//! How a session is to be.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::cache::PreparedCache;
use super::contact::{ContactPoint, DEFAULT_PORT};
use super::metrics::Recorder;
use super::node::Node;
use super::{Error, ErrorKind, Inner, Session, StatementOptions};
use crate::connection::Connector;
#[cfg(feature = "tls")]
use crate::connection::Tls;
use crate::message::Startup;
use crate::protocol::{Authenticator, ConnectionOptions, Credentials};
use crate::wire::{Compression, Consistency, Version};

/// Describes a session; [`connect`](Self::connect) makes it.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing before `connect`"]
pub struct SessionBuilder {
    contact_points: Vec<String>,
    port: u16,
    keyspace: Option<String>,
    wait: Duration,
    prepared_statements: usize,
    connector: Connector,
    defaults: StatementOptions,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        let defaults = StatementOptions {
            consistency: Some(Consistency::LocalOne),
            page_size: Some(5_000),
            timeout: Some(Duration::from_secs(10)),
            ..StatementOptions::NONE
        };
        let driver = [
            (Startup::DRIVER_NAME, env!("CARGO_PKG_NAME")),
            (Startup::DRIVER_VERSION, env!("CARGO_PKG_VERSION")),
        ];
        let connection = ConnectionOptions {
            startup: driver.map(|(name, value)| (name.into(), value.into())).to_vec(),
            ..ConnectionOptions::default()
        };
        Self {
            contact_points: Vec::new(),
            port: DEFAULT_PORT,
            keyspace: None,
            wait: Duration::ZERO,
            prepared_statements: 1_000,
            connector: connection.into(),
            defaults,
        }
    }
}

impl SessionBuilder {
    /// Adds servers to begin with: names or addresses, with or without a port. Default: none; at
    /// least one is needed.
    pub fn contact_points<S: Into<String>>(mut self, points: impl IntoIterator<Item = S>) -> Self {
        self.contact_points.extend(points.into_iter().map(Into::into));
        self
    }

    /// The port of contact points that name none. Default: 9042.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The keyspace of statements that name none, spelled as the schema spells it.
    pub fn keyspace(mut self, keyspace: impl Into<String>) -> Self {
        self.keyspace = Some(keyspace.into());
        self
    }

    /// The version of the protocol to begin with; a server that does not speak it is asked in a
    /// lower one. Default: v4.
    pub const fn protocol_version(mut self, version: Version) -> Self {
        self.connector.options.version = version;
        self
    }

    /// The compression to ask for. Default: none. A server that has none of that name is not
    /// asked for it.
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.connector.options.compression = compression.into();
        self
    }

    /// The user name and the password for a server that asks, as [`Credentials`]. Default: none.
    pub fn credentials(self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.authenticator(Credentials::new(username, password))
    }

    /// Who says who the client is, to a server that asks. Default: nobody.
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.connector.options.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Connects by TLS. Default: without.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.connector = self.connector.tls(tls);
        self
    }

    /// How many replicas must answer. Default: LOCAL_ONE.
    pub const fn consistency(mut self, consistency: Consistency) -> Self {
        self.defaults.consistency = Some(consistency);
        self
    }

    /// How many rows a page has, more or less. Default: 5,000.
    pub const fn page_size(mut self, rows: i32) -> Self {
        self.defaults.page_size = Some(rows);
        self
    }

    /// How long to wait for the answer to a statement, and for one of the contact points to let us
    /// in. Default: 10 s, and 5 s for the contact points.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.defaults.timeout = Some(timeout);
        self.connector.options.handshake_timeout = timeout;
        self
    }

    /// How long to try again while no server answers, because Cassandra is still starting.
    /// Default: not at all.
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How many prepared statements are kept. Default: 1,000.
    pub const fn prepared_statements(mut self, count: usize) -> Self {
        self.prepared_statements = count;
        self
    }

    /// How connections are opened and watched, where the methods above are not enough.
    pub fn connection(mut self, change: impl FnOnce(&mut ConnectionOptions)) -> Self {
        change(&mut self.connector.options);
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// A description that makes no sense; no server that answers, after
    /// [`wait`](Self::wait) at the latest; a server that refuses the client; a keyspace that is
    /// not there.
    pub async fn connect(self) -> Result<Session, Error> {
        let points = self
            .contact_points
            .iter()
            .map(|point| ContactPoint::parse(point, self.port))
            .collect::<Result<Vec<_>, _>>()?;
        if points.is_empty() {
            return Err(Error::new(ErrorKind::Config, "no contact point was given"));
        }
        // A time that does not exist is never.
        let deadline = Instant::now().checked_add(self.wait);
        let mut pause = FIRST_PAUSE;
        let node = loop {
            let (keyspace, connector) = (self.keyspace.clone(), self.connector.clone());
            match Node::connect(points.clone(), keyspace, connector).await {
                Ok(node) => break node,
                Err(failure) => {
                    let now = Instant::now();
                    if !failure.is_starting || deadline.is_some_and(|deadline| now >= deadline) {
                        return Err(failure.error);
                    }
                    info!(error = %failure.error, "not there yet");
                    let next = now + pause;
                    tokio::time::sleep_until(deadline.map_or(next, |end| next.min(end))).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        };
        Ok(Session {
            inner: Arc::new(Inner {
                node,
                defaults: self.defaults,
                prepared: PreparedCache::new(self.prepared_statements),
                metrics: Recorder::new(),
            }),
        })
    }
}

/// The pauses between two tries grow from the first to the last: a server that is up must not
/// wait long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);
