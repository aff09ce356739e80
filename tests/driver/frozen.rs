//! Nodes that stop answering although their connections stay open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::cluster::{ClusterState, LoadBalancing, Node, Routing};
use cqlwire::message::{ErrorCode, ErrorDetails, Event, Request, ServerError, StatusChange};
use cqlwire::session::{ErrorKind, Session, SpeculativeExecution, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::wire::Version;
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;

use crate::cluster::prepared;
use crate::duplicate_rows::refresh_until;
use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::peer_rows::{PeerRow, PeersTable};
use crate::wait::until;

/// A mock node behind a proxy. While the node is frozen, the proxy forwards nothing, but keeps accepting
/// connections, as the kernel does for a paused process.
struct FreezableNode {
    /// The address of the proxy.
    address: SocketAddr,
    server: MockServer,
    frozen: watch::Sender<bool>,
}

impl FreezableNode {
    fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    fn thaw(&self) {
        self.frozen.send_replace(false);
    }
}

/// Starts a cluster of `count` nodes that answer all statements.
async fn start_freezable(count: usize) -> Vec<FreezableNode> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        let server = MockServer::bind("127.0.0.1:0").await.unwrap().version(Version::V4);
        let server = server.on_any(Reply::void());
        let frozen = watch::Sender::new(false);
        let address = start_proxy(server.address(), &frozen).await;
        nodes.push(FreezableNode { address, server, frozen });
    }
    let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
    let with_peers = |node: FreezableNode| {
        let own = node.address;
        let peers = addresses.iter().copied().filter(|address| *address != own);
        FreezableNode { server: node.server.peers(peers), ..node }
    };
    nodes.into_iter().map(with_peers).collect()
}

/// Starts a proxy for `server`. It forwards nothing while `frozen` is true.
pub(crate) async fn start_proxy(server: SocketAddr, frozen: &watch::Sender<bool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let frozen = frozen.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(server).await.unwrap();
            let (client_read, client_write) = client.into_split();
            let (server_read, server_write) = server.into_split();
            tokio::spawn(forward(client_read, server_write, frozen.subscribe()));
            tokio::spawn(forward(server_read, client_write, frozen.subscribe()));
        }
    });
    address
}

