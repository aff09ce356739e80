//! Sessions with clusters of mock servers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::cluster::DefaultBalancing;
use cqlwire::cluster::schema::SchemaPart;
use cqlwire::message::{
    ErrorCode, ErrorDetails, Event, PreparedResult, Ready, Request, ResultMessage, RowsMetadata,
    ServerError, StatusChange, TopologyChange, Variables,
};
use cqlwire::session::{Batch, ErrorKind, Session, SessionBuilder, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{ColumnSpec, NativeType};
use cqlwire::wire::Version;
use tokio::sync::watch;
use uuid::Uuid;

use crate::frozen::start_proxy;
use crate::mock_nodes::wait_until_connected;
use crate::wait::until;

const SELECT: &str = "SELECT v FROM test.kv WHERE k = ?";

/// Starts mock servers that form one cluster. Each answers `whoami` with its number.
async fn cluster(size: usize) -> Vec<MockServer> {
    let mut servers = Vec::new();
    for number in 0..size {
        let server = MockServer::bind("127.0.0.1:0").await.unwrap();
        let number = i32::try_from(number).unwrap();
        let whoami = Reply::rows([("number", NativeType::Int)], [(number,)]);
        servers.push(server.on("whoami", whoami.clone()).on_request(move |frame| {
            match &frame.request {
                Request::Prepare(prepare) if prepare.text == SELECT => Some(prepared().into()),
                Request::Execute(_) => Some(whoami.clone()),
                Request::Batch(_) => Some(Reply::void()),
                _ => None,
            }
        }));
    }
    let addresses: Vec<_> = servers.iter().map(MockServer::address).collect();
    servers.into_iter().map(|server| server.peers(addresses.clone())).collect()
}

/// Returns a prepared statement whose only bind variable is the partition key.
pub(crate) fn prepared() -> ResultMessage {
    ResultMessage::Prepared(PreparedResult {
        id: bytes::Bytes::from_static(b"select"),
        result_metadata_id: Some(bytes::Bytes::from_static(b"number")),
        variables: Variables {
            columns: [ColumnSpec::new("test", "kv", "k", NativeType::Int)].into(),
            partition_key: vec![0],
            other_flags: Default::default(),
        },
        result: RowsMetadata::new([ColumnSpec::new("test", "kv", "number", NativeType::Int)]),
    })
}

fn builder(server: &MockServer) -> SessionBuilder {
    Session::builder().contact_points([server.address().to_string()])
}

/// Returns the number of the node that answers the statement.
async fn query_node_number(session: &Session, statement: impl Into<Statement>) -> i32 {
    session.execute(statement, ()).await.unwrap().one().unwrap()
}

#[tokio::test]
async fn sends_requests_to_a_replica_of_their_partition() {
    let servers = cluster(3).await;
    let session = builder(&servers[0]).connect().await.unwrap();
    wait_until_connected(&session, 3).await;
    let select = session.prepare(SELECT).await.unwrap();
    let mut asked = HashSet::new();
    for key in 0..100_i32 {
        let cluster = session.cluster();
        let token = cluster.partitioner().unwrap().token(&key.to_be_bytes());
        let replica = cluster.replicas("test", token).next().unwrap().address();
        let result = session.execute(&select, (key,)).await.unwrap();
        assert_eq!(result.coordinator().address(), replica);
        let number = usize::try_from(result.one::<i32>().unwrap()).unwrap();
        assert_eq!(servers[number].address(), replica);
        asked.insert(number);
    }
    assert_eq!(asked.len(), 3);
    // Requests without a routing key go to all nodes in turn.
    let mut asked = HashSet::new();
    for _ in 0..6 {
        asked.insert(query_node_number(&session, "whoami").await);
    }
    assert_eq!(asked.len(), 3);
}

/// A v3 server does not report which bind variables are the partition key.
#[tokio::test]
async fn finds_the_partition_key_in_the_schema_for_v3() {
    let servers = cluster(3).await;
    let texts = |names: &[&'static str]| -> Vec<_> {
        names.iter().map(|name| (*name, NativeType::Text)).collect()
    };
    let tables = Reply::rows(texts(&["keyspace_name", "table_name"]), [("test", "kv")]);
    let columns = Reply::rows(
        texts(&["keyspace_name", "table_name", "column_name", "kind", "type"]),
        [("test", "kv", "k", "partition_key", "int"), ("test", "kv", "v", "regular", "int")],
    );
    let servers: Vec<_> = servers
        .into_iter()
        .map(|server| {
            server
                .version(Version::V3)
                .on(&SchemaPart::Tables.select(None), tables.clone())
                .on(&SchemaPart::Columns.select(None), columns.clone())
        })
        .collect();
    let session = builder(&servers[0]).connect().await.unwrap();
    wait_until_connected(&session, 3).await;
    session.schema().await.unwrap();
    let select = session.prepare(SELECT).await.unwrap();
    for key in 0..100_i32 {
        let cluster = session.cluster();
        let token = select.token((key,), &cluster).unwrap().unwrap();
        let replica = cluster.replicas("test", token).next().unwrap().address();
        let result = session.execute(&select, (key,)).await.unwrap();
        assert_eq!(result.coordinator().address(), replica);
    }
}

/// Statements that are not prepared are routed only if they have a routing key and a keyspace.
#[tokio::test]
async fn routes_unprepared_statements_and_batches_by_their_routing_key() {
    let servers = cluster(3).await;
    let servers: Vec<_> = servers
        .into_iter()
        .map(|server| server.on("USE \"test\"", Reply::response(set_keyspace())))
        .collect();
    let session = builder(&servers[0]).keyspace("test").connect().await.unwrap();
    wait_until_connected(&session, 3).await;
    for key in 0..100_i32 {
        let cluster = session.cluster();
        let token = cluster.partitioner().unwrap().token(&key.to_be_bytes());
        let replica = cluster.replicas("test", token).next().unwrap().address();
        let key = key.to_be_bytes().to_vec();
        let select = Statement::new("whoami").routing_key(key.clone());
        let result = session.execute(select, ()).await.unwrap();
        assert_eq!(result.coordinator().address(), replica);
        let batch = Batch::logged().statement("INSERT ...", ()).routing_key(key);
        let result = session.batch(batch).await.unwrap();
        assert_eq!(result.coordinator().address(), replica);
    }
}

fn set_keyspace() -> ResultMessage {
    ResultMessage::SetKeyspace("test".to_owned())
}

#[tokio::test]
async fn continues_on_other_nodes_when_one_stops() {
    let mut servers = cluster(3).await;
    let session = builder(&servers[0]).connect().await.unwrap();
    wait_until_connected(&session, 3).await;
    let select = session.prepare(SELECT).await.unwrap().idempotent(true);
    // The node of the control connection.
    drop(servers.remove(0));
    for key in 0..100_i32 {
        let result = session.execute(&select, (key,)).await.unwrap();
        assert_ne!(result.one::<i32>().unwrap(), 0);
    }
    wait_until_connected(&session, 2).await;
    drop(servers);
    let error = session.execute(&select, (1,)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connection | ErrorKind::Unreachable), "{error}");
}

