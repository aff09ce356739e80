//! The system tables that a session reads when it connects, and after events.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cqlwire::message::{Event, StatusChange, TopologyChange};
use cqlwire::session::{Session, SessionBuilder};
use cqlwire::testing::{Fault, FaultId, MockCluster, MockServer};

use crate::mock_nodes::wait_until_connected;
use crate::peer_rows::{PeerRow, PeersTable};
use crate::wait::until;

const CREATE_KEYSPACE: &str =
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

/// Returns the builder of a session that connects to the first node.
fn builder(cluster: &MockCluster) -> SessionBuilder {
    Session::builder().contact_points([cluster.nodes()[0].address().to_string()])
}

/// Counts the statements that match a pattern at a node. A fault without delay counts those of system tables too.
struct Reads<'a>(&'a MockServer, FaultId);

impl<'a> Reads<'a> {
    fn of(node: &'a MockServer, pattern: &str) -> Self {
        Self(node, node.add_fault(Fault::delay(Duration::ZERO).statement(pattern)))
    }

    fn count(&self) -> usize {
        self.0.fault_count(self.1).unwrap()
    }
}

#[tokio::test]
async fn connecting_and_reading_the_schema_reads_the_topology_once() {
    let cluster = MockCluster::start(2).await.unwrap();
    let reads = Reads::of(&cluster.nodes()[0], "SELECT * FROM system.%");
    let session = builder(&cluster).connect().await.unwrap();
    session.schema().await.unwrap();
    assert_eq!(reads.count(), 2, "system.local and system.peers_v2");
}

#[tokio::test]
async fn a_changed_schema_reads_its_keyspace_and_not_the_nodes() {
    let cluster = MockCluster::start(2).await.unwrap();
    let session = builder(&cluster).connect().await.unwrap();
    session.execute(CREATE_KEYSPACE, ()).await.unwrap();
    session.schema().await.unwrap();
    wait_until_connected(&session, 2).await;
    let node = &cluster.nodes()[0];
    let topology = Reads::of(node, "SELECT * FROM system.%");
    let all_keyspaces = Reads::of(node, "SELECT % FROM system_schema.keyspaces");
    let keyspace =
        Reads::of(node, "SELECT % FROM system_schema.keyspaces WHERE keyspace_name = 'k'");

    let other = Session::builder().contact_points([cluster.nodes()[1].address().to_string()]);
    let other = other.fetch_schema(false).connect().await.unwrap();
    let alter = "ALTER KEYSPACE k WITH replication = \
                 {'class': 'SimpleStrategy', 'replication_factor': 2}";
    other.execute(alter, ()).await.unwrap();
    let token = session.cluster().partitioner().unwrap().token(b"key");
    until("the session knows the new replicas", async || {
        session.cluster().replicas("k", token).len() == 2
    })
    .await;
    other.execute("DROP KEYSPACE k", ()).await.unwrap();
    until("the keyspace is gone", async || session.cluster().replication("k").is_none()).await;
    until("the schema lacks the keyspace", async || {
        !session.schema().await.unwrap().keyspaces.contains_key("k")
    })
    .await;
    assert_eq!((topology.count(), all_keyspaces.count()), (0, 0));
    assert!(keyspace.count() > 0);
}

#[tokio::test]
async fn a_new_node_keeps_the_replicas_of_other_tokens() {
    let cluster = MockCluster::start(3).await.unwrap();
    let session = builder(&cluster).connect().await.unwrap();
    session.execute(CREATE_KEYSPACE, ()).await.unwrap();
    let replica = |key: &[u8]| {
        let cluster = session.cluster();
        let token = cluster.partitioner().unwrap().token(key);
        cluster.replicas("k", token).next().map(|node| node.address())
    };
    let keys: Vec<[u8; 2]> = (0..1_000_u16).map(u16::to_be_bytes).collect();
    let before: Vec<_> = keys.iter().map(|key| replica(key)).collect();
    let removed = cluster.nodes()[2].address();
    cluster.remove_node(2).await;
    until("the node is removed", async || session.cluster().nodes().len() == 2).await;
    for (key, before) in keys.iter().zip(&before) {
        let after = replica(key);
        assert!(after == *before || *before == Some(removed));
        assert!(after.is_some() && after != Some(removed));
    }
    cluster.add_node(2).await.unwrap();
    until("the node is known again", async || session.cluster().nodes().len() == 3).await;
    let again: Vec<_> = keys.iter().map(|key| replica(key)).collect();
    assert_eq!(again, before);
}

#[tokio::test]
async fn status_events_of_known_nodes_read_nothing() {
    let cluster = MockCluster::start(2).await.unwrap();
    let session = builder(&cluster).connect().await.unwrap();
    session.schema().await.unwrap();
    let mut events = session.events();
    let reads = Reads::of(&cluster.nodes()[0], "SELECT * FROM system.peers_v2");
    let address = cluster.nodes()[1].address();
    for change in [StatusChange::Down, StatusChange::Up] {
        cluster.emit(&Event::Status { change, address });
        events.next().await.unwrap();
    }
    // A topology event after the status events causes the first read.
    cluster.emit(&Event::Topology { change: TopologyChange::MovedNode, address });
    until("the topology is read", async || reads.count() > 0).await;
    assert_eq!(reads.count(), 1);
}

#[tokio::test]
async fn rows_of_peers_that_contradict_each_other_are_read_again_soon() {
    let peers = PeersTable::new([]);
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().on_request(peers.handler());
    let reads = Reads::of(&server, "SELECT % FROM system.peers_v2");
    let _session =
        Session::builder().contact_points([server.address().to_string()]).connect().await.unwrap();
    assert_eq!(reads.count(), 1);
    let [first, second] = [1, 2].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    peers.replace([first, second].map(|address| PeerRow::current(address, 1)));
    server.emit(Event::Topology { change: TopologyChange::NewNode, address: first });
    until("the rows are read again twice", async || reads.count() >= 4).await;
}
