//! The nodes that the tests share. Each is started once, when a test needs it.

use std::collections::HashMap;
use std::env;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use cassandra_harness::{Cluster, DEFAULT_VERSION, Launcher, Options, VERSIONS};
use cqlwire::session::{Session, SessionBuilder};
use libtest_mimic::Failed;
use tokio::runtime::Runtime;

use crate::requirements::Reason;
use crate::values::Shared;

/// Returns the versions to test: all that can be started, or `environment` for a node that already runs.
pub(crate) fn versions() -> &'static [&'static str] {
    if starts_nodes() { &VERSIONS } else { &["environment"] }
}

/// Returns the version on which all tests run: [`DEFAULT_VERSION`], or the one that
/// `CQLWIRE_LIVE_VERSION` names. Clusters and the tests that take minutes run on this version only.
pub(crate) fn full_version() -> &'static str {
    if !starts_nodes() {
        return "environment";
    }
    let named = env::var("CQLWIRE_LIVE_VERSION").unwrap_or_default();
    VERSIONS.into_iter().find(|version| *version == named).unwrap_or(DEFAULT_VERSION)
}

/// Returns true if the tests start and configure the nodes.
pub(crate) fn starts_nodes() -> bool {
    !matches!(Launcher::choose(1), Ok(Launcher::Environment))
}

/// Returns the reason why the tests cannot configure or stop the nodes, or `None` if they start them.
pub(crate) fn not_started() -> Option<&'static Reason> {
    static REASON: LazyLock<Option<Reason>> = LazyLock::new(|| {
        let text = "the nodes of CQLWIRE_CONTACT_POINTS cannot be configured or stopped";
        (!starts_nodes()).then(|| text.to_owned())
    });
    REASON.as_ref()
}

/// Returns the options of a node of a version that [`versions`] returns.
pub(crate) fn options(version: &str) -> Options {
    let options = match starts_nodes() {
        true => Options::new(version),
        false => Options::default(),
    };
    let is_at_least = |version: &str| options.version.as_str() >= version;
    let (masks, transactions) = (is_at_least("5"), is_at_least("6"));
    let set = |options: Options, is_set, key: &str, value: &str| match is_set {
        true => options.set(key, value),
        false => options,
    };
    let options = set(options, masks, "dynamic_data_masking_enabled", "true");
    set(options, transactions, "accord", "{enabled: true}")
}

/// All nodes, by their version and whether they require authentication.
pub(crate) struct Fleet {
    nodes: Mutex<HashMap<(String, bool), Slot>>,
}

type Slot = Arc<OnceLock<Result<Node, String>>>;

/// A running node.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) version: String,
    /// The state that the tests of values share. It is dropped before the node.
    pub(crate) shared: Arc<Shared>,
    keyspaces: Arc<AtomicUsize>,
    /// Held by the running test. `None` if tests may run at once.
    turn: Option<Arc<Mutex<()>>>,
    _cluster: Arc<Cluster>,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self { nodes: Mutex::default() }
    }

    /// Returns the node of a version, which is started on the first call.
    pub(crate) fn node(&self, version: &str, authentication: bool) -> Result<Node, Failed> {
        let slot = {
            let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(nodes.entry((version.to_owned(), authentication)).or_default())
        };
        let started = slot.get_or_init(|| {
            let options = options(version).authentication(authentication);
            let cluster = Cluster::start(&options).map_err(|error| error.to_string())?;
            Ok(Node {
                address: cluster.contact_points()[0],
                version: version.to_owned(),
                shared: Arc::default(),
                keyspaces: Arc::default(),
                turn: (version >= "6").then(Arc::default),
                _cluster: Arc::new(cluster),
            })
        });
        started.clone().map_err(Failed::from)
    }
}

impl Node {
    /// Returns true if the node has at least `version`, or if its version is unknown.
    pub(crate) fn is_at_least(&self, version: &str) -> bool {
        self.version.as_str() >= version
    }

    /// Waits until no other test runs on this node, if its version requires that: schema changes that
    /// run at once can fail or hang on 6.0-alpha2.
    pub(crate) fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        Some(self.turn.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Creates a keyspace for one test, and connects a session that uses it.
    pub(crate) fn session(
        &self,
        runtime: &Runtime,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failed> {
        let keyspace = self.keyspace(runtime)?;
        self.connect(runtime, |builder| change(builder.keyspace(keyspace)))
    }

    /// Returns the name of a keyspace that no test has created.
    pub(crate) fn keyspace_name(&self) -> String {
        let number = self.keyspaces.fetch_add(1, Ordering::SeqCst);
        format!("live_{}_{number}", std::process::id())
    }

    /// Creates a keyspace for one test.
    pub(crate) fn keyspace(&self, runtime: &Runtime) -> Result<String, Failed> {
        let keyspace = self.keyspace_name();
        let create = format!(
            "CREATE KEYSPACE {keyspace} WITH replication = \
             {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
        );
        let session = self.connect(runtime, |builder| builder)?;
        runtime.block_on(session.execute(create, ()))?;
        Ok(keyspace)
    }

    /// Connects a session without a keyspace, unless `change` sets one.
    pub(crate) fn connect(
        &self,
        runtime: &Runtime,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failed> {
        let builder = Session::builder().contact_points([self.address.to_string()]);
        Ok(runtime.block_on(change(builder).connect())?)
    }
}

/// Creates a runtime for one test.
pub(crate) fn runtime() -> Result<Runtime, Failed> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
