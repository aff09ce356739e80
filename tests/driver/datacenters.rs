//! Sessions with clusters of several datacenters and racks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::cluster::DefaultBalancing;
use cqlwire::message::{
    Event, Request, RequestFrame, ResultMessage, SchemaChange, SchemaChangeKind, SchemaTarget,
    StatusChange,
};
use cqlwire::session::{ErrorKind, Session, SessionBuilder, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{CqlType, NativeType};
use cqlwire::wire::{Consistency, Version};
use uuid::Uuid;

use crate::cluster::prepared;
use crate::mock_nodes::{connect, session_builder, start_nodes, wait_until_connected};
use crate::wait::until;

/// Mock nodes in several datacenters, and the number of statements that each has executed.
struct Nodes {
    servers: Vec<MockServer>,
    executed: Arc<[AtomicUsize]>,
}

impl Nodes {
    /// Starts a node for each of `locations`, a datacenter and a rack. Keyspace `test` has a replica
    /// on every node.
    async fn start(locations: &[(&'static str, &'static str)]) -> Self {
        let executed: Arc<[_]> = locations.iter().map(|_| AtomicUsize::new(0)).collect();
        let counters = Arc::clone(&executed);
        let servers =
            start_nodes(locations.len(), move |number, frame| answer(&counters[number], frame));
        let servers = servers.await;
        let rows: Vec<_> = (1..)
            .zip(servers.iter().zip(locations))
            .map(|(id, (server, &(datacenter, rack)))| {
                let (ip, port) = (server.address().ip(), i32::from(server.address().port()));
                (ip, port, Uuid::from_u128(id), datacenter, rack, [id.to_string()])
            })
            .collect();
        let mut replicas = BTreeMap::from([("class", "NetworkTopologyStrategy".to_owned())]);
        for &(datacenter, _) in locations {
            let count = locations.iter().filter(|(name, _)| *name == datacenter).count();
            replicas.insert(datacenter, count.to_string());
        }
        let own = |number: usize| {
            let (_, _, id, datacenter, rack, tokens) = rows[number].clone();
            let partitioner = "org.apache.cassandra.dht.Murmur3Partitioner";
            Reply::rows(
                [("partitioner", NativeType::Text.into())].into_iter().chain(columns()),
                [(partitioner, id, datacenter, rack, tokens)],
            )
        };
        let peers = |number: usize| {
            let own = [
                ("native_address", NativeType::Inet.into()),
                ("native_port", NativeType::Int.into()),
            ];
            let mut peers = rows.clone();
            peers.remove(number);
            Reply::rows(own.into_iter().chain(columns()), peers)
        };
        let map = CqlType::Map(Box::new((NativeType::Text.into(), NativeType::Text.into())));
        let keyspaces = [("keyspace_name", NativeType::Text.into()), ("replication", map)];
        let keyspaces = Reply::rows(keyspaces, [("test", replicas)]);
        let servers = servers.into_iter().enumerate().map(|(number, server)| {
            // In v5, statements can name their keyspace.
            server
                .version(Version::V5)
                .on("SELECT * FROM system.local WHERE key = 'local'", own(number))
                .on("SELECT * FROM system.peers_v2", peers(number))
                .on(
                    "SELECT keyspace_name, replication FROM system_schema.keyspaces",
                    keyspaces.clone(),
                )
        });
        Self { servers: servers.collect(), executed }
    }

    /// Returns a builder with the first node as contact point.
    fn builder(&self) -> SessionBuilder {
        session_builder(&self.servers).protocol_version(Version::V5)
    }

    /// Sets the schema version of a node in a system table of the first node. `table` is the end of
    /// the statement that reads it.
    fn set_schema_version(&mut self, table: &str, host_id: u128, version: u128) {
        self.set_versions(table, schema_version(host_id, version));
    }

    fn set_versions(&mut self, table: &str, reply: Reply) {
        let text = format!("SELECT host_id, schema_version{table}");
        let server = self.servers.remove(0).on(&text, reply);
        self.servers.insert(0, server);
    }

    /// Asserts that these nodes executed equal shares of `count` statements since the last call. One
    /// more is allowed, because the rotation restarts when the topology is read again.
    fn assert_shared(&self, count: usize, numbers: &[usize]) {
        let executed = self.executed();
        let share = count / numbers.len();
        let is_fair = |number: &usize| executed[*number].abs_diff(share) <= 1;
        let sum: usize = numbers.iter().map(|number| executed[*number]).sum();
        assert!(sum == count && numbers.iter().all(is_fair), "{executed:?}");
    }

    /// Returns the number of statements that each node has executed since the last call.
    fn executed(&self) -> Vec<usize> {
        self.executed.iter().map(|count| count.swap(0, Ordering::SeqCst)).collect()
    }
}

fn schema_version(host_id: u128, version: u128) -> Reply {
    let columns = ["host_id", "schema_version"].map(|name| (name, NativeType::Uuid));
    Reply::rows(columns, [(Uuid::from_u128(host_id), Uuid::from_u128(version))])
}

fn columns() -> [(&'static str, CqlType); 4] {
    [
        ("host_id", NativeType::Uuid.into()),
        ("data_center", NativeType::Text.into()),
        ("rack", NativeType::Text.into()),
        ("tokens", CqlType::Set(Box::new(NativeType::Text.into()))),
    ]
}

fn answer(executed: &AtomicUsize, frame: &RequestFrame<'_>) -> Reply {
    match &frame.request {
        Request::Prepare(_) => return prepared().into(),
        Request::Query(query) if query.text.starts_with("CREATE") => {
            let target = SchemaTarget::Keyspace { keyspace: "ks".into() };
            let change = SchemaChange { kind: SchemaChangeKind::Created, target };
            return ResultMessage::SchemaChange(change).into();
        }
        _ => {}
    }
    executed.fetch_add(1, Ordering::SeqCst);
    Reply::void()
}

/// A statement whose partition has a replica on every node.
fn with_replicas() -> Statement {
    Statement::new("SELECT ...").keyspace("test").routing_key("key")
}

async fn execute(session: &Session, statement: &Statement, times: usize) {
    for _ in 0..times {
        session.execute(statement, ()).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_has_one_connection_to_each_local_node_and_a_control_connection() {
    let locations = [("dc1", "rack1"), ("dc1", "rack2"), ("dc2", "rack1"), ("dc2", "rack2")];
    let nodes = Nodes::start(&locations).await;
    let session = connect(nodes.builder(), 2).await;
    let connections = || nodes.servers.iter().map(MockServer::connections).collect::<Vec<_>>();
    for _ in 0..100 {
        session.execute("SELECT v FROM test.kv", ()).await.unwrap();
        assert_eq!(connections(), [2, 1, 0, 0]);
    }
}

#[tokio::test]
async fn the_nodes_of_each_tier_get_equal_shares() {
    let mut locations = vec![("dc1", "rack1"); 3];
    locations.push(("dc2", "rack1"));
    locations.extend([("dc1", "rack2"), ("dc1", "rack2"), ("dc2", "rack1")]);
    let nodes = Nodes::start(&locations).await;
    let one = Statement::new("SELECT ...").consistency(Consistency::One);
    let replica = with_replicas().consistency(Consistency::One);
    let remote = || DefaultBalancing::new().remote_datacenters(true);

    let session = connect(nodes.builder().load_balancing(remote()), 7).await;
    execute(&session, &one, 60).await;
    assert_eq!(nodes.executed(), [12, 12, 12, 0, 12, 12, 0], "local nodes");
    execute(&session, &replica, 60).await;
    assert_eq!(nodes.executed(), [12, 12, 12, 0, 12, 12, 0], "local replicas");

    let rack = Arc::new(remote().rack("rack2"));
    execute(&session, &one.clone().load_balancing(Arc::clone(&rack)), 60).await;
    assert_eq!(nodes.executed(), [0, 0, 0, 0, 30, 30, 0], "nodes of the local rack");
    execute(&session, &replica.clone().load_balancing(rack), 60).await;
    assert_eq!(nodes.executed(), [0, 0, 0, 0, 30, 30, 0], "replicas in the local rack");
}

#[tokio::test]
async fn the_shares_of_nodes_that_are_down_are_divided_equally() {
    let locations =
        [("dc1", "rack1"), ("dc2", "rack1"), ("dc1", "rack1"), ("dc2", "rack1"), ("dc2", "rack1")];
    let mut nodes = Nodes::start(&locations).await;
    let balancing = DefaultBalancing::new().remote_datacenters(true);
    let builder = nodes.builder().load_balancing(balancing);
    let session = connect(builder.local_datacenter("dc2"), 5).await;
    nodes.servers.remove(1);
    wait_until_connected(&session, 4).await;
    let one = Statement::new("SELECT ...").consistency(Consistency::One);
    execute(&session, &one, 60).await;
    nodes.assert_shared(60, &[3, 4]);
    nodes.servers.truncate(2);
    wait_until_connected(&session, 2).await;
    for statement in [&one, &with_replicas().consistency(Consistency::One)] {
        execute(&session, statement, 60).await;
        nodes.assert_shared(60, &[0, 2]);
    }
}

#[tokio::test]
async fn every_local_node_of_a_large_cluster_gets_requests() {
    let locations = [vec![("dc1", "rack1"); 70], vec![("dc2", "rack1"); 4]].concat();
    let nodes = Nodes::start(&locations).await;
    let balancing = DefaultBalancing::new().remote_datacenters(true);
    let session = connect(nodes.builder().load_balancing(balancing), locations.len()).await;
    let one = Statement::new("SELECT ...").consistency(Consistency::One);
    execute(&session, &one, 20 * 70).await;
    let executed = nodes.executed();
    let (local, remote) = executed.split_at(70);
    assert!(local.iter().all(|count| *count > 0), "{local:?}");
    assert_eq!(remote, [0; 4]);
}

/// Returns a session whose local datacenter has failed, and the nodes of the remote one.
async fn without_local_nodes(balancing: DefaultBalancing) -> (Session, Nodes) {
    let mut nodes = Nodes::start(&[("dc1", "rack1"), ("dc2", "rack1"), ("dc2", "rack1")]).await;
    let session = connect(nodes.builder().load_balancing(balancing), 3).await;
    nodes.servers.remove(0);
    wait_until_connected(&session, 2).await;
    (session, nodes)
}

#[tokio::test]
async fn prepares_remotely_but_refuses_local_consistencies_by_name() {
    let balancing = DefaultBalancing::new().remote_datacenters(true);
    let (session, nodes) = without_local_nodes(balancing).await;
    let select = session.prepare("SELECT ... WHERE k = ?").await.unwrap();
    for consistency in [Consistency::LocalOne, Consistency::LocalQuorum] {
        let select = select.clone().consistency(consistency);
        let error = session.execute(select, (1,)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        let text = error.to_string();
        let refused = format!("does not use remote datacenter `dc2` at {consistency}");
        assert_eq!(text.matches(&refused).count(), 2, "{text}");
        assert_eq!(text.matches("local_consistency_failover").count(), 1, "{text}");
    }
    assert_eq!(nodes.executed(), [0, 0, 0]);
    session.execute(select.consistency(Consistency::One), (1,)).await.unwrap();
    assert_eq!(nodes.executed().iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn local_serial_consistency_keeps_writes_in_the_local_datacenter() {
    let balancing = DefaultBalancing::new().remote_datacenters(true);
    let (session, nodes) = without_local_nodes(balancing).await;
    let statement = |text: &str, serial| {
        Statement::new(text).consistency(Consistency::Quorum).serial_consistency(serial)
    };
    let insert = "INSERT ... IF NOT EXISTS";
    let local = statement(insert, Consistency::LocalSerial);
    let error = session.execute(local, ()).await.unwrap_err().to_string();
    assert!(error.contains("does not use remote datacenter `dc2` at LOCAL_SERIAL"), "{error}");
    assert_eq!(nodes.executed(), [0, 0, 0]);
    session.execute(statement(insert, Consistency::Serial), ()).await.unwrap();
    // Serial consistency does not concern reads.
    session.execute(statement("SELECT ...", Consistency::LocalSerial), ()).await.unwrap();
}

#[tokio::test]
async fn local_consistencies_fail_over_if_allowed() {
    let balancing = DefaultBalancing::new().local_consistency_failover(true);
    let (session, nodes) = without_local_nodes(balancing).await;
    execute(&session, &Statement::new("SELECT ..."), 10).await;
    let serial = Statement::new("INSERT ... IF NOT EXISTS");
    execute(&session, &serial.serial_consistency(Consistency::LocalSerial), 10).await;
    nodes.assert_shared(20, &[1, 2]);
}

#[tokio::test]
async fn refuses_empty_names_and_names_the_setting() {
    let nodes = Nodes::start(&[("dc1", "rack1"), ("dc2", "rack1")]).await;
    for (setting, builder) in [
        ("local_datacenter", nodes.builder().local_datacenter("")),
        ("keyspace", nodes.builder().keyspace("")),
        ("name", nodes.builder().name("")),
    ] {
        let error = builder.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let expected = format!("is an empty text: pass a name to `{setting}`");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

/// Waits until the session has received an event from this server.
async fn emit(session: &Session, server: &MockServer, event: Event) {
    let mut events = session.events();
    server.emit(event.clone());
    let is_received = async || events.next().await.unwrap() == event;
    until("the session receives the event", is_received).await;
}

/// The ends of the statements that read schema versions.
const LOCAL: &str = " FROM system.local WHERE key = 'local'";
const PEERS: &str = ", peer, native_address, native_port FROM system.peers_v2";

#[tokio::test]
async fn schema_agreement_includes_nodes_without_connections_unless_they_are_down() {
    let mut nodes = Nodes::start(&[("dc1", "rack1"), ("dc2", "rack1")]).await;
    let agrees =
        async |session: &Session| session.execute("CREATE ...", ()).await.unwrap().schema_agreed();
    let address = nodes.servers[1].address();
    let status = |change| Event::Status { change, address };

    nodes.set_schema_version(LOCAL, 1, 7);
    nodes.set_schema_version(PEERS, 2, 7);
    let hour = Duration::from_secs(3_600);
    let patient = connect(nodes.builder().schema_agreement(hour), 1).await;
    let impatient = nodes.builder().schema_agreement(Duration::from_millis(300));
    let impatient = connect(impatient, 1).await;
    assert!(agrees(&patient).await);
    nodes.set_schema_version(PEERS, 2, 6);
    assert!(!agrees(&impatient).await, "a node of the other datacenter lags");
    emit(&patient, &nodes.servers[0], status(StatusChange::Down)).await;
    assert!(agrees(&patient).await, "the node that lags is down");
    emit(&impatient, &nodes.servers[0], status(StatusChange::Up)).await;
    assert!(!agrees(&impatient).await, "the node is up again, and still lags");
    nodes.set_schema_version(PEERS, 2, 7);
    assert!(agrees(&patient).await);
}

/// A schema that is changed back has its former version again.
#[tokio::test]
async fn a_node_that_has_agreed_is_waited_for_when_it_lags_with_the_same_version_again() {
    let mut nodes = Nodes::start(&[("dc1", "rack1"), ("dc2", "rack1")]).await;
    nodes.set_schema_version(LOCAL, 1, 7);
    nodes.set_schema_version(PEERS, 2, 6);
    let session = nodes.builder().schema_agreement(Duration::from_secs(3));
    let session = connect(session, 1).await;
    let agrees = async || session.execute("CREATE ...", ()).await.unwrap().schema_agreed();
    assert!(!agrees().await);
    assert!(!agrees().await, "the node still lags");
    nodes.set_schema_version(PEERS, 2, 7);
    assert!(agrees().await);
    nodes.set_versions(PEERS, schema_version(2, 6).then(schema_version(2, 7)));
    assert!(agrees().await, "the node learns of the change soon");
}
