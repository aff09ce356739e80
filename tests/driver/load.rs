//! Loads: many rows written to a table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::message::{BatchStatement, ErrorCode, Request};
use cqlwire::session::{ErrorKind, ExecutionProfile, NoRetry, Session};
use cqlwire::table::{Load, LoadSink};
use cqlwire::testing::{Fault, MockCluster, MockServer, ReceivedRequest, Reply};
use cqlwire::types::{MaybeUnset, ToValues, Value};
use cqlwire::wire::Opcode;
use futures_util::FutureExt;

use crate::mock_cluster::connect;
use crate::wait::{until, within_limit};

const CREATE: [&str; 3] = [
    "CREATE KEYSPACE \"Ks\" WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
    "CREATE TABLE \"Ks\".\"T\" (\"A\" int, b text, c int, v int, PRIMARY KEY ((\"A\", b), c))",
    "CREATE TABLE \"Ks\".counts (k int PRIMARY KEY, n counter)",
];

/// The timestamp of the first row.
const BASE: i64 = 1_700_000_000_000_000;

/// A row: partition, clustering column, value.
type Row = (i32, &'static str, i32, i32);

/// Starts three nodes with two tables.
async fn start() -> (MockCluster, Session) {
    let cluster = MockCluster::start(3).await.unwrap();
    let session = connect(&cluster, 3).await;
    for statement in CREATE {
        session.execute(statement, ()).await.unwrap();
    }
    (cluster, session)
}

fn load(session: &Session) -> Load {
    let profile = ExecutionProfile::new().retry_policy(NoRetry);
    session.load(r#""Ks"."T""#, ["\"A\"", "b", "c", "v"]).profile(&profile).timestamp(BASE)
}

/// Returns each value with its write time, by partition and clustering column.
async fn stored(session: &Session) -> BTreeMap<(i32, i32), (i32, i64)> {
    let mut rows = session
        .scan(r#""Ks"."T""#)
        .columns(["\"A\"", "c", "v", "writetime(v)"])
        .rows::<(i32, i32, i32, i64)>();
    let mut stored = BTreeMap::new();
    while let Some((a, c, v, written)) = rows.try_next().await.unwrap() {
        stored.insert((a, c), (v, written));
    }
    stored
}

/// Returns the INSERTs that each node has received.
fn inserts(cluster: &MockCluster) -> Vec<Vec<ReceivedRequest>> {
    let is_insert = |request: &ReceivedRequest| request.matches("INSERT INTO%USING%");
    let inserts = |node: &MockServer| node.received().into_iter().filter(is_insert).collect();
    cluster.nodes().iter().map(inserts).collect()
}

fn counts(cluster: &MockCluster) -> Vec<usize> {
    inserts(cluster).iter().map(Vec::len).collect()
}

fn on_insert(reply: Reply) -> Fault {
    Fault::reply(reply).statement("INSERT INTO%USING%")
}

#[tokio::test]
async fn a_load_writes_every_row_with_its_own_timestamp() {
    let (cluster, session) = start().await;
    for (per_node, batch_rows, memory) in [(32, 100, 1 << 20), (1, 7, 1 << 20), (3, 1, 100)] {
        session.execute("TRUNCATE \"Ks\".\"T\"", ()).await.unwrap();
        let load = load(&session).in_flight_per_node(per_node).batch_rows(batch_rows);
        let mut sink = load.memory(memory).start::<Row>().await.unwrap();
        for number in 0..1_000 {
            sink.send((number % 50, "b", number / 50, number)).await.unwrap();
        }
        let progress = sink.progress();
        assert_eq!((progress.rows, progress.failed), (1_000, 0));
        let summary = sink.finish().await;
        assert_eq!((summary.acknowledged, summary.failed), (1_000, 0));
        assert_eq!(summary.bytes, 1_000 * (8 + 5 + 8 + 8 + 12));
        let stored = stored(&session).await;
        assert_eq!(stored.len(), 1_000);
        for ((a, c), (v, written)) in stored {
            assert_eq!((v, written), (c * 50 + a, BASE + i64::from(v)));
        }
    }
    assert!(counts(&cluster).into_iter().all(|inserts| inserts > 300));
    // Only the first replica writes the rows of a partition.
    let keys = inserts(&cluster).into_iter().map(|inserts| {
        let key = |insert: &ReceivedRequest| insert.values::<(i32, String, i32, i32, i64)>().0;
        inserts.iter().map(key).collect::<BTreeSet<_>>()
    });
    assert_eq!(keys.map(|keys| keys.len()).sum::<usize>(), 50);
}

/// The keys of the rows in each batch that the nodes have received.
type BatchKeys = Arc<Mutex<Vec<Vec<String>>>>;

/// Lets the nodes of a cluster record the keys of batches: for each of their rows, the value with this index.
fn record_batches(cluster: MockCluster, index: usize) -> (MockCluster, BatchKeys) {
    let batches = BatchKeys::default();
    let record = |node: MockServer| {
        let batches = Arc::clone(&batches);
        node.on_request(move |frame| {
            if let Request::Batch(batch) = &frame.request {
                let key = |statement: BatchStatement<'_>| {
                    format!("{:?}", statement.values.iter().nth(index).unwrap().value)
                };
                batches.lock().unwrap().push(batch.statements.iter().map(key).collect());
            }
            None
        })
    };
    (cluster.configure(record), batches)
}

/// Cassandra warns of batches of more than 10 partitions.
#[tokio::test]
async fn rows_of_a_few_partitions_with_the_same_replicas_share_a_batch() {
    let (cluster, session) = start().await;
    let (cluster, batches) = record_batches(cluster, 0);
    for (partitions, expected) in [(None, 10), (Some(3), 3), (Some(1), 1)] {
        session.execute("TRUNCATE \"Ks\".\"T\"", ()).await.unwrap();
        let load = load(&session).in_flight_per_node(1);
        let load = match partitions {
            Some(partitions) => load.batch_partitions(partitions),
            None => load,
        };
        let mut sink = load.start::<Row>().await.unwrap();
        for number in 0..1_000 {
            sink.send((number / 2, "b", number % 2, number)).await.unwrap();
        }
        assert_eq!(sink.finish().await.acknowledged, 1_000);
        assert_eq!(stored(&session).await.len(), 1_000);
        let batches = std::mem::take(&mut *batches.lock().unwrap());
        let partitions = batches.iter().map(|keys| keys.iter().collect::<BTreeSet<_>>().len());
        assert_eq!(partitions.max(), Some(expected));
    }
    // Only the first replica writes the rows of a partition.
    let keys = inserts(&cluster).into_iter().map(|inserts| {
        let key = |insert: &ReceivedRequest| insert.values::<(i32, String, i32, i32, i64)>().0;
        inserts.iter().map(key).collect::<BTreeSet<_>>().len()
    });
    assert_eq!(keys.sum::<usize>(), 500);
}

/// Cassandra warns of batches of several partitions if they are larger than 5 KiB.
#[tokio::test]
async fn batches_of_several_partitions_are_small() {
    let (cluster, session) = start().await;
    let (_cluster, batches) = record_batches(cluster, 0);
    for (create, size, expected) in [
        ("CREATE TABLE \"Ks\".texts (k int PRIMARY KEY, v text)", 1_600, 2),
        ("CREATE TABLE \"Ks\".texts (k int PRIMARY KEY, v text)", 700, 6),
        // Each element of a collection has a timestamp and an expiration of its own.
        ("CREATE TABLE \"Ks\".texts (k int PRIMARY KEY, v set<text>)", 700, 1),
    ] {
        session.execute("DROP TABLE IF EXISTS \"Ks\".texts", ()).await.unwrap();
        session.execute(create, ()).await.unwrap();
        let load = session.load("\"Ks\".texts", ["k", "v"]).in_flight_per_node(1);
        let mut sink = load.start::<Vec<Value>>().await.unwrap();
        for number in 0..200 {
            let text = Value::Text("x".repeat(size));
            let value = if create.contains("set") { Value::Set(vec![text]) } else { text };
            sink.send(vec![Value::Int(number), value]).await.unwrap();
        }
        assert_eq!(sink.finish().await.acknowledged, 200);
        let batches = std::mem::take(&mut *batches.lock().unwrap());
        assert_eq!(batches.iter().map(Vec::len).max().unwrap_or(1), expected);
    }
}

#[tokio::test]
async fn the_last_row_with_a_key_takes_effect() {
    let (_cluster, session) = start().await;
    let mut sink = load(&session).in_flight_per_node(1).start::<Row>().await.unwrap();
    for number in 0..500 {
        sink.send((1, "b", number % 2, number)).await.unwrap();
    }
    assert_eq!(sink.finish().await.acknowledged, 500);
    let expected = [((1, 0), (498, BASE + 498)), ((1, 1), (499, BASE + 499))];
    assert_eq!(stored(&session).await, BTreeMap::from(expected));
    // A load that starts again with the same base overwrites nothing that is newer.
    session
        .execute("UPDATE \"Ks\".\"T\" SET v = -1 WHERE \"A\" = 1 AND b = 'b' AND c = 0", ())
        .await
        .unwrap();
    let again = load(&session).first_number(490).start::<Row>();
    let mut sink = again.await.unwrap();
    for number in 490..501 {
        sink.send((1, "b", number % 2, number)).await.unwrap();
    }
    assert_eq!(sink.finish().await.acknowledged, 11);
    let stored = stored(&session).await;
    assert_eq!((stored[&(1, 0)].0, stored[&(1, 1)]), (-1, (499, BASE + 499)));
}

#[tokio::test]
async fn send_waits_while_too_many_rows_are_in_flight() {
    let (cluster, session) = start().await;
    for node in cluster.nodes() {
        node.add_fault(on_insert(Reply::silence()));
    }
    let load = load(&session).in_flight_per_node(2).batch_rows(10);
    let mut sink = load.start::<Row>().await.unwrap();
    let mut taken = 0;
    while sink.send((taken, "b", 0, 0)).now_or_never().is_some() {
        taken += 1;
    }
    assert_eq!(taken, 2 * 10 * 3);
    // A row whose future is dropped is not taken.
    assert_eq!(sink.progress().rows, 60);
    let mut flush = std::pin::pin!(sink.flush());
    until("each node has its number of requests", async || {
        assert!(flush.as_mut().now_or_never().is_none());
        counts(&cluster) == [2, 2, 2]
    })
    .await;
}

#[tokio::test]
async fn send_waits_while_the_rows_take_too_much_memory() {
    let (cluster, session) = start().await;
    for node in cluster.nodes() {
        node.add_fault(on_insert(Reply::silence()));
    }
    let size = 41 + size_of::<Row>() + 200;
    let mut sink = load(&session).memory(10 * size - 1).start::<Row>().await.unwrap();
    let mut taken = 0;
    while sink.send((taken, "b", 0, 0)).now_or_never().is_some() {
        taken += 1;
    }
    assert_eq!(taken, 10);
}

/// A row whose values do not fit the bind variables waits for a PREPARE.
#[tokio::test]
async fn requests_make_progress_while_a_row_is_encoded() {
    let (cluster, session) = start().await;
    let load = load(&session).in_flight_per_node(1).batch_rows(1);
    let mut sink = load.start::<Vec<Value>>().await.unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let row = |c: Value| vec![Value::Int(1), text("b"), c, Value::Int(1)];
    for c in [1, 2] {
        sink.send(row(Value::Int(c))).await.unwrap();
    }
    for node in cluster.nodes() {
        node.add_fault(Fault::reply(Reply::silence()).opcode(Opcode::Prepare));
    }
    let mut send = std::pin::pin!(sink.send(row(text("c"))));
    // The second row is sent after the response to the first one.
    until("both rows are sent", async || {
        assert!(send.as_mut().now_or_never().is_none());
        counts(&cluster).iter().sum::<usize>() == 2
    })
    .await;
}

/// Each call of `send` is dropped once if it waits.
#[tokio::test]
async fn a_dropped_call_of_send_takes_no_row() {
    let (_cluster, session) = start().await;
    let load = load(&session).in_flight_per_node(1).batch_rows(2);
    let mut sink = load.start::<Row>().await.unwrap();
    let mut dropped = 0;
    for number in 0..300 {
        let row = (number, "b", 0, number);
        if sink.send(row).now_or_never().is_none() {
            dropped += 1;
            assert_eq!(sink.progress().rows, number as u64);
            sink.send(row).await.unwrap();
        }
    }
    assert!(dropped > 0);
    assert_eq!(sink.finish().await.acknowledged, 300);
    let stored = stored(&session).await;
    assert!(stored.into_iter().all(|((a, _), (v, time))| a == v && time == BASE + i64::from(v)));
}

#[tokio::test]
async fn a_dropped_sink_cancels_its_requests() {
    let (cluster, session) = start().await;
    for node in cluster.nodes() {
        node.add_fault(on_insert(Reply::silence()));
    }
    let mut sink = load(&session).start::<Row>().await.unwrap();
    for number in 0..50 {
        sink.send((number, "b", 0, number)).await.unwrap();
    }
    assert_eq!(session.metrics().in_flight, 50);
    drop(sink);
    assert_eq!(session.metrics().in_flight, 0);
}

#[tokio::test]
async fn a_request_is_sent_again_with_the_same_timestamp() {
    let (cluster, session) = start().await;
    let unavailable = Fault::error(ErrorCode::Unavailable, "no").statement("INSERT INTO%USING%");
    let faults: Vec<_> =
        cluster.nodes().iter().map(|node| node.add_fault(unavailable.clone().times(1))).collect();
    let mut sink = load(&session).in_flight_per_node(1).start::<Row>().await.unwrap();
    for number in 0..60 {
        sink.send((number, "b", 0, number)).await.unwrap();
    }
    let summary = sink.finish().await;
    assert_eq!((summary.acknowledged, summary.failed), (60, 0));
    for (node, fault) in cluster.nodes().iter().zip(faults) {
        assert_eq!(node.fault_count(fault), Some(1));
    }
    let received = inserts(&cluster).concat();
    assert_eq!(received.len(), 63);
    for insert in received {
        let (a, _, _, _, time) = insert.values::<(i32, String, i32, i32, i64)>();
        assert_eq!(time, BASE + i64::from(a));
    }
}

/// Takes as long as a load retries a request, 8.5 s.
#[tokio::test]
async fn a_row_that_fails_forever_is_returned() {
    let (cluster, session) = start().await;
    for node in cluster.nodes() {
        let fault = Fault::error(ErrorCode::Overloaded, "no");
        node.add_fault(fault.statement("INSERT INTO%USING%"));
    }
    let mut sink = load(&session).start::<Row>().await.unwrap();
    sink.send((1, "b", 2, 3)).await.unwrap();
    sink.flush().await;
    let failures = sink.take_failures();
    assert_eq!((failures.len(), failures[0].row, failures[0].number), (1, (1, "b", 2, 3), 0));
    assert_eq!(failures[0].error.kind(), ErrorKind::Server(ErrorCode::Overloaded));
    assert_eq!(counts(&cluster).iter().sum::<usize>(), 5);
    let summary = sink.finish().await;
    assert_eq!((summary.acknowledged, summary.failed, summary.failures.len()), (0, 1, 0));
}

#[tokio::test]
async fn only_the_row_that_is_to_blame_fails() {
    for partition in [|_| 1, |number| number / 2] {
        only_the_row_that_is_to_blame_fails_in(partition).await;
    }
}

async fn only_the_row_that_is_to_blame_fails_in(partition: fn(i32) -> i32) {
    let (_cluster, session) = start().await;
    let load = load(&session).in_flight_per_node(1).row_ttls(true);
    let mut sink = load.start::<(i32, &str, i32, i32, Option<i32>)>().await.unwrap();
    for number in 0..100 {
        // The server refuses a time to live of more than 20 years.
        let ttl = match number {
            33 | 34 | 99 => Some(i32::MAX),
            _ if number % 2 == 0 => None,
            _ => Some(1_000),
        };
        sink.send((partition(number), "b", number, number, ttl)).await.unwrap();
    }
    let summary = sink.finish().await;
    assert_eq!((summary.acknowledged, summary.failed), (97, 3));
    let mut failed: Vec<_> = summary.failures.iter().map(|failed| failed.number).collect();
    failed.sort_unstable();
    assert_eq!(failed, [33, 34, 99]);
    for failed in summary.failures {
        assert_eq!(failed.row.2 as u64, failed.number);
        assert_eq!(failed.error.kind(), ErrorKind::Server(ErrorCode::Invalid));
    }
    assert_eq!(stored(&session).await.len(), 97);
    let select = "SELECT ttl(v) FROM \"Ks\".\"T\" WHERE \"A\" = ? AND b = 'b' AND c IN (2, 3)";
    let result = session.execute(select, (partition(2),)).await.unwrap();
    let ttls: Vec<_> = result.rows::<(Option<i32>,)>().unwrap().map(|row| row.unwrap().0).collect();
    assert!(ttls[0].is_none() && ttls[1].is_some_and(|left| left > 0), "{ttls:?}");
}

/// A row may be the cause of an error that lasts, such as WRITE_FAILURE. Takes as long as a load retries two requests, 17 s.
#[tokio::test]
async fn a_batch_that_cannot_be_written_is_divided() {
    let (cluster, session) = start().await;
    for node in cluster.nodes() {
        let fault = Fault::error(ErrorCode::WriteFailure, "no").statement("INSERT INTO%USING%");
        node.add_fault(fault.times(10));
    }
    let mut sink = load(&session).in_flight_per_node(1).start::<Row>().await.unwrap();
    for number in 0..50 {
        sink.send((1, "b", number, number)).await.unwrap();
    }
    // The first row is sent alone. The other rows share a batch, which fails five times, too.
    let summary = sink.finish().await;
    let failed: Vec<_> = summary.failures.iter().map(|failed| failed.number).collect();
    assert_eq!((summary.acknowledged, failed), (49, vec![0]));
}

#[tokio::test]
async fn rows_have_their_own_timestamps() {
    let (_cluster, session) = start().await;
    let load = load(&session).row_timestamps(true).row_ttls(true);
    let mut sink = load.start::<(i32, &str, i32, i32, i64, i32)>().await.unwrap();
    for number in [5, 3, 4] {
        sink.send((1, "b", 1, number, i64::from(number), 0)).await.unwrap();
    }
    assert_eq!(sink.finish().await.acknowledged, 3);
    assert_eq!(stored(&session).await, BTreeMap::from([((1, 1), (5, 5))]));
    // The server would replace an unset timestamp by its own time.
    let timestamped = self::load(&session).row_timestamps(true);
    let mut sink =
        timestamped.start::<(i32, &str, i32, i32, MaybeUnset<Option<i64>>)>().await.unwrap();
    for timestamp in [MaybeUnset::Unset, MaybeUnset::Set(None), MaybeUnset::Set(Some(6))] {
        sink.send((1, "b", 1, 7, timestamp)).await.unwrap();
    }
    let summary = sink.finish().await;
    assert_eq!((summary.acknowledged, summary.failed), (1, 2));
    for failed in &summary.failures {
        assert_eq!(failed.error.kind(), ErrorKind::Bind);
        assert!(failed.error.to_string().contains("the timestamp of the row is null or unset"));
    }
    assert_eq!(stored(&session).await, BTreeMap::from([((1, 1), (7, 6))]));
}

#[tokio::test]
async fn rows_that_cannot_be_encoded_fail_at_once() {
    let (_cluster, session) = start().await;
    let mut sink = load(&session).start::<Vec<Value>>().await.unwrap();
    let text = || Value::Text("b".to_owned());
    let row = |a: Value, c: Value| vec![a, text(), c, Value::Int(1)];
    for (values, expected) in [
        (
            row(Value::Null, Value::Int(1)),
            "the value of \"A\", a column of the primary key, is null",
        ),
        (
            row(Value::Int(1), Value::Null),
            "the value of \"c\", a column of the primary key, is null",
        ),
        (row(Value::Int(1), text()), "\"c\" of type `int`"),
        (vec![Value::Int(1), text()], "has 4 bind variables, but 2 values"),
    ] {
        sink.send(values.clone()).await.unwrap();
        let failures = sink.take_failures();
        assert_eq!((failures.len(), &failures[0].row), (1, &values));
        let error = failures[0].error.to_string();
        assert!(error.contains(expected), "{error}");
    }
    sink.send(row(Value::Int(1), Value::Int(2))).await.unwrap();
    let summary = sink.finish().await;
    assert_eq!((summary.acknowledged, summary.failed), (1, 4));
    let times: Vec<_> = stored(&session).await.into_values().map(|(_, written)| written).collect();
    assert_eq!(times, [BASE + 4]);
}

#[tokio::test]
async fn an_overload_lowers_the_number_of_requests_in_flight() {
    let (cluster, session) = start().await;
    for node in cluster.nodes() {
        let overloaded = Fault::error(ErrorCode::Overloaded, "no");
        node.add_fault(overloaded.statement("INSERT INTO%USING%").times(8));
        node.add_fault(on_insert(Reply::silence()));
    }
    let mut sink = load(&session).in_flight_per_node(8).start::<Row>().await.unwrap();
    for number in 0..600 {
        sink.send((number, "b", 0, number)).await.unwrap();
    }
    // Each request fails once. Of those that are sent again, half as many are in flight.
    let mut flush = std::pin::pin!(sink.flush());
    until("the requests are sent again", async || {
        assert!(flush.as_mut().now_or_never().is_none());
        let counts = counts(&cluster);
        assert!(counts.iter().all(|count| *count <= 12), "{counts:?}");
        counts == [12, 12, 12]
    })
    .await;
}

#[tokio::test]
async fn counters_are_added_once() {
    let (cluster, session) = start().await;
    let (cluster, batches) = record_batches(cluster, 1);
    let profile = ExecutionProfile::new().retry_policy(NoRetry);
    let load = session.load("\"Ks\".counts", ["k", "n"]).profile(&profile);
    let mut sink = load.clone().in_flight_per_node(1).start::<(i32, i64)>().await.unwrap();
    for number in 0..300 {
        sink.send((number % 3, 2)).await.unwrap();
    }
    assert_eq!(sink.finish().await.acknowledged, 300);
    // Of a batch of several partitions, only some may have been applied when it fails.
    let batches = std::mem::take(&mut *batches.lock().unwrap());
    assert!(!batches.is_empty());
    assert!(batches.iter().all(|keys| keys.iter().all(|key| *key == keys[0])));
    let count = async |key: i32| {
        let select = "SELECT n FROM \"Ks\".counts WHERE k = ?";
        session.execute(select, (key,)).await.unwrap().one::<i64>().unwrap()
    };
    assert_eq!([count(0).await, count(1).await, count(2).await], [200, 200, 200]);
    // The first refusal says that nothing was applied, the second does not.
    let refusal = "Server is in overloaded state. Cannot accept more requests at this point";
    for (text, expected) in [(refusal, (1, 0)), ("no", (0, 1))] {
        for node in cluster.nodes() {
            let overloaded = Fault::error(ErrorCode::Overloaded, text).statement("UPDATE%");
            node.add_fault(overloaded.times(1));
        }
        let mut sink = load.clone().start::<(i32, i64)>().await.unwrap();
        sink.send((1, 1)).await.unwrap();
        let summary = sink.finish().await;
        assert_eq!((summary.acknowledged, summary.failed), expected);
        assert!(summary.failures.iter().all(|failed| failed.error.may_have_been_applied()));
        cluster.nodes().iter().for_each(MockServer::clear_faults);
    }
    assert_eq!(count(1).await, 201);
    let error = load.row_ttls(true).start::<(i32, i64)>().await.unwrap_err();
    assert!(error.to_string().contains("has counters"), "{error}");
}

#[tokio::test]
async fn reports_why_a_load_is_invalid() {
    let (_cluster, session) = start().await;
    let invalid = ErrorKind::Server(ErrorCode::Invalid);
    for (table, columns, kind, text) in [
        ("a b", &["k"][..], ErrorKind::Config, "`a b` is not the name of a table"),
        ("users", &["k"], ErrorKind::Config, "write `keyspace.users`"),
        ("\"Ks\".none", &["k"], invalid, "table none does not exist"),
        ("none.t", &["k"], invalid, "keyspace none does not exist"),
        ("\"Ks\".\"T\"", &["\"A\"", "b", "c", "w"], ErrorKind::Config, "no column \"w\""),
        ("\"Ks\".\"T\"", &["A", "b", "c"], ErrorKind::Config, "no column \"a\""),
        ("\"Ks\".\"T\"", &["\"A\"", "c"], ErrorKind::Config, "the column \"b\" of the primary key"),
        (
            "\"Ks\".\"T\"",
            &["\"A\"", "b", "v"],
            ErrorKind::Config,
            "the column \"c\" of the primary",
        ),
        ("\"Ks\".counts", &["k"], ErrorKind::Config, "include no counter of \"Ks\".\"counts\""),
        ("\"Ks\".\"T\"", &[], ErrorKind::Config, "no columns"),
        ("\"Ks\".\"T\"", &["b", "B"], ErrorKind::Config, "`B` occurs twice"),
        ("\"Ks\".\"T\"", &["b c"], ErrorKind::Config, "`b c` is not the name of a column"),
    ] {
        let load = session.load(table, columns.iter().copied());
        let error = load.start::<Row>().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn send_fails_once_too_many_rows_have_failed() {
    let (_cluster, session) = start().await;
    let load = load(&session).max_failures(2);
    let mut sink: LoadSink<(Option<i32>, &str, i32, i32)> = load.start().await.unwrap();
    for _ in 0..2 {
        sink.send((None, "b", 1, 1)).await.unwrap();
        sink.send((Some(1), "b", 1, 1)).await.unwrap();
    }
    for row in [(None, "b", 1, 1), (Some(2), "b", 1, 1)] {
        assert_eq!(sink.send(row).await.unwrap_err().kind(), ErrorKind::Bind);
    }
    let summary = sink.finish().await;
    assert_eq!((summary.acknowledged, summary.failed), (2, 4));
    assert_eq!(summary.failures[3].row.0, Some(2));
    // Rows are not shown, because they contain values.
    let shown = format!("{summary:?}");
    assert!(
        shown.contains("FailedRow { number: 5, error: ") && !shown.contains("Some(2)"),
        "{shown}"
    );
}

#[tokio::test]
async fn send_fails_once_the_session_is_closed() {
    let (_cluster, session) = start().await;
    let mut sink = load(&session).start::<Row>().await.unwrap();
    session.close(Duration::ZERO).await;
    let mut sent = 0;
    let error = within_limit("the error", async {
        loop {
            sent += 1;
            if let Err(error) = sink.send((sent, "b", 0, 0)).await {
                break error;
            }
        }
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Closed);
    let summary = sink.finish().await;
    assert_eq!((summary.acknowledged, summary.failed), (0, sent as u64));
}

#[tokio::test]
async fn structs_have_their_values_by_name() {
    #[derive(ToValues)]
    struct Named {
        v: i32,
        c: i32,
        b: &'static str,
        #[cql(rename = "A")]
        a: i32,
        #[cql(rename = "[ttl]")]
        ttl: Option<i32>,
    }
    #[derive(ToValues)]
    struct Count {
        k: i32,
        n: i64,
    }

    let (_cluster, session) = start().await;
    let mut sink = load(&session).row_ttls(true).start().await.unwrap();
    sink.send(Named { v: 4, c: 3, b: "b", a: 1, ttl: None }).await.unwrap();
    assert_eq!(sink.finish().await.acknowledged, 1);
    assert_eq!(stored(&session).await, BTreeMap::from([((1, 3), (4, BASE))]));
    let mut sink = session.load("\"Ks\".counts", ["k", "n"]).start().await.unwrap();
    sink.send(Count { k: 1, n: 5 }).await.unwrap();
    assert_eq!(sink.finish().await.acknowledged, 1);
    let counts = session.execute("SELECT k, n FROM \"Ks\".counts", ()).await.unwrap();
    assert_eq!(counts.one::<(i32, i64)>().unwrap(), (1, 5));
}

/// A sink can be used in a task, and on an executor that is not of tokio.
#[tokio::test]
async fn a_sink_runs_on_any_executor() {
    let (_cluster, session) = start().await;
    let run = |load: Load| async move {
        let mut sink = load.in_flight_per_node(2).batch_rows(3).start::<Row>().await.unwrap();
        for number in 0..100 {
            sink.send((number, "b", 0, number)).await.unwrap();
        }
        sink.flush().await;
        assert_eq!(sink.progress().acknowledged, 100);
    };
    tokio::spawn(run(load(&session))).await.unwrap();
    let other = run(load(&session));
    let thread = std::thread::spawn(|| crate::runtimes::block_on(other));
    until("the other thread has ended", async || thread.is_finished()).await;
    thread.join().unwrap();
}

/// 10 rows at once, the rest of the first 100 ms, and then one each 10 ms.
#[cfg(feature = "simulation")]
#[tokio::test(start_paused = true)]
async fn rows_are_sent_at_the_rate_of_the_load() {
    use cqlwire::simulation::enter;
    use tokio::time::Instant;

    let _entered = enter(std::rc::Rc::new(crate::round_trips::DelayedWorld::default()));
    let server = MockServer::bind("127.0.0.1:9042").await.unwrap();
    let session = Session::builder().contact_points([server.address().to_string()]);
    let session = session.connect().await.unwrap();
    session.execute(CREATE[0], ()).await.unwrap();
    session.execute(CREATE[1], ()).await.unwrap();
    let mut sink = load(&session).rows_per_second(100).start::<Row>().await.unwrap();
    let begin = Instant::now();
    for number in 0..50 {
        sink.send((number, "b", 0, number)).await.unwrap();
        assert_eq!(begin.elapsed(), Duration::from_millis(10) * number as u32);
    }
    // A pause of 200 ms lets the next 100 ms of rows be sent at once.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begin = Instant::now();
    for number in 0..20 {
        sink.send((number, "b", 0, number)).await.unwrap();
        let behind = (number as u32).saturating_sub(10);
        assert_eq!(begin.elapsed(), Duration::from_millis(10) * behind);
    }
    assert_eq!(sink.finish().await.acknowledged, 70);
}