#[tokio::test]
async fn connects_to_a_node_that_joins() {
    let servers = cluster(2).await;
    let alone = MockServer::bind("127.0.0.1:0").await.unwrap();
    let session = builder(&alone).connect().await.unwrap();
    assert_eq!(session.cluster().nodes().len(), 1);
    let address = servers[0].address();
    let alone = alone.peers([address]);
    let mut events = session.events();
    alone.emit(Event::Topology { change: TopologyChange::NewNode, address });
    assert!(matches!(events.next().await, Some(Event::Topology { .. })));
    wait_until_connected(&session, 2).await;
    assert!(session.cluster().nodes().iter().any(|node| node.address() == address));
    let alone = alone.peers([]);
    alone.emit(Event::Topology { change: TopologyChange::RemovedNode, address });
    wait_until_connected(&session, 1).await;
}

/// A node that leaves the cluster lists itself in its system tables until it shuts down.
#[tokio::test]
async fn moves_the_control_connection_away_from_a_removed_node() {
    for host in ["127.0.0.1", "localhost"] {
        moves_away_from_a_removed_node(host).await;
    }
}

async fn moves_away_from_a_removed_node(contact_point: &str) {
    let servers = cluster(3).await;
    let addresses: Vec<_> = servers.iter().map(MockServer::address).collect();
    let contact_point = format!("{contact_point}:{}", addresses[0].port());
    let builder = builder(&servers[0]).contact_points([contact_point]);
    let session = builder.connect().await.unwrap();
    wait_until_connected(&session, 3).await;
    let servers: Vec<_> = servers
        .into_iter()
        .enumerate()
        .map(|(number, server)| match number {
            0 => server,
            _ => server.peers(addresses[1..].to_vec()),
        })
        .collect();
    let (change, address) = (TopologyChange::RemovedNode, addresses[0]);
    servers[0].emit(Event::Topology { change, address });
    let is_left = async || servers[0].connections() == 0;
    until("all connections to the removed node are closed", is_left).await;
    assert_eq!(session.metrics().connected_nodes, 2);
    assert_eq!(session.cluster().nodes().len(), 2);
    // The session still follows the changes of the cluster.
    let servers: Vec<_> =
        servers.into_iter().map(|server| server.peers(addresses.clone())).collect();
    for server in &servers[1..] {
        server.emit(Event::Topology { change: TopologyChange::NewNode, address });
    }
    wait_until_connected(&session, 3).await;
}

