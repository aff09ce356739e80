//! The session builder: contact points, default options of requests, and connecting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::cache::PreparedCache;
use super::connect::connect;
use super::error::{Error, ErrorKind};
use super::executor::Executor;
use super::metrics::Recorder;
use super::options::{ExecutionProfile, Options};
use super::retry::{DefaultRetry, RetryPolicy};
use super::throttle::{Gate, Throttle};
use super::timestamps::{MonotonicTimestamps, TimestampGenerator};
use crate::cluster::{
    AddressTranslator, ContactPoint, DEFAULT_PORT, DefaultBalancing, LoadBalancing, Reconnect,
    Settings,
};
use crate::connection::Connector;
#[cfg(feature = "tls")]
use crate::connection::Tls;
use crate::message::Startup;
use crate::protocol::{Authenticator, ConnectionOptions, Credentials};
use crate::wire::{Compression, Consistency, Version};

/// Configures and connects a [`Session`](super::Session).
///
/// ```no_run
/// use cqlwire::session::Session;
///
/// # async fn example() -> Result<(), cqlwire::session::Error> {
/// let session = Session::builder().contact_points(["db1", "10.0.0.2:9043"]).connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `connect` is called"]
pub struct SessionBuilder {
    name: Option<Arc<str>>,
    contact_points: Vec<String>,
    port: u16,
    keyspace: Option<String>,
    connect_retry_for: Duration,
    prepared_cache_size: usize,
    connector: Connector,
    connections: usize,
    reconnect: Reconnect,
    balancing: Arc<dyn LoadBalancing>,
    translator: Option<Arc<dyn AddressTranslator>>,
    local_datacenter: Option<String>,
    fetch_schema: bool,
    schema_agreement: Duration,
    throttle: Option<Throttle>,
    retry: Arc<dyn RetryPolicy>,
    timestamps: Arc<dyn TimestampGenerator>,
    defaults: Options,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        let driver = [
            (Startup::DRIVER_NAME, env!("CARGO_PKG_NAME")),
            (Startup::DRIVER_VERSION, env!("CARGO_PKG_VERSION")),
        ];
        let connection = ConnectionOptions {
            startup: driver.map(|(name, value)| (name.into(), value.into())).to_vec(),
            ..ConnectionOptions::default()
        };
        Self {
            name: None,
            contact_points: Vec::new(),
            port: DEFAULT_PORT,
            keyspace: None,
            connect_retry_for: Duration::ZERO,
            prepared_cache_size: 1_000,
            connector: connection.into(),
            connections: 1,
            reconnect: Reconnect::default(),
            balancing: Arc::new(DefaultBalancing::new()),
            translator: None,
            local_datacenter: None,
            fetch_schema: true,
            schema_agreement: Duration::from_secs(10),
            throttle: None,
            retry: Arc::new(DefaultRetry),
            timestamps: Arc::new(MonotonicTimestamps::default()),
            defaults: Options::NONE,
        }
    }
}

impl SessionBuilder {
    /// Adds servers through which the driver discovers the cluster. Each is a host name or an
    /// address, with or without a port. Default: none; at least one is required.
    pub fn contact_points<S: ToString>(mut self, points: impl IntoIterator<Item = S>) -> Self {
        self.contact_points.extend(points.into_iter().map(|point| point.to_string()));
        self
    }

    /// Sets the name of the session, which labels its metrics. An empty name is an error when the
    /// session connects. Default: `s0`, `s1` and so on.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the port of contact points that are given without a port. Default: 9042.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the keyspace for tables that a statement names without a keyspace. The name is
    /// case-sensitive: lowercase, unless the keyspace was created with a quoted name. An empty
    /// name is an error when the session connects. Default: none.
    pub fn keyspace(mut self, keyspace: impl Into<String>) -> Self {
        self.keyspace = Some(keyspace.into());
        self
    }

    /// Sets the protocol version to try first. If a server does not support it, the driver falls
    /// back to a lower one. Default: v4.
    pub const fn protocol_version(mut self, version: Version) -> Self {
        self.connector.options.version = version;
        self
    }

