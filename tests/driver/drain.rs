//! Nodes that are shutting down get no new requests, and their responses still arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::cluster::Reconnect;
use cqlwire::message::{ErrorCode, Event, Request, RequestFrame};
use cqlwire::session::{Error, Session, SessionBuilder};
use cqlwire::testing::{MockServer, Reply};
use futures_util::future::try_join_all;
use tokio::task::JoinHandle;

use crate::cluster::prepared;
use crate::mock_nodes::{connect, session_builder, start_nodes, wait_until_connected};
use crate::wait::until;

/// The text of a request that the draining node still answers, once the test releases it.
const IN_FLIGHT: &str = "UPDATE t SET n = n + 1 WHERE k = 1";

/// Counters of the requests to three nodes, the first of which refuses new requests.
#[derive(Debug, Default)]
struct Drain {
    has_begun: AtomicBool,
    /// Requests that the first node has received and not answered until it was released.
    held: AtomicUsize,
    /// True once the first node answers the requests that it holds.
    is_released: Arc<AtomicBool>,
    refused: AtomicUsize,
    executed: AtomicUsize,
}

impl Drain {
    fn answer(&self, node: usize, frame: &RequestFrame<'_>) -> Reply {
        if node != 0 {
            self.executed.fetch_add(1, Ordering::SeqCst);
            return Reply::void();
        }
        if self.has_begun.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Reply::error(ErrorCode::Overloaded, "Server is shutting down");
        }
        self.executed.fetch_add(1, Ordering::SeqCst);
        match &frame.request {
            Request::Query(query) if query.text == IN_FLIGHT => {
                self.held.fetch_add(1, Ordering::SeqCst);
                let is_released = Arc::clone(&self.is_released);
                Reply::void().when(move || is_released.load(Ordering::SeqCst))
            }
            _ => Reply::void(),
        }
    }
}

async fn start() -> (Arc<Drain>, Vec<MockServer>) {
    let drain = Arc::new(Drain::default());
    let answering = Arc::clone(&drain);
    let servers = start_nodes(3, move |node, frame| answering.answer(node, frame)).await;
    (drain, servers)
}

/// Returns a builder whose sessions do not reconnect within the time of a test.
fn builder(servers: &[MockServer]) -> SessionBuilder {
    let hour = Duration::from_secs(3_600);
    session_builder(servers).reconnect(Reconnect { base: hour, cap: hour })
}

/// Waits until the session has this number of connections to a server.
async fn wait_for_connections(server: &MockServer, count: usize) {
    let event = format!("the server has {count} connections");
    until(&event, async || server.connections() == count).await;
}

/// Waits until the second and the third node have this number of connections, with the control
/// connection that the first node had.
async fn wait_until_moved(servers: &[MockServer], count: usize) {
    let connections = async || servers[1].connections() + servers[2].connections() == count;
    until("the control connection is open on another node", connections).await;
}

/// Executes a statement until a node has told the session that it is shutting down. Several requests
/// are in flight at a time, so that a node that holds a request gets others, too.
async fn execute_until_drained(session: &Session, text: &str) {
    until("the session drains a node", async || {
        try_join_all((0..6).map(|_| session.execute(text, ()))).await.unwrap();
        drains(session) > 0
    })
    .await;
}

/// Executes [`IN_FLIGHT`] in a task until the first node holds the request.
async fn hold_request(drain: &Drain, session: &Session) -> JoinHandle<Result<(), Error>> {
    let is_held = || drain.held.load(Ordering::SeqCst) > 0;
    let mut request = None;
    until("the node holds a request", async || {
        let session = session.clone();
        let executed = async move { session.execute(IN_FLIGHT, ()).await.map(drop) };
        let request = request.insert(tokio::spawn(executed));
        until("the request ends", async || request.is_finished() || is_held()).await;
        is_held()
    })
    .await;
    request.unwrap()
}

fn drains(session: &Session) -> u64 {
    session.metrics().nodes.iter().map(|node| node.graceful_disconnects).sum()
}

#[tokio::test]
async fn a_node_that_is_shutting_down_gets_no_new_requests() {
    let (drain, servers) = start().await;
    let session = connect(builder(&servers).connections_per_node(2), 3).await;
    drain.has_begun.store(true, Ordering::SeqCst);
    for _ in 0..60 {
        session.execute("UPDATE t SET n = n + 1 WHERE k = 2", ()).await.unwrap();
    }
    // One request finds out. None is executed twice.
    assert_eq!(drain.refused.load(Ordering::SeqCst), 1);
    assert_eq!(drain.executed.load(Ordering::SeqCst), 60);
    assert_eq!(session.metrics().connected_nodes, 2);
    assert_eq!(drains(&session), 2);
}

