//! Connections that have left their pools, and nodes that stay shut down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::cluster::Reconnect;
use cqlwire::message::{
    ErrorCode, Event, Request, SchemaChange, SchemaChangeKind, SchemaTarget, TopologyChange,
};
use cqlwire::session::{ErrorKind, Session, SessionBuilder, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::NativeType;
use tokio::task::JoinHandle;

use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::wait::{until, within_limit};

/// The text of a request that is never answered.
const IN_FLIGHT: &str = "UPDATE t SET n = n + 1 WHERE k = 1";

/// Returns a builder whose sessions do not reconnect within the time of a test.
fn builder(servers: &[MockServer]) -> SessionBuilder {
    let hour = Duration::from_secs(3_600);
    session_builder(servers).reconnect(Reconnect { base: hour, cap: hour })
}

fn drains(session: &Session) -> u64 {
    session.metrics().nodes.iter().map(|node| node.graceful_disconnects).sum()
}

async fn wait_until_unconnected(server: &MockServer) {
    until("the server has no connections", async || server.connections() == 0).await;
}

/// Starts one node whose only connection drains while a request is in flight, which is never answered.
/// The event drains the connection if `by_event`, otherwise a refused request does.
async fn start_draining(
    by_event: bool,
) -> (Vec<MockServer>, Session, JoinHandle<Option<ErrorKind>>) {
    let held = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&held);
    let servers = start_nodes(1, move |_, frame| match &frame.request {
        Request::Query(query) if query.text == IN_FLIGHT => {
            counted.fetch_add(1, Ordering::SeqCst);
            Reply::silence()
        }
        _ => Reply::error(ErrorCode::Overloaded, "Server is shutting down"),
    })
    .await;
    let servers: Vec<_> = servers.into_iter().map(MockServer::graceful_disconnect).collect();
    let session = connect(builder(&servers).timeout(None), 1).await;
    let in_flight = {
        let session = session.clone();
        let request = async move { session.execute(IN_FLIGHT, ()).await.err() };
        tokio::spawn(async move { request.await.map(|error| error.kind()) })
    };
    until("the node holds a request", async || held.load(Ordering::SeqCst) == 1).await;
    match by_event {
        true => servers[0].emit(Event::GracefulDisconnect),
        false => drop(session.execute(short("SELECT v FROM t"), ()).await.unwrap_err()),
    }
    until("the connection drains", async || drains(&session) == 1).await;
    (servers, session, in_flight)
}

fn short(text: &str) -> Statement {
    Statement::new(text).timeout(Duration::from_millis(200))
}

#[tokio::test]
async fn the_error_of_a_request_says_that_the_only_node_is_shutting_down() {
    for by_event in [false, true] {
        let (_servers, session, in_flight) = start_draining(by_event).await;
        let error = session.execute(short("SELECT v FROM t"), ()).await.unwrap_err().to_string();
        assert!(error.contains("the node is shutting down"), "{error}");
        in_flight.abort();
    }
}

#[tokio::test]
async fn closing_a_session_closes_draining_connections() {
    for by_event in [false, true] {
        let (servers, session, in_flight) = start_draining(by_event).await;
        session.close(Duration::ZERO).await;
        wait_until_unconnected(&servers[0]).await;
        assert_eq!(in_flight.await.unwrap(), Some(ErrorKind::Connection));
    }
}

#[tokio::test]
async fn closing_a_session_closes_connections_to_removed_nodes() {
    let held = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&held);
    let servers = start_nodes(2, move |node, _| match node {
        0 => Reply::void(),
        _ => {
            counted.fetch_add(1, Ordering::SeqCst);
            Reply::silence()
        }
    })
    .await;
    let session = connect(builder(&servers).timeout(None), 2).await;
    let mut in_flight = Vec::new();
    until("the node holds a request", async || {
        let session = session.clone();
        in_flight.push(tokio::spawn(async move { session.execute(IN_FLIGHT, ()).await }));
        held.load(Ordering::SeqCst) > 0
    })
    .await;
    let address = servers[1].address();
    let servers: Vec<_> = servers.into_iter().map(|server| server.peers([])).collect();
    servers[0].emit(Event::Topology { change: TopologyChange::RemovedNode, address });
    until("the node is removed", async || session.cluster().nodes().len() == 1).await;
    session.close(Duration::ZERO).await;
    wait_until_unconnected(&servers[1]).await;
    for request in in_flight {
        let _outcome = request.await.unwrap();
    }
}

