//! A cluster of two datacenters: nodes 1 and 2 are in `dc1`, nodes 3 and 4 in `dc2`, and the two nodes
//! of a datacenter are in different racks.
//!
//! The scenarios share one test, because each changes the cluster for those after it.

mod members;
mod outage;
mod shares;

use std::time::Duration;

use cassandra_harness::Options;
use cqlwire::cluster::DefaultBalancing;
use cqlwire::session::{SessionBuilder, Throttle};
use libtest_mimic::Failed;

use super::nodes::Nodes;
use super::{load, replicas};
use crate::fleet::runtime;
use crate::requirements::missing_python;

/// The keyspaces whose replicas are compared with the Python driver, and their replication.
const KEYSPACES: [(&str, &str); 6] = [
    ("one_in_each", "{'class': 'NetworkTopologyStrategy', 'dc1': 1, 'dc2': 1}"),
    ("two_and_one", "{'class': 'NetworkTopologyStrategy', 'dc1': 2, 'dc2': 1}"),
    ("two_in_each", "{'class': 'NetworkTopologyStrategy', 'dc1': 2, 'dc2': 2}"),
    ("one_in_dc2", "{'class': 'NetworkTopologyStrategy', 'dc2': 1}"),
    ("simple_2", "{'class': 'SimpleStrategy', 'replication_factor': 2}"),
    ("simple_3", "{'class': 'SimpleStrategy', 'replication_factor': 3}"),
];

/// The replication of the writes during a scenario.
const ON_ALL_NODES: &str = "{'class': 'NetworkTopologyStrategy', 'dc1': 2, 'dc2': 2}";

/// Timeout of requests. Each write waits for the disk, which can take seconds on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Returns the options of a cluster of this version.
pub(super) fn options(version: &str) -> Options {
    // With `batch`, a write survives if the only node that has acknowledged it is killed.
    let options = Options::new(version).datacenters([2, 2]).tokens(16);
    let options = options.set("commitlog_sync", "batch");
    let mut options = options.set("range_request_timeout", "60s");
    // A node that is decommissioned waits twice for the ring delay, and once for the batches.
    options.jvm_args = [
        "-Dcassandra.ring_delay_ms=10000".to_owned(),
        "-Dcassandra.batchlog.replay_timeout_in_ms=1000".to_owned(),
    ]
    .into();
    options
}

pub(super) fn serves_requests_while_a_datacenter_fails_and_nodes_move_and_leave(
    nodes: &Nodes,
) -> Result<(), Failed> {
    replicas::create(nodes, &KEYSPACES)?;
    create_tables(nodes)?;
    assert_replicas_match_the_python_driver(nodes)?;
    shares::local_nodes_get_equal_shares(nodes)?;
    shares::local_replicas_get_the_requests(nodes)?;
    shares::refuses_an_unknown_local_datacenter(nodes)?;
    shares::schema_agreement_includes_the_remote_datacenter(nodes)?;
    outage::a_datacenter_is_killed_and_returns(nodes)?;
    members::a_node_returns_at_another_address(nodes)?;
    members::a_node_is_decommissioned(nodes)?;
    assert_replicas_match_the_python_driver(nodes)
}

/// Creates a table for the writes of each scenario.
fn create_tables(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let session = nodes.session(1, |builder| in_datacenter("dc1")(patient(builder))).await?;
        for table in ["outage", "move", "decommission"] {
            load::create(nodes, &session, table, ON_ALL_NODES).await?;
        }
        Ok(())
    })
}

/// Compares the replicas in [`KEYSPACES`] if Python is installed.
fn assert_replicas_match_the_python_driver(nodes: &Nodes) -> Result<(), Failed> {
    if missing_python().is_none() {
        let sets = replicas::compare_with_python(nodes, &KEYSPACES)?;
        eprintln!("{} sets of replicas are equal to the Python driver's", sets.len());
    }
    Ok(())
}

/// Returns the change of a builder for sessions in this datacenter that fail over to the other one.
fn in_datacenter(name: &'static str) -> impl FnOnce(SessionBuilder) -> SessionBuilder {
    move |builder| {
        let balancing = DefaultBalancing::new().local_consistency_failover(true);
        builder.local_datacenter(name).load_balancing(balancing)
    }
}

/// Returns the same change for sessions that write during a scenario.
fn writer(name: &'static str) -> impl FnOnce(SessionBuilder) -> SessionBuilder {
    move |builder| {
        // A low rate, so that a node has enough CPU time to start.
        let builder = builder.throttle(Throttle::rate(50)).timeout(TIMEOUT);
        in_datacenter(name)(builder)
    }
}

/// Changes a builder for sessions that send a slow node its share, and wait for it on a busy machine.
fn patient(builder: SessionBuilder) -> SessionBuilder {
    builder.timeout(TIMEOUT).connection(|options| options.probe_after = Duration::MAX)
}
