//! Clusters of several nodes: routing, and nodes that are killed, frozen or restarted.
//!
//! The tests of one cluster run one after another, because they stop its nodes. The cluster ends after
//! the last of its tests.

mod bulk;
mod crash;
mod datacenters;
mod frozen;
mod load;
mod mixed;
mod nodes;
mod replicas;
mod restart;
mod routing;
mod schema;

use std::sync::{Arc, Mutex, PoisonError};

use cassandra_harness::{DEFAULT_VERSION, Options};
use libtest_mimic::{Failed, Trial};

use crate::fleet;
use crate::requirements::{self, missing_launcher, missing_python};
use nodes::Nodes;

/// A test that runs against one cluster.
type Test = fn(&Nodes) -> Result<(), Failed>;

const THREE_NODES: &[(&str, Test)] = &[
    (
        "replicas::replicas_match_the_python_driver_and_nodetool",
        replicas::replicas_match_the_python_driver_and_nodetool,
    ),
    ("routing::sends_requests_to_replicas", routing::sends_requests_to_replicas),
    ("routing::reads_a_table_by_token_ranges", routing::reads_a_table_by_token_ranges),
    ("routing::loads_a_table_on_all_nodes", routing::loads_a_table_on_all_nodes),
    (
        "routing::uses_all_nodes_without_token_awareness",
        routing::uses_all_nodes_without_token_awareness,
    ),
    ("schema::all_sessions_see_schema_changes", schema::all_sessions_see_schema_changes),
    (
        "frozen::reads_from_other_nodes_while_one_is_frozen",
        frozen::reads_from_other_nodes_while_one_is_frozen,
    ),
    ("crash::no_write_fails_when_a_node_is_killed", crash::no_write_fails_when_a_node_is_killed),
    (
        "bulk::unloads_what_was_loaded_although_programs_and_a_node_are_killed",
        bulk::unloads_what_was_loaded_although_programs_and_a_node_are_killed,
    ),
    (
        "restart::no_write_fails_during_a_rolling_restart",
        restart::no_write_fails_during_a_rolling_restart,
    ),
];

/// The tests that run only with Python.
const NEED_PYTHON: &[&str] = &["replicas::replicas_match_the_python_driver_and_nodetool"];

const FROM_4_1_TO_5_0: &[(&str, Test)] = &[(
    "mixed::reads_and_writes_in_a_mixed_version_cluster",
    mixed::reads_and_writes_in_a_mixed_version_cluster,
)];

const TWO_DATACENTERS: &[(&str, Test)] = &[(
    "datacenters::serves_requests_while_a_datacenter_fails_and_nodes_move_and_leave",
    datacenters::serves_requests_while_a_datacenter_fails_and_nodes_move_and_leave,
)];

/// Returns the tests of clusters. They count as ignored if this machine cannot start their cluster.
pub(crate) fn trials() -> Vec<Trial> {
    let two_versions = Options::default().versions(["4.1.9", "5.0.6"]);
    // The options of nodes that already run are not used.
    let version = if fleet::starts_nodes() { fleet::full_version() } else { DEFAULT_VERSION };
    let three = Options::new(version).nodes(3).tokens(16);
    [
        cluster_trials("4.1.9_and_5.0.6", two_versions, FROM_4_1_TO_5_0),
        cluster_trials(&format!("{version}_x_3"), three, THREE_NODES),
        cluster_trials(
            &format!("{version}_x_2_x_2"),
            datacenters::options(version),
            TWO_DATACENTERS,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cluster_trials(name: &str, options: Options, tests: &[(&'static str, Test)]) -> Vec<Trial> {
    let missing = match fleet::starts_nodes() {
        true => missing_launcher(&options),
        false => fleet::not_started().cloned(),
    };
    let cluster = Arc::new(Cluster { options, started: Mutex::default() });
    let trial = |&(test, run): &(&str, Test)| {
        let cluster = Arc::clone(&cluster);
        let missing_python = missing_python().filter(|_| NEED_PYTHON.contains(&test));
        let name = format!("{name}::cluster::{test}");
        requirements::trial(name, missing.as_ref().or(missing_python), move || cluster.run(run))
    };
    tests.iter().map(trial).collect()
}

/// A cluster that starts with the first of its tests, and ends when all its tests are dropped.
struct Cluster {
    options: Options,
    started: Mutex<Option<Result<Nodes, String>>>,
}

impl Cluster {
    fn run(&self, test: Test) -> Result<(), Failed> {
        /// Held while a cluster starts and its test runs, because nodes start slowly on a busy machine.
        static RUNNING: Mutex<()> = Mutex::new(());
        let _guard = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || Nodes::start(&self.options).map_err(|error| error.to_string());
        let nodes = started.get_or_insert_with(start).as_ref()?;
        nodes.start_all()?;
        test(nodes)
    }
}
