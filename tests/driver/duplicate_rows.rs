//! Clusters whose peers table has more rows than the cluster has nodes.

use std::net::SocketAddr;
use std::time::Duration;

use cqlwire::message::{
    Event, ResultMessage, SchemaChange, SchemaChangeKind, SchemaTarget, StatusChange,
};
use cqlwire::session::{Session, SessionBuilder};
use cqlwire::testing::{MockServer, Reply};
use uuid::Uuid;

use crate::mock_nodes::wait_until_connected;
use crate::peer_rows::{PeerRow, PeersTable};
use crate::wait::until;

const CREATE: &str = "CREATE TABLE test.kv (k int PRIMARY KEY)";

/// Starts the server of the control connection. It reports the rows of `table` as its peers.
async fn start_queried(table: &PeersTable) -> MockServer {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().on_request(table.handler());
    with_replies(server)
}

async fn start_peer() -> MockServer {
    with_replies(MockServer::bind("127.0.0.1:0").await.unwrap())
}

fn with_replies(server: MockServer) -> MockServer {
    let created = SchemaChange {
        kind: SchemaChangeKind::Created,
        target: SchemaTarget::Table { keyspace: "test".to_owned(), table: "kv".to_owned() },
    };
    let created = Reply::response(ResultMessage::SchemaChange(created));
    server.on(CREATE, created).on("SELECT ...", Reply::void())
}

fn builder(server: &MockServer) -> SessionBuilder {
    // Long, so that a schema change that waits for a row without a node does not pass unnoticed.
    let agreement = Duration::from_secs(60);
    Session::builder().contact_points([server.address().to_string()]).schema_agreement(agreement)
}

/// Returns an address that refuses connections.
async fn dead_address() -> SocketAddr {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    server.address()
}

fn host_ids(session: &Session) -> Vec<u128> {
    session.cluster().nodes().iter().map(|node| node.info().host_id.as_u128()).collect()
}

/// Causes reads of the topology until `is_done` returns true.
pub(crate) async fn refresh_until(event: &str, server: &MockServer, is_done: impl Fn() -> bool) {
    let address = "127.0.0.9:9".parse().unwrap();
    until(event, async || {
        server.emit(Event::Status { change: StatusChange::Up, address });
        tokio::time::sleep(Duration::from_millis(20)).await;
        is_done()
    })
    .await;
}

#[tokio::test]
async fn the_row_of_a_replaced_node_is_not_a_second_node() {
    let peer = start_peer().await;
    let table =
        PeersTable::new([PeerRow::current(peer.address(), 3), PeerRow::stale(peer.address(), 2)]);
    let queried = start_queried(&table).await;
    let session = builder(&queried).connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    assert_eq!(host_ids(&session)[1..], [3]);
    for _ in 0..2 {
        assert!(session.execute(CREATE, ()).await.unwrap().schema_agreed());
    }
    assert_eq!((queried.connections(), peer.connections()), (2, 1));
}

/// Without another schema version, the driver cannot know which of the rows is current.
#[tokio::test]
async fn schema_changes_do_not_wait_for_a_row_whose_node_has_another_row() {
    let peer = start_peer().await;
    let rows = [2, 3].map(|host_id| PeerRow::current(peer.address(), host_id));
    let table = PeersTable::new(rows);
    let queried = start_queried(&table).await;
    let session = builder(&queried).connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    let chosen = host_ids(&session)[1];
    // The node has the current schema version only in the row that was not chosen.
    let other = rows.into_iter().find(|row| row.host_id.as_u128() != chosen).unwrap();
    let stale = PeerRow::stale(other.address, chosen);
    for rows in [[stale, other], [other, stale]] {
        table.replace(rows);
        assert!(session.execute(CREATE, ()).await.unwrap().schema_agreed());
    }
}

#[tokio::test]
async fn the_queried_node_is_not_its_own_peer() {
    let table = PeersTable::new([]);
    let queried = start_queried(&table).await;
    table.replace([PeerRow::stale(queried.address(), 2)]);
    let session = builder(&queried).connect().await.unwrap();
    assert_eq!(session.cluster().nodes().len(), 1);
    assert!(session.execute(CREATE, ()).await.unwrap().schema_agreed());
    assert_eq!(queried.connections(), 2);
}

#[tokio::test]
async fn a_node_that_has_moved_is_found_at_its_new_address() {
    let peer = start_peer().await;
    let moved = [PeerRow::current(peer.address(), 2), PeerRow::current(dead_address().await, 2)];
    let table = PeersTable::new(moved);
    let queried = start_queried(&table).await;
    let session = builder(&queried).connect().await.unwrap();
    refresh_until("two connected nodes", &queried, || session.metrics().connected_nodes == 2).await;
    assert_eq!(session.cluster().node(Uuid::from_u128(2)).unwrap().address(), peer.address());
    // Now that a connection to the new address is open, later reads choose it again.
    table.replace(moved.into_iter().chain([PeerRow::current(dead_address().await, 3)]));
    refresh_until("three nodes", &queried, || session.cluster().nodes().len() == 3).await;
    let node = session.cluster().node(Uuid::from_u128(2)).cloned().unwrap();
    assert!(node.address() == peer.address() && node.is_connected());
}

#[tokio::test]
async fn a_replacement_at_the_same_address_continues_the_counters() {
    let peer = start_peer().await;
    let table = PeersTable::new([PeerRow::current(peer.address(), 2)]);
    let queried = start_queried(&table).await;
    let session = builder(&queried).connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    for _ in 0..4 {
        session.execute("SELECT ...", ()).await.unwrap();
    }
    let messages = || {
        let metrics = session.metrics();
        metrics.nodes.iter().find(|node| node.address == peer.address()).unwrap().messages
    };
    let before = messages();
    assert_eq!(before, 2);
    table.replace([PeerRow::current(peer.address(), 3)]);
    refresh_until("the new host id", &queried, || host_ids(&session)[1..] == [3]).await;
    assert_eq!(messages(), before);
}

#[tokio::test]
async fn contact_points_with_two_names_of_one_server_are_one_node() {
    let queried = start_queried(&PeersTable::new([])).await;
    let port = queried.address().port();
    let points = [format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let session = Session::builder().contact_points(points).connect().await.unwrap();
    assert_eq!(session.cluster().nodes().len(), 1);
    assert_eq!(session.metrics().open_connections, 1);
}
