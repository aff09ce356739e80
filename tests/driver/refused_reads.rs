//! System tables that a node has, and refuses to read all the same.

use std::sync::Arc;
use std::time::Duration;

use cqlwire::cluster::Node;
use cqlwire::message::{ErrorCode, Event, StatusChange, TopologyChange};
use cqlwire::session::{Session, SessionBuilder};
use cqlwire::testing::{Fault, FaultId, MockCluster, MockServer};
use tokio::time::timeout;

use crate::mock_nodes::wait_until_connected;
use crate::wait::{until, within_limit};

const CREATE_KEYSPACE: &str =
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

/// Starts a cluster of two nodes, with the table `k.t`.
async fn start() -> MockCluster {
    let cluster = MockCluster::start(2).await.unwrap();
    let session = builder(&cluster).connect().await.unwrap();
    session.execute(CREATE_KEYSPACE, ()).await.unwrap();
    session.execute("CREATE TABLE k.t (k int PRIMARY KEY, v int)", ()).await.unwrap();
    session.close(Duration::from_secs(60)).await;
    cluster
}

/// Returns the builder of a session that connects to the first node.
fn builder(cluster: &MockCluster) -> SessionBuilder {
    Session::builder().contact_points([cluster.nodes()[0].address().to_string()])
}

fn refused(statement: &str) -> Fault {
    Fault::error(ErrorCode::Invalid, "unconfigured table").statement(statement)
}

/// Refuses `system.local` and both tables of peers in one read, and two of them in the next.
fn refused_topology() -> Fault {
    refused("SELECT % FROM system.%").times(5)
}

/// Adds a fault to all nodes, and returns its ids.
fn add_to_all(cluster: &MockCluster, fault: &Fault) -> Vec<FaultId> {
    cluster.nodes().iter().map(|node| node.add_fault(fault.clone())).collect()
}

/// Returns the number of times that the nodes have applied a fault.
fn count(cluster: &MockCluster, faults: &[FaultId]) -> usize {
    let nodes = cluster.nodes().iter().zip(faults);
    nodes.filter_map(|(node, id)| node.fault_count(*id)).sum()
}

#[tokio::test]
async fn the_nodes_remain_if_the_tables_of_nodes_are_refused() {
    let cluster = start().await;
    let session = builder(&cluster).connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    let mut events = session.events();
    let refused = add_to_all(&cluster, &refused_topology());
    let before = session.cluster();
    let address = cluster.nodes()[1].address();
    cluster.emit(&Event::Topology { change: TopologyChange::NewNode, address });
    until("the tables are refused", async || count(&cluster, &refused) >= 3).await;
    let status = Event::Status { change: StatusChange::Up, address };
    until("the session has a control connection", async || {
        cluster.emit(&status);
        let received = timeout(Duration::from_millis(10), events.next()).await;
        matches!(received, Ok(Some(received)) if received == status)
    })
    .await;
    let same = |(one, other): (&Arc<Node>, &Arc<Node>)| Arc::ptr_eq(one, other);
    let nodes = session.cluster();
    assert_eq!(nodes.nodes().len(), 2);
    assert!(before.nodes().iter().all(|one| nodes.nodes().iter().any(|two| same((one, two)))));
}

#[tokio::test]
async fn the_nodes_are_found_soon_if_their_tables_were_refused_while_the_session_connected() {
    let cluster = start().await;
    cluster.nodes()[0].add_fault(refused_topology());
    let session = builder(&cluster).connect().await.unwrap();
    until("all nodes and their datacenter are known", async || {
        let cluster = session.cluster();
        cluster.nodes().len() == 2 && cluster.local_datacenter() == Some("datacenter1")
    })
    .await;
}

#[tokio::test]
async fn the_keyspace_remains_if_the_table_of_keyspaces_is_refused() {
    let cluster = start().await;
    let builder = builder(&cluster).keyspace("k");
    // The pool waits this long for a read that shows whether the keyspace was dropped.
    let builder = builder.connection(|options| options.handshake_timeout = Duration::from_secs(1));
    let session = builder.connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    add_to_all(&cluster, &refused("USE %").times(1));
    let refused = add_to_all(&cluster, &refused("SELECT % FROM system_schema.keyspaces%"));
    cluster.nodes().iter().for_each(MockServer::close_connections);
    until("the session has connections with its keyspace", async || {
        session.execute("SELECT v FROM t WHERE k = 1", ()).await.is_ok()
    })
    .await;
    assert!(session.cluster().replication("k").is_some());
    assert!(count(&cluster, &refused) > 0);
}

#[tokio::test]
async fn the_schema_remains_if_one_of_its_tables_is_refused() {
    let cluster = start().await;
    let session = builder(&cluster).connect().await.unwrap();
    assert!(session.schema().await.unwrap().table("k", "t").is_some());
    let tables = refused("SELECT % FROM system_schema.tables%").times(2);
    let refused = add_to_all(&cluster, &tables);
    session.execute("CREATE TABLE k.u (k int PRIMARY KEY)", ()).await.unwrap();
    until("the schema is read again", async || {
        let schema = session.schema().await.unwrap();
        assert!(schema.table("k", "t").is_some());
        schema.table("k", "u").is_some()
    })
    .await;
    assert!(count(&cluster, &refused) > 0);
}

#[tokio::test]
async fn the_nodes_are_not_said_to_agree_if_their_versions_are_refused() {
    let cluster = start().await;
    let builder = builder(&cluster).schema_agreement(Duration::from_millis(200));
    let session = builder.connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    let refused = add_to_all(&cluster, &refused("SELECT host_id, schema_version%"));
    let create = "CREATE TABLE IF NOT EXISTS k.u (k int PRIMARY KEY)";
    assert!(!session.execute(create, ()).await.unwrap().schema_agreed());
    assert!(count(&cluster, &refused) > 0);
}

#[tokio::test]
async fn a_server_alone_that_does_not_report_versions_agrees_with_itself() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let refused = server.add_fault(refused("SELECT host_id, schema_version%"));
    let hour = Duration::from_secs(3_600);
    let builder = Session::builder().contact_points([server.address().to_string()]);
    let session = builder.schema_agreement(hour).timeout(None).connect().await.unwrap();
    assert!(
        within_limit("the change", session.execute(CREATE_KEYSPACE, ()))
            .await
            .unwrap()
            .schema_agreed()
    );
    assert!(server.fault_count(refused) > Some(0));
}

/// The driver has chosen the datacenter by itself, so it may choose another one.
#[tokio::test]
async fn another_local_datacenter_is_used_while_the_chosen_one_has_no_nodes() {
    let cluster = MockCluster::builder().datacenter("east", 1).datacenter("west", 1);
    let cluster = cluster.start().await.unwrap();
    let chosen = builder(&cluster).connect().await.unwrap();
    let configured = builder(&cluster).local_datacenter("east").connect().await.unwrap();
    assert_eq!(chosen.cluster().local_datacenter(), Some("east"));
    cluster.remove_node(0).await;
    until("the session uses the other datacenter", async || {
        chosen.execute("SELECT key FROM system.local", ()).await.is_ok()
    })
    .await;
    assert_eq!(chosen.cluster().local_datacenter(), Some("west"));
    until("the other session learns of the removal", async || {
        configured.cluster().nodes().len() == 1
    })
    .await;
    assert_eq!(configured.cluster().local_datacenter(), Some("east"));
    configured.execute("SELECT key FROM system.local", ()).await.unwrap_err();
    cluster.add_node(0).await.unwrap();
    until("the session uses the first datacenter again", async || {
        chosen.cluster().local_datacenter() == Some("east")
    })
    .await;
}
