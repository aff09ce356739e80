//! Scans of whole tables.

use std::collections::BTreeMap;

use cqlwire::message::ErrorCode;
use cqlwire::session::{ErrorKind, ExecutionProfile, NoRetry, Session};
use cqlwire::testing::{Fault, MockCluster, MockServer};

use crate::wait::until;

const CREATE: [&str; 2] = [
    "CREATE KEYSPACE \"Ks\" WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
    "CREATE TABLE \"Ks\".\"T\" (\"A\" int, b text, c int, v int, PRIMARY KEY ((\"A\", b), c))",
];

/// Number of partitions, each with two rows.
const PARTITIONS: i32 = 150;

/// Starts three nodes with a table.
async fn start() -> (MockCluster, Session) {
    let cluster = MockCluster::start(3).await.unwrap();
    let session = Session::builder().contact_points(cluster.contact_points());
    let session = session.connect().await.unwrap();
    let all = async || session.metrics().connected_nodes == 3;
    until("the session is connected to all nodes", all).await;
    for statement in CREATE {
        session.execute(statement, ()).await.unwrap();
    }
    let insert = "INSERT INTO \"Ks\".\"T\" (\"A\", b, c, v) VALUES (?, 'b', ?, ?)";
    for row in 0..2 * PARTITIONS {
        session.execute(insert, (row / 2, row % 2, row)).await.unwrap();
    }
    (cluster, session)
}

/// Checks that these are the values of all rows, each once.
fn assert_all(mut values: Vec<i32>) {
    values.sort_unstable();
    assert!(values.into_iter().eq(0..2 * PARTITIONS));
}

#[tokio::test]
async fn a_scan_reads_every_row_once_from_all_nodes() {
    let (cluster, session) = start().await;
    let small_pages = ExecutionProfile::new().page_size(3);
    for (splits, per_node, profile) in [
        (None, None, ExecutionProfile::new()),
        (Some(0), Some(1), small_pages.clone()),
        (Some(40), Some(0), small_pages.clone()),
        (Some(1_000), Some(3), small_pages),
    ] {
        let mut scan = session.scan(r#""Ks"."T""#).columns(["v"]).profile(&profile);
        if let Some(splits) = splits {
            scan = scan.splits(splits);
        }
        if let Some(per_node) = per_node {
            scan = scan.in_flight_per_node(per_node);
        }
        let mut rows = scan.rows::<i32>();
        assert_eq!(rows.progress().splits, 0);
        let mut values = Vec::new();
        while let Some(value) = rows.try_next().await.unwrap() {
            values.push(value);
        }
        assert_all(values);
        let progress = rows.progress();
        assert_eq!(progress.rows, 2 * PARTITIONS as u64);
        assert_eq!(progress.completed, progress.splits);
        let ranges = session.cluster().token_ranges("Ks").unwrap();
        assert_eq!(progress.splits, ranges.splits(splits.unwrap_or(96)).count());
        assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
    }
    let reads = |server: &MockServer| {
        let statements = server.statements();
        statements.iter().filter(|text| text.contains("token(")).count()
    };
    assert!(cluster.nodes().iter().all(|node| reads(node) > 0));
}

#[tokio::test]
async fn pages_have_the_columns_of_the_scan() {
    let (_cluster, session) = start().await;
    let mut pages = session.scan(r#""Ks"."T""#).rows::<(i32, &str, i32, i32)>();
    let mut values = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        assert!(page.row_count() > 0);
        for row in page.rows::<(i32, &str, i32, i32)>().unwrap() {
            let (a, b, c, v) = row.unwrap();
            assert_eq!((2 * a + c, b), (v, "b"));
            values.push(v);
        }
    }
    assert_all(values);
}

/// Each node has rows of its own in the keyspace `system`.
#[tokio::test]
async fn a_table_that_is_not_distributed_is_read_by_one_request() {
    let (_cluster, session) = start().await;
    let mut rows = session.scan("system.local").columns(["key", "rack"]).rows();
    assert_eq!(rows.try_next().await.unwrap(), Some(("local".to_owned(), "rack1".to_owned())));
    assert_eq!(rows.try_next().await.unwrap(), None);
    assert_eq!(rows.progress().splits, 1);
}

#[tokio::test]
async fn an_invalid_scan_says_what_is_wrong() {
    let (_cluster, session) = start().await;
    for (table, kind, text) in [
        ("a b", ErrorKind::Config, "`a b` is not the name of a table"),
        ("users", ErrorKind::Config, "the keyspace of `users` is unknown: write `keyspace.users`"),
        ("\"Ks\".none", ErrorKind::Server(ErrorCode::Invalid), "table none does not exist"),
        ("none.t", ErrorKind::Server(ErrorCode::Invalid), "keyspace none does not exist"),
    ] {
        let mut rows = session.scan(table).rows::<(i32,)>();
        let error = rows.try_next().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
    }
    let mut rows = session.scan("\"Ks\".\"T\"").columns(["b"]).rows::<i32>();
    let error = rows.try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert!(error.to_string().contains("SELECT b FROM"), "{error}");
    assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
}

#[tokio::test]
async fn a_request_that_fails_is_sent_again_without_losing_or_repeating_rows() {
    let (cluster, session) = start().await;
    let profile = ExecutionProfile::new().page_size(3).retry_policy(NoRetry);
    let scan = session.scan(r#""Ks"."T""#).columns(["\"A\"", "v"]).profile(&profile).splits(9);
    let fault = || Fault::error(ErrorCode::Overloaded, "no").statement("SELECT \"A\"%").skip(4);
    for node in cluster.nodes() {
        node.add_fault(fault().times(5));
    }
    let mut rows = scan.clone().in_flight_per_node(1).rows::<(i32, i32)>();
    let mut found = BTreeMap::new();
    while let Some((key, value)) = rows.try_next().await.unwrap() {
        *found.entry(value).or_insert(0) += 1;
        assert_eq!(key, value / 2);
    }
    assert!(found.values().all(|times| *times == 1));
    assert_all(found.into_keys().collect());

    // A node that fails for ever ends the scan.
    cluster.nodes()[1].add_fault(fault());
    let mut rows = scan.rows::<(i32, i32)>();
    let error = loop {
        match rows.try_next().await {
            Ok(row) => assert!(row.is_some(), "the scan ended without an error"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Overloaded));
    assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
}
