//! The nodes that the tests share, each started once, when it is needed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cassandra_harness::{Cluster, Launcher, Options, VERSIONS};
use cqlwire::session::{Session, SessionBuilder};
use libtest_mimic::Failed;
use tokio::runtime::Runtime;

use crate::values::Shared;

/// The versions that are tested: all that can be started, or the one that is there already.
pub(crate) fn versions() -> &'static [&'static str] {
    if can_choose() { &VERSIONS } else { &["environment"] }
}

/// Whether the nodes are ours to start, and to configure.
pub(crate) fn can_choose() -> bool {
    !matches!(Launcher::choose(1), Ok(Launcher::Environment))
}

/// Every node, by its version and whether its users log in.
pub(crate) struct Fleet {
    nodes: Mutex<HashMap<(String, bool), Slot>>,
}

type Slot = Arc<OnceLock<Result<Node, String>>>;

/// A running node.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) version: String,
    /// What the tests of values share; it ends before the node does.
    pub(crate) shared: Arc<Shared>,
    keyspaces: Arc<AtomicUsize>,
    _cluster: Arc<Cluster>,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self { nodes: Mutex::default() }
    }

    /// The node of a version; it is started if it is not there yet.
    pub(crate) fn node(&self, version: &str, authentication: bool) -> Result<Node, Failed> {
        let slot = {
            let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(nodes.entry((version.to_owned(), authentication)).or_default())
        };
        let started = slot.get_or_init(|| {
            let mut options = match can_choose() {
                true => Options::new(version),
                false => Options::default(),
            };
            if options.version.as_str() >= "5" {
                "dynamic_data_masking_enabled: true\n".clone_into(&mut options.yaml);
            }
            let cluster = Cluster::start(&options.authentication(authentication))
                .map_err(|error| error.to_string())?;
            Ok(Node {
                address: cluster.contact_points()[0],
                version: version.to_owned(),
                shared: Arc::default(),
                keyspaces: Arc::default(),
                _cluster: Arc::new(cluster),
            })
        });
        started.clone().map_err(Failed::from)
    }
}

impl Node {
    /// Whether this is a node of at least `version`, as far as is known.
    pub(crate) fn is_at_least(&self, version: &str) -> bool {
        self.version.as_str() >= version
    }

    /// A keyspace of a test's own, and a session that uses it.
    pub(crate) fn session(
        &self,
        runtime: &Runtime,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failed> {
        let keyspace = self.keyspace(runtime)?;
        self.connect(runtime, |builder| change(builder.keyspace(keyspace)))
    }

    /// A keyspace of a test's own.
    pub(crate) fn keyspace(&self, runtime: &Runtime) -> Result<String, Failed> {
        let number = self.keyspaces.fetch_add(1, Ordering::SeqCst);
        let keyspace = format!("live_{}_{number}", std::process::id());
        let create = format!(
            "CREATE KEYSPACE {keyspace} WITH replication = \
             {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
        );
        let session = self.connect(runtime, |builder| builder)?;
        runtime.block_on(session.execute(create, ()))?;
        Ok(keyspace)
    }

    /// A session that uses no keyspace, unless `change` names one.
    pub(crate) fn connect(
        &self,
        runtime: &Runtime,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failed> {
        let builder = Session::builder().contact_points([self.address.to_string()]);
        Ok(runtime.block_on(change(builder).connect())?)
    }
}

/// A runtime for one test.
pub(crate) fn runtime() -> Result<Runtime, Failed> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