#[tokio::test]
async fn requests_in_flight_at_a_draining_node_are_answered() {
    let (drain, servers) = start().await;
    let session = connect(builder(&servers), 3).await;
    let in_flight = hold_request(&drain, &session).await;
    drain.has_begun.store(true, Ordering::SeqCst);
    execute_until_drained(&session, "UPDATE t SET n = n + 1 WHERE k = 2").await;
    // The control connection leaves the node. The connection of the request stays.
    wait_for_connections(&servers[0], 1).await;
    assert!(!in_flight.is_finished());
    drain.is_released.store(true, Ordering::SeqCst);
    in_flight.await.unwrap().unwrap();
    wait_for_connections(&servers[0], 0).await;
    let metrics = session.metrics();
    assert!(metrics.nodes.iter().all(|node| node.disconnected == 0), "{metrics:?}");
}

#[tokio::test]
async fn the_control_connection_leaves_a_node_that_is_shutting_down() {
    let (drain, servers) = start().await;
    let session = connect(builder(&servers), 3).await;
    wait_for_connections(&servers[0], 2).await;
    drain.has_begun.store(true, Ordering::SeqCst);
    execute_until_drained(&session, "INSERT INTO t (k) VALUES (1)").await;
    wait_for_connections(&servers[0], 0).await;
    wait_until_moved(&servers, 3).await;
}

#[tokio::test]
async fn a_node_is_used_again_after_it_was_drained_and_restarted() {
    let (drain, servers) = start().await;
    let session = connect(session_builder(&servers), 3).await;
    drain.has_begun.store(true, Ordering::SeqCst);
    execute_until_drained(&session, "INSERT INTO t (k) VALUES (1)").await;
    drain.has_begun.store(false, Ordering::SeqCst);
    wait_until_connected(&session, 3).await;
    let before = drain.refused.load(Ordering::SeqCst);
    for _ in 0..6 {
        session.execute("INSERT INTO t (k) VALUES (1)", ()).await.unwrap();
    }
    assert_eq!(drain.refused.load(Ordering::SeqCst), before);
}

/// The metric counts the attempts whose outcome is unknown because the server closed the connection.
#[tokio::test]
async fn requests_in_flight_when_the_server_closes_the_connection_are_counted() {
    let servers = start_nodes(1, |_, _| Reply::close()).await;
    let session = connect(session_builder(&servers), 1).await;
    let error = session.execute("INSERT INTO t (k) VALUES (1)", ()).await.unwrap_err();
    assert!(error.may_have_been_applied());
    let node = session.metrics().nodes[0].clone();
    assert_eq!((node.disconnected, node.errors.aborted), (1, 1));
}

async fn start_with_event() -> (Arc<Drain>, Vec<MockServer>) {
    let (drain, servers) = start().await;
    (drain, servers.into_iter().map(MockServer::graceful_disconnect).collect())
}

#[tokio::test]
async fn a_graceful_disconnect_drains_every_connection_of_the_node() {
    let (drain, servers) = start_with_event().await;
    let session = connect(builder(&servers).connections_per_node(2), 3).await;
    until("six connections", async || session.metrics().open_connections == 6).await;
    let in_flight = hold_request(&drain, &session).await;
    // The server may not have received the REGISTER of each connection yet.
    until("each connection to the node is drained", async || {
        servers[0].emit(Event::GracefulDisconnect);
        session.metrics().connected_nodes == 2
    })
    .await;
    // From now on, the node would refuse a request.
    drain.has_begun.store(true, Ordering::SeqCst);
    for _ in 0..30 {
        session.execute("UPDATE t SET n = n + 1 WHERE k = 2", ()).await.unwrap();
    }
    assert_eq!((drain.refused.load(Ordering::SeqCst), drains(&session)), (0, 2));
    // The control connection has moved to another node, and the connection without a request is closed.
    wait_for_connections(&servers[0], 1).await;
    assert!(!in_flight.is_finished());
    drain.is_released.store(true, Ordering::SeqCst);
    in_flight.await.unwrap().unwrap();
    wait_for_connections(&servers[0], 0).await;
    wait_until_moved(&servers, 5).await;
    // The other nodes send the event as well when their turn comes. The control connection may not be
    // registered yet, and then misses the event.
    until("all connections to the second node are closed", async || {
        servers[1].emit(Event::GracefulDisconnect);
        servers[1].connections() == 0
    })
    .await;
    session.execute("UPDATE t SET n = n + 1 WHERE k = 2", ()).await.unwrap();
    assert_eq!(drain.refused.load(Ordering::SeqCst), 0);
}

