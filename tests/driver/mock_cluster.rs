//! Clusters of mock servers in one process.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use cqlwire::cluster::Node;
use cqlwire::message::{Event, SchemaChange, SchemaChangeKind, SchemaTarget};
use cqlwire::session::{Session, Statement};
use cqlwire::testing::{MockCluster, MockServer, Reply};

use crate::wait::until;

/// Connects a session to all nodes of a cluster.
pub(crate) async fn connect(cluster: &MockCluster, nodes: usize) -> Session {
    let session = Session::builder().contact_points(cluster.contact_points());
    let session = session.connect().await.unwrap();
    let all = async || session.metrics().connected_nodes == nodes;
    until("the session is connected to all nodes", all).await;
    session
}

#[tokio::test]
async fn nodes_have_their_own_addresses_and_one_port() {
    let (one, two) = (MockCluster::start(3).await.unwrap(), MockCluster::start(3).await.unwrap());
    for cluster in [&one, &two] {
        let addresses: Vec<SocketAddr> = cluster.nodes().iter().map(MockServer::address).collect();
        let ips: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
        assert_eq!(ips, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
        assert!(addresses.iter().all(|address| address.port() == addresses[0].port()));
    }
    let session = connect(&one, 3).await;
    session.execute("SELECT * FROM system.local", ()).await.unwrap();
}

#[tokio::test]
async fn keyspaces_are_replicated_to_the_datacenters_of_the_cluster() {
    let builder = MockCluster::builder().datacenter("west", 2).datacenter("east", 3);
    let cluster = builder.start().await.unwrap();
    let session = Session::builder().contact_points(cluster.contact_points());
    let session = session.connect().await.unwrap();
    for (name, given, expected) in [
        ("one", "'east': 3", "east=3"),
        ("both", "'east': 3, 'west': 2", "east=3 west=2"),
        ("equal", "'replication_factor': 2", "east=2 west=2"),
        ("more_in_one", "'replication_factor': 1, 'east': 3", "east=3 west=1"),
        ("default_factor", "", "east=1 west=1"),
        ("unknown", "'datacenter1': 1", "Unrecognized strategy option {datacenter1}"),
    ] {
        let comma = if given.is_empty() { "" } else { ", " };
        let strategy = format!("{{'class': 'NetworkTopologyStrategy'{comma}{given}}}");
        let create = format!("CREATE KEYSPACE {name} WITH replication = {strategy}");
        if let Err(error) = session.execute(create, ()).await {
            assert!(error.to_string().contains(expected), "{given}: {error}");
            continue;
        }
        let read = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
        let result = session.execute(read, (name,)).await.unwrap();
        let (mut factors,) = result.one::<(BTreeMap<String, String>,)>().unwrap();
        factors.remove("class");
        let factors: Vec<_> =
            factors.iter().map(|(name, factor)| format!("{name}={factor}")).collect();
        assert_eq!(factors.join(" "), expected, "{given}");
    }
}

#[tokio::test]
async fn nodes_report_datacenters_racks_and_tokens() {
    let builder = MockCluster::builder().datacenter("east", 3).datacenter("west", 2).racks(2);
    let cluster = builder.start().await.unwrap();
    let session = Session::builder().contact_points(cluster.contact_points());
    let session = session.connect().await.unwrap();
    let state = session.cluster();
    let place = |node: &Node| (node.datacenter().to_owned(), node.rack().to_owned());
    let mut places: Vec<_> = state.nodes().iter().map(|node| place(node)).collect();
    places.sort_unstable();
    let expected = [
        ("east", "rack1"),
        ("east", "rack1"),
        ("east", "rack2"),
        ("west", "rack1"),
        ("west", "rack2"),
    ];
    assert!(places.iter().map(|(dc, rack)| (&**dc, &**rack)).eq(expected), "{places:?}");
    let mut tokens = Vec::new();
    for node in cluster.nodes() {
        let only = Session::builder().contact_points([node.address().to_string()]);
        let only = only.connect().await.unwrap();
        let statement = Statement::new("SELECT tokens FROM system.local");
        let result = only.execute(statement, ()).await.unwrap();
        let coordinator = result.coordinator().address();
        let (own,) = result.one::<(HashSet<String>,)>().unwrap();
        assert_eq!(own.len(), 16);
        tokens.push((coordinator, own));
    }
    for (address, own) in &tokens {
        let others = tokens.iter().filter(|(other, _)| other != address);
        assert!(others.into_iter().all(|(_, other)| own.is_disjoint(other)));
    }
}

#[tokio::test]
async fn a_stopped_node_is_down_until_it_starts_again() {
    let cluster = MockCluster::builder()
        .datacenter("east", 3)
        .configure(|node| node.on("a", Reply::void()))
        .start()
        .await
        .unwrap();
    let session = connect(&cluster, 3).await;
    cluster.stop_node(1).await;
    let connected = async |nodes| session.metrics().connected_nodes == nodes;
    until("the node is down", async || connected(2).await).await;
    let stopped = cluster.nodes()[1].address();
    assert!(tokio::net::TcpStream::connect(stopped).await.is_err());
    for _ in 0..10 {
        let result = session.execute(Statement::new("a").idempotent(true), ()).await.unwrap();
        assert_ne!(result.coordinator().address(), stopped);
    }
    cluster.start_node(1).await.unwrap();
    cluster.start_node(1).await.unwrap();
    until("the node is up", async || connected(3).await).await;
}

#[tokio::test]
async fn every_node_sends_an_event_of_the_cluster() {
    let cluster = MockCluster::start(2).await.unwrap();
    let sessions = [connect(&cluster, 2).await, connect(&cluster, 2).await];
    let mut events = sessions.each_ref().map(Session::events);
    let change = SchemaChange {
        kind: SchemaChangeKind::Created,
        target: SchemaTarget::Keyspace { keyspace: "k".to_owned() },
    };
    cluster.emit(&Event::Schema(change.clone()));
    for events in &mut events {
        let event = crate::wait::within_limit("the event", events.next()).await;
        assert!(format!("{event:?}").contains("Created"), "{event:?}");
    }
}

#[tokio::test]
async fn a_removed_node_leaves_the_cluster_until_it_is_added() {
    let cluster = MockCluster::start(3).await.unwrap();
    let session = connect(&cluster, 3).await;
    cluster.remove_node(1).await;
    let removed = cluster.nodes()[1].address();
    let members = || session.cluster().nodes().len();
    until("the node left", async || members() == 2).await;
    assert!(session.cluster().nodes().iter().all(|node| node.address() != removed));
    cluster.add_node(1).await.unwrap();
    let is_back = async || members() == 3 && session.metrics().connected_nodes == 3;
    until("the node is back", is_back).await;
}

#[tokio::test]
async fn a_change_of_the_schema_waits_for_a_node_with_another_version() {
    let cluster = MockCluster::start(2).await.unwrap();
    let (short, long) = (Duration::from_millis(50), Duration::from_secs(600));
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    // Neither node agrees with the other one, whichever executes the statement.
    let other = Some(uuid::Uuid::nil());
    let has_changed = |node: &MockServer| {
        node.received().iter().any(|request| request.text.starts_with("CREATE"))
    };
    for (number, wait) in [short, long].into_iter().enumerate() {
        let session = Session::builder().contact_points(cluster.contact_points());
        let session = session.schema_agreement(wait).connect().await.unwrap();
        until("both nodes are up", async || session.metrics().connected_nodes == 2).await;
        cluster.nodes()[0].set_schema_version(other);
        cluster.nodes().iter().for_each(MockServer::clear_received);
        let create = format!("CREATE KEYSPACE k{number} WITH replication = {replication}");
        let agree = async {
            if wait == long {
                let has_begun = async || cluster.nodes().iter().any(has_changed);
                until("the change has begun", has_begun).await;
                cluster.nodes()[0].set_schema_version(None);
            }
        };
        let (result, ()) = tokio::join!(session.execute(create, ()), agree);
        assert_eq!(result.unwrap().schema_agreed(), wait == long);
    }
}

#[tokio::test]
async fn a_node_that_changes_its_address_keeps_its_host_id_and_is_found() {
    let cluster = MockCluster::start(3).await.unwrap();
    let session = connect(&cluster, 3).await;
    let old = cluster.nodes()[1].address();
    let node_at = |address| {
        let state = session.cluster();
        state.nodes().iter().find(|node| node.address() == address).cloned()
    };
    let host_id = node_at(old).unwrap().info().host_id;
    for ip in [[127, 0, 0, 102], [127, 0, 0, 2]] {
        let address = SocketAddr::from((ip, old.port()));
        cluster.change_address(1, address).await.unwrap();
        let is_found = async || {
            node_at(address)
                .is_some_and(|node| node.info().host_id == host_id && node.is_connected())
        };
        until("the node is connected at its new address", is_found).await;
        assert_eq!(session.cluster().nodes().len(), 3);
    }
}

#[tokio::test]
async fn a_removed_node_joins_with_its_new_address() {
    let cluster = MockCluster::start(2).await.unwrap();
    let session = connect(&cluster, 2).await;
    cluster.remove_node(1).await;
    let is_alone = async || session.cluster().nodes().len() == 1;
    until("the node is removed", is_alone).await;
    let address = SocketAddr::from(([127, 0, 0, 102], cluster.nodes()[1].address().port()));
    cluster.change_address(1, address).await.unwrap();
    assert_eq!(session.cluster().nodes().len(), 1);
    cluster.add_node(1).await.unwrap();
    let is_found = async || {
        session.cluster().nodes().iter().any(|n| n.address() == address && n.is_connected())
    };
    until("the node is connected at its new address", is_found).await;
}

/// Reads a table by token ranges, with one request for each split.
#[tokio::test]
async fn statements_that_read_token_ranges_are_sent_to_replicas() {
    let cluster = MockCluster::start(3).await.unwrap();
    let session = connect(&cluster, 3).await;
    let replication = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}";
    for statement in [
        format!("CREATE KEYSPACE k WITH replication = {replication}"),
        "CREATE TABLE k.t (a int, b text, PRIMARY KEY ((a, b)))".to_owned(),
    ] {
        session.execute(statement, ()).await.unwrap();
    }
    for key in 0..200 {
        session.execute("INSERT INTO k.t (a, b) VALUES (?, ?)", (key, "b")).await.unwrap();
    }
    let state = session.cluster();
    let ranges = state.token_ranges("k").unwrap();
    // The greater token is the end of the range, whichever is bound first.
    for condition in
        ["token(a, b) > ? AND token(a, b) <= ?", "token(a, b) <= ? AND token(a, b) > ?"]
    {
        let is_reversed = condition.starts_with("token(a, b) <=");
        let select = session.prepare(format!("SELECT a FROM k.t WHERE {condition}")).await.unwrap();
        let mut keys = Vec::new();
        let mut coordinators = HashSet::new();
        for split in
            (0..4).flat_map(|shard| ranges.shard(shard, 4).unwrap().splits(7).collect::<Vec<_>>())
        {
            let (start, end) = (split.range().start(), split.range().end());
            let values = if is_reversed { (end, start) } else { (start, end) };
            assert_eq!(select.token(values, &state).unwrap(), Some(end));
            let result = session.execute(&select, values).await.unwrap();
            keys.extend(result.rows::<i32>().unwrap().map(Result::unwrap));
            let [replica] = split.replicas() else { panic!("{split:?}") };
            assert_eq!(result.coordinator().address(), replica.address(), "{}", split.range());
            coordinators.insert(replica.address());
        }
        keys.sort_unstable();
        assert!(keys.into_iter().eq(0..200), "each row is read once");
        assert_eq!(coordinators.len(), 3);
    }
}
