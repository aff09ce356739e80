//! The connection for requests that is opened while the topology is read.

use std::time::Duration;

use cqlwire::message::ErrorCode;
use cqlwire::session::{Session, SessionBuilder};
use cqlwire::testing::{Fault, MockCluster, MockServer, Reply};
use cqlwire::wire::{Opcode, Version};

use crate::mock_nodes::wait_until_connected;
use crate::wait::until;

/// The number of the early connection. The control connection is the first one that the server accepts.
const EARLY: u64 = 2;

async fn start() -> MockServer {
    MockServer::bind("127.0.0.1:0").await.unwrap().on_any(Reply::void())
}

async fn start_cluster() -> MockCluster {
    let cluster = MockCluster::start(2).await.unwrap();
    cluster.configure(|node| node.on_any(Reply::void()))
}

/// Returns a builder with the first of these servers as contact point.
fn builder(servers: &[MockServer]) -> SessionBuilder {
    Session::builder().contact_points([servers[0].address().to_string()])
}

fn early_startup(reply: Reply) -> Fault {
    Fault::reply(reply).opcode(Opcode::Startup).connection(EARLY)
}

/// Returns the numbers of authentication errors and of other connection errors of a node.
fn connection_errors(session: &Session, node: &MockServer) -> (u64, u64) {
    let nodes = session.metrics().nodes;
    let node = nodes.iter().find(|metrics| metrics.address == node.address()).unwrap();
    (node.authentication_errors, node.connection_errors)
}

/// Waits until only this number of connections to the server is open.
async fn wait_for_connections(server: &MockServer, count: usize) {
    until(&format!("{count} connections are open"), async || server.connections() == count).await;
}

#[tokio::test]
async fn the_pool_of_the_contact_point_takes_the_early_connection() {
    let servers = [start().await];
    let [server] = &servers;
    let options = server.add_fault(Fault::delay(Duration::ZERO).opcode(Opcode::Options));
    // Heartbeats would count as further OPTIONS.
    let builder = builder(&servers).keyspace("test").connection(|options| {
        options.probe_after = Duration::MAX;
        options.heartbeat_interval = Duration::MAX;
    });
    let session = builder.connect().await.unwrap();
    session.execute("a", ()).await.unwrap();
    assert_eq!(server.connection_numbers(), [1, EARLY]);
    assert_eq!(server.received().last().unwrap().connection, EARLY);
    assert_eq!(connection_errors(&session, server), (0, 0));
    assert_eq!(server.fault_count(options), Some(1));
    // The server may have restarted since, with other capabilities.
    assert!(server.close_connection(EARLY));
    until("the session connects again", async || server.connection_numbers() == [1, 3]).await;
    until("a request succeeds", async || session.execute("a", ()).await.is_ok()).await;
    assert_eq!(server.fault_count(options), Some(2));
}

#[tokio::test]
async fn an_early_connection_that_fails_is_counted_once() {
    let long = Duration::from_secs(60);
    for (reply, timeout, errors) in [
        (Reply::close(), long, (0, 1)),
        (Reply::silence(), Duration::from_secs(2), (0, 1)),
        (Reply::error(ErrorCode::Overloaded, "no"), long, (0, 1)),
        (Reply::error(ErrorCode::Authentication, "no"), long, (1, 0)),
    ] {
        let cluster = start_cluster().await;
        let node = &cluster.nodes()[0];
        node.add_fault(early_startup(reply));
        let builder = builder(cluster.nodes()).connect_timeout(timeout);
        let session = builder.connect().await.unwrap();
        wait_until_connected(&session, 2).await;
        assert_eq!(connection_errors(&session, node), errors);
        // The control connection, and one for requests.
        wait_for_connections(node, 2).await;
        assert!(!node.connection_numbers().contains(&EARLY));
    }
}

/// Behind the address of the contact point are several servers, such as those of a proxy.
#[tokio::test]
async fn another_server_that_refuses_the_early_connection_is_asked_for_its_capabilities() {
    let unknown = Reply::error(ErrorCode::Protocol, "Unknown compression algorithm: lz4");
    let other_version = Fault::refuse_version(Version::V5).connection(EARLY);
    for refusal in [early_startup(unknown), other_version] {
        let servers = [start().await];
        let [server] = &servers;
        let refused = server.add_fault(refusal);
        let session = builder(&servers).protocol_version(Version::V5).connect().await.unwrap();
        session.execute("a", ()).await.unwrap();
        assert_eq!(server.fault_count(refused), Some(1));
        wait_for_connections(server, 2).await;
        assert_eq!(server.connection_numbers(), [1, 3]);
        assert_eq!(connection_errors(&session, server), (0, 0));
    }
}

#[tokio::test]
async fn an_early_connection_to_a_node_that_the_session_ignores_is_closed() {
    let cluster = MockCluster::builder().datacenter("dc1", 1).datacenter("dc2", 1);
    let cluster = cluster.configure(|node| node.on_any(Reply::void())).start().await.unwrap();
    let session = builder(cluster.nodes()).local_datacenter("dc2").connect().await.unwrap();
    session.execute("a", ()).await.unwrap();
    // The control connection stays.
    wait_for_connections(&cluster.nodes()[0], 1).await;
    assert_eq!(cluster.nodes()[0].connection_numbers(), [1]);
}

#[tokio::test]
async fn an_early_connection_to_a_contact_point_that_fails_later_is_closed() {
    let cluster = start_cluster().await;
    let [first, second] = cluster.nodes() else { panic!() };
    let refused = Fault::error(ErrorCode::Overloaded, "no events").opcode(Opcode::Register);
    let refused = first.add_fault(refused);
    let points = [first, second].map(|node| node.address().to_string());
    let session = Session::builder().contact_points(points).connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    assert_eq!(first.fault_count(refused), Some(1));
    wait_for_connections(first, 1).await;
    assert!(!first.connection_numbers().contains(&EARLY));
    assert_eq!(second.connections(), 2);
    for node in [first, second] {
        assert_eq!(connection_errors(&session, node), (0, 0));
    }
}

#[tokio::test]
async fn an_early_connection_ends_with_its_session() {
    let cluster = start_cluster().await;
    let [first, _] = cluster.nodes() else { panic!() };
    first.add_fault(early_startup(Reply::silence()));
    // Longer than the test waits, so that the attempt does not end by itself.
    let builder = builder(cluster.nodes()).connect_timeout(Duration::from_secs(60));
    let session = builder.connect().await.unwrap();
    assert_eq!(session.metrics().connected_nodes, 1);
    session.close(Duration::from_secs(60)).await;
    wait_for_connections(first, 0).await;
}

#[tokio::test]
async fn an_early_connection_ends_if_connecting_is_cancelled() {
    // The early connection is being opened, or is open.
    for (reply, opcode) in [(Reply::silence(), Opcode::Startup), (Reply::void(), Opcode::Query)] {
        let servers = [start().await];
        let [server] = &servers;
        let reached = Fault::reply(reply).opcode(opcode).connection(EARLY);
        let reached = server.add_fault(reached);
        server.add_fault(Fault::reply(Reply::silence()).statement("SELECT % FROM system.local%"));
        let builder = builder(&servers).keyspace("test").connect_timeout(Duration::from_secs(60));
        tokio::select! {
            session = builder.connect() => panic!("{:?}", session.err()),
            () = until("the session waits", async || server.fault_count(reached) == Some(1)) => {}
        }
        wait_for_connections(server, 0).await;
    }
}