    /// Sets the compression of frames. If a server does not support it, the driver sends that
    /// server uncompressed frames. Default: none.
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.connector.options.compression = compression.into();
        self
    }

    /// Sets the user name and password, as [`Credentials`], for servers that require
    /// authentication. Default: none.
    pub fn credentials(self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.authenticator(Credentials::new(username, password))
    }

    /// Sets the [`Authenticator`] for servers that require authentication. Default: none.
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.connector.options.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Encrypts connections with TLS. Default: no encryption.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.connector = self.connector.tls(tls);
        self
    }

    /// Sets the default consistency: how many replicas must answer a request. Default: LOCAL_ONE, and
    /// QUORUM for [transactions](crate::session#transactions).
    pub const fn consistency(mut self, consistency: Consistency) -> Self {
        self.defaults.consistency = Some(consistency);
        self
    }

    /// Sets the default page size, in rows. Zero or less turns paging off. Default: 5,000.
    pub const fn page_size(mut self, rows: i32) -> Self {
        self.defaults.page_size = Some(rows);
        self
    }

    /// Sets the default request timeout: the time in which a request must be answered, retries
    /// included. `None` means no timeout; zero is an error when the session connects.
    /// Default: 10 s.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeout = Some(timeout.into());
        self
    }

    /// Sets the time limit for each step of connecting: resolving a contact point's name, opening a
    /// connection (TCP, TLS and the protocol's handshake), and each query that the driver makes for
    /// itself. The driver tries contact points concurrently, each with this limit. Zero is an error
    /// when the session connects. Default: 5 s.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connector.options.handshake_timeout = timeout;
        self
    }

    /// Sets how long [`connect`](Self::connect) retries while an error may pass: servers refuse
    /// connections, close them, do not answer in time or answer that they are not ready, or their
    /// names do not resolve yet. Default: zero, which means no retries.
    ///
    /// Errors that waiting cannot cure end the retries: an invalid configuration, a TLS certificate
    /// that is not trusted, a server without a common protocol version, a keyspace that does not
    /// exist, a wrong user name or password. Only a refusal of the user `cassandra` is retried, for
    /// 15 s, because a new cluster creates this user about 10 s after it has started.
    pub const fn connect_retry_for(mut self, time: Duration) -> Self {
        self.connect_retry_for = time;
        self
    }

    /// Sets how many prepared statements the session caches; the least recently used one is
    /// evicted. Zero counts as 1. Default: 1,000.
    pub const fn prepared_cache_size(mut self, statements: usize) -> Self {
        self.prepared_cache_size = statements;
        self
    }

    /// Changes connection options for which this builder has no method, such as heartbeats and the
    /// requests in flight per connection.
    ///
    /// ```
    /// use cqlwire::session::Session;
    ///
    /// let builder = Session::builder().connection(|options| options.max_in_flight = 4_096);
    /// ```
    pub fn connection(mut self, change: impl FnOnce(&mut ConnectionOptions)) -> Self {
        change(&mut self.connector.options);
        self
    }

    /// Sets the local datacenter, whose nodes are preferred. Default: the datacenter of the first
    /// contact point that answers, or another one while it has no nodes. An empty name, or one that the
    /// cluster does not have, is an error when the session connects.
    pub fn local_datacenter(mut self, name: impl Into<String>) -> Self {
        self.local_datacenter = Some(name.into());
        self
    }

    /// Sets the policy that chooses the node for each request. Default: [`DefaultBalancing`].
    pub fn load_balancing(mut self, balancing: impl LoadBalancing + 'static) -> Self {
        self.balancing = Arc::new(balancing);
        self
    }

    /// Sets the default policy that decides whether a failed request is retried. Default:
    /// [`DefaultRetry`].
    pub fn retry_policy(mut self, policy: impl RetryPolicy + 'static) -> Self {
        self.retry = Arc::new(policy);
        self
    }

    /// Sets the session's profile. It supplies an option only if the option is not set on the
    /// statement, in the statement's profile, or by another method of this builder. Default: none.
    pub fn default_profile(mut self, profile: &ExecutionProfile) -> Self {
        self.defaults.profile = Some(profile.clone());
        self
    }

    /// Sets the number of connections to each node of the local datacenter. Zero counts as 1.
    /// Default: 1.
    ///
    /// A connection carries up to [`max_in_flight`](ConnectionOptions::max_in_flight) requests at a
    /// time (1,024 by default, 32,767 at most). One task serves the connection, and therefore uses
    /// one core at most.
    pub fn connections_per_node(mut self, count: usize) -> Self {
        self.connections = count.max(1);
        self
    }

    /// Sets the delays between attempts to reconnect to a node. Default: 100 ms, doubled after each
    /// failed attempt up to 1 s.
    pub const fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Translates the addresses that nodes advertise into those at which this client reaches them.
    /// Default: no translation.
    pub fn address_translator(mut self, translator: impl AddressTranslator + 'static) -> Self {
        self.translator = Some(Arc::new(translator));
        self
    }

    /// Limits the requests in flight, the requests per second, or both. Default: no limit.
    pub const fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = Some(throttle);
        self
    }

    /// Sets the generator of write timestamps. Default: [`MonotonicTimestamps`].
    pub fn timestamps(mut self, timestamps: impl TimestampGenerator + 'static) -> Self {
        self.timestamps = Arc::new(timestamps);
        self
    }

    /// Sets whether the driver reads the schema, which
    /// [`ClusterState::schema`](crate::cluster::ClusterState::schema) returns. The driver reads it
    /// in the background, after the session has connected. Default: true.
    pub const fn fetch_schema(mut self, fetch: bool) -> Self {
        self.fetch_schema = fetch;
        self
    }

    /// Sets how long a statement that changes the schema waits for schema agreement between the
    /// nodes. After this time the statement returns without agreement, and
    /// [`schema_agreed`](super::QueryResult::schema_agreed) is false. Default: 10 s; at most an
    /// hour.
    ///
    /// All nodes that are up must agree, also those of other datacenters. A node to which the session
    /// does not connect counts as up until a server reports it down. If such a node does not agree in
    /// time, later statements do not wait for it again until its schema version changes.
    pub const fn schema_agreement(mut self, time: Duration) -> Self {
        self.schema_agreement = time;
        self
    }

    /// Connects to the cluster.
    pub(super) async fn open(self) -> Result<Arc<Executor>, Error> {
        self.check_timeouts()?;
        self.check_names()?;
        let points = self
            .contact_points
            .iter()
            .map(|point| ContactPoint::parse(point, self.port))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::new(ErrorKind::Config, error))?;
        if points.is_empty() {
            let text = "cannot connect: no contact points are set; add one with `contact_points`";
            return Err(Error::new(ErrorKind::Config, text));
        }
        let name = self.name.unwrap_or_else(next_name);
        let settings = Settings {
            name: Arc::clone(&name),
            contact_points: points,
            connector: self.connector,
            connections_per_node: self.connections,
            reconnect: self.reconnect,
            load_balancing: self.balancing,
            address_translator: self.translator,
            local_datacenter: self.local_datacenter,
            fetch_schema: self.fetch_schema,
        };
        let executor = Arc::new(Executor {
            cluster: connect(settings, self.keyspace, self.connect_retry_for).await?,
            defaults: self.defaults,
            retry: self.retry,
            timestamps: self.timestamps,
            gate: self.throttle.map(Gate::new),
            agreement: self.schema_agreement,
            prepared: PreparedCache::new(self.prepared_cache_size),
            metrics: Recorder::new(&name),
            #[cfg(feature = "metrics-024")]
            facade: super::facade::Facade::new(&name),
        });
        #[cfg(feature = "metrics-024")]
        executor.start_publishing();
        Ok(executor)
    }

    /// Rejects timeouts of zero, with which every request or connection would fail.
    fn check_timeouts(&self) -> Result<(), Error> {
        let zero = if self.connector.options.handshake_timeout.is_zero() {
            "the connect timeout is zero, so no connection could be opened; set a longer \
             `connect_timeout` (5 s by default)"
        } else if self.defaults.timeout == Some(Some(Duration::ZERO)) {
            "the request timeout is zero, so every request would fail; set a longer `timeout` \
             (10 s by default), or `None` to wait without a limit"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Config, zero))
    }

    /// Rejects empty names. They mostly come from an empty environment variable, and would select
    /// something else than the caller intends: an empty local datacenter, for example, every node.
    fn check_names(&self) -> Result<(), Error> {
        let names = [
            ("local_datacenter", self.local_datacenter.as_deref(), "local datacenter"),
            ("keyspace", self.keyspace.as_deref(), "keyspace"),
            ("name", self.name.as_deref(), "session's name"),
        ];
        match names.into_iter().find(|(_, name, _)| *name == Some("")) {
            Some((setting, _, what)) => {
                let text = format!(
                    "the {what} is an empty text: pass a name to `{setting}`, or do not call it"
                );
                Err(Error::new(ErrorKind::Config, text))
            }
            None => Ok(()),
        }
    }
}

/// Returns the default name of the next session: `s0`, `s1` and so on.
fn next_name() -> Arc<str> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("s{}", NUMBER.fetch_add(1, Ordering::Relaxed)).into()
}
