//! Sessions with clusters of several datacenters and racks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cqlwire::cluster::DefaultBalancing;
use cqlwire::message::{Request, RequestFrame};
use cqlwire::session::{Session, SessionBuilder, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{CqlType, NativeType};
use cqlwire::wire::{Consistency, Version};
use uuid::Uuid;

use crate::mock_nodes::{connect, session_builder, start_nodes};

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

    /// Returns the number of statements that each node has executed since the last call.
    fn executed(&self) -> Vec<usize> {
        self.executed.iter().map(|count| count.swap(0, Ordering::SeqCst)).collect()
    }
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
    if matches!(frame.request, Request::Query(_) | Request::Execute(_)) {
        executed.fetch_add(1, Ordering::SeqCst);
    }
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
    while session.metrics().connected_nodes != 4 {
        tokio::task::yield_now().await;
    }
    let one = Statement::new("SELECT ...").consistency(Consistency::One);
    execute(&session, &one, 60).await;
    assert_eq!(nodes.executed(), [0, 0, 0, 30, 30], "local nodes");
    nodes.servers.truncate(2);
    while session.metrics().connected_nodes != 2 {
        tokio::task::yield_now().await;
    }
    for statement in [&one, &with_replicas().consistency(Consistency::One)] {
        execute(&session, statement, 60).await;
        assert_eq!(nodes.executed(), [30, 0, 30, 0, 0], "remote nodes");
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
