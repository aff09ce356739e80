//! Clusters of several nodes: routing, and nodes that are killed, frozen or restarted.
//!
//! The tests of one cluster run one after another, because they stop its nodes. The cluster ends after
//! the last of its tests.

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

use std::env;
use std::sync::{Arc, Mutex, PoisonError};

use cassandra_harness::{Launcher, Options};
use libtest_mimic::{Failed, Trial};

use crate::interpreter;
use nodes::Nodes;

/// A test that runs against one cluster.
type Test = fn(&Nodes) -> Result<(), Failed>;

const THREE_NODES: &[(&str, Test)] = &[
    ("routing::sends_requests_to_replicas", routing::sends_requests_to_replicas),
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
        "restart::no_write_fails_during_a_rolling_restart",
        restart::no_write_fails_during_a_rolling_restart,
    ),
];

const FROM_4_1_TO_5_0: &[(&str, Test)] = &[(
    "mixed::reads_and_writes_in_a_mixed_version_cluster",
    mixed::reads_and_writes_in_a_mixed_version_cluster,
)];

const TWO_DATACENTERS: &[(&str, Test)] = &[(
    "datacenters::serves_requests_while_a_datacenter_fails_and_nodes_move_and_leave",
    datacenters::serves_requests_while_a_datacenter_fails_and_nodes_move_and_leave,
)];

/// Returns the tests of clusters, or none if this machine cannot start a cluster. In CI, these tests
/// are never skipped.
pub(crate) fn trials() -> Vec<Trial> {
    let reason_to_skip = match Launcher::choose(3) {
        Ok(Launcher::Java) if env::var_os("CI").is_some() => None,
        Ok(Launcher::Java) => Launcher::Java.check().err().map(|missing| missing.to_string()),
        Ok(Launcher::Docker) => Some("Docker runs only one node".to_owned()),
        Ok(Launcher::Environment) => {
            Some("the nodes of CQLWIRE_CONTACT_POINTS cannot be stopped".to_owned())
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = reason_to_skip {
        eprintln!("skipping the cluster tests: {reason}");
        return Vec::new();
    }
    let two_versions = Options::default().versions(["4.1.9", "5.0.6"]);
    let mut trials = cluster_trials("4.1.9_and_5.0.6", two_versions, FROM_4_1_TO_5_0);
    let mut three = THREE_NODES.to_vec();
    if interpreter::missing().is_none() {
        three.insert(
            0,
            (
                "replicas::replicas_match_the_python_driver_and_nodetool",
                replicas::replicas_match_the_python_driver_and_nodetool,
            ),
        );
    }
    trials.extend(cluster_trials("5.0.6_x_3", Options::new("5.0.6").nodes(3).tokens(16), &three));
    trials.extend(cluster_trials("5.0.6_x_2_x_2", datacenters::options(), TWO_DATACENTERS));
    trials
}

fn cluster_trials(name: &str, options: Options, tests: &[(&'static str, Test)]) -> Vec<Trial> {
    let cluster = Arc::new(Cluster { options, started: Mutex::default() });
    let trial = |&(test, run): &(&str, Test)| {
        let cluster = Arc::clone(&cluster);
        Trial::test(format!("{name}::cluster::{test}"), move || cluster.run(run))
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