/// The removed node is connected at an address that it does not announce.
#[tokio::test]
async fn moves_the_control_connection_away_from_a_removed_node_with_two_addresses() {
    let mut servers = cluster(3).await;
    let addresses: Vec<_> = servers.iter().map(MockServer::address).collect();
    let removed = addresses[0];
    let columns = [
        ("host_id", NativeType::Uuid),
        ("data_center", NativeType::Text),
        ("rack", NativeType::Text),
        ("rpc_address", NativeType::Inet),
        ("rpc_port", NativeType::Int),
    ];
    let port = i32::from(removed.port());
    let local = (Uuid::from_u128(7), "datacenter1", "rack1", removed.ip(), port);
    let first = servers.remove(0);
    let first =
        first.on("SELECT * FROM system.local WHERE key = 'local'", Reply::rows(columns, [local]));
    let others = servers.into_iter().map(|server| server.peers(addresses[1..].to_vec()));
    let _others: Vec<_> = others.collect();
    let proxy = start_proxy(removed, &watch::Sender::new(false)).await;
    let builder = Session::builder().contact_points([proxy.to_string()]);
    let session = builder.connect().await.unwrap();
    wait_until_connected(&session, 3).await;
    assert!(session.cluster().nodes().iter().any(|node| node.address() == proxy));
    first.emit(Event::Topology { change: TopologyChange::RemovedNode, address: removed });
    until("the removed node has no connections", async || first.connections() == 0).await;
    assert_eq!(session.cluster().nodes().len(), 2);
}

#[tokio::test]
async fn keeps_the_control_connection_to_a_removed_node_if_there_is_no_other() {
    let server = cluster(1).await.remove(0);
    let session = builder(&server).connect().await.unwrap();
    let mut events = session.events();
    for _ in 0..2 {
        let (change, address) = (TopologyChange::RemovedNode, server.address());
        server.emit(Event::Topology { change, address });
        events.next().await.unwrap();
    }
    session.execute("whoami", ()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

/// An overloaded server must not make the session forget nodes.
#[tokio::test]
async fn keeps_the_topology_when_a_refresh_fails() {
    let busy = Arc::new(AtomicBool::new(false));
    let is_busy = Arc::clone(&busy);
    let other = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().peers([other.address()]);
    let server = server.on_request(move |frame| match &frame.request {
        Request::Query(query) if query.text.contains(" FROM system") => is_busy
            .load(Ordering::SeqCst)
            .then(|| Reply::error(ErrorCode::Overloaded, "come back later")),
        _ => None,
    });
    let session = builder(&server).connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    busy.store(true, Ordering::SeqCst);
    let address = "127.0.0.9:9".parse().unwrap();
    server.emit(Event::Status { change: StatusChange::Up, address });
    // After the failed refresh, the control connection moves to the other node.
    until("the control connection is open on the other node", async || {
        session.metrics().open_connections == 2 && other.connections() == 2
    })
    .await;
    assert_eq!(session.cluster().nodes().len(), 2);
}

#[tokio::test]
async fn reports_a_server_that_answers_use_with_the_wrong_message() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.on("USE \"test\"", Reply::response(Ready));
    let builder = builder(&server).keyspace("test").connect_timeout(Duration::from_secs(1));
    let error = builder.connect().await.unwrap_err();
    let expected = "its response to USE \"test\" is neither RESULT nor ERROR";
    assert!(error.to_string().ends_with(expected), "{error}");
    assert!(error.server_error().is_none());
}

/// A server with the table `test.kv` in its schema.
async fn server_with_a_table() -> MockServer {
    let names = ["keyspace_name", "table_name"].map(|name| (name, NativeType::Text));
    let tables = Reply::rows(names, [("test", "kv")]);
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    server.on(&SchemaPart::Tables.select(None), tables)
}

#[tokio::test]
async fn schema_waits_until_it_has_been_read() {
    let server = server_with_a_table().await;
    let session = builder(&server).connect().await.unwrap();
    assert!(session.cluster().schema().table("test", "kv").is_none());
    let schema = session.schema().await.unwrap();
    assert!(schema.table("test", "kv").is_some());
    assert!(Arc::ptr_eq(&schema, session.cluster().schema()));
    session.close(Duration::ZERO).await;
    let error = session.schema().await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Closed, CLOSED));
}

const CLOSED: &str = "the session was closed";

#[tokio::test]
async fn schema_fails_at_once_if_the_session_does_not_read_it() {
    let server = server_with_a_table().await;
    let session = builder(&server).fetch_schema(false).connect().await.unwrap();
    let error = session.schema().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`fetch_schema(false)`"), "{error}");
}