/// As CEP-59 describes a restart: the event on each connection, no new connections, the end of the
/// process, and the node again.
#[tokio::test]
async fn no_request_fails_while_a_node_that_sends_the_event_restarts() {
    let (_drain, servers) = start_with_event().await;
    let session = connect(session_builder(&servers), 3).await;
    let write = async || session.execute("UPDATE t SET n = n + 1 WHERE k = 2", ()).await.unwrap();
    until("a connection is drained", async || {
        servers[0].emit(Event::GracefulDisconnect);
        drains(&session) > 0
    })
    .await;
    servers[0].stop().await;
    wait_until_connected(&session, 2).await;
    for _ in 0..20 {
        write().await;
    }
    assert!(servers[0].restart().await.unwrap());
    wait_until_connected(&session, 3).await;
    for _ in 0..20 {
        write().await;
    }
    let metrics = session.metrics();
    assert!(metrics.nodes.iter().all(|node| node.errors.aborted == 0), "{metrics:?}");
}

/// A server that ends its grace period closes the connection under the requests that it has not answered.
#[tokio::test]
async fn a_request_that_the_grace_period_cuts_off_may_have_been_applied() {
    let (drain, servers) = start_with_event().await;
    let session = connect(builder(&servers), 3).await;
    let in_flight = hold_request(&drain, &session).await;
    servers[0].emit(Event::GracefulDisconnect);
    until("a connection is drained", async || drains(&session) == 1).await;
    assert!(!in_flight.is_finished());
    servers[0].stop().await;
    let error = in_flight.await.unwrap().unwrap_err();
    assert!(error.may_have_been_applied() && error.attempts() == 1, "{error}");
}

#[tokio::test]
async fn a_refused_registration_is_ignored() {
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refused);
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().graceful_disconnect();
    let server = server.on_any(Reply::void()).on_request(move |frame| match &frame.request {
        Request::Register(register) if register.event_types == ["GRACEFUL_DISCONNECT"] => {
            counted.fetch_add(1, Ordering::SeqCst);
            Some(Reply::error(ErrorCode::Protocol, "unknown event type"))
        }
        _ => None,
    });
    let session = Session::builder().contact_points([server.address()]).connect().await.unwrap();
    session.execute("INSERT INTO t (k) VALUES (1)", ()).await.unwrap();
    // The control connection and the connection of the pool asked once each.
    assert_eq!((refused.load(Ordering::SeqCst), server.connections()), (2, 2));
}

/// The node has evicted the statement, and refuses to prepare it again.
#[tokio::test]
async fn a_node_that_refuses_a_prepare_as_shutting_down_gets_no_new_requests() {
    let has_begun = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicUsize::new(0));
    let (began, counted) = (Arc::clone(&has_begun), Arc::clone(&refused));
    let servers = start_nodes(3, move |node, frame| {
        let is_draining = node == 0 && began.load(Ordering::SeqCst);
        match &frame.request {
            Request::Prepare(_) if is_draining => {
                counted.fetch_add(1, Ordering::SeqCst);
                Reply::error(ErrorCode::Overloaded, "Server is shutting down")
            }
            Request::Prepare(_) => prepared().into(),
            _ if is_draining => Reply::error(ErrorCode::Unprepared, "evicted"),
            _ => Reply::void(),
        }
    })
    .await;
    let session = connect(builder(&servers), 3).await;
    let update = session.prepare("UPDATE t SET n = n + 1 WHERE k = ?").await.unwrap();
    has_begun.store(true, Ordering::SeqCst);
    for key in 0..60 {
        session.execute(&update, (key,)).await.unwrap();
    }
    assert_eq!(refused.load(Ordering::SeqCst), 1);
    assert_eq!(session.metrics().connected_nodes, 2);
    assert_eq!(drains(&session), 1);
}