async fn forward(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut frozen: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let is_thawed = frozen.wait_for(|frozen| !frozen).await.is_ok();
        if !is_thawed || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn connect_to(nodes: &[FreezableNode]) -> Session {
    let builder = Session::builder().contact_points([nodes[0].address.to_string()]);
    connect(builder, nodes.len()).await
}

/// Returns a statement that waits without limit. On a busy machine, the session may take longer to find
/// out that nodes do not answer than requests wait by default.
fn unlimited(text: &str) -> Statement {
    Statement::new(text).timeout(None::<Duration>)
}

/// Sends `count` requests at once, and returns the coordinators of their responses.
async fn execute_all(session: &Session, statement: &Statement, count: usize) -> Vec<SocketAddr> {
    let requests = (0..count).map(|_| async {
        let result = session.execute(statement.clone(), ()).await;
        result.unwrap_or_else(|error| panic!("{error}")).coordinator().address()
    });
    futures_util::future::join_all(requests).await
}

/// Waits until the session considers the node responsive, or not.
async fn wait_responsive(session: &Session, address: SocketAddr, expected: bool) {
    let is_expected = |session: &Session| {
        let cluster = session.cluster();
        let node = cluster.nodes().iter().find(|node| node.address() == address).unwrap();
        node.is_responsive() == expected
    };
    let event = format!("is_responsive() of {address} is {expected}");
    until(&event, async || is_expected(session)).await;
}

#[tokio::test]
async fn idempotent_requests_survive_a_frozen_node_with_default_settings() {
    let nodes = start_freezable(3).await;
    let session = connect_to(&nodes).await;
    let select = Statement::new("SELECT ...");
    let update = Statement::new("UPDATE ...").idempotent(true);
    let frozen = nodes[1].address;
    assert!(execute_all(&session, &select, 9).await.contains(&frozen));
    assert_eq!(session.metrics().speculative_executions, 0);

    nodes[1].freeze();
    let (reads, writes) =
        tokio::join!(execute_all(&session, &select, 30), execute_all(&session, &update, 30));
    assert!(!reads.contains(&frozen) && !writes.contains(&frozen));
    // Only the requests that waited on the frozen node were sent twice.
    let sent_twice = session.metrics().speculative_executions;
    assert!((1..60).contains(&sent_twice), "{sent_twice} requests were sent twice");
    let frozen_metrics = |session: &Session| {
        let nodes = session.metrics().nodes;
        nodes.into_iter().find(|node| node.address == frozen).unwrap()
    };
    assert_eq!(frozen_metrics(&session).speculative_executions, sent_twice);

    // New requests of every kind go to the other nodes.
    let insert = Statement::new("INSERT ...");
    assert!(!execute_all(&session, &insert, 30).await.contains(&frozen));
    assert_eq!(session.metrics().speculative_executions, sent_twice);
    session.prepare("SELECT ? ...").await.unwrap();

    nodes[1].thaw();
    wait_responsive(&session, frozen, true).await;
    let is_used = async || execute_all(&session, &insert, 9).await.contains(&frozen);
    until("the node gets requests again", is_used).await;
    assert_eq!(session.metrics().errors, 0);
}

#[tokio::test]
async fn requests_that_are_not_idempotent_wait_for_the_frozen_node() {
    let nodes = start_freezable(2).await;
    let session = connect_to(&nodes).await;
    let insert = unlimited("INSERT ...");
    let frozen = nodes[1].address;
    nodes[1].freeze();
    let requests = execute_all(&session, &insert, 10);
    let thaw = async {
        wait_responsive(&session, frozen, false).await;
        nodes[1].thaw();
    };
    let (coordinators, ()) = tokio::join!(requests, thaw);
    assert!(coordinators.contains(&frozen));
    let received = nodes.iter().map(|node| node.server.received().len());
    assert_eq!(received.sum::<usize>(), 10, "no request was sent twice");
}

#[tokio::test]
async fn a_statement_is_prepared_on_another_node_if_one_is_frozen() {
    let nodes = start_freezable(2).await;
    let session = connect_to(&nodes).await;
    nodes[1].freeze();
    for number in 0..4 {
        let insert = Statement::new(format!("INSERT INTO t{number} ..."));
        // PREPARE may be sent twice, whatever the statement.
        session.prepare(insert.idempotent(false)).await.unwrap();
    }
}

/// The second node has evicted the statement, and freezes when it receives PREPARE. The statement is not
/// idempotent, but was not executed.
#[tokio::test]
async fn a_request_moves_on_if_the_node_freezes_while_a_statement_is_prepared_again() {
    let mut nodes = start_freezable(2).await;
    let id = bytes::Bytes::from_static(b"select");
    let (details, message) = (ErrorDetails::Unprepared { id }, "evicted".to_owned());
    let unprepared = ServerError { code: ErrorCode::Unprepared, message, details };
    let frozen = nodes[1].frozen.clone();
    let has_evicted = AtomicBool::new(false);
    let FreezableNode { address, server, .. } = nodes.pop().unwrap();
    let server = server.on_request(move |frame| match &frame.request {
        Request::Prepare(_) if has_evicted.load(Ordering::SeqCst) => {
            frozen.send_replace(true);
            Some(Reply::silence())
        }
        Request::Prepare(_) => Some(prepared().into()),
        Request::Execute(_) => {
            has_evicted.store(true, Ordering::SeqCst);
            Some(Reply::response(unprepared.clone()))
        }
        _ => None,
    });
    let FreezableNode { server: first, address: responsive, .. } = nodes.pop().unwrap();
    let first = first.on_request(|frame| match &frame.request {
        Request::Prepare(_) => Some(prepared().into()),
        Request::Execute(_) => Some(Reply::void()),
        _ => None,
    });
    let builder = Session::builder().contact_points([responsive.to_string()]);
    let session = connect(builder, 2).await;
    let insert = session.prepare(unlimited("INSERT INTO kv (k) VALUES (?)")).await.unwrap();
    // The tokens of some keys are those of the second node.
    let keys = AtomicI32::new(0);
    until("the second node is frozen", async || {
        let key = keys.fetch_add(1, Ordering::SeqCst);
        let result = session.execute(&insert, (key,)).await.unwrap();
        assert_eq!(result.coordinator().address(), responsive);
        let cluster = session.cluster();
        let node = cluster.nodes().iter().find(|node| node.address() == address).unwrap();
        !node.is_responsive()
    })
    .await;
    drop((first, server));
}

#[tokio::test]
async fn requests_wait_for_the_only_node_if_it_is_frozen() {
    let nodes = start_freezable(1).await;
    let session = connect_to(&nodes).await;
    nodes[0].freeze();
    let select = unlimited("SELECT ...");
    let requests = async {
        execute_all(&session, &select, 1).await;
    };
    let late_requests = async {
        wait_responsive(&session, nodes[0].address, false).await;
        let thaw = async { nodes[0].thaw() };
        tokio::join!(execute_all(&session, &select, 1), thaw);
    };
    tokio::join!(requests, late_requests);
    assert_eq!(session.metrics().speculative_executions, 0);
}

/// Both nodes freeze. One of them thaws, and gets the requests that wait on the other.
#[tokio::test]
async fn requests_move_to_a_node_as_soon_as_it_answers_again() {
    let nodes = start_freezable(2).await;
    let session = connect_to(&nodes).await;
    nodes.iter().for_each(FreezableNode::freeze);
    let select = unlimited("SELECT ...");
    let thaw = async {
        for node in &nodes {
            wait_responsive(&session, node.address, false).await;
        }
        nodes[0].thaw();
    };
    let (coordinators, ()) = tokio::join!(execute_all(&session, &select, 10), thaw);
    assert!(coordinators.iter().all(|address| *address == nodes[0].address));
}

/// Requests that are sent while no node answers wait on both nodes. One of the nodes thaws, and gets all
/// of them.
#[tokio::test]
async fn requests_sent_while_no_node_answers_move_to_the_first_that_does() {
    let nodes = start_freezable(2).await;
    let session = connect_to(&nodes).await;
    nodes.iter().for_each(FreezableNode::freeze);
    let select = unlimited("SELECT ...");
    let later = async {
        for node in &nodes {
            wait_responsive(&session, node.address, false).await;
        }
        let thaw = async { nodes[0].thaw() };
        tokio::join!(execute_all(&session, &select, 10), thaw).0
    };
    let (_, coordinators) = tokio::join!(execute_all(&session, &select, 10), later);
    assert!(coordinators.iter().all(|address| *address == nodes[0].address));
}

#[tokio::test]
async fn a_node_that_refuses_a_statement_ends_the_wait_for_a_frozen_node() {
    let nodes = start_freezable(2).await;
    let invalid = ServerError::new(ErrorCode::Invalid, "unconfigured table t");
    let nodes: Vec<_> = nodes
        .into_iter()
        .map(|node| {
            let server = node.server.on("SELECT nothing", Reply::response(invalid.clone()));
            FreezableNode { server, ..node }
        })
        .collect();
    let session = connect_to(&nodes).await;
    nodes[1].freeze();
    let select = || session.execute("SELECT nothing", ());
    let errors = futures_util::future::join_all((0..10).map(|_| select())).await;
    assert!(errors.iter().all(|error| {
        error.as_ref().is_err_and(|error| error.kind() == ErrorKind::Server(ErrorCode::Invalid))
    }));
}

#[tokio::test]
async fn the_control_connection_moves_away_from_a_frozen_node() {
    let nodes = start_freezable(2).await;
    let builder =
        Session::builder().contact_points([nodes[0].address.to_string()]).connection(|options| {
            options.heartbeat_interval = Duration::from_millis(100);
            // The connection does not end.
            options.heartbeat_timeout = Duration::from_secs(3_600);
        });
    let session = connect(builder, 2).await;
    // No read is under way whose timeout would end the connection.
    session.schema().await.unwrap();
    let mut events = session.events();
    nodes[0].freeze();
    let address = nodes[1].address;
    // Repeated, because the control connection is not registered at once.
    until("the session receives an event of the other node", async || {
        nodes[1].server.emit(Event::Status { change: StatusChange::Down, address });
        tokio::task::yield_now().await;
        matches!(events.next().now_or_never(), Some(Some(Event::Status { .. })))
    })
    .await;
}

#[tokio::test]
async fn connects_to_the_next_contact_point_if_the_first_is_frozen() {
    let nodes = start_freezable(2).await;
    nodes[0].freeze();
    let points = [nodes[0].address.to_string(), nodes[1].address.to_string()];
    let session = Session::builder().contact_points(points).connect().await.unwrap();
    execute_all(&session, &Statement::new("SELECT ..."), 1).await;
}

/// The first node answers heartbeats, but no statement.
#[tokio::test]
async fn answers_that_a_node_owes_count_as_load() {
    let servers = start_nodes(2, |node, frame| match (node, &frame.request) {
        (0, Request::Query(_)) => Reply::silence(),
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 2).await;
    let node = |number: usize| {
        let cluster = session.cluster();
        let address = servers[number].address();
        cluster.nodes().iter().find(|node| node.address() == address).cloned().unwrap()
    };
    let insert = Statement::new("INSERT ...").timeout(Duration::from_millis(500));
    // The first request to the silent node times out.
    until("a request times out", async || {
        let result = session.execute(insert.clone(), ()).await;
        result.is_err_and(|error| error.kind() == ErrorKind::Timeout)
    })
    .await;
    until("the node owes an answer", async || node(0).in_flight() == 1).await;
    // The rotation compares both nodes each time, and one of them owes an answer.
    for _ in 0..20 {
        let result = session.execute(insert.clone(), ()).await.unwrap();
        assert_eq!(result.coordinator().address(), servers[1].address());
    }
    assert_eq!(node(0).in_flight(), 1);
    assert_eq!(session.metrics().in_flight, 0);
    assert_eq!(node(1).in_flight(), 0);
    // Closing does not wait for the answer.
    let owing = node(0);
    session.close(Duration::from_secs(3_600)).await;
    assert_eq!(owing.in_flight(), 0);
}

#[tokio::test]
async fn speculative_executions_that_lose_count_until_they_are_answered() {
    let requests = Arc::new(AtomicUsize::new(0));
    let is_released = Arc::new(AtomicBool::new(false));
    let (received, released) = (Arc::clone(&requests), Arc::clone(&is_released));
    let servers = start_nodes(2, move |_, _| match received.fetch_add(1, Ordering::SeqCst) {
        0 => {
            let released = Arc::clone(&released);
            Reply::void().when(move || released.load(Ordering::SeqCst))
        }
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 2).await;
    let speculative = SpeculativeExecution::after(Duration::from_millis(10));
    let select = Statement::new("SELECT ...").speculative_execution(speculative);
    session.execute(select, ()).await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 2);
    let owed = || -> usize { session.cluster().nodes().iter().map(|node| node.in_flight()).sum() };
    until("the execution that lost counts", async || owed() == 1).await;
    is_released.store(true, Ordering::SeqCst);
    until("the execution that lost is answered", async || owed() == 0).await;
}

/// A policy that picks all nodes in turn.
#[derive(Debug, Default)]
struct InTurn(AtomicUsize);

impl LoadBalancing for InTurn {
    fn pick(&self, _: &Routing<'_>, cluster: &ClusterState, _: &[Arc<Node>]) -> Option<Arc<Node>> {
        let turn = self.0.fetch_add(1, Ordering::SeqCst);
        cluster.nodes().get(turn % cluster.nodes().len()).cloned()
    }
}

/// A policy that picks the first node that was not tried, and counts its picks.
#[derive(Debug, Default)]
struct InOrder(AtomicUsize);

impl LoadBalancing for InOrder {
    fn pick(
        &self,
        _: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let is_tried = |node: &Arc<Node>| tried.iter().any(|tried| Arc::ptr_eq(tried, node));
        cluster.nodes().iter().find(|node| !is_tried(node)).cloned()
    }
}

/// The policy prefers nodes that do not answer, as if they were in the local datacenter, and the last
/// node in a remote one.
#[tokio::test]
async fn a_request_skips_all_unresponsive_nodes_at_once() {
    const NODES: usize = 80;
    let nodes = start_freezable(NODES).await;
    let session = connect_to(&nodes).await;
    let healthy = session.cluster().nodes().last().unwrap().address();
    let (healthy, frozen): (Vec<_>, Vec<_>) =
        nodes.iter().partition(|node| node.address == healthy);
    frozen.iter().for_each(|node| node.freeze());
    let insert = unlimited("INSERT ...").load_balancing(InTurn::default());
    let every_node_waits = execute_all(&session, &insert, NODES);
    let skip = async {
        for node in &frozen {
            wait_responsive(&session, node.address, false).await;
        }
        let policy = Arc::new(InOrder::default());
        let insert = Statement::new("INSERT ...").load_balancing(Arc::clone(&policy));
        let result = session.execute(insert.clone(), ()).await.unwrap();
        assert_eq!(result.coordinator().address(), healthy[0].address);
        assert_eq!(policy.0.load(Ordering::SeqCst), 2);
    };
    tokio::select! {
        _ = every_node_waits => panic!("a frozen node has answered"),
        () = skip => {}
    }
}

/// Of two rows of one node, the one whose address does not answer loses, although its connections are
/// still open.
#[tokio::test]
async fn a_node_that_has_moved_away_from_an_unresponsive_address_is_found() {
    let nodes = start_freezable(1).await;
    let [old] = &nodes[..] else { panic!() };
    let moved = MockServer::bind("127.0.0.1:0").await.unwrap().on_any(Reply::void());
    let table = PeersTable::new([PeerRow::current(old.address, 2)]);
    let queried = MockServer::bind("127.0.0.1:0").await.unwrap().on_any(Reply::void());
    let queried = queried.on_request(table.handler());
    // The connections to the old address stay open.
    let hour = Duration::from_secs(3_600);
    let builder = Session::builder()
        .contact_points([queried.address().to_string()])
        .connection(move |options| options.heartbeat_timeout = hour);
    let session = connect(builder, 2).await;
    old.freeze();
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.execute(unlimited("INSERT ..."), ()).await })
        })
        .collect();
    wait_responsive(&session, old.address, false).await;
    table.replace([PeerRow::current(moved.address(), 2), PeerRow::current(old.address, 2)]);
    let is_found = || {
        let cluster = session.cluster();
        cluster.node(Uuid::from_u128(2)).unwrap().address() == moved.address()
    };
    refresh_until("the node is found at its new address", &queried, is_found).await;
    assert_eq!(session.cluster().nodes().len(), 2);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}
