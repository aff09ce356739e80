//! How a session is to be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::cache::PreparedCache;
use super::metrics::Recorder;
use super::options::{ExecutionProfile, Options};
use super::throttle::Gate;
use super::{
    DefaultRetry, Error, ErrorKind, Executor, MonotonicTimestamps, RetryPolicy, Session, Throttle,
    TimestampGenerator,
};
use crate::cluster::{
    AddressTranslator, Cluster, ContactPoint, DEFAULT_PORT, DefaultBalancing, LoadBalancing,
    OpenFailure, Reconnect, Settings,
};
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
    name: Option<Arc<str>>,
    contact_points: Vec<String>,
    port: u16,
    keyspace: Option<String>,
    wait: Duration,
    prepared_statements: usize,
    connector: Connector,
    connections: usize,
    reconnect: Reconnect,
    balancing: Arc<dyn LoadBalancing>,
    translator: Option<Arc<dyn AddressTranslator>>,
    local_datacenter: Option<String>,
    fetches_schema: bool,
    agreement: Duration,
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
            wait: Duration::ZERO,
            prepared_statements: 1_000,
            connector: connection.into(),
            connections: 1,
            reconnect: Reconnect::default(),
            balancing: Arc::new(DefaultBalancing::new()),
            translator: None,
            local_datacenter: None,
            fetches_schema: true,
            agreement: Duration::from_secs(10),
            throttle: None,
            retry: Arc::new(DefaultRetry),
            timestamps: Arc::new(MonotonicTimestamps::default()),
            defaults: Options::NONE,
        }
    }
}

impl SessionBuilder {
    /// Adds servers to begin with: names or addresses, with or without a port. Default: none; at
    /// least one is needed.
    pub fn contact_points<S: ToString>(mut self, points: impl IntoIterator<Item = S>) -> Self {
        self.contact_points.extend(points.into_iter().map(|point| point.to_string()));
        self
    }

    /// What the session is called in metrics. Default: `s0`, `s1` and so on.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
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

    /// How long to wait for the answer to a statement, for ever if `None`; and, if it is some time,
    /// for each step of connecting: for each of the contact points, which are tried beside each
    /// other, and for the nodes. Default: 10 s, and 5 s for those steps.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        let timeout = timeout.into();
        self.defaults.timeout = Some(timeout);
        let connecting = &mut self.connector.options.handshake_timeout;
        *connecting = timeout.unwrap_or(*connecting);
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

    /// The datacenter whose nodes are asked. Default: that of the first contact point that answers.
    pub fn local_datacenter(mut self, name: impl Into<String>) -> Self {
        self.local_datacenter = Some(name.into());
        self
    }

    /// Who chooses the node that a request goes to. Default: [`DefaultBalancing`].
    pub fn load_balancing(mut self, balancing: impl LoadBalancing + 'static) -> Self {
        self.balancing = Arc::new(balancing);
        self
    }

    /// Who decides whether a request is made again. Default: [`DefaultRetry`].
    pub fn retry_policy(mut self, policy: impl RetryPolicy + 'static) -> Self {
        self.retry = Arc::new(policy);
        self
    }

    /// How statements are run that do not say otherwise, and whose profiles do not. What is said of
    /// them by the methods above goes before it.
    pub fn default_profile(mut self, profile: &ExecutionProfile) -> Self {
        self.defaults.profile = Some(profile.clone());
        self
    }

    /// How many connections a node has. Default: 1; a connection carries up to 32,768 requests at
    /// a time, and its task runs on one core.
    pub fn connections_per_node(mut self, count: usize) -> Self {
        self.connections = count.max(1);
        self
    }

    /// How long to wait before a node is tried again.
    pub const fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// How the addresses that nodes give of themselves become those that they are reached at.
    /// Default: they are reached there.
    pub fn address_translator(mut self, translator: impl AddressTranslator + 'static) -> Self {
        self.translator = Some(Arc::new(translator));
        self
    }

    /// Limits what is asked of the cluster at a time. Default: nothing does.
    pub const fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = Some(throttle);
        self
    }

    /// Who says when a statement was made. Default: [`MonotonicTimestamps`].
    pub fn timestamps(mut self, timestamps: impl TimestampGenerator + 'static) -> Self {
        self.timestamps = Arc::new(timestamps);
        self
    }

    /// Whether the schema is read, for [`ClusterState::schema`](crate::cluster::ClusterState::schema).
    /// Default: yes, after the session has connected.
    pub const fn schema(mut self, fetched: bool) -> Self {
        self.fetches_schema = fetched;
        self
    }

    /// How long the nodes may take to agree on a change of the schema, before a statement that
    /// makes one is answered all the same. Default: 10 s.
    pub const fn schema_agreement(mut self, time: Duration) -> Self {
        self.agreement = time;
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
            .collect::<Result<Vec<_>, _>>()
            .map_err(|why| Error::new(ErrorKind::Config, why))?;
        if points.is_empty() {
            return Err(Error::new(ErrorKind::Config, "no contact point was given"));
        }
        let name = self.name.unwrap_or_else(next_name);
        let settings = Settings {
            name: Arc::clone(&name),
            points,
            connector: self.connector,
            connections: self.connections,
            reconnect: self.reconnect,
            balancing: self.balancing,
            translator: self.translator,
            local_datacenter: self.local_datacenter,
            fetches_schema: self.fetches_schema,
        };
        let inner = Arc::new(Executor {
            cluster: connect(settings, self.keyspace, self.wait).await?,
            defaults: self.defaults,
            retry: self.retry,
            timestamps: self.timestamps,
            gate: self.throttle.map(Gate::new),
            agreement: self.agreement,
            prepared: PreparedCache::new(self.prepared_statements),
            metrics: Recorder::new(&name),
            #[cfg(feature = "metrics-024")]
            facade: super::facade::Facade::new(&name),
        });
        #[cfg(feature = "metrics-024")]
        super::facade::Facade::start(&inner);
        Ok(Session { inner })
    }
}

/// The name of a session that was given none.
fn next_name() -> Arc<str> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("s{}", NUMBER.fetch_add(1, Ordering::Relaxed)).into()
}

/// Connects, and tries again for some time while no server answers.
async fn connect(
    settings: Settings,
    keyspace: Option<String>,
    wait: Duration,
) -> Result<Cluster, Error> {
    // A time that does not exist is never.
    let deadline = Instant::now().checked_add(wait);
    let mut pause = FIRST_PAUSE;
    loop {
        let failure = match Cluster::connect(settings.clone(), keyspace.clone()).await {
            Ok(cluster) => return Ok(cluster),
            Err(failure) => failure,
        };
        let now = Instant::now();
        let is_over = deadline.is_some_and(|deadline| now >= deadline);
        match failure {
            OpenFailure::Unreachable { each, is_starting: true } if !is_over => {
                info!(failures = each.join("; "), "not there yet");
            }
            failure => return Err(Error::unreachable(failure)),
        }
        let next = now + pause;
        tokio::time::sleep_until(deadline.map_or(next, |end| next.min(end))).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// The pauses between two tries grow from the first to the last: a server that is up must not
/// wait long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);