#[tokio::test]
async fn schema_fails_with_the_reason_if_it_cannot_be_read_in_time() {
    let overloaded = Reply::error(ErrorCode::Overloaded, "come back later");
    let server = server_with_a_table().await.on(&SchemaPart::Tables.select(None), overloaded);
    let builder = builder(&server).timeout(Duration::from_secs(1));
    let session = builder.connect().await.unwrap();
    let error = session.schema().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("come back later"), "{error}");
}

#[tokio::test]
async fn refuses_a_local_datacenter_without_nodes() {
    let servers = cluster(1).await;
    for remote in [false, true] {
        let balancing = DefaultBalancing::new().remote_datacenters(remote);
        let builder = builder(&servers[0]).load_balancing(balancing);
        let error = builder.local_datacenter("nowhere").connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let expected =
            "no node is in the local datacenter `nowhere`: the cluster has `datacenter1`";
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn dropping_the_session_closes_connections_even_if_nodes_are_still_referenced() {
    let servers = cluster(2).await;
    let session = builder(&servers[0]).connections_per_node(3).connect().await.unwrap();
    until("seven connections are open", async || {
        servers[1].connections() == 3 && servers[0].connections() == 4
    })
    .await;
    let held = session.cluster();
    let result = session.execute("whoami", ()).await.unwrap();
    drop(session);
    until("all connections are closed", async || {
        servers.iter().all(|server| server.connections() == 0)
    })
    .await;
    assert!(held.nodes().iter().all(|node| !node.is_connected()));
    assert!(!result.coordinator().is_connected());
}

#[tokio::test]
async fn a_failed_connect_leaves_no_connections_open() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.on_request(|frame| match &frame.request {
        Request::Register(_) => Some(Reply::silence()),
        _ => None,
    });
    // The server answers the topology queries, so the driver opens connections before REGISTER fails.
    let error =
        builder(&server).connect_timeout(Duration::from_millis(200)).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    until("all connections are closed", async || server.connections() == 0).await;
}

/// The node closes the connection while the driver prepares a forgotten statement again.
#[tokio::test]
async fn retries_on_the_next_node_when_repreparing_fails() {
    let mut servers = Vec::new();
    for _ in 0..2 {
        let server = MockServer::bind("127.0.0.1:0").await.unwrap();
        servers.push(server);
    }
    let addresses: Vec<_> = servers.iter().map(MockServer::address).collect();
    let prepares = Arc::new(AtomicUsize::new(0));
    let executes = Arc::new(AtomicUsize::new(0));
    let servers: Vec<_> = servers
        .into_iter()
        .map(|server| {
            let (prepares, executes) = (Arc::clone(&prepares), Arc::clone(&executes));
            let server = server.on_request(move |frame| match &frame.request {
                Request::Prepare(_) if prepares.fetch_add(1, Ordering::SeqCst) == 0 => {
                    Some(prepared().into())
                }
                Request::Prepare(_) => Some(Reply::bytes(&b"no frame"[..])),
                Request::Execute(_) if executes.fetch_add(1, Ordering::SeqCst) == 0 => {
                    let details = ErrorDetails::Unprepared { id: (&b"select"[..]).into() };
                    let (code, message) = (ErrorCode::Unprepared, "Unknown".to_owned());
                    Some(Reply::response(ServerError { code, message, details }))
                }
                Request::Execute(_) => Some(Reply::void()),
                _ => None,
            });
            server.peers(addresses.clone())
        })
        .collect();
    let session = builder(&servers[0]).connect().await.unwrap();
    wait_until_connected(&session, 2).await;
    // The statement is not idempotent, but the server has not executed it.
    session.execute(SELECT, (1,)).await.unwrap();
    assert_eq!(executes.load(Ordering::SeqCst), 2);
    assert_eq!(prepares.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn close_waits_for_requests_in_flight() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let slow = Reply::rows(["answer"], [["late"]]).after(Duration::from_millis(50));
    let server = server.on("slow", slow);
    let session = builder(&server).connect().await.unwrap();
    let asked = tokio::spawn({
        let session = session.clone();
        async move { session.execute("slow", ()).await }
    });
    until("the request is in flight", async || session.metrics().in_flight > 0).await;
    session.close(Duration::from_secs(60)).await;
    assert_eq!(asked.await.unwrap().unwrap().one::<String>().unwrap(), "late");
    let error = session.execute("slow", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "slow failed: the session was closed");
}

#[tokio::test]
async fn connects_over_ipv6() {
    let Ok(server) = MockServer::bind("[::1]:0").await else {
        return eprintln!("this machine has no IPv6");
    };
    let server = server.on("whoami", Reply::rows([("number", NativeType::Int)], [(6,)]));
    let session = builder(&server).connect().await.unwrap();
    assert_eq!(query_node_number(&session, "whoami").await, 6);
    assert!(session.cluster().nodes()[0].address().is_ipv6());
}