/// The node accepts a new control connection each time, and says on each that it is shutting down. Other
/// sessions connect meanwhile, and each takes as long as a new control connection.
#[tokio::test]
async fn the_control_connection_backs_off_from_the_only_node_while_it_is_shutting_down() {
    const OTHERS: usize = 20;
    let opened = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&opened);
    let server = start_nodes(1, |_, _| Reply::void()).await.remove(0).graceful_disconnect();
    let servers = [server.on_request(move |frame| {
        // Only control connections register for this event.
        if let Request::Register(register) = &frame.request
            && register.event_types.iter().any(|name| name == "TOPOLOGY_CHANGE")
        {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        None
    })];
    let session = connect(builder(&servers), 1).await;
    session.schema().await.unwrap();
    let stays_away = async {
        let (mut others, mut all_others) = (0, 0);
        while others < OTHERS {
            all_others += 1;
            servers[0].emit(Event::GracefulDisconnect);
            let before = opened.load(Ordering::SeqCst);
            let other = session_builder(&servers).connect().await.unwrap();
            other.close(Duration::ZERO).await;
            let is_away = opened.load(Ordering::SeqCst) == before + 1;
            others = if is_away { others + 1 } else { 0 };
        }
        // The session has opened its first control connection, and at least one other: it has left the
        // node each time.
        assert!(opened.load(Ordering::SeqCst) >= all_others + 2);
    };
    within_limit("the control connection stays away from the node", stays_away).await;
}

/// More nodes drain than the control connection's task can queue while it reads the schema. The node of
/// the control connection is the first.
#[tokio::test]
async fn the_control_connection_leaves_its_node_when_very_many_nodes_drain_at_once() {
    const NODES: usize = 80;
    let draining = Arc::new(AtomicUsize::new(0));
    let begun = Arc::clone(&draining);
    let mut servers =
        start_nodes(NODES, move |node, _| match node < begun.load(Ordering::SeqCst) {
            true => Reply::error(ErrorCode::Overloaded, "Server is shutting down"),
            false => Reply::void(),
        })
        .await;
    let reads = Arc::new(AtomicUsize::new(0));
    let (counted, is_drained) = (Arc::clone(&reads), Arc::new(AtomicBool::new(false)));
    let is_released = Arc::clone(&is_drained);
    let first = servers.remove(0).on_request(move |frame| match &frame.request {
        Request::Query(query)
            if query.text.ends_with(".keyspaces WHERE keyspace_name = 'slow'") =>
        {
            counted.fetch_add(1, Ordering::SeqCst);
            let none: [(&str,); 0] = [];
            let rows = Reply::rows([("keyspace_name", NativeType::Text)], none);
            let is_released = Arc::clone(&is_released);
            Some(rows.when(move || is_released.load(Ordering::SeqCst)))
        }
        _ => None,
    });
    servers.insert(0, first);
    let session = connect(builder(&servers), NODES).await;
    session.schema().await.unwrap();
    let target = SchemaTarget::Keyspace { keyspace: "slow".to_owned() };
    servers[0].emit(Event::Schema(SchemaChange { kind: SchemaChangeKind::Updated, target }));
    until("the schema is read", async || reads.load(Ordering::SeqCst) == 1).await;
    for count in [1, NODES - 1] {
        draining.store(count, Ordering::SeqCst);
        until("the nodes drain", async || {
            let _outcome = session.execute("INSERT INTO t (k) VALUES (1)", ()).await;
            drains(&session) == count as u64
        })
        .await;
    }
    is_drained.store(true, Ordering::SeqCst);
    wait_until_unconnected(&servers[0]).await;
}
